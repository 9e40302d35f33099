//! Dumps of pages.

use super::super::PAGE_HEADER_SIZE;
use super::super::branch::Branch;
use super::super::bytes::u16_at;
use super::super::checksum::crc;
use super::super::freelist::read_free_page;
use super::super::key::split_key;
use super::super::leaf::{Leaf, LeafCell, StoredValue};
use super::super::page::check_page;
use super::{Dump, quoted};
use crate::error::Corruption;

/// Annotates the page that stands as page `page_id` of a file with this page size. For a large
/// value `bytes` may be the first page or the whole extent.
pub fn page(bytes: &[u8], page_id: u32, page_size: usize) -> String {
    let base = u64::from(page_id).saturating_mul(page_size as u64);
    let mut d = Dump::new(bytes, base);
    let kind = d.int(16, 1);
    let whole = match kind {
        3 => bytes.len() >= page_size,
        _ => bytes.len() == page_size,
    };
    if !whole {
        let what = format!("a page has {page_size} bytes, here are {}", bytes.len());
        d.malformed(0, bytes.len(), what);
    }
    common(&mut d, page_id, kind);
    let problem = match kind {
        1 => leaf(&mut d),
        2 => branch(&mut d),
        3 => overflow(&mut d),
        4 => free_list(&mut d),
        _ => None,
    };
    let problem = check_page(bytes, page_id).err().or(problem);
    match problem {
        None => d.verdict(None),
        Some(problem) => d.verdict(Some(&format!("malformed: {problem}"))),
    }
    d.out
}

fn common(d: &mut Dump<'_>, page_id: u32, kind: u64) {
    let covered = if kind == 3 {
        PAGE_HEADER_SIZE - 4
    } else {
        usize::MAX
    };
    d.checksum(0, "crc", crc(d.range(4, covered)));
    let place = if d.int(4, 4) == u64::from(page_id) {
        String::new()
    } else {
        format!("malformed: this is page {page_id}")
    };
    d.number(4, 4, "page_id", &place);
    d.number(8, 8, "generation", "");
    let name = match kind {
        1 => "leaf",
        2 => "branch",
        3 => "overflow",
        4 => "free list",
        _ => "malformed: 1 to 4",
    };
    d.number(16, 1, "kind", name);
    d.number(17, 1, "level", "");
    d.number(18, 2, "cell_count", "");
    d.number(20, 2, "prefix_len", "");
    d.number(22, 2, "cells_end", "");
    d.zero(24, 8);
}

/// A full key: keyspace id and user key.
fn key_text(full: &[u8]) -> String {
    match split_key(full) {
        Some((keyspace, key)) => format!("{keyspace} {}", quoted(key)),
        None => quoted(full),
    }
}

/// The prefix, the cells by their slots, the gap, `heads` bytes a cell, and the slots of a leaf or
/// branch. `cell` gives the length and the text of a cell.
fn cells(d: &mut Dump<'_>, heads: usize, cell: impl Fn(usize) -> Option<(usize, String)>) {
    let size = d.bytes.len();
    let (count, prefix_len) = (d.int(18, 2) as usize, d.int(20, 2) as usize);
    let end = match d.int(22, 2) as usize {
        0 => 65536,
        end => end,
    };
    if prefix_len > 0 {
        let prefix = quoted(d.range(PAGE_HEADER_SIZE, prefix_len));
        d.field(PAGE_HEADER_SIZE, prefix_len, "prefix", prefix, "");
    }
    let mut expected = PAGE_HEADER_SIZE + prefix_len;
    for i in 0..count {
        let slot_at = size.checked_sub(2 * (i + 1));
        let Some(at) = slot_at.and_then(|at| u16_at(d.bytes, at)) else {
            return d.malformed(size, 0, format_args!("{} slots do not fit", count));
        };
        let at = usize::from(at);
        if at != expected {
            d.malformed(
                at,
                0,
                format_args!("slot {i} points at {at}, not at {expected}"),
            );
        }
        match cell(i) {
            Some((len, text)) => {
                d.line(at, len, format_args!("cell {i} = {text}"));
                expected = at + len;
            }
            None => d.malformed(at, 16, format_args!("cell {i} does not decode")),
        }
    }
    let slots_at = size.saturating_sub(2 * count);
    let heads_at = slots_at.saturating_sub(heads * count);
    if end <= heads_at {
        d.zero(end, heads_at - end);
    } else {
        d.malformed(heads_at, 0, "the cells run into the slots");
    }
    if heads > 0 {
        let text = quoted(d.range(heads_at, slots_at - heads_at));
        d.field(heads_at, slots_at - heads_at, "heads", text, "");
    }
    d.line(
        slots_at,
        2 * count,
        format_args!("slots = {count} (the last cell's first)"),
    );
}

