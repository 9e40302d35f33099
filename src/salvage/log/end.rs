//! Whether the log certainly ends where the walk over single entries ended.

use super::Position;
use super::raw::{RawEntry, RawLog};
use crate::check::source::Source;
use crate::error::Result;
use crate::format::frame::{FRAME_HEADER_SIZE, FrameHeader};
use crate::format::header::Header;
use crate::format::pair::pick;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::wal::scan::{Link, find_orphan, scan};

/// True where the active region is known, and nothing in it, judged as `open` judges it, speaks
/// of an entry after `end`.
pub(super) fn is_proven(
    source: &Source<'_>,
    header: &Header,
    regions: &[Option<RegionHeader>; 2],
    raw: &RawLog,
    end: Position,
) -> Result<bool> {
    let seq = |i: usize| pick(regions, i).map_or(0, |r| r.region_seq);
    let active = usize::from(seq(1) > seq(0));
    let known = header.regions.iter().map(|r| r.region_seq).max();
    let Some(region) = pick(regions, active).filter(|r| Some(r.region_seq) >= known) else {
        return Ok(false);
    };
    if raw.evidence > end.index || raw.cut_short {
        return Ok(false);
    }
    let extents = crate::wal::extents(header);
    let extent = pick(&extents, active);
    let last = raw
        .entries
        .iter()
        .find(|e| e.region == active && e.index() == end.index && e.history_after == end.history);
    let from = match last {
        Some(entry) => behind(source, &region, entry, end, extent.start)?,
        None if region.first_index == end.index + 1 && region.history == end.history => Some((
            REGION_HEADER_SIZE as u64,
            Link {
                next_index: region.first_index,
                prev_crc: region.prev_crc,
                epoch: region.epoch,
            },
        )),
        None => None,
    };
    let Some((from, link)) = from else {
        return Ok(false);
    };
    let file = source.file.as_ref();
    let silent = scan(file, extent, &region, from, link, &mut |_, _| Ok(()));
    if !silent.is_ok_and(|end| end.frames == 0) {
        return Ok(false);
    }
    let other = active ^ 1;
    if pick(regions, other).is_some() {
        return Ok(true);
    }
    let orphan = find_orphan(file, pick(&extents, other), end.index);
    Ok(orphan.is_ok_and(|found| found.is_none()))
}

/// Where the entry after this one would stand, and what it would continue.
fn behind(
    source: &Source<'_>,
    region: &RegionHeader,
    entry: &RawEntry,
    end: Position,
    region_start: u64,
) -> Result<Option<(u64, Link)>> {
    let mut bytes = Vec::new();
    source.read_what_is_there(entry.at, FRAME_HEADER_SIZE, &mut bytes)?;
    let header = FrameHeader::decode(&bytes, region.salt);
    Ok(header.map(|header| {
        let link = Link {
            next_index: end.index + 1,
            prev_crc: header.header_crc,
            epoch: end.epoch,
        };
        (entry.at - region_start + entry.frame_len(), link)
    }))
}
