//! `creel compact`: give free space back.

use std::path::{Path, PathBuf};

use clap::Args;
use creel::sys::machine;
use creel::{
    CompactOptions, CompactReport, CopyOptions, Db, Depth, Interest, Invariant, NoProgress,
    Verdict, VerifyOptions,
};
use serde::Serialize;

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::log::Level;
use crate::cli::table::{self, Value};
use crate::cli::{Context, Exit, Failure, Outcome, codes, outfile, units};

/// Arguments of `creel compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    #[command(flatten)]
    db: DbArg,
    /// Write a dense copy to this new file and leave the database as it is
    #[arg(short, value_name = "NEW", conflicts_with_all = ["dry_run", "min_gain"])]
    o: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "o")]
    force: bool,
    /// Estimate the new size, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do nothing where less than this would be gained
    #[arg(long, value_name = "PERCENT", value_parser = units::percent)]
    min_gain: Option<f64>,
    /// Write at most this much in a second, for example 20MB/s
    #[arg(long, value_name = "SIZE/s", value_parser = units::rate)]
    rate: Option<u64>,
    /// Do not verify the result
    #[arg(long)]
    no_verify: bool,
}

#[derive(Serialize)]
struct CompactLine {
    schema: &'static str,
    done: bool,
    dry_run: bool,
    reason: String,
    output: Option<String>,
    bytes_before: u64,
    bytes_after: u64,
    entries: u64,
    content_sum_before: String,
    content_sum_after: String,
    rounds: u64,
    verified: bool,
}

impl Run for CompactArgs {
    const NAME: &'static str = "compact";
    const ABOUT: &'static str = "Give free space back, in place or as a dense copy";
    const EXAMPLES: &'static str = "\
Examples:
  creel compact my.db
  creel compact my.db --dry-run
  creel compact my.db --min-gain 10%
  creel compact my.db --rate 20MB/s
  creel compact my.db -o copy.db

In place means: pages move from the tail of the file into free space, then the file is cut. Readers
and writers go on meanwhile, and it can be interrupted at any instant. --rate spares the device for
others; where a writer would have to wait, it hurries. A dense copy needs as much space as it will
have, which is looked for first; NEW gets its name when it is whole, durable and
verified, content sum included.
Exit status: 0 done or not worth it, 4 damaged, 8 no space, 130 interrupted; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let meter = ctx.meter("compact").of_bytes();
        let (report, result) = match &self.o {
            Some(new) => {
                outfile::refuse_dash(new)?;
                let db = ctx.open_read(&self.db, Interest::All)?;
                look_for_room(&db, new)?;
                let options = CopyOptions {
                    replace: self.force,
                    rate: self.rate,
                    verify: (!self.no_verify).then_some(Depth::Deep),
                };
                let report = db.copy_dense_with(new, &options, &meter)?;
                db.close()?;
                (report, new.clone())
            }
            None => {
                let db = if self.dry_run {
                    ctx.open_read(&self.db, Interest::All)?
                } else {
                    ctx.open_write(&self.db, Interest::All, false)?
                };
                let options = CompactOptions {
                    dry_run: self.dry_run,
                    min_gain_percent: self.min_gain.unwrap_or(0.0),
                    rate: self.rate,
                };
                let report = db.compact(&options, &meter)?;
                let path = db.path().to_owned();
                db.close()?;
                (report, path)
            }
        };
        drop(meter);
        let fields = [
            ("done", report.done.into()),
            ("rounds", report.rounds.into()),
            ("bytes_before", report.bytes_before.into()),
            ("bytes_after", report.bytes_after.into()),
        ];
        ctx.log.event(Level::Info, "compact", "ended", &fields);
        let changed = report.done && !self.dry_run;
        if changed && report.content_sum_before != report.content_sum_after {
            return Err(sums_differ(&report, &result));
        }
        let verified = changed && !self.no_verify;
        if verified && self.o.is_none() {
            check(ctx, &result)?;
        }
        self.print(ctx, &report, verified)?;
        Ok(Exit::Ok)
    }
}

/// Refuses a copy for which there is surely no room, before anything is written. The size is an
/// estimate from some of the leaves, so a tenth less may do.
fn look_for_room(db: &Db, new: &Path) -> Result<(), Failure> {
    let directory = match new.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Ok(room) = machine::room(directory) else {
        return Ok(()); // making the file says why
    };
    let estimate = CompactOptions {
        dry_run: true,
        ..CompactOptions::default()
    };
    let needed = db.compact(&estimate, &NoProgress)?.bytes_after;
    if room.available >= needed / 10 * 9 {
        return Ok(());
    }
    let what = format!(
        "{} has no room for a copy of about {}",
        directory.display(),
        units::human_size(needed)
    );
    Err(Failure::new(&codes::IO, what)
        .cause(format!("{} are free", units::human_size(room.available)))
        .at(new)
        .state("no file was made")
        .hint("creel compact DB, without -o, needs no second copy")
        .detail("needed_bytes", needed)
        .detail("available_bytes", room.available))
}

/// The result has to pass before success is reported. Deep, so that the content sum is that of what
/// is there, not what the header says.
fn check(ctx: &Context, path: &Path) -> Result<(), Failure> {
    let meter = ctx.meter("verify").of_bytes();
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &meter)?;
    if matches!(report.verdict, Verdict::Clean | Verdict::Recoverable) {
        return Ok(());
    }
    let (id, detail) = match report.findings.first() {
        Some(finding) => (finding.id, finding.detail.to_string()),
        None => (Invariant::P1, "the file cannot be read".to_owned()),
    };
    Err(Failure::from(creel::Error::corrupt(id, detail))
        .at(path)
        .state("the compacted file does not pass verification"))
}

fn sums_differ(report: &CompactReport, path: &Path) -> Failure {
    let detail = format!(
        "content sum {:016x} before, {:016x} after",
        report.content_sum_before, report.content_sum_after
    );
    Failure::from(creel::Error::corrupt(Invariant::T11, detail)).at(path)
}

impl CompactArgs {
    fn print(&self, ctx: &mut Context, r: &CompactReport, verified: bool) -> Result<(), Failure> {
        let done = r.done && !self.dry_run;
        if ctx.globals.json {
            return ctx.out.json(&CompactLine {
                schema: "creel.compact/1",
                done,
                dry_run: self.dry_run,
                reason: r.reason.to_string(),
                output: self.o.as_ref().map(|p| p.to_string_lossy().into_owned()),
                bytes_before: r.bytes_before,
                bytes_after: r.bytes_after,
                entries: r.entries,
                content_sum_before: format!("{:016x}", r.content_sum_before),
                content_sum_after: format!("{:016x}", r.content_sum_after),
                rounds: r.rounds,
                verified,
            });
        }
        if ctx.globals.quiet > 0 {
            return Ok(());
        }
        let word = |yes| Value::from(if yes { "yes" } else { "no" });
        table::facts(
            &mut ctx.out,
            &[
                ("done", word(done)),
                ("reason", r.reason.into()),
                ("bytes_before", Value::Bytes(r.bytes_before)),
                ("bytes_after", Value::Bytes(r.bytes_after)),
                ("entries", r.entries.into()),
                (
                    "content_sum",
                    format!("{:016x}", r.content_sum_after).into(),
                ),
                ("verified", word(verified)),
            ],
        )
    }
}
