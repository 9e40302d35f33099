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
