//! One to five nodes over a network with faults, one seed, one thread, checked after each step.
//!
//! `CREEL_SIM_SEEDS=1000000 cargo test --release --test stream simulation` runs more;
//! `CREEL_SIM_SEED=N` one of them.

mod link;
mod node;
mod oracle;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

const STEPS: usize = 500;
const SEEDS: u64 = 10_000;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Gives a hash of everything that happened.
fn run(seed: u64) -> (u64, world::Seen) {
    let result = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.heal();
        (world.trace(), world.seen)
    });
    result.unwrap_or_else(|cause| {
        eprintln!("simulation failed: CREEL_SIM_SEED={seed}");
        std::panic::resume_unwind(cause)
    })
}

#[test]
fn simulation() {
    if let Some(seed) = from_env("CREEL_SIM_SEED") {
        run(seed);
        return;
    }
    let seeds = from_env("CREEL_SIM_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut seen = world::Seen::default();
    std::thread::scope(|scope| {
        let work = || {
            let mut seen = world::Seen::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return seen;
                }
                let (trace, one) = run(seed);
                seen.add(&one);
                if seed.is_multiple_of(100) {
                    assert_eq!(run(seed).0, trace, "seed {seed} twice, two traces");
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => seen.add(&part),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
    });
    // A simulation in which nothing happens proves nothing.
    if seeds >= 200 {
        seen.check();
    }
    eprintln!("{seeds} seeds: {seen:?}");
}
