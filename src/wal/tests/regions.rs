//! The log across both regions: where it goes on, what is after a checkpoint, what is missing.

use std::sync::Arc;

use super::ends::header;
use super::{EXTENT, log};
use crate::error::{Error, Result};
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE, frame_len};
use crate::format::header::{Header, RegionSlot};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{Invariant, MAX_COUNTER};
use crate::sys::File;
use crate::wal::append::{self, Durability, Encoded, Stamp, write};
use crate::wal::tail::{NewEntry, Replay, Tail, belongs, choose_active, load, read_region};
use crate::wal::{Extent, extents, retained};

const OTHER: Extent = Extent {
    start: EXTENT.start + EXTENT.len,
    len: EXTENT.len,
};

const FROM: u64 = REGION_HEADER_SIZE as u64;

/// The header of a file with these regions, whose tree holds so many entries.
fn checkpointed(checkpoint_index: u64) -> Header {
    let region = |start_page| RegionSlot {
        start_page,
        pages: 2,
        ..RegionSlot::default()
    };
    let header = Header {
        file_id: [0; 16],
        regions: [region(1), region(3)],
        checkpoint_index,
        ..header()
    };
    assert_eq!(extents(&header), [EXTENT, OTHER]);
    header
}

fn encoded(tail: &Tail, kind: EntryKind, payload: &[u8]) -> Encoded {
    let entry = NewEntry {
        kind,
        op_count: 0,
        payload,
    };
    let stamp = Stamp {
        now_us: 10 * tail.link.next_index,
        durable_gen: 1,
        durability: Durability::Now,
    };
    append::encode(tail, &[0; 16], &[entry], &stamp)
}

/// Appends an entry that nothing proves.
fn add(file: &dyn File, tail: &Tail, kind: EntryKind, payload: &[u8]) -> Tail {
    let mut group = encoded(tail, kind, payload);
    write(file, tail, &mut group, Durability::Later).unwrap();
    group.tail
}

struct Two {
    _dir: tempfile::TempDir,
    file: Arc<dyn File>,
    /// At the end of the first region, behind entries 1 and 2.
    first: Tail,
    /// At the end of the other one, behind entry 3.
    second: Tail,
}

fn two() -> Two {
    let (dir, file, tail) = log(OTHER.start + OTHER.len);
    let one = add(file.as_ref(), &tail, EntryKind::Note, b"one");
    let mut first = add(file.as_ref(), &one, EntryKind::Note, b"and two");
    // No mark tells of it.
    first.proven = first.end;
    let mut second = first.clone();
    append::switch(file.as_ref(), &mut second, OTHER, &[3; 16], 77, 1).unwrap();
    let second = add(file.as_ref(), &second, EntryKind::Note, b"three");
    Two {
        _dir: dir,
        file,
        first,
        second,
    }
}

impl Two {
    /// What a load visits, where it ends, and what it tells.
    fn load(&self, checkpoint_index: u64) -> Result<(Vec<u64>, Tail, Replay)> {
        let mut seen = Vec::new();
        let header = checkpointed(checkpoint_index);
        let (tail, replay) = load(self.file.as_ref(), &header, &mut |placed, _| {
            seen.push(placed.header.entry.index);
            Ok(())
        })?;
        Ok((seen, tail, replay))
    }

    /// What a walk from an entry on visits, and where it began.
    fn walk(&self, from: u64) -> Result<(Vec<u64>, u64)> {
        let mut seen = Vec::new();
        let header = checkpointed(0);
        let start = retained::walk(
            self.file.as_ref(),
            &header,
            from,
            &mut |before, placed, _| {
                assert_eq!(before.index + 1, placed.header.entry.index);
                seen.push(placed.header.entry.index);
                Ok(true)
            },
        )?;
        Ok((seen, start.index))
    }

    /// Another header in front of the second region.
    fn change(&self, change: impl FnOnce(&mut RegionHeader)) {
        let mut region = self.second.region;
        change(&mut region);
        self.file.write_at(&region.encode(), OTHER.start).unwrap();
    }
}

