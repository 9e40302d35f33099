//! Walking a range over all layers: the newest table wins, tombstones hide what is below.

mod count;
mod end;

use std::ops::Bound;

use super::snapshot::Snapshot;
use super::view::Layers;
use crate::error::Result;
use crate::format::bytes::head8;
use crate::format::key::FullKey;
use crate::format::leaf::StoredValue;
use crate::store::pages::Pages;
use crate::tree;
use end::{End, Found};

pub(super) use count::{count, len};

/// Bytes of the keyspace id before a user key.
const ID: usize = 4;

/// Room made for keys at first.
const USUAL_KEY: usize = 64;

/// The full keys that a walk goes over.
pub(super) type Bounds = (Bound<FullKey>, Bound<FullKey>);

/// Walks the entries of a range from both ends. An error ends it for good.
#[derive(Debug)]
pub struct Cursor {
    layers: Layers,
    /// As long as it lives, tables keep the versions that the cursor reads.
    _snapshot: Option<Snapshot>,
    bounds: Bounds,
    front: Option<End>,
    back: Option<End>,
    plain: Plain,
    /// First eight bytes of the bound that a plain walk runs towards.
    stop: u64,
    /// Full keys last given from either end: where both meet, the range is used up.
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
    /// The full key given last. A plain walk keeps the prefix of its leaf there.
    key: Vec<u8>,
    value: Vec<u8>,
    done: bool,
}

/// A walk over the tree alone, from one end: the usual case. Nothing is merged, no value copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    No,
    Forward,
    Backward,
}

impl Plain {
    fn of(backwards: bool) -> Plain {
        if backwards {
            Plain::Backward
        } else {
            Plain::Forward
        }
    }
}

impl Cursor {
    /// A cursor that may outlive the snapshot that it was made from.
    pub(super) fn of(snapshot: &Snapshot, bounds: Bounds) -> Self {
        Cursor {
            _snapshot: Some(snapshot.clone()),
            ..Cursor::new(snapshot.layers(), bounds)
        }
    }

    /// A cursor for a caller who keeps the layers as they are until it is gone.
    pub(super) fn new(layers: Layers, bounds: Bounds) -> Self {
        Cursor {
            layers,
            _snapshot: None,
            bounds,
            front: None,
            back: None,
            plain: Plain::No,
            stop: 0,
            first: None,
            last: None,
            key: Vec::new(),
            value: Vec::new(),
            done: false,
        }
    }

