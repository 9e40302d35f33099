//! Taking a replica back to an entry.
//!
//! It is a checkpoint whose cut is that entry, with two new log regions: the header that names them
//! makes what came after it go, all at once. What the old regions hold up to there is archived. Where
//! the last checkpoint lies behind the entry, an older tree is what it folds into (`older.rs`).

use std::sync::Arc;

use super::Db;
use super::archive::{Retired, has_entries};
use super::checkpoint::Cut;
use super::handle::{Inner, lock};
use super::job::{Job, Rewind};
use super::older::Base;
use super::region::RegionWish;
use super::token::Position;
use crate::delta::Delta;
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::format::header::{Header, RegionSlot, Role};
use crate::format::op::Ops;
use crate::format::pair::{pick, pick_mut};
use crate::format::region::RegionHeader;
use crate::format::{Invariant, MAX_COUNTER};
use crate::progress::Progress;
use crate::threads::Mutex;
use crate::wal::append::{self, Durability};
use crate::wal::scan::Placed;
use crate::wal::tail::{self, Tail};
use crate::wal::{Extent, extents};

/// What a rewind did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RewindReport {
    /// The newest entry before.
    pub from: Position,
    /// The newest entry now.
    pub to: Position,
}

/// What is to stay of the log.
pub(super) struct Kept {
    pub point: Point,
    pub table: Delta,
    /// The regions with entries up to the point, oldest first, by number.
    pub regions: Vec<(usize, Retired)>,
}

impl Db {
    /// Takes a replica back to an entry: those behind it are gone when this returns.
    /// [`Error::NotRetained`] where they are in the tree already, and no older tree is kept that does
    /// without them ([`Db::oldest_rewind`]).
    pub fn rewind(&self, to_index: u64, progress: &dyn Progress) -> Result<RewindReport> {
        self.inner.rewind(to_index, progress)
    }
}

impl Inner {
    fn rewind(self: &Arc<Self>, to_index: u64, progress: &dyn Progress) -> Result<RewindReport> {
        self.check_writable()?;
        let _local = lock(&self.checkpointing);
        let _held = self.lock_job()?;
        self.check_poison()?;
        let mut log = lock(&self.log);
        self.check_same_file()?;
        self.refresh(&mut log, true)?;
        let header = log.current.header.clone();
        if header.role != Role::Replica {
            let reason = "only a replica is taken back".into();
            return Err(Error::Fenced { reason });
        }
        let newest = self.point(&mut log)?;
        let position = |point: Point| Position {
            epoch: point.epoch,
            index: point.index,
            hash: Some(point.history),
        };
        let record = self.tree_to_go_back_to(&header, to_index)?;
        if to_index > newest.index {
            return Err(Error::NotRetained {
                index: to_index,
                oldest: header.checkpoint_index,
            });
        }
        if to_index == newest.index {
            let (from, to) = (position(newest), position(newest));
            return Ok(RewindReport { from, to });
        }
        // What stays must be on the medium before the only other copy of it goes.
        self.prove_header(&mut log, Durability::Now)?;
        append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())?;
        let tail = log.tail.clone();
        drop(log); // nobody commits: the writer lock is held
        let point = self.point_at(to_index)?;
        let regions = self.regions_upto(&tail, &header, to_index)?;
        let (kept, base) = match record {
            None => (self.read_upto(&header, point, regions)?, None),
            Some(record) => {
                let (kept, base) = self.base_of(&header, &record, point, regions)?;
                (kept, Some(base))
            }
        };
        self.build_rewound(&tail, &header, kept, base, progress)
            .inspect_err(|e| self.poison_unless_harmless(e))?;
        self.settle_rewound(point.epoch)
            .inspect_err(|_| self.poison())?;
        Ok(RewindReport {
            from: position(newest),
            to: position(point),
        })
    }

    /// Nothing of the old history may come back where one header slot is lost later.
    fn settle_rewound(&self, epoch: u32) -> Result<()> {
        let mut log = lock(&self.log);
        self.reload(&mut log, true)?;
        let mut header = log.current.header.clone();
        if header.epoch > epoch {
            // The entry that begins it is gone: it may come again elsewhere.
            header.epoch_start_index = MAX_COUNTER - 1;
        }
        self.change_header(&mut log, header)
    }

    /// Reads the log up to an entry into a table.
    fn read_upto(
        &self,
        header: &Header,
        point: Point,
        regions: Vec<(usize, Retired)>,
    ) -> Result<Kept> {
        let table = Delta::new();
        let mut take = |placed: &Placed, payload: &[u8]| match placed.header.entry.index {
            index if index > point.index => Ok(()),
            _ => take_entry(&table, placed, payload),
        };
        tail::load(self.file.as_ref(), header, &mut take)?;
        Ok(Kept {
            point,
            table,
            regions,
        })
    }

    /// The regions that hold entries up to this one, and where they end.
    fn regions_upto(
        &self,
        tail: &Tail,
        header: &Header,
        to_index: u64,
    ) -> Result<Vec<(usize, Retired)>> {
        let file = self.file.as_ref();
        let places = extents(header);
        let (active, idle) = (tail.active, tail.active ^ 1);
        let older = tail::read_region(file, header, pick(&places, idle), idle as u64)?;
        let older = older.filter(|older| has_entries(older, &tail.region));
        let both = [older.map(|r| (idle, r)), Some((active, tail.region))];
        let mut found = Vec::new();
        for (number, region) in both.into_iter().flatten() {
            if let Some(retired) = ends_at(file, pick(&places, number), region, to_index)? {
                found.push((number, retired));
            }
        }
        Ok(found)
    }

    /// Folds what stays, and writes the header that makes it so.
    fn build_rewound(
        &self,
        tail: &Tail,
        old: &Header,
        kept: Kept,
        base: Option<Base>,
        progress: &dyn Progress,
    ) -> Result<()> {
        // The next commit goes on behind the entry, with a link of its own. `renew_regions` numbers them.
        let region = RegionHeader {
            first_index: kept.point.index + 1,
            history: kept.point.history,
            epoch: kept.point.epoch,
            prev_end_units: 0,
            prev_crc: 0,
            durable_gen: old.generation as u32,
            ..tail.region
        };
        let (tree, older) = match base {
            None => (Arc::clone(&self.view.load().tree), None),
            Some(base) => (base.tree, Some(base.older)),
        };
        let cut = Cut {
            no_room: false,
            frozen: Arc::new(kept.table),
            tree,
            index: kept.point.index,
            history: kept.point.history,
            epoch: kept.point.epoch.max(old.epoch),
            regions: old.regions,
            idle: tail.active ^ 1,
            region,
            active_seq: tail.region.region_seq + 2,
            log_bytes: 0,
            mark: false,
            newest_us: tail.last_time_us,
            failed_groups: lock(&self.log).groups.failed,
            oldest_tree: Mutex::new(None),
            oldest_kept: Mutex::new(None),
        };
        let job = Job {
            rewind: Some(Rewind {
                regions: kept.regions,
                older,
            }),
            ..Job::fold(RegionWish::Keep)
        };
        self.build(&job, &cut, progress).map(|_| ())
    }
}

