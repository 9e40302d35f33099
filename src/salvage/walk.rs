//! Walks trees in key order. What the newest tree does not reach is looked for in the tree
//! before it, and then among single pages.

use super::flow::{Flow, Origin};
use super::lost::Range;
use super::pages::{FilePages, Used};
use super::sweep::Sweep;
use crate::check::source::Source;
use crate::error::{Corruption, Result};
use crate::format::header::{Header, first_page};
use crate::format::leaf::StoredValue;
use crate::format::page::PageKind;
use crate::format::{Depth, Invariant};
use crate::tree::{CheckLimits, CheckSummary, CheckVisitor, Finding, Root, check_tree};

/// How often the pages of the file may be looked at, all in all, for parts of an older tree:
/// several ranges may lie in one page, and hostile pages may lead to others again and again.
const OLDER_ROUNDS: u64 = 64;

/// A tree and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    pub root: Root,
    /// No page may be newer.
    pub generation: u64,
    /// First page that is not part of it.
    pub page_count: u32,
    /// Entries, where a header tells.
    pub entries: Option<u64>,
    /// Nothing proves that it is the newest one.
    pub unproven: bool,
}

impl Tree {
    /// The tree of a header.
    pub fn of(header: &Header) -> Tree {
        Tree {
            root: Root {
                page: header.root_page,
                crc: header.root_crc,
                height: header.root_height,
            },
            generation: header.generation,
            page_count: header.page_count,
            entries: Some(header.entry_count),
            unproven: false,
        }
    }

    pub fn limits(&self, source: &Source<'_>, depth: Depth) -> CheckLimits {
        let first = first_page(source.page_size);
        CheckLimits {
            generation: self.generation,
            first_page: first,
            page_count: self.page_count.min(source.file_pages()).max(first),
            depth,
        }
    }
}

/// Sends all entries of a tree, and what can stand in for damaged parts, to `flow`.
pub(super) fn walk(
    source: &Source<'_>,
    tree: Option<&Tree>,
    older: Option<&Tree>,
    sweep: Option<Sweep<'_>>,
    flow: &mut Flow<'_>,
) -> Result<CheckSummary> {
    let mut filler = Filler {
        source,
        older,
        sweep,
        budget: u64::from(source.file_pages()).saturating_mul(OLDER_ROUNDS),
        flow,
    };
    let Some(tree) = tree else {
        let cause = Corruption::new(Invariant::H1, "no header and no root can be found");
        filler.gone(Gap {
            from: Vec::new(),
            to: None,
            entries: None,
            cause,
        })?;
        return Ok(CheckSummary::default());
    };
    let mut newest = Newest {
        used: Used::new(source.file_pages()),
        entries: tree.entries,
        origin: if tree.unproven {
            Origin::UnprovenTree
        } else {
            Origin::Tree
        },
        filler,
    };
    let limits = tree.limits(source, Depth::Deep);
    check_tree(&FilePages(source), tree.root, limits, &mut newest)
}

/// A part of the key space that a tree should hold and does not.
struct Gap {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    entries: Option<u64>,
    cause: Corruption,
}

/// The newest tree.
struct Newest<'w, 'f> {
    used: Used,
    entries: Option<u64>,
    origin: Origin,
    filler: Filler<'w, 'f>,
}

impl CheckVisitor for Newest<'_, '_> {
    fn finding(&mut self, finding: Finding) -> Result<()> {
        if !finding.hides {
            self.filler.flow.defect(finding.corruption);
            return Ok(());
        }
        let whole = finding.from.is_empty() && finding.to.is_none();
        self.filler.fill(Gap {
            from: finding.from,
            to: finding.to,
            entries: if whole {
                self.entries
            } else {
                Some(finding.entries)
            },
            cause: finding.corruption,
        })
    }

    fn own(&mut self, first: u32, pages: u32, _: PageKind) -> Result<(), Corruption> {
        take(&mut self.used, first, pages)
    }

