//! Large values: one extent, a page header, then the bytes without further headers.

use super::PAGE_HEADER_SIZE;
use super::bytes::u32_at;
use super::page::{PageHeader, PageKind, seal};

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
