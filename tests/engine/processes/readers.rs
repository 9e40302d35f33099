//! A reader in another process, against a writer that checkpoints.

use std::path::{Path, PathBuf};

use creel::{Batch, CheckpointOptions, Db, Info, NoProgress, OpenOptions};

use super::parent::Child;
use super::{digest, small, value_of};
use crate::scratch::Scratch;

const KEYS: u64 = 400;

/// A writer on a new file whose tree holds round 0.
fn writer(scratch: &Scratch) -> (PathBuf, Db) {
    let path = scratch.file("a.creel");
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options.create(&path, &small()).unwrap();
    overwrite(&db, 0);
    (path, db)
}

/// Another value under every key, folded into the tree.
fn overwrite(db: &Db, round: u64) {
    let mut batch = Batch::new();
    for i in 0..KEYS {
        let key = format!("key {i}");
        batch.put(key.as_bytes(), &value_of(&key, round));
    }
    db.write(batch).unwrap();
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
}

/// Overwrites until the file has its size for good: every checkpoint reuses what an older freed.
fn settle(db: &Db) -> u64 {
    (1..8).for_each(|round| overwrite(db, round));
    let pages = db.info().unwrap().page_count;
    (8..12).for_each(|round| overwrite(db, round));
    let now = db.info().unwrap().page_count;
    assert!(now <= pages, "{now} > {pages} without a reader to keep any");
    pages
}

fn reader(path: &Path) -> Child {
    let mut child = Child::start(path);
    child.open("read-only");
    child
}

/// Checkpoints while `child` holds its snapshot: nothing of it may be reused.
fn overwrite_beside(db: &Db, rounds: std::ops::Range<u64>, generation: u64) -> Info {
    let mut pages = 0;
    for round in rounds {
        overwrite(db, round);
        let info = db.info().unwrap();
        assert_eq!(info.oldest_pin, Some(generation));
        assert!(info.page_count >= pages);
        pages = info.page_count;
    }
    db.info().unwrap()
}

fn generation_of(answer: &str) -> u64 {
    answer.split(' ').next().unwrap().parse().unwrap()
}

/// The pin is gone: the next checkpoints live on what the reader kept.
fn expect_reuse(db: &Db, kept: &Info) {
    assert_eq!(db.info().unwrap().oldest_pin, None);
    (100..104).for_each(|round| overwrite(db, round));
    let info = db.info().unwrap();
    assert!(
        info.page_count <= kept.page_count,
        "{} > {}",
        info.page_count,
        kept.page_count
    );
    assert!(
        info.free_available > kept.free_available,
        "{info:?} after {kept:?}"
    );
}

#[test]
fn a_snapshot_in_another_process_stays_as_it_is_and_keeps_its_pages_until_released() {
    let scratch = Scratch::new();
    let (path, db) = writer(&scratch);
    let settled = settle(&db);
    let mut child = reader(&path);
    let generation = generation_of(&child.ask("snapshot"));
    let wanted = digest(&db.snapshot().unwrap());
    assert_eq!(child.ask("digest"), wanted);
    for round in 20..26 {
        let info = overwrite_beside(&db, round..round + 1, generation);
        assert_eq!(child.ask("digest"), wanted, "after round {round}");
        assert!(
            round < 23 || info.page_count > settled,
            "pages must come from somewhere"
        );
    }
    let kept = db.info().unwrap();
    child.ask("release");
    expect_reuse(&db, &kept);
    child.ask("snapshot");
    assert_eq!(child.ask("digest"), digest(&db.snapshot().unwrap()));
}

#[test]
fn a_snapshot_over_log_and_tree_stays_as_it_is() {
    let scratch = Scratch::new();
    let (path, db) = writer(&scratch);
    // Some of it in the tree, some in the log.
    for i in 0..50 {
        db.put(format!("key {i}").as_bytes(), &value_of("log", i))
            .unwrap();
    }
    let wanted = digest(&db.snapshot().unwrap());
    let mut mapped = reader(&path);
    let mut unmapped = Child::start(&path);
    unmapped.open("unmapped read-only");
    for child in [&mut mapped, &mut unmapped] {
        child.ask("snapshot");
    }
    for round in 20..26 {
        overwrite(&db, round);
        for child in [&mut mapped, &mut unmapped] {
            assert_eq!(child.ask("digest"), wanted, "after round {round}");
        }
    }
}

#[test]
fn a_killed_reader_gives_its_pages_back() {
    let scratch = Scratch::new();
    let (path, db) = writer(&scratch);
    settle(&db);
    let mut child = reader(&path);
    let generation = generation_of(&child.ask("snapshot"));
    let kept = overwrite_beside(&db, 20..26, generation);
    child.kill();
    expect_reuse(&db, &kept);
}

#[test]
fn a_reader_stopped_across_commits_goes_on_with_its_snapshot() {
    let scratch = Scratch::new();
    let (path, db) = writer(&scratch);
    let mut child = reader(&path);
    let generation = generation_of(&child.ask("snapshot"));
    let wanted = digest(&db.snapshot().unwrap());
    child.stop();
    overwrite_beside(&db, 1..8, generation);
    child.resume();
    assert_eq!(child.ask("digest"), wanted);
    child.ask("snapshot");
    assert_eq!(child.ask("digest"), digest(&db.snapshot().unwrap()));
}
