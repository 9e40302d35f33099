//! A place in a tree, between two entries, that can move both ways.
//!
//! A cursor remembers page references only, so it borrows nothing between calls: the pages of a
//! root never change, and whoever owns the cursor keeps that root's generation pinned.

use super::get::{branch_at, find, found_leaf, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::leaf::{Leaf, LeafCell, LeafShape, StoredValue};

/// Bytes of a leaf that are brought near when a cursor comes to a key: about ten entries.
const AHEAD: usize = 2048;

/// An entry as the cursor shows it. The full key is `prefix` and then `suffix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// First part of the full key (keyspace id first).
    pub prefix: &'a [u8],
    /// Second part of the full key.
    pub suffix: &'a [u8],
    /// The value.
    pub value: StoredValue<'a>,
}

impl TreeEntry<'_> {
    /// Replaces `out` with the full key.
    pub fn copy_key(&self, out: &mut Vec<u8>) {
        out.clear();
        out.reserve(self.prefix.len() + self.suffix.len());
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(self.suffix);
    }
}

/// Which side of the key [`TreeCursor::seek`] stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// `next` gives the first entry not below the key (no key: the first entry).
    AtOrAfter,
    /// `prev` gives the last entry not above the key (no key: the last entry).
    AtOrBefore,
    /// `prev` gives the last entry below the key (no key: the last entry).
    Before,
}

/// One branch of the path.
#[derive(Debug, Clone, Copy)]
struct Step {
    page: PageRef,
    /// The child taken.
    index: usize,
    count: usize,
}

/// The leaf that the cursor is in.
#[derive(Debug, Clone, Copy)]
struct Here {
    page: PageRef,
    shape: LeafShape,
    /// The entry after the cursor, up to the number of entries, and where its cell begins.
    index: usize,
    start: usize,
}

impl Here {
    fn at(page: PageRef, leaf: &Leaf<'_>, index: usize) -> Here {
        Here {
            page,
            shape: leaf.shape(),
            index,
            start: leaf.cell_start(index),
        }
    }
}

/// A place between two entries of a tree. `next` gives the entry after it and moves past it,
/// `prev` the one before it, so `next` and then `prev` give the same entry.
#[derive(Debug, Clone, Default)]
pub struct TreeCursor {
    /// Branches from the root down.
    path: Vec<Step>,
    leaf: Option<Here>,
    /// It came to this leaf since somebody asked.
    turned: bool,
    failed: bool,
}

impl TreeCursor {
    /// A cursor that is nowhere: give it a place with [`TreeCursor::seek`].
    pub fn new() -> Self {
        TreeCursor::default()
    }

