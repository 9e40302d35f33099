//! Where the log of a file ends, across both regions, and what lies between the checkpoint and
//! that end.
//!
//! Invariants checked here: W2 (region headers), W5 (no gap from the checkpoint to the end),
//! and the rules for bulk entries.

use super::scan::{Link, Payload, Placed, ScanEnd, VisitKept, find_orphan, scan_to_mark};
use super::{Extent, extents};
use crate::defect::{Defect, planted};
use crate::error::{Corruption, Error, Result};
use crate::format::bytes::u32_at;
use crate::format::checksum::History;
use crate::format::frame::{EntryHeader, EntryKind, FRAME_HEADER_SIZE, FrameHeader};
use crate::format::header::Header;
use crate::format::pair::pick;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{Invariant, MAX_COUNTER};
use crate::sys::File;

/// The end of the log.
#[derive(Debug, Clone)]
pub struct Tail {
    /// Region that takes the next frame.
    pub active: usize,
    /// Its incarnation.
    pub region: RegionHeader,
    /// Its place.
    pub extent: Extent,
    /// Offset of the next frame in it.
    pub end: u64,
    /// What the next frame continues.
    pub link: Link,
    /// The last frame of the active region, if it has one.
    pub last: Option<Placed>,
    /// Everything below this offset of the active region is known durable.
    pub proven: u64,
    /// Where the header of the next frame goes, nothing of an unfinished one can be.
    pub clear: bool,
    /// Low half of the newest generation known durable.
    pub durable_gen: u32,
    /// Time of the last entry; where the region has none, when the millisecond of the newest began.
    pub last_time_us: u64,
}

impl Tail {
    /// Index of the last entry.
    pub fn last_index(&self) -> u64 {
        self.link.next_index - 1
    }

    /// The bytes of the file that nobody vouches for: their writer may have failed after filling
    /// the page cache. `None` where there are none, or so many that they are proven otherwise.
    pub fn doubtful(&self) -> Option<std::ops::Range<u64>> {
        let doubt = self.last.is_some() && self.proven < self.end;
        let few = !super::append::needs_separate_proof(self);
        // Whole pages, because only those can be read again from the medium.
        let start = (self.extent.start + self.proven) & !4095;
        (doubt && few).then(|| start..(self.extent.start + self.end).next_multiple_of(4096))
    }

    /// Takes in where a scan of the active region ended.
    pub fn advance(&mut self, end: &ScanEnd) {
        self.end = end.end;
        self.link = end.link;
        self.clear = false;
        if let Some(last) = end.last {
            self.proven = self
                .proven
                .max(u64::from(last.header.envelope.synced_units) * 8);
            self.durable_gen = last.header.envelope.durable_gen;
            self.last_time_us = last.header.entry.time_us;
            self.last = Some(last);
        }
        if end.marked {
            self.proven = self.end;
        }
    }
}

/// What was found between the checkpoint and the end of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replay {
    /// Entries after the checkpoint.
    pub frames: u64,
    /// Their bytes in the log.
    pub bytes: u64,
    /// Offset in the file of an unfinished frame that was dropped.
    pub torn_at: Option<u64>,
    /// Its bytes, as far as its header tells.
    pub torn_bytes: u64,
    /// A bulk load that never finished was dropped.
    pub bulk_dropped: bool,
}

/// Both region headers as they stand.
pub fn read_regions(file: &dyn File, header: &Header) -> Result<[Option<RegionHeader>; 2]> {
    let [a, b] = extents(header);
    Ok([
        read_region(file, header, a, 0)?,
        read_region(file, header, b, 1)?,
    ])
}

/// One region header, if it is whole and belongs to this file and place.
pub fn read_region(
    file: &dyn File,
    header: &Header,
    extent: Extent,
    number: u64,
) -> Result<Option<RegionHeader>> {
    let mut bytes = [0u8; REGION_HEADER_SIZE];
    let got = file
        .read_at(&mut bytes, extent.start)
        .map_err(|e| Error::io("read the log", e))?;
    if got < bytes.len() {
        let end = Corruption::new(Invariant::H7, "the file ends inside the log");
        return Err(end.at(extent.start + got as u64).into());
    }
    Ok(RegionHeader::decode(&bytes).filter(|r| belongs(r, header, number)))
}

/// True where a region header belongs to this file and place, and can be one at all: arithmetic
/// on its counters does not overflow.
pub fn belongs(region: &RegionHeader, header: &Header, number: u64) -> bool {
    region.region_seq & 1 == number
        && Some(region.file_id_low) == u32_at(&header.file_id, 0)
        && region.region_seq < MAX_COUNTER
        && (1..MAX_COUNTER).contains(&region.first_index)
}

