//! What a check of the tree tells of one thing that is wrong under checksums that fit, and what it
//! still reads.

use std::cell::RefCell;

use super::super::*;
use super::mem::{FIRST, MemPages, Report};
use super::model::{Puts, World};
use super::tall::{lowest, tall};
use super::wrong::{flat, key, told, with_children, with_entries, with_page};
use crate::format::branch::Branch;
use crate::format::leaf::{Leaf, max_cell};
use crate::format::page::PageHeader;
use crate::format::{Depth, Invariant, MAX_HEIGHT, max_key_len};

#[test]
fn a_key_belongs_to_its_leaf_from_the_separator_up_to_the_next() {
    let world = flat();
    let (_, leaves) = lowest(&world);
    let (low, at) = &leaves[1];
    let high = &leaves[2].0;
    let outside = (Invariant::T2, Some(at.page), 0, false);
    // The lowest key that it may have, and those before.
    let first = with_entries(&world, at.page, |entries| entries[0].0.clone_from(low));
    assert_eq!(told(&first).0, []);
    let below = with_entries(&world, at.page, |entries| {
        entries[0].0 = low[..low.len() - 1].to_vec();
    });
    assert_eq!(told(&below).0, [outside]);
    // The highest, and those after.
    let last = with_entries(&world, at.page, |entries| {
        let before = key(2 * 200);
        entries.last_mut().unwrap().0 = high.iter().copied().chain([0]).collect();
        assert!(entries.last().unwrap().0 < before);
    });
    assert_eq!(told(&last).0, [outside]);
    let at_end = with_entries(&world, at.page, |entries| {
        entries.last_mut().unwrap().0.clone_from(high);
    });
    let (findings, summary) = told(&at_end);
    assert_eq!(findings, [outside]);
    assert_eq!((summary.tree_entries, summary.unreachable), (200, 0));
    // The last leaf has no end.
    let (_, at) = leaves.last().unwrap();
    let far = with_entries(&world, at.page, |entries| {
        entries.last_mut().unwrap().0 = vec![0xff; 50];
    });
    assert_eq!(told(&far).0, []);
}

#[test]
fn keys_and_values_of_a_leaf_are_inside_their_limits() {
    let longest = max_key_len(4096) + 4;
    let world = |key: Vec<u8>, value: usize| {
        let mut world = World::new(4096);
        let puts: Puts = [(vec![0xff; 5], Some(vec![1]))].into();
        world.fold(&puts, &[], FoldMode::Incremental);
        let page = world.root.page;
        let world = with_entries(&world, page, |entries| {
            entries.insert(0, (key, vec![2; value]));
        });
        let (findings, summary) = told(&world);
        assert_eq!(summary.tree_entries, 2);
        findings
    };
    let illegal = (Invariant::T7, Some(FIRST), 0, false);
    // Without its keyspace a key may be empty.
    assert_eq!(world(vec![0, 0, 0, 1], 9), []);
    assert_eq!(world(vec![0, 0, 1], 9), [illegal]);
    assert_eq!(world(vec![7; longest], 0), []);
    assert_eq!(world(vec![7; longest + 1], 0), [illegal]);
    // Cell: three bytes in front of the slots, one of length, the key.
    let most = max_cell(4096) - (3 + 1 + 10);
    assert_eq!(world(vec![7; 10], most), []);
    assert_eq!(world(vec![7; 10], most + 1), [illegal]);
}

/// Every damaged cell with a key was one of a newer version once.
#[test]
fn a_cell_whose_key_is_too_long_is_damage_and_not_newer() {
    let world = flat();
    let (_, leaves) = lowest(&world);
    let page = leaves[1].1.page;
    let bytes = world.mem.pages[page as usize].clone().unwrap();
    let leaf = Leaf::new(&bytes).unwrap();
    let count = leaf.count() as u64;
    let cell = leaf.cell_start(3);
    let of = |first: u8| {
        let (findings, summary) = told(&with_page(&world, page, |page| page[cell] = first));
        assert_eq!(summary.tree_entries + summary.unreachable, 200);
        findings
    };
    assert_eq!(of(bytes[cell]), []);
    let lost = |id| [(id, Some(page), count, true)];
    // A length of two bytes: far longer than the page.
    for first in [0xfc, 0xfd] {
        assert_eq!(of(first), lost(Invariant::P7), "{first:x}");
    }
    for first in [bytes[cell] | 2, bytes[cell] | 3] {
        assert_eq!(of(first), lost(Invariant::T8), "{first:x}");
    }
}

