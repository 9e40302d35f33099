//! A sum for each range of keys: for key spaces whose model would be too large.
//!
//! A commit adds the hash of each new entry and subtracts that of the entry that it replaces, as
//! the database gave it before. Whatever was wrong there stays in the sum and shows at the next
//! comparison, however late that is.

use crate::soak::workload::Keys;

/// Ranges in a keyspace.
const RANGES: u64 = 1024;

/// The expectation in sums.
#[derive(Debug, Clone)]
pub struct Sums {
    /// By keyspace, then by range.
    sums: Vec<Vec<Sum>>,
    keys: u64,
    progress: u64,
}

/// Of one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Of the hashes of its entries.
    pub hashes: u128,
    /// Entries.
    pub entries: u64,
    /// Bytes of their values.
    pub bytes: u64,
}

impl Sum {
    /// Adds an entry.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.hashes = self.hashes.wrapping_add(hash(key, value));
        self.entries = self.entries.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(value.len() as u64);
    }

    /// Takes an entry away.
    pub fn take(&mut self, key: &[u8], value: &[u8]) {
        self.hashes = self.hashes.wrapping_sub(hash(key, value));
        self.entries = self.entries.wrapping_sub(1);
        self.bytes = self.bytes.wrapping_sub(value.len() as u64);
    }
}

/// What one operation does to the sum of a range.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    keyspace: u32,
    key: u64,
    /// Added to that of the range.
    pub sum: Sum,
}

impl Change {
    /// Nothing yet, at this key.
    pub fn new(keyspace: u32, key: u64) -> Change {
        Change {
            keyspace,
            key,
            sum: Sum::default(),
        }
    }
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(value);
    let mut half = [0; 16];
    hasher.finalize_xof().fill(&mut half);
    u128::from_le_bytes(half)
}

impl Sums {
    /// Of nothing.
    pub fn new(keyspaces: u32, keys: u64) -> Sums {
        let ranges = usize::try_from(keys.min(RANGES)).unwrap_or(1);
        Sums {
            sums: (0..keyspaces)
                .map(|_| vec![Sum::default(); ranges])
                .collect(),
            keys,
            progress: 0,
        }
    }

    /// Keys in one range, the last one perhaps fewer.
    fn width(&self) -> u64 {
        self.keys.div_ceil(RANGES).max(1)
    }

    /// The sum that a key belongs to.
    fn of(&mut self, keyspace: u32, key: u64) -> Option<&mut Sum> {
        let range = usize::try_from(key / self.width()).ok()?;
        self.sums.get_mut(keyspace as usize)?.get_mut(range)
    }

    /// A commit is done that changes these sums, and after which so many operations are.
    pub fn apply(&mut self, changes: &[Change], progress: u64) {
        for change in changes {
            if let Some(sum) = self.of(change.keyspace, change.key) {
                sum.hashes = sum.hashes.wrapping_add(change.sum.hashes);
                sum.entries = sum.entries.wrapping_add(change.sum.entries);
                sum.bytes = sum.bytes.wrapping_add(change.sum.bytes);
            }
        }
        self.progress = progress;
    }

    /// The ranges of a keyspace: first key, first key after it, sum.
    pub fn ranges(&self, keyspace: u32) -> impl Iterator<Item = (u64, u64, Sum)> + '_ {
        let width = self.width();
        let sums = self.sums.get(keyspace as usize).into_iter().flatten();
        let keys = self.keys;
        sums.enumerate().map(move |(at, sum)| {
            let from = at as u64 * width;
            (from.min(keys), (from + width).min(keys), *sum)
        })
    }

    /// Number of keyspaces.
    pub fn keyspaces(&self) -> u32 {
        u32::try_from(self.sums.len()).unwrap_or(u32::MAX)
    }

    /// Operations that are in it.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// They are so many now.
    pub fn set_progress(&mut self, progress: u64) {
        self.progress = progress;
    }

    /// Entries that there should be.
    pub fn entries(&self) -> u64 {
        let all = self.sums.iter().flatten();
        all.fold(0, |sum, range| range.entries.wrapping_add(sum))
    }

    /// Bytes of values that there should be.
    pub fn bytes(&self) -> u64 {
        let all = self.sums.iter().flatten();
        all.fold(0, |sum, range| range.bytes.wrapping_add(sum))
    }

    /// The first key of a range, for a report.
    pub fn name(keys: &Keys, from: u64) -> Vec<u8> {
        let mut key = Vec::new();
        keys.write(from, &mut key);
        key
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn the_order_of_changes_does_not_count_and_a_wrong_entry_stays() {
        let (mut one, mut two) = (Sum::default(), Sum::default());
        one.add(b"a", b"1");
        one.add(b"b", b"2");
        one.take(b"a", b"1");
        one.add(b"a", b"3");
        two.add(b"a", b"3");
        two.add(b"b", b"2");
        assert_eq!(one, two);
        // A lost write: the database gave the older value when the key was set once more.
        two.add(b"a", b"4");
        two.take(b"a", b"1");
        one.add(b"a", b"4");
        one.take(b"a", b"3");
        assert_eq!((one.entries, one.bytes), (two.entries, two.bytes));
        assert_ne!(one, two);
    }

    #[test]
    fn every_key_is_in_one_range() {
        for keys in [1, 5, 1024, 1025, 100_000] {
            let mut sums = Sums::new(1, keys);
            for key in [0, keys / 2, keys - 1] {
                sums.of(0, key).unwrap().add(b"k", b"v");
            }
            assert_eq!(sums.entries(), 3);
            let covered: u64 = sums.ranges(0).map(|(from, to, _)| to - from).sum();
            assert_eq!(covered, keys);
        }
    }
}
