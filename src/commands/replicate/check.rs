//! `creel replicate verify`: is everything in a store whole, linked and as the catalogue says?

use clap::Args;
use creel::chain::{RestoreTo, StoreFinding, StoreReport, StoreVerifyOptions, verify_store};
use creel::replica::store::{RestoreWish, restore};
use serde::Serialize;

use super::super::Run;
use super::super::scratch::Scratch;
use super::store::{StoreArg, chain_failure, failure, hex};
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, codes};

/// Arguments of `creel replicate verify`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    store: StoreArg,
    /// Also read all parts of all snapshots, and restore the newest moment into a scratch file
    #[arg(long)]
    deep: bool,
}

#[derive(Serialize)]
struct CheckLine {
    schema: &'static str,
    store: String,
    clean: bool,
    deep: bool,
    lineage: String,
    segments: u64,
    fences: u64,
    entries: u64,
    bytes: u64,
    first_segment: Option<u64>,
    last_segment: Option<u64>,
    position: Option<String>,
    snapshots: u64,
    parts: u64,
    catalogue: Option<u64>,
    restored: Option<u64>,
    findings: Vec<FindingLine>,
}

#[derive(Serialize)]
struct FindingLine {
    object: String,
    detail: String,
    harmless: bool,
}

impl Run for CheckArgs {
    const NAME: &'static str = "verify";
    const ABOUT: &'static str = "Check everything in a store";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate verify dir:/srv/chain
  creel replicate verify s3://my-bucket/db1 --deep
  creel replicate verify dir:/srv/chain --json

Checks the name of every object, every segment with the history of every entry, the links between them,
epochs and their fences, the catalogue against the chain, and that all parts of all snapshots are there.
Reads only; a primary may go on publishing.
Exit status: 0 clean, 4 something is damaged or missing, 12 the store cannot be reached; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let chain = self.store.chain()?;
        let options = StoreVerifyOptions {
            read_parts: self.deep,
        };
        let meter = ctx.meter("verify");
        let mut pace = self.store.patience.start();
        let report = verify_store(&chain, &options, &mut pace, &meter).map_err(chain_failure)?;
        let restored = match self.deep && report.is_clean() && report.snapshots > 0 {
            true => Some(self.restore(&chain, &meter)?),
            false => None,
        };
        drop(meter);
        self.print(ctx, &report, &chain, restored)?;
        if report.is_clean() {
            return Ok(Exit::Ok);
        }
        let wrong = report.findings.iter().filter(|finding| !finding.harmless);
        let text = format!("{} findings in {}", wrong.count(), self.store.store);
        Err(Failure::new(&codes::STORE_DAMAGED, text))
    }
}

impl CheckArgs {
    /// Restores the end of the chain and forgets it again. Gives the last entry.
    fn restore(
        &self,
        chain: &creel::chain::Chain,
        meter: &dyn creel::Progress,
    ) -> Result<u64, Failure> {
        let scratch = Scratch::new(None)?;
        let wish = RestoreWish {
            to: RestoreTo::Newest,
            receipt: None,
            as_replica: true,
            replace: false,
        };
        let mut pace = self.store.patience.start();
        let dest = scratch.file("restored.db");
        let done = restore(chain, &dest, &wish, &mut pace, meter).map_err(failure)?;
        Ok(done.point.index)
    }

    fn print(
        &self,
        ctx: &mut Context,
        report: &StoreReport,
        chain: &creel::chain::Chain,
        restored: Option<u64>,
    ) -> Result<(), Failure> {
        let position = report
            .end
            .map(|end| format!("{}:{}:{}", end.epoch, end.index, hex(&end.history)));
        let (first, last) = report
            .numbers
            .map_or((None, None), |(a, b)| (Some(a), Some(b)));
        let line = |finding: &StoreFinding| FindingLine {
            object: finding.object.clone(),
            detail: finding.detail.clone(),
            harmless: finding.harmless,
        };
        if ctx.globals.json {
            return ctx.out.json(&CheckLine {
                schema: "creel.store/1",
                store: self.store.store.clone(),
                clean: report.is_clean(),
                deep: self.deep,
                lineage: hex(&chain.lineage()),
                segments: report.segments,
                fences: report.fences,
                entries: report.entries,
                bytes: report.bytes,
                first_segment: first,
                last_segment: last,
                position,
                snapshots: report.snapshots,
                parts: report.parts,
                catalogue: report.catalogue,
                restored,
                findings: report.findings.iter().map(line).collect(),
            });
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        for finding in &report.findings {
            let kind = if finding.harmless { "note" } else { "damage" };
            let text = format!("{kind}\t{}\t{}", finding.object, finding.detail);
            ctx.out.line(&crate::cli::report::printable(&text))?;
        }
        let verdict = if report.is_clean() {
            "clean"
        } else {
            "damaged"
        };
        let mut facts: Vec<(&str, Value)> = vec![
            ("verdict", verdict.into()),
            ("segments", report.segments.into()),
            ("fences", report.fences.into()),
            ("entries", report.entries.into()),
            ("bytes", Value::Bytes(report.bytes)),
            ("snapshots", report.snapshots.into()),
            ("parts", report.parts.into()),
        ];
        facts.extend(position.map(|at| ("position", at.into())));
        facts.extend(restored.map(|index| ("restored", index.into())));
        table::facts(&mut ctx.out, &facts)
    }
}
