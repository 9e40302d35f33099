//! Random keys, values, ranges and batches. Keys collide often; sizes stand around the limits.

use std::sync::Arc;

use creel::format::leaf::needs_overflow;
use creel::format::max_key_len;
use creel::{KeyBound, KeyRange};

use super::reference::{Item, MAIN, Plan, State, Value};
use crate::rng::Rng;

const LETTERS: &[u8] = &[0, b'a', b'b', b'c', 0xff];
pub const SPACES: &[&str] = &["one", "two", "a-rather-long-keyspace-name", "\u{e9}"];

pub fn key(rng: &mut Rng, page_size: usize) -> Vec<u8> {
    let longest = max_key_len(page_size);
    match rng.below(20) {
        0..11 => (0..rng.between(1, 3)).map(|_| *rng.pick(LETTERS)).collect(),
        11..17 => format!("key-{:03}", rng.below(400)).into_bytes(),
        17 => {
            // Long common prefixes.
            let mut key = vec![b'p'; *rng.pick(&[40, 200, longest - 2])];
            key.extend((0..2).map(|_| *rng.pick(LETTERS)));
            key
        }
        18 => vec![*rng.pick(LETTERS); *rng.pick(&[longest, longest - 1, 57, 300])],
        _ => vec![b'x'; rng.between(1, longest)],
    }
}

pub fn value(rng: &mut Rng, page_size: usize, key_len: usize) -> Value {
    let len = match rng.below(40) {
        0..3 => 0,
        3..26 => rng.below(64),
        26..32 => rng.below(700),
        32..36 => {
            let threshold = overflow_threshold(page_size, key_len);
            threshold.saturating_sub(2) + rng.below(5)
        }
        36..39 => rng.below(3 * page_size.min(16384)),
        _ => rng.between(page_size.min(16384), 100_000),
    };
    let mut value = vec![rng.next() as u8; len];
    let serial = rng.next().to_le_bytes();
    let head = serial.len().min(len);
    value[..head].copy_from_slice(&serial[..head]);
    Arc::from(value)
}

/// Shortest value of a user key of this length that goes to pages of its own.
pub fn overflow_threshold(page_size: usize, key_len: usize) -> usize {
    let (mut low, mut high) = (0, page_size);
    while low < high {
        let middle = (low + high) / 2;
        match needs_overflow(page_size, key_len + 4, middle as u64) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    low
}

fn bound(rng: &mut Rng, page_size: usize) -> KeyBound {
    match rng.below(5) {
        0 => KeyBound::Unbounded,
        1 | 2 => KeyBound::Included(key(rng, page_size)),
        3 => KeyBound::Excluded(key(rng, page_size)),
        _ => KeyBound::Excluded(vec![]),
    }
}

/// Any range, empty and inverted ones included.
pub fn range(rng: &mut Rng, page_size: usize) -> KeyRange {
    match rng.below(8) {
        0 => KeyRange::all(),
        1 => KeyRange::prefix(b"key-0"),
        2 | 3 => {
            let mut prefix = key(rng, page_size);
            prefix.truncate(rng.between(0, 2));
            KeyRange::prefix(&prefix)
        }
        4 => {
            let at = rng.below(400);
            let to = at + rng.below(20);
            KeyRange::from_to(
                format!("key-{at:03}").as_bytes(),
                format!("key-{to:03}").as_bytes(),
            )
        }
        5 => {
            let (a, b) = (key(rng, page_size), key(rng, page_size));
            KeyRange::from_to(a.as_slice().min(&b), a.as_slice().max(&b))
        }
        6 => KeyRange::from_to(&key(rng, page_size), &key(rng, page_size)),
        _ => KeyRange {
            from: bound(rng, page_size),
            to: bound(rng, page_size),
        },
    }
}

pub fn space_name(rng: &mut Rng) -> String {
    let name = if rng.chance(70) {
        MAIN
    } else {
        rng.pick(SPACES)
    };
    name.to_owned()
}

/// Some key that is there, or any.
pub fn known_key(rng: &mut Rng, state: &State, name: &str, page_size: usize) -> Vec<u8> {
    let known = state
        .space(name)
        .filter(|s| !s.is_empty() && rng.chance(70));
    match known {
        Some(space) => space.keys().nth(rng.below(space.len())).unwrap().clone(),
        None => key(rng, page_size),
    }
}

fn condition(rng: &mut Rng, state: &State, name: &str, page_size: usize) -> Item {
    let key = known_key(rng, state, name, page_size);
    let value = state.space(name).and_then(|s| s.get(&key)).cloned();
    let truthful = rng.chance(80);
    match rng.below(4) {
        0 => {
            let range = range(rng, page_size);
            let count = state
                .space(name)
                .map_or(0, |s| super::reference::entries(s, &range).count());
            Item::Count(range, count as u64 + u64::from(!truthful))
        }
        1 => match &value {
            Some(value) if truthful => Item::Equals(key, Arc::clone(value)),
            _ => Item::Equals(key, Arc::from(&b"never"[..])),
        },
        _ if value.is_some() == truthful => Item::Present(key),
        _ => Item::Absent(key),
    }
}

fn operation(rng: &mut Rng, state: &State, name: &str, page_size: usize) -> Item {
    match rng.below(20) {
        0..12 => {
            let key = key(rng, page_size);
            let value = value(rng, page_size, key.len());
            Item::Put(key, value)
        }
        12..17 => Item::Delete(known_key(rng, state, name, page_size)),
        17 | 18 => Item::DeleteRange(range(rng, page_size)),
        _ if name == MAIN && rng.chance(90) => Item::Delete(key(rng, page_size)),
        _ => Item::Drop,
    }
}

/// A batch of anything.
pub fn plan(rng: &mut Rng, state: &State, page_size: usize) -> Plan {
    let mut plan = Plan {
        items: Vec::new(),
        count_deleted: rng.chance(50),
    };
    let conditions = if rng.chance(35) { rng.between(1, 3) } else { 0 };
    let count = if rng.chance(10) { 60 } else { 6 };
    let operations = rng.below(count);
    for i in 0..conditions + operations {
        let name = space_name(rng);
        let item = match i < conditions {
            true => condition(rng, state, &name, page_size),
            false => operation(rng, state, &name, page_size),
        };
        plan.items.push((name, item));
    }
    plan
}
