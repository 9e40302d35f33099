//! A log in memory, as a primary has it: entries that link to each other.

use creel::chain::object::Writer;
use creel::format::checksum::history_start;
use creel::format::entry::{Entry, Point};
use creel::format::frame::{EntryHeader, EntryKind};

pub const LINEAGE: [u8; 16] = *b"lineage of tests";

/// The log before its first entry.
pub fn start() -> Point {
    Point {
        index: 0,
        epoch: 1,
        history: history_start(&LINEAGE),
    }
}

/// A copy of the database.
pub fn writer(node: u8, incarnation: u8) -> Writer {
    Writer {
        lineage: LINEAGE,
        node: [node; 16],
        incarnation: [incarnation; 16],
    }
}

fn push(out: &mut Vec<u8>, before: &Point, kind: EntryKind, epoch: u32, payload: &[u8]) -> Point {
    let time_us = 1_700_000_000_000_000 + before.index;
    push_at(out, before, time_us, (kind, epoch), payload)
}

fn push_at(
    out: &mut Vec<u8>,
    before: &Point,
    time_us: u64,
    (kind, epoch): (EntryKind, u32),
    payload: &[u8],
) -> Point {
    let header = EntryHeader {
        payload_len: payload.len() as u32,
        kind,
        index: before.index + 1,
        epoch,
        op_count: 0,
        time_us,
        history_before: before.history,
    };
    Entry::push(out, &header, payload);
    Point {
        index: header.index,
        epoch,
        history: header.history_after(payload),
    }
}

/// Appends an entry and gives the point after it.
pub fn note(out: &mut Vec<u8>, before: &Point, payload: &[u8]) -> Point {
    push(out, before, EntryKind::Note, before.epoch, payload)
}

/// Appends an entry of another time.
pub fn note_at(out: &mut Vec<u8>, before: &Point, time_us: u64) -> Point {
    push_at(out, before, time_us, (EntryKind::Note, before.epoch), b"at")
}

/// Appends the entry that begins the next epoch.
pub fn fence(out: &mut Vec<u8>, before: &Point, payload: &[u8]) -> Point {
    push(out, before, EntryKind::Fence, before.epoch + 1, payload)
}

/// `count` entries behind a point, and the point after them.
pub fn notes(before: &Point, count: usize, text: &str) -> (Vec<u8>, Point) {
    let mut out = Vec::new();
    let mut point = *before;
    for i in 0..count {
        point = note(&mut out, &point, format!("{text} {i}").as_bytes());
    }
    (out, point)
}
