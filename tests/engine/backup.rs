//! Backups of a database in every state that its log can be in.

use creel::{
    BackupOptions, CheckpointOptions, Db, Depth, Error, NoProgress, OpenOptions, Progress, Reflink,
    Verdict, VerifyOptions,
};

use crate::hook::HookVfs;
use crate::scratch::Scratch;

/// Everything in `main`.
fn entries(db: &Db) -> Vec<(Vec<u8>, Vec<u8>)> {
    let keyspace = db.snapshot().unwrap().keyspace("main").unwrap();
    let cursor = keyspace.cursor(&creel::KeyRange::all());
    cursor.map(|entry| entry.unwrap()).collect()
}

/// Gives whether the older header would do as well.
fn deep_clean(path: &std::path::Path) -> bool {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
    report.lossless_fallback
}

/// Backs up and compares; then the backup must be writable and go on.
fn compare(db: &Db, scratch: &Scratch, name: &str) -> u64 {
    let path = scratch.file(name);
    let report = db
        .backup(&path, &BackupOptions::default(), &NoProgress)
        .unwrap();
    assert!(deep_clean(&path));
    let (ours, theirs) = (db.info().unwrap(), creel::info(&path).unwrap());
    assert_eq!(ours.lineage_id, theirs.lineage_id);
    assert_ne!(ours.file_id, theirs.file_id);
    let copy = OpenOptions::new().read_only(true).open(&path).unwrap();
    let (now, then) = (db.snapshot().unwrap(), copy.snapshot().unwrap());
    assert_eq!(now.token(), then.token());
    assert_eq!(report.token, then.token());
    assert_eq!(now.keyspaces().unwrap(), then.keyspaces().unwrap());
    assert_eq!(entries(db), entries(&copy));
    assert!(copy.recovery().is_clean());
    copy.close().unwrap();

    let copy = Db::open(&path).unwrap();
    for i in 0..50 {
        copy.put(format!("after{i}").as_bytes(), &[7; 100]).unwrap();
        if i % 20 == 0 {
            let options = CheckpointOptions::default();
            copy.checkpoint(&options, &NoProgress).unwrap();
        }
    }
    copy.close().unwrap();
    deep_clean(&path);
    report.log_bytes
}

/// Stops a checkpoint once the log has been cut.
struct Stop;

impl Progress for Stop {
    fn report(&self, _done: u64, _total: Option<u64>) {}

    fn stopped(&self) -> bool {
        true
    }
}

#[test]
fn a_backup_holds_what_the_database_holds_wherever_the_log_stands() {
    let scratch = Scratch::new();
    let db = OpenOptions::new()
        .background_checkpoint(false)
        .create(scratch.file("db"), &Default::default())
        .unwrap();
    let fold = || db.checkpoint(&CheckpointOptions::default(), &NoProgress);
    assert_eq!(compare(&db, &scratch, "empty"), 0);
    for i in 0..500 {
        let key = format!("key{i:04}");
        db.put(key.as_bytes(), &vec![i as u8; i * 7]).unwrap();
    }
    assert!(compare(&db, &scratch, "log only") > 0);
    fold().unwrap();
    assert_eq!(compare(&db, &scratch, "tree only"), 0);
    db.delete_range(&creel::KeyRange::prefix(b"key00")).unwrap();
    let mut batch = creel::Batch::new();
    batch.keyspace("other").put(b"a", b"1");
    db.write(batch).unwrap();
    assert!(compare(&db, &scratch, "tree and log") > 0);

    let stopped = db.checkpoint(&CheckpointOptions::default(), &Stop);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    db.put(b"later", b"2").unwrap();
    let info = db.info().unwrap();
    let active = info.regions.iter().max_by_key(|r| r.region_seq).unwrap();
    assert!(
        active.first_index > info.checkpoint_index + 1,
        "the log is in one region"
    );
    assert!(compare(&db, &scratch, "log in both regions") > 0);
    fold().unwrap();
    fold().unwrap();
    assert_eq!(compare(&db, &scratch, "free pages"), 0);
}

