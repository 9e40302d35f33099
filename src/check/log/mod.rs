//! The log: W2 to W9, R3, and whether it could make up for the newest header (W11).
//!
//! The frames are walked by [`crate::wal::scan`], the same code that opens a file, so the two
//! cannot disagree on what is a torn tail and what is damage. Here the walk goes on behind
//! damage, and looks at what opening does not need.

mod end;
mod entry;
mod region;

use super::findings::{Findings, Weight, finding};
use super::replay::{Known, Replay};
use super::slots::Headers;
use super::source::Source;
use crate::error::{Error, Result};
use crate::format::bytes::all_zero;
use crate::format::checksum::History;
use crate::format::header::Header;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{Depth, Invariant};
use crate::wal::scan::{Link, ScanEnd};
use crate::wal::{extents, tail};

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
    catalogue: Known,
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
            // A replica that was taken back does not go on from the header before.
            let behind = older_checkpoint <= header.checkpoint_index;
            covers_older |= sound && reaches && behind && !walk.bulk_since_older;
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
    replay.finish(&mut findings, level);
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
            let belongs = region.filter(|r| tail::belongs(r, self.header, i as u64));
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
}
