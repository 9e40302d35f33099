//! Commits that come together: what is written for them, and what each of them is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::following::payload;
use super::watched::{Done, waits, watched};
use crate::db::handle::lock;
use crate::db::turn::is_idle_free;
use crate::db::{Batch, Commit, Db, Interest, KeyRange, OpenOptions, SyncMode};
use crate::error::{Error, Result};
use crate::format::op::{Op, Ops};
use crate::progress::NoProgress;
use crate::store::locks::{CHECKPOINT, WRITER};

const KIB: usize = 1024;

fn put(key: &[u8], len: usize) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, &vec![7; len]);
    batch
}

fn group(db: &Db, batches: Vec<Batch>) -> Vec<Result<Commit>> {
    let count = batches.len();
    let results = db.inner.commit_group(batches);
    assert_eq!(results.len(), count);
    results
}

/// Index and history after each entry of the log, read from the file.
fn log_of(db: &Db) -> Vec<(u64, [u8; 16])> {
    let mut found = Vec::new();
    let newest = db.inner.newest_point().unwrap();
    db.inner
        .walk_log(0, |point, _, _| {
            if found.last().is_none_or(|(last, _)| *last < point.index) {
                found.push((point.index, point.history));
            }
            Ok(true)
        })
        .unwrap();
    found.retain(|(index, _)| *index < newest.index);
    found.push((newest.index, newest.history));
    found
}

/// A group that ran beyond the end of its region would have overwritten what stands behind.
#[test]
fn a_group_too_large_for_its_region_goes_on_in_the_other_one() {
    let (dir, vfs, db) = watched();
    let batches = || (0..12u8).map(|i| put(&[i], 10 * KIB)).collect::<Vec<_>>();
    let results = group(&db, batches());
    let told: Vec<_> = results
        .into_iter()
        .map(|commit| {
            commit
                .map(|commit| (commit.token.index, commit.hash))
                .unwrap()
        })
        .collect();
    assert_eq!(
        told.iter().map(|t| t.0).collect::<Vec<_>>(),
        (1..=12).collect::<Vec<_>>()
    );
    let extents = crate::wal::extents(&lock(&db.inner.log).current.header);
    for done in vfs.take() {
        let (Done::Write(at, len) | Done::Durable(at, len)) = done else {
            continue;
        };
        let inside = extents
            .iter()
            .any(|e| at >= e.start && at + len <= e.start + e.len);
        assert!(inside || at < extents[0].start, "{done:?}");
    }
    assert_eq!(db.len().unwrap(), 12);
    let log = log_of(&db);
    assert!(log.ends_with(&told), "{log:?}\n{told:?}");
    drop(db);
    assert_eq!(
        Db::open(dir.path().join("a.creel")).unwrap().len().unwrap(),
        12
    );
}

#[test]
fn a_group_that_fits_is_one_write_that_is_waited_for_once() {
    let (_dir, vfs, db) = watched();
    db.put(b"first", b"").unwrap();
    vfs.take();
    let results = group(&db, (0..4u8).map(|i| put(&[i], 3 * KIB)).collect());
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let done = vfs.take();
    assert_eq!(waits(&done), 1, "{done:?}");
}

/// 8 MiB at most in one write, whatever room there is.
#[test]
fn a_group_of_many_bytes_is_written_in_several_pieces() {
    let (_dir, vfs, db) = watched();
    db.widen_log(32 << 20).unwrap();
    db.put(b"a", b"1").unwrap();
    {
        let _writer = db.inner.lock_writer().unwrap();
        let mut log = lock(&db.inner.log);
        assert!(db.inner.switch_if_possible(&mut log, 0).unwrap());
    }
    vfs.take();
    let mib = |i: u8| put(&[i], 1 << 20);
    let results = group(&db, (0..12).map(mib).collect());
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let whole = |done: &Done| match done {
        Done::Durable(_, len) => Some(len >> 20),
        _ => None,
    };
    let writes: Vec<u64> = vfs.take().iter().filter_map(whole).collect();
    assert_eq!(writes, [7, 5]);
    assert_eq!(db.len().unwrap(), 13);
    assert_eq!(log_of(&db).last().map(|last| last.0), Some(13));
}

