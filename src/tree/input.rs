//! What goes into a tree that is being built, and what is counted of it.

use super::get::in_page;
use super::{PageRead, PageRef};
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::leaf::StoredValue;
use crate::format::overflow::OverflowRef;

/// How full pages become where new content meets unchanged subtrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Every page but the last is full; unchanged neighbours are read and packed too.
    Dense,
    /// A page that overflowed in the middle of the tree is split evenly, so that the next
    /// insertions there find room. At the right end pages stay full: appended keys fill them.
    Even,
}

/// A value on its way into the tree.
#[derive(Debug, Clone, Copy)]
pub enum NewValue<'a> {
    /// A new value, which goes to an extent of its own where it is large. Counted in the sums.
    Raw(&'a [u8]),
    /// A value as a leaf of the tree had it; its extent is kept. Not counted in the sums.
    Stored(StoredValue<'a>),
}

/// What an [`Assembler`](super::Assembler) did. The first three count new values only and leave out keyspace 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TreeStats {
    /// Entries given with [`NewValue::Raw`].
    pub entries: u64,
    /// Their keys without the keyspace id, and their values.
    pub logical_bytes: u64,
    /// Wrapping sum of their hashes.
    pub content_sum: u64,
    /// Entries of the whole tree, keyspace 0 and unchanged subtrees included.
    pub tree_entries: u64,
    /// Leaves written.
    pub leaves_written: u64,
    /// Pages written, of all kinds.
    pub pages_written: u64,
    /// Pages given back.
    pub pages_freed: u64,
}

/// The pages of a tree that has none: for building a tree from entries alone.
#[derive(Debug, Clone, Copy)]
pub struct NoPages(
    /// Page size of the tree to be built.
    pub usize,
);

impl PageRead for NoPages {
    fn page_size(&self) -> usize {
        self.0
    }
    fn page(&self, child: PageRef) -> Result<&[u8]> {
        Err(in_page(self, child, Invariant::P6, "a tree without pages"))
    }
    fn value(&self, _: &OverflowRef) -> Result<&[u8]> {
        Err(Error::corrupt(Invariant::P6, "a tree without pages"))
    }
}

/// True for entries that the sums of a database count: those of keyspace 0 are bookkeeping.
#[inline]
pub(super) fn is_counted(key: &[u8]) -> bool {
    key.first_chunk::<4>().is_some_and(|id| *id != [0; 4])
}

/// Bytes that an entry counts for: the user's key and the value.
#[inline]
pub(super) fn logical_len(key: &[u8], value_len: u64) -> u64 {
    (key.len() as u64).saturating_sub(4) + value_len
}
