//! `creel replicate rejoin`: a deposed primary becomes a replica of the new one.

use std::path::Path;

use clap::Args;
use creel::format::entry::Point;
use creel::replica::address::Source;
use creel::replica::reapply::{TakenBack, count};
use creel::replica::rejoin::{Primary, Rejoined, look, rejoin};
use creel::replica::tail::Saved;
use creel::{Db, Error, Interest};
use serde::Serialize;

use super::super::Run;
use super::files::no_copy;
use super::outcome::At;
use super::source::SourceArgs;
use super::store::PatienceArg;
use crate::cli::args::DbArg;
use crate::cli::report::quoted;
use crate::cli::{Context, Exit, Failure, Outcome, codes};

mod store;

/// Arguments of `creel replicate rejoin`.
#[derive(Debug, Args)]
pub struct RejoinArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    patience: PatienceArg,
    /// Only say where the histories parted and what would be taken back
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct RejoinReport {
    schema: &'static str,
    path: String,
    ancestor: At,
    was_at: At,
    /// Commits that only this copy had.
    diverged: u64,
    saved: Vec<SavedFile>,
    /// Keys that these changed; null where nothing was saved yet, or it cannot be read.
    keys: Option<u64>,
    /// Ranges and keyspaces that they deleted.
    ranges: Option<u64>,
    /// Keys among them that the new history changed too; null where that is not known here.
    keys_of_both: Option<u64>,
    dry_run: bool,
    /// Which file `log diff` compares with.
    #[serde(skip)]
    compare_with: String,
}

#[derive(Serialize)]
struct SavedFile {
    path: String,
    first_index: u64,
    last_index: u64,
    bytes: u64,
}