#[test]
fn a_leaf_whose_keys_do_not_rise_is_read_all_the_same() {
    let world = flat();
    let (_, leaves) = lowest(&world);
    let page = leaves[1].1.page;
    let bytes = world.mem.pages[page as usize].clone().unwrap();
    let leaf = Leaf::new(&bytes).unwrap();
    // The last byte of a key: the one before is the larger one then.
    let suffix = |i: usize| leaf.cell(i).unwrap().suffix;
    let middle = leaf.count() / 2;
    let i = (middle..).find(|i| suffix(*i).ends_with(b"6")).unwrap();
    let (cell, suffix) = (leaf.cell_start(i), suffix(i).len());
    assert!(suffix > 1);
    let (findings, summary) = told(&with_page(&world, page, |page| page[cell + suffix] = 0));
    assert_eq!(findings, [(Invariant::T1, Some(page), 0, false)]);
    assert_eq!((summary.tree_entries, summary.unreachable), (200, 0));
    // Without any entries there is nothing to read: what the parent counts is missing.
    let empty = with_entries(&world, page, Vec::clear);
    let (findings, summary) = told(&empty);
    let count = leaf.count() as u64;
    let found = [Invariant::T5, Invariant::T6].map(|id| (id, Some(page), 0, false));
    assert_eq!(findings, found);
    assert_eq!(summary.tree_entries, 200 - count);
    // Bytes that have no meaning: nobody knows what else has none.
    let slack = leaf.used() + 32 - 3 * leaf.count();
    let (findings, summary) = told(&with_page(&world, page, |page| page[slack] = 1));
    assert_eq!(findings, [(Invariant::P7, Some(page), count, true)]);
    assert_eq!(summary.unreachable, count);
}

#[test]
fn counts_are_those_of_what_is_below() {
    let world = tall(100);
    let (branches, leaves) = lowest(&world);
    // A leaf that lost an entry, and one that has one more.
    let page = leaves[1].1.page;
    let less = with_entries(&world, page, |entries| drop(entries.pop()));
    let (findings, summary) = told(&less);
    assert_eq!(findings, [(Invariant::T6, Some(page), 0, false)]);
    assert_eq!(summary.tree_entries, 99);
    let flat = flat();
    let page = lowest(&flat).1[1].1.page;
    let more = with_entries(&flat, page, |entries| {
        entries[0].1.clear();
        let key = [entries[0].0.as_slice(), b"0"].concat();
        entries.insert(1, (key, vec![1]));
    });
    let (findings, summary) = told(&more);
    assert_eq!(findings, [(Invariant::T6, Some(page), 0, false)]);
    assert_eq!(summary.tree_entries, 201);
    // A branch that counts one more of its child: neither what is above nor below agrees.
    let page = branches[1].page;
    let more = with_children(&world, page, |children| children[0].1.entries += 1);
    let ids: Vec<_> = told(&more).0.iter().map(|told| told.0).collect();
    assert_eq!(ids, [Invariant::T6; 2]);
    // What is above the root is only its own sum.
    let page = world.root.page;
    let more = with_children(&world, page, |children| children[0].1.entries += 1);
    let ids: Vec<_> = told(&more).0.iter().map(|told| told.0).collect();
    assert_eq!(ids, [Invariant::T6]);
}

