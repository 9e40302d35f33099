//! `creel promote`: make a copy the primary.

use std::path::PathBuf;

use clap::Args;
use creel::replica::promote::{Preflight, PromoteWish, preflight, promote};
use creel::{Db, Interest};
use serde::Serialize;

use super::replicate::files::no_copy;
use super::replicate::store::PatienceArg;
use super::{Position, Run};
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes};

mod hook;
mod store;

pub(super) use store::stands_in_the_way;

/// Arguments of `creel promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    #[command(flatten)]
    db: DbArg,
    /// Only make the checks
    #[arg(long)]
    dry_run: bool,
    /// Go on only where this is the present epoch: who promotes twice does it once
    #[arg(long, value_name = "N")]
    expect_epoch: Option<u32>,
    /// Go on only where this is the newest entry: of the store where one decides, else of the copy
    #[arg(long, value_name = "INDEX")]
    expect_index: Option<u64>,
    /// The store that decides [default: the one that the copy is pulled from or publishes to]
    #[arg(long, value_name = "STORE", conflicts_with = "old_primary")]
    store: Option<String>,
    #[command(flatten)]
    patience: PatienceArg,
    /// The primary so far, a database file: it is fenced, and what it has more is named
    #[arg(long, value_name = "PATH")]
    old_primary: Option<PathBuf>,
    /// Commits that only the old primary has may be lost to the new history
    #[arg(long)]
    accept_loss: bool,
    /// Why: stored with the epoch
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// The name of this node, stored with the epoch [default: the host's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Run this by the shell once the copy is the primary; it finds CREEL_DB, CREEL_EPOCH and CREEL_TOKEN
    #[arg(long, value_name = "COMMAND")]
    on_promote: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Serialize)]
struct PromoteReport {
    schema: &'static str,
    path: String,
    promoted: bool,
    epoch: u32,
    position: Position,
    checks: Vec<CheckRow>,
    lost: Option<Lost>,
    dry_run: bool,
    /// The store that decided.
    store: Option<String>,
    token: Option<String>,
    pulled: u64,
    adopted: u64,
    segment: Option<u64>,
}

#[derive(Serialize)]
struct CheckRow {
    name: &'static str,
    result: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Lost {
    first_index: u64,
    last_index: u64,
}

impl Run for PromoteArgs {
    const NAME: &'static str = "promote";
    const ABOUT: &'static str = "Make a copy the primary, in a new epoch";
    const EXAMPLES: &'static str = "\
Examples:
  creel promote copy.db --old-primary my.db --yes
  creel promote copy.db --store s3://my-bucket/db1 --expect-epoch 4 --yes
  creel promote copy.db --expect-epoch 4 --expect-index 81200 --accept-loss --yes
  creel promote copy.db --dry-run
  creel promote copy.db --yes --on-promote 'systemctl start creel-serve'
  creel promote copy.db --accept-loss --reason 'host a burnt' --expect-epoch 3 --yes

The checks are made before anything is changed. Every handle of an older epoch is refused
from then on; in this file at once, in the old primary's file where --old-primary names it. Without
that nothing here can stop an old primary that still runs: what it confirms until it hears of the new
epoch is in its saved tail after creel replicate rejoin, not in the new history. --accept-loss says
that this is understood. With a store, everything in it is applied first, and the new epoch begins by an
object that only one copy can create: of several promotions at once one succeeds, and the old primary cannot
publish any more. --expect-epoch and --expect-index are looked at again each time the store has grown, so the
promotion happens in that very state or not at all. Where another copy has told the store that it has more than
this one and the store, --accept-loss says that it may be lost. Nobody else can add to the file meanwhile. What was left half
done (the epoch has begun in the store and not here) is finished by the same command again. A primary may be promoted too: that begins a new epoch in place.
Exit status: 0 promoted, or the checks pass, 1 not confirmed, 10 a check stands in the way, 11 the
store's log does not reach back to this copy, 15 the histories differ; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.refuse_less_sync()?;
        ctx.long();
        let path = ctx.path(&self.db)?;
        let copy = ctx.open_write(&self.db, Interest::All, false);
        let copy = copy.map_err(|failure| no_copy(failure, &path))?;
        if let Some(store) = self.address(&copy)? {
            return self.in_store(ctx, copy, &store);
        }
        let old = self.open_old(ctx)?;
        let wish = PromoteWish {
            expect_epoch: self.expect_epoch,
            expect_index: self.expect_index,
            accept_loss: self.accept_loss,
            reason: self.reason.clone(),
            name: self.name.clone().unwrap_or_else(host),
        };
        let found = preflight(&copy, old.as_ref(), &wish)?;
        if !ctx.globals.json {
            show(ctx, &found)?;
        }
        if let Some(step) = found.obstacle() {
            return Err(refused(&copy, &found, step.name, &step.text));
        }
        if self.dry_run {
            return self.end(ctx, &copy, &found, None);
        }
        if !self.yes && !self.asked(ctx, &found)? {
            return Ok(Exit::No);
        }
        let meter = ctx.meter("promote");
        let commit = promote(&copy, old.as_ref(), &found, &wish, &meter);
        drop(meter);
        let commit = commit?;
        ctx.committed(commit.token);
        self.end(ctx, &copy, &found, Some(&commit))
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn show(ctx: &mut Context, found: &Preflight) -> Result<(), Failure> {
    for (number, step) in found.steps.iter().enumerate() {
        let result = result(step.good, step.overruled);
        let line = format!("{}. {}: {result}: {}", number + 1, step.name, step.text);
        ctx.out.line(&line)?;
    }
    Ok(())
}

fn result(good: bool, overruled: bool) -> &'static str {
    match (good, overruled) {
        (true, _) => "ok",
        (false, true) => "accepted",
        (false, false) => "no",
    }
}

fn refused(copy: &Db, found: &Preflight, name: &str, text: &str) -> Failure {
    let failure = Failure::new(&codes::FENCED, format!("{name}: {text}"));
    let failure = failure.state("nothing was changed");
    let hint = match (name, found.loss, &found.store) {
        ("store", _, Some(store)) => {
            let path = copy.path().display();
            return failure.hint(format!("creel promote {path} --store {store}"));
        }
        ("old primary", Some(_), _) => "creel replicate pull DB first, or --accept-loss",
        ("old primary", None, _) => {
            "--store STORE where it publishes to one; --old-primary PATH where it can be read, else --accept-loss"
        }
        _ => hint_for(name),
    };
    failure.hint(hint)
}

/// What is to be done about a check that did not pass, whoever decides.
fn hint_for(name: &str) -> &'static str {
    match name {
        "index" => "more was committed, or less is here: creel replicate status DB",
        "epoch" => "somebody else promoted: creel replicate status DB",
        _ => "creel verify DB",
    }
}