    fn entry(&mut self, full_key: &[u8], value: &StoredValue<'_>) -> Result<()> {
        self.filler.flow.base(full_key, value, self.origin)
    }

    fn progress(&mut self, _: &CheckSummary) -> Result<()> {
        self.filler.source.check_stop()
    }
}

/// Takes pages for a tree, each once.
pub(super) fn take(used: &mut Used, first: u32, pages: u32) -> Result<(), Corruption> {
    if used.take(first, pages) {
        return Ok(());
    }
    let text = format!("page {first} is part of the tree twice");
    Err(Corruption::new(Invariant::S1, text))
}

/// Finds something for what is missing.
struct Filler<'w, 'f> {
    source: &'w Source<'w>,
    older: Option<&'w Tree>,
    sweep: Option<Sweep<'w>>,
    budget: u64,
    flow: &'w mut Flow<'f>,
}

impl Filler<'_, '_> {
    fn fill(&mut self, gap: Gap) -> Result<()> {
        let Some(tree) = self.older else {
            return self.gone(gap);
        };
        let source = self.source;
        let mut older = Older { gap, filler: self };
        let limits = tree.limits(source, Depth::Deep);
        check_tree(&FilePages(source), tree.root, limits, &mut older)?;
        Ok(())
    }

    /// No tree has it.
    fn gone(&mut self, gap: Gap) -> Result<()> {
        let to = gap.to.clone();
        self.flow.lose(Range {
            from: gap.from,
            to: gap.to,
            entries: gap.entries,
            recovered: 0,
            cause: gap.cause,
            places: 1,
        });
        let Some(sweep) = &mut self.sweep else {
            return Ok(());
        };
        while let Some(entry) = sweep.next_before(to.as_deref())? {
            self.flow
                .base(&entry.key, &entry.value(), Origin::Scraped)?;
        }
        Ok(())
    }
}

/// The tree before the newest one, as far as it lies in a gap.
struct Older<'o, 'w, 'f> {
    gap: Gap,
    filler: &'o mut Filler<'w, 'f>,
}

impl CheckVisitor for Older<'_, '_, '_> {
    fn finding(&mut self, finding: Finding) -> Result<()> {
        if !finding.hides {
            self.filler.flow.defect(finding.corruption);
            return Ok(());
        }
        let from = finding.from.max(self.gap.from.clone());
        let to = match (finding.to, self.gap.to.clone()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if to.as_ref().is_some_and(|to| *to <= from) {
            return Ok(());
        }
        let same = from == self.gap.from && to == self.gap.to;
        self.filler.gone(Gap {
            from,
            to,
            entries: if same {
                self.gap.entries
            } else {
                Some(finding.entries)
            },
            cause: self.gap.cause.clone(),
        })
    }

    fn own(&mut self, _: u32, pages: u32, _: PageKind) -> Result<(), Corruption> {
        match self.filler.budget.checked_sub(u64::from(pages)) {
            Some(rest) => self.filler.budget = rest,
            None => {
                let text = "the older tree leads to the same pages again and again";
                return Err(Corruption::new(Invariant::S1, text));
            }
        }
        Ok(())
    }

    fn wants(&mut self, from: &[u8], to: Option<&[u8]>) -> bool {
        let starts_before_end = self.gap.to.as_deref().is_none_or(|end| from < end);
        let ends_after_start = to.is_none_or(|to| to > self.gap.from.as_slice());
        starts_before_end && ends_after_start
    }

    fn entry(&mut self, full_key: &[u8], value: &StoredValue<'_>) -> Result<()> {
        let inside = self.gap.from.as_slice() <= full_key
            && self.gap.to.as_deref().is_none_or(|to| full_key < to);
        if inside {
            self.filler.flow.base(full_key, value, Origin::Tree)?;
        }
        Ok(())
    }

    fn progress(&mut self, _: &CheckSummary) -> Result<()> {
        self.filler.source.check_stop()
    }
}
