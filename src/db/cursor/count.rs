//! Counting a range without walking it.

use std::sync::Arc;

use super::end::owned;
use super::{Bounds, Cursor};
use crate::db::view::{Layers, as_from, as_to};
use crate::delta::LayerCursor;
use crate::error::Result;
use crate::tree;

/// Number of live entries between two full keys where tables have something to say: the tree's
/// own count, corrected by what the tables add and hide.
pub(in crate::db) fn count(layers: &Layers, bounds: &Bounds) -> Result<u64> {
    let mut cursor = Cursor::new(layers.clone(), bounds.clone());
    if layers.tables.iter().any(|t| t.has_ranges()) {
        let mut count = 0;
        while cursor.next_key()?.is_some() {
            count += 1;
        }
        return Ok(count);
    }
    let (pages, root) = (&layers.tree.pages, layers.tree.root());
    let (low, high) = (as_from(&bounds.0), as_to(&bounds.1));
    let mut count = tree::count_range(pages, root, &low, high.as_deref())?;
    for (i, table) in layers.tables.iter().enumerate() {
        let (from, to) = (owned(&bounds.0), owned(&bounds.1));
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
