//! What a fold is asked to do: changes of single keys in key order, and ranges to delete.

use crate::error::Result;

/// What becomes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// It gets this value.
    Put(&'a [u8]),
    /// It goes away.
    Delete,
}

/// Changes in key order; every key at most once.
pub trait ChangeSource {
    /// The present change with its full key; `None` at the end.
    fn peek(&self) -> Option<(&[u8], Change<'_>)>;
    /// Goes on to the next change.
    fn advance(&mut self) -> Result<()>;
    /// Ranges of older entries to delete, sorted and apart from each other. More may come at the
    /// end while the source advances, above the present change.
    fn ranges(&self) -> &[KeyInterval] {
        &[]
    }
}

impl<C: ChangeSource + ?Sized> ChangeSource for &mut C {
    fn peek(&self) -> Option<(&[u8], Change<'_>)> {
        (**self).peek()
    }
    fn advance(&mut self) -> Result<()> {
        (**self).advance()
    }
    fn ranges(&self) -> &[KeyInterval] {
        (**self).ranges()
    }
}

/// Changes with ranges that are all known before.
#[derive(Debug)]
pub struct Ranged<'r, C> {
    /// Changes of single keys.
    pub changes: C,
    /// Ranges, sorted and apart from each other.
    pub ranges: &'r [KeyInterval],
}

impl<C: ChangeSource> ChangeSource for Ranged<'_, C> {
    fn peek(&self) -> Option<(&[u8], Change<'_>)> {
        self.changes.peek()
    }
    fn advance(&mut self) -> Result<()> {
        self.changes.advance()
    }
    fn ranges(&self) -> &[KeyInterval] {
        self.ranges
    }
}

/// A [`ChangeSource`] over any iterator.
#[derive(Debug)]
pub struct IterChanges<'a, I> {
    rest: I,
    present: Option<(&'a [u8], Change<'a>)>,
}

impl<'a, I: Iterator<Item = Result<(&'a [u8], Change<'a>)>>> IterChanges<'a, I> {
    /// Takes the first change from the iterator.
    pub fn new(mut rest: I) -> Result<Self> {
        let present = rest.next().transpose()?;
        Ok(IterChanges { rest, present })
    }
}

impl<'a, I: Iterator<Item = Result<(&'a [u8], Change<'a>)>>> ChangeSource for IterChanges<'a, I> {
    fn peek(&self) -> Option<(&[u8], Change<'_>)> {
        self.present
    }
    fn advance(&mut self) -> Result<()> {
        self.present = self.rest.next().transpose()?;
        Ok(())
    }
}

/// Adds intervals to others that are sorted and apart from each other, and stay so.
pub fn add_intervals(all: &mut Vec<KeyInterval>, new: impl IntoIterator<Item = KeyInterval>) {
    let mut apart = true;
    for interval in new {
        let ends_before = |old: &KeyInterval| old.to.as_ref().is_some_and(|to| *to < interval.from);
        apart &= all.last().is_none_or(ends_before);
        all.push(interval);
    }
    if apart {
        return;
    }
    all.sort_unstable_by(|a, b| a.from.cmp(&b.from));
    all.dedup_by(|next, before| {
        let joins = before.to.as_ref().is_none_or(|to| next.from <= *to);
        if joins {
            before.to = match (before.to.take(), next.to.take()) {
                (Some(a), Some(b)) => Some(a.max(b)),
                _ => None,
            };
        }
        joins
    });
}

/// True where one of such intervals has this key.
pub fn any_has(all: &[KeyInterval], key: &[u8]) -> bool {
    let after = all.partition_point(|interval| interval.from.as_slice() <= key);
    let before = after.checked_sub(1).and_then(|i| all.get(i));
    before.is_some_and(|interval| !interval.ends_by(key))
}

/// Full keys from `from` up to but not including `to` (no `to`: up to the end).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInterval {
    /// First key.
    pub from: Vec<u8>,
    /// First key after the interval.
    pub to: Option<Vec<u8>>,
}

impl KeyInterval {
    /// True where the interval has every key from `low` up to `high`.
    pub(super) fn covers(&self, low: &[u8], high: Option<&[u8]>) -> bool {
        let to_the_end = match (&self.to, high) {
            (None, _) => true,
            (Some(to), Some(high)) => high <= to.as_slice(),
            (Some(_), None) => false,
        };
        self.from.as_slice() <= low && to_the_end
    }

    /// True where all of the interval is at or below `key`.
    pub(super) fn ends_by(&self, key: &[u8]) -> bool {
        self.to.as_deref().is_some_and(|to| to <= key)
    }
}
