//! Which operation comes when.

use crate::soak::config::{Class, Config};
use crate::soak::random::{Draw, Purpose};

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sets a value of this class.
    Put(Class),
    /// Removes the key, which may be absent.
    Delete,
    /// Removes this many keys from here on.
    DeleteRange(u64),
    /// Reads it.
    Get,
    /// Reads up to this many entries from here on, or backwards from here.
    Scan(u64, bool),
    /// Reads the keys that begin as this one does.
    Prefix,
    /// Sets a value on condition that the present one is the one that it should be.
    Swap(Class),
    /// The same on a condition that does not hold: nothing may change.
    SwapRefused,
}

impl Action {
    /// Whether it is part of a batch.
    pub fn is_batched(self) -> bool {
        matches!(
            self,
            Action::Put(_) | Action::Delete | Action::DeleteRange(_)
        )
    }

    fn code(self) -> (u8, u64) {
        match self {
            Action::Put(class) => (0, class as u64),
            Action::Delete => (1, 0),
            Action::DeleteRange(span) => (2, span),
            Action::Get => (3, 0),
            Action::Scan(span, backwards) => (4 + u8::from(backwards), span),
            Action::Prefix => (6, 0),
            Action::Swap(class) => (7, class as u64),
            Action::SwapRefused => (8, 0),
        }
    }
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its number, from 0.
    pub counter: u64,
    /// Number of the keyspace.
    pub keyspace: u32,
    /// Number of the key.
    pub key: u64,
    /// What is done.
    pub action: Action,
    /// The batch is committed after it.
    pub ends_batch: bool,
}

/// The longest range that is read or removed at once.
const SPAN: u64 = 48;

/// All operations of a run, to be had in any order.
#[derive(Debug, Clone)]
pub struct Stream {
    seed: u64,
    keys: u64,
    keyspaces: u32,
    batch: u64,
    mix: [u64; 3],
    /// Ends of the shares in 10,000 draws, in this order: delete, get, scan, compare-and-set.
    shares: [u64; 4],
}

impl Stream {
    /// The operations of a run over this many keys.
    pub fn new(config: &Config, keys: u64) -> Stream {
        let mut end = 0;
        let mut upto = |share: u32| {
            end += u64::from(share);
            end
        };
        Stream {
            seed: config.seed,
            keys,
            keyspaces: config.keyspaces,
            batch: u64::from(config.batch),
            mix: config.mix.map(u64::from),
            shares: [
                upto(config.delete),
                upto(config.get),
                upto(config.scan),
                upto(config.cas),
            ],
        }
    }

    /// The operation with this counter.
    pub fn at(&self, counter: u64) -> Operation {
        let mut draw = Draw::at(self.seed, Purpose::Operation, counter);
        let key = draw.below(self.keys);
        let keyspace = draw.below(u64::from(self.keyspaces)) as u32;
        let kind = draw.below(10_000);
        let [delete, get, scan, swap] = self.shares;
        let action = if kind < delete {
            // One delete in twenty takes a range.
            match draw.chance(1, 20) {
                true => Action::DeleteRange(draw.between(1, SPAN.min(self.keys / 64 + 1))),
                false => Action::Delete,
            }
        } else if kind < get {
            Action::Get
        } else if kind < scan {
            match draw.below(3) {
                0 => Action::Prefix,
                1 => Action::Scan(draw.between(1, SPAN), true),
                _ => Action::Scan(draw.between(1, SPAN), false),
            }
        } else if kind < swap {
            match draw.chance(1, 3) {
                true => Action::SwapRefused,
                false => Action::Swap(self.class(&mut draw)),
            }
        } else {
            Action::Put(self.class(&mut draw))
        };
        let ends_batch = draw.below(self.batch) < 2;
        Operation {
            counter,
            keyspace,
            key,
            action,
            ends_batch,
        }
    }

    fn class(&self, draw: &mut Draw) -> Class {
        let [small, medium, large] = self.mix;
        let at = draw.below(small + medium + large);
        if at < small {
            Class::Small
        } else if at < small + medium {
            Class::Medium
        } else {
            Class::Large
        }
    }
}

/// The hash of the operations so far.
#[derive(Debug, Clone)]
pub struct Hash {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

/// Operations are hashed so many bytes at a time.
const BUFFER: usize = 16 << 10;

impl Default for Hash {
    fn default() -> Self {
        Hash {
            hasher: blake3::Hasher::new_derive_key("creel soak operations 1"),
            buffer: Vec::with_capacity(BUFFER + 64),
        }
    }
}

impl Hash {
    /// Adds an operation.
    #[inline]
    pub fn add(&mut self, operation: &Operation) {
        let (code, argument) = operation.action.code();
        self.buffer
            .extend_from_slice(&operation.counter.to_le_bytes());
        self.buffer.extend_from_slice(&operation.key.to_le_bytes());
        self.buffer.extend_from_slice(&argument.to_le_bytes());
        self.buffer
            .extend_from_slice(&operation.keyspace.to_le_bytes());
        self.buffer.push(code);
        self.buffer.push(u8::from(operation.ends_batch));
        if self.buffer.len() > BUFFER {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// The hash in hexadecimal.
    pub fn text(&self) -> String {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.buffer);
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn hash(seed: u64, ops: u64) -> String {
        let config = Config {
            seed,
            ..Config::default()
        };
        let stream = Stream::new(&config, config.keys);
        let mut hash = Hash::default();
        (0..ops).for_each(|counter| hash.add(&stream.at(counter)));
        hash.text()
    }

    #[test]
    fn the_operations_follow_from_the_seed() {
        assert_eq!(hash(1, 5000), hash(1, 5000));
        assert_ne!(hash(1, 5000), hash(2, 5000));
        assert_ne!(hash(1, 5000), hash(1, 5001));
    }

    #[test]
    fn the_shares_are_those_that_were_asked_for() {
        let config = Config::default();
        let stream = Stream::new(&config, config.keys);
        let count = |wanted: fn(Action) -> bool| {
            let all = (0..100_000).filter(|c| wanted(stream.at(*c).action));
            all.count()
        };
        let gets = count(|a| a == Action::Get);
        let deletes = count(|a| matches!(a, Action::Delete | Action::DeleteRange(_)));
        let small = count(|a| a == Action::Put(Class::Small));
        let large = count(|a| a == Action::Put(Class::Large));
        assert!((19_000..21_000).contains(&gets), "{gets}");
        assert!((4_500..5_500).contains(&deletes), "{deletes}");
        assert!((13 * large..15 * large).contains(&small), "{small} {large}");
    }
}
