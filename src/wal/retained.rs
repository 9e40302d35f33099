//! The log as far back as the file still has it: entries that are in the tree already stay in
//! their region until it is begun anew.

use super::scan::{Link, Placed, scan};
use super::tail::{choose_active, read_regions};
use super::{Extent, extents};
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::format::header::Header;
use crate::format::pair::pick;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::sys::File;

/// What is called for an entry: the point before it, the entry and its payload. False ends the
/// walk.
pub type VisitEntry<'v> = &'v mut dyn FnMut(&Point, &Placed, &[u8]) -> Result<bool>;

/// Walks the entries behind a point at or before `from`, if the log reaches back so far, else
/// from as far back as it does. Gives the point where the walk began.
pub fn walk(file: &dyn File, header: &Header, from: u64, visit: VisitEntry<'_>) -> Result<Point> {
    let regions = read_regions(file, header)?;
    let places = extents(header);
    let (active, newer) = choose_active(header, &regions, &places)?;
    let extent = pick(&places, active);
    let start = point_before(&newer);
    if from < start.index {
        let older = pick(&regions, active ^ 1);
        let other = pick(&places, active ^ 1);
        if let Some(older) = older.filter(|older| older.region_seq + 1 == newer.region_seq)
            && leads_to(file, other, &older, &newer)?
        {
            if region(file, other, &older, visit)? {
                region(file, extent, &newer, visit)?;
            }
            return Ok(point_before(&older));
        }
    }
    region(file, extent, &newer, visit)?;
    Ok(start)
}

/// The log before the first entry of a region.
pub fn point_before(region: &RegionHeader) -> Point {
    Point {
        index: region.first_index - 1,
        epoch: region.epoch,
        history: region.history,
    }
}

fn link_before(region: &RegionHeader) -> Link {
    Link {
        next_index: region.first_index,
        prev_crc: region.prev_crc,
        epoch: region.epoch,
    }
}

/// Does the log of the newer region go on where that of the older one ends?
fn leads_to(
    file: &dyn File,
    extent: Extent,
    older: &RegionHeader,
    newer: &RegionHeader,
) -> Result<bool> {
    let from = REGION_HEADER_SIZE as u64;
    let end = scan(
        file,
        extent,
        older,
        from,
        link_before(older),
        &mut |_, _| Ok(()),
    )?;
    Ok(end.end == u64::from(newer.prev_end_units) * 8
        && end.link.next_index == newer.first_index
        && end.link.prev_crc == newer.prev_crc)
}

/// Walks one region; false where the visitor had enough.
pub fn region(
    file: &dyn File,
    extent: Extent,
    region: &RegionHeader,
    visit: VisitEntry<'_>,
) -> Result<bool> {
    let mut before = point_before(region);
    let mut enough = false;
    let from = REGION_HEADER_SIZE as u64;
    let walked = scan(
        file,
        extent,
        region,
        from,
        link_before(region),
        &mut |placed, payload| {
            let entry = &placed.header.entry;
            // What the entry itself was built on.
            before.history = entry.history_before;
            enough = !visit(&before, placed, payload)?;
            if enough {
                return Err(Error::Interrupted); // only ends the scan
            }
            before = Point {
                index: entry.index,
                epoch: entry.epoch,
                history: entry.history_after(payload),
            };
            Ok(())
        },
    );
    if !enough {
        walked?;
    }
    Ok(!enough)
}
