//! Leaf pages: entries in key order, packed, with the common key prefix stored once.
//!
//! `header 32 | prefix | cells in key order | zeros | heads (u8) | slots (u16, growing down)`
//!
//! Cell: `suffix_len * 4 + flags varint | suffix | value or overflow ref`, up to the next cell.
//!
//! In front of the slots stands one byte for each entry, the first of its suffix: a search looks
//! at those, which lie together, before it touches any cell.

mod builder;

use std::cmp::Ordering;

use super::bytes::{all_zero, split_bytes, split_varint, u16_at};
use super::overflow::{OVERFLOW_REF_SIZE, OverflowRef};
use super::page::{PageHeader, PageKind};
use super::{Invariant, PAGE_HEADER_SIZE};
use crate::error::Corruption;

pub(super) use builder::finish_page;
pub use builder::{LeafBuilder, max_cell, needs_overflow};

/// The value stands in an overflow extent.
const FLAG_OVERFLOW: u64 = 1;
/// Bits of flags below the suffix length.
const FLAG_BITS: u32 = 2;
/// Bytes of a slot and a head.
const INDEX_SIZE: usize = 3;

/// A value as a leaf stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredValue<'a> {
    /// In the cell.
    Inline(&'a [u8]),
    /// In an extent of its own.
    Overflow(OverflowRef),
}

impl StoredValue<'_> {
    /// Length of the value.
    pub fn len(&self) -> u64 {
        match self {
            StoredValue::Inline(bytes) => bytes.len() as u64,
            StoredValue::Overflow(r) => u64::from(r.stored_len),
        }
    }

    /// True for the empty value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// crc32c of the value.
    pub fn crc(&self) -> u32 {
        match self {
            StoredValue::Inline(bytes) => super::checksum::crc(bytes),
            StoredValue::Overflow(r) => r.crc,
        }
    }

    fn stored_size(&self) -> usize {
        match self {
            StoredValue::Inline(bytes) => bytes.len(),
            StoredValue::Overflow(_) => OVERFLOW_REF_SIZE,
        }
    }
}

/// One entry of a leaf; the key without the page's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafCell<'a> {
    /// Key after the page prefix.
    pub suffix: &'a [u8],
    /// The value.
    pub value: StoredValue<'a>,
}

/// Decodes a whole cell: it ends where the next one begins.
#[inline(always)]
fn decode_cell(cell: &[u8]) -> Option<LeafCell<'_>> {
    let (head, rest) = split_varint(cell)?;
    let (suffix, rest) = split_bytes(rest, head >> FLAG_BITS)?;
    let value = match head & ((1 << FLAG_BITS) - 1) {
        0 => StoredValue::Inline(rest),
        FLAG_OVERFLOW if rest.len() == OVERFLOW_REF_SIZE => {
            StoredValue::Overflow(OverflowRef::decode(rest)?)
        }
        _ => return None,
    };
    Some(LeafCell { suffix, value })
}

/// A leaf page, decoded on demand and bounds-checked at every step.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    page: &'a [u8],
    prefix: &'a [u8],
    count: usize,
    cells_end: usize,
}

/// What a leaf's header says: to be kept where the page itself cannot be borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeafShape {
    prefix_len: usize,
    count: usize,
    cells_end: usize,
}

impl LeafShape {
    /// Number of entries.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl<'a> Leaf<'a> {
    /// The shape, for [`Leaf::with_shape`].
    #[inline]
    pub fn shape(&self) -> LeafShape {
        LeafShape {
            prefix_len: self.prefix.len(),
            count: self.count,
            cells_end: self.cells_end,
        }
    }

    /// The leaf that gave the shape, from the same bytes.
    #[inline(always)]
    pub fn with_shape(page: &'a [u8], shape: &LeafShape) -> Option<Leaf<'a>> {
        Some(Leaf {
            page,
            prefix: page.get(PAGE_HEADER_SIZE..PAGE_HEADER_SIZE + shape.prefix_len)?,
            count: shape.count,
            cells_end: shape.cells_end,
        })
    }

    /// Looks at a page as a leaf; `None` where its header is not that of one.
    #[inline]
    pub fn new(page: &'a [u8]) -> Option<Leaf<'a>> {
        let header = PageHeader::decode(page)?;
        if header.kind != PageKind::Leaf || header.level != 0 {
            return None;
        }
        let prefix_len = usize::from(header.prefix_len);
        let prefix = page.get(PAGE_HEADER_SIZE..PAGE_HEADER_SIZE + prefix_len)?;
        let count = usize::from(header.cell_count);
        let fits = PAGE_HEADER_SIZE + prefix_len + INDEX_SIZE * count <= page.len();
        let cells_end = header.cells_end_offset();
        fits.then_some(Leaf {
            page,
            prefix,
            count,
            cells_end,
        })
    }

    /// Number of entries.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes in use after the page header: prefix, cells, heads and slots.
    pub fn used(&self) -> usize {
        self.cells_end.saturating_sub(PAGE_HEADER_SIZE) + INDEX_SIZE * self.count
    }

    /// The prefix of every key in the page.
    #[inline]
    pub fn prefix(&self) -> &'a [u8] {
        self.prefix
    }

    /// The cell at position `i`.
    #[inline]
    pub fn cell(&self, i: usize) -> Option<LeafCell<'a>> {
        decode_cell(self.cell_bytes(i)?)
    }

