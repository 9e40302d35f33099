//! `creel salvage`: save what can be read of a damaged file into a new one.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use creel::salvage::{Salvage, SalvageOptions, Step};
use creel::sys::OsVfs;
use creel::{Depth, Verdict, VerifyOptions};

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, codes, outfile, units};

mod lost_file;
mod show;

/// What to do where the log has a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Prefer {
    /// Commits without a gap before them only
    Proven,
    /// Every commit that can be read
    Newest,
}

/// Arguments of `creel salvage`.
#[derive(Debug, Args)]
pub struct SalvageArgs {
    #[command(flatten)]
    db: DbArg,
    /// The new database
    #[arg(short, value_name = "NEW", required_unless_present = "dry_run")]
    o: Option<PathBuf>,
    /// Only say what can be saved and what is lost
    #[arg(long)]
    dry_run: bool,
    /// Write the lost ranges and commits to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    lost: Option<PathBuf>,
    /// Commits behind damage of the log: proven leaves them out, newest applies what can be read
    #[arg(long, value_name = "WHICH", default_value = "proven")]
    prefer: Prefer,
    /// Do not look for entries on single pages where no tree leads to them
    #[arg(long)]
    no_scrape: bool,
    /// Memory for sorting what is found on single pages
    #[arg(long, value_name = "SIZE", value_parser = units::size, default_value = "64MiB")]
    sort_memory: u64,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// Print length and digest in place of keys
    #[arg(long)]
    redact: bool,
}

impl Run for SalvageArgs {
    const NAME: &'static str = "salvage";
    const ABOUT: &'static str = "Save what can be read of a damaged file into a new one";
    const EXAMPLES: &'static str = "\
Examples:
  creel salvage my.db --dry-run
  creel salvage my.db -o saved.db
  creel salvage my.db -o saved.db --lost lost.jsonl
  creel salvage my.db -o saved.db --prefer newest

Says what is lost before anything is written, and never writes to DB, which may be damaged in any
way. NEW gets its name once it is whole and verified. docs/salvage.md explains the report.
Exit status: 0 nothing is lost, 3 something is lost or may be, 4 nothing can be saved, 5 no such
file, 6 not a creel database; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let path = ctx.path(&self.db)?;
        self.check_targets(&path)?;
        let options = SalvageOptions {
            scrape: !self.no_scrape,
            prefer_newest: self.prefer == Prefer::Newest,
            sort_memory: usize::try_from(self.sort_memory)
                .unwrap_or(usize::MAX)
                .max(1 << 20),
            ..SalvageOptions::default()
        };
        let near = match &self.o {
            Some(new) => new.clone(),
            None => std::env::temp_dir().join("creel"),
        };
        let meter = ctx.meter("salvage").of_bytes();
        let salvage = Salvage::survey(&path, &near, &options, &meter)?;
        let report = salvage.report();
        let sound = report.step == Step::Copy && report.complete;
        let verdict = if sound {
            Some(verdict(&path, &meter)?)
        } else {
            None
        };
        let view = show::View {
            path: &path,
            report,
            verdict,
            redact: self.redact,
        };
        view.plan(ctx, self.dry_run)?;
        // The report comes first, whatever becomes of the writing.
        ctx.out.flush()?;
        if let Some(file) = &self.lost {
            outfile::write(file, self.force, &lost_file::lines(report, self.redact)?)?;
        }
        if report.is_hopeless() {
            return Err(hopeless(&path));
        }
        if let Some(new) = self.o.as_ref().filter(|_| !self.dry_run) {
            let saved = salvage.write(new, self.force, &meter)?;
            view.result(ctx, new, &saved)?;
        }
        Ok(if report.complete {
            Exit::Ok
        } else {
            Exit::Partial
        })
    }
}

impl SalvageArgs {
    /// Files that would be written: refused before any work where that cannot be meant.
    fn check_targets(&self, path: &Path) -> Result<(), Failure> {
        if let Some(new) = self.o.as_ref().filter(|_| !self.dry_run) {
            outfile::refuse_dash(new)?;
            Salvage::check_target(path, new, self.force, &OsVfs)?;
        }
        let Some(lost) = &self.lost else {
            return Ok(());
        };
        if let Some(new) = &self.o {
            outfile::refuse_same("--lost", lost, new, "the new file")?;
        }
        outfile::refuse_same("--lost", lost, path, "the damaged file")
    }
}

/// What `verify` says of a file that salvage found nothing wrong with.
fn verdict(path: &Path, meter: &dyn creel::Progress) -> Result<Verdict, Failure> {
    let options = VerifyOptions {
        level: Depth::Full,
        ..VerifyOptions::default()
    };
    meter.begin("verify");
    Ok(creel::verify(path, &options, meter)?.verdict)
}

fn hopeless(path: &Path) -> Failure {
    Failure::new(
        &codes::CORRUPT,
        format!("nothing can be saved from {}", path.display()),
    )
    .at(path)
    .state("nothing was written; the damaged file is as it was")
    .hint("restore a backup, or fetch the data from a replica; keep the damaged file")
}