/// Walks the log from the checkpoint to its end. `visit` sees every entry after the checkpoint.
pub fn load(
    file: &dyn File,
    header: &Header,
    visit: &mut dyn FnMut(&Placed, &[u8]) -> Result<()>,
) -> Result<(Tail, Replay)> {
    load_kept(file, header, &mut |placed, payload: Payload<'_>| {
        visit(placed, payload.bytes)
    })
}

/// The same for a visitor that may keep what was read.
pub fn load_kept(file: &dyn File, header: &Header, visit: VisitKept<'_>) -> Result<(Tail, Replay)> {
    let regions = read_regions(file, header)?;
    let places = extents(header);
    let (active, region) = choose_active(header, &regions, &places)?;
    let mut walk = Walk {
        header,
        visit,
        replay: Replay::default(),
        bulk: None,
        newest_us: header.checkpoint_time_ms.saturating_mul(1000),
    };
    let older = if region.first_index > header.checkpoint_index + 1 {
        walk.older(file, &regions, &places, active, &region)?
    } else {
        Link {
            next_index: region.first_index,
            prev_crc: region.prev_crc,
            epoch: region.epoch,
        }
    };
    let extent = pick(&places, active);
    let start = REGION_HEADER_SIZE as u64;
    let end = walk.region(file, extent, &region, start, older)?;
    let mut tail = Tail {
        active,
        region,
        extent,
        end: start,
        link: older,
        last: None,
        proven: 0,
        clear: false,
        durable_gen: region.durable_gen,
        last_time_us: 0,
    };
    tail.advance(&end);
    // The region may be empty, and the clock may have been set back since.
    tail.last_time_us = tail.last_time_us.max(walk.newest_us);
    if tail.last_index() < header.checkpoint_index {
        let text = format!(
            "the log ends at entry {}, before the checkpoint at {}",
            tail.last_index(),
            header.checkpoint_index
        );
        return Err(Corruption::new(Invariant::W5, text)
            .at(extent.start + tail.end)
            .into());
    }
    let mut replay = walk.replay;
    if end.torn_bytes > 0 {
        replay.torn_at = Some(extent.start + end.end);
        replay.torn_bytes = end.torn_bytes;
    }
    if let Some(before) = walk.bulk.filter(|_| !planted(Defect::BulkWithoutHeader)) {
        drop_bulk(&mut tail, &before, &mut replay);
    }
    refuse_orphans(file, header, &regions, &places, &tail)?;
    Ok((tail, replay))
}

/// The region that takes the next frame, the newer incarnation, and its header.
pub(super) fn choose_active(
    header: &Header,
    regions: &[Option<RegionHeader>; 2],
    places: &[Extent; 2],
) -> Result<(usize, RegionHeader)> {
    let seq = |i: usize| pick(regions, i).map_or(0, |r| r.region_seq);
    let active = usize::from(seq(1) > seq(0));
    // The header knew an incarnation: it, or a later one, must still be there.
    let known = usize::from(header.regions[1].region_seq > header.regions[0].region_seq);
    let least = pick(&header.regions, known).region_seq;
    let region = pick(regions, active).filter(|region| region.region_seq >= least);
    let region = region.ok_or_else(|| damaged_region(header, places, known))?;
    Ok((active, region))
}

fn damaged_region(header: &Header, places: &[Extent; 2], number: usize) -> Error {
    let text = format!(
        "log region {number} (incarnation {}) has no readable header",
        pick(&header.regions, number).region_seq
    );
    Corruption::new(Invariant::W2, text)
        .at(pick(places, number).start)
        .into()
}

struct Walk<'w> {
    header: &'w Header,
    visit: VisitKept<'w>,
    replay: Replay,
    /// State of the log before a bulk entry that is not in the tree.
    bulk: Option<BeforeBulk>,
    /// No entry is younger.
    newest_us: u64,
}

#[derive(Clone, Copy)]
struct BeforeBulk {
    end: u64,
    link: Link,
    last: Option<Placed>,
}

