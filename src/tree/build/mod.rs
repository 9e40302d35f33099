//! Builds a tree from the bottom up: entries and whole unchanged subtrees in key order go in,
//! full pages come out.

mod join;

use super::input::{Fill, NewValue, TreeStats, is_counted, logical_len};
use super::pending::{Branches, Leaves};
use super::{PageRead, PageWrite, Root};
use crate::defect::{Defect, planted};
use crate::error::{Bounded, Error, Result};
use crate::format::branch::ChildRef;
use crate::format::checksum::{crc, entry_hash};
use crate::format::leaf::{StoredValue, needs_overflow};
use crate::format::overflow::{OverflowRef, overflow_header, overflow_pages};
use crate::format::{Invariant, MAX_HEIGHT};

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
        // One comparison per entry, so that neither a damaged page nor a caller's mistake can
        // make a tree in which keys are not found.
        if self.leaves.open.last_key().is_some_and(|last| key <= last) {
            return Err(out_of_order(value));
        }
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
        if planted(Defect::DenseDropsTail) && self.fill == Fill::Dense {
            self.leaves.clear();
        }
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
            what: Bounded::ValueLength,
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
                what: Bounded::TreeHeight,
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

#[cold]
fn out_of_order(value: NewValue<'_>) -> Error {
    match value {
        NewValue::Raw(_) => Error::Invalid {
            reason: "keys do not rise".to_owned(),
        },
        NewValue::Stored(_) => Error::corrupt(Invariant::T1, "keys do not rise"),
    }
}
