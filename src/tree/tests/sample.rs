//! What a few leaves tell of the whole tree.

use super::super::*;
use super::basic::{build, key};
use super::mem::{Report, Rng};

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