#[test]
fn separators_are_between_those_of_the_branch_above() {
    let world = tall(100);
    let (branches, leaves) = lowest(&world);
    let page = branches[1].page;
    let outside = (Invariant::T2, Some(page), 0, false);
    let low = {
        let bytes = world.mem.pages[page as usize].as_ref().unwrap();
        let first = Branch::new(bytes).unwrap().child(0).unwrap().page;
        let leaf = leaves.iter().find(|(_, at)| at.page == first);
        leaf.unwrap().0.clone()
    };
    // Every key of the leaf between the two is then outside of its leaf, too.
    let below = with_children(&world, page, |children| {
        children[1].0 = low[..low.len() - 1].to_vec();
    });
    assert_eq!(told(&below).0[0], outside);
    let last = with_children(&world, page, |children| {
        children.last_mut().unwrap().0 = vec![0xff; 20];
    });
    assert_eq!(told(&last).0[0], outside);
    let same = with_children(&world, page, |_| ());
    assert_eq!(told(&same).0, []);
}

#[test]
fn a_branch_with_a_child_less_is_read_and_one_with_more_bytes_is_not() {
    let world = tall(100);
    let (branches, _) = lowest(&world);
    let page = branches[1].page;
    let bytes = world.mem.pages[page as usize].clone().unwrap();
    let branch = Branch::new(&bytes).unwrap();
    let child = |i: usize| branch.child(i).unwrap().entries;
    let entries: u64 = (0..branch.count()).map(child).sum();
    let one = with_children(&world, page, |children| children.truncate(1));
    let (findings, summary) = told(&one);
    assert_eq!(findings[0], (Invariant::T5, Some(page), 0, false));
    assert_eq!(findings[1], (Invariant::T6, Some(page), 0, false));
    assert_eq!(summary.tree_entries, 100 - entries + child(0));
    // Behind the cells.
    let end = PageHeader::decode(&bytes).unwrap().cells_end_offset();
    let (findings, summary) = told(&with_page(&world, page, |page| page[end] = 1));
    assert_eq!(findings, [(Invariant::P7, Some(page), entries, true)]);
    assert_eq!(summary.tree_entries, 100 - entries);
}

#[test]
fn a_page_of_another_kind_or_level_is_not_taken_for_the_one_that_should_be_there() {
    let world = tall(100);
    let (branches, leaves) = lowest(&world);
    let (page, leaf) = (branches[1].page, leaves[1].1.page);
    let id = |world: World| {
        let findings = told(&world).0;
        let hidden = findings.first().map(|told| (told.0, told.1, told.3));
        hidden.unwrap()
    };
    let other = (Invariant::P5, Some(page), true);
    assert_eq!(id(with_page(&world, page, |page| page[17] = 2)), other);
    assert_eq!(id(with_page(&world, page, |page| page[17] = 0)), other);
    let other = (Invariant::P5, Some(leaf), true);
    assert_eq!(id(with_page(&world, leaf, |page| page[17] = 1)), other);
    assert_eq!(id(with_page(&world, leaf, |page| page[16] = 2)), other);
}

fn checked(world: &World, change: impl FnOnce(&mut CheckLimits)) -> (Report, CheckSummary) {
    let mut limits = CheckLimits {
        generation: world.generation,
        first_page: FIRST,
        page_count: world.mem.pages.len() as u32,
        depth: Depth::Deep,
    };
    change(&mut limits);
    let mut report = Report::default();
    let summary = check_tree(&world.mem, world.root, limits, &mut report).unwrap();
    (report, summary)
}

#[test]
fn pages_of_a_tree_are_inside_the_file() {
    let mut world = flat();
    // What the first change frees takes the leaf and the root of the second: the large value is last.
    for (i, len) in [(150, 1), (151, 20_000)] {
        let puts: Puts = [(key(i), Some(vec![1; len]))].into();
        world.fold(&puts, &[], FoldMode::Incremental);
    }
    let (extent, pages) = world.mem.live.iter().find(|(_, n)| **n > 1).unwrap();
    let (extent, pages) = (*extent, *pages);
    let outside = |change: &dyn Fn(&mut CheckLimits)| {
        let (report, _) = checked(&world, change);
        let mut found: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.corruption.id, f.corruption.page.unwrap()))
            .collect();
        found.sort_unstable_by_key(|(_, page)| *page);
        assert!(
            found.iter().all(|(id, _)| *id == Invariant::P6),
            "{found:?}"
        );
        found.into_iter().map(|(_, page)| page).collect::<Vec<_>>()
    };
    let live: Vec<u32> = world.mem.live.keys().copied().collect();
    let (first, last) = (live[0], *live.last().unwrap());
    assert!(last == extent && world.root.page != first, "{live:?}");
    assert!(outside(&|_| ()).is_empty());
    assert!(outside(&|limits| limits.first_page = first).is_empty());
    assert_eq!(outside(&|limits| limits.first_page = first + 1), [first]);
    assert!(outside(&|limits| limits.page_count = extent + pages).is_empty());
    for less in [1, pages - 1, pages] {
        let end = extent + pages - less;
        assert_eq!(outside(&|limits| limits.page_count = end), [extent]);
    }
}

