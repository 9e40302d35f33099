//! A checkpoint in a thread of its own, at most one at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use super::handle::{Inner, lock};
use super::job::Job;
use super::region::RegionWish;
use crate::error::{Error, Result};
use crate::progress::NoProgress;

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
            let region = match inner.wanted.load(Ordering::Relaxed) {
                0 => RegionWish::Keep,
                wanted => RegionWish::AtLeast(wanted.min(inner.options.wal_max)),
            };
            inner.run_job(&Job::fold(region), &NoProgress).map(|_| ())
        };
        let spawned = thread::Builder::new()
            .name("creel-checkpoint".into())
            .spawn(run);
        // Without a thread the writer checkpoints by itself once the region is full.
        *background = spawned.ok();
    }

    /// Waits for a running checkpoint and gives its outcome.
    pub fn join_background(&self) -> Result<()> {
        let running = lock(&self.background).take();
        match running.map(thread::JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(e))) => Err(e),
            Some(Err(_)) => {
                self.poison();
                Err(Error::Poisoned)
            }
        }
    }
}
