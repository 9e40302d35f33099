//! Branch pages: children in key order with the separators between them.
//!
//! Cell: `child u32 | child_crc u32 | child_entries varint | sep_len varint | separator suffix`.
//! Cell 0 has an empty separator and is left out when the page prefix is computed. Child `i`
//! holds the keys `k` with `separator_i <= k < separator_{i+1}`.

use std::cmp::Ordering;

use super::bytes::{
    all_zero, common_prefix, head8, head8_of, push_varint, skip_varint, split_bytes, split_varint,
    u16_at, u32_at, varint_len,
};
use super::leaf::finish_page;
use super::page::{PageHeader, PageKind};
use super::{Invariant, MAX_HEIGHT, PAGE_HEADER_SIZE};
use crate::error::Corruption;

/// Bytes of a child's page and checksum, in front of a cell.
const CHILD: usize = 8;

/// What a parent knows of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildRef {
    /// Page of the child.
    pub page: u32,
    /// That page's checksum.
    pub crc: u32,
    /// Entries at or below it.
    pub entries: u64,
}

/// A branch page, decoded on demand and bounds-checked at every step.
#[derive(Debug, Clone, Copy)]
pub struct Branch<'a> {
    page: &'a [u8],
    prefix: &'a [u8],
    count: usize,
    level: u8,
}

fn split_cell(bytes: &[u8]) -> Option<(ChildRef, &[u8], &[u8])> {
    let page = u32_at(bytes, 0)?;
    let crc = u32_at(bytes, 4)?;
    let (entries, rest) = split_varint(bytes.get(8..)?)?;
    let (len, rest) = split_varint(rest)?;
    let (separator, rest) = split_bytes(rest, len)?;
    Some((ChildRef { page, crc, entries }, separator, rest))
}

impl<'a> Branch<'a> {
    /// Looks at a page as a branch; `None` where its header is not that of one.
    #[inline]
    pub fn new(page: &'a [u8]) -> Option<Branch<'a>> {
        let header = PageHeader::decode(page)?;
        if header.kind != PageKind::Branch || header.level == 0 || header.level >= MAX_HEIGHT {
            return None;
        }
        let prefix_len = usize::from(header.prefix_len);
        let prefix = page.get(PAGE_HEADER_SIZE..PAGE_HEADER_SIZE + prefix_len)?;
        let count = usize::from(header.cell_count);
        let fits = PAGE_HEADER_SIZE + prefix_len + 2 * count <= page.len();
        (fits && count > 0).then_some(Branch {
            page,
            prefix,
            count,
            level: header.level,
        })
    }

    /// Number of children.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Height above the leaves.
    #[inline]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The prefix of every separator but the first.
    #[inline]
    pub fn prefix(&self) -> &'a [u8] {
        self.prefix
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

    /// Child `i` and its separator without the page prefix (empty for child 0).
    #[inline]
    pub fn cell(&self, i: usize) -> Option<(ChildRef, &'a [u8])> {
        let (child, separator, _) = split_cell(self.page.get(self.slot(i)?..)?)?;
        Some((child, separator))
    }

    /// Child `i`, its separator as in [`Branch::cell`], and the length of the cell in bytes.
    pub fn cell_and_len(&self, i: usize) -> Option<(ChildRef, &'a [u8], usize)> {
        let bytes = self.page.get(self.slot(i)?..)?;
        let (child, separator, rest) = split_cell(bytes)?;
        Some((child, separator, bytes.len() - rest.len()))
    }

    /// Child `i`.
    #[inline]
    pub fn child(&self, i: usize) -> Option<ChildRef> {
        Some(self.cell(i)?.0)
    }

    /// Appends the full separator of child `i` to `out` (nothing for child 0).
    pub fn separator(&self, i: usize, out: &mut Vec<u8>) -> Option<()> {
        if i > 0 {
            out.extend_from_slice(self.prefix);
            out.extend_from_slice(self.cell(i)?.1);
        }
        Some(())
    }

    /// The child that a key belongs to. `None`: malformed.
    #[inline]
    pub fn search(&self, key: &[u8]) -> Option<usize> {
        let head = key.get(..self.prefix.len()).unwrap_or(key);
        let suffix = match head.cmp(self.prefix) {
            Ordering::Less => return Some(0),
            Ordering::Greater => return Some(self.count - 1),
            Ordering::Equal => key.get(self.prefix.len()..)?,
        };
        // The last child whose separator is not above the key; child 0 has none.
        let wanted = head8(suffix);
        let (mut low, mut high) = (1, self.count);
        while low < high {
            let middle = (low + high) / 2;
            if self.is_at_or_below(middle, suffix, wanted)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low - 1)
    }

    /// Is separator `i` not above a key? Mostly the first eight bytes tell (`head`: those of the key).
    #[inline(always)]
    fn is_at_or_below(&self, i: usize, suffix: &[u8], head: u64) -> Option<bool> {
        let rest = self.page.get(self.slot(i)? + CHILD..)?;
        let (len, rest) = split_varint(skip_varint(rest)?)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= rest.len())?;
        let found = head8_of(rest, len);
        match found.cmp(&head) {
            Ordering::Less => Some(true),
            Ordering::Greater => Some(false),
            Ordering::Equal => Some(rest.get(..len)? <= suffix),
        }
    }

