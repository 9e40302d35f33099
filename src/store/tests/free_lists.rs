//! What a free list may say, and which pages are whose while a generation is built.

use std::sync::Arc;

use super::{PAGE, corrupt, file, header};
use crate::error::Result;
use crate::format::Invariant;
use crate::format::freelist::{FreeExtent, write_free_page};
use crate::format::header::{Header, first_page};
use crate::store::bits::PageBits;
use crate::store::space::{Space, read_chain};

const fn extent(freed_gen: u64, start: u32, pages: u32) -> FreeExtent {
    FreeExtent {
        freed_gen,
        start,
        pages,
    }
}

/// Reads a list of one page in a file of 40 pages and generation 9.
fn read(records: &[FreeExtent], available: u32, pending: u32) -> Result<Vec<FreeExtent>> {
    let (_dir, file) = file(40);
    let first = first_page(PAGE);
    let mut page = Vec::new();
    let crc = write_free_page(&mut page, PAGE, first, 9, (0, 0), records);
    file.write_at(&page, u64::from(first) * PAGE as u64)
        .unwrap();
    let header = Header {
        free_head: first,
        free_head_crc: crc,
        free_available: available,
        free_pending: pending,
        ..header(9, 40)
    };
    read_chain(file.as_ref(), &header, &mut Vec::new())
}

/// The same with the sums that fit.
fn told(records: &[FreeExtent]) -> Option<Invariant> {
    let sum = |is_free: bool| {
        let some = records.iter().filter(|r| (r.freed_gen == 0) == is_free);
        some.map(|r| r.pages).sum()
    };
    let (available, pending): (u32, u32) = (sum(true), sum(false));
    match read(records, available, pending) {
        Ok(read) => {
            assert_eq!(read, records);
            // A page more or less is noticed.
            for (more, less) in [(1, 0), (0, 1)] {
                let wrong = read_sums(records, available + more, pending + less);
                assert_eq!(wrong, Invariant::S4, "{records:?}");
            }
            None
        }
        wrong => Some(corrupt(wrong)),
    }
}

fn read_sums(records: &[FreeExtent], available: u32, pending: u32) -> Invariant {
    corrupt(read(records, available, pending))
}

#[test]
fn extents_of_a_free_list_are_inside_the_file() {
    let first = first_page(PAGE);
    assert_eq!(told(&[]), None);
    for freed_gen in [0, 5] {
        let one = |start, pages| told(&[extent(freed_gen, start, pages)]);
        assert_eq!(one(first, 1), None);
        assert_eq!(one(first, 40 - first), None);
        assert_eq!(one(39, 1), None);
        for (start, pages) in [(20, 0), (first - 1, 1), (0, 10), (39, 2), (40, 1)] {
            assert_eq!(one(start, pages), Some(Invariant::P6), "{start} {pages}");
        }
        let far = read(&[extent(freed_gen, u32::MAX, u32::MAX)], 0, 0);
        assert_eq!(corrupt(far), Invariant::P6);
    }
}

#[test]
fn available_extents_come_first_rise_and_stand_apart() {
    assert_eq!(
        told(&[extent(0, 10, 2), extent(0, 13, 1), extent(0, 20, 5)]),
        None
    );
    let wrong = [
        // They touch, overlap, are the same, fall.
        [extent(0, 10, 2), extent(0, 12, 1)],
        [extent(0, 10, 3), extent(0, 12, 1)],
        [extent(0, 10, 2), extent(0, 10, 2)],
        [extent(0, 20, 2), extent(0, 10, 2)],
        // Behind one that waits.
        [extent(3, 10, 2), extent(0, 20, 2)],
        [extent(3, 20, 2), extent(0, 10, 2)],
    ];
    for records in wrong {
        assert_eq!(told(&records), Some(Invariant::S2), "{records:?}");
    }
}

#[test]
fn waiting_extents_rise_by_generation_and_place() {
    assert_eq!(told(&[extent(9, 10, 2)]), None);
    assert_eq!(
        told(&[extent(10, 10, 2)]),
        Some(Invariant::S3),
        "the next one"
    );
    let right = [
        [extent(3, 10, 2), extent(3, 12, 2)],
        [extent(3, 20, 2), extent(4, 10, 2)],
        [extent(0, 20, 2), extent(1, 10, 2)],
    ];
    for records in right {
        assert_eq!(told(&records), None, "{records:?}");
    }
    let wrong = [
        [extent(3, 10, 2), extent(3, 10, 2)],
        [extent(3, 12, 2), extent(3, 10, 2)],
        [extent(4, 10, 2), extent(3, 20, 2)],
    ];
    for records in wrong {
        assert_eq!(told(&records), Some(Invariant::S3), "{records:?}");
    }
}

