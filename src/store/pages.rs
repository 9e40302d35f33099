//! The pages of one generation, as readers see them.
//!
//! A page's checksum is verified on first touch; a bitmap remembers which were. Pages come from
//! a read-only map where the file has one, else from a cache filled by positioned reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::defect::{Defect, planted};
use crate::error::{Corruption, Error, Result};
use crate::format::bytes::u32_at;
use crate::format::checksum::crc;
use crate::format::header::{Header, first_page};
use crate::format::overflow::OverflowRef;
use crate::format::page::{PageHeader, PageKind, check_page};
use crate::format::{Invariant, PAGE_HEADER_SIZE};
use crate::sys::{File, FileMap};
use crate::tree::{PageRead, PageRef};

#[cfg(test)]
mod tests;

/// Pages that one chunk of the tables below covers.
const CHUNK: usize = 32768;
const WORDS: usize = CHUNK / 64;

/// A set of page ids that costs nothing until it is used.
#[derive(Debug)]
struct PageSet(Vec<OnceLock<Box<[AtomicU64; WORDS]>>>);

impl PageSet {
    fn new(pages: usize) -> Self {
        PageSet(
            (0..pages.div_ceil(CHUNK))
                .map(|_| OnceLock::new())
                .collect(),
        )
    }

    #[inline]
    fn contains(&self, page: usize) -> bool {
        let word = self.0.get(page / CHUNK).and_then(OnceLock::get);
        let word = word.and_then(|c| c.get(page % CHUNK / 64));
        word.is_some_and(|w| w.load(Ordering::Relaxed) >> (page % 64) & 1 == 1)
    }

    fn insert(&self, page: usize) {
        let chunk = self.0.get(page / CHUNK);
        let words = chunk.map(|c| c.get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS])));
        if let Some(word) = words.and_then(|w| w.get(page % CHUNK / 64)) {
            word.fetch_or(1 << (page % 64), Ordering::Relaxed);
        }
    }
}

/// A page or a whole overflow extent, read on first touch.
type CachedPage = OnceLock<Box<[u8]>>;

/// Pages kept in memory where the file cannot be mapped. Nothing is evicted before the
/// generation is let go.
#[derive(Debug)]
struct PageCache(Vec<OnceLock<Vec<CachedPage>>>);

impl PageCache {
    fn new(pages: usize) -> Self {
        PageCache((0..pages.div_ceil(256)).map(|_| OnceLock::new()).collect())
    }

    fn slot(&self, page: usize) -> Option<&CachedPage> {
        let chunk = self.0.get(page / 256)?;
        chunk
            .get_or_init(|| (0..256).map(|_| OnceLock::new()).collect())
            .get(page % 256)
    }
}

/// Pages of one generation.
#[derive(Debug)]
pub struct Pages {
    file: Arc<dyn File>,
    use_map: bool,
    map: OnceLock<Option<Arc<FileMap>>>,
    cache: OnceLock<PageCache>,
    verified: PageSet,
    page_size: usize,
    first_page: u32,
    page_count: u32,
    generation: u64,
}

impl Pages {
    /// The pages that a header describes. Nothing is read or mapped yet.
    pub fn new(file: Arc<dyn File>, header: &Header, use_map: bool) -> Self {
        Pages {
            file,
            use_map,
            map: OnceLock::new(),
            cache: OnceLock::new(),
            verified: PageSet::new(header.page_count as usize),
            page_size: header.page_size(),
            first_page: first_page(header.page_size()),
            page_count: header.page_count,
            generation: header.generation,
        }
    }

    /// Uses an existing map where it is long enough.
    pub fn adopt_map(&self, map: Option<Arc<FileMap>>) {
        let need = u64::from(self.page_count) * self.page_size as u64;
        if let Some(map) = map.filter(|m| m.bytes().len() as u64 >= need) {
            let _ = self.map.set(Some(map));
        }
    }

    /// The pages of the same file as a newer header describes them.
    pub fn grown(&self, header: &Header) -> Result<Pages> {
        let pages = Pages::new(Arc::clone(&self.file), header, self.use_map);
        pages.adopt_map(self.map()?.cloned());
        Ok(pages)
    }

    /// The map, if the file can be mapped.
    pub fn map(&self) -> Result<Option<&Arc<FileMap>>> {
        if let Some(map) = self.map.get() {
            return Ok(map.as_ref());
        }
        let mut fresh = None;
        if self.use_map {
            let len = u64::from(self.page_count) * self.page_size as u64;
            let map = self
                .file
                .map(len)
                .map_err(|e| Error::io("map the database", e))?;
            fresh = map.map(Arc::new);
        }
        Ok(self.map.get_or_init(|| fresh).as_ref())
    }

    /// Gives back the memory of mapped pages; they are read again where they are needed.
    pub fn forget(&self) {
        if let Some(Some(map)) = self.map.get() {
            map.forget();
        }
    }

    /// True where [`Pages::map`] costs nothing.
    pub fn is_mapped(&self) -> bool {
        self.map.get().is_some()
    }

    /// Generation of these pages.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Number of pages, header zone included.
    pub fn page_count(&self) -> u32 {
        self.page_count
    }

