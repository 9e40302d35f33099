//! Walks one table in either direction without holding its lock between steps.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use super::table::Delta;

/// Entries taken out per lock hold: a few at first, for whoever wants no more than those.
const FIRST: usize = 8;
const MOST: usize = 64;

/// A full key, and its value or `None` for a tombstone.
pub type TableEntry = (Box<[u8]>, Option<Arc<[u8]>>);

/// A position in a table as of one log index.
#[derive(Debug)]
pub struct LayerCursor {
    delta: Arc<Delta>,
    at: u64,
    backwards: bool,
    /// What is left to read, as full keys; `to` `None` = no end.
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
    batch: VecDeque<TableEntry>,
    /// Entries that are taken out next time.
    next_batch: usize,
    exhausted: bool,
    has_ranges: bool,
}

impl LayerCursor {
    /// A cursor over `from..to` at log index `at`.
    pub fn new(
        delta: Arc<Delta>,
        at: u64,
        from: Bound<Vec<u8>>,
        to: Bound<Vec<u8>>,
        backwards: bool,
    ) -> Self {
        let has_ranges = delta.has_ranges();
        let (batch, exhausted) = (VecDeque::new(), false);
        LayerCursor {
            delta,
            at,
            backwards,
            from,
            to,
            batch,
            next_batch: FIRST,
            exhausted,
            has_ranges,
        }
    }

    /// The entry that comes next: full key, and value or `None` for a tombstone.
    pub fn peek(&mut self) -> Option<(&[u8], Option<&[u8]>)> {
        self.fetch();
        let front = self.batch.front();
        front.map(|(key, value)| (key.as_ref(), value.as_deref()))
    }

    /// Makes certain that [`Self::next_key`] has the entry that comes next.
    pub fn fetch(&mut self) {
        if self.batch.is_empty() && !self.exhausted {
            self.fill();
        }
    }

    /// The full key that comes next, once it was fetched.
    pub fn next_key(&self) -> Option<&[u8]> {
        self.batch.front().map(|(key, _)| key.as_ref())
    }

    /// Takes the entry that comes next.
    pub fn take(&mut self) -> Option<TableEntry> {
        self.peek()?;
        self.batch.pop_front()
    }

    /// True when this table deleted the key from what lies below.
    pub fn covers(&self, key: &[u8]) -> bool {
        self.has_ranges && self.delta.covers(key, self.at)
    }

    fn fill(&mut self) {
        let count = self.next_batch;
        self.next_batch = (count * 2).min(MOST);
        let mut entries = Vec::with_capacity(count);
        let bounds = (as_slice(&self.from), as_slice(&self.to));
        self.delta
            .copy_entries(bounds, self.backwards, self.at, count, &mut entries);
        self.exhausted = entries.len() < count;
        if let Some((last, _)) = entries.last() {
            let end = Bound::Excluded(last.to_vec());
            *(if self.backwards {
                &mut self.to
            } else {
                &mut self.from
            }) = end;
        }
        self.batch = entries.into();
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key.as_slice()),
        Bound::Excluded(key) => Bound::Excluded(key.as_slice()),
        Bound::Unbounded => Bound::Unbounded,
    }
}
