//! `repro.json`: a failure that can be repeated, and shrunk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use creel::soak::check::{Broken, Check};
use creel::soak::config::{Config, Limit};
use creel::soak::fleet::{Fleet, run_fleet};
use creel::soak::minimize::{minimize, minimize_fleet};
use creel::soak::store::{self, Material, Place};
use creel::soak::watch::{Observer, Unwatched};
use serde::{Deserialize, Serialize};

use super::args::{Inputs, SoakArgs};
use super::helper::{self, Helper};
use super::input;
use super::parts::exit;
use super::result::Done;
use crate::cli::{Context, Failure, Outcome, codes, outfile, signals};
use crate::commands::scratch::Scratch;

/// Time that shrinking may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is needed to repeat a failure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Repro {
    /// Number of this form.
    repro: u32,
    version: String,
    pub part: String,
    pub config: Config,
    #[serde(default)]
    pub inputs: Inputs,
    #[serde(default)]
    pub fleet: Option<Fleet>,
    broken: Broken,
}

impl Repro {
    /// Of the first failure of a part.
    pub fn of(done: &Done, args: &SoakArgs) -> Option<Repro> {
        let broken = done.found.broken().first()?.clone();
        let mut config = done.part.config.clone();
        if done.part.fleet.is_none() {
            config.limit = Limit::Ops(broken.operation + 1);
        }
        Some(Repro {
            repro: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            part: done.part.name.to_owned(),
            config,
            fleet: done
                .part
                .fleet
                .clone()
                .map(|fleet| up_to_failure(fleet, done)),
            inputs: args.work.input.clone().unwrap_or_default(),
            broken,
        })
    }

    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads one.
    pub fn read(path: &Path) -> Result<Repro, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
        let repro: Repro = serde_json::from_str(&text).map_err(|e| {
            Failure::new(
                &codes::BAD_INPUT,
                format!("{} is no repro.json", path.display()),
            )
            .cause(e.to_string())
            .at(path)
            .state("nothing was run")
            .hint("a failed run with --out DIR leaves DIR/repro.json; one of another version may not be read")
        })?;
        repro.config.check()?;
        Ok(repro)
    }

    /// Leaves out what is not needed, and writes `repro.min.json` beside it.
    pub fn minimize(&self, ctx: &mut Context, path: &Path) -> Outcome {
        if let Some(fleet) = &self.fleet {
            return self.minimize_fleet(ctx, path, fleet);
        }
        if self.config.kill_every > 0 {
            return Err(Failure::usage(
                "a run with kills is never twice the same: it cannot be shrunk",
            ));
        }
        let mut config = self.config.clone();
        let pool = match self.inputs.is_empty() {
            true => None,
            false => Some(input::read(&self.inputs, &mut config)?),
        };
        let material = Material::new(&config, pool);
        let begun = Instant::now();
        let mut failed = None;
        let check = self.broken.check;
        let fails = |config: &Config| match again(config, &material) {
            Ok(found) => found == Some(check),
            Err(failure) => {
                failed.get_or_insert(failure);
                false
            }
        };
        let more = || begun.elapsed() < PATIENCE && !signals::stopped();
        let small = minimize(&config, self.broken.operation, fails, more);
        if let Some(failure) = failed {
            return Err(failure);
        }
        let result = Repro {
            config: small.config,
            ..self.clone()
        };
        let text = format!(
            "{} of {} operations are left, after {} runs",
            small.after, small.before, small.runs
        );
        result.tell(ctx, path, &text)
    }

    fn minimize_fleet(&self, ctx: &mut Context, path: &Path, fleet: &Fleet) -> Outcome {
        let begun = Instant::now();
        let mut failed = None;
        let check = self.broken.check;
        let fails = |fleet: &Fleet| match fleet_again(fleet) {
            Ok(found) => found == Some(check),
            Err(failure) => {
                failed.get_or_insert(failure);
                false
            }
        };
        let more = || begun.elapsed() < PATIENCE && !signals::stopped();
        let (small, runs) = minimize_fleet(fleet, fails, more);
        if let Some(failure) = failed {
            return Err(failure);
        }
        let text = format!(
            "{} cycles of {} commits with {} replicas are left, after {runs} runs",
            small.cycles, small.commits_per_cycle, small.replicas
        );
        let result = Repro {
            fleet: Some(small),
            ..self.clone()
        };
        result.tell(ctx, path, &text)
    }

    /// Writes what is left beside the file that it was made from.
    fn tell(&self, ctx: &mut Context, path: &Path, text: &str) -> Outcome {
        let target = smaller(path);
        outfile::write(&target, true, self.text().as_bytes())?;
        ctx.out.line(&format!("minimized\t{text}"))?;
        let target = crate::cli::report::printable(&target.to_string_lossy());
        ctx.out
            .line(&format!("reproduce\tcreel soak --replay {target}"))?;
        Ok(exit(creel::soak::outcome::Verdict::Invariant))
    }
}

/// A run by time is repeated by cycles: as many as it took.
fn up_to_failure(fleet: Fleet, done: &Done) -> Fleet {
    match done.found.fleet {
        Some(counts) => Fleet {
            duration_ms: 0,
            cycles: counts.cycles + 1,
            ..fleet
        },
        None => fleet,
    }
}

fn smaller(path: &Path) -> PathBuf {
    path.with_extension("min.json")
}

struct Quiet(Unwatched);

impl Observer for Quiet {
    fn stopped(&self) -> bool {
        signals::stopped() || self.0.stopped()
    }
}

/// The same with replicas.
fn fleet_again(fleet: &Fleet) -> Result<Option<Check>, Failure> {
    let scratch = Scratch::new(None)?;
    let dir = scratch.file("copies");
    std::fs::create_dir(&dir).map_err(|e| Failure::file("create", &dir, &e))?;
    let program = helper::start(Helper::Reader)?.program;
    let found = run_fleet(fleet, &dir, Some(&program), &mut Quiet(Unwatched))?;
    Ok(found.broken().first().map(|b| b.check))
}

/// Runs it once more and tells which check fails.
fn again(config: &Config, material: &Material) -> Result<Option<Check>, Failure> {
    let scratch = Scratch::new(None)?;
    let place = Place::new(scratch.file("again.creel"), None);
    let found = store::run(config, material, place, &mut Quiet(Unwatched))?;
    Ok(found.broken().first().map(|b| b.check))
}
