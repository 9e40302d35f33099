//! Times in buckets: exact to three per cent, whatever the magnitude.

use std::fmt::Write as _;

use serde::Serialize;

/// Parts that every power of two is cut into.
const PARTS: u64 = 32;
const PART_BITS: u32 = PARTS.ilog2();

/// How often which time was measured, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

/// The usual percentiles, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Quantiles {
    pub count: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = PARTS * u64::from(64 - PART_BITS + 1);
        Histogram {
            counts: vec![0; buckets as usize],
            total: 0,
            max: 0,
        }
    }
}

fn bucket(value: u64) -> usize {
    if value < PARTS {
        return value as usize;
    }
    let shift = value.ilog2() - PART_BITS;
    let part = (value >> shift) - PARTS;
    (PARTS * u64::from(shift + 1) + part) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let shift = bucket / PARTS - 1;
    let first = (PARTS + bucket % PARTS) << shift;
    first + ((1 << shift) - 1)
}

impl Histogram {
    /// Adds one.
    #[inline]
    pub fn add(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.max) = (0, 0);
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value that this share of all does not exceed.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper(at).min(self.max);
            }
        }
        self.max
    }

    /// The usual percentiles.
    pub fn quantiles(&self) -> Quantiles {
        if self.total == 0 {
            return Quantiles::default();
        }
        Quantiles {
            count: self.total,
            p50_ns: self.quantile(0.5),
            p90_ns: self.quantile(0.9),
            p99_ns: self.quantile(0.99),
            p999_ns: self.quantile(0.999),
            max_ns: self.max,
        }
    }

    /// Buckets that are not empty: largest value, count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let all = self.counts.iter().enumerate();
        all.filter(|(_, count)| **count > 0)
            .map(|(at, count)| (upper(at), *count))
    }

    /// The table that HdrHistogram prints, which its plotter reads: microseconds.
    pub fn table(&self) -> String {
        let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
        let mut seen = 0;
        for (value, count) in self.buckets() {
            seen += count;
            let share = seen as f64 / self.total as f64;
            let value = value.min(self.max) as f64 / 1000.0;
            let _ = write!(text, "{value:12.3} {share:14.12} {seen:10}");
            if seen < self.total {
                let _ = write!(text, " {:14.2}", 1.0 / (1.0 - share));
            }
            text.push('\n');
        }
        let max = self.max as f64 / 1000.0;
        let _ = writeln!(
            text,
            "#[Max     = {max:12.3}, Total count    = {:12}]",
            self.total
        );
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_three_per_cent() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|value| histogram.add(value));
        let q = histogram.quantiles();
        for (found, exact) in [
            (q.p50_ns, 50_000.0),
            (q.p90_ns, 90_000.0),
            (q.p99_ns, 99_000.0),
            (q.p999_ns, 99_900.0),
        ] {
            assert!(
                (found as f64 - exact).abs() / exact < 0.032,
                "{found} {exact}"
            );
        }
        assert_eq!((q.count, q.max_ns), (100_000, 100_000));
        let mut twice = Histogram::default();
        twice.merge(&histogram);
        twice.merge(&histogram);
        assert_eq!(twice.total(), 200_000);
        assert_eq!(twice.quantile(0.5), histogram.quantile(0.5));
        assert!(twice.table().lines().count() > 100);
        twice.clear();
        assert_eq!(twice.quantiles(), Quantiles::default());
    }

    #[test]
    fn every_value_is_in_the_bucket_that_ends_at_or_above_it() {
        for value in [0, 1, 31, 32, 33, 63, 64, 1000, 1 << 40, u64::MAX] {
            let at = bucket(value);
            assert!(upper(at) >= value, "{value}");
            assert!(at == 0 || upper(at - 1) < value, "{value}");
        }
    }
}
