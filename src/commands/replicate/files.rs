//! `init` and `pull` where the source is a database file here.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use creel::replica::path::{Outlook, Pair, PullWish, Pulled, look};
use creel::replica::slot::{Slot, durable_point};
use creel::{Db, Depth, Error, Interest, Receipt, Role, Verdict, VerifyOptions};

use super::outcome::{At, Damage, FollowReport};
use super::source::Reseed;
use crate::cli::{Context, Exit, Failure, Outcome, codes, signals, units};

/// How far to go, and checks of the copy.
#[derive(Debug, Clone, Args)]
pub struct FileArgs {
    /// How far to go: head, or a token that put --token printed [default: head]
    #[arg(long, value_name = "WHERE", value_parser = until)]
    pub until: Option<Until>,
    /// How long to wait until the source has that commit [default: 5s]
    #[arg(long, value_name = "DUR", value_parser = units::duration, requires = "until")]
    pub timeout: Option<Duration>,
    /// Only say what is missing and whether a new copy is needed
    #[arg(long)]
    pub dry_run: bool,
    /// Check the whole copy afterwards, as creel verify does
    #[arg(long)]
    pub verify: bool,
}

/// A value of `--until`.
#[derive(Debug, Clone, Copy)]
pub struct Until(Option<Receipt>);

fn until(text: &str) -> Result<Until, String> {
    match text {
        "head" => Ok(Until(None)),
        token => token
            .parse()
            .map(|r| Until(Some(r)))
            .map_err(|e: Error| e.to_string()),
    }
}

impl FileArgs {
    /// The commit to go to; none for the present end.
    pub fn until(&self) -> Option<Receipt> {
        self.until.and_then(|until| until.0)
    }

    /// How long to wait for it.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(5))
    }
}

/// Limits of a pull.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub max_entries: Option<u64>,
    pub max_bytes: Option<u64>,
    pub reseed: Reseed,
    pub damage: Damage,
}

fn open_source(ctx: &Context, from: &Path) -> Result<Db, Failure> {
    let options = ctx.options().read_only(true).interest(Interest::None);
    options.open(from).map_err(|e| {
        let failure = Failure::from(e).at(from);
        failure.hint("--from names a database file, a store (dir:, s3://, gs://, az://), tcp://, tls:// or ssh://")
    })
}

/// Makes a copy.
pub fn init(ctx: &mut Context, path: &Path, from: &Path) -> Outcome {
    let source = open_source(ctx, from)?;
    let options = ctx.options();
    let pair = Pair {
        path,
        options: &options,
        source: &source,
    };
    let address = std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
    let meter = ctx.meter("replicate init");
    let made = pair.init(&address.to_string_lossy(), &meter);
    drop(meter);
    let (copy, done) = made?;
    report(ctx, "init", path, &copy, &done, Damage::default())?;
    copy.close()?;
    Ok(Exit::Ok)
}

/// Brings a copy to where its source is.
pub fn pull(ctx: &mut Context, copy: Db, from: &Path, bounds: &Bounds, args: &FileArgs) -> Outcome {
    let path = copy.path().to_owned();
    let source = open_source(ctx, from)?;
    if args.dry_run {
        let outlook = look(&copy, &source).map_err(|e| explain(e, &path, from))?;
        return dry(ctx, &path, &outlook, bounds.reseed);
    }
    let options = ctx.options().background_checkpoint(true);
    let pair = Pair {
        path: &path,
        options: &options,
        source: &source,
    };
    let wish = PullWish {
        max_entries: bounds.max_entries,
        max_bytes: bounds.max_bytes,
        until: args.until(),
        timeout: args.timeout(),
        when_gone: bounds.reseed.when_gone(),
    };
    let meter = ctx.meter("replicate pull");
    let pulled = pair.pull(copy, &wish, &meter);
    drop(meter);
    let (copy, done) = pulled.map_err(|e| explain(e, &path, from))?;
    if args.verify {
        check(&path)?;
    }
    report(ctx, "pull", &path, &copy, &done, bounds.damage)?;
    copy.close()?;
    Ok(if done.limited { Exit::Limit } else { Exit::Ok })
}

/// How following a file ended.
pub fn followed(
    ctx: &mut Context,
    slot: &Slot,
    from: &Path,
    done: Result<Pulled, Error>,
    damage: Damage,
) -> Outcome {
    let path = slot.path();
    let Some(copy) = slot.take() else {
        return Err(Error::NotFound {
            path: path.to_owned(),
        }
        .into());
    };
    let done = done.map_err(|e| explain(e, path, from));
    if signals::exit().is_none() || ctx.globals.json {
        report(
            ctx,
            "follow",
            path,
            &copy,
            done.as_ref().unwrap_or(&Pulled::default()),
            damage,
        )?;
    }
    copy.close()?;
    done.map(|_| signals::exit().unwrap_or(Exit::Ok))
}

