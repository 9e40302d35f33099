//! Damage of the log.

use creel::salvage::{LostCommits, SalvageOptions};

use crate::breaker::Breaker;
use crate::oracle::{save, save_with};
use crate::world::{Change, Image, World, key, put, puts, rich, value};

fn newest_first() -> SalvageOptions {
    SalvageOptions {
        prefer_newest: true,
        ..SalvageOptions::default()
    }
}

#[test]
fn a_torn_end_is_no_loss() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    let (at, len, index) = *b.frames().last().unwrap();
    // The mark behind the frame would speak for it.
    b.bytes[at + len / 2..at + len + 16].fill(0);
    let saved = save(&image, &b.bytes);
    assert_eq!((saved.step(), saved.report.complete), ("copy", true));
    assert_eq!(saved.report.last_index, Some(index - 1));
    assert!(!saved.report.notes.is_empty());
}

/// Every frame of the log in turn: commits before it are exact, those after it are listed.
#[test]
fn a_damaged_commit_ends_what_is_proven() {
    let image = rich(4096);
    let frames = Breaker::new(&image.bytes).frames();
    let checkpoint = Breaker::new(&image.bytes).header().checkpoint_index;
    let (mut tried, last) = (0, image.last_index());
    for (at, len, index) in frames {
        if index <= checkpoint || index == last {
            continue;
        }
        tried += 1;
        let mut b = Breaker::new(&image.bytes);
        b.bytes[at + len / 2] ^= 0x10;
        let saved = save(&image, &b.bytes);
        assert_eq!(
            (saved.step(), saved.report.complete),
            ("log", false),
            "commit {index}"
        );
        assert_eq!(saved.report.last_index, Some(index - 1));
        let lost = [
            LostCommits {
                from: index,
                to: index,
                readable: false,
            },
            LostCommits {
                from: index + 1,
                to: last,
                readable: true,
            },
        ];
        assert_eq!(saved.report.lost_commits, lost);
        assert!(saved.state == image.state_at(index - 1));
        let saved = save_with(&image, &b.bytes, &newest_first());
        assert_eq!(saved.report.commits_out_of_order, last - index);
        assert_eq!(saved.report.lost_commits, lost[..1]);
        assert!(!saved.report.complete && !saved.report.doubts.is_empty());
        let mut without = rich(4096);
        without.commits.remove(index as usize - 1);
        assert!(saved.state == without.newest());
    }
    assert!(tried > 8, "{tried}");
}

#[test]
fn an_envelope_is_not_the_commit() {
    // The facts of one file around an entry may be lost: the entry has a checksum of its own.
    let image = rich(4096);
    let frames = Breaker::new(&image.bytes).frames();
    for &(at, _, _) in &frames[..frames.len() - 1] {
        let mut b = Breaker::new(&image.bytes);
        b.bytes[at..at + 32].fill(0x5a);
        let saved = save(&image, &b.bytes);
        assert!(saved.state == image.newest());
        assert!(saved.report.complete, "{:?}", saved.report.doubts);
    }
}

#[test]
fn a_lost_region_header_keeps_the_commits_but_not_the_proof() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    let (_, start, _) = b.active();
    b.bytes[start + 8..start + 16].fill(0);
    let saved = save(&image, &b.bytes);
    assert_eq!((saved.step(), saved.report.complete), ("log", false));
    assert!(saved.state == image.newest());
    assert!(saved.report.lost_commits.is_empty() && saved.report.doubts.len() == 1);
}

#[test]
fn a_lost_region_is_lost() {
    let image = rich(4096);
    let mut b = Breaker::new(&image.bytes);
    let (_, start, _) = b.active();
    b.bytes[start..start + (64 << 10)].fill(0);
    let saved = save(&image, &b.bytes);
    let checkpoint = b.header().checkpoint_index;
    assert!(!saved.report.complete);
    assert_eq!(saved.report.last_index, Some(checkpoint));
    assert!(saved.state == image.state_at(checkpoint));
}