    /// Walks the whole page as `verify` does: P7, T1, T5. Offsets are relative to the page.
    pub fn check(&self) -> Result<(), Corruption> {
        let bad = |id, at: usize, what: &str| Err(Corruption::new(id, what).at(at as u64));
        if self.count < 2 {
            return bad(Invariant::T5, 18, "branch with fewer than two children");
        }
        let Some(header) = PageHeader::decode(self.page) else {
            return bad(Invariant::P7, 0, "branch header");
        };
        let end = header.cells_end_offset();
        let slots_start = self.page.len() - 2 * self.count;
        let mut at = PAGE_HEADER_SIZE + self.prefix.len();
        let mut before: Option<&[u8]> = None;
        for i in 0..self.count {
            if self.slot(i) != Some(at) {
                return bad(
                    Invariant::P7,
                    slots_start,
                    "slot does not point at the next cell",
                );
            }
            let Some((_, separator, rest)) = self.page.get(at..end).and_then(split_cell) else {
                return bad(Invariant::P7, at, "cell does not decode");
            };
            if i == 0 && !separator.is_empty() {
                return bad(Invariant::P7, at, "first separator is not empty");
            }
            let empty = self.prefix.is_empty() && separator.is_empty();
            if i > 0 && (before.is_some_and(|b| b >= separator) || empty) {
                return bad(Invariant::T1, at, "separators do not rise");
            }
            before = (i > 0).then_some(separator);
            at = end - rest.len();
        }
        if at != end {
            return bad(Invariant::P7, at, "cells do not end where the header says");
        }
        // Where the cells run into the slots there are no bytes at all.
        if !self.page.get(end..slots_start).is_some_and(all_zero) {
            return bad(Invariant::P7, end, "no zeros from the cells to the slots");
        }
        Ok(())
    }
}

/// Collects children in key order until a page is full, then writes the page.
#[derive(Debug)]
pub struct BranchBuilder {
    page_size: usize,
    separators: Vec<u8>,
    children: Vec<Pending>,
    prefix_len: usize,
    cells: usize,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    child: ChildRef,
    at: usize,
    len: usize,
}

impl Pending {
    fn cell_size(&self, i: usize, prefix_len: usize) -> usize {
        let suffix = if i == 0 { 0 } else { self.len - prefix_len };
        8 + varint_len(self.child.entries) + varint_len(suffix as u64) + suffix + 2
    }
}

