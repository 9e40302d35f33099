//! What a few leaves tell of the whole tree.

use super::super::*;
use super::basic::{build, key};
use super::mem::{Report, Rng};
use super::tall::tall;
use super::wrong::with_children;

/// One in fifty stands apart.
fn values() -> impl Iterator<Item = Vec<u8>> {
    let mut rng = Rng::new(5);
    std::iter::repeat_with(move || match rng.below(50) {
        0 => vec![1; 9000],
        _ => vec![2; 30 + rng.below(40) as usize],
    })
}

#[test]
fn a_sample_of_all_leaves_is_the_truth() {
    for count in [1, 30, 20_000] {
        let (mem, root) = build(4096, (0..count).map(key).zip(values()));
        let (_, truth) = Report::of(&mem, root, 1);
        let sample = sample_fill(&mem, root, u64::MAX).unwrap();
        assert_eq!(sample.leaves, truth.leaves, "{count}");
        assert_eq!(sample.overflow_pages, truth.overflow_pages, "{count}");
        assert!(sample.branches.abs_diff(truth.branches) <= 1, "{count}");
        let room = truth.leaves * (4096 - crate::format::PAGE_HEADER_SIZE) as u64;
        let fill = truth.leaf_bytes as f64 / room as f64;
        // Leaves without room for one more entry are full: of the densely built ones, nearly all.
        let entry = if truth.leaves > 1 {
            70.0 / 4096.0
        } else {
            1e-9
        };
        let more = sample.fill - fill;
        assert!((-1e-9..entry).contains(&more), "{sample:?} {fill}");
    }
    let (mem, root) = build(4096, std::iter::empty());
    assert_eq!(sample_fill(&mem, root, 9).unwrap(), FillSample::default());
}

#[test]
fn a_packed_tree_has_nothing_to_gain() {
    for value in [150, 700, 900] {
        let entries = (0..20_000).map(|i| (key(i), vec![0; value]));
        let (mem, root) = build(4096, entries);
        let sample = sample_fill(&mem, root, 256).unwrap();
        assert!(sample.fill > 0.99, "{value}: {sample:?}");
    }
}

#[test]
fn a_few_leaves_tell_nearly_the_same() {
    let (mem, root) = build(4096, (0..20_000).map(key).zip(values()));
    let all = sample_fill(&mem, root, u64::MAX).unwrap();
    for count in [10, 30, 100] {
        let few = sample_fill(&mem, root, count).unwrap();
        assert!(few != all, "{count} leaves were all of them");
        let near = |a: u64, b: u64| a.abs_diff(b) * 10 <= b;
        assert!(near(few.leaves, all.leaves), "{few:?} {all:?}");
        let (few_large, all_large) = (few.overflow_pages, all.overflow_pages);
        assert!(few_large * 2 > all_large && few_large < all_large * 2);
        assert!((few.fill - all.fill).abs() < 0.05, "{few:?} {all:?}");
    }
}

/// A leaf with room for one more entry like those that it has is not full.
#[test]
fn a_leaf_is_full_where_not_one_more_fits() {
    // A prefix of four bytes, and 70 bytes an entry: 58 of them fill 4064 bytes.
    for (count, used) in [
        (1, 5 + 69),
        (56, 4 + 56 * 70),
        (57, 4 + 57 * 70),
        (58, 4064),
    ] {
        let entries = (0..count).map(|i| (vec![0, 0, 0, 1, i], vec![7; 65]));
        let (mem, root) = build(4096, entries);
        let sample = sample_fill(&mem, root, 9).unwrap();
        assert_eq!(sample.fill, f64::from(used) / 4064.0, "{count}");
        assert_eq!((sample.leaves, sample.branches), (1, 0));
    }
    let entries = (0..58).map(|i| (vec![0, 0, 0, 1, i], vec![7; 64]));
    let (mem, root) = build(4096, entries);
    assert_eq!(sample_fill(&mem, root, 9).unwrap().fill, 1.0);
}

#[test]
fn a_tall_tree_has_branches_above_branches() {
    let world = tall(600);
    let (_, truth) = Report::of(&world.mem, world.root, 1);
    assert!(truth.branches > 20);
    for count in [40, u64::MAX] {
        let sample = sample_fill(&world.mem, world.root, count).unwrap();
        assert!(
            sample.leaves.abs_diff(truth.leaves) < 6,
            "{sample:?} {truth:?}"
        );
        assert!(
            sample.branches.abs_diff(truth.branches) < 4,
            "{sample:?} {truth:?}"
        );
    }
}

/// Of a count that is too large nobody knows where the entries should be.
#[test]
fn a_wrong_count_leads_to_the_last_leaf() {
    let world = tall(60);
    let truth = sample_fill(&world.mem, world.root, u64::MAX).unwrap();
    let wrong = with_children(&world, world.root.page, |children| {
        children.last_mut().unwrap().1.entries += 5;
    });
    let sample = sample_fill(&wrong.mem, wrong.root, u64::MAX).unwrap();
    assert!(sample.leaves >= truth.leaves, "{sample:?} {truth:?}");
}
