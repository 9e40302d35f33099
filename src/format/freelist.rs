//! Free-list pages: extents that are available, or pending until no reader needs them.

use super::bytes::{all_zero, patch, u32_at, u64_at};
use super::page::{PageHeader, PageKind, seal};
use super::{Invariant, PAGE_HEADER_SIZE};
use crate::error::Corruption;

const RECORDS_AT: usize = 40;
const RECORD_SIZE: usize = 16;

/// A run of free pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeExtent {
    /// Generation that freed it; 0 = available.
    pub freed_gen: u64,
    /// First page.
    pub start: u32,
    /// Number of pages.
    pub pages: u32,
}

/// Records that fit one page.
pub fn records_per_page(page_size: usize) -> usize {
    (page_size - RECORDS_AT) / RECORD_SIZE
}

/// Writes one page of the chain into `out` and gives its checksum. `next` is the page and
/// checksum that follow (0, 0 at the end).
pub fn write_free_page(
    out: &mut Vec<u8>,
    page_size: usize,
    page_id: u32,
    generation: u64,
    next: (u32, u32),
    records: &[FreeExtent],
) -> u32 {
    debug_assert!(records.len() <= records_per_page(page_size));
    out.clear();
    out.resize(page_size, 0);
    let end = RECORDS_AT + RECORD_SIZE * records.len();
    let header = PageHeader {
        crc: 0,
        page_id,
        generation,
        kind: PageKind::FreeList,
        level: 0,
        cell_count: records.len() as u16,
        prefix_len: 0,
        cells_end: end as u16,
    };
    patch(out, 0, &header.encode());
    patch(out, PAGE_HEADER_SIZE, &next.0.to_le_bytes());
    patch(out, PAGE_HEADER_SIZE + 4, &next.1.to_le_bytes());
    for (i, record) in records.iter().enumerate() {
        let at = RECORDS_AT + RECORD_SIZE * i;
        patch(out, at, &record.start.to_le_bytes());
        patch(out, at + 4, &record.pages.to_le_bytes());
        patch(out, at + 8, &record.freed_gen.to_le_bytes());
    }
    seal(out, PageKind::FreeList)
}

/// Decodes one page of the chain whose checksum and place were checked: the next page with its
/// checksum, and the records.
pub fn read_free_page(page: &[u8]) -> Result<((u32, u32), Vec<FreeExtent>), Corruption> {
    let bad = |what: &str| Corruption::new(Invariant::S5, what);
    let header = PageHeader::decode(page).ok_or_else(|| bad("free-list page header"))?;
    let count = usize::from(header.cell_count);
    let end = RECORDS_AT + RECORD_SIZE * count;
    if header.kind != PageKind::FreeList || header.level != 0 || header.prefix_len != 0 {
        return Err(bad("not a free-list page"));
    }
    if end > page.len() || end != header.cells_end_offset() {
        return Err(bad("free-list records do not fit the page"));
    }
    if !page.get(end..).is_some_and(all_zero) {
        return Err(bad("bytes after the free-list records are not zero").at(end as u64));
    }
    let next = u32_at(page, PAGE_HEADER_SIZE).zip(u32_at(page, PAGE_HEADER_SIZE + 4));
    let mut records = Vec::with_capacity(count);
    for i in 0..count {
        let at = RECORDS_AT + RECORD_SIZE * i;
        let record = u32_at(page, at)
            .zip(u32_at(page, at + 4))
            .zip(u64_at(page, at + 8));
        let ((start, pages), freed_gen) = record.ok_or_else(|| bad("free-list record"))?;
        records.push(FreeExtent {
            freed_gen,
            start,
            pages,
        });
    }
    Ok((next.ok_or_else(|| bad("free-list link"))?, records))
}