#[test]
fn batches_without_operations_take_no_place_in_the_log() {
    let (_dir, _, db) = watched();
    let before = db.inner.newest_point().unwrap();
    let mut fails = put(b"x", 1);
    fails.require_present(b"nowhere");
    let batches = vec![
        Batch::new(),
        put(b"a", 1),
        Batch::new(),
        fails,
        put(b"b", 1),
        Batch::new(),
    ];
    let results = group(&db, batches);
    assert!(matches!(results[3], Err(Error::Precondition { .. })));
    let log = log_of(&db);
    let told: Vec<_> = results
        .iter()
        .flatten()
        .map(|commit| (commit.token.index, commit.hash))
        .collect();
    let none = (before.index, before.history);
    let [.., one, two] = log.as_slice() else {
        panic!("{log:?}");
    };
    assert_eq!((one.0, two.0), (before.index + 1, before.index + 2));
    assert_eq!(told, [none, *one, *one, *two, *two]);
    assert_eq!(db.log_info().unwrap().entries, 2);
}

#[test]
fn each_of_a_group_sees_those_before_it_and_snapshots_see_none() {
    let (_dir, _, db) = watched();
    db.put(b"kept", b"1").unwrap();
    let before = db.snapshot().unwrap();
    let mut absent = put(b"a", 1);
    absent.require_absent(b"a");
    let mut present = put(b"b", 1);
    present.require_present(b"a");
    let mut gone = Batch::new();
    gone.delete_range(&KeyRange::prefix(b"a"))
        .count_deleted(true);
    let mut again = put(b"c", 1);
    again.require_absent(b"a").require_present(b"b");
    let results = group(&db, vec![absent.clone(), present, absent, gone, again]);
    let told: Vec<_> = results
        .iter()
        .map(|r| {
            r.as_ref()
                .ok()
                .map(|commit| (commit.token.index, commit.deleted))
        })
        .collect();
    assert_eq!(
        told,
        [Some((2, 0)), Some((3, 0)), None, Some((4, 1)), Some((5, 0))]
    );
    assert_eq!(before.keyspace("main").unwrap().len().unwrap(), 1);
    for key in [b"a", b"b", b"c"] {
        assert_eq!(before.get(key).unwrap(), None);
    }
    assert_eq!(db.len().unwrap(), 3);
}

#[test]
fn a_buffer_is_kept_for_the_next_commit_unless_it_is_large() {
    let (_dir, _, db) = watched();
    let spare = || lock(&db.inner.log).spare.capacity();
    db.put(b"small", b"1").unwrap();
    assert!((1..=64 * KIB).contains(&spare()), "{}", spare());
    db.write(put(b"large", 64 * KIB)).unwrap();
    assert_eq!(spare(), 0);
    db.put(b"small", b"2").unwrap();
    assert!(spare() > 0);
    // Of several the frames say what each is told.
    group(&db, (0..3u8).map(|i| put(&[i], 1)).collect());
    assert_eq!(spare(), 0);
}

/// Puts need to know nothing. The handle that appends them once read in the whole log for each.
#[test]
fn a_handle_that_only_appends_reads_no_log_for_puts() {
    let (_dir, vfs, db) = watched();
    db.put(b"a", b"1").unwrap();
    let open = || {
        vfs.options()
            .interest(Interest::None)
            .open(db.path())
            .unwrap()
    };
    let interest = |db: &Db| lock(&db.inner.log).interest.clone();
    let appends = open();
    appends.put(b"b", b"1").unwrap();
    assert_eq!(interest(&appends), Interest::None);
    let mut named = Batch::new();
    named.keyspace("main").put(b"c", b"1");
    appends.write(named).unwrap();
    assert_eq!(interest(&appends), Interest::None);
    // Conditions and counts are about what is there.
    let mut conditional = put(b"d", 1);
    conditional.require_present(b"a");
    open().write(conditional).unwrap();
    let mut counted = Batch::new();
    counted.delete(b"a").count_deleted(true);
    assert_eq!(open().write(counted).unwrap().deleted, 1);
    let mut other = Batch::new();
    other.keyspace("other").put(b"a", b"1");
    open().write(other.clone()).unwrap();
    open().write(other).unwrap();
    let names = db.snapshot().unwrap().keyspaces().unwrap();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(db.len().unwrap(), 3);
}

