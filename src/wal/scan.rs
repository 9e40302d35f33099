//! Walking the frames of one region.
//!
//! Decisions at offset X (incarnation salt s, expected index n):
//!
//! | sync word | header crc | entry crc | index and link | later frame promises more than X | then |
//! |---|---|---|---|---|---|
//! | s | ok | ok | ok | - | accept |
//! | s | ok | ok | wrong | no | the log ends at X (left over from a torn group) |
//! | s | ok | ok | wrong | yes | damage, W3 |
//! | s | any bad | | - | no | torn: the log ends at X |
//! | other | - | - | - | no | the log ends at X |
//! | anything but accept | | | | yes | damage, W6 |
//!
//! A frame's `synced_units` promises that everything before that offset was durable when the
//! frame was written; so damage below a promise is damage, not an unfinished write. A mark (see
//! [`crate::format::mark`]) promises everything before itself. Where a mark stands at X, the log
//! did end there, and opening looks only a little further: past a sector or page that went back
//! to an older state. `verify` always looks at the whole region.

use std::sync::Arc;

use crate::defect::{Defect, planted};
use crate::error::{Corruption, Result};
use crate::format::bytes::u32_at;
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE, FrameHeader};
use crate::format::mark::{MARK_SIZE, Mark};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{Invariant, MAX_COUNTER};
use crate::sys::{File, LargeBuffer};

use super::Extent;
use super::window::Window;

/// How far opening looks behind a mark.
const NEAR: u64 = 16 << 10;

/// What the next frame must continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub next_index: u64,
    /// Header checksum of the frame before it.
    pub prev_crc: u32,
    /// Its epoch at least.
    pub epoch: u32,
}

/// A frame and where it stands in its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Offset in the region.
    pub offset: u64,
    /// Its header.
    pub header: FrameHeader,
}

/// Where a scan ended.
#[derive(Debug, Clone, Copy)]
pub struct ScanEnd {
    /// Offset after the last accepted frame.
    pub end: u64,
    /// What the next frame must continue.
    pub link: Link,
    /// The last accepted frame.
    pub last: Option<Placed>,
    /// Frames accepted.
    pub frames: u64,
    /// An unfinished frame stands at `end`: this many bytes of it are told by its header.
    pub torn_bytes: u64,
    /// A mark at `end` tells that everything before it is durable.
    pub marked: bool,
}

impl ScanEnd {
    /// Moves behind the next frame.
    pub fn accept(&mut self, placed: &Placed) {
        self.end = placed.offset + placed.header.frame_len();
        self.link = Link {
            next_index: placed.header.entry.index + 1,
            prev_crc: placed.header.header_crc,
            epoch: placed.header.entry.epoch,
        };
        self.last = Some(*placed);
        self.frames += 1;
    }
}

/// The payload of a frame, and the memory that it lies in, which may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'w> {
    /// The payload.
    pub bytes: &'w [u8],
    /// What was read from the region.
    pub buffer: &'w Arc<LargeBuffer>,
    /// Where the payload begins there.
    pub at: usize,
}

/// What is called for each accepted frame, with its payload.
pub type Visit<'v> = &'v mut dyn FnMut(&Placed, &[u8]) -> Result<()>;

