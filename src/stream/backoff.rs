//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that lasted so long was well: the next failure is a new one.
const HEALTHY: Duration = Duration::from_secs(60);

/// Doubles from 100 ms to 30 s; the wait itself is anything up to that, so that a hundred
/// followers do not come back at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    limit: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { limit: FIRST }
    }
}

impl Backoff {
    /// After an attempt that lasted `lasted`; `random` is any number.
    pub fn wait(&mut self, lasted: Duration, random: u64) -> Duration {
        if lasted >= HEALTHY {
            self.limit = FIRST;
        }
        let limit_us = self.limit.as_micros() as u64;
        self.limit = (self.limit * 2).min(LONGEST);
        Duration::from_micros(random % (limit_us + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A10: a backoff that is never reset makes one bad night last for ever.
    #[test]
    fn doubles_up_to_a_limit_and_begins_anew_after_a_healthy_connection() {
        let mut backoff = Backoff::default();
        let mut limits = Vec::new();
        for _ in 0..12 {
            limits.push(backoff.limit.as_millis());
            let waited = backoff.wait(Duration::ZERO, 0x1234_5678_9abc);
            assert!(waited.as_millis() <= *limits.last().unwrap());
        }
        assert_eq!(limits[..4], [100, 200, 400, 800]);
        assert_eq!(limits[11], 30_000);
        backoff.wait(Duration::from_secs(59), 0);
        assert_eq!(backoff.limit, LONGEST);
        assert!(backoff.wait(Duration::from_secs(60), u64::MAX) <= FIRST);
        assert_eq!(backoff.limit, 2 * FIRST);
    }
}
