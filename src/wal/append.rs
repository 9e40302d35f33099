//! Appending commit groups: one write, one sync.
//!
//! What an earlier writer left un-proven (its sync may have failed in a way that only the page
//! cache forgot) is written again together with the new frames: adjacent bytes, same sync.

use std::io::{self, IoSlice};

use super::scan::Link;
use super::tail::{NewEntry, Tail};
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::format::checksum::{History, crc};
use crate::format::entry::Entry;
use crate::format::frame::{
    Envelope, FRAME_HEADER_SIZE, FrameHeader, frame_len, push_entry, push_frame,
};
use crate::format::mark::{MARK_SIZE, Mark};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::sys::File;

/// Un-proven bytes up to this length are written again; longer spans are proven by reading the
/// medium.
const REWRITE_MAX: u64 = 64 << 10;

/// Zeros behind each group: the place of the next header.
const PLACE: usize = FRAME_HEADER_SIZE;

/// When a group has to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before the call returns.
    Now,
    /// At some later sync.
    Later,
}

/// What is the same for all frames of a group.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// Wall clock; entries get rising times from it.
    pub now_us: u64,
    /// Low half of the newest generation known durable.
    pub durable_gen: u32,
    /// When the group has to be durable.
    pub durability: Durability,
}

/// A group as bytes, and what the log looks like once it is written.
#[derive(Debug)]
pub struct Encoded {
    /// The frames.
    pub bytes: Vec<u8>,
    /// The tail afterwards (not yet durable).
    pub tail: Tail,
    /// History afterwards.
    pub history: History,
}

