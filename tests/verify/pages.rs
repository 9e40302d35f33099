//! P1 to P7, broken one by one.

use creel::Invariant;
use creel::format::page::{PageKind, seal};

use crate::breaker::Breaker;
use crate::expect_damage;
use crate::files::rich;

#[test]
fn p1_a_flipped_bit_in_a_leaf() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    b.page_mut(leaf)[700] ^= 4;
    b.save();
    let report = expect_damage(&file.path, Invariant::P1);
    let finding = &report.findings[0];
    assert_eq!(finding.page, Some(leaf));
    assert!(finding.records_unreachable.unwrap() > 10);
    let (from, to) = (
        finding.key_from.clone().unwrap(),
        finding.key_to.clone().unwrap(),
    );
    assert!(from.starts_with(b"key/0") && from < to, "{from:?} {to:?}");
    assert_eq!(
        report.findings.len(),
        2,
        "one page is damaged, and its pages have no known owner or not: {:#?}",
        report.findings
    );
}

#[test]
fn p1_several_damaged_pages_are_all_found() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaves: Vec<u32> = b
        .tree_pages()
        .into_iter()
        .filter(|p| p.1 == 0)
        .map(|p| p.0)
        .collect();
    for leaf in leaves.iter().step_by(40) {
        b.page_mut(*leaf)[99] ^= 1;
    }
    b.save();
    let report = expect_damage(&file.path, Invariant::P1);
    let found = report
        .findings
        .iter()
        .filter(|f| f.id == Invariant::P1)
        .count();
    assert_eq!(found, leaves.len().div_ceil(40));
}

#[test]
fn p1_a_damaged_branch_names_the_keys_below() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let branch = b.some_branch(1);
    b.page_mut(branch)[50] ^= 1;
    b.save();
    let report = expect_damage(&file.path, Invariant::P1);
    assert!(report.findings[0].records_unreachable.unwrap() > 1000);
    assert!(
        crate::check(&file.path, creel::Depth::Quick)
            .findings
            .iter()
            .any(|f| f.id == Invariant::P1)
    );
}

#[test]
fn p2_a_page_that_was_written_elsewhere() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    b.edit_page(leaf, |p| p[4] ^= 1);
    b.save();
    expect_damage(&file.path, Invariant::P2);
}

#[test]
fn p3_an_older_version_of_a_page() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    // A whole page, but not the one that the parent names.
    b.page_mut(leaf)[8] ^= 1;
    seal(b.page_mut(leaf), PageKind::Leaf);
    b.save();
    expect_damage(&file.path, Invariant::P3);
}

#[test]
fn p4_a_page_from_the_future() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    let (parent, _) = b.parent(leaf).unwrap();
    let newer = u64::from_le_bytes(b.page(parent)[8..16].try_into().unwrap()) + 1;
    b.edit_page(leaf, |p| p[8..16].copy_from_slice(&newer.to_le_bytes()));
    b.save();
    expect_damage(&file.path, Invariant::P4);
}

#[test]
fn p5_a_page_of_another_kind() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    b.edit_page(leaf, |p| p[17] = 1);
    b.save();
    expect_damage(&file.path, Invariant::P5);
}

#[test]
fn p6_a_page_outside_the_file() {
    for target in [1u32, 0x00ff_ffff] {
        let file = rich();
        let mut b = Breaker::new(&file);
        let (parent, cell) = b.parent(b.some_leaf()).unwrap();
        b.edit_page(parent, |p| {
            p[cell..cell + 4].copy_from_slice(&target.to_le_bytes())
        });
        b.save();
        expect_damage(&file.path, Invariant::P6);
    }
}

#[test]
fn p7_bytes_in_the_gap_of_a_page() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = gap_leaf(&b);
    let end = u16::from_le_bytes([b.page(leaf)[22], b.page(leaf)[23]]) as usize;
    b.edit_page(leaf, |p| p[end] = 1);
    b.save();
    let report = expect_damage(&file.path, Invariant::P7);
    assert_eq!(
        report.findings[0].offset,
        Some(u64::from(leaf) * 4096 + end as u64)
    );
}

#[test]
fn p7_a_slot_that_points_elsewhere() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    b.edit_page(leaf, |p| p[4094] ^= 1);
    b.save();
    expect_damage(&file.path, Invariant::P7);
}

/// A leaf with free bytes between cells and slots.
fn gap_leaf(b: &Breaker) -> u32 {
    let leaves = b.tree_pages().into_iter().filter(|p| p.1 == 0).map(|p| p.0);
    let mut wide = leaves.filter(|&id| {
        let page = b.page(id);
        let end = u16::from_le_bytes([page[22], page[23]]) as usize;
        let count = u16::from_le_bytes([page[18], page[19]]) as usize;
        end + 2 * count + 8 < page.len()
    });
    wide.next().unwrap()
}
