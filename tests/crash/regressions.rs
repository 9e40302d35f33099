//! What the campaign found, one test each, named after the failure.

use std::path::Path;
use std::sync::Arc;

use creel::sys::Vfs;
use creel::{
    CheckpointOptions, CreateOptions, Db, NoProgress, OpenOptions, SyncMode, Verdict, VerifyOptions,
};

use super::campaign::{Budget, spend};
use super::hook::HookVfs;
use super::support::sim::{CrashChoice, CrashPlan, FaultKind, FaultOn, FaultPlan, Repeat, SimDisk};
use super::workloads::named;
use super::world::PATH;

fn small() -> CreateOptions {
    CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    }
}

fn options(disk: &Arc<SimDisk>) -> OpenOptions {
    let options = OpenOptions::new().vfs(Arc::clone(disk) as _).mmap(false);
    options.background_checkpoint(false).checkpoint_at(None)
}

fn checkpoint(db: &Db) -> creel::Result<bool> {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .map(|report| report.done)
}

fn fail_once(disk: &SimDisk, on: FaultOn, nth: usize, kind: FaultKind) {
    disk.set_fault(FaultPlan {
        nth,
        kind,
        repeat: Repeat::Once,
        on,
    });
}

/// A handle that was never read from answered its first question from what it saw when it was
/// opened, however long ago.
#[test]
fn first_read_misses_what_others_committed_since_the_open() {
    let disk = SimDisk::new(1);
    let writer = options(&disk).create(PATH, &small()).unwrap();
    let reader = options(&disk).open(PATH).unwrap();
    writer.put(b"key", b"value").unwrap();
    assert_eq!(reader.get(b"key").unwrap(), Some(b"value".to_vec()));
}

/// Opening drops a bulk load that never finished, but the next commit found its entry in the log
/// again and went on behind it: the file could not be opened any more.
#[test]
fn commit_behind_a_bulk_load_that_never_finished() {
    let mut usable = 0;
    for nth in 1..=8 {
        let disk = SimDisk::new(1);
        let db = options(&disk).create(PATH, &small()).unwrap();
        let other = options(&disk).open(PATH).unwrap();
        other.put(b"before", b"0").unwrap();
        fail_once(&disk, FaultOn::Sync, nth, FaultKind::Errno(libc::ENOSPC));
        let rows = [("a", "1"), ("b", "2")].map(Ok);
        let loaded = db.bulk_load("main", rows.into_iter(), &NoProgress).is_ok();
        disk.clear_fault();
        for (who, db) in [("the handle itself", &db), ("another handle", &other)] {
            if db.put(who.as_bytes(), b"3").is_ok() {
                usable += usize::from(!loaded);
                let again = options(&disk).open(PATH).unwrap();
                assert_eq!(again.get(who.as_bytes()).unwrap(), Some(b"3".to_vec()));
            }
        }
        drop((db, other));
        let again = options(&disk).open(PATH).unwrap();
        again.put(b"after", b"4").unwrap();
        let after = options(&disk.fork_at_crash(&CrashChoice::None))
            .open(PATH)
            .unwrap();
        assert_eq!(after.get(b"after").unwrap(), Some(b"4".to_vec()));
    }
    assert!(
        usable >= 4,
        "{usable} handles went on after a bulk load that failed"
    );
}

/// A commit that found no space for its first byte ended the handle, though nothing had happened.
#[test]
fn commit_that_finds_no_space_can_be_tried_again() {
    for kind in [
        FaultKind::Errno(libc::ENOSPC),
        FaultKind::ShortWriteThenError(libc::EDQUOT),
    ] {
        let disk = SimDisk::new(1);
        let db = options(&disk).create(PATH, &small()).unwrap();
        db.put(b"before", b"0").unwrap();
        fail_once(&disk, FaultOn::Write, 1, kind);
        let refused = db.put(b"full", &[1; 300]).unwrap_err();
        assert!(matches!(refused, creel::Error::Io { .. }), "{refused:?}");
        disk.clear_fault();
        assert_eq!(db.get(b"full").unwrap(), None);
        assert_eq!(db.put(b"after", b"2").unwrap().token.index, 2);
        let left = disk.fork_at_crash(&CrashChoice::None);
        let again = options(&left).open(PATH).unwrap();
        assert_eq!(again.get(b"full").unwrap(), None);
        assert_eq!(again.get(b"after").unwrap().as_deref(), Some(&b"2"[..]));
    }
}

