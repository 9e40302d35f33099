//! What an append and a proof do to the file: which bytes are written, cleared, read once more.

use super::recorded::{Call, Recorded};
use super::{EXTENT, group, log};
use crate::format::entry::Entry;
use crate::format::frame::{ENVELOPE_SIZE, EntryKind, FRAME_HEADER_SIZE, FrameHeader, frame_len};
use crate::format::mark::{MARK_SIZE, Mark};
use crate::sys::File;
use crate::wal::append::{self, Durability, write};
use crate::wal::tail::Tail;

/// Of a header: what is cleared behind the last frame.
const PLACE: usize = FRAME_HEADER_SIZE;

fn mark_at(tail: &Tail) -> Vec<u8> {
    let mark = Mark {
        own_units: (tail.end / 8) as u32,
        prev_crc: tail.link.prev_crc,
    };
    mark.encode(tail.region.salt).to_vec()
}

/// The rest of an unfinished frame, put together with half of a new one, might look whole.
#[test]
fn where_the_next_frame_goes_is_cleared_unless_only_the_mark_stands_there() {
    let clears = |tail_of: fn(&Tail) -> Tail, bytes: &dyn Fn(&Tail) -> Vec<u8>| {
        let (_dir, file, tail) = log(EXTENT.start + EXTENT.len);
        let tail = tail_of(&tail);
        let at = EXTENT.start + tail.end;
        file.write_at(&bytes(&tail), at).unwrap();
        let recorded = Recorded::new(&file);
        let mut one = group(&tail, b"one");
        write(&recorded, &tail, &mut one, Durability::Later).unwrap();
        let mut calls = recorded.take();
        let mut expected = one.bytes.clone();
        expected.resize(one.bytes.len() + PLACE, 0);
        assert_eq!(calls.pop(), Some(Call::Write(at, expected)));
        match calls.as_slice() {
            [] => false,
            [Call::Durable(place, zeros)] => {
                assert_eq!((*place, zeros.as_slice()), (at, &[0; PLACE][..]));
                true
            }
            other => panic!("{other:?}"),
        }
    };
    let same = |tail: &Tail| tail.clone();
    assert!(!clears(same, &|_| Vec::new()));
    assert!(!clears(same, &mark_at));
    // The mark of another end, one more byte, the last byte that a header would take.
    let other = |tail: &Tail| {
        let mut other = tail.clone();
        other.link.prev_crc ^= 1;
        mark_at(&other)
    };
    assert!(clears(same, &other));
    assert!(clears(same, &|_| vec![1]));
    assert!(clears(same, &|tail| [mark_at(tail), vec![1]].concat()));
    assert!(clears(same, &|_| [vec![0; PLACE - 1], vec![1]].concat()));
    // What is behind it is not read as a header.
    assert!(!clears(same, &|_| [vec![0; PLACE], vec![1]].concat()));
    // Known to be clear.
    let clear = |tail: &Tail| Tail {
        clear: true,
        ..tail.clone()
    };
    assert!(!clears(clear, &|_| vec![1]));
}

#[test]
fn a_mark_is_left_only_where_it_fits_the_region() {
    for (room, fits) in [(0, false), (8, false), (15, false), (16, true), (24, true)] {
        let (_dir, file, tail) = log(EXTENT.start + EXTENT.len + 100);
        let tail = Tail {
            end: EXTENT.len - room,
            ..tail
        };
        let recorded = Recorded::new(&file);
        append::leave_mark(&recorded, &tail);
        let mark = Call::Write(EXTENT.start + tail.end, mark_at(&tail));
        let expected = if fits { vec![mark] } else { Vec::new() };
        assert_eq!(recorded.take(), expected, "{room}");
    }
}

