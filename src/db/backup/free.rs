//! The free list of a copy. Both of its headers name one tree and nobody reads an older one, so
//! everything that tree does not need is available.

use crate::error::{Corruption, Result};
use crate::format::Invariant;
use crate::format::freelist::{FreeExtent, records_per_page, write_free_page};
use crate::format::header::Header;

/// A run of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub start: u32,
    pub pages: u32,
}

impl Run {
    fn end(self) -> u32 {
        self.start.saturating_add(self.pages)
    }
}

/// What is free, with the pages that say so.
#[derive(Debug, Default)]
pub(super) struct Free {
    /// Rising, apart from each other.
    pub runs: Vec<Run>,
    /// The chain: page and bytes.
    pub chain: Vec<(u32, Vec<u8>)>,
}

/// Makes the free list of a copy from the pages that are free in it, and puts it into its header
/// together with the number of pages that are left when free ones at the end are cut off.
pub(super) fn build(header: &mut Header, mut free: Vec<Run>) -> Result<Free> {
    free.sort_unstable();
    let mut runs: Vec<Run> = Vec::with_capacity(free.len());
    for run in free {
        match runs.last_mut() {
            Some(last) if last.end() > run.start => {
                let text = format!("page {} is free twice", run.start);
                return Err(Corruption::new(Invariant::S1, text).into());
            }
            Some(last) if last.end() == run.start => last.pages += run.pages,
            _ => runs.push(run),
        }
    }
    while let Some(last) = runs.pop_if(|last| last.end() == header.page_count) {
        header.page_count = last.start;
    }
    let per_page = records_per_page(header.page_size());
    // One page for many runs: there are always enough.
    let pages: Vec<u32> = (0..runs.len().div_ceil(per_page))
        .filter_map(|_| take_page(&mut runs))
        .collect();
    let records: Vec<FreeExtent> = runs
        .iter()
        .map(|run| FreeExtent {
            freed_gen: 0,
            start: run.start,
            pages: run.pages,
        })
        .collect();
    let chunks: Vec<&[FreeExtent]> = records.chunks(per_page).collect();
    let mut chain = Vec::with_capacity(pages.len());
    let mut next = (0, 0);
    for (i, page) in pages.into_iter().enumerate().rev() {
        let chunk = chunks.get(i).copied().unwrap_or(&[]);
        let mut bytes = Vec::new();
        let (size, generation) = (header.page_size(), header.generation);
        let crc = write_free_page(&mut bytes, size, page, generation, next, chunk);
        next = (page, crc);
        chain.push((page, bytes));
    }
    (header.free_head, header.free_head_crc) = next;
    header.free_available = runs.iter().map(|run| run.pages).sum();
    header.free_pending = 0;
    Ok(Free { runs, chain })
}

/// A page for the chain: the first free one.
fn take_page(runs: &mut Vec<Run>) -> Option<u32> {
    let first = runs.first_mut()?;
    let page = first.start;
    first.start += 1;
    first.pages -= 1;
    if first.pages == 0 {
        runs.remove(0);
    }
    Some(page)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::*;
    use crate::db::create::{Identity, first_header};
    use crate::format::freelist::read_free_page;

    fn header(page_count: u32) -> Header {
        let identity = Identity {
            lineage_id: [1; 16],
            file_id: [2; 16],
        };
        Header {
            page_count,
            ..first_header(&Default::default(), &identity, 0)
        }
    }

    fn run(start: u32, pages: u32) -> Run {
        Run { start, pages }
    }

    #[test]
    fn neighbours_join_and_the_end_is_cut() {
        let mut header = header(1000);
        let given = vec![run(990, 10), run(500, 2), run(502, 3), run(600, 1)];
        let free = build(&mut header, given).unwrap();
        assert_eq!(header.page_count, 990);
        assert_eq!(free.runs, [run(501, 4), run(600, 1)]);
        assert_eq!(header.free_head, 500);
        assert_eq!((header.free_available, header.free_pending), (5, 0));
        let (next, records) = read_free_page(&free.chain[0].1).unwrap();
        assert_eq!((next, records.len()), ((0, 0), 2));
    }

    #[test]
    fn nothing_free_needs_no_chain() {
        let mut header = header(1000);
        let free = build(&mut header, vec![run(999, 1)]).unwrap();
        assert!(free.runs.is_empty() && free.chain.is_empty());
        assert_eq!((header.page_count, header.free_head), (999, 0));
    }

    #[test]
    fn a_long_list_takes_several_pages_and_may_use_up_what_is_free() {
        let mut header = header(5000);
        let single = |i: u32| run(300 + 2 * i, 1);
        let free = build(&mut header, (0..600).map(single).collect()).unwrap();
        assert_eq!(free.chain.len(), 3);
        assert_eq!(free.runs.len(), 597);
        assert_eq!(header.free_available, 597);
        let mut small = self::header(400);
        let free = build(&mut small, vec![run(300, 1)]).unwrap();
        assert!(free.runs.is_empty());
        assert_eq!((small.free_head, small.free_available), (300, 0));
    }

    #[test]
    fn a_page_that_is_free_twice_is_damage() {
        assert!(build(&mut header(1000), vec![run(500, 5), run(504, 1)]).is_err());
    }
}
