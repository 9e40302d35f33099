//! Whether a page is the root of all. Without a header only the pages themselves can tell: the
//! right tree and the free list of its generation account for every leaf in the file. A lower
//! page that passes for a root, because the true one is damaged, leaves some over.

use super::census::Census;
use super::pages::{FilePages, Used};
use super::scrape::whole_leaf;
use super::walk::{Tree, take};
use crate::check::source::{Pages, RUN, Source};
use crate::error::{Corruption, Result};
use crate::format::Depth;
use crate::format::freelist::read_free_page;
use crate::format::header::first_page;
use crate::format::page::PageKind;
use crate::tree::{CheckSummary, CheckVisitor, Finding, check_tree};

/// Sums over a tree that is whole, the bytes of large values left out, and the pages that it
/// uses; `None` where any part is missing.
pub(super) fn whole_tree(source: &Source<'_>, tree: &Tree) -> Result<Option<(CheckSummary, Used)>> {
    let mut look = Look {
        source,
        used: Used::new(source.file_pages()),
        whole: true,
    };
    let limits = tree.limits(source, Depth::Full);
    let summary = check_tree(&FilePages(source), tree.root, limits, &mut look)?;
    Ok(look.whole.then_some((summary, look.used)))
}

struct Look<'l> {
    source: &'l Source<'l>,
    used: Used,
    whole: bool,
}

impl CheckVisitor for Look<'_> {
    fn finding(&mut self, _: Finding) -> Result<()> {
        self.whole = false;
        Ok(())
    }
    fn own(&mut self, first: u32, pages: u32, _: PageKind) -> Result<(), Corruption> {
        take(&mut self.used, first, pages)
    }
    fn progress(&mut self, _: &CheckSummary) -> Result<()> {
        self.source.check_stop()
    }
}

/// The newest tree that is whole and accounts for all leaves, if there is one.
pub(super) fn choose(source: &Source<'_>, census: &Census) -> Result<Option<Tree>> {
    for tree in &census.trees {
        let Some((_, used)) = whole_tree(source, tree)? else {
            continue;
        };
        let later = census.free_lists.range(tree.generation..).rev();
        let lists = later.map(|(_, pages)| pages.as_slice());
        for list in lists.chain([&[][..]]) {
            let mut used = used.clone();
            free(source, list, &mut used)?;
            if !leaves_over(source, &used)? {
                return Ok(Some(*tree));
            }
        }
    }
    Ok(None)
}

/// Adds what a free list names.
fn free(source: &Source<'_>, list: &[u32], used: &mut Used) -> Result<()> {
    let mut page = Pages::default();
    // Extents of an honest list are apart from each other.
    let mut left = source.file_pages();
    for &id in list {
        source.read_pages(id, 1, &mut page)?;
        let records = read_free_page(&page.bytes).map(|(_, records)| records);
        for record in records.unwrap_or_default() {
            match left.checked_sub(record.pages) {
                Some(rest) => left = rest,
                None => return Ok(()),
            }
            used.take(record.start, record.pages);
        }
    }
    Ok(())
}

/// True where some leaf is neither used nor free.
fn leaves_over(source: &Source<'_>, used: &Used) -> Result<bool> {
    let (mut at, end) = (first_page(source.page_size), source.file_pages());
    let most = (RUN / source.page_size).max(1) as u32;
    let mut pages = Pages::default();
    while at < end {
        let count = most.min(end - at);
        source.read_pages(at, count, &mut pages)?;
        let all = (at..).zip(pages.bytes.chunks(source.page_size));
        let mut unknown = all.filter(|(page, _)| !used.has(*page));
        if unknown.any(|(page, bytes)| whole_leaf(page, bytes).is_some()) {
            return Ok(true);
        }
        at += count;
    }
    Ok(false)
}
