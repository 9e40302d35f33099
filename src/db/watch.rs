//! Waiting for commits, of this handle or of anybody else.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Db;
use super::handle::{Inner, Log, lock};
use super::options::SyncMode;
use super::proof::{is_header_proven, is_proven};
use crate::error::Result;
use crate::sys::Watch;
use crate::threads::Mutex;
use crate::threads::atomic::{AtomicUsize, Ordering};

/// How long to wait between looks where the system does not tell of writes.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How long to wait for a commit that is there and not proven to be durable yet.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The mark of a sync comes right behind the commit. Whoever goes and looks takes the lock that the
/// next commit needs.
const MARK_COMES: Duration = Duration::from_millis(1);

/// Watches that are kept for the next wait.
const SPARE_MAX: usize = 4;

/// Who waits for commits of this handle.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// Lets a commit that nobody waits for pass without a lock.
    count: AtomicUsize,
    list: Mutex<Vec<Weak<dyn Watch>>>,
    /// Ending a watch takes Linux 8 to 32 ms: whoever waits for commit after commit does it once.
    spare: Mutex<Vec<Arc<dyn Watch>>>,
}

/// Listed as long as it lives.
struct Listed<'a> {
    watchers: &'a Watchers,
    watch: Arc<dyn Watch>,
}

impl Watchers {
    /// A watch, listed until it is dropped: one from before, or the one that `new` begins.
    fn add(&self, new: impl FnOnce() -> Option<Arc<dyn Watch>>) -> Option<Listed<'_>> {
        let spare = lock(&self.spare).pop();
        let watch = spare.or_else(new)?;
        lock(&self.list).push(Arc::downgrade(&watch));
        self.count.fetch_add(1, Ordering::SeqCst);
        Some(Listed {
            watchers: self,
            watch,
        })
    }

    /// Wakes everybody.
    pub fn wake(&self) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        for watch in lock(&self.list).iter().filter_map(Weak::upgrade) {
            watch.wake();
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let gone = Arc::downgrade(&self.watch);
        lock(&self.watchers.list).retain(|other| !other.ptr_eq(&gone));
        self.watchers.count.fetch_sub(1, Ordering::SeqCst);
        let mut spare = lock(&self.watchers.spare);
        if spare.len() < SPARE_MAX {
            spare.push(Arc::clone(&self.watch));
        }
    }
}

impl Db {
    /// Waits until there is a durable commit behind `after_index`, by any process, and gives the
    /// index of the newest one; at the end of `timeout` that is `after_index` at most. A handle
    /// that does not sync ([`SyncMode::Off`]) takes commits that are not durable too.
    pub fn watch(&self, after_index: u64, timeout: Duration) -> Result<u64> {
        self.inner.watch(after_index, timeout)
    }
}

impl Inner {
    fn watch(&self, after_index: u64, timeout: Duration) -> Result<u64> {
        let (newest, _) = self.newest_to_ship(timeout.is_zero())?;
        if newest > after_index || timeout.is_zero() {
            return Ok(newest);
        }
        // Who waits looks again and again: with the map that takes no reads.
        let _ = self.view.load().tree.pages.map();
        let started = self.vfs().elapsed();
        // Without a watch (too many, or none on this system) it is looked at again and again.
        let new = || self.vfs().watch(&self.path).unwrap_or(None);
        let listed = self.watchers.add(new);
        let mut pending_since: Option<Duration> = None;
        loop {
            let now = self.vfs().elapsed();
            let late = pending_since.is_some_and(|since| now.saturating_sub(since) >= MARK_COMES);
            // A commit between the first look and the beginning of the watch.
            let (newest, pending) = self.newest_to_ship(late)?;
            let left = timeout.saturating_sub(now.saturating_sub(started));
            if newest > after_index || left.is_zero() {
                return Ok(newest);
            }
            // Whoever wrote it may leave no other sign that he is done.
            let left = match (pending, late) {
                (false, _) => left,
                (true, false) => left.min(MARK_COMES),
                (true, true) => left.min(LOOK_AGAIN),
            };
            pending_since = pending.then(|| pending_since.unwrap_or(now));
            match &listed {
                Some(listed) if listed.watch.wait(left).is_ok() => {}
                _ => self.vfs().pause(left.min(LOOK_EVERY)),
            }
        }
    }

    /// The newest commit that may be handed out: durable, unless this handle asks for no more. And
    /// whether there is one that nobody could prove yet; `prove`: this handle tries.
    fn newest_to_ship(&self, prove: bool) -> Result<(u64, bool)> {
        let proven = {
            let mut log = lock(&self.log);
            let enough = |log: &Log| {
                let last = log.tail.last_index();
                let all = self.options.sync == SyncMode::Off || is_proven(log, last);
                all.then_some((last, false))
            };
            // A mark behind commits that were seen before it changes nothing else.
            if !log.writing && (self.changed(&log) || enough(&log).is_none()) {
                self.refresh(&mut log, false)?;
            }
            if let Some(newest) = enough(&log) {
                return Ok(newest);
            }
            // The first entry that is not below what is proven is not known, but its region is.
            match is_header_proven(&log) {
                true => log.tail.region.first_index - 1,
                false => 0,
            }
        };
        if !prove {
            return Ok((proven, true));
        }
        self.try_prove()?;
        let log = lock(&self.log);
        let last = log.tail.last_index();
        Ok(match is_proven(&log, last) {
            true => (last, false),
            false => (proven, true),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is woken.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Watch for Counting {
        fn wait(&self, _: Duration) -> std::io::Result<()> {
            Ok(())
        }
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn everybody_who_is_listed_is_woken_and_nobody_else() {
        let watchers = Watchers::default();
        watchers.wake();
        let watches: Vec<Arc<Counting>> = (0..3).map(|_| Arc::default()).collect();
        let mut listed: Vec<Listed<'_>> = Vec::new();
        for watch in &watches {
            let watch: Arc<dyn Watch> = Arc::clone(watch) as _;
            listed.push(watchers.add(|| Some(watch)).unwrap());
        }
        let woken = || watches.iter().map(|watch| watch.0.load(Ordering::SeqCst));
        watchers.wake();
        assert!(woken().eq([1, 1, 1]));
        drop(listed.remove(1));
        watchers.wake();
        assert!(woken().eq([2, 1, 2]));
        drop(listed);
        watchers.wake();
        assert!(woken().eq([2, 1, 2]));
        assert_eq!(watchers.count.load(Ordering::SeqCst), 0);
    }

    #[derive(Debug)]
    struct Still;

    impl Watch for Still {
        fn wait(&self, _: Duration) -> std::io::Result<()> {
            Ok(())
        }
        fn wake(&self) {}
    }

    #[test]
    fn waiting_for_commit_after_commit_begins_one_watch() {
        let watchers = Watchers::default();
        let begun = AtomicUsize::new(0);
        let new = || -> Option<Arc<dyn Watch>> {
            begun.fetch_add(1, Ordering::SeqCst);
            Some(Arc::new(Still))
        };
        for _ in 0..100 {
            assert!(watchers.add(new).is_some());
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        let many: Vec<_> = (0..10).map(|_| watchers.add(new)).collect();
        assert_eq!(begun.load(Ordering::SeqCst), 10);
        drop(many);
        assert_eq!(lock(&watchers.spare).len(), SPARE_MAX);
        // Spares are not woken.
        assert!(lock(&watchers.list).is_empty());
        assert!(Watchers::default().add(|| None).is_none());
    }
}