#[test]
fn a_stream_has_the_bytes_that_a_file_would_have() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("db")).unwrap();
    for i in 0..300_u32 {
        db.put(&i.to_be_bytes(), &[1; 300]).unwrap();
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    db.put(b"last", b"in the log").unwrap();
    let mut bytes = Vec::new();
    let report = db
        .backup_to(&mut bytes, &BackupOptions::default(), &NoProgress)
        .unwrap();
    assert_eq!(report.bytes, bytes.len() as u64);
    let path = scratch.file("from the stream");
    std::fs::write(&path, &bytes).unwrap();
    deep_clean(&path);
    assert_eq!(entries(&Db::open(&path).unwrap()), entries(&db));
}

#[test]
fn a_copy_that_does_not_pass_gets_no_name() {
    let scratch = Scratch::new();
    let path = scratch.file("db");
    let db = Db::create(&path).unwrap();
    for i in 0..300_u32 {
        db.put(&i.to_be_bytes(), &[1; 300]).unwrap();
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    db.close().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(64).rposition(|w| w == [1; 64]).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let db = OpenOptions::new().read_only(true).open(&path).unwrap();
    let copy = scratch.file("copy");
    for reflink in [Reflink::Auto, Reflink::Never] {
        let options = BackupOptions {
            reflink,
            ..BackupOptions::default()
        };
        let made = db.backup(&copy, &options, &NoProgress);
        assert!(matches!(made, Err(Error::Corrupt(_))), "{made:?}");
    }
    let names = std::fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(names, 1, "only the database is there");
}

/// Does something once, in the middle of a copy.
struct Meanwhile<'a> {
    at: u64,
    step: std::sync::Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl Progress for Meanwhile<'_> {
    fn report(&self, done: u64, _total: Option<u64>) {
        if done >= self.at
            && let Some(step) = self.step.lock().unwrap().take()
        {
            step();
        }
    }
}

