//! Compaction in numbers: what is estimated, what is worth it, how small it gets, and what others do meanwhile.

use std::sync::Mutex;

use super::watched::watched;
use crate::db::handle::lock;
use crate::db::{
    Batch, CheckpointOptions, CompactOptions, CompactReport, Db, IdentityChange, KeyRange,
    OpenOptions,
};
use crate::format::header::Role;
use crate::progress::{NoProgress, Progress};
use crate::tree;

const PAGE: u64 = 4096;

fn checkpoint(db: &Db) {
    let options = CheckpointOptions::default();
    assert!(db.checkpoint(&options, &NoProgress).unwrap().done);
}

fn load(db: &Db, from: u32, to: u32, len: usize) {
    let entries = (from..to).map(|i| Ok((i.to_be_bytes(), vec![i as u8; len])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
}

fn compact(db: &Db, options: &CompactOptions) -> CompactReport {
    db.compact(options, &NoProgress).unwrap()
}

fn dry(db: &Db) -> CompactReport {
    let options = CompactOptions {
        dry_run: true,
        ..CompactOptions::default()
    };
    let report = compact(db, &options);
    assert_eq!((report.done, report.reason), (false, "dry run"));
    report
}

fn dense_bytes(db: &Db) -> u64 {
    let path = db.path().with_extension("dense");
    let _ = std::fs::remove_file(&path);
    db.copy_dense(&path, &NoProgress).unwrap().bytes_after
}

fn leaves(db: &Db) -> (u64, f64) {
    let view = db.inner.view.load();
    let sample = tree::sample_fill(&view.tree.pages, view.tree.root(), 256).unwrap();
    (sample.leaves, sample.fill)
}

/// Room to be gained: a value of many pages that is not there any more.
fn with_gap(db: &Db, pages: usize) {
    db.put(b"gap", &vec![1; pages * PAGE as usize]).unwrap();
    checkpoint(db);
    db.delete(b"gap").unwrap();
    checkpoint(db);
}

#[test]
fn an_estimate_comes_close_to_a_dense_copy_and_to_what_is_left() {
    // Full leaves; a sixth of the entries gone; large values; both.
    for (thinned, large) in [(false, 0), (true, 0), (false, 30), (true, 30)] {
        let (_dir, _, db) = watched();
        load(&db, 0, 6000, 100);
        load(&db, 100_000, 100_000 + large, 20_000);
        with_gap(&db, 100);
        if thinned {
            // In one leaf of three, or neighbours would be put together at once.
            let mut batch = Batch::new();
            for i in (0..6000u32).filter(|i| i % 114 < 19) {
                batch.delete(&i.to_be_bytes());
            }
            db.write(batch).unwrap();
            checkpoint(&db);
            assert!((0.6..0.9).contains(&leaves(&db).1), "{:?}", leaves(&db));
        }
        let (estimate, dense) = (dry(&db).bytes_after, dense_bytes(&db));
        // One page for the list of what is free, one because branches are estimated.
        let off = estimate.abs_diff(dense + 2 * PAGE);
        let most = if thinned { dense / 20 } else { PAGE };
        assert!(off <= most, "{thinned}, {large}: {estimate} of {dense}");
        let done = compact(&db, &CompactOptions::default());
        assert!(done.done, "{done:?}");
        assert!(done.bytes_after <= dense * 4 / 3, "{done:?}, {dense}");
        assert_eq!(
            done.bytes_after,
            std::fs::metadata(db.path()).unwrap().len()
        );
        assert!(leaves(&db).1 > 0.9, "{:?}", leaves(&db));
    }
}

#[test]
fn four_pages_are_not_worth_the_work_and_five_are() {
    let mut seen = Vec::new();
    for len in [1, 3000, 7000, 11_000, 15_000] {
        let (_dir, _, db) = watched();
        load(&db, 0, 100, 100);
        for i in 0..2 {
            db.put(b"a", &vec![i; len]).unwrap();
            checkpoint(&db);
        }
        let before = dry(&db);
        let gain = (before.bytes_before - before.bytes_after) / PAGE;
        let done = compact(&db, &CompactOptions::default());
        if gain <= 4 {
            let nothing = (false, "nothing to gain", before.bytes_before);
            assert_eq!((done.done, done.reason, done.bytes_after), nothing);
        } else {
            assert!(done.done, "{done:?}");
            assert!(done.bytes_after < before.bytes_before);
        }
        seen.push(gain);
    }
    assert!(seen.iter().any(|gain| (2..5).contains(gain)), "{seen:?}");
    assert!(seen.iter().any(|gain| *gain >= 5), "{seen:?}");
}

#[test]
fn a_gain_below_the_share_that_was_asked_for_is_left_and_one_that_is_as_large_is_not() {
    let (_dir, _, db) = watched();
    load(&db, 0, 2000, 100);
    with_gap(&db, 100);
    let told = dry(&db);
    let gain = told.bytes_before - told.bytes_after;
    let percent = 100.0 * gain as f64 / told.bytes_before as f64;
    assert!((10.0..90.0).contains(&percent), "{percent}");
    let at_least = |min_gain_percent| CompactOptions {
        min_gain_percent,
        ..CompactOptions::default()
    };
    for share in [percent + 0.001, 99.0] {
        let left = compact(&db, &at_least(share));
        assert_eq!((left.done, left.reason), (false, "too little to gain"));
        assert_eq!(left.bytes_after, told.bytes_before);
    }
    assert!(compact(&db, &at_least(percent)).done);
}

/// Commits an entry for each report, through another handle.
struct Busy {
    other: Mutex<(Db, u32)>,
    most: u32,
}

impl Progress for Busy {
    fn report(&self, _: u64, _: Option<u64>) {
        let mut other = lock(&self.other);
        if other.1 < self.most {
            other.1 += 1;
            let key = other.1.to_be_bytes();
            other.0.put(&key, b"meanwhile").unwrap();
        }
    }
    fn stopped(&self) -> bool {
        false
    }
}

#[test]
fn what_others_commit_meanwhile_is_in_both_sums() {
    for role in [Role::Standalone, Role::Primary] {
        let (_dir, _, db) = watched();
        let change = IdentityChange {
            role: Some(role),
            ..IdentityChange::default()
        };
        db.set_identity(&change).unwrap();
        load(&db, 1000, 4000, 100);
        let range = KeyRange::from_to(&1500u32.to_be_bytes(), &2500u32.to_be_bytes());
        db.delete_range(&range).unwrap();
        checkpoint(&db);
        let options = OpenOptions::new().background_checkpoint(false);
        let busy = Busy {
            other: Mutex::new((options.open(db.path()).unwrap(), 0)),
            most: 200,
        };
        let report = db.compact(&CompactOptions::default(), &busy).unwrap();
        assert!(report.done, "{report:?}");
        assert_eq!(report.content_sum_before, report.content_sum_after);
        let puts = lock(&busy.other).1;
        assert!(puts > 1, "{puts}");
        assert_eq!(db.len().unwrap(), 2000 + u64::from(puts));
    }
}

#[test]
fn long_regions_are_given_back_first() {
    let (_dir, vfs, db) = watched();
    load(&db, 0, 2000, 100);
    db.inner.widen_log(1 << 20).unwrap();
    db.put(b"a", b"1").unwrap();
    let keep = vfs
        .options()
        .background_checkpoint(true)
        .open(db.path())
        .unwrap();
    checkpoint(&keep);
    assert_eq!(lock(&keep.inner.log).tail.extent.len, 1 << 20);
    with_gap_kept(&keep);
    drop(keep);
    let index = db.position().unwrap().index;
    let report = compact(&db, &CompactOptions::default());
    assert!(report.done, "{report:?}");
    let bytes = db.info().unwrap().regions.map(|region| region.bytes);
    assert_eq!(bytes, [64 << 10; 2]);
    assert_eq!(db.position().unwrap().index, index);
}

fn with_gap_kept(db: &Db) {
    db.put(b"gap", &vec![1; 50 * PAGE as usize]).unwrap();
    checkpoint(db);
    db.delete(b"gap").unwrap();
    checkpoint(db);
}
