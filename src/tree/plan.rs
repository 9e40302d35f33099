//! Which pages a fold writes anew although nothing in them changes.

use std::collections::VecDeque;

use super::get::{branch_at, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::leaf::StoredValue;

/// What else a fold does besides applying changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoldMode {
    /// Nothing: only leaves with a change, and the branches above them, are written.
    Incremental,
    /// Every leaf is written, and full.
    Dense,
    /// Leaves from this key on are written full, until about this many old ones were read.
    DenseRange {
        /// Where to begin.
        from: Vec<u8>,
        /// Old leaves to read.
        max_leaves: u32,
    },
    /// Pages from this id on are moved, unchanged otherwise.
    MoveAbove {
        /// First page to be moved.
        first_page: u32,
        /// About how many pages to move.
        max_pages: u32,
    },
}

/// The place of a subtree: its level and the keys it may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'k> {
    pub level: u8,
    pub low: &'k [u8],
    pub high: Option<&'k [u8]>,
}

impl Place<'_> {
    fn ends_after(&self, key: &[u8]) -> bool {
        self.high.is_none_or(|high| key < high)
    }
}

/// A page to be written anew, named by its level and the lowest key it may hold.
#[derive(Debug)]
pub(super) struct Target {
    low: Vec<u8>,
    level: u8,
}

/// The pages that a mode asks for, in key order, parents first.
#[derive(Debug)]
pub(super) enum Plan {
    Nothing,
    Everything,
    From {
        from: Vec<u8>,
        leaves: u32,
    },
    Pages {
        targets: VecDeque<Target>,
        first_page: u32,
        more: bool,
    },
}

impl Plan {
    pub fn new<P: PageRead + ?Sized>(pages: &P, root: Root, mode: FoldMode) -> Result<Plan> {
        Ok(match mode {
            FoldMode::Incremental => Plan::Nothing,
            FoldMode::Dense => Plan::Everything,
            FoldMode::DenseRange { from, max_leaves } => Plan::From {
                from,
                leaves: max_leaves,
            },
            FoldMode::MoveAbove {
                first_page,
                max_pages,
            } => {
                let mut search = Search {
                    pages,
                    first_page,
                    left: i64::from(max_pages),
                    targets: VecDeque::new(),
                    more: false,
                };
                if let Some(level) = top_level(pages, root)? {
                    search.walk(level, &[], root.page_ref())?;
                }
                Plan::Pages {
                    targets: search.targets,
                    first_page,
                    more: search.more,
                }
            }
        })
    }

    /// True where the subtree has a page to be written.
    pub fn wants(&mut self, place: Place<'_>) -> bool {
        match self {
            Plan::Nothing => false,
            Plan::Everything => true,
            Plan::From { from, leaves } => *leaves > 0 && place.ends_after(from),
            Plan::Pages { targets, .. } => {
                while targets
                    .front()
                    .is_some_and(|t| t.low.as_slice() < place.low)
                {
                    targets.pop_front(); // its page went away with a deleted range
                }
                targets
                    .front()
                    .is_some_and(|t| t.level <= place.level && place.ends_after(&t.low))
            }
        }
    }

    /// Takes note that this page is written.
    pub fn opened(&mut self, place: Place<'_>) {
        match self {
            Plan::Nothing | Plan::Everything => {}
            Plan::From { from, leaves } => {
                if place.level == 0 && place.ends_after(from) {
                    *leaves = leaves.saturating_sub(1);
                }
            }
            Plan::Pages { targets, .. } => {
                let this = |t: &Target| t.level == place.level && t.low == place.low;
                if targets.front().is_some_and(this) {
                    targets.pop_front();
                }
            }
        }
    }

    /// True where a dense rewrite has stopped before this place.
    pub fn stopped_before(&self, place: Place<'_>) -> bool {
        matches!(self, Plan::From { from, leaves: 0 } if place.ends_after(from))
    }

    /// True where the extent of a large value is to be moved.
    pub fn moves(&self, page: u32) -> bool {
        matches!(self, Plan::Pages { first_page, .. } if page >= *first_page)
    }

    /// True where pages to be moved remain.
    pub fn has_more(&self) -> bool {
        matches!(self, Plan::Pages { more: true, .. })
    }
}

/// Looks for pages to be moved.
struct Search<'p, P: PageRead + ?Sized> {
    pages: &'p P,
    first_page: u32,
    left: i64,
    targets: VecDeque<Target>,
    more: bool,
}

impl<P: PageRead + ?Sized> Search<'_, P> {
    fn walk(&mut self, level: u8, low: &[u8], at: PageRef) -> Result<()> {
        if self.more {
            return Ok(());
        }
        let high_page = i64::from(at.page >= self.first_page);
        if level == 0 {
            let pages = high_page + self.high_values(at)?;
            self.add(level, low, pages);
            return Ok(());
        }
        self.add(level, low, high_page);
        let branch = branch_at(self.pages, at, level)?;
        let mut separator = low.to_vec();
        for i in 0..branch.count() {
            if i > 0 {
                separator.clear();
            }
            let part = branch.separator(i, &mut separator);
            let (Some(()), Some(child)) = (part, branch.child(i)) else {
                return Err(malformed(self.pages, at, "branch does not decode"));
            };
            self.walk(level - 1, &separator, child.into())?;
        }
        Ok(())
    }

    fn add(&mut self, level: u8, low: &[u8], pages: i64) {
        if pages == 0 {
            return;
        }
        if self.left <= 0 {
            self.more = true;
            return;
        }
        self.left -= pages;
        self.targets.push_back(Target {
            low: low.to_vec(),
            level,
        });
    }

    /// Pages of the large values in a leaf that are to be moved.
    fn high_values(&self, at: PageRef) -> Result<i64> {
        let leaf = leaf_at(self.pages, at)?;
        let mut found = 0;
        for i in 0..leaf.count() {
            let Some(cell) = leaf.cell(i) else {
                return Err(malformed(self.pages, at, "cell does not decode"));
            };
            if let StoredValue::Overflow(r) = cell.value
                && r.page >= self.first_page
            {
                found += i64::from(r.pages(self.pages.page_size()));
            }
        }
        Ok(found)
    }
}
