//! Log entries one by one, whatever became of the headers of regions and of the frames before
//! them: an entry has a checksum of its own, names its place in the log, and carries the hash of
//! all history before it.

use crate::check::source::Source;
use crate::error::Result;
use crate::format::bytes::u32_at;
use crate::format::checksum::History;
use crate::format::frame::{
    ENVELOPE_SIZE, EntryHeader, Envelope, FRAME_HEADER_SIZE, FrameHeader, frame_len,
};
use crate::format::op::Ops;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{MAX_COUNTER, pair::pick};
use crate::wal::Extent;

/// Bytes read at a time while looking for frames.
const CHUNK: usize = 1 << 20;

/// A whole entry and where it stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::salvage) struct RawEntry {
    /// Offset of the frame in the file.
    pub at: u64,
    /// Number of its region.
    pub region: usize,
    pub header: EntryHeader,
    pub history_after: History,
}

impl RawEntry {
    pub fn index(&self) -> u64 {
        self.header.index
    }

    pub fn frame_len(&self) -> u64 {
        frame_len(self.header.payload_len)
    }
}

/// All entries that could be found.
#[derive(Debug, Default)]
pub(in crate::salvage) struct RawLog {
    /// By index.
    pub entries: Vec<RawEntry>,
    /// The largest index that anything in the log speaks of.
    pub evidence: u64,
    /// Newest header generations that frames and regions promise (their low halves).
    pub generations: Vec<u32>,
    /// Some region was given up: it looks as if it were made to be slow to read.
    pub cut_short: bool,
}

/// Looks through regions for entries above `floor`.
pub(in crate::salvage) fn collect(
    source: &Source<'_>,
    places: &[(Extent, Option<RegionHeader>)],
    floor: u64,
) -> Result<RawLog> {
    let mut log = RawLog::default();
    for (number, (extent, region)) in places.iter().enumerate() {
        let len = extent.len.min(source.len.saturating_sub(extent.start));
        let extent = Extent {
            start: extent.start,
            len,
        };
        let mut search = Search {
            source,
            extent,
            region: region.as_ref(),
            number,
            floor,
            // Every byte may be part of one whole frame, and of a few that turn out not to be.
            budget: len.saturating_mul(8).saturating_add(1 << 20),
            chunk: Vec::new(),
            chunk_at: 0,
            frame: Vec::new(),
            log: &mut log,
        };
        search.run()?;
        if let Some(region) = region {
            log.evidence = log.evidence.max(region.first_index.saturating_sub(1));
            log.generations.push(region.durable_gen);
        }
    }
    log.entries.sort_by_key(|e| (e.index(), e.at));
    Ok(log)
}

struct Search<'s> {
    source: &'s Source<'s>,
    extent: Extent,
    region: Option<&'s RegionHeader>,
    number: usize,
    floor: u64,
    budget: u64,
    chunk: Vec<u8>,
    chunk_at: u64,
    frame: Vec<u8>,
    log: &'s mut RawLog,
}

