//! S1 to S7, broken one by one.

use creel::format::bytes::u32_at;
use creel::{Batch, IdentityChange, Invariant, Role};

use crate::breaker::Breaker;
use crate::files::{TestFile, checkpoint, key, options, place, rich, small};
use crate::{expect_clean, expect_damage};

const RECORDS: usize = 40;

/// Offset of the first record of this kind in the first free-list page.
fn record(b: &Breaker, pending: bool) -> usize {
    let page = b.page(b.header().free_head);
    let count = usize::from(u16::from_le_bytes([page[18], page[19]]));
    let mut all = (0..count).map(|i| RECORDS + 16 * i);
    all.find(|&at| (page[at + 8..at + 16] != [0; 8]) == pending)
        .unwrap()
}

#[test]
fn s1_a_page_that_belongs_to_nobody() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let page = b.page(b.header().free_head).to_vec();
    let count = usize::from(u16::from_le_bytes([page[18], page[19]]));
    let pages = |at: usize| u32_at(&page, at + 4).unwrap();
    let at = (0..count)
        .map(|i| RECORDS + 16 * i)
        .find(|&at| pages(at) > 1)
        .unwrap();
    b.edit_free_page(|p| p[at + 4..at + 8].copy_from_slice(&(pages(at) - 1).to_le_bytes()));
    let available = page[at + 8..at + 16] == [0; 8];
    b.edit_header(|h| {
        *(if available {
            &mut h.free_available
        } else {
            &mut h.free_pending
        }) -= 1
    });
    b.save();
    expect_damage(&file.path, Invariant::S1);
}

#[test]
fn s1_a_page_that_is_used_and_free() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let leaf = b.some_leaf();
    let at = record(&b, true);
    b.edit_free_page(|p| {
        p[at..at + 4].copy_from_slice(&leaf.to_le_bytes());
        p[at + 4..at + 8].copy_from_slice(&1u32.to_le_bytes());
    });
    b.save();
    let report = expect_damage(&file.path, Invariant::S1);
    assert!(
        report.findings.iter().any(|f| f.detail.contains("too")),
        "{:#?}",
        report.findings
    );
}

#[test]
fn s1_a_page_with_two_parents_is_visited_once() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let branch = b.some_branch(1);
    let (parent, cell) = b.parent(branch).unwrap();
    // The child's cell leads back up: a cycle.
    b.edit_page(parent, |p| {
        p[cell..cell + 4].copy_from_slice(&parent.to_le_bytes())
    });
    b.save();
    expect_damage(&file.path, Invariant::S1);
}

#[test]
fn s2_available_extents_out_of_order() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let at = record(&b, false);
    b.edit_free_page(|p| {
        let (a, c) = (p[at..at + 16].to_vec(), p[at + 16..at + 32].to_vec());
        p[at..at + 16].copy_from_slice(&c);
        p[at + 16..at + 32].copy_from_slice(&a);
    });
    b.save();
    expect_damage(&file.path, Invariant::S2);
}

#[test]
fn s3_pending_since_a_generation_to_come() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let at = record(&b, true);
    let future = b.header().generation + 1;
    b.edit_free_page(|p| p[at + 8..at + 16].copy_from_slice(&future.to_le_bytes()));
    b.save();
    expect_damage(&file.path, Invariant::S3);
}

#[test]
fn s4_sums_that_do_not_add_up() {
    let file = rich();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.free_pending += 1);
    b.save();
    expect_damage(&file.path, Invariant::S4);
}

#[test]
fn s5_a_damaged_page_of_the_free_list() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let head = b.header().free_head;
    b.page_mut(head)[60] ^= 1;
    b.save();
    expect_damage(&file.path, Invariant::S5);
}

#[test]
fn s5_a_cycle() {
    let file = rich();
    let mut b = Breaker::new(&file);
    let head = b.header().free_head;
    b.edit_free_page(|p| p[32..36].copy_from_slice(&head.to_le_bytes()));
    b.save();
    expect_damage(&file.path, Invariant::S5);
}

#[test]
fn s6_the_older_tree_lost_a_page() {
    let file = rich();
    let mut b = Breaker::new(&file);
    // The older root waits in the list; call its extent available.
    let root = b.older().root_page;
    let page = b.page(b.header().free_head).to_vec();
    let count = usize::from(u16::from_le_bytes([page[18], page[19]]));
    let at = (0..count).map(|i| RECORDS + 16 * i).find(|&at| {
        let (start, pages) = (u32_at(&page, at).unwrap(), u32_at(&page, at + 4).unwrap());
        (start..start + pages).contains(&root)
    });
    let at = at.expect("the older root is pending");
    b.edit_free_page(|p| p[at + 8..at + 16].fill(0));
    b.save();
    let report = expect_damage(&file.path, Invariant::S6);
    assert!(!report.lossless_fallback);
}

/// A primary that could go back to an older tree, of which the newest has nothing.
fn keeping() -> TestFile {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    db.set_identity(&IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    })
    .unwrap();
    for round in 0..4u8 {
        let mut batch = Batch::new();
        for i in 0..40 {
            batch.put(&key(i), &[round; 900]);
        }
        db.write(batch).unwrap();
        checkpoint(&db);
    }
    db.close().unwrap();
    file
}

#[test]
fn s7_a_page_of_a_kept_tree_is_available() {
    let file = keeping();
    let report = expect_clean(&file.path);
    let looked_at = report.checked.iter().find(|(id, _)| *id == Invariant::S7);
    assert!(looked_at.unwrap().1 > 10, "{:?}", report.checked);
    let mut b = Breaker::new(&file);
    let page = b.page(b.header().free_head).to_vec();
    let count = usize::from(u16::from_le_bytes([page[18], page[19]]));
    let waits = |at: &usize| page[at + 8..at + 16] != [0; 8];
    let all: Vec<_> = (0..count).map(|i| RECORDS + 16 * i).filter(waits).collect();
    b.edit_free_page(|p| {
        for at in &all {
            p[at + 8..at + 16].copy_from_slice(&[0; 8]);
        }
    });
    b.edit_header(|h| {
        h.free_available += h.free_pending;
        h.free_pending = 0;
    });
    b.save();
    let report = expect_damage(&file.path, Invariant::S7);
    let told = |text: &str| report.findings.iter().any(|f| f.detail.contains(text));
    assert!(told("which generation"), "{:#?}", report.findings);
}
