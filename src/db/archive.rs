//! Keeping the log for those who are behind: a region whose entries are all in the tree is set
//! aside as it is, and another extent becomes the region. Nothing is copied.

use std::sync::Arc;

use super::checkpoint::Cut;
use super::handle::{Inner, lock};
use super::job::Job;
use super::keeping::{Needs, expired};
use super::region::RegionWish;
use super::view::Tree;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::entry::Point;
use crate::format::header::{Header, RegionSlot};
use crate::format::key::CATALOGUE;
use crate::format::leaf::StoredValue;
use crate::format::local::{ArchiveRecord, archive_range, archive_user_key};
use crate::format::op::Op;
use crate::format::pair::{pick, pick_mut};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::store::space::Space;
use crate::sys::File;
use crate::wal::retained::{self, VisitEntry};
use crate::wal::{Extent, extents, tail};

/// True where old log is kept.
pub(super) fn keeps_log(header: &Header) -> bool {
    header.keeps_log()
}

/// True where a region holds entries of the log that are not archived: the other region begins
/// where it ends.
pub(super) fn has_entries(older: &RegionHeader, active: &RegionHeader) -> bool {
    older.region_seq + 1 == active.region_seq && older.first_index < active.first_index
}

/// What is archived, oldest first.
pub(super) fn records(tree: &Tree) -> Result<Vec<ArchiveRecord>> {
    let mut all = Vec::new();
    if !keeps_log(tree.header()) {
        return Ok(all);
    }
    tree.each_in(&archive_range(), |key, value| {
        let record = match value {
            StoredValue::Inline(bytes) => ArchiveRecord::decode(key, bytes),
            StoredValue::Overflow(_) => None,
        };
        let text = "the record of an archived part of the log is malformed";
        all.push(record.ok_or_else(|| Error::corrupt(Invariant::R1, text))?);
        Ok(())
    })?;
    Ok(all)
}

/// Where an archived part of the log stands.
pub(super) fn extent_of(record: &ArchiveRecord, page_size: usize) -> Extent {
    Extent {
        start: u64::from(record.start_page) * page_size as u64,
        len: record.end,
    }
}

/// The header at the beginning of an archived part; `None` where it is not there any more.
pub(super) fn region_of(
    file: &dyn File,
    record: &ArchiveRecord,
    page_size: usize,
) -> Result<Option<RegionHeader>> {
    let mut bytes = [0u8; REGION_HEADER_SIZE];
    let at = extent_of(record, page_size).start;
    let got = file.read_at(&mut bytes, at);
    let got = got.map_err(|e| Error::io("read the archived log", e))?;
    let whole = RegionHeader::decode(&bytes).filter(|_| got == bytes.len());
    Ok(whole.filter(|region| {
        (region.region_seq, region.first_index) == (record.region_seq, record.first_index)
    }))
}

/// A log region that becomes part of the archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retired {
    pub region: RegionHeader,
    /// The last entry that counts, and where it ends.
    pub last_index: u64,
    pub end: u64,
}

impl Inner {
    /// Lets the idle region go: into the archive where old log is kept, else to what the job wishes
    /// for. Gives the bytes written.
    pub(super) fn retire_idle(
        &self,
        job: &Job,
        cut: &Cut,
        space: &mut Space,
        regions: &mut [RegionSlot; 2],
        generation: u64,
    ) -> Result<u64> {
        if let Some(retired) = &job.rewind {
            return self.renew_regions(job, &retired.regions, cut, space, regions, generation);
        }
        let wish = job.region;
        if !keeps_log(cut.tree.header()) && !job.keeps_log() {
            return self.replace_region(wish, cut, space, regions, generation);
        }
        let header = cut.tree.header();
        let extent = pick(&extents(header), cut.idle);
        let idle = tail::read_region(self.file.as_ref(), header, extent, cut.idle as u64)?;
        let idle = idle.filter(|idle| has_entries(idle, &cut.region));
        if job.only_records {
            self.archive(job, cut, &[], space, generation)?;
            let mut oldest = lock(&cut.oldest_kept);
            let first = idle.map_or(u64::MAX, |idle| idle.first_index);
            *oldest = oldest.map(|oldest| oldest.min(first));
            return Ok(0);
        }
        let Some(idle) = idle else {
            self.archive(job, cut, &[], space, generation)?;
            return self.replace_region(wish, cut, space, regions, generation);
        };
        let retired = Retired {
            region: idle,
            last_index: cut.region.first_index - 1,
            end: u64::from(cut.region.prev_end_units) * 8,
        };
        let page_size = cut.tree.header().page_size() as u64;
        let old = pick(regions, cut.idle);
        self.archive(job, cut, &[(retired, old)], space, generation)?;
        // Another extent takes its place, where it would have got one anyway.
        let pages = match wish {
            RegionWish::Keep => old.pages,
            RegionWish::AtLeast(bytes) => {
                let wanted = u32::try_from(bytes.div_ceil(page_size)).unwrap_or(u32::MAX);
                wanted.max(old.pages)
            }
            RegionWish::Base | RegionWish::BaseBelow(_) => old.base_pages.min(old.pages),
        };
        let empty = RegionHeader {
            region_seq: cut.active_seq - 1,
            first_index: cut.index + 1,
            ..cut.region
        };
        let (slot, bytes) = self.new_region(&old, pages.max(1), empty, space, page_size)?;
        *pick_mut(regions, cut.idle) = slot;
        Ok(bytes)
    }