/// Takes the operations of an entry of the log into a table.
pub(super) fn take_entry(table: &Delta, placed: &Placed, payload: &[u8]) -> Result<()> {
    let entry = &placed.header.entry;
    if entry.kind.has_operations() {
        let mut ops = Ops::new(payload, entry.op_count);
        let broken = |()| {
            let text = format!("log entry {} does not decode", entry.index);
            Error::corrupt(Invariant::W4, text)
        };
        let mut writer = table.writer();
        while let Some(op) = ops.next_op().map_err(broken)? {
            writer.apply(entry.index, &op, 0);
        }
    }
    Ok(())
}

/// Where the entries of a region up to this one end; `None` where it has none of them.
pub(super) fn ends_at(
    file: &dyn crate::sys::File,
    extent: Extent,
    region: RegionHeader,
    to_index: u64,
) -> Result<Option<Retired>> {
    let mut found = None;
    crate::wal::retained::region(file, extent, &region, &mut |_, placed, _| {
        let index = placed.header.entry.index;
        if index > to_index {
            return Ok(false);
        }
        found = Some(Retired {
            region,
            last_index: index,
            end: placed.offset + placed.header.frame_len(),
        });
        Ok(true)
    })?;
    Ok(found)
}

impl Inner {
    /// Both regions get new places, and what they held up to the cut is archived. Gives the bytes
    /// written.
    pub(super) fn renew_regions(
        &self,
        job: &Job,
        retired: &[(usize, Retired)],
        cut: &Cut,
        space: &mut crate::store::space::Space,
        regions: &mut [RegionSlot; 2],
        generation: u64,
    ) -> Result<u64> {
        let page_size = cut.tree.header().page_size() as u64;
        let with_slot = |(number, retired): &(usize, Retired)| (*retired, pick(regions, *number));
        let archived: Vec<_> = retired.iter().map(with_slot).collect();
        self.archive(job, cut, &archived, space, generation)?;
        let mut written = 0;
        for number in [0, 1] {
            let old = pick(regions, number);
            if !retired.iter().any(|(other, _)| *other == number) {
                space.free(old.start_page, old.pages, generation);
            }
            let active = number == cut.idle ^ 1;
            let region = RegionHeader {
                region_seq: cut.active_seq - u64::from(!active),
                ..cut.region
            };
            let (slot, bytes) = self.new_region(&old, old.pages, region, space, page_size)?;
            *pick_mut(regions, number) = slot;
            written += bytes;
        }
        Ok(written)
    }
}
