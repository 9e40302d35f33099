//! The 32-byte header that every page begins with.

use super::bytes::{patch, u16_at, u32_at, u64_at};
use super::checksum::crc;
use super::{Invariant, PAGE_HEADER_SIZE};
use crate::defect::{Defect, planted};
use crate::error::Corruption;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Entries.
    Leaf,
    /// Children and separators.
    Branch,
    /// A large value.
    Overflow,
    /// Extents of free space.
    FreeList,
}

impl PageKind {
    fn from_byte(byte: u8) -> Option<PageKind> {
        use PageKind::*;
        [Leaf, Branch, Overflow, FreeList]
            .get(usize::from(byte).checked_sub(1)?)
            .copied()
    }

    fn to_byte(self) -> u8 {
        self as u8 + 1
    }
}

/// The common page header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeader {
    /// crc32c of the bytes after it (of bytes 4..32 only for an overflow page).
    pub crc: u32,
    /// Where the page stands.
    pub page_id: u32,
    /// Generation that wrote it.
    pub generation: u64,
    /// What it holds.
    pub kind: PageKind,
    /// Height above the leaves.
    pub level: u8,
    /// Cells or records.
    pub cell_count: u16,
    /// Bytes of the common key prefix.
    pub prefix_len: u16,
    /// First byte after the last cell (0 means 65536).
    pub cells_end: u16,
}

impl PageHeader {
    /// Decodes the header without checking the checksum.
    #[inline]
    pub fn decode(page: &[u8]) -> Option<PageHeader> {
        // One bounds check for all fields.
        let page = page.first_chunk::<PAGE_HEADER_SIZE>()?;
        let header = PageHeader {
            crc: u32_at(page, 0)?,
            page_id: u32_at(page, 4)?,
            generation: u64_at(page, 8)?,
            kind: PageKind::from_byte(*page.get(16)?)?,
            level: *page.get(17)?,
            cell_count: u16_at(page, 18)?,
            prefix_len: u16_at(page, 20)?,
            cells_end: u16_at(page, 22)?,
        };
        // Bytes 24..32 are reserved (earliest expiry, then zero) and must be zero in version 1.
        (u64_at(page, 24)? == 0).then_some(header)
    }

    /// Encodes everything but the checksum.
    pub fn encode(&self) -> [u8; PAGE_HEADER_SIZE] {
        let mut b = [0u8; PAGE_HEADER_SIZE];
        patch(&mut b, 4, &self.page_id.to_le_bytes());
        patch(&mut b, 8, &self.generation.to_le_bytes());
        patch(&mut b, 16, &[self.kind.to_byte(), self.level]);
        patch(&mut b, 18, &self.cell_count.to_le_bytes());
        patch(&mut b, 20, &self.prefix_len.to_le_bytes());
        patch(&mut b, 22, &self.cells_end.to_le_bytes());
        b
    }

    /// `cells_end` as an offset.
    #[inline]
    pub fn cells_end_offset(&self) -> usize {
        if self.cells_end == 0 {
            65536
        } else {
            usize::from(self.cells_end)
        }
    }
}

/// The bytes that a page's checksum covers.
#[inline]
fn covered(page: &[u8], kind: PageKind) -> &[u8] {
    let end = if kind == PageKind::Overflow {
        PAGE_HEADER_SIZE
    } else {
        page.len()
    };
    page.get(4..end).unwrap_or(&[])
}

/// Computes the checksum, stores it in the page and gives it.
pub fn seal(page: &mut [u8], kind: PageKind) -> u32 {
    let sum = crc(covered(page, kind));
    patch(page, 0, &sum.to_le_bytes());
    sum
}

/// Checks what a page must satisfy whatever it holds: checksum (P1), place (P2), and a known
/// header. The offset in the error is relative to the page.
pub fn check_page(page: &[u8], page_id: u32) -> Result<PageHeader, Corruption> {
    let bad = |id, what: String| Err(Corruption::new(id, what));
    let Some(header) = PageHeader::decode(page) else {
        return bad(Invariant::P1, "page header is not one".into());
    };
    let sum = crc(covered(page, header.kind));
    if sum != header.crc && !planted(Defect::PageCrcUnchecked) {
        return bad(
            Invariant::P1,
            format!("checksum is {:08x}, stored {:08x}", sum, header.crc),
        );
    }
    if header.page_id != page_id && !planted(Defect::PageIdUnchecked) {
        return bad(
            Invariant::P2,
            format!("page says it is page {}", header.page_id),
        );
    }
    Ok(header)
}
