//! Builds a tree from the bottom up: entries and whole unchanged subtrees in key order go in,
//! full pages come out.

use super::get::{branch_at, in_page, leaf_at, malformed};
use super::pending::{Branches, Leaves};
use super::{PageRead, PageRef, PageWrite, Root};
use crate::error::{Error, Result};
use crate::format::branch::ChildRef;
use crate::format::checksum::{crc, entry_hash};
use crate::format::leaf::{StoredValue, needs_overflow};
use crate::format::overflow::{OverflowRef, overflow_header, overflow_pages};
use crate::format::{Invariant, MAX_HEIGHT};

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

/// What an [`Assembler`] did. The first three count new values only and leave out keyspace 0.
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

/// Builds a tree from entries and subtrees in key order. Every page is written once, when it is
/// sure what it holds; memory is a few pages per level.
#[derive(Debug)]
pub struct Assembler<'p, P: PageRead + ?Sized, W: PageWrite> {
    pages: &'p P,
    pub(super) out: W,
    page_size: usize,
    fill: Fill,
    leaves: Leaves,
    /// Level 1 first.
    levels: Vec<Branches>,
    /// Nothing pushed so far is at or above this key; `None` where that is not known.
    bound: Option<Vec<u8>>,
    scratch: Vec<u8>,
    pub(super) stats: TreeStats,
}

