//! Random sequences of operations against a `BTreeMap` per keyspace.
//!
//! `CREEL_SEED=N` replays one sequence with its steps printed, `CREEL_SEQUENCES=N` runs more (or
//! fewer) than the usual number. A sequence depends on its seed alone, except for the timing of
//! background checkpoints.

mod check;
mod generate;
mod hold;
mod reference;
mod steps;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::rng::Rng;
use crate::scratch::Scratch;
use world::World;

const SEQUENCES: u64 = 2000;
const STEPS: usize = 100;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
    )
}

fn run_sequence(seed: u64, trace: bool) {
    let scratch = Scratch::new();
    let mut world = World::new(Rng::new(seed), &scratch, trace);
    for step in 0..STEPS {
        world.now(step);
        world.step();
    }
    world.finish();
}

#[test]
fn random_sequences_behave_like_a_map() {
    if let Some(seed) = number("CREEL_SEED") {
        return run_sequence(seed, true);
    }
    let count = number("CREEL_SEQUENCES").unwrap_or(SEQUENCES);
    let base = number("CREEL_SEED_BASE").unwrap_or(1);
    let (next, stop) = (AtomicU64::new(base), AtomicBool::new(false));
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= base + count {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run_sequence(seed, false))) {
                stop.store(true, Ordering::Relaxed);
                println!("replay with: CREEL_SEED={seed} cargo test --test engine random_");
                resume_unwind(panic);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| {
            scope.spawn(work);
        });
    });
}
