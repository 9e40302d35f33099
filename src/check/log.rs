//! The log: W2 to W9, R3, and whether it could make up for the newest header (W11).
//!
//! The frames are walked by [`crate::wal::scan`], the same code that opens a file, so the two
//! cannot disagree on what is a torn tail and what is damage. Here the walk goes on behind
//! damage, and looks at what opening does not need.

use super::findings::{Findings, Weight, finding};
use super::replay::{Catalogue, Replay};
use super::slots::{Headers, file_id_low};
use super::source::Source;
use crate::error::{Error, Result};
use crate::format::bytes::all_zero;
use crate::format::checksum::History;
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE, FrameHeader};
use crate::format::header::Header;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{Depth, Invariant};
use crate::wal::scan::{Link, Placed, ScanEnd, find_next, scan};
use crate::wal::{Extent, extents, tail};

/// How often a walk goes on behind damage in one region.
const MAX_RESUMES: usize = 32;

/// What the log said.
#[derive(Debug)]
pub(super) struct LogView {
    pub findings: Findings,
    /// Entries after the checkpoint.
    pub frames: u64,
    pub last_index: u64,
    /// Entries that begin an epoch: (epoch, index).
    pub fences: Vec<(u32, u64)>,
    /// The entries between the older header's checkpoint and this one's are all there.
    pub covers_older: bool,
    /// A bulk load that never finished stands at the end.
    pub open_bulk: bool,
    /// Both region headers, to see whether they change.
    pub regions: [Option<RegionHeader>; 2],
}

struct Walk<'w> {
    source: &'w Source<'w>,
    header: &'w Header,
    level: Depth,
    findings: Findings,
    replay: Replay,
    frames: u64,
    fences: Vec<(u32, u64)>,
    /// First index of the unbroken stretch of entries up to where the walk is.
    linked_from: u64,
    /// A bulk entry after this index cannot be replayed.
    older_checkpoint: u64,
    bulk_since_older: bool,
    /// A bulk entry above the checkpoint.
    open_bulk: Option<u64>,
    newest_promise: u32,
    history: Option<History>,
}

/// How one region ended.
struct RegionEnd {
    end: ScanEnd,
    /// Nothing in it was damaged.
    sound: bool,
}

/// Checks the log of a file.
pub(super) fn check(
    source: &Source<'_>,
    headers: &Headers,
    level: Depth,
    catalogue: Option<Catalogue>,
    max_findings: usize,
) -> Result<LogView> {
    let header = &headers.current.header;
    let older_checkpoint = headers
        .older
        .as_ref()
        .map_or(header.checkpoint_index, |o| o.header.checkpoint_index);
    let mut walk = Walk {
        source,
        header,
        level,
        findings: Findings::new(max_findings),
        replay: Replay::new(header, catalogue, level == Depth::Deep),
        frames: 0,
        fences: Vec::new(),
        linked_from: header.checkpoint_index + 1,
        older_checkpoint,
        bulk_since_older: false,
        open_bulk: None,
        newest_promise: header.generation as u32,
        history: None,
    };
    let regions = walk.region_headers()?;
    let mut last_index = header.checkpoint_index;
    let mut covers_older = older_checkpoint == header.checkpoint_index;
    match pick(&regions) {
        Some(active) => {
            let (end, sound) = walk.both(active, &regions)?;
            last_index = end.link.next_index - 1;
            let reaches = walk.linked_from <= older_checkpoint + 1;
            covers_older |= sound && reaches && !walk.bulk_since_older;
        }
        None => walk
            .findings
            .damage(finding(Invariant::W2, "the log has no readable region")),
    }
    walk.compare_with_open()?;
    walk.judge_promises(headers);
    let open_bulk = walk.open_bulk.is_some();
    let Walk {
        mut findings,
        replay,
        frames,
        fences,
        ..
    } = walk;
    if level == Depth::Deep {
        replay.finish(&mut findings);
    }
    findings.count(Invariant::W11, u64::from(headers.older.is_some()));
    Ok(LogView {
        findings,
        frames,
        last_index,
        fences,
        covers_older,
        open_bulk,
        regions,
    })
}

