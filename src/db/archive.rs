//! Keeping the log for those who are behind: a region whose entries are all in the tree is set
//! aside as it is, and another extent becomes the region. Nothing is copied.

use std::sync::Arc;

use super::checkpoint::Cut;
use super::facts::Facts;
use super::handle::{Inner, lock};
use super::job::Job;
use super::kept::KEPT_BYTES;
use super::region::RegionWish;
use super::view::Tree;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::entry::Point;
use crate::format::header::{Header, RegionSlot, Role};
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
    header.role != Role::Standalone || header.archive_first_index != 0
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

/// Who needs old log, besides what the facts say.
#[derive(Debug, Default, Clone, Copy)]
struct Needs {
    /// A copy on its way goes on behind this entry.
    pinned: Option<u64>,
    /// And a tree that is kept to go back to behind this one.
    oldest_tree: Option<u64>,
}

/// How many of the oldest parts need not be kept.
fn expired(
    list: &[ArchiveRecord],
    facts: &Facts,
    needs: &Needs,
    newest: u64,
    page_size: u64,
    now_us: u64,
) -> usize {
    let keep = &facts.retention;
    let bytes_of = |record: &ArchiveRecord| u64::from(record.pages) * page_size;
    let mut bytes: u64 = list.iter().map(bytes_of).sum();
    let held = |record: &ArchiveRecord, bytes: u64| {
        facts.holds.iter().any(|hold| {
            hold.index < record.last_index && bytes <= hold.max_bytes && now_us < hold.expires_us
        })
    };
    let pinned = |record: &ArchiveRecord, bytes: u64| {
        bytes <= KEPT_BYTES && needs.pinned.is_some_and(|index| index < record.last_index)
    };
    // How much that can be is what the tree was kept by.
    let behind_tree = |record: &ArchiveRecord| {
        needs
            .oldest_tree
            .is_some_and(|index| index < record.last_index)
    };
    let unpublished = |record: &ArchiveRecord| {
        let published = facts.published.map_or(0, |(point, _)| point.index);
        !facts.publish.is_empty() && record.last_index > published
    };
    let mut gone = 0;
    for record in list {
        let young = now_us.saturating_sub(record.archived_us) / 1000 < keep.time_ms;
        let needed = newest - record.last_index < keep.min_entries || young;
        let wanted = needed && bytes <= keep.max_bytes;
        // What is published nowhere is kept in any case: there is no other copy of it.
        let others = held(record, bytes) || pinned(record, bytes) || unpublished(record);
        if wanted || others || behind_tree(record) {
            break;
        }
        bytes -= bytes_of(record);
        gone += 1;
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Hold, Retention};
    use super::*;

    fn list() -> Vec<ArchiveRecord> {
        (0..5u64)
            .map(|i| ArchiveRecord {
                first_index: i * 100 + 1,
                last_index: i * 100 + 100,
                start_page: 10 + i as u32,
                pages: 2,
                end: 8000,
                region_seq: i + 1,
                archived_us: i * 1_000_000,
            })
            .collect()
    }

    fn gone(facts: &Facts, newest: u64) -> usize {
        expired(&list(), facts, &Needs::default(), newest, 4096, 4_000_000)
    }

    #[test]
    fn what_a_copy_on_its_way_needs_stays_up_to_a_limit() {
        let facts = Facts {
            retention: Retention {
                min_entries: 0,
                ..Retention::default()
            },
            ..Facts::default()
        };
        let gone = |pinned, page_size| {
            let needs = Needs {
                pinned,
                ..Needs::default()
            };
            expired(&list(), &facts, &needs, 5000, page_size, 4_000_000)
        };
        assert_eq!(gone(None, 4096), 5);
        assert_eq!(gone(Some(0), 4096), 0);
        assert_eq!(gone(Some(199), 4096), 1);
        assert_eq!(gone(Some(200), 4096), 2);
        assert_eq!(gone(Some(500), 4096), 5);
        // Two pages each: of more than the limit so many go that the rest is within it.
        let page_size = KEPT_BYTES / 6;
        assert_eq!(gone(Some(0), page_size), 2);
        let needs = Needs {
            oldest_tree: Some(250),
            ..Needs::default()
        };
        assert_eq!(expired(&list(), &facts, &needs, 5000, 4096, 4_000_000), 2);
        let exact = Needs {
            oldest_tree: Some(300),
            ..Needs::default()
        };
        assert_eq!(expired(&list(), &facts, &exact, 5000, 4096, 4_000_000), 3);
    }

    #[test]
    fn what_is_old_enough_goes_unless_somebody_needs_it() {
        let mut facts = Facts {
            retention: Retention {
                min_entries: 250,
                ..Retention::default()
            },
            ..Facts::default()
        };
        assert_eq!(gone(&facts, 500), 2);
        assert_eq!(gone(&facts, 5000), 5);
        facts.retention.time_ms = 1500;
        assert_eq!(gone(&facts, 5000), 3); // archived 2 seconds ago
        facts.retention.max_bytes = 8192;
        assert_eq!(gone(&facts, 5000), 4); // one part alone is within the bytes
        facts.retention = Retention {
            min_entries: 0,
            ..Retention::default()
        };
        let hold = |index, max_bytes, expires_us| Hold {
            name: "b".into(),
            index,
            max_bytes,
            expires_us,
        };
        facts.holds = vec![hold(150, 1 << 20, 9_000_000)];
        assert_eq!(gone(&facts, 5000), 1);
        facts.holds = vec![hold(150, 3 * 8192, 9_000_000)];
        assert_eq!(gone(&facts, 5000), 2); // beyond its bytes
        facts.holds = vec![hold(150, 1 << 20, 3_000_000)];
        assert_eq!(gone(&facts, 5000), 5); // beyond its time
        facts.publish = "dir:x".into();
        assert_eq!(gone(&facts, 5000), 0);
        let point = Point {
            index: 320,
            epoch: 1,
            history: [0; 16],
        };
        facts.published = Some((point, 4));
        assert_eq!(gone(&facts, 5000), 3);
    }

    #[test]
    fn what_is_exactly_at_a_limit() {
        let keeping = |retention| Facts {
            retention,
            ..Facts::default()
        };
        let none = Retention {
            min_entries: 0,
            ..Retention::default()
        };
        let entries = |min_entries| {
            keeping(Retention {
                min_entries,
                ..none
            })
        };
        assert_eq!((gone(&entries(100), 500), gone(&entries(101), 500)), (4, 3));
        let time = |time_ms| keeping(Retention { time_ms, ..none });
        assert_eq!((gone(&time(2000), 5000), gone(&time(2001), 5000)), (3, 2));
        let bytes = |max_bytes| {
            keeping(Retention {
                min_entries: u64::MAX,
                max_bytes,
                ..none
            })
        };
        let three = 3 * 2 * 4096;
        assert_eq!(
            (gone(&bytes(three), 500), gone(&bytes(three - 1), 500)),
            (2, 3)
        );
        let held = |index, max_bytes, expires_us| Facts {
            holds: vec![Hold {
                name: "b".into(),
                index,
                max_bytes,
                expires_us,
            }],
            ..keeping(none)
        };
        let all = 5 * 2 * 4096;
        assert_eq!(gone(&held(199, all, u64::MAX), 5000), 1);
        assert_eq!(gone(&held(200, all, u64::MAX), 5000), 2);
        assert_eq!(gone(&held(0, all, 4_000_001), 5000), 0);
        assert_eq!(gone(&held(0, all, 4_000_000), 5000), 5);
        assert_eq!(gone(&held(0, all - 1, u64::MAX), 5000), 1);
        let published = |index| Facts {
            publish: "dir:x".into(),
            published: Some((
                Point {
                    index,
                    epoch: 1,
                    history: [0; 16],
                },
                4,
            )),
            ..keeping(none)
        };
        assert_eq!(
            (gone(&published(300), 5000), gone(&published(299), 5000)),
            (3, 2)
        );
    }
}
