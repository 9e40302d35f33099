//! Annotated dumps of one structure of a file.

use std::path::Path;

use super::source::Source;
use crate::error::{Error, Result};
use crate::format::describe;
use crate::format::frame::{FRAME_HEADER_SIZE, frame_len};
use crate::format::header::Header;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::format::{SLOT_OFFSETS, SLOT_SIZE};
use crate::progress::NoProgress;
use crate::store::slots;
use crate::sys::{Access, OsVfs, Vfs};
use crate::wal::extents;
use crate::wal::scan::{Placed, find_next};

/// What to dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspect {
    /// Header slot 0 (A) or 1 (B).
    Header(u8),
    /// A page.
    Page(u32),
    /// The log entry with this index.
    Frame(u64),
    /// The header of log region 0 or 1, and which entries stand in it.
    Region(u8),
    /// All pages of the free list.
    FreeList,
}

/// Pages of a free list that are dumped at most.
const MAX_LIST_PAGES: usize = 10_000;

/// Dumps one structure, damaged or not. Never writes.
pub fn inspect(path: &Path, what: Inspect) -> Result<String> {
    let file = OsVfs
        .open(path, Access::Read)
        .map_err(|e| Error::on_open(path, e))?;
    let len = file.size().map_err(|e| Error::io_at("look at", path, e))?;
    let mut source = Source::new(file, len, &NoProgress);
    if let Inspect::Header(slot) = what {
        let offset = SLOT_OFFSETS.get(usize::from(slot)).copied();
        let offset = offset.ok_or_else(|| absent(format!("there is no header slot {slot}")))?;
        if len < offset + SLOT_SIZE as u64 {
            slots::read(source.file.as_ref())?.current(path)?; // says that it is no database
        }
        let bytes = read(&source, offset, SLOT_SIZE)?;
        return Ok(describe::header_slot(&bytes, usize::from(slot)));
    }
    let header = slots::read(source.file.as_ref())?.current(path)?.header;
    source.page_size = header.page_size();
    match what {
        Inspect::Page(page) => dump_page(&source, page),
        Inspect::Region(number) => dump_region(&source, &header, number),
        Inspect::Frame(index) => dump_frame(&source, &header, index),
        Inspect::FreeList | Inspect::Header(_) => dump_free_list(&source, &header),
    }
}

fn absent(reason: String) -> Error {
    Error::Invalid { reason }
}

fn read(source: &Source<'_>, at: u64, len: usize) -> Result<Vec<u8>> {
    let bytes = source.read_bytes(at, len, "read the file")?;
    bytes.ok_or_else(|| absent(format!("the file ends before byte {}", at + len as u64)))
}

fn dump_page(source: &Source<'_>, page: u32) -> Result<String> {
    if page >= source.file_pages() {
        let last = source.file_pages().saturating_sub(1);
        return Err(absent(format!(
            "there is no page {page}: the last one is {last}"
        )));
    }
    let at = u64::from(page) * source.page_size as u64;
    let bytes = read(source, at, source.page_size)?;
    Ok(describe::page(&bytes, page, source.page_size))
}

fn dump_region(source: &Source<'_>, header: &Header, number: u8) -> Result<String> {
    let extent = extents(header).get(usize::from(number)).copied();
    let extent = extent.ok_or_else(|| absent(format!("there is no log region {number}")))?;
    let bytes = read(source, extent.start, REGION_HEADER_SIZE)?;
    let mut out = describe::region(&bytes, extent.start);
    if let Some(region) = RegionHeader::decode(&bytes) {
        let (mut first, mut last, mut at) = (None, None, REGION_HEADER_SIZE as u64);
        while let Some(next) = find_next(source.file.as_ref(), extent, &region, at)? {
            first = first.or(Some(next));
            last = Some(next);
            at = next.offset + next.header.frame_len();
        }
        out += &match first.zip(last) {
            Some((first, last)) => format!(
                "entries {} to {}, ends at byte {} of {}\n",
                first.header.entry.index, last.header.entry.index, at, extent.len
            ),
            None => "no entries\n".to_owned(),
        };
    }
    Ok(out)
}

fn dump_frame(source: &Source<'_>, header: &Header, index: u64) -> Result<String> {
    for extent in extents(header) {
        let bytes = read(source, extent.start, REGION_HEADER_SIZE)?;
        let Some(region) = RegionHeader::decode(&bytes) else {
            continue;
        };
        let mut at = REGION_HEADER_SIZE as u64;
        while let Some(next) = find_next(source.file.as_ref(), extent, &region, at)? {
            if next.header.entry.index == index {
                return whole_frame(source, extent.start, extent.len, &next, region.salt);
            }
            at = next.offset + next.header.frame_len();
        }
    }
    Err(absent(format!(
        "log entry {index} is not in the log of this file"
    )))
}

fn whole_frame(
    source: &Source<'_>,
    start: u64,
    region_len: u64,
    frame: &Placed,
    salt: u64,
) -> Result<String> {
    let wanted = frame_len(frame.header.entry.payload_len).max(FRAME_HEADER_SIZE as u64);
    let len = wanted.min(region_len.saturating_sub(frame.offset)) as usize;
    let at = start + frame.offset;
    Ok(describe::frame(&read(source, at, len)?, Some(salt), at))
}

fn dump_free_list(source: &Source<'_>, header: &Header) -> Result<String> {
    if header.free_head == 0 {
        return Ok("the free list is empty\n".to_owned());
    }
    let mut out = String::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut page = header.free_head;
    while page != 0 && seen.len() < MAX_LIST_PAGES {
        if !seen.insert(page) {
            out += &format!("malformed: page {page} comes a second time\n");
            break;
        }
        if page >= source.file_pages() {
            out += &format!("malformed: page {page} is outside the file\n");
            break;
        }
        out += &format!("page {page}\n");
        out += &dump_page(source, page)?;
        let at = u64::from(page) * source.page_size as u64 + crate::format::PAGE_HEADER_SIZE as u64;
        page = crate::format::bytes::u32_at(&read(source, at, 4)?, 0).unwrap_or(0);
    }
    Ok(out)
}
