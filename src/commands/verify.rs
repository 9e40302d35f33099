//! `creel verify`: check a file and give a verdict. Never writes, unless asked to note that it passed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use creel::sys::{OsVfs, Vfs};
use creel::{Coverage, Depth, Verdict, VerifyOptions, VerifyReport};

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::log;
use crate::cli::{Context, Exit, Failure, Outcome, units};

mod against;
mod ci;
mod reports;
mod sample;
mod self_test;

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
    /// Check only a part of the leaves: 5%, 3/7 (the third of seven parts) or 1GiB
    #[arg(long, value_name = "5%|N/T|SIZE", value_parser = sample::parse)]
    sample: Option<sample::Wanted>,
    /// Seed of --sample and --self-test [default: a new one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Compare the contents with those of another database or export
    #[arg(long, value_name = "FILE|DB", conflicts_with = "sample")]
    against: Option<OsString>,
    /// Flip this many bits of a temporary copy, one at a time, and count how many are noticed
    #[arg(long, value_name = "N", value_parser = units::count, conflicts_with = "sample")]
    self_test: Option<u64>,
    /// Note in the file that it passed, for creel replicate status --check verified=TIME: the one thing that
    /// is ever written
    #[arg(long, conflicts_with = "sample")]
    note: bool,
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
    const ABOUT: &'static str = "Check the file and give a verdict";
    const EXAMPLES: &'static str = "\
Examples:
  creel verify my.db
  creel verify backup.db --level deep --strict
  creel verify my.db --report junit > verify.xml
  creel verify my.db --sample $(date +%u)/7
  creel verify my.db --against my.jsonl.zst
  creel verify my.db --self-test 200
  creel verify my.db --level deep --note && creel replicate status my.db --check verified=8d

The verdict is clean, recoverable (the last write was cut short, nothing confirmed is lost), damaged
or unreadable. Without --note it needs no write permission and works beside readers and writers. --sample 3/7 checks
the third of seven parts of the leaves, so that a week of daily runs has checked all of them; the report
states how much was seen. --self-test works on a copy in $TMPDIR.
Exit status: 0 clean or recoverable, 1 --against holds something else, 4 damaged or unreadable, 5 no such
file, 6 not a creel database, 20 --self-test: a flipped bit went unnoticed, 23 nothing was sampled or
flipped; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        self.refuse_nonsense()?;
        let path = ctx.path(&self.db)?;
        let seed = self.seed.map_or_else(sample::random_seed, Ok)?;
        let mut options = self.options();
        options.sample = self.sample.map(|wanted| wanted.with(seed));
        let meter = ctx.meter("verify").of_bytes();
        let report = creel::verify(&path, &options, &meter)?;
        drop(meter);
        let fields = [
            ("findings", (report.findings.len() as u64).into()),
            ("pages", report.pages.into()),
            ("bytes", report.bytes.into()),
            ("pinned", report.pinned.into()),
        ];
        ctx.log
            .event(log::Level::Info, "verify", "checked", &fields);
        let mut extras = Extras {
            sample: self.sample.map(|wanted| (wanted, seed)),
            ..Extras::default()
        };
        let sound = match report.verdict {
            Verdict::Clean => true,
            Verdict::Recoverable => !self.strict,
            Verdict::Damaged | Verdict::Unreadable => false,
        };
        if sound && let Some(other) = &self.against {
            extras.against = Some(against::compare(ctx, &path, other)?);
        }
        if sound && let Some(flips) = self.self_test {
            extras.self_test = Some(self_test::run(ctx, &path, flips, seed, options.level)?);
        }
        self.print(ctx, &path, &report, &extras)?;
        if self.note && report.verdict == Verdict::Clean && extras.exit(report.coverage) == Exit::Ok
        {
            let db = ctx.open_write(&self.db, creel::Interest::None, false)?;
            let now_us = OsVfs.now_us();
            db.change_facts(|facts| facts.verified_us = now_us)?;
            db.close()?;
        }
        Ok(if sound {
            extras.exit(report.coverage)
        } else {
            Exit::Corrupt
        })
    }
}

/// What was done besides the check itself.
#[derive(Debug, Default)]
struct Extras {
    sample: Option<(sample::Wanted, u64)>,
    against: Option<against::Compared>,
    self_test: Option<self_test::Tested>,
}

impl Extras {
    /// The status after a check that found no damage.
    fn exit(&self, coverage: Option<Coverage>) -> Exit {
        let nothing = |coverage: Coverage| coverage.checked == 0 && coverage.leaves > 0;
        let a_share = self.sample.is_some_and(|(wanted, _)| !wanted.is_part());
        if self.self_test.as_ref().is_some_and(|t| t.missed > 0) {
            return Exit::SoakInvariant;
        }
        if self.against.as_ref().is_some_and(|a| !a.same()) {
            return Exit::No;
        }
        let idle = self.self_test.as_ref().is_some_and(|t| t.caught == 0);
        if idle || a_share && coverage.is_some_and(nothing) {
            return Exit::Inconclusive;
        }
        Exit::Ok
    }
}

impl VerifyArgs {
    fn refuse_nonsense(&self) -> Result<(), Failure> {
        let quick = matches!(self.level, Level::Quick);
        if quick && (self.sample.is_some() || self.self_test.is_some()) {
            return Err(Failure::usage("level quick looks at no leaf at all")
                .hint("leave out --level quick"));
        }
        if quick && self.note {
            return Err(Failure::usage("level quick does not look at every page")
                .hint("leave out --level quick, or --note"));
        }
        if self.seed.is_some() && self.sample.is_none() && self.self_test.is_none() {
            return Err(Failure::usage("--seed is for --sample and --self-test"));
        }
        Ok(())
    }

    /// Where --against names a database its history is compared, too.
    fn other_copy(&self) -> Option<PathBuf> {
        let path = PathBuf::from(self.against.as_ref()?);
        creel::info(&path).is_ok().then_some(path)
    }

    fn options(&self) -> VerifyOptions {
        VerifyOptions {
            level: match self.level {
                Level::Quick => Depth::Quick,
                Level::Full => Depth::Full,
                Level::Deep => Depth::Deep,
            },
            max_findings: usize::try_from(self.max_findings).unwrap_or(usize::MAX),
            expect_index: self.expect_index,
            against: self.other_copy(),
            ..VerifyOptions::default()
        }
    }

    fn print(
        &self,
        ctx: &mut Context,
        path: &Path,
        report: &VerifyReport,
        extras: &Extras,
    ) -> Result<(), Failure> {
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
            extras,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_that_went_unnoticed_is_status_20() {
        let tested = |caught, missed| Extras {
            self_test: Some(self_test::Tested {
                flips: 10,
                caught,
                missed,
                ..Default::default()
            }),
            ..Extras::default()
        };
        assert_eq!(tested(10, 0).exit(None), Exit::Ok);
        assert_eq!(tested(9, 1).exit(None), Exit::SoakInvariant);
        assert_eq!(tested(0, 0).exit(None), Exit::Inconclusive);
        let coverage = |checked| Some(Coverage { leaves: 5, checked });
        let sampled = |wanted| Extras {
            sample: Some((wanted, 1)),
            ..Extras::default()
        };
        let share = sampled(sample::Wanted::Percent(1.0));
        assert_eq!(share.exit(coverage(0)), Exit::Inconclusive);
        assert_eq!(share.exit(coverage(1)), Exit::Ok);
        // One part of a small file may be empty; all parts together are not.
        let part = sampled(sample::Wanted::Part(1, 7));
        assert_eq!(part.exit(coverage(0)), Exit::Ok);
    }
}
