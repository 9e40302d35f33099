//! What changed since a position: read from the log as far back as the file still has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Db;
use super::handle::Inner;
use super::range::{KeyBound, KeyRange};
use super::snapshot::{Keyspace, Snapshot};
use super::sort::{Duplicates, Sorted, Sorter};
use super::token::Position;
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::entry::Point;
use crate::format::frame::{EntryHeader, EntryKind};
use crate::format::op::{Op, Ops};
use crate::tree::{KeyInterval, add_intervals, any_has};

#[cfg(test)]
mod tests;

/// Memory for the keys that changed; more of them lie in a nameless scratch file.
const KEY_MEMORY: usize = 16 << 20;

/// The net effect of the commits between a position and a snapshot.
#[derive(Debug)]
pub struct Changes {
    /// The state that they lead to. Values come from here.
    pub snapshot: Snapshot,
    /// Its position.
    pub position: Position,
    /// What changed, by name. Import positions are left out.
    pub keyspaces: Vec<KeyspaceChanges>,
    /// The keys that changed.
    pub keys: ChangedKeys,
}

/// What changed in one keyspace. Whoever drops it if so, deletes the ranges, and then gives each
/// changed key the value that the snapshot has (or deletes it) arrives at the snapshot's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspaceChanges {
    /// Its name.
    pub name: String,
    /// It was dropped; where it has keys now, it was made anew after that.
    pub dropped: bool,
    /// Ranges that were deleted, sorted and apart from each other.
    pub ranges: Vec<KeyRange>,
}

/// The keys that were touched and that dropped keyspaces and ranges do not settle: keyspaces in the
/// order of [`Changes::keyspaces`], keys rising.
#[derive(Debug)]
pub struct ChangedKeys {
    sorted: Sorted,
    spaces: Vec<Space>,
    key: Vec<u8>,
}

/// A keyspace that is there now.
#[derive(Debug)]
struct Space {
    keyspace: Keyspace,
    /// Its number in [`Changes::keyspaces`].
    number: usize,
    /// Nothing that was there before is in it.
    is_new: bool,
    ranges: Vec<KeyInterval>,
}

impl ChangedKeys {
    /// The next one, and the number of its keyspace in [`Changes::keyspaces`].
    pub fn next_key(&mut self) -> Result<Option<(usize, &[u8])>> {
        loop {
            let Some(change) = self.sorted.next_change()? else {
                return Ok(None);
            };
            let Some(space) = self.spaces.get(change.keyspace as usize) else {
                continue;
            };
            let gone = space.is_new || any_has(&space.ranges, change.key);
            if !gone || space.keyspace.contains(change.key)? {
                self.key.clear();
                self.key.extend_from_slice(change.key);
                return Ok(Some((space.number, &self.key)));
            }
        }
    }

    /// At most so many are to come at the beginning.
    pub fn most(&self) -> u64 {
        self.sorted.pushed()
    }
}

impl Db {
    /// What was committed since a position, as far as the log still has it.
    /// [`Error::NotRetained`] where it does not reach back so far, or a bulk step came since;
    /// [`Error::Diverged`] where the position is not one of this file's history.
    pub fn changes_since(&self, since: &Position) -> Result<Changes> {
        let snapshot = self.snapshot()?;
        let position = snapshot.position()?;
        let mut gathered = Gathered::new(&self.inner, &snapshot)?;
        if since.index > position.index {
            let reason = format!(
                "the position has {} entries, this file only {}",
                since.index, position.index
            );
            return Err(Error::Diverged { reason });
        }
        if since.index < position.index {
            gathered.read(since, position.index)?;
        } else {
            gathered.log.start = Some(self.inner.point_at(since.index)?);
        }
        check_history(since, gathered.log.start)?;
        let (keyspaces, keys) = gathered.by_name()?;
        Ok(Changes {
            snapshot,
            position,
            keyspaces,
            keys,
        })
    }
}

pub(super) fn check_history(since: &Position, start: Option<Point>) -> Result<()> {
    let Some(start) = start else {
        return Err(Error::NotRetained {
            index: since.index,
            oldest: since.index + 1,
        });
    };
    if start.epoch != since.epoch {
        let reason = format!(
            "entry {} has epoch {} here, {} there",
            since.index, start.epoch, since.epoch
        );
        return Err(Error::Diverged { reason });
    }
    if since.hash.is_some_and(|hash| hash != start.history) {
        let reason = format!("other commits led to entry {} there", since.index);
        return Err(Error::Diverged { reason });
    }
    Ok(())
}

/// What the log says.
#[derive(Debug)]
struct Gathered<'a> {
    inner: &'a Inner,
    /// Keyspaces that are there now, by name.
    present: Vec<(String, Keyspace)>,
    /// Their numbers in that list, by id.
    numbers: BTreeMap<u32, u32>,
    log: Told,
    keys: Sorter,
}

/// What may have to be forgotten: the log was caught in a change.
#[derive(Debug, Default)]
struct Told {
    /// The log at the position.
    start: Option<Point>,
    /// The last entry taken in.
    last: u64,
    /// The last bulk step, whose changes the log does not have.
    bulk: Option<u64>,
    /// Ids of keyspaces with changed keys.
    touched: BTreeSet<u32>,
    /// Deleted ranges by keyspace id, as user keys, in the order in which they came.
    ranges: BTreeMap<u32, Vec<KeyInterval>>,
    /// Keyspaces made since, and the names of older ones that were dropped.
    created: BTreeSet<u32>,
    dropped: BTreeSet<Vec<u8>>,
}

