//! How long requests to a store are repeated.

use std::time::{Duration, Instant};

use crate::chain::{Pace, backoff};
use crate::sys::{OsVfs, Vfs};

/// Between looks whether to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Repeats until a moment, or for so long each time that something fails, or until it is told to stop.
pub struct Patience<'a> {
    until: Option<Instant>,
    /// Counted anew from the first failure of each request.
    each: Option<Duration>,
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
    /// For so long from now on, or for ever.
    pub fn new(timeout: Option<Duration>, stopped: &'a (dyn Fn() -> bool + Sync)) -> Patience<'a> {
        Patience {
            until: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            each: None,
            stopped,
        }
    }

    /// For so long with each request that fails, however long all of it takes.
    pub fn for_each(timeout: Duration, stopped: &'a (dyn Fn() -> bool + Sync)) -> Patience<'a> {
        Patience {
            each: Some(timeout),
            ..Patience::new(Some(timeout), stopped)
        }
    }
}

impl Pace for Patience<'_> {
    fn wait(&mut self, attempt: u32) -> bool {
        let mut random = [0; 8];
        let _ = OsVfs.random(&mut random);
        let wanted = backoff(attempt, u64::from_le_bytes(random));
        let begun = Instant::now();
        if let Some(each) = self.each.filter(|_| attempt <= 1) {
            self.until = begun.checked_add(each);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What took longer than the patience was given up at its first failure, however well it went until then.
    #[test]
    fn patience_begins_with_the_failure_and_not_with_the_command() {
        let hour = Duration::from_secs(3600);
        let over = Some(Instant::now());
        let mut pace = Patience {
            until: over,
            ..Patience::for_each(hour, &|| false)
        };
        assert!(!pace.wait(2), "a request that has failed for so long");
        assert!(pace.wait(1), "the first failure of another one");
        assert!(pace.wait(2), "which is not yet over");
        pace.until = over;
        assert!(!pace.wait(3));
        // Where an end was set for all of it, it stays.
        let mut whole = Patience {
            until: over,
            ..Patience::new(Some(hour), &|| false)
        };
        assert!(!whole.wait(1));
        assert!(!Patience::for_each(hour, &|| true).wait(1), "told to stop");
    }
}
