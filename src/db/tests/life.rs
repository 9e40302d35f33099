//! A file through much of what can be done to one, told in numbers: how large it is, what is free,
//! where its log stands. They follow from what is done, and from nothing else. Whoever changes
//! sizes on purpose puts the number in anew that the test prints.

use std::fmt::Write;
use std::path::Path;

use crate::db::{
    Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, IdentityChange, KeyRange,
    OpenOptions, SyncMode,
};
use crate::format::checksum::{crc, mix};
use crate::format::header::Role;
use crate::progress::NoProgress;

fn open(path: &Path) -> Db {
    let options = OpenOptions::new().background_checkpoint(false);
    options.sync(SyncMode::Normal).open(path).unwrap()
}

/// Where the file stands.
fn tell(told: &mut String, what: &str, db: &Db) {
    let info = db.info().unwrap();
    let log = db.log_info().unwrap();
    writeln!(
        told,
        "{what}: {} pages, {} and {} free, height {}, {} entries, generation {}, log {}..{} in {} \
         bytes of {:?}, {} used of {}, regions {:?}, oldest {}",
        info.page_count,
        info.free_available,
        info.free_pending,
        info.tree_height,
        info.entry_count,
        info.generation,
        log.checkpoint_index,
        log.last_index,
        log.bytes,
        log.region_bytes,
        log.active_used,
        log.active_region,
        info.regions.map(|r| (r.start_page, r.bytes, r.region_seq)),
        log.oldest_position,
    )
    .unwrap();
}

fn put(db: &Db, from: u64, to: u64, len: usize) {
    for i in from..to {
        let mut batch = Batch::new();
        for part in 0..4 {
            let key = format!("{:016x}", mix(i * 4 + part) >> 8);
            batch.put(key.as_bytes(), &vec![i as u8; len + part as usize]);
        }
        db.write(batch).unwrap();
    }
}

fn checkpoint(told: &mut String, db: &Db) {
    let report = db
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    writeln!(
        told,
        "checkpoint {} {}: log {} to {}, {} pages, {} bytes, dense {}",
        report.done,
        report.reason,
        report.wal_bytes_before,
        report.wal_bytes_after,
        report.pages_written,
        report.bytes_written,
        report.dense,
    )
    .unwrap();
    tell(told, "then", db);
}

fn compact(told: &mut String, db: &Db) {
    let report = db.compact(&CompactOptions::default(), &NoProgress).unwrap();
    writeln!(
        told,
        "compact {} {}: {} to {}, {} entries, {} rounds, {} written",
        report.done,
        report.reason,
        report.bytes_before,
        report.bytes_after,
        report.entries,
        report.rounds,
        report.bytes_written,
    )
    .unwrap();
    tell(told, "then", db);
}

fn life(dir: &Path, role: Role) -> String {
    let mut told = String::new();
    let path = dir.join("a.creel");
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options.sync(SyncMode::Normal).create(&path, &create);
    let db = db.unwrap();
    let change = IdentityChange {
        role: Some(role),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
    tell(&mut told, "new", &db);
    for i in 0..8 {
        put(&db, i * 40, i * 40 + 40, 150);
        tell(&mut told, "put", &db);
        if i % 3 == 1 {
            checkpoint(&mut told, &db);
        }
    }
    drop(db);
    let db = open(&path);
    tell(&mut told, "opened", &db);
    put(&db, 400, 404, 30_000);
    checkpoint(&mut told, &db);
    let mut batch = Batch::new();
    batch.delete_range(&KeyRange::from_to(b"2", b"b"));
    db.write(batch).unwrap();
    checkpoint(&mut told, &db);
    checkpoint(&mut told, &db);
    compact(&mut told, &db);
    compact(&mut told, &db);
    let n = 3000u64;
    let entries = (0..n).map(|i| Ok((mix(i).to_be_bytes().to_vec(), vec![i as u8; 90])));
    let report = db
        .bulk_load_unsorted("other", entries, 1 << 20, &NoProgress)
        .unwrap();
    writeln!(told, "{} given, {} added", report.given, report.added()).unwrap();
    tell(&mut told, "loaded", &db);
    put(&db, 500, 520, 100);
    let mut batch = Batch::new();
    batch.keyspace("other").drop_keyspace();
    db.write(batch).unwrap();
    checkpoint(&mut told, &db);
    compact(&mut told, &db);
    let dense = dir.join("dense.creel");
    let report = db.copy_dense(&dense, &NoProgress).unwrap();
    writeln!(told, "{} to {}", report.bytes_before, report.bytes_after).unwrap();
    tell(&mut told, "dense", &open(&dense));
    told
}

#[test]
fn a_file_has_the_sizes_that_it_always_had() {
    let told = [Role::Standalone, Role::Primary].map(|role| {
        let dir = tempfile::tempdir().unwrap();
        life(dir.path(), role)
    });
    let sums = told.each_ref().map(|told| crc(told.as_bytes()));
    assert_eq!(sums, [0x37e2_2250, 0x95bf_feef], "{}\n{}", told[0], told[1]);
}
