//! The branch levels of the tree, parents before children. Leaves are gathered and checked in
//! the order in which they stand in the file ([`super::leaves`]).

use super::findings::{Findings, finding};
use super::leaves::{Parent, Sweep};
use super::owners::{Owner, Owners};
use super::page::{Expect, check};
use super::report::Finding;
use super::source::{Pages, Source};
use crate::error::Result;
use crate::format::branch::Branch;
use crate::format::header::Header;
use crate::format::page::PageKind;
use crate::format::{Depth, Invariant, max_key_len};

/// Everything that the parts of a tree check share.
pub(super) struct Context<'c> {
    pub source: &'c Source<'c>,
    pub header: &'c Header,
    pub owners: &'c mut Owners,
    pub findings: &'c mut Findings,
    pub level: Depth,
    /// Part of the tree could not be read, so sums and ownership cannot be judged.
    pub broken: bool,
}

impl Context<'_> {
    /// Reports damage that hides everything below a page.
    pub fn lose(&mut self, what: Finding) {
        self.broken = true;
        self.findings.damage(what);
    }
}

/// A page that the walk is to visit.
#[derive(Debug, Clone)]
struct Visit {
    page: u32,
    crc: u32,
    level: u8,
    generation: u64,
    /// What its parent says of the entries below it; `None` for the root.
    entries: Option<u64>,
    low: Vec<u8>,
    high: Option<Vec<u8>>,
}

/// Walks the tree of the header. At level quick only its branches.
pub(super) fn walk(context: &mut Context<'_>, sweep: &mut Sweep) -> Result<()> {
    let header = context.header;
    if header.root_page == 0 {
        return Ok(());
    }
    let root = Visit {
        page: header.root_page,
        crc: header.root_crc,
        level: header.root_height.saturating_sub(1),
        generation: header.generation,
        entries: None,
        low: Vec::new(),
        high: None,
    };
    if root.level == 0 {
        if context.level > Depth::Quick {
            sweep.push_root(context, root.page, root.crc)?;
        }
    } else {
        branch(context, sweep, &root)?;
    }
    sweep.flush(context)
}

fn branch(context: &mut Context<'_>, sweep: &mut Sweep, visit: &Visit) -> Result<()> {
    if !claim(
        context,
        visit.page,
        Owner::Branch,
        &visit.low,
        visit.high.as_deref(),
        visit.entries,
    ) {
        return Ok(());
    }
    let mut pages = Pages::default();
    context.source.read_pages(visit.page, 1, &mut pages)?;
    context.source.count_pages(1);
    let expect = Expect {
        page: visit.page,
        crc: Some(visit.crc),
        generation: visit.generation,
        kind: PageKind::Branch,
        level: visit.level,
    };
    let checked = match pages.refused.pop() {
        Some((page, reason)) => {
            let text = format!("cannot be read: {reason}");
            Err(finding(Invariant::P1, text).in_pages(page, 1, context.source.page_size))
        }
        None => check(&pages.bytes, &expect, context.findings),
    };
    let whole = checked.and_then(|head| {
        let page = Branch::new(&pages.bytes);
        let page = page.ok_or_else(|| finding(Invariant::P7, "the page does not decode"))?;
        check_cells(&page, visit, context)?;
        Ok((head.generation, page))
    });
    let (generation, page) = match whole {
        Ok(whole) => whole,
        Err(what) => {
            let what = what.inside(visit.page, context.source.page_size);
            context.lose(what.keys(&visit.low, visit.high.as_deref(), visit.entries));
            return Ok(());
        }
    };
    if visit.level == 1 {
        for i in 0..page.count() {
            let Some(child) = page.child(i) else { continue };
            check_child_place(context, child.page, visit.page);
        }
        if context.level == Depth::Quick {
            return Ok(());
        }
        let (low, high) = (visit.low.clone(), visit.high.clone());
        let parent = Parent {
            generation,
            bytes: pages.bytes.to_vec(),
            low,
            high,
        };
        return sweep.push(context, parent);
    }
    for next in children(&page, visit, generation) {
        check_child_place(context, next.page, visit.page);
        branch(context, sweep, &next)?;
    }
    Ok(())
}

