//! `creel checkpoint`: fold the log into the tree.

use clap::Args;
use creel::{CheckpointOptions, CheckpointReport, Db, Interest};
use serde::Serialize;

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::units::{self, Threshold};
use crate::cli::{Context, Exit, Failure, Outcome};

mod background;
mod wait;

/// Arguments of `creel checkpoint`.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    #[command(flatten)]
    db: DbArg,
    /// Do it only where the log holds more than this: a size, or a share of its region
    #[arg(long, value_name = "SIZE|PERCENT", value_parser = units::threshold)]
    if_wal_above: Option<Threshold>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait while another process checkpoints or writes, then make sure; --lock-timeout limits it
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// Start a process of its own that does it (with --wait), and end at once
    #[arg(long, conflicts_with_all = ["dry_run", "wait"])]
    background: bool,
    /// Not in file format 1
    #[arg(long, hide = true, value_name = "HOW", num_args = 0..=1)]
    compress: Option<Option<String>>,
}

#[derive(Serialize)]
struct CheckpointLine {
    schema: &'static str,
    done: bool,
    dry_run: bool,
    reason: String,
    wal_bytes_before: u64,
    wal_bytes_after: u64,
    generation: u64,
    pages_written: u64,
    bytes_written: u64,
    blocked_ns: u64,
    dense: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    background_pid: Option<u32>,
}

impl Run for CheckpointArgs {
    const NAME: &'static str = "checkpoint";
    const ABOUT: &'static str = "Move committed entries from the log into the tree";
    const EXAMPLES: &'static str = "\
Examples:
  creel checkpoint my.db
  creel checkpoint my.db --if-wal-above 70%
  creel checkpoint my.db --dry-run --json
  creel checkpoint my.db --wait
  creel checkpoint my.db --background --if-wal-above 4MiB

Safe to interrupt at any instant. Not needed is exit 0 with the reason; writing commands do it by
themselves when the log is full enough. --background checks that the file can be opened and that there is
something to do, starts a process that waits its turn, and prints its id; what it then does shows in
creel info DB.
Exit status: 0 done or not needed, 7 busy, 130 interrupted; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        if self.compress.is_some() {
            return Err(Failure::usage("file format 1 has no compressed pages")
                .hint("creel checkpoint DB, without --compress"));
        }
        ctx.long();
        let db = if self.dry_run {
            ctx.open_read(&self.db, Interest::All)?
        } else if self.wait {
            wait::open(ctx, &self.db)?
        } else {
            ctx.open_write(&self.db, Interest::All, false)?
        };
        let meter = ctx.meter("checkpoint");
        let done = match self.not_needed(&db, &meter)? {
            Some(done) => done,
            None if self.background => self.in_background(ctx, &db, &meter)?,
            None => self.here(ctx, &db, &meter)?,
        };
        drop(meter);
        self.print(ctx, &done)?;
        db.close()?;
        Ok(Exit::Ok)
    }
}

/// What came of it.
struct Done {
    report: CheckpointReport,
    reason: String,
    /// Of the process that does it.
    pid: Option<u32>,
}

impl CheckpointArgs {
    fn here(&self, ctx: &Context, db: &Db, meter: &dyn creel::Progress) -> Result<Done, Failure> {
        let options = CheckpointOptions {
            dry_run: self.dry_run,
            ..CheckpointOptions::default()
        };
        let report = match self.wait {
            true => wait::checkpoint(ctx, db, &options, meter)?,
            false => db.checkpoint(&options, meter)?,
        };
        if !self.dry_run {
            ctx.checkpointed(&report);
        }
        Ok(Done {
            reason: report.reason.to_owned(),
            report,
            pid: None,
        })
    }

    fn in_background(
        &self,
        ctx: &Context,
        db: &Db,
        meter: &dyn creel::Progress,
    ) -> Result<Done, Failure> {
        let report = look(db, meter)?;
        if report.wal_bytes_before == 0 {
            return Ok(Done {
                reason: report.reason.to_owned(),
                report,
                pid: None,
            });
        }
        Ok(Done {
            report,
            reason: "started in the background".to_owned(),
            pid: Some(background::start(ctx, db.path(), self.if_wal_above)?),
        })
    }

    /// A report without work, where the log is at or below the threshold.
    fn not_needed(&self, db: &Db, meter: &dyn creel::Progress) -> Result<Option<Done>, Failure> {
        let Some(threshold) = self.if_wal_above else {
            return Ok(None);
        };
        let mut report = look(db, meter)?;
        let regions = db.info()?.regions;
        let active = regions
            .iter()
            .max_by_key(|r| r.region_seq)
            .map_or(0, |r| r.bytes);
        let limit = match threshold {
            Threshold::Bytes(bytes) => bytes,
            Threshold::Percent(percent) => (active as f64 * percent / 100.0) as u64,
        };
        let used = report.wal_bytes_before;
        if used > limit {
            return Ok(None);
        }
        report.done = false;
        report.wal_bytes_after = used;
        report.pages_written = 0;
        report.bytes_written = 0;
        Ok(Some(Done {
            report,
            reason: format!("the log holds {used} bytes, not more than {limit}"),
            pid: None,
        }))
    }

    fn print(&self, ctx: &mut Context, done: &Done) -> Result<(), Failure> {
        let Done {
            report,
            reason,
            pid,
        } = done;
        let done = report.done && !self.dry_run;
        if ctx.globals.json {
            return ctx.out.json(&CheckpointLine {
                schema: "creel.checkpoint/1",
                done,
                dry_run: self.dry_run,
                reason: reason.clone(),
                wal_bytes_before: report.wal_bytes_before,
                wal_bytes_after: report.wal_bytes_after,
                generation: report.generation,
                pages_written: report.pages_written,
                bytes_written: report.bytes_written,
                blocked_ns: u64::try_from(report.blocked.as_nanos()).unwrap_or(u64::MAX),
                dense: report.dense,
                background_pid: *pid,
            });
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        if let Some(pid) = pid {
            let facts = [
                ("background_pid", u64::from(*pid).into()),
                ("wal_bytes_before", Value::Bytes(report.wal_bytes_before)),
            ];
            return table::facts(&mut ctx.out, &facts);
        }
        table::facts(
            &mut ctx.out,
            &[
                ("done", if done { "yes".into() } else { "no".into() }),
                ("reason", reason.as_str().into()),
                ("wal_bytes_before", Value::Bytes(report.wal_bytes_before)),
                ("wal_bytes_after", Value::Bytes(report.wal_bytes_after)),
                ("generation", report.generation.into()),
                ("pages_written", report.pages_written.into()),
                ("bytes_written", Value::Bytes(report.bytes_written)),
                (
                    "blocked",
                    format!("{:.3} ms", report.blocked.as_secs_f64() * 1e3).into(),
                ),
            ],
        )
    }
}

/// How full the log is.
fn look(db: &Db, meter: &dyn creel::Progress) -> Result<CheckpointReport, Failure> {
    let options = CheckpointOptions {
        dry_run: true,
        ..CheckpointOptions::default()
    };
    Ok(db.checkpoint(&options, meter)?)
}
