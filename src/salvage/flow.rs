//! Entries on their way into the result: those of trees and single pages, in key order, with
//! what the log says of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::lost::{Lost, Range};
use super::names::Names;
use crate::delta::{Delta, LayerCursor};
use crate::error::{Corruption, Result};
use crate::format::checksum::entry_hash;
use crate::format::key::{CATALOGUE, split_key};
use crate::format::leaf::StoredValue;
use crate::format::max_key_len;

/// Defects of pages with a right checksum that are reported at most.
const MAX_DEFECTS: usize = 20;

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A tree that is known to be the newest, or to be it together with the log.
    Tree,
    /// A tree that may be an older one.
    UnprovenTree,
    /// The log.
    Log,
    /// A single page that no tree reaches.
    Scraped,
}

/// Takes the entries of the result, keyspace 0 left out, by rising full key.
pub(super) trait Sink {
    /// Takes one. A large value has been found whole a moment ago.
    fn entry(&mut self, full_key: &[u8], value: &StoredValue<'_>) -> Result<()>;
}

/// Counts only.
pub(super) struct Count;

impl Sink for Count {
    fn entry(&mut self, _: &[u8], _: &StoredValue<'_>) -> Result<()> {
        Ok(())
    }
}

/// Sums over some entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub entries: u64,
    pub bytes: u64,
    pub stale: u64,
    pub content_sum: u64,
}

impl Sums {
    fn add(&mut self, bytes: u64, hash: u64, stale: bool) {
        self.entries += 1;
        self.bytes += bytes;
        self.stale += u64::from(stale);
        self.content_sum = self.content_sum.wrapping_add(hash);
    }
}

/// What went through.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub all: Sums,
    pub keyspaces: BTreeMap<u32, Sums>,
    pub names: Names,
    pub lost: Lost,
    /// Pages with a right checksum that contradict themselves or their neighbours.
    pub defects: Vec<Corruption>,
    /// Entries that no file can hold, or that came out of order.
    pub impossible: u64,
}

/// The way of entries into a sink.
pub(super) struct Flow<'f> {
    pub tally: Tally,
    delta: Arc<Delta>,
    log: LayerCursor,
    last: Vec<u8>,
    longest: usize,
    /// Whether all names could be read; known once the entries of keyspace 0 are through.
    catalogue_whole: Option<bool>,
    sink: &'f mut dyn Sink,
}

impl<'f> Flow<'f> {
    /// Entries go to `sink` as `delta` leaves them.
    pub fn new(delta: &Arc<Delta>, page_size: usize, sink: &'f mut dyn Sink) -> Self {
        let (from, to) = (Bound::Unbounded, Bound::Unbounded);
        Flow {
            tally: Tally::default(),
            log: LayerCursor::new(Arc::clone(delta), u64::MAX, from, to, false),
            delta: Arc::clone(delta),
            last: Vec::new(),
            longest: max_key_len(page_size),
            catalogue_whole: None,
            sink,
        }
    }

    /// An entry from below the log. They come by rising key.
    pub fn base(&mut self, key: &[u8], value: &StoredValue<'_>, origin: Origin) -> Result<()> {
        if key <= self.last.as_slice() {
            self.tally.impossible += 1; // possible only where a page contradicts itself
            return Ok(());
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        let replaced = self.log_upto(Some(key))?;
        if replaced || self.log.covers(key) {
            return Ok(());
        }
        self.emit(key, value, origin)
    }

    /// A range that is lost. They come in order with the entries.
    pub fn lose(&mut self, range: Range) {
        self.tally.lost.push(range);
    }

    /// Something does not hold, but nothing is hidden by it.
    pub fn defect(&mut self, what: Corruption) {
        if self.tally.defects.len() < MAX_DEFECTS {
            self.tally.defects.push(what);
        }
    }

    /// The rest of the log, and what went through.
    pub fn finish(mut self) -> Result<Tally> {
        self.log_upto(None)?;
        let deleted = self.delta.range_deletes();
        self.tally.lost.drop_where(|range| {
            // Whatever was there, the log has deleted it since.
            deleted.iter().any(|d| {
                let ends_later = match (&d.to, &range.to) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(deleted), Some(lost)) => lost <= deleted,
                };
                d.from <= range.from && ends_later
            })
        });
        Ok(self.tally)
    }

    /// Entries of the log below `key`, and at `key`: then true.
    fn log_upto(&mut self, key: Option<&[u8]>) -> Result<bool> {
        while let Some((next, _)) = self.log.peek() {
            if key.is_some_and(|key| key < next) {
                return Ok(false);
            }
            let same = key == Some(next);
            if let Some((key, Some(value))) = self.log.take() {
                self.emit(&key, &StoredValue::Inline(&value), Origin::Log)?;
            }
            if same {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn emit(&mut self, key: &[u8], value: &StoredValue<'_>, origin: Origin) -> Result<()> {
        let Some((keyspace, user_key)) = split_key(key) else {
            self.tally.impossible += 1;
            return Ok(());
        };
        if keyspace == CATALOGUE {
            if let StoredValue::Inline(bytes) = value {
                self.tally.names.take(key, bytes);
            }
            return Ok(());
        }
        if user_key.is_empty() || user_key.len() > self.longest {
            self.tally.impossible += 1;
            return Ok(());
        }
        let lost = &self.tally.lost;
        let whole = *self
            .catalogue_whole
            .get_or_insert_with(|| !lost.touches_keyspace(CATALOGUE));
        let scraped = origin == Origin::Scraped;
        if scraped && whole && !self.tally.names.knows(keyspace) {
            return Ok(()); // of a keyspace that was dropped
        }
        if scraped {
            self.tally.lost.count_recovered();
        }
        let bytes = user_key.len() as u64 + value.len();
        let hash = entry_hash(key, value.crc(), value.len());
        let stale = scraped || origin == Origin::UnprovenTree;
        self.tally.all.add(bytes, hash, stale);
        self.tally
            .keyspaces
            .entry(keyspace)
            .or_default()
            .add(bytes, hash, stale);
        self.sink.entry(key, value)
    }
}
