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
    Ok(if is_dense(touched.touched, touched.total) {
        FoldMode::Dense
    } else {
        FoldMode::Incremental
    })
}

fn is_dense(touched: u64, total: u64) -> bool {
    total > 4 && touched * 100 > total * DENSE_PERCENT
}

#[cfg(test)]
mod tests {
    use super::is_dense;

    #[test]
    fn all_leaves_are_written_where_more_than_seven_in_ten_change() {
        // So few are not worth it.
        assert!(!is_dense(0, 0));
        assert!(!is_dense(4, 4));
        assert!(is_dense(5, 5));
        assert!(!is_dense(7, 10));
        assert!(is_dense(8, 10));
        assert!(!is_dense(70, 100));
        assert!(is_dense(71, 100));
        assert!(!is_dense(700_000, 1_000_000));
        assert!(is_dense(700_001, 1_000_000));
    }
}
