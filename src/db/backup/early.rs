//! What a check of the copy reads before the leaves, so that they can be checked while they come:
//! the log, the free list, the branches, and the leaves that have keyspace 0.

use super::layout::{Part, What};
use crate::db::view::Tree;
use crate::error::Result;
use crate::format::branch::Branch;
use crate::format::key::MAIN;
use crate::tree::{PageRead, PageRef};

/// Bytes that are given at a time.
const STEP: usize = 1 << 20;
/// A log of more bytes comes in its turn only.
const LONG: u64 = 4 << 20;

/// Takes bytes and their place; false: no more.
pub(super) type Give<'g> = dyn FnMut(u64, &[u8]) -> bool + 'g;

/// Gives the branches of the tree, parents first, and the leaves that may have keys of keyspace 0.
pub(super) fn branches(tree: &Tree, give: &mut Give<'_>) -> Result<bool> {
    let root = tree.root();
    if root.is_empty() {
        return Ok(true);
    }
    let level = root.height.saturating_sub(1);
    page(&tree.pages, root.page_ref(), level, true, give)
}

fn page(
    pages: &impl PageRead,
    at: PageRef,
    level: u8,
    catalogue: bool,
    give: &mut Give<'_>,
) -> Result<bool> {
    if level == 0 && !catalogue {
        return Ok(true);
    }
    let bytes = pages.page(at)?;
    if !give(u64::from(at.page) * pages.page_size() as u64, bytes) {
        return Ok(false);
    }
    // A page that is something else is told by whoever checks it.
    let branch = Branch::new(bytes).filter(|branch| level > 0 && branch.level() == level);
    let Some(branch) = branch else {
        return Ok(true);
    };
    let mut separator = Vec::new();
    for i in 0..branch.count() {
        separator.clear();
        let known = i > 0 && branch.separator(i, &mut separator).is_some();
        let catalogue = catalogue && (!known || separator.as_slice() < &MAIN.to_be_bytes()[..]);
        let Some(child) = branch.child(i) else { break };
        if !page(pages, child.into(), level - 1, catalogue, give)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives what is not copied from the file: the headers, the free list, and the log where it is short.
pub(super) fn made(parts: &[Part], give: &mut Give<'_>) -> bool {
    for part in parts.iter().filter(|part| part.len <= LONG) {
        let What::Bytes(bytes) = &part.what else {
            continue;
        };
        let mut at = part.at;
        let mut rest = bytes.as_slice();
        let end = part.at + part.len;
        while at < end {
            let len = STEP.min((end - at) as usize);
            let (now, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            let mut piece = now.to_vec();
            piece.resize(len, 0);
            if !give(at, &piece) {
                return false;
            }
            (at, rest) = (at + len as u64, later);
        }
    }
    true
}

#[cfg(test)]
mod tests;
