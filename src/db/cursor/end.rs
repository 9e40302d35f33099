//! One end of a cursor: the next live entry over all layers.

use std::ops::Bound;
use std::sync::Arc;

use super::Bounds;
use crate::db::view::{Layers, as_from, as_to};
use crate::delta::LayerCursor;
use crate::error::Result;
use crate::format::key::FullKey;
use crate::format::leaf::StoredValue;
use crate::format::overflow::OverflowRef;
use crate::store::pages::Pages;
use crate::tree::{Seek, TreeCursor};

/// One end of a cursor.
#[derive(Debug)]
pub(super) struct End {
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
pub(super) enum Found {
    /// In the cursor's buffer.
    Copied,
    /// In the tree.
    Large(OverflowRef),
    /// No more entries.
    Nothing,
}

enum Winner {
    Table(usize),
    Tree,
}

impl End {
    pub fn new(layers: &Layers, bounds: &Bounds, backwards: bool) -> Result<End> {
        let mut tree = TreeCursor::new();
        let (pages, root) = (&layers.tree.pages, layers.tree.root());
        if backwards {
            let to = as_to(&bounds.1);
            tree.seek(pages, root, to.as_deref(), Seek::Before)?;
        } else {
            tree.seek(pages, root, Some(&as_from(&bounds.0)), Seek::AtOrAfter)?;
        }
        let tables = layers.tables.iter().filter(|t| !t.is_empty()).map(|table| {
            let (from, to) = (owned(&bounds.0), owned(&bounds.1));
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

    /// The tree's next entry, for a walk over the tree alone. The buffer keeps the prefix of the
    /// leaf from one entry to the next.
    #[inline(always)]
    pub fn plain_step<'p>(
        &mut self,
        pages: &'p Pages,
        backwards: bool,
        key: &mut Vec<u8>,
    ) -> Result<Option<StoredValue<'p>>> {
        let here = if backwards {
            self.tree.prev_here(pages)
        } else {
            self.tree.next_here(pages)
        };
        match here {
            Some((prefix, cell)) if !self.tree.has_turned() => {
                key.truncate(prefix.len());
                key.extend_from_slice(cell.suffix);
                Ok(Some(cell.value))
            }
            Some((prefix, cell)) => {
                self.tree.take_turned();
                key.clear();
                key.extend_from_slice(prefix);
                key.extend_from_slice(cell.suffix);
                Ok(Some(cell.value))
            }
            None => self.plain_turn(pages, backwards, key),
        }
    }

    /// The same in the next leaf.
    #[inline(never)]
    fn plain_turn<'p>(
        &mut self,
        pages: &'p Pages,
        backwards: bool,
        key: &mut Vec<u8>,
    ) -> Result<Option<StoredValue<'p>>> {
        let entry = if backwards {
            self.tree.prev(pages)?
        } else {
            self.tree.next(pages)?
        };
        self.tree.take_turned();
        Ok(entry.map(|entry| {
            entry.copy_key(key);
            entry.value
        }))
    }

    /// Finds the next live entry, leaving its full key (and inline value) in the buffers.
    pub fn next(&mut self, pages: &Pages, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<Found> {
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
        self.tables.iter_mut().for_each(LayerCursor::fetch);
        let backwards = self.backwards;
        let earlier = |key: &[u8], best: Option<&[u8]>| match best {
            None => true,
            Some(best) if backwards => key > best,
            Some(best) => key < best,
        };
        let (mut best, mut table) = (None, 0);
        for (i, layer) in self.tables.iter().enumerate() {
            if let Some(key) = layer.next_key().filter(|key| earlier(key, best)) {
                (best, table) = (Some(key), i);
            }
        }
        if self.ahead != Ahead::Nothing && earlier(&self.ahead_key, best) {
            return Some(Winner::Tree);
        }
        best.map(|_| Winner::Table(table))
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

/// A bound as tables take it.
pub(super) fn owned(bound: &Bound<FullKey>) -> Bound<Vec<u8>> {
    bound.as_ref().map(|key| key.to_vec())
}
