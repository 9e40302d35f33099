//! Looks at every page of the file for leaves that hold something of a lost range.

use std::collections::VecDeque;

use super::lost::Lost;
use super::order::{Record, What};
use crate::check::source::{Pages, RUN, Source};
use crate::error::Result;
use crate::format::header::first_page;
use crate::format::leaf::Leaf;
use crate::format::page::{PageKind, check_page};

/// Runs of pages, read one after the other.
pub(super) struct Scan<'s> {
    source: &'s Source<'s>,
    lost: &'s Lost,
    /// Pages of later generations are what is left of a write that never became part of the
    /// database.
    newest: u64,
    next_page: u32,
    pages: Pages,
    ready: VecDeque<Record>,
}

impl<'s> Scan<'s> {
    /// Records about pages of generations up to `newest` that have keys in `lost`.
    pub fn new(source: &'s Source<'s>, lost: &'s Lost, newest: u64) -> Self {
        Scan {
            source,
            lost,
            newest,
            next_page: first_page(source.page_size),
            pages: Pages::default(),
            ready: VecDeque::new(),
        }
    }

    /// Reads the next run; `false` at the end of the file.
    fn read_run(&mut self) -> Result<bool> {
        let left = self.source.file_pages().saturating_sub(self.next_page);
        let count = left.min((RUN / self.source.page_size).max(1) as u32);
        if count == 0 {
            return Ok(false);
        }
        let mut pages = std::mem::take(&mut self.pages);
        self.source.read_pages(self.next_page, count, &mut pages)?;
        for (page, bytes) in (self.next_page..).zip(pages.bytes.chunks(self.source.page_size)) {
            self.look_at(page, bytes);
        }
        self.pages = pages;
        self.next_page += count;
        Ok(true)
    }

    fn look_at(&mut self, page: u32, bytes: &[u8]) {
        let Some((leaf, generation)) = whole_leaf(page, bytes) else {
            return;
        };
        if generation > self.newest {
            return;
        }
        let key = |i: usize| {
            leaf.cell(i)
                .map(|cell| [leaf.prefix(), cell.suffix].concat())
        };
        let (Some(first), Some(last)) = (key(0), key(leaf.count().saturating_sub(1))) else {
            return;
        };
        let record = |key: &[u8], what| Record {
            key: key.to_vec(),
            generation,
            page,
            what,
        };
        for range in self.lost.overlapping(&first, &last) {
            let end = range.to.as_ref().filter(|to| **to < last).unwrap_or(&last);
            self.ready
                .push_back(record((&first).max(&range.from), What::Open));
            self.ready.push_back(record(end, What::Close));
            for i in 0..leaf.count() {
                let (Some(key), Ok(cell)) = (key(i), u16::try_from(i)) else {
                    continue;
                };
                if range.has(&key) {
                    self.ready.push_back(record(&key, What::Entry(cell)));
                }
            }
        }
    }
}

/// A leaf in its own place whose checksum and cells are right, and its generation.
pub(super) fn whole_leaf(page: u32, bytes: &[u8]) -> Option<(Leaf<'_>, u64)> {
    // Most pages of a file fail here, before their checksum is computed.
    if crate::format::bytes::u32_at(bytes, 4) != Some(page) {
        return None;
    }
    let header = check_page(bytes, page).ok()?;
    let leaf = Leaf::new(bytes).filter(|_| header.kind == PageKind::Leaf)?;
    leaf.check().ok()?;
    (header.generation > 0).then_some((leaf, header.generation))
}

impl Iterator for Scan<'_> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(Ok(record));
            }
            match self.read_run() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => return Some(Err(e)),
            }
        }
    }
}
