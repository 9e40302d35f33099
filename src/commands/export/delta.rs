//! `creel export --since`: what has to be done to contents at a position to get those of now.

use creel::{ChangedKeys, Db, KeyRange, KeyspaceChanges, Progress, Snapshot};

use super::target::Writer;
use super::{Visit, frame};
use crate::cli::progress::Meter;
use crate::cli::{Failure, range};

/// Keys between two looks at signals and progress.
const STRIDE: u64 = 1000;

/// The changes that were asked for.
pub struct Delta {
    snapshot: Snapshot,
    keyspaces: Vec<KeyspaceChanges>,
    /// Until they are written.
    changed: Option<ChangedKeys>,
    /// Only this keyspace.
    only: Option<String>,
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
        let changes = db.changes_since(&creel::Position {
            epoch: since.epoch,
            index: since.index,
            hash: since.hash,
        })?;
        if let Some(name) = only
            && !changes.keyspaces.iter().any(|k| k.name == name)
        {
            changes.snapshot.keyspace(name)?;
        }
        Ok(Delta {
            snapshot: changes.snapshot,
            keyspaces: changes.keyspaces,
            changed: Some(changes.keys),
            only: only.map(str::to_owned),
            keys,
        })
    }

    /// The moment that they lead to.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Writes them: ranges first in each keyspace, then keys as they are now.
    pub fn walk(&mut self, meter: &Meter, to: &mut Writer<'_, '_>) -> Result<(), Failure> {
        let Some(mut changed) = self.changed.take() else {
            return Ok(());
        };
        let snapshot = &self.snapshot;
        let total = changed.most();
        let (mut done, mut begun) = (0, 0);
        let mut keyspace = None;
        while let Some((number, key)) = changed.next_key()? {
            done += 1;
            if done % STRIDE == 0 {
                snapshot.forget_pages();
                meter.report(done, Some(total));
                if meter.stopped() {
                    return Err(creel::Error::Interrupted.into());
                }
            }
            if begun <= number {
                let now = self.keyspaces.get(begun..=number).unwrap_or(&[]);
                now.iter().try_for_each(|k| self.begin(k, to))?;
                begun = number + 1;
                let name = now.last().map_or("", |k| k.name.as_str());
                keyspace = self
                    .wants(name)
                    .then(|| snapshot.keyspace(name))
                    .transpose()?;
            }
            let Some(keyspace) = &keyspace else { continue };
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
        let rest = self.keyspaces.get(begun..).unwrap_or(&[]);
        rest.iter().try_for_each(|k| self.begin(k, to))
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name)
    }

    /// What comes before the keys of a keyspace.
    fn begin(&self, changed: &KeyspaceChanges, to: &mut Writer<'_, '_>) -> Result<(), Failure> {
        if !self.wants(&changed.name) {
            return Ok(());
        }
        to.keyspace(&changed.name)?;
        match &self.keys {
            None if changed.dropped => to.drop_keyspace()?,
            Some(keys) if changed.dropped => self.gone(keys, to)?,
            _ => {}
        }
        changed
            .ranges
            .iter()
            .try_for_each(|part| self.gone(part, to))
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
        let (from, end) = range::half_open(&part);
        to.delete_range(&from.unwrap_or_default(), end.as_deref())
    }
}
