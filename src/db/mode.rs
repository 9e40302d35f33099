//! How a table is folded into the tree: only the leaves that change, or all of them.

use crate::delta::Delta;
use crate::error::Result;
use crate::store::pages::Pages;
use crate::tree::{self, FoldMode, KeyInterval, Root};

/// Past this share of touched leaves the tree is written densely instead.
const DENSE_PERCENT: u64 = 70;

pub(super) fn intervals(frozen: &Delta) -> Vec<KeyInterval> {
    let ranges = frozen.range_deletes().into_iter();
    ranges
        .map(|r| KeyInterval {
            from: r.from,
            to: r.to,
        })
        .collect()
}

/// Incremental, unless so many leaves are touched that writing all of them is cheaper.
pub(super) fn choose_mode(
    pages: &Pages,
    root: Root,
    frozen: &Delta,
    ranges: &[KeyInterval],
) -> Result<FoldMode> {
    let touched = frozen.with_newest(|entries| {
        tree::touched_leaves(pages, root, entries.map(|(key, _)| key), ranges, u64::MAX)
    })?;
    let dense = touched.total > 4 && touched.touched * 100 > touched.total * DENSE_PERCENT;
    Ok(if dense {
        FoldMode::Dense
    } else {
        FoldMode::Incremental
    })
}
