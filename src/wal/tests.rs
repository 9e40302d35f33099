//! The append against a file that is not what its writer believes.

mod ends;
mod looks;
mod recorded;
mod regions;
mod syncs;
mod wrong;

use std::sync::Arc;

use super::append::{self, Durability, Encoded, Stamp};
use super::scan::{Link, find_orphan, scan, scan_to_mark};
use super::tail::{NewEntry, Tail, read_payload};
use super::window::Window;
use super::{Extent, append::write};
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE, frame_len};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::sys::{Access, File, FileOver, OsVfs, Vfs};

const EXTENT: Extent = Extent {
    start: 4096,
    len: 8192,
};

/// An empty log in a file of so many bytes.
fn log(bytes: u64) -> (tempfile::TempDir, Arc<dyn File>, Tail) {
    let dir = tempfile::tempdir().unwrap();
    let file = OsVfs.open(&dir.path().join("file"), Access::CreateNew);
    let file = file.unwrap();
    let region = RegionHeader {
        salt: 0x1234_5678_9abc_def1,
        region_seq: 2,
        first_index: 1,
        history: [0; 16],
        epoch: 1,
        prev_end_units: 0,
        prev_crc: 7,
        durable_gen: 1,
        file_id_low: 0,
    };
    file.write_at(&region.encode(), EXTENT.start).unwrap();
    file.set_size(bytes).unwrap();
    let tail = Tail {
        active: 0,
        region,
        extent: EXTENT,
        end: REGION_HEADER_SIZE as u64,
        link: Link {
            next_index: 1,
            prev_crc: region.prev_crc,
            epoch: 1,
        },
        last: None,
        proven: 0,
        clear: false,
        durable_gen: 1,
        last_time_us: 0,
    };
    (dir, file, tail)
}

fn group(tail: &Tail, payload: &[u8]) -> Encoded {
    let entry = NewEntry {
        kind: EntryKind::Note,
        op_count: 0,
        payload,
    };
    let stamp = Stamp {
        now_us: 1,
        durable_gen: 1,
        durability: Durability::Now,
    };
    append::encode(tail, &[0; 16], &[entry], &stamp)
}

fn indexes(file: &dyn File, tail: &Tail) -> Result<Vec<u64>> {
    let mut all = Vec::new();
    let link = Link {
        next_index: 1,
        prev_crc: tail.region.prev_crc,
        epoch: 1,
    };
    let from = REGION_HEADER_SIZE as u64;
    scan(file, EXTENT, &tail.region, from, link, &mut |placed, _| {
        all.push(placed.header.entry.index);
        Ok(())
    })?;
    Ok(all)
}

#[test]
fn groups_follow_each_other_and_prove_what_was_before() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    assert_eq!((one.tail.proven, one.tail.clear), (0, true));
    let mut two = group(&one.tail, b"two");
    write(file.as_ref(), &one.tail, &mut two, Durability::Now).unwrap();
    assert_eq!(two.tail.proven, two.tail.end);
    let len = frame_len(3);
    assert_eq!(two.tail.end, REGION_HEADER_SIZE as u64 + 2 * len);
    assert_eq!(indexes(file.as_ref(), &tail).unwrap(), [1, 2]);
    let last = two.tail.last.unwrap();
    let payload = read_payload(file.as_ref(), EXTENT, &last.header, last.offset);
    assert_eq!(payload.unwrap(), b"two");
}

#[test]
fn a_region_that_the_file_does_not_have_takes_no_group() {
    let (_dir, file, tail) = log(EXTENT.start + REGION_HEADER_SIZE as u64);
    let mut one = group(&tail, b"one");
    let refused = write(file.as_ref(), &tail, &mut one, Durability::Now).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::UnexpectedEof);
    // Nothing tells what is there.
    assert!(!append::is_absent(file.as_ref(), &tail, &one));
    let last = one.tail.last.unwrap();
    match read_payload(file.as_ref(), EXTENT, &last.header, last.offset) {
        Err(Error::Corrupt(damage)) => assert_eq!(damage.id, Invariant::H7),
        other => panic!("{other:?}"),
    }
}

/// Whoever has to make certain of the end of the log does not build on a file that was cut off there.
#[test]
fn an_end_that_was_cut_off_cannot_be_proven() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    assert_eq!(one.tail.proven, 0);
    file.set_size(EXTENT.start + one.tail.end - 1).unwrap();
    match append::prove(file.as_ref(), &mut one.tail) {
        Err(Error::Io { source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::UnexpectedEof);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(one.tail.proven, 0);
    let mut two = group(&one.tail, b"two");
    let refused = write(file.as_ref(), &one.tail, &mut two, Durability::Now);
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::UnexpectedEof
    );
}

