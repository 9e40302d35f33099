//! What folds cost and what shape they leave.

use super::super::*;
use super::basic::key;
use super::mem::{FIRST, Rng};
use super::model::{Puts, World};
use crate::format::key::FullKey;

fn put(world: &mut World, entries: impl Iterator<Item = (u64, usize)>) -> FoldDelta {
    let puts: Puts = entries
        .map(|(i, len)| (key(i), Some(vec![i as u8; len])))
        .collect();
    world.fold(&puts, &[], FoldMode::Incremental)
}

#[test]
fn one_changed_key_writes_one_page_per_level() {
    let mut world = World::new(4096);
    put(&mut world, (0..100_000).map(|i| (2 * i, 40)));
    let height = u64::from(world.root.height);
    assert_eq!(height, 3);
    for i in [0u64, 1, 100, 54_321, 99_998, 99_999] {
        let delta = put(&mut world, std::iter::once((2 * i, 40)));
        assert_eq!((delta.pages_written, delta.pages_freed), (height, height));
        assert_eq!((delta.leaves_written, delta.entries), (1, 0));
    }
    world.check();
}

#[test]
fn a_change_without_effect_writes_nothing() {
    let mut world = World::new(4096);
    put(&mut world, (0..10_000).map(|i| (2 * i, 40)));
    let root = world.root;
    let deletes: Puts = (0..10_000).map(|i| (key(2 * i + 1), None)).collect();
    let empty = |i: u64| KeyInterval {
        from: [key(2 * i).as_slice(), b"!"].concat(),
        to: Some(key(2 * i + 1)),
    };
    let ranges: Vec<_> = (0..50).map(|i| empty(i * 100)).collect();
    assert_eq!(
        world.fold(&deletes, &ranges, FoldMode::Incremental),
        FoldDelta::default()
    );
    assert_eq!(world.root, root);
}

#[test]
fn appended_keys_fill_pages_and_scattered_ones_leave_them_mostly_full() {
    let mut world = World::new(4096);
    for round in 0..50 {
        put(&mut world, (0..777).map(|i| (round * 777 + i, 100)));
    }
    assert!(world.fill() > 0.95, "{}", world.fill());
    world.check();
    let mut rng = Rng::new(6);
    let mut world = World::new(4096);
    for _ in 0..10 {
        let keys: Vec<_> = (0..5000).map(|_| (rng.below(1 << 40), 100)).collect();
        put(&mut world, keys.into_iter());
    }
    assert!(world.fill() >= 0.6, "{}", world.fill());
    for _ in 0..200 {
        let keys: Vec<_> = (0..100).map(|_| (rng.below(1 << 40), 100)).collect();
        put(&mut world, keys.into_iter());
    }
    assert!(world.fill() >= 0.6, "{}", world.fill());
    // Deletes must not leave crumbs either.
    for _ in 0..200 {
        let deletes: Puts = world
            .map
            .keys()
            .filter(|_| rng.below(100) == 0)
            .map(|k| (k.clone(), None))
            .collect();
        world.fold(&deletes, &[], FoldMode::Incremental);
    }
    assert!(world.fill() >= 0.5, "{}", world.fill());
    world.check();
}

#[test]
fn a_last_branch_with_one_child_takes_children_from_its_neighbour() {
    for left in 1..40 {
        let mut world = World::new(4096);
        put(&mut world, (0..20_000).map(|i| (i, 300)));
        assert!(world.root.height >= 3);
        // Leave few entries at the right end, first by single deletes and then by a range.
        let from = 20_000 - 12 * left;
        let deletes: Puts = (from..20_000 - 1).map(|i| (key(i), None)).collect();
        let mut other = world.clone();
        world.fold(&deletes, &[], FoldMode::Incremental);
        world.check();
        let range = KeyInterval {
            from: key(from),
            to: Some(key(19_999)),
        };
        other.fold(&Puts::new(), &[range], FoldMode::Incremental);
        other.check();
    }
}

/// Long separators make few children per branch, so that a lonely child can have its nearest
/// neighbour two levels up.
#[test]
fn a_lonely_child_finds_a_neighbour_at_any_level() {
    let entry = |i: u64| {
        let group = FullKey::new(1, format!("{:05}", i / 60).as_bytes()).to_vec();
        let key = [group.as_slice(), &[b'x'; 900], &[(i % 60) as u8]].concat();
        (key, Some(vec![i as u8; 90 - (i % 7) as usize]))
    };
    let count = 9000;
    let mut world = World::new(4096);
    let puts: Puts = (0..count).map(entry).collect();
    world.fold(&puts, &[], FoldMode::Incremental);
    assert!(world.root.height >= 5, "{:?}", world.root);
    world.check();
    for from in (1..count - 1).step_by(601) {
        for to in [count - 1, count - 8, from + count / 5] {
            let mut other = world.clone();
            let range = KeyInterval {
                from: entry(from).0,
                to: Some(entry(to.max(from)).0),
            };
            other.fold(&Puts::new(), &[range], FoldMode::Incremental);
            other.check();
        }
    }
}

