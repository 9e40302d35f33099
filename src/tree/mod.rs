//! The copy-on-write B+tree: pages in, pages out, no file in sight.

mod build;
mod change;
mod check;
mod count;
mod cursor;
mod fold;
mod get;
mod input;
mod owned;
mod pending;
mod plan;
mod sample;
#[cfg(test)]
mod tests;

pub use build::Assembler;
pub use change::{Change, ChangeSource, IterChanges, KeyInterval, Ranged, add_intervals, any_has};
pub use check::{CheckLimits, CheckSummary, CheckVisitor, Finding, RawPages, check_tree};
pub use count::{Touched, count_all, count_range, leaf_estimate, touched_leaves};
pub use cursor::{Seek, TreeCursor, TreeEntry};
pub use fold::{FoldDelta, fold, fold_source};
pub use get::{get, read_value};
pub use input::{Fill, NewValue, NoPages, TreeStats};
pub use owned::owned_pages;
pub use plan::FoldMode;
pub use sample::{FillSample, sample_fill};

use crate::error::Result;
use crate::format::branch::ChildRef;
use crate::format::overflow::OverflowRef;

/// Where a tree begins. `page == 0` is the empty tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Root {
    /// Root page.
    pub page: u32,
    /// Its checksum.
    pub crc: u32,
    /// Number of levels.
    pub height: u8,
}

impl Root {
    /// True for the tree without entries.
    pub fn is_empty(&self) -> bool {
        self.page == 0
    }

    /// The root page.
    pub fn page_ref(&self) -> PageRef {
        PageRef {
            page: self.page,
            crc: self.crc,
        }
    }
}

/// Pages of one generation. Every page handed out had its checksum (P1) and place (P2) checked
/// at least once in the life of the source.
pub trait PageRead {
    /// Page size in bytes.
    fn page_size(&self) -> usize;
    /// A page whose checksum field must equal `child.crc` (P3) and whose generation must not be
    /// newer than the source's (P4).
    fn page(&self, child: PageRef) -> Result<&[u8]>;
    /// A page that [`PageRead::page`] of this very source gave before: it need not be checked.
    #[inline]
    fn again(&self, child: PageRef) -> Result<&[u8]> {
        self.page(child)
    }
    /// Hint: so many bytes of this page, from an offset on, come next.
    #[inline]
    fn soon(&self, _: PageRef, _from: usize, _len: usize) {}
    /// The bytes of a large value, checked against the checksum in the reference (T9, T10).
    fn value(&self, reference: &OverflowRef) -> Result<&[u8]>;
}

/// A page and the checksum that its parent says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageRef {
    /// Page id.
    pub page: u32,
    /// Expected checksum.
    pub crc: u32,
}

impl From<ChildRef> for PageRef {
    fn from(child: ChildRef) -> Self {
        PageRef {
            page: child.page,
            crc: child.crc,
        }
    }
}

/// Where new pages go and old ones are given back.
pub trait PageWrite {
    /// The generation being built.
    fn generation(&self) -> u64;
    /// Reserves `pages` consecutive pages.
    fn allocate(&mut self, pages: u32) -> Result<u32>;
    /// Writes whole pages (or, for an overflow extent, header and value; the rest of the last
    /// page is written as zeros) beginning at page `first`.
    fn write(&mut self, first: u32, parts: &[&[u8]]) -> Result<()>;
    /// Gives back pages of the older tree.
    fn free(&mut self, first: u32, pages: u32);
}

impl<W: PageWrite + ?Sized> PageWrite for &mut W {
    fn generation(&self) -> u64 {
        (**self).generation()
    }
    fn allocate(&mut self, pages: u32) -> Result<u32> {
        (**self).allocate(pages)
    }
    fn write(&mut self, first: u32, parts: &[&[u8]]) -> Result<()> {
        (**self).write(first, parts)
    }
    fn free(&mut self, first: u32, pages: u32) {
        (**self).free(first, pages);
    }
}
