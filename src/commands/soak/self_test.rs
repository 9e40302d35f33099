//! `--self-test`: does a run find what it says it would? Defects are put in one at a time.

use creel::soak::bounds::{Bounds, Judge};
use creel::soak::check::Broken;
use creel::soak::config::{Config, Limit};
use creel::soak::fleet::{Fleet, run_fleet};
use creel::soak::outcome::Verdict;
use creel::soak::plants::Plant;
use creel::soak::store::{self, Material, Place};
use creel::soak::watch::Observer;
use serde::Serialize;

use super::helper::{self, Helper};
use crate::cli::{Context, Exit, Failure, Outcome, signals};
use crate::commands::scratch::Scratch;

/// What became of one defect.
#[derive(Debug, Serialize)]
struct Tried {
    /// Its name; none: the same run without a defect.
    plant: Option<String>,
    /// It was found by a check that is meant for it (or, without one, nothing was found).
    right: bool,
    /// What was found.
    found: Option<Broken>,
}

#[derive(Serialize)]
struct Line {
    schema: &'static str,
    seed: u64,
    caught: usize,
    missed: usize,
    plants: Vec<Tried>,
}

struct Quiet;

impl Observer for Quiet {
    fn stopped(&self) -> bool {
        signals::stopped()
    }
}

/// Runs long enough for every defect to show.
fn config(seed: u64, plant: Option<Plant>) -> Config {
    shaped(seed, plant, plant == Some(Plant::Leak))
}

fn shaped(seed: u64, plant: Option<Plant>, timed: bool) -> Config {
    let usual = Config {
        seed,
        plant,
        limit: Limit::Ops(8000),
        checkpoint_every: 0,
        compact_every: 0,
        reopen_every: 3000,
        hold: 2000,
        ..Config::default()
    };
    if !timed {
        return usual;
    }
    Config {
        limit: Limit::DurationMs(3000),
        sample_every_ms: 25,
        keys: 200,
        checkpoint_every: 50,
        hold: 0,
        bounds: Bounds {
            trend: Judge::Required,
            ..Bounds::default()
        },
        ..usual
    }
}

pub(super) fn run(ctx: &mut Context, seed: u64) -> Outcome {
    let mut tried = Vec::new();
    for plant in Plant::ALL {
        let found = match plant.needs_replicas() {
            true => once_with_replicas(seed, Some(plant))?,
            false => once(&config(seed, Some(plant)))?,
        };
        let right = found
            .as_ref()
            .is_some_and(|b| plant.found_by().contains(&b.check));
        show(ctx, Some(plant), right, found.as_ref())?;
        tried.push(Tried {
            plant: Some(plant.name()),
            right,
            found,
        });
    }
    // The same runs without a defect.
    let mut found = once(&config(seed, None))?;
    if found.is_none() {
        found = once(&shaped(seed, None, true))?;
    }
    if found.is_none() {
        found = once_with_replicas(seed, None)?;
    }
    show(ctx, None, found.is_none(), found.as_ref())?;
    tried.push(Tried {
        plant: None,
        right: found.is_none(),
        found,
    });
    let missed = tried.iter().filter(|t| !t.right).count();
    let caught = tried.len() - missed;
    if ctx.globals.json {
        ctx.out.json(&Line {
            schema: "creel.soak_test/1",
            seed,
            caught,
            missed,
            plants: tried,
        })?;
    } else {
        ctx.out.line(&format!(
            "verdict\t{missed} of {} were not as they should be",
            caught + missed
        ))?;
        ctx.out
            .line(&format!("reproduce\tcreel soak --self-test --seed {seed}"))?;
    }
    Ok(match missed {
        0 => Exit::Ok,
        _ => Exit::SoakInvariant,
    })
}

fn once(config: &Config) -> Result<Option<Broken>, Failure> {
    let scratch = Scratch::new(None)?;
    let reader = Some(helper::start(Helper::Reader)?);
    let place = Place::new(scratch.file("self-test.creel"), reader);
    let found = store::run(config, &Material::new(config, None), place, &mut Quiet)?;
    if found.verdict() == Verdict::Interrupted {
        return Err(creel::Error::Interrupted.into());
    }
    Ok(found.broken().first().cloned())
}

fn once_with_replicas(seed: u64, plant: Option<Plant>) -> Result<Option<Broken>, Failure> {
    let fleet = Fleet {
        seed,
        plant,
        cycles: 4,
        commits_per_cycle: 60,
        promotion_interval: 2,
        ..Fleet::default()
    };
    let scratch = Scratch::new(None)?;
    let dir = scratch.file("copies");
    std::fs::create_dir(&dir).map_err(|e| Failure::file("create", &dir, &e))?;
    let found = run_fleet(&fleet, &dir, None, &mut Quiet)?;
    if found.verdict() == Verdict::Interrupted {
        return Err(creel::Error::Interrupted.into());
    }
    Ok(found.broken().first().cloned())
}

fn show(
    ctx: &mut Context,
    plant: Option<Plant>,
    right: bool,
    found: Option<&Broken>,
) -> Result<(), Failure> {
    if ctx.globals.json || ctx.globals.quiet > 0 {
        return Ok(());
    }
    let name = plant.map_or_else(|| "none".to_owned(), Plant::name);
    let what = match found {
        Some(broken) => format!("{}: {}", broken.check.name(), broken.detail),
        None => "nothing".to_owned(),
    };
    let word = if right { "right" } else { "WRONG" };
    let what = crate::cli::report::printable(&what);
    ctx.out
        .line(&format!("plant\t{name}\t{word}\tfound {what}"))?;
    ctx.out.flush()
}