/// The newer incarnation.
fn pick(regions: &[Option<RegionHeader>; 2]) -> Option<usize> {
    let [a, b] = regions;
    match (a, b) {
        (None, None) => None,
        (Some(a), Some(b)) => Some(usize::from(b.region_seq > a.region_seq)),
        (Some(_), None) => Some(0),
        (None, Some(_)) => Some(1),
    }
}

impl Walk<'_> {
    /// W2: reads both region headers and reports what is neither whole nor blank.
    fn region_headers(&mut self) -> Result<[Option<RegionHeader>; 2]> {
        let mut found = [None, None];
        let places = extents(self.header).into_iter().zip(self.header.regions);
        for (i, (slot, (extent, known))) in found.iter_mut().zip(places).enumerate() {
            self.findings.count(Invariant::W2, 1);
            let bytes = self
                .source
                .read_bytes(extent.start, REGION_HEADER_SIZE, "read the log")?;
            let Some(bytes) = bytes else {
                let text = format!("the file ends before log region {i}");
                self.findings
                    .damage(finding(Invariant::H7, text).at(extent.start, extent.len));
                continue;
            };
            let region = RegionHeader::decode(&bytes);
            let belongs = region.filter(|r| {
                r.region_seq & 1 == i as u64 && r.file_id_low == file_id_low(self.header)
            });
            let text = match (region, belongs) {
                (_, Some(region)) if region.region_seq < known.region_seq => format!(
                    "log region {i} is incarnation {}, the header knows {}",
                    region.region_seq, known.region_seq
                ),
                (_, Some(_)) => String::new(),
                (Some(_), None) => {
                    format!("the header of log region {i} belongs to another file or place")
                }
                (None, None) if known.region_seq == 0 && all_zero(&bytes) => String::new(),
                (None, None) => format!("the header of log region {i} is damaged"),
            };
            if !text.is_empty() {
                // Whether anything is lost shows where the file is opened, below.
                let what = finding(Invariant::W2, text).at(extent.start, REGION_HEADER_SIZE as u64);
                self.findings.add(Weight::Recoverable, what);
            }
            *slot = belongs;
        }
        Ok(found)
    }

    /// Walks the older region, where it has anything to say, and then the active one.
    fn both(
        &mut self,
        active: usize,
        regions: &[Option<RegionHeader>; 2],
    ) -> Result<(ScanEnd, bool)> {
        let places = extents(self.header);
        let at = |i: usize| {
            (
                places.get(i & 1).copied(),
                regions.get(i & 1).copied().flatten(),
            )
        };
        let (Some(extent), Some(newer)) = at(active) else {
            return Err(Error::corrupt(
                Invariant::W2,
                "the log has no readable region",
            ));
        };
        let own = Link {
            next_index: newer.first_index,
            prev_crc: newer.prev_crc,
            epoch: newer.epoch,
        };
        let mut link = own;
        let mut sound = true;
        self.linked_from = newer.first_index;
        let before = at(active ^ 1);
        let before = before
            .0
            .zip(before.1.filter(|r| r.region_seq + 1 == newer.region_seq));
        let needed = newer.first_index > self.header.checkpoint_index + 1;
        match before {
            Some((place, older)) => {
                (link, sound) = self.older_region(place, &older, &newer, needed)?;
                if !sound && !needed {
                    link = own; // the entries that are damaged are in the tree
                }
            }
            None if needed => {
                let text = format!(
                    "the entries from {} to {} are nowhere",
                    self.header.checkpoint_index + 1,
                    newer.first_index - 1
                );
                self.findings.count(Invariant::W5, 1);
                self.findings.damage(
                    finding(Invariant::W5, text).at(extent.start, REGION_HEADER_SIZE as u64),
                );
                sound = false;
            }
            None => {}
        }
        let known = self.history.filter(|_| sound).unwrap_or(newer.history);
        self.compare_history(known, newer.history, newer.first_index, extent.start);
        self.history = Some(newer.history);
        let end = self.region(extent, &newer, link, true)?;
        self.judge_end(extent, &newer, &end.end)?;
        Ok((end.end, sound && end.sound))
    }

    /// The region before the active one. Its entries are needed where the checkpoint does not
    /// reach to the active region.
    fn older_region(
        &mut self,
        place: Extent,
        older: &RegionHeader,
        newer: &RegionHeader,
        needed: bool,
    ) -> Result<(Link, bool)> {
        self.linked_from = older.first_index;
        self.history = Some(older.history);
        let link = Link {
            next_index: older.first_index,
            prev_crc: older.prev_crc,
            epoch: older.epoch,
        };
        let kept = (!needed).then(|| self.findings.clone());
        let end = self.region(place, older, link, needed)?;
        self.findings.count(Invariant::W3, 1);
        let first_ever = newer.prev_end_units == 0;
        let meets = end.end.link.next_index == newer.first_index
            && end.end.link.prev_crc == newer.prev_crc
            && (first_ever || end.end.end == u64::from(newer.prev_end_units) * 8);
        if needed && end.sound {
            self.findings.count(Invariant::W5, 1);
            let missing = end.end.link.next_index < newer.first_index;
            let id = if missing {
                Invariant::W5
            } else {
                Invariant::W3
            };
            if older.first_index > self.header.checkpoint_index + 1 {
                let text = format!("no log from entry {}", self.header.checkpoint_index + 1);
                self.findings.damage(
                    finding(Invariant::W5, text).at(place.start, REGION_HEADER_SIZE as u64),
                );
            } else if !meets {
                let text = format!(
                    "log entry {} is damaged: the other region continues after entry {}",
                    end.end.link.next_index,
                    newer.first_index.saturating_sub(1)
                );
                self.findings.damage(
                    finding(id, text).at(place.start + end.end.end, FRAME_HEADER_SIZE as u64),
                );
            }
        }
        let sound = end.sound && meets;
        if let Some(kept) = kept {
            // Nothing here is needed to open the file; at most the way back is closed.
            self.findings = kept;
            if !sound && older.first_index <= self.header.checkpoint_index {
                let text = "log entries that are in the tree already are damaged or overwritten: the previous header could not replace the newest one";
                self.findings.add(
                    Weight::Note,
                    finding(Invariant::W11, text).at(place.start, place.len),
                );
                self.linked_from = newer.first_index;
            }
        }
        if !sound {
            self.linked_from = newer.first_index;
        }
        Ok((end.end.link, sound))
    }

    /// Walks one region, going on behind damage.
    fn region(
        &mut self,
        extent: Extent,
        region: &RegionHeader,
        link: Link,
        live: bool,
    ) -> Result<RegionEnd> {
        let source = self.source;
        let mut from = REGION_HEADER_SIZE as u64;
        let (mut link, mut sound) = (link, true);
        let mut at = ScanEnd {
            end: from,
            link,
            last: None,
            frames: 0,
            torn_bytes: 0,
        };
        for _ in 0..MAX_RESUMES {
            let result = scan(
                source.file.as_ref(),
                extent,
                region,
                from,
                link,
                &mut |placed, payload| {
                    source.advance(placed.header.frame_len())?;
                    self.frame(extent, placed, payload);
                    at.end = placed.offset + placed.header.frame_len();
                    at.link = link_after(&placed.header);
                    Ok(())
                },
            );
            let c = match result {
                Ok(end) => {
                    // A scan that began behind damage may have found nothing new.
                    return Ok(RegionEnd { end, sound });
                }
                Err(Error::Corrupt(c)) => c,
                Err(Error::Io { source: e, .. }) => {
                    let text = format!("the log cannot be read: {e}");
                    crate::error::Corruption::new(Invariant::W4, text).at(extent.start + at.end)
                }
                Err(e) => return Err(e),
            };
            sound = false;
            let bad_at = c
                .offset
                .map_or(at.end, |o| o.saturating_sub(extent.start))
                .max(from);
            let next = find_next(source.file.as_ref(), extent, region, bad_at + 8)
                .ok()
                .flatten();
            let span = next
                .as_ref()
                .map_or(FRAME_HEADER_SIZE as u64, |n| n.offset - bad_at);
            let mut what = super::report::Finding::from(c).at(extent.start + bad_at, span);
            what.records_unreachable = next
                .as_ref()
                .map(|n| n.header.entry.index.saturating_sub(at.link.next_index));
            if live {
                self.findings.damage(what);
            }
            let Some(next) = next else { break };
            self.history = Some(next.header.entry.history_before);
            from = next.offset;
            link = link_at(&next.header);
            at = ScanEnd {
                end: from,
                link,
                last: None,
                frames: 0,
                torn_bytes: 0,
            };
        }
        Ok(RegionEnd {
            end: at,
            sound: false,
        })
    }

    /// One whole frame.
    fn frame(&mut self, extent: Extent, placed: &Placed, payload: &[u8]) {
        use Invariant::*;
        for id in [W3, W6, W7, W8, R3] {
            self.findings.count(id, 1);
        }
        let (entry, envelope) = (&placed.header.entry, &placed.header.envelope);
        let start = extent.start + placed.offset;
        let len = placed.header.frame_len();
        let mut bad = |id, text: String| self.findings.damage(finding(id, text).at(start, len));
        if entry.epoch > self.header.epoch {
            bad(
                R3,
                format!(
                    "log entry {} has epoch {}, the header {}",
                    entry.index, entry.epoch, self.header.epoch
                ),
            );
        }
        let after = entry.index > self.header.checkpoint_index;
        if let Some(bulk) = self.open_bulk.filter(|_| after) {
            bad(
                W5,
                format!(
                    "the bulk load at entry {bulk} never finished and is followed by entry {}",
                    entry.index
                ),
            );
        }
        if is_newer(envelope.durable_gen, self.newest_promise) {
            self.newest_promise = envelope.durable_gen;
        }
        match entry.kind {
            EntryKind::Bulk => {
                self.bulk_since_older |= entry.index > self.older_checkpoint;
                if after {
                    self.open_bulk = Some(entry.index);
                }
            }
            EntryKind::Fence => self.fences.push((entry.epoch, entry.index)),
            EntryKind::Commit | EntryKind::Attest | EntryKind::Note => {}
        }
        self.frames += u64::from(after && entry.kind != EntryKind::Bulk);
        if self.level == Depth::Quick {
            return;
        }
        self.findings.count(W4, 1);
        let result = match entry.kind {
            EntryKind::Commit => {
                let (index, count) = (entry.index, entry.op_count);
                self.replay.entry(index, payload, count, after)
            }
            _ => Ok(()),
        };
        if let Err((id, text)) = result {
            self.findings.damage(finding(id, text).at(start, len));
        }
        if let Some(history) = self.history {
            self.compare_history(history, entry.history_before, entry.index, start);
        }
        let next = entry.history_after(payload);
        if entry.index == self.header.checkpoint_index {
            self.compare_history(self.header.history, next, entry.index + 1, start);
        }
        self.history = Some(next);
    }

    /// W9: two values for the history before entry `index`.
    fn compare_history(&mut self, known: History, said: History, index: u64, at: u64) {
        if self.level == Depth::Quick {
            return;
        }
        self.findings.count(Invariant::W9, 1);
        if known != said {
            let text = format!("the history before log entry {index} is not what led to it");
            self.findings
                .damage(finding(Invariant::W9, text).at(at, FRAME_HEADER_SIZE as u64));
        }
        if index == self.header.checkpoint_index + 1 && said != self.header.history && known == said
        {
            let text = format!("the header names another history before log entry {index}");
            self.findings
                .damage(finding(Invariant::W9, text).at(at, FRAME_HEADER_SIZE as u64));
        }
    }

    /// The end of the log: W5, and what may stand behind it.
    fn judge_end(&mut self, extent: Extent, region: &RegionHeader, end: &ScanEnd) -> Result<()> {
        self.findings.count(Invariant::W5, 1);
        let at = extent.start + end.end;
        let last = end.link.next_index - 1;
        if last < self.header.checkpoint_index {
            let text = format!(
                "the log ends at entry {last}, before the checkpoint at {}",
                self.header.checkpoint_index
            );
            self.findings
                .damage(finding(Invariant::W5, text).at(at, FRAME_HEADER_SIZE as u64));
        }
        if let Some(bulk) = self.open_bulk {
            let text =
                format!("the bulk load at entry {bulk} never finished: it is dropped as a whole");
            self.findings
                .add(Weight::Recoverable, finding(Invariant::W5, text).at(at, 0));
        }
        if end.torn_bytes > 0 {
            let text = format!(
                "log entry {} is unfinished ({} bytes): dropped, it was never confirmed unless its last bytes decayed; --expect-index tells",
                end.link.next_index, end.torn_bytes
            );
            let what = finding(Invariant::W4, text).at(at, end.torn_bytes);
            self.findings.add(Weight::Recoverable, what);
            return Ok(());
        }
        // An entry whose very first word is wrong looks like the end of the log.
        let Some(mut bytes) = self
            .source
            .read_bytes(at, FRAME_HEADER_SIZE, "read the log")?
        else {
            return Ok(());
        };
        if end.end + FRAME_HEADER_SIZE as u64 > extent.len {
            return Ok(());
        }
        crate::format::bytes::patch(&mut bytes, 0, &region.sync_word().to_le_bytes());
        let hidden = FrameHeader::decode(&bytes, region.salt)
            .filter(|h| u64::from(h.envelope.own_units) * 8 == end.end);
        if let Some(hidden) = hidden {
            let text = format!(
                "log entry {} has lost its first bytes: dropped",
                hidden.entry.index
            );
            self.findings.add(
                Weight::Recoverable,
                finding(Invariant::W4, text).at(at, hidden.frame_len()),
            );
        }
        Ok(())
    }

    /// W8: what frames promise of headers. A promise of a newer header than there is means that
    /// the newest one was lost; the log makes up for it where it is whole.
    fn judge_promises(&mut self, headers: &Headers) {
        let ahead = self
            .newest_promise
            .wrapping_sub(self.header.generation as u32);
        if ahead == 0 {
            return;
        }
        let text = format!(
            "log entries prove a header of generation {} or later, the newest one here is {}",
            self.header.generation + u64::from(ahead),
            self.header.generation
        );
        let weight = if ahead == 1 && self.open_bulk.is_none() {
            Weight::Recoverable
        } else {
            Weight::Damage
        };
        let slot = headers.current.header.slot_offset();
        self.findings
            .add(weight, finding(Invariant::W8, text).at(slot, 512));
    }

    /// Opening the file must agree with this check: what it refuses is damage.
    fn compare_with_open(&mut self) -> Result<()> {
        match tail::load(self.source.file.as_ref(), self.header, &mut |_, _| Ok(())) {
            Ok(_) => Ok(()),
            Err(Error::Corrupt(c)) => {
                if !self.findings.has_damage(c.id) {
                    self.findings.damage(c.into());
                }
                Ok(())
            }
            Err(Error::Io { .. }) if !self.findings.is_empty() => Ok(()),
            Err(e) => Err(e),
        }
    }
}

fn link_after(header: &FrameHeader) -> Link {
    Link {
        next_index: header.entry.index + 1,
        prev_crc: header.header_crc,
        epoch: header.entry.epoch,
    }
}

/// The link that makes this frame the next one.
fn link_at(header: &FrameHeader) -> Link {
    Link {
        next_index: header.entry.index,
        prev_crc: header.envelope.prev_crc,
        epoch: header.entry.epoch,
    }
}

/// `a` is a later generation than `b`, both cut to 32 bits.
fn is_newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < u32::MAX / 2
}
