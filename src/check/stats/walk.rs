//! The two ways through a tree: everywhere, or to leaves drawn at random.

use super::StatsOptions;
use super::tally::Tally;
use crate::error::{Corruption, Error, Result};
use crate::format::branch::Branch;
use crate::format::checksum::mix;
use crate::format::leaf::Leaf;
use crate::format::{Invariant, MAX_HEIGHT};
use crate::progress::Progress;
use crate::tree::{PageRead, PageRef, Root, leaf_estimate};

/// True where reading everything costs no more than the sample asked for.
pub(super) fn is_small<P: PageRead + ?Sized>(pages: &P, root: Root, sample: u64) -> Result<bool> {
    Ok(leaf_estimate(pages, root)? <= sample)
}

/// Reads every leaf.
pub(super) fn everything<P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    total: u64,
    tally: &mut Tally,
    progress: &dyn Progress,
) -> Result<()> {
    if root.is_empty() {
        return Ok(());
    }
    let mut walk = Walk {
        pages,
        tally,
        progress,
        total,
        done: 0,
    };
    walk.visit(
        root.page_ref(),
        root.height.min(MAX_HEIGHT).saturating_sub(1),
    )
}

struct Walk<'w, P: PageRead + ?Sized> {
    pages: &'w P,
    tally: &'w mut Tally,
    progress: &'w dyn Progress,
    total: u64,
    done: u64,
}

impl<P: PageRead + ?Sized> Walk<'_, P> {
    fn visit(&mut self, at: PageRef, level: u8) -> Result<()> {
        let page = self.pages.page(at)?;
        if level == 0 {
            let leaf = leaf(self.pages, at)?;
            self.tally.leaf(page, &leaf, 1.0);
            self.done += leaf.count() as u64;
            self.progress.report(self.done, Some(self.total));
            return if self.progress.stopped() {
                Err(Error::Interrupted)
            } else {
                Ok(())
            };
        }
        // More than the header counts: a cycle.
        if self.done > self.total {
            return Err(damage(
                self.pages,
                at,
                Invariant::T6,
                "more entries than the root counts",
            ));
        }
        let branch = branch(self.pages, at, level)?;
        self.tally.branch(page, &branch, 1.0);
        for i in 0..branch.count() {
            let child = branch.child(i);
            let child = child
                .ok_or_else(|| damage(self.pages, at, Invariant::P7, "cell does not decode"))?;
            self.visit(child.into(), level - 1)?;
        }
        Ok(())
    }
}

/// Draws entries at random and takes the leaves that they are in.
pub(super) fn sample<P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    total: u64,
    options: &StatsOptions,
    tally: &mut Tally,
    progress: &dyn Progress,
) -> Result<()> {
    let draws = options.sample_pages.max(1);
    if root.is_empty() || total == 0 {
        return Ok(());
    }
    for draw in 0..draws {
        // One draw from each of as many equal stretches: better spread than free draws.
        let random = mix(options
            .seed
            .wrapping_add(mix(draw.wrapping_add(0x9e37_79b9_7f4a_7c15))));
        let edge = |n: u64| (u128::from(total) * u128::from(n) / u128::from(draws)) as u64;
        let width = (edge(draw + 1) - edge(draw)).max(1);
        let place = (edge(draw) + random % width).min(total - 1);
        take(pages, root, place, total as f64 / draws as f64, tally)?;
        progress.report(draw + 1, Some(draws));
        if progress.stopped() {
            return Err(Error::Interrupted);
        }
    }
    Ok(())
}

/// Goes down to entry number `rank`.
fn take<P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    mut rank: u64,
    share: f64,
    tally: &mut Tally,
) -> Result<()> {
    let mut at = root.page_ref();
    for level in (1..root.height.min(MAX_HEIGHT)).rev() {
        let branch = branch(pages, at, level)?;
        let children = (0..branch.count()).filter_map(|i| branch.child(i));
        let below: u64 = children
            .clone()
            .fold(0, |sum, c| sum.saturating_add(c.entries));
        tally.branch(pages.page(at)?, &branch, share / below.max(1) as f64);
        let mut found = None;
        for child in children {
            found = Some(child);
            if rank < child.entries {
                break;
            }
            rank -= child.entries;
        }
        let child =
            found.ok_or_else(|| damage(pages, at, Invariant::T5, "branch without children"))?;
        at = child.into();
    }
    let leaf = leaf(pages, at)?;
    tally.leaf(pages.page(at)?, &leaf, share / leaf.count().max(1) as f64);
    Ok(())
}

fn branch<P: PageRead + ?Sized>(pages: &P, at: PageRef, level: u8) -> Result<Branch<'_>> {
    let branch = Branch::new(pages.page(at)?).filter(|b| b.level() == level);
    branch.ok_or_else(|| damage(pages, at, Invariant::P5, "not a branch of this level"))
}

fn leaf<P: PageRead + ?Sized>(pages: &P, at: PageRef) -> Result<Leaf<'_>> {
    Leaf::new(pages.page(at)?).ok_or_else(|| damage(pages, at, Invariant::P5, "not a leaf"))
}

fn damage<P: PageRead + ?Sized>(pages: &P, at: PageRef, id: Invariant, what: &str) -> Error {
    Corruption::new(id, what)
        .in_page(at.page, pages.page_size())
        .into()
}
