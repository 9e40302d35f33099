//! Trees of a few hundred entries that are tall all the same: long separators make few children.

use std::cell::{Cell, RefCell};

use super::super::*;
use super::basic::{build, key};
use super::mem::{FIRST, MemPages, Report};
use super::model::{Puts, World};
use crate::error::{Bounded, Error};
use crate::format::MAX_HEIGHT;
use crate::format::branch::{Branch, ChildRef};
use crate::format::key::FullKey;
use crate::format::overflow::OverflowRef;
use crate::format::page::PageHeader;

/// Four entries a leaf. Most leaves begin inside a group of three that share nearly all of their keys,
/// so that separators are long, and no two of them in the same group: a branch has five children or six.
pub fn tall_key(i: u64) -> Vec<u8> {
    let group = FullKey::new(1, format!("{:05}", i / 3).as_bytes()).to_vec();
    [group.as_slice(), &[b'x'; 900], &[(i % 3) as u8]].concat()
}

pub fn tall(count: u64) -> World {
    let mut world = World::new(4096);
    let puts: Puts = (0..count)
        .map(|i| (tall_key(i), Some(vec![i as u8; 90 - (i % 7) as usize])))
        .collect();
    world.fold(&puts, &[], FoldMode::Incremental);
    world
}

fn range(from: u64, to: u64) -> KeyInterval {
    KeyInterval {
        from: tall_key(from),
        to: Some(tall_key(to)),
    }
}

/// The branches of level 1 and the leaves, in key order, with the key that each begins with.
pub fn lowest(world: &World) -> (Vec<PageRef>, Vec<(Vec<u8>, PageRef)>) {
    let (mut branches, mut leaves) = (Vec::new(), Vec::new());
    let mut left = vec![(world.root.height - 1, Vec::new(), world.root.page_ref())];
    while let Some((level, low, at)) = left.pop() {
        if level == 0 {
            leaves.push((low, at));
            continue;
        }
        if level == 1 {
            branches.push(at);
        }
        let branch = Branch::new(world.mem.page(at).unwrap()).unwrap();
        for i in (0..branch.count()).rev() {
            let mut separator = if i == 0 { low.clone() } else { Vec::new() };
            branch.separator(i, &mut separator).unwrap();
            left.push((level - 1, separator, branch.child(i).unwrap().into()));
        }
    }
    (branches, leaves)
}

/// Where one child is left of a branch, its nearest neighbour may stand a level or two up.
#[test]
fn a_child_that_is_left_alone_joins_a_neighbour() {
    let count = 1000;
    let world = tall(count);
    assert!(world.root.height >= 4, "{:?}", world.root);
    world.check();
    for from in (1..count - 1).step_by(97) {
        for to in [count - 1, count - 8, from + count / 5] {
            let mut other = world.clone();
            let range = range(from, to.clamp(from, count - 1));
            other.fold(&Puts::new(), &[range], FoldMode::Incremental);
            other.check();
        }
    }
}

#[test]
fn every_page_from_the_first_on_can_be_moved() {
    let world = tall(400);
    let (_, leaves) = lowest(&world);
    assert!(world.root.height >= 4);
    let pages = world.mem.live.len() as u64;
    assert_eq!(leaves.len() as u64, leaf_count(&world));
    let last = *world.mem.live.keys().last().unwrap();
    for first_page in [FIRST, FIRST + pages as u32 / 2, last, last + 1] {
        let mut moved = world.clone();
        let mode = FoldMode::MoveAbove {
            first_page,
            max_pages: u32::MAX,
        };
        let delta = moved.fold(&Puts::new(), &[], mode);
        moved.check();
        assert!(!delta.more);
        let above = |world: &World| -> Vec<u32> {
            let live = world.mem.live.keys();
            live.copied().filter(|page| *page >= first_page).collect()
        };
        // The writer of these tests takes no page that the old tree had.
        let stayed = above(&moved);
        assert!(above(&world).iter().all(|page| !stayed.contains(page)));
        if first_page == FIRST {
            assert_eq!(delta.pages_written, pages);
        }
        if first_page > last {
            assert_eq!(delta.pages_written, 0);
        }
    }
    // A few at a time, until there are none.
    let mut world = world;
    let mut rounds = 0;
    loop {
        let mode = FoldMode::MoveAbove {
            first_page: FIRST,
            max_pages: 30,
        };
        let before: Vec<u32> = world.mem.live.keys().copied().collect();
        let delta = world.fold(&Puts::new(), &[], mode);
        assert!(delta.more, "all of them are above");
        let left = |page: &&u32| !world.mem.live.contains_key(page);
        let moved = before.iter().filter(left).count();
        // Each with the branches above it.
        assert!((30..30 + 10).contains(&moved), "{moved}");
        rounds += 1;
        if rounds == 3 {
            break;
        }
    }
    world.check();
}

