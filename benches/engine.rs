//! `cargo bench --bench engine [-- ROW...]`: the engine's rows of docs/performance.md.
//!
//! 1 M entries (CREEL_BENCH_ENTRIES), 24-byte keys, 150-byte values. Every figure is a median of
//! several rounds; floors (a bare overwrite + sync) are measured in alternation with creel.
//!
//! 10 million entries: `CREEL_BENCH_ENTRIES=10000000 cargo bench --bench engine -- load-unsorted
//! checkpoint get`, with 5 GB of space in CREEL_BENCH_DIR or the temporary directory.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

use std::hint::black_box;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use creel::sys::{Access, File, OsVfs, Vfs};
use creel::{
    Batch, CheckpointOptions, CompactOptions, CreateOptions, Db, KeyRange, NoProgress, OpenOptions,
    SyncMode, VerifyOptions,
};

fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 24 bytes, in random order over `i`.
fn random_key(i: u64) -> [u8; 24] {
    let mut key = [0u8; 24];
    let text = format!("{:016x}{:08x}", mix(i), i as u32);
    key.copy_from_slice(text.as_bytes());
    key
}

fn ordered_key(i: u64) -> [u8; 24] {
    let mut key = [0u8; 24];
    key.copy_from_slice(format!("key-{i:020}").as_bytes());
    key
}

fn value(i: u64) -> [u8; 150] {
    let mut value = [0u8; 150];
    for (n, chunk) in value.chunks_mut(8).enumerate() {
        let word = mix(i * 31 + n as u64).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    value
}

struct Bench {
    dir: PathBuf,
    rows: Vec<String>,
    n: u64,
}

impl Bench {
    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|r| row.contains(r.as_str()))
    }
    fn path(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        std::fs::remove_file(&path).ok();
        path
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn show(row: &str, figure: String) {
    println!("{row:<44} {figure}");
}

fn per(total: Duration, n: u64) -> String {
    let ns = total.as_nanos() as f64 / n as f64;
    if ns < 10_000.0 {
        format!("{ns:.0} ns")
    } else {
        format!("{:.1} us", ns / 1000.0)
    }
}

fn loaded(b: &Bench, name: &str) -> Db {
    let path = b.path(name);
    let db = Db::create(&path).unwrap();
    let entries = (0..b.n).map(|i| Ok((random_key(i), value(i))));
    db.bulk_load_unsorted("main", entries, 1 << 30, &NoProgress)
        .unwrap();
    db
}

fn load(b: &Bench) {
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

fn reads(b: &Bench) {
    if !["get", "range", "scan", "len", "open", "compact", "verify"]
        .iter()
        .any(|r| b.wants(r))
    {
        return;
    }
    let db = loaded(b, "reads.creel");
    let snapshot = db.snapshot().unwrap();
    let main = snapshot.keyspace("main").unwrap();
    let rounds = 300_000u64;
    if b.wants("get") {
        for _ in 0..2 {
            let start = Instant::now();
            for i in 0..rounds {
                let key = random_key(mix(i) % b.n);
                black_box(main.get_with(&key, |v| v.len()).unwrap().unwrap());
            }
            let keys = Instant::now();
            for i in 0..rounds {
                black_box(random_key(mix(i) % b.n));
            }
            let took = (keys - start).saturating_sub(keys.elapsed());
            show("get-random", per(took, rounds));
        }
        let counter = AtomicU64::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for t in 0..2u64 {
                let (main, counter) = (&main, &counter);
                scope.spawn(move || {
                    for i in 0..rounds {
                        let key = random_key(mix(i + t * 7_777_777) % b.n);
                        main.get_with(&key, |v| black_box(v.len()))
                            .unwrap()
                            .unwrap();
                    }
                    counter.fetch_add(rounds, Ordering::Relaxed);
                });
            }
        });
        show(
            "get-threads (2)",
            per(start.elapsed(), counter.load(Ordering::Relaxed)),
        );
        let start = Instant::now();
        for i in 0..rounds {
            let key = random_key(mix(i) % b.n);
            let snapshot = db.snapshot().unwrap();
            black_box(snapshot.get(&key).unwrap().unwrap());
        }
        show("get-snapshot-each", per(start.elapsed(), rounds));
        let start = Instant::now();
        for i in 0..rounds {
            let key = random_key(mix(i) % b.n);
            black_box(db.get(&key).unwrap().unwrap());
        }
        show("get-db", per(start.elapsed(), rounds));
    }
    if b.wants("range") {
        let start = Instant::now();
        for i in 0..rounds {
            let key = random_key(mix(i) % b.n);
            let from = KeyRange {
                from: creel::KeyBound::Included(key.to_vec()),
                ..KeyRange::all()
            };
            let mut cursor = main.cursor(&from);
            for _ in 0..10 {
                black_box(cursor.next_entry().unwrap());
            }
        }
        show("range-10", per(start.elapsed(), rounds));
    }
    if b.wants("scan") {
        for _ in 0..3 {
            let start = Instant::now();
            let mut cursor = main.cursor(&KeyRange::all());
            let mut bytes = 0u64;
            while let Some((key, value)) = cursor.next_entry().unwrap() {
                bytes += (key.len() + value.len()) as u64;
            }
            let speed = bytes as f64 / start.elapsed().as_secs_f64() / 1e9;
            show(
                "scan",
                format!("{speed:.2} GB/s, {}", per(start.elapsed(), b.n)),
            );
        }
    }
    if b.wants("len") {
        let start = Instant::now();
        for _ in 0..1000 {
            black_box(main.len().unwrap());
        }
        show("len", per(start.elapsed(), 1000));
    }
    drop((main, snapshot));
    let path = db.path().to_owned();
    drop(db);
    if b.wants("open") {
        let times = (0..101).map(|i| {
            let start = Instant::now();
            let db = OpenOptions::new().read_only(true).open(&path).unwrap();
            black_box(db.get(&random_key(i)).unwrap().unwrap());
            start.elapsed()
        });
        show("open-first-get", format!("{:?}", median(times.collect())));
    }
    if b.wants("verify") {
        for _ in 0..2 {
            let start = Instant::now();
            let report = creel::verify(&path, &VerifyOptions::default(), &NoProgress).unwrap();
            assert!(report.findings.is_empty(), "{:?}", report.findings);
            let speed = std::fs::metadata(&path).unwrap().len() as f64;
            let speed = speed / start.elapsed().as_secs_f64() / 1e9;
            show(
                "verify-full",
                format!("{speed:.2} GB/s, {:?}", start.elapsed()),
            );
        }
    }
    if b.wants("compact") {
        compact(b);
    }
}

fn compact(b: &Bench) {
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

fn commits(b: &Bench) {
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

/// The file of a session that ended without any care, with a log of 8 MiB that is full.
fn recovery(b: &Bench) {
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
fn lengths(b: &Bench) {
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

fn checkpoint_cost(b: &Bench) {
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

fn main() {
    let rows: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let n = std::env::var("CREEL_BENCH_ENTRIES")
        .ok()
        .and_then(|n| n.parse().ok());
    let root = std::env::var_os("CREEL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = root.join(format!("creel-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let b = Bench {
        dir: dir.clone(),
        rows,
        n: n.unwrap_or(1_000_000),
    };
    load(&b);
    reads(&b);
    commits(&b);
    recovery(&b);
    lengths(&b);
    checkpoint_cost(&b);
    std::fs::remove_dir_all(&dir).ok();
}
