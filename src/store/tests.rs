//! Free space by exact count; pages that a file does not have.

mod bits;
mod free_lists;
mod mapped;
mod odd;
mod pieces;
mod slots;
mod waiting;

use std::sync::Arc;

use super::pages::Pages;
use super::space::{Space, read_chain};
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::header::{Header, RegionSlot, Role, first_page};
use crate::format::overflow::OverflowRef;
use crate::format::page::{PageHeader, PageKind, seal};
use crate::sys::{Access, File, OsVfs, Vfs};
use crate::tree::{PageRead, PageRef};

const PAGE: usize = 4096;

fn header(generation: u64, page_count: u32) -> Header {
    Header {
        page_shift: 12,
        compat: 0,
        ro_compat: 0,
        incompat: 0,
        lineage_id: [1; 16],
        file_id: [2; 16],
        generation,
        checkpoint_index: 0,
        history: [0; 16],
        checkpoint_time_ms: 0,
        entry_count: 0,
        logical_bytes: 0,
        content_sum: 0,
        root_page: 0,
        root_crc: 0,
        root_height: 0,
        page_count,
        free_head: 0,
        free_head_crc: 0,
        free_available: 0,
        free_pending: 0,
        prev_header_crc: 0,
        regions: [RegionSlot::default(); 2],
        epoch: 1,
        role: Role::default(),
        fenced: false,
        epoch_start_index: 1,
        fence_epoch: 0,
        upstream_file_id: [0; 16],
        archive_first_index: 0,
        created_time_ms: 0,
        trees_from: 0,
    }
}

fn file(pages: u64) -> (tempfile::TempDir, Arc<dyn File>) {
    let dir = tempfile::tempdir().unwrap();
    let file = OsVfs.open(&dir.path().join("file"), Access::CreateNew);
    let file = file.unwrap();
    file.set_size(pages * PAGE as u64).unwrap();
    (dir, file)
}

fn corrupt<T>(result: Result<T>) -> Invariant {
    match result {
        Err(Error::Corrupt(damage)) => damage.id,
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("taken for whole"),
    }
}

#[test]
fn pages_come_from_the_lowest_place_that_fits_and_go_back() {
    let mut space = Space::fresh(&header(1, 100));
    assert_eq!(space.allocate(4).unwrap(), 100);
    assert_eq!(space.allocate(3).unwrap(), 104);
    assert_eq!(space.allocate(1).unwrap(), 107);
    space.next_fold();
    // Its own pages can be used again at once.
    space.free(100, 2, 2);
    space.free(104, 3, 2);
    assert_eq!(space.available_pages(), 0);
    space.next_fold();
    assert_eq!((space.available_pages(), space.pending_pages()), (5, 0));
    let below = [100, 101, 102, 105, 107, 108].map(|page| space.available_below(page));
    assert_eq!(below, [0, 1, 2, 3, 5, 5]);
    assert_eq!(space.allocate(3).unwrap(), 104);
    assert_eq!(space.allocate(1).unwrap(), 100);
    assert_eq!(space.allocate(2).unwrap(), 108);
    assert_eq!((space.page_count(), space.allocated()), (110, 14));
    // What touches the end of the file is used before it grows, and cut off.
    space.release(108, 2);
    assert_eq!(space.allocate(5).unwrap(), 108);
    assert_eq!(space.page_count(), 113);
    space.release(108, 5);
    assert_eq!(space.trim_tail(), 108);
    assert_eq!((space.available_pages(), space.page_count()), (1, 108));
}

