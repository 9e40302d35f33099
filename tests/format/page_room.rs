//! How much fits a page: up to its last byte, and not one more.

use creel::format::PAGE_HEADER_SIZE;
use creel::format::branch::{Branch, BranchBuilder, ChildRef};
use creel::format::leaf::{Leaf, LeafBuilder, StoredValue, max_cell, needs_overflow};
use creel::format::page::PageHeader;

const SIZE: usize = 4096;

/// Bytes in use of a page as it is written.
fn written(bytes: &[u8], per_cell: usize) -> usize {
    let header = PageHeader::decode(bytes).unwrap();
    header.cells_end_offset() + per_cell * usize::from(header.cell_count)
}

fn leaf_used(builder: &LeafBuilder) -> usize {
    let mut page = Vec::new();
    builder.write(&mut page, 7, 1);
    Leaf::new(&page).unwrap().check().unwrap();
    assert_eq!(written(&page, 3), builder.used());
    builder.used()
}

#[test]
fn a_leaf_is_filled_up_to_its_last_byte() {
    for stem in ["", "long and the same in all keys"] {
        let key = |i: u8| [&[0, 0, 0, 1], stem.as_bytes(), &[i]].concat();
        let mut builder = LeafBuilder::new(SIZE);
        for i in 0..3 {
            assert!(builder.push(&key(i), &StoredValue::Inline(&[i; 1000])));
            leaf_used(&builder);
        }
        // The last one has a suffix of one byte, one in front of it, and three for head and slot.
        let room = SIZE - builder.used() - 5;
        let before = builder.used();
        let long = vec![9; room + 1];
        assert!(!builder.push(&key(9), &StoredValue::Inline(&long)));
        assert_eq!((leaf_used(&builder), builder.count()), (before, 3));
        assert!(builder.push(&key(9), &StoredValue::Inline(&long[1..])));
        assert_eq!((leaf_used(&builder), builder.count()), (SIZE, 4));
        assert!(!builder.push(&key(10), &StoredValue::Inline(b"")));
    }
}

/// A key that shares less makes all cells longer.
#[test]
fn a_key_that_shares_less_costs_room_in_every_cell() {
    let key = |last: &str| [b"\0\0\0\x01", last.as_bytes()].concat();
    let mut builder = LeafBuilder::new(SIZE);
    for i in 0..100 {
        let entry = key(&format!("a common beginning {i:03}"));
        assert!(builder.push(&entry, &StoredValue::Inline(b"")));
    }
    let before = leaf_used(&builder);
    assert!(builder.push(&key("b"), &StoredValue::Inline(b"")));
    // Twenty bytes that stood in the prefix once stand in each of the first hundred.
    assert_eq!(leaf_used(&builder), before - 20 + 100 * 20 + 5);
}

#[test]
fn a_branch_is_filled_up_to_its_last_byte() {
    let child = |i: usize| ChildRef {
        page: 100 + i as u32,
        crc: 5,
        entries: 1000 * i as u64,
    };
    let used = |builder: &BranchBuilder| {
        let mut page = Vec::new();
        builder.write(&mut page, 7, 1, 1);
        if builder.count() > 1 {
            Branch::new(&page).unwrap().check().unwrap();
        }
        assert_eq!(written(&page, 2), builder.used());
        builder.used()
    };
    let separator = |i: usize| format!("the same in all {i:02}").into_bytes();
    let mut builder = BranchBuilder::new(SIZE);
    assert_eq!(builder.used(), PAGE_HEADER_SIZE);
    for i in 0..90 {
        assert!(builder.push(&separator(i), child(i)));
        used(&builder);
    }
    // One that has the whole prefix: page, checksum, count and lengths of two bytes each, slot.
    let before = builder.used();
    let stem = b"the same in all 9";
    let prefix = stem.len() - 1;
    let room = SIZE - before - (8 + 2 + 2 + 2);
    let mut long = stem.to_vec();
    long.resize(prefix + room + 1, b'x');
    let last = ChildRef {
        entries: 1000,
        ..child(90)
    };
    assert!(!builder.push(&long, last));
    assert_eq!((used(&builder), builder.count()), (before, 90));
    long.pop();
    assert!(builder.push(&long, last));
    assert_eq!((used(&builder), builder.count()), (SIZE, 91));
    // A separator that shares less makes the others longer.
    let mut builder = BranchBuilder::new(SIZE);
    for i in 0..50 {
        assert!(builder.push(&separator(i), child(i)));
    }
    let before = used(&builder);
    assert!(builder.push(b"u", child(50)));
    let cell = 8 + 3 + 1 + 1 + 2;
    assert_eq!(used(&builder), before - prefix + 49 * prefix + cell);
}

/// Any four entries that need no extent fit one leaf, so that trees have more than one entry a page.
#[test]
fn a_value_goes_to_an_extent_where_four_such_entries_would_not_fit() {
    for page_size in [4096, 65536] {
        assert_eq!(max_cell(page_size), (page_size - 32) / 4);
        // Keys whose length takes one byte of the cell, and two.
        for (key_len, head) in [(5, 1), (31, 1), (32, 2), (500, 2)] {
            let most = max_cell(page_size) - (3 + head + key_len);
            assert!(
                !needs_overflow(page_size, key_len, most as u64),
                "{key_len}"
            );
            assert!(
                needs_overflow(page_size, key_len, most as u64 + 1),
                "{key_len}"
            );
            let mut builder = LeafBuilder::new(page_size);
            for i in 0..4 {
                let value = vec![0; most];
                assert!(builder.push(&vec![i; key_len], &StoredValue::Inline(&value)));
            }
            assert_eq!(builder.used(), page_size);
        }
        assert!(needs_overflow(page_size, 5, u64::MAX));
        assert!(!needs_overflow(page_size, 5, 0));
    }
}
