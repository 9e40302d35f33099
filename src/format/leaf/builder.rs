//! Builds a leaf page.

use super::{FLAG_BITS, FLAG_OVERFLOW, INDEX_SIZE, StoredValue, head_of};
use crate::format::PAGE_HEADER_SIZE;
use crate::format::bytes::{common_prefix, patch, push_varint, varint_len};
use crate::format::overflow::OverflowRef;
use crate::format::page::{PageHeader, PageKind, seal};

/// Collects entries in key order until a page is full, then writes the page.
#[derive(Debug)]
pub struct LeafBuilder {
    page_size: usize,
    /// Keys and stored values, one after the other.
    bytes: Vec<u8>,
    entries: Vec<Pending>,
    prefix_len: usize,
    /// Bytes of all cells, heads and slots with the present prefix.
    cells: usize,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    at: usize,
    key_len: usize,
    stored_len: usize,
    overflow: bool,
}

impl Pending {
    fn cell_size(&self, prefix_len: usize) -> usize {
        let suffix = self.key_len - prefix_len;
        let head = varint_len((suffix as u64) << FLAG_BITS);
        head + suffix + self.stored_len + INDEX_SIZE
    }
}

/// Bytes that one cell with its slot may take, so that a leaf holds at least four.
pub fn max_cell(page_size: usize) -> usize {
    (page_size - PAGE_HEADER_SIZE) / 4
}

/// True where a value of this length goes to an overflow extent.
pub fn needs_overflow(page_size: usize, full_key_len: usize, value_len: u64) -> bool {
    let key_head = varint_len((full_key_len as u64) << FLAG_BITS);
    let head = INDEX_SIZE + key_head + full_key_len;
    (head as u64).saturating_add(value_len) > max_cell(page_size) as u64
}

impl LeafBuilder {
    /// An empty builder.
    pub fn new(page_size: usize) -> Self {
        LeafBuilder {
            page_size,
            bytes: Vec::new(),
            entries: Vec::new(),
            prefix_len: 0,
            cells: 0,
        }
    }

    /// Entries collected.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of the page in use, header included.
    pub fn used(&self) -> usize {
        PAGE_HEADER_SIZE + self.prefix_len + self.cells
    }

    /// Adds an entry if it fits; `false` leaves the builder as it was. Keys must rise.
    pub fn push(&mut self, key: &[u8], value: &StoredValue<'_>) -> bool {
        debug_assert!(
            self.last_key().is_none_or(|last| last < key),
            "keys do not rise"
        );
        let next = Pending {
            at: self.bytes.len(),
            key_len: key.len(),
            stored_len: value.stored_size(),
            overflow: matches!(value, StoredValue::Overflow(_)),
        };
        let prefix_len = match self.key(0) {
            Some(first) => common_prefix(first.get(..self.prefix_len).unwrap_or(first), key),
            None => key.len(),
        };
        let mut cells = self.cells;
        if prefix_len != self.prefix_len {
            cells = self.entries.iter().map(|e| e.cell_size(prefix_len)).sum();
        }
        cells += next.cell_size(prefix_len);
        if PAGE_HEADER_SIZE + prefix_len + cells > self.page_size && !self.is_empty() {
            return false;
        }
        self.bytes.extend_from_slice(key);
        match value {
            StoredValue::Inline(bytes) => self.bytes.extend_from_slice(bytes),
            StoredValue::Overflow(r) => self.bytes.extend_from_slice(&r.encode()),
        }
        self.entries.push(next);
        (self.prefix_len, self.cells) = (prefix_len, cells);
        true
    }

    /// Full key of entry `i`.
    pub fn key(&self, i: usize) -> Option<&[u8]> {
        let e = self.entries.get(i)?;
        self.bytes.get(e.at..e.at + e.key_len)
    }

    /// Full key and value of entry `i`.
    pub fn entry(&self, i: usize) -> Option<(&[u8], StoredValue<'_>)> {
        let e = self.entries.get(i)?;
        let stored = self
            .bytes
            .get(e.at + e.key_len..e.at + e.key_len + e.stored_len)?;
        let value = if e.overflow {
            StoredValue::Overflow(OverflowRef::decode(stored)?)
        } else {
            StoredValue::Inline(stored)
        };
        Some((self.key(i)?, value))
    }

    /// Full key of the last entry.
    pub fn last_key(&self) -> Option<&[u8]> {
        self.key(self.entries.len().checked_sub(1)?)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        (self.prefix_len, self.cells) = (0, 0);
    }

    /// Writes the page into `out` (cleared first) and gives its checksum.
    pub fn write(&self, out: &mut Vec<u8>, page_id: u32, generation: u64) -> u32 {
        out.clear();
        let prefix = self
            .key(0)
            .and_then(|k| k.get(..self.prefix_len))
            .unwrap_or(&[]);
        out.extend_from_slice(&[0; PAGE_HEADER_SIZE]);
        out.extend_from_slice(prefix);
        let mut slots = Vec::with_capacity(self.entries.len());
        let mut heads = Vec::with_capacity(self.entries.len());
        for e in &self.entries {
            slots.push(out.len() as u16);
            let suffix_len = (e.key_len - self.prefix_len) as u64;
            let flags = if e.overflow { FLAG_OVERFLOW } else { 0 };
            push_varint(out, (suffix_len << FLAG_BITS) | flags);
            let end = e.at + e.key_len + e.stored_len;
            let cell = self.bytes.get(e.at + self.prefix_len..end).unwrap_or(&[]);
            heads.push(if suffix_len > 0 { head_of(cell) } else { 0 });
            out.extend_from_slice(cell);
        }
        let header = PageHeader {
            crc: 0,
            page_id,
            generation,
            kind: PageKind::Leaf,
            level: 0,
            cell_count: self.entries.len() as u16,
            prefix_len: self.prefix_len as u16,
            cells_end: out.len() as u16,
        };
        finish_page(out, self.page_size, &header, &heads, &slots)
    }
}

/// Pads, appends heads and slots, patches the header in and seals the page.
pub(in crate::format) fn finish_page(
    out: &mut Vec<u8>,
    page_size: usize,
    header: &PageHeader,
    heads: &[u8],
    slots: &[u16],
) -> u32 {
    debug_assert!(
        out.len() + heads.len() + 2 * slots.len() <= page_size,
        "page overfull"
    );
    out.resize(page_size - heads.len() - 2 * slots.len(), 0);
    out.extend_from_slice(heads);
    for slot in slots.iter().rev() {
        out.extend_from_slice(&slot.to_le_bytes());
    }
    patch(out, 0, &header.encode());
    seal(out, header.kind)
}
