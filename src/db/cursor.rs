//! Walking a range over all layers: the newest table wins, tombstones hide what is below.

use std::ops::Bound;
use std::sync::Arc;

use super::snapshot::Snapshot;
use super::view::{Layers, as_from, as_to};
use crate::delta::LayerCursor;
use crate::error::Result;
use crate::format::leaf::StoredValue;
use crate::format::overflow::OverflowRef;
use crate::store::pages::Pages;
use crate::tree::{self, Seek, TreeCursor};

/// Bytes of the keyspace id before a user key.
const ID: usize = 4;

/// Walks the entries of a range from both ends. An error ends it for good.
#[derive(Debug)]
pub struct Cursor {
    layers: Layers,
    /// As long as it lives, tables keep the versions that the cursor reads.
    _snapshot: Option<Snapshot>,
    bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    front: Option<End>,
    back: Option<End>,
    /// Full keys last given from either end: where both meet, the range is used up.
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
    key: Vec<u8>,
    value: Vec<u8>,
    /// So many entries of the tree come before the upper bound without looking.
    inside: usize,
    done: bool,
}

/// One end of a cursor.
#[derive(Debug)]
struct End {
    backwards: bool,
    tables: Vec<LayerCursor>,
    tree: TreeCursor,
    /// The tree's entry that comes next, copied because the tree cursor has moved past it.
    ahead: Ahead,
    ahead_key: Vec<u8>,
    ahead_inline: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    /// Not read yet.
    Unknown,
    /// An entry with its value in `ahead_inline`.
    Inline,
    /// An entry with a large value.
    Large(OverflowRef),
    /// The tree has no more.
    Nothing,
}

/// Where the value of the entry found lies.
enum Found {
    /// In the cursor's buffer.
    Copied,
    /// In the tree.
    Large(OverflowRef),
    /// No more entries.
    Nothing,
}

