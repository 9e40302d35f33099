//! Free space: which pages a new generation may use.
//!
//! Reuse rule: a page freed by generation `f` (so needed by trees below `f` only) may be used
//! for generation `n` iff `f <= min(n - 2, oldest pin)`. Both header slots then always point at
//! whole trees, and no pinned snapshot loses a page. S1 is asserted in debug builds: a page is
//! never handed out twice nor freed while free.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bits::PageBits;
use crate::defect::{Defect, planted};
use crate::error::{Bounded, Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::freelist::{FreeExtent, read_free_page, records_per_page, write_free_page};
use crate::format::header::{Header, first_page};
use crate::format::page::check_page;
use crate::sys::File;

/// Free space while a generation is being built.
#[derive(Debug)]
pub struct Space {
    page_size: usize,
    /// Extents that may be used, by first page, joined.
    available: BTreeMap<u32, u32>,
    /// Extents that some tree may still need.
    pending: Vec<FreeExtent>,
    page_count: u32,
    /// No available extent is longer than this.
    longest: u32,
    allocated: u64,
    /// Extents handed out since the last fold began, and those before that, sorted and joined.
    recent: Vec<(u32, u32)>,
    own: Vec<(u32, u32)>,
    /// Pages of `own` that a later fold of the same generation does without.
    dropped: Vec<(u32, u32)>,
}

impl Space {
    /// Reads the free list of `header` and releases what `oldest_pin` and the next generation's
    /// n-2 rule allow. The chain's own pages become pending.
    pub fn load(file: &Arc<dyn File>, header: &Header, oldest_pin: Option<u64>) -> Result<Space> {
        let mut space = Space {
            page_size: header.page_size(),
            available: BTreeMap::new(),
            pending: Vec::new(),
            page_count: header.page_count,
            longest: 0,
            allocated: 0,
            recent: Vec::new(),
            own: Vec::new(),
            dropped: Vec::new(),
        };
        let next_gen = header.generation + 1;
        let floor = oldest_pin
            .unwrap_or(u64::MAX)
            .min(next_gen.saturating_sub(2 - u64::from(planted(Defect::ReuseTooEarly))));
        let mut chain = Vec::new();
        for record in read_chain(file.as_ref(), header, &mut chain)? {
            if record.freed_gen <= floor {
                space.release(record.start, record.pages);
            } else {
                space.pending.push(record);
            }
        }
        for page in chain {
            space.pending.push(FreeExtent {
                freed_gen: next_gen,
                start: page,
                pages: 1,
            });
        }
        Ok(space)
    }

    /// Space of a file that is being built from nothing: it only grows.
    pub fn fresh(header: &Header) -> Space {
        Space {
            page_size: header.page_size(),
            available: BTreeMap::new(),
            pending: Vec::new(),
            page_count: header.page_count,
            longest: 0,
            allocated: 0,
            recent: Vec::new(),
            own: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// Number of pages of the file that is being built.
    pub fn page_count(&self) -> u32 {
        self.page_count
    }

    /// Pages handed out so far.
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Pages that are available now.
    pub fn available_pages(&self) -> u64 {
        self.available.values().map(|&n| u64::from(n)).sum()
    }

    /// Available pages below `page`.
    pub fn available_below(&self, page: u32) -> u64 {
        let below = self.available.range(..page);
        below
            .map(|(&start, &n)| u64::from(n.min(page - start)))
            .sum()
    }

    /// Pages that wait for older trees to go.
    pub fn pending_pages(&self) -> u64 {
        self.pending.iter().map(|e| u64::from(e.pages)).sum()
    }

    /// Pages that wait because a tree of this generation or an older one may need them.
    pub fn pending_since(&self, generation: u64) -> u64 {
        let since = self.pending.iter().filter(|e| e.freed_gen > generation);
        since.map(|e| u64::from(e.pages)).sum()
    }

    /// An older tree becomes the newest one again: its pages (`tree`) are in use, and those that nobody
    /// has any more are freed. `others`: extents that neither tree has.
    pub fn go_back(
        &mut self,
        tree: &PageBits,
        others: &[(u32, u32)],
        generation: u64,
    ) -> Result<()> {
        let lost = |page: u32| {
            let text = format!("page {page} of a kept tree was given away");
            Error::from(Corruption::new(Invariant::S7, text).in_page(page, self.page_size))
        };
        let mut owned = tree.clone();
        for (&start, &pages) in &self.available {
            if !owned.add(start, pages) {
                return Err(lost(start));
            }
        }
        for &(start, pages) in others {
            if !owned.add(start, pages) {
                return Err(lost(start));
            }
        }
        let mut pending = Vec::new();
        for extent in &self.pending {
            let end = extent.start + extent.pages;
            for (start, pages) in tree.runs(extent.start, end, false) {
                pending.push(FreeExtent {
                    start,
                    pages,
                    ..*extent
                });
            }
            owned.add(extent.start, extent.pages);
        }
        let first = first_page(self.page_size);
        for (start, pages) in owned.runs(first, self.page_count, false) {
            pending.push(FreeExtent {
                freed_gen: generation,
                start,
                pages,
            });
        }
        self.pending = pending;
        Ok(())
    }

    /// Reserves consecutive pages at the lowest place, growing the file where nothing fits.
    pub fn allocate(&mut self, pages: u32) -> Result<u32> {
        debug_assert!(pages > 0);
        let start = self.reserve(pages)?;
        self.allocated += u64::from(pages);
        match self.recent.last_mut() {
            Some((first, n)) if *first + *n == start => *n += pages,
            _ => self.recent.push((start, pages)),
        }
        Ok(start)
    }

    fn reserve(&mut self, pages: u32) -> Result<u32> {
        if let Some(start) = self.take_available(pages) {
            return Ok(start);
        }
        // A free run that touches the end of the file is used before the file grows.
        let tail = self.available.last_key_value().map(|(&s, &n)| (s, n));
        let start = match tail {
            Some((start, n)) if start + n == self.page_count => {
                self.available.remove(&start);
                start
            }
            _ => self.page_count,
        };
        let end = u64::from(start) + u64::from(pages);
        self.page_count = u32::try_from(end).map_err(|_| Error::Limit {
            what: Bounded::Pages,
            actual: end,
            limit: u64::from(u32::MAX),
        })?;
        Ok(start)
    }

    fn take_available(&mut self, pages: u32) -> Option<u32> {
        if pages > self.longest {
            return None;
        }
        let Some((&start, &n)) = self.available.iter().find(|&(_, &n)| n >= pages) else {
            self.longest = pages - 1; // the next caller need not look
            return None;
        };
        self.available.remove(&start);
        if n > pages {
            self.available.insert(start + pages, n - pages);
        }
        Some(start)
    }

    /// Tells that one more fold of the same generation begins. What it frees of the pages that
    /// the ones before wrote can be used again at once, for no header ever named them.
    pub fn next_fold(&mut self) {
        self.own.append(&mut self.recent);
        self.own.sort_unstable();
        self.own.dedup_by(|next, before| {
            let joins = before.0 + before.1 >= next.0;
            if joins {
                before.1 = before.1.max(next.0 + next.1 - before.0);
            }
            joins
        });
        self.release_dropped();
    }

    fn release_dropped(&mut self) {
        for (start, pages) in std::mem::take(&mut self.dropped) {
            self.release(start, pages);
        }
    }

    fn is_own(&self, page: u32) -> bool {
        let after = self.own.partition_point(|(start, _)| *start <= page);
        let run = after.checked_sub(1).and_then(|i| self.own.get(i));
        run.is_some_and(|(start, pages)| page < start + pages)
    }

    /// Gives pages of the older tree back; they stay pending for two generations at least.
    pub fn free(&mut self, start: u32, pages: u32, generation: u64) {
        debug_assert!(start >= first_page(self.page_size), "S1: header zone freed");
        if self.is_own(start) {
            self.dropped.push((start, pages));
            return;
        }
        if planted(Defect::FreeListLeak) && start.is_multiple_of(5) {
            return;
        }
        self.pending.push(FreeExtent {
            freed_gen: generation,
            start,
            pages,
        });
    }

    /// Gives back pages that no tree ever used (reserved in this generation and not needed).
    pub fn release(&mut self, start: u32, pages: u32) {
        debug_assert!(
            self.is_used(start, pages),
            "S1: page {start} is free already"
        );
        let (mut start, mut pages) = (start, pages);
        if let Some((&s, &n)) = self.available.range(..start).next_back()
            && s + n == start
        {
            self.available.remove(&s);
            (start, pages) = (s, n + pages);
        }
        if let Some(n) = self.available.remove(&(start + pages)) {
            pages += n;
        }
        self.longest = self.longest.max(pages);
        self.available.insert(start, pages);
    }

    fn is_used(&self, start: u32, pages: u32) -> bool {
        let before = self.available.range(..start + pages).next_back();
        before.is_none_or(|(&s, &n)| s + n <= start)
    }

    /// Cuts available pages off the end of the file; gives the new page count.
    pub fn trim_tail(&mut self) -> u32 {
        while let Some((&start, &n)) = self.available.last_key_value() {
            if start + n != self.page_count {
                break;
            }
            self.available.remove(&start);
            self.page_count = start;
        }
        self.page_count
    }

    /// Writes the free list as a chain of pages and gives `(head, head crc, available, pending)`.
    pub fn save(&mut self, file: &Arc<dyn File>, generation: u64) -> Result<SavedList> {
        self.release_dropped();
        self.join_pending();
        // The chain's own pages come out of the list first, from an upper bound.
        let per_page = records_per_page(self.page_size);
        let records = self.available.len() + self.pending.len();
        let mut pages = Vec::new();
        for _ in 0..records.div_ceil(per_page) {
            pages.push(self.allocate(1)?);
        }
        let mut list: Vec<FreeExtent> = Vec::with_capacity(records);
        list.extend(self.available.iter().map(|(&start, &pages)| FreeExtent {
            freed_gen: 0,
            start,
            pages,
        }));
        list.extend_from_slice(&self.pending);
        let mut next = (0, 0);
        let mut page = Vec::new();
        let chunks: Vec<&[FreeExtent]> = list.chunks(per_page).collect();
        for (i, &page_id) in pages.iter().enumerate().rev() {
            let chunk = chunks.get(i).copied().unwrap_or(&[]);
            let sum = write_free_page(&mut page, self.page_size, page_id, generation, next, chunk);
            let at = u64::from(page_id) * self.page_size as u64;
            file.write_at(&page, at)
                .map_err(|e| Error::io("write the free list", e))?;
            next = (page_id, sum);
        }
        Ok(SavedList {
            head: next.0,
            head_crc: next.1,
            available: self.available_pages() as u32,
            pending: self.pending_pages() as u32,
        })
    }

    /// Sorts pending extents by (generation, start) and joins neighbours.
    fn join_pending(&mut self) {
        self.pending.sort_unstable();
        let mut joined: Vec<FreeExtent> = Vec::with_capacity(self.pending.len());
        for extent in self.pending.drain(..) {
            match joined.last_mut() {
                Some(last)
                    if last.freed_gen == extent.freed_gen
                        && last.start + last.pages == extent.start =>
                {
                    last.pages += extent.pages;
                }
                _ => joined.push(extent),
            }
        }
        self.pending = joined;
    }
}

/// What the header records of a written free list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedList {
    /// First page of the chain, 0 for an empty list.
    pub head: u32,
    /// Its checksum.
    pub head_crc: u32,
    /// Available pages.
    pub available: u32,
    /// Pending pages.
    pub pending: u32,
}

/// Reads the whole chain, checks S2 to S5, and gives the records; `chain` gets the chain's pages.
pub fn read_chain(
    file: &dyn File,
    header: &Header,
    chain: &mut Vec<u32>,
) -> Result<Vec<FreeExtent>> {
    let page_size = header.page_size();
    let damage = |id, page: u32, text: String| -> Error {
        Corruption::new(id, text).in_page(page, page_size).into()
    };
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    let mut next = (header.free_head, header.free_head_crc);
    let mut page = vec![0u8; page_size];
    while next.0 != 0 {
        let (id, sum) = next;
        if id < first_page(page_size) || id >= header.page_count {
            return Err(damage(
                Invariant::P6,
                id,
                "free list leads outside the file".into(),
            ));
        }
        if !seen.insert(id) {
            return Err(damage(Invariant::S5, id, "free list has a cycle".into()));
        }
        let at = u64::from(id) * page_size as u64;
        let got = file
            .read_at(&mut page, at)
            .map_err(|e| Error::io("read the free list", e))?;
        if got < page_size {
            return Err(damage(
                Invariant::H7,
                id,
                "the file ends before this page".into(),
            ));
        }
        let head = check_page(&page, id).map_err(|c| c.in_page(id, page_size))?;
        if head.crc != sum {
            return Err(damage(
                Invariant::P3,
                id,
                "not the free-list page that was named".into(),
            ));
        }
        if head.generation > header.generation {
            return Err(damage(
                Invariant::P4,
                id,
                "free-list page from the future".into(),
            ));
        }
        let (after, list) = read_free_page(&page).map_err(|c| c.in_page(id, page_size))?;
        records.extend(list);
        chain.push(id);
        next = after;
    }
    check_records(header, &records)?;
    Ok(records)
}

fn check_records(header: &Header, records: &[FreeExtent]) -> Result<()> {
    let first = first_page(header.page_size());
    let bad = |id, text: String| -> Result<()> { Err(Error::corrupt(id, text)) };
    let mut before: Option<&FreeExtent> = None;
    let (mut available, mut pending) = (0u64, 0u64);
    for record in records {
        let end = u64::from(record.start) + u64::from(record.pages);
        if record.pages == 0 || record.start < first || end > u64::from(header.page_count) {
            return bad(
                Invariant::P6,
                format!("free extent at page {} is outside", record.start),
            );
        }
        if record.freed_gen > header.generation {
            return bad(
                Invariant::S3,
                format!("pending from generation {}", record.freed_gen),
            );
        }
        let available_kind = record.freed_gen == 0;
        if let Some(b) = before {
            let touches = b.start + b.pages >= record.start;
            if available_kind && (b.freed_gen != 0 || touches) {
                return bad(
                    Invariant::S2,
                    format!("available extent at page {}", record.start),
                );
            }
            if !available_kind && *b >= *record {
                return bad(
                    Invariant::S3,
                    format!("pending extent at page {}", record.start),
                );
            }
        }
        *(if available_kind {
            &mut available
        } else {
            &mut pending
        }) += u64::from(record.pages);
        before = Some(record);
    }
    if (available, pending)
        != (
            u64::from(header.free_available),
            u64::from(header.free_pending),
        )
    {
        let text = format!("{available} available and {pending} pending pages in the list");
        return bad(Invariant::S4, text);
    }
    Ok(())
}
