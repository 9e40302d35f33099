//! Counting a range without walking it.

use std::sync::Arc;

use super::Bounds;
use super::end::owned;
use crate::db::range::KeyRange;
use crate::db::view::{Layers, as_from, as_to};
use crate::delta::{Delta, LayerCursor, Net, RangeDelete};
use crate::error::Result;
use crate::tree;

/// Number of live entries between two full keys where tables have something to say: the tree's
/// own count, corrected by what the tables add and hide.
pub(in crate::db) fn count(layers: &Layers, bounds: &Bounds) -> Result<u64> {
    let (pages, root) = (&layers.tree.pages, layers.tree.root());
    let (low, high) = (as_from(&bounds.0), as_to(&bounds.1));
    let (low, high) = (low.as_ref(), high.as_deref());
    let mut count = tree::count_range(pages, root, low, high)?;
    for range in hidden(layers, low, high) {
        let from = range.from.as_slice().max(low);
        let to = match (range.to.as_deref(), high) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if to.is_none_or(|to| from < to) {
            count = count.saturating_sub(tree::count_range(pages, root, from, to)?);
        }
    }
    for (i, table) in layers.tables.iter().enumerate() {
        let (from, to) = (owned(&bounds.0), owned(&bounds.1));
        let mut entries = LayerCursor::new(Arc::clone(table), layers.at, from, to, false);
        while let Some((key, value)) = entries.take() {
            let mut newer = layers.tables.iter().take(i);
            if newer.any(|t| t.get(&key, layers.at, |_| ()).is_some()) {
                continue;
            }
            let covered = layers.tables.iter().any(|t| t.covers(&key, layers.at));
            let in_tree = !covered && tree::get(pages, root, &key)?.is_some();
            count = match (value.is_some(), in_tree) {
                (true, false) => count + 1,
                (false, true) => count.saturating_sub(1),
                _ => count,
            };
        }
    }
    Ok(count)
}

/// Number of live entries of a keyspace, for the state of a live snapshot. The tables count along:
/// only what has changed since the last call is looked at.
pub(in crate::db) fn len(layers: &Layers, keyspace: u32) -> Result<u64> {
    let (pages, root) = (&layers.tree.pages, layers.tree.root());
    let bounds = KeyRange::all().full(keyspace);
    let (low, high) = (as_from(&bounds.0), as_to(&bounds.1));
    let mut count = tree::count_range(pages, root, &low, high.as_deref())?;
    for (i, table) in layers.tables.iter().enumerate().rev() {
        let older = layers.tables.get(i + 1..).unwrap_or(&[]);
        let mut below = |key: &[u8]| is_in(older, layers, key);
        count = match table.net(keyspace, layers.at, &mut below)? {
            Net::Known(net) => count.saturating_add_signed(net),
            found => {
                let these = Layers {
                    tables: layers.tables.get(i..).unwrap_or(&[]).to_vec(),
                    ..layers.clone()
                };
                let all = these.count(&bounds)?;
                if found == Net::Unknown {
                    let net = all.wrapping_sub(count).cast_signed();
                    table.begin_counting(keyspace, layers.at, net);
                }
                all
            }
        };
    }
    Ok(count)
}

fn is_in(tables: &[Arc<Delta>], layers: &Layers, key: &[u8]) -> Result<bool> {
    for table in tables {
        if let Some(found) = table.get(key, layers.at, |_| ()) {
            return Ok(found.is_some());
        }
    }
    let (pages, root) = (&layers.tree.pages, layers.tree.root());
    Ok(tree::get(pages, root, key)?.is_some())
}

/// The stretches of the tree that deleted ranges hide, sorted and apart from each other.
fn hidden(layers: &Layers, low: &[u8], high: Option<&[u8]>) -> Vec<RangeDelete> {
    let tables = layers.tables.iter();
    let mut all: Vec<RangeDelete> = tables
        .flat_map(|table| table.ranges_within(low, high, layers.at))
        .collect();
    all.sort_by(|a, b| a.from.cmp(&b.from));
    let mut apart: Vec<RangeDelete> = Vec::new();
    for next in all {
        match apart.last_mut() {
            Some(last) if last.to.as_ref().is_none_or(|end| *end >= next.from) => {
                let ends_later = match (&last.to, &next.to) {
                    (None, _) => false,
                    (_, None) => true,
                    (Some(end), Some(to)) => to > end,
                };
                if ends_later {
                    last.to = next.to;
                }
            }
            _ => apart.push(next),
        }
    }
    apart
}
