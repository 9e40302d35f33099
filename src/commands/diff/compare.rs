//! Walks two ordered contents side by side.

use std::cmp::Ordering;

use crate::cli::{Failure, signals};
use crate::commands::content::{Content, Entry};

/// How an entry of one side differs from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Only in A.
    Removed,
    /// Only in B.
    Added,
    /// In both, with different values.
    Changed,
}

/// One difference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Difference<'a> {
    pub change: Change,
    pub keyspace: &'a str,
    pub key: &'a [u8],
    /// The value in A.
    pub before: Option<&'a [u8]>,
    /// The value in B.
    pub after: Option<&'a [u8]>,
}

/// What to do after a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Stop,
}

/// How many entries are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub removed: u64,
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
}

impl Counts {
    /// No difference was found.
    pub fn same(&self) -> bool {
        (self.removed, self.added, self.changed) == (0, 0, 0)
    }

    fn total(&self) -> u64 {
        self.removed + self.added + self.changed + self.unchanged
    }
}

/// Hands each difference to `visit`. Both sides are read to their end, so that a damaged end is
/// found even where all differences came before it, unless `visit` stops it.
pub(super) fn run(
    a: &mut Content,
    b: &mut Content,
    meter: &dyn creel::Progress,
    visit: &mut dyn FnMut(&Difference<'_>) -> Result<Next, Failure>,
) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let (mut left, mut right) = (Entry::default(), Entry::default());
    let (mut more_a, mut more_b) = (a.next(&mut left)?, b.next(&mut right)?);
    while more_a || more_b {
        let order = match (more_a, more_b) {
            (true, false) => Ordering::Less,
            (false, _) => Ordering::Greater,
            (true, true) => left.place().cmp(&right.place()),
        };
        let found = match order {
            Ordering::Less => Some(difference(Change::Removed, &left, None)),
            Ordering::Greater => Some(difference(Change::Added, &right, None)),
            Ordering::Equal if left.value == right.value => None,
            Ordering::Equal => Some(difference(Change::Changed, &left, Some(&right))),
        };
        match found.map(|f| f.change) {
            Some(Change::Removed) => counts.removed += 1,
            Some(Change::Added) => counts.added += 1,
            Some(Change::Changed) => counts.changed += 1,
            None => counts.unchanged += 1,
        }
        if let Some(found) = found
            && visit(&found)? == Next::Stop
        {
            return Ok(counts);
        }
        if order.is_le() {
            more_a = a.next(&mut left)?;
        }
        if order.is_ge() {
            more_b = b.next(&mut right)?;
        }
        match (a.entries(), b.entries()) {
            (Some(a), Some(b)) => meter.report(a.0 + b.0, Some(a.1 + b.1)),
            _ => meter.report(counts.total(), None),
        }
        if signals::stopped() {
            return Err(creel::Error::Interrupted.into());
        }
    }
    Ok(counts)
}

fn difference<'a>(change: Change, entry: &'a Entry, other: Option<&'a Entry>) -> Difference<'a> {
    let value = Some(entry.value.as_slice());
    let (before, after) = match change {
        Change::Removed => (value, None),
        Change::Added => (None, value),
        Change::Changed => (value, other.map(|o| o.value.as_slice())),
    };
    Difference {
        change,
        keyspace: &entry.keyspace,
        key: &entry.key,
        before,
        after,
    }
}
