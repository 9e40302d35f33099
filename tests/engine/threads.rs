//! Many threads on one handle: group commit, snapshots, checkpoints in the background.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use creel::{
    Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, Error, KeyRange, NoProgress,
    OpenOptions, Snapshot, SyncMode,
};

use crate::scratch::Scratch;

/// Small regions, so that the log turns over and grows all the time.
fn busy_db(scratch: &Scratch, sync: SyncMode) -> Db {
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new().sync(sync).checkpoint_at(Some(16 << 10));
    options.create(scratch.file("a.creel"), &create).unwrap()
}

fn number(snapshot: &Snapshot, key: &str) -> u64 {
    let value = snapshot.get(key.as_bytes()).unwrap();
    value.map_or(0, |v| u64::from_le_bytes(v.try_into().unwrap()))
}

/// Everything of `main`, by key.
fn all(snapshot: &Snapshot) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let cursor = snapshot.keyspace("main").unwrap().cursor(&KeyRange::all());
    cursor.map(Result::unwrap).collect()
}

#[test]
fn commits_of_many_threads_are_all_there_under_indexes_without_gap() {
    const THREADS: u64 = 8;
    const COMMITS: u64 = 1000;
    for sync in [SyncMode::Full, SyncMode::Normal] {
        let scratch = Scratch::new();
        let db = busy_db(&scratch, sync);
        let work = |thread: u64| {
            let mut tokens = Vec::new();
            for i in 0..COMMITS {
                let key = format!("{thread}-{i}");
                let commit = db.put(key.as_bytes(), &[b'v'; 100]).unwrap();
                assert!(
                    db.get(key.as_bytes()).unwrap().is_some(),
                    "own commit is not seen"
                );
                let snapshot = db.snapshot().unwrap();
                assert!(snapshot.token() >= commit.token);
                assert!(snapshot.get(key.as_bytes()).unwrap().is_some());
                tokens.push(commit.token.index);
            }
            assert!(tokens.is_sorted(), "one thread's commits are in order");
            tokens
        };
        let mut tokens: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || work(t))).collect();
            threads
                .into_iter()
                .flat_map(|t| t.join().unwrap())
                .collect()
        });
        tokens.sort_unstable();
        assert_eq!(tokens, (1..=THREADS * COMMITS).collect::<Vec<_>>());
        assert_eq!(db.len().unwrap(), THREADS * COMMITS);
        db.close().unwrap();
        let db = Db::open(scratch.file("a.creel")).unwrap();
        assert_eq!(db.len().unwrap(), THREADS * COMMITS);
    }
}

/// Each batch writes the same number under two keys of one keyspace and one of another.
#[test]
fn a_snapshot_has_all_of_a_batch_or_nothing_and_never_goes_back() {
    const WRITERS: u64 = 4;
    const COMMITS: u64 = 2000;
    let scratch = Scratch::new();
    let db = busy_db(&scratch, SyncMode::Normal);
    let done = AtomicBool::new(false);
    let write = |writer: u64| {
        for n in 1..=COMMITS {
            let mut batch = Batch::new();
            batch.put(format!("first {writer}").as_bytes(), &n.to_le_bytes());
            batch.put(format!("second {writer}").as_bytes(), &n.to_le_bytes());
            batch
                .keyspace("other")
                .put(format!("{writer}").as_bytes(), &n.to_le_bytes());
            batch.put(format!("filler {writer} {n}").as_bytes(), &[0; 60]);
            db.write(batch).unwrap();
        }
    };
    let read = || {
        let (mut last_index, mut last) = (0, [0; WRITERS as usize]);
        let mut snapshots = 0;
        while !done.load(Ordering::Relaxed) {
            let snapshot = db.snapshot().unwrap();
            let index = snapshot.token().index;
            assert!(index >= last_index, "index {index} after {last_index}");
            let other = snapshot.keyspace("other");
            let mut sum = 0;
            for writer in 0..WRITERS {
                let first = number(&snapshot, &format!("first {writer}"));
                let second = number(&snapshot, &format!("second {writer}"));
                let third = match &other {
                    Ok(other) => other.get(format!("{writer}").as_bytes()).unwrap(),
                    Err(_) => None,
                };
                let third = third.map_or(0, |v| u64::from_le_bytes(v.try_into().unwrap()));
                assert_eq!((first, first), (second, third), "at {index}");
                assert!(first >= last[writer as usize], "at {index}");
                last[writer as usize] = first;
                sum += first;
            }
            assert_eq!(sum, index, "a snapshot is a prefix of the log");
            last_index = index;
            snapshots += 1;
        }
        assert!(snapshots > 0);
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| scope.spawn(move || write(w)))
            .collect();
        for _ in 0..2 {
            scope.spawn(read);
        }
        let ended: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(Result::unwrap);
    });
    assert_eq!(db.snapshot().unwrap().token().index, WRITERS * COMMITS);
}

