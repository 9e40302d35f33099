//! The table of recent commits: for each key its newest value and what older snapshots need.
//!
//! Range deletes: keys in this table get a tombstone at once, so the remembered intervals matter
//! only for what lies below (a frozen table, the tree). There a key stays deleted once any
//! interval covers it, so each stretch of keys needs only the lowest log index that covers it.

use std::collections::{BTreeMap, btree_map};
use std::ops::{Bound, Range};
use std::sync::{Arc, PoisonError};

use super::counts::{Counted, Counts};
use super::cursor::TableEntry;
use super::key::Key;
use super::raw::{Memory, RawLog, Undecodable};
use super::versions::{Value, Versions};
use crate::format::key::{catalogue_key, keyspace_end, keyspace_start, last_id_key};
use crate::format::op::Op;
use crate::threads::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::threads::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A deleted stretch of full keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeDelete {
    /// First key.
    pub from: Vec<u8>,
    /// First key after it; `None` = no end.
    pub to: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    points: BTreeMap<Key<'static>, Versions>,
    /// Disjoint stretches by first key: end and the lowest log index that deleted them.
    ranges: BTreeMap<Vec<u8>, (Option<Vec<u8>>, u64)>,
    /// Of the newest entry that deleted a range.
    pub last_range: u64,
    pub counts: Counts,
}

/// Recent commits, shared between one writer and many readers.
#[derive(Debug, Default)]
pub struct Delta {
    table: RwLock<Table>,
    /// Something was applied. Lets reads pass an empty table without taking its lock.
    used: AtomicBool,
    /// Entries that are not in the table yet.
    raw: Mutex<RawLog>,
    /// There are such entries.
    is_raw: AtomicBool,
    /// Lookups among them so far.
    asked: AtomicU32,
    /// Held while a keyspace is counted.
    pub(super) counting: Mutex<()>,
}

/// Lookups that go through the entries as they were read. Building the table takes the time of
/// some hundred.
const RAW_LOOKUPS: u32 = 16;

impl Delta {
    /// An empty table.
    pub fn new() -> Self {
        Delta::default()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.sort_out();
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the table for applying operations.
    pub fn writer(&self) -> DeltaWriter<'_> {
        self.sort_out();
        self.used.store(true, Ordering::Release);
        self.open_table()
    }

