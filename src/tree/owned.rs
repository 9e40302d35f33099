//! Which pages a tree has. Every page and every large value is read and checked on the way.

use super::get::{branch_at, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::leaf::StoredValue;

/// Tells of all pages of a tree: first page and number of pages.
pub fn owned_pages<P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    tell: &mut dyn FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    match top_level(pages, root)? {
        None => Ok(()),
        Some(level) => below(pages, root.page_ref(), level, tell),
    }
}

fn below<P: PageRead + ?Sized>(
    pages: &P,
    at: PageRef,
    level: u8,
    tell: &mut dyn FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    tell(at.page, 1)?;
    if level > 0 {
        let branch = branch_at(pages, at, level)?;
        for i in 0..branch.count() {
            let child = branch.child(i);
            let child = child.ok_or_else(|| malformed(pages, at, "branch does not decode"))?;
            below(pages, child.into(), level - 1, tell)?;
        }
        return Ok(());
    }
    let leaf = leaf_at(pages, at)?;
    for i in 0..leaf.count() {
        let cell = leaf.cell(i);
        let cell = cell.ok_or_else(|| malformed(pages, at, "leaf does not decode"))?;
        if let StoredValue::Overflow(reference) = cell.value {
            pages.value(&reference)?;
            tell(reference.page, reference.pages(pages.page_size()))?;
        }
    }
    Ok(())
}