#[test]
fn what_others_left_unproven_is_made_durable_with_the_next_commit_or_before_it() {
    let (_dir, vfs, db) = watched();
    db.put(b"first", b"1").unwrap();
    let normal = vfs
        .options()
        .sync(SyncMode::Normal)
        .open(db.path())
        .unwrap();
    // A little goes along: one write covers it.
    normal.put(b"a", b"1").unwrap();
    vfs.take();
    db.put(b"b", b"1").unwrap();
    let done = vfs.take();
    assert_eq!(waits(&done), 1, "{done:?}");
    // Much is synced before. Whoever does not wait for the medium never does.
    let dir = tempfile::tempdir().unwrap();
    let db = vfs
        .options()
        .create(dir.path().join("b.creel"), &Default::default());
    let db = db.unwrap();
    db.put(b"first", b"1").unwrap();
    let normal = vfs
        .options()
        .sync(SyncMode::Normal)
        .open(db.path())
        .unwrap();
    vfs.take();
    for i in 0..3u8 {
        normal.write(put(&[i], 40 * KIB)).unwrap();
    }
    assert_eq!(waits(&vfs.take()), 0);
    db.put(b"b", b"1").unwrap();
    let done = vfs.take();
    assert_eq!(done.first(), Some(&Done::Sync), "{done:?}");
    assert_eq!(waits(&done), 2, "{done:?}");
}

/// Where nothing in the log says that the newest header is durable, whoever commits durably writes it once
/// more, once; whoever does not leaves it.
#[test]
fn a_header_that_nobody_vouches_for_is_written_again_before_a_durable_commit() {
    let (_dir, vfs, db) = watched();
    let header = |done: &Vec<Done>| {
        let slots = crate::format::SLOT_OFFSETS;
        let is_slot = |d: &&Done| matches!(d, Done::Write(at, _) if slots.contains(at));
        done.iter().filter(is_slot).count()
    };
    db.put(b"a", b"1").unwrap();
    db.checkpoint(&Default::default(), &NoProgress).unwrap();
    let open = |sync| vfs.options().sync(sync).open(db.path()).unwrap();
    {
        let mut log = lock(&db.inner.log);
        // As if that checkpoint had been another process's.
        log.header_proven = false;
        log.tail.durable_gen = log.current.header.generation as u32 - 1;
    }
    vfs.take();
    for mode in [SyncMode::Normal, SyncMode::Off] {
        let other = open(mode);
        let mut log = lock(&other.inner.log);
        log.header_proven = false;
        log.tail.durable_gen = log.current.header.generation as u32 - 1;
        drop(log);
        vfs.take();
        other.put(b"b", b"1").unwrap();
        assert_eq!(waits(&vfs.take()), 0);
        assert!(!lock(&other.inner.log).header_proven);
    }
    vfs.take();
    db.put(b"c", b"1").unwrap();
    assert_eq!(header(&vfs.take()), 1);
    db.put(b"d", b"1").unwrap();
    assert_eq!(header(&vfs.take()), 0);
    let log = lock(&db.inner.log);
    assert_eq!(log.tail.durable_gen, log.current.header.generation as u32);
}

/// A put that takes exactly so many bytes of the log.
pub fn exactly(number: u64, frame: u64) -> Batch {
    let payload = payload(number, frame);
    let mut batch = Batch::new();
    match Ops::new(&payload, 1).next_op() {
        Ok(Some(Op::Put { key, value, .. })) => batch.put(key, value),
        other => panic!("{other:?}"),
    };
    batch
}

/// Leaves less than this in both regions; false where it was so.
fn fill(db: &Db, need: u64) -> bool {
    for round in 0.. {
        let (room, free) = {
            let mut log = lock(&db.inner.log);
            db.inner.refresh(&mut log, false).unwrap();
            (log.tail.extent.len - log.tail.end, is_idle_free(&log))
        };
        let len = match room.checked_sub(need) {
            Some(over) => (over + 8).max(96),
            None if free => need,
            None => return round > 0,
        };
        db.write(exactly(round, len)).unwrap();
    }
    false
}

#[test]
fn room_that_others_use_up_each_time_is_made_four_times() {
    let (_dir, vfs, db) = watched();
    let other = OpenOptions::new()
        .background_checkpoint(false)
        .sync(SyncMode::Normal)
        .open(db.path())
        .unwrap();
    let need = 40 << 10;
    let rounds = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&rounds);
    vfs.before_lock(move |byte| {
        // Not while it is the checkpoint that takes the lock.
        let runs = other
            .inner
            .locks
            .find_lock(CHECKPOINT, 1)
            .unwrap()
            .is_some();
        let done = count.load(Ordering::Relaxed);
        if byte == WRITER && !runs && done < 8 && fill(&other, need) {
            count.store(done + 1, Ordering::Relaxed);
        }
    });
    let refused = db.write(exactly(1, need)).unwrap_err();
    let Error::Io { source, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(rounds.load(Ordering::Relaxed), 4);
}
