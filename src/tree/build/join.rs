//! Takes unchanged subtrees apart, where a page next to them is too small to stay alone.

use super::Assembler;
use crate::error::Result;
use crate::format::MAX_HEIGHT;
use crate::format::branch::ChildRef;
use crate::tree::get::{branch_at, leaf_at, malformed};
use crate::tree::input::NewValue;
use crate::tree::pending::Branches;
use crate::tree::{PageRead, PageRef, PageWrite};

impl<P: PageRead + ?Sized, W: PageWrite> Assembler<'_, P, W> {
    /// Takes a subtree apart and adds its parts.
    pub(super) fn unpack(&mut self, level: u8, low: &[u8], child: ChildRef) -> Result<()> {
        let at = PageRef::from(child);
        if level == 0 {
            let leaf = leaf_at(self.pages, at)?;
            let mut key = Vec::new();
            for i in 0..leaf.count() {
                let Some(cell) = leaf.cell(i) else {
                    return Err(malformed(self.pages, at, "cell does not decode"));
                };
                key.clear();
                key.extend_from_slice(leaf.prefix());
                key.extend_from_slice(cell.suffix);
                self.push_entry(&key, NewValue::Stored(cell.value))?;
            }
        } else {
            for (low, child) in self.children(level, low, at)? {
                self.push_subtree(level - 1, &low, child)?;
            }
        }
        self.release(child.page, 1);
        Ok(())
    }

    /// The children of a branch with their separators; the first one's is the branch's own.
    fn children(&self, level: u8, low: &[u8], at: PageRef) -> Result<Vec<(Vec<u8>, ChildRef)>> {
        let branch = branch_at(self.pages, at, level)?;
        let mut all = Vec::with_capacity(branch.count());
        for i in 0..branch.count() {
            let mut separator = if i == 0 { low.to_vec() } else { Vec::new() };
            match (branch.separator(i, &mut separator), branch.child(i)) {
                (Some(()), Some(child)) => all.push((separator, child)),
                _ => return Err(malformed(self.pages, at, "branch does not decode")),
            }
        }
        Ok(all)
    }

    /// A branch with one child is not legal: its left neighbour, an unchanged subtree, is taken
    /// apart to go with it. That neighbour exists because levels above are not empty, and it is
    /// unchanged because otherwise it would be the page held back here.
    pub(super) fn borrow_from_left(&mut self, level: u8) -> Result<()> {
        let last = self.levels.get_mut(usize::from(level) - 1);
        let Some((low, child)) = last.and_then(Branches::pop) else {
            return Ok(());
        };
        self.refill(level)?;
        self.add(level, &low, child)
    }

    /// Moves the children of the last subtree pushed to the level above into this level.
    fn refill(&mut self, level: u8) -> Result<()> {
        if level >= MAX_HEIGHT {
            return Ok(());
        }
        if self.level(level + 1).is_none_or(Branches::is_empty) {
            self.refill(level + 1)?;
        }
        let above = self.levels.get_mut(usize::from(level));
        let Some((low, child)) = above.and_then(Branches::pop) else {
            return Ok(());
        };
        for (low, child) in self.children(level, &low, child.into())? {
            self.add(level, &low, child)?;
        }
        self.release(child.page, 1);
        Ok(())
    }
}
