//! Opening after a kill, lengths of files, and what a checkpoint writes.

use std::hint::black_box;
use std::time::Instant;

use creel::{Batch, CheckpointOptions, CreateOptions, Db, NoProgress, OpenOptions, SyncMode};

use crate::data::{Bench, loaded, median, mix, random_key, show, value};

/// The file of a session that ended without any care, with a log of 8 MiB that is full.
pub fn recovery(b: &Bench) {
    if !b.wants("recovery") {
        return;
    }
    let options = CreateOptions {
        wal_size: 8 << 20,
        ..CreateOptions::default()
    };
    let db = OpenOptions::new()
        .background_checkpoint(false)
        .create(b.path("session.creel"), &options)
        .unwrap();
    let mut puts = 0;
    // Looked at now and then, because looking reads the log; one such stretch fits behind.
    while db.log_info().unwrap().active_used < (8 << 20) - (256 << 10) {
        for _ in 0..50 {
            let mut batch = Batch::new();
            for _ in 0..10 {
                batch.put(&random_key(puts), &value(puts));
                puts += 1;
            }
            db.write(batch).unwrap();
        }
    }
    // What a killed process leaves is what the file holds now.
    let crashed = b.path("crashed.creel");
    let image = std::fs::read(db.path()).unwrap();
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for i in 0..21 {
        std::fs::write(&crashed, &image).unwrap();
        let start = Instant::now();
        let reader = OpenOptions::new().read_only(true).open(&crashed).unwrap();
        let key = random_key(mix(i) % puts);
        black_box(reader.get(&key).unwrap().unwrap());
        reads.push(start.elapsed());
        let start = Instant::now();
        let writer = Db::open(&crashed).unwrap();
        black_box(writer.get(&key).unwrap().unwrap());
        writes.push(start.elapsed());
    }
    let best = reads.iter().chain(&writes).min().copied().unwrap();
    let (read, write) = (median(reads), median(writes));
    let text = format!("{read:?} for reading, {write:?} for writing, best {best:?}, {puts} puts");
    show("recovery (open + get, full 8 MiB log)", text);
}

/// Lengths where the log has changed much, and nothing folds it.
pub fn lengths(b: &Bench) {
    if !b.wants("len") {
        return;
    }
    drop(loaded(b, "lengths.creel"));
    let db = OpenOptions::new()
        .sync(SyncMode::Off)
        .background_checkpoint(false)
        .checkpoint_at(None)
        .open(b.dir.join("lengths.creel"))
        .unwrap();
    db.widen_log(16 << 20).unwrap();
    for chunk in 0..100 {
        let mut batch = Batch::new();
        for i in chunk * 100..chunk * 100 + 100 {
            batch.put(&random_key(mix(i + 99) % b.n), &value(i + 1));
        }
        db.write(batch).unwrap();
    }
    let start = Instant::now();
    black_box(db.len().unwrap());
    let first = start.elapsed();
    let later = (0..1001u64).map(|i| {
        db.put(&random_key(mix(i) % b.n), &value(i)).unwrap();
        let start = Instant::now();
        black_box(db.len().unwrap());
        start.elapsed()
    });
    let later = median(later.collect());
    show(
        "len, 10,000 keys changed in the log",
        format!("{first:?} at first, {later:?} after one more put"),
    );
}

pub fn checkpoint_cost(b: &Bench) {
    if !b.wants("checkpoint") {
        return;
    }
    let db = loaded(b, "checkpoint.creel");
    let mut batch = Batch::new();
    for i in 0..10_000 {
        batch.put(&random_key(mix(i + 99) % b.n), &value(i + 1));
    }
    db.write(batch).unwrap();
    let start = Instant::now();
    let report = db
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let mib = report.bytes_written as f64 / (1 << 20) as f64;
    // 23 entries fill a leaf; of so many leaves each update touches any one.
    let leaves = b.n as f64 / 23.0;
    let touched = leaves * (1.0 - (-10_000.0 / leaves).exp());
    let text = format!(
        "{:?}, {mib:.1} MiB, {} pages; formula: {touched:.0} leaves, {:.1} MiB, and branches",
        start.elapsed(),
        report.pages_written,
        touched * 4096.0 / f64::from(1 << 20)
    );
    show("checkpoint of 10,000 random updates", text);
}
