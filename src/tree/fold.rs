//! Applies sorted changes to a tree by path copying: a leaf with a change is written anew, and
//! so are the branches above it; every other subtree is kept by reference.

use super::build::Assembler;
use super::change::{Change, ChangeSource, KeyInterval, Ranged};
use super::count::{count_all, count_range};
use super::get::{branch_at, get, leaf_at, malformed, top_level};
use super::input::{Fill, NewValue, is_counted, logical_len};
use super::plan::{FoldMode, Place, Plan};
use super::{PageRead, PageRef, PageWrite, Root};
use crate::error::Result;
use crate::format::branch::ChildRef;
use crate::format::checksum::{crc, entry_hash};
use crate::format::leaf::StoredValue;

/// What a fold changed. All counts of entries leave out keyspace 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoldDelta {
    /// Entries added less entries removed.
    pub entries: i64,
    /// Change of the bytes of keys (without keyspace id) and values.
    pub logical_bytes: i64,
    /// To be added, wrapping, to the content sum.
    pub content_sum: u64,
    /// Puts of keys that were not there.
    pub inserted: u64,
    /// Puts of keys that had another value.
    pub replaced: u64,
    /// Puts of keys that had this value already.
    pub unchanged: u64,
    /// Entries that deletes of single keys removed.
    pub deleted: u64,
    /// Entries that deleted ranges removed.
    pub deleted_in_ranges: u64,
    /// Pages written.
    pub pages_written: u64,
    /// Pages given back.
    pub pages_freed: u64,
    /// Leaves written.
    pub leaves_written: u64,
    /// Where a [`FoldMode::DenseRange`] stopped; `None` at the end of the tree.
    pub resume_key: Option<Vec<u8>>,
    /// True where [`FoldMode::MoveAbove`] or [`FoldMode::DenseRange`] left work for another fold.
    pub more: bool,
}

impl FoldDelta {
    /// Adds what a later fold changed.
    pub fn add(&mut self, later: &FoldDelta) {
        self.entries += later.entries;
        self.logical_bytes += later.logical_bytes;
        self.content_sum = self.content_sum.wrapping_add(later.content_sum);
        self.inserted += later.inserted;
        self.replaced += later.replaced;
        self.unchanged += later.unchanged;
        self.deleted += later.deleted;
        self.deleted_in_ranges += later.deleted_in_ranges;
        self.pages_written += later.pages_written;
        self.pages_freed += later.pages_freed;
        self.leaves_written += later.leaves_written;
    }
}

/// Applies changes, and deletes of ranges of older entries (a change inside a range wins), and
/// gives the new tree. Pages of the old one that the new one does not use go to `out.free`.
pub fn fold<P: PageRead + ?Sized, W: PageWrite, C: ChangeSource>(
    pages: &P,
    root: Root,
    changes: C,
    ranges: &[KeyInterval],
    out: &mut W,
    mode: FoldMode,
) -> Result<(Root, FoldDelta)> {
    fold_source(pages, root, Ranged { changes, ranges }, out, mode)
}

/// The same for a source that has the ranges too.
pub fn fold_source<P: PageRead + ?Sized, W: PageWrite, C: ChangeSource>(
    pages: &P,
    root: Root,
    changes: C,
    out: &mut W,
    mode: FoldMode,
) -> Result<(Root, FoldDelta)> {
    let fill = match mode {
        FoldMode::Dense | FoldMode::DenseRange { .. } => Fill::Dense,
        FoldMode::Incremental | FoldMode::MoveAbove { .. } => Fill::Even,
    };
    let mut folder = Folder {
        pages,
        root,
        assembler: Assembler::new(pages, out, fill),
        changes,
        effective: false,
        range_at: 0,
        plan: Plan::new(pages, root, mode)?,
        delta: FoldDelta::default(),
    };
    match top_level(pages, root)? {
        None => folder.put_until(None)?,
        Some(level) => {
            let child = ChildRef {
                page: root.page,
                crc: root.crc,
                entries: count_all(pages, root)?,
            };
            let place = Place {
                level,
                low: &[],
                high: None,
            };
            folder.visit(place, child)?;
        }
    }
    folder.finish()
}

struct Folder<'p, P: PageRead + ?Sized, W: PageWrite, C: ChangeSource> {
    pages: &'p P,
    root: Root,
    assembler: Assembler<'p, P, W>,
    changes: C,
    /// The present change is known to alter the tree.
    effective: bool,
    /// First range that does not end before the present entry.
    range_at: usize,
    plan: Plan,
    delta: FoldDelta,
}

/// What deleted ranges mean for a subtree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deleted {
    Nothing,
    Some,
    Everything,
}

