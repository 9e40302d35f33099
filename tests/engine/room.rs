//! More room for the log without folding it.

use creel::{
    Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, NoProgress, OpenOptions, SyncMode,
    VerifyOptions,
};

use crate::scratch::Scratch;

fn key(i: u64) -> [u8; 24] {
    let mut key = [b'k'; 24];
    let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    key[..8].copy_from_slice(&mixed);
    key[8..16].copy_from_slice(&i.to_be_bytes());
    key
}

/// So many entries in the tree of a database.
fn filled(scratch: &Scratch, entries: u64) -> std::path::PathBuf {
    let path = scratch.file("a.creel");
    let db = Db::create(&path).unwrap();
    let rows = (0..entries).map(|i| Ok((key(i), [1; 150])));
    db.bulk_load_unsorted("main", rows, 1 << 30, &NoProgress)
        .unwrap();
    path
}

fn verify(path: &std::path::Path) {
    let report = creel::verify(path, &VerifyOptions::default(), &NoProgress).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_wider_log_goes_on_where_it_is_and_then_in_the_new_region() {
    for sync in [SyncMode::Full, SyncMode::Normal, SyncMode::Off] {
        let scratch = Scratch::new();
        let path = filled(&scratch, 1000);
        let options = OpenOptions::new().sync(sync).background_checkpoint(false);
        let db = options.checkpoint_at(None).open(&path).unwrap();
        let other = OpenOptions::new().read_only(true).open(&path).unwrap();
        let put = |from: u64, to: u64| {
            for i in from..to {
                db.put(&key(i), &[2; 5000]).unwrap();
            }
        };
        put(500, 520);
        let (before, log) = (db.info().unwrap(), db.log_info().unwrap());
        assert_eq!(log.entries, 20);
        let snapshot = db.snapshot().unwrap();
        assert!(db.widen_log(4 << 20).unwrap());
        let (after, wide) = (db.info().unwrap(), db.log_info().unwrap());
        assert_eq!(after.generation, before.generation + 1);
        assert_eq!(after.entry_count, before.entry_count);
        assert_eq!(
            (wide.checkpoint_index, wide.entries),
            (log.checkpoint_index, 20)
        );
        assert_eq!(wide.active_region, log.active_region, "{sync:?}");
        assert_eq!(wide.region_bytes[log.active_region ^ 1], 4 << 20);
        verify(&path);
        // More than the first region holds: on in the other, still without folding.
        put(1000, 1200);
        let log = db.log_info().unwrap();
        assert_eq!(
            (log.checkpoint_index, log.entries),
            (wide.checkpoint_index, 220)
        );
        assert_ne!(log.active_region, wide.active_region, "{sync:?}");
        verify(&path);
        for db in [&db, &other, &Db::open(&path).unwrap()] {
            assert_eq!(db.len().unwrap(), 1200);
            assert_eq!(db.get(&key(510)).unwrap().unwrap(), [2; 5000]);
            assert_eq!(db.get(&key(1199)).unwrap().unwrap(), [2; 5000]);
        }
        // The region that is left holds entries now: there is no room without folding.
        assert!(!db.widen_log(16 << 20).unwrap());
        assert_eq!(db.log_info().unwrap().entries, 0);
        assert_eq!(snapshot.keyspace("main").unwrap().len().unwrap(), 1000);
        assert_eq!(db.len().unwrap(), 1200);
        verify(&path);
    }
}

/// A session without syncs spent most of its time folding a short log.
#[test]
fn a_session_without_syncs_takes_more_room_before_it_folds() {
    for (sync, entries, widens) in [
        (SyncMode::Off, 20_000, true),
        (SyncMode::Normal, 20_000, true),
        (SyncMode::Full, 20_000, false),
        (SyncMode::Off, 100, false),
    ] {
        let scratch = Scratch::new();
        let path = filled(&scratch, entries);
        let options = OpenOptions::new().sync(sync).hold_lock(true);
        let db = options.open(&path).unwrap();
        // Beyond half of the first region, where a checkpoint is due, and not the whole of it.
        let half = CreateOptions::default().wal_size / 2;
        let mut puts = 0;
        while puts * 180 < half + (16 << 10) {
            let mut batch = creel::Batch::new();
            for i in 0..20 {
                batch.put(&key(1_000_000 + puts + i), &[3; 150]);
            }
            puts += 20;
            db.write(batch).unwrap();
        }
        let before = db.recovery().last_index;
        db.clone().close().unwrap();
        let log = db.log_info().unwrap();
        assert_eq!(
            log.checkpoint_index == before,
            widens,
            "{sync:?} {entries}: {log:?}"
        );
        if widens {
            let wide = *log.region_bytes.iter().max().unwrap();
            assert!(wide >= 4 << 20, "{log:?}");
            // The log goes on there before anything is folded.
            assert!(!db.checkpoint_due());
        }
        assert_eq!(db.len().unwrap(), entries + puts);
        drop(db);
        verify(&path);
    }
}

/// Compaction gave up two rounds after the file had last become shorter, which is too early where both
/// regions of a wide log stand at its end.
#[test]
fn compaction_takes_the_room_back() {
    take_the_room_back(false, 20);
    // Where checkpoints in the background have put things depends on the machine: 9 rounds on a quiet one,
    // up to 32 beside six busy loops.
    take_the_room_back(true, 40);
}

fn take_the_room_back(background: bool, rounds_max: u64) {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let options = OpenOptions::new()
        .sync(SyncMode::Normal)
        .background_checkpoint(background);
    let db = options.create(&path, &CreateOptions::default()).unwrap();
    let entries = 100_000;
    for from in (0..entries).step_by(1000) {
        let mut batch = Batch::new();
        for i in from..from + 1000 {
            batch.put(&key(i), &[1; 150]);
        }
        db.write(batch).unwrap();
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let report = db.compact(&CompactOptions::default(), &NoProgress).unwrap();
    // Leaves are packed once and less than all moved, and nothing is tried where nothing is free.
    assert!(
        report.bytes_written < report.bytes_after * 2 && report.rounds <= rounds_max,
        "{report:?}"
    );
    let again = db.compact(&CompactOptions::default(), &NoProgress).unwrap();
    assert!(!again.done, "{report:?} {again:?}");
    let dense = db
        .copy_dense(&scratch.file("b.creel"), &NoProgress)
        .unwrap();
    assert!(
        report.bytes_after <= dense.bytes_after * 11 / 10,
        "{report:?} {dense:?}"
    );
    db.close().unwrap();
    verify(&path);
}
