//! `creel restore`: a database file of any moment that a store still has.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use creel::chain::{RestorePlan, RestoreTo};
use creel::replica::store::{RestoreReport, RestoreWish, StoreFailure, plan, restore};
use serde::Serialize;

use super::Run;
use super::replicate::store::{StoreArg, failure, hex};
use crate::cli::moment::{self, Moment};
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome};

/// Arguments of `creel restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    store: StoreArg,
    /// The new database
    #[arg(long, short, value_name = "FILE", required_unless_present = "dry_run")]
    output: Option<OsString>,
    /// The moment: a time (2026-11-26T10:00:00Z), an index, or a token [default: the newest]
    #[arg(long, value_name = "TIME|INDEX|TOKEN", value_parser = moment::parse)]
    at: Option<Moment>,
    /// Keep the lineage, so that the file can follow the chain
    #[arg(long)]
    as_replica: bool,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    /// Say what would be read, and from when to when a moment can be had; read no more
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct RestoreLine {
    schema: &'static str,
    store: String,
    dry_run: bool,
    snapshot: String,
    snapshot_index: u64,
    first_segment: u64,
    last_segment: u64,
    upto: u64,
    oldest_index: u64,
    oldest_ms: u64,
    newest_index: u64,
    output: Option<String>,
    position: Option<String>,
    entries: Option<u64>,
    lineage: Option<String>,
    bytes: Option<u64>,
}

impl Run for RestoreArgs {
    const NAME: &'static str = "restore";
    const ABOUT: &'static str = "Make a database file of any moment that a store still has";
    const EXAMPLES: &'static str = "\
Examples:
  creel restore s3://my-bucket/db1 -o my.db
  creel restore dir:/srv/chain -o before.db --at 2026-11-26T09:59:00Z
  creel restore dir:/srv/chain --at 4:81200:9f31c0aa --dry-run
  creel restore dir:/srv/chain -o copy.db --as-replica

The newest snapshot that is old enough, and the log behind it up to the moment. The file is a database of
its own with a new lineage, so that it can never be taken for a copy of the first; --as-replica
keeps the lineage. The name appears when the file is whole and passes creel verify.
Exit status: 0 restored, 5 the store holds no chain or nothing that old, 8 the file exists, 12 the store
cannot be reached, 16 the token's commit is not in the history; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let chain = self.store.chain()?;
        let mut pace = self.store.patience.start();
        let to = match &self.at {
            None => RestoreTo::Newest,
            Some(Moment::Time(us)) => RestoreTo::Time(*us),
            Some(Moment::Index(index)) => RestoreTo::Index(*index),
            Some(Moment::Commit(receipt)) => RestoreTo::Index(receipt.index),
        };
        let dest = self.output.clone().unwrap_or_default();
        let dest = Path::new(&dest);
        let wish = RestoreWish {
            to,
            receipt: match &self.at {
                Some(Moment::Commit(receipt)) => Some(*receipt),
                _ => None,
            },
            as_replica: self.as_replica,
            replace: self.force,
        };
        let at = self.store.store.as_str();
        if self.dry_run {
            let plan = plan(&chain, &wish, &mut pace).map_err(|e| not_there(e, at))?;
            return self.print(ctx, &plan, None);
        }
        let meter = ctx.meter("restore").of_bytes();
        let done = restore(&chain, dest, &wish, &mut pace, &meter);
        let done = done.map_err(|e| not_there(e, at))?;
        drop(meter);
        self.print(ctx, &done.plan, Some(&done))
    }
}

/// A commit that a fail-over dropped may be in a file beside the primary that it was made on.
fn not_there(error: StoreFailure, store: &str) -> Failure {
    let lost = matches!(&error, StoreFailure::Db(creel::Error::TokenLost { .. }));
    match lost {
        true => failure(error).state("nothing was created").hint(format!(
            "creel restore {store} --at INDEX -o FILE takes the commit that is there; \
                 creel replicate status {store} shows the epochs"
        )),
        false => failure(error),
    }
}

impl RestoreArgs {
    fn print(
        &self,
        ctx: &mut Context,
        plan: &RestorePlan,
        done: Option<&RestoreReport>,
    ) -> Outcome {
        let upto = plan
            .upto
            .unwrap_or(plan.tail_index.max(plan.snapshot.at.index));
        let line = RestoreLine {
            schema: "creel.restore/1",
            store: self.store.store.clone(),
            dry_run: self.dry_run,
            snapshot: plan.snapshot.folder.clone(),
            snapshot_index: plan.snapshot.at.index,
            first_segment: plan.number,
            last_segment: plan.tail,
            upto,
            oldest_index: plan.oldest.0,
            oldest_ms: plan.oldest.1 / 1000,
            newest_index: plan.tail_index.max(plan.snapshot.at.index),
            output: done
                .and(self.output.as_ref())
                .map(|o| o.to_string_lossy().into_owned()),
            position: done.map(|d| {
                format!(
                    "{}:{}:{}",
                    d.point.epoch,
                    d.point.index,
                    hex(&d.point.history)
                )
            }),
            entries: done.map(|d| d.entries),
            lineage: done.map(|d| hex(&d.lineage)),
            bytes: done.map(|d| d.bytes),
        };
        if ctx.globals.json {
            ctx.out.json(&line)?;
        } else if ctx.globals.quiet == 0 {
            let mut facts: Vec<(&str, Value)> = vec![
                ("snapshot", line.snapshot.as_str().into()),
                ("first_segment", line.first_segment.into()),
                ("last_segment", line.last_segment.into()),
                ("upto", line.upto.into()),
            ];
            if line.dry_run {
                facts.push(("oldest_index", line.oldest_index.into()));
                facts.push(("oldest_ms", line.oldest_ms.into()));
                facts.push(("newest_index", line.newest_index.into()));
            }
            facts.extend(line.output.clone().map(|o| ("output", o.into())));
            facts.extend(line.position.clone().map(|p| ("position", p.into())));
            facts.extend(line.entries.map(|e| ("entries", e.into())));
            facts.extend(line.bytes.map(|b| ("bytes", Value::Bytes(b))));
            facts.extend(line.lineage.clone().map(|l| ("lineage", l.into())));
            table::facts(&mut ctx.out, &facts)?;
        }
        Ok(Exit::Ok)
    }
}
