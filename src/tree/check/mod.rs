//! The tree part of `verify`: reads every page as bytes, so that damage is something to report
//! and not an error, and goes on with the neighbours of what is damaged.
//!
//! T3 and T4 have no code of their own: a key is stored as what follows the prefix, and every
//! page must have the level that its depth calls for (P5).

mod leaf;
mod report;

pub use report::{CheckLimits, CheckSummary, CheckVisitor, Finding, RawPages};

use super::Root;
use crate::error::{Corruption, Result};
use crate::format::branch::{Branch, ChildRef};
use crate::format::page::{PageHeader, PageKind, check_page};
use crate::format::{Depth, Invariant, MAX_HEIGHT};

/// Checks a whole tree. Memory is one page per level.
pub fn check_tree(
    pages: &dyn RawPages,
    root: Root,
    limits: CheckLimits,
    visitor: &mut dyn CheckVisitor,
) -> Result<CheckSummary> {
    let mut check = Check {
        pages,
        page_size: pages.page_size(),
        limits,
        visitor,
        summary: CheckSummary::default(),
        stack: Vec::new(),
        spare: Vec::new(),
    };
    if root.is_empty() && root.height == 0 {
        return Ok(check.summary);
    }
    let whole = Span::default();
    if root.is_empty() || !(1..=MAX_HEIGHT).contains(&root.height) {
        let what = format!("root page {} with height {}", root.page, root.height);
        check.lose(Corruption::new(Invariant::H9, what), &whole, 0)?;
        return Ok(check.summary);
    }
    let top = Visit {
        page: root.page,
        crc: root.crc,
        entries: None,
        level: root.height - 1,
        generation: limits.generation,
    };
    check.enter(top, whole)?;
    while check.step()? {}
    Ok(check.summary)
}

/// Keys from `low` up to `high`.
#[derive(Debug, Clone, Default)]
struct Span {
    low: Vec<u8>,
    high: Option<Vec<u8>>,
}

impl Span {
    fn has(&self, key: &[u8]) -> bool {
        self.low.as_slice() <= key && self.high.as_deref().is_none_or(|high| key < high)
    }
}

/// What is known of a page before it is read.
#[derive(Debug, Clone, Copy)]
struct Visit {
    page: u32,
    crc: u32,
    /// Entries that the parent says are below it.
    entries: Option<u64>,
    level: u8,
    /// Generation of the parent.
    generation: u64,
}

/// A branch whose children are being checked.
struct Frame {
    bytes: Vec<u8>,
    visit: Visit,
    span: Span,
    next: usize,
}

struct Check<'a> {
    pages: &'a dyn RawPages,
    page_size: usize,
    limits: CheckLimits,
    visitor: &'a mut dyn CheckVisitor,
    summary: CheckSummary,
    stack: Vec<Frame>,
    spare: Vec<Vec<u8>>,
}

