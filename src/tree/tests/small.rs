//! Trees of a page or two, and what is asked of parts of them.

use super::super::*;
use super::basic::{build, key};
use super::mem::MemPages;
use super::model::{Puts, World};
use crate::error::Error;
use crate::format::Invariant;
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
