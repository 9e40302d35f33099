//! Turning to the other log region: when it is free, and how a new incarnation begins there.

use std::sync::TryLockError;

use super::archive::{has_entries, keeps_log};
use super::create::random_salt;
use super::handle::{Inner, Log, lock};
use super::options::SyncMode;
use crate::defect::{Defect, planted};
use crate::error::Result;
use crate::format::pair::pick;
use crate::format::region::REGION_HEADER_SIZE;
use crate::store::locks::{self, CHECKPOINT};
use crate::sys::LockMode;
use crate::wal::append::{self, Durability};
use crate::wal::{extents, tail};

/// What came of turning to the other region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Switched,
    /// The other region is needed still, or too small.
    NoRoom,
    /// Somebody checkpoints.
    JobRuns,
}
/// True where the other region could take commits at once: all its entries are in the tree, and
/// nobody wants to keep them.
pub(super) fn is_idle_free(log: &Log) -> bool {
    let header = &log.current.header;
    log.tail.region.first_index <= header.checkpoint_index + 1 && !keeps_log(header)
}

impl Inner {
    /// Switches regions for a committer, unless a checkpoint or compaction is running anywhere:
    /// that may be about to give the other region a new place.
    pub(super) fn turn_region(&self, log: &mut Log, need: u64) -> Result<Turn> {
        let _local = match self.checkpointing.try_lock() {
            Ok(local) => local,
            Err(TryLockError::Poisoned(local)) => local.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(Turn::JobRuns),
        };
        let held = locks::try_hold(&self.locks, CHECKPOINT, LockMode::Exclusive)?;
        if held.is_none() {
            return Ok(Turn::JobRuns);
        }
        let switched = self.switch_if_possible(log, need)?;
        Ok(if switched {
            Turn::Switched
        } else {
            Turn::NoRoom
        })
    }

    /// Waits until no checkpoint is running, by this process or another.
    pub(super) fn wait_for_job(&self) -> Result<()> {
        let _local = lock(&self.checkpointing);
        let timeout = self.options.lock_timeout;
        locks::hold(self.vfs(), &self.locks, &self.path, CHECKPOINT, timeout).map(|_| ())
    }

    /// Switches to the other region where its entries are all in the tree and `need` bytes fit.
    /// The caller holds the checkpoint lock.
    pub fn switch_if_possible(&self, log: &mut Log, need: u64) -> Result<bool> {
        let other = pick(&extents(&log.current.header), log.tail.active ^ 1);
        let free = log.tail.region.first_index <= log.current.header.checkpoint_index + 1
            && !self.is_kept(log)?;
        if !free || REGION_HEADER_SIZE as u64 + need > other.len {
            return Ok(false);
        }
        self.switch(log)?;
        Ok(true)
    }

    /// True where the other region has entries that are kept for others and not archived yet.
    fn is_kept(&self, log: &Log) -> Result<bool> {
        let header = &log.current.header;
        if !keeps_log(header) {
            return Ok(false);
        }
        let number = log.tail.active ^ 1;
        let extent = pick(&extents(header), number);
        let other = tail::read_region(self.file.as_ref(), header, extent, number as u64)?;
        Ok(other.is_some_and(|other| has_entries(&other, &log.tail.region)))
    }

    /// Begins a new incarnation in the other region.
    pub fn switch(&self, log: &mut Log) -> Result<()> {
        let other = pick(&extents(&log.current.header), log.tail.active ^ 1);
        let history = self.history(log)?;
        let salt = random_salt(self.vfs())?;
        if planted(Defect::SwitchUnproven) {
            log.tail.proven = log.tail.end;
        } else if self.options.sync != SyncMode::Off {
            // The older region must be whole on the medium before a newer one exists.
            self.prove_header(log, Durability::Now)?;
            append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())?;
        } else {
            log.tail.proven = log.tail.end;
            // The older region may not be on the medium. Whoever syncs next must not believe
            // that anything is: naming an older generation makes him sync everything.
            log.tail.durable_gen = (log.current.header.generation as u32).wrapping_sub(1);
            log.header_proven = false;
        }
        let generation = log.tail.durable_gen;
        let file = self.file.as_ref();
        let _gate = locks::close_gate(self.vfs(), &self.locks)?;
        append::switch(file, &mut log.tail, other, &history, salt, generation)
            .inspect_err(|_| self.poison())?;
        self.note_log(log);
        Ok(())
    }
}
