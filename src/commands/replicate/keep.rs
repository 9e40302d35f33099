//! `creel replicate keep`: how much of its log a file keeps for copies that are behind.

use std::time::Duration;

use clap::Args;
use creel::{Db, Facts, Hold, Interest, Retention};
use serde::Serialize;

use super::super::Run;
use crate::cli::args::DbArg;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, units};

/// What a hold keeps at most, and for how long, unless it is said.
const HOLD_BYTES: u64 = 1 << 30;
const HOLD_TIME: Duration = Duration::from_secs(24 * 3600);

/// Arguments of `creel replicate keep`.
#[derive(Debug, Args)]
pub struct KeepArgs {
    #[command(flatten)]
    db: DbArg,
    /// Keep so many entries at least
    #[arg(long, value_name = "N", value_parser = units::count)]
    retain_min: Option<u64>,
    /// Keep what is younger than this
    #[arg(long, value_name = "DUR", value_parser = units::duration)]
    retain: Option<Duration>,
    /// But keep no more than this
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    retain_max_bytes: Option<u64>,
    /// How much may wait for going back beyond the last checkpoint; 0: nothing [default: as much as the
    /// file has, 32MiB to 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    rewind: Option<u64>,
    /// Keep the log of a file that is not replicated, too; =false: no longer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    standalone: Option<bool>,
    /// Keep what this copy still needs; with --at
    #[arg(long, value_name = "NAME", requires = "at")]
    hold: Option<String>,
    /// That copy has everything up to this entry
    #[arg(long, value_name = "INDEX", requires = "hold")]
    at: Option<u64>,
    /// The hold ends where it would keep more than this [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "hold")]
    hold_max_bytes: Option<u64>,
    /// The hold ends after this time [default: 24h]
    #[arg(long, value_name = "DUR", value_parser = units::duration, requires = "hold")]
    hold_ttl: Option<Duration>,
    /// Take writes again that wait because too much is unpublished (serve --max-unpublished)
    #[arg(long)]
    resume: bool,
    /// End the hold of this name
    #[arg(long, value_name = "NAME", conflicts_with = "hold")]
    release: Option<String>,
}

#[derive(Serialize)]
struct KeepReport {
    schema: &'static str,
    retain_min: u64,
    retain_ms: u64,
    retain_max_bytes: u64,
    standalone: bool,
    /// `None`: as much as the file has, within limits.
    rewind_max_bytes: Option<u64>,
    oldest_index: u64,
    /// The oldest entry that the file can be taken back to.
    rewind_index: u64,
    held_back: bool,
    holds: Vec<HoldRow>,
}

#[derive(Serialize)]
struct HoldRow {
    name: String,
    index: u64,
    max_bytes: u64,
    expires_ms: u64,
}

