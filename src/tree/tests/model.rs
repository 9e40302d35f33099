//! Random folds against a `BTreeMap`.

use std::collections::BTreeMap;

use super::super::*;
use super::mem::{FIRST, MemPages, Report, Rng};
use crate::format::branch::Branch;
use crate::format::checksum::{crc, entry_hash};
use crate::format::leaf::{Leaf, StoredValue};

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;
pub type Puts = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A tree, what it must hold, and what its header would say.
#[derive(Clone)]
pub struct World {
    pub mem: MemPages,
    pub root: Root,
    pub map: Map,
    pub generation: u64,
    pub entries: i64,
    pub logical_bytes: i64,
    pub content_sum: u64,
}

impl World {
    pub fn new(page_size: usize) -> Self {
        World {
            mem: MemPages::new(page_size),
            root: Root::default(),
            map: Map::new(),
            generation: 0,
            entries: 0,
            logical_bytes: 0,
            content_sum: 0,
        }
    }

    pub fn fold(&mut self, changes: &Puts, ranges: &[KeyInterval], mode: FoldMode) -> FoldDelta {
        self.generation += 1;
        let source = changes.iter().map(|(k, v)| {
            let change = v.as_deref().map_or(Change::Delete, Change::Put);
            Ok((k.as_slice(), change))
        });
        let source = IterChanges::new(source).unwrap();
        let mut out = self.mem.writer(self.generation);
        let (root, delta) = fold(&self.mem, self.root, source, ranges, &mut out, mode).unwrap();
        assert_eq!(delta.pages_written, out.written_pages());
        assert_eq!(delta.pages_freed, out.freed_pages());
        self.mem.apply(out);
        self.root = root;
        self.entries += delta.entries;
        self.logical_bytes += delta.logical_bytes;
        self.content_sum = self.content_sum.wrapping_add(delta.content_sum);
        let dead = |k: &Vec<u8>| {
            ranges
                .iter()
                .any(|r| r.from <= *k && r.to.as_ref().is_none_or(|to| k < to))
        };
        self.map.retain(|k, _| !dead(k));
        for (key, value) in changes {
            match value {
                Some(value) => self.map.insert(key.clone(), value.clone()),
                None => self.map.remove(key),
            };
        }
        delta
    }

    /// Compares everything: contents, sums, space.
    pub fn check(&self) {
        let mut cursor = TreeCursor::new();
        cursor
            .seek(&self.mem, self.root, None, Seek::AtOrAfter)
            .unwrap();
        let mut full = Vec::new();
        let (mut entries, mut bytes, mut sum) = (0i64, 0i64, 0u64);
        for (key, value) in &self.map {
            let entry = cursor.next(&self.mem).unwrap().expect("an entry");
            entry.copy_key(&mut full);
            assert_eq!(&full, key);
            assert!(read_value(&self.mem, &entry.value).unwrap() == value.as_slice());
            if key[..4] != [0; 4] {
                entries += 1;
                bytes += (key.len() - 4 + value.len()) as i64;
                sum = sum.wrapping_add(entry_hash(key, crc(value), value.len() as u64));
            }
        }
        assert_eq!(cursor.next(&self.mem).unwrap(), None);
        assert_eq!(
            (entries, bytes, sum),
            (self.entries, self.logical_bytes, self.content_sum)
        );
        let mut live = BTreeMap::new();
        if self.root.page != 0 {
            let child = (self.root.height - 1, self.root.page_ref());
            let counted = self.walk(child, &[], None, &mut live);
            assert_eq!(counted, self.map.len() as u64);
        }
        assert_eq!(live, self.mem.live, "space accounting");
        let (report, summary) = Report::of(&self.mem, self.root, self.generation);
        assert_eq!(report.findings, []);
        assert_eq!(report.owned, live);
        assert_eq!(summary.tree_entries, self.map.len() as u64);
        assert_eq!(
            summary.keyspaces.values().sum::<u64>(),
            summary.tree_entries
        );
        assert_eq!(
            (
                summary.entries as i64,
                summary.logical_bytes as i64,
                summary.content_sum
            ),
            (entries, bytes, sum)
        );
    }

    /// A second, simple reading of the invariants, to check `check_tree` itself.
    fn walk(
        &self,
        (level, at): (u8, PageRef),
        low: &[u8],
        high: Option<&[u8]>,
        live: &mut BTreeMap<u32, u32>,
    ) -> u64 {
        assert_eq!(live.insert(at.page, 1), None);
        let page = self.mem.page(at).unwrap();
        if level == 0 {
            let leaf = Leaf::new(page).expect("a leaf");
            leaf.check().unwrap();
            for i in 0..leaf.count() {
                let cell = leaf.cell(i).unwrap();
                let key = [leaf.prefix(), cell.suffix].concat();
                assert!(low <= &key[..] && high.is_none_or(|h| &key[..] < h), "T2");
                if let StoredValue::Overflow(r) = cell.value {
                    assert_eq!(live.insert(r.page, r.pages(self.mem.page_size)), None);
                }
            }
            return leaf.count() as u64;
        }
        let branch = Branch::new(page).expect("a branch");
        branch.check().unwrap();
        assert_eq!(branch.level(), level);
        let mut sum = 0;
        for i in 0..branch.count() {
            let (mut from, mut to) = (Vec::new(), Vec::new());
            branch.separator(i, &mut from).unwrap();
            let from = if i == 0 { low } else { &from };
            let to = if i + 1 < branch.count() {
                branch.separator(i + 1, &mut to).unwrap();
                Some(to.as_slice())
            } else {
                high
            };
            assert!(low <= from && to.is_none_or(|to| from < to), "separators");
            let child = branch.child(i).unwrap();
            let found = self.walk((level - 1, child.into()), from, to, live);
            assert_eq!(found, child.entries, "T6");
            sum += found;
        }
        sum
    }

