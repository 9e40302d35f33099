//! How long requests to a store are repeated.

use std::time::{Duration, Instant};

use crate::chain::{Pace, backoff};
use crate::sys::{OsVfs, Vfs};

/// Between looks whether to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Repeats until a moment, or until it is told to stop.
pub struct Patience<'a> {
    until: Option<Instant>,
    stopped: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl<'a> Patience<'a> {
    /// For so long, or for ever.
    pub fn new(timeout: Option<Duration>, stopped: &'a (dyn Fn() -> bool + Sync)) -> Patience<'a> {
        Patience {
            until: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            stopped,
        }
    }
}

impl Pace for Patience<'_> {
    fn wait(&mut self, attempt: u32) -> bool {
        let mut random = [0; 8];
        let _ = OsVfs.random(&mut random);
        let wanted = backoff(attempt, u64::from_le_bytes(random));
        let begun = Instant::now();
        loop {
            let now = Instant::now();
            if (self.stopped)() || self.until.is_some_and(|until| now >= until) {
                return false;
            }
            let left = wanted.saturating_sub(now - begun);
            if left.is_zero() {
                return true;
            }
            let most = self.until.map_or(left, |until| left.min(until - now));
            OsVfs.pause(most.min(SLICE));
        }
    }

    fn stopped(&self) -> bool {
        (self.stopped)()
    }
}