/// The same for whoever keeps payloads.
pub type VisitKept<'v> = &'v mut dyn FnMut(&Placed, Payload<'_>) -> Result<()>;

/// Walks frames from `from` on, and looks ahead from where they end.
pub fn scan(
    file: &dyn File,
    extent: Extent,
    region: &RegionHeader,
    from: u64,
    link: Link,
    visit: Visit<'_>,
) -> Result<ScanEnd> {
    let visit = &mut |placed: &Placed, payload: Payload<'_>| visit(placed, payload.bytes);
    walk(file, extent, region, from, link, visit, Look::Far)
}

/// The same for opening: behind a mark it looks only a little ahead.
pub fn scan_to_mark(
    file: &dyn File,
    extent: Extent,
    region: &RegionHeader,
    from: u64,
    link: Link,
    visit: VisitKept<'_>,
) -> Result<ScanEnd> {
    walk(
        file,
        extent,
        region,
        from,
        link,
        visit,
        Look::NearBehindMark,
    )
}

/// Continues a scan whose end was judged before: looks ahead only where something new stands at
/// the end that is not a frame.
pub fn scan_on(
    file: &dyn File,
    extent: Extent,
    region: &RegionHeader,
    from: u64,
    link: Link,
    visit: Visit<'_>,
) -> Result<ScanEnd> {
    let visit = &mut |placed: &Placed, payload: Payload<'_>| visit(placed, payload.bytes);
    walk(file, extent, region, from, link, visit, Look::IfNew)
}

/// How far to look ahead from the end of the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// To the end of the region.
    Far,
    /// Not far where a mark vouches for the end, else to the end of the region.
    NearBehindMark,
    /// Only where something new stands at the end.
    IfNew,
}

fn walk(
    file: &dyn File,
    extent: Extent,
    region: &RegionHeader,
    from: u64,
    link: Link,
    visit: VisitKept<'_>,
    look: Look,
) -> Result<ScanEnd> {
    let mut window = Window::new(file, extent);
    let mut at = ScanEnd {
        end: from,
        link,
        last: None,
        frames: 0,
        torn_bytes: 0,
        marked: false,
    };
    loop {
        let step = read_frame(&mut window, region, &at)?;
        let placed = match step {
            Step::Accept(placed) => placed,
            Step::Stop { torn_bytes, linked } => {
                at.torn_bytes = torn_bytes;
                let id = if linked { Invariant::W6 } else { Invariant::W3 };
                at.marked = is_marked(&mut window, region, &at)?;
                let upto = match look {
                    Look::NearBehindMark if at.marked => at.end + NEAR,
                    Look::IfNew if torn_bytes == 0 && linked => return Ok(at),
                    _ => u64::MAX,
                };
                refuse_if_promised(&mut window, region, &at, id, upto)?;
                return Ok(at);
            }
        };
        check_order(extent, &at, &placed)?;
        visit(&placed, window.payload(&placed))?;
        at.accept(&placed);
    }
}

enum Step {
    Accept(Placed),
    Stop { torn_bytes: u64, linked: bool },
}

fn read_frame(window: &mut Window<'_>, region: &RegionHeader, at: &ScanEnd) -> Result<Step> {
    let nothing = Step::Stop {
        torn_bytes: 0,
        linked: true,
    };
    let Some(head) = window.get(at.end, FRAME_HEADER_SIZE as u64)? else {
        return Ok(nothing);
    };
    if u32_at(head, 0) != Some(region.sync_word()) {
        return Ok(nothing);
    }
    let header = FrameHeader::decode(head, region.salt)
        .filter(|h| u64::from(h.envelope.own_units) * 8 == at.end);
    let Some(header) = header else {
        return Ok(Step::Stop {
            torn_bytes: 8,
            linked: true,
        });
    };
    let torn = Step::Stop {
        torn_bytes: header.frame_len(),
        linked: true,
    };
    let Some(frame) = window.get(at.end, header.frame_len())? else {
        return Ok(torn);
    };
    if header.check_body(frame).is_none() {
        return Ok(torn);
    }
    let follows = header.envelope.prev_crc == at.link.prev_crc;
    let follows = follows || planted(Defect::StaleFrameAccepted);
    let links = header.entry.index == at.link.next_index && follows;
    if !links {
        return Ok(Step::Stop {
            torn_bytes: 0,
            linked: false,
        });
    }
    Ok(Step::Accept(Placed {
        offset: at.end,
        header,
    }))
}