fn damage<T>(result: Result<T>) -> (Invariant, u64) {
    match result {
        Err(Error::Corrupt(damage)) => (damage.id, damage.offset.unwrap()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("taken for whole"),
    }
}

#[test]
fn a_load_sees_what_is_after_the_checkpoint_in_whichever_region() {
    let two = two();
    let lens = [3, 7, 5].map(frame_len);
    for checkpoint in 0..4 {
        let (seen, tail, replay) = two.load(checkpoint).unwrap();
        assert_eq!(seen, (checkpoint + 1..=3).collect::<Vec<u64>>());
        let expected = Replay {
            frames: 3 - checkpoint,
            bytes: lens[checkpoint as usize..].iter().sum(),
            ..Replay::default()
        };
        assert_eq!(replay, expected);
        assert_eq!((tail.active, tail.end), (1, two.second.end));
        assert_eq!((tail.link, tail.last), (two.second.link, two.second.last));
        assert_eq!((tail.proven, tail.last_time_us), (0, 30));
    }
    // The log may not end before the checkpoint.
    let expected = (Invariant::W5, OTHER.start + two.second.end);
    assert_eq!(damage(two.load(4)), expected);
}

#[test]
fn a_walk_begins_as_far_back_as_it_has_to() {
    let two = two();
    assert_eq!(two.walk(0).unwrap(), (vec![1, 2, 3], 0));
    assert_eq!(two.walk(1).unwrap(), (vec![1, 2, 3], 0));
    // Behind entry 2 the other region begins.
    assert_eq!(two.walk(2).unwrap(), (vec![3], 2));
    assert_eq!(two.walk(9).unwrap(), (vec![3], 2));
}

/// The header of a region names the end of the log before it: offset, index and checksum.
#[test]
fn a_region_that_names_another_end_does_not_continue_the_one_before() {
    let two = two();
    let end = EXTENT.start + two.first.end;
    let changes: [fn(&mut RegionHeader); 5] = [
        |region| region.prev_end_units += 1,
        |region| region.prev_end_units -= 1,
        |region| region.prev_crc ^= 1,
        |region| region.first_index += 1,
        |region| region.region_seq += 2,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        two.change(change);
        let (id, at) = damage(two.load(0));
        assert_eq!(id, Invariant::W5, "{i}");
        // Of an incarnation that is not the next one nothing is asked further.
        assert_eq!(at, if i == 4 { EXTENT.start } else { end }, "{i}");
        let (seen, start) = two.walk(0).unwrap();
        assert!(!seen.contains(&1), "{i}");
        assert_eq!(start, if i == 3 { 3 } else { 2 }, "{i}");
    }
    two.change(|_| ());
    assert_eq!(two.load(0).unwrap().0, [1, 2, 3]);
    assert_eq!(two.walk(0).unwrap().1, 0);
}

#[test]
fn entries_after_the_checkpoint_that_are_gone_are_damage() {
    let two = two();
    // The last entry of the older region.
    let at = EXTENT.start + two.first.last.unwrap().offset;
    two.file.write_at(&[0; 8], at).unwrap();
    let expected = (Invariant::W5, at);
    assert_eq!(damage(two.load(0)), expected);
    assert_eq!(damage(two.load(1)), expected);
    assert_eq!(two.load(2).unwrap().0, [3]);
    assert_eq!(two.walk(0).unwrap(), (vec![3], 2));
    // The older region as a whole.
    two.file.write_at(&[0; 8], EXTENT.start).unwrap();
    assert_eq!(damage(two.load(1)), (Invariant::W5, EXTENT.start));
    assert_eq!(two.load(2).unwrap().0, [3]);
    assert_eq!(two.walk(0).unwrap(), (vec![3], 2));
}

#[test]
fn a_region_that_begins_behind_the_checkpoint_has_a_gap() {
    let (dir, file, mut tail) = log(OTHER.start + OTHER.len);
    tail.region.first_index = 5;
    tail.link.next_index = 5;
    file.write_at(&tail.region.encode(), EXTENT.start).unwrap();
    let first = add(file.as_ref(), &tail, EntryKind::Note, b"five");
    let mut second = first.clone();
    second.proven = second.end;
    append::switch(file.as_ref(), &mut second, OTHER, &[3; 16], 77, 1).unwrap();
    let two = Two {
        _dir: dir,
        file,
        first,
        second,
    };
    assert_eq!(two.load(4).unwrap().0, [5]);
    assert_eq!(damage(two.load(3)), (Invariant::W5, EXTENT.start));
    assert!(two.load(5).unwrap().0.is_empty());
}

#[test]
fn an_unfinished_entry_is_told_with_its_place_and_length() {
    let two = two();
    let four = encoded(&two.second, EntryKind::Note, b"number four");
    let at = OTHER.start + two.second.end;
    let told = |bytes: &[u8]| {
        two.file.write_at(bytes, at).unwrap();
        let (seen, tail, replay) = two.load(0).unwrap();
        assert_eq!((seen, tail.end), (vec![1, 2, 3], two.second.end));
        (replay.torn_at, replay.torn_bytes)
    };
    assert_eq!(told(&[]), (None, 0));
    // A word of it, and a whole header.
    assert_eq!(told(&four.bytes[..8]), (Some(at), 8));
    assert_eq!(
        told(&four.bytes[..FRAME_HEADER_SIZE]),
        (Some(at), frame_len(11))
    );
    assert_eq!(four.bytes.len() as u64, frame_len(11));
    two.file.write_at(&four.bytes, at).unwrap();
    assert_eq!(two.load(0).unwrap().0, [1, 2, 3, 4]);
}

/// A bulk load that is not in the tree never finished: the log ends in front of it.
#[test]
fn a_bulk_load_at_the_end_is_dropped_with_its_entry() {
    for before in 0..3 {
        let (dir, file, tail) = log(OTHER.start + OTHER.len);
        let (mut first, mut lens) = (tail, 0);
        for payload in [&b"one"[..], b"and two"].iter().take(before) {
            first = add(file.as_ref(), &first, EntryKind::Note, payload);
            lens += frame_len(payload.len() as u32);
        }
        let bulk = add(file.as_ref(), &first, EntryKind::Bulk, b"a bulk load");
        let two = Two {
            _dir: dir,
            file,
            first: first.clone(),
            second: first.clone(),
        };
        let count = before as u64;
        let (seen, tail, replay) = two.load(0).unwrap();
        assert_eq!(seen, (1..=count).collect::<Vec<u64>>());
        assert_eq!(
            (tail.end, tail.link, tail.last),
            (first.end, first.link, first.last)
        );
        assert_eq!(tail.last_index(), count);
        let expected = Replay {
            frames: count,
            bytes: lens,
            bulk_dropped: true,
            ..Replay::default()
        };
        assert_eq!(replay, expected);
        // In the tree it is an entry as any other.
        let (seen, tail, replay) = two.load(count + 1).unwrap();
        assert_eq!(
            (seen.len(), tail.end, replay.bulk_dropped),
            (0, bulk.end, false)
        );
        // Nothing is written behind one that never finished.
        add(two.file.as_ref(), &bulk, EntryKind::Note, b"more");
        let expected = (Invariant::W5, EXTENT.start + bulk.end);
        assert_eq!(damage(two.load(0)), expected);
        assert_eq!(two.load(count + 1).unwrap().0, [count + 2]);
    }
}

/// Without its header a region with entries behind something durable was in use.
#[test]
fn a_region_that_was_in_use_cannot_lose_its_header() {
    let two = two();
    let wipe = || two.file.write_at(&[0; REGION_HEADER_SIZE], OTHER.start);
    wipe().unwrap();
    // Its first write may have been torn.
    let (seen, tail, _) = two.load(0).unwrap();
    assert_eq!((seen, tail.active), (vec![1, 2], 0));
    let mut second = two.second.clone();
    two.change(|_| ());
    append::prove(two.file.as_ref(), &mut second).unwrap();
    add(two.file.as_ref(), &second, EntryKind::Note, b"four");
    assert_eq!(two.load(0).unwrap().0, [1, 2, 3, 4]);
    wipe().unwrap();
    assert_eq!(damage(two.load(0)), (Invariant::W2, OTHER.start));
}

#[test]
fn the_region_that_the_header_knew_is_named_where_none_can_be_read() {
    let named = |seqs: [u64; 2]| {
        let mut header = checkpointed(0);
        for (region, seq) in header.regions.iter_mut().zip(seqs) {
            region.region_seq = seq;
        }
        damage(choose_active(&header, &[None, None], &[EXTENT, OTHER]))
    };
    assert_eq!(named([0, 0]), (Invariant::W2, EXTENT.start));
    assert_eq!(named([2, 0]), (Invariant::W2, EXTENT.start));
    assert_eq!(named([2, 1]), (Invariant::W2, EXTENT.start));
    assert_eq!(named([2, 3]), (Invariant::W2, OTHER.start));
    assert_eq!(named([0, 1]), (Invariant::W2, OTHER.start));
}

#[test]
fn a_file_that_ends_inside_the_header_of_a_region_is_cut_off() {
    let two = two();
    let header = checkpointed(0);
    let read = |number, extent: Extent| read_region(two.file.as_ref(), &header, extent, number);
    assert_eq!(read(0, EXTENT).unwrap(), Some(two.first.region));
    assert_eq!(read(1, OTHER).unwrap(), Some(two.second.region));
    assert_eq!(read(1, EXTENT).unwrap(), None);
    for size in [OTHER.start, OTHER.start + 50, OTHER.start + FROM - 1] {
        two.file.set_size(size).unwrap();
        assert_eq!(damage(read(1, OTHER)), (Invariant::H7, size));
        assert_eq!(read(0, EXTENT).unwrap(), Some(two.first.region));
    }
    two.file.set_size(OTHER.start + FROM).unwrap();
    assert_eq!(read(1, OTHER).unwrap(), None);
}

#[test]
fn counters_of_a_region_are_below_the_largest_number() {
    let two = two();
    let header = checkpointed(0);
    let fits = |region_seq, first_index| {
        let region = RegionHeader {
            region_seq,
            first_index,
            ..two.first.region
        };
        belongs(&region, &header, region_seq & 1)
    };
    assert!(fits(MAX_COUNTER - 1, MAX_COUNTER - 1));
    assert!(!fits(MAX_COUNTER, 1));
    assert!(!fits(2, MAX_COUNTER));
    assert!(fits(2, 1));
    assert!(!fits(2, 0));
}
