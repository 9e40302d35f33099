//! Random numbers that follow from a seed and a counter alone, on every machine.

/// The step of the counter in SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads the bits of a number (the finaliser of SplitMix64).
#[inline]
pub fn mix(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What numbers are drawn for: draws for different purposes have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The operation with a counter.
    Operation = 1,
    /// The bytes of a value.
    Value = 2,
    /// The bytes of a key.
    Key = 3,
    /// When and how a fault strikes.
    Fault = 4,
    /// When a worker is killed.
    Kill = 5,
    /// What happens to the replicas in a cycle.
    Cycle = 6,
}

/// A row of numbers.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The row for this counter.
    #[inline]
    pub fn at(seed: u64, purpose: Purpose, counter: u64) -> Draw {
        let base = mix(seed.wrapping_add((purpose as u64).wrapping_mul(STEP)));
        Draw(mix(base ^ mix(counter.wrapping_mul(STEP) ^ base)))
    }

    /// The next number.
    #[inline]
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `end`, 0 where there is none.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `low` to `high`.
    #[inline]
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `parts` of `whole` cases.
    #[inline]
    pub fn chance(&mut self, parts: u64, whole: u64) -> bool {
        self.below(whole) < parts
    }

    /// Adds `len` bytes.
    pub fn fill(&mut self, out: &mut Vec<u8>, len: usize) {
        const LANES: usize = 4;
        let at = out.len();
        out.resize(at + len.next_multiple_of(8 * LANES), 0);
        let state = self.number() | 1;
        // Several rows at once: none waits for the other.
        let mut lanes: [u64; LANES] =
            std::array::from_fn(|lane| state ^ (lane as u64).wrapping_mul(STEP));
        let whole = out.get_mut(at..).unwrap_or(&mut []);
        for chunk in whole.chunks_exact_mut(8 * LANES) {
            for (lane, bytes) in lanes.iter_mut().zip(chunk.chunks_exact_mut(8)) {
                *lane = lane.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(29) ^ STEP;
                bytes.copy_from_slice(&lane.to_le_bytes());
            }
        }
        out.truncate(at + len);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_row_follows_from_seed_purpose_and_counter() {
        let row = |seed, purpose, counter| {
            let mut draw = Draw::at(seed, purpose, counter);
            [draw.number(), draw.number(), draw.below(1000)]
        };
        let one = row(1, Purpose::Operation, 7);
        assert_eq!(one, row(1, Purpose::Operation, 7));
        for other in [
            row(2, Purpose::Operation, 7),
            row(1, Purpose::Value, 7),
            row(1, Purpose::Operation, 8),
        ] {
            assert_ne!(one, other);
        }
        // The same on every machine, for ever: reports of other machines are compared with ours.
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut seen = [0; 10];
        for counter in 0..10_000 {
            let number = Draw::at(9, Purpose::Operation, counter).below(10) as usize;
            *seen.get_mut(number).unwrap() += 1;
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        let mut bytes = Vec::new();
        Draw::at(1, Purpose::Value, 1).fill(&mut bytes, 100_001);
        assert_eq!(bytes.len(), 100_001);
        let ones: u32 = bytes.iter().map(|b| b.count_ones()).sum();
        assert!((395_000..405_000).contains(&ones), "{ones}");
    }
}
