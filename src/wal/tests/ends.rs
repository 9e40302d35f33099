//! Where a log ends, what fits behind it, and what must not be there.

use super::{EXTENT, group, log};
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE, frame_len};
use crate::format::header::{Header, RegionSlot, Role};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::sys::File;
use crate::wal::append::{self, Durability, write};
use crate::wal::scan::{Link, find_next, scan};
use crate::wal::tail::{NewEntry, Tail, belongs, choose_active};

/// The header of an empty file.
pub fn header() -> Header {
    Header {
        page_shift: 12,
        compat: 0,
        ro_compat: 0,
        incompat: 0,
        lineage_id: [1; 16],
        file_id: *b"file and sixteen",
        generation: 1,
        checkpoint_index: 0,
        history: [0; 16],
        checkpoint_time_ms: 0,
        entry_count: 0,
        logical_bytes: 0,
        content_sum: 0,
        root_page: 0,
        root_crc: 0,
        root_height: 0,
        page_count: 8,
        free_head: 0,
        free_head_crc: 0,
        free_available: 0,
        free_pending: 0,
        prev_header_crc: 0,
        regions: [RegionSlot::default(); 2],
        epoch: 1,
        role: Role::Standalone,
        fenced: false,
        epoch_start_index: 1,
        fence_epoch: 0,
        upstream_file_id: [0; 16],
        archive_first_index: 0,
        created_time_ms: 0,
        trees_from: 0,
    }
}

const FROM: u64 = REGION_HEADER_SIZE as u64;

#[test]
fn entries_fit_up_to_the_end_of_their_region() {
    let (_dir, _file, tail) = log(0);
    let entry = |payload| NewEntry {
        kind: EntryKind::Note,
        op_count: 0,
        payload,
    };
    let entries = [entry(b"one".as_slice()), entry(b"a longer one"), entry(b"")];
    let expected: u64 = [3, 12, 0].map(frame_len).iter().sum();
    assert_eq!(append::group_len(&entries), expected);
    assert_eq!(append::group_len(&[]), 0);
    let room = EXTENT.len - tail.end;
    assert!(append::fits(&tail, room));
    assert!(!append::fits(&tail, room + 1));
}

#[test]
fn times_rise_whatever_the_clock_says() {
    let (_dir, _file, mut tail) = log(0);
    tail.last_time_us = 5000;
    assert_eq!(append::next_time(&tail, 5001), 5001);
    // Entries of a millisecond may stand before this region.
    assert_eq!(append::next_time(&tail, 5000), 6001);
    assert_eq!(append::next_time(&tail, 1), 6001);
    tail.last = group(&tail, b"one").tail.last;
    assert_eq!(append::next_time(&tail, 5001), 5001);
    assert_eq!(append::next_time(&tail, 5000), 5001);
    assert_eq!(append::next_time(&tail, 1), 5001);
    tail.last_time_us = u64::MAX;
    assert_eq!(append::next_time(&tail, 1), u64::MAX);
}

#[test]
fn an_end_is_doubtful_in_whole_pages_while_it_is_short() {
    let (_dir, _file, empty) = log(0);
    assert_eq!(empty.doubtful(), None);
    let mut tail = group(&empty, b"one").tail;
    assert_eq!(tail.doubtful(), Some(4096..8192));
    tail.proven = tail.end;
    assert_eq!(tail.doubtful(), None);
    tail.proven = tail.end - 8;
    assert_eq!(tail.doubtful(), Some(4096..8192));
    let long = 64 << 10;
    (tail.proven, tail.end) = (4096, 4096 + long);
    assert_eq!(tail.doubtful(), Some(8192..8192 + long));
    assert!(!append::needs_separate_proof(&tail));
    tail.end += 8;
    assert_eq!(tail.doubtful(), None);
    assert!(append::needs_separate_proof(&tail));
}

fn scanned(file: &dyn File, tail: &Tail, epoch: u32) -> Result<u64> {
    let link = Link {
        next_index: 1,
        prev_crc: tail.region.prev_crc,
        epoch,
    };
    let mut count = 0;
    let mut visit = |_: &_, _: &[u8]| {
        count += 1;
        Ok(())
    };
    scan(file, EXTENT, &tail.region, FROM, link, &mut visit)?;
    Ok(count)
}

