//! A place in a tree, between two entries, that can move both ways.
//!
//! A cursor remembers page references only, so it borrows nothing between calls: the pages of a
//! root never change, and whoever owns the cursor keeps that root's generation pinned.

use super::get::{branch_at, find, found_leaf, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::leaf::{Leaf, LeafShape, StoredValue};

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

/// The leaf at the end of the path.
#[derive(Debug, Clone, Copy)]
struct Place {
    page: PageRef,
    /// The entry after the cursor, up to the number of entries.
    index: usize,
    shape: LeafShape,
}

/// A place between two entries of a tree. `next` gives the entry after it and moves past it,
/// `prev` the one before it, so `next` and then `prev` give the same entry.
#[derive(Debug, Clone, Default)]
pub struct TreeCursor {
    /// Branches from the root down.
    path: Vec<Step>,
    leaf: Option<Place>,
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
            Some(place) if place.index < place.shape.count() => {
                let i = place.index;
                place.index += 1;
                place.entry(pages, i).map(Some)
            }
            Some(_) => self.next_leaf(pages),
            None => Ok(None),
        };
        self.watch(result)
    }

    /// How many entries after the cursor, in the leaf where it stands, are certainly below a key.
    pub fn surely_below<P: PageRead + ?Sized>(&self, pages: &P, end: Option<&[u8]>) -> usize {
        let Some(place) = &self.leaf else { return 0 };
        let rest = place.shape.count() - place.index;
        match end {
            None => rest,
            Some(end) => match pages.again(place.page) {
                Ok(page) => match Leaf::resume(page, place.shape) {
                    Some(leaf) if leaf.is_below(end) => rest,
                    _ => 0,
                },
                Err(_) => 0,
            },
        }
    }

    /// The entry before the cursor.
    #[inline]
    pub fn prev<'a, P: PageRead + ?Sized>(
        &mut self,
        pages: &'a P,
    ) -> Result<Option<TreeEntry<'a>>> {
        let result = match &mut self.leaf {
            Some(place) if place.index > 0 => {
                place.index -= 1;
                place.entry(pages, place.index).map(Some)
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
        if let Some(from) = leaf.offset(index) {
            pages.soon(at, from, AHEAD);
        }
        self.leaf = Some(Place {
            page: at,
            index,
            shape: leaf.shape(),
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
        // Whoever has walked through one leaf will want the one after this as well.
        if let Some(step) = self.path.last().filter(|s| s.index + 1 < s.count)
            && let Some(next) = branch_at(pages, step.page, 1)?.child(step.index + 1)
        {
            pages.soon(next.into(), 0, pages.page_size());
        }
        self.leaf = Some(Place {
            page: at,
            index: 1,
            shape: leaf.shape(),
        });
        entry(pages, at, &leaf, 0).map(Some)
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
        self.leaf = Some(Place {
            page: at,
            index: last,
            shape: leaf.shape(),
        });
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

impl Place {
    #[inline]
    fn entry<'a, P: PageRead + ?Sized>(&self, pages: &'a P, i: usize) -> Result<TreeEntry<'a>> {
        match Leaf::resume(pages.again(self.page)?, self.shape) {
            Some(leaf) => entry(pages, self.page, &leaf, i),
            None => Err(malformed(pages, self.page, "leaf does not decode")),
        }
    }
}

#[inline]
fn entry<'a, P: PageRead + ?Sized>(
    pages: &P,
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
