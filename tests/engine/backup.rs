//! Backups of a database in every state that its log can be in.

use creel::{
    BackupOptions, CheckpointOptions, Db, Depth, Error, NoProgress, OpenOptions, Progress, Reflink,
    Verdict, VerifyOptions,
};

use crate::scratch::Scratch;

/// Everything in `main`.
fn entries(db: &Db) -> Vec<(Vec<u8>, Vec<u8>)> {
    let keyspace = db.snapshot().unwrap().keyspace("main").unwrap();
    let cursor = keyspace.cursor(&creel::KeyRange::all());
    cursor.map(|entry| entry.unwrap()).collect()
}

fn deep_clean(path: &std::path::Path) {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(path, &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
    assert!(report.lossless_fallback);
}

/// Backs up and compares; then the backup must be writable and go on.
fn compare(db: &Db, scratch: &Scratch, name: &str) -> u64 {
    let path = scratch.file(name);
    let report = db
        .backup(&path, &BackupOptions::default(), &NoProgress)
        .unwrap();
    deep_clean(&path);
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
