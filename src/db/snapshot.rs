//! Snapshots: a stable view for as long as it is held.

use std::ops::Bound;
use std::sync::Arc;

use super::cursor::Cursor;
use super::handle::{Inner, lock};
use super::range::KeyRange;
use super::token::Token;
use super::view::{Layers, View};
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::format::key::{FullKey, MAIN, MAIN_NAME, catalogue_name, catalogue_range};

/// A view of one moment. It never changes; it keeps the pages that it needs.
#[derive(Debug, Clone)]
pub struct Snapshot {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    inner: Arc<Inner>,
    view: Arc<View>,
    index: u64,
    epoch: u32,
}

impl Drop for State {
    fn drop(&mut self) {
        lock(&self.inner.snapshots).give_back(self.index);
    }
}

impl Snapshot {
    pub(super) fn take(inner: &Arc<Inner>) -> Result<Snapshot> {
        inner.need(None)?;
        inner.catch_up()?;
        Ok(Self::of_present(inner))
    }

    pub(super) fn take_for(inner: &Arc<Inner>, keys: &[Vec<u8>]) -> Result<Snapshot> {
        for key in keys {
            inner.need(Some(key))?;
        }
        inner.catch_up()?;
        Ok(Self::of_present(inner))
    }

    /// A snapshot by a handle that keeps only some keys, which must be the only ones read.
    pub(super) fn of_present(inner: &Arc<Inner>) -> Snapshot {
        let mut snapshots = lock(&inner.snapshots);
        let index = snapshots.take();
        if planted(Defect::SnapshotApart) {
            drop(snapshots);
            snapshots = lock(&inner.snapshots);
        }
        let view = inner.view.load_full();
        drop(snapshots);
        let epoch = view.tree.header().epoch;
        Snapshot {
            state: Arc::new(State {
                inner: Arc::clone(inner),
                view,
                index,
                epoch,
            }),
        }
    }

    /// The newest commit that the snapshot has.
    pub fn token(&self) -> Token {
        Token {
            epoch: self.state.epoch,
            index: self.state.index,
        }
    }

    /// Generation of the tree under it.
    pub fn generation(&self) -> u64 {
        self.state.view.tree.header().generation
    }

    /// Id that the database shares with its copies.
    pub fn lineage_id(&self) -> [u8; 16] {
        self.state.view.tree.header().lineage_id
    }

    /// Gives the memory of the pages that were read back to the system, which counts a mapped
    /// file as memory of the process. A walk over a large database calls it now and then.
    pub fn forget_pages(&self) {
        self.state.view.tree.pages.forget();
    }

    /// Names of all keyspaces, sorted.
    pub fn keyspaces(&self) -> Result<Vec<String>> {
        let mut names = vec![MAIN_NAME.to_owned()];
        let (from, to) = catalogue_range();
        let bounds = (
            Bound::Included(FullKey::from_full(&from)),
            Bound::Excluded(FullKey::from_full(&to)),
        );
        let mut cursor = Cursor::new(self.layers(), bounds);
        while let Some((key, _)) = cursor.next_full()? {
            let name = catalogue_name(key).unwrap_or(&[]);
            names.push(String::from_utf8_lossy(name).into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// A keyspace by name. `main` always exists.
    pub fn keyspace(&self, name: &str) -> Result<Keyspace> {
        let id = if name == MAIN_NAME {
            Some(MAIN)
        } else {
            self.layers().keyspace_id(name)?
        };
        let id = id.ok_or_else(|| Error::NoKeyspace {
            name: name.to_owned(),
        })?;
        Ok(Keyspace {
            snapshot: self.clone(),
            id,
        })
    }

    /// The value of a key in the keyspace `main`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get_full(MAIN, key, <[u8]>::to_vec)
    }

    pub(super) fn layers(&self) -> Layers {
        self.state.view.layers(self.state.index)
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.state.inner
    }

    pub(crate) fn view(&self) -> &View {
        &self.state.view
    }

    fn get_full<R>(&self, id: u32, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.state
            .view
            .get_with(&FullKey::new(id, key), self.state.index, f)
    }
}

/// One keyspace in a snapshot.
#[derive(Debug, Clone)]
pub struct Keyspace {
    snapshot: Snapshot,
    id: u32,
}

impl Keyspace {
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get_with(key, <[u8]>::to_vec)
    }

    /// Hands the value over where it lies, without copying it.
    pub fn get_with<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.snapshot.get_full(self.id, key, f)
    }

    /// True when the key has a value.
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        Ok(self.get_with(key, |_| ())?.is_some())
    }

    /// Number of entries in a range. Where nothing was committed since the last checkpoint this
    /// costs two walks down the tree, however many there are.
    pub fn count(&self, range: &KeyRange) -> Result<u64> {
        self.snapshot.layers().count(&range.full(self.id))
    }

    /// Number of entries. The first call goes through what was committed since the last
    /// checkpoint, later ones through what has changed since the call before, however many entries
    /// there are. Behind a deleted range, and for a snapshot older than one that was asked, all is
    /// gone through once more.
    pub fn len(&self) -> Result<u64> {
        super::cursor::len(&self.snapshot.layers(), self.id)
    }

    /// True when there are none.
    pub fn is_empty(&self) -> Result<bool> {
        let mut cursor = self.cursor(&KeyRange::all());
        Ok(cursor.next_key()?.is_none())
    }

    /// Walks a range in key order, from either end.
    pub fn cursor(&self, range: &KeyRange) -> Cursor {
        Cursor::of(&self.snapshot, range.full(self.id))
    }

    /// The snapshot that this belongs to.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its id in the file.
    pub fn id(&self) -> u32 {
        self.id
    }
}