/// W7 and W8: whole frames whose fields contradict the log.
fn check_order(extent: Extent, at: &ScanEnd, placed: &Placed) -> Result<()> {
    let (envelope, entry) = (&placed.header.envelope, &placed.header.entry);
    let bad = |id, text: String| -> Result<()> {
        Err(Corruption::new(id, text)
            .at(extent.start + placed.offset)
            .into())
    };
    let epoch_moves = entry.epoch != at.link.epoch;
    if entry.epoch < at.link.epoch || (epoch_moves && entry.kind != EntryKind::Fence) {
        let text = format!(
            "entry {} has epoch {} after {}",
            entry.index, entry.epoch, at.link.epoch
        );
        return bad(Invariant::W7, text);
    }
    if envelope.synced_units > envelope.own_units {
        return bad(
            Invariant::W8,
            format!("entry {} promises its own durability", entry.index),
        );
    }
    Ok(())
}

/// Does a mark for exactly this end of the log stand there?
fn is_marked(window: &mut Window<'_>, region: &RegionHeader, at: &ScanEnd) -> Result<bool> {
    let bytes = window.get(at.end, MARK_SIZE as u64)?;
    let mark = bytes.and_then(|b| Mark::decode(b, region.salt));
    Ok(mark.is_some_and(|mark| {
        u64::from(mark.own_units) * 8 == at.end && mark.prev_crc == at.link.prev_crc
    }))
}

/// The look-ahead: a later frame or mark of this incarnation that promises more than `at.end`
/// proves that the log did not end there.
fn refuse_if_promised(
    window: &mut Window<'_>,
    region: &RegionHeader,
    at: &ScanEnd,
    id: Invariant,
    upto: u64,
) -> Result<()> {
    if planted(Defect::PrefixTailRule) {
        return Ok(());
    }
    let found = find_witness(
        window,
        region,
        at.end + 8,
        upto,
        &mut |offset, witness| match witness {
            Witness::Mark => Some((offset, "the mark".to_owned())),
            Witness::Frame(header) if u64::from(header.envelope.synced_units) * 8 > at.end => {
                Some((offset, format!("entry {}", header.entry.index)))
            }
            Witness::Frame(_) => None,
        },
    )?;
    let Some((offset, what)) = found else {
        return Ok(());
    };
    let text = format!(
        "log entry {} is damaged: {what} at byte {} proves that it had been durable",
        at.link.next_index,
        window.extent.start + offset,
    );
    Err(Corruption::new(id, text)
        .at(window.extent.start + at.end)
        .into())
}

/// The first frame of this incarnation at or after `from`: where a check can go on behind damage.
pub fn find_next(
    file: &dyn File,
    extent: Extent,
    region: &RegionHeader,
    from: u64,
) -> Result<Option<Placed>> {
    let mut window = Window::new(file, extent);
    find_witness(
        &mut window,
        region,
        from,
        u64::MAX,
        &mut |offset, witness| match witness {
            Witness::Frame(header) if header.entry.index < MAX_COUNTER => {
                Some(Placed { offset, header })
            }
            _ => None,
        },
    )
}

/// Something whole of this incarnation that names its own place.
enum Witness {
    Frame(FrameHeader),
    Mark,
}

/// What `wanted` makes of the first whole frame header or mark in `from..upto` that it accepts.
fn find_witness<T>(
    window: &mut Window<'_>,
    region: &RegionHeader,
    from: u64,
    upto: u64,
    wanted: &mut dyn FnMut(u64, Witness) -> Option<T>,
) -> Result<Option<T>> {
    let (frames, marks) = (region.sync_word(), Mark::word(region.salt));
    let mut at = from;
    while let Some(chunk) = window.chunk(at)? {
        let hit = find_word(chunk, frames, marks);
        at += hit.map_or(chunk.len() as u64 & !7, |hit| hit as u64 * 8);
        // What is found does not depend on how much was read at a time.
        if at >= upto {
            break;
        }
        if hit.is_none() {
            continue;
        }
        let found = witness_at(window, region, at)?.and_then(|witness| wanted(at, witness));
        if found.is_some() {
            return Ok(found);
        }
        at += 8;
    }
    Ok(None)
}

