//! Two pages of one level that are still in memory. The older one is held back until it is sure
//! that the newer one gets enough content; otherwise the two share what they have.

use crate::format::branch::{BranchBuilder, ChildRef, separator};
use crate::format::leaf::LeafBuilder;

/// True below 40 % of a page: too little to stand alone.
fn thin(used: usize, page_size: usize) -> bool {
    used * 5 < page_size * 2
}

/// The leaf level.
#[derive(Debug)]
pub(super) struct Leaves {
    page_size: usize,
    pub held: LeafBuilder,
    pub held_low: Vec<u8>,
    pub open: LeafBuilder,
    pub open_low: Vec<u8>,
}

impl Leaves {
    pub fn new(page_size: usize) -> Self {
        Leaves {
            page_size,
            held: LeafBuilder::new(page_size),
            held_low: Vec::new(),
            open: LeafBuilder::new(page_size),
            open_low: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub fn is_thin(&self) -> bool {
        !self.is_empty() && thin(self.open.used(), self.page_size)
    }

    /// The open page becomes the held one, and a new one begins with `key`.
    pub fn shift(&mut self, key: &[u8]) {
        std::mem::swap(&mut self.held, &mut self.open);
        std::mem::swap(&mut self.held_low, &mut self.open_low);
        self.open.clear();
        let low = separator(self.held.last_key().unwrap_or(&[]), key);
        self.open_low.clear();
        self.open_low.extend_from_slice(low);
    }

    pub fn clear(&mut self) {
        self.held.clear();
        self.open.clear();
    }

    /// Spreads the entries of both pages evenly. Leaves them alone where that does not fit: the
    /// keys that change pages may share less with their new neighbours.
    pub fn share(&mut self) {
        let half = (self.held.used() + self.open.used()) / 2;
        let mut left = LeafBuilder::new(self.page_size);
        let mut right = LeafBuilder::new(self.page_size);
        for page in [&self.held, &self.open] {
            for (key, value) in (0..page.count()).map_while(|i| page.entry(i)) {
                let goes_left = right.is_empty() && (left.is_empty() || left.used() < half);
                let placed = goes_left && left.push(key, &value) || right.push(key, &value);
                if !placed {
                    return;
                }
            }
        }
        let (Some(last), Some(first)) = (left.last_key(), right.key(0)) else {
            return;
        };
        self.open_low = separator(last, first).to_vec();
        (self.held, self.open) = (left, right);
    }
}

/// One level of branches.
#[derive(Debug)]
pub(super) struct Branches {
    page_size: usize,
    pub held: BranchBuilder,
    pub open: BranchBuilder,
}

impl Branches {
    pub fn new(page_size: usize) -> Self {
        Branches {
            page_size,
            held: BranchBuilder::new(page_size),
            open: BranchBuilder::new(page_size),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// True where the open page may not or should not be written as it is.
    pub fn is_thin(&self) -> bool {
        let few = self.open.count() == 1 || thin(self.open.used(), self.page_size);
        !self.is_empty() && few
    }

    /// The child, where there is only one.
    pub fn only(&self) -> Option<(&[u8], ChildRef)> {
        let alone = self.held.is_empty() && self.open.count() == 1;
        self.open.entry(0).filter(|_| alone)
    }

    pub fn shift(&mut self) {
        std::mem::swap(&mut self.held, &mut self.open);
        self.open.clear();
    }

    pub fn clear(&mut self) {
        self.held.clear();
        self.open.clear();
    }

    /// Spreads the children of both pages evenly, or moves as few as make the second page a
    /// legal one.
    pub fn share(&mut self, evenly: bool) {
        let half = (self.held.used() + self.open.used()) / 2;
        let total = self.held.count() + self.open.count();
        if evenly && self.split(|left, _| left.used() < half) {
            return;
        }
        if self.open.count() < 2 {
            self.split(|_, i| i + 2 < total);
        }
    }

    fn split(&mut self, goes_left: impl Fn(&BranchBuilder, usize) -> bool) -> bool {
        let mut left = BranchBuilder::new(self.page_size);
        let mut right = BranchBuilder::new(self.page_size);
        for (i, (low, child)) in children(&self.held).chain(children(&self.open)).enumerate() {
            let wanted = right.is_empty() && goes_left(&left, i);
            let placed = wanted && left.push(low, child) || right.push(low, child);
            if !placed {
                return false;
            }
        }
        let legal = left.count() >= 2 && right.count() >= 2;
        if legal {
            (self.held, self.open) = (left, right);
        }
        legal
    }

    /// Takes the last child away.
    pub fn pop(&mut self) -> Option<(Vec<u8>, ChildRef)> {
        if self.open.is_empty() {
            std::mem::swap(&mut self.held, &mut self.open);
        }
        let last = self.open.count().checked_sub(1)?;
        let (low, child) = self.open.entry(last)?;
        let popped = (low.to_vec(), child);
        let mut rest = BranchBuilder::new(self.page_size);
        for (low, child) in children(&self.open).take(last) {
            rest.push(low, child);
        }
        self.open = rest;
        if self.open.is_empty() {
            std::mem::swap(&mut self.held, &mut self.open);
        }
        Some(popped)
    }
}

fn children(page: &BranchBuilder) -> impl Iterator<Item = (&[u8], ChildRef)> {
    (0..page.count()).map_while(|i| page.entry(i))
}
