//! A checkpoint in a thread of its own, at most one at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::handle::{Inner, lock};
use super::job::Job;
use super::options::SyncMode;
use super::region::RegionWish;
use super::turn::is_idle_free;
use crate::error::{Error, Result};
use crate::format::pair::pick;
use crate::progress::NoProgress;
use crate::threads::{Builder, JoinHandle, sync_channel};
use crate::tree::{self, PageRead};
use crate::wal::extents;

/// A log region that is made larger gets an eighth of what the leaves of the tree take, and at
/// least this.
const ROOM: u64 = 4 << 20;

/// Pages to be written that are so many times the log are worth a longer log.
const COSTLY: u64 = 4;

/// What folding would come to.
struct Load {
    /// Of the tree, and those of them that would be written.
    leaves: u64,
    touched: u64,
    page_size: u64,
    /// Bytes of the log.
    used: u64,
    /// Bytes that the other region has.
    idle: u64,
}

impl Load {
    /// The bytes that the other region should have first; `None` where a longer log is not worth it.
    fn longer(&self, wal_max: u64) -> Option<u64> {
        let bytes = (self.leaves.saturating_mul(self.page_size) / 8)
            .max(ROOM)
            .min(wal_max);
        let costly = self.touched.saturating_mul(self.page_size) / COSTLY >= self.used;
        (costly && bytes / 2 >= self.idle).then_some(bytes)
    }
}

impl Inner {
    /// Starts a checkpoint unless one is running. Its failure is reported by the next one that is
    /// started, or by closing.
    pub fn start_background(self: &Arc<Self>) {
        let mut background = lock(&self.background);
        if background
            .as_ref()
            .is_some_and(|running| !running.is_finished())
        {
            return;
        }
        // A finished one is replaced; what it could not do will be tried again.
        let inner = Arc::clone(self);
        let run = move || {
            let job = match inner.room_before_folding()? {
                Some(bytes) => Job::widen(bytes),
                None => Job::fold(inner.region_wish()),
            };
            inner.run_job(&job, &NoProgress).map(|_| ())
        };
        let spawned = Builder::new().name("creel-checkpoint".into()).spawn(run);
        // Without a thread the writer checkpoints by itself once the region is full.
        *background = spawned.ok();
    }

    /// Gives the idle log region so many bytes; false where it was not free, and folded instead.
    pub fn widen_log(self: &Arc<Self>, bytes: u64) -> Result<bool> {
        self.check_writable()?;
        let bytes = bytes.min(self.options.wal_max);
        let before = lock(&self.log).current.header.checkpoint_index;
        self.run_job(&Job::widen(bytes), &NoProgress)?;
        Ok(lock(&self.log).current.header.checkpoint_index == before)
    }

    fn region_wish(&self) -> RegionWish {
        match self.wanted.load(Ordering::Relaxed) {
            0 => RegionWish::Keep,
            wanted => RegionWish::AtLeast(wanted.min(self.options.wal_max)),
        }
    }

    /// Where commits are not synced they come faster than pages can be written. If folding would
    /// write far more than the log holds, one page for nearly every key, a longer log makes that
    /// less: the bytes that the other region should have for it, unless it has them.
    pub(super) fn room_before_folding(&self) -> Result<Option<u64>> {
        if self.options.sync == SyncMode::Full {
            return Ok(None);
        }
        let (idle, used) = {
            let log = lock(&self.log);
            let idle = pick(&extents(&log.current.header), log.tail.active ^ 1);
            match is_idle_free(&log) {
                true => (idle.len, log.tail.end),
                false => return Ok(None),
            }
        };
        let view = self.view.load();
        let pages = &view.tree.pages;
        let leaves = tree::leaf_estimate(pages, view.tree.root())?;
        let load = Load {
            leaves,
            touched: leaves.min(view.active.keys() as u64),
            page_size: pages.page_size() as u64,
            used,
            idle,
        };
        Ok(load.longer(self.options.wal_max))
    }

    /// Checkpoints what is in the log now, up to this entry: returns once that is cut off, and folds it
    /// in a thread where the handle has one. What comes in between, or goes wrong, only means that the
    /// copy is not compared this time.
    pub fn cut_here(self: &Arc<Self>, index: u64) -> Result<()> {
        let _ = self.join_background();
        self.check_poison()?;
        let inner = Arc::clone(self);
        let (tell, told) = sync_channel(1);
        let run = move || {
            let job = Job {
                mark: Some(index),
                ..Job::fold(inner.region_wish())
            };
            let is_cut = || {
                let _ = tell.send(());
            };
            let done = inner.run_job_made(|_| Ok(job), &NoProgress, is_cut);
            done.map(|_| ())
        };
        if !self.options.background {
            let _ = run();
            return self.check_poison();
        }
        let thread = Builder::new().name("creel-checkpoint".into());
        if let Ok(running) = thread.spawn(run) {
            *lock(&self.background) = Some(running);
            let _ = told.recv(); // or it has ended without
        }
        self.check_poison()
    }

    /// Waits for a running checkpoint and gives its outcome.
    pub fn join_background(&self) -> Result<()> {
        let running = lock(&self.background).take();
        match running.map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(e))) => Err(e),
            Some(Err(_)) => {
                self.poison();
                Err(Error::Poisoned)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, ROOM};

    const MAX: u64 = 64 << 20;

    #[test]
    fn a_longer_log_is_for_where_folding_writes_four_times_as_much() {
        let longer = |touched, used| {
            let load = Load {
                leaves: 20_000,
                touched,
                page_size: 4096,
                used,
                idle: 1 << 20,
            };
            load.longer(MAX)
        };
        let eighth = Some(20_000 * 4096 / 8);
        assert_eq!(longer(100, 100 * 1024), eighth);
        assert_eq!(longer(100, 100 * 1024 + 1), None);
        assert_eq!(longer(101, 100 * 1024 + 1), eighth);
        assert_eq!(longer(0, 1), None);
    }

    #[test]
    fn a_longer_log_is_an_eighth_of_the_tree_within_limits() {
        let longer = |leaves, idle| {
            let load = Load {
                leaves,
                touched: leaves,
                page_size: 4096,
                used: 4096,
                idle,
            };
            load.longer(MAX)
        };
        assert_eq!(longer(10, 1), Some(ROOM));
        assert_eq!(longer(8 * 1024, 1), Some(ROOM));
        assert_eq!(longer(8 * 1024 + 2, 1), Some(ROOM + 1024));
        assert_eq!(longer(1 << 30, 1), Some(MAX));
        // Less than twice what there is would not be worth it.
        assert_eq!(longer(10, ROOM / 2), Some(ROOM));
        assert_eq!(longer(10, ROOM / 2 + 1), None);
        assert_eq!(longer(1 << 30, MAX / 2), Some(MAX));
        assert_eq!(longer(1 << 30, MAX / 2 + 1), None);
    }
}