/// The visits below a branch that decodes.
fn children(page: &Branch<'_>, visit: &Visit, generation: u64) -> Vec<Visit> {
    let separator = |i: usize| {
        let mut key = Vec::new();
        page.separator(i, &mut key).map(|()| key)
    };
    let visits = (0..page.count()).filter_map(|i| {
        let child = page.child(i)?;
        Some(Visit {
            page: child.page,
            crc: child.crc,
            level: visit.level - 1,
            generation,
            entries: Some(child.entries),
            low: if i == 0 {
                visit.low.clone()
            } else {
                separator(i)?
            },
            high: if i + 1 < page.count() {
                separator(i + 1)
            } else {
                visit.high.clone()
            },
        })
    });
    visits.collect()
}

/// P7, T1, T2, T3, T5, T6, T7 of a branch.
fn check_cells(page: &Branch<'_>, visit: &Visit, context: &mut Context<'_>) -> Result<(), Finding> {
    use Invariant::*;
    for id in [P7, T1, T2, T3, T5, T6, T7] {
        context.findings.count(id, 1);
    }
    let too_long = page.prefix().len() > max_key_len(context.source.page_size) + 4;
    if too_long {
        return Err(finding(T3, "the prefix is longer than any key"));
    }
    page.check()?;
    let mut key = Vec::new();
    for i in [1, page.count() - 1] {
        key.clear();
        let known = page.separator(i, &mut key).is_some();
        let below = if i == 1 {
            key <= visit.low
        } else {
            key < visit.low
        };
        if !known || below || visit.high.as_ref().is_some_and(|high| key >= *high) {
            return Err(finding(
                T2,
                format!("separator {i} lies outside the page's own bounds"),
            ));
        }
    }
    let longest = (0..page.count())
        .filter_map(|i| page.cell(i))
        .map(|c| c.1.len())
        .max();
    if longest.unwrap_or(0) + page.prefix().len() > max_key_len(context.source.page_size) + 4 {
        return Err(finding(T7, "a separator is longer than any key"));
    }
    let sum = (0..page.count()).filter_map(|i| page.child(i));
    let sum = sum.fold(0u64, |sum, child| sum.saturating_add(child.entries));
    if visit.entries.is_some_and(|entries| entries != sum) {
        let text = format!(
            "{sum} entries below, its parent says {}",
            visit.entries.unwrap_or(0)
        );
        let what = finding(T6, text).in_pages(visit.page, 1, context.source.page_size);
        context.findings.damage(what);
    }
    Ok(())
}

fn check_child_place(context: &mut Context<'_>, child: u32, parent: u32) {
    context.findings.count(Invariant::P6, 1);
    if !context.owners.contains(child, 1) {
        let text = format!("names page {child}, which is outside the file");
        let what = finding(Invariant::P6, text).in_pages(parent, 1, context.source.page_size);
        context.lose(what);
    }
}

/// Takes a page for the tree; `false` where it is outside the file or taken already, which is
/// reported.
pub(super) fn claim(
    context: &mut Context<'_>,
    page: u32,
    owner: Owner,
    low: &[u8],
    high: Option<&[u8]>,
    entries: Option<u64>,
) -> bool {
    if !context.owners.contains(page, 1) {
        if context.findings.has_damage(Invariant::P6) {
            return false; // the parent that names it was reported
        }
        let text = "the tree leads outside the file";
        let what = finding(Invariant::P6, text).in_pages(page, 1, context.source.page_size);
        context.lose(what.keys(low, high, entries));
        return false;
    }
    let Some((_, other)) = context.owners.claim(page, 1, owner) else {
        return true;
    };
    let text = format!("a page of the tree belongs to {} too", other.name());
    let what = finding(Invariant::S1, text).in_pages(page, 1, context.source.page_size);
    context.lose(what.keys(low, high, entries));
    // A second way to a page of the tree is not followed, or a cycle would never end. Where the
    // other owner is not the tree, the page may be whole.
    !matches!(other, Owner::Branch | Owner::Leaf | Owner::Value)
}
