//! Pages in memory that notice every misuse, and a small random number generator.

use std::collections::BTreeMap;

use super::super::*;
use crate::error::Corruption;
use crate::format::checksum::crc;
use crate::format::overflow::OverflowRef;
use crate::format::page::{PageKind, check_page};
use crate::format::{Depth, Invariant};

/// First page that may be allocated.
pub const FIRST: u32 = 4;

#[derive(Clone)]
pub struct MemPages {
    pub page_size: usize,
    pub pages: Vec<Option<Box<[u8]>>>,
    /// Extents that belong to the tree: first page and length.
    pub live: BTreeMap<u32, u32>,
}

impl MemPages {
    pub fn new(page_size: usize) -> Self {
        MemPages {
            page_size,
            pages: vec![None; FIRST as usize],
            live: BTreeMap::new(),
        }
    }

    /// Applies what a writer collected.
    pub fn apply(&mut self, out: MemWriter) {
        for (first, count) in out.freed {
            assert_eq!(self.live.remove(&first), Some(count), "freed {first}");
            for page in first..first + count {
                self.pages[page as usize] = None;
            }
        }
        for (first, bytes) in out.written {
            let count = (bytes.len() / self.page_size) as u32;
            assert_eq!(out.allocated.get(&first), Some(&count), "written {first}");
            let end = (first + count) as usize;
            if self.pages.len() < end {
                self.pages.resize(end, None);
            }
            for (i, page) in bytes.chunks(self.page_size).enumerate() {
                self.pages[first as usize + i] = Some(page.into());
            }
            assert_eq!(self.live.insert(first, count), None);
        }
    }

    pub fn writer(&self, generation: u64) -> MemWriter {
        let mut used = vec![false; self.pages.len()];
        used[..FIRST as usize].fill(true);
        for (&first, &count) in &self.live {
            used[first as usize..(first + count) as usize].fill(true);
        }
        MemWriter {
            page_size: self.page_size,
            generation,
            used,
            hint: FIRST as usize,
            live: self.live.clone(),
            allocated: BTreeMap::new(),
            written: Vec::new(),
            freed: BTreeMap::new(),
        }
    }

    /// The bytes of an extent, put together.
    fn extent(&self, first: u32, count: u32) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        for page in first..first.checked_add(count)? {
            all.extend_from_slice(self.pages.get(page as usize)?.as_ref()?);
        }
        Some(all)
    }
}

impl PageRead for MemPages {
    fn page_size(&self) -> usize {
        self.page_size
    }

    fn page(&self, child: PageRef) -> Result<&[u8]> {
        let bad = |id, what: &str| Corruption::new(id, what).in_page(child.page, self.page_size);
        match self.pages.get(child.page as usize) {
            Some(Some(page)) => {
                let header = check_page(page, child.page)
                    .map_err(|c| c.in_page(child.page, self.page_size))?;
                if header.crc != child.crc {
                    return Err(bad(Invariant::P3, "checksum").into());
                }
                Ok(page)
            }
            _ => Err(bad(Invariant::P6, "no such page").into()),
        }
    }

    fn value(&self, reference: &OverflowRef) -> Result<&[u8]> {
        let count = reference.pages(self.page_size);
        let bad = |id| Corruption::new(id, "value").in_page(reference.page, self.page_size);
        let Some(all) = self.extent(reference.page, count) else {
            return Err(bad(Invariant::T9).into());
        };
        let value = all[32..32 + reference.stored_len as usize].to_vec();
        if crc(&value) != reference.crc {
            return Err(bad(Invariant::T10).into());
        }
        Ok(Box::leak(value.into_boxed_slice())) // tests only
    }
}

impl RawPages for MemPages {
    fn page_size(&self) -> usize {
        self.page_size
    }

    fn raw_page(&self, page: u32, buffer: &mut [u8]) -> Result<()> {
        match self.pages.get(page as usize) {
            Some(Some(bytes)) => buffer.copy_from_slice(bytes),
            _ => buffer.fill(0),
        }
        Ok(())
    }
}

/// Collects findings and owners.
#[derive(Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub owned: BTreeMap<u32, u32>,
}

impl Report {
    pub fn of(mem: &MemPages, root: Root, generation: u64) -> (Report, CheckSummary) {
        let mut report = Report::default();
        let limits = CheckLimits {
            generation,
            first_page: FIRST,
            page_count: mem.pages.len() as u32,
            depth: Depth::Deep,
        };
        let summary = check_tree(mem, root, limits, &mut report).unwrap();
        assert_eq!(summary.findings, report.findings.len() as u64);
        (report, summary)
    }
}

impl CheckVisitor for Report {
    fn finding(&mut self, finding: Finding) -> Result<()> {
        self.findings.push(finding);
        Ok(())
    }

    fn own(&mut self, first: u32, pages: u32, _: PageKind) -> Result<(), Corruption> {
        let before = self.owned.range(..first + pages).next_back();
        if before.is_some_and(|(&at, &n)| at + n > first) {
            return Err(Corruption::new(Invariant::S1, "owned twice"));
        }
        self.owned.insert(first, pages);
        Ok(())
    }
}

/// Collects the pages of one fold.
pub struct MemWriter {
    page_size: usize,
    generation: u64,
    used: Vec<bool>,
    hint: usize,
    live: BTreeMap<u32, u32>,
    pub allocated: BTreeMap<u32, u32>,
    pub written: Vec<(u32, Vec<u8>)>,
    pub freed: BTreeMap<u32, u32>,
}

impl MemWriter {
    pub fn written_pages(&self) -> u64 {
        self.allocated.values().map(|&n| u64::from(n)).sum()
    }

    pub fn freed_pages(&self) -> u64 {
        self.freed.values().map(|&n| u64::from(n)).sum()
    }
}

impl PageWrite for MemWriter {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn allocate(&mut self, pages: u32) -> Result<u32> {
        let n = pages as usize;
        let mut at = self.hint;
        while let Some(taken) = (at..at + n).rfind(|&p| self.used.get(p) == Some(&true)) {
            at = taken + 1;
        }
        if self.used.len() < at + n {
            self.used.resize(at + n, false);
        }
        self.used[at..at + n].fill(true);
        if n == 1 {
            self.hint = at;
        }
        assert_eq!(self.allocated.insert(at as u32, pages), None);
        Ok(at as u32)
    }

    fn write(&mut self, first: u32, parts: &[&[u8]]) -> Result<()> {
        let mut bytes = parts.concat();
        bytes.resize(bytes.len().next_multiple_of(self.page_size), 0);
        self.written.push((first, bytes));
        Ok(())
    }

    fn free(&mut self, first: u32, pages: u32) {
        let is_new = self.freed.insert(first, pages).is_none();
        if !self.live.is_empty() {
            assert_eq!(self.live.get(&first), Some(&pages), "not live: {first}");
            assert!(is_new, "freed twice: {first}");
        } // else a damaged tree, where anything can happen
    }
}

/// splitmix64.
pub struct Rng(pub u64);

impl Rng {
    /// Seeded by `CREEL_SEED` where that is set. The seed is printed for failing tests.
    pub fn new(default: u64) -> Self {
        let seed = std::env::var("CREEL_SEED")
            .ok()
            .and_then(|s| s.parse().ok());
        let seed = seed.unwrap_or(default);
        println!("CREEL_SEED={seed}");
        Rng(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        crate::format::checksum::mix(self.0)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}
