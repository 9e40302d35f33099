//! What is printed: the configuration first, the result at the end, the line that does the same
//! again last of all.

use creel::soak::text::name;

use super::parts::Part;
use super::result::Report;
use crate::cli::units::human_size;
use crate::cli::{Context, Failure};

/// The configuration, before anything is done.
pub(super) fn plan(ctx: &mut Context, parts: &[Part]) -> Result<(), Failure> {
    if ctx.globals.json || ctx.globals.quiet > 0 {
        return Ok(());
    }
    for part in parts {
        let config = match &part.fleet {
            Some(fleet) => serde_json::to_value(fleet),
            None => serde_json::to_value(&part.config),
        }
        .unwrap_or_default();
        let fields: Vec<String> = config
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        ctx.out
            .line(&format!("config\t{}\t{}", part.name, fields.join(" ")))?;
    }
    ctx.out.flush()
}

impl Report<'_> {
    pub fn print(&self, ctx: &mut Context) -> Result<(), Failure> {
        if ctx.globals.json {
            return ctx.out.json(&self.line(None));
        }
        if ctx.globals.quiet == 0 {
            self.details(ctx)?;
        }
        for broken in self.ledger().broken() {
            let (check, at) = (broken.check, broken.operation);
            let detail = crate::cli::report::printable(&broken.detail);
            ctx.out.line(&format!(
                "broken\t{}\toperation {at}\t{detail}",
                check.name()
            ))?;
        }
        for done in &self.done {
            for note in &done.found.inconclusive {
                ctx.out
                    .line(&format!("inconclusive\t{}\t{note}", done.part.name))?;
            }
        }
        ctx.out
            .line(&format!("verdict\t{}", name(&self.verdict())))?;
        if let Some(database) = &self.database {
            let path = crate::cli::report::printable(&database.to_string_lossy());
            ctx.out.line(&format!("database\t{path}"))?;
        }
        ctx.out.line(&format!("reproduce\t{}", self.reproduce()))
    }

    fn details(&self, ctx: &mut Context) -> Result<(), Failure> {
        for done in &self.done {
            let (found, part) = (&done.found, done.part.name);
            let (commits, reads) = found.quantiles();
            let us = |ns: u64| ns as f64 / 1000.0;
            ctx.out.line(&format!(
                "part\t{part}\t{} operations in {:.1} s, {:.0}/s",
                found.operations,
                found.elapsed_s,
                found.rate()
            ))?;
            ctx.out.line(&format!(
                "latency\t{part}\tcommit p50 {:.1} us p99 {:.1} us max {:.0} us; read p50 {:.1} us p99 {:.1} us",
                us(commits.p50_ns), us(commits.p99_ns), us(commits.max_ns), us(reads.p50_ns), us(reads.p99_ns)
            ))?;
            if let Some((first, last)) = found.quarter_rates() {
                ctx.out.line(&format!(
                    "pace\t{part}\tfirst quarter {first:.0}/s, last quarter {last:.0}/s"
                ))?;
            }
            if let Some(memory) = found.trends.memory {
                ctx.out.line(&format!(
                    "memory\t{part}\tgrows by less than {:.0} bytes in ten minutes, with 99 % confidence ({} samples)",
                    (memory.high_per_s * 600.0).max(0.0),
                    memory.samples
                ))?;
            }
            ctx.out.line(&format!(
                "written\t{part}\t{}, {} syncs",
                human_size(found.bytes_written),
                found.syncs
            ))?;
            if let Some(fleet) = &found.fleet {
                let counts = serde_json::to_value(fleet).unwrap_or_default();
                for (name, value) in counts.as_object().into_iter().flatten() {
                    ctx.out.line(&format!("{name}\t{part}\t{value}"))?;
                }
            }
            for fault in &found.faults {
                let t = fault.tally;
                ctx.out.line(&format!(
                    "fault\t{part}\t{}: {} prepared, {} struck, {} reported, {} harmless",
                    fault.kind.name(),
                    t.armed,
                    t.struck,
                    t.reported,
                    t.harmless
                ))?;
            }
            ctx.out
                .line(&format!("operation_hash\t{part}\t{}", found.operation_hash))?;
            if let Some(digest) = found.digest() {
                ctx.out.line(&format!("final_digest\t{part}\t{digest}"))?;
            }
        }
        for standing in self.ledger().standings() {
            let check = standing.check;
            ctx.out.line(&format!(
                "check\t{}\t{} held, {} failed\t{}",
                check.name(),
                standing.passed,
                standing.failed,
                check.text()
            ))?;
        }
        Ok(())
    }
}