impl Run for RejoinArgs {
    const NAME: &'static str = "rejoin";
    const ABOUT: &'static str = "Make a former primary a replica of the new one";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate rejoin old.db --from new.db --dry-run
  creel replicate rejoin old.db --from new.db && creel replicate pull old.db
  creel replicate rejoin old.db --from s3://my-bucket/db1
  creel replicate rejoin old.db --from tls://db2.example.org:7070 --tls-ca ca.pem
  creel log show old.db.diverged/*.seg

The source is the new primary: its file, the store that it publishes to, or the server that serves it.
Commits that the new primary never had are saved in old.db.diverged/ first and taken back then;
creel log shows them and makes them again. Nothing is merged by itself.
Exit status: 0 done, 10 the source is no newer primary, 11 the copy has to be made anew (what only it
had is saved), 12 the source cannot be reached, 15 the histories have nothing in common; others: creel
explain CODE";

    fn run(mut self, ctx: &mut Context) -> Outcome {
        ctx.long();
        ctx.refuse_less_sync()?;
        let path = ctx.path(&self.db)?;
        let copy = ctx.open_write(&self.db, Interest::All, false);
        let copy = copy.map_err(|failure| no_copy(failure, &path))?;
        let publish = copy.facts()?.publish;
        self.source
            .resolve(Some(&copy))
            .map_err(|failure| match publish.is_empty() {
                true => failure,
                false => failure.hint(format!(
                    "--from {publish}, or the new primary's file or server"
                )),
            })?;
        match self.source.source()? {
            Source::Store(store) => self.in_store(ctx, copy, &store),
            Source::Path(from) => {
                let options = ctx.options().read_only(true).interest(Interest::None);
                let primary = options.open(&from);
                let primary = primary.map_err(|e| Failure::from(e).at(&from))?;
                let address = std::path::absolute(&from).unwrap_or(from);
                let address = address.to_string_lossy();
                self.at(ctx, copy, (&primary, Some(&primary)), &address)
            }
            Source::Pipe => Err(Failure::usage("rejoining asks more than a pipe can carry")
                .hint("tcp://, tls:// or ssh://, the new primary's file, or its store")),
            server => {
                let primary = self.source.primary(&server, copy.path())?;
                self.at(ctx, copy, (&primary, None), self.source.from())
            }
        }
    }
}

impl RejoinArgs {
    /// `new`: the primary as a file, where it is one.
    fn at(
        &self,
        ctx: &mut Context,
        copy: Db,
        (primary, new): (&dyn Primary, Option<&Db>),
        address: &str,
    ) -> Outcome {
        let path = copy.path().to_owned();
        let meter = ctx.meter("replicate rejoin");
        let done = match self.dry_run {
            true => look(&copy, primary),
            false => rejoin(&copy, primary, address, &meter),
        };
        drop(meter);
        let done = done.map_err(|e| explain(e, &path, address))?;
        let taken = taken_back(&done.saved, &point(&done.ancestor), &copy, new);
        self.print(ctx, (&path, new.map(Db::path)), &done, taken)?;
        copy.close()?;
        Ok(Exit::Ok)
    }
}

impl RejoinReport {
    /// What the saved entries changed, and where that is listed.
    fn in_words(&self, keys: u64) -> String {
        let mut text = format!("they changed {keys} keys");
        if let Some(ranges @ 1..) = self.ranges {
            text.push_str(&format!(
                ", and deleted {ranges} ranges or keyspaces, whose keys are not counted"
            ));
        }
        let files = match self.saved.as_slice() {
            [file] => quoted(&file.path),
            _ => format!("{}.diverged/*.seg", quoted(&self.path)),
        };
        let with = &self.compare_with;
        match self.keys_of_both {
            Some(both) => format!(
                "{text}; the new history changed {both} of them too: creel log diff {with} {files}"
            ),
            None => format!(
                "{text}; creel replicate pull {with}, and then creel log diff {with} {files}, tell which of them the new history \
                 changed too"
            ),
        }
    }
}

/// Counts what was saved. It is safe in its files whether or not it can be counted.
fn taken_back(saved: &[Saved], since: &Point, copy: &Db, new: Option<&Db>) -> Option<TakenBack> {
    match saved.is_empty() {
        true => None,
        false => count(saved, since, copy, new).ok(),
    }
}

fn point(at: &creel::Position) -> Point {
    Point {
        index: at.index,
        epoch: at.epoch,
        history: at.hash.unwrap_or_default(),
    }
}

fn explain(error: Error, path: &Path, source: &str) -> Failure {
    let copy = path.display();
    match error {
        Error::NotRetained { .. } => {
            let cause = error.to_string();
            let saved = creel::replica::rejoin::directory(path);
            Failure::new(
                &codes::RESEED,
                "the copy cannot be taken back to where the histories parted",
            )
            .cause(cause)
            .state(format!(
                "the copy refuses writes; what only it had, as far as its log reaches, is in {}",
                saved.display()
            ))
            .hint(format!(
                "creel replicate pull {copy} --from {source} --reseed force"
            ))
            .at(path)
        }
        other => Failure::from(other).at(path),
    }
}

impl RejoinArgs {
    fn print(
        &self,
        ctx: &mut Context,
        (path, new): (&Path, Option<&Path>),
        done: &Rejoined,
        taken: Option<TakenBack>,
    ) -> Result<(), Failure> {
        let at = |p: &creel::Position| At::of(p.epoch, p.index, p.hash.unwrap_or_default());
        let saved = done.saved.iter().map(|saved| SavedFile {
            path: saved.path.display().to_string(),
            first_index: saved.from,
            last_index: saved.to,
            bytes: saved.bytes,
        });
        let report = RejoinReport {
            schema: "creel.rejoin/1",
            path: path.display().to_string(),
            ancestor: at(&done.ancestor),
            was_at: at(&done.from),
            diverged: done.diverged(),
            saved: saved.collect(),
            keys: taken.map(|taken| taken.keys),
            ranges: taken.map(|taken| taken.ranges),
            keys_of_both: taken.and_then(|taken| taken.by_both),
            dry_run: self.dry_run,
            compare_with: quoted(&new.unwrap_or(path).to_string_lossy()),
        };
        self.show(ctx, &report)
    }

    fn show(&self, ctx: &mut Context, report: &RejoinReport) -> Result<(), Failure> {
        if ctx.globals.json {
            return ctx.out.json(report);
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        let (verb, here) = match self.dry_run {
            true => ("would go back", "has"),
            false => ("went back", "had"),
        };
        ctx.out.line(&format!(
            "{verb} to {}:{}; {} commits that only this copy {here}",
            report.ancestor.epoch, report.ancestor.index, report.diverged
        ))?;
        for file in &report.saved {
            let (from, to) = (file.first_index, file.last_index);
            ctx.out
                .line(&format!("saved {} (entries {from} to {to})", file.path))?;
        }
        if let Some(keys) = report.keys {
            ctx.out.line(&report.in_words(keys))?;
        }
        Ok(())
    }
}
