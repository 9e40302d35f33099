//! Trees with one thing wrong about them under checksums that fit.

use super::super::*;
use super::damage::reseal;
use super::mem::Report;
use super::model::{Puts, World};
use super::tall::lowest;
use crate::error::Error;
use crate::format::Invariant;
use crate::format::branch::{Branch, BranchBuilder, ChildRef};
use crate::format::key::FullKey;
use crate::format::leaf::{Leaf, LeafBuilder, StoredValue};
use crate::format::page::PageHeader;

/// Invariant, page, entries that cannot be read, and whether the place was passed over.
pub type Told = (Invariant, Option<u32>, u64, bool);

pub fn told(world: &World) -> (Vec<Told>, CheckSummary) {
    let (report, summary) = Report::of(&world.mem, world.root, world.generation);
    let one = |f: &Finding| (f.corruption.id, f.corruption.page, f.entries, f.hides);
    (report.findings.iter().map(one).collect(), summary)
}

/// Changes a page and the checksums of those above it.
pub fn with_page(world: &World, page: u32, change: impl FnOnce(&mut [u8])) -> World {
    let mut world = world.clone();
    change(world.mem.pages[page as usize].as_mut().unwrap());
    reseal(&mut world.mem, &mut world.root, page);
    world
}

pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A leaf with other entries in the place of an old one.
pub fn with_entries(world: &World, page: u32, change: impl FnOnce(&mut Entries)) -> World {
    let bytes = world.mem.pages[page as usize].clone().unwrap();
    let (leaf, header) = (Leaf::new(&bytes).unwrap(), PageHeader::decode(&bytes));
    let mut entries: Entries = (0..leaf.count())
        .map(|i| {
            let cell = leaf.cell(i).unwrap();
            let StoredValue::Inline(value) = cell.value else {
                panic!("a large value");
            };
            ([leaf.prefix(), cell.suffix].concat(), value.to_vec())
        })
        .collect();
    change(&mut entries);
    let mut builder = LeafBuilder::new(4096);
    for (key, value) in &entries {
        assert!(builder.push(key, &StoredValue::Inline(value)));
    }
    let header = header.unwrap();
    with_page(world, page, |bytes| {
        let mut new = Vec::new();
        builder.write(&mut new, page, header.generation);
        // The old checksum, by which the parent is found.
        new[..4].copy_from_slice(&bytes[..4]);
        bytes.copy_from_slice(&new);
    })
}

/// A branch with other children in the place of an old one.
pub fn with_children(
    world: &World,
    page: u32,
    change: impl FnOnce(&mut Vec<(Vec<u8>, ChildRef)>),
) -> World {
    let bytes = world.mem.pages[page as usize].clone().unwrap();
    let (branch, header) = (Branch::new(&bytes).unwrap(), PageHeader::decode(&bytes));
    let mut children: Vec<(Vec<u8>, ChildRef)> = (0..branch.count())
        .map(|i| {
            let mut separator = Vec::new();
            branch.separator(i, &mut separator).unwrap();
            (separator, branch.child(i).unwrap())
        })
        .collect();
    change(&mut children);
    let mut builder = BranchBuilder::new(4096);
    for (separator, child) in &children {
        assert!(builder.push(separator, *child));
    }
    let header = header.unwrap();
    with_page(world, page, |bytes| {
        let mut new = Vec::new();
        builder.write(&mut new, page, header.generation, header.level);
        new[..4].copy_from_slice(&bytes[..4]);
        bytes.copy_from_slice(&new);
    })
}

pub fn key(i: u64) -> Vec<u8> {
    FullKey::new(1, format!("key/{i:08}").as_bytes()).to_vec()
}

/// Two levels of leaves with some dozens of entries.
pub fn flat() -> World {
    let mut world = World::new(4096);
    let puts: Puts = (0..200).map(|i| (key(2 * i), Some(vec![1; 60]))).collect();
    world.fold(&puts, &[], FoldMode::Incremental);
    assert_eq!(world.root.height, 2);
    assert_eq!(told(&world).0, []);
    world
}

/// What a damaged cell hides is not passed over in silence.
#[test]
fn a_walk_ends_where_a_cell_cannot_be_read() {
    let world = flat();
    let (_, leaves) = lowest(&world);
    let page = leaves[1].1.page;
    let bytes = world.mem.pages[page as usize].clone().unwrap();
    let leaf = Leaf::new(&bytes).unwrap();
    let first = Leaf::new(world.mem.page(leaves[0].1).unwrap())
        .unwrap()
        .count();
    for i in [0, 3, leaf.count() - 1] {
        let cell = leaf.cell_start(i);
        let world = with_page(&world, page, |page| page[cell] = 0xfc);
        for forward in [true, false] {
            let mut cursor = TreeCursor::new();
            let seek = [Seek::AtOrBefore, Seek::AtOrAfter][usize::from(forward)];
            cursor.seek(&world.mem, world.root, None, seek).unwrap();
            let mut seen = 0;
            let damage = loop {
                let entry = if forward {
                    cursor.next(&world.mem)
                } else {
                    cursor.prev(&world.mem)
                };
                match entry {
                    Ok(Some(_)) => seen += 1,
                    Ok(None) => panic!("it was passed over"),
                    Err(damage) => break damage,
                }
            };
            assert!(matches!(damage, Error::Corrupt(_)), "{damage}");
            let before = if forward {
                first + i
            } else {
                200 - first - i - 1
            };
            assert_eq!(seen, before, "{i} {forward}");
            assert_eq!(cursor.next(&world.mem).unwrap(), None);
        }
    }
}