/// The first eight bytes that begin with one of two words, neither of which stands in zeros.
pub(super) fn find_word(bytes: &[u8], one: u32, other: u32) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let starts = |&[a, b, c, d, ..]: &[u8; 8]| {
        let word = u32::from_le_bytes([a, b, c, d]);
        word == one || word == other
    };
    for (i, block) in blocks.iter().enumerate() {
        // Most of a region is empty.
        let words = block.as_chunks::<8>().0.iter();
        if words.fold(0, |any, word| any | u64::from_le_bytes(*word)) == 0 {
            continue;
        }
        if let Some(hit) = block.as_chunks::<8>().0.iter().position(starts) {
            return Some(i * 8 + hit);
        }
    }
    let hit = rest.as_chunks::<8>().0.iter().position(starts)?;
    Some(blocks.len() * 8 + hit)
}

/// The whole frame header or mark at this place, if there is one.
fn witness_at(window: &mut Window<'_>, region: &RegionHeader, at: u64) -> Result<Option<Witness>> {
    let mark = window.get(at, MARK_SIZE as u64)?;
    let mark = mark.and_then(|b| Mark::decode(b, region.salt));
    if mark.is_some_and(|mark| u64::from(mark.own_units) * 8 == at) {
        return Ok(Some(Witness::Mark));
    }
    let head = window.get(at, FRAME_HEADER_SIZE as u64)?;
    let header = head.and_then(|h| FrameHeader::decode(h, region.salt));
    let here = header.filter(|h| u64::from(h.envelope.own_units) * 8 == at);
    Ok(here.map(Witness::Frame))
}

/// Looks through a region whose header is unreadable for entries that prove that it was in use:
/// whole portable entries with an index beyond `last` that were not part of the very first write
/// to the region (that one may be torn together with the region header).
pub fn find_orphan(file: &dyn File, extent: Extent, last: u64) -> Result<Option<u64>> {
    use crate::format::frame::{ENVELOPE_SIZE, EntryHeader};
    let mut window = Window::new(file, extent);
    let mut at = REGION_HEADER_SIZE as u64;
    let first_units = (REGION_HEADER_SIZE / 8) as u32;
    while let Some(chunk) = window.chunk(at)? {
        // The cheapest test first: a frame names its own place.
        let words = chunk.as_chunks::<8>().0.iter().zip(at / 8..);
        let hit = words
            .map(|(w, units)| u32_at(w, 4) == Some(units as u32))
            .position(|hit| hit);
        let Some(hit) = hit else {
            at += chunk.len() as u64 & !7;
            continue;
        };
        at += hit as u64 * 8;
        if let Some(head) = window.get(at, FRAME_HEADER_SIZE as u64)? {
            let promise = u32_at(head, 8).unwrap_or(0);
            let entry = head.get(ENVELOPE_SIZE..).and_then(EntryHeader::decode);
            let entry = entry.filter(|e| e.index > last && promise > first_units);
            if let Some(entry) = entry {
                let len = crate::format::frame::frame_len(entry.payload_len);
                if whole_entry(window.get(at, len)?, &entry) {
                    return Ok(Some(at));
                }
            }
        }
        at += 8;
    }
    Ok(None)
}

fn whole_entry(frame: Option<&[u8]>, entry: &crate::format::frame::EntryHeader) -> bool {
    use crate::format::frame::Envelope;
    let envelope = Envelope {
        own_units: 0,
        synced_units: 0,
        durable_gen: 0,
        prev_crc: 0,
    };
    let header = FrameHeader {
        envelope,
        entry: *entry,
        header_crc: 0,
    };
    frame.is_some_and(|frame| header.check_body(frame).is_some())
}
