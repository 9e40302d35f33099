//! One to five nodes, a network, an object store, disks and clocks, all with faults: one seed, one
//! thread, checked after each step. The sessions of `creel::stream`, the rules and the objects of
//! `creel::chain`, and the entries of `creel::format` are those of the program; a node's file is its log.
//!
//! `CREEL_SIM_SEEDS=1000000 cargo test --release --test stream simulation` runs more;
//! `CREEL_SIM_FROM=N` begins with another one; `CREEL_SIM_SEED=N` is one of them.

mod chain;
mod heal;
mod holds;
mod link;
mod node;
mod oracle;
mod promotion;
mod seen;
mod store;
mod tokens;
mod tools;
mod traffic;
mod world;

use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use seen::{Seen, Weak};
use world::World;

const STEPS: usize = 500;
const SEEDS: u64 = 10_000;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Gives a hash of everything that happened.
fn run(seed: u64) -> (u64, Seen) {
    let result = std::panic::catch_unwind(|| run_weak(seed, Weak::Nothing));
    result.unwrap_or_else(|cause| {
        eprintln!("simulation failed: CREEL_SIM_SEED={seed}");
        std::panic::resume_unwind(cause)
    })
}

fn run_weak(seed: u64, weak: Weak) -> (u64, Seen) {
    let mut world = World::new(seed, weak);
    for _ in 0..STEPS {
        world.step();
    }
    world.heal();
    (world.trace(), world.seen)
}

/// I13: the same world once more, in which nobody sets the clock, goes the same way at each step.
/// Gives a hash of it.
fn run_without_a_clock(seed: u64, weak: Weak) -> u64 {
    let mut set = World::new(seed, weak);
    let mut still = World::new(seed, weak);
    still.still = true;
    for step in 0..STEPS {
        set.step();
        still.step();
        assert!(
            set.stands_as(&still),
            "step {step}: the clock decided something"
        );
    }
    set.heal();
    still.heal();
    assert!(
        set.stands_as(&still),
        "at the end: the clock decided something"
    );
    still.trace()
}

/// Seeds until the planted mistake is noticed, and by the check that is there for it.
fn noticed(weak: Weak, by: &str) {
    noticed_by(weak, by, 0, |seed| run_weak(seed, weak).0);
}

fn noticed_by(weak: Weak, by: &str, from: u64, run: impl Fn(u64) -> u64 + RefUnwindSafe) {
    let seeds = SEEDS;
    for seed in from..from + seeds {
        let Err(cause) = std::panic::catch_unwind(|| run(seed)) else {
            continue;
        };
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or(cause.downcast_ref::<&str>().copied())
            .unwrap_or_default();
        assert!(text.contains(by), "{weak:?}, seed {seed}: {text}");
        eprintln!("{weak:?}: noticed with seed {seed}");
        return;
    }
    panic!("{weak:?} was not noticed in {seeds} seeds");
}

#[test]
fn a_store_that_ignores_the_condition_is_noticed() {
    noticed(Weak::CarelessStore, "is not in the history");
}

#[test]
fn a_promotion_that_does_not_look_behind_its_fence_is_noticed() {
    noticed(Weak::NoListBehind, "is not in the history");
}

#[test]
fn fences_that_are_removed_are_noticed() {
    noticed(Weak::FencesRemoved, "is gone");
}

#[test]
fn a_reader_that_does_not_ask_for_floors_is_noticed() {
    // One seed in 5,000 has a reader that sleeps at the very number that is removed and made again.
    let weak = Weak::IgnoresFloors;
    noticed_by(weak, "delivered: segment", SEEDS, |seed| {
        run_weak(seed, weak).0
    });
}

#[test]
fn a_primary_started_anew_that_does_not_look_behind_its_first_segment_is_noticed() {
    noticed(Weak::FirstUnseen, "confirmed: segment");
}

#[test]
fn entries_that_are_shipped_before_they_are_durable_are_noticed() {
    noticed(Weak::ShipsUnsynced, "before it was durable");
}

#[test]
fn a_tail_that_is_taken_back_before_it_is_saved_is_noticed() {
    noticed(Weak::RewindsUnsaved, "nowhere saved");
}

#[test]
fn a_copy_with_other_data_at_the_same_position_is_noticed() {
    noticed(Weak::AppliesWrongData, "other data");
}

#[test]
fn tokens_that_are_answered_by_their_number_are_noticed() {
    noticed(Weak::TokensByNumber, "is not the commit");
}

#[test]
fn holds_in_the_store_without_caps_are_noticed() {
    noticed(Weak::StoreWithoutCaps, "more than the caps of its holds");
}

#[test]
fn holds_in_a_file_without_caps_are_noticed() {
    noticed(Weak::FileWithoutCaps, "more than the caps of its holds");
}

#[test]
fn a_promotion_that_asks_the_clock_is_noticed() {
    let weak = Weak::AsksTheClock;
    noticed_by(weak, "the clock decided", 0, |seed| {
        run_without_a_clock(seed, weak)
    });
}

#[test]
fn simulation() {
    if let Some(seed) = from_env("CREEL_SIM_SEED") {
        run(seed);
        return;
    }
    let seeds = from_env("CREEL_SIM_SEEDS").unwrap_or(SEEDS);
    let from = from_env("CREEL_SIM_FROM").unwrap_or(0);
    let next = AtomicU64::new(from);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut seen = Seen::default();
    std::thread::scope(|scope| {
        let work = || {
            let mut seen = Seen::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return seen;
                }
                if seed.is_multiple_of(100_000) && seed > from {
                    eprintln!("seed {seed}");
                }
                let (trace, one) = run(seed);
                seen.add(&one);
                if seed.is_multiple_of(100) {
                    let again = run_without_a_clock(seed, Weak::Nothing);
                    assert_eq!(again, trace, "seed {seed} twice, two traces");
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
    if seeds - from >= SEEDS {
        seen.check();
    }
    eprintln!("seeds {from} to {seeds}: {seen:?}");
}