/// Commits in both regions: the newest header is lost, so the older tree needs them.
#[test]
fn commits_in_both_regions() {
    let image = rich(4096);
    let mut whole = Breaker::new(&image.bytes);
    let older = whole.older();
    let (active, start, _) = whole.active();
    let other = older.regions[active ^ 1].start_page as usize * 4096;
    let newest = whole.header().slot();
    whole.smash_slot(newest);
    let saved = save(&image, &whole.bytes);
    assert!(saved.report.complete && saved.state == image.newest());
    // The header of either region.
    for at in [start, other] {
        let mut b = Breaker::new(&whole.bytes);
        b.bytes[at + 20] ^= 1;
        let saved = save(&image, &b.bytes);
        assert!(saved.state == image.newest());
        assert_eq!(
            saved.report.complete,
            at == other,
            "{:?}",
            saved.report.doubts
        );
    }
    // A commit of the older region: nothing after it is proven.
    let mut b = Breaker::new(&whole.bytes);
    let first = older.checkpoint_index + 1;
    let payload = format!("key/{:06}", 3);
    let at = find(&b.bytes[other..other + (64 << 10)], payload.as_bytes()) + other;
    b.bytes[at] ^= 1;
    let saved = save(&image, &b.bytes);
    assert!(!saved.report.complete);
    assert!(
        saved.report.commits_lost() >= 10,
        "{:?}",
        saved.report.lost_commits
    );
    assert!(saved.report.last_index.unwrap() + 1 >= first);
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|w| w == what).unwrap()
}

#[test]
fn a_bulk_load_whose_header_is_lost_is_found_by_its_sum() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 500, 0));
    world.checkpoint();
    world.commit(vec![put("main", b"a", b"1")]);
    world.checkpoint();
    let entries = (0..2000).map(|i| (format!("bulk/{i:05}").into_bytes(), value(i, 0, 50)));
    world.bulk("main", entries.collect());
    for after in 0..2 {
        let mut b = Breaker::new(&std::fs::read(world.path()).unwrap());
        let newest = b.header().slot();
        b.smash_slot(newest);
        let image = Image {
            bytes: b.bytes,
            ..world.so_far()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        std::fs::write(&path, &image.bytes).unwrap();
        assert!(creel::Db::open(&path).is_err(), "open refuses");
        let saved = save(&image, &image.bytes);
        assert_eq!(
            (saved.step(), saved.report.complete),
            ("root", true),
            "{after}"
        );
        assert!(saved.state == image.newest());
        // Without its tree the load is lost, and all after it cannot be relied on.
        let mut b = Breaker::new(&image.bytes);
        let whole = Breaker::new(&std::fs::read(world.path()).unwrap());
        b.smash(whole.header().root_page, 4096);
        let saved = save(&image, &b.bytes);
        assert_eq!(saved.report.last_index, Some(2));
        assert_eq!(saved.report.commits_lost(), 1 + after);
        assert!(saved.state == image.state_at(2));
        world.commit(vec![put("main", b"b", b"2")]);
    }
}

/// What the log has deleted as a range is gone from the tree below it, and no loss where the
/// tree is damaged there.
#[test]
fn ranges_and_keyspaces_that_the_log_deletes() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 900, 0));
    world.commit(puts("gone", 0, 300, 0));
    for round in 0..3 {
        world.commit(vec![put("main", b"zz", &value(0, round, 5))]);
        world.checkpoint();
    }
    world.sync_from_now_on();
    world.commit(vec![Change::DeleteRange("main".into(), key(100), key(600))]);
    world.commit(vec![
        Change::Drop("gone".into()),
        put("main", &key(300), b"back"),
    ]);
    let image = world.close();
    let saved = save(&image, &image.bytes);
    assert!(saved.report.complete && saved.state == image.newest());
    let b = Breaker::new(&image.bytes);
    let full = |keyspace: u8, i| [&[0, 0, 0, keyspace], key(i).as_slice()].concat();
    let is_inside = |page: &&u32| {
        let keys = b.keys(**page);
        let inside = |from: Vec<u8>, to: Vec<u8>| keys[0] > from && keys[keys.len() - 1] < to;
        inside(full(1, 110), full(1, 590)) || inside(full(2, 10), full(2, 290))
    };
    let shared = b.shared_leaves();
    let inside: Vec<u32> = shared.iter().filter(is_inside).copied().collect();
    assert!(inside.len() > 10, "{}", inside.len());
    for page in &inside {
        let mut b = Breaker::new(&image.bytes);
        b.smash_page(*page);
        let saved = save(&image, &b.bytes);
        assert!(saved.report.complete, "{:?}", saved.report.lost);
        assert!(saved.state == image.newest());
    }
}