    /// Where the cell at position `i` begins.
    #[inline(always)]
    pub fn cell_start(&self, i: usize) -> usize {
        self.slot(i).unwrap_or(self.cells_end)
    }

    /// The cell at position `i`, which begins at `start`, and where it ends: for walking forward.
    #[inline(always)]
    pub fn cell_at(&self, i: usize, start: usize) -> Option<(LeafCell<'a>, usize)> {
        let end = if i + 1 == self.count {
            self.cells_end
        } else {
            self.slot(i + 1)?
        };
        Some((self.cell_between(start, end)?, end))
    }

    /// The cell between two offsets.
    #[inline(always)]
    pub fn cell_between(&self, start: usize, end: usize) -> Option<LeafCell<'a>> {
        decode_cell(self.page.get(start..end)?)
    }

    /// The cell at position `i` and its length in bytes.
    pub fn cell_and_len(&self, i: usize) -> Option<(LeafCell<'a>, usize)> {
        let bytes = self.cell_bytes(i)?;
        Some((decode_cell(bytes)?, bytes.len()))
    }

    #[inline]
    fn cell_bytes(&self, i: usize) -> Option<&'a [u8]> {
        let end = if i + 1 == self.count {
            self.cells_end
        } else {
            self.slot(i + 1)?
        };
        self.page.get(self.slot(i)?..end)
    }

    #[inline]
    fn slot(&self, i: usize) -> Option<usize> {
        if i >= self.count {
            return None;
        }
        Some(usize::from(u16_at(
            self.page,
            self.page.len() - 2 * (i + 1),
        )?))
    }

    #[inline]
    fn suffix(&self, i: usize) -> Option<&'a [u8]> {
        let (head, rest) = split_varint(self.page.get(self.slot(i)?..)?)?;
        Some(split_bytes(rest, head >> FLAG_BITS)?.0)
    }

    /// The first byte of each suffix, in order.
    #[inline]
    fn heads(&self) -> Option<&'a [u8]> {
        let start = self.page.len() - INDEX_SIZE * self.count;
        self.page.get(start..start + self.count)
    }

    /// Finds a full key: `Ok(i)` where it is, `Err(i)` where it would stand. `None`: malformed.
    #[inline]
    pub fn search(&self, key: &[u8]) -> Option<Result<usize, usize>> {
        let head = key.get(..self.prefix.len()).unwrap_or(key);
        let suffix = match head.cmp(self.prefix) {
            Ordering::Less => return Some(Err(0)),
            Ordering::Greater => return Some(Err(self.count)),
            Ordering::Equal => key.get(self.prefix.len()..)?,
        };
        let heads = self.heads()?;
        let wanted = head_of(suffix);
        // Counting all of a short row beats halving it.
        let (mut low, mut high) = if heads.len() <= 64 {
            let count = |low: u8, high: u8, h: &u8| {
                (low + u8::from(*h < wanted), high + u8::from(*h <= wanted))
            };
            let (low, high) = heads.iter().fold((0, 0), |(l, h), head| count(l, h, head));
            (usize::from(low), usize::from(high))
        } else {
            let low = heads.partition_point(|&h| h < wanted);
            (low, heads.partition_point(|&h| h <= wanted))
        };
        while low < high {
            let middle = (low + high) / 2;
            match self.suffix(middle)?.cmp(suffix) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(Ok(middle)),
            }
        }
        Some(Err(low))
    }

    /// Walks the whole page as `verify` does: P7, T1, T3, T5, T8. Offsets are relative to the page.
    pub fn check(&self) -> Result<(), Corruption> {
        let bad = |id, at: usize, what: &str| Err(Corruption::new(id, what).at(at as u64));
        if self.count == 0 {
            return bad(Invariant::T5, 18, "leaf without entries");
        }
        let end = self.cells_end;
        let heads_start = self.page.len() - INDEX_SIZE * self.count;
        let heads = self.heads().unwrap_or(&[]);
        let mut at = PAGE_HEADER_SIZE + self.prefix.len();
        // The other slots are where the cells before theirs end.
        if self.slot(0) != Some(at) {
            let slot_at = self.page.len() - 2;
            return bad(
                Invariant::P7,
                slot_at,
                "slot does not point at the first cell",
            );
        }
        let mut before: Option<&[u8]> = None;
        for i in 0..self.count {
            let Some((cell, len)) = self.cell_and_len(i).filter(|(_, len)| at + len <= end) else {
                let flags = self.page.get(at).map_or(0, |b| u64::from(b & 3));
                if flags > FLAG_OVERFLOW {
                    return bad(Invariant::T8, at, "unknown cell flags");
                }
                return bad(Invariant::P7, at, "cell does not decode");
            };
            if before.is_some_and(|b| b >= cell.suffix) {
                return bad(Invariant::T1, at, "keys do not rise");
            }
            if heads.get(i) != Some(&head_of(cell.suffix)) {
                return bad(
                    Invariant::P7,
                    heads_start + i,
                    "head is not that of the cell",
                );
            }
            before = Some(cell.suffix);
            at += len;
        }
        // Where the cells run into the heads there are no bytes at all.
        if !self.page.get(end..heads_start).is_some_and(all_zero) {
            return bad(Invariant::P7, end, "no zeros from the cells to the heads");
        }
        Ok(())
    }
}

/// The first byte of a suffix, 0 for the empty one.
#[inline]
fn head_of(suffix: &[u8]) -> u8 {
    suffix.first().copied().unwrap_or(0)
}