/// The header of a bulk load was written and its sync failed. Commits that do not sync went on
/// behind the load's entry; a power loss could keep both and lose the header: the file could not
/// be opened any more.
#[test]
fn unsynced_commit_behind_a_bulk_load_whose_header_was_not_durable() {
    let disk = SimDisk::new(1);
    let db = options(&disk).create(PATH, &small()).unwrap();
    db.put(b"before", b"0").unwrap();
    // The sync of the pages succeeds, that of the header does not.
    fail_once(&disk, FaultOn::Sync, 2, FaultKind::Errno(libc::ENOSPC));
    let rows = [("a", "1"), ("b", "2")].map(Ok);
    db.bulk_load("main", rows.into_iter(), &NoProgress)
        .unwrap_err();
    disk.clear_fault();
    drop(db);
    let lazy = options(&disk).sync(SyncMode::Normal).open(PATH).unwrap();
    assert_eq!(lazy.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    lazy.put(b"after", b"3").unwrap();
    lazy.put(b"after that", b"4").unwrap();
    let pending = disk.snapshot().pending_fragments();
    for choice in CrashPlan::choices(pending, 1, 1 << 12) {
        let left = disk.fork_at_crash(&choice);
        let again = options(&left).open(PATH).unwrap();
        assert_eq!(again.get(b"before").unwrap().as_deref(), Some(&b"0"[..]));
    }
}

/// While a larger log region was made for one process, another one switched to the region that
/// was being replaced and committed there; its commits were gone with the new header.
#[test]
fn commits_of_others_are_lost_in_a_region_that_is_replaced() {
    let disk = SimDisk::new(1);
    let db = options(&disk).create(PATH, &small()).unwrap();
    db.put(b"first", b"1").unwrap();
    checkpoint(&db).unwrap();
    let vfs = HookVfs::new(Arc::clone(&disk));
    let grower = options(&disk)
        .vfs(Arc::new(vfs.clone()))
        .open(PATH)
        .unwrap();
    let other = options(&disk).lock_timeout(std::time::Duration::ZERO);
    let other = other.open(PATH).unwrap();
    let done = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&done);
    vfs.set(move |call| {
        for i in 0..9 {
            let key = format!("other {call} {i}");
            if other.put(key.as_bytes(), &[7; 9_000]).is_ok() {
                noted.lock().unwrap().push(key);
            }
        }
    });
    grower.put(b"large", &[1; 70_000]).unwrap();
    vfs.clear();
    let again = options(&disk).open(PATH).unwrap();
    for key in done.lock().unwrap().iter() {
        assert!(
            again.get(key.as_bytes()).unwrap().is_some(),
            "{key} is lost"
        );
    }
    assert!(again.get(b"large").unwrap().is_some());
}

/// A checkpoint with `sync off` leaves pages un-synced behind a durable header. A full commit
/// that followed was acknowledged, and lost with the whole file.
#[test]
fn full_commit_upon_an_unsynced_checkpoint_is_lost() {
    let disk = SimDisk::new(1);
    drop(options(&disk).create(PATH, &small()).unwrap());
    let off = options(&disk).sync(SyncMode::Off).open(PATH).unwrap();
    off.put(b"off", b"1").unwrap();
    checkpoint(&off).unwrap();
    drop(off);
    options(&disk)
        .open(PATH)
        .unwrap()
        .put(b"full", b"2")
        .unwrap();
    let after = disk.fork_at_crash(&CrashChoice::None);
    let db = options(&after).open(PATH).unwrap();
    assert_eq!(db.get(b"full").unwrap(), Some(b"2".to_vec()));
    assert_eq!(db.get(b"off").unwrap(), Some(b"1".to_vec()));
}

/// A region switch with `sync off` leaves the older region un-synced. A full commit in the newer
/// one was acknowledged, and after a power loss the file could not be opened.
#[test]
fn full_commit_upon_an_unsynced_switch_is_lost() {
    let disk = SimDisk::new(1);
    let full = options(&disk).create(PATH, &small()).unwrap();
    full.put(b"first", b"1").unwrap();
    let off = options(&disk).sync(SyncMode::Off).open(PATH).unwrap();
    for i in 0..5u8 {
        off.put(&[b'a' + i], &[i; 20_000]).unwrap();
    }
    full.put(b"full", b"2").unwrap();
    let after = disk.fork_at_crash(&CrashChoice::None);
    let db = options(&after).open(PATH).unwrap();
    assert_eq!(db.get(b"full").unwrap(), Some(b"2".to_vec()));
    assert_eq!(db.get(b"e").unwrap(), Some(vec![4; 20_000]));
}