/// There is no copy to bring up to date.
pub fn no_copy(failure: Failure, path: &Path) -> Failure {
    match failure.code() == &codes::NOT_FOUND {
        true => failure.hint(format!(
            "creel replicate init {} --from SOURCE makes the copy",
            path.display()
        )),
        false => failure,
    }
}

/// What is no replica may have commits of its own, which following would drop.
pub fn refuse_other_role(db: &Db) -> Result<(), Failure> {
    if db.info()?.role == Role::Replica {
        return Ok(());
    }
    let reason = "the file is no replica: it may have commits of its own".into();
    let hint = format!(
        "creel replicate rejoin {} --from PRIMARY",
        db.path().display()
    );
    Err(Failure::from(Error::Fenced { reason }).hint(hint))
}

/// Checks a copy in full.
pub fn check(path: &Path) -> Result<(), Failure> {
    let options = VerifyOptions {
        level: Depth::Full,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &creel::NoProgress)?;
    match report.findings.first() {
        Some(found) if report.verdict >= Verdict::Damaged => Err(Failure::new(
            &codes::CORRUPT,
            format!("the copy is damaged: {}: {}", found.id, found.detail),
        )
        .hint("creel verify names everything that is wrong; creel replicate pull --reseed force makes a new copy")
        .at(path)),
        _ => Ok(()),
    }
}

/// The commit of `--until` did not come, or another one stands in its place.
pub fn not_reached(error: Error) -> Failure {
    let late = matches!(error, Error::TimedOut { .. });
    let failure = Failure::from(error).state("the copy is as it was");
    match late {
        true => failure.hint(
            "wait longer with --timeout; without --until everything comes that the source has",
        ),
        false => failure,
    }
}

/// What stands in the way, and what to do about it.
fn explain(error: Error, path: &Path, from: &Path) -> Failure {
    let (copy, source) = (path.display(), from.display());
    match &error {
        Error::NotRetained { .. } => Failure::new(
            &codes::RESEED,
            "the source's log does not lead here any more",
        )
        .cause(error.to_string())
        .state("the copy is as it was")
        .hint(format!(
            "creel replicate pull {copy} --from {source} --reseed auto; creel replicate keep {source} --retain-min N keeps more for \
             the next time"
        ))
        .at(path),
        Error::Diverged { .. } => {
            let lineage = |file: &Path| creel::info(file).ok().map(|info| info.lineage_id);
            let hint = match lineage(path) == lineage(from) {
                true => format!("creel replicate rejoin {copy} --from {source}"),
                // No commit is common to them.
                false => format!("creel info {copy}, and of the source: they have another db_id"),
            };
            Failure::from(error)
                .state("the copy is as it was")
                .hint(hint)
                .at(path)
        }
        Error::Fenced { .. } => Failure::from(error)
            .state("the copy is as it was")
            .hint(format!(
                "creel replicate status {copy}; a former primary: creel replicate rejoin {copy} --from {source}"
            ))
            .at(path),
        Error::TimedOut { .. } | Error::TokenLost { .. } => not_reached(error),
        _ => Failure::from(error),
    }
}

/// Prints what a pull would do.
pub fn dry(ctx: &mut Context, path: &Path, outlook: &Outlook, reseed: Reseed) -> Outcome {
    let (here, there) = (&outlook.here, &outlook.there);
    let report = FollowReport {
        position: Some(At::of(
            here.epoch,
            here.index,
            here.hash.unwrap_or_default(),
        )),
        source_index: Some(there.index),
        caught_up: here.index == there.index,
        dry_run: true,
        reseed: outlook.reseed.clone(),
        ..FollowReport::new("pull", path)
    };
    if ctx.globals.json {
        ctx.out.json(&report)?;
    } else if let Some(reason) = &report.reseed {
        ctx.out.line(&format!("a new copy is needed: {reason}"))?;
    } else {
        let missing = there.index.saturating_sub(here.index);
        ctx.out.line(&format!("{missing} entries are missing"))?;
    }
    let refuses = report.reseed.is_some() && reseed == Reseed::Never;
    Ok(if refuses { Exit::Reseed } else { Exit::Ok })
}

fn report(
    ctx: &mut Context,
    verb: &'static str,
    path: &Path,
    copy: &Db,
    done: &Pulled,
    damage: Damage,
) -> Result<(), Failure> {
    let point = durable_point(copy)?;
    let report = FollowReport {
        position: Some(At::of(point.epoch, point.index, point.history)),
        source_index: Some(done.source_index),
        entries: done.entries,
        bytes: done.bytes,
        new_copies: done.new_copies,
        saved: done
            .saved
            .iter()
            .map(|saved| saved.path.display().to_string())
            .collect(),
        caught_up: !done.limited,
        limited: done.limited,
        ..FollowReport::new(verb, path)
    }
    .with(damage);
    super::outcome::print(ctx, &report)
}
