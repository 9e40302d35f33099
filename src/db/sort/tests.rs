//! The sorter against a sorted vector, with memory so small that every way is taken.

mod blocks;
mod pieces;

use std::collections::BTreeMap;

use super::{Duplicates, Sorter};
use crate::error::Error;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

type Change = (u32, Vec<u8>, Option<Vec<u8>>);

/// Keys that share beginnings of all lengths, have zeros at their ends, and come more than once.
fn change(rng: &mut Rng, kinds: u64) -> Change {
    let mut key = match rng.below(4) {
        0 => format!("item{}", rng.below(kinds)).into_bytes(),
        1 => vec![0; 1 + rng.below(40) as usize],
        2 => [&[b'p'; 30][..], &rng.below(kinds).to_be_bytes()].concat(),
        _ => rng.below(kinds).to_le_bytes().to_vec(),
    };
    key.extend((0..rng.below(3)).map(|_| 0));
    let value = match rng.below(10) {
        0 => None,
        1 => Some(vec![7; rng.below(30_000) as usize]),
        n => Some(vec![n as u8; rng.below(200) as usize]),
    };
    (rng.below(3) as u32 + 1, key, value)
}

fn drain(sorter: Sorter) -> (Vec<Change>, u64) {
    let mut sorted = sorter.finish().unwrap();
    let mut all = Vec::new();
    while let Some(c) = sorted.next_change().unwrap() {
        all.push((c.keyspace, c.key.to_vec(), c.value.map(<[u8]>::to_vec)));
    }
    (all, sorted.dropped())
}

fn check(changes: &[Change], memory: usize, duplicates: Duplicates) {
    let dir = tempfile::tempdir().unwrap();
    let mut sorter = Sorter::new(memory, duplicates, &dir.path().join("db"));
    let mut expected = BTreeMap::new();
    for (keyspace, key, value) in changes {
        sorter.push(*keyspace, key, value.as_deref()).unwrap();
        let place = (*keyspace, key.clone());
        if duplicates == Duplicates::Last {
            expected.insert(place, value.clone());
        } else {
            expected.entry(place).or_insert_with(|| value.clone());
        }
    }
    let (all, dropped) = drain(sorter);
    let expected: Vec<Change> = expected.into_iter().map(|((a, b), c)| (a, b, c)).collect();
    assert!(all == expected, "{duplicates:?}, {memory} bytes");
    assert_eq!(dropped, (changes.len() - expected.len()) as u64);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_goes_in_in_any_order_comes_out_sorted() {
    for (seed, count, kinds) in [
        (1, 0, 1),
        (2, 1, 1),
        (3, 500, 40),
        (4, 30_000, 300),
        (5, 60_000, 1 << 40),
    ] {
        let mut rng = Rng(seed);
        let changes: Vec<Change> = (0..count).map(|_| change(&mut rng, kinds)).collect();
        for duplicates in [Duplicates::Last, Duplicates::First] {
            check(&changes, 1 << 20, duplicates);
            check(&changes, 64 << 20, duplicates);
        }
    }
}

/// 200 MB through 1 MiB: some 300 runs, 16 of which may be read at once.
#[test]
fn more_runs_than_may_be_read_at_once_are_merged_in_passes() {
    let dir = tempfile::tempdir().unwrap();
    let mut sorter = Sorter::new(1 << 20, Duplicates::Refuse, &dir.path().join("db"));
    let count = 20_000u64;
    let mut rng = Rng(9);
    let key = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    for i in 0..count {
        sorter.push(1, &key(i), Some(&vec![i as u8; 2000])).unwrap();
    }
    let mut keys: Vec<[u8; 8]> = (0..count).map(key).collect();
    keys.sort_unstable();
    let (all, _) = drain(sorter);
    assert_eq!(all.len(), keys.len());
    assert!(all.iter().zip(&keys).all(|((_, a, _), b)| a == b));
    rng.next();
}

#[test]
fn blocks_in_order_are_chained_and_not_sorted() {
    let mut changes: Vec<Change> = (0..60_000u32)
        .map(|i| (1, i.to_be_bytes().to_vec(), Some(vec![1; 60])))
        .collect();
    check(&changes, 1 << 20, Duplicates::Last);
    // One that comes too late.
    changes.push((1, vec![0, 0, 0, 9], None));
    check(&changes, 1 << 20, Duplicates::Last);
    check(&changes, 1 << 20, Duplicates::First);
}

#[test]
fn refused_duplicates_are_named_by_their_numbers() {
    for memory in [1 << 20, 64 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(memory, Duplicates::Refuse, &dir.path().join("db"));
        let mut rng = Rng(3);
        for i in 1..=60_000u64 {
            let key = match i {
                20_011 | 100 | 55_000 => 17,
                300 | 301 => u64::MAX,
                _ => rng.next() | 1 << 40,
            };
            sorter.push(1, &key.to_be_bytes(), Some(&[5; 60])).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        let failed = loop {
            match sorted.next_change() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no duplicate found"),
                Err(e) => break e,
            }
        };
        assert!(
            matches!(
                failed,
                Error::Duplicate {
                    first: 100,
                    second: 20_011
                }
            ),
            "{failed:?}"
        );
    }
}

#[test]
fn all_duplicates_come_in_the_order_of_pushing() {
    for memory in [1 << 20, 64 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(memory, Duplicates::All, &dir.path().join("db"));
        let mut rng = Rng(4);
        let mut expected = Vec::new();
        for i in 0..60_000_u64 {
            let key = (rng.next() % 20_000).to_be_bytes();
            let value = [&i.to_be_bytes()[..], &[5; 60]].concat();
            sorter.push(1, &key, Some(&value)).unwrap();
            expected.push((key, i));
        }
        expected.sort();
        let mut sorted = sorter.finish().unwrap();
        for (key, i) in expected {
            let change = sorted.next_change().unwrap().unwrap();
            assert_eq!(
                (change.key, &change.value.unwrap()[..8]),
                (&key[..], &i.to_be_bytes()[..])
            );
        }
        assert!(sorted.next_change().unwrap().is_none());
        assert_eq!(sorted.dropped(), 0);
    }
}
