//! `creel drill`: prove that something can be restored, by restoring it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::Run;
use super::content::{Content, Place, Selection, Summary};
use super::export::OutputFormat;
use super::replicate::store::{PatienceArg, note, open_chain, store_address};
use super::scratch::Scratch;
use crate::cli::{Context, Exit, Failure, Outcome, codes};

mod report;
mod restore;

use report::{Report, Verdict};

/// Arguments of `creel drill`.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// A database, a backup, an export, or a store: dir:PATH, s3://BUCKET/PREFIX, gs://, az://
    #[arg(value_name = "DB|BACKUP|EXPORT|STORE")]
    from: OsString,
    /// Require the contents of this database or export
    #[arg(long, value_name = "DB")]
    against: Option<OsString>,
    /// Where to restore to, for as long as it takes [default: $TMPDIR or /tmp]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Format of an export that does not show it: jsonl, mdb, csv, tsv or raw
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<OutputFormat>,
    /// Page size of the database that an export is restored into
    #[arg(long, value_name = "SIZE", value_parser = crate::cli::units::size, default_value = "4096")]
    page_size: u64,
    /// Note in the store that it was restored, for creel replicate status --check drilled=TIME
    #[arg(long)]
    note: bool,
    #[command(flatten)]
    patience: PatienceArg,
}

impl Run for DrillArgs {
    const NAME: &'static str = "drill";
    const ABOUT: &'static str = "Prove that a backup or export can be restored, and measure it";
    const EXAMPLES: &'static str = "\
Examples:
  creel drill my-2026-11-20.db
  creel drill export.jsonl.zst --against my.db
  creel drill my.db --json | jq .restore_ms
  creel drill s3://my-bucket/db1 --against my.db
  creel drill s3://my-bucket/db1 --note

It restores into a temporary directory, opens the result, verifies it (deep), compares the digest of
the contents with the source, and removes everything. A store is restored to its newest commit;
its objects carry hashes of their own, so there only --against compares contents. The time to restore is until the database is open.
Outcomes: restorable; not restorable (damage); inconclusive, where the proof could not be made, for
example for want of space.
Exit status: 0 restorable, 1 restorable but not the contents of --against, 4 not restorable, a
damaged database, 9 not restorable, a broken export, 5 no such file, 23 inconclusive; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let store = store_address(&self.from);
        if self.note && store.is_none() {
            return Err(Failure::usage(
                "--note is for a store: a file is not written to",
            ));
        }
        let started = Instant::now();
        let mut report = Report::new(&self.from);
        let verdict = match self.drill(ctx, &mut report) {
            Ok(verdict) => verdict,
            Err(failure) => judge(&failure).ok_or(failure)?,
        };
        report.total = started.elapsed();
        if let (true, Some(store), Verdict::Restorable) = (self.note, &store, &verdict) {
            let chain = open_chain(store, &self.patience)?;
            note(&chain, &self.patience, |catalogue, now_us| {
                catalogue.drilled_us = Some(now_us);
            })?;
        }
        report.print(ctx, &verdict)?;
        Ok(verdict.exit())
    }
}

/// What a failure says about the thing that was to be restored. `None`: nothing, it is an error of
/// another kind.
fn judge(failure: &Failure) -> Option<Verdict> {
    let mut reason = failure.parts().what.clone();
    for cause in &failure.parts().causes {
        reason.push_str(": ");
        reason.push_str(cause);
    }
    match failure.exit() {
        _ if failure.code() == &codes::STDOUT => None,
        Exit::Corrupt => Some(Verdict::Damaged(reason)),
        Exit::BadInput => Some(Verdict::Broken(reason)),
        Exit::Io | Exit::Busy | Exit::Unreachable => Some(Verdict::Inconclusive(reason)),
        _ => None,
    }
}

impl DrillArgs {
    fn drill(&self, ctx: &mut Context, report: &mut Report) -> Result<Verdict, Failure> {
        let scratch = Scratch::new(self.dir.as_deref())?;
        let path = scratch.file("restored.db");
        if let Some(store) = store_address(&self.from) {
            restore::from_store(ctx, &store, &path, &self.patience, report)?;
            let restored = contents(ctx, path.as_os_str(), None)?;
            report.restored = Some(restored);
            return self.judge_restored(ctx, &path, restored, report);
        }
        let selection = Selection::default();
        let place = Content::locate(ctx, &self.from, self.format.map(Into::into), &selection)?;
        let source = match place {
            Place::Database(from) => restore::from_database(ctx, &from, &path, report)?,
            Place::Export(content) => {
                restore::from_export(ctx, content, &path, self.page_size, report)?
            }
        };
        report.source = Some(source);
        let restored = contents(ctx, path.as_os_str(), None)?;
        report.restored = Some(restored);
        self.judge_restored(ctx, &path, restored, report)
    }

    fn judge_restored(
        &self,
        ctx: &mut Context,
        path: &Path,
        restored: Summary,
        report: &mut Report,
    ) -> Result<Verdict, Failure> {
        if let Some(damage) = restore::check(ctx, path, report)? {
            return Ok(Verdict::Damaged(damage));
        }
        if report.source.is_some_and(|source| source != restored) {
            return Ok(Verdict::Damaged(
                "the restored contents are not those of the source".into(),
            ));
        }
        match &self.against {
            Some(against) => self.compare(ctx, against, restored, report),
            None => Ok(Verdict::Restorable),
        }
    }

    fn compare(
        &self,
        ctx: &mut Context,
        against: &OsString,
        restored: Summary,
        report: &mut Report,
    ) -> Result<Verdict, Failure> {
        report.against_path = Some(against.to_string_lossy().into_owned());
        let other = match contents(ctx, against, self.format.map(Into::into)) {
            Ok(other) => other,
            // It says nothing about what was restored.
            Err(failure) => match judge(&failure) {
                Some(Verdict::Damaged(why) | Verdict::Broken(why) | Verdict::Inconclusive(why)) => {
                    return Ok(Verdict::Inconclusive(format!("--against: {why}")));
                }
                _ => return Err(failure),
            },
        };
        report.against = Some(other);
        Ok(if other == restored {
            Verdict::Restorable
        } else {
            Verdict::Other
        })
    }
}

/// Digest of everything that a database or export holds.
fn contents(
    ctx: &mut Context,
    path: &std::ffi::OsStr,
    format: Option<creel::exchange::Format>,
) -> Result<Summary, Failure> {
    let mut content = Content::open(ctx, path, format, &Selection::default())?;
    content.digest(ctx)
}
