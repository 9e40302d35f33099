//! Bulk steps: changes go straight into the tree, all of them or none, with two syncs in all.
//!
//! The log gets a small entry of its own (so that its indexes stay contiguous) which becomes
//! durable together with the pages. Only the header that follows makes the step real: on open, a
//! bulk entry above the checkpoint with nothing after it is dropped.

mod feed;
mod keyspaces;
mod load;
mod step;

use super::range::KeyRange;
use super::snapshot::Snapshot;
use super::sort::Duplicates;
use super::token::Token;
use super::{Db, check_keyspace_name};
use crate::error::Result;
use crate::format::checksum::History;
use crate::format::key::MAIN;
use crate::progress::Progress;
use crate::tree::FoldDelta;

pub use keyspaces::Keyspaces;

/// What becomes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkChange<'a> {
    /// Id that [`Keyspaces::id`] gave.
    pub keyspace: u32,
    /// The key.
    pub key: &'a [u8],
    /// Its value; `None` removes the key.
    pub value: Option<&'a [u8]>,
}

/// An import position: its id, and its record or `None` to remove it.
pub type PositionChange = (Vec<u8>, Option<Vec<u8>>);

/// What a step does besides changing keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkEnd {
    /// Import positions to set or remove in the same step.
    pub positions: Vec<PositionChange>,
}

/// Where the changes of a bulk step come from.
///
/// The changes of one keyspace stand together, with rising keys; the keyspaces may come in any
/// order. A step is cheapest where their ids rise: each time one goes down, the tree is gone
/// through once more. Every error of a source ends the step and leaves everything as it was.
pub trait BulkSource {
    /// The next change; `None` at the end.
    fn next(&mut self) -> Result<Option<BulkChange<'_>>>;

    /// Ranges of older entries that go, found since the last call. They have to be told at the
    /// latest with the first change of their keyspace; its changes win over them.
    fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        Vec::new()
    }

    /// Called once after the last change.
    fn finish(&mut self) -> Result<BulkEnd> {
        Ok(BulkEnd::default())
    }
}

/// What a bulk step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkReport {
    /// Its position in the log; where nothing changed, that of the newest commit.
    pub token: Token,
    /// History of the log up to there.
    pub history: History,
    /// False where everything was as the step wanted it: then nothing was written.
    pub changed: bool,
    /// Changes that were handed in.
    pub given: u64,
    /// Those left when each key counts once.
    pub distinct: u64,
    /// Puts of keys that were not there.
    pub inserted: u64,
    /// Puts of keys that had another value.
    pub replaced: u64,
    /// Puts of keys that had this value already.
    pub unchanged: u64,
    /// Entries that deletes of single keys removed.
    pub deleted: u64,
    /// Entries that deleted ranges and dropped keyspaces lost.
    pub deleted_in_ranges: u64,
    /// Bytes written to the file.
    pub bytes_written: u64,
}

impl BulkReport {
    /// Entries of the database afterwards, less those before.
    pub fn added(&self) -> i64 {
        self.inserted as i64 - self.deleted as i64 - self.deleted_in_ranges as i64
    }

    fn of(commit: (Token, History), given: u64, counts: &FoldDelta) -> BulkReport {
        BulkReport {
            token: commit.0,
            history: commit.1,
            changed: false,
            given,
            distinct: given,
            inserted: counts.inserted,
            replaced: counts.replaced,
            unchanged: counts.unchanged,
            deleted: counts.deleted,
            deleted_in_ranges: counts.deleted_in_ranges,
            bytes_written: 0,
        }
    }
}

impl Db {
    /// Applies any number of changes in one atomic step. `make` gets the state before the step:
    /// nobody can commit between it and the step, so all writers wait until it is done. The
    /// second argument gives ids of keyspaces, new ones too, for as long as the source lives.
    pub fn bulk_step<S: BulkSource>(
        &self,
        make: impl FnOnce(&Snapshot, Keyspaces) -> Result<S>,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        self.inner.bulk_step(make, progress)
    }

    /// Loads entries that come in rising key order (equal keys: the last one wins) into a
    /// keyspace, in one atomic step. Existing keys are replaced. Writers wait until it is done.
    pub fn bulk_load<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        keyspace: &str,
        entries: impl Iterator<Item = Result<(K, V)>>,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        check_keyspace_name(keyspace)?;
        let mut given = 0;
        let report = self.inner.bulk_step(
            |_, keyspaces| load::InOrder::new(entries, keyspaces.id(keyspace)?, &mut given),
            progress,
        )?;
        Ok(BulkReport { given, ..report })
    }

    /// Loads entries in any order; of equal keys the last one wins. See [`super::Sorter`] for memory.
    pub fn bulk_load_unsorted<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        keyspace: &str,
        entries: impl Iterator<Item = Result<(K, V)>>,
        sort_memory: usize,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        check_keyspace_name(keyspace)?;
        self.inner.check_writable()?;
        let mut sorter = self.sorter(sort_memory, Duplicates::Last);
        for entry in entries {
            let (key, value) = entry?;
            sorter.push(MAIN, key.as_ref(), Some(value.as_ref()))?;
        }
        let given = sorter.pushed();
        let sorted = sorter.finish()?;
        let report = self.inner.bulk_step(
            |_, keyspaces| {
                Ok(load::Into {
                    sorted,
                    keyspace: keyspaces.id(keyspace)?,
                })
            },
            progress,
        )?;
        Ok(BulkReport { given, ..report })
    }
}
