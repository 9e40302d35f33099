//! `creel verify`: check a file and give a verdict. Never writes.

use std::path::Path;

use clap::{Args, ValueEnum};
use creel::{Depth, Verdict, VerifyOptions, VerifyReport};

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Outcome, units};

mod reports;

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    /// Headers, log and free list
    Quick,
    /// Every page
    Full,
    /// Every value, content sums and a replay of the log
    Deep,
}

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// One object
    Json,
    /// JUnit XML, one case for each invariant
    Junit,
    /// Annotations and a step summary for GitHub workflows
    Github,
}

/// Arguments of `creel verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    db: DbArg,
    /// How thoroughly to look
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    level: Level,
    /// Count a file that needs recovery as damaged (exit 4)
    #[arg(long)]
    strict: bool,
    /// Report at most this many findings
    #[arg(long, value_name = "N", value_parser = units::count, default_value = "100")]
    max_findings: u64,
    /// Require that the log reaches at least this index
    #[arg(long, value_name = "INDEX")]
    expect_index: Option<u64>,
    /// Form of the report [default: text]
    #[arg(long, value_name = "FORM")]
    report: Option<Form>,
    /// Print length and digest in place of keys
    #[arg(long)]
    redact: bool,
}

impl Run for VerifyArgs {
    const NAME: &'static str = "verify";
    const ALIASES: &'static [&'static str] = &["check"];
    const ABOUT: &'static str = "Check the file and give a verdict; never writes";
    const EXAMPLES: &'static str = "\
Examples:
  creel verify my.db
  creel verify backup.db --level deep --strict
  creel verify my.db --report junit > verify.xml

The verdict is clean, recoverable (the last write was cut short, nothing confirmed is lost), damaged
or unreadable. It needs no write permission and works beside readers and writers.
Exit status: 0 clean or recoverable, 4 damaged or unreadable, 5 no such file, 6 not a creel database;
others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let path = ctx.path(&self.db)?;
        let options = VerifyOptions {
            level: match self.level {
                Level::Quick => Depth::Quick,
                Level::Full => Depth::Full,
                Level::Deep => Depth::Deep,
            },
            max_findings: usize::try_from(self.max_findings).unwrap_or(usize::MAX),
            expect_index: self.expect_index,
            ..VerifyOptions::default()
        };
        let meter = ctx.meter("verify");
        let report = creel::verify(&path, &options, &meter)?;
        drop(meter);
        self.print(ctx, &path, &report)?;
        Ok(match report.verdict {
            Verdict::Clean => Exit::Ok,
            Verdict::Recoverable if !self.strict => Exit::Ok,
            Verdict::Recoverable | Verdict::Damaged | Verdict::Unreadable => Exit::Corrupt,
        })
    }
}

impl VerifyArgs {
    fn print(
        &self,
        ctx: &mut Context,
        path: &Path,
        report: &VerifyReport,
    ) -> Result<(), crate::cli::Failure> {
        let form = self.report.unwrap_or(if ctx.globals.json {
            Form::Json
        } else {
            Form::Text
        });
        let level = match self.level {
            Level::Quick => "quick",
            Level::Full => "full",
            Level::Deep => "deep",
        };
        let view = reports::View {
            path,
            level,
            report,
            redact: self.redact,
        };
        match form {
            Form::Text if ctx.globals.quiet > 0 => Ok(()),
            Form::Text => view.text(&mut ctx.out),
            Form::Json => view.json(&mut ctx.out),
            Form::Junit => view.junit(&mut ctx.out),
            Form::Github => view.github(&mut ctx.out),
        }
    }
}
