//! A seeded generator. A failing case prints its seed; `SEED=0x... cargo test` replays it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use creel::format::checksum::mix;

#[path = "../support/rng.rs"]
mod generator;

pub use generator::Rng;

/// Runs `case` with `count` seeds, or with the one in the environment variable SEED.
pub fn cases(name: &str, count: u64, mut case: impl FnMut(&mut Rng)) {
    let mut run = |seed: u64| {
        let result = catch_unwind(AssertUnwindSafe(|| case(&mut Rng::new(seed))));
        if let Err(panic) = result {
            println!("{name} failed with SEED={seed:#x}");
            resume_unwind(panic);
        }
    };
    match std::env::var("SEED") {
        Ok(text) => {
            let digits = text.trim_start_matches("0x");
            run(u64::from_str_radix(digits, 16).expect("SEED is a hex number"));
        }
        Err(_) => (0..count).for_each(|n| run(mix(n + 1))),
    }
}
