//! Byte-range locks, owned by open files.

use creel::sys::LockMode;

#[derive(Debug, Clone, Copy)]
struct Held {
    inode: u64,
    owner: u64,
    start: u64,
    end: u64,
    mode: LockMode,
}

/// All locks of one disk.
#[derive(Debug, Default)]
pub struct Locks(Vec<Held>);

impl Locks {
    /// Takes or converts a lock; `false` when another owner is in the way.
    pub fn take(&mut self, inode: u64, owner: u64, range: (u64, u64), mode: LockMode) -> bool {
        let conflict = self
            .others(inode, owner, range)
            .any(|held| mode == LockMode::Exclusive || held.mode == LockMode::Exclusive);
        if conflict {
            return false;
        }
        self.give_back(inode, owner, range);
        let (start, len) = range;
        self.0.push(Held {
            inode,
            owner,
            start,
            end: start + len,
            mode,
        });
        true
    }

    /// Gives back what the owner holds of the range.
    pub fn give_back(&mut self, inode: u64, owner: u64, (start, len): (u64, u64)) {
        let end = start + len;
        let mut kept = Vec::with_capacity(self.0.len());
        for held in self.0.drain(..) {
            if held.inode != inode || held.owner != owner || held.end <= start || end <= held.start
            {
                kept.push(held);
                continue;
            }
            if held.start < start {
                kept.push(Held { end: start, ..held });
            }
            if end < held.end {
                kept.push(Held { start: end, ..held });
            }
        }
        self.0 = kept;
    }

    /// Gives back all that an owner holds.
    pub fn release(&mut self, owner: u64) {
        self.0.retain(|held| held.owner != owner);
    }

    /// Some byte of the range that another owner holds: like the kernel, not always the lowest.
    pub fn find(&self, inode: u64, owner: u64, range: (u64, u64)) -> Option<u64> {
        self.others(inode, owner, range)
            .next()
            .map(|held| held.start.max(range.0))
    }

    fn others(
        &self,
        inode: u64,
        owner: u64,
        (start, len): (u64, u64),
    ) -> impl Iterator<Item = &Held> {
        let end = start + len;
        self.0.iter().filter(move |held| {
            held.inode == inode && held.owner != owner && held.start < end && start < held.end
        })
    }
}