fn leaf_count(world: &World) -> u64 {
    let (mut count, mut cursor) = (0, TreeCursor::new());
    let mem = &world.mem;
    cursor.seek(mem, world.root, None, Seek::AtOrAfter).unwrap();
    while cursor.next(mem).unwrap().is_some() {
        count += u64::from(cursor.has_turned());
        cursor.take_turned();
    }
    count
}

/// A change at every key is a change in every leaf; the ends of a range are two.
#[test]
fn leaves_are_counted_once_each() {
    let world = tall(400);
    let (_, leaves) = lowest(&world);
    let all = leaves.len() as u64;
    let touched = |keys: &[Vec<u8>], ranges: &[KeyInterval], limit| {
        let keys = keys.iter().map(Vec::as_slice);
        touched_leaves(&world.mem, world.root, keys, ranges, limit).unwrap()
    };
    let keys: Vec<Vec<u8>> = world.map.keys().cloned().collect();
    assert_eq!(touched(&keys, &[], u64::MAX).touched, all);
    assert_eq!(touched(&keys, &[], u64::MAX).total, all);
    // The first key of each leaf, and the last key before it.
    let firsts: Vec<Vec<u8>> = leaves.iter().skip(1).map(|(low, _)| low.clone()).collect();
    assert_eq!(touched(&firsts, &[], u64::MAX).touched, all - 1);
    for key in &keys {
        assert_eq!(touched(std::slice::from_ref(key), &[], u64::MAX).touched, 1);
    }
    // Ranges from one leaf to the next.
    let ranges: Vec<KeyInterval> = firsts
        .chunks_exact(2)
        .map(|pair| KeyInterval {
            from: pair[0].clone(),
            to: Some(pair[1].clone()),
        })
        .collect();
    let ends = 2 * ranges.len() as u64;
    assert_eq!(touched(&[], &ranges, u64::MAX).touched, ends);
    for limit in [1, 2, 7, ends - 1, ends] {
        assert_eq!(touched(&[], &ranges, limit).touched, limit);
        assert_eq!(touched(&firsts, &[], limit).touched, limit);
        assert_eq!(touched(&firsts[..3], &ranges, limit).touched, limit);
    }
    // A leaf that was counted for a key is not counted for a range.
    assert_eq!(touched(&firsts[..4], &ranges[..2], u64::MAX).touched, 4);
    assert_eq!(touched(&[], &[], u64::MAX).touched, 0);
}

/// Up to two levels the number of leaves is exact, until ranges drop some of them.
#[test]
fn leaves_that_a_range_drops_are_not_expected() {
    let world = tall(12);
    assert_eq!(world.root.height, 2);
    let (_, leaves) = lowest(&world);
    let all = leaves.len() as u64;
    let total = |ranges: &[KeyInterval]| {
        let none = std::iter::empty();
        let touched = touched_leaves(&world.mem, world.root, none, ranges, 0).unwrap();
        touched.total
    };
    assert_eq!(total(&[]), all);
    assert_eq!(total(&[range(100, 200)]), all, "nothing is there");
    assert_eq!(total(&[range(0, 6)]), all / 2);
    assert_eq!(total(&[range(0, 100)]), 1);
    assert_eq!(leaf_estimate(&world.mem, world.root).unwrap(), all);
    for count in 60..160 {
        let (mem, root) = build(4096, (0..count).map(|i| (key(i), vec![1; 60])));
        let (_, summary) = Report::of(&mem, root, 1);
        let leaves = leaf_estimate(&mem, root).unwrap();
        assert_eq!(leaves, summary.leaves, "{count}");
    }
}

#[test]
fn new_pages_bear_the_generation_that_wrote_them() {
    let mut world = tall(100);
    for generation in 2..5 {
        let put: Puts = [(tall_key(generation * 7), Some(vec![9]))].into();
        let before = world.mem.live.clone();
        world.fold(&put, &[], FoldMode::Incremental);
        let new = world
            .mem
            .live
            .keys()
            .filter(|page| !before.contains_key(page));
        let generations = new.map(|page| {
            let bytes = world.mem.pages[*page as usize].as_ref().unwrap();
            PageHeader::decode(bytes).unwrap().generation
        });
        let generations: Vec<u64> = generations.collect();
        assert_eq!(generations.len(), usize::from(world.root.height));
        assert!(
            generations.iter().all(|g| *g == generation),
            "{generations:?}"
        );
    }
    world.check();
}