/// Everything that could write over pages or log that a backup still has to copy.
fn rewrite_everything(db: &Db) {
    for round in 0..6_u32 {
        for i in 0..400_u32 {
            db.put(&i.to_be_bytes(), &[round as u8 + 10; 200]).unwrap();
        }
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
    }
    let half = creel::KeyRange::from_to(&100_u32.to_be_bytes(), &300_u32.to_be_bytes());
    db.delete_range(&half).unwrap();
    let options = creel::CompactOptions::default();
    db.compact(&options, &NoProgress).unwrap();
    let entries = (0..2000_u32).map(|i| Ok((i.to_be_bytes(), [9; 300])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
}

#[test]
fn what_is_written_during_a_backup_is_not_in_it() {
    let mut at = 0;
    loop {
        let scratch = Scratch::new();
        let db = OpenOptions::new()
            .background_checkpoint(false)
            .create(scratch.file("db"), &Default::default())
            .unwrap();
        for i in 0..1000_u32 {
            db.put(&i.to_be_bytes(), &[1; 200]).unwrap();
        }
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        db.put(b"last", b"in the log").unwrap();
        let before = entries(&db);
        let reader = OpenOptions::new().read_only(true).open(db.path()).unwrap();
        let copy = scratch.file("copy");
        let meanwhile = Meanwhile {
            at,
            step: std::sync::Mutex::new(Some(Box::new(|| rewrite_everything(&db)))),
        };
        let options = BackupOptions {
            // Small steps.
            rate: Some(1 << 30),
            verify: Some(Depth::Deep),
            ..BackupOptions::default()
        };
        let report = reader.backup(&copy, &options, &meanwhile).unwrap();
        if meanwhile.step.into_inner().unwrap().is_some() {
            assert!(at > 300_000, "the copy took {at} bytes");
            return;
        }
        assert_eq!(entries(&Db::open(&copy).unwrap()), before, "from {at} on");
        at += report.bytes / 8;
    }
}

/// A backup in the moments before each sync of something else.
fn between_syncs(work: impl Fn(&Db), fill: impl Fn(&Db)) -> usize {
    let mut at = 0;
    loop {
        let scratch = Scratch::new();
        let hook = crate::hook::HookVfs::default();
        let db = OpenOptions::new()
            .background_checkpoint(false)
            .checkpoint_at(None)
            .vfs(std::sync::Arc::new(hook.clone()))
            .create(scratch.file("db"), &Default::default())
            .unwrap();
        fill(&db);
        let before = entries(&db);
        let other = OpenOptions::new().read_only(true).open(db.path()).unwrap();
        let copy = scratch.file("copy");
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let step = {
            let (copy, done) = (copy.clone(), std::sync::Arc::clone(&done));
            move || {
                other
                    .backup(&copy, &BackupOptions::default(), &NoProgress)
                    .unwrap();
                done.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        };
        crate::between::before_later_sync(&hook, at, Box::new(step));
        work(&db);
        if !done.load(std::sync::atomic::Ordering::Relaxed) {
            return at;
        }
        deep_clean(&copy);
        let copied = entries(&Db::open(&copy).unwrap());
        assert!(
            copied == before || copied == entries(&db),
            "before sync {at}"
        );
        at += 1;
    }
}

#[test]
fn a_backup_beside_a_checkpoint_a_compaction_or_a_bulk_step_is_whole() {
    let fill = |db: &Db| {
        for i in 0..800_u32 {
            db.put(&i.to_be_bytes(), &[1; 200]).unwrap();
        }
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        db.delete_range(&creel::KeyRange::from_to(&[0; 4], &300_u32.to_be_bytes()))
            .unwrap();
    };
    let syncs = between_syncs(
        |db| {
            let options = CheckpointOptions::default();
            db.checkpoint(&options, &NoProgress).unwrap();
        },
        fill,
    );
    assert!(syncs > 0);
    let syncs = between_syncs(
        |db| {
            let options = creel::CompactOptions::default();
            db.compact(&options, &NoProgress).unwrap();
        },
        fill,
    );
    assert!(syncs > 1, "{syncs}");
    let syncs = between_syncs(
        |db| {
            let entries = (0..3000_u32).map(|i| Ok((i.to_be_bytes(), [9; 100])));
            db.bulk_load("main", entries, &NoProgress).unwrap();
        },
        fill,
    );
    assert!(syncs > 0);
}

/// All branches were read first, from all over the file; only then the leaves. Whoever read ahead had
/// long passed, and the check waited for nothing and everything by turns.
#[test]
fn a_check_goes_through_a_loaded_file_once() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let db = Db::create(&path).unwrap();
    let entries = (0..150_000_u32).map(|i| Ok((i.to_be_bytes(), [i as u8; 150])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
    db.close().unwrap();
    let hook = HookVfs::default();
    let options = VerifyOptions {
        vfs: std::sync::Arc::new(hook.clone()),
        ..VerifyOptions::default()
    };
    let report = creel::verify(&path, &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean);
    let size = path.metadata().unwrap().len();
    assert!(size > 22 << 20, "{size}");
    // Root, free list and names stand at the end.
    let body: Vec<(u64, usize)> = hook.reads();
    let body = body
        .into_iter()
        .filter(|(at, _)| *at > 2 << 20 && *at < size - (1 << 20));
    let (mut highest, mut back) = (0, 0);
    for (at, len) in body {
        back = back.max(u64::saturating_sub(highest, at));
        highest = highest.max(at + len as u64);
    }
    assert!(highest > 20 << 20);
    assert!(back < 12 << 20, "{back} bytes back");
}

/// A region that was given its first size back was looked for the end that it had before: damage where there was none.
#[test]
fn a_backup_of_a_primary_whose_log_was_wide_is_no_damage() {
    let scratch = Scratch::new();
    let create = creel::CreateOptions {
        wal_size: 128 << 10,
        role: creel::Role::Primary,
        ..creel::CreateOptions::default()
    };
    let options = OpenOptions::new()
        .sync(creel::SyncMode::Off)
        .background_checkpoint(false)
        .checkpoint_at(None);
    let db = options.create(scratch.file("a.db"), &create).unwrap();
    for round in 0..4u8 {
        // More than the first size has room for, all at once.
        let mut batch = creel::Batch::new();
        for i in 0..600u16 {
            batch.put(&i.to_be_bytes(), &[round; 1000]);
        }
        db.write(batch).unwrap();
        compare(&db, &scratch, &format!("wide{round}.db"));
        for more in 0..3u8 {
            db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                .unwrap();
            deep_clean(&scratch.file("a.db"));
            compare(&db, &scratch, &format!("after{round}.{more}.db"));
            db.put(&[more], &[round; 1000]).unwrap();
        }
    }
}
