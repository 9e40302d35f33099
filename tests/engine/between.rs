//! Two handles on one file, where one steps in while the other has written all but its header.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel::{
    Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, Error, KeyRange, NoProgress,
    OpenOptions,
};

use crate::hook::HookVfs;
use crate::scratch::Scratch;

fn small() -> CreateOptions {
    CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    }
}

fn options() -> OpenOptions {
    OpenOptions::new()
        .background_checkpoint(false)
        .checkpoint_at(None)
        .lock_timeout(Duration::from_millis(20))
}

/// A handle that can be stepped into, and an ordinary one, on a new file.
fn two(scratch: &Scratch) -> (HookVfs, Db, Db) {
    let (hook, path) = (HookVfs::default(), scratch.file("a.creel"));
    let stepped = options()
        .vfs(Arc::new(hook.clone()))
        .create(&path, &small())
        .unwrap();
    (hook, stepped, options().open(&path).unwrap())
}

/// Commits until a lock is in the way or the log must have turned over; gives how many it were.
fn commit_many(db: &Db) -> u32 {
    for i in 0..1500 {
        match db.put(format!("between {i:04}").as_bytes(), &[b'v'; 64]) {
            Ok(_) => {}
            Err(Error::Busy {
                lock: "checkpoint", ..
            }) => return i,
            Err(e) => panic!("{e:?}"),
        }
    }
    1500
}

fn expect_many(path: &Path, count: u32) {
    let db = Db::open(path).unwrap();
    for i in 0..count {
        let key = format!("between {i:04}");
        assert!(
            db.get(key.as_bytes()).unwrap().is_some(),
            "{key} of {count} is lost"
        );
    }
}

/// A region was given a new place while commits of another process turned to its old one.
#[test]
fn commits_that_come_while_a_log_region_grows_are_kept() {
    let scratch = Scratch::new();
    let (hook, grows, other) = two(&scratch);
    let count = Arc::new(Mutex::new(0));
    let committed = Arc::clone(&count);
    hook.before_sync(move || {
        *committed.lock().unwrap() = commit_many(&other);
        Ok(())
    });
    // More than a region, into an empty log: a checkpoint makes room although it folds nothing.
    grows.put(b"large", &[b'x'; 100_000]).unwrap();
    assert!(hook.is_used());
    let count = *count.lock().unwrap();
    assert!(count > 0);
    assert_eq!(grows.get(b"large").unwrap().unwrap().len(), 100_000);
    expect_many(grows.path(), count);
}

/// The same where compaction moves the idle region, at each of its syncs.
#[test]
fn commits_that_come_while_compaction_moves_a_log_region_are_kept() {
    let mut at = 0;
    while compact_with_commits_before_sync(at) {
        at += 1;
    }
    assert!(at > 5, "compaction took {at} syncs");
}

/// False where compaction ended before.
fn compact_with_commits_before_sync(at: usize) -> bool {
    let scratch = Scratch::new();
    let (hook, compacts, other) = two(&scratch);
    let mut batch = Batch::new();
    for i in 0..2000u32 {
        batch.put(&i.to_be_bytes(), &[b'x'; 200]);
    }
    compacts.write(batch).unwrap();
    compacts
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    compacts.delete_range(&KeyRange::all()).unwrap();
    compacts
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let count = Arc::new(Mutex::new(None));
    let committed = Arc::clone(&count);
    let hook_at_end = hook.clone();
    let step = move || *committed.lock().unwrap() = Some(commit_many(&other));
    before_later_sync(&hook, at, Box::new(step));
    compacts
        .compact(&CompactOptions::default(), &NoProgress)
        .unwrap();
    let Some(count) = *count.lock().unwrap() else {
        return false;
    };
    assert!(count > 0 && hook_at_end.is_used());
    expect_many(compacts.path(), count);
    true
}

/// Lets `skip` syncs pass before the one that is stepped into.
pub fn before_later_sync(hook: &HookVfs, skip: usize, f: Box<dyn FnOnce() + Send>) {
    let again = hook.clone();
    hook.before_sync(move || {
        match skip {
            0 => f(),
            _ => before_later_sync(&again, skip - 1, f),
        }
        Ok(())
    });
}

