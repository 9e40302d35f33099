//! Trees of a page or two, and what is asked of parts of them.

use super::super::pending::{Branches, Leaves};
use super::super::*;
use super::basic::{build, key};
use super::mem::MemPages;
use super::model::{Puts, World};
use crate::error::Error;
use crate::format::Invariant;
use crate::format::branch::{Branch, ChildRef};
use crate::format::leaf::StoredValue;
use crate::format::overflow::OverflowRef;

fn interval(from: &[u8], to: Option<&[u8]>) -> KeyInterval {
    KeyInterval {
        from: from.to_vec(),
        to: to.map(<[u8]>::to_vec),
    }
}

#[test]
fn intervals_have_the_keys_from_their_first_up_to_their_end() {
    let all = [
        interval(b"b", Some(b"d")),
        interval(b"f", Some(b"f\0")),
        interval(b"x", None),
    ];
    let has = |key: &[u8]| any_has(&all, key);
    for key in [b"b".as_slice(), b"b\0", b"c", b"cz", b"f", b"x", b"zz"] {
        assert!(has(key), "{key:?}");
    }
    for key in [b"".as_slice(), b"a", b"d", b"e", b"f\0", b"g", b"w"] {
        assert!(!has(key), "{key:?}");
    }
    assert!(!any_has(&[], b"b"));
}

#[test]
fn intervals_that_meet_become_one() {
    let added = |all: &[KeyInterval], new: &[KeyInterval]| {
        let mut all = all.to_vec();
        add_intervals(&mut all, new.iter().cloned());
        all
    };
    let (bd, df, xz) = (
        interval(b"b", Some(b"d")),
        interval(b"d", Some(b"f")),
        interval(b"x", Some(b"z")),
    );
    let one = std::slice::from_ref(&bd);
    assert_eq!(added(&[], one), *one);
    assert_eq!(added(one, &[]), *one);
    // Apart, whichever comes first.
    let apart = [bd.clone(), xz.clone()];
    assert_eq!(added(one, &apart[1..]), apart);
    assert_eq!(added(&apart[1..], one), apart);
    assert_eq!(added(one, &[interval(b"d\0", None)]).len(), 2);
    // They touch, overlap, are the same, or have no end.
    let joined = [interval(b"b", Some(b"f"))];
    assert_eq!(added(one, std::slice::from_ref(&df)), joined);
    assert_eq!(added(std::slice::from_ref(&df), one), joined);
    assert_eq!(added(one, &[interval(b"c", Some(b"f"))]), joined);
    assert_eq!(added(one, &[interval(b"b", Some(b"f"))]), joined);
    assert_eq!(added(&joined, one), joined);
    assert_eq!(added(one, &[interval(b"c", None)]), [interval(b"b", None)]);
    assert_eq!(added(&[interval(b"a", None)], one), [interval(b"a", None)]);
    let three = [df, xz, bd];
    let expected = [joined[0].clone(), interval(b"x", Some(b"z"))];
    assert_eq!(added(&[], &three), expected);
}

#[test]
fn a_tree_of_one_leaf_is_touched_by_a_key_or_a_range_and_not_by_nothing() {
    let (mem, root) = build(4096, (0..3).map(|i| (key(i), vec![1])));
    let none = || std::iter::empty();
    let one = key(1);
    let ranges = [interval(&key(0), Some(&key(2)))];
    let touched = |keys: Vec<&[u8]>, ranges: &[KeyInterval]| {
        let touched = touched_leaves(&mem, root, keys.into_iter(), ranges, u64::MAX).unwrap();
        (touched.touched, touched.total)
    };
    assert_eq!(touched(vec![], &[]), (0, 1));
    assert_eq!(touched(vec![&one], &[]), (1, 1));
    assert_eq!(touched(vec![], &ranges), (1, 1));
    assert_eq!(leaf_estimate(&mem, root).unwrap(), 1);
    let empty = MemPages::new(4096);
    let nothing = touched_leaves(&empty, Root::default(), none(), &ranges, u64::MAX).unwrap();
    assert_eq!((nothing.touched, nothing.total), (0, 0));
}

