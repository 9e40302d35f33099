//! Damaged trees: errors and findings, never a panic, never an endless walk.

use std::collections::BTreeSet;

use super::super::*;
use super::mem::{MemPages, Report};
use super::model::{Puts, World};
use crate::error::Error;
use crate::format::Invariant;
use crate::format::branch::Branch;
use crate::format::page::{PageHeader, seal};

fn small_world() -> World {
    let mut world = World::new(4096);
    let mut puts = Puts::new();
    for i in 0..60u8 {
        let key = [&[0, 0, 0, 1][..], &[b'k'; 200], &[i]].concat();
        let len = if i == 7 { 5000 } else { 80 };
        puts.insert(key, Some(vec![i; len]));
    }
    world.fold(&puts, &[], FoldMode::Incremental);
    world.check();
    assert!(world.root.height >= 2);
    world
}

/// Everything that reads, on a tree that may be damaged.
fn read_all(mem: &MemPages, world: &World) -> bool {
    let mut is_whole = true;
    for key in world.map.keys().step_by(7) {
        match get(mem, world.root, key) {
            Ok(Some(value)) => is_whole &= read_value(mem, &value).is_ok(),
            _ => is_whole = false,
        }
        is_whole &= count_range(mem, world.root, key, None).is_ok();
    }
    for forward in [true, false] {
        let mut cursor = TreeCursor::new();
        let seek = [Seek::AtOrBefore, Seek::AtOrAfter][usize::from(forward)];
        is_whole &= cursor.seek(mem, world.root, None, seek).is_ok();
        let mut steps = 0;
        loop {
            let entry = if forward {
                cursor.next(mem)
            } else {
                cursor.prev(mem)
            };
            match entry {
                Ok(Some(entry)) => is_whole &= read_value(mem, &entry.value).is_ok(),
                Ok(None) => break,
                Err(_) => {
                    is_whole = false;
                    assert!(
                        cursor.next(mem).unwrap().is_none(),
                        "an error ends the cursor"
                    );
                }
            }
            steps += 1;
            assert!(steps < 100_000);
        }
    }
    let mut out = mem.writer(world.generation + 1);
    let source = IterChanges::new(std::iter::empty()).unwrap();
    is_whole & fold(mem, world.root, source, &[], &mut out, FoldMode::Dense).is_ok()
}

/// Flips a byte in the tree, with or without a checksum that fits, and reads it all.
#[test]
fn every_flipped_byte_is_noticed_and_nothing_panics() {
    let world = small_world();
    assert!(read_all(&world.mem, &world));
    let mut ids = BTreeSet::new();
    for page in world.mem.live.keys().map(|&p| p as usize) {
        for at in 0..4096 {
            let mut mem = MemPages {
                page_size: 4096,
                pages: world.mem.pages.clone(),
                live: Default::default(),
            };
            mem.pages[page].as_mut().unwrap()[at] ^= 1 << (at % 8);
            let (report, _) = Report::of(&mem, world.root, world.generation);
            assert!(!report.findings.is_empty(), "page {page} byte {at}");
            if at % 16 == 0 {
                read_all(&mem, &world);
            }
            ids.extend(report.findings.iter().map(|f| f.corruption.id));
        }
    }
    assert!(
        ids.is_superset(&BTreeSet::from([Invariant::P1, Invariant::T10])),
        "{ids:?}"
    );
}

/// Replaces a page and all checksums above it, as a bug in a writer would.
pub fn reseal(mem: &mut MemPages, root: &mut Root, page: u32) {
    let bytes = mem.pages[page as usize].as_mut().unwrap();
    let Some(header) = PageHeader::decode(bytes) else {
        return;
    };
    let old = header.crc;
    let sum = seal(bytes, header.kind);
    if root.page == page {
        root.crc = sum;
        return;
    }
    let mark = [page.to_le_bytes(), old.to_le_bytes()].concat();
    for parent in 0..mem.pages.len() {
        let Some(bytes) = mem.pages[parent].as_mut() else {
            continue;
        };
        if Branch::new(bytes).is_none() {
            continue;
        }
        if let Some(at) = bytes.windows(8).position(|w| w == mark) {
            bytes[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
            return reseal(mem, root, parent as u32);
        }
    }
}

#[test]
fn damage_under_good_checksums_never_panics() {
    let world = small_world();
    let mut ids = BTreeSet::new();
    for page in world.mem.live.keys().copied() {
        for at in 4..4096 {
            if (300..=3900).contains(&at) && at % 7 != 0 {
                continue;
            }
            for bits in [1, 0x80, 0xff] {
                let mut mem = MemPages {
                    page_size: 4096,
                    pages: world.mem.pages.clone(),
                    live: Default::default(),
                };
                let mut damaged = world.clone();
                mem.pages[page as usize].as_mut().unwrap()[at] ^= bits;
                reseal(&mut mem, &mut damaged.root, page);
                let (report, _) = Report::of(&mem, damaged.root, world.generation);
                ids.extend(report.findings.iter().map(|f| f.corruption.id));
                if at % 5 == 0 || at < 64 {
                    read_all(&mem, &damaged);
                }
            }
        }
    }
    use Invariant::*;
    for id in [P1, P2, P3, P4, P5, P6, P7, T1, T2, T6, T8, T10] {
        assert!(ids.contains(&id), "{id} is never found: {ids:?}");
    }
}

#[test]
fn a_cycle_ends_with_an_error() {
    // A branch that names itself cannot have the checksum that it holds, but the level stops
    // a walk even where checksums do not.
    let mut world = small_world();
    world.root.height += 1;
    let Err(Error::Corrupt(c)) = get(&world.mem, world.root, b"\0\0\0\x01k") else {
        panic!("found something");
    };
    assert_eq!(c.id, Invariant::P5);
    assert_eq!(c.page, Some(world.root.page));
    let (report, _) = Report::of(&world.mem, world.root, world.generation);
    assert_eq!(report.findings[0].corruption.id, Invariant::P5);
    world.root.height = 200;
    assert!(get(&world.mem, world.root, b"x").is_err());
    assert!(
        TreeCursor::new()
            .seek(&world.mem, world.root, None, Seek::Before)
            .is_err()
    );
}

#[test]
fn a_subtree_named_twice_is_reported_and_not_walked_twice() {
    let mut world = small_world();
    let page = world.root.page;
    let bytes = world.mem.pages[page as usize].as_mut().unwrap();
    let branch = Branch::new(bytes).unwrap();
    let (first, second) = (branch.child(0).unwrap(), branch.child(1).unwrap());
    let mark = [second.page.to_le_bytes(), second.crc.to_le_bytes()].concat();
    let with = [first.page.to_le_bytes(), first.crc.to_le_bytes()].concat();
    let at = bytes.windows(8).position(|w| w == mark).unwrap();
    bytes[at..at + 8].copy_from_slice(&with);
    let mem = &mut world.mem;
    reseal(mem, &mut world.root, page);
    let (report, summary) = Report::of(mem, world.root, world.generation);
    let finding = &report.findings[0];
    assert_eq!(finding.corruption.id, Invariant::S1);
    assert_eq!(finding.entries, second.entries);
    assert_eq!(summary.unreachable + summary.tree_entries, 60);
}
