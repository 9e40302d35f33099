//! A set of pages: one bit a page.

/// Pages below a number, each in the set or not.
#[derive(Debug, Clone)]
pub struct PageBits {
    words: Vec<u64>,
    pages: u32,
}

impl PageBits {
    /// None of so many pages.
    pub fn new(pages: u32) -> PageBits {
        PageBits {
            words: vec![0; pages.div_ceil(64) as usize],
            pages,
        }
    }

    /// True where a page is in the set.
    pub fn has(&self, page: u32) -> bool {
        let word = self.words.get(page as usize / 64);
        word.is_some_and(|word| word >> (page % 64) & 1 == 1)
    }

    /// Adds pages. False where one of them is in the set already, or outside.
    pub fn add(&mut self, first: u32, pages: u32) -> bool {
        let end = u64::from(first) + u64::from(pages);
        if end > u64::from(self.pages) {
            return false;
        }
        let mut fresh = true;
        for page in first..first + pages {
            fresh &= self.set(page) == Some(true);
        }
        fresh
    }

    /// True where the page was not in the set.
    fn set(&mut self, page: u32) -> Option<bool> {
        let word = self.words.get_mut(page as usize / 64)?;
        let bit = 1 << (page % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        Some(fresh)
    }

    /// Runs of pages, from a first one on, that are in the set (or that are not).
    pub fn runs(&self, from: u32, to: u32, inside: bool) -> Vec<(u32, u32)> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for page in (from..to).filter(|page| self.has(*page) == inside) {
            match runs.last_mut() {
                Some((start, pages)) if *start + *pages == page => *pages += 1,
                _ => runs.push((page, 1)),
            }
        }
        runs
    }
}