/// A tree cannot grow above its limit, however it came to be so tall.
#[test]
fn a_tree_has_no_more_levels_than_it_may() {
    let child = ChildRef {
        page: 9,
        crc: 8,
        entries: 70,
    };
    let built = |level| {
        let none = NoPages(4096);
        let mem = MemPages::new(4096);
        let mut out = mem.writer(1);
        let mut assembler = Assembler::new(&none, &mut out, Fill::Even);
        assembler.push_subtree(level, b"", child)?;
        assembler.finish()
    };
    for level in [0, 1, MAX_HEIGHT - 1] {
        let (root, stats) = built(level).unwrap();
        assert_eq!((root.page, root.crc, root.height), (9, 8, level + 1));
        assert_eq!((stats.tree_entries, stats.pages_written), (70, 0));
    }
    match built(MAX_HEIGHT) {
        Err(Error::Limit {
            what,
            limit,
            actual,
        }) => {
            assert_eq!(what, Bounded::TreeHeight);
            assert_eq!(
                (actual, limit),
                (u64::from(MAX_HEIGHT) + 1, u64::from(MAX_HEIGHT))
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Whatever stands beside it, a subtree finds its place; a page with one child is none.
#[test]
fn subtrees_of_any_levels_become_one_tree() {
    let sizes = [1, 12, 100];
    let built = |mem: &mut MemPages, from: u64, count: u64| {
        let mut out = mem.writer(1);
        let none = NoPages(4096);
        let mut part = Assembler::new(&none, &mut out, Fill::Even);
        for i in from..from + count {
            part.push_entry(&tall_key(i), NewValue::Raw(&[i as u8; 90]))
                .unwrap();
        }
        let (root, _) = part.finish().unwrap();
        mem.apply(out);
        root
    };
    let orders: [&[usize]; 14] = [
        &[2, 0],
        &[0, 1],
        &[0, 2],
        &[1, 0],
        &[1, 1],
        &[2, 0, 0],
        &[2, 1, 0],
        &[0, 1, 2],
        &[2, 2, 0],
        &[2, 0, 2],
        &[0, 0, 2, 0, 1],
        &[1, 0, 2, 0],
        &[0, 0, 0],
        &[2, 1, 2, 1],
    ];
    for order in orders {
        for fill in [Fill::Even, Fill::Dense] {
            let (mut mem, mut from, mut parts) = (MemPages::new(4096), 0, Vec::new());
            for level in order {
                // A gap between them, so that no separator is that of a part.
                let root = built(&mut mem, from, sizes[*level]);
                assert_eq!(usize::from(root.height), level + 1);
                parts.push((from, root, sizes[*level]));
                from += sizes[*level] + 3;
            }
            let mut out = mem.writer(2);
            let mut whole = Assembler::new(&mem, &mut out, fill);
            for (from, root, entries) in &parts {
                let child = ChildRef {
                    page: root.page,
                    crc: root.crc,
                    entries: *entries,
                };
                let low = if *from == 0 {
                    Vec::new()
                } else {
                    tall_key(*from)
                };
                whole.push_subtree(root.height - 1, &low, child).unwrap();
            }
            let (root, stats) = whole.finish().unwrap();
            assert_eq!(stats.pages_freed, out.freed_pages());
            mem.apply(out);
            let (report, summary) = Report::of(&mem, root, 2);
            assert_eq!(report.findings, [], "{order:?}");
            assert_eq!(report.owned, mem.live, "{order:?}");
            let entries: u64 = parts.iter().map(|(_, _, entries)| entries).sum();
            assert_eq!(
                (summary.tree_entries, stats.tree_entries),
                (entries, entries)
            );
        }
    }
}

/// Pages that remember what was asked of them.
struct Watched<'m> {
    mem: &'m MemPages,
    values: Cell<u64>,
    soon: RefCell<Vec<(u32, usize, usize)>>,
}

impl PageRead for Watched<'_> {
    fn page_size(&self) -> usize {
        self.mem.page_size
    }
    fn page(&self, child: PageRef) -> Result<&[u8]> {
        self.mem.page(child)
    }
    fn soon(&self, child: PageRef, from: usize, len: usize) {
        self.soon.borrow_mut().push((child.page, from, len));
    }
    fn value(&self, reference: &OverflowRef) -> Result<&[u8]> {
        self.values.set(self.values.get() + 1);
        self.mem.value(reference)
    }
}

fn watched(mem: &MemPages) -> Watched<'_> {
    Watched {
        mem,
        values: Cell::new(0),
        soon: RefCell::new(Vec::new()),
    }
}

/// A cursor that walks asks for the leaf after the one that it came to, as far as its branch knows.
#[test]
fn a_walk_asks_for_the_next_leaf_of_its_branch_early() {
    let world = tall(100);
    let (branches, leaves) = lowest(&world);
    let pages = watched(&world.mem);
    let mut cursor = TreeCursor::new();
    cursor
        .seek(&pages, world.root, None, Seek::AtOrAfter)
        .unwrap();
    assert!(cursor.has_turned());
    cursor.take_turned();
    assert!(!cursor.has_turned());
    pages.soon.borrow_mut().clear();
    let mut turned = Vec::new();
    while cursor.next(&pages).unwrap().is_some() {
        if cursor.has_turned() {
            cursor.take_turned();
            turned.push(());
        }
    }
    assert_eq!(turned.len(), leaves.len() - 1);
    let mut expected = Vec::new();
    for (i, at) in branches.iter().enumerate() {
        let branch = Branch::new(world.mem.page(*at).unwrap()).unwrap();
        // Where the walk began nobody had walked through a leaf yet.
        let from = if i == 0 { 2 } else { 1 };
        let children = (from..branch.count()).filter_map(|i| branch.child(i));
        expected.extend(children.map(|child| (child.page, 0, 4096)));
    }
    assert_eq!(*pages.soon.borrow(), expected);
    // Back again it turns as often, and asks for nothing.
    pages.soon.borrow_mut().clear();
    let mut back = 0;
    while cursor.prev(&pages).unwrap().is_some() {
        back += usize::from(cursor.has_turned());
        cursor.take_turned();
    }
    assert_eq!(back, leaves.len() - 1);
    assert_eq!(*pages.soon.borrow(), []);
}

/// Large values are long to read: only one that may be the same is.
#[test]
fn an_old_value_is_read_only_where_its_length_and_checksum_are_those_of_the_new_one() {
    let mut world = World::new(4096);
    let value = vec![5; 20_000];
    world.fold(
        &[(tall_key(1), Some(value.clone()))].into(),
        &[],
        FoldMode::Incremental,
    );
    let folded = |mem: &MemPages, value: &[u8]| {
        let pages = watched(mem);
        let key = tall_key(1);
        let change = Ok((key.as_slice(), Change::Put(value)));
        let changes = IterChanges::new([change].into_iter()).unwrap();
        let mut out = mem.writer(9);
        let mode = FoldMode::Incremental;
        let (_, delta) = fold(&pages, world.root, changes, &[], &mut out, mode).unwrap();
        (pages.values.get(), delta.unchanged, delta.replaced)
    };
    assert_eq!(folded(&world.mem, &value), (1, 1, 0));
    assert_eq!(folded(&world.mem, &value[1..]), (0, 0, 1));
    assert_eq!(
        folded(&world.mem, &[value.as_slice(), b"5"].concat()),
        (0, 0, 1)
    );
    assert_eq!(folded(&world.mem, &[6; 20_000]), (0, 0, 1));
    // One that cannot be read is another one: what is put is there afterwards.
    let mut damaged = world.mem.clone();
    let (first, _) = damaged.live.iter().find(|(_, pages)| **pages > 1).unwrap();
    damaged.pages[*first as usize].as_mut().unwrap()[100] ^= 1;
    assert_eq!(folded(&damaged, &value), (1, 0, 1));
}

/// Leaves that a range drops as a whole are not packed, and do not count.
#[test]
fn a_step_of_packing_ends_behind_the_leaves_that_it_may_read() {
    let world = tall(400);
    let (_, leaves) = lowest(&world);
    let step_without = |from: usize, max_leaves: u32, drop: usize| {
        let mut world = world.clone();
        let mode = FoldMode::DenseRange {
            from: leaves[from].0.clone(),
            max_leaves,
        };
        let range = KeyInterval {
            from: leaves[from].0.clone(),
            to: Some(leaves[from + drop].0.clone()),
        };
        let ranges = if drop > 0 { vec![range] } else { Vec::new() };
        let delta = world.fold(&Puts::new(), &ranges, mode);
        world.check();
        assert_eq!(delta.more, delta.resume_key.is_some());
        delta.resume_key
    };
    let step = |from, max_leaves| step_without(from, max_leaves, 0);
    let low = |i: usize| leaves.get(i).map(|(low, _)| low.clone());
    let all = leaves.len();
    for (from, max_leaves) in [(0, 1), (0, 5), (3, 1), (3, 10), (all - 3, 2)] {
        let end = from + max_leaves as usize;
        assert_eq!(step(from, max_leaves), low(end), "{from} {max_leaves}");
    }
    for (from, max_leaves) in [(0, all), (0, all + 1), (all - 1, 1), (all - 3, 3)] {
        assert_eq!(step(from, max_leaves as u32), None, "{from} {max_leaves}");
    }
    for (from, drop) in [(0, 9), (5, 1), (7, 20)] {
        assert_eq!(step_without(from, 3, drop), low(from + drop + 3));
    }
}
