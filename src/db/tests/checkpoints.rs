//! Checkpoints in numbers: what they tell, what they write and wait for, what becomes of the log regions.

use super::groups::exactly;
use super::watched::{Done, waits, watched};
use crate::db::facts::{Facts, Retention};
use crate::db::handle::lock;
use crate::db::job::Job;
use crate::db::proof::is_proven;
use crate::db::region::RegionWish;
use crate::db::{Batch, CheckpointOptions, Db, IdentityChange, SyncMode};
use crate::format::SLOT_OFFSETS;
use crate::format::header::{Header, Role};
use crate::progress::NoProgress;
use crate::wal::append::Durability;

const KIB: u64 = 1024;

fn checkpoint(db: &Db) -> crate::db::CheckpointReport {
    let options = CheckpointOptions::default();
    db.checkpoint(&options, &NoProgress).unwrap()
}

fn header(db: &Db) -> Header {
    lock(&db.inner.log).current.header.clone()
}

fn last_index(db: &Db) -> u64 {
    lock(&db.inner.log).tail.last_index()
}

fn region_bytes(db: &Db) -> [u64; 2] {
    db.info().unwrap().regions.map(|region| region.bytes)
}

/// Puts of 8 KiB until both regions are full.
fn fill_log(db: &Db) {
    for i in 0..16u8 {
        db.put(&[i], &[i; 8000]).unwrap();
    }
    assert_eq!(header(db).checkpoint_index, 0);
}

pub fn become_primary(db: &Db) {
    let change = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
}

#[test]
fn a_checkpoint_tells_how_long_the_log_was_and_why_nothing_was_done() {
    let (_dir, _, db) = watched();
    let run = |dry_run| {
        let options = CheckpointOptions {
            dry_run,
            ..CheckpointOptions::default()
        };
        let report = db.checkpoint(&options, &NoProgress).unwrap();
        assert!(!report.dense);
        (
            report.done,
            report.reason,
            report.wal_bytes_before,
            report.wal_bytes_after,
        )
    };
    let nothing = "nothing was committed since the last checkpoint";
    assert_eq!(run(true), (false, nothing, 0, 0));
    assert_eq!(run(false), (false, nothing, 0, 0));
    for i in 0..3u8 {
        db.put(&[i], b"value").unwrap();
    }
    let bytes = db.log_info().unwrap().bytes;
    assert!(bytes > 0);
    assert_eq!(run(true), (false, "dry run", bytes, bytes));
    assert_eq!(run(false), (true, "", bytes, 0));
    // All of it is in the tree, and no entry came to the log by that.
    assert_eq!((header(&db).checkpoint_index, last_index(&db)), (3, 3));
    assert_eq!(db.log_info().unwrap().entries, 0);
}

#[test]
fn a_log_without_room_is_given_a_region_of_twice_the_size_which_is_synced() {
    let (_dir, vfs, db) = watched();
    fill_log(&db);
    assert_eq!(region_bytes(&db), [64 * KIB; 2]);
    vfs.take();
    db.put(b"more", &[1; 8000]).unwrap();
    let mut regions = region_bytes(&db);
    regions.sort_unstable();
    assert_eq!(regions, [64 * KIB, 128 * KIB]);
    let done = vfs.take();
    assert!(done.contains(&Done::Sync), "{done:?}");
}

#[test]
fn who_does_not_sync_waits_for_headers_only_and_claims_nothing() {
    let (_dir, vfs, db) = watched();
    let off = vfs.options().sync(SyncMode::Off).open(db.path()).unwrap();
    for i in 0..3u8 {
        off.put(&[i], b"value").unwrap();
    }
    vfs.take();
    let is_slot = |done: &Done| matches!(done, Done::Durable(at, _) if SLOT_OFFSETS.contains(at));
    // One that has something to fold and takes the other region, and one that has not.
    checkpoint(&off);
    for _ in 0..2 {
        let done = vfs.take();
        assert_eq!(waits(&done), 1, "{done:?}");
        assert!(done.iter().any(is_slot), "{done:?}");
        let log = lock(&off.inner.log);
        assert!(!is_proven(&log, log.tail.last_index()));
        assert_ne!(log.tail.durable_gen, log.current.header.generation as u32);
        drop(log);
        off.set_facts(&Facts::default()).unwrap();
    }
}

#[test]
fn a_checkpoint_that_has_nothing_to_fold_leaves_the_region() {
    let (_dir, vfs, db) = watched();
    db.put(b"a", b"1").unwrap();
    // Until what was free is used again.
    for _ in 0..4 {
        db.set_facts(&Facts::default()).unwrap();
    }
    let region = lock(&db.inner.log).tail.region;
    let size = std::fs::metadata(db.path()).unwrap().len();
    vfs.take();
    let before = header(&db).generation;
    db.set_facts(&Facts::default()).unwrap();
    assert_eq!(lock(&db.inner.log).tail.region, region);
    assert_eq!(header(&db).generation, before + 1);
    // The file has the length that it needs: nobody sets it.
    assert_eq!(std::fs::metadata(db.path()).unwrap().len(), size);
    let done = vfs.take();
    let sets = |done: &Done| matches!(done, Done::Size(_));
    assert!(!done.iter().any(sets), "{done:?}");
}