#[test]
fn a_large_value_that_is_there_already_is_not_written_again() {
    let mut world = World::new(4096);
    let put = |value: Vec<u8>| -> Puts { [(key(7), Some(value))].into() };
    let value = vec![5; 20_000];
    let first = world.fold(&put(value.clone()), &[], FoldMode::Incremental);
    assert!(first.pages_written > 5, "{first:?}");
    let again = world.fold(&put(value.clone()), &[], FoldMode::Incremental);
    assert_eq!((again.unchanged, again.replaced), (1, 0));
    assert!(again.pages_written < 3, "{again:?}");
    let mut other = value.clone();
    other[19_999] = 6;
    let changed = world.fold(&put(other), &[], FoldMode::Incremental);
    assert_eq!((changed.unchanged, changed.replaced), (0, 1));
    assert!(changed.pages_written > 5, "{changed:?}");
    let longer = world.fold(&put(vec![5; 20_001]), &[], FoldMode::Incremental);
    assert_eq!((longer.unchanged, longer.replaced), (0, 1));
    world.check();
}

#[test]
fn a_tree_without_pages_has_none_to_read() {
    let none = NoPages(8192);
    assert_eq!(none.page_size(), 8192);
    let (_, root) = build(4096, (0..3).map(|i| (key(i), vec![1])));
    let page = PageRef {
        page: root.page,
        crc: root.crc,
    };
    let value = OverflowRef {
        page: 1,
        stored_len: 5000,
        crc: 0,
    };
    for refused in [none.page(page), none.value(&value)] {
        let Err(Error::Corrupt(corruption)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(corruption.id, Invariant::P6);
    }
}

fn keys_of(leaves: &Leaves) -> Vec<Vec<u8>> {
    let pages = [&leaves.held, &leaves.open];
    let keys = pages.map(|page| (0..page.count()).filter_map(|i| page.key(i).map(<[u8]>::to_vec)));
    keys.into_iter().flatten().collect()
}

#[test]
fn two_leaves_share_evenly_where_the_second_is_thin() {
    let mut leaves = Leaves::new(4096);
    assert!(leaves.is_empty() && !leaves.is_thin());
    let value = [7; 100];
    let mut pushed = Vec::new();
    let mut i = 0;
    while leaves.open.push(&key(i), &StoredValue::Inline(&value)) {
        pushed.push(key(i));
        i += 1;
        let used = leaves.open.used();
        assert_eq!(leaves.is_thin(), used * 5 < 2 * 4096, "{used}");
    }
    leaves.shift(&key(i));
    assert!(leaves.is_empty());
    for _ in 0..3 {
        assert!(leaves.open.push(&key(i), &StoredValue::Inline(&value)));
        pushed.push(key(i));
        i += 1;
    }
    assert!(leaves.is_thin());
    leaves.share();
    assert!(!leaves.is_thin());
    assert_eq!(keys_of(&leaves), pushed);
    let (held, open) = (leaves.held.used(), leaves.open.used());
    assert!(held.abs_diff(open) < 300, "{held} and {open}");
    let (last, first) = (leaves.held.last_key().unwrap(), leaves.open.key(0).unwrap());
    assert!(*last < *leaves.open_low && *leaves.open_low <= *first);
    leaves.clear();
    assert!(keys_of(&leaves).is_empty());
}

fn child(i: u64) -> ChildRef {
    ChildRef {
        page: 100 + i as u32,
        crc: i as u32,
        entries: i,
    }
}

/// A full held branch and an open one with so many children.
fn branches(more: usize) -> (Branches, Vec<u64>) {
    let mut branches = Branches::new(4096);
    let mut i = 0;
    while branches.open.push(&key(i), child(i)) {
        i += 1;
    }
    branches.shift();
    for _ in 0..more {
        assert!(branches.open.push(&key(i), child(i)));
        i += 1;
    }
    (branches, (0..i).collect())
}

fn numbers_of(branches: &Branches) -> Vec<u64> {
    let pages = [&branches.held, &branches.open];
    let all = pages.map(|page| (0..page.count()).filter_map(|i| page.entry(i)));
    let all = all.into_iter().flatten();
    all.map(|(low, child)| {
        assert_eq!(low, key(child.entries));
        child.entries
    })
    .collect()
}

#[test]
fn two_branches_share_evenly_or_as_little_as_is_legal() {
    for more in 1..6 {
        let (mut even, numbers) = branches(more);
        assert!(even.is_thin());
        even.share(true);
        assert_eq!(numbers_of(&even), numbers);
        assert!(!even.is_thin());
        let (held, open) = (even.held.used(), even.open.used());
        assert!(held.abs_diff(open) < 100, "{held} and {open}");
        let (mut few, numbers) = branches(more);
        few.share(false);
        assert_eq!(numbers_of(&few), numbers);
        assert_eq!(few.open.count(), more.max(2));
        assert!(few.only().is_none());
        let last = numbers.len() as u64 - 1;
        assert_eq!(few.pop(), Some((key(last), child(last))));
        assert_eq!(numbers_of(&few), numbers[..numbers.len() - 1]);
        few.clear();
        assert!(few.is_empty() && few.pop().is_none());
    }
    // A page of children above 40 % stands alone, unless it is one child.
    let mut branches = Branches::new(4096);
    assert!(branches.is_empty() && !branches.is_thin());
    for i in 0.. {
        if !branches.open.push(&key(i), child(i)) {
            break;
        }
        let used = branches.open.used();
        assert_eq!(branches.is_thin(), used * 5 < 2 * 4096, "{used}");
        assert_eq!(branches.only().is_some(), i == 0);
    }
    let mut tiny = Branches::new(4096);
    for i in [1, 2] {
        assert!(tiny.open.push(&key(i), child(i)));
    }
    tiny.share(true);
    assert_eq!((tiny.held.count(), tiny.open.count()), (0, 2));
}

/// Cells of one length and nothing but the keyspace in common: both pages get the same number.
#[test]
fn an_even_number_of_equal_cells_is_halved() {
    let short_key = |i: u8| vec![0, 0, 0, 1, i];
    for more in [2, 4, 6] {
        let mut leaves = Leaves::new(4096);
        let mut i = 0;
        while leaves
            .open
            .push(&short_key(i), &StoredValue::Inline(&[7; 91]))
        {
            i += 1;
        }
        leaves.shift(&short_key(i));
        let held = leaves.held.count() as u8;
        for i in held..held + more + held % 2 {
            assert!(
                leaves
                    .open
                    .push(&short_key(i), &StoredValue::Inline(&[7; 91]))
            );
        }
        leaves.share();
        assert_eq!(leaves.held.count(), leaves.open.count(), "{more}");
    }
    for (held, more) in [(10, 4), (9, 5), (30, 4), (61, 7)] {
        let mut branches = Branches::new(4096);
        for i in 0..held {
            assert!(branches.open.push(&short_key(i), child(100)));
        }
        branches.shift();
        for i in held..held + more {
            assert!(branches.open.push(&short_key(i), child(100)));
        }
        branches.share(true);
        let half = usize::from(held + more) / 2;
        assert_eq!((branches.held.count(), branches.open.count()), (half, half));
    }
}

/// Pages wait for those behind them only where these would hold too little.
#[test]
fn a_second_branch_that_holds_enough_is_written_as_it_is() {
    let full = branches(0).0.held.count();
    let written = |more: usize| {
        let (none, mem) = (NoPages(4096), MemPages::new(4096));
        let mut out = mem.writer(1);
        let mut assembler = Assembler::new(&none, &mut out, Fill::Even);
        let all = (full + more) as u64;
        for i in 0..all {
            assembler.push_subtree(0, &key(i), child(i)).unwrap();
        }
        // A subtree of their own level ends them, in the middle of the tree.
        assembler.push_subtree(1, &key(all), child(all)).unwrap();
        let (root, _) = assembler.finish().unwrap();
        assert_eq!(root.height, 3);
        let count = |(_, page): &(u32, Vec<u8>)| Branch::new(page).unwrap().count();
        out.written.iter().map(count).collect::<Vec<usize>>()
    };
    for more in [full / 2, full * 7 / 10, full * 9 / 10] {
        assert_eq!(written(more), [full, more, 3]);
    }
    let [first, second, root] = written(full / 5)[..] else {
        panic!("there are two branches below the root");
    };
    assert_eq!((first + second, root), (full + full / 5, 3));
    assert!(first.abs_diff(second) < full / 10, "{first} and {second}");
}