#[test]
fn more_pages_than_a_number_can_say_are_refused() {
    let mut space = Space::fresh(&header(1, u32::MAX - 3));
    assert_eq!(space.allocate(3).unwrap(), u32::MAX - 3);
    match space.allocate(1) {
        Err(Error::Limit { actual, limit, .. }) => {
            assert_eq!((actual, limit), (1 << 32, (1 << 32) - 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn freed_pages_wait_two_generations_and_for_the_oldest_pin() {
    let (_dir, file) = file(20);
    let mut space = Space::fresh(&header(4, 20));
    for (generation, page) in [(3, 10), (4, 12), (5, 14), (5, 15)] {
        space.free(page, 1, generation);
    }
    let saved = space.save(&file, 5).unwrap();
    assert_eq!((saved.available, saved.pending), (0, 4));
    let header = Header {
        free_head: saved.head,
        free_head_crc: saved.head_crc,
        free_pending: saved.pending,
        ..header(5, space.page_count())
    };
    let mut chain = Vec::new();
    let records = read_chain(file.as_ref(), &header, &mut chain).unwrap();
    assert_eq!((records.len(), chain.as_slice()), (3, &[20][..]));
    // Generation 6 may use what generations up to 4 do not need.
    for (pin, available) in [
        (None, 2),
        (Some(9), 2),
        (Some(4), 2),
        (Some(3), 1),
        (Some(2), 0),
    ] {
        let space = Space::load(&file, &header, pin).unwrap();
        assert_eq!(space.available_pages(), available, "{pin:?}");
        // The page of the list itself waits too.
        assert_eq!(space.pending_pages(), 5 - available, "{pin:?}");
    }
}

#[test]
fn pages_that_a_file_does_not_have_are_damage() {
    let first = first_page(PAGE);
    let (_dir, file) = file(10);
    for mmap in [false, true] {
        let pages = Pages::new(Arc::clone(&file), &header(1, 12), mmap);
        assert_eq!((pages.generation(), pages.page_count()), (1, 12));
        let at = |page| PageRef { page, crc: 0 };
        assert_eq!(corrupt(pages.page(at(first - 1))), Invariant::P6);
        assert_eq!(corrupt(pages.page(at(12))), Invariant::P6);
        assert_eq!(corrupt(pages.page(at(9))), Invariant::P1);
        // Through a map that would be a signal: who opens a file looks at its size before.
        if !mmap {
            assert_eq!(corrupt(pages.page(at(11))), Invariant::H7);
        }
    }
}

#[test]
fn a_page_is_of_one_kind_and_length() {
    let (_dir, file) = file(10);
    let head = PageHeader {
        crc: 0,
        page_id: 8,
        generation: 1,
        kind: PageKind::Leaf,
        level: 0,
        cell_count: 0,
        prefix_len: 0,
        cells_end: 32,
    };
    let mut leaf = vec![0; PAGE];
    leaf[..32].copy_from_slice(&head.encode());
    let sum = seal(&mut leaf, PageKind::Leaf);
    file.write_at(&leaf, 8 * PAGE as u64).unwrap();
    let pages = Pages::new(Arc::clone(&file), &header(1, 10), false);
    assert!(pages.page(PageRef { page: 8, crc: sum }).is_ok());
    let value = |stored_len| OverflowRef {
        page: 8,
        stored_len,
        crc: 0,
    };
    assert_eq!(corrupt(pages.value(&value(6000))), Invariant::S1);
    let pages = Pages::new(Arc::clone(&file), &header(1, 10), false);
    assert_eq!(corrupt(pages.value(&value(100))), Invariant::T9);
    // Looked at before, through the map as well.
    for mmap in [false, true] {
        let pages = Pages::new(Arc::clone(&file), &header(1, 10), mmap);
        let (right, wrong) = (
            PageRef { page: 8, crc: sum },
            PageRef { page: 8, crc: !sum },
        );
        assert!(pages.page(right).is_ok());
        assert_eq!(corrupt(pages.page(wrong)), Invariant::P3);
        assert!(pages.page(right).is_ok());
        assert_eq!(corrupt(pages.page(wrong)), Invariant::P3);
    }
    let newer = Pages::new(file, &header(0, 10), false);
    assert_eq!(
        corrupt(newer.page(PageRef { page: 8, crc: sum })),
        Invariant::P4
    );
}

/// Nobody takes the byte of a generation for himself, unless he means harm.
#[test]
fn a_generation_that_somebody_keeps_to_himself_cannot_be_pinned() {
    use super::locks::PINS;
    use super::pins::Pins;
    use crate::sys::LockMode;
    let (dir, file) = file(4);
    let other = OsVfs.open(&dir.path().join("file"), Access::Write).unwrap();
    assert!(other.try_lock(PINS + 5, 1, LockMode::Exclusive).unwrap());
    let pins = Pins::new(file);
    match pins.pin(5) {
        Err(Error::Io { source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::WouldBlock);
        }
        other => panic!("{other:?}"),
    }
    let seven = pins.pin(7).unwrap();
    let six = pins.pin(6).unwrap();
    let again = pins.pin(6).unwrap();
    assert_eq!(Pins::new(Arc::clone(&other)).oldest().unwrap(), Some(6));
    drop(six);
    // Theirs at 5 is seen as a pin, too.
    assert_eq!(pins.oldest().unwrap(), Some(5));
    // What could not be pinned stayed behind as a pin: no page was used again as long as the handle lived.
    other.unlock(PINS + 5, 1).unwrap();
    assert_eq!(pins.oldest().unwrap(), Some(6));
    drop((again, seven));
    assert_eq!(pins.oldest().unwrap(), None);
    // There is nothing below the first.
    let first = Pins::new(other).pin(0).unwrap();
    assert_eq!(pins.oldest().unwrap(), Some(0));
    drop(first);
    assert_eq!(pins.oldest().unwrap(), None);
}

#[test]
fn a_header_with_a_flag_that_is_not_known_is_for_reading() {
    assert!(!header(1, 10).read_only());
    let newer = Header {
        ro_compat: 1,
        ..header(1, 10)
    };
    assert!(newer.read_only());
}

#[test]
fn a_writer_counts_what_it_has_and_what_it_wrote() {
    use super::writer::PageWriter;
    use crate::tree::PageWrite;
    let (_dir, file) = file(4);
    let mut space = Space::fresh(&header(1, 10));
    let mut writer = PageWriter::new(&file, &mut space, PAGE, 2);
    for pages in [1, 1, 3] {
        let start = writer.allocate(pages).unwrap();
        let bytes = vec![1; pages as usize * PAGE];
        writer.write(start, &[&bytes]).unwrap();
    }
    assert_eq!(writer.written(), 5 * PAGE as u64);
    writer.flush().unwrap();
    assert_eq!(writer.written(), 5 * PAGE as u64);
    assert_eq!(file.size().unwrap(), 15 * PAGE as u64);
}

/// A whole page of the free list may name another one anywhere.
#[test]
fn a_free_list_that_leads_away_is_damage() {
    use crate::format::freelist::{FreeExtent, write_free_page};
    let (_dir, file) = file(20);
    let first = first_page(PAGE);
    let free = FreeExtent {
        freed_gen: 0,
        start: first + 5,
        pages: 2,
    };
    let list = |next: u32, generation| {
        let mut bytes = Vec::new();
        let crc = write_free_page(&mut bytes, PAGE, first, generation, (next, 9), &[free]);
        file.write_at(&bytes, u64::from(first) * PAGE as u64)
            .unwrap();
        let header = Header {
            free_head: first,
            free_head_crc: crc,
            free_available: 2,
            ..header(3, 20)
        };
        let mut chain = Vec::new();
        read_chain(file.as_ref(), &header, &mut chain).map(|records| (records, chain))
    };
    let (records, chain) = list(0, 3).unwrap();
    assert_eq!((records, chain), (vec![free], vec![first]));
    for next in [1, first - 1, 20, u32::MAX] {
        assert_eq!(corrupt(list(next, 3)), Invariant::P6, "{next}");
    }
    assert_eq!(corrupt(list(first, 3)), Invariant::S5);
    assert_eq!(corrupt(list(0, 4)), Invariant::P4);
}
