//! What changed since a position: read from the log as far back as the file still has it.

use std::collections::{BTreeMap, BTreeSet};

use super::Db;
use super::handle::Inner;
use super::range::{KeyBound, KeyRange};
use super::snapshot::Snapshot;
use super::token::Position;
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::entry::Point;
use crate::format::frame::{EntryHeader, EntryKind};
use crate::format::key::CATALOGUE;
use crate::format::op::{Op, Ops};
use crate::tree::{KeyInterval, add_intervals, any_has};

/// The net effect of the commits between a position and a snapshot.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The state that they lead to. Values come from here.
    pub snapshot: Snapshot,
    /// Its position.
    pub position: Position,
    /// What changed, by name. Import positions are left out.
    pub keyspaces: Vec<KeyspaceChanges>,
}

/// What changed in one keyspace. Whoever drops it if so, deletes the ranges, and then gives each
/// key the value that the snapshot has (or deletes it) arrives at the snapshot's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspaceChanges {
    /// Its name.
    pub name: String,
    /// It was dropped; where it has keys now, it was made anew after that.
    pub dropped: bool,
    /// Ranges that were deleted, sorted and apart from each other.
    pub ranges: Vec<KeyRange>,
    /// Keys that were touched and that the above does not settle, rising.
    pub keys: Vec<Vec<u8>>,
}

impl Db {
    /// What was committed since a position, as far as the log still has it.
    /// [`Error::NotRetained`] where it does not reach back so far, or a bulk step came since;
    /// [`Error::Diverged`] where the position is not one of this file's history.
    pub fn changes_since(&self, since: &Position) -> Result<Changes> {
        let snapshot = self.snapshot()?;
        let position = snapshot.position()?;
        let mut gathered = Gathered::default();
        if since.index > position.index {
            let reason = format!(
                "the position has {} entries, this file only {}",
                since.index, position.index
            );
            return Err(Error::Diverged { reason });
        }
        if since.index < position.index {
            gathered.read(&self.inner, since, position.index)?;
        } else {
            gathered.start = Some(self.inner.point_at(since.index)?);
        }
        check_history(since, gathered.start)?;
        let keyspaces = gathered.by_name(&snapshot)?;
        Ok(Changes {
            snapshot,
            position,
            keyspaces,
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

/// What the log says, by keyspace id.
#[derive(Debug, Default)]
struct Gathered {
    /// The log at the position.
    start: Option<Point>,
    /// The last entry taken in.
    last: u64,
    /// The last bulk step, whose changes the log does not have.
    bulk: Option<u64>,
    touched: BTreeMap<u32, Touched>,
    /// Keyspaces made since, and the names of older ones that were dropped.
    created: BTreeSet<u32>,
    dropped: BTreeSet<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Touched {
    keys: BTreeSet<Vec<u8>>,
    /// As user keys, in the order in which they came.
    ranges: Vec<KeyInterval>,
}

impl Gathered {
    /// Takes in the entries behind `since` up to `upto`.
    fn read(&mut self, inner: &Inner, since: &Position, upto: u64) -> Result<()> {
        let began = inner.walk_log(since.index, |point, placed, payload| {
            let entry = &placed.header.entry;
            if point.index == since.index {
                *self = Gathered {
                    start: Some(*point),
                    last: point.index,
                    ..Gathered::default()
                };
            }
            if entry.index > upto {
                return Ok(false);
            }
            if self.start.is_some() && entry.index == self.last + 1 {
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
        if let Some(bulk) = self.bulk {
            return missing(bulk);
        }
        if self.start.is_none() || self.last < upto {
            // Or it went away while it was read.
            return missing(began.index.max(since.index + 1));
        }
        Ok(())
    }

    fn take(&mut self, entry: &EntryHeader, payload: &[u8]) -> Result<()> {
        self.last = entry.index;
        match entry.kind {
            EntryKind::Bulk => self.bulk = Some(entry.index),
            EntryKind::Commit | EntryKind::Fence => {
                let mut ops = Ops::new(payload, entry.op_count);
                let decodes = |()| {
                    let text = format!("log entry {} does not decode", entry.index);
                    Corruption::new(Invariant::W4, text)
                };
                while let Some(op) = ops.next_op().map_err(decodes)? {
                    self.take_op(&op);
                }
            }
            EntryKind::Attest | EntryKind::Note => {}
        }
        Ok(())
    }

    fn take_op(&mut self, op: &Op<'_>) {
        match *op {
            Op::Put { keyspace, key, .. } | Op::Delete { keyspace, key } => {
                let touched = self.touched.entry(keyspace).or_default();
                if !touched.keys.contains(key) {
                    touched.keys.insert(key.to_vec());
                }
            }
            Op::DeleteRange { keyspace, from, to } => {
                let interval = KeyInterval {
                    from: from.to_vec(),
                    to: (!to.is_empty()).then(|| to.to_vec()),
                };
                if interval.to.as_ref().is_none_or(|to| *to > interval.from) {
                    let touched = self.touched.entry(keyspace).or_default();
                    touched.ranges.push(interval);
                }
            }
            Op::CreateKeyspace { id, .. } => {
                self.created.insert(id);
            }
            Op::DropKeyspace { id, name } => {
                self.touched.remove(&id);
                if !self.created.remove(&id) {
                    self.dropped.insert(name.to_vec());
                }
            }
        }
    }

    fn by_name(mut self, snapshot: &Snapshot) -> Result<Vec<KeyspaceChanges>> {
        let mut all = BTreeMap::new();
        for name in std::mem::take(&mut self.dropped) {
            let name = String::from_utf8_lossy(&name).into_owned();
            let changes = KeyspaceChanges {
                name: name.clone(),
                dropped: true,
                ranges: Vec::new(),
                keys: Vec::new(),
            };
            all.insert(name, changes);
        }
        self.touched.remove(&CATALOGUE);
        for name in snapshot.keyspaces()? {
            let keyspace = snapshot.keyspace(&name)?;
            let Some(touched) = self.touched.remove(&keyspace.id()) else {
                continue;
            };
            let changes = all.entry(name.clone()).or_insert(KeyspaceChanges {
                name,
                dropped: false,
                ranges: Vec::new(),
                keys: Vec::new(),
            });
            let mut ranges = Vec::new();
            add_intervals(&mut ranges, touched.ranges);
            // Nothing that was there before is in a keyspace made since.
            let is_new = self.created.contains(&keyspace.id());
            for key in touched.keys {
                let gone = is_new || any_has(&ranges, &key);
                if !gone || keyspace.contains(&key)? {
                    changes.keys.push(key);
                }
            }
            if !is_new {
                changes.ranges = ranges.into_iter().map(range_of).collect();
            }
        }
        let says = |c: &KeyspaceChanges| c.dropped || !c.ranges.is_empty() || !c.keys.is_empty();
        Ok(all.into_values().filter(says).collect())
    }
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
