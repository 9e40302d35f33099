//! Bytes of a file that no checksum covers because nobody will ever read them.

use std::ops::Range;
use std::path::Path;

use super::report::VerifyOptions;
use crate::error::{Error, Result};
use crate::store::slots;
use crate::store::space;
use crate::sys::Access;
use crate::wal::{extents, tail};

/// The ranges, rising, of a file that nobody writes to: free pages, what lies behind the end of the
/// log, the log region whose entries are all in the tree, and what stands behind the last page.
pub fn slack(path: &Path, options: &VerifyOptions) -> Result<Vec<Range<u64>>> {
    let failed = |e| Error::io_at("read", path, e);
    let file = options.vfs.open(path, Access::Read).map_err(failed)?;
    let header = slots::read(file.as_ref())?.current(path)?.header;
    let page_size = header.page_size() as u64;
    let mut chain = Vec::new();
    let free = space::read_chain(file.as_ref(), &header, &mut chain)?;
    let mut ranges: Vec<Range<u64>> = free
        .iter()
        .map(|extent| {
            let start = u64::from(extent.start) * page_size;
            start..start + u64::from(extent.pages) * page_size
        })
        .collect();
    let (end, _) = tail::load(file.as_ref(), &header, &mut |_, _| Ok(()))?;
    let needed = header.keeps_log() || end.region.first_index > header.checkpoint_index + 1;
    for (i, extent) in extents(&header).into_iter().enumerate() {
        let used = match i == end.active {
            true => end.end,
            false if needed => u64::from(end.region.prev_end_units) * 8,
            // Its header is checked.
            false => crate::format::region::REGION_HEADER_SIZE as u64,
        };
        ranges.push(extent.start + used.min(extent.len)..extent.start + extent.len);
    }
    let size = file.size().map_err(failed)?;
    ranges.push(u64::from(header.page_count) * page_size..size);
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    Ok(ranges)
}