#[test]
fn a_region_is_widened_without_folding_where_that_is_free() {
    let (dir, _, db) = watched();
    // Nothing is new.
    assert!(db.inner.widen_log(256 * KIB).unwrap());
    assert_eq!(region_bytes(&db), [64 * KIB, 256 * KIB]);
    db.put(b"a", b"1").unwrap();
    let region = lock(&db.inner.log).tail.region;
    assert!(db.inner.widen_log(512 * KIB).unwrap());
    assert_eq!(region_bytes(&db), [64 * KIB, 512 * KIB]);
    assert_eq!((header(&db).checkpoint_index, last_index(&db)), (0, 1));
    assert_eq!(lock(&db.inner.log).tail.region, region);
    assert_eq!(db.log_info().unwrap().entries, 1);
    drop(db);
    let db = Db::open(dir.path().join("a.creel")).unwrap();
    assert_eq!(db.len().unwrap(), 1);
}

#[test]
fn a_primary_leaves_a_marker_behind_what_it_folds_and_nowhere_else() {
    let (_dir, _, db) = watched();
    become_primary(&db);
    db.put(b"a", b"1").unwrap();
    db.set_facts(&Facts::default()).unwrap();
    assert_eq!((header(&db).checkpoint_index, last_index(&db)), (1, 1));
    db.put(b"b", b"1").unwrap();
    checkpoint(&db);
    assert_eq!((header(&db).checkpoint_index, last_index(&db)), (2, 3));
    db.put(b"c", b"1").unwrap();
    let report = db
        .bulk_load("main", std::iter::once(Ok((b"d", b"1"))), &NoProgress)
        .unwrap();
    assert_eq!((report.token.index, last_index(&db)), (5, 5));
}

#[test]
fn the_region_that_gave_its_entries_up_begins_behind_the_checkpoint() {
    let (_dir, _, db) = watched();
    become_primary(&db);
    for i in 0..3u8 {
        db.put(&[i], b"value").unwrap();
        db.put(&[i, i], b"value").unwrap();
        checkpoint(&db);
        let header = header(&db);
        let idle = lock(&db.inner.log).tail.active ^ 1;
        let slot = header.regions[idle];
        assert_eq!(slot.first_index, header.checkpoint_index + 1, "{i}");
        let info = db.info().unwrap().regions[idle];
        assert_eq!(info.first_index, slot.first_index);
        assert_eq!(info.region_seq, slot.region_seq);
    }
}

/// Two regions had been filled before the checkpoint came, and the log goes on in the second one.
#[test]
fn a_region_that_was_archived_while_the_log_went_on_begins_behind_the_checkpoint() {
    let (_dir, _, db) = watched();
    become_primary(&db);
    for i in 0..10u8 {
        db.put(&[i], &[i; 8000]).unwrap();
    }
    assert_eq!(lock(&db.inner.log).tail.active, 1);
    checkpoint(&db);
    assert_eq!(lock(&db.inner.log).tail.active, 1);
    assert_eq!(header(&db).checkpoint_index, 10);
    assert_eq!(header(&db).regions[0].first_index, 11);
    assert_eq!(db.info().unwrap().regions[0].first_index, 11);
}

/// A handle that was asked to keep the log of a file that is not replicated, and did not.
#[test]
fn a_file_of_its_own_keeps_its_log_from_the_checkpoint_on_that_is_told_to() {
    let (_dir, _, db) = watched();
    db.put(b"a", b"1").unwrap();
    assert_eq!(header(&db).archive_first_index, 0);
    let facts = Facts {
        retention: Retention {
            standalone: true,
            ..Retention::default()
        },
        ..Facts::default()
    };
    db.set_facts(&facts).unwrap();
    let position = db.position().unwrap();
    let first = header(&db).archive_first_index;
    assert!((1..=2).contains(&first), "{first}");
    for i in 0..4u8 {
        db.put(&[i], b"value").unwrap();
        checkpoint(&db);
    }
    assert_eq!(header(&db).archive_first_index, first);
    let mut reader = db.log_reader(&position).unwrap();
    while !reader.read(100, usize::MAX).unwrap().is_empty() {}
    assert_eq!(reader.position().index, position.index + 4);
}

