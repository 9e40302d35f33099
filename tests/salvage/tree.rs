//! Damage of pages that a header leads to.

use creel::salvage::SalvageOptions;

use crate::breaker::Breaker;
use crate::oracle::{Saved, save, save_with};
use crate::world::{Image, Key, State, World, put, rich, value};

fn no_scrape() -> SalvageOptions {
    SalvageOptions {
        scrape: false,
        ..SalvageOptions::default()
    }
}

/// The newest state without keys of the lost ranges that the log did not write.
fn without(image: &Image, saved: &Saved) -> State {
    let mut state = image.newest();
    for range in &saved.report.lost {
        let name = &image.ids[&range.keyspace.unwrap().max(1)];
        let inside = |key: &Key| {
            key.0 == *name && range.from <= key.1 && range.to.as_ref().is_none_or(|to| key.1 < *to)
        };
        state.retain(|key, _| !inside(key));
    }
    state
}

#[test]
fn a_leaf_that_only_the_newest_tree_has_comes_from_the_older_one_and_the_log() {
    let image = rich(4096);
    let leaves = Breaker::new(&image.bytes).new_leaves();
    assert!(leaves.len() > 5);
    for page in leaves {
        let mut b = Breaker::new(&image.bytes);
        b.smash_page(page);
        let saved = save(&image, &b.bytes);
        assert_eq!(
            (saved.step(), saved.report.complete),
            ("previous", true),
            "page {page}"
        );
        assert!(saved.state == image.newest() && saved.continues);
    }
}

#[test]
fn a_damaged_root_comes_from_the_older_tree_and_the_log() {
    for image in [rich(4096), rich(16384)] {
        let mut b = Breaker::new(&image.bytes);
        b.smash_page(b.header().root_page);
        let saved = save(&image, &b.bytes);
        assert_eq!((saved.step(), saved.report.complete), ("previous", true));
        assert!(saved.state == image.newest());
    }
}

#[test]
fn every_leaf_of_the_newest_tree_at_once() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    for page in b.new_leaves() {
        b.smash_page(page);
    }
    let saved = save(&image, &b.bytes);
    assert_eq!((saved.step(), saved.report.complete), ("previous", true));
    assert!(saved.state == image.newest());
}

#[test]
fn a_leaf_of_both_trees_is_a_lost_range_between_its_separators() {
    let image = rich(4096);
    let shared = Breaker::new(&image.bytes).shared_leaves();
    assert!(shared.len() > 10);
    for page in shared {
        let mut b = Breaker::new(&image.bytes);
        let keys = b.keys(page);
        b.smash_page(page);
        let saved = save_with(&image, &b.bytes, &no_scrape());
        assert_eq!((saved.step(), saved.report.complete), ("reachable", false));
        let lost = &saved.report.lost[0];
        assert_eq!(lost.entries, Some(keys.len() as u64));
        assert_eq!(lost.cause.page, Some(page));
        for key in keys
            .iter()
            .filter(|key| key[..4] == lost.keyspace.unwrap().to_be_bytes())
        {
            assert!(lost.from.as_slice() <= &key[4..]);
            assert!(lost.to.as_deref().is_none_or(|to| &key[4..] < to));
        }
        let kept = without(&image, &saved);
        assert!(
            kept.iter()
                .all(|(key, value)| saved.state.get(key) == Some(value))
        );
        // Beyond what is outside the ranges there are only keys that the log has.
        assert!(saved.state.len() <= kept.len() + 20);
        let scraped = save(&image, &b.bytes);
        assert!(scraped.state.len() >= saved.state.len());
        assert_eq!(scraped.report.lost.len(), saved.report.lost.len());
        assert_eq!(
            scraped.report.possibly_stale,
            scraped.report.lost[0].recovered
        );
    }
}

#[test]
fn neighbouring_leaves_are_one_range() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    let (newest, shared) = (b.leaves(&b.header()), b.shared_leaves());
    let pair = newest
        .windows(2)
        .find(|w| shared.contains(&w[0]) && shared.contains(&w[1]));
    let pair = pair.unwrap().to_vec();
    let entries: usize = pair.iter().map(|&page| b.keys(page).len()).sum();
    pair.iter().for_each(|&page| b.smash_page(page));
    let saved = save(&image, &b.bytes);
    assert_eq!(saved.report.lost_entries, entries as u64);
    let damages: Vec<u64> = saved.report.lost.iter().map(|l| l.damage).collect();
    assert!(damages.iter().all(|&damage| damage == 1), "{damages:?}");
    assert_eq!(saved.report.lost[0].places, 2);
}

