//! A seeded generator. A failing case prints its seed; `SEED=0x... cargo test` replays it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use creel::format::checksum::mix;

/// splitmix64.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Numbers of every magnitude.
    pub fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.next() >> shift
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        self.fill(&mut out);
        out
    }

    pub fn id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        self.fill(&mut id);
        id
    }
}

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
