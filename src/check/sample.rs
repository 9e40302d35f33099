//! Checking a part of the leaves, chosen so that several runs together check all.

use crate::format::header::{Header, first_page};

/// Neighbouring pages are chosen together, so that they are read together.
const STRIPE: u32 = 16;

/// Which leaves, with their large values, a check looks at. Headers, log, free list and branches are
/// always checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    /// One of several parts, from 1. The parts are cut by page number: together they are
    /// everything, as far as it stays where it is between the runs.
    Part {
        /// Which one.
        part: u64,
        /// Of how many.
        of: u64,
    },
    /// About this share of them.
    Share {
        /// In percent.
        percent: f64,
        /// The same seed chooses the same pages.
        seed: u64,
    },
    /// About as many as make this many bytes.
    Bytes {
        /// The bytes.
        bytes: u64,
        /// The same seed chooses the same pages.
        seed: u64,
    },
}

/// What a sampled check came to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Leaves of the tree.
    pub leaves: u64,
    /// Those that were checked.
    pub checked: u64,
}

/// Chooses pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chooser(Rule);

#[derive(Debug, Clone, Copy)]
enum Rule {
    Modulo { rest: u64, of: u64 },
    Below { limit: f64, seed: u64 },
}

impl Chooser {
    /// For the tree of this header.
    pub fn new(sample: Sample, header: &Header) -> Chooser {
        Chooser(match sample {
            Sample::Part { part, of } => Rule::Modulo {
                rest: part.saturating_sub(1),
                of: of.max(1),
            },
            Sample::Share { percent, seed } => Rule::Below {
                limit: percent / 100.0,
                seed,
            },
            Sample::Bytes { bytes, seed } => Rule::Below {
                limit: bytes as f64 / used_bytes(header).max(1) as f64,
                seed,
            },
        })
    }

    /// Whether a page is to be checked.
    pub fn takes(self, page: u32) -> bool {
        let stripe = u64::from(page / STRIPE);
        match self.0 {
            Rule::Modulo { rest, of } => stripe % of == rest,
            Rule::Below { limit, seed } => share(stripe, seed) < limit,
        }
    }
}

/// Bytes that are neither free nor log.
fn used_bytes(header: &Header) -> u64 {
    let log: u64 = header.regions.iter().map(|r| u64::from(r.pages)).sum();
    let free = u64::from(header.free_available) + u64::from(header.free_pending);
    let other = log + free + u64::from(first_page(header.page_size()));
    u64::from(header.page_count).saturating_sub(other) * header.page_size() as u64
}

/// A number from 0 to 1 that follows from the stripe and the seed: splitmix64.
fn share(stripe: u64, seed: u64) -> f64 {
    let mut x = seed.wrapping_add((stripe + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn taken(rule: Rule) -> Vec<u32> {
        let chooser = Chooser(rule);
        (0..100_000).filter(|&page| chooser.takes(page)).collect()
    }

    #[test]
    fn the_parts_are_everything_and_meet_nowhere() {
        let mut all: Vec<u32> = (0..7)
            .flat_map(|rest| taken(Rule::Modulo { rest, of: 7 }))
            .collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100_000));
    }

    #[test]
    fn a_share_is_about_as_large_as_asked_and_follows_from_the_seed() {
        for limit in [0.0, 0.05, 0.5, 1.0] {
            let some = taken(Rule::Below { limit, seed: 7 });
            let found = some.len() as f64 / 100_000.0;
            assert!((found - limit).abs() < 0.01, "{found} for {limit}");
            assert_eq!(some, taken(Rule::Below { limit, seed: 7 }));
        }
        let limit = 0.3;
        let (a, b) = (
            Rule::Below { limit, seed: 1 },
            Rule::Below { limit, seed: 2 },
        );
        assert_ne!(taken(a), taken(b));
    }
}