impl PromoteArgs {
    fn open_old(&self, ctx: &Context) -> Result<Option<Db>, Failure> {
        let Some(path) = &self.old_primary else {
            return Ok(None);
        };
        let options = ctx.options().interest(Interest::None);
        let options = if self.dry_run {
            options.read_only(true)
        } else {
            options
        };
        options.open(path).map(Some).map_err(|e| {
            Failure::from(e)
                .at(path)
                .hint("leave --old-primary out where it is gone, and give --accept-loss")
        })
    }

    fn asked(&self, ctx: &mut Context, found: &Preflight) -> Result<bool, Failure> {
        self.asked_for(ctx, found.epoch, found.position.index)
    }

    fn asked_for(&self, ctx: &mut Context, epoch: u32, index: u64) -> Result<bool, Failure> {
        if !ctx.may_ask() {
            return Err(Failure::usage("promoting wants to be confirmed").hint("--yes"));
        }
        let question = format!("Begin epoch {epoch} behind entry {index}?");
        ctx.confirm(&question)
    }

    fn end(
        &self,
        ctx: &mut Context,
        copy: &Db,
        found: &Preflight,
        commit: Option<&creel::Commit>,
    ) -> Outcome {
        let rows = found.steps.iter().map(|step| CheckRow {
            name: step.name,
            result: result(step.good, step.overruled),
            text: step.text.clone(),
        });
        let report = PromoteReport {
            schema: "creel.promote/1",
            path: copy.path().display().to_string(),
            promoted: commit.is_some(),
            epoch: commit.map_or(found.epoch, |commit| commit.token.epoch),
            position: match commit {
                Some(commit) => commit.into(),
                None => found.position.token().into(),
            },
            checks: rows.collect(),
            lost: found.loss.map(|(first_index, last_index)| Lost {
                first_index,
                last_index,
            }),
            dry_run: self.dry_run,
            store: None,
            token: commit.map(|commit| commit.receipt().to_string()),
            pulled: 0,
            adopted: 0,
            segment: None,
        };
        if ctx.globals.json {
            ctx.out.json(&report)?;
        } else if let Some(commit) = commit {
            ctx.out.line(&format!(
                "primary of epoch {} as of {}",
                commit.token.epoch,
                commit.receipt()
            ))?;
        } else {
            ctx.out.line(&format!(
                "epoch {} would begin behind entry {}",
                found.epoch, found.position.index
            ))?;
        }
        if let Some(commit) = commit {
            let token = commit.receipt().to_string();
            self.hook(&report.path, commit.token.epoch, &token)?;
        }
        Ok(Exit::Ok)
    }
}
