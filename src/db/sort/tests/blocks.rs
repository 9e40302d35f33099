//! How a sorter fills its blocks, and what it does at the end.

use super::super::{Feed, MANY, Sorted};
use super::{Duplicates, Rng, Sorter};
use crate::db::bulk::BulkSource;

/// What each record counts besides key and value.
const BESIDES: usize = 16;

fn new(memory: usize) -> (tempfile::TempDir, Sorter) {
    let dir = tempfile::tempdir().unwrap();
    let sorter = Sorter::new(memory, Duplicates::Last, &dir.path().join("db"));
    (dir, sorter)
}

#[test]
fn a_block_is_handed_over_when_it_is_full_and_not_before() {
    let (_dir, mut sorter) = new(1 << 20);
    let size = sorter.block_size;
    assert_eq!(size, 64 << 10);
    let (mut rng, mut blocks) = (Rng(5), 0);
    for _ in 0..2000 {
        let key = vec![b'k'; 1 + rng.below(40) as usize];
        let value = vec![7; rng.below(900) as usize];
        let value = Some(&value[..]).filter(|_| rng.below(9) > 0);
        let (count, before) = (sorter.block.count, sorter.block.bytes.len());
        sorter.push(1, &key, value).unwrap();
        let now = sorter.block.bytes.len();
        assert!(now <= size, "{now} bytes");
        if sorter.block.count <= count {
            assert_eq!(sorter.block.count, 1);
            assert!(
                before + now + BESIDES > size,
                "{before} bytes were not full"
            );
            blocks += 1;
        }
        if blocks == 1 && sorter.block.count == 1 {
            assert!(sorter.block.bytes.capacity() >= size, "made at once");
        }
    }
    assert!(blocks >= 10, "{blocks} blocks");
}

#[test]
fn a_record_that_just_fits_is_the_last_of_its_block() {
    for (more, count) in [(0, 2), (1, 1)] {
        let (_dir, mut sorter) = new(1 << 20);
        sorter.push(1, b"key", Some(b"value")).unwrap();
        let room = sorter.block_size - sorter.block.bytes.len();
        let value = vec![7; room - 3 - BESIDES + more];
        sorter.push(1, b"kez", Some(&value)).unwrap();
        assert_eq!(sorter.block.count, count);
    }
}

#[test]
fn a_record_larger_than_a_block_has_one_of_its_own() {
    let (_dir, mut sorter) = new(1 << 20);
    let large = vec![7; sorter.block_size + 1];
    sorter.push(1, b"key", Some(&large)).unwrap();
    assert!(sorter.worker.is_none(), "there was nothing to hand over");
    sorter.push(1, b"kez", Some(&large)).unwrap();
    assert!(sorter.worker.is_some());
    assert_eq!(sorter.block.count, 1);
}

#[test]
fn a_block_is_in_order_while_its_keys_rise() {
    let (_dir, mut sorter) = new(1 << 20);
    let mut push = |keyspace, key: &[u8]| {
        sorter.push(keyspace, key, Some(b"v")).unwrap();
        sorter.block.in_order
    };
    assert!(push(1, b"m"));
    assert!(push(1, b"n"));
    assert!(push(1, b"na"));
    assert!(push(2, b"a"));
    assert!(!push(1, b"z"));
    assert!(!push(3, b"b"), "what was not in order is never again");
    let (_dir, mut sorter) = new(1 << 20);
    for _ in 0..2 {
        sorter.push(1, b"twice", Some(b"v")).unwrap();
    }
    assert!(!sorter.block.in_order);
}

/// Records that count 1 KiB each, with falling keys or rising ones.
fn finished(count: u64, falls: bool) -> Sorted {
    let (_dir, mut sorter) = new(16 << 20);
    for i in 0..count {
        let key = if falls { count - i } else { i };
        let value = [7; 1024 - 8 - BESIDES];
        sorter.push(1, &key.to_be_bytes(), Some(&value)).unwrap();
    }
    let mut sorted = sorter.finish().unwrap();
    assert_eq!(sorted.pushed(), count);
    let mut last = None;
    let first = sorted.next_change().unwrap().unwrap().key.to_vec();
    while let Some(change) = BulkSource::next(&mut sorted).unwrap() {
        last = Some(change.key.to_vec());
    }
    let key = |i: u64| (i + u64::from(falls)).to_be_bytes().to_vec();
    assert_eq!((first, last), (key(0), Some(key(count - 1))));
    sorted
}

#[test]
fn the_last_merge_has_a_thread_where_much_is_merged() {
    let many = MANY / 1024;
    let ahead = |sorted: &Sorted| matches!(sorted.feed, Feed::Ahead(_));
    assert!(ahead(&finished(many, true)));
    assert!(!ahead(&finished(many - 1, true)));
    assert!(!ahead(&finished(many, false)), "one run is not merged");
}
