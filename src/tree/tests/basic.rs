//! Build, get and cursor.

use super::super::*;
use super::mem::{MemPages, Rng};
use crate::format::key::FullKey;

pub fn key(i: u64) -> Vec<u8> {
    FullKey::new(1, format!("key/{i:08}").as_bytes()).to_vec()
}

pub fn build(
    page_size: usize,
    entries: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
) -> (MemPages, Root) {
    let mut mem = MemPages::new(page_size);
    let mut out = mem.writer(1);
    let none = NoPages(page_size);
    let mut build = Assembler::new(&none, &mut out, Fill::Dense);
    for (key, value) in entries {
        build.push_entry(&key, NewValue::Raw(&value)).unwrap();
    }
    let (root, stats) = build.finish().unwrap();
    assert_eq!(stats.pages_written, out.written_pages());
    mem.apply(out);
    (mem, root)
}

#[test]
fn every_built_entry_is_found_and_no_other() {
    for (page_size, count) in [(4096, 0), (4096, 1), (4096, 30_000), (65536, 30_000)] {
        let value = |i: u64| vec![i as u8; (i % 97) as usize];
        let (mem, root) = build(page_size, (0..count).map(|i| (key(2 * i), value(i))));
        for i in 0..count {
            let found = get(&mem, root, &key(2 * i)).unwrap().unwrap();
            assert_eq!(read_value(&mem, &found).unwrap(), value(i));
            assert_eq!(get(&mem, root, &key(2 * i + 1)).unwrap(), None);
        }
        assert_eq!(get(&mem, root, b"").unwrap(), None);
        assert_eq!(get(&mem, root, &[0xff; 9]).unwrap(), None);
    }
}

#[test]
fn large_values_stand_apart() {
    let value = |i: u64| vec![i as u8; (i * 501) as usize];
    let (mem, root) = build(4096, (0..100).map(|i| (key(i), value(i))));
    for i in 0..100 {
        let found = get(&mem, root, &key(i)).unwrap().unwrap();
        assert_eq!(read_value(&mem, &found).unwrap(), value(i));
    }
}

#[test]
fn a_cursor_walks_both_ways_and_turns() {
    let mut rng = Rng::new(1);
    let count = 5000u64;
    let (mem, root) = build(4096, (0..count).map(|i| (key(2 * i), vec![0; 40])));
    let mut cursor = TreeCursor::new();
    assert!(cursor.next(&mem).unwrap().is_none());
    let mut full = Vec::new();
    for _ in 0..2000 {
        let target = rng.below(2 * count + 2);
        let (seek, mut gap) = match rng.below(3) {
            0 => (Seek::AtOrAfter, target.div_ceil(2)),
            1 => (Seek::AtOrBefore, target / 2 + 1),
            _ => (Seek::Before, target.div_ceil(2)),
        };
        gap = gap.min(count);
        let target = key(target);
        cursor.seek(&mem, root, Some(&target), seek).unwrap();
        for _ in 0..rng.below(200) {
            let forward = rng.below(8) < 4 + rng.0 % 2;
            let entry = if forward {
                cursor.next(&mem)
            } else {
                cursor.prev(&mem)
            };
            let expected = if forward {
                (gap < count).then_some(gap)
            } else {
                gap.checked_sub(1)
            };
            match (entry.unwrap(), expected) {
                (Some(entry), Some(i)) => {
                    entry.copy_key(&mut full);
                    assert_eq!(full, key(2 * i));
                    gap = if forward { i + 1 } else { i };
                }
                (None, None) => {}
                (entry, expected) => panic!("{entry:?} is not {expected:?}"),
            }
        }
    }
    for (seek, forward) in [
        (Seek::AtOrAfter, true),
        (Seek::AtOrBefore, false),
        (Seek::Before, false),
    ] {
        cursor.seek(&mem, root, None, seek).unwrap();
        let mut seen = 0;
        while (if forward {
            cursor.next(&mem)
        } else {
            cursor.prev(&mem)
        })
        .unwrap()
        .is_some()
        {
            seen += 1;
        }
        assert_eq!(seen, count);
    }
}

#[test]
fn what_two_folds_changed_adds_up() {
    let one = FoldDelta {
        entries: 1,
        logical_bytes: -2,
        content_sum: u64::MAX,
        inserted: 4,
        replaced: 5,
        unchanged: 6,
        deleted: 7,
        deleted_in_ranges: 8,
        pages_written: 9,
        pages_freed: 10,
        leaves_written: 11,
        resume_key: None,
        more: false,
    };
    let mut sum = one.clone();
    sum.add(&one);
    let twice = FoldDelta {
        entries: 2,
        logical_bytes: -4,
        content_sum: u64::MAX - 1,
        inserted: 8,
        replaced: 10,
        unchanged: 12,
        deleted: 14,
        deleted_in_ranges: 16,
        pages_written: 18,
        pages_freed: 20,
        leaves_written: 22,
        ..one
    };
    assert_eq!(sum, twice);
    sum.add(&FoldDelta::default());
    assert_eq!(sum, twice);
}
