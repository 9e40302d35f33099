//! A place in a tree, between two entries, that can move both ways.
//!
//! A cursor remembers page references only, so it borrows nothing between calls: the pages of a
//! root never change, and whoever owns the cursor keeps that root's generation pinned.

use super::get::{branch_at, find, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::leaf::{Leaf, StoredValue};

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

/// One page of the path.
#[derive(Debug, Clone, Copy)]
struct Step {
    page: PageRef,
    /// Branch: the child taken. Leaf: the entry after the cursor, up to `count`.
    index: usize,
    count: usize,
}

/// A place between two entries of a tree. `next` gives the entry after it and moves past it,
/// `prev` the one before it, so `next` and then `prev` give the same entry.
#[derive(Debug, Clone, Default)]
pub struct TreeCursor {
    /// Branches from the root down.
    path: Vec<Step>,
    leaf: Option<Step>,
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
    #[inline]
    pub fn next<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let result = match &mut self.leaf {
            Some(step) if step.index < step.count => {
                let i = step.index;
                step.index += 1;
                entry(pages, step.page, i).map(Some)
            }
            Some(_) => self.next_leaf(pages),
            None => Ok(None),
        };
        self.watch(result)
    }

    /// The entry before the cursor.
    #[inline]
    pub fn prev<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let result = match &mut self.leaf {
            Some(step) if step.index > 0 => {
                step.index -= 1;
                entry(pages, step.page, step.index).map(Some)
            }
            Some(_) => self.prev_leaf(pages),
            None => Ok(None),
        };
        self.watch(result)
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
        let Some(mut level) = top_level(pages, root)? else {
            return Ok(());
        };
        let mut at = root.page_ref();
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
        let leaf = leaf_at(pages, at)?;
        let index = match key {
            Some(key) => match (leaf.search(key), seek) {
                (Some(Ok(i)), Seek::AtOrBefore) => i + 1,
                (Some(Ok(i) | Err(i)), _) => i,
                (None, _) => return Err(malformed(pages, at, "leaf does not decode")),
            },
            None if seek == Seek::AtOrAfter => 0,
            None => leaf.count(),
        };
        self.leaf = Some(Step {
            page: at,
            index,
            count: leaf.count(),
        });
        Ok(())
    }

    #[cold]
    fn next_leaf<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let Some(depth) = self.path.iter().rposition(|s| s.index + 1 < s.count) else {
            return Ok(None);
        };
        let (at, leaf) = self.turn(pages, depth, true)?;
        self.leaf = Some(Step {
            page: at,
            index: 1,
            count: leaf.count(),
        });
        entry(pages, at, 0).map(Some)
    }

    #[cold]
    fn prev_leaf<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let Some(depth) = self.path.iter().rposition(|s| s.index > 0) else {
            return Ok(None);
        };
        let (at, leaf) = self.turn(pages, depth, false)?;
        let Some(last) = leaf.count().checked_sub(1) else {
            return Err(malformed(pages, at, "leaf without entries"));
        };
        self.leaf = Some(Step {
            page: at,
            index: last,
            count: leaf.count(),
        });
        entry(pages, at, last).map(Some)
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

#[inline]
fn entry<'a, P: PageRead + ?Sized>(pages: &'a P, at: PageRef, i: usize) -> Result<TreeEntry<'a>> {
    let leaf = leaf_at(pages, at)?;
    match leaf.cell(i) {
        Some(cell) => Ok(TreeEntry {
            prefix: leaf.prefix(),
            suffix: cell.suffix,
            value: cell.value,
        }),
        None => Err(malformed(pages, at, "cell does not decode")),
    }
}