#[test]
fn a_free_list_behind_the_end_of_the_file_is_cut_off() {
    let (_dir, file) = file(10);
    let head = |free_head| Header {
        free_head,
        ..header(9, 40)
    };
    let told = |page| corrupt(read_chain(file.as_ref(), &head(page), &mut Vec::new()));
    assert_eq!(told(10), Invariant::H7);
    assert_eq!(told(39), Invariant::H7);
    // The last page of the file is there, and no page of a list.
    assert_eq!(told(9), Invariant::P1);
    file.set_size(10 * PAGE as u64 - 1).unwrap();
    assert_eq!(told(9), Invariant::H7);
}

#[test]
fn pages_wait_for_the_trees_that_may_need_them() {
    let mut space = Space::fresh(&header(9, 40));
    for (start, pages, generation) in [(10, 1, 3), (12, 2, 4), (20, 4, 5), (30, 8, 5)] {
        space.free(start, pages, generation);
    }
    let since = [0, 2, 3, 4, 5, 6].map(|generation| space.pending_since(generation));
    assert_eq!(since, [15, 15, 14, 12, 0, 0]);
    assert_eq!(space.pending_pages(), 15);
}

/// A fold's own pages are free at once where a later fold of the same generation does without;
/// those of the older tree next to them are not.
#[test]
fn a_page_is_its_own_only_if_it_was_handed_out() {
    // Runs whose places are products of each other, and neighbours.
    let holes = [
        &[(10, 2), (20, 2)][..],
        &[(10, 1), (11, 1)],
        &[(10, 1), (11, 1), (12, 1)],
        &[(10, 3), (13, 2), (30, 1)],
        &[(36, 4)],
    ];
    for (holes, folds) in holes
        .into_iter()
        .flat_map(|holes| (0..4).map(move |n| (holes, n)))
    {
        let mut space = Space::fresh(&header(9, 40));
        let mut own = Vec::new();
        for (i, (start, pages)) in holes.iter().enumerate() {
            space.release(*start, *pages);
            assert_eq!(space.allocate(*pages).unwrap(), *start);
            own.extend(*start..start + pages);
            if i < folds {
                space.next_fold();
            }
        }
        space.next_fold();
        for page in 4..40 {
            let before = space.pending_pages();
            space.free(page, 1, 9);
            let is_own = space.pending_pages() == before;
            assert_eq!(is_own, own.contains(&page), "{holes:?} {page}");
        }
        assert_eq!(space.available_pages(), 0);
        space.next_fold();
        assert_eq!(space.available_pages(), own.len() as u64);
        // They are used before the file grows, the lowest first.
        assert_eq!(space.allocate(1).unwrap(), own[0]);
        assert_eq!(space.page_count(), 40);
    }
}

#[test]
fn pages_that_were_used_again_in_the_same_generation_stay_its_own() {
    let mut space = Space::fresh(&header(9, 100));
    assert_eq!(space.allocate(10).unwrap(), 100);
    space.next_fold();
    space.free(102, 3, 9);
    space.next_fold();
    assert_eq!(space.allocate(2).unwrap(), 102);
    assert_eq!(space.allocate(4).unwrap(), 110);
    space.next_fold();
    for page in (100..104).chain(105..114) {
        space.free(page, 1, 9);
    }
    space.next_fold();
    assert_eq!((space.available_pages(), space.pending_pages()), (14, 0));
    assert_eq!(space.trim_tail(), 100);
}

/// What was looked for in vain is looked for again once there is more.
#[test]
fn a_hole_is_filled_as_soon_as_it_is_large_enough() {
    let mut space = Space::fresh(&header(9, 40));
    space.release(10, 3);
    assert_eq!(space.allocate(4).unwrap(), 40);
    assert_eq!(space.allocate(5).unwrap(), 44);
    assert_eq!(space.allocate(3).unwrap(), 10);
    space.release(10, 3);
    assert_eq!(space.allocate(4).unwrap(), 49);
    space.release(13, 1);
    assert_eq!(space.allocate(4).unwrap(), 10);
    space.release(10, 4);
    assert_eq!(space.allocate(1).unwrap(), 10);
    assert_eq!(space.allocate(3).unwrap(), 11);
    assert_eq!(space.available_pages(), 0);
}