impl<'p, P: PageRead + ?Sized, W: PageWrite, C: ChangeSource> Folder<'p, P, W, C> {
    fn finish(self) -> Result<(Root, FoldDelta)> {
        let mut delta = self.delta;
        delta.more = self.plan.has_more() || delta.resume_key.is_some();
        let (root, stats) = self.assembler.finish()?;
        delta.entries += stats.entries as i64;
        delta.logical_bytes += stats.logical_bytes as i64;
        delta.content_sum = delta.content_sum.wrapping_add(stats.content_sum);
        delta.inserted = stats.entries.saturating_sub(delta.replaced);
        delta.pages_written = stats.pages_written;
        delta.pages_freed = stats.pages_freed;
        delta.leaves_written = stats.leaves_written;
        Ok((root, delta))
    }

    fn visit(&mut self, place: Place<'_>, child: ChildRef) -> Result<()> {
        if self.delta.resume_key.is_none() && self.plan.stopped_before(place) {
            self.delta.resume_key = Some(place.low.to_vec());
        }
        let changed = self.changes_before(place.high)?;
        let deleted = self.deleted(place, child)?;
        if !changed && deleted == Deleted::Everything {
            return self.drop_subtree(place.level, child);
        }
        if !changed && deleted == Deleted::Nothing && !self.plan.wants(place) {
            return self.assembler.push_subtree(place.level, place.low, child);
        }
        self.plan.opened(place);
        if place.level == 0 {
            self.leaf(place, child)?;
        } else {
            self.branch(place, child)?;
        }
        self.assembler.release(child.page, 1);
        Ok(())
    }

    fn branch(&mut self, place: Place<'_>, child: ChildRef) -> Result<()> {
        let at = PageRef::from(child);
        let branch = branch_at(self.pages, at, place.level)?;
        let mut low = place.low.to_vec();
        let mut next = Vec::new();
        for i in 0..branch.count() {
            let is_last = i + 1 == branch.count();
            next.clear();
            let part = if is_last {
                Some(())
            } else {
                branch.separator(i + 1, &mut next)
            };
            let (Some(()), Some(child)) = (part, branch.child(i)) else {
                return Err(malformed(self.pages, at, "branch does not decode"));
            };
            let place = Place {
                level: place.level - 1,
                low: &low,
                high: if is_last { place.high } else { Some(&next) },
            };
            self.visit(place, child)?;
            std::mem::swap(&mut low, &mut next);
        }
        Ok(())
    }

    /// Merges the entries of a leaf with the changes that belong there.
    fn leaf(&mut self, place: Place<'_>, child: ChildRef) -> Result<()> {
        let at = PageRef::from(child);
        let leaf = leaf_at(self.pages, at)?;
        self.assembler.bound(place.low);
        let mut key = leaf.prefix().to_vec();
        for i in 0..leaf.count() {
            let Some(cell) = leaf.cell(i) else {
                return Err(malformed(self.pages, at, "cell does not decode"));
            };
            key.truncate(leaf.prefix().len());
            key.extend_from_slice(cell.suffix);
            self.put_until(Some(&key))?;
            if self.keeps(&key, &cell.value)? {
                let value = self.moved(cell.value)?;
                self.assembler.push_entry(&key, NewValue::Stored(value))?;
            } else {
                self.remove(&key, &cell.value);
            }
        }
        self.put_until(place.high)
    }

    /// What becomes of an old entry: true where it stays. A new value of its key goes in with the
    /// changes below the next key.
    fn keeps(&mut self, key: &[u8], value: &StoredValue<'_>) -> Result<bool> {
        let counted = u64::from(is_counted(key));
        let change = self.changes.peek().filter(|(changed, _)| *changed == key);
        match change {
            Some((_, Change::Put(new))) if self.is_same(value, new) => {
                self.delta.unchanged += counted;
                self.advance()?;
                return Ok(true);
            }
            Some((_, Change::Put(_))) => self.delta.replaced += counted,
            Some((_, Change::Delete)) => self.delta.deleted += counted,
            None => {
                let deleted = self.is_deleted(key);
                self.delta.deleted_in_ranges += counted * u64::from(deleted);
                return Ok(!deleted);
            }
        }
        Ok(false)
    }

    /// True where a stored value is these bytes. A large one is read only where its length and
    /// checksum say so; where it cannot be read it is another one.
    fn is_same(&self, stored: &StoredValue<'_>, new: &[u8]) -> bool {
        match stored {
            StoredValue::Inline(bytes) => *bytes == new,
            StoredValue::Overflow(r) => {
                u64::from(r.stored_len) == new.len() as u64
                    && r.crc == crc(new)
                    && self.pages.value(r).is_ok_and(|old| old == new)
            }
        }
    }

