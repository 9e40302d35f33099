//! Counting without reading leaves: branches know how many entries each child has.

use super::change::KeyInterval;
use super::get::{branch_at, find, leaf_at, malformed, top_level};
use super::{PageRead, PageRef, Root};
use crate::error::Result;
use crate::format::branch::Branch;

/// Entries with `from <= key` and `key < to` (no `to`: to the end). Reads two paths.
pub fn count_range<P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    from: &[u8],
    to: Option<&[u8]>,
) -> Result<u64> {
    let before = rank(pages, root, from)?;
    let end = match to {
        Some(to) => rank(pages, root, to)?,
        None => count_all(pages, root)?,
    };
    Ok(end.saturating_sub(before))
}

/// All entries of the tree. Reads the root page.
pub fn count_all<P: PageRead + ?Sized>(pages: &P, root: Root) -> Result<u64> {
    let at = root.page_ref();
    match top_level(pages, root)? {
        None => Ok(0),
        Some(0) => Ok(leaf_at(pages, at)?.count() as u64),
        Some(level) => {
            let branch = branch_at(pages, at, level)?;
            entries_before(&branch, branch.count())
                .ok_or_else(|| malformed(pages, at, "branch does not decode"))
        }
    }
}

/// Entries below a key.
fn rank<P: PageRead + ?Sized>(pages: &P, root: Root, key: &[u8]) -> Result<u64> {
    let Some(mut level) = top_level(pages, root)? else {
        return Ok(0);
    };
    let mut at = root.page_ref();
    let mut below = 0u64;
    while level > 0 {
        let branch = branch_at(pages, at, level)?;
        let found =
            find(&branch, key).and_then(|(i, child)| Some((child, entries_before(&branch, i)?)));
        let Some((child, before)) = found else {
            return Err(malformed(pages, at, "branch does not decode"));
        };
        below = below.saturating_add(before);
        at = child.into();
        level -= 1;
    }
    match leaf_at(pages, at)?.search(key) {
        Some(Ok(i) | Err(i)) => Ok(below.saturating_add(i as u64)),
        None => Err(malformed(pages, at, "leaf does not decode")),
    }
}

/// Entries below the first `n` children.
fn entries_before(branch: &Branch<'_>, n: usize) -> Option<u64> {
    (0..n).try_fold(0u64, |sum, i| {
        Some(sum.saturating_add(branch.child(i)?.entries))
    })
}

/// How many leaves a set of changes is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touched {
    /// Leaves that hold a changed key or an end of a deleted range.
    pub touched: u64,
    /// Leaves that the tree has without those that a deleted range drops: estimated from the
    /// branches that were read, exact for up to two levels.
    pub total: u64,
}

/// Estimates the number of leaves from one path of branches.
pub fn leaf_estimate<P: PageRead + ?Sized>(pages: &P, root: Root) -> Result<u64> {
    Ok(touched_leaves(pages, root, std::iter::empty(), &[], u64::MAX)?.total)
}

/// Counts the leaves that hold the given full keys (in rising order) or the ends of ranges, up
/// to `limit`. Reads only the branches above them.
pub fn touched_leaves<'k, P: PageRead + ?Sized>(
    pages: &P,
    root: Root,
    keys: impl Iterator<Item = &'k [u8]>,
    ranges: &[KeyInterval],
    limit: u64,
) -> Result<Touched> {
    let level = match top_level(pages, root)? {
        None => return Ok(Touched::default()),
        Some(0) => {
            let any = keys.into_iter().next().is_some() || !ranges.is_empty();
            return Ok(Touched {
                touched: u64::from(any),
                total: 1,
            });
        }
        Some(level) => level,
    };
    let mut walk = Walk::new(pages, root, level);
    let mut ends = ranges
        .iter()
        .flat_map(|r| [Some(r.from.as_slice()), r.to.as_deref()])
        .flatten()
        .peekable();
    for key in keys {
        while let Some(end) = ends.next_if(|end| *end <= key) {
            walk.touch(end)?;
        }
        walk.touch(key)?;
        if walk.touched >= limit {
            break;
        }
    }
    while walk.touched < limit
        && let Some(end) = ends.next()
    {
        walk.touch(end)?;
    }
    walk.result(ranges)
}

/// The present branch of level 1 on a walk to rising keys.
struct Walk<'a, P: PageRead + ?Sized> {
    pages: &'a P,
    root: Root,
    level: u8,
    branch: Option<(PageRef, Branch<'a>)>,
    /// First key after that branch.
    high: Option<Vec<u8>>,
    child: usize,
    touched: u64,
    leaves_seen: u64,
    entries_seen: u64,
}

impl<'a, P: PageRead + ?Sized> Walk<'a, P> {
    fn new(pages: &'a P, root: Root, level: u8) -> Self {
        Walk {
            pages,
            root,
            level,
            branch: None,
            high: None,
            child: usize::MAX,
            touched: 0,
            leaves_seen: 0,
            entries_seen: 0,
        }
    }

    fn touch(&mut self, key: &[u8]) -> Result<()> {
        let inside = self.high.as_deref().is_none_or(|high| key < high);
        let (at, branch) = match self.branch {
            Some(present) if inside => present,
            _ => self.descend(key)?,
        };
        let Some(child) = branch.search(key) else {
            return Err(malformed(self.pages, at, "branch does not decode"));
        };
        if child != self.child {
            self.child = child;
            self.touched += 1;
        }
        Ok(())
    }

    fn descend(&mut self, key: &[u8]) -> Result<(PageRef, Branch<'a>)> {
        let mut at = self.root.page_ref();
        let mut high: Option<Vec<u8>> = None;
        for level in (2..=self.level).rev() {
            let branch = branch_at(self.pages, at, level)?;
            let bad = || malformed(self.pages, at, "branch does not decode");
            let (i, child) = find(&branch, key).ok_or_else(bad)?;
            if i + 1 < branch.count() {
                let mut separator = Vec::new();
                branch.separator(i + 1, &mut separator).ok_or_else(bad)?;
                high = Some(separator);
            }
            at = child.into();
        }
        let branch = branch_at(self.pages, at, 1)?;
        let Some(entries) = entries_before(&branch, branch.count()) else {
            return Err(malformed(self.pages, at, "branch does not decode"));
        };
        self.leaves_seen += branch.count() as u64;
        self.entries_seen = self.entries_seen.saturating_add(entries);
        self.high = high;
        self.child = usize::MAX;
        self.branch = Some((at, branch));
        Ok((at, branch))
    }

    fn result(mut self, ranges: &[KeyInterval]) -> Result<Touched> {
        if self.branch.is_none() {
            self.descend(&[])?;
        }
        let all = count_all(self.pages, self.root)?;
        let mut kept = all;
        for r in ranges {
            let gone = count_range(self.pages, self.root, &r.from, r.to.as_deref())?;
            kept = kept.saturating_sub(gone);
        }
        let total = if self.level == 1 && kept == all {
            self.leaves_seen
        } else {
            let per_entry = self.leaves_seen as f64 / self.entries_seen.max(1) as f64;
            ((kept as f64 * per_entry) as u64).max(1)
        };
        Ok(Touched {
            touched: self.touched,
            total: total.max(self.touched),
        })
    }
}