#[test]
fn counters_moved_by_compare_and_set_lose_nothing() {
    const THREADS: u64 = 6;
    const INCREMENTS: u64 = 500;
    let scratch = Scratch::new();
    let db = busy_db(&scratch, SyncMode::Full);
    // Every other thread has a handle of its own.
    let second = Db::open(scratch.file("a.creel")).unwrap();
    let increment = |db: &Db, key: &[u8]| {
        loop {
            let old = db.get(key).unwrap();
            let n = old
                .as_ref()
                .map_or(0, |v| u64::from_le_bytes(v[..].try_into().unwrap()));
            let mut batch = Batch::new();
            match &old {
                Some(old) => batch.require_equals(key, old),
                None => batch.require_absent(key),
            };
            batch.put(key, &(n + 1).to_le_bytes());
            match db.write(batch) {
                Ok(_) => return,
                Err(Error::Precondition { at: 0, .. }) => {}
                Err(e) => panic!("{e:?}"),
            }
        }
    };
    thread::scope(|scope| {
        for t in 0..THREADS {
            let (db, increment) = (if t % 2 == 0 { &db } else { &second }, &increment);
            scope.spawn(move || {
                for i in 0..INCREMENTS {
                    increment(db, if i % 2 == 0 { b"even" } else { b"odd" });
                }
            });
        }
    });
    for db in [&db, &second] {
        let snapshot = db.snapshot().unwrap();
        assert_eq!(number(&snapshot, "even"), THREADS * INCREMENTS / 2);
        assert_eq!(number(&snapshot, "odd"), THREADS * INCREMENTS / 2);
        assert_eq!(
            snapshot.token().index,
            THREADS * INCREMENTS,
            "a failed condition writes nothing"
        );
    }
}

/// Overwrites, deletes, large values, checkpoints and compaction, under readers who look twice.
#[test]
fn a_snapshot_never_changes_under_writers_checkpoints_and_compaction() {
    let scratch = Scratch::new();
    let db = busy_db(&scratch, SyncMode::Normal);
    let done = AtomicBool::new(false);
    let write = |writer: u64| {
        let mut rng = crate::rng::Rng::new(writer);
        for n in 0..3000u64 {
            let key = format!("key {}", rng.below(300));
            match rng.below(10) {
                0 => drop(db.delete(key.as_bytes()).unwrap()),
                1 => drop(db.put(key.as_bytes(), &vec![n as u8; 6000]).unwrap()),
                2 if n % 7 == 0 => {
                    db.delete_range(&KeyRange::prefix(key.as_bytes())).unwrap();
                }
                _ => drop(
                    db.put(key.as_bytes(), &vec![n as u8; rng.below(200)])
                        .unwrap(),
                ),
            }
        }
    };
    let read = || {
        while !done.load(Ordering::Relaxed) {
            let snapshot = db.snapshot().unwrap();
            let first = all(&snapshot);
            let backwards = snapshot
                .keyspace("main")
                .unwrap()
                .cursor(&KeyRange::all())
                .rev();
            for _ in 0..3 {
                thread::yield_now();
                assert!(all(&snapshot) == first, "changed at {}", snapshot.token());
            }
            assert!(
                backwards
                    .map(Result::unwrap)
                    .eq(first.iter().rev().map(|(k, v)| (k.clone(), v.clone())))
            );
            assert_eq!(
                snapshot.keyspace("main").unwrap().len().unwrap(),
                first.len() as u64
            );
        }
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3).map(|w| scope.spawn(move || write(w))).collect();
        for _ in 0..2 {
            scope.spawn(read);
        }
        scope.spawn(|| {
            for round in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                    .unwrap();
                if round % 8 == 7 {
                    db.compact(&CompactOptions::default(), &NoProgress).unwrap();
                }
            }
        });
        let ended: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(Result::unwrap);
    });
    let before = all(&db.snapshot().unwrap());
    db.close().unwrap();
    let db = Db::open(scratch.file("a.creel")).unwrap();
    assert!(all(&db.snapshot().unwrap()) == before);
    assert_eq!(db.snapshot().unwrap().token().index, 9000);
}