    /// Raw bytes of `pages` pages, unchecked.
    fn raw(&self, first: u32, pages: u32) -> Result<&[u8]> {
        let end = u64::from(first) + u64::from(pages);
        if first < self.first_page || end > u64::from(self.page_count) {
            return Err(self.damage(Invariant::P6, first, format!("page {first} is outside")));
        }
        let start = first as usize * self.page_size;
        let len = pages as usize * self.page_size;
        match self.map()? {
            Some(map) => map
                .bytes()
                .get(start..start + len)
                .ok_or_else(|| self.short(first)),
            None => self.cached(first, len),
        }
    }

    fn cached(&self, first: u32, len: usize) -> Result<&[u8]> {
        let cache = self
            .cache
            .get_or_init(|| PageCache::new(self.page_count as usize));
        let slot = cache
            .slot(first as usize)
            .ok_or_else(|| self.short(first))?;
        if slot.get().is_none() {
            let mut bytes = vec![0u8; len].into_boxed_slice();
            let at = u64::from(first) * self.page_size as u64;
            let got = self.file.read_at(&mut bytes, at);
            if got.map_err(|e| Error::io("read a page", e))? < len {
                return Err(self.short(first));
            }
            let _ = slot.set(bytes);
        }
        // Another length means that two owners claim the page.
        slot.get().and_then(|b| b.get(..len)).ok_or_else(|| {
            self.damage(
                Invariant::S1,
                first,
                "page is claimed with two lengths".into(),
            )
        })
    }

    fn short(&self, page: u32) -> Error {
        self.damage(Invariant::H7, page, "the file ends before this page".into())
    }

    #[inline(never)]
    fn first_look(&self, child: PageRef) -> Result<&[u8]> {
        let bytes = self.raw(child.page, 1)?;
        if !self.verified.contains(child.page as usize) {
            self.verify_page(child.page, bytes)?;
            self.verified.insert(child.page as usize);
        }
        if u32_at(bytes, 0) != Some(child.crc) && !planted(Defect::NoParentCrc) {
            let text = "another version of the page than its parent names".into();
            return Err(self.damage(Invariant::P3, child.page, text));
        }
        Ok(bytes)
    }

    #[cold]
    fn damage(&self, id: Invariant, page: u32, detail: String) -> Error {
        Corruption::new(id, detail)
            .in_page(page, self.page_size)
            .into()
    }

    #[cold]
    fn verify_page(&self, page: u32, bytes: &[u8]) -> Result<PageHeader> {
        let header = check_page(bytes, page).map_err(|c| c.in_page(page, self.page_size))?;
        if header.generation > self.generation {
            let text = format!("page of generation {}", header.generation);
            return Err(self.damage(Invariant::P4, page, text));
        }
        Ok(header)
    }

    #[cold]
    fn verify_value(&self, reference: &OverflowRef, bytes: &[u8]) -> Result<()> {
        let header = self.verify_page(reference.page, bytes)?;
        if header.kind != PageKind::Overflow {
            return Err(self.damage(Invariant::T9, reference.page, "not a large value".into()));
        }
        let data = bytes.get(PAGE_HEADER_SIZE..).unwrap_or(&[]);
        let (value, rest) = data
            .split_at_checked(reference.stored_len as usize)
            .unwrap_or((data, &[]));
        let sum = match planted(Defect::ValueCrcUnchecked) {
            true => reference.crc,
            false => crc(value),
        };
        if sum != reference.crc || !crate::format::bytes::all_zero(rest) {
            let text = "a large value's checksum does not match".into();
            return Err(self.damage(Invariant::T10, reference.page, text));
        }
        Ok(())
    }
}

impl PageRead for Pages {
    fn page_size(&self) -> usize {
        self.page_size
    }

    #[inline]
    fn page(&self, child: PageRef) -> Result<&[u8]> {
        // The usual case: a map, and a page that was looked at before.
        if let Some(Some(map)) = self.map.get()
            && self.verified.contains(child.page as usize)
        {
            let start = child.page as usize * self.page_size;
            let bytes = map.bytes().get(start..start + self.page_size);
            if let Some(bytes) = bytes.filter(|bytes| u32_at(bytes, 0) == Some(child.crc)) {
                return Ok(bytes);
            }
        }
        self.first_look(child)
    }

    #[inline(always)]
    fn again(&self, child: PageRef) -> Result<&[u8]> {
        if let Some(Some(map)) = self.map.get() {
            let start = child.page as usize * self.page_size;
            if let Some(bytes) = map.bytes().get(start..start + self.page_size) {
                return Ok(bytes);
            }
        }
        self.page(child)
    }

    #[inline]
    fn soon(&self, child: PageRef, from: usize, len: usize) {
        if let Some(Some(map)) = self.map.get() {
            let len = len.min(self.page_size.saturating_sub(from));
            map.prefetch(child.page as usize * self.page_size + from, len);
        }
    }

    fn value(&self, reference: &OverflowRef) -> Result<&[u8]> {
        let bytes = self.raw(reference.page, reference.pages(self.page_size))?;
        if !self.verified.contains(reference.page as usize) {
            self.verify_value(reference, bytes)?;
            self.verified.insert(reference.page as usize);
        }
        let end = PAGE_HEADER_SIZE + reference.stored_len as usize;
        bytes
            .get(PAGE_HEADER_SIZE..end)
            .ok_or_else(|| self.short(reference.page))
    }
}