fn refused(result: Result<u64>) -> (Invariant, Option<u64>) {
    let Err(Error::Corrupt(damage)) = result else {
        panic!("{result:?}");
    };
    (damage.id, damage.offset)
}

#[test]
fn only_a_fence_moves_the_epoch_and_nothing_promises_itself() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    assert_eq!(scanned(file.as_ref(), &tail, 1).unwrap(), 1);
    let first = EXTENT.start + FROM;
    for epoch in [0, 2] {
        let found = refused(scanned(file.as_ref(), &tail, epoch));
        assert_eq!(found, (Invariant::W7, Some(first)));
    }
    // What is promised is what stands before the entry.
    let mut before = one.tail.clone();
    before.proven = before.end;
    let mut two = group(&before, b"two");
    write(file.as_ref(), &before, &mut two, Durability::Later).unwrap();
    assert_eq!(scanned(file.as_ref(), &tail, 1).unwrap(), 2);
    let mut before = two.tail.clone();
    before.proven = before.end + 8;
    let mut three = group(&before, b"three");
    file.write_at(&three.bytes, EXTENT.start + before.end)
        .unwrap();
    let found = refused(scanned(file.as_ref(), &tail, 1));
    assert_eq!(found, (Invariant::W8, Some(EXTENT.start + before.end)));
    three.bytes.clear();
}

#[test]
fn the_next_frame_is_found_wherever_it_stands() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    for units in [8, 9, 15, 16, 17, 63, 64, 100, 511, 512, 700] {
        let mut there = tail.clone();
        there.end = units * 8;
        let one = group(&there, b"one");
        file.write_at(&[0; EXTENT.len as usize], EXTENT.start)
            .unwrap();
        file.write_at(&one.bytes, EXTENT.start + there.end).unwrap();
        let find = |from| {
            let found = find_next(file.as_ref(), EXTENT, &tail.region, from).unwrap();
            found.map(|placed| placed.offset)
        };
        for from in [FROM, there.end - 8, there.end] {
            assert_eq!(find(from.min(there.end)), Some(there.end), "{units}");
        }
        assert_eq!(find(there.end + 8), None, "{units}");
        let frame = FRAME_HEADER_SIZE as u64;
        assert_eq!(find((there.end + frame).next_multiple_of(8)), None);
        // A frame of another incarnation is none.
        let other = RegionHeader {
            salt: tail.region.salt + 1,
            ..tail.region
        };
        let found = find_next(file.as_ref(), EXTENT, &other, FROM).unwrap();
        assert!(found.is_none());
    }
}

#[test]
fn a_region_belongs_to_its_file_and_place() {
    let (_dir, _file, tail) = log(0);
    let header = header();
    let region = RegionHeader {
        file_id_low: u32::from_le_bytes(*b"file"),
        ..tail.region
    };
    assert!(belongs(&region, &header, 0));
    assert!(!belongs(&region, &header, 1));
    let changes: [fn(&mut RegionHeader); 4] = [
        |r| r.file_id_low += 1,
        |r| r.first_index = 0,
        |r| r.first_index = u64::MAX,
        |r| r.region_seq = u64::MAX - 1,
    ];
    for change in changes {
        let mut other = region;
        change(&mut other);
        assert!(!belongs(&other, &header, 0), "{other:?}");
    }
    // The newer one is active, unless the header knew a newer one still.
    let newer = RegionHeader {
        region_seq: 3,
        ..region
    };
    let mut header = header;
    let active = |header: &Header, regions| {
        let found = choose_active(header, &regions, &[EXTENT; 2]);
        found.map(|(active, region)| (active, region.region_seq))
    };
    let both = [Some(region), Some(newer)];
    assert_eq!(active(&header, both).unwrap(), (1, 3));
    assert_eq!(active(&header, [Some(region), None]).unwrap(), (0, 2));
    header.regions[0].region_seq = 2;
    header.regions[1].region_seq = 3;
    assert_eq!(active(&header, both).unwrap(), (1, 3));
    for regions in [[Some(region), None], [None, None]] {
        let Err(Error::Corrupt(damage)) = active(&header, regions) else {
            panic!("a region is missing");
        };
        assert_eq!(damage.id, Invariant::W2);
    }
    header.regions[0].region_seq = 4;
    assert!(active(&header, both).is_err());
}