    fn open_table(&self) -> DeltaWriter<'_> {
        let table = self.write();
        DeltaWriter { table }
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a log entry, whose payload lies at `place` in `buffer`, for when it is needed. Only
    /// for a table that nobody else knows yet.
    pub fn keep<B: Memory + 'static>(
        &mut self,
        index: u64,
        op_count: u32,
        buffer: &Arc<B>,
        place: Range<usize>,
    ) -> Result<(), Undecodable> {
        self.used.store(true, Ordering::Release);
        self.is_raw.store(true, Ordering::Release);
        let raw = self.raw.get_mut().unwrap_or_else(PoisonError::into_inner);
        raw.push(index, op_count, buffer, place)
    }

    /// Puts the entries that were kept into the table.
    fn sort_out(&self) {
        if !self.is_raw.load(Ordering::Acquire) {
            return;
        }
        let mut raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever had the lock before may have done it.
        if self.is_raw.load(Ordering::Acquire) {
            raw.apply(&mut self.open_table());
            *raw = RawLog::default();
            self.is_raw.store(false, Ordering::Release);
        }
    }

    /// The first lookups do without the table.
    fn get_raw<R>(
        &self,
        key: &[u8],
        at: u64,
        use_value: impl FnOnce(&[u8]) -> R,
    ) -> Option<Option<R>> {
        let raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_raw.load(Ordering::Acquire) {
            return raw.get(key, at, use_value);
        }
        drop(raw);
        self.get(key, at, use_value)
    }

    /// True when nothing was committed since the checkpoint.
    pub fn is_empty(&self) -> bool {
        if !self.used.load(Ordering::Acquire) {
            return true;
        }
        if self.is_raw.load(Ordering::Acquire) {
            return false;
        }
        let table = self.read();
        table.points.is_empty() && table.ranges.is_empty()
    }

    /// Number of keys in the table.
    pub fn keys(&self) -> usize {
        self.read().points.len()
    }

    /// What the table says of a key at a log index: `None` = nothing (look below),
    /// `Some(None)` = deleted.
    pub fn get<R>(
        &self,
        key: &[u8],
        at: u64,
        use_value: impl FnOnce(&[u8]) -> R,
    ) -> Option<Option<R>> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        if self.is_raw.load(Ordering::Acquire)
            && self.asked.fetch_add(1, Ordering::Relaxed) < RAW_LOOKUPS
        {
            return self.get_raw(key, at, use_value);
        }
        let table = self.read();
        if let Some(value) = table.point(key).and_then(|v| v.at(at)) {
            return Some(value.as_deref().map(use_value));
        }
        table.covers(key, at).then_some(None)
    }

    /// True when a range delete at or before `at` removed this key from what lies below.
    pub fn covers(&self, key: &[u8], at: u64) -> bool {
        self.read().covers(key, at)
    }

    /// True when the table holds range deletes.
    pub fn has_ranges(&self) -> bool {
        !self.read().ranges.is_empty()
    }

    /// Gives up to `count` entries after (or before) a bound, in that direction. The lock is held
    /// only for that.
    pub(super) fn copy_entries(
        &self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        backwards: bool,
        at: u64,
        count: usize,
        out: &mut Vec<TableEntry>,
    ) {
        let table = self.read();
        if inverted(&bounds) {
            return;
        }
        let bounds = (bounds.0.map(Key::lent), bounds.1.map(Key::lent));
        let mut entries = table.range(bounds);
        while out.len() < count {
            let next = if backwards {
                entries.next_back()
            } else {
                entries.next()
            };
            let Some((key, versions)) = next else { break };
            if let Some(value) = versions.at(at) {
                out.push((key.bytes().into(), value.clone()));
            }
        }
    }

    /// Hands over every key in order with its newest value (`None` = deleted). The table should
    /// be frozen: whoever applies operations to it waits until `use_entries` returns.
    pub fn with_newest<R>(
        &self,
        use_entries: impl FnOnce(&mut dyn Iterator<Item = (&[u8], Option<&[u8]>)>) -> R,
    ) -> R {
        let table = self.read();
        use_entries(
            &mut table
                .points
                .iter()
                .map(|(key, v)| (key.bytes(), v.value.as_deref())),
        )
    }

    /// The stretches between two keys that were deleted at or before `at`, in order. The first and
    /// the last may reach beyond.
    pub fn ranges_within(&self, from: &[u8], to: Option<&[u8]>, at: u64) -> Vec<RangeDelete> {
        let table = self.read();
        let upto = (Bound::Unbounded, Bound::Included(from));
        let first = table.ranges.range::<[u8], _>(upto).next_back();
        let first = first.filter(|(_, (end, _))| end.as_deref().is_none_or(|end| from < end));
        let bounds = (
            Bound::Excluded(from),
            to.map_or(Bound::Unbounded, Bound::Excluded),
        );
        let behind = (!inverted(&bounds)).then(|| table.ranges.range::<[u8], _>(bounds));
        let all = first.into_iter().chain(behind.into_iter().flatten());
        all.filter(|(_, (_, index))| *index <= at)
            .map(|(from, (to, _))| RangeDelete {
                from: from.clone(),
                to: to.clone(),
            })
            .collect()
    }

    /// All deleted stretches in order.
    pub fn range_deletes(&self) -> Vec<RangeDelete> {
        let table = self.read();
        let all = table.ranges.iter();
        all.map(|(from, (to, _))| RangeDelete {
            from: from.clone(),
            to: to.clone(),
        })
        .collect()
    }
}

