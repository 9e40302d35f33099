//! Bytes that are whole and stand where they do not belong, or promise what cannot be.

use super::{EXTENT, group, log};
use crate::error::Error;
use crate::format::MAX_COUNTER;
use crate::format::frame::{FRAME_HEADER_SIZE, frame_len};
use crate::format::mark::Mark;
use crate::format::region::REGION_HEADER_SIZE;
use crate::sys::File;
use crate::wal::append::{self, Durability, write};
use crate::wal::scan::{ScanEnd, find_next, find_orphan, scan};
use crate::wal::tail::Tail;

const FROM: u64 = REGION_HEADER_SIZE as u64;

fn scanned(file: &dyn File, tail: &Tail) -> ScanEnd {
    let visit = &mut |_: &_, _: &[u8]| Ok(());
    scan(file, EXTENT, &tail.region, FROM, tail.link, visit).unwrap()
}

#[test]
fn a_check_goes_on_at_a_frame_and_not_at_a_mark_or_an_index_that_cannot_be() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let at = |end, next_index| {
        let mut there = Tail {
            end,
            ..tail.clone()
        };
        there.link.next_index = next_index;
        there
    };
    append::leave_mark(file.as_ref(), &at(1000, 1));
    let put = |tail: &Tail| {
        let frame = group(tail, b"a frame");
        file.write_at(&frame.bytes, EXTENT.start + tail.end)
            .unwrap();
    };
    let next = || {
        let found = find_next(file.as_ref(), EXTENT, &tail.region, FROM).unwrap();
        found.map(|placed| placed.offset)
    };
    assert_eq!(next(), None);
    put(&at(2000, MAX_COUNTER));
    assert_eq!(next(), None);
    put(&at(3000, MAX_COUNTER - 1));
    assert_eq!(next(), Some(3000));
}

/// A word that names its own place, with less behind it than the header of a frame.
#[test]
fn an_orphan_ends_before_its_region_does() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len + 4096);
    let room = frame_len(3);
    let orphan = |end: u64| {
        let there = Tail {
            end,
            proven: FROM + 8,
            ..tail.clone()
        };
        let frame = group(&there, b"one");
        file.write_at(&frame.bytes, EXTENT.start + end).unwrap();
        let found = find_orphan(file.as_ref(), EXTENT, 0).unwrap();
        let zeros = vec![0; frame.bytes.len()];
        file.write_at(&zeros, EXTENT.start + end).unwrap();
        found
    };
    assert_eq!(orphan(EXTENT.len - room), Some(EXTENT.len - room));
    for inside in [8, 16, FRAME_HEADER_SIZE as u64 - 8, room - 8] {
        assert_eq!(orphan(EXTENT.len - inside), None, "{inside}");
    }
}

#[test]
fn a_mark_of_another_place_does_not_vouch_for_this_end() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    let end = one.tail.end;
    for (place, marked) in [(end, true), (end - 8, false), (end + 8, false)] {
        let mark = Mark {
            own_units: (place / 8) as u32,
            prev_crc: one.tail.link.prev_crc,
        };
        let bytes = mark.encode(tail.region.salt);
        file.write_at(&bytes, EXTENT.start + end).unwrap();
        assert_eq!(scanned(file.as_ref(), &tail).marked, marked, "{place}");
    }
}

/// Its header is whole and tells of more than the region has room for.
#[test]
fn an_entry_that_would_end_behind_its_region_is_unfinished() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len + 4096);
    for over in [0, 8] {
        let room = EXTENT.len - tail.end + over;
        let payload = vec![7; (room - frame_len(0)) as usize];
        let long = group(&tail, &payload);
        assert_eq!(long.bytes.len() as u64, room);
        file.write_at(&long.bytes, EXTENT.start + tail.end).unwrap();
        let end = scanned(file.as_ref(), &tail);
        let expected = if over > 0 { (0, room) } else { (1, 0) };
        assert_eq!((end.frames, end.torn_bytes), expected, "{over}");
    }
}

/// Of a group whose write failed: anything but its own whole first frame means that nothing of it is there.
#[test]
fn a_group_is_absent_unless_its_first_frame_stands_there_whole() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let one = group(&tail, b"one");
    let put = |bytes: &[u8]| {
        file.write_at(bytes, EXTENT.start + tail.end).unwrap();
        append::is_absent(file.as_ref(), &tail, &one)
    };
    assert!(put(&[0; 96]), "nothing");
    assert!(put(&group(&tail, b"another").bytes), "another one");
    assert!(!put(&one.bytes));
    let mut torn = one.bytes.clone();
    *torn.last_mut().unwrap() ^= 1;
    assert!(put(&torn), "its header alone");
    torn[FRAME_HEADER_SIZE..].fill(0);
    assert!(put(&torn), "its header alone");
}

/// A frame whose checksums are right and that names another place.
#[test]
fn an_end_is_not_built_upon_where_a_frame_was_moved() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    let elsewhere = Tail {
        end: one.tail.end + 8,
        ..one.tail.clone()
    };
    let moved = group(&elsewhere, b"two");
    let right = group(&one.tail, b"two");
    let mut tail = moved.tail.clone();
    tail.end -= 8;
    let place = EXTENT.start + one.tail.end;
    file.write_at(&moved.bytes, place).unwrap();
    match append::prove(file.as_ref(), &mut tail) {
        Err(Error::Io { source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::InvalidData);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(tail.proven, 0);
    let mut tail = right.tail;
    file.write_at(&right.bytes, place).unwrap();
    append::prove(file.as_ref(), &mut tail).unwrap();
    assert_eq!(tail.proven, tail.end);
}
