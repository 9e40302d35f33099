//! Where the space goes: every leaf read, or a sample of them with a stated error.
//!
//! A sample draws entries at random and takes the leaves that they are in. A leaf of `n` out of
//! `N` entries is drawn with probability `n / N`, so each of `m` draws stands for `N / (m n)`
//! leaves; all sums are weighted like that and are right on average whatever the leaves hold
//! (Hansen and Hurwitz). A full scan is the same with every weight 1.

mod spread;
mod tally;
mod walk;

pub use spread::Quantiles;

use crate::error::Result;
use crate::format::header::{Header, first_page};
use crate::format::key::{
    CATALOGUE, catalogue_name, catalogue_range, keyspace_end, keyspace_start,
};
use crate::format::leaf::StoredValue;
use crate::progress::Progress;
use crate::tree::{PageRead, Root, Seek, TreeCursor, count_all, count_range};
use tally::Tally;

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsOptions {
    /// Read every leaf instead of a sample.
    pub exact: bool,
    /// Leaves to sample.
    pub sample_pages: u64,
    /// Sum up keys by prefix, cut after this byte.
    pub delimiter: Option<u8>,
    /// How many delimiters a prefix takes in.
    pub depth: usize,
    /// How many of the largest records to name.
    pub biggest: usize,
    /// The sample depends on this and on nothing else.
    pub seed: u64,
}

impl Default for StatsOptions {
    fn default() -> Self {
        StatsOptions {
            exact: false,
            sample_pages: 1000,
            delimiter: None,
            depth: 1,
            biggest: 0,
            seed: 0,
        }
    }
}

/// Pages by what they hold. Estimates where the scan was a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageKinds {
    /// Entries.
    pub leaf: u64,
    /// Separators and children.
    pub branch: u64,
    /// Large values.
    pub overflow: u64,
    /// The free list itself.
    pub free_list: u64,
    /// Both log regions.
    pub log: u64,
    /// Free now.
    pub available: u64,
    /// Free once older readers are gone.
    pub pending: u64,
}

/// Where the space goes, as of the last checkpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// Entries in the tree.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub logical_bytes: u64,
    /// Length of the file.
    pub file_bytes: u64,
    /// Pages by kind.
    pub pages: PageKinds,
    /// How full leaves are, percent.
    pub leaf_fill_percent: f64,
    /// Bytes of tree and large values in use.
    pub live_bytes: u64,
    /// Bytes of free pages and of gaps in used ones.
    pub dead_bytes: u64,
    /// Length of the file after a dense copy.
    pub expected_compact_bytes: u64,
    /// Lengths of user keys.
    pub key_length: Quantiles,
    /// Lengths of values.
    pub value_length: Quantiles,
    /// The largest records seen: key and length of key and value.
    pub biggest: Vec<(Vec<u8>, u64)>,
    /// Prefixes with entries and bytes, largest first.
    pub prefixes: Vec<(Vec<u8>, u64, u64)>,
    /// Entries whose prefix is not listed because there are too many prefixes.
    pub prefixes_left_out: u64,
    /// Keyspaces with their entries, always exact.
    pub keyspaces: Vec<(String, u64)>,
    /// Every leaf was read.
    pub exact: bool,
    /// Leaves read.
    pub sampled_pages: u64,
    /// The true share of anything lies within this many percentage points of the one given, 95
    /// times out of 100, as long as neighbouring keys are alike at most within a leaf.
    pub error_percent: f64,
}

/// Sums up a tree. `pages` and `root` are those of `header`; `file_bytes` is the file's length.
pub fn stats<P: PageRead + ?Sized>(
    pages: &P,
    header: &Header,
    file_bytes: u64,
    options: &StatsOptions,
    progress: &dyn Progress,
) -> Result<Stats> {
    let root = Root {
        page: header.root_page,
        crc: header.root_crc,
        height: header.root_height,
    };
    let mut tally = Tally::new(pages.page_size(), options);
    let total = count_all(pages, root)?;
    let exact = options.exact || walk::is_small(pages, root, options.sample_pages)?;
    if exact {
        walk::everything(pages, root, total, &mut tally, progress)?;
    } else {
        walk::sample(pages, root, total, options, &mut tally, progress)?;
    }
    let mut stats = Stats {
        entries: header.entry_count,
        logical_bytes: header.logical_bytes,
        file_bytes,
        keyspaces: keyspaces(pages, root)?,
        exact,
        sampled_pages: tally.leaves_read,
        ..Stats::default()
    };
    if !exact {
        // Two standard errors of a share of one half, leaves counted as one draw each.
        stats.error_percent = 100.0 / (tally.leaves_read.max(1) as f64).sqrt();
    }
    tally.fill(&mut stats);
    describe_file(header, pages.page_size() as u64, &tally, &mut stats);
    Ok(stats)
}

fn describe_file(header: &Header, page_size: u64, tally: &Tally, stats: &mut Stats) {
    let kinds = &mut stats.pages;
    kinds.log = header.regions.iter().map(|r| u64::from(r.pages)).sum();
    kinds.available = u64::from(header.free_available);
    kinds.pending = u64::from(header.free_pending);
    let first = u64::from(first_page(header.page_size()));
    let known = first + kinds.log + kinds.available + kinds.pending;
    let tree = kinds.leaf + kinds.branch + kinds.overflow;
    let rest = u64::from(header.page_count).saturating_sub(known);
    // What is left over is the chain of the free list; a sample cannot tell.
    kinds.free_list = if stats.exact {
        rest.saturating_sub(tree)
    } else {
        u64::from(header.free_head != 0)
    };
    stats.live_bytes = tally.used_bytes();
    let pages_in_use = if stats.exact { tree } else { rest.min(tree) };
    let gaps = (pages_in_use * page_size).saturating_sub(stats.live_bytes);
    stats.dead_bytes = gaps + (kinds.available + kinds.pending) * page_size;
    let packed = (first + kinds.log + kinds.overflow) * page_size + tally.packed_bytes();
    stats.expected_compact_bytes = packed.div_ceil(page_size) * page_size;
}

/// Names of all keyspaces but the catalogue, with their entries.
fn keyspaces<P: PageRead + ?Sized>(pages: &P, root: Root) -> Result<Vec<(String, u64)>> {
    let (from, to) = catalogue_range();
    let mut found = vec![(
        crate::format::key::MAIN_NAME.to_owned(),
        crate::format::key::MAIN,
    )];
    let mut cursor = TreeCursor::new();
    cursor.seek(pages, root, Some(&from), Seek::AtOrAfter)?;
    let mut key = Vec::new();
    while let Some(entry) = cursor.next(pages)? {
        entry.copy_key(&mut key);
        if key >= to {
            break;
        }
        let id = match entry.value {
            StoredValue::Inline(bytes) => bytes.try_into().ok().map(u32::from_le_bytes),
            StoredValue::Overflow(_) => None,
        };
        let name = catalogue_name(&key).map(|n| String::from_utf8_lossy(n).into_owned());
        let pair = name.zip(id.filter(|&id| id != CATALOGUE));
        found.extend(pair.filter(|pair| !found.contains(pair)));
    }
    found.sort();
    let count = |(name, id): (String, u32)| {
        let end = keyspace_end(id);
        let end = (!end.is_empty()).then_some(end.as_slice());
        count_range(pages, root, &keyspace_start(id), end).map(|n| (name, n))
    };
    found.into_iter().map(count).collect()
}
