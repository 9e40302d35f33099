//! Copies of a database: which bytes are written and how fast, what of the log is in them, whom they are of.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::watched::{Done, Watched, small, watched};
use crate::db::handle::lock;
use crate::db::{
    BackupOptions, BackupReport, CheckpointOptions, CompactReport, Db, IdentityChange, OpenOptions,
    Reflink, SyncMode,
};
use crate::error::Error;
use crate::format::header::{Header, Role};
use crate::format::{Depth, Invariant};
use crate::progress::NoProgress;
use crate::store::locks::GATE;
use crate::wal::extents;

const MIB: u64 = 1 << 20;

fn plain() -> BackupOptions {
    BackupOptions {
        reflink: Reflink::Never,
        verify: None,
        ..BackupOptions::default()
    }
}

fn checkpoint(db: &Db) {
    let options = CheckpointOptions::default();
    assert!(db.checkpoint(&options, &NoProgress).unwrap().done);
}

fn header(db: &Db) -> Header {
    lock(&db.inner.log).current.header.clone()
}

fn read_only(path: &Path) -> Db {
    OpenOptions::new().read_only(true).open(path).unwrap()
}

/// Loads values of 100,000 bytes.
fn load(db: &Db, count: u32) {
    let entries = (0..count).map(|i| Ok((i.to_be_bytes(), vec![i as u8; 100_000])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
}

/// Backs up and gives where bytes were written in the copy.
fn written(
    vfs: &Watched,
    db: &Db,
    options: &BackupOptions,
) -> (BackupReport, PathBuf, Vec<(u64, u64)>) {
    let path = db.path().with_extension("copy");
    vfs.take();
    let report = db.backup(&path, options, &NoProgress).unwrap();
    let writes = vfs.take().into_iter().filter_map(|done| match done {
        Done::Write(at, len) => Some((at, at + len)),
        _ => None,
    });
    let writes: Vec<_> = writes.collect();
    assert!(
        writes.iter().all(|(_, to)| *to <= report.bytes),
        "{writes:?}"
    );
    (report, path, writes)
}

#[test]
fn a_copy_is_written_in_steps_that_end_at_whole_steps_and_where_its_parts_do() {
    let (_dir, vfs, db) = watched();
    load(&db, 30);
    let (_, path, writes) = written(&vfs, &db, &plain());
    assert_eq!(
        std::fs::metadata(&path).unwrap().len(),
        db.info().unwrap().file_bytes
    );
    let extents = extents(&header(&db));
    for extent in extents {
        // All of a region is written, so that no later commit has to allocate.
        let end = extent.start + extent.len;
        let inside = writes.iter().filter(|w| (extent.start..end).contains(&w.0));
        let mut at = extent.start;
        for (from, to) in inside {
            assert_eq!(*from, at);
            assert!(*to <= end, "{writes:?}");
            at = *to;
        }
        assert_eq!(at, end);
    }
    let pages = extents.map(|e| e.start + e.len).into_iter().max().unwrap();
    let pages: Vec<_> = writes.iter().filter(|w| w.0 >= pages).collect();
    assert!(pages.len() >= 4, "{pages:?}");
    for pair in pages.windows(2) {
        let [(from, to), next] = pair else { panic!() };
        assert_eq!((to % MIB, *to), (0, next.0), "{pages:?}");
        assert!(to - from <= MIB);
    }
    assert_eq!(read_only(&path).len().unwrap(), 30);
}

#[test]
fn a_copy_takes_as_long_as_its_rate_says_in_twenty_steps_a_second() {
    let (_dir, vfs, db) = watched();
    load(&db, 30);
    for (rate, step) in [(2_000_000, 102_400), (1000, 4096), (1 << 40, MIB)] {
        let options = BackupOptions {
            rate: Some(rate),
            replace: true,
            ..plain()
        };
        let (_, before) = vfs.paused();
        let (report, _, writes) = written(&vfs, &db, &options);
        let took = vfs.paused().1 - before;
        let least = Duration::from_secs_f64(report.copied as f64 / rate as f64);
        assert!(
            took + Duration::from_millis(1) >= least,
            "{took:?} of {least:?}"
        );
        assert!(
            took <= least + Duration::from_millis(50),
            "{took:?} of {least:?}"
        );
        let pages = extents(&header(&db)).map(|e| e.start + e.len);
        let pages = writes.iter().filter(|w| w.0 >= pages[1]);
        let longest = pages.map(|(from, to)| to - from).max();
        assert_eq!(longest, Some(step.min(MIB)), "{rate}");
    }
}

#[test]
fn storage_is_shared_where_that_can_be_done_or_must() {
    // Simulated files cannot.
    let (dir, _, db) = watched();
    load(&db, 3);
    let backup = |reflink| {
        let options = BackupOptions { reflink, ..plain() };
        db.backup(
            &dir.path().join(format!("{reflink:?}")),
            &options,
            &NoProgress,
        )
    };
    for reflink in [Reflink::Auto, Reflink::Never] {
        let report = backup(reflink).unwrap();
        assert_eq!(report.shared, 0);
        assert!(report.copied >= 300_000);
    }
    let refused = backup(Reflink::Always).unwrap_err();
    let Error::Io { source, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(source.kind(), ErrorKind::Unsupported);
    assert!(!dir.path().join("Always").exists());
}

#[test]
fn a_file_that_ends_before_its_last_page_is_not_copied() {
    let (dir, vfs, db) = watched();
    load(&db, 12);
    drop(db);
    let path = dir.path().join("a.creel");
    let db = vfs.options().mmap(false).open(&path).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let len = file.metadata().unwrap().len() - 600_000;
    file.set_len(len).unwrap();
    let refused = db.backup(&dir.path().join("copy"), &plain(), &NoProgress);
    let Err(Error::Corrupt(damage)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((damage.id, damage.offset), (Invariant::H7, Some(len)));
}

#[test]
fn a_copy_is_checked_as_deep_as_was_asked_for() {
    let (dir, vfs, db) = watched();
    let entries = (0..300u32).map(|i| Ok((i.to_be_bytes(), [i as u8; 60])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
    drop(db);
    let path = dir.path().join("a.creel");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(60).rposition(|w| w == [7; 60]).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let db = vfs.options().open(&path).unwrap();
    for level in [Depth::Quick, Depth::Full, Depth::Deep] {
        let options = BackupOptions {
            verify: Some(level),
            ..plain()
        };
        let copy = dir.path().join(format!("{level:?}"));
        let done = db.backup(&copy, &options, &NoProgress);
        assert_eq!(done.is_ok(), level == Depth::Quick, "{level:?}: {done:?}");
        assert_eq!(copy.exists(), level == Depth::Quick);
        if let Ok(report) = done {
            assert_eq!(report.verified, Some(Depth::Quick));
        }
    }
}

#[test]
fn a_copy_has_the_log_of_both_regions_and_what_others_committed() {
    let (dir, vfs, db) = watched();
    for i in 0..10u8 {
        db.put(&[i], &[i; 8000]).unwrap();
    }
    assert_eq!(lock(&db.inner.log).tail.active, 1);
    let other = vfs.options().open(db.path()).unwrap();
    other.put(b"other", b"1").unwrap();
    let copy = dir.path().join("copy");
    let report = db.backup(&copy, &plain(), &NoProgress).unwrap();
    let log = db.log_info().unwrap();
    assert_eq!((report.log_bytes, report.token.index), (log.bytes, 11));
    let copied = read_only(&copy);
    assert_eq!(copied.len().unwrap(), 11);
    assert_eq!(copied.log_info().unwrap().entries, 11);
    // In the region that is in use alone.
    for key in [b"a", b"b"] {
        checkpoint(&other);
        other.put(key, b"1").unwrap();
    }
    let options = BackupOptions {
        replace: true,
        ..plain()
    };
    let report = db.backup(&copy, &options, &NoProgress).unwrap();
    assert_eq!(report.log_bytes, db.log_info().unwrap().bytes);
    assert_eq!(read_only(&copy).log_info().unwrap().entries, 1);
    checkpoint(&other);
    let report = db.backup(&copy, &options, &NoProgress).unwrap();
    assert_eq!(report.log_bytes, 0);
    assert_eq!(read_only(&copy).len().unwrap(), 13);
}

#[test]
fn the_regions_of_a_copy_have_their_first_length_and_are_told_apart() {
    let (dir, _, db) = watched();
    db.put(b"a", b"1").unwrap();
    db.inner.widen_log(512 << 10).unwrap();
    db.put(b"b", b"1").unwrap();
    let info = db.info().unwrap();
    assert_eq!(info.regions[1].bytes, 512 << 10);
    let copy = dir.path().join("copy");
    let report = db.backup(&copy, &plain(), &NoProgress).unwrap();
    let copied = OpenOptions::new()
        .background_checkpoint(false)
        .open(&copy)
        .unwrap();
    let now = copied.info().unwrap();
    assert_eq!(now.regions.map(|r| r.bytes), [64 << 10; 2]);
    // What it is shorter by is in no list of free pages.
    assert!(
        info.file_bytes - now.file_bytes >= (512 - 64) << 10,
        "{now:?}"
    );
    assert!(now.free_available < 64, "{now:?}");
    // A region that nobody needs begins behind the log, and has a salt of its own.
    let (active, idle) = (now.regions[0], now.regions[1]);
    assert_eq!((active.first_index, idle.first_index), (1, 3));
    assert_eq!(idle.region_seq + 1, active.region_seq);
    let header = header(&copied);
    let slots = header.regions;
    assert_eq!((slots[0].first_index, slots[1].first_index), (1, 3));
    let found = crate::wal::tail::read_regions(copied.inner.file.as_ref(), &header);
    let [Some(one), Some(two)] = found.unwrap() else {
        panic!();
    };
    assert_ne!(one.salt, two.salt);
    assert_eq!(report.generation, now.generation);
    // Nothing of it is in doubt.
    assert!(copied.log_info().unwrap().is_clean());
    copied.put(b"c", b"1").unwrap();
    checkpoint(&copied);
    assert_eq!(copied.len().unwrap(), 3);
}

#[test]
fn what_is_copied_is_durable_where_it_came_from() {
    let (dir, vfs, db) = watched();
    let normal = vfs
        .options()
        .sync(SyncMode::Normal)
        .open(db.path())
        .unwrap();
    let syncs = |name: &str| {
        vfs.take();
        db.backup_to(&mut Vec::new(), &plain(), &NoProgress)
            .unwrap();
        let done = vfs.take();
        let count = done.iter().filter(|done| **done == Done::Sync).count();
        assert!(count <= 1, "{name}: {done:?}");
        count
    };
    db.put(b"a", b"1").unwrap();
    assert_eq!(syncs("durable"), 0);
    normal.put(b"b", b"1").unwrap();
    assert_eq!(syncs("in the cache"), 1);
    drop(dir);
}

/// Commits and checkpoints of another handle right before the log is read once.
fn backed_up_while(before: u8, step: impl Fn(&Db) + Send + 'static) {
    let (dir, vfs, db) = watched();
    for i in 0..before {
        db.put(&[i], &[i; 8000]).unwrap();
    }
    let other = OpenOptions::new()
        .background_checkpoint(false)
        .open(db.path());
    let other = other.unwrap();
    let stepped = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&stepped);
    vfs.before_lock(move |byte| {
        if byte == GATE && !is_done.swap(true, Ordering::Relaxed) {
            step(&other);
        }
    });
    let copy = dir.path().join("copy");
    let report = db.backup(&copy, &plain(), &NoProgress).unwrap();
    assert!(stepped.load(Ordering::Relaxed));
    let index = report.token.index;
    let copied = read_only(&copy);
    assert_eq!(copied.inner.newest_point().unwrap().index, index);
    assert_eq!(copied.inner.newest_point().unwrap().history, report.history);
    assert_eq!(copied.len().unwrap(), index);
    assert_eq!(db.inner.newest_point().unwrap().index, index);
}

/// The copy once had the bytes of another incarnation for its log.
#[test]
fn a_region_that_was_begun_anew_while_it_was_to_be_copied_is_not_taken_for_what_it_was() {
    for before in [2, 10] {
        backed_up_while(before, |other| {
            for i in 10..14u8 {
                other.put(&[10 + i], b"value").unwrap();
                checkpoint(other);
            }
        });
    }
    // The one in use is the same still, and the one before it is gone.
    backed_up_while(10, |other| {
        checkpoint(other);
        other.put(&[10], b"value").unwrap();
        checkpoint(other);
    });
}

#[test]
fn a_copy_on_its_own_has_another_lineage_and_no_part_in_anything() {
    let (dir, _, db) = watched();
    db.put(b"a", b"1").unwrap();
    let change = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
    db.fence(7).unwrap();
    let path = dir.path().join("detached");
    db.detach(&path, &plain(), &NoProgress).unwrap();
    let (ours, theirs) = (db.info().unwrap(), read_only(&path).info().unwrap());
    assert_ne!(ours.lineage_id, theirs.lineage_id);
    assert_ne!(ours.file_id, theirs.file_id);
    assert_eq!((ours.role, ours.fenced), (Role::Primary, true));
    assert_eq!(
        (theirs.role, theirs.fenced, theirs.fence_epoch),
        (Role::Standalone, false, 0)
    );
    let path = dir.path().join("backup");
    db.backup(&path, &plain(), &NoProgress).unwrap();
    let theirs = read_only(&path).info().unwrap();
    assert_eq!(
        (ours.lineage_id, ours.role),
        (theirs.lineage_id, theirs.role)
    );
}

#[test]
fn a_dense_copy_stands_where_the_log_stood_and_when_it_was_made() {
    let (dir, vfs, db) = watched();
    for i in 0..5u8 {
        db.put(&[i], b"value").unwrap();
    }
    let other = vfs.options().open(db.path()).unwrap();
    other.put(b"other", b"1").unwrap();
    vfs.set_clock(1_234_567_890_123_456);
    let path = dir.path().join("dense");
    let report = db.copy_dense(&path, &NoProgress).unwrap();
    let CompactReport { done, rounds, .. } = report;
    assert_eq!((done, rounds, report.entries), (true, 1, 6));
    let copied = vfs.options().open(&path).unwrap();
    assert_eq!(copied.len().unwrap(), 6);
    let info = copied.info().unwrap();
    assert_eq!(info.checkpoint_time_ms, 1_234_567_890_123);
    assert_eq!(info.checkpoint_index, 6);
    for region in info.regions {
        assert_eq!((region.bytes, region.first_index), (64 << 10, 7));
    }
    assert_eq!(header(&copied).regions.map(|r| r.first_index), [7, 7]);
    copied.put(b"next", b"1").unwrap();
    assert_eq!(copied.inner.newest_point().unwrap().index, 7);
}

#[test]
fn a_new_file_says_when_it_was_made_and_begins_in_its_first_region() {
    let dir = tempfile::tempdir().unwrap();
    let vfs = Watched::default();
    vfs.set_clock(1_234_567_890_123_456);
    let db = vfs.options().create(dir.path().join("a.creel"), &small());
    let info = db.as_ref().unwrap().info().unwrap();
    assert_eq!(info.created_time_ms, 1_234_567_890_123);
    assert_eq!(info.checkpoint_time_ms, 1_234_567_890_123);
    assert_eq!(info.regions.map(|r| r.region_seq), [2, 1]);
    assert_eq!(info.regions.map(|r| r.first_index), [1, 1]);
    assert_eq!(db.unwrap().log_info().unwrap().active_region, 0);
}

#[test]
fn a_salt_is_odd_whatever_chance_says() {
    use crate::db::create::random_salt;
    let vfs = Watched::default();
    for (byte, salt) in [
        (0, 1),
        (1, 0x0101_0101_0101_0101),
        (2, 0x0202_0202_0202_0203),
    ] {
        vfs.set_random(byte);
        assert_eq!(random_salt(&vfs).unwrap(), salt);
    }
}

#[test]
fn a_seed_shows_how_long_it_is() {
    let (_dir, _, db) = watched();
    let seed = db.prepare_seed().unwrap();
    let text = format!("{seed:?}");
    assert!(text.contains(&seed.bytes().to_string()), "{text}");
}
