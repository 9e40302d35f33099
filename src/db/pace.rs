//! Slows work down to so many bytes written in a second.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::handle::{Inner, lock};
use crate::progress::Progress;
use crate::threads::Mutex;

/// Longest nap between two looks at whether the work is to stop.
const NAP: Duration = Duration::from_millis(50);

/// Passes progress on, counts what is said to be written, and naps where that was too fast.
pub(super) struct Paced<'a> {
    inner: &'a Inner,
    progress: &'a dyn Progress,
    /// Bytes in a second; `None` = as fast as it goes.
    rate: Option<u64>,
    /// The work holds the checkpoint lock, and commits can use up only what is left of the log.
    keeps_log_waiting: bool,
    started: Duration,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// What the present writer said last. Each begins at zero.
    last: u64,
    total: u64,
}

impl<'a> Paced<'a> {
    pub fn new(
        inner: &'a Inner,
        progress: &'a dyn Progress,
        rate: Option<u64>,
        keeps_log_waiting: bool,
    ) -> Self {
        Paced {
            inner,
            progress,
            rate,
            keeps_log_waiting,
            started: inner.vfs().elapsed(),
            written: Mutex::default(),
        }
    }

    pub(super) fn count(&self, done: u64) -> u64 {
        let mut written = lock(&self.written);
        let more = match done.checked_sub(written.last) {
            Some(more) => more,
            None => done,
        };
        written.last = done;
        written.total += more;
        written.total
    }

    /// How much too early these bytes are there.
    pub(super) fn early(&self, total: u64, rate: u64) -> Duration {
        let due = Duration::from_secs_f64(total as f64 / rate.max(1) as f64);
        due.saturating_sub(self.inner.vfs().elapsed().saturating_sub(self.started))
    }

    /// Others commit, and will soon have to wait for this work to end.
    pub(super) fn is_waited_for(&self) -> bool {
        if !self.keeps_log_waiting || self.inner.catch_up().is_err() {
            return self.keeps_log_waiting;
        }
        let used = self.inner.log_used.load(Ordering::Relaxed);
        used > self.inner.log_room.load(Ordering::Relaxed) / 2
    }
}

impl Progress for Paced<'_> {
    fn report(&self, done: u64, total: Option<u64>) {
        self.progress.report(done, total);
        let Some(rate) = self.rate else { return };
        let total = self.count(done);
        loop {
            let early = self.early(total, rate);
            if early.is_zero() || self.stopped() || self.is_waited_for() {
                return;
            }
            self.inner.vfs().pause(early.min(NAP));
        }
    }

    fn stopped(&self) -> bool {
        self.progress.stopped()
    }
}
