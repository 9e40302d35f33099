//! Pages through a map: their own bytes, wherever those may stand elsewhere too.

use std::sync::Arc;

use super::{PAGE, corrupt, file, header};
use crate::format::Invariant;
use crate::format::checksum::crc;
use crate::format::header::first_page;
use crate::format::overflow::{OverflowRef, overflow_header};
use crate::format::page::{PageHeader, PageKind, seal};
use crate::store::pages::Pages;
use crate::sys::File;
use crate::tree::{PageRead, PageRef};

/// Writes a leaf and tells its checksum.
fn leaf(file: &dyn File, page: u32) -> (Vec<u8>, PageRef) {
    let head = PageHeader {
        crc: 0,
        page_id: page,
        generation: 1,
        kind: PageKind::Leaf,
        level: 0,
        cell_count: 0,
        prefix_len: 0,
        cells_end: 32,
    };
    let mut bytes = vec![0; PAGE];
    bytes[..32].copy_from_slice(&head.encode());
    let crc = seal(&mut bytes, PageKind::Leaf);
    file.write_at(&bytes, u64::from(page) * PAGE as u64)
        .unwrap();
    (bytes, PageRef { page, crc })
}

/// Looks at a page for the first time, once more, and as one that was seen.
fn looks(pages: &Pages, at: PageRef) -> [&[u8]; 4] {
    [
        pages.page(at).unwrap(),
        pages.page(at).unwrap(),
        pages.again(at).unwrap(),
        pages.again(at).unwrap(),
    ]
}

#[test]
fn a_page_is_one_page_long_in_a_large_file() {
    let first = first_page(PAGE);
    // Large enough that any product of a place and a page is inside. Nothing is written there.
    let count = first * PAGE as u32 + 16;
    let (_dir, file) = file(u64::from(count));
    for page in [first, first + 1, count - 1] {
        let (bytes, at) = leaf(file.as_ref(), page);
        for mmap in [true, false] {
            let pages = Pages::new(Arc::clone(&file), &header(1, count), mmap);
            for found in looks(&pages, at) {
                assert!(found == bytes, "page {page}: {} bytes", found.len());
            }
        }
    }
}

#[test]
fn a_page_is_where_its_number_says_though_its_checksum_stands_everywhere() {
    let first = first_page(PAGE);
    let (_dir, file) = file(10);
    let (_, at) = leaf(file.as_ref(), first);
    file.write_at(&at.crc.to_le_bytes().repeat(10 * PAGE / 4), 0)
        .unwrap();
    let (bytes, at) = leaf(file.as_ref(), first);
    for mmap in [true, false] {
        let pages = Pages::new(Arc::clone(&file), &header(1, 10), mmap);
        for found in looks(&pages, at) {
            assert!(found == bytes);
        }
    }
}

#[test]
fn a_map_is_used_by_the_next_generation_as_long_as_it_reaches() {
    let (_dir, file) = file(12);
    let pages = Pages::new(Arc::clone(&file), &header(1, 10), true);
    assert!(!pages.is_mapped());
    assert_eq!(pages.map().unwrap().unwrap().bytes().len(), 10 * PAGE);
    assert!(pages.is_mapped());
    let same = pages.grown(&header(2, 10)).unwrap();
    assert!(same.is_mapped());
    assert!(Arc::ptr_eq(
        same.map().unwrap().unwrap(),
        pages.map().unwrap().unwrap()
    ));
    assert!(pages.grown(&header(2, 9)).unwrap().is_mapped());
    let longer = pages.grown(&header(2, 11)).unwrap();
    assert!(!longer.is_mapped());
    assert_eq!((longer.generation(), longer.page_count()), (2, 11));
    assert_eq!(longer.map().unwrap().unwrap().bytes().len(), 11 * PAGE);
    // Where nothing is to be mapped there is nothing to take over.
    let read = Pages::new(file, &header(1, 10), false);
    assert!(read.map().unwrap().is_none());
    assert!(!read.grown(&header(2, 10)).unwrap().is_mapped());
}

#[test]
fn pages_are_given_back_and_read_again() {
    let first = first_page(PAGE);
    let (_dir, file) = file(10);
    let (bytes, at) = leaf(file.as_ref(), first);
    for mmap in [true, false] {
        let pages = Pages::new(Arc::clone(&file), &header(1, 10), mmap);
        pages.forget(); // nothing is mapped yet
        assert!(!pages.is_mapped());
        assert!(pages.page(at).unwrap() == bytes);
        pages.forget();
        assert!(pages.page(at).unwrap() == bytes);
    }
}

#[test]
fn the_first_and_the_last_page_belong_to_the_file() {
    let first = first_page(PAGE);
    let (_dir, file) = file(10);
    for mmap in [false, true] {
        for page in [first, 9] {
            let (bytes, at) = leaf(file.as_ref(), page);
            let pages = Pages::new(Arc::clone(&file), &header(1, 10), mmap);
            assert!(pages.page(at).unwrap() == bytes);
        }
        let pages = Pages::new(Arc::clone(&file), &header(1, 10), mmap);
        let outside = |page| corrupt(pages.page(PageRef { page, crc: 0 }));
        assert_eq!(outside(first - 1), Invariant::P6);
        assert_eq!(outside(10), Invariant::P6);
        pages.map().unwrap();
        let again = |page| corrupt(pages.again(PageRef { page, crc: 0 }));
        assert_eq!(again(10), Invariant::P6);
        assert_eq!(again(u32::MAX), Invariant::P6);
    }
}

#[test]
fn a_large_value_is_its_bytes_and_zeros_behind_them() {
    let (_dir, file) = file(10);
    let value = vec![7; 5000];
    let put = |value: &[u8], rest: u8| {
        let mut extent = overflow_header(5, 1).to_vec();
        extent.extend_from_slice(value);
        extent.resize(2 * PAGE, 0);
        extent[2 * PAGE - 1] = rest;
        file.write_at(&extent, 5 * PAGE as u64).unwrap();
    };
    let of = OverflowRef {
        page: 5,
        stored_len: 5000,
        crc: crc(&value),
    };
    for mmap in [false, true] {
        let read = || {
            let pages = Pages::new(Arc::clone(&file), &header(1, 10), mmap);
            pages.value(&of).map(<[u8]>::to_vec)
        };
        put(&value, 0);
        assert!(read().unwrap() == value);
        put(&value, 1);
        assert_eq!(corrupt(read()), Invariant::T10);
        put(&[8; 5000], 0);
        assert_eq!(corrupt(read()), Invariant::T10);
    }
}
