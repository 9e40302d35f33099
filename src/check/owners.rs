//! Who owns each page of the file: one byte a page.

/// Owner of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    None,
    Branch,
    Leaf,
    Value,
    FreeChain,
    Log,
    Archive,
    Available,
    Pending,
}

const ALL: [Owner; 9] = [
    Owner::None,
    Owner::Branch,
    Owner::Leaf,
    Owner::Value,
    Owner::FreeChain,
    Owner::Log,
    Owner::Archive,
    Owner::Available,
    Owner::Pending,
];

impl Owner {
    fn from_byte(byte: u8) -> Owner {
        ALL.get(usize::from(byte & 0x7f))
            .copied()
            .unwrap_or(Owner::None)
    }

    /// What the owner is called in a report.
    pub fn name(self) -> &'static str {
        match self {
            Owner::None => "nobody",
            Owner::Branch | Owner::Leaf => "the tree",
            Owner::Value => "a large value",
            Owner::FreeChain => "the free list itself",
            Owner::Log => "the log",
            Owner::Archive => "the archived log",
            Owner::Available => "the free list (available)",
            Owner::Pending => "the free list (pending)",
        }
    }
}

/// Set once the older header's tree was followed to this page.
const SEEN_OLDER: u8 = 0x80;

/// The owners of all pages that the file really has.
#[derive(Debug)]
pub(super) struct Owners {
    map: Vec<u8>,
    first: u32,
}

/// A run of pages with one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub start: u32,
    pub pages: u32,
    pub owner: Owner,
}

impl Owners {
    /// A map of `pages` pages, the first `first` of which are the header zone.
    pub fn new(first: u32, pages: u32) -> Self {
        Owners {
            map: vec![0; pages as usize],
            first,
        }
    }

    /// True where the whole range lies inside the file, behind the header zone.
    pub fn contains(&self, start: u32, pages: u32) -> bool {
        start >= self.first && u64::from(start) + u64::from(pages) <= self.map.len() as u64
    }

    /// Takes pages for an owner. Gives the first page that has one already, with that owner;
    /// its owner stays. Pages that the file does not have are passed over.
    pub fn claim(&mut self, start: u32, pages: u32, owner: Owner) -> Option<(u32, Owner)> {
        let end = (start as usize)
            .saturating_add(pages as usize)
            .min(self.map.len());
        let mut conflict = None;
        let slots = self.map.get_mut(start as usize..end).unwrap_or_default();
        for (i, slot) in slots.iter_mut().enumerate() {
            if *slot == 0 {
                *slot = owner as u8;
            } else {
                conflict = conflict.or(Some((start + i as u32, Owner::from_byte(*slot))));
            }
        }
        conflict
    }

    /// The owner of a page.
    pub fn owner(&self, page: u32) -> Owner {
        let byte = self.map.get(page as usize).copied().unwrap_or(0);
        Owner::from_byte(byte)
    }

    /// Marks a page as reached from the older header; `false` where it was already.
    pub fn see_older(&mut self, page: u32) -> bool {
        let Some(slot) = self.map.get_mut(page as usize) else {
            return false;
        };
        let fresh = *slot & SEEN_OLDER == 0;
        *slot |= SEEN_OLDER;
        fresh
    }

    /// Runs of pages behind the header zone that nobody owns.
    pub fn orphans(&self) -> impl Iterator<Item = Run> + '_ {
        let mut at = self.first as usize;
        std::iter::from_fn(move || {
            let rest = self.map.get(at..)?;
            let start = at + rest.iter().position(|&b| b & 0x7f == 0)?;
            let free = self.map.get(start..)?.iter();
            let pages = free.take_while(|&&b| b & 0x7f == 0).count();
            at = start + pages;
            Some(Run {
                start: start as u32,
                pages: pages as u32,
                owner: Owner::None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_claimed_once_and_the_rest_is_found() {
        let mut owners = Owners::new(4, 20);
        assert_eq!(owners.claim(5, 3, Owner::Log), None);
        assert_eq!(owners.claim(7, 4, Owner::Leaf), Some((7, Owner::Log)));
        assert!(!owners.contains(3, 1) && !owners.contains(19, 2) && owners.contains(19, 1));
        let free: Vec<_> = owners.orphans().map(|r| (r.start, r.pages)).collect();
        assert_eq!(free, [(4, 1), (11, 9)]);
        assert!(owners.see_older(5) && !owners.see_older(5));
        assert_eq!(owners.owner(5), Owner::Log);
    }
}
