//! Bytes that are changed so that everything that vouches for them fits: no checksum finds it, an
//! oracle has to.

use crate::chain::object::{Segment, Writer};
use crate::format::entry::Entry;
use crate::format::frame::{ENVELOPE_SIZE, EntryHeader, EntryKind, frame_len};
use crate::format::op::{Op, Ops};

/// Values up to this length count how far the run is: without them nothing is as it should be.
const COUNTERS: usize = 8;

/// Changes the last byte of the values chosen.
fn change_values(header: &EntryHeader, payload: &mut [u8], chosen: impl Fn(&[u8]) -> bool) -> bool {
    if header.kind != EntryKind::Commit {
        return false;
    }
    let mut places = Vec::new();
    let mut ops = Ops::new(payload, header.op_count);
    while let Ok(Some(op)) = ops.next_op() {
        if matches!(op, Op::Put { value, .. } if value.len() > COUNTERS && chosen(value)) {
            places.push(payload.len() - ops.rest().len() - 1);
        }
    }
    for place in &places {
        if let Some(byte) = payload.get_mut(*place) {
            *byte ^= 1;
        }
    }
    !places.is_empty()
}

/// The batch with other values in its last entry.
pub fn entries(batch: &[u8]) -> Option<Vec<u8>> {
    let mut rest = batch;
    let mut out = Vec::with_capacity(batch.len());
    loop {
        let (entry, after) = Entry::split(rest).ok()??;
        if after.is_empty() {
            let mut payload = entry.payload().to_vec();
            change_values(&entry.header, &mut payload, |_| true).then_some(())?;
            Entry::push(&mut out, &entry.header, &payload);
            return Some(out);
        }
        out.extend_from_slice(entry.bytes());
        rest = after;
    }
}

/// A write to the log with other values where they are those of the chosen operations.
pub fn frames(write: &[u8], chosen: impl Fn(u64) -> bool) -> Option<Vec<u8>> {
    let of_these = |value: &[u8]| {
        let first = value.first_chunk().copied().map(u64::from_le_bytes);
        first.is_some_and(&chosen)
    };
    let (mut out, mut at) = (None, ENVELOPE_SIZE);
    while let Some(Ok(Some((entry, _)))) = write.get(at..).map(Entry::split) {
        let mut payload = entry.payload().to_vec();
        if change_values(&entry.header, &mut payload, of_these) {
            let forged = Entry::encode(&entry.header, &payload);
            let out = out.get_or_insert_with(|| write.to_vec());
            out.get_mut(at..at + forged.len())?.copy_from_slice(&forged);
        }
        at += usize::try_from(frame_len(entry.header.payload_len)).ok()?;
    }
    out
}

/// A segment with another value in its last entry.
pub fn segment(bytes: &[u8]) -> Option<Vec<u8>> {
    let read = Segment::parse(bytes.to_vec()).ok()?;
    let body = entries(read.body())?;
    let facts = read.facts;
    let writer = Writer {
        lineage: read.lineage(),
        node: facts.node,
        incarnation: facts.incarnation,
    };
    let built = Segment::build(&writer, facts.number, facts.nonce, facts.before, &body);
    built.ok().map(|built| built.bytes().to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::format::entry::{Entries, Point};
    use crate::format::frame::{Envelope, FrameHeader, push_frame};

    fn payload(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let key = b"k";
        let count = 7_u64.to_be_bytes();
        let values = [&count[..], value];
        for value in values {
            let keyspace = 0;
            Op::Put {
                keyspace,
                key,
                value,
            }
            .encode(&mut out);
        }
        out
    }

    fn header(index: u64, before: &Point, payload: &[u8]) -> EntryHeader {
        EntryHeader {
            payload_len: payload.len() as u32,
            kind: EntryKind::Commit,
            index,
            epoch: 1,
            op_count: 2,
            time_us: index,
            history_before: before.history,
        }
    }

    fn two() -> (Vec<u8>, Point) {
        let start = Point {
            index: 0,
            epoch: 1,
            history: [3; 16],
        };
        let mut batch = Vec::new();
        let mut before = start;
        for index in 1..=2 {
            let payload = payload(b"a value of some length");
            let header = header(index, &before, &payload);
            Entry::push(&mut batch, &header, &payload);
            before.history = header.history_after(&payload);
        }
        (batch, start)
    }

    #[test]
    fn a_forged_batch_fits_in_every_way_but_is_another() {
        let (batch, start) = two();
        let forged = entries(&batch).unwrap();
        assert_eq!(forged.len(), batch.len());
        let different = forged.iter().zip(&batch).filter(|(a, b)| a != b).count();
        assert!(
            (2..=5).contains(&different),
            "a byte, its checksum: {different}"
        );
        let mut read = Entries::new(&forged, start);
        let last = read.by_ref().map(Result::unwrap).last().unwrap();
        assert_eq!(last.header.index, 2);
        assert!(last.payload().ends_with(b"a value of some lengti"));
        assert_eq!(entries(b""), None);
        assert_eq!(entries(b"no entry"), None);
    }

    #[test]
    fn a_forged_segment_is_one() {
        let (batch, start) = two();
        let writer = Writer {
            lineage: [1; 16],
            node: [2; 16],
            incarnation: [3; 16],
        };
        let built = Segment::build(&writer, 4, [9; 16], start, &batch).unwrap();
        let forged = Segment::parse(segment(built.bytes()).unwrap()).unwrap();
        forged.check_history().unwrap();
        assert_eq!(forged.body().len(), batch.len());
        assert_ne!(forged.body(), batch);
        assert_eq!(segment(b"no segment"), None);
    }

    #[test]
    fn a_forged_frame_keeps_its_checksums() {
        let value = [&3_u64.to_le_bytes()[..], b"a value"].concat();
        let payload = payload(&value);
        let start = Point {
            index: 0,
            epoch: 1,
            history: [3; 16],
        };
        let envelope = Envelope {
            own_units: 16,
            synced_units: 0,
            durable_gen: 0,
            prev_crc: 0,
        };
        let mut write = Vec::new();
        push_frame(
            &mut write,
            5,
            &envelope,
            &header(1, &start, &payload),
            &payload,
        );
        write.resize(write.len() + 80, 0);
        assert_eq!(frames(&write, |operation| operation == 4), None);
        let forged = frames(&write, |operation| operation == 3).unwrap();
        let read = FrameHeader::decode(&forged, 5).unwrap();
        let found = read.check_body(&forged).unwrap();
        assert_ne!(found, payload);
        assert_eq!(found.len(), payload.len());
        assert_eq!(frames(&[0; 4096], |_| true), None);
    }
}