impl Cursor {
    /// A cursor that may outlive the snapshot that it was made from.
    pub(super) fn of(snapshot: &Snapshot, bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Self {
        Cursor {
            _snapshot: Some(snapshot.clone()),
            ..Cursor::new(snapshot.layers(), bounds)
        }
    }

    /// A cursor for a caller who keeps the layers as they are until it is gone.
    pub(super) fn new(layers: Layers, bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Self {
        Cursor {
            layers,
            _snapshot: None,
            bounds,
            front: None,
            back: None,
            first: None,
            last: None,
            key: Vec::new(),
            value: Vec::new(),
            inside: 0,
            done: false,
        }
    }

    /// The next entry from the front: user key and value.
    pub fn next_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        if self.back.is_none() && !self.done {
            let end = match &mut self.front {
                Some(end) => end,
                None => match End::new(&self.layers, &self.bounds, false) {
                    Ok(end) => self.front.insert(end),
                    Err(e) => {
                        self.done = true;
                        return Err(e);
                    }
                },
            };
            if end.tables.is_empty() {
                return self.next_from_tree();
            }
        }
        let found = self.step(false);
        self.entry(found)
    }

    /// The common case of a walk to the end over the tree alone: the value is not copied.
    fn next_from_tree(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        let pages = &self.layers.tree.pages;
        let end = self.front.as_mut().filter(|_| !self.done);
        let Some(end) = end else { return Ok(None) };
        let end_tree = &mut end.tree;
        let entry = match end_tree.next(pages) {
            Ok(Some(entry)) => entry,
            other => {
                self.done = true;
                return other.map(|_| None);
            }
        };
        entry.copy_key(&mut self.key);
        if self.inside > 0 {
            self.inside -= 1;
        } else if before_end(&self.key, &self.bounds.1) {
            let end = match &self.bounds.1 {
                Bound::Unbounded => None,
                Bound::Included(to) | Bound::Excluded(to) => Some(to.as_slice()),
            };
            self.inside = end_tree.surely_below(pages, end);
        } else {
            self.done = true;
            return Ok(None);
        }
        let value = match entry.value {
            StoredValue::Inline(bytes) => bytes,
            StoredValue::Overflow(_) => match tree::read_value(pages, &entry.value) {
                Ok(value) => value,
                Err(e) => {
                    self.done = true;
                    return Err(e);
                }
            },
        };
        Ok(Some((self.key.get(ID..).unwrap_or(&[]), value)))
    }

    /// The next entry from the back.
    pub fn prev_entry(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        let found = self.step(true);
        self.entry(found)
    }

    /// The next entry from the front: user key and length of the value, which is not read.
    pub fn next_key(&mut self) -> Result<Option<(&[u8], u64)>> {
        let found = self.step(false);
        self.key_and_len(found)
    }

    /// The next entry from the back: user key and length of the value.
    pub fn prev_key(&mut self) -> Result<Option<(&[u8], u64)>> {
        let found = self.step(true);
        self.key_and_len(found)
    }

    /// The next entry from the front with its full key.
    pub(super) fn next_full(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        match self.step(false)? {
            Found::Nothing => Ok(None),
            Found::Copied => Ok(Some((&self.key, &self.value))),
            Found::Large(r) => {
                let value = tree::read_value(&self.layers.tree.pages, &StoredValue::Overflow(r))?;
                Ok(Some((&self.key, value)))
            }
        }
    }

    fn entry(&mut self, found: Result<Found>) -> Result<Option<(&[u8], &[u8])>> {
        let found = found.inspect_err(|_| self.done = true)?;
        let key = self.key.get(ID..).unwrap_or(&[]);
        match found {
            Found::Nothing => Ok(None),
            Found::Copied => Ok(Some((key, &self.value))),
            Found::Large(r) => {
                let pages = &self.layers.tree.pages;
                match tree::read_value(pages, &StoredValue::Overflow(r)) {
                    Ok(value) => Ok(Some((key, value))),
                    Err(e) => {
                        self.done = true;
                        Err(e)
                    }
                }
            }
        }
    }

    fn key_and_len(&mut self, found: Result<Found>) -> Result<Option<(&[u8], u64)>> {
        let found = found.inspect_err(|_| self.done = true)?;
        let key = self.key.get(ID..).unwrap_or(&[]);
        Ok(match found {
            Found::Nothing => None,
            Found::Copied => Some((key, self.value.len() as u64)),
            Found::Large(r) => Some((key, u64::from(r.stored_len))),
        })
    }

    fn step(&mut self, backwards: bool) -> Result<Found> {
        if self.done {
            return Ok(Found::Nothing);
        }
        self.inside = 0;
        if backwards && self.back.is_none() && self.front.is_some() {
            // From now on both ends have to notice when they meet.
            self.first = Some(self.key.clone());
        }
        let place = if backwards {
            &mut self.back
        } else {
            &mut self.front
        };
        let end = match place {
            Some(end) => end,
            None => place.insert(End::new(&self.layers, &self.bounds, backwards)?),
        };
        let found = end.next(&self.layers.tree.pages, &mut self.key, &mut self.value)?;
        let met = match (backwards, &self.first, &self.last) {
            (false, _, Some(last)) => self.key >= *last,
            (true, Some(first), _) => self.key <= *first,
            _ => false,
        };
        if matches!(found, Found::Nothing) || met || !self.inside(backwards) {
            self.done = true;
            return Ok(Found::Nothing);
        }
        // Only a cursor used from both ends has to remember where it was.
        if backwards || self.back.is_some() {
            let mark = if backwards {
                &mut self.last
            } else {
                &mut self.first
            };
            mark.get_or_insert_default().clone_from(&self.key);
        }
        Ok(found)
    }

    /// Is the key still inside the bound that the walk runs towards?
    fn inside(&self, backwards: bool) -> bool {
        if backwards {
            match &self.bounds.0 {
                Bound::Unbounded => true,
                Bound::Included(from) => self.key >= *from,
                Bound::Excluded(from) => self.key > *from,
            }
        } else {
            before_end(&self.key, &self.bounds.1)
        }
    }
}

fn before_end(key: &[u8], end: &Bound<Vec<u8>>) -> bool {
    match end {
        Bound::Unbounded => true,
        Bound::Included(to) => key <= to.as_slice(),
        Bound::Excluded(to) => key < to.as_slice(),
    }
}

impl End {
    fn new(
        layers: &Layers,
        bounds: &(Bound<Vec<u8>>, Bound<Vec<u8>>),
        backwards: bool,
    ) -> Result<End> {
        let mut tree = TreeCursor::new();
        let (pages, root) = (&layers.tree.pages, layers.tree.root());
        if backwards {
            let to = as_to(&bounds.1);
            tree.seek(pages, root, to.as_deref(), Seek::Before)?;
        } else {
            tree.seek(pages, root, Some(&as_from(&bounds.0)), Seek::AtOrAfter)?;
        }
        let tables = layers.tables.iter().filter(|t| !t.is_empty()).map(|table| {
            let (from, to) = bounds.clone();
            LayerCursor::new(Arc::clone(table), layers.at, from, to, backwards)
        });
        Ok(End {
            backwards,
            tables: tables.collect(),
            tree,
            ahead: Ahead::Unknown,
            ahead_key: Vec::new(),
            ahead_inline: Vec::new(),
        })
    }

