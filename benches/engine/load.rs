//! Loading and compaction.

use std::time::Instant;

use creel::{
    Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, NoProgress, OpenOptions, SyncMode,
};

use crate::data::{Bench, loaded, median, ordered_key, random_key, show, value};

pub fn load(b: &Bench) {
    if b.wants("load-ordered") {
        let mut times = Vec::new();
        let mut written = 0.0;
        for _ in 0..3 {
            let path = b.path("ordered.creel");
            let entries: Vec<_> = (0..b.n).map(|i| (ordered_key(i), value(i))).collect();
            let db = Db::create(&path).unwrap();
            let start = Instant::now();
            let rows = entries.iter().map(|(k, v)| Ok((&k[..], &v[..])));
            let report = db.bulk_load("main", rows, &NoProgress).unwrap();
            times.push(start.elapsed());
            written = report.bytes_written as f64 / (b.n * 174) as f64;
        }
        show(
            "load-ordered",
            format!("{:?}, {written:.3} bytes written per byte", median(times)),
        );
    }
    if b.wants("load-random") {
        let mut times = Vec::new();
        for _ in 0..3 {
            let path = b.path("random.creel");
            let entries: Vec<_> = (0..b.n).map(|i| (random_key(i), value(i))).collect();
            let db = Db::create(&path).unwrap();
            let start = Instant::now();
            let rows = entries.iter().map(|(k, v)| Ok((&k[..], &v[..])));
            db.bulk_load_unsorted("main", rows, 1 << 30, &NoProgress)
                .unwrap();
            times.push(start.elapsed());
        }
        show(
            "load-random (sorted in memory)",
            format!("{:?}", median(times)),
        );
    }
    if b.wants("load-unsorted") {
        // The entries are made on the way, so that ten million of them need no memory of their own.
        let start = Instant::now();
        let db = loaded(b, "unsorted.creel");
        let took = start.elapsed();
        let bytes = std::fs::metadata(db.path()).unwrap().len();
        let per_byte = bytes as f64 / (b.n * 174) as f64;
        let text = format!("{took:?} with making them, {per_byte:.3} bytes of file per byte");
        show("load-unsorted (random, 1 GiB of memory)", text);
    }
    if b.wants("load-commits") {
        let path = b.path("commits.creel");
        let db = OpenOptions::new()
            .sync(SyncMode::Normal)
            .create(&path, &CreateOptions::default())
            .unwrap();
        let start = Instant::now();
        for chunk in 0..b.n / 1000 {
            let mut batch = Batch::new();
            for i in chunk * 1000..(chunk + 1) * 1000 {
                batch.put(&random_key(i), &value(i));
            }
            db.write(batch).unwrap();
        }
        db.clone().close().unwrap();
        show(
            "load-commits (random, 1000 a commit, normal)",
            format!("{:?}", start.elapsed()),
        );
    }
}

pub fn compact(b: &Bench) {
    let path = b.path("compact.creel");
    let db = OpenOptions::new()
        .sync(SyncMode::Normal)
        .create(&path, &CreateOptions::default())
        .unwrap();
    for chunk in 0..b.n / 1000 {
        let mut batch = Batch::new();
        for i in chunk * 1000..(chunk + 1) * 1000 {
            batch.put(&random_key(i), &value(i));
        }
        db.write(batch).unwrap();
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .ok();
    let data = b.n * 174;
    let ratio = |bytes: u64| format!("{:.3}", bytes as f64 / data as f64);
    let before = std::fs::metadata(&path).unwrap().len();
    let start = Instant::now();
    let report = db.compact(&CompactOptions::default(), &NoProgress).unwrap();
    let took = start.elapsed();
    let size = format!("{} -> {}", ratio(before), ratio(report.bytes_after));
    let written = ratio(report.bytes_written);
    let rounds = report.rounds;
    show(
        "compact in place",
        format!("{took:?}, size {size}, wrote {written}, {rounds} rounds"),
    );
    let copy = b.path("copy.creel");
    let start = Instant::now();
    let report = db.copy_dense(&copy, &NoProgress).unwrap();
    show(
        "compact copy",
        format!("{:?}, size {}", start.elapsed(), ratio(report.bytes_after)),
    );
}
