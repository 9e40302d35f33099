//! What is told in numbers agrees with the file: sizes, bytes written, where the log begins.

use std::sync::Arc;
use std::time::Duration;

use creel::{
    BackupOptions, Batch, CheckpointOptions, CompactOptions, Db, Error, IdentityChange, KeyRange,
    NoProgress, OpenOptions, Position, Progress, Reflink, Role, SyncMode,
};

use crate::hook::HookVfs;
use crate::replica::{FOR_EVER, checkpoint, follow, options, pair, small};
use crate::rng::Rng;
use crate::scratch::Scratch;

#[test]
fn a_snapshot_names_the_lineage_that_copies_share() {
    let scratch = Scratch::new();
    let (db, copy) = pair(&scratch);
    let other = options().create(scratch.file("c.creel"), &small()).unwrap();
    let of = |db: &Db| db.snapshot().unwrap().lineage_id();
    assert_eq!(of(&db), db.info().unwrap().lineage_id);
    assert_eq!(of(&db), of(&copy));
    assert_ne!(of(&db), of(&other));
}

/// A reader can begin at the oldest index, and nowhere before it.
fn begins_at_the_oldest(db: &Db) -> u64 {
    let oldest = db.oldest_index().unwrap();
    let at = |index| Position {
        epoch: 1,
        index,
        hash: None,
    };
    db.log_reader(&at(oldest)).unwrap();
    if let Some(before) = oldest.checked_sub(1) {
        let refused = db.log_reader(&at(before));
        let Err(Error::NotRetained { oldest: told, .. }) = refused else {
            panic!("{before} is before {oldest}: {refused:?}");
        };
        assert_eq!(told, oldest);
    }
    oldest
}

#[test]
fn the_oldest_index_is_where_a_reader_can_begin() {
    let scratch = Scratch::new();
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    assert_eq!(begins_at_the_oldest(&db), 0);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..8u8 {
        for i in 0..7 {
            db.put(&[round, i], &[0; 2000]).unwrap();
        }
        seen.insert(begins_at_the_oldest(&db));
        checkpoint(&db);
        seen.insert(begins_at_the_oldest(&db));
    }
    assert!(seen.len() > 4, "{seen:?}");
    // With parts that are set aside.
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let start = replica.position().unwrap();
    let change = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    primary.set_identity(&change).unwrap();
    for i in 0..300u32 {
        primary.put(&i.to_be_bytes(), &[0; 1000]).unwrap();
    }
    checkpoint(&primary);
    let oldest = begins_at_the_oldest(&primary);
    assert!(oldest <= start.index, "{oldest}");
}

#[test]
fn a_checkpoint_tells_how_much_it_writes() {
    for (seed, sync) in [(1, SyncMode::Full), (2, SyncMode::Normal)] {
        let mut rng = Rng::new(seed);
        let scratch = Scratch::new();
        let hook = HookVfs::default();
        let opened = options().sync(sync).vfs(Arc::new(hook.clone()));
        let db = opened
            .create(scratch.file("a.creel"), &Default::default())
            .unwrap();
        for round in 0..6 {
            let mut batch = Batch::new();
            for _ in 0..200 {
                let key = (rng.below(3000) as u32).to_be_bytes();
                batch.put(&key, &vec![round; rng.below(600)]);
            }
            batch.put(b"large", &vec![round; 30_000]);
            db.write(batch).unwrap();
            let before = hook.written();
            let done = db.checkpoint(&CheckpointOptions::default(), &NoProgress);
            let (done, written) = (done.unwrap(), hook.written() - before);
            assert!(done.done && done.bytes_written > 30_000, "{done:?}");
            // What is said in the log about it (where it begins anew, marks) does not count.
            let beside = written.abs_diff(done.bytes_written);
            assert!(beside < 1024, "{written} {done:?}");
        }
    }
}