    pub fn fill(&self) -> f64 {
        let (mut used, mut total) = (0, 0);
        for page in self.mem.live.keys() {
            let bytes = self.mem.pages[*page as usize].as_ref().unwrap();
            if let Some(leaf) = Leaf::new(bytes) {
                let header = crate::format::page::PageHeader::decode(bytes).unwrap();
                used += header.cells_end_offset() + 2 * leaf.count();
                total += self.mem.page_size;
            }
        }
        used as f64 / total as f64
    }
}

/// A way to make keys and values.
#[derive(Clone, Copy)]
pub struct Shape {
    pub keys: u64,
    pub prefix: usize,
    pub big: u64,
}

impl Shape {
    pub fn key(&self, rng: &mut Rng) -> Vec<u8> {
        let space = [0u8, 1, 1, 1, 7][rng.below(5) as usize];
        let i = rng.below(self.keys);
        let mut key = vec![0, 0, 0, space];
        if i.is_multiple_of(3) {
            key.extend_from_slice(&vec![b'x'; self.prefix]);
        }
        key.extend_from_slice(format!("{:x}", i.wrapping_mul(0x9e37) % self.keys).as_bytes());
        key
    }

    pub fn value(&self, rng: &mut Rng) -> Vec<u8> {
        let len = match rng.below(20) {
            0 => rng.below(self.big),
            1..=4 => 0,
            _ => rng.below(120),
        };
        vec![rng.next() as u8; len as usize]
    }
}

fn random_ranges(rng: &mut Rng, shape: Shape) -> Vec<KeyInterval> {
    let mut ends: Vec<Vec<u8>> = (0..2 * rng.below(4)).map(|_| shape.key(rng)).collect();
    ends.sort();
    ends.dedup();
    let mut ranges: Vec<_> = ends
        .chunks_exact(2)
        .map(|pair| KeyInterval {
            from: pair[0].clone(),
            to: Some(pair[1].clone()),
        })
        .collect();
    if rng.below(10) == 0
        && let Some(last) = ranges.last_mut()
    {
        last.to = None;
    }
    ranges
}

fn random_mode(rng: &mut Rng, world: &World, shape: Shape) -> FoldMode {
    match rng.below(12) {
        0 => FoldMode::Dense,
        1 => FoldMode::DenseRange {
            from: shape.key(rng),
            max_leaves: rng.below(20) as u32,
        },
        2 => FoldMode::MoveAbove {
            first_page: FIRST + rng.below(world.mem.pages.len() as u64) as u32,
            max_pages: rng.below(40) as u32,
        },
        _ => FoldMode::Incremental,
    }
}

fn rounds(page_size: usize, shape: Shape, seed: u64, count: u64) {
    let mut rng = Rng::new(seed);
    let mut world = World::new(page_size);
    for round in 0..count {
        let mut changes = Puts::new();
        let growing = (round / 40) % 2 == 0;
        let size = [1, 3, 20, 200][rng.below(4) as usize];
        for _ in 0..rng.below(size + 1) {
            let key = shape.key(&mut rng);
            let put = rng.below(10) < if growing { 8 } else { 2 };
            changes.insert(key, put.then(|| shape.value(&mut rng)));
        }
        if rng.below(8) == 0 {
            let start = rng.next() >> 20;
            for i in 0..rng.below(300) {
                let key = [&[0, 0, 0, 7, b's'][..], &(start + i).to_be_bytes()].concat();
                changes.insert(key, Some(shape.value(&mut rng)));
            }
        }
        if !growing && rng.below(2) == 0 {
            for key in world.map.keys().skip(rng.below(500) as usize).take(300) {
                changes.insert(key.clone(), None);
            }
        }
        let ranges = match rng.below(6) {
            0 => random_ranges(&mut rng, shape),
            _ => Vec::new(),
        };
        let mode = random_mode(&mut rng, &world, shape);
        world.fold(&changes, &ranges, mode);
        world.check();
    }
}

#[test]
fn random_folds_agree_with_a_map() {
    let shape = |keys, prefix, big| Shape { keys, prefix, big };
    rounds(4096, shape(3000, 0, 9000), 1, 400);
    rounds(4096, shape(3000, 700, 900), 2, 400);
    rounds(4096, shape(300, 3, 20_000), 3, 300);
    rounds(65536, shape(5000, 90, 100_000), 4, 200);
    rounds(4096, shape(100_000, 20, 2000), 5, 400);
}