/// A bulk load's log entry was taken for a commit by those who were looking on. When the load
/// failed, their next commit stood behind an entry that does not count: the file was refused.
#[test]
fn a_bulk_load_that_fails_is_no_commit_for_those_who_look_on() {
    let scratch = Scratch::new();
    let (hook, loads, other) = two(&scratch);
    other.put(b"before", b"1").unwrap();
    loads
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let looks_on = other.clone();
    hook.before_sync(move || {
        assert_eq!(looks_on.snapshot().unwrap().token().index, 1);
        Err(io::Error::from_raw_os_error(5))
    });
    let entries = (0..100u32).map(|i| Ok((i.to_be_bytes(), b"bulk")));
    loads.bulk_load("main", entries, &NoProgress).unwrap_err();
    assert!(hook.is_used());
    drop(loads);
    assert_eq!(other.snapshot().unwrap().token().index, 1);
    assert_eq!(other.put(b"after", b"2").unwrap().token.index, 2);
    let db = Db::open(other.path()).unwrap();
    assert_eq!(db.len().unwrap(), 2);
    assert_eq!(db.get(b"after").unwrap().as_deref(), Some(&b"2"[..]));
}

/// The keyspace was looked up before the locks were taken: entries could go to an id that no name
/// led to any more. Now nobody can drop it between the look and the load.
#[test]
fn nobody_drops_a_keyspace_during_a_bulk_load_into_it() {
    let scratch = Scratch::new();
    let (_, loads, _) = two(&scratch);
    let other = options().lock_timeout(Duration::ZERO);
    let other = other.open(loads.path()).unwrap();
    let mut batch = Batch::new();
    batch.keyspace("ks").put(b"a", b"1");
    other.write(batch).unwrap();
    let entries = (0..10u32).map(|i| {
        let mut batch = Batch::new();
        batch.keyspace("ks").drop_keyspace();
        let refused = other.write(batch);
        assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
        Ok((i.to_be_bytes(), b"bulk"))
    });
    loads.bulk_load("ks", entries, &NoProgress).unwrap();
    let snapshot = other.snapshot().unwrap();
    assert_eq!(snapshot.keyspace("ks").unwrap().len().unwrap(), 11);
    loads.put(b"after", b"1").unwrap();
}

/// One who wanted to checkpoint kept the checkpoint lock while he waited for the writer lock. A
/// session that keeps the writer lock could not make room in its log then, and failed.
#[test]
fn a_session_that_keeps_the_lock_goes_on_while_another_waits_to_checkpoint() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let session = options()
        .lock_timeout(Duration::from_millis(400))
        .hold_lock(true);
    let session = session.create(&path, &small()).unwrap();
    let waits = options()
        .lock_timeout(Duration::from_millis(1500))
        .open(&path)
        .unwrap();
    let waiting =
        std::thread::spawn(move || waits.checkpoint(&CheckpointOptions::default(), &NoProgress));
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(1000) {
        session.put(b"k", &[b'v'; 20_000]).unwrap();
    }
    let refused = waiting.join().unwrap();
    assert!(
        matches!(refused, Err(Error::Busy { lock: "writer", .. })),
        "{refused:?}"
    );
}

/// Another process saw a commit before its mark, and then did not look for the mark as long as the
/// writer kept its lock: the commit was handed to nobody.
#[test]
fn a_commit_that_was_seen_before_its_mark_is_handed_out_while_the_lock_is_held() {
    let scratch = Scratch::new();
    let (hook, path) = (HookVfs::default(), scratch.file("a.creel"));
    let writer = OpenOptions::new()
        .vfs(Arc::new(hook.clone()))
        .hold_lock(true)
        .create(&path, &CreateOptions::default())
        .unwrap();
    let reader = Arc::new(Db::open(&path).unwrap());
    let wait = Duration::from_secs(20);
    let first = writer.put(b"first", b"1").unwrap().token.index;
    assert_eq!(reader.watch(0, wait).unwrap(), first);
    let seen = Arc::new(Mutex::new(u64::MAX));
    let (early, noted) = (Arc::clone(&reader), Arc::clone(&seen));
    hook.after_durable_write(move || {
        *noted.lock().unwrap() = early.watch(first, Duration::ZERO).unwrap();
        Ok(())
    });
    let second = writer.put(b"second", b"2").unwrap().token.index;
    assert!(hook.is_used());
    assert!(*seen.lock().unwrap() <= first, "nothing vouched for it yet");
    assert_eq!(reader.watch(first, wait).unwrap(), second);
}
