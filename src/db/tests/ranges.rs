//! Ranges over a tree and the tables above it: walked from both ends by turns, and counted.

use super::watched::{Watched, watched};
use crate::db::handle::lock;
use crate::db::job::Job;
use crate::db::region::RegionWish;
use crate::db::{Batch, CheckpointOptions, Db, KeyRange};
use crate::format::key::MAIN;
use crate::progress::NoProgress;

fn checkpoint(db: &Db) {
    let options = CheckpointOptions::default();
    assert!(db.checkpoint(&options, &NoProgress).unwrap().done);
}

/// The cut of a checkpoint whose tree is not there yet: what was committed is frozen, what comes goes on top.
fn freeze(db: &Db) {
    let job = Job::fold(RegionWish::Keep);
    assert!(db.inner.cut_locked(&job).unwrap().is_some());
    assert!(db.inner.view.load().frozen.is_some());
}

fn put(db: &Db, keys: impl IntoIterator<Item = u8>) {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(&[key], &[key; 3]);
    }
    db.write(batch).unwrap();
}

/// Keys 1 to `count`, in the tree, above it, or on both.
fn layouts(count: u8) -> Vec<(tempfile::TempDir, Watched, Db)> {
    let make = |layout: &str| {
        let (dir, vfs, db) = watched();
        let tree = |key: &u8| match layout {
            "tree" => true,
            "table" => false,
            _ => key.is_multiple_of(2),
        };
        let keys = || 1..=count;
        put(&db, keys().filter(tree).chain([100]));
        checkpoint(&db);
        db.delete(&[100]).unwrap();
        if layout == "tree" {
            checkpoint(&db);
        }
        put_some(&db, keys().filter(|key| !tree(key)));
        if layout == "both" {
            put_some(&db, keys().filter(|key| key % 3 == 0));
        }
        (dir, vfs, db)
    };
    ["tree", "table", "mixed", "both"].map(make).into()
}

fn put_some(db: &Db, keys: impl Iterator<Item = u8>) {
    let keys: Vec<u8> = keys.collect();
    if !keys.is_empty() {
        put(db, keys);
    }
}

#[test]
fn a_walk_from_both_ends_by_turns_gives_each_entry_once() {
    for count in 0..6u8 {
        for (_dir, _, db) in layouts(count) {
            let main = db.snapshot().unwrap().keyspace("main").unwrap();
            for turns in 0..1u32 << 7 {
                walk(&main, count, turns);
            }
        }
    }
}

/// A step from the back for each bit that is set.
fn walk(main: &crate::db::Keyspace, count: u8, turns: u32) {
    let mut cursor = main.cursor(&KeyRange::all());
    let mut left: std::collections::VecDeque<u8> = (1..=count).collect();
    for turn in 0..7 {
        let backwards = turns >> turn & 1 == 1;
        let key_only = turns >> (turn / 2) & 2 == 2;
        let own = |(key, len): (&[u8], u64)| (key.to_vec(), len);
        let entry = |(key, value): (&[u8], &[u8])| (key.to_vec(), value.len() as u64);
        let found = match (backwards, key_only) {
            (false, false) => cursor.next_entry().unwrap().map(entry),
            (false, true) => cursor.next_key().unwrap().map(own),
            (true, false) => cursor.prev_entry().unwrap().map(entry),
            (true, true) => cursor.prev_key().unwrap().map(own),
        };
        let expected = match backwards {
            false => left.pop_front(),
            true => left.pop_back(),
        };
        let expected = expected.map(|key| (vec![key], 3));
        assert_eq!(
            found, expected,
            "{count} entries, turns {turns:b}, turn {turn}"
        );
    }
}

/// Ranges that overlap, touch, lie within each other or end together, deleted before and after a cut.
#[test]
fn deleted_ranges_are_counted_once_wherever_they_meet() {
    let ranges: [&[(u8, u8)]; 7] = [
        &[(10, 40), (30, 60)],
        &[(30, 60), (10, 40)],
        &[(10, 40), (40, 60)],
        &[(10, 60), (20, 30)],
        &[(20, 30), (10, 60)],
        &[(10, 60), (30, 60)],
        &[(10, 20), (30, 40), (15, 35), (50, 60)],
    ];
    for (number, ranges) in ranges.iter().enumerate() {
        for cut in 0..=ranges.len() {
            let (_dir, _, db) = watched();
            put(&db, 0..100);
            checkpoint(&db);
            let mut left: Vec<u8> = (0..100).collect();
            for (at, (from, to)) in ranges.iter().enumerate() {
                if at == cut && at > 0 {
                    freeze(&db);
                }
                db.delete_range(&KeyRange::from_to(&[*from], &[*to]))
                    .unwrap();
                left.retain(|key| !(from..to).contains(&key));
            }
            let main = db.snapshot().unwrap().keyspace("main").unwrap();
            assert_eq!(main.len().unwrap(), left.len() as u64, "{number}, {cut}");
            for (from, to) in [(0, 100), (5, 35), (35, 95), (10, 10), (40, 41), (20, 60)] {
                let range = KeyRange::from_to(&[from], &[to]);
                let inside = left.iter().filter(|key| (from..to).contains(key));
                let told = main.count(&range).unwrap();
                assert_eq!(told, inside.count() as u64, "{number}, {cut}: {from}..{to}");
            }
        }
    }
}

/// The frozen table's part of the sum once had what came after the cut in it.
#[test]
fn a_length_that_is_counted_anew_for_what_is_frozen_takes_in_nothing_newer() {
    let (_dir, _, db) = watched();
    put(&db, 0..10);
    checkpoint(&db);
    let len = || db.len().unwrap();
    put(&db, 10..20);
    assert_eq!(len(), 20);
    db.delete_range(&KeyRange::from_to(&[5], &[15])).unwrap();
    freeze(&db);
    put(&db, 30..33);
    for _ in 0..2 {
        assert_eq!(len(), 13);
    }
    put(&db, [5]);
    assert_eq!(len(), 14);
}

#[test]
fn a_length_is_counted_once_and_then_kept() {
    let (_dir, _, db) = watched();
    put(&db, 0..10);
    let view = db.inner.view.load_full();
    let net = || {
        let at = lock(&db.inner.log).tail.last_index();
        let mut below = |_: &[u8]| Ok::<_, ()>(false);
        view.active.net(MAIN, at, &mut below).unwrap()
    };
    assert_eq!(net(), crate::delta::Net::Unknown);
    assert_eq!(db.len().unwrap(), 10);
    assert_eq!(net(), crate::delta::Net::Known(10));
}
