//! Keyspace names and ids during a bulk step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::db::check_keyspace_name;
use crate::db::handle::lock;
use crate::db::snapshot::Snapshot;
use crate::error::{Bounded, Error, Result};
use crate::format::key::{MAIN, MAIN_NAME, catalogue_key, last_id_key};
use crate::threads::Mutex;

/// Gives keyspaces ids while a bulk step runs. A new keyspace becomes real with the step, if
/// something is put into it. Clones share one state.
#[derive(Debug, Clone)]
pub struct Keyspaces {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    snapshot: Snapshot,
    /// Names that were asked for, and their ids now.
    ids: BTreeMap<String, u32>,
    /// The same ids.
    open: BTreeSet<u32>,
    /// New ones by id.
    new: BTreeMap<u32, String>,
    /// Those that the step drops.
    dropped: BTreeMap<String, u32>,
    /// Dropped ids whose entries nobody has removed yet.
    to_clear: Vec<u32>,
    /// The largest id ever given, new ones not counted.
    last: u32,
}

/// A change of keyspace 0: full key, and value or `None`.
pub(super) type CatalogueChange = (Vec<u8>, Option<Vec<u8>>);

impl Keyspaces {
    pub(super) fn new(snapshot: &Snapshot) -> Result<Keyspaces> {
        let last = snapshot.layers().last_keyspace_id()?;
        let state = State {
            snapshot: snapshot.clone(),
            ids: BTreeMap::from([(MAIN_NAME.to_owned(), MAIN)]),
            open: BTreeSet::from([MAIN]),
            new: BTreeMap::new(),
            dropped: BTreeMap::new(),
            to_clear: Vec::new(),
            last,
        };
        Ok(Keyspaces {
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// The id of a keyspace that exists, or a new one.
    pub fn id(&self, name: &str) -> Result<u32> {
        check_keyspace_name(name)?;
        let mut state = lock(&self.state);
        if let Some(id) = state.look_up(name)? {
            return Ok(id);
        }
        let newest = state.new.last_key_value().map_or(state.last, |(id, _)| *id);
        let id = newest.checked_add(1).filter(|id| *id < u32::MAX);
        let id = id.ok_or(Error::Limit {
            what: Bounded::Keyspaces,
            actual: u64::from(u32::MAX),
            limit: u64::from(u32::MAX) - 1,
        })?;
        state.open(name, id);
        state.new.insert(id, name.to_owned());
        Ok(id)
    }

    /// The id of a keyspace, if it exists or was asked for with [`Keyspaces::id`].
    pub fn find(&self, name: &str) -> Result<Option<u32>> {
        lock(&self.state).look_up(name)
    }

    /// Drops a keyspace and everything that it had before the step; false where there is none.
    /// A later [`Keyspaces::id`] of the name begins a new one. Call it before changes of the
    /// keyspace are given.
    pub fn drop_keyspace(&self, name: &str) -> Result<bool> {
        if name == MAIN_NAME {
            let reason = "the keyspace main cannot be dropped".into();
            return Err(Error::Invalid { reason });
        }
        let mut state = lock(&self.state);
        let Some(id) = state.look_up(name)? else {
            return Ok(false);
        };
        state.ids.remove(name);
        state.open.remove(&id);
        state.to_clear.push(id);
        if state.new.remove(&id).is_some() {
            state.last = state.last.max(id);
        } else {
            state.dropped.insert(name.to_owned(), id);
        }
        Ok(true)
    }

    /// True where changes may name this id.
    pub(super) fn is_open(&self, id: u32) -> bool {
        lock(&self.state).open.contains(&id)
    }

    /// Dropped keyspaces since the last call.
    pub(super) fn take_dropped(&self) -> Vec<u32> {
        std::mem::take(&mut lock(&self.state).to_clear)
    }

    /// What becomes of the catalogue when the keyspaces in `used` got entries.
    pub(super) fn changes(&self, used: &BTreeSet<u32>) -> Vec<CatalogueChange> {
        let state = lock(&self.state);
        let mut changes = BTreeMap::new();
        for name in state.dropped.keys() {
            changes.insert(catalogue_key(name.as_bytes()), None);
        }
        let mut last = None;
        for (id, name) in state.new.iter().filter(|(id, _)| used.contains(id)) {
            let value = id.to_le_bytes().to_vec();
            changes.insert(catalogue_key(name.as_bytes()), Some(value.clone()));
            last = Some(value);
        }
        if last.is_some() {
            changes.insert(last_id_key(), last);
        }
        changes.into_iter().collect()
    }
}

impl State {
    fn look_up(&mut self, name: &str) -> Result<Option<u32>> {
        if let Some(id) = self.ids.get(name) {
            return Ok(Some(*id));
        }
        if self.dropped.contains_key(name) {
            return Ok(None);
        }
        let id = self.snapshot.layers().keyspace_id(name)?;
        if let Some(id) = id {
            self.open(name, id);
        }
        Ok(id)
    }

    fn open(&mut self, name: &str, id: u32) {
        self.ids.insert(name.to_owned(), id);
        self.open.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    #[test]
    fn the_ids_of_keyspaces_come_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::create(dir.path().join("a.creel")).unwrap();
        let spaces = Keyspaces::new(&db.snapshot().unwrap()).unwrap();
        lock(&spaces.state).last = u32::MAX - 3;
        assert_eq!(spaces.find("a").unwrap(), None);
        assert_eq!(spaces.id("a").unwrap(), u32::MAX - 2);
        assert_eq!(spaces.id("b").unwrap(), u32::MAX - 1);
        let refused = spaces.id("c").unwrap_err();
        let Error::Limit { actual, limit, .. } = refused else {
            panic!("{refused}");
        };
        let largest = u64::from(u32::MAX) - 1;
        assert_eq!((actual, limit), (largest + 1, largest));
        assert_eq!(spaces.id("a").unwrap(), u32::MAX - 2);
        assert_eq!(spaces.find("a").unwrap(), Some(u32::MAX - 2));
        assert_eq!(spaces.find("c").unwrap(), None);
        assert_eq!(spaces.find(MAIN_NAME).unwrap(), Some(MAIN));
    }
}
