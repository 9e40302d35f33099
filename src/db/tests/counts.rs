//! Small things that the engine counts on: who reads at which index, which region is free.

use std::collections::BTreeMap;

use super::parts::new;
use crate::db::handle::{Snapshots, lock};
use crate::db::turn::is_idle_free;
use crate::format::header::Role;

#[test]
fn snapshots_are_counted_at_the_index_that_they_read() {
    let mut snapshots = Snapshots::at(5);
    let mut expected: BTreeMap<u64, usize> = BTreeMap::new();
    assert_eq!(snapshots.newest(), 0);
    // Forth and back: what is visible goes back with a log that is taken back.
    for (visible, times) in [(5, 2), (7, 1), (9, 3), (7, 1), (6, 2), (9, 1)] {
        snapshots.visible = visible;
        for _ in 0..times {
            assert_eq!(snapshots.take(), visible);
            *expected.entry(visible).or_default() += 1;
        }
        assert_eq!(snapshots.newest(), *expected.keys().last().unwrap());
    }
    snapshots.give_back(8); // nobody reads there
    while let Some((&index, _)) = expected.last_key_value() {
        assert_eq!(snapshots.newest(), index);
        snapshots.give_back(index);
        let count = expected.get_mut(&index).unwrap();
        *count -= 1;
        if *count == 0 {
            expected.remove(&index);
        }
    }
    assert_eq!(snapshots.newest(), 0);
    snapshots.give_back(9);
    assert_eq!(snapshots.newest(), 0);
}

#[test]
fn the_other_region_is_free_where_the_tree_has_its_entries_and_nobody_wants_them() {
    let (_dir, db) = new();
    for i in 0..4u8 {
        db.put(&[i], b"v").unwrap();
    }
    let mut log = lock(&db.inner.log);
    let folded = log.current.header.checkpoint_index;
    log.tail.region.first_index = folded + 1;
    assert!(is_idle_free(&log));
    log.tail.region.first_index = folded + 2;
    assert!(!is_idle_free(&log));
    log.tail.region.first_index = folded;
    assert!(is_idle_free(&log));
    log.current.header.role = Role::Primary;
    assert!(!is_idle_free(&log));
}