impl<'p, P: PageRead + ?Sized, W: PageWrite> Assembler<'p, P, W> {
    /// An assembler that reads unchanged pages from `pages` and writes to `out`.
    pub fn new(pages: &'p P, out: W, fill: Fill) -> Self {
        let page_size = pages.page_size();
        Assembler {
            pages,
            out,
            page_size,
            fill,
            leaves: Leaves::new(page_size),
            levels: Vec::new(),
            bound: Some(Vec::new()),
            scratch: Vec::new(),
            stats: TreeStats::default(),
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> TreeStats {
        self.stats
    }

    /// Tells that everything pushed so far is below `low` and everything to come is not: a
    /// separator that the old tree had here can be kept, and it is shorter than a key.
    pub fn bound(&mut self, low: &[u8]) {
        if !self.leaves.is_empty() {
            return;
        }
        let bound = self.bound.get_or_insert_default();
        bound.clear();
        bound.extend_from_slice(low);
    }

    /// Adds an entry above all that was pushed before.
    #[inline]
    pub fn push_entry(&mut self, key: &[u8], value: NewValue<'_>) -> Result<()> {
        let stored = match value {
            NewValue::Stored(stored) => stored,
            NewValue::Raw(bytes) => self.store(key, bytes)?,
        };
        debug_assert!(self.leaves.open.last_key().is_none_or(|last| last < key));
        if self.leaves.is_empty() {
            let low = self.bound.as_deref().filter(|b| *b <= key).unwrap_or(key);
            self.leaves.open_low.clear();
            self.leaves.open_low.extend_from_slice(low);
            self.bound = None;
        }
        if !self.leaves.open.push(key, &stored) {
            self.write_held_leaf()?;
            self.leaves.shift(key);
            self.leaves.open.push(key, &stored);
        }
        Ok(())
    }

    /// Adds an unchanged subtree whose root page has this level and whose keys are not below
    /// `low`. It is taken apart where its neighbour on the left is too small to stay alone.
    pub fn push_subtree(&mut self, level: u8, low: &[u8], child: ChildRef) -> Result<()> {
        for at in 0..=level {
            if self.is_thin(at) {
                return self.unpack(level, low, child);
            }
            self.close(at, false)?;
        }
        self.bound = None;
        self.add(level + 1, low, child)
    }

    /// Writes what is pending and gives the tree.
    pub fn finish(mut self) -> Result<(Root, TreeStats)> {
        self.close(0, true)?;
        let mut level = 1;
        while level <= MAX_HEIGHT {
            let above = self.levels.iter().skip(usize::from(level));
            let is_top = above.clone().all(Branches::is_empty);
            let Some(branches) = self.levels.get(usize::from(level) - 1) else {
                break;
            };
            match branches.only() {
                Some((_, child)) if is_top => {
                    self.stats.tree_entries = child.entries;
                    let root = Root {
                        page: child.page,
                        crc: child.crc,
                        height: level,
                    };
                    return Ok((root, self.stats));
                }
                Some(_) => self.borrow_from_left(level)?,
                None => {}
            }
            self.close(level, true)?;
            level += 1;
        }
        Ok((Root::default(), self.stats))
    }

    /// Gives back pages of the older tree.
    pub(super) fn release(&mut self, first: u32, pages: u32) {
        self.out.free(first, pages);
        self.stats.pages_freed += u64::from(pages);
    }

    /// Writes a value to a new extent.
    pub(super) fn write_extent(&mut self, value: &[u8], sum: u32) -> Result<StoredValue<'static>> {
        let too_long = |_| Error::Limit {
            what: "value length",
            actual: value.len() as u64,
            limit: u64::from(u32::MAX),
        };
        let stored_len = u32::try_from(value.len()).map_err(too_long)?;
        let count = overflow_pages(u64::from(stored_len), self.page_size);
        let page = self.out.allocate(count)?;
        let header = overflow_header(page, self.out.generation());
        self.out.write(page, &[&header, value])?;
        self.stats.pages_written += u64::from(count);
        Ok(StoredValue::Overflow(OverflowRef {
            page,
            stored_len,
            crc: sum,
        }))
    }

    fn store<'v>(&mut self, key: &[u8], value: &'v [u8]) -> Result<StoredValue<'v>> {
        let sum = crc(value);
        let len = value.len() as u64;
        if is_counted(key) {
            self.stats.entries += 1;
            self.stats.logical_bytes += logical_len(key, len);
            let hash = entry_hash(key, sum, len);
            self.stats.content_sum = self.stats.content_sum.wrapping_add(hash);
        }
        if needs_overflow(self.page_size, key.len(), len) {
            self.write_extent(value, sum)
        } else {
            Ok(StoredValue::Inline(value))
        }
    }

    fn is_thin(&self, level: u8) -> bool {
        let (thin, held) = match self.level(level) {
            None if level == 0 => (self.leaves.is_thin(), !self.leaves.held.is_empty()),
            None => return false,
            Some(branches) => (branches.is_thin(), !branches.held.is_empty()),
        };
        // With a page held back the two can share instead, unless all pages are to be full.
        thin && (self.fill == Fill::Dense || !held)
    }

    fn level(&self, level: u8) -> Option<&Branches> {
        self.levels.get(usize::from(level).checked_sub(1)?)
    }

    /// Takes a subtree apart and adds its parts.
    fn unpack(&mut self, level: u8, low: &[u8], child: ChildRef) -> Result<()> {
        let at = PageRef::from(child);
        if level == 0 {
            let leaf = leaf_at(self.pages, at)?;
            let mut key = Vec::new();
            for i in 0..leaf.count() {
                let Some(cell) = leaf.cell(i) else {
                    return Err(malformed(self.pages, at, "cell does not decode"));
                };
                key.clear();
                key.extend_from_slice(leaf.prefix());
                key.extend_from_slice(cell.suffix);
                self.push_entry(&key, NewValue::Stored(cell.value))?;
            }
        } else {
            for (low, child) in self.children(level, low, at)? {
                self.push_subtree(level - 1, &low, child)?;
            }
        }
        self.release(child.page, 1);
        Ok(())
    }

    /// The children of a branch with their separators; the first one's is the branch's own.
    fn children(&self, level: u8, low: &[u8], at: PageRef) -> Result<Vec<(Vec<u8>, ChildRef)>> {
        let branch = branch_at(self.pages, at, level)?;
        let mut all = Vec::with_capacity(branch.count());
        for i in 0..branch.count() {
            let mut separator = if i == 0 { low.to_vec() } else { Vec::new() };
            match (branch.separator(i, &mut separator), branch.child(i)) {
                (Some(()), Some(child)) => all.push((separator, child)),
                _ => return Err(malformed(self.pages, at, "branch does not decode")),
            }
        }
        Ok(all)
    }

    /// A branch with one child is not legal: its left neighbour, an unchanged subtree, is taken
    /// apart to go with it. That neighbour exists because levels above are not empty, and it is
    /// unchanged because otherwise it would be the page held back here.
    fn borrow_from_left(&mut self, level: u8) -> Result<()> {
        let last = self.levels.get_mut(usize::from(level) - 1);
        let Some((low, child)) = last.and_then(Branches::pop) else {
            return Ok(());
        };
        self.refill(level)?;
        self.add(level, &low, child)
    }

    /// Moves the children of the last subtree pushed to the level above into this level.
    fn refill(&mut self, level: u8) -> Result<()> {
        if level >= MAX_HEIGHT {
            return Ok(());
        }
        if self.level(level + 1).is_none_or(Branches::is_empty) {
            self.refill(level + 1)?;
        }
        let above = self.levels.get_mut(usize::from(level));
        let Some((low, child)) = above.and_then(Branches::pop) else {
            return Ok(());
        };
        for (low, child) in self.children(level, &low, child.into())? {
            self.add(level, &low, child)?;
        }
        self.release(child.page, 1);
        Ok(())
    }

    /// Writes the pending pages of one level.
    fn close(&mut self, level: u8, is_end: bool) -> Result<()> {
        let evenly = self.fill == Fill::Even && !is_end;
        if level == 0 {
            if evenly && self.leaves.is_thin() && !self.leaves.held.is_empty() {
                self.leaves.share();
            }
            self.write_held_leaf()?;
            if !self.leaves.is_empty() {
                self.leaves.shift(&[]);
                self.write_held_leaf()?;
            }
            self.leaves.clear();
            return Ok(());
        }
        let Some(branches) = self.levels.get_mut(usize::from(level) - 1) else {
            return Ok(());
        };
        if branches.is_thin() && !branches.held.is_empty() {
            branches.share(evenly);
        }
        if branches.open.count() == 1 {
            // Only separators longer than any key make this happen.
            return Err(Error::corrupt(Invariant::T7, "separator too long"));
        }
        self.write_held_branch(level)?;
        if let Some(branches) = self.levels.get_mut(usize::from(level) - 1) {
            branches.shift();
        }
        self.write_held_branch(level)?;
        if let Some(branches) = self.levels.get_mut(usize::from(level) - 1) {
            branches.clear();
        }
        Ok(())
    }

    fn add(&mut self, level: u8, low: &[u8], child: ChildRef) -> Result<()> {
        if level > MAX_HEIGHT {
            return Err(Error::Limit {
                what: "tree height",
                actual: u64::from(level),
                limit: u64::from(MAX_HEIGHT),
            });
        }
        while self.levels.len() < usize::from(level) {
            self.levels.push(Branches::new(self.page_size));
        }
        let Some(branches) = self.levels.get_mut(usize::from(level) - 1) else {
            return Ok(());
        };
        if !branches.open.push(low, child) {
            self.write_held_branch(level)?;
            if let Some(branches) = self.levels.get_mut(usize::from(level) - 1) {
                branches.shift();
                branches.open.push(low, child);
            }
        }
        Ok(())
    }

    fn write_held_leaf(&mut self) -> Result<()> {
        if self.leaves.held.is_empty() {
            return Ok(());
        }
        let page = self.out.allocate(1)?;
        let generation = self.out.generation();
        let mut bytes = std::mem::take(&mut self.scratch);
        let crc = self.leaves.held.write(&mut bytes, page, generation);
        self.out.write(page, &[&bytes])?;
        self.scratch = bytes;
        self.stats.leaves_written += 1;
        self.stats.pages_written += 1;
        let child = ChildRef {
            page,
            crc,
            entries: self.leaves.held.count() as u64,
        };
        let low = std::mem::take(&mut self.leaves.held_low);
        self.add(1, &low, child)?;
        self.leaves.held_low = low;
        self.leaves.held.clear();
        Ok(())
    }

    fn write_held_branch(&mut self, level: u8) -> Result<()> {
        let Some(branches) = self.levels.get_mut(usize::from(level) - 1) else {
            return Ok(());
        };
        let Some((low, _)) = branches.held.entry(0) else {
            return Ok(());
        };
        let low = low.to_vec();
        let page = self.out.allocate(1)?;
        let generation = self.out.generation();
        let crc = branches
            .held
            .write(&mut self.scratch, page, generation, level);
        self.out.write(page, &[&self.scratch])?;
        self.stats.pages_written += 1;
        let child = ChildRef {
            page,
            crc,
            entries: branches.held.entries(),
        };
        branches.held.clear();
        self.add(level + 1, &low, child)
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
