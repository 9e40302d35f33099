//! `creel replicate verify`: is everything in a store whole, linked and as the catalogue says?

use std::ffi::OsString;

use clap::Args;
use creel::Interest;
use creel::chain::{RestoreTo, StoreFinding, StoreReport, StoreVerifyOptions, verify_store};
use creel::replica::store::{RestoreWish, restore};
use serde::Serialize;

use super::super::Run;
use super::super::digest::first_difference;
use super::super::scratch::Scratch;
use super::store::{StoreArg, chain_failure, failure, hex, note};
use crate::cli::args::DbArg;
use crate::cli::escape::{self, Plain};
use crate::cli::report::printable;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, codes, text};

/// Arguments of `creel replicate verify`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    store: StoreArg,
    /// Also read all parts of all snapshots, and restore the newest moment into a scratch file
    #[arg(long)]
    deep: bool,
    /// Restore the store to where this copy stands and name the first range of keys in which the two differ
    #[arg(long, value_name = "DB")]
    range_digests: Option<OsString>,
    /// Note in the store that it passed, for creel replicate status --check verified=TIME
    #[arg(long)]
    note: bool,
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
    /// The copy that was compared with the store.
    compared: Option<Compared>,
    findings: Vec<FindingLine>,
}

#[derive(Serialize)]
struct Compared {
    path: String,
    index: u64,
    same: bool,
    differing_ranges: u64,
    first: Option<FirstRange>,
}

/// The first range that differs.
#[derive(Serialize)]
struct FirstRange {
    keyspace: String,
    from_b64: Option<String>,
    to_b64: Option<String>,
    store_entries: u64,
    copy_entries: u64,
    #[serde(skip)]
    from: Vec<u8>,
    #[serde(skip)]
    to: Vec<u8>,
}

#[derive(Serialize)]
struct FindingLine {
    object: String,
    detail: String,
    harmless: bool,
}

impl FirstRange {
    fn words(&self) -> String {
        let shown = |key: &[u8], none: &str| match key.is_empty() {
            true => none.to_owned(),
            false => escape::to_string(key, Plain::Ascii),
        };
        format!(
            "{} from {} to {}: {} entries in the store, {} in the copy",
            shown(self.keyspace.as_bytes(), ""),
            shown(&self.from, "the first key"),
            shown(&self.to, "the last key"),
            self.store_entries,
            self.copy_entries
        )
    }
}

impl Run for CheckArgs {
    const NAME: &'static str = "verify";
    const ABOUT: &'static str = "Check everything in a store";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate verify dir:/srv/chain
  creel replicate verify s3://my-bucket/db1 --deep
  creel replicate verify dir:/srv/chain --deep --note
  creel replicate verify dir:/srv/chain --range-digests copy.db
  creel replicate verify dir:/srv/chain --json

Checks the name of every object, every segment with the history of every entry, the links between them,
epochs and their fences, the catalogue against the chain, and that all parts of all snapshots are there.
A primary may go on publishing; nothing is written but what --note says. --range-digests compares contents at one
position of the log: of two files there, creel digest DB --ranges and --check do the same.
Exit status: 0 clean, 4 something is damaged or missing, 12 the store cannot be reached, 15 the copy of
--range-digests holds something else; others: creel explain CODE";

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
        let compared = match &self.range_digests {
            Some(copy) if report.is_clean() => Some(self.compare(ctx, &chain, copy)?),
            _ => None,
        };
        let differs = compared.as_ref().is_some_and(|compared| !compared.same);
        self.print(ctx, &report, &chain, restored, compared)?;
        if differs {
            let text = "the copy and the store do not hold the same at one position of the log";
            return Err(Failure::new(&codes::DIVERGED, text).hint(
                "creel verify DB --level deep tells whether the copy is damaged; creel replicate reseed DB makes it anew",
            ));
        }
        if report.is_clean() {
            if self.note {
                self.note(&chain)?;
            }
            return Ok(Exit::Ok);
        }
        let wrong = report.findings.iter().filter(|finding| !finding.harmless);
        let text = format!("{} findings in {}", wrong.count(), self.store.store);
        Err(Failure::new(&codes::STORE_DAMAGED, text).hint(
            "creel replicate snapshot PRIMARY --to STORE, where the primary is, passes by what is wrong below it, and creel replicate gc STORE removes that as soon as the retention allows; for the newest segment see docs/operations.md",
        ))
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

    /// Restores the store to where the copy stands, and holds the two against each other.
    fn compare(
        &self,
        ctx: &mut Context,
        chain: &creel::chain::Chain,
        copy: &OsString,
    ) -> Result<Compared, Failure> {
        let copy = DbArg { db: copy.clone() };
        let path = ctx.path(&copy)?;
        // What is compared is one moment: nobody may go on meanwhile unseen.
        let at = ctx.open_read(&copy, Interest::None)?.durable_position()?;
        let scratch = Scratch::new(None)?;
        let wish = RestoreWish {
            to: RestoreTo::Index(at.index),
            receipt: None,
            as_replica: true,
            replace: false,
        };
        let mut pace = self.store.patience.start();
        let dest = scratch.file("restored.db");
        let meter = ctx.meter("restore");
        let done = restore(chain, &dest, &wish, &mut pace, &meter);
        drop(meter);
        let done = done.map_err(|e| {
            let said = failure(e);
            said.hint("the copy has commits that the store lacks, or older ones than it keeps: creel replicate status DB")
        })?;
        if Some(done.point.history) != at.hash {
            let text = format!(
                "the copy has other commits than the store up to entry {}",
                at.index
            );
            return Err(Failure::new(&codes::DIVERGED, text).at(&path));
        }
        let found = first_difference(ctx, &dest, &path)?;
        let now = ctx.open_read(&copy, Interest::None)?.position()?;
        if found.is_some() && now.index != at.index {
            return Err(
                Failure::new(&codes::BUSY, "the copy went on while it was compared")
                    .at(&path)
                    .hint("compare a copy that nobody writes to, or a backup of it"),
            );
        }
        let key = |key: &[u8]| (!key.is_empty()).then(|| text::base64(key));
        Ok(Compared {
            path: path.display().to_string(),
            index: at.index,
            same: found.is_none(),
            differing_ranges: found.as_ref().map_or(0, |found| found.ranges),
            first: found.map(|found| FirstRange {
                from_b64: key(&found.from),
                to_b64: key(&found.to),
                keyspace: found.keyspace,
                store_entries: found.entries.0,
                copy_entries: found.entries.1,
                from: found.from,
                to: found.to,
            }),
        })
    }

    /// Tells the store that it passed.
    fn note(&self, chain: &creel::chain::Chain) -> Result<(), Failure> {
        note(chain, &self.store.patience, |catalogue, now_us| {
            catalogue.verified_us = Some(now_us);
        })
    }

    fn print(
        &self,
        ctx: &mut Context,
        report: &StoreReport,
        chain: &creel::chain::Chain,
        restored: Option<u64>,
        compared: Option<Compared>,
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
                compared,
                findings: report.findings.iter().map(line).collect(),
            });
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        for finding in &report.findings {
            let kind = if finding.harmless { "note" } else { "damage" };
            let (object, detail) = (printable(&finding.object), printable(&finding.detail));
            ctx.out.line(&format!("{kind}\t{object}\t{detail}"))?;
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
        if let Some(compared) = &compared {
            facts.push(("compared_at", compared.index.into()));
            facts.push(("differing_ranges", compared.differing_ranges.into()));
            let first = compared.first.as_ref();
            facts.extend(first.map(|first| ("first_difference", first.words().into())));
        }
        table::facts(&mut ctx.out, &facts)
    }
}
