//! Lengths by powers of two.

use serde::Serialize;

/// How many keys and values have which length.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    keys: Vec<u64>,
    values: Vec<u64>,
}

/// One row: lengths from `from` to `to`, both inside.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
}

impl Histogram {
    /// Counts one record.
    pub(super) fn add(&mut self, key_length: u64, value_length: u64) {
        bump(&mut self.keys, key_length);
        bump(&mut self.values, value_length);
    }

    /// The rows, without empty ones.
    pub(super) fn buckets(&self) -> Vec<Bucket> {
        let rows = self.keys.len().max(self.values.len());
        let all = (0..rows).map(|row| {
            let to = 1_u64.checked_shl(row as u32).map_or(u64::MAX, |n| n - 1);
            let count = |counts: &[u64]| counts.get(row).copied().unwrap_or(0);
            let (keys, values) = (count(&self.keys), count(&self.values));
            Bucket {
                from: to.div_ceil(2),
                to,
                keys,
                values,
            }
        });
        all.filter(|b| b.keys + b.values > 0).collect()
    }
}

/// Row 0 is length 0, row n holds 2^(n-1) to 2^n - 1.
fn bump(counts: &mut Vec<u64>, length: u64) {
    let row = (u64::BITS - length.leading_zeros()) as usize;
    if counts.len() <= row {
        counts.resize(row + 1, 0);
    }
    if let Some(count) = counts.get_mut(row) {
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_powers_of_two() {
        let mut histogram = Histogram::default();
        for length in [0, 1, 2, 3, 4, 7, 8, u64::MAX] {
            histogram.add(length, 5);
        }
        let rows: Vec<_> = histogram
            .buckets()
            .iter()
            .map(|b| (b.from, b.to, b.keys))
            .collect();
        let top = (1 << 63, u64::MAX, 1);
        assert_eq!(
            rows,
            [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 2), (8, 15, 1), top]
        );
        assert_eq!(histogram.buckets()[3].values, 8);
    }
}
