//! Leaves, in the order in which they stand in the file.
//!
//! The walk of the branches pushes the level above the leaves here. Once enough is gathered,
//! the leaves below it are sorted by place and read in long runs, so that a full check runs at
//! the speed of sequential reading whatever the order of the keys.

use super::content::Content;
use super::findings::finding;
use super::owners::Owner;
use super::page::{Expect, check};
use super::report::Finding;
use super::sample::{Chooser, Coverage};
use super::source::{Pages, RUN};
use super::tree::{Context, claim};
use super::values::{ValueAt, Values};
use crate::error::Result;
use crate::format::branch::Branch;
use crate::format::leaf::{Leaf, StoredValue};
use crate::format::page::PageKind;
use crate::format::{Invariant, PAGE_HEADER_SIZE, max_key_len};

/// Bytes of branch pages that are gathered before their leaves are checked.
const BATCH: usize = 8 << 20;
/// Leaves in the order of the file gain nothing by more: from so many bytes on they are checked, so
/// that whoever reads ahead in the file is followed closely.
const STRETCH: usize = 8 << 20;
/// One in so many may stand elsewhere: the names of keyspaces do, after a load.
const FEW: usize = 64;
/// Unneeded pages that are read along where that makes a longer run.
const GAP: u32 = 8;

/// A branch of level 1 that is known to be whole.
#[derive(Debug)]
pub(super) struct Parent {
    pub generation: u64,
    pub bytes: Vec<u8>,
    pub low: Vec<u8>,
    pub high: Option<Vec<u8>>,
}

/// A leaf to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LeafAt {
    page: u32,
    parent: u32,
    child: u32,
}

/// What is known of a leaf before it is read.
#[derive(Debug, Default)]
struct Known {
    crc: u32,
    generation: u64,
    entries: Option<u64>,
    low: Vec<u8>,
    high: Option<Vec<u8>>,
}

/// Gathers leaves and checks them batch by batch.
#[derive(Debug)]
pub(super) struct Sweep {
    parents: Vec<Parent>,
    leaves: Vec<LeafAt>,
    /// How many of them stand in the file before the one that was gathered before them, which is
    /// the last so far.
    breaks: usize,
    last: u32,
    gathered: usize,
    values: Values,
    /// What the leaves hold.
    pub content: Content,
    pages: Pages,
    key: Vec<u8>,
    chooser: Option<Chooser>,
    /// Leaves that there are, and those that are checked.
    pub coverage: Coverage,
}

impl Sweep {
    /// A sweep that sums up the content (level deep) or only counts it; of all leaves or of some.
    pub fn new(deep: bool, chooser: Option<Chooser>) -> Self {
        Sweep {
            chooser,
            coverage: Coverage::default(),
            parents: Vec::new(),
            leaves: Vec::new(),
            breaks: 0,
            last: 0,
            gathered: 0,
            values: Values::default(),
            content: Content::new(deep),
            pages: Pages::default(),
            key: Vec::new(),
        }
    }

    /// Adds the leaves below a branch.
    pub fn push(&mut self, context: &mut Context<'_>, parent: Parent) -> Result<()> {
        let at = self.parents.len() as u32;
        if let Some(branch) = Branch::new(&parent.bytes) {
            for i in 0..branch.count() {
                let Some(child) = branch.child(i) else {
                    continue;
                };
                let entries = Some(child.entries);
                if claim(
                    context,
                    child.page,
                    Owner::Leaf,
                    &parent.low,
                    parent.high.as_deref(),
                    entries,
                ) && self.chooses(child.page)
                {
                    self.breaks += usize::from(child.page < self.last);
                    self.last = child.page;
                    self.leaves.push(LeafAt {
                        page: child.page,
                        parent: at,
                        child: i as u32,
                    });
                }
            }
        }
        self.gathered += parent.bytes.len() + parent.low.len();
        self.parents.push(parent);
        let stretch = self.leaves.len() * context.source.page_size >= STRETCH;
        let in_order = self.breaks * FEW <= self.leaves.len();
        if self.gathered >= BATCH || (stretch && in_order) {
            self.flush(context)?;
        }
        Ok(())
    }

    /// Checks a tree that is one leaf.
    pub fn push_root(&mut self, context: &mut Context<'_>, page: u32, crc: u32) -> Result<()> {
        if claim(context, page, Owner::Leaf, &[], None, None) && self.chooses(page) {
            let mut pages = std::mem::take(&mut self.pages);
            context.source.read_pages(page, 1, &mut pages)?;
            let known = Known {
                crc,
                generation: context.header.generation,
                ..Known::default()
            };
            self.leaf(context, &pages, page, page, &known);
            self.pages = pages;
        }
        Ok(())
    }

    fn chooses(&mut self, page: u32) -> bool {
        let chosen = self.chooser.is_none_or(|c| c.takes(page));
        self.coverage.leaves += 1;
        self.coverage.checked += u64::from(chosen);
        chosen
    }

    /// Checks everything that was gathered.
    pub fn flush(&mut self, context: &mut Context<'_>) -> Result<()> {
        let mut leaves = std::mem::take(&mut self.leaves);
        leaves.sort_unstable();
        (self.breaks, self.last) = (0, 0);
        let parents = std::mem::take(&mut self.parents);
        self.gathered = 0;
        let most = (RUN / context.source.page_size).max(1) as u32;
        let mut pages = std::mem::take(&mut self.pages);
        let mut known = Known::default();
        let mut rest = leaves.as_slice();
        while let Some(first) = rest.first() {
            let (run, after) = rest.split_at(run_length(rest, most));
            rest = after;
            let end = run.last().map_or(first.page, |l| l.page) + 1;
            context
                .source
                .read_pages(first.page, end - first.page, &mut pages)?;
            for leaf in run {
                let parent = parents.get(leaf.parent as usize);
                let found = parent.and_then(|p| look_up(p, leaf.child as usize, &mut known));
                if found.is_some() {
                    self.leaf(context, &pages, first.page, leaf.page, &known);
                }
            }
            self.values.flush_if_full(context)?;
        }
        self.pages = pages;
        self.values.flush(context)
    }

