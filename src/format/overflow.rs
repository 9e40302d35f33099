//! Large values: one extent, a page header, then the bytes without further headers.

use super::bytes::{all_zero, u32_at};
use super::checksum::crc;
use super::page::{PageHeader, PageKind, check_page, seal};
use super::{Invariant, PAGE_HEADER_SIZE};
use crate::error::Corruption;

/// Bytes of a reference in a leaf cell.
pub const OVERFLOW_REF_SIZE: usize = 16;

/// Where a large value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverflowRef {
    /// First page of the extent.
    pub page: u32,
    /// Bytes stored.
    pub stored_len: u32,
    /// crc32c of those bytes.
    pub crc: u32,
}

impl OverflowRef {
    /// Encodes the reference.
    pub fn encode(&self) -> [u8; OVERFLOW_REF_SIZE] {
        let mut b = [0u8; OVERFLOW_REF_SIZE];
        super::bytes::patch(&mut b, 0, &self.page.to_le_bytes());
        super::bytes::patch(&mut b, 4, &self.stored_len.to_le_bytes());
        super::bytes::patch(&mut b, 8, &self.crc.to_le_bytes());
        b
    }

    /// Decodes a reference.
    #[inline]
    pub fn decode(b: &[u8]) -> Option<OverflowRef> {
        if u32_at(b, 12)? != 0 {
            return None;
        }
        Some(OverflowRef {
            page: u32_at(b, 0)?,
            stored_len: u32_at(b, 4)?,
            crc: u32_at(b, 8)?,
        })
    }

    /// Pages of the extent.
    pub fn pages(&self, page_size: usize) -> u32 {
        overflow_pages(u64::from(self.stored_len), page_size)
    }
}

/// Pages that a value of this length takes.
pub fn overflow_pages(len: u64, page_size: usize) -> u32 {
    (len + PAGE_HEADER_SIZE as u64).div_ceil(page_size as u64) as u32
}

/// The 32-byte header of an overflow extent.
pub fn overflow_header(page_id: u32, generation: u64) -> [u8; PAGE_HEADER_SIZE] {
    let mut b = PageHeader {
        crc: 0,
        page_id,
        generation,
        kind: PageKind::Overflow,
        level: 0,
        cell_count: 0,
        prefix_len: 0,
        cells_end: 0,
    }
    .encode();
    seal(&mut b, PageKind::Overflow);
    b
}

/// Checks a whole extent (P1, P2, T9, T10) against the reference that led to it, its padding
/// included, and gives the value. Offsets are relative to the extent.
pub fn check_extent<'a>(extent: &'a [u8], of: &OverflowRef) -> Result<&'a [u8], Corruption> {
    let bad = |id, at: usize, what: &str| Err(Corruption::new(id, what).at(at as u64));
    let header = check_page(extent, of.page)?;
    if extent.get(4..PAGE_HEADER_SIZE) != overflow_header(of.page, header.generation).get(4..) {
        return bad(Invariant::T9, 16, "not the header of an overflow extent");
    }
    let end = PAGE_HEADER_SIZE.saturating_add(of.stored_len as usize);
    let Some(value) = extent.get(PAGE_HEADER_SIZE..end) else {
        return bad(Invariant::T9, 0, "overflow extent is too short");
    };
    if crc(value) != of.crc {
        return bad(
            Invariant::T10,
            PAGE_HEADER_SIZE,
            "value checksum does not match",
        );
    }
    if !extent.get(end..).is_some_and(all_zero) {
        return bad(Invariant::T9, end, "bytes after the value are not zero");
    }
    Ok(value)
}