fn leaf(d: &mut Dump<'_>) -> Option<Corruption> {
    let Some(leaf) = Leaf::new(d.bytes) else {
        d.malformed(16, 8, "not the header of a leaf");
        return None;
    };
    cells(d, 1, |i| {
        let (cell, len) = leaf.cell_and_len(i)?;
        Some((len, leaf_cell(leaf.prefix(), &cell)))
    });
    leaf.check().err()
}

fn leaf_cell(prefix: &[u8], cell: &LeafCell<'_>) -> String {
    let key = key_text(&[prefix, cell.suffix].concat());
    match cell.value {
        StoredValue::Inline(value) => {
            let (suffix, len) = (cell.suffix.len(), value.len());
            format!(
                "{key} -> {}  (flags 0, suffix {suffix}, value {len})",
                quoted(value)
            )
        }
        StoredValue::Overflow(r) => format!(
            "{key} -> {} bytes at page {}, crc {:08x}  (flags 1 overflow, suffix {})",
            r.stored_len,
            r.page,
            r.crc,
            cell.suffix.len()
        ),
    }
}

fn branch(d: &mut Dump<'_>) -> Option<Corruption> {
    let Some(branch) = Branch::new(d.bytes) else {
        d.malformed(16, 8, "not the header of a branch");
        return None;
    };
    cells(d, 0, |i| {
        let (child, suffix, len) = branch.cell_and_len(i)?;
        let from = if i == 0 {
            "from the start".to_owned()
        } else {
            format!("from {}", key_text(&[branch.prefix(), suffix].concat()))
        };
        let text = format!(
            "page {} {from}  (crc {:08x}, {} entries, suffix {})",
            child.page,
            child.crc,
            child.entries,
            suffix.len()
        );
        Some((len, text))
    });
    branch.check().err()
}

fn overflow(d: &mut Dump<'_>) -> Option<Corruption> {
    if d.int(17, 1) != 0 || d.int(18, 2) != 0 || d.int(20, 4) != 0 {
        d.malformed(17, 7, "level and counts of an overflow page are 0");
    }
    let rest = d.range(PAGE_HEADER_SIZE, usize::MAX);
    let text = quoted(rest);
    let remark = "its length and checksum stand in the leaf";
    d.field(PAGE_HEADER_SIZE, rest.len(), "value", text, remark);
    None
}

fn free_list(d: &mut Dump<'_>) -> Option<Corruption> {
    d.number(32, 4, "next_page", "0 = last");
    d.word(36, 4, "next_crc", "");
    let count = d.int(18, 2) as usize;
    for i in 0..count {
        let at = 40 + 16 * i;
        if d.range(at, 16).len() < 16 {
            d.malformed(at, 16, format_args!("{count} records do not fit the page"));
            break;
        }
        let (start, pages, freed) = (d.int(at, 4), d.int(at + 4, 4), d.int(at + 8, 8));
        let state = match freed {
            0 => "available".to_owned(),
            freed => format!("pending, freed by generation {freed}"),
        };
        let text = format!("record {i} = {pages} pages at {start}  ({state})");
        d.line(at, 16, text);
    }
    let end = 40 + 16 * count;
    if let Some(gap) = d.bytes.len().checked_sub(end) {
        d.zero(end, gap);
    }
    read_free_page(d.bytes).err()
}
