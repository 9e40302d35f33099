//! Chooses among entries of single pages, by rising key.
//!
//! A leaf tells of all keys from its first to its last one, also of those that it does not have:
//! they were deleted when it was written. So of all leaves that tell of a key the newest one
//! decides. Only where its value cannot be read does an older one get a say.

use std::collections::{BTreeMap, VecDeque};
use std::iter::Peekable;

use super::order::{Ordered, Record, What};
use super::pages::check_value;
use super::scrape::whole_leaf;
use crate::check::source::Source;
use crate::error::Result;
use crate::format::leaf::StoredValue;
use crate::format::overflow::OverflowRef;

/// Pages kept in memory: neighbours in key order mostly lie in few pages.
const CACHE: usize = 16;
/// How often the bytes of the file may be read, all in all, for large values.
const VALUE_ROUNDS: u64 = 16;

/// An entry that was found.
#[derive(Debug)]
pub(super) struct Scraped {
    pub key: Vec<u8>,
    value: ScrapedValue,
}

#[derive(Debug)]
enum ScrapedValue {
    Bytes(Vec<u8>),
    Extent(OverflowRef),
}

impl Scraped {
    pub fn value(&self) -> StoredValue<'_> {
        match &self.value {
            ScrapedValue::Bytes(bytes) => StoredValue::Inline(bytes),
            ScrapedValue::Extent(reference) => StoredValue::Overflow(*reference),
        }
    }
}

/// Entries by rising key.
pub(super) struct Sweep<'s> {
    source: &'s Source<'s>,
    records: Peekable<Ordered>,
    /// Generations of the leaves that tell of the present key, and how many there are.
    telling: BTreeMap<u64, usize>,
    cache: VecDeque<(u32, Vec<u8>)>,
    budget: u64,
}

impl<'s> Sweep<'s> {
    pub fn new(source: &'s Source<'s>, records: Ordered) -> Self {
        Sweep {
            source,
            records: records.peekable(),
            telling: BTreeMap::new(),
            cache: VecDeque::new(),
            budget: source.len.saturating_mul(VALUE_ROUNDS),
        }
    }

    /// The next entry below `end`.
    pub fn next_before(&mut self, end: Option<&[u8]>) -> Result<Option<Scraped>> {
        loop {
            match self.records.peek() {
                Some(Ok(record)) if end.is_none_or(|end| record.key.as_slice() < end) => {}
                Some(Err(_)) => {}
                Some(Ok(_)) | None => return Ok(None),
            }
            if let Some(entry) = self.next_key()? {
                return Ok(Some(entry));
            }
        }
    }

    /// Takes all records of the next key.
    fn next_key(&mut self) -> Result<Option<Scraped>> {
        let Some(first) = self.records.next().transpose()? else {
            return Ok(None);
        };
        let key = first.key.clone();
        let mut group = vec![first];
        let same = |r: &Result<Record>| r.as_ref().is_ok_and(|r| r.key == key);
        while let Some(record) = self.records.next_if(same).transpose()? {
            group.push(record);
        }
        for record in group.iter().filter(|r| r.what == What::Open) {
            *self.telling.entry(record.generation).or_default() += 1;
        }
        let chosen = self.choose(&group)?;
        for record in group.iter().filter(|r| r.what == What::Close) {
            if let Some(count) = self.telling.get_mut(&record.generation) {
                *count -= 1;
                if *count == 0 {
                    self.telling.remove(&record.generation);
                }
            }
        }
        Ok(chosen)
    }

    fn choose(&mut self, group: &[Record]) -> Result<Option<Scraped>> {
        let newest = self
            .telling
            .last_key_value()
            .map_or(0, |(&generation, _)| generation);
        let mut is_first = true;
        for record in group {
            let What::Entry(cell) = record.what else {
                continue;
            };
            if is_first && record.generation < newest {
                return Ok(None); // deleted by the time of a newer leaf
            }
            is_first = false;
            if let Some(value) = self.read(record, cell)? {
                let key = record.key.clone();
                return Ok(Some(Scraped { key, value }));
            }
        }
        Ok(None)
    }

    /// Reads the entry again: in a live file the page may have become another one.
    fn read(&mut self, record: &Record, cell: u16) -> Result<Option<ScrapedValue>> {
        let at = self.load(record.page)?;
        let bytes = self.cache.get(at).map_or(&[][..], |(_, bytes)| bytes);
        let leaf = whole_leaf(record.page, bytes).filter(|(_, g)| *g == record.generation);
        let found = leaf.and_then(|(leaf, _)| Some((leaf.prefix(), leaf.cell(cell.into())?)));
        let same = |prefix: &[u8], suffix: &[u8]| {
            record
                .key
                .strip_prefix(prefix)
                .is_some_and(|rest| rest == suffix)
        };
        let Some((_, cell)) = found.filter(|(prefix, cell)| same(prefix, cell.suffix)) else {
            return Ok(None);
        };
        let reference = match cell.value {
            StoredValue::Inline(bytes) => return Ok(Some(ScrapedValue::Bytes(bytes.to_vec()))),
            StoredValue::Overflow(reference) => reference,
        };
        let Some(rest) = self.budget.checked_sub(u64::from(reference.stored_len)) else {
            return Ok(None);
        };
        self.budget = rest;
        let whole = check_value(self.source, &reference, record.generation)?.is_ok();
        Ok(whole.then_some(ScrapedValue::Extent(reference)))
    }

    /// Position of a page in the cache.
    fn load(&mut self, page: u32) -> Result<usize> {
        if let Some(at) = self.cache.iter().position(|(id, _)| *id == page) {
            return Ok(at);
        }
        let mut bytes = match self.cache.len() {
            CACHE.. => self
                .cache
                .pop_front()
                .map_or_else(Vec::new, |(_, bytes)| bytes),
            _ => Vec::new(),
        };
        let (size, at) = (
            self.source.page_size,
            u64::from(page) * self.source.page_size as u64,
        );
        self.source.read_what_is_there(at, size, &mut bytes)?;
        self.cache.push_back((page, bytes));
        Ok(self.cache.len() - 1)
    }
}