#[test]
fn a_damaged_large_value_loses_its_entry_alone() {
    let image = rich(4096);
    let b = Breaker::new(&image.bytes);
    let shared = b.shared_leaves();
    let large: Vec<_> = shared.iter().flat_map(|&page| b.large(page)).collect();
    assert!(large.len() > 5);
    for (key, reference) in large {
        let mut b = Breaker::new(&image.bytes);
        let at = reference.page as usize * 4096 + 32 + reference.stored_len as usize / 2;
        b.bytes[at] ^= 4;
        let saved = save_with(&image, &b.bytes, &no_scrape());
        assert_eq!(saved.report.lost_entries, 1);
        assert_eq!(saved.report.lost[0].from, key[4..]);
        assert_eq!(
            saved.report.lost[0].to.as_deref(),
            Some(&[&key[4..], &[0]].concat()[..])
        );
        assert_eq!(saved.state.len(), image.newest().len() - 1);
    }
}

/// An entry whose value cannot be read may be there in an older form.
#[test]
fn an_older_version_stands_in_and_is_counted() {
    let mut world = World::new(4096);
    world.commit(vec![
        put("main", b"a", b"1"),
        put("main", b"big", &value(1, 0, 3000)),
    ]);
    world.checkpoint();
    // Keeps the pages of this moment from being used again.
    let reader = world.db().snapshot().unwrap();
    for round in 1..4 {
        world.commit(vec![
            put("main", b"big", &value(1, round, 3000)),
            put("main", b"c", b"3"),
        ]);
        world.checkpoint();
    }
    // Two checkpoints in which the entry stays as it is: the older tree has no other value.
    for round in 0..2 {
        world.commit(vec![put("far", b"x", &value(2, round, 10))]);
        world.checkpoint();
    }
    drop(reader);
    let image = world.close();
    let mut b = Breaker::new(&image.bytes);
    let leaves = b.leaves(&b.header());
    let (_, reference) = leaves.iter().find_map(|&page| b.large(page).pop()).unwrap();
    b.bytes[reference.page as usize * 4096 + 100] ^= 1;
    let saved = save(&image, &b.bytes);
    assert_eq!(saved.step(), "scrape");
    assert_eq!(saved.report.possibly_stale, 1);
    let big = &saved.state[&("main".to_owned(), b"big".to_vec())];
    assert!(image.ever[&("main".to_owned(), b"big".to_vec())].contains(big));
    let saved = save_with(&image, &b.bytes, &no_scrape());
    assert_eq!((saved.report.possibly_stale, saved.report.entries), (0, 3));
}

/// 3 levels: a branch in the middle hides many leaves, which are found one by one.
#[test]
fn leaves_below_a_damaged_branch_are_found_singly() {
    let mut world = World::new(4096);
    for part in 0..12 {
        let long = |i: usize| {
            let key = format!("{:08x}", i.wrapping_mul(0x9e37_79b9) as u32);
            put("main", key.as_bytes(), &value(i, 0, 300))
        };
        world.commit((part * 500..part * 500 + 500).map(long).collect());
        world.checkpoint();
    }
    for round in 0..3 {
        world.commit(vec![put("main", b"zz", &value(1, round, 5))]);
        world.checkpoint();
    }
    let image = world.close();
    let b = Breaker::new(&image.bytes);
    let (newest, older) = (b.tree_pages(&b.header()), b.tree_pages(&b.older()));
    assert_eq!(newest[0].1, 2, "three levels");
    let shared: Vec<_> = newest
        .iter()
        .filter(|p| p.1 == 1 && older.contains(p))
        .collect();
    assert!(!shared.is_empty());
    for (page, _) in shared {
        let mut b = Breaker::new(&image.bytes);
        b.smash_page(*page);
        let saved = save(&image, &b.bytes);
        assert_eq!(saved.step(), "scrape");
        // All that lay below the branch comes back, and is said to be doubtful.
        assert!(saved.state == image.newest());
        assert!(saved.report.possibly_stale > 20 && !saved.report.complete);
        assert_eq!(saved.report.lost_entries, saved.report.possibly_stale);
    }
}

#[test]
fn names_that_are_lost_are_made_up() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    // The leaf with the catalogue, in both trees.
    for header in [b.header(), b.older()] {
        let first = b.leaves(&header)[0];
        b.smash_page(first);
    }
    let saved = save_with(&image, &b.bytes, &no_scrape());
    assert!(saved.report.lost.iter().any(|l| l.keyspace == Some(0)));
    let names: Vec<_> = saved
        .report
        .keyspaces
        .iter()
        .map(|k| (k.name.as_str(), k.named))
        .collect();
    assert_eq!(
        names,
        [
            ("main", true),
            ("keyspace-2", false),
            ("keyspace-4", false),
            ("late", true)
        ]
    );
    let fruit = saved.state.keys().filter(|key| key.0 == "fruit").count();
    assert!(fruit > 250, "{fruit}");
}