#[test]
fn what_was_taken_back_is_not_built_upon() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    let place = EXTENT.start + tail.end;
    let whole = one.bytes[..frame_len(3) as usize].to_vec();
    let body = FRAME_HEADER_SIZE as u64;
    // The frame, its payload, and the region's header.
    for at in [place, place + body, EXTENT.start + 8] {
        let mut byte = [0];
        file.read_at(&mut byte, at).unwrap();
        file.write_at(&[byte[0] ^ 1], at).unwrap();
        let mut two = group(&one.tail, b"two");
        let refused = write(file.as_ref(), &one.tail, &mut two, Durability::Now).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData, "{at}");
        file.write_at(&byte, at).unwrap();
    }
    let mut two = group(&one.tail, b"two");
    write(file.as_ref(), &one.tail, &mut two, Durability::Now).unwrap();
    assert_eq!(indexes(file.as_ref(), &tail).unwrap(), [1, 2]);
    assert!(!append::is_absent(file.as_ref(), &tail, &one));
    file.write_at(&vec![0; whole.len()], place).unwrap();
    assert!(append::is_absent(file.as_ref(), &tail, &one));
    one.bytes.clear();
    assert!(!append::is_absent(file.as_ref(), &tail, &one));
}

/// Where no mark says that the log ends, opening looks for proof to the end of the region.
#[test]
fn proof_far_behind_a_damaged_entry_is_found_where_no_mark_stands() {
    const LARGE: Extent = Extent {
        start: 4096,
        len: 256 << 10,
    };
    let (_dir, file, tail) = log(LARGE.start + LARGE.len);
    let tail = Tail {
        extent: LARGE,
        ..tail
    };
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    let mut two = group(&one.tail, &[7; 40_000]);
    write(file.as_ref(), &one.tail, &mut two, Durability::Later).unwrap();
    let proven = Tail {
        proven: two.tail.end,
        ..two.tail
    };
    let mut three = group(&proven, b"three");
    write(file.as_ref(), &proven, &mut three, Durability::Later).unwrap();
    let link = tail.link;
    let look = || {
        let from = REGION_HEADER_SIZE as u64;
        scan_to_mark(
            file.as_ref(),
            LARGE,
            &tail.region,
            from,
            link,
            &mut |_, _| Ok(()),
        )
    };
    assert_eq!(look().unwrap().frames, 3);
    let at = LARGE.start + REGION_HEADER_SIZE as u64 + 8;
    file.write_at(&[0xff], at).unwrap();
    match look() {
        Err(Error::Corrupt(damage)) => assert_eq!(damage.id, Invariant::W6),
        other => panic!("{other:?}"),
    }
}

/// A file whose page cache holds what never reached the medium: once it is dropped, that is zeros.
#[derive(Debug)]
struct Forgetful {
    file: Arc<dyn File>,
    lost: std::ops::Range<u64>,
}

impl FileOver for Forgetful {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn drop_cache(&self, offset: u64, len: u64) {
        assert!(offset <= self.lost.start && self.lost.end <= offset + len);
        let zeros = vec![0; (self.lost.end - self.lost.start) as usize];
        self.file.write_at(&zeros, self.lost.start).unwrap();
    }
}

/// More than is simply written again is read from the medium, and written where it is not there.
#[test]
fn a_long_end_that_only_the_cache_had_is_written_again() {
    let room = 1 << 20;
    for lost in [0, 4096] {
        let (_dir, file, mut tail) = log(EXTENT.start + room);
        tail.extent.len = room;
        let mut one = group(&tail, &vec![7; 100_000]);
        write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
        assert!(append::needs_separate_proof(&one.tail));
        let at = EXTENT.start + 50_000;
        let forgetful = Forgetful {
            file: Arc::clone(&file),
            lost: at..at + lost,
        };
        append::prove(&forgetful, &mut one.tail).unwrap();
        assert_eq!(one.tail.proven, one.tail.end);
        let last = one.tail.last.unwrap();
        let extent = one.tail.extent;
        let payload = read_payload(file.as_ref(), extent, &last.header, last.offset);
        assert!(payload.unwrap().iter().all(|byte| *byte == 7), "{lost}");
        // And it says so to those who come next.
        let start = REGION_HEADER_SIZE as u64;
        let visit = &mut |_: &super::scan::Placed, _: super::scan::Payload<'_>| Ok(());
        let end = scan_to_mark(file.as_ref(), extent, &tail.region, start, tail.link, visit);
        assert!(end.unwrap().marked);
    }
}