#[test]
fn entries_of_another_copy_are_framed_as_its_own_are() {
    let (_dir, file, mut tail) = log(EXTENT.start + EXTENT.len);
    tail.proven = 64;
    let mut bytes = Vec::new();
    for (i, payload) in [&b"one"[..], b"", b"and a third"].into_iter().enumerate() {
        let header = crate::format::frame::EntryHeader {
            payload_len: payload.len() as u32,
            kind: EntryKind::Note,
            index: 1 + i as u64,
            epoch: 4,
            op_count: 0,
            time_us: 50 + i as u64,
            history_before: [i as u8; 16],
        };
        bytes.push(Entry::encode(&header, payload));
    }
    let entries: Vec<Entry<'_>> = bytes
        .iter()
        .map(|bytes| Entry::split(bytes).unwrap().unwrap().0)
        .collect();
    let lens = [3, 0, 11].map(frame_len);
    assert_eq!(append::entries_len(&entries), lens.iter().sum::<u64>());
    assert_eq!(append::entries_len(&[]), 0);
    let encoded = append::encode_entries(&tail, &entries, [9; 16], 5);
    assert_eq!(encoded.bytes.len() as u64, lens.iter().sum::<u64>());
    assert_eq!(encoded.history, [9; 16]);
    let (mut rest, mut at, mut before) = (encoded.bytes.as_slice(), tail.end, tail.link.prev_crc);
    for (entry, len) in entries.iter().zip(lens) {
        let header = FrameHeader::decode(rest, tail.region.salt).unwrap();
        let envelope = header.envelope;
        assert_eq!(u64::from(envelope.own_units) * 8, at);
        assert_eq!(u64::from(envelope.synced_units) * 8, tail.proven);
        assert_eq!((envelope.durable_gen, envelope.prev_crc), (5, before));
        assert_eq!(header.entry, entry.header);
        assert_eq!(header.check_body(rest), Some(entry.payload()));
        let body = ENVELOPE_SIZE..ENVELOPE_SIZE + entry.bytes().len();
        assert_eq!(rest[body], *entry.bytes());
        (rest, at, before) = (&rest[len as usize..], at + len, header.header_crc);
    }
    let end = &encoded.tail;
    assert_eq!(
        (end.end, end.link.prev_crc, end.link.next_index),
        (at, before, 4)
    );
    assert_eq!(
        (end.link.epoch, end.last_time_us, end.durable_gen),
        (4, 52, 5)
    );
    let mut encoded = encoded;
    write(file.as_ref(), &tail, &mut encoded, Durability::Later).unwrap();
    assert_eq!(encoded.tail.last_index(), 3);
}

/// A group of this many bytes that nothing proves, in a region with room for more.
fn unproven(payload: &[u8]) -> (tempfile::TempDir, std::sync::Arc<dyn File>, Tail, Vec<u8>) {
    let room = 1 << 20;
    let (dir, file, mut tail) = log(EXTENT.start + room);
    tail.extent.len = room;
    tail.proven = tail.end;
    let mut one = group(&tail, payload);
    write(file.as_ref(), &tail, &mut one, Durability::Later).unwrap();
    assert_eq!(one.tail.proven, tail.end);
    (dir, file, one.tail, one.bytes)
}

#[test]
fn a_short_end_is_proven_by_writing_it_again() {
    let (_dir, file, mut tail, bytes) = unproven(b"one");
    let recorded = Recorded::new(&file);
    let at = EXTENT.start + tail.proven;
    append::prove(&recorded, &mut tail).unwrap();
    let mark = Call::Write(EXTENT.start + tail.end, mark_at(&tail));
    assert_eq!(recorded.take(), [Call::Durable(at, bytes), mark]);
    assert_eq!(tail.proven, tail.end);
    // What is proven is not proven again.
    append::prove(&recorded, &mut tail).unwrap();
    assert_eq!(recorded.take(), []);
}

/// More than 64 KiB: the medium is asked, by the pages that have a part of it.
#[test]
fn a_long_end_is_proven_by_reading_it_from_the_medium() {
    let (_dir, file, mut tail, bytes) = unproven(&[7; 100_000]);
    let recorded = Recorded::new(&file);
    let (at, end) = (EXTENT.start + tail.proven, EXTENT.start + tail.end);
    assert!(append::needs_separate_proof(&tail));
    assert!(!at.is_multiple_of(4096) && !end.is_multiple_of(4096));
    append::prove(&recorded, &mut tail).unwrap();
    let start = at / 4096 * 4096;
    let pages = Call::Drop(start, end.next_multiple_of(4096) - start);
    let mark = Call::Write(end, mark_at(&tail));
    assert_eq!(recorded.take(), [Call::Sync, pages, mark]);
    assert_eq!(tail.proven, tail.end);
    assert_eq!(bytes.len() as u64, end - at);
}

/// Zeros at the end look like nothing at all.
#[test]
fn a_long_end_that_the_medium_has_only_in_part_is_written_again() {
    // 84 bytes around a payload: four zeros more at the end.
    let payload = [7; 100_000];
    let (_dir, file, mut tail, bytes) = unproven(&payload);
    let end = EXTENT.start + tail.end;
    let slack = frame_len(payload.len() as u32) - (FRAME_HEADER_SIZE + 4 + payload.len()) as u64;
    assert_eq!(slack, 4);
    let at = EXTENT.start + tail.proven;
    for ends_at in [end - 1, end - slack, end - slack - 1, at + 1] {
        let mut tail = tail.clone();
        let recorded = Recorded {
            ends_at: Some(ends_at),
            ..Recorded::new(&file)
        };
        append::prove(&recorded, &mut tail).unwrap();
        let calls = recorded.take();
        assert_eq!(calls[2], Call::Durable(at, bytes.clone()), "{ends_at}");
        assert_eq!(calls.len(), 4);
        let mut found = vec![1; bytes.len()];
        assert_eq!(file.read_at(&mut found, at).unwrap(), bytes.len());
        assert!(found == bytes);
    }
    append::prove(file.as_ref(), &mut tail).unwrap();
    let mut mark = [0; MARK_SIZE];
    file.read_at(&mut mark, end).unwrap();
    assert_eq!(mark.to_vec(), mark_at(&tail));
}
