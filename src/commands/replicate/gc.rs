//! `creel replicate gc`: remove what nobody needs from a store.

use std::time::Duration;

use clap::Args;
use creel::chain::object::RetentionRow;
use creel::chain::{GcWish, Held};
use serde::Serialize;

use super::super::Run;
use super::store::{StoreArg, chain_failure, now_us};
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, units};

/// Arguments of `creel replicate gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    #[command(flatten)]
    store: StoreArg,
    /// Every moment of this last time can be restored [default: what was said last, at first 7d]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    retain: Option<Duration>,
    /// Keep at least so many entries [default: what was said last, at first 1024]
    #[arg(long, value_name = "N", value_parser = units::count)]
    retain_min: Option<u64>,
    /// Keep no more log than this where a snapshot allows it [default: what was said last]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    retain_max_bytes: Option<u64>,
    /// What a replica says keeps no more log than this [default: half of the newest snapshot, 64 MiB to 10 GiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    hold_max_bytes: Option<u64>,
    /// A replica that was silent for so long does not count
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    hold_ttl: Option<Duration>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct GcLine {
    schema: &'static str,
    store: String,
    dry_run: bool,
    floor: u64,
    floor_before: u64,
    reason: String,
    segments_removed: u64,
    fences_kept: u64,
    unreadable_kept: Vec<u64>,
    snapshots_removed: Vec<String>,
    holds: Vec<HoldLine>,
}

#[derive(Serialize)]
struct HoldLine {
    by: String,
    index: u64,
    dropped: Option<String>,
}

impl From<&Held> for HoldLine {
    fn from(held: &Held) -> HoldLine {
        HoldLine {
            by: held.by.clone(),
            index: held.index,
            dropped: held.dropped.clone(),
        }
    }
}

impl Run for GcArgs {
    const NAME: &'static str = "gc";
    const ABOUT: &'static str = "Remove log and snapshots that nobody needs from a store";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate gc dir:/srv/chain --dry-run
  creel replicate gc s3://my-bucket/db1 --retain 30d
  creel replicate gc dir:/srv/chain --retain 0s --retain-min 0

The log goes up to a snapshot that is old enough, and not further than a hold or a replica wants it, within
the limits of holds. Fences and the newest segment always stay, so it is safe for anybody at any time.
Exit status: 0 done, 12 the store cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let chain = self.store.chain()?;
        let mut pace = self.store.patience.start();
        let known = chain.catalogue(&mut pace).map_err(chain_failure)?;
        let known = known.map_or_else(RetentionRow::default, |(catalogue, _)| catalogue.retention);
        let wish = GcWish {
            node: [0; 16],
            time_us: now_us(),
            retention: Some(self.retention(known)),
            dry_run: self.dry_run,
        };
        let meter = ctx.meter("gc");
        let report = chain.gc(&wish, &mut pace, &meter).map_err(chain_failure)?;
        drop(meter);
        let line = GcLine {
            schema: "creel.gc/1",
            store: self.store.store.clone(),
            dry_run: self.dry_run,
            floor: report.floor,
            floor_before: report.floor_before,
            reason: report.reason,
            segments_removed: report.collected.removed,
            fences_kept: report.collected.fences,
            unreadable_kept: report.collected.unreadable,
            snapshots_removed: report.snapshots_removed,
            holds: report.held.iter().map(HoldLine::from).collect(),
        };
        print(ctx, &line)?;
        Ok(Exit::Ok)
    }
}

impl GcArgs {
    fn retention(&self, known: RetentionRow) -> RetentionRow {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        RetentionRow {
            time_us: self.retain.map_or(known.time_us, micros),
            min_entries: self.retain_min.unwrap_or(known.min_entries),
            max_bytes: self.retain_max_bytes.unwrap_or(known.max_bytes),
            hold_ttl_us: self.hold_ttl.map_or(known.hold_ttl_us, micros),
            hold_max_bytes: self.hold_max_bytes.or(known.hold_max_bytes),
        }
    }
}

fn print(ctx: &mut Context, line: &GcLine) -> Result<(), Failure> {
    if ctx.globals.json {
        return ctx.out.json(line);
    }
    if ctx.globals.quiet > 0 {
        return Ok(());
    }
    let mut facts: Vec<(&str, Value)> = vec![
        ("floor", line.floor.into()),
        ("floor_before", line.floor_before.into()),
        ("reason", line.reason.as_str().into()),
        ("segments_removed", line.segments_removed.into()),
        ("fences_kept", line.fences_kept.into()),
        (
            "snapshots_removed",
            (line.snapshots_removed.len() as u64).into(),
        ),
    ];
    for number in &line.unreadable_kept {
        let text = format!("segment {number} is damaged and stays, for it may be a fence");
        facts.push(("unreadable", text.into()));
    }
    for hold in &line.holds {
        let text = match &hold.dropped {
            None => format!("{} at {}", hold.by, hold.index),
            Some(why) => format!("{} at {}, not counted: {why}", hold.by, hold.index),
        };
        facts.push(("hold", text.into()));
    }
    table::facts(&mut ctx.out, &facts)
}