    /// True where a change that alters the tree comes before `high`. Deletes of absent keys are
    /// dropped here, so that they do not cause a leaf to be written.
    fn changes_before(&mut self, high: Option<&[u8]>) -> Result<bool> {
        while let Some((key, change)) = self.changes.peek() {
            if high.is_some_and(|high| high <= key) {
                break;
            }
            if self.effective
                || change != Change::Delete
                || get(self.pages, self.root, key)?.is_some()
            {
                self.effective = true;
                return Ok(true);
            }
            self.advance()?;
        }
        Ok(false)
    }

    fn advance(&mut self) -> Result<()> {
        self.effective = false;
        self.changes.advance()
    }

    /// Adds the entries that changes put below `end`.
    fn put_until(&mut self, end: Option<&[u8]>) -> Result<()> {
        while let Some((key, change)) = self.changes.peek() {
            if end.is_some_and(|end| end <= key) {
                break;
            }
            if let Change::Put(value) = change {
                self.assembler.push_entry(key, NewValue::Raw(value))?;
            }
            self.advance()?;
        }
        Ok(())
    }

    /// What the ranges leave of a subtree.
    fn deleted(&self, place: Place<'_>, child: ChildRef) -> Result<Deleted> {
        let ranges = self.changes.ranges();
        let first = ranges.partition_point(|r| r.ends_by(place.low));
        for range in ranges.iter().skip(first) {
            if place.high.is_some_and(|high| high <= range.from.as_slice()) {
                break;
            }
            if range.covers(place.low, place.high) {
                return Ok(Deleted::Everything);
            }
            let subtree = Root {
                page: child.page,
                crc: child.crc,
                height: place.level + 1,
            };
            if count_range(self.pages, subtree, &range.from, range.to.as_deref())? > 0 {
                return Ok(Deleted::Some);
            }
        }
        Ok(Deleted::Nothing)
    }

    /// True where a range deletes this key. Keys must come in rising order.
    fn is_deleted(&mut self, key: &[u8]) -> bool {
        let ranges = self.changes.ranges();
        while ranges.get(self.range_at).is_some_and(|r| r.ends_by(key)) {
            self.range_at += 1;
        }
        let range = ranges.get(self.range_at);
        range.is_some_and(|r| r.from.as_slice() <= key)
    }

    /// Gives back all pages of a subtree and takes its entries out of the sums.
    fn drop_subtree(&mut self, level: u8, child: ChildRef) -> Result<()> {
        let at = PageRef::from(child);
        if level == 0 {
            let leaf = leaf_at(self.pages, at)?;
            let mut key = leaf.prefix().to_vec();
            for i in 0..leaf.count() {
                let Some(cell) = leaf.cell(i) else {
                    return Err(malformed(self.pages, at, "cell does not decode"));
                };
                key.truncate(leaf.prefix().len());
                key.extend_from_slice(cell.suffix);
                self.delta.deleted_in_ranges += u64::from(is_counted(&key));
                self.remove(&key, &cell.value);
            }
        } else {
            let branch = branch_at(self.pages, at, level)?;
            for i in 0..branch.count() {
                let Some(child) = branch.child(i) else {
                    return Err(malformed(self.pages, at, "branch does not decode"));
                };
                self.drop_subtree(level - 1, child)?;
            }
        }
        self.assembler.release(child.page, 1);
        Ok(())
    }

    /// Takes an old entry out of the sums and gives back its extent.
    fn remove(&mut self, key: &[u8], value: &StoredValue<'_>) {
        if is_counted(key) {
            let len = value.len();
            self.delta.entries -= 1;
            self.delta.logical_bytes -= logical_len(key, len) as i64;
            let hash = entry_hash(key, value.crc(), len);
            self.delta.content_sum = self.delta.content_sum.wrapping_sub(hash);
        }
        if let StoredValue::Overflow(r) = value {
            let pages = r.pages(self.pages.page_size());
            self.assembler.release(r.page, pages);
        }
    }

    /// The value, in a new extent where its own is to be moved.
    fn moved(&mut self, value: StoredValue<'p>) -> Result<StoredValue<'p>> {
        match value {
            StoredValue::Overflow(r) if self.plan.moves(r.page) => {
                let bytes = self.pages.value(&r)?;
                let moved = self.assembler.write_extent(bytes, r.crc)?;
                self.assembler
                    .release(r.page, r.pages(self.pages.page_size()));
                Ok(moved)
            }
            kept => Ok(kept),
        }
    }
}
