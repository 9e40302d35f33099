//! No tree to go by: single pages.

use std::collections::BTreeSet;

use creel::salvage::SalvageOptions;

use crate::breaker::Breaker;
use crate::oracle::{save, save_with, try_save};
use crate::world::{Change, World, delete, key, put, puts, rich, value};

/// Roots of all generations, the headers too.
fn behead(b: &mut Breaker) {
    let roots: Vec<u32> = (4..(b.bytes.len() / 4096) as u32)
        .filter(|&page| {
            let bytes = b.page(page);
            bytes[4..8] == page.to_le_bytes() && bytes[16] == 2
        })
        .collect();
    for page in roots {
        b.smash_page(page);
    }
}

#[test]
fn leaves_alone_give_nearly_everything() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    behead(&mut b);
    let newest = image.newest();
    for headers in [true, false] {
        let mut b = Breaker::new(&b.bytes);
        if !headers {
            b.bytes[..16384].fill(0);
        }
        let saved = save(&image, &b.bytes);
        assert_eq!((saved.step(), saved.report.complete), ("scrape", false));
        let right = newest
            .iter()
            .filter(|(k, v)| saved.state.get(*k) == Some(*v))
            .count();
        assert_eq!(
            right,
            newest.len(),
            "every entry of the newest state is there"
        );
        // Deleted entries may be back, where no newer page tells of their deletion.
        assert!(
            saved.report.entries - right as u64 <= 400,
            "{}",
            saved.report.entries
        );
        assert!(saved.report.possibly_stale > 2000);
        assert_eq!(saved.report.lost[0].from, b"");
        assert_eq!(saved.report.lost_uncounted, !headers);
    }
}

/// A leaf that was written alone must not pass for the root of a tree of one page.
#[test]
fn a_lone_leaf_of_the_newest_generation_is_not_the_root() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 2000, 0));
    for round in 0..4 {
        world.checkpoint();
        world.commit(vec![put("main", b"zz", &value(0, round, 9))]);
    }
    world.checkpoint();
    let image = world.close();
    let mut b = Breaker::new(&image.bytes);
    behead(&mut b);
    b.bytes[..16384].fill(0);
    let saved = save(&image, &b.bytes);
    assert_eq!(saved.step(), "scrape");
    assert!(saved.state == image.newest());
}

/// A tree that was large once: its old pages are free, and none of them comes back.
#[test]
fn a_tree_that_has_shrunk_is_found_as_it_is() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 2000, 0));
    world.checkpoint();
    world.commit(vec![Change::DeleteRange("main".into(), key(10), key(1990))]);
    world.checkpoint();
    for round in 0..2 {
        world.commit(vec![put("main", b"zz", &value(0, round, 9))]);
        world.checkpoint();
    }
    let image = world.close();
    assert_eq!(Breaker::new(&image.bytes).header().root_height, 1);
    let mut bytes = image.bytes.clone();
    bytes[..16384].fill(0);
    let saved = save(&image, &bytes);
    assert_eq!(saved.step(), "root");
    assert!(saved.state == image.newest());
}

#[test]
fn without_scraping_the_log_is_all() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    behead(&mut b);
    let options = SalvageOptions {
        scrape: false,
        ..SalvageOptions::default()
    };
    let saved = save_with(&image, &b.bytes, &options);
    assert_eq!(saved.step(), "reachable");
    assert!(
        (10..40).contains(&saved.report.entries),
        "{}",
        saved.report.entries
    );
    assert_eq!(saved.report.possibly_stale, 0);
}

/// Little memory for sorting: the same result from runs on disk.
#[test]
fn sorting_on_disk_gives_the_same() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    behead(&mut b);
    let options = SalvageOptions {
        sort_memory: 10_000,
        ..SalvageOptions::default()
    };
    let (small, large) = (
        save_with(&image, &b.bytes, &options),
        save(&image, &b.bytes),
    );
    assert!(small.state == large.state);
}

/// The newest page that tells of a key decides, also where it does not have it.
#[test]
fn what_a_newer_page_has_deleted_stays_deleted() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 300, 0));
    world.checkpoint();
    for round in 1..6 {
        world.commit(
            (0..300)
                .step_by(9)
                .map(|i| delete("main", &key(i + round)))
                .collect(),
        );
        world.checkpoint();
    }
    let image = world.close();
    let mut b = Breaker::new(&image.bytes);
    behead(&mut b);
    let saved = save(&image, &b.bytes);
    let newest = image.newest();
    let back = saved
        .state
        .keys()
        .filter(|key| !newest.contains_key(*key))
        .count();
    assert!(back <= 4, "{back} deleted entries are back");
    assert!(newest.keys().all(|key| saved.state.contains_key(key)));
}

#[test]
fn a_dropped_keyspace_stays_dropped_where_the_names_are_whole() {
    let mut world = World::new(4096);
    world.commit(puts("aaa", 0, 50, 0));
    world.commit(puts("gone", 0, 600, 0));
    world.commit(puts("main", 0, 600, 0));
    world.checkpoint();
    world.commit(vec![Change::Drop("gone".into())]);
    world.commit(puts("zzz", 0, 600, 0));
    world.checkpoint();
    for round in 0..3 {
        world.commit(vec![put("zzz", b"x", &value(0, round, 9))]);
        world.checkpoint();
    }
    let image = world.close();
    let mut b = Breaker::new(&image.bytes);
    // All leaves but the first one, which has the names.
    let both = [b.header(), b.older()];
    let leaves: BTreeSet<u32> = both.iter().flat_map(|header| b.leaves(header)).collect();
    let beyond = |page: &u32| b.keys(*page).iter().all(|key| key[..4] > [0, 0, 0, 0][..]);
    let without_names: Vec<u32> = leaves.into_iter().filter(beyond).collect();
    assert!(without_names.len() > 20);
    without_names
        .into_iter()
        .for_each(|page| b.smash_page(page));
    let saved = save(&image, &b.bytes);
    assert!(
        saved.report.keyspaces.iter().all(|k| k.named),
        "{:?}",
        saved.report.keyspaces
    );
    assert!(saved.state.keys().all(|key| key.0 != "gone"));
}

#[test]
fn a_page_too_short_for_the_file_is_not_found() {
    // Only the last page is left, behind a header zone of zeros: it is one of ours.
    let image = rich(4096);
    let mut bytes = image.bytes.clone();
    let keep = bytes.len() - 4096;
    bytes[..keep].fill(0);
    let saved = try_save(&image, &bytes, &SalvageOptions::default());
    assert!(saved.is_ok_and(|saved| saved.is_none_or(|s| !s.report.complete)));
}