/// A dry run says what size a dense copy would have.
#[test]
fn a_dry_run_foretells_the_size() {
    for (seed, large) in [(1, 0), (2, 40), (3, 400)] {
        let mut rng = Rng::new(seed);
        let scratch = Scratch::new();
        let db = options()
            .create(scratch.file("a.creel"), &Default::default())
            .unwrap();
        for _ in 0..40 {
            let mut batch = Batch::new();
            for _ in 0..300 {
                let value = match rng.below(1000) < large {
                    true => vec![2; 6000 + rng.below(9000)],
                    false => vec![1; 20 + rng.below(200)],
                };
                batch.put(&(rng.next() as u32).to_be_bytes(), &value);
            }
            db.write(batch).unwrap();
            checkpoint(&db);
        }
        let size = || std::fs::metadata(db.path()).unwrap().len();
        let before = size();
        let dry = CompactOptions {
            dry_run: true,
            ..CompactOptions::default()
        };
        let told = db.compact(&dry, &NoProgress).unwrap();
        assert_eq!((told.done, told.reason), (false, "dry run"));
        assert_eq!((told.bytes_before, size()), (before, before));
        let dense = db.copy_dense(&scratch.file("b.creel"), &NoProgress);
        let dense = dense.unwrap().bytes_after;
        let off = told.bytes_after.abs_diff(dense);
        assert!(
            off * 20 <= dense,
            "{} told, {dense} in fact, {before} before",
            told.bytes_after
        );
    }
}

/// A dense file was gone through in twelve rounds, because no page of it was full to the last byte.
#[test]
fn compaction_for_little_gain_is_left() {
    let scratch = Scratch::new();
    let loose = options()
        .create(scratch.file("a.creel"), &Default::default())
        .unwrap();
    let rows = (0..20_000u32).map(|i| Ok((i.to_be_bytes(), [1; 150])));
    loose.bulk_load("main", rows, &NoProgress).unwrap();
    let dense = scratch.file("b.creel");
    loose.copy_dense(&dense, &NoProgress).unwrap();
    let db = options().open(dense).unwrap();
    let compact = |min_gain_percent| {
        let options = CompactOptions {
            min_gain_percent,
            ..CompactOptions::default()
        };
        db.compact(&options, &NoProgress).unwrap()
    };
    let size = || std::fs::metadata(db.path()).unwrap().len();
    let dense = compact(0.0);
    assert_eq!((dense.done, dense.reason), (false, "nothing to gain"));
    assert_eq!((dense.bytes_after, dense.rounds), (size(), 0));
    // A fifth of the leaves goes.
    db.delete_range(&KeyRange::from_to(&[0; 4], &4000u32.to_be_bytes()))
        .unwrap();
    let before = size();
    let little = compact(40.0);
    assert_eq!((little.done, little.reason), (false, "too little to gain"));
    assert_eq!((little.bytes_after, little.rounds), (size(), 0));
    assert_eq!(little.entries, 16_000);
    let enough = compact(10.0);
    assert!(enough.done && enough.rounds > 0 && enough.bytes_written > 0);
    assert_eq!(enough.bytes_after, size());
    assert!(size() * 100 < before * 90, "{} of {before}", size());
}

/// How far a copy was said to be.
#[derive(Default)]
struct Far(std::sync::Mutex<Vec<(u64, Option<u64>)>>);

impl Progress for Far {
    fn report(&self, done: u64, total: Option<u64>) {
        self.0.lock().unwrap().push((done, total));
    }
}

#[test]
fn a_backup_tells_how_much_it_copied() {
    let scratch = Scratch::new();
    let db = options()
        .create(scratch.file("a.creel"), &Default::default())
        .unwrap();
    for i in 0..1500u32 {
        db.put(&i.to_be_bytes(), &[1; 500]).unwrap();
    }
    checkpoint(&db);
    db.delete_range(&KeyRange::from_to(
        &300u32.to_be_bytes(),
        &900u32.to_be_bytes(),
    ))
    .unwrap();
    for _ in 0..4 {
        db.put(b"last", b"one").unwrap();
        checkpoint(&db);
    }
    db.put(b"last", b"two").unwrap();
    let options = BackupOptions {
        reflink: Reflink::Never,
        verify: None,
        ..BackupOptions::default()
    };
    let far = Far::default();
    let copy = scratch.file("b.creel");
    let file = db.backup(&copy, &options, &far).unwrap();
    let steps = far.0.into_inner().unwrap();
    assert!(steps.is_sorted());
    assert_eq!(*steps.last().unwrap(), (file.bytes, Some(file.bytes)));
    assert_eq!(file.bytes, std::fs::metadata(&copy).unwrap().len());
    // All but what is free in it.
    let info = creel::info(&copy).unwrap();
    let free = info.free_available * u64::from(info.page_size);
    assert!(free > 200_000, "{free}");
    assert_eq!((file.copied, file.shared), (file.bytes - free, 0));
    let mut bytes = Vec::new();
    let stream = db.backup_to(&mut bytes, &options, &NoProgress).unwrap();
    assert_eq!(stream.copied, bytes.len() as u64);
}

