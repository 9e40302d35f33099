//! Sums over leaves, each standing for as many as its weight says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::spread::Spread;
use super::{Stats, StatsOptions};
use crate::format::PAGE_HEADER_SIZE;
use crate::format::branch::Branch;
use crate::format::key::{CATALOGUE, split_key};
use crate::format::leaf::{Leaf, StoredValue};
use crate::format::page::PageHeader;

/// Prefixes that are kept apart at most.
const MAX_PREFIXES: usize = 50_000;

/// The sums.
pub(super) struct Tally {
    page_size: usize,
    delimiter: Option<u8>,
    depth: usize,
    biggest: usize,
    pub leaves_read: u64,
    leaves: f64,
    branches: f64,
    overflow_pages: f64,
    leaf_used: f64,
    branch_used: f64,
    value_used: f64,
    keys: Spread,
    values: Spread,
    largest: BinaryHeap<Reverse<(u64, Vec<u8>)>>,
    prefixes: BTreeMap<Vec<u8>, (f64, f64)>,
    prefixes_left_out: f64,
}

impl Tally {
    pub fn new(page_size: usize, options: &StatsOptions) -> Self {
        Tally {
            page_size,
            delimiter: options.delimiter,
            depth: options.depth.max(1),
            biggest: options.biggest,
            leaves_read: 0,
            leaves: 0.0,
            branches: 0.0,
            overflow_pages: 0.0,
            leaf_used: 0.0,
            branch_used: 0.0,
            value_used: 0.0,
            keys: Spread::default(),
            values: Spread::default(),
            largest: BinaryHeap::new(),
            prefixes: BTreeMap::new(),
            prefixes_left_out: 0.0,
        }
    }

    pub fn branch(&mut self, page: &[u8], branch: &Branch<'_>, weight: f64) {
        self.branches += weight;
        self.branch_used += weight * used(page, branch.count());
    }

    pub fn leaf(&mut self, page: &[u8], leaf: &Leaf<'_>, weight: f64) {
        self.leaves_read += 1;
        self.leaves += weight;
        self.leaf_used += weight * used(page, leaf.count());
        let mut key = Vec::new();
        for i in 0..leaf.count() {
            let Some(cell) = leaf.cell(i) else { continue };
            if let StoredValue::Overflow(reference) = cell.value {
                self.overflow_pages += weight * f64::from(reference.pages(self.page_size));
                self.value_used +=
                    weight * (f64::from(reference.stored_len) + PAGE_HEADER_SIZE as f64);
            }
            key.clear();
            key.extend_from_slice(leaf.prefix());
            key.extend_from_slice(cell.suffix);
            if let Some((_, user)) = split_key(&key).filter(|(id, _)| *id != CATALOGUE) {
                self.entry(user, cell.value.len(), weight);
            }
        }
    }

    fn entry(&mut self, key: &[u8], value: u64, weight: f64) {
        let length = key.len() as u64 + value;
        self.keys.add(key.len() as u64, weight);
        self.values.add(value, weight);
        let smallest = self
            .largest
            .peek()
            .map_or(0, |Reverse((length, _))| *length);
        if self.biggest > 0 && (self.largest.len() < self.biggest || length > smallest) {
            // A sample may draw the same leaf twice.
            if !self
                .largest
                .iter()
                .any(|Reverse((l, k))| *l == length && k == key)
            {
                self.largest.push(Reverse((length, key.to_vec())));
            }
            if self.largest.len() > self.biggest {
                self.largest.pop();
            }
        }
        if let Some(delimiter) = self.delimiter {
            self.prefix(cut(key, delimiter, self.depth), length, weight);
        }
    }

    fn prefix(&mut self, prefix: &[u8], length: u64, weight: f64) {
        let full = self.prefixes.len() >= MAX_PREFIXES;
        let sums = match self.prefixes.get_mut(prefix) {
            Some(sums) => sums,
            None if full => {
                self.prefixes_left_out += weight;
                return;
            }
            None => self.prefixes.entry(prefix.to_vec()).or_default(),
        };
        sums.0 += weight;
        sums.1 += weight * length as f64;
    }

    /// Bytes in use in tree pages and large values.
    pub fn used_bytes(&self) -> u64 {
        (self.leaf_used + self.branch_used + self.value_used).round() as u64
    }

    /// Bytes of leaves and branches after a dense rewrite: the gap at the end of a page is half
    /// an entry on average.
    pub fn packed_bytes(&self) -> u64 {
        let page = self.page_size as f64;
        let header = PAGE_HEADER_SIZE as f64;
        let entries = (self.keys.quantiles(), self.values.quantiles());
        let cell = (entries.0.mean + entries.1.mean.min(page / 4.0)).max(1.0);
        let body = self.leaf_used - self.leaves * header;
        let leaves = (body / (page - header - cell / 2.0).max(page / 2.0)).ceil();
        let share = if self.leaves > 0.0 {
            leaves / self.leaves
        } else {
            0.0
        };
        ((leaves + (self.branches * share).ceil()) * page) as u64
    }

    /// Fills in everything that comes from leaves and branches.
    pub fn fill(&self, stats: &mut Stats) {
        stats.pages.leaf = self.leaves.round() as u64;
        stats.pages.branch = self.branches.round() as u64;
        stats.pages.overflow = self.overflow_pages.round() as u64;
        let room = self.leaves * self.page_size as f64;
        stats.leaf_fill_percent = if room > 0.0 {
            100.0 * self.leaf_used / room
        } else {
            0.0
        };
        stats.key_length = self.keys.quantiles();
        stats.value_length = self.values.quantiles();
        let mut largest: Vec<_> = self
            .largest
            .iter()
            .map(|Reverse(pair)| pair.clone())
            .collect();
        largest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        stats.biggest = largest
            .into_iter()
            .map(|(length, key)| (key, length))
            .collect();
        let sums = self.prefixes.iter();
        let sums = sums.map(|(p, s)| (p.clone(), s.0.round() as u64, s.1.round() as u64));
        stats.prefixes = sums.collect();
        stats
            .prefixes
            .sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
        stats.prefixes_left_out = self.prefixes_left_out.round() as u64;
    }
}

/// Bytes in use in a leaf or branch page.
fn used(page: &[u8], count: usize) -> f64 {
    let end = PageHeader::decode(page).map_or(0, |h| h.cells_end_offset());
    (end + 2 * count).min(page.len()) as f64
}

/// The key up to and with its `depth`-th delimiter, or its last one where it has fewer.
fn cut(key: &[u8], delimiter: u8, depth: usize) -> &[u8] {
    let places = memchr::memchr_iter(delimiter, key).take(depth);
    let end = places.last().map_or(0, |at| at + 1);
    key.get(..end).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_prefix_ends_with_its_delimiter() {
        assert_eq!(cut(b"a:b:c", b':', 1), b"a:");
        assert_eq!(cut(b"a:b:c", b':', 2), b"a:b:");
        assert_eq!(cut(b"a:b:c", b':', 9), b"a:b:");
        assert_eq!(cut(b"abc", b':', 1), b"");
    }
}