    /// Finds the next live entry, leaving its full key (and inline value) in the buffers.
    fn next(&mut self, pages: &Pages, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<Found> {
        if self.tables.is_empty() {
            return self.next_in_tree(pages, key, value);
        }
        loop {
            self.look_ahead(pages)?;
            let Some(winner) = self.winner() else {
                return Ok(Found::Nothing);
            };
            match winner {
                Winner::Table(i) => {
                    let entry = self.tables.get_mut(i).and_then(LayerCursor::take);
                    let Some((found, stored)) = entry else {
                        continue;
                    };
                    self.skip_same(&found);
                    let hidden = self.hidden(&found, i);
                    if let Some(stored) = stored.filter(|_| !hidden) {
                        key.clear();
                        key.extend_from_slice(&found);
                        value.clear();
                        value.extend_from_slice(&stored);
                        return Ok(Found::Copied);
                    }
                }
                Winner::Tree => {
                    let ahead = std::mem::replace(&mut self.ahead, Ahead::Unknown);
                    if self.hidden(&self.ahead_key, self.tables.len()) {
                        continue;
                    }
                    std::mem::swap(key, &mut self.ahead_key);
                    if let Ahead::Large(reference) = ahead {
                        return Ok(Found::Large(reference));
                    }
                    std::mem::swap(value, &mut self.ahead_inline);
                    return Ok(Found::Copied);
                }
            }
        }
    }

    fn next_in_tree(
        &mut self,
        pages: &Pages,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
    ) -> Result<Found> {
        let entry = if self.backwards {
            self.tree.prev(pages)?
        } else {
            self.tree.next(pages)?
        };
        let Some(entry) = entry else {
            return Ok(Found::Nothing);
        };
        entry.copy_key(key);
        Ok(match entry.value {
            StoredValue::Inline(bytes) => {
                value.clear();
                value.extend_from_slice(bytes);
                Found::Copied
            }
            StoredValue::Overflow(reference) => Found::Large(reference),
        })
    }

    fn look_ahead(&mut self, pages: &Pages) -> Result<()> {
        if self.ahead != Ahead::Unknown {
            return Ok(());
        }
        let entry = if self.backwards {
            self.tree.prev(pages)?
        } else {
            self.tree.next(pages)?
        };
        let Some(entry) = entry else {
            self.ahead = Ahead::Nothing;
            return Ok(());
        };
        entry.copy_key(&mut self.ahead_key);
        self.ahead = match entry.value {
            StoredValue::Inline(bytes) => {
                self.ahead_inline.clear();
                self.ahead_inline.extend_from_slice(bytes);
                Ahead::Inline
            }
            StoredValue::Overflow(reference) => Ahead::Large(reference),
        };
        Ok(())
    }

    /// The layer whose next entry comes first; the newest of those with the same key.
    fn winner(&mut self) -> Option<Winner> {
        let mut best: Option<(Vec<u8>, Winner)> = None;
        let backwards = self.backwards;
        let earlier = |key: &[u8], best: &Option<(Vec<u8>, Winner)>| match best {
            None => true,
            Some((b, _)) if backwards => key > b.as_slice(),
            Some((b, _)) => key < b.as_slice(),
        };
        for (i, table) in self.tables.iter_mut().enumerate() {
            if let Some((key, _)) = table.peek().filter(|(key, _)| earlier(key, &best)) {
                best = Some((key.to_vec(), Winner::Table(i)));
            }
        }
        if self.ahead != Ahead::Nothing && earlier(&self.ahead_key, &best) {
            return Some(Winner::Tree);
        }
        best.map(|(_, winner)| winner)
    }

    /// Drops the entries of other layers for a key that was just decided.
    fn skip_same(&mut self, key: &[u8]) {
        for table in &mut self.tables {
            if table.peek().is_some_and(|(k, _)| k == key) {
                table.take();
            }
        }
        if self.ahead != Ahead::Nothing && self.ahead_key == key {
            self.ahead = Ahead::Unknown;
        }
    }

    /// Did a table newer than layer `layer` delete the range that a key is in?
    fn hidden(&self, key: &[u8], layer: usize) -> bool {
        self.tables
            .iter()
            .take(layer)
            .any(|table| table.covers(key))
    }
}

enum Winner {
    Table(usize),
    Tree,
}

impl Iterator for Cursor {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry();
        entry
            .map(|e| e.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .transpose()
    }
}

impl DoubleEndedIterator for Cursor {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.prev_entry();
        entry
            .map(|e| e.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .transpose()
    }
}

/// Number of live entries between two full keys where tables have something to say: the tree's
/// own count, corrected by what the tables add and hide.
pub(super) fn count(layers: &Layers, from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> Result<u64> {
    let mut cursor = Cursor::new(layers.clone(), (from.clone(), to.clone()));
    if layers.tables.iter().any(|t| t.has_ranges()) {
        let mut count = 0;
        while cursor.next_key()?.is_some() {
            count += 1;
        }
        return Ok(count);
    }
    let (pages, root) = (&layers.tree.pages, layers.tree.root());
    let (low, high) = (as_from(from), as_to(to));
    let mut count = tree::count_range(pages, root, &low, high.as_deref())?;
    for (i, table) in layers.tables.iter().enumerate() {
        let (from, to) = (from.clone(), to.clone());
        let mut entries = LayerCursor::new(Arc::clone(table), layers.at, from, to, false);
        while let Some((key, value)) = entries.take() {
            let newer = layers.tables.iter().take(i);
            if newer
                .into_iter()
                .any(|t| t.get(&key, layers.at, |_| ()).is_some())
            {
                continue;
            }
            let in_tree = tree::get(pages, root, &key)?.is_some();
            count = match (value.is_some(), in_tree) {
                (true, false) => count + 1,
                (false, true) => count - 1,
                _ => count,
            };
        }
    }
    Ok(count)
}