#[test]
fn deleting_everything_leaves_the_empty_tree() {
    let mut world = World::new(4096);
    put(&mut world, (0..9000).map(|i| (i, (i % 50 * 40) as usize)));
    let mut other = world.clone();
    let deletes: Puts = world.map.keys().map(|k| (k.clone(), None)).collect();
    world.fold(&deletes, &[], FoldMode::Incremental);
    let all = KeyInterval {
        from: vec![],
        to: None,
    };
    other.fold(&Puts::new(), &[all], FoldMode::Incremental);
    for world in [world, other] {
        assert_eq!(world.root, Root::default());
        assert!(world.mem.live.is_empty());
        world.check();
    }
}

#[test]
fn counting_a_range_agrees_with_the_map() {
    let mut rng = Rng::new(7);
    let mut world = World::new(4096);
    put(&mut world, (0..30_000).map(|i| (3 * i, 10)));
    for _ in 0..2000 {
        let (a, b) = (rng.below(95_000), rng.below(95_000));
        let (from, to) = (key(a), key(b));
        let expected = match from < to {
            true => world.map.range(from.clone()..to.clone()).count(),
            false => 0,
        };
        let found = count_range(&world.mem, world.root, &from, Some(&to));
        assert_eq!(found.unwrap(), expected as u64);
        let expected = world.map.range(from.clone()..).count();
        let found = count_range(&world.mem, world.root, &from, None);
        assert_eq!(found.unwrap(), expected as u64);
    }
}

#[test]
fn touched_leaves_are_those_that_a_fold_writes() {
    let mut rng = Rng::new(8);
    let mut world = World::new(4096);
    put(&mut world, (0..60_000).map(|i| (2 * i, 40)));
    let leaves = leaf_estimate(&world.mem, world.root).unwrap() as f64;
    let exact = world.mem.live.len() as f64 / 1.02;
    assert!((leaves / exact - 1.0).abs() < 0.1, "{leaves} {exact}");
    for size in [1, 10, 300, 5000] {
        let keys: Puts = (0..size)
            .map(|_| (key(2 * rng.below(60_000)), Some(vec![1; 40])))
            .collect();
        let sorted = keys.keys().map(Vec::as_slice);
        let t = touched_leaves(&world.mem, world.root, sorted, &[], u64::MAX).unwrap();
        let delta = world.fold(&keys, &[], FoldMode::Incremental);
        assert_eq!(t.touched, delta.leaves_written, "of {}", t.total);
        assert!(
            (t.total as f64 / leaves - 1.0).abs() < 0.1,
            "{t:?} {leaves}"
        );
    }
    let half = KeyInterval {
        from: key(0),
        to: Some(key(60_000)),
    };
    let none = std::iter::empty();
    let t = touched_leaves(&world.mem, world.root, none, &[half], u64::MAX).unwrap();
    assert!(t.touched <= 2);
    assert!((t.total as f64 / leaves * 2.0 - 1.0).abs() < 0.1, "{t:?}");
}

#[test]
fn moving_pages_ends_with_none_above_the_cut() {
    let mut world = World::new(4096);
    put(
        &mut world,
        (0..20_000).map(|i| (i, if i % 100 == 3 { 9000 } else { 60 })),
    );
    let deletes: Puts = world
        .map
        .keys()
        .take(12_000)
        .map(|k| (k.clone(), None))
        .collect();
    world.fold(&deletes, &[], FoldMode::Incremental);
    let cut = FIRST + world.mem.live.values().sum::<u32>() * 12 / 10;
    let mode = FoldMode::MoveAbove {
        first_page: cut,
        max_pages: 50,
    };
    let mut rounds = 0;
    while world.fold(&Puts::new(), &[], mode.clone()).more {
        world.check();
        rounds += 1;
        assert!(rounds < 1000);
    }
    assert!(rounds > 3);
    world.check();
    assert!(
        world.mem.live.iter().all(|(&at, _)| at < cut),
        "pages above the cut"
    );
}

#[test]
fn a_dense_pass_in_steps_fills_every_leaf() {
    let mut rng = Rng::new(9);
    let mut world = World::new(4096);
    for _ in 0..40 {
        let keys: Vec<_> = (0..500).map(|_| (rng.below(1 << 40), 100)).collect();
        put(&mut world, keys.into_iter());
    }
    let before = world.fill();
    let (mut from, mut steps) = (Vec::new(), 0);
    loop {
        let mode = FoldMode::DenseRange {
            from,
            max_leaves: 100,
        };
        let delta = world.fold(&Puts::new(), &[], mode);
        assert!(delta.leaves_written < 130);
        world.check();
        steps += 1;
        match delta.resume_key {
            Some(key) => from = key,
            None => break,
        }
    }
    assert!(steps > 3);
    assert!(world.fill() > 0.95, "{before} {}", world.fill());
    world.fold(&Puts::new(), &[], FoldMode::Dense);
    assert!(world.fill() > 0.95);
    world.check();
}