impl Check<'_> {
    /// Something does not hold, but the place can be read.
    fn report(&mut self, corruption: Corruption, span: &Span) -> Result<()> {
        self.tell(corruption, span, 0, false)
    }

    /// The place cannot be read.
    fn lose(&mut self, corruption: Corruption, span: &Span, entries: u64) -> Result<()> {
        self.tell(corruption, span, entries, true)
    }

    fn tell(&mut self, c: Corruption, span: &Span, entries: u64, hides: bool) -> Result<()> {
        self.summary.findings += 1;
        self.summary.unreachable = self.summary.unreachable.saturating_add(entries);
        self.visitor.finding(Finding {
            corruption: c,
            from: span.low.clone(),
            to: span.high.clone(),
            entries,
            hides,
        })
    }

    /// Goes on to the next child of the deepest open branch; `false` at the end.
    fn step(&mut self) -> Result<bool> {
        let Some(frame) = self.stack.last_mut() else {
            return Ok(false);
        };
        let i = frame.next;
        frame.next += 1;
        let branch = Branch::new(&frame.bytes).filter(|b| i < b.count());
        let Some(branch) = branch else {
            if let Some(done) = self.stack.pop() {
                self.spare.push(done.bytes);
            }
            return Ok(true);
        };
        let Some((child, span)) = child_of(&branch, i, &frame.span) else {
            return Ok(true); // `Branch::check` has reported this page
        };
        if !self.visitor.wants(&span.low, span.high.as_deref()) {
            return Ok(true);
        }
        let visit = Visit {
            page: child.page,
            crc: child.crc,
            entries: Some(child.entries),
            level: frame.visit.level - 1,
            generation: frame.visit.generation,
        };
        self.enter(visit, span)?;
        self.visitor.progress(&self.summary)?;
        Ok(true)
    }

    /// Checks one page; a branch that can be read is left on the stack.
    fn enter(&mut self, mut visit: Visit, span: Span) -> Result<()> {
        let kind = if visit.level == 0 {
            PageKind::Leaf
        } else {
            PageKind::Branch
        };
        let lost = visit.entries.unwrap_or(0);
        if let Err(corruption) = self.take(visit.page, 1, kind) {
            return self.lose(corruption, &span, lost);
        }
        if visit.level == 0 && self.limits.depth == Depth::Quick {
            return Ok(());
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.resize(self.page_size, 0);
        let header = match self.read(&visit, kind, &mut bytes) {
            Ok(header) => header,
            Err(corruption) => {
                self.spare.push(bytes);
                return self.lose(corruption, &span, lost);
            }
        };
        if header.generation > visit.generation {
            let what = format!(
                "generation {} below {}",
                header.generation, visit.generation
            );
            let corruption = self.corruption(Invariant::P4, visit.page, what);
            self.report(corruption, &span)?;
        }
        visit.generation = header.generation.min(visit.generation);
        if visit.level == 0 {
            self.leaf(&bytes, &visit, &span)?;
            self.spare.push(bytes);
            return Ok(());
        }
        if self.branch(&bytes, &visit, &span)? {
            self.stack.push(Frame {
                bytes,
                visit,
                span,
                next: 0,
            });
        }
        Ok(())
    }

    /// P6 and S1.
    fn take(&mut self, first: u32, count: u32, kind: PageKind) -> Result<(), Corruption> {
        let range = u64::from(self.limits.first_page)..=u64::from(self.limits.page_count);
        let end = u64::from(first) + u64::from(count);
        if !range.contains(&u64::from(first)) || !range.contains(&end) {
            let what = format!("page {first} is outside the file");
            return Err(self.corruption(Invariant::P6, first, what));
        }
        self.visitor.own(first, count, kind)
    }

    /// P1, P2, P3, P5, and P4 as far as it keeps the page from being read.
    fn read(
        &self,
        visit: &Visit,
        kind: PageKind,
        bytes: &mut [u8],
    ) -> Result<PageHeader, Corruption> {
        let bad = |id, what: String| Err(self.corruption(id, visit.page, what));
        if let Err(error) = self.pages.raw_page(visit.page, bytes) {
            return bad(Invariant::P1, error.to_string());
        }
        let header =
            check_page(bytes, visit.page).map_err(|c| c.in_page(visit.page, self.page_size))?;
        if header.crc != visit.crc {
            let what = format!("checksum {:08x}, parent says {:08x}", header.crc, visit.crc);
            return bad(Invariant::P3, what);
        }
        if header.kind != kind || header.level != visit.level {
            let what = format!("{:?} of level {}", header.kind, header.level);
            return bad(
                Invariant::P5,
                format!("{what}, not {kind:?} of level {}", visit.level),
            );
        }
        if header.generation > self.limits.generation {
            let what = format!("generation {} is newer than the header", header.generation);
            return bad(Invariant::P4, what);
        }
        Ok(header)
    }

    /// A branch without its children: P7, T1, T2, T5, T6. `false`: its children are unknown.
    fn branch(&mut self, bytes: &[u8], visit: &Visit, span: &Span) -> Result<bool> {
        let lost = visit.entries.unwrap_or(0);
        self.summary.branches += 1;
        let Some(branch) = Branch::new(bytes) else {
            let what = "branch does not decode";
            let corruption = self.corruption(Invariant::P7, visit.page, what.to_owned());
            self.lose(corruption, span, lost)?;
            return Ok(false);
        };
        if let Err(c) = branch.check() {
            let readable = c.id != Invariant::P7;
            let corruption = c.in_page(visit.page, self.page_size);
            if !readable {
                self.lose(corruption, span, lost)?;
                return Ok(false);
            }
            self.report(corruption, span)?;
        }
        let (mut below, mut inside) = (0u64, true);
        for i in 0..branch.count() {
            let mut separator = Vec::new();
            let child = branch.child(i).map_or(0, |c| c.entries);
            below = below.saturating_add(child);
            if i > 0 && branch.separator(i, &mut separator).is_some() {
                inside &= span.has(&separator);
            }
        }
        if !inside {
            let what = "separator outside the branch's keys".to_owned();
            let corruption = self.corruption(Invariant::T2, visit.page, what);
            self.report(corruption, span)?;
        }
        self.compare_count(visit, below, span)?;
        Ok(true)
    }

    /// T6.
    fn compare_count(&mut self, visit: &Visit, found: u64, span: &Span) -> Result<()> {
        match visit.entries {
            Some(named) if named != found => {
                let what = format!("{found} entries, parent says {named}");
                let corruption = self.corruption(Invariant::T6, visit.page, what);
                self.report(corruption, span)
            }
            _ => Ok(()),
        }
    }

    fn corruption(&self, id: Invariant, page: u32, what: String) -> Corruption {
        Corruption::new(id, what).in_page(page, self.page_size)
    }
}

fn child_of(branch: &Branch<'_>, i: usize, span: &Span) -> Option<(ChildRef, Span)> {
    let mut low = Vec::new();
    branch.separator(i, &mut low)?;
    if i == 0 {
        low.clone_from(&span.low);
    }
    let mut high = span.high.clone();
    if i + 1 < branch.count() {
        let mut separator = Vec::new();
        branch.separator(i + 1, &mut separator)?;
        high = Some(separator);
    }
    Some((branch.child(i)?, Span { low, high }))
}