    /// Checks one leaf of a run that begins at page `start`.
    fn leaf(
        &mut self,
        context: &mut Context<'_>,
        run: &Pages,
        start: u32,
        page: u32,
        known: &Known,
    ) {
        let page_size = context.source.page_size;
        let from = (page - start) as usize * page_size;
        let bytes = run.bytes.get(from..from + page_size).unwrap_or(&[]);
        context.source.count_pages(1);
        let refused = run.refused.iter().find(|(id, _)| *id == page);
        let result = match refused {
            Some((_, reason)) => Err(finding(Invariant::P1, format!("cannot be read: {reason}"))),
            None => self.check_leaf(context, bytes, page, known),
        };
        if let Err(what) = result {
            let what = what.inside(page, page_size);
            context.lose(what.keys(&known.low, known.high.as_deref(), known.entries));
        }
    }

    fn check_leaf(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        page: u32,
        known: &Known,
    ) -> Result<(), Finding> {
        use Invariant::*;
        let expect = Expect {
            page,
            crc: Some(known.crc),
            generation: known.generation,
            kind: PageKind::Leaf,
            level: 0,
        };
        let head = check(bytes, &expect, context.findings)?;
        for id in [P7, T1, T2, T3, T4, T5, T6, T8, T13] {
            context.findings.count(id, 1);
        }
        let prefix = usize::from(head.prefix_len);
        if PAGE_HEADER_SIZE + prefix > head.cells_end_offset() {
            return Err(finding(T3, "the prefix reaches into the cells"));
        }
        if head.cell_count > 1 && prefix > max_key_len(context.source.page_size) + 4 {
            return Err(finding(T3, "the prefix is longer than any key"));
        }
        let leaf = Leaf::new(bytes).ok_or_else(|| finding(P7, "the page does not decode"))?;
        leaf.check()?;
        self.check_bounds(&leaf, known)?;
        let count = leaf.count() as u64;
        if let Some(entries) = known.entries.filter(|&entries| entries != count) {
            return Err(finding(
                T6,
                format!("{count} entries, its parent says {entries}"),
            ));
        }
        self.take_entries(context, &leaf, page, head.generation)
    }

    /// T2, with the first and the last key: the keys between them rise.
    fn check_bounds(&mut self, leaf: &Leaf<'_>, known: &Known) -> Result<(), Finding> {
        for i in [0, leaf.count() - 1] {
            self.key.clear();
            self.key.extend_from_slice(leaf.prefix());
            self.key
                .extend_from_slice(leaf.cell(i).map_or(&[][..], |c| c.suffix));
            if self.key < known.low || known.high.as_ref().is_some_and(|high| self.key >= *high) {
                let text = format!("key {i} is not between the separators around the page");
                return Err(finding(Invariant::T2, text));
            }
        }
        Ok(())
    }

    /// T7 and T9 of every entry, and what the entries are.
    fn take_entries(
        &mut self,
        context: &mut Context<'_>,
        leaf: &Leaf<'_>,
        page: u32,
        generation: u64,
    ) -> Result<(), Finding> {
        let count = leaf.count();
        context.findings.count(Invariant::T7, count as u64);
        let longest = max_key_len(context.source.page_size) + 4;
        let prefix = leaf.prefix();
        self.content.begin_page(prefix, page);
        for i in 0..count {
            let Some(cell) = leaf.cell(i) else { break };
            let length = prefix.len() + cell.suffix.len();
            if length <= 4 || length > longest {
                let text = format!("entry {i} has a key of {length} bytes, keyspace included");
                return Err(finding(Invariant::T7, text));
            }
            if let StoredValue::Overflow(reference) = cell.value {
                self.values.push(ValueAt {
                    reference,
                    generation,
                    leaf: page,
                    cell: i as u32,
                });
            }
            self.content.add(prefix, &cell);
        }
        self.content.end_page();
        Ok(())
    }
}

/// How many leaves from the front one read takes in.
fn run_length(leaves: &[LeafAt], most: u32) -> usize {
    let Some(first) = leaves.first() else {
        return 0;
    };
    let mut last = first.page;
    let more = leaves.iter().take_while(|leaf| {
        let near = leaf.page - last <= GAP && leaf.page - first.page < most;
        last = leaf.page;
        near
    });
    more.count().max(1)
}

/// Fills in what a branch says of one child.
fn look_up(parent: &Parent, child: usize, known: &mut Known) -> Option<()> {
    let branch = Branch::new(&parent.bytes)?;
    let named = branch.child(child)?;
    (known.crc, known.generation, known.entries) =
        (named.crc, parent.generation, Some(named.entries));
    known.low.clear();
    if child == 0 {
        known.low.extend_from_slice(&parent.low);
    } else {
        branch.separator(child, &mut known.low)?;
    }
    if child + 1 < branch.count() {
        let high = known.high.get_or_insert_default();
        high.clear();
        branch.separator(child + 1, high)?;
    } else {
        known.high.clone_from(&parent.high);
    }
    Some(())
}