/// A file that came into being while a copy was made is not replaced.
#[test]
fn a_name_that_is_taken_meanwhile_stays_with_its_file() {
    for (hidden, replace) in [(false, false), (true, false), (false, true), (true, true)] {
        let scratch = Scratch::new();
        let opened = match hidden {
            // Where a file cannot be without a name.
            true => options().vfs(Arc::new(HookVfs::default())),
            false => options(),
        };
        let db = opened.create(scratch.file("a.creel"), &small()).unwrap();
        db.put(b"key", b"value").unwrap();
        let copy = scratch.file("b.creel");
        struct Intruder<'a>(&'a std::path::Path);
        impl Progress for Intruder<'_> {
            fn report(&self, _: u64, _: Option<u64>) {
                std::fs::write(self.0, b"somebody else's").unwrap();
            }
        }
        let options = BackupOptions {
            replace,
            ..BackupOptions::default()
        };
        let made = db.backup(&copy, &options, &Intruder(&copy));
        if replace {
            made.unwrap();
            let copy = Db::open(&copy).unwrap();
            assert_eq!(copy.get(b"key").unwrap().unwrap(), b"value");
        } else {
            assert!(matches!(made, Err(Error::Exists { .. })), "{made:?}");
            assert_eq!(std::fs::read(&copy).unwrap(), b"somebody else's");
        }
        drop(db);
        let names = std::fs::read_dir(scratch.path()).unwrap().count();
        assert_eq!(names, 2, "{hidden} {replace}");
    }
}

/// Commits that nobody could prove are not handed out, and all that is before them is.
#[test]
fn what_is_not_known_to_be_durable_is_not_handed_out() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let db = options().create(&path, &small()).unwrap();
    for i in 0..9u8 {
        db.put(&[i + 1], b"value").unwrap();
    }
    checkpoint(&db);
    db.close().unwrap();
    let reader = OpenOptions::new().read_only(true).open(&path).unwrap();
    assert_eq!(reader.watch(8, Duration::ZERO).unwrap(), 9);
    let lazy = options().sync(SyncMode::Normal).hold_lock(true);
    let writer = lazy.open(&path).unwrap();
    for i in 0..3u8 {
        writer.put(&[100 + i], b"not synced").unwrap();
    }
    // The lock is held, so that nobody else can prove anything.
    assert_eq!(reader.watch(0, Duration::ZERO).unwrap(), 9);
    let short = Duration::from_millis(30);
    let began = std::time::Instant::now();
    assert_eq!(reader.watch(9, short).unwrap(), 9);
    assert!(began.elapsed() >= short);
    writer.close().unwrap();
    assert_eq!(reader.watch(9, FOR_EVER).unwrap(), 12);
    // Those who hand out all that is there need no proof.
    let all = options().sync(SyncMode::Off).open(&path).unwrap();
    let lazy = options().sync(SyncMode::Normal).hold_lock(true);
    let writer = lazy.open(&path).unwrap();
    writer.put(b"one", b"more").unwrap();
    assert_eq!(all.watch(12, Duration::ZERO).unwrap(), 13);
    // Which entries are below what is proven is not known of the newest part of the log.
    assert_eq!(reader.watch(12, Duration::ZERO).unwrap(), 9);
    drop(follow(&scratch, &all, "c.creel"));
}

/// Whoever waits for commits looks at the file for each of them. Looks that find nothing new go to the map,
/// not to the file: that was three rounds of seven reads for each commit that a follower got.
#[test]
fn a_commit_that_is_waited_for_and_handed_on_takes_few_reads() {
    const COMMITS: u64 = 20;
    const READS: u64 = 12;
    let scratch = Scratch::new();
    let (primary, _) = pair(&scratch);
    let counted = HookVfs::default();
    let options = options().sync(SyncMode::Off).vfs(Arc::new(counted.clone()));
    let waiting = options.open(primary.path()).unwrap();
    let at = waiting.position().unwrap();
    let mut reader = waiting.log_reader(&at).unwrap();
    assert_eq!(
        waiting.watch(at.index, Duration::from_millis(1)).unwrap(),
        at.index
    );
    let before = counted.reads().len();
    for index in at.index..at.index + COMMITS {
        primary.put(b"key", &index.to_le_bytes()).unwrap();
        assert_eq!(waiting.watch(index, FOR_EVER).unwrap(), index + 1);
        assert!(!reader.read(9, 9999).unwrap().is_empty());
        assert!(reader.read(9, 9999).unwrap().is_empty());
    }
    let each = (counted.reads().len() - before) as u64 / COMMITS;
    assert!(each <= READS, "{each} reads for a commit");
}