impl<'a> Gathered<'a> {
    fn new(inner: &'a Inner, snapshot: &Snapshot) -> Result<Gathered<'a>> {
        let names = snapshot.keyspaces()?.into_iter();
        let present = names.map(|name| snapshot.keyspace(&name).map(|space| (name, space)));
        let present = present.collect::<Result<Vec<_>>>()?;
        let ids = present.iter().map(|(_, keyspace)| keyspace.id());
        Ok(Gathered {
            inner,
            numbers: ids.zip(0..).collect(),
            present,
            log: Told::default(),
            keys: sorter(inner),
        })
    }

    /// Takes in the entries behind `since` up to `upto`.
    fn read(&mut self, since: &Position, upto: u64) -> Result<()> {
        let inner = self.inner;
        let began = inner.walk_log(since.index, |point, placed, payload| {
            let entry = &placed.header.entry;
            if point.index == since.index {
                self.log = Told {
                    start: Some(*point),
                    last: point.index,
                    ..Told::default()
                };
                if self.keys.pushed() > 0 {
                    self.keys = sorter(inner);
                }
            }
            if entry.index > upto {
                return Ok(false);
            }
            if self.log.start.is_some() && entry.index == self.log.last + 1 {
                self.take(entry, payload)?;
            }
            Ok(true)
        })?;
        let missing = |oldest| {
            Err(Error::NotRetained {
                index: since.index,
                oldest,
            })
        };
        if let Some(bulk) = self.log.bulk {
            return missing(bulk);
        }
        if self.log.start.is_none() || self.log.last < upto {
            // Or it went away while it was read.
            return missing(began.index.max(since.index + 1));
        }
        Ok(())
    }

    fn take(&mut self, entry: &EntryHeader, payload: &[u8]) -> Result<()> {
        self.log.last = entry.index;
        match entry.kind {
            EntryKind::Bulk => self.log.bulk = Some(entry.index),
            EntryKind::Commit | EntryKind::Fence => {
                let mut ops = Ops::new(payload, entry.op_count);
                let decodes = |()| {
                    let text = format!("log entry {} does not decode", entry.index);
                    Corruption::new(Invariant::W4, text)
                };
                while let Some(op) = ops.next_op().map_err(decodes)? {
                    self.take_op(&op)?;
                }
            }
            EntryKind::Attest | EntryKind::Note => {}
        }
        Ok(())
    }

    fn take_op(&mut self, op: &Op<'_>) -> Result<()> {
        match *op {
            Op::Put { keyspace, key, .. } | Op::Delete { keyspace, key } => {
                // Keyspaces that are gone by now are dropped as a whole.
                if let Some(number) = self.numbers.get(&keyspace) {
                    self.log.touched.insert(keyspace);
                    self.keys.push(*number, key, None)?;
                }
            }
            Op::DeleteRange { keyspace, from, to } => {
                let interval = KeyInterval {
                    from: from.to_vec(),
                    to: (!to.is_empty()).then(|| to.to_vec()),
                };
                if interval.to.as_ref().is_none_or(|to| *to > interval.from) {
                    let ranges = self.log.ranges.entry(keyspace).or_default();
                    ranges.push(interval);
                }
            }
            Op::CreateKeyspace { id, .. } => {
                self.log.created.insert(id);
            }
            Op::DropKeyspace { id, name } => {
                self.log.ranges.remove(&id);
                if !self.log.created.remove(&id) {
                    self.log.dropped.insert(name.to_vec());
                }
            }
        }
        Ok(())
    }

    fn by_name(mut self) -> Result<(Vec<KeyspaceChanges>, ChangedKeys)> {
        let mut all = BTreeMap::new();
        for name in std::mem::take(&mut self.log.dropped) {
            all.insert(
                String::from_utf8_lossy(&name).into_owned(),
                (true, Vec::new()),
            );
        }
        let mut spaces = Vec::new();
        for (name, keyspace) in self.present {
            let id = keyspace.id();
            let mut ranges = Vec::new();
            add_intervals(&mut ranges, self.log.ranges.remove(&id).unwrap_or_default());
            let is_new = self.log.created.contains(&id);
            if self.log.touched.contains(&id) || !ranges.is_empty() {
                let (_, gone) = all.entry(name.clone()).or_default();
                if !is_new {
                    gone.extend(ranges.iter().cloned().map(range_of));
                }
            }
            let space = Space {
                keyspace,
                number: 0,
                is_new,
                ranges,
            };
            spaces.push((name, space));
        }
        let numbers: BTreeMap<&String, usize> = all.keys().zip(0..).collect();
        let spaces = spaces.into_iter().map(|(name, space)| Space {
            number: numbers.get(&name).copied().unwrap_or(usize::MAX),
            ..space
        });
        let keys = ChangedKeys {
            spaces: spaces.collect(),
            sorted: self.keys.finish()?,
            key: Vec::new(),
        };
        let all = all
            .into_iter()
            .map(|(name, (dropped, ranges))| KeyspaceChanges {
                name,
                dropped,
                ranges,
            });
        Ok((all.collect(), keys))
    }
}

/// A reader may not be allowed to write beside the database.
fn sorter(inner: &Inner) -> Sorter {
    let vfs = Arc::clone(&inner.options.vfs);
    let near = std::env::temp_dir().join("creel");
    Sorter::on(vfs, KEY_MEMORY, Duplicates::Last, &near)
}

fn range_of(interval: KeyInterval) -> KeyRange {
    KeyRange {
        from: match interval.from {
            from if from.is_empty() => KeyBound::Unbounded,
            from => KeyBound::Included(from),
        },
        to: interval.to.map_or(KeyBound::Unbounded, KeyBound::Excluded),
    }
}
