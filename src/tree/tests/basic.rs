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

#[test]
fn a_sample_of_all_leaves_is_exact_and_of_some_is_near() {
    use crate::format::page::{PageKind, check_page};
    let value = |i: u64| vec![1; if i.is_multiple_of(10) { 5000 } else { 100 }];
    let (mem, root) = build(4096, (0..3000).map(|i| (key(i), value(i))));
    let kinds = mem.live.keys().filter_map(|page| {
        let bytes = mem.pages[*page as usize].as_deref()?;
        Some(check_page(bytes, *page).ok()?.kind)
    });
    let kinds: Vec<PageKind> = kinds.collect();
    let count = |kind| kinds.iter().filter(|k| **k == kind).count() as u64;
    let (leaves, branches) = (count(PageKind::Leaf), count(PageKind::Branch));
    assert!(leaves > 50 && branches >= 2, "{leaves} {branches}");
    let all = sample_fill(&mem, root, u64::MAX).unwrap();
    assert_eq!((all.leaves, all.overflow_pages), (leaves, 600));
    assert!(all.branches.abs_diff(branches) <= 1, "{all:?} {branches}");
    // Built densely: next to nothing is free.
    assert!((0.95..=1.0).contains(&all.fill), "{all:?}");
    let some = sample_fill(&mem, root, 20).unwrap();
    assert!(some.leaves.abs_diff(leaves) <= leaves / 5, "{some:?}");
    assert!(some.overflow_pages.abs_diff(600) <= 120, "{some:?}");
    assert!((0.9..=1.0).contains(&some.fill), "{some:?}");
}