impl Walk<'_> {
    /// The older region, which still holds entries after the checkpoint.
    fn older(
        &mut self,
        file: &dyn File,
        regions: &[Option<RegionHeader>; 2],
        places: &[Extent; 2],
        active: usize,
        newer: &RegionHeader,
    ) -> Result<Link> {
        let (extent, number) = (pick(places, active ^ 1), active ^ 1);
        let gap = |text: String| Error::from(Corruption::new(Invariant::W5, text).at(extent.start));
        let Some(older) = pick(regions, number).filter(|r| r.region_seq + 1 == newer.region_seq)
        else {
            return Err(gap(format!(
                "log region {number} should hold the entries from {} to {}",
                self.header.checkpoint_index + 1,
                newer.first_index.saturating_sub(1)
            )));
        };
        if older.first_index > self.header.checkpoint_index + 1 {
            return Err(gap(format!(
                "no log from entry {}",
                self.header.checkpoint_index + 1
            )));
        }
        let link = Link {
            next_index: older.first_index,
            prev_crc: older.prev_crc,
            epoch: older.epoch,
        };
        let end = self.region(file, extent, &older, REGION_HEADER_SIZE as u64, link)?;
        let whole = end.end == u64::from(newer.prev_end_units) * 8
            && end.link.next_index == newer.first_index
            && end.link.prev_crc == newer.prev_crc;
        if !whole {
            let text = format!(
                "log entry {} is damaged: the other region continues after entry {}",
                end.link.next_index,
                newer.first_index.saturating_sub(1)
            );
            return Err(Corruption::new(Invariant::W5, text)
                .at(extent.start + end.end)
                .into());
        }
        Ok(end.link)
    }

    fn region(
        &mut self,
        file: &dyn File,
        extent: Extent,
        region: &RegionHeader,
        from: u64,
        link: Link,
    ) -> Result<ScanEnd> {
        let after = self.header.checkpoint_index;
        let mut before = BeforeBulk {
            end: from,
            link,
            last: None,
        };
        scan_to_mark(file, extent, region, from, link, &mut |placed, payload| {
            if self.bulk.is_some() {
                let text = "a bulk load that never finished is followed by log entries";
                return Err(Corruption::new(Invariant::W5, text)
                    .at(extent.start + placed.offset)
                    .into());
            }
            let entry = &placed.header.entry;
            self.newest_us = self.newest_us.max(entry.time_us);
            if entry.index > after {
                if entry.kind == EntryKind::Bulk {
                    self.bulk = Some(before);
                } else {
                    self.replay.frames += 1;
                    self.replay.bytes += placed.header.frame_len();
                    (self.visit)(placed, payload)?;
                }
            }
            before = BeforeBulk {
                end: placed.offset + placed.header.frame_len(),
                link: Link {
                    next_index: entry.index + 1,
                    prev_crc: placed.header.header_crc,
                    epoch: entry.epoch,
                },
                last: Some(*placed),
            };
            Ok(())
        })
    }
}

fn drop_bulk(tail: &mut Tail, before: &BeforeBulk, replay: &mut Replay) {
    tail.end = before.end;
    tail.link = before.link;
    tail.last = before.last;
    tail.proven = tail.proven.min(before.end);
    replay.bulk_dropped = true;
}

/// W2: the other region's header is unreadable. That is normal where the first write to it was
/// torn, and damage where entries in it prove that it had been in use.
fn refuse_orphans(
    file: &dyn File,
    header: &Header,
    regions: &[Option<RegionHeader>; 2],
    places: &[Extent; 2],
    tail: &Tail,
) -> Result<()> {
    let other = tail.active ^ 1;
    if pick(regions, other).is_some() || planted(Defect::OrphansIgnored) {
        return Ok(());
    }
    match find_orphan(file, pick(places, other), tail.last_index())? {
        Some(_) => Err(damaged_region(header, places, other)),
        None => Ok(()),
    }
}

/// History after the last entry: of the last frame if there is one, else what the region header
/// or the checkpoint says.
pub fn history(file: &dyn File, header: &Header, tail: &Tail) -> Result<History> {
    let Some(last) = tail.last else {
        return Ok(if tail.last_index() == header.checkpoint_index {
            header.history
        } else {
            tail.region.history
        });
    };
    let payload = read_payload(file, tail.extent, &last.header, last.offset)?;
    Ok(last.header.entry.history_after(&payload))
}

/// Reads the payload of a frame that was accepted before.
pub fn read_payload(
    file: &dyn File,
    extent: Extent,
    header: &FrameHeader,
    offset: u64,
) -> Result<Vec<u8>> {
    let mut payload = vec![0u8; header.entry.payload_len as usize];
    let at = extent.start + offset + FRAME_HEADER_SIZE as u64;
    let got = file
        .read_at(&mut payload, at)
        .map_err(|e| Error::io("read the log", e))?;
    if got < payload.len() {
        return Err(
            Corruption::new(Invariant::H7, "the file ends inside the log")
                .at(at)
                .into(),
        );
    }
    Ok(payload)
}

/// An entry to be appended.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Operations in the payload.
    pub op_count: u32,
    /// The payload.
    pub payload: &'a [u8],
}

impl NewEntry<'_> {
    /// The entry header for the place after `link`.
    pub fn header(&self, link: &Link, time_us: u64, history: &History) -> EntryHeader {
        EntryHeader {
            payload_len: self.payload.len() as u32,
            kind: self.kind,
            index: link.next_index,
            epoch: link.epoch,
            op_count: self.op_count,
            time_us,
            history_before: *history,
        }
    }
}
