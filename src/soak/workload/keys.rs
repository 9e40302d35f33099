//! Keys by number. Their order is that of their numbers.

use std::sync::Arc;

use super::pool::Pool;
use crate::db::{KeyBound, KeyRange};
use crate::soak::random::{Draw, Purpose};

/// Hexadecimal digits of a key's number.
const DIGITS: usize = 8;
/// A prefix leaves out this many of them.
const OPEN_DIGITS: usize = 1;
/// Keys with the same prefix.
const GROUP: u64 = 16;

/// Fewer bytes than this stand behind the number.
const LONGEST_END: u64 = 24;

/// The keys of a run.
#[derive(Debug, Clone)]
pub enum Keys {
    /// Made from their numbers.
    Made(u64),
    /// Those of the user's records.
    Given(Arc<Pool>),
}

impl Keys {
    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Keys::Made(count) => *count,
            Keys::Given(pool) => pool.keys(),
        }
    }

    /// Bytes that most keys do not exceed.
    pub fn longest(&self) -> usize {
        match self {
            Keys::Made(_) => 1 + DIGITS + LONGEST_END as usize,
            Keys::Given(_) => 64,
        }
    }

    /// Puts the key with this number in place of what `out` holds.
    pub fn write(&self, number: u64, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Keys::Made(_) => {
                prefix_of(number, DIGITS, out);
                let mut draw = Draw::at(0, Purpose::Key, number);
                // Some have nothing behind the number, some bytes of any kind.
                let len = draw.below(LONGEST_END) as usize;
                draw.fill(out, len);
            }
            Keys::Given(pool) => out.extend_from_slice(pool.key(number)),
        }
    }

    /// The range that begins with this key and ends before that one; open where there is none.
    pub fn range(&self, from: u64, to: u64) -> KeyRange {
        let mut key = Vec::new();
        self.write(from, &mut key);
        let from = KeyBound::Included(key);
        let mut key = Vec::new();
        let to = match to < self.count() {
            true => {
                self.write(to, &mut key);
                KeyBound::Excluded(key)
            }
            false => KeyBound::Unbounded,
        };
        KeyRange { from, to }
    }

    /// A range of keys around this one by their common prefix, and the numbers that it covers.
    pub fn group(&self, number: u64) -> (KeyRange, u64, u64) {
        let from = number - number % GROUP;
        let to = (from + GROUP).min(self.count());
        match self {
            Keys::Made(_) => {
                let mut prefix = Vec::new();
                prefix_of(number, DIGITS - OPEN_DIGITS, &mut prefix);
                (KeyRange::prefix(&prefix), from, to)
            }
            Keys::Given(_) => (self.range(from, to), from, to),
        }
    }
}

fn prefix_of(number: u64, digits: usize, out: &mut Vec<u8>) {
    out.push(b'k');
    for at in 0..digits {
        let digit = (number >> (4 * (DIGITS - 1 - at))) & 15;
        let base = if digit < 10 { b'0' } else { b'a' - 10 };
        out.push(base + digit as u8);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_numbers() {
        let keys = Keys::Made(70_000);
        let (mut before, mut key) = (Vec::new(), Vec::new());
        for number in 0..70_000 {
            keys.write(number, &mut key);
            assert!(before < key, "{number}");
            std::mem::swap(&mut before, &mut key);
        }
    }

    #[test]
    fn a_group_is_what_has_the_prefix() {
        let keys = Keys::Made(100);
        let (range, from, to) = keys.group(37);
        assert_eq!((from, to), (32, 48));
        assert_eq!(range, KeyRange::prefix(b"k0000002"));
        assert_eq!(keys.group(99).2, 100);
    }
}
