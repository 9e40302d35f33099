//! What holds keep of the chain: a function of who wants what, with the caps of each. The clock is
//! an argument, and all that a wrong one can do is to keep more or less of what is old.

use crate::chain::name::Name;
use crate::chain::object::{HoldDoc, NodeRole, ProgressDoc, RetentionRow};

/// Somebody wants the log to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    by: String,
    index: u64,
    max_bytes: u64,
    dropped: Option<String>,
}

/// Something that keeps the log from being removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Whose: a node or a hold.
    pub by: String,
    /// Entries behind this index are wanted.
    pub index: u64,
    /// Why it does not count, where it does not.
    pub dropped: Option<String>,
}

impl Wanted {
    /// What a node says of itself; none of it where it wants nothing.
    pub fn by_node(
        document: &ProgressDoc,
        retention: &RetentionRow,
        now_us: u64,
    ) -> Option<Wanted> {
        if document.role != NodeRole::Replica || !document.holds {
            return None;
        }
        let quiet = now_us.saturating_sub(document.time_us);
        let dropped = (quiet > retention.hold_ttl_us)
            .then(|| format!("nothing heard for {} s", quiet / 1_000_000));
        Some(Wanted {
            by: Name::Progress(document.node).to_string(),
            index: document.durable.index,
            max_bytes: retention.node_max_bytes(None),
            dropped,
        })
    }

    /// What somebody asked for.
    pub fn by_hold(document: &HoldDoc, now_us: u64) -> Wanted {
        let expired = now_us > document.expires_us;
        Wanted {
            by: format!("hold/{}.json", document.name),
            index: document.index,
            max_bytes: document.max_bytes,
            dropped: expired.then(|| "it has expired".to_owned()),
        }
    }

    /// Whether it counts. `bytes_behind` tells how much log there is behind an index, as far as it
    /// takes to pass a limit (I15).
    pub fn judged<E>(
        self,
        bytes_behind: impl FnOnce(u64, u64) -> Result<u64, E>,
    ) -> Result<Held, E> {
        let limit = self.max_bytes;
        let mut dropped = self.dropped;
        if dropped.is_none() && limit < u64::MAX && bytes_behind(self.index, limit)? > limit {
            dropped = Some(format!("it would keep more than {limit} bytes"));
        }
        Ok(Held {
            by: self.by,
            index: self.index,
            dropped,
        })
    }
}

/// The first number that stays: that of the snapshot whose newest entry is `index`, or a lower one for
/// the hold that reaches back furthest of those that count. `locate` tells the number that goes on
/// behind an index, where it is still there: who comes too late for that takes nothing from the
/// others.
pub fn floor<E>(
    (number, index): (u64, u64),
    held: &[Held],
    mut locate: impl FnMut(u64) -> Result<Option<u64>, E>,
) -> Result<(u64, Option<&Held>), E> {
    let counts = |held: &&Held| held.dropped.is_none() && held.index < index;
    let mut below: Vec<&Held> = held.iter().filter(counts).collect();
    below.sort_by_key(|held| held.index);
    for held in below {
        if let Some(lower) = locate(held.index)? {
            return Ok((lower.min(number), Some(held)));
        }
    }
    Ok((number, None))
}