fn inverted(bounds: &(Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match bounds {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Excluded(a), Bound::Excluded(b)) => a >= b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a > b,
    }
}

impl Table {
    // A table of keys that live for ever is one of keys that live as long as the one asked for.
    pub fn point<'a>(&'a self, key: &'a [u8]) -> Option<&'a Versions> {
        let points: &BTreeMap<Key<'a>, Versions> = &self.points;
        points.get(&Key::lent(key))
    }

    pub fn point_mut(&mut self, key: &[u8]) -> Option<&mut Versions> {
        self.points.get_mut(&Key::own(key.into()))
    }

    /// The keys of a keyspace, and what counts it.
    pub fn of_keyspace(
        &mut self,
        keyspace: u32,
    ) -> (&mut Counts, btree_map::RangeMut<'_, Key<'static>, Versions>) {
        let owned = |key: Vec<u8>| Key::own(key.into_boxed_slice());
        let end = keyspace_end(keyspace);
        let end = (!end.is_empty()).then(|| owned(end));
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let bounds = (Bound::Included(owned(keyspace_start(keyspace))), end);
        (&mut self.counts, self.points.range_mut(bounds))
    }

    fn range<'a>(
        &'a self,
        bounds: (Bound<Key<'a>>, Bound<Key<'a>>),
    ) -> btree_map::Range<'a, Key<'a>, Versions> {
        let points: &BTreeMap<Key<'a>, Versions> = &self.points;
        points.range(bounds)
    }

    fn covers(&self, key: &[u8], at: u64) -> bool {
        if self.ranges.is_empty() {
            return false;
        }
        let upto = (Bound::Unbounded, Bound::Included(key));
        let Some((_, (to, index))) = self.ranges.range::<[u8], _>(upto).next_back() else {
            return false;
        };
        *index <= at && to.as_deref().is_none_or(|to| key < to)
    }
}

/// Applies operations; readers wait while it exists.
#[derive(Debug)]
pub struct DeltaWriter<'a> {
    table: RwLockWriteGuard<'a, Table>,
}

