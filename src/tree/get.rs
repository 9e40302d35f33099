//! Point lookups, and the checked steps from page to page that every walk of a tree shares.

use super::{PageRead, PageRef, Root};
use crate::error::{Corruption, Error, Result};
use crate::format::branch::{Branch, ChildRef};
use crate::format::leaf::{Leaf, StoredValue};
use crate::format::{Invariant, MAX_HEIGHT};

/// The value of a full key, or `None`.
#[inline]
pub fn get<'a, P: PageRead + ?Sized>(
    pages: &'a P,
    root: Root,
    full_key: &[u8],
) -> Result<Option<StoredValue<'a>>> {
    let Some(mut level) = top_level(pages, root)? else {
        return Ok(None);
    };
    let mut at = root.page_ref();
    while level > 0 {
        let found = find(&branch_at(pages, at, level)?, full_key);
        let Some((_, child)) = found else {
            return Err(malformed(pages, at, "branch does not decode"));
        };
        at = child.into();
        level -= 1;
    }
    let leaf = found_leaf(pages, at)?;
    match leaf.search(full_key) {
        Some(Err(_)) => Ok(None),
        Some(Ok(i)) => match leaf.cell(i) {
            Some(cell) => Ok(Some(cell.value)),
            None => Err(malformed(pages, at, "cell does not decode")),
        },
        None => Err(malformed(pages, at, "leaf does not decode")),
    }
}

/// The bytes of a value that [`get`] or a cursor gave.
#[inline]
pub fn read_value<'a, P: PageRead + ?Sized>(
    pages: &'a P,
    value: &StoredValue<'a>,
) -> Result<&'a [u8]> {
    match value {
        StoredValue::Inline(bytes) => Ok(bytes),
        StoredValue::Overflow(reference) => pages.value(reference),
    }
}

/// Level of the root page; `None` for the empty tree. The height comes from a header, so it is
/// checked before anything counts on it.
#[inline]
pub(super) fn top_level<P: PageRead + ?Sized>(pages: &P, root: Root) -> Result<Option<u8>> {
    if root.is_empty() {
        return Ok(None);
    }
    match root.height {
        1..=MAX_HEIGHT => Ok(Some(root.height - 1)),
        other => Err(in_page(
            pages,
            root.page_ref(),
            Invariant::H9,
            &format!("tree of height {other}"),
        )),
    }
}

/// The child that a key belongs to, and its position. `None`: malformed.
#[inline]
pub(super) fn find(branch: &Branch<'_>, key: &[u8]) -> Option<(usize, ChildRef)> {
    let i = branch.search(key)?;
    Some((i, branch.child(i)?))
}

/// The page as a branch of this level (P5).
#[inline]
pub(super) fn branch_at<'a, P: PageRead + ?Sized>(
    pages: &'a P,
    at: PageRef,
    level: u8,
) -> Result<Branch<'a>> {
    match Branch::new(pages.page(at)?) {
        Some(branch) if branch.level() == level => Ok(branch),
        _ => Err(in_page(
            pages,
            at,
            Invariant::P5,
            &format!("not a branch of level {level}"),
        )),
    }
}

/// The page as a leaf (P5).
#[inline]
pub(super) fn leaf_at<'a, P: PageRead + ?Sized>(pages: &'a P, at: PageRef) -> Result<Leaf<'a>> {
    match Leaf::new(pages.page(at)?) {
        Some(leaf) => Ok(leaf),
        None => Err(in_page(pages, at, Invariant::P5, "not a leaf")),
    }
}

/// A leaf that is going to be searched: its index, at the end of the page, is fetched while the
/// beginning is being looked at.
#[inline]
pub(super) fn found_leaf<'a, P: PageRead + ?Sized>(pages: &'a P, at: PageRef) -> Result<Leaf<'a>> {
    const INDEX: usize = 128;
    pages.soon(at, pages.page_size().saturating_sub(INDEX), INDEX);
    leaf_at(pages, at)
}

/// A page whose cells do not decode (P7).
#[cold]
pub(super) fn malformed<P: PageRead + ?Sized>(pages: &P, at: PageRef, what: &str) -> Error {
    in_page(pages, at, Invariant::P7, what)
}

#[cold]
pub(super) fn in_page<P: PageRead + ?Sized>(
    pages: &P,
    at: PageRef,
    id: Invariant,
    what: &str,
) -> Error {
    Corruption::new(id, what)
        .in_page(at.page, pages.page_size())
        .into()
}