    /// The next entry from the front: user key and value.
    #[inline]
    pub fn next_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        self.user_entry(false)
    }

    /// The next entry from the back.
    #[inline]
    pub fn prev_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        self.user_entry(true)
    }

    /// The next entry from the front: user key and length of the value, which is not read.
    #[inline]
    pub fn next_key(&mut self) -> Result<Option<(&[u8], u64)>> {
        self.user_key(false)
    }

    /// The next entry from the back: user key and length of the value.
    #[inline]
    pub fn prev_key(&mut self) -> Result<Option<(&[u8], u64)>> {
        self.user_key(true)
    }

    /// The next entry from the front with its full key.
    pub(super) fn next_full(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        self.walk(false, tree::read_value)
    }

    #[inline]
    fn user_entry(&mut self, backwards: bool) -> Result<Option<(&[u8], &[u8])>> {
        let entry = self.walk(backwards, tree::read_value)?;
        Ok(entry.map(|(key, value)| (key.get(ID..).unwrap_or(&[]), value)))
    }

    #[inline]
    fn user_key(&mut self, backwards: bool) -> Result<Option<(&[u8], u64)>> {
        let entry = self.walk(backwards, |_, value| Ok(value.len()))?;
        Ok(entry.map(|(key, len)| (key.get(ID..).unwrap_or(&[]), len)))
    }

    /// The next full key, and what `take` makes of its value.
    #[inline]
    fn walk<'s, T>(
        &'s mut self,
        backwards: bool,
        take: impl FnOnce(&'s Pages, &StoredValue<'s>) -> Result<T>,
    ) -> Result<Option<(&'s [u8], T)>> {
        if self.plain != Plain::of(backwards) && !self.begin(backwards)? {
            let value = match self.step(backwards)? {
                Found::Nothing => return Ok(None),
                Found::Copied => StoredValue::Inline(&self.value),
                Found::Large(reference) => StoredValue::Overflow(reference),
            };
            let taken = take(&self.layers.tree.pages, &value);
            self.done = taken.is_err();
            return Ok(Some((&self.key, taken?)));
        }
        let (end, bound) = if backwards {
            (&mut self.back, &self.bounds.0)
        } else {
            (&mut self.front, &self.bounds.1)
        };
        let pages = &self.layers.tree.pages;
        let found = match end {
            Some(end) => end.plain_step(pages, backwards, &mut self.key),
            None => Ok(None),
        };
        // Most keys are on the right side by their first bytes.
        let inside = |key: &[u8]| match head8(key) {
            head if backwards => head > self.stop || is_above(key, bound),
            head => head < self.stop || is_below(key, bound),
        };
        let taken = match found {
            Ok(Some(value)) if inside(&self.key) => take(pages, &value).map(Some),
            Ok(_) => Ok(None),
            Err(e) => Err(e),
        };
        if !matches!(taken, Ok(Some(_))) {
            self.done = true;
            self.plain = Plain::No;
        }
        Ok(taken?.map(|taken| (self.key.as_slice(), taken)))
    }

    /// Gets ready for a walk from one end. True: a plain one.
    #[inline(never)]
    fn begin(&mut self, backwards: bool) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let unused = self.front.is_none() && self.back.is_none();
        if self.plain != Plain::No || (!unused && backwards && self.back.is_none()) {
            // It comes from the other side now: both ends have to notice when they meet.
            let mark = if backwards {
                &mut self.first
            } else {
                &mut self.last
            };
            *mark = Some(self.key.clone());
            self.plain = Plain::No;
        }
        let place = if backwards {
            &mut self.back
        } else {
            &mut self.front
        };
        if place.is_none() {
            self.key.reserve(USUAL_KEY);
            let end = End::new(&self.layers, &self.bounds, backwards);
            *place = Some(end.inspect_err(|_| self.done = true)?);
        }
        if unused && self.layers.tables.iter().all(|table| table.is_empty()) {
            self.plain = Plain::of(backwards);
            self.stop = match (backwards, &self.bounds) {
                (false, (_, Bound::Included(to) | Bound::Excluded(to))) => head8(to),
                (false, (_, Bound::Unbounded)) => u64::MAX,
                (true, (Bound::Included(from) | Bound::Excluded(from), _)) => head8(from),
                (true, (Bound::Unbounded, _)) => 0,
            };
        }
        Ok(unused && self.plain != Plain::No)
    }

    fn step(&mut self, backwards: bool) -> Result<Found> {
        if self.done {
            return Ok(Found::Nothing);
        }
        let end = if backwards {
            &mut self.back
        } else {
            &mut self.front
        };
        let pages = &self.layers.tree.pages;
        let found = match end {
            Some(end) => end.next(pages, &mut self.key, &mut self.value),
            None => Ok(Found::Nothing),
        };
        let found = found.inspect_err(|_| self.done = true)?;
        let met = match (backwards, &self.first, &self.last) {
            (false, _, Some(last)) => self.key >= *last,
            (true, Some(first), _) => self.key <= *first,
            _ => false,
        };
        let inside = if backwards {
            is_above(&self.key, &self.bounds.0)
        } else {
            is_below(&self.key, &self.bounds.1)
        };
        if matches!(found, Found::Nothing) || met || !inside {
            self.done = true;
            return Ok(Found::Nothing);
        }
        // Only a cursor used from both ends has to remember where it was.
        if backwards || self.back.is_some() {
            let mark = if backwards {
                &mut self.last
            } else {
                &mut self.first
            };
            mark.get_or_insert_default().clone_from(&self.key);
        }
        Ok(found)
    }
}

fn is_below(key: &[u8], end: &Bound<FullKey>) -> bool {
    match end {
        Bound::Unbounded => true,
        Bound::Included(to) => key <= &**to,
        Bound::Excluded(to) => key < &**to,
    }
}

fn is_above(key: &[u8], start: &Bound<FullKey>) -> bool {
    match start {
        Bound::Unbounded => true,
        Bound::Included(from) => key >= &**from,
        Bound::Excluded(from) => key > &**from,
    }
}

impl Iterator for Cursor {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry();
        entry
            .map(|e| e.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .transpose()
    }
}

impl DoubleEndedIterator for Cursor {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.prev_entry();
        entry
            .map(|e| e.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .transpose()
    }
}