/// Bytes that entries take in the log.
pub fn group_len(entries: &[NewEntry<'_>]) -> u64 {
    entries
        .iter()
        .map(|e| frame_len(e.payload.len() as u32))
        .sum()
}

/// True where so many bytes fit behind the tail.
pub fn fits(tail: &Tail, bytes: u64) -> bool {
    tail.end + bytes <= tail.extent.len
}

/// The time of the next entry. Times rise whatever the clock says. It is asked as long as it makes sense, because what
/// is written where a lost entry stood must not begin with the same bytes.
pub fn next_time(tail: &Tail, now_us: u64) -> u64 {
    let last_us = tail.last_time_us;
    if now_us > last_us {
        return now_us;
    }
    let unsure = if tail.last.is_some() { 0 } else { 1000 };
    last_us.saturating_add(1 + unsure)
}

/// Encodes a group for the place behind `tail`. The caller has checked that it fits.
pub fn encode(tail: &Tail, history: &History, entries: &[NewEntry<'_>], stamp: &Stamp) -> Encoded {
    encode_in(Vec::new(), tail, history, entries, stamp)
}

/// The same in a buffer whose bytes nobody needs.
pub fn encode_in(
    mut bytes: Vec<u8>,
    tail: &Tail,
    history: &History,
    entries: &[NewEntry<'_>],
    stamp: &Stamp,
) -> Encoded {
    bytes.clear();
    bytes.reserve(group_len(entries) as usize + PLACE);
    let (mut tail, mut history) = (tail.clone(), *history);
    let synced_units = (tail.proven / 8) as u32;
    for entry in entries {
        let time_us = next_time(&tail, stamp.now_us);
        let header = entry.header(&tail.link, time_us, &history);
        let envelope = Envelope {
            own_units: (tail.end / 8) as u32,
            synced_units,
            durable_gen: stamp.durable_gen,
            prev_crc: tail.link.prev_crc,
        };
        let header_crc = push_frame(
            &mut bytes,
            tail.region.salt,
            &envelope,
            &header,
            entry.payload,
        );
        history = header.history_after(entry.payload);
        tail.last = Some(super::scan::Placed {
            offset: tail.end,
            header: FrameHeader {
                envelope,
                entry: header,
                header_crc,
            },
        });
        tail.link.prev_crc = header_crc;
        tail.link.next_index += 1;
        tail.end += frame_len(header.payload_len);
        tail.last_time_us = time_us;
        tail.durable_gen = stamp.durable_gen;
    }
    Encoded {
        bytes,
        tail,
        history,
    }
}

/// Frames entries of another copy for the place behind `tail`, which they continue. `history` is
/// what they lead to. The caller has checked that they fit.
pub fn encode_entries(
    tail: &Tail,
    entries: &[Entry<'_>],
    history: History,
    durable_gen: u32,
) -> Encoded {
    let mut bytes = Vec::with_capacity(entries_len(entries) as usize + PLACE);
    let mut tail = tail.clone();
    let synced_units = (tail.proven / 8) as u32;
    for entry in entries {
        let envelope = Envelope {
            own_units: (tail.end / 8) as u32,
            synced_units,
            durable_gen,
            prev_crc: tail.link.prev_crc,
        };
        let header_crc = push_entry(&mut bytes, tail.region.salt, &envelope, entry);
        tail.last = Some(super::scan::Placed {
            offset: tail.end,
            header: FrameHeader {
                envelope,
                entry: entry.header,
                header_crc,
            },
        });
        tail.link = Link {
            next_index: entry.header.index + 1,
            prev_crc: header_crc,
            epoch: entry.header.epoch,
        };
        tail.end += frame_len(entry.header.payload_len);
        tail.last_time_us = entry.header.time_us;
        tail.durable_gen = durable_gen;
    }
    Encoded {
        bytes,
        tail,
        history,
    }
}

/// Bytes that entries of another copy take in the log.
pub fn entries_len(entries: &[Entry<'_>]) -> u64 {
    let len = |e: &Entry<'_>| frame_len(e.header.payload_len);
    entries.iter().map(len).sum()
}

/// Writes an encoded group behind `tail` (the tail that it was encoded for).
pub fn write(
    file: &dyn File,
    tail: &Tail,
    group: &mut Encoded,
    durability: Durability,
) -> io::Result<()> {
    clear_place(file, tail)?;
    let frames = group.bytes.len();
    let room = tail.extent.len.saturating_sub(group.tail.end);
    group.bytes.resize(frames + PLACE.min(room as usize), 0);
    let written = write_clear(file, tail, group, durability);
    group.bytes.truncate(frames);
    written?;
    group.tail.clear = true;
    if durability == Durability::Now {
        group.tail.proven = group.tail.end;
        leave_mark(file, &group.tail);
    }
    Ok(())
}

fn write_clear(
    file: &dyn File,
    tail: &Tail,
    group: &Encoded,
    durability: Durability,
) -> io::Result<()> {
    if durability == Durability::Later {
        return file.write_at(&group.bytes, tail.extent.start + tail.end);
    }
    if planted(Defect::MarkBeforeSync) {
        leave_mark(file, &group.tail);
    }
    let again = read_unproven(file, tail)?;
    let at = tail.extent.start + tail.proven;
    let written = if again.is_empty() {
        file.write_durable_at(&[IoSlice::new(&group.bytes)], at)
    } else {
        file.write_durable_at(&[IoSlice::new(&again), IoSlice::new(&group.bytes)], at)
    };
    match written {
        Err(_) if planted(Defect::SyncRetried) => file.sync(),
        written => written,
    }
}

/// Makes certain that no part of the header of an unfinished frame is where the next one goes.
/// A crash in the middle of the write could put the two together again.
fn clear_place(file: &dyn File, tail: &Tail) -> io::Result<()> {
    let room = tail.extent.len.saturating_sub(tail.end);
    let mut place = [0u8; PLACE];
    let at = tail.extent.start + tail.end;
    let (place, _) = place.split_at_mut(PLACE.min(room as usize));
    if tail.clear || planted(Defect::RestsKept) {
        return Ok(());
    }
    if file.read_at(place, at)? < place.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mark = Mark::decode(place, tail.region.salt);
    let ours = mark.is_some_and(|mark| mark == mark_of(tail));
    let rest = place.get(if ours { MARK_SIZE } else { 0 }..);
    if rest.unwrap_or(&[]).iter().any(|byte| *byte != 0) {
        place.fill(0);
        file.write_durable_at(&[IoSlice::new(place)], at)?;
    }
    Ok(())
}

/// After a failed write: true where it is certain that no frame of the group is in the log. Its
/// bytes are written front to back, so without a whole first frame there is none.
pub fn is_absent(file: &dyn File, tail: &Tail, group: &Encoded) -> bool {
    if planted(Defect::AbsenceAssumed) {
        return true;
    }
    let Some(header) = FrameHeader::decode(&group.bytes, tail.region.salt) else {
        return false;
    };
    let mut found = vec![0u8; header.frame_len() as usize];
    match file.read_at(&mut found, tail.extent.start + tail.end) {
        Ok(got) if got == found.len() => {
            let frame = FrameHeader::decode(&found, tail.region.salt);
            frame.is_none_or(|frame| frame != header || frame.check_body(&found).is_none())
        }
        _ => false,
    }
}

/// Tells whoever comes next that everything up to here is durable. Not synced, and no harm where
/// it fails: the next writer then proves the tail once more.
pub fn leave_mark(file: &dyn File, tail: &Tail) {
    if tail.end + MARK_SIZE as u64 <= tail.extent.len {
        let mark = mark_of(tail).encode(tail.region.salt);
        let _ = file.write_at(&mark, tail.extent.start + tail.end);
    }
}

fn mark_of(tail: &Tail) -> Mark {
    Mark {
        own_units: (tail.end / 8) as u32,
        prev_crc: tail.link.prev_crc,
    }
}

/// Writes the log of the active region over itself: a mistake, see [`crate::defect`].
pub fn rewrite_in_place(file: &dyn File, tail: &Tail) {
    let at = tail.extent.start + REGION_HEADER_SIZE as u64;
    let mut bytes = vec![0u8; (tail.end - REGION_HEADER_SIZE as u64) as usize];
    let zeros = bytes.clone();
    let _ = file.read_at(&mut bytes, at);
    let _ = file.write_at(&zeros, at);
    let _ = file.write_at(&bytes, at);
}

fn read_unproven(file: &dyn File, tail: &Tail) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0u8; (tail.end - tail.proven) as usize];
    if !bytes.is_empty() {
        let got = file.read_at(&mut bytes, tail.extent.start + tail.proven)?;
        if got < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !leads_to(tail, &bytes) {
            let text = "the end of the log is no longer what was read before";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
    Ok(bytes)
}

/// True where un-proven bytes are what the tail says. A failed sync of another process may have
/// taken frames back that were read from the page cache before.
fn leads_to(tail: &Tail, bytes: &[u8]) -> bool {
    let (mut at, mut rest, mut crc) = (tail.proven, bytes, None);
    if at == 0 {
        let head = tail.region.encode();
        let Some(frames) = bytes.strip_prefix(&head) else {
            return false;
        };
        (at, rest, crc) = (head.len() as u64, frames, Some(tail.region.prev_crc));
    }
    while !rest.is_empty() {
        let header = FrameHeader::decode(rest, tail.region.salt).filter(|h| {
            let envelope = &h.envelope;
            u64::from(envelope.own_units) * 8 == at && crc.is_none_or(|c| c == envelope.prev_crc)
        });
        let Some(header) = header.filter(|h| h.check_body(rest).is_some()) else {
            return false;
        };
        let len = header.frame_len();
        rest = rest.get(len as usize..).unwrap_or(&[]);
        (at, crc) = (at + len, Some(header.header_crc));
    }
    // All of the bytes are whole frames, so they end where the tail does.
    crc == Some(tail.link.prev_crc)
}

/// True where proving the tail costs a sync of its own before a durable append.
pub fn needs_separate_proof(tail: &Tail) -> bool {
    tail.end - tail.proven > REWRITE_MAX
}

/// Makes certain that everything up to the tail is on the medium.
pub fn prove(file: &dyn File, tail: &mut Tail) -> Result<()> {
    if tail.proven >= tail.end {
        return Ok(());
    }
    let failed = |e| Error::io("sync the log", e);
    let cached = read_unproven(file, tail).map_err(failed)?;
    let at = tail.extent.start + tail.proven;
    if !needs_separate_proof(tail) {
        file.write_durable_at(&[IoSlice::new(&cached)], at)
            .map_err(failed)?;
    } else {
        file.sync().map_err(failed)?;
        // Only whole pages are dropped, so the range has to cover the pages at both ends.
        let start = at & !4095;
        file.drop_cache(
            start,
            (at + cached.len() as u64).next_multiple_of(4096) - start,
        );
        let mut medium = vec![0u8; cached.len()];
        let got = file.read_at(&mut medium, at).map_err(failed)?;
        if got < medium.len() || crc(&cached) != crc(&medium) {
            // An earlier sync failed, and only the page cache had what it should have written.
            file.write_durable_at(&[IoSlice::new(&cached)], at)
                .map_err(failed)?;
        }
    }
    tail.proven = tail.end;
    leave_mark(file, tail);
    Ok(())
}

/// Begins a new incarnation in the other region. Its header is written but not synced: the first
/// frame's write carries it again. The caller has proven the tail and knows that no entry in the
/// other region is needed any more.
pub fn switch(
    file: &dyn File,
    tail: &mut Tail,
    other: super::Extent,
    history: &History,
    salt: u64,
    durable_gen: u32,
) -> Result<()> {
    debug_assert!(
        tail.proven >= tail.end,
        "W5: switch before the old region is durable"
    );
    let region = RegionHeader {
        salt,
        region_seq: tail.region.region_seq + 1,
        first_index: tail.link.next_index,
        history: *history,
        epoch: tail.link.epoch,
        prev_end_units: (tail.end / 8) as u32,
        prev_crc: tail.link.prev_crc,
        durable_gen,
        file_id_low: tail.region.file_id_low,
    };
    file.write_at(&region.encode(), other.start)
        .map_err(|e| Error::io("switch the log", e))?;
    tail.active ^= 1;
    tail.region = region;
    tail.extent = other;
    tail.end = REGION_HEADER_SIZE as u64;
    tail.proven = 0;
    tail.last = None;
    tail.clear = true; // nothing has its salt
    tail.durable_gen = durable_gen;
    Ok(())
}
