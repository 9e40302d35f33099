//! What a checkpoint does to the log regions besides switching: another size or place, and a mark
//! for an empty log.

use super::checkpoint::Cut;
use super::create::random_salt;
use super::handle::{Inner, lock};
use crate::error::{Error, Result};
use crate::format::header::RegionSlot;
use crate::format::pair::{pick, pick_mut};
use crate::format::region::RegionHeader;
use crate::store::space::Space;
use crate::sys::allocate_zeroed;
use crate::tree::PageRead;
use crate::wal::append;

/// What should become of the log region that takes no commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegionWish {
    /// Nothing.
    Keep,
    /// It should have this many bytes at least.
    AtLeast(u64),
    /// It should have its first size again.
    Base,
    /// Its first size, and a place below this page.
    BaseBelow(u32),
}
/// The size that a region should have where the commits that came during a checkpoint have filled
/// so much of it; 0 = as it is. Where it is nearly full they had to wait, or would have: then it
/// grows in large steps, because each step is one more time that they wait.
pub(super) fn wanted_room(used: u64, room: u64) -> u64 {
    match used {
        used if used > room / 4 * 3 => room.saturating_mul(8),
        used if used > room / 4 => room.saturating_mul(2),
        _ => 0,
    }
}

impl Inner {
    /// Where no commit has come since the region was begun, the sync that made the header durable
    /// has also made the region's beginning so: tell those who open next. Nobody is waited for.
    pub(super) fn mark_empty_log(&self, cut: &Cut) -> Result<()> {
        let Some(_writer) = self.try_lock_writer()? else {
            return Ok(());
        };
        let mut log = lock(&self.log);
        if self.changed(&log) {
            self.refresh(&mut log, true)?;
        }
        let own = log.tail.last.is_none() || self.is_own_marker(&log, cut);
        if log.header_proven && own && log.tail.proven < log.tail.end {
            log.tail.proven = log.tail.end;
            append::leave_mark(self.file.as_ref(), &log.tail);
        }
        Ok(())
    }
    /// Replaces the idle region where the job wishes for another size or place. All its entries
    /// are in the tree once the new header is durable. Gives the bytes written.
    pub(super) fn replace_region(
        &self,
        wish: RegionWish,
        cut: &Cut,
        space: &mut Space,
        regions: &mut [RegionSlot; 2],
        generation: u64,
    ) -> Result<u64> {
        let page_size = cut.tree.pages.page_size() as u64;
        let old = pick(regions, cut.idle);
        let pages_of = |bytes: u64| u32::try_from(bytes.div_ceil(page_size)).unwrap_or(u32::MAX);
        let pages = match wish {
            RegionWish::Keep => return Ok(0),
            RegionWish::AtLeast(bytes) if pages_of(bytes) <= old.pages => return Ok(0),
            RegionWish::AtLeast(bytes) => pages_of(bytes),
            RegionWish::Base if old.pages <= old.base_pages => return Ok(0),
            RegionWish::Base => old.base_pages,
            RegionWish::BaseBelow(page) => {
                let moves = old.start_page.saturating_add(old.pages) > page;
                if !moves && old.pages <= old.base_pages {
                    return Ok(0);
                }
                old.base_pages
            }
        };
        // An incarnation without frames, one before the active one: valid, and never needed.
        let region = RegionHeader {
            region_seq: cut.active_seq - 1,
            first_index: cut.index + 1,
            ..cut.region
        };
        let (slot, bytes) = self.new_region(&old, pages, region, space, page_size)?;
        space.free(old.start_page, old.pages, generation);
        *pick_mut(regions, cut.idle) = slot;
        Ok(bytes)
    }

    /// Makes an extent for a region whose incarnation has no frames yet. Gives the bytes written.
    pub(super) fn new_region(
        &self,
        old: &RegionSlot,
        pages: u32,
        region: RegionHeader,
        space: &mut Space,
        page_size: u64,
    ) -> Result<(RegionSlot, u64)> {
        let start = space.allocate(pages)?;
        let extent_start = u64::from(start) * page_size;
        let bytes = u64::from(pages) * page_size;
        let failed = |e| Error::io("write a log region", e);
        allocate_zeroed(self.file.as_ref(), extent_start, bytes).map_err(failed)?;
        let region = RegionHeader {
            salt: random_salt(self.vfs())?,
            ..region
        };
        self.file
            .write_at(&region.encode(), extent_start)
            .map_err(failed)?;
        let slot = RegionSlot {
            start_page: start,
            pages,
            region_seq: region.region_seq,
            first_index: region.first_index,
            zero_filled: true,
            base_pages: old.base_pages,
        };
        Ok((slot, bytes))
    }
}