impl Run for KeepArgs {
    const NAME: &'static str = "keep";
    const ABOUT: &'static str = "Show or set how much log a file keeps for its copies";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate keep my.db
  creel replicate keep my.db --retain 7d --retain-max-bytes 2GiB
  creel replicate keep my.db --rewind 1GiB
  creel replicate keep my.db --hold laptop --at 812 --hold-max-bytes 500MiB --hold-ttl 3d

A copy that is behind what is kept needs a new copy (exit 11). What is no longer kept goes at the next
checkpoint. A primary or replica also keeps older trees and the log behind them, so that a deposed primary
need not be made anew (replicate rejoin); compact gives them up. A hold has a limit of bytes and of time, so a copy that is gone cannot fill the disk.
--resume is for when the store is gone for good: a publisher with --max-unpublished that still runs and
does not reach it lets the file wait again.
Exit status: 0 shown or set, 2 no such hold or entry; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let sets = self.retain_min.is_some()
            || self.retain.is_some()
            || self.retain_max_bytes.is_some()
            || self.standalone.is_some()
            || self.rewind.is_some()
            || self.resume
            || self.hold.is_some()
            || self.release.is_some();
        let db = match sets {
            true => ctx.open_write(&self.db, Interest::All, false)?,
            false => ctx.open_read(&self.db, Interest::None)?,
        };
        if sets {
            self.check_release(&db.facts()?)?;
            self.check_hold(db.snapshot()?.token().index)?;
            db.change_facts(|facts| self.change(facts))?;
        }
        let facts = db.facts()?;
        let report = report(&facts, &db)?;
        if ctx.globals.json {
            ctx.out.json(&report)?;
        } else {
            print(ctx, &report)?;
        }
        db.close()?;
        Ok(Exit::Ok)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl KeepArgs {
    fn check_release(&self, facts: &Facts) -> Result<(), Failure> {
        match &self.release {
            Some(name) if !facts.holds.iter().any(|hold| hold.name == *name) => Err(
                Failure::usage(format!("there is no hold named {name:?}")).hint(format!(
                    "creel replicate keep {} lists them",
                    self.db.db.to_string_lossy()
                )),
            ),
            _ => Ok(()),
        }
    }

    /// What does not exist yet is no place that a copy can be at.
    fn check_hold(&self, newest: u64) -> Result<(), Failure> {
        match self.at {
            Some(at) if at > newest => {
                let text = format!("entry {at} is not there: the newest is {newest}");
                Err(Failure::usage(text).hint(format!("--at {newest}")))
            }
            _ => Ok(()),
        }
    }

    fn change(&self, facts: &mut Facts) {
        let old = facts.retention;
        facts.retention = Retention {
            min_entries: self.retain_min.unwrap_or(old.min_entries),
            time_ms: self.retain.map_or(old.time_ms, millis),
            max_bytes: self.retain_max_bytes.unwrap_or(old.max_bytes),
            standalone: self.standalone.unwrap_or(old.standalone),
            rewind_bytes: self.rewind.or(old.rewind_bytes),
        };
        if let (Some(name), Some(index)) = (&self.hold, self.at) {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let ends = now.unwrap_or_default() + self.hold_ttl.unwrap_or(HOLD_TIME);
            facts.holds.retain(|hold| hold.name != *name);
            facts.holds.push(Hold {
                name: name.clone(),
                index,
                max_bytes: self.hold_max_bytes.unwrap_or(HOLD_BYTES),
                expires_us: u64::try_from(ends.as_micros()).unwrap_or(u64::MAX),
            });
        }
        facts.held_back &= !self.resume;
        if let Some(name) = &self.release {
            facts.holds.retain(|hold| hold.name != *name);
        }
    }
}

fn report(facts: &Facts, db: &Db) -> Result<KeepReport, Failure> {
    let row = |hold: &Hold| HoldRow {
        name: hold.name.clone(),
        index: hold.index,
        max_bytes: hold.max_bytes,
        expires_ms: hold.expires_us / 1000,
    };
    Ok(KeepReport {
        schema: "creel.keep/1",
        retain_min: facts.retention.min_entries,
        retain_ms: facts.retention.time_ms,
        retain_max_bytes: facts.retention.max_bytes,
        standalone: facts.retention.standalone,
        rewind_max_bytes: facts.retention.rewind_bytes,
        oldest_index: db.oldest_index()?,
        rewind_index: db.oldest_rewind()?,
        held_back: facts.held_back,
        holds: facts.holds.iter().map(row).collect(),
    })
}

fn print(ctx: &mut Context, report: &KeepReport) -> Result<(), Failure> {
    let mut rows: Vec<(&str, Value)> = vec![
        ("retain_min", report.retain_min.into()),
        ("retain_ms", report.retain_ms.into()),
        ("retain_max_bytes", Value::Bytes(report.retain_max_bytes)),
        ("oldest_index", report.oldest_index.into()),
        ("rewind_index", report.rewind_index.into()),
    ];
    if let Some(bytes) = report.rewind_max_bytes {
        rows.push(("rewind_max_bytes", Value::Bytes(bytes)));
    }
    if report.standalone {
        rows.push(("standalone", "kept".into()));
    }
    if report.held_back {
        rows.push(("writes_wait", "yes".into()));
    }
    for hold in &report.holds {
        rows.push(("hold", format!("{} from {}", hold.name, hold.index).into()));
    }
    table::facts(&mut ctx.out, &rows)
}