#[cfg(debug_assertions)]
#[test]
fn a_free_page_is_not_freed_once_more() {
    for (start, pages) in [(10, 1), (9, 2), (12, 2), (8, 10), (10, 3)] {
        let twice = std::panic::catch_unwind(|| {
            let mut space = Space::fresh(&header(9, 40));
            space.release(10, 3);
            space.release(start, pages);
        });
        assert!(twice.is_err(), "{start} {pages}");
    }
    let mut space = Space::fresh(&header(9, 40));
    space.release(10, 3);
    space.release(8, 2);
    space.release(13, 2);
    assert_eq!(space.available_pages(), 7);
}

/// A list that needs several pages names them one after the other.
#[test]
fn a_long_free_list_is_read_as_it_was_written() {
    let (_dir, file) = file(4000);
    let mut space = Space::fresh(&header(4, 4000));
    for i in 0..600 {
        space.free(10 + 2 * i, 1, 5);
        space.release(2000 + 3 * i, 2);
    }
    let saved = space.save(&file, 5).unwrap();
    let header = Header {
        free_head: saved.head,
        free_head_crc: saved.head_crc,
        free_available: saved.available,
        free_pending: saved.pending,
        ..header(5, space.page_count())
    };
    let mut chain = Vec::new();
    let records = read_chain(file.as_ref(), &header, &mut chain).unwrap();
    assert_eq!(chain.len(), 1200_usize.div_ceil(253));
    assert_eq!(saved.pending, 600);
    assert_eq!(saved.available as usize, 1200 - chain.len());
    let sum: u32 = records.iter().map(|r| r.pages).sum();
    assert_eq!(sum, saved.pending + saved.available);
    let again = Space::load(&Arc::clone(&file), &header, None).unwrap();
    assert_eq!(again.available_pages(), u64::from(saved.available));
}

/// The header names each page of a list by its checksum, too.
#[test]
fn another_version_of_a_free_list_page_is_damage() {
    let (_dir, file) = file(40);
    let first = first_page(PAGE);
    let mut page = Vec::new();
    let crc = write_free_page(&mut page, PAGE, first, 9, (0, 0), &[extent(0, 20, 2)]);
    file.write_at(&page, u64::from(first) * PAGE as u64)
        .unwrap();
    let read = |free_head_crc| {
        let header = Header {
            free_head: first,
            free_head_crc,
            free_available: 2,
            ..header(9, 40)
        };
        read_chain(file.as_ref(), &header, &mut Vec::new())
    };
    assert_eq!(read(crc).unwrap(), [extent(0, 20, 2)]);
    assert_eq!(corrupt(read(crc ^ 1)), Invariant::P3);
}

#[test]
fn a_kept_tree_that_lost_a_page_is_not_gone_back_to() {
    let tree = |runs: &[(u32, u32)]| {
        let mut bits = PageBits::new(40);
        assert!(runs.iter().all(|(start, pages)| bits.add(*start, *pages)));
        bits
    };
    let space = || {
        let mut space = Space::fresh(&header(9, 40));
        space.release(10, 2);
        space.free(20, 4, 9);
        space
    };
    let go_back = |space: &mut Space, runs: &[(u32, u32)], others: &[(u32, u32)]| {
        space.go_back(&tree(runs), others, 10)
    };
    // One that is free to be used, one that the log has, and one outside the file.
    let lost = go_back(&mut space(), &[(8, 3)], &[]);
    assert_eq!(corrupt(lost), Invariant::S7);
    for others in [(30, 2), (33, 1), (39, 2)] {
        let lost = go_back(&mut space(), &[(31, 3)], &[others]);
        assert_eq!(corrupt(lost), Invariant::S7, "{others:?}");
    }
    // What waits may be its own, and what neither has waits from now on.
    let mut space = space();
    go_back(&mut space, &[(8, 2), (22, 1)], &[(30, 10)]).unwrap();
    let rest = u64::from(40 - first_page(PAGE)) - (2 + 2 + 4 + 10);
    assert_eq!((space.available_pages(), space.pending_since(9)), (2, rest));
    assert_eq!(space.pending_pages(), rest + 3);
}