#[test]
fn a_quick_look_reads_no_leaf() {
    let world = tall(100);
    let (branches, leaves) = lowest(&world);
    let (report, quick) = checked(&world, |limits| limits.depth = Depth::Quick);
    assert_eq!(report.findings, []);
    assert_eq!((quick.leaves, quick.tree_entries), (0, 0));
    assert!(quick.branches > branches.len() as u64);
    assert_eq!(report.owned, world.mem.live);
    let (_, full) = checked(&world, |limits| limits.depth = Depth::Full);
    assert_eq!((full.leaves, full.tree_entries), (leaves.len() as u64, 100));
    assert_eq!(full.branches, quick.branches);
    let mut world = world;
    let damaged = world.mem.pages[leaves[1].1.page as usize].as_mut().unwrap();
    damaged[100] ^= 1;
    let (report, _) = checked(&world, |limits| limits.depth = Depth::Quick);
    assert_eq!(report.findings, []);
    let (report, _) = checked(&world, |limits| limits.depth = Depth::Full);
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn a_root_is_a_page_with_a_height_or_neither() {
    let mut world = flat();
    let root = world.root;
    for (page, height) in [
        (0, 1),
        (0, MAX_HEIGHT),
        (root.page, 0),
        (root.page, MAX_HEIGHT + 1),
    ] {
        world.root = Root {
            page,
            height,
            ..root
        };
        let (findings, summary) = told(&world);
        assert_eq!(
            findings,
            [(Invariant::H9, None, 0, true)],
            "{page} {height}"
        );
        assert_eq!(summary.branches, 0);
    }
    world.root = Root::default();
    let (findings, summary) = told(&world);
    assert_eq!(findings, []);
    assert_eq!(summary, CheckSummary::default());
    world.root = Root {
        height: MAX_HEIGHT,
        ..root
    };
    let (findings, _) = told(&world);
    assert_eq!(findings, [(Invariant::P5, Some(root.page), 0, true)]);
}

/// Counts what is read of each page.
struct Counted<'m> {
    mem: &'m MemPages,
    read: RefCell<Vec<u32>>,
}

impl RawPages for Counted<'_> {
    fn page_size(&self) -> usize {
        self.mem.page_size
    }
    fn raw_page(&self, page: u32, buffer: &mut [u8]) -> Result<()> {
        self.read.borrow_mut().push(page);
        self.mem.raw_page(page, buffer)
    }
}

#[test]
fn every_page_is_read_once() {
    let mut world = tall(60);
    let large: Puts = (0..3)
        .map(|i| (key(i), Some(vec![1; 5000 * (i as usize + 1)])))
        .collect();
    world.fold(&large, &[], FoldMode::Incremental);
    let counted = |depth| {
        let pages = Counted {
            mem: &world.mem,
            read: RefCell::new(Vec::new()),
        };
        let limits = CheckLimits {
            generation: world.generation,
            first_page: FIRST,
            page_count: world.mem.pages.len() as u32,
            depth,
        };
        let mut report = Report::default();
        check_tree(&pages, world.root, limits, &mut report).unwrap();
        assert_eq!(report.findings, []);
        let mut read = pages.read.into_inner();
        read.sort_unstable();
        read
    };
    let all = |(first, pages): (&u32, &u32)| *first..*first + *pages;
    let live: Vec<u32> = world.mem.live.iter().flat_map(all).collect();
    assert_eq!(counted(Depth::Deep), live);
    // Of a large value only the first page, without depth.
    let firsts: Vec<u32> = world.mem.live.keys().copied().collect();
    assert_eq!(counted(Depth::Full), firsts);
}
