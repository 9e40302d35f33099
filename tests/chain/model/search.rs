//! Breadth first, so that what is found is a shortest way to it.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::world::{Violation, Weak, World};

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// All of them, or as many as the limit allowed.
    pub complete: bool,
    /// Steps to the first violation, and what it is.
    pub violation: Option<(usize, Violation)>,
}

/// The states are known by 128 bits of a hash: a few million of them do not collide.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }
}

fn key(world: &World) -> u128 {
    let mut both = [Mixer(0x1234_5678_9abc_def0), Mixer(0x0fed_cba9_8765_4321)];
    for hasher in &mut both {
        world.hash(hasher);
    }
    u128::from(both[0].finish()) << 64 | u128::from(both[1].finish())
}

/// A set of keys that are well mixed already.
#[derive(Default)]
struct Half(u64);

impl Hasher for Half {
    fn write(&mut self, bytes: &[u8]) {
        let (word, _) = bytes.split_first_chunk().unwrap();
        self.0 = u64::from_le_bytes(*word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Walks through all states that can be reached with numbers up to `slots`; `restarts` says whether the
/// first primary may be started anew.
pub fn search(slots: u8, restarts: bool, weak: Weak, limit: usize) -> Found {
    let mut seen: HashSet<u128, BuildHasherDefault<Half>> = HashSet::default();
    let mut level = vec![World::new(restarts)];
    seen.insert(key(&level[0]));
    let mut out = Vec::new();
    let mut depth = 0;
    while !level.is_empty() {
        let mut next = Vec::new();
        for world in &level {
            out.clear();
            if let Err(violation) = world.successors(slots, weak, &mut out) {
                return Found {
                    states: seen.len(),
                    complete: false,
                    violation: Some((depth, violation)),
                };
            }
            for world in out.drain(..) {
                if seen.insert(key(&world)) {
                    next.push(world);
                }
            }
            if seen.len() > limit {
                return Found {
                    states: seen.len(),
                    complete: false,
                    violation: None,
                };
            }
        }
        level = next;
        depth += 1;
    }
    Found {
        states: seen.len(),
        complete: true,
        violation: None,
    }
}