impl DeltaWriter<'_> {
    /// Applies operations with the log indexes of their entries, which rise. Where all are of single
    /// keys they go in by key: neighbours in the table are still in the cache then.
    pub fn apply_all(&mut self, mut ops: Vec<(u64, Op<'_>)>, newest_snapshot: u64) {
        if ops.iter().all(|(_, op)| single_key(op).is_some()) {
            // Those of one key stay in their order.
            ops.sort_by(|(_, a), (_, b)| single_key(a).cmp(&single_key(b)));
        }
        for (index, op) in &ops {
            self.apply(*index, op, newest_snapshot);
        }
    }

    /// Applies one operation of log entry `index`. `newest_snapshot` is the newest log index
    /// that a live snapshot reads: older versions that it needs are kept.
    pub fn apply(&mut self, index: u64, op: &Op<'_>, newest_snapshot: u64) {
        match *op {
            Op::Put {
                keyspace,
                key,
                value,
            } => {
                self.set(
                    full(keyspace, key),
                    Some(value.into()),
                    index,
                    newest_snapshot,
                );
            }
            Op::Delete { keyspace, key } => {
                self.set(full(keyspace, key), None, index, newest_snapshot);
            }
            Op::DeleteRange { keyspace, from, to } => {
                let end = if to.is_empty() {
                    keyspace_end(keyspace)
                } else {
                    full(keyspace, to).into_vec()
                };
                self.delete_range(full(keyspace, from).into_vec(), end, index, newest_snapshot);
            }
            Op::CreateKeyspace { id, name } => {
                let value: Arc<[u8]> = id.to_le_bytes().into();
                let name = catalogue_key(name).into_boxed_slice();
                self.set(name, Some(value.clone()), index, newest_snapshot);
                self.set(
                    last_id_key().into_boxed_slice(),
                    Some(value),
                    index,
                    newest_snapshot,
                );
            }
            Op::DropKeyspace { id, name } => {
                self.set(
                    catalogue_key(name).into_boxed_slice(),
                    None,
                    index,
                    newest_snapshot,
                );
                self.delete_range(keyspace_start(id), keyspace_end(id), index, newest_snapshot);
            }
        }
    }

    fn set(&mut self, key: Box<[u8]>, value: Value, index: u64, newest_snapshot: u64) {
        let Table { points, counts, .. } = &mut *self.table;
        match points.entry(Key::own(key)) {
            btree_map::Entry::Vacant(place) => {
                let mut counted = Counted::default();
                if counts.wants(counted) {
                    counts.note(place.key().bytes(), &mut counted);
                }
                place.insert(Versions::new(index, value, counted));
            }
            btree_map::Entry::Occupied(mut place) => {
                if counts.wants(place.get().counted) {
                    let key = place.key().bytes().to_vec();
                    counts.note(&key, &mut place.get_mut().counted);
                }
                place.get_mut().replace(value, index, newest_snapshot);
            }
        }
    }

    /// `to` empty = no end.
    fn delete_range(&mut self, from: Vec<u8>, to: Vec<u8>, index: u64, newest_snapshot: u64) {
        let end = (!to.is_empty()).then_some(to);
        if end.as_ref().is_some_and(|end| *end <= from) {
            return;
        }
        let owned = |key: &[u8]| Key::own(key.into());
        let upper = end.as_deref().map(owned);
        let upper = upper.map_or(Bound::Unbounded, Bound::Excluded);
        let bounds = (Bound::Included(owned(&from)), upper);
        self.table.last_range = self.table.last_range.max(index);
        // What is counted is so no more, and begins anew when it is asked for.
        for (_, versions) in self.table.points.range_mut(bounds) {
            versions.replace(None, index, newest_snapshot);
        }
        self.cover(from, end, index);
    }

    /// Adds the parts of `from..to` that no earlier interval covers.
    fn cover(&mut self, from: Vec<u8>, to: Option<Vec<u8>>, index: u64) {
        let ends_before = |a: &[u8], b: &Option<Vec<u8>>| b.as_deref().is_none_or(|b| a < b);
        let mut at = from;
        // An interval that begins before `at` may cover its beginning.
        let upto = (Bound::Unbounded, Bound::Included(at.as_slice()));
        if let Some((_, (end, _))) = self.table.ranges.range::<[u8], _>(upto).next_back() {
            match end {
                None => return,
                Some(end) if *end > at => at = end.clone(),
                Some(_) => {}
            }
        }
        while ends_before(&at, &to) {
            let next = self
                .table
                .ranges
                .range::<[u8], _>((Bound::Included(at.as_slice()), Bound::Unbounded))
                .next();
            let next = next.map(|(start, (end, _))| (start.clone(), end.clone()));
            match next {
                Some((start, end)) if ends_before(&start, &to) => {
                    if at < start {
                        self.table.ranges.insert(at, (Some(start), index));
                    }
                    match end {
                        Some(end) => at = end,
                        None => return,
                    }
                }
                _ => {
                    self.table.ranges.insert(at, (to, index));
                    return;
                }
            }
        }
    }
}

fn single_key<'a>(op: &Op<'a>) -> Option<(u32, &'a [u8])> {
    match *op {
        Op::Put { keyspace, key, .. } | Op::Delete { keyspace, key } => Some((keyspace, key)),
        _ => None,
    }
}

fn full(keyspace: u32, key: &[u8]) -> Box<[u8]> {
    let mut full = Vec::with_capacity(key.len() + 4);
    full.extend_from_slice(&keyspace.to_be_bytes());
    full.extend_from_slice(key);
    full.into_boxed_slice()
}

#[cfg(test)]
mod tests;
