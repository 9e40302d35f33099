//! What readers see: a tree and the commits since, published as one.

use std::borrow::Cow;
use std::ops::Bound;
use std::sync::Arc;

use super::cursor::Bounds;
use crate::delta::Delta;
use crate::error::Result;
use crate::format::bytes::u32_at;
use crate::format::header::Header;
use crate::format::key::{FullKey, MAIN, MAIN_NAME, catalogue_key, last_id_key};
use crate::format::leaf::StoredValue;
use crate::store::pages::Pages;
use crate::store::pins::Pin;
use crate::store::slots::Current;
use crate::tree::{self, Root, Seek, TreeCursor};

/// One generation of the tree, pinned for as long as anybody looks at it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub pages: Pages,
    pub current: Current,
    /// Keeps the pages from being reused.
    pub _pin: Pin,
}

impl Tree {
    pub fn header(&self) -> &Header {
        &self.current.header
    }

    pub fn root(&self) -> Root {
        root_of(&self.current.header)
    }

    /// Hands over what stands in a range of full keys, in their order.
    pub fn each_in(
        &self,
        (from, to): &(Vec<u8>, Vec<u8>),
        mut visit: impl FnMut(&[u8], &StoredValue<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut cursor = TreeCursor::new();
        cursor.seek(&self.pages, self.root(), Some(from), Seek::AtOrAfter)?;
        let mut key = Vec::new();
        while let Some(entry) = cursor.next(&self.pages)? {
            entry.copy_key(&mut key);
            if key >= *to {
                break;
            }
            visit(&key, &entry.value)?;
        }
        Ok(())
    }
}

/// Root of the tree that a header names.
pub(crate) fn root_of(header: &Header) -> Root {
    Root {
        page: header.root_page,
        crc: header.root_crc,
        height: header.root_height,
    }
}

/// Tree and recent commits. Commits go to `active`; `frozen` is being folded into the tree.
#[derive(Debug)]
pub(crate) struct View {
    pub tree: Arc<Tree>,
    pub active: Arc<Delta>,
    pub frozen: Option<Arc<Delta>>,
}

/// Reads everything, however new.
pub(crate) const NEWEST: u64 = u64::MAX;

/// Tables over a tree, newest first, as of one log index.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    pub tree: Arc<Tree>,
    pub tables: Vec<Arc<Delta>>,
    pub at: u64,
}

impl View {
    /// Looks a full key up and hands the value over where it lies.
    pub fn get_with<R>(
        &self,
        key: &[u8],
        at: u64,
        use_value: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        // The closure can run only once, whichever table has the key.
        let mut use_value = Some(use_value);
        let mut call = |value: &[u8]| use_value.take().map(|f| f(value));
        for table in std::iter::once(&self.active).chain(self.frozen.as_ref()) {
            if let Some(found) = table.get(key, at, &mut call) {
                return Ok(found.flatten());
            }
        }
        let pages = &self.tree.pages;
        match tree::get(pages, self.tree.root(), key)? {
            Some(value) => Ok(call(tree::read_value(pages, &value)?)),
            None => Ok(None),
        }
    }

    /// The same data for cursors and conditions.
    pub fn layers(&self, at: u64) -> Layers {
        // What comes into an empty table from now on is newer than `at`.
        let tables = std::iter::once(&self.active).chain(self.frozen.as_ref());
        let tables = tables.filter(|table| !table.is_empty()).cloned().collect();
        Layers {
            tree: Arc::clone(&self.tree),
            tables,
            at,
        }
    }

    /// For batches that look at no data: the tree alone.
    pub fn unread(&self) -> Layers {
        Layers {
            tree: Arc::clone(&self.tree),
            tables: Vec::new(),
            at: 0,
        }
    }
}

impl Layers {
    /// Looks a full key up.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        for table in &self.tables {
            if let Some(found) = table.get(key, self.at, <[u8]>::to_vec) {
                return Ok(found);
            }
        }
        let pages = &self.tree.pages;
        match tree::get(pages, self.tree.root(), key)? {
            Some(value) => Ok(Some(tree::read_value(pages, &value)?.to_vec())),
            None => Ok(None),
        }
    }

    /// Id of a keyspace; `None` where none has this name.
    pub fn keyspace_id(&self, name: &str) -> Result<Option<u32>> {
        if name == MAIN_NAME {
            return Ok(Some(MAIN));
        }
        let value = self.get(&catalogue_key(name.as_bytes()))?;
        Ok(value.and_then(|v| u32_at(&v, 0)))
    }

    /// The largest keyspace id ever given.
    pub fn last_keyspace_id(&self) -> Result<u32> {
        let value = self.get(&last_id_key())?;
        Ok(value.and_then(|v| u32_at(&v, 0)).unwrap_or(MAIN))
    }

    /// Number of entries between two full keys.
    pub fn count(&self, bounds: &Bounds) -> Result<u64> {
        if self.tables.iter().all(|t| t.is_empty()) {
            let (from, to) = (as_from(&bounds.0), as_to(&bounds.1));
            return tree::count_range(&self.tree.pages, self.tree.root(), &from, to.as_deref());
        }
        super::cursor::count(self, bounds)
    }
}

/// A lower bound as the first key at or after it.
pub(crate) fn as_from(bound: &Bound<FullKey>) -> Cow<'_, [u8]> {
    match bound {
        Bound::Unbounded => Cow::Borrowed(&[]),
        Bound::Included(key) => Cow::Borrowed(key),
        Bound::Excluded(key) => Cow::Owned([key, &[0][..]].concat()),
    }
}

/// An upper bound as the first key after it; `None` = no end.
pub(crate) fn as_to(bound: &Bound<FullKey>) -> Option<Cow<'_, [u8]>> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(Cow::Owned([key, &[0][..]].concat())),
        Bound::Excluded(key) => Some(Cow::Borrowed(key)),
    }
}
