//! One look at the whole file without a header: which page size, where the log may be, and which
//! pages may be roots. A generation that changes the tree writes its root anew, so the root is
//! the page of the highest level among those of its generation.

use std::collections::BTreeMap;

use super::walk::Tree;
use crate::check::source::Source;
use crate::error::Result;
use crate::format::MAX_COUNTER;
use crate::format::bytes::u32_at;
use crate::format::header::first_page;
use crate::format::page::{PageHeader, PageKind, check_page};
use crate::format::region::RegionHeader;
use crate::tree::Root;
use crate::wal::Extent;

/// The smallest page; all sizes are multiples of it.
const STEP: usize = 4096;
const SHIFTS: std::ops::RangeInclusive<u32> = 12..=16;
/// Bytes read at a time, a multiple of all page sizes.
const CHUNK: usize = 1 << 20;
/// Newest generations whose roots are remembered.
const MAX_ROOTS: usize = 4;
/// Log regions that are remembered, the newest incarnations.
const MAX_REGIONS: usize = 8;

/// What the file looks like from outside.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// The size of most whole pages; `None` where there is none.
    pub page_size: Option<usize>,
    /// Whole pages of that size.
    pub pages: u64,
    /// Possible trees, the newest first.
    pub trees: Vec<Tree>,
    /// Pages of the free lists of the newest generations.
    pub free_lists: BTreeMap<u64, Vec<u32>>,
    /// Possible log regions, the newest incarnation first.
    pub regions: Vec<(Extent, RegionHeader)>,
}

/// Pages of one size.
#[derive(Debug, Default)]
struct Kind {
    pages: u64,
    roots: BTreeMap<u64, Candidate>,
    free_lists: BTreeMap<u64, Vec<u32>>,
}

#[derive(Debug)]
struct Candidate {
    header: PageHeader,
    is_alone: bool,
}

/// Looks at the whole file once.
pub(super) fn take(source: &Source<'_>) -> Result<Census> {
    let mut count = Count {
        kinds: Default::default(),
        regions: Vec::new(),
        is_open: false,
    };
    let (mut at, mut chunk) = (0, Vec::new());
    while at < source.len {
        let len = (source.len - at).min(CHUNK as u64) as usize;
        source.read_what_is_there(at, len, &mut chunk)?;
        source.advance(len as u64)?;
        for start in (0..len).step_by(STEP) {
            count.look_at(at + start as u64, chunk.get(start..).unwrap_or(&[]));
        }
        at += len as u64;
    }
    Ok(count.finish(source))
}

struct Count {
    kinds: [Kind; 5],
    regions: Vec<(Extent, RegionHeader)>,
    /// The last region may go on.
    is_open: bool,
}

impl Count {
    fn look_at(&mut self, at: u64, bytes: &[u8]) {
        if let Some(region) = RegionHeader::decode(bytes).filter(is_possible) {
            self.close(at);
            self.regions.push((
                Extent {
                    start: at,
                    len: u64::MAX,
                },
                region,
            ));
            self.is_open = true;
            return;
        }
        let Some(id) = u32_at(bytes, 4).filter(|&id| id > 0) else {
            return;
        };
        for (shift, kind) in SHIFTS.zip(&mut self.kinds) {
            let size = 1usize << shift;
            if u64::from(id) << shift != at || id < first_page(size) {
                continue;
            }
            let page = bytes.get(..size).and_then(|page| check_page(page, id).ok());
            if let Some(header) = page.filter(|p| (1..MAX_COUNTER).contains(&p.generation)) {
                kind.add(header);
                self.close(at);
                return;
            }
        }
    }

    fn close(&mut self, at: u64) {
        if std::mem::take(&mut self.is_open)
            && let Some((extent, _)) = self.regions.last_mut()
        {
            extent.len = at - extent.start;
        }
        if self.regions.len() > 2 * MAX_REGIONS {
            self.keep_newest();
        }
    }

    fn keep_newest(&mut self) {
        self.regions
            .sort_by_key(|(_, region)| std::cmp::Reverse(region.region_seq));
        self.regions.truncate(MAX_REGIONS);
    }

    fn finish(mut self, source: &Source<'_>) -> Census {
        self.close(source.len);
        self.keep_newest();
        let best = SHIFTS.zip(&self.kinds).max_by_key(|(shift, kind)| {
            (kind.pages, std::cmp::Reverse(*shift)) // of equals, the smaller pages
        });
        let Some((shift, kind)) = best.filter(|(_, kind)| kind.pages > 0) else {
            return Census {
                regions: self.regions,
                ..Census::default()
            };
        };
        let page_count = u32::try_from(source.len >> shift).unwrap_or(u32::MAX);
        let alone = kind.roots.values().rev().filter(|c| c.is_alone);
        let trees = alone.map(|c| Tree {
            root: Root {
                page: c.header.page_id,
                crc: c.header.crc,
                height: c.header.level + 1,
            },
            generation: c.header.generation,
            page_count,
            entries: None,
            unproven: false,
        });
        Census {
            page_size: Some(1 << shift),
            pages: kind.pages,
            trees: trees.collect(),
            free_lists: kind.free_lists.clone(),
            regions: self.regions,
        }
    }
}

impl Kind {
    fn add(&mut self, header: PageHeader) {
        self.pages += 1;
        if header.kind == PageKind::FreeList {
            let list = self.free_lists.entry(header.generation).or_default();
            list.push(header.page_id);
            if self.free_lists.len() > MAX_ROOTS {
                self.free_lists.pop_first();
            }
        }
        if !matches!(header.kind, PageKind::Leaf | PageKind::Branch) {
            return;
        }
        if header.level >= crate::format::MAX_HEIGHT {
            return;
        }
        let fresh = Candidate {
            header,
            is_alone: true,
        };
        match self.roots.get_mut(&header.generation) {
            None => {
                self.roots.insert(header.generation, fresh);
                if self.roots.len() > MAX_ROOTS {
                    self.roots.pop_first();
                }
            }
            Some(known) if known.header.level < header.level => *known = fresh,
            Some(known) if known.header.level == header.level => known.is_alone = false,
            Some(_) => {}
        }
    }
}

fn is_possible(region: &RegionHeader) -> bool {
    region.region_seq < MAX_COUNTER && (1..MAX_COUNTER).contains(&region.first_index)
}
