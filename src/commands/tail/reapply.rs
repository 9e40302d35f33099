//! `creel log reapply`: make saved commits again.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use creel::Interest;
use creel::replica::reapply::{OnConflict, State, compare, reapply};
use serde::Serialize;

use super::super::{Position, Run};
use super::diff::{check_lineage, remark};
use super::read_all;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes, escape};

/// Arguments of `creel log reapply`.
#[derive(Debug, Args)]
pub struct ReapplyArgs {
    #[command(flatten)]
    db: DbArg,
    /// Files that creel replicate rejoin saved
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Keys that both histories changed: fail, skip or overwrite
    #[arg(
        long,
        value_name = "HOW",
        default_value = "fail",
        hide_possible_values = true
    )]
    on_conflict: How,
    /// Only count
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// Change nothing at all
    Fail,
    /// Leave them as they are
    Skip,
    /// The saved value wins
    Overwrite,
}

#[derive(Serialize)]
struct ReapplyReport {
    schema: &'static str,
    same: u64,
    free: u64,
    conflicts: u64,
    ranges: u64,
    applied: u64,
    position: Option<Position>,
    dry_run: bool,
}

impl Run for ReapplyArgs {
    const NAME: &'static str = "reapply";
    const ABOUT: &'static str = "Make saved commits again, on the present contents";
    const EXAMPLES: &'static str = "\
Examples:
  creel log reapply new.db old.db.diverged/*.seg
  creel log reapply new.db old.db.diverged/*.seg --on-conflict skip

The last value of each key counts; all of it is one commit. Deleted ranges and dropped keyspaces are
not done again.
Exit status: 0 done or nothing to do, 1 there are conflicts and nothing was changed, 10 the database is
a replica, 15 the commits are of another database; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let segments = read_all(&self.files)?;
        let db = ctx.open_write(&self.db, Interest::All, true)?;
        check_lineage(&db, &segments)?;
        let found = compare(&segments, &db)?;
        remark(ctx, &found);
        let count = |state| found.keys.iter().filter(|k| k.state == state).count() as u64;
        let how = match self.on_conflict {
            How::Fail => OnConflict::Fail,
            How::Skip => OnConflict::Skip,
            How::Overwrite => OnConflict::Overwrite,
        };
        let conflicts = count(State::Conflict);
        if conflicts > 0 && how == OnConflict::Fail && !self.dry_run {
            let first = found.keys.iter().find(|k| k.state == State::Conflict);
            let first = first.map_or(String::new(), |k| {
                escape::to_string(&k.key, escape::Plain::Ascii)
            });
            return Err(Failure::new(
                &codes::PRECONDITION,
                format!("{conflicts} keys were changed by both histories, {first} for one"),
            )
            .hint("creel log diff lists them; --on-conflict skip or overwrite"));
        }
        let commit = match self.dry_run {
            true => None,
            false => reapply(&found, &db, how)?,
        };
        let overwritten = if how == OnConflict::Overwrite {
            conflicts
        } else {
            0
        };
        let report = ReapplyReport {
            schema: "creel.reapply/1",
            same: count(State::Same),
            free: count(State::Free),
            conflicts,
            ranges: found.ranges,
            applied: commit
                .as_ref()
                .map_or(0, |_| count(State::Free) + overwritten),
            position: commit.as_ref().map(Position::from),
            dry_run: self.dry_run,
        };
        if let Some(commit) = &commit {
            ctx.committed(commit.token);
        }
        if ctx.globals.json {
            ctx.out.json(&report)?;
        } else {
            ctx.out.line(&format!(
                "{} keys put again, {} the same, {} conflicts",
                report.applied, report.same, report.conflicts
            ))?;
        }
        db.close()?;
        Ok(Exit::Ok)
    }
}