    /// Brings the list of what is archived up to date: these regions come to it, and what need not
    /// be kept any more goes. The list is part of the tree that is about to be built.
    pub(super) fn archive(
        &self,
        job: &Job,
        cut: &Cut,
        retired: &[(Retired, RegionSlot)],
        space: &mut Space,
        generation: u64,
    ) -> Result<()> {
        let page_size = cut.tree.header().page_size() as u64;
        let now_us = self.vfs().now_us();
        let older = job.rewind.as_ref().and_then(|rewind| rewind.older.as_ref());
        let mut list = match older {
            Some(older) => older.archive.clone(),
            None => records(&cut.tree)?,
        };
        let mut table = cut.frozen.writer();
        for (retired, slot) in retired {
            let used = u32::try_from(retired.end.div_ceil(page_size)).unwrap_or(u32::MAX);
            let used = used.clamp(1, slot.pages);
            let record = ArchiveRecord {
                first_index: retired.region.first_index,
                last_index: retired.last_index,
                start_page: slot.start_page,
                pages: used,
                end: retired.end,
                region_seq: retired.region.region_seq,
                archived_us: now_us,
            };
            if slot.pages > used {
                space.free(slot.start_page + used, slot.pages - used, generation);
            }
            let op = Op::Put {
                keyspace: CATALOGUE,
                key: &archive_user_key(record.first_index),
                value: &record.encode(),
            };
            table.apply(cut.index, &op, 0);
            list.push(record);
        }
        let facts = match &job.facts {
            Some(facts) => facts.0.clone(),
            None => self.facts()?,
        };
        let pinned = match list.is_empty() {
            true => None,
            false => self.log_pins.oldest()?,
        };
        let needs = Needs {
            pinned,
            oldest_tree: *lock(&cut.oldest_tree),
        };
        let gone = expired(&list, &facts, &needs, cut.index, page_size, now_us);
        for record in list.drain(..gone) {
            space.free(record.start_page, record.pages, generation);
            let op = Op::Delete {
                keyspace: CATALOGUE,
                key: &archive_user_key(record.first_index),
            };
            table.apply(cut.index, &op, 0);
        }
        let oldest = list.first().map(|record| record.first_index);
        *lock(&cut.oldest_kept) = Some(oldest.unwrap_or(cut.region.first_index));
        Ok(())
    }

    /// Calls `visit` for the archived entries behind a point at or before `from`, where the log
    /// regions do not reach back so far. Gives the point where that began.
    pub(super) fn walk_archive(&self, from: u64, visit: VisitEntry<'_>) -> Result<Option<Point>> {
        let tree = Arc::clone(&self.view.load().tree);
        let page_size = tree.header().page_size();
        let file = self.file.as_ref();
        let mut began = None;
        for record in records(&tree)?.iter().filter(|r| r.last_index >= from) {
            let Some(region) = region_of(file, record, page_size)? else {
                continue; // given up meanwhile
            };
            let extent = extent_of(record, page_size);
            began.get_or_insert(retained::point_before(&region));
            if !retained::region(file, extent, &region, visit)? {
                break;
            }
        }
        Ok(began)
    }
}
