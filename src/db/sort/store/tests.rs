//! Which blocks become one run, when they go to the scratch file, and how many runs are left.

use super::*;
use crate::sys::OsVfs;

fn store(dir: &tempfile::TempDir, room: usize, fan_in: usize) -> Store {
    Store::new(Plan {
        room,
        chunk: 4096,
        fan_in,
        duplicates: Duplicates::Last,
        vfs: Arc::new(OsVfs),
        near: dir.path().join("db"),
    })
}

fn full(key: u32) -> Vec<u8> {
    [1u32.to_be_bytes(), key.to_be_bytes()].concat()
}

/// A block whose buffer is as large as what is in it.
fn block(keys: &[u32], value: usize) -> Block {
    let mut bytes = Vec::new();
    for key in keys {
        record::push(
            &mut bytes,
            None,
            1,
            &key.to_be_bytes(),
            Some(&vec![7; value]),
        );
    }
    Block {
        bytes: bytes.into_boxed_slice().into_vec(),
        count: keys.len(),
        in_order: keys.is_sorted_by(|a, b| a < b),
        last: full(*keys.last().unwrap()),
    }
}

fn add(store: &mut Store, keys: &[u32]) {
    store.add(block(keys, 50)).unwrap();
}

/// How many runs are merged at last, the keys, and how many were dropped.
fn merged(store: Store) -> (usize, Vec<u32>, u64) {
    let (mut merge, dropped) = store.merge().unwrap();
    let runs = merge.runs();
    let mut keys = Vec::new();
    while merge.next().unwrap() {
        keys.push(u32::from_be_bytes(merge.key()[4..].try_into().unwrap()));
    }
    (runs, keys, dropped + merge.dropped())
}

#[test]
fn a_block_that_goes_on_behind_the_one_before_belongs_to_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(&dir, usize::MAX, 9);
    for (keys, runs) in [
        (&[1, 2][..], 1),
        (&[3, 4], 1),
        // Its first key is there already.
        (&[4, 5], 2),
        (&[0], 3),
        (&[1], 3),
        // Not in order: its last key is the largest, wherever it came.
        (&[9, 2, 7], 3),
        (&[10, 11], 3),
    ] {
        add(&mut store, keys);
        assert_eq!(store.memory.len(), runs, "{keys:?}");
        assert_eq!(
            store.memory.last().unwrap().last,
            full(*keys.iter().max().unwrap())
        );
    }
    assert!(store.disk.is_empty());
    let (runs, keys, dropped) = merged(store);
    assert_eq!((runs, dropped), (3, 3));
    assert_eq!(keys, [0, 1, 2, 3, 4, 5, 7, 9, 10, 11]);
}

#[test]
fn what_is_dropped_within_blocks_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(&dir, usize::MAX, 9);
    add(&mut store, &[2, 2, 1]);
    assert_eq!(store.dropped, 1);
    add(&mut store, &[5, 4, 5, 5]);
    assert_eq!(store.dropped, 3);
    assert_eq!(merged(store), (1, vec![1, 2, 4, 5], 3));
}

#[test]
fn what_is_dropped_while_runs_are_written_out_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let one = block(&[1], 50).bytes.capacity();
    let mut store = store(&dir, 3 * one, 9);
    for key in [5, 5, 4, 4, 3] {
        add(&mut store, &[key]);
    }
    assert_eq!((store.disk.len(), store.dropped), (1, 2));
    assert_eq!(merged(store), (2, vec![3, 4, 5], 2));
}

#[test]
fn memory_that_is_used_up_and_no_other_is_written_out() {
    let dir = tempfile::tempdir().unwrap();
    let one = block(&[1], 50).bytes.capacity();
    let mut store = store(&dir, 3 * one, 9);
    for (key, used, disk) in [(9, 1, 0), (8, 2, 0), (7, 3, 0), (6, 0, 1), (5, 1, 1)] {
        add(&mut store, &[key]);
        assert_eq!((store.used, store.disk.len()), (used * one, disk), "{key}");
        assert_eq!(store.memory.len(), used);
    }
    assert_eq!(merged(store), (2, vec![5, 6, 7, 8, 9], 0));
}

#[test]
fn runs_on_disk_that_go_on_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(&dir, 0, 9);
    for (keys, runs) in [
        (&[1, 2][..], 1),
        (&[3, 4], 1),
        (&[4, 5], 2),
        (&[6, 7], 2),
        (&[1], 3),
    ] {
        add(&mut store, keys);
        assert_eq!(store.disk.len(), runs, "{keys:?}");
    }
    assert_eq!(merged(store), (3, vec![1, 2, 3, 4, 5, 6, 7], 2));
}

/// More than is gathered before it is written.
#[test]
fn a_run_is_written_in_several_portions() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(&dir, 0, 9);
    for keys in [&[3, 4, 5, 6, 7][..], &[1, 2]] {
        store.add(block(keys, WRITE / 2)).unwrap();
    }
    assert_eq!(merged(store), (2, vec![1, 2, 3, 4, 5, 6, 7], 0));
}

#[test]
fn no_more_runs_are_left_than_may_be_read_at_once() {
    for (disk, memory, left) in [
        (0, 1, 1),
        (0, 2, 2),
        // All in memory become one.
        (0, 3, 1),
        (1, 1, 2),
        (1, 2, 2),
        (2, 0, 2),
        (3, 0, 2),
        (2, 1, 2),
        (5, 0, 2),
        (4, 0, 2),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(&dir, 0, 2);
        let mut next = 100;
        for (count, room) in [(disk, 0), (memory, usize::MAX)] {
            store.plan.room = room;
            for _ in 0..count {
                next -= 1;
                add(&mut store, &[next]);
            }
        }
        assert_eq!((store.disk.len(), store.memory.len()), (disk, memory));
        let (runs, keys, dropped) = merged(store);
        assert_eq!((runs, dropped), (left, 0), "{disk} and {memory}");
        assert_eq!(keys, (next..100).collect::<Vec<u32>>());
    }
}
