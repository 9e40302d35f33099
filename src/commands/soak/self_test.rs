//! `--self-test`: does a run find what it says it would? Defects are put in one at a time.

use creel::soak::bounds::{Bounds, Judge};
use creel::soak::check::Broken;
use creel::soak::config::{Config, Limit};
use creel::soak::fleet::{Fleet, Transport, run_fleet};
use creel::soak::outcome::Verdict;
use creel::soak::plants::Plant;
use creel::soak::store::{self, Material, Place};
use creel::soak::watch::Observer;
use serde::Serialize;

use super::helper::{self, Helper};
use crate::cli::{Context, Exit, Failure, Outcome, signals};
use crate::commands::scratch::Scratch;

/// What became of one run.
#[derive(Debug, Serialize)]
struct Tried {
    /// The defect; none: the same run without one.
    plant: Option<String>,
    /// What was run.
    run: &'static str,
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

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Over one store, long enough for every defect to show.
    Store,
    /// For some time, with what trends need.
    Timed,
    /// With replicas.
    Replicas(Transport),
}

impl Shape {
    const ALL: [Shape; 5] = [
        Shape::Store,
        Shape::Timed,
        Shape::Replicas(Transport::Path),
        Shape::Replicas(Transport::Tcp),
        Shape::Replicas(Transport::Dir),
    ];

    fn name(self) -> &'static str {
        match self {
            Shape::Store => "store",
            Shape::Timed => "store-timed",
            Shape::Replicas(transport) => transport.part(),
        }
    }

    /// Whether a defect can show in such a run.
    fn shows(self, plant: Plant) -> bool {
        match self {
            Shape::Store => !plant.needs_replicas() && plant != Plant::Leak,
            Shape::Timed => plant == Plant::Leak,
            Shape::Replicas(_) => plant.needs_replicas(),
        }
    }

    fn run(self, seed: u64, plant: Option<Plant>) -> Result<Option<Broken>, Failure> {
        match self {
            Shape::Store => once(&config(seed, plant)),
            Shape::Timed => once(&timed(config(seed, plant))),
            Shape::Replicas(transport) => once_with_replicas(seed, plant, transport),
        }
    }
}

fn config(seed: u64, plant: Option<Plant>) -> Config {
    Config {
        seed,
        plant,
        limit: Limit::Ops(8000),
        checkpoint_every: 0,
        compact_every: 0,
        reopen_every: 3000,
        hold: 2000,
        ..Config::default()
    }
}

fn timed(usual: Config) -> Config {
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
    let plants = Plant::ALL.into_iter().map(Some).chain([None]);
    for plant in plants {
        let shapes = Shape::ALL.into_iter();
        for shape in shapes.filter(|shape| plant.is_none_or(|plant| shape.shows(plant))) {
            let found = shape.run(seed, plant)?;
            let right = match plant {
                None => found.is_none(),
                Some(plant) => {
                    let known = |b: &Broken| plant.found_by().contains(&b.check);
                    found.as_ref().is_some_and(known)
                }
            };
            let one = Tried {
                plant: plant.map(Plant::name),
                run: shape.name(),
                right,
                found,
            };
            show(ctx, &one)?;
            tried.push(one);
        }
    }
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

fn once_with_replicas(
    seed: u64,
    plant: Option<Plant>,
    transport: Transport,
) -> Result<Option<Broken>, Failure> {
    let fleet = Fleet {
        seed,
        plant,
        transport,
        cycles: 4,
        commits_per_cycle: 60,
        promotion_interval: 2,
        ..Fleet::default()
    };
    let scratch = Scratch::new(None)?;
    let dir = scratch.file("copies");
    std::fs::create_dir(&dir).map_err(|e| Failure::file("create", &dir, &e))?;
    let program = helper::start(Helper::Reader)?.program;
    let found = run_fleet(&fleet, &dir, Some(&program), &mut Quiet)?;
    if found.verdict() == Verdict::Interrupted {
        return Err(creel::Error::Interrupted.into());
    }
    Ok(found.broken().first().cloned())
}

fn show(ctx: &mut Context, tried: &Tried) -> Result<(), Failure> {
    if ctx.globals.json || ctx.globals.quiet > 0 {
        return Ok(());
    }
    let name = tried.plant.as_deref().unwrap_or("none");
    let what = match &tried.found {
        Some(broken) => format!("{}: {}", broken.check.name(), broken.detail),
        None => "nothing".to_owned(),
    };
    let word = if tried.right { "right" } else { "WRONG" };
    let what = crate::cli::report::printable(&what);
    let run = tried.run;
    ctx.out
        .line(&format!("plant\t{name}\t{run}\t{word}\tfound {what}"))?;
    ctx.out.flush()
}
