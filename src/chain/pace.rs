//! When to try again. The protocol decides whether; this only how long to wait.

use std::time::Duration;

use super::error::{ChainError, ChainResult};
use super::store::{StoreError, StoreErrorKind};
use crate::sys::machine;

/// Waits between tries.
pub trait Pace {
    /// Waits before try `attempt` (from 1). False gives up.
    fn wait(&mut self, attempt: u32) -> bool;

    /// The caller wants to stop.
    fn stopped(&self) -> bool {
        false
    }

    /// Time since some moment, during which the machine slept included.
    fn elapsed(&self) -> Duration {
        machine::since_boot()
    }
}

/// Tries again at once, so many times. For tests and for what must not wait.
#[derive(Debug, Clone, Copy)]
pub struct Tries(pub u32);

impl Pace for Tries {
    fn wait(&mut self, attempt: u32) -> bool {
        attempt <= self.0
    }
}

/// How long to wait before a try: 100 ms, doubled each time up to 30 s, and of that a random share.
pub fn backoff(attempt: u32, random: u64) -> Duration {
    const FIRST_MS: u64 = 100;
    const MOST_MS: u64 = 30_000;
    let ceiling = (FIRST_MS << attempt.saturating_sub(1).min(20)).min(MOST_MS);
    // Not less than a tenth, so that it is a wait at all.
    Duration::from_millis(ceiling / 10 + random % (ceiling * 9 / 10))
}

/// Repeats a request that changes nothing until it succeeds, cannot succeed, or the pace gives up.
pub fn repeat<T>(
    pace: &mut dyn Pace,
    doing: &'static str,
    mut request: impl FnMut() -> Result<T, StoreError>,
) -> ChainResult<T> {
    let mut attempt = 0;
    loop {
        if pace.stopped() {
            return Err(ChainError::Interrupted);
        }
        let error = match request() {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        attempt += 1;
        if error.kind != StoreErrorKind::Unreachable {
            return Err(error.into());
        }
        if !pace.wait(attempt) {
            let last = Some(error);
            return Err(ChainError::GaveUp { doing, last });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_thirty_seconds_and_differ() {
        for attempt in 1..40 {
            let ceiling = (100u64 << (attempt - 1).min(20)).min(30_000);
            let (low, high) = (backoff(attempt, 0), backoff(attempt, u64::MAX / 2));
            assert!(low >= Duration::from_millis(ceiling / 10), "{attempt}");
            assert!(high < Duration::from_millis(ceiling + 1), "{attempt}");
        }
        assert_ne!(backoff(5, 1), backoff(5, 700));
    }

    #[test]
    fn only_what_may_succeed_later_is_repeated() {
        let fail = |kind| StoreError::new(kind, "list", "log/", "test");
        let mut calls = 0;
        let answer = repeat(&mut Tries(5), "listing", || {
            calls += 1;
            match calls {
                3 => Ok(7),
                _ => Err(fail(StoreErrorKind::Unreachable)),
            }
        });
        assert_eq!(answer.unwrap(), 7);
        let given_up = repeat(&mut Tries(2), "listing", || {
            Err::<(), _>(fail(StoreErrorKind::Unreachable))
        });
        assert!(matches!(given_up, Err(ChainError::GaveUp { .. })));
        let refused = repeat(&mut Tries(2), "listing", || {
            Err::<(), _>(fail(StoreErrorKind::Unauthorised))
        });
        assert!(matches!(refused, Err(ChainError::Store(_))));
    }
}