impl Search<'_> {
    fn run(&mut self) -> Result<()> {
        // The first frame stands directly behind the header, each other one behind the one
        // before: there the place in the envelope need not be right.
        let (mut at, mut expected) = (REGION_HEADER_SIZE as u64, true);
        while at + FRAME_HEADER_SIZE as u64 <= self.extent.len {
            if (expected || self.names_its_place(at))
                && let Some(entry) = self.frame_at(at)?
            {
                at += entry.frame_len();
                expected = true;
                if entry.index() > self.floor {
                    self.log.entries.push(entry);
                    self.log.evidence = self.log.evidence.max(entry.index());
                }
                continue;
            }
            expected = false;
            at = self.next_candidate(at + 8)?;
        }
        Ok(())
    }

    fn names_its_place(&self, at: u64) -> bool {
        let inside = at
            .checked_sub(self.chunk_at)
            .and_then(|i| usize::try_from(i).ok());
        let word = inside.and_then(|i| u32_at(&self.chunk, i + 4));
        word == u32::try_from(at / 8).ok()
    }

    /// The next place at or after `from` that could be a frame; the end where there is none.
    fn next_candidate(&mut self, from: u64) -> Result<u64> {
        let mut at = from;
        while at + 8 <= self.extent.len {
            if at < self.chunk_at || at + 8 > self.chunk_at + self.chunk.len() as u64 {
                self.fill(at)?;
            }
            let start = (at - self.chunk_at) as usize;
            let words = self.chunk.get(start..).unwrap_or(&[]).as_chunks::<8>().0;
            if words.is_empty() {
                break;
            }
            let mut units = at / 8;
            let hit = words.iter().position(|word| {
                let is_here = u32_at(word, 4) == Some(units as u32);
                units += 1;
                is_here
            });
            match hit {
                Some(hit) => return Ok(at + hit as u64 * 8),
                None => at += words.len() as u64 * 8,
            }
        }
        Ok(self.extent.len)
    }

    fn fill(&mut self, at: u64) -> Result<()> {
        let want = (self.extent.len - at).min(CHUNK as u64) as usize;
        let mut chunk = std::mem::take(&mut self.chunk);
        self.source
            .read_what_is_there(self.extent.start + at, want, &mut chunk)?;
        (self.chunk, self.chunk_at) = (chunk, at);
        Ok(())
    }

    fn frame_at(&mut self, at: u64) -> Result<Option<RawEntry>> {
        let mut frame = std::mem::take(&mut self.frame);
        let start = self.extent.start + at;
        self.source
            .read_what_is_there(start, FRAME_HEADER_SIZE, &mut frame)?;
        let header = frame.get(ENVELOPE_SIZE..).and_then(EntryHeader::decode);
        let header = header.filter(|h| (1..MAX_COUNTER).contains(&h.index));
        let mut found = None;
        if let Some(header) = header {
            let len = frame_len(header.payload_len);
            if at + len <= self.extent.len && self.pay(len) {
                self.note_promise(&frame, at);
                self.source
                    .read_what_is_there(start, len as usize, &mut frame)?;
                found = whole_entry(&frame, header).map(|history_after| RawEntry {
                    at: start,
                    region: self.number,
                    header,
                    history_after,
                });
            }
        }
        self.frame = frame;
        Ok(found)
    }

    /// A frame header that is whole tells that the entry was written, whatever became of it.
    fn note_promise(&mut self, frame: &[u8], at: u64) {
        let header = self.region.and_then(|r| FrameHeader::decode(frame, r.salt));
        let here = header.filter(|h| u64::from(h.envelope.own_units) * 8 == at);
        if let Some(header) = here {
            self.log.evidence = self.log.evidence.max(header.entry.index);
            if self.log.generations.last() != Some(&header.envelope.durable_gen) {
                self.log.generations.push(header.envelope.durable_gen);
            }
        }
    }

    fn pay(&mut self, len: u64) -> bool {
        match self.budget.checked_sub(len) {
            Some(rest) => self.budget = rest,
            None => self.log.cut_short = true,
        }
        !self.log.cut_short
    }
}

/// The history after an entry whose checksum, padding and operations are right.
fn whole_entry(frame: &[u8], header: EntryHeader) -> Option<History> {
    let payload = payload_of(frame, header)?;
    if header.kind.has_operations() {
        let mut ops = Ops::new(payload, header.op_count);
        while ops.next_op().ok()?.is_some() {}
    }
    Some(header.history_after(payload))
}

/// The payload of a frame with this entry header, where its checksum is right.
pub(super) fn payload_of(frame: &[u8], header: EntryHeader) -> Option<&[u8]> {
    let envelope = Envelope {
        own_units: 0,
        synced_units: 0,
        durable_gen: 0,
        prev_crc: 0,
    };
    let frame_header = FrameHeader {
        envelope,
        entry: header,
        header_crc: 0,
    };
    let same = frame.get(ENVELOPE_SIZE..).and_then(EntryHeader::decode) == Some(header);
    frame_header.check_body(frame).filter(|_| same)
}

/// Entries that follow each other without a gap from index `after + 1` on: each one carries the
/// hash of the one before. Gives their positions in `entries`, which is sorted by index.
pub(in crate::salvage) fn chain(entries: &[RawEntry], after: u64, history: History) -> Vec<usize> {
    let mut links = Vec::new();
    let (mut index, mut history) = (after, history);
    let mut at = entries.partition_point(|e| e.index() <= after);
    loop {
        index += 1;
        let same = entries.get(at..).unwrap_or(&[]).iter();
        let count = same.take_while(|e| e.index() == index).count();
        let next = (at..at + count).find(|&i| {
            entries
                .get(i)
                .is_some_and(|e| e.header.history_before == history)
        });
        let Some((i, entry)) = next.and_then(|i| Some((i, entries.get(i)?))) else {
            return links;
        };
        links.push(i);
        history = entry.history_after;
        at += count;
    }
}

/// Both regions of a header, with their own headers where those can be used.
pub(super) fn places(
    header: &crate::format::header::Header,
    regions: &[Option<RegionHeader>; 2],
) -> Vec<(Extent, Option<RegionHeader>)> {
    let extents = crate::wal::extents(header);
    (0..2)
        .map(|i| (pick(&extents, i), pick(regions, i)))
        .collect()
}