/// A sync that fails may take bytes back which another process has read already (btrfs). That
/// one's next commit pointed at an entry that was not there: acknowledged, and lost. Worse with
/// un-synced commits: they were written over entries that others had made durable since.
#[test]
fn commit_behind_an_entry_that_a_failed_sync_took_back_is_lost() {
    for step in 0..3 {
        let disk = SimDisk::new(1);
        options(&disk)
            .create(PATH, &small())
            .unwrap()
            .put(b"first", b"1")
            .unwrap();
        let loser = options(&disk).sync(SyncMode::Normal).open(PATH).unwrap();
        let other = options(&disk).open(PATH).unwrap();
        let lazy = options(&disk).sync(SyncMode::Normal).open(PATH).unwrap();
        loser.put(b"taken back", &[2; 900]).unwrap();
        assert!(other.get(b"taken back").unwrap().is_some());
        assert!(lazy.get(b"taken back").unwrap().is_some());
        fail_once(&disk, FaultOn::Sync, 1, FaultKind::SyncReverts);
        checkpoint(&loser).unwrap_err();
        disk.clear_fault();
        disk.forget_owed_errors();
        if step == 2 {
            // As long as nobody says that syncs fail, everything goes on.
            other.put(b"long", &[3; 2000]).unwrap();
            lazy.put(b"lazy", b"4").unwrap();
        }
        match step {
            0 => assert!(checkpoint(&other).unwrap() || other.put(b"x", b"x").is_ok()),
            _ => assert!(other.put(b"full", b"5").is_ok()),
        }
        let after = disk.fork_at_crash(&CrashChoice::None);
        let db = options(&after).open(PATH).unwrap();
        assert!(db.get(b"first").unwrap().is_some());
        assert_eq!(db.get(b"taken back").unwrap(), None);
        assert_eq!(db.get(b"full").unwrap().is_some(), step > 0);
        assert_eq!(db.get(b"long").unwrap().is_some(), step == 2);
        assert_eq!(db.get(b"lazy").unwrap().is_some(), step == 2);
    }
}

/// A batch of more than 64 KiB whose sync failed is in the page cache only. The next process found
/// that out, and refused its own commit instead of writing the batch again.
#[test]
fn commit_behind_a_large_batch_whose_sync_failed_is_refused() {
    let disk = SimDisk::new(1);
    let create = CreateOptions {
        wal_size: 1 << 20,
        ..CreateOptions::default()
    };
    let db = options(&disk).create(PATH, &create).unwrap();
    db.put(b"first", b"1").unwrap();
    fail_once(&disk, FaultOn::Sync, 1, FaultKind::SyncKeepsNew);
    db.put(b"large", &[1; 100_000]).unwrap_err();
    disk.clear_fault();
    drop(db);
    options(&disk)
        .open(PATH)
        .unwrap()
        .put(b"next", b"2")
        .unwrap();
    let after = disk.fork_at_crash(&CrashChoice::None);
    let db = options(&after).open(PATH).unwrap();
    assert_eq!(db.get(b"next").unwrap(), Some(b"2".to_vec()));
    assert_eq!(db.get(b"large").unwrap(), Some(vec![1; 100_000]));
}

/// A header reached the page cache only. The next checkpoint, which had no reason to switch the
/// log, wrote its own without proving that one: the medium had two headers that do not follow
/// each other, and pages that the older one needs were free to be used again.
#[test]
fn header_that_only_the_page_cache_has_is_built_on() {
    let disk = SimDisk::new(1);
    let db = options(&disk).create(PATH, &small()).unwrap();
    db.put(b"first", b"1").unwrap();
    checkpoint(&db).unwrap();
    db.put(b"second", b"2").unwrap();
    drop(db);
    // The last sync of a checkpoint is the header's.
    let failing = |nth: usize| {
        let fork = disk.snapshot().fork_at_kill();
        let db = options(&fork).open(PATH).unwrap();
        fail_once(&fork, FaultOn::Sync, nth, FaultKind::SyncKeepsNew);
        let failed = checkpoint(&db).is_err();
        fork.clear_fault();
        failed.then_some(fork)
    };
    let disk = (1..).map_while(failing).last().unwrap();
    let db = options(&disk).open(PATH).unwrap();
    assert_eq!(db.info().unwrap().generation, 3);
    let rows = [("a", "1"), ("b", "2")].map(Ok);
    db.bulk_load("main", rows.into_iter(), &NoProgress).unwrap();
    let vfs: Arc<dyn Vfs> = disk.fork_at_crash(&CrashChoice::None);
    let options = VerifyOptions {
        vfs,
        ..VerifyOptions::default()
    };
    let report = creel::verify(Path::new(PATH), &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
    assert_eq!(report.generation, 4);
}

/// The first bytes of two headers at one place are the same. Where they lie in a sector of their
/// own, the next commit brought them to the medium and made an unfinished one whole that way,
/// after everybody had been told that it was not there.
#[test]
fn half_a_header_does_not_bring_an_unfinished_commit_back() {
    let tally = spend(named("rests"), Budget::new(4000, 4000));
    let violations = tally.violations.into_inner().unwrap();
    let first = violations.first().map(|(place, text)| (place.line(), text));
    assert_eq!(first, None);
}