#[test]
fn the_file_is_as_long_as_the_next_header_says_before_it_is_written() {
    let (_dir, vfs, db) = watched();
    let before = lock(&db.inner.log).current.clone();
    let page = before.header.page_size() as u64;
    let more = |pages| Header {
        page_count: before.header.page_count + pages,
        ..before.header.clone()
    };
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(db.path())
        .unwrap();
    let len = u64::from(before.header.page_count) * page;
    // The pages that it has more, its length before and afterwards.
    let cases = [
        (0, len, len),
        (2, len, len + 2 * page),
        (2, len + page, len + 2 * page),
        (2, len + 2 * page, len + 2 * page),
        (2, len + 3 * page, len + 3 * page),
        // Nobody makes a file whole that was cut off.
        (0, len - page, len - page),
    ];
    for (pages, from, to) in cases {
        file.set_len(from).unwrap();
        vfs.take();
        db.inner.make_durable(&before, &more(pages)).unwrap();
        assert_eq!(file.metadata().unwrap().len(), to, "{pages} more, {from}");
        let done = vfs.take();
        let set = (from != to).then_some(Done::Size(to));
        let expected: Vec<_> = set.into_iter().chain([Done::Sync]).collect();
        assert_eq!(done, expected, "{pages} more, {from}");
    }
}

#[test]
fn the_longer_region_counts_as_spare_while_it_is_free_and_the_other_one() {
    let (_dir, _, db) = watched();
    let spare = || {
        let log = lock(&db.inner.log);
        db.inner.note_log(&log);
        let order = std::sync::atomic::Ordering::Relaxed;
        db.inner.log_spare.load(order)
    };
    assert_eq!(spare(), 0); // as long as the other
    db.inner.widen_log(256 * KIB).unwrap();
    assert_eq!(spare(), 256 * KIB);
    db.put(b"a", b"1").unwrap();
    checkpoint_keeping(&db); // goes on in the longer one
    assert_eq!(spare(), 0);
    db.inner.widen_log(512 * KIB).unwrap();
    assert_eq!(region_bytes(&db), [512 * KIB, 256 * KIB]);
    assert_eq!(spare(), 512 * KIB);
}

/// A checkpoint that leaves the regions as long as they are.
fn checkpoint_keeping(db: &Db) {
    let job = Job::fold(RegionWish::Keep);
    assert!(db.inner.run_job(&job, &NoProgress).unwrap().report.done);
}

/// The free region is asked, not the one in use.
#[test]
fn a_longer_log_is_made_only_where_the_free_region_is_short() {
    for switched in [false, true] {
        let (_dir, vfs, db) = watched();
        let entries = (0..4000u32).map(|i| Ok((i.to_be_bytes(), [7u8; 60])));
        db.bulk_load("main", entries, &NoProgress).unwrap();
        if switched {
            db.put(b"a", b"1").unwrap();
            checkpoint(&db);
        }
        let db = vfs
            .options()
            .sync(SyncMode::Normal)
            .open(db.path())
            .unwrap();
        assert_eq!(lock(&db.inner.log).tail.active == 1, switched);
        let mut batch = Batch::new();
        for i in 0..60u32 {
            batch.put(&(i * 66).to_be_bytes(), b"");
        }
        db.write(batch).unwrap();
        assert_eq!(db.inner.room_before_folding().unwrap(), Some(4 << 20));
        assert!(db.inner.widen_log(4 << 20).unwrap());
        assert_eq!(db.inner.room_before_folding().unwrap(), None);
    }
}

#[test]
fn times_jump_where_the_clock_is_behind_and_a_lost_entry_may_stand_there() {
    let (_dir, vfs, db) = watched();
    db.put(b"a", b"1").unwrap();
    let mut tail = lock(&db.inner.log).tail.clone();
    tail.last_time_us = 5_000_000;
    vfs.set_random(0xff);
    let mut stamp = |now_us, clear| {
        vfs.set_clock(now_us);
        tail.clear = clear;
        let stamp = db.inner.stamp(&tail, Durability::Later);
        assert_eq!(stamp.durability, Durability::Later);
        stamp.now_us
    };
    for now_us in [5_000_001, 6_000_000] {
        assert_eq!(stamp(now_us, true), now_us);
        assert_eq!(stamp(now_us, false), now_us);
    }
    for now_us in [1, 4_999_999, 5_000_000] {
        assert_eq!(stamp(now_us, true), now_us);
        assert_eq!(stamp(now_us, false), 5_000_001 + 0xfff);
    }
    vfs.set_random(0);
    assert_eq!(stamp(5_000_000, false), 5_000_001);
}

#[test]
fn a_log_that_fills_its_region_to_the_end_is_read_and_goes_on() {
    let (dir, _, db) = watched();
    let room = {
        let log = lock(&db.inner.log);
        log.tail.extent.len - log.tail.end
    };
    db.write(exactly(1, room)).unwrap();
    let log = lock(&db.inner.log);
    assert_eq!(log.tail.end, log.tail.extent.len);
    drop(log);
    let copy = dir.path().join("b.creel");
    db.backup(&copy, &Default::default(), &NoProgress).unwrap();
    for path in [db.path(), copy.as_path()] {
        let db = crate::db::OpenOptions::new()
            .background_checkpoint(false)
            .open(path)
            .unwrap();
        assert_eq!(db.len().unwrap(), 1);
        db.put(b"next", b"1").unwrap();
        assert_eq!(lock(&db.inner.log).tail.active, 1);
        assert_eq!(db.len().unwrap(), 2);
    }
}
