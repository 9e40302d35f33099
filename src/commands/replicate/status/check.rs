//! Questions that scripts ask: answered by the exit status alone.

use std::str::FromStr;
use std::time::Duration;

use super::copy::CopyStatus;
use super::store::{NodeRow, StoreStatus};
use crate::cli::{Failure, units};

/// A question for `--check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It accepts writes.
    Primary,
    /// It follows, and can go on.
    Replica,
    /// So many entries are missing at most.
    Lag(u64),
    /// The last contact is no longer ago.
    Age(Duration),
    /// So many bytes may still be written.
    Headroom(u64),
    /// It was found whole no longer ago.
    Verified(Duration),
    /// It was restored for trial no longer ago.
    Drilled(Duration),
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "primary" => Ok(Check::Primary),
            None if text == "replica" => Ok(Check::Replica),
            Some(("lag", n)) => units::count(n).map(Check::Lag),
            Some(("age", time)) => units::duration(time).map(Check::Age),
            Some(("headroom", bytes)) => units::size(bytes).map(Check::Headroom),
            Some(("verified", time)) => units::duration(time).map(Check::Verified),
            Some(("drilled", time)) => units::duration(time).map(Check::Drilled),
            _ => Err(
                "primary, replica, lag=N, age=TIME, headroom=SIZE, verified=TIME or drilled=TIME"
                    .to_owned(),
            ),
        }
    }
}

fn is_fresh(contact_ms: u64, most: Duration, now_us: u64) -> bool {
    let age = now_us.saturating_sub(contact_ms.saturating_mul(1000));
    u128::from(age) <= most.as_micros()
}

/// Its lag is of now, and not of when the source was last heard of: by the process that follows, else by
/// who asks.
fn hears_of_source(copy: &CopyStatus) -> bool {
    match copy.phase.as_deref() {
        Some("disconnected") => false,
        Some("streaming" | "catching_up") => true,
        _ => copy.source_error.is_none(),
    }
}

impl Check {
    /// What is not known does not hold.
    pub fn of_copy(self, copy: &CopyStatus, now_us: u64) -> bool {
        match self {
            Check::Primary => copy.role != "replica" && !copy.fenced && !copy.held_back,
            Check::Replica => copy.role == "replica" && copy.reseed.is_none(),
            Check::Lag(most) => {
                hears_of_source(copy)
                    && copy.reseed.is_none()
                    && copy.lag_entries.is_some_and(|lag| lag <= most)
            }
            // Contact with a source that cannot bring it on is none that a script asks for.
            Check::Age(most) => {
                let heard = copy.contact_ms;
                copy.reseed.is_none() && heard.is_some_and(|at| is_fresh(at, most, now_us))
            }
            Check::Headroom(least) => {
                copy.reseed.is_none() && copy.headroom_bytes.is_some_and(|room| room >= least)
            }
            Check::Verified(most) => {
                let noted = copy.verified_ms;
                noted.is_some_and(|at| is_fresh(at, most, now_us))
            }
            // Drills are noted in stores.
            Check::Drilled(_) => false,
        }
    }

    /// Of every copy for which the log is kept, and of one at least.
    pub fn of_store(self, store: &StoreStatus, now_us: u64) -> Result<bool, Failure> {
        let holds = |row: &NodeRow| match self {
            _ if row.needs_reseed || !store.is_end_known => false,
            Check::Lag(most) => row.lag_entries <= most,
            Check::Age(most) => is_fresh(row.contact_ms, most, now_us),
            Check::Headroom(least) => row.headroom_bytes.is_some_and(|room| room >= least),
            _ => false,
        };
        let noted = match self {
            Check::Verified(most) => Some((store.verified_ms, most)),
            Check::Drilled(most) => Some((store.drilled_ms, most)),
            _ => None,
        };
        if let Some((noted, most)) = noted {
            return Ok(noted.is_some_and(|at| is_fresh(at, most, now_us)));
        }
        if matches!(self, Check::Primary | Check::Replica) {
            let text = "a store is neither primary nor replica";
            return Err(Failure::usage(text).hint("creel replicate status DB --check primary"));
        }
        let mut copies = store.nodes.iter().filter(|row| row.role == "replica");
        Ok(copies.clone().next().is_some() && copies.all(holds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read() {
        assert_eq!("lag=10".parse(), Ok(Check::Lag(10)));
        assert_eq!("age=30s".parse(), Ok(Check::Age(Duration::from_secs(30))));
        assert_eq!("headroom=1KiB".parse(), Ok(Check::Headroom(1024)));
        assert_eq!(
            "verified=1h".parse(),
            Ok(Check::Verified(Duration::from_secs(3600)))
        );
        for bad in ["", "lag", "lag=", "lag=x", "age=x", "up", "primary=1"] {
            assert!(bad.parse::<Check>().is_err(), "{bad}");
        }
        assert!(is_fresh(1000, Duration::from_secs(1), 2_000_000));
        assert!(!is_fresh(1000, Duration::from_secs(1), 2_000_001));
        assert!(is_fresh(1000, Duration::ZERO, 5), "a clock that went back");
    }
}