impl BranchBuilder {
    /// An empty builder.
    pub fn new(page_size: usize) -> Self {
        BranchBuilder {
            page_size,
            separators: Vec::new(),
            children: Vec::new(),
            prefix_len: 0,
            cells: 0,
        }
    }

    /// Children collected.
    pub fn count(&self) -> usize {
        self.children.len()
    }

    /// True when nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Bytes of the page in use, header included.
    pub fn used(&self) -> usize {
        PAGE_HEADER_SIZE + self.prefix_len + self.cells
    }

    /// Child `i` and the full separator that it was pushed with.
    pub fn entry(&self, i: usize) -> Option<(&[u8], ChildRef)> {
        let p = self.children.get(i)?;
        Some((self.separators.get(p.at..p.at + p.len)?, p.child))
    }

    /// Entries below all children.
    pub fn entries(&self) -> u64 {
        // Saturating: counts may come from a damaged page, and a wrong sum is found by T6.
        let counts = self.children.iter().map(|p| p.child.entries);
        counts.fold(0, u64::saturating_add)
    }

    /// Adds a child if it fits; `false` leaves the builder as it was. Separators must rise; the
    /// first one is kept (for the parent) but not stored.
    pub fn push(&mut self, separator: &[u8], child: ChildRef) -> bool {
        let i = self.children.len();
        let next = Pending {
            child,
            at: self.separators.len(),
            len: separator.len(),
        };
        let prefix_len = match i {
            1 => separator.len(),
            _ => match self.entry(1) {
                Some((first, _)) => {
                    common_prefix(first.get(..self.prefix_len).unwrap_or(first), separator)
                }
                None => 0,
            },
        };
        let mut cells = self.cells;
        if prefix_len != self.prefix_len {
            let sizes = self
                .children
                .iter()
                .enumerate()
                .map(|(i, p)| p.cell_size(i, prefix_len));
            cells = sizes.sum();
        }
        cells += next.cell_size(i, prefix_len);
        if PAGE_HEADER_SIZE + prefix_len + cells > self.page_size {
            return false;
        }
        self.separators.extend_from_slice(separator);
        self.children.push(next);
        (self.prefix_len, self.cells) = (prefix_len, cells);
        true
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.separators.clear();
        self.children.clear();
        (self.prefix_len, self.cells) = (0, 0);
    }

    /// Writes the page into `out` (cleared first) and gives its checksum.
    pub fn write(&self, out: &mut Vec<u8>, page_id: u32, generation: u64, level: u8) -> u32 {
        out.clear();
        let prefix = match self.entry(1) {
            Some((first, _)) => first.get(..self.prefix_len).unwrap_or(&[]),
            None => &[],
        };
        out.extend_from_slice(&[0; PAGE_HEADER_SIZE]);
        out.extend_from_slice(prefix);
        let mut slots = Vec::with_capacity(self.children.len());
        for (i, p) in self.children.iter().enumerate() {
            slots.push(out.len() as u16);
            out.extend_from_slice(&p.child.page.to_le_bytes());
            out.extend_from_slice(&p.child.crc.to_le_bytes());
            push_varint(out, p.child.entries);
            let suffix = if i == 0 {
                &[][..]
            } else {
                self.separators
                    .get(p.at + self.prefix_len..p.at + p.len)
                    .unwrap_or(&[])
            };
            push_varint(out, suffix.len() as u64);
            out.extend_from_slice(suffix);
        }
        let header = PageHeader {
            crc: 0,
            page_id,
            generation,
            kind: PageKind::Branch,
            level,
            cell_count: self.children.len() as u16,
            prefix_len: self.prefix_len as u16,
            cells_end: out.len() as u16,
        };
        finish_page(out, self.page_size, &header, &[], &slots)
    }
}

/// The shortest separator `s` with `left < s <= right`.
pub fn separator<'a>(left: &[u8], right: &'a [u8]) -> &'a [u8] {
    let len = common_prefix(left, right) + 1;
    right.get(..len).unwrap_or(right)
}
