//! Quantiles of lengths in bounded memory.

use std::collections::BTreeMap;

/// How lengths spread.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quantiles {
    /// Smallest.
    pub min: u64,
    /// Half are at most this long.
    pub p50: u64,
    /// 90 percent are at most this long.
    pub p90: u64,
    /// 99 percent are at most this long.
    pub p99: u64,
    /// Largest.
    pub max: u64,
    /// Average.
    pub mean: f64,
}

/// Lengths up to this are counted one by one, longer ones to within 0.1 percent.
const EXACT: u64 = 4096;

/// Counts lengths, each with a weight.
#[derive(Debug, Default)]
pub(super) struct Spread {
    buckets: BTreeMap<u64, f64>,
    weight: f64,
    sum: f64,
    min: Option<u64>,
    max: u64,
}

impl Spread {
    pub fn add(&mut self, length: u64, weight: f64) {
        *self.buckets.entry(bucket(length)).or_default() += weight;
        self.weight += weight;
        self.sum += weight * length as f64;
        self.min = Some(self.min.map_or(length, |min| min.min(length)));
        self.max = self.max.max(length);
    }

    pub fn quantiles(&self) -> Quantiles {
        let min = self.min.unwrap_or(0);
        let at = |share: f64| {
            let mut below = 0.0;
            let found = self.buckets.iter().find(|&(_, &weight)| {
                below += weight;
                below >= share * self.weight
            });
            found
                .map_or(self.max, |(&length, _)| length)
                .clamp(min, self.max)
        };
        Quantiles {
            min,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: self.max,
            mean: if self.weight > 0.0 {
                self.sum / self.weight
            } else {
                0.0
            },
        }
    }
}

/// The bucket of a length: its ten leading bits.
fn bucket(length: u64) -> u64 {
    if length < EXACT {
        return length;
    }
    let shift = (64 - length.leading_zeros()).saturating_sub(10);
    length >> shift << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_what_was_counted() {
        let mut spread = Spread::default();
        (1..=100).for_each(|length| spread.add(length, 1.0));
        let q = spread.quantiles();
        assert_eq!(
            (q.min, q.p50, q.p90, q.p99, q.max, q.mean),
            (1, 50, 90, 99, 100, 50.5)
        );
        assert_eq!(Spread::default().quantiles(), Quantiles::default());
        spread.add(1_000_003, 1e6);
        let q = spread.quantiles();
        assert!((q.p50 as f64 - 1e6).abs() < 2000.0 && q.max == 1_000_003);
    }
}
