//! `creel export --since`: what has to be done to contents at a position to get those of now.

use creel::{Changes, Db, KeyBound, KeyRange, KeyspaceChanges, Progress, Snapshot};

use super::target::Writer;
use super::{Visit, frame};
use crate::cli::progress::Meter;
use crate::cli::{Failure, range};

/// Keys between two looks at signals and progress.
const STRIDE: u64 = 1000;

/// The changes that were asked for.
pub struct Delta {
    changes: Changes,
    keyspaces: Vec<KeyspaceChanges>,
    keys: Option<KeyRange>,
}

impl Delta {
    /// What changed since the position, in all keyspaces or in the one named.
    pub fn new(
        db: &Db,
        since: frame::Position,
        only: Option<&str>,
        keys: Option<KeyRange>,
    ) -> Result<Delta, Failure> {
        let mut changes = db.changes_since(&creel::Position {
            epoch: since.epoch,
            index: since.index,
            hash: since.hash,
        })?;
        let mut keyspaces = std::mem::take(&mut changes.keyspaces);
        if let Some(name) = only {
            keyspaces.retain(|k| k.name == name);
            if keyspaces.is_empty() {
                changes.snapshot.keyspace(name)?;
            }
        }
        Ok(Delta {
            changes,
            keyspaces,
            keys,
        })
    }

    /// The moment that they lead to.
    pub fn snapshot(&self) -> &Snapshot {
        &self.changes.snapshot
    }

    /// Writes them: ranges first in each keyspace, then keys as they are now.
    pub fn walk(&self, meter: &Meter, to: &mut Writer<'_, '_>) -> Result<(), Failure> {
        let total = self.keyspaces.iter().map(|k| k.keys.len() as u64).sum();
        let mut done = 0;
        for changed in &self.keyspaces {
            to.keyspace(&changed.name)?;
            match &self.keys {
                None if changed.dropped => to.drop_keyspace()?,
                Some(keys) if changed.dropped => self.gone(keys, to)?,
                _ => {}
            }
            for part in &changed.ranges {
                self.gone(part, to)?;
            }
            let keyspace = match self.snapshot().keyspace(&changed.name) {
                // Dropped, and not made again.
                Err(creel::Error::NoKeyspace { .. }) => continue,
                other => other?,
            };
            for key in &changed.keys {
                done += 1;
                if done % STRIDE == 0 {
                    self.snapshot().forget_pages();
                    meter.report(done, Some(total));
                    if meter.stopped() {
                        return Err(creel::Error::Interrupted.into());
                    }
                }
                if self
                    .keys
                    .as_ref()
                    .is_some_and(|keys| !range::has(keys, key))
                {
                    continue;
                }
                match keyspace.get_with(key, |value| to.entry(key, value))? {
                    Some(written) => written?,
                    None => to.delete(key)?,
                }
            }
        }
        Ok(())
    }

    /// The part of a deleted range that was asked for.
    fn gone(&self, part: &KeyRange, to: &mut Writer<'_, '_>) -> Result<(), Failure> {
        let part = match &self.keys {
            Some(keys) => range::meet(part.clone(), keys.clone()),
            None => part.clone(),
        };
        if range::is_empty(&part) {
            return Ok(());
        }
        let from = match part.from {
            KeyBound::Unbounded => Vec::new(),
            KeyBound::Included(key) => key,
            KeyBound::Excluded(key) => next(key),
        };
        let end = match part.to {
            KeyBound::Unbounded => None,
            KeyBound::Included(key) => Some(next(key)),
            KeyBound::Excluded(key) => Some(key),
        };
        to.delete_range(&from, end.as_deref())
    }
}

/// The first key behind this one.
fn next(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