/// A mark of another end of the log, which stood at the same place once, vouches for nothing.
#[test]
fn a_mark_of_another_end_is_none() {
    use crate::format::mark::Mark;
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    let marked = |prev_crc| {
        let mark = Mark {
            own_units: (one.tail.end / 8) as u32,
            prev_crc,
        };
        let bytes = mark.encode(tail.region.salt);
        file.write_at(&bytes, EXTENT.start + one.tail.end).unwrap();
        let start = REGION_HEADER_SIZE as u64;
        let visit = &mut |_: &super::scan::Placed, _: &[u8]| Ok(());
        scan(file.as_ref(), EXTENT, &tail.region, start, tail.link, visit)
            .unwrap()
            .marked
    };
    assert!(marked(one.tail.link.prev_crc));
    assert!(!marked(one.tail.link.prev_crc ^ 1));
}

/// Frames that are each whole and do not belong together are no end to build on.
#[test]
fn an_end_of_frames_that_do_not_belong_together_is_not_built_upon() {
    let refused =
        |file: &Arc<dyn File>, mut tail: Tail| match append::prove(file.as_ref(), &mut tail) {
            Err(Error::Io { source, .. }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::InvalidData);
                assert_eq!(tail.proven, 0);
            }
            other => panic!("{other:?}"),
        };
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    // Another last frame than was known.
    let mut other = one.tail.clone();
    other.link.prev_crc ^= 1;
    refused(&file, other);
    // One behind it that continues another one.
    let mut stray = one.tail.clone();
    stray.link.prev_crc ^= 1;
    let mut two = group(&stray, b"two");
    write(file.as_ref(), &stray, &mut two, Durability::Later).unwrap();
    refused(&file, two.tail);
    let mut two = group(&one.tail, b"two");
    write(file.as_ref(), &one.tail, &mut two, Durability::Later).unwrap();
    append::prove(file.as_ref(), &mut two.tail).unwrap();
    assert_eq!(two.tail.proven, two.tail.end);
}

/// The first write may be torn together with the header of its region.
#[test]
fn an_orphan_is_what_was_written_behind_something_durable() {
    let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
    let orphan = |last| find_orphan(file.as_ref(), EXTENT, last).unwrap();
    let mut one = group(&tail, b"one");
    write(file.as_ref(), &tail, &mut one, Durability::Now).unwrap();
    assert_eq!(orphan(0), None);
    let mut two = group(&one.tail, b"two");
    write(file.as_ref(), &one.tail, &mut two, Durability::Now).unwrap();
    assert_eq!(orphan(0), Some(one.tail.end));
    assert_eq!(orphan(1), Some(one.tail.end));
    assert_eq!(orphan(2), None);
    let last = EXTENT.start + one.tail.end + FRAME_HEADER_SIZE as u64;
    file.write_at(b"T", last).unwrap();
    assert_eq!(orphan(0), None);
}

#[test]
fn a_window_shows_the_bytes_of_its_region_wherever_they_are_asked_for() {
    let (_dir, file, _) = log(0);
    let extent = Extent {
        start: 4096,
        len: 400_000,
    };
    let byte = |at: u64| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    let bytes: Vec<u8> = (0..extent.len).map(byte).collect();
    file.write_at(&bytes, extent.start).unwrap();
    let mut window = Window::new(file.as_ref(), extent);
    let mut places: Vec<u64> = (0..60).map(|i| i * 6500).collect();
    places.extend((0..200).map(|i: u64| i * i * 7919 % extent.len));
    for at in places {
        for len in [0, 1, 8, 80, 5000, 90_000] {
            let expected = bytes.get(at as usize..(at + len) as usize);
            assert_eq!(window.get(at, len).unwrap(), expected, "{at}, {len}");
        }
        let rest = window.chunk(at).unwrap();
        assert_eq!(rest.is_some(), at + 8 <= extent.len, "{at}");
        if let Some(rest) = rest {
            assert!(rest.len() >= 8 && bytes[at as usize..].starts_with(rest));
        }
    }
    let end = extent.len;
    assert_eq!(window.get(end - 8, 8).unwrap().unwrap().len(), 8);
    assert_eq!(window.get(end - 8, 9).unwrap(), None);
    assert_eq!(window.get(u64::MAX, 2).unwrap(), None);
    assert!(window.chunk(end - 8).unwrap().is_some());
    assert!(window.chunk(end - 7).unwrap().is_none());
    // The file is shorter than the region.
    file.set_size(extent.start + 50_000).unwrap();
    let mut window = Window::new(file.as_ref(), extent);
    let Err(Error::Corrupt(damage)) = window.get(49_999, 2) else {
        panic!("there is nothing");
    };
    assert_eq!((damage.id, damage.offset), (Invariant::H7, Some(54_096)));
}
