//! Commits, beside a bare write and sync.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use creel::sys::{Access, File, OsVfs, Vfs};
use creel::{Batch, CreateOptions, Db, OpenOptions, SyncMode};

use crate::data::{Bench, median, per, random_key, show, value};

/// A file that is allocated and synced, for bare overwrites of 4 KiB with a sync each.
fn bare_file(dir: &Path) -> Arc<dyn File> {
    let path = dir.join("bare");
    std::fs::write(&path, vec![1u8; 1 << 20]).unwrap();
    let file = OsVfs.open(&path, Access::Write).unwrap();
    file.sync().unwrap();
    file
}

fn bare_sync(file: &dyn File, i: u64, block: u64) -> Duration {
    let page = [i as u8; 4096];
    let start = Instant::now();
    file.write_durable_at(&[IoSlice::new(&page)], block * 4096)
        .unwrap();
    start.elapsed()
}

pub fn commits(b: &Bench) {
    if b.wants("commit-durable") {
        let db = Db::create(b.path("put.creel")).unwrap();
        let (mut bare, mut put) = (Vec::new(), Vec::new());
        let file = bare_file(&b.dir);
        let mut moving = Vec::new();
        for i in 0..1500 {
            // Who comes first changes, because each leaves the device in some state. A log writes
            // the same block until it is full, so the floor is one block overwritten again and
            // again; many devices are quicker where each write goes to another block.
            for turn in 0..3 {
                match (i + turn) % 3 {
                    0 => bare.push(bare_sync(file.as_ref(), i, 0)),
                    1 => moving.push(bare_sync(file.as_ref(), i, 1 + i % 255)),
                    _ => {
                        let start = Instant::now();
                        db.put(&random_key(i), &value(i)).unwrap();
                        put.push(start.elapsed());
                    }
                }
            }
        }
        let (bare, moving, put) = (median(bare), median(moving), median(put));
        let ratio = |floor: Duration| put.as_secs_f64() / floor.as_secs_f64();
        let (same, other) = (ratio(bare), ratio(moving));
        let text =
            format!("{put:?}; bare {bare:?} ({same:.2}x), other blocks {moving:?} ({other:.2}x)");
        show("commit-durable", text);
    }
    for threads in [4u64, 16] {
        let row = format!("commit-threads-{threads}");
        if b.wants(&row) {
            let db = Arc::new(Db::create(b.path("threads.creel")).unwrap());
            let each = 2000 / threads;
            let start = Instant::now();
            std::thread::scope(|scope| {
                for t in 0..threads {
                    let db = &db;
                    scope.spawn(move || {
                        for i in 0..each {
                            db.put(&random_key(t * 1_000_000 + i), &value(i)).unwrap();
                        }
                    });
                }
            });
            let took = start.elapsed();
            show(&row, per(took, threads * each));
        }
    }
    if b.wants("commit-1000") {
        let db = Db::create(b.path("batch.creel")).unwrap();
        let times = (0..30u64).map(|round| {
            let mut batch = Batch::new();
            for i in 0..1000 {
                batch.put(&random_key(round * 1000 + i), &value(i));
            }
            let start = Instant::now();
            db.write(batch).unwrap();
            start.elapsed()
        });
        show("commit-1000 puts", format!("{:?}", median(times.collect())));
    }
    if b.wants("commit-nosync") {
        let db = OpenOptions::new()
            .sync(SyncMode::Off)
            .hold_lock(true)
            .create(b.path("nosync.creel"), &CreateOptions::default())
            .unwrap();
        let start = Instant::now();
        let rounds = 100_000;
        for i in 0..rounds {
            db.put(&random_key(i), &value(i)).unwrap();
        }
        show("commit-nosync, lock held", per(start.elapsed(), rounds));
    }
}
