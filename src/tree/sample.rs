//! How full the leaves are, judged from a few of them.

use super::count::count_all;
use super::get::{branch_at, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::PAGE_HEADER_SIZE;
use crate::format::leaf::StoredValue;

/// What a sample of leaves tells of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FillSample {
    /// Leaves of the tree, estimated.
    pub leaves: u64,
    /// Branches of the tree, estimated.
    pub branches: u64,
    /// Pages of large values, estimated.
    pub overflow_pages: u64,
    /// Share of the sampled leaves' bytes in use; a leaf that has no room for one more such entry is full.
    pub fill: f64,
}

/// Looks at about `count` leaves, evenly spread over the entries.
pub fn sample_fill<P: PageRead + ?Sized>(pages: &P, root: Root, count: u64) -> Result<FillSample> {
    let Some(level) = top_level(pages, root)? else {
        return Ok(FillSample::default());
    };
    let total = count_all(pages, root)?;
    let step = (total / count.max(1)).max(1);
    let (mut seen, mut entries, mut used, mut overflow) = (0u64, 0u64, 0u64, 0u64);
    let (mut at, mut children) = (0, (0u64, 0u64));
    let room = pages.page_size() - PAGE_HEADER_SIZE;
    while at < total {
        let (leaf, first, fan_out) = leaf_of_rank(pages, root, level, at)?;
        let leaf = leaf_at(pages, leaf)?;
        seen += 1;
        entries += leaf.count() as u64;
        children = (children.0 + fan_out, children.1 + 1);
        let bad = || malformed(pages, root.page_ref(), "leaf does not decode");
        for i in 0..leaf.count() {
            let cell = leaf.cell(i).ok_or_else(bad)?;
            if let StoredValue::Overflow(r) = cell.value {
                overflow += u64::from(r.pages(pages.page_size()));
            }
        }
        used += match leaf.used() {
            bytes if room.saturating_sub(bytes) < bytes / leaf.count().max(1) => room as u64,
            bytes => bytes as u64,
        };
        at = (first + leaf.count() as u64).max(at + step);
    }
    let scale = total as f64 / entries.max(1) as f64;
    let leaves = (seen as f64 * scale).round() as u64;
    let all_room = room as u64 * seen;
    let fan_out = children.0 as f64 / children.1.max(1) as f64;
    let branches = if level == 0 {
        0.0
    } else {
        leaves as f64 / (fan_out - 1.0).max(1.0)
    };
    Ok(FillSample {
        leaves,
        branches: branches.ceil() as u64,
        overflow_pages: (overflow as f64 * scale).round() as u64,
        fill: used as f64 / all_room.max(1) as f64,
    })
}

/// The leaf that holds the entry of this rank, the rank of its first entry, and the number of
/// children of the branch above it.
fn leaf_of_rank<P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    mut level: u8,
    rank: u64,
) -> Result<(PageRef, u64, u64)> {
    let (mut at, mut first, mut fan_out) = (root.page_ref(), 0, 1);
    while level > 0 {
        let branch = branch_at(pages, at, level)?;
        let bad = || malformed(pages, at, "branch does not decode");
        fan_out = branch.count() as u64;
        let mut next = None;
        for i in 0..branch.count() {
            let child = branch.child(i).ok_or_else(bad)?;
            if rank < first + child.entries || i + 1 == branch.count() {
                next = Some(child);
                break;
            }
            first += child.entries;
        }
        at = next.ok_or_else(bad)?.into();
        level -= 1;
    }
    Ok((at, first, fan_out))
}