    /// Goes to a key, or to one end of the tree.
    pub fn seek<P: PageRead + ?Sized>(
        &mut self,
        pages: &P,
        root: Root,
        key: Option<&[u8]>,
        seek: Seek,
    ) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        let result = self.place(pages, root, key, seek);
        self.watch(result)
    }

    /// The entry after the cursor.
    pub fn next<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        if let Some((prefix, cell)) = self.next_here(pages) {
            return Ok(Some(TreeEntry {
                prefix,
                suffix: cell.suffix,
                value: cell.value,
            }));
        }
        let result = self.next_leaf(pages);
        self.watch(result)
    }

    /// The entry before the cursor.
    pub fn prev<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        if let Some((prefix, cell)) = self.prev_here(pages) {
            return Ok(Some(TreeEntry {
                prefix,
                suffix: cell.suffix,
                value: cell.value,
            }));
        }
        let result = self.prev_leaf(pages);
        self.watch(result)
    }

    /// The entry after the cursor, prefix apart, as long as it stays in its leaf. [`None`] tells
    /// nothing: ask [`TreeCursor::next`].
    #[inline(always)]
    pub fn next_here<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Option<(&'a [u8], LeafCell<'a>)> {
        let here = self.leaf.as_mut()?;
        if here.index >= here.shape.count() {
            return None;
        }
        let leaf = Leaf::with_shape(pages.again(here.page).ok()?, &here.shape)?;
        let (cell, end) = leaf.cell_at(here.index, here.start)?;
        here.index += 1;
        here.start = end;
        Some((leaf.prefix(), cell))
    }

    /// The same for the entry before it.
    #[inline(always)]
    pub fn prev_here<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Option<(&'a [u8], LeafCell<'a>)> {
        let here = self.leaf.as_mut()?;
        let index = here.index.checked_sub(1)?;
        let leaf = Leaf::with_shape(pages.again(here.page).ok()?, &here.shape)?;
        let start = leaf.cell_start(index);
        let cell = leaf.cell_between(start, here.start)?;
        here.index = index;
        here.start = start;
        Some((leaf.prefix(), cell))
    }

    /// True where the cursor came to another leaf since [`TreeCursor::take_turned`]: the prefix
    /// may be another one.
    #[inline(always)]
    pub fn has_turned(&self) -> bool {
        self.turned
    }

    /// Takes note that it did.
    #[inline(always)]
    pub fn take_turned(&mut self) {
        self.turned = false;
    }

    /// An error ends the cursor: what it would show next could not be trusted.
    #[inline]
    fn watch<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.path.clear();
            self.leaf = None;
            self.failed = true;
        }
        result
    }

    fn place<P: PageRead + ?Sized>(
        &mut self,
        pages: &P,
        root: Root,
        key: Option<&[u8]>,
        seek: Seek,
    ) -> Result<()> {
        self.path.clear();
        self.leaf = None;
        self.turned = true;
        let Some(mut level) = top_level(pages, root)? else {
            return Ok(());
        };
        let mut at = root.page_ref();
        self.path.reserve(usize::from(level));
        while level > 0 {
            let branch = branch_at(pages, at, level)?;
            let found = match (key, seek) {
                (Some(key), _) => find(&branch, key),
                (None, Seek::AtOrAfter) => branch.child(0).map(|c| (0, c)),
                (None, _) => {
                    let last = branch.count() - 1;
                    branch.child(last).map(|c| (last, c))
                }
            };
            let Some((index, child)) = found else {
                return Err(malformed(pages, at, "branch does not decode"));
            };
            self.path.push(Step {
                page: at,
                index,
                count: branch.count(),
            });
            at = child.into();
            level -= 1;
        }
        let leaf = found_leaf(pages, at)?;
        let index = match key {
            Some(key) => match (leaf.search(key), seek) {
                (Some(Ok(i)), Seek::AtOrBefore) => i + 1,
                (Some(Ok(i) | Err(i)), _) => i,
                (None, _) => return Err(malformed(pages, at, "leaf does not decode")),
            },
            None if seek == Seek::AtOrAfter => 0,
            None => leaf.count(),
        };
        let here = Here::at(at, &leaf, index);
        pages.soon(at, here.start, AHEAD);
        self.leaf = Some(here);
        Ok(())
    }

    fn next_leaf<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let Some(here) = self.leaf else {
            return Ok(None);
        };
        if here.index < here.shape.count() {
            return Err(malformed(pages, here.page, "cell does not decode"));
        }
        let Some(depth) = self.path.iter().rposition(|s| s.index + 1 < s.count) else {
            return Ok(None);
        };
        let (at, leaf) = self.turn(pages, depth, true)?;
        // Whoever has walked through one leaf will want the one after this as well.
        if let Some(step) = self.path.last().filter(|s| s.index + 1 < s.count)
            && let Some(next) = branch_at(pages, step.page, 1)?.child(step.index + 1)
        {
            pages.soon(next.into(), 0, pages.page_size());
        }
        self.leaf = Some(Here::at(at, &leaf, 1));
        entry(pages, at, &leaf, 0).map(Some)
    }

    fn prev_leaf<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let Some(here) = self.leaf else {
            return Ok(None);
        };
        if here.index > 0 {
            return Err(malformed(pages, here.page, "cell does not decode"));
        }
        let Some(depth) = self.path.iter().rposition(|s| s.index > 0) else {
            return Ok(None);
        };
        let (at, leaf) = self.turn(pages, depth, false)?;
        let Some(last) = leaf.count().checked_sub(1) else {
            return Err(malformed(pages, at, "leaf without entries"));
        };
        self.leaf = Some(Here::at(at, &leaf, last));
        entry(pages, at, &leaf, last).map(Some)
    }

    /// Takes the next (or previous) child of the branch at `depth` and goes down its near edge.
    fn turn<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
        depth: usize,
        forward: bool,
    ) -> Result<(PageRef, Leaf<'a>)> {
        let height = self.path.len();
        let (mut at, mut index) = match self.path.get(depth) {
            Some(s) if forward => (s.page, Some(s.index + 1)),
            Some(s) => (s.page, Some(s.index.saturating_sub(1))),
            None => (PageRef::default(), None),
        };
        self.path.truncate(depth);
        self.turned = true;
        for level in (1..=height - depth).rev() {
            let branch = branch_at(pages, at, level as u8)?;
            let index = index
                .take()
                .unwrap_or(if forward { 0 } else { branch.count() - 1 });
            let Some(child) = branch.child(index) else {
                return Err(malformed(pages, at, "branch does not decode"));
            };
            self.path.push(Step {
                page: at,
                index,
                count: branch.count(),
            });
            at = child.into();
        }
        Ok((at, leaf_at(pages, at)?))
    }
}

fn entry<'a, P: PageRead + ?Sized>(
    pages: &'a P,
    at: PageRef,
    leaf: &Leaf<'a>,
    i: usize,
) -> Result<TreeEntry<'a>> {
    match leaf.cell(i) {
        Some(cell) => Ok(TreeEntry {
            prefix: leaf.prefix(),
            suffix: cell.suffix,
            value: cell.value,
        }),
        None => Err(malformed(pages, at, "cell does not decode")),
    }
}
