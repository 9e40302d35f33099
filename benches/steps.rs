//! `cargo bench --bench steps -- ROW COUNT`: does one thing COUNT times and measures nothing.
//! `benches/instructions.py` runs it under valgrind and prints how many instructions one takes.
//!
//! 100,000 entries (CREEL_BENCH_ENTRIES), 24-byte keys, 150-byte values.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use creel::{
    Batch, CreateOptions, Db, Duplicates, KeyBound, KeyRange, NoProgress, OpenOptions, Sorter,
    SyncMode,
};

fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 24 bytes, in random order over `i`.
fn key(i: u64) -> [u8; 24] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let word = mix(i);
    let mut key = [0u8; 24];
    for (n, digit) in key.iter_mut().enumerate() {
        *digit = DIGITS[(word >> (n * 4 % 64) & 15) as usize];
    }
    key
}

const VALUE: [u8; 150] = [7; 150];

fn loaded(path: &Path, entries: u64) -> Db {
    let db = Db::create(path).unwrap();
    let rows = (0..entries).map(|i| Ok((key(i), VALUE)));
    db.bulk_load_unsorted("main", rows, 1 << 30, &NoProgress)
        .unwrap();
    db
}

fn unsynced(path: &Path, hold_lock: bool) -> Db {
    let options = OpenOptions::new().sync(SyncMode::Off).hold_lock(hold_lock);
    options.create(path, &CreateOptions::default()).unwrap()
}

fn main() {
    let args: Vec<String> = std::env::args().filter(|a| !a.starts_with('-')).collect();
    let (Some(row), Some(count)) = (args.get(1), args.get(2)) else {
        return; // as `cargo test` and `cargo bench` without arguments run it
    };
    let count: u64 = count.parse().unwrap();
    let entries = std::env::var("CREEL_BENCH_ENTRIES").map_or(100_000, |n| n.parse().unwrap());
    let dir: PathBuf = std::env::temp_dir().join(format!("creel-steps-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    run(row, count, entries, &dir.join("a.creel"));
    std::fs::remove_dir_all(&dir).ok();
}

fn run(row: &str, count: u64, entries: u64, path: &Path) {
    let any = |i: u64| key(mix(i) % entries);
    match row {
        "get" | "range" | "scan" | "snapshot" | "len" => {
            let db = loaded(path, entries);
            let snapshot = db.snapshot().unwrap();
            let main = snapshot.keyspace("main").unwrap();
            let mut cursor = main.cursor(&KeyRange::all());
            for i in 0..count {
                match row {
                    "get" => drop(black_box(main.get_with(&any(i), |v| v.len()).unwrap())),
                    "len" => drop(black_box(main.len().unwrap())),
                    "snapshot" => {
                        let snapshot = db.snapshot().unwrap();
                        black_box(snapshot.get(&any(i)).unwrap().unwrap());
                    }
                    "range" => {
                        let mut cursor = main.cursor(&KeyRange {
                            from: KeyBound::Included(any(i).to_vec()),
                            ..KeyRange::all()
                        });
                        for _ in 0..10 {
                            black_box(cursor.next_entry().unwrap());
                        }
                    }
                    _ => {
                        if black_box(cursor.next_entry().unwrap()).is_none() {
                            cursor = main.cursor(&KeyRange::all());
                        }
                    }
                }
            }
        }
        "open" => {
            drop(loaded(path, entries));
            for i in 0..count {
                let db = OpenOptions::new().read_only(true).open(path).unwrap();
                black_box(db.get(&any(i)).unwrap().unwrap());
            }
        }
        "open-log" => {
            let options = OpenOptions::new().sync(SyncMode::Off).checkpoint_at(None);
            let db = options.create(path, &CreateOptions::default()).unwrap();
            for i in 0..1000 {
                db.put(&key(i), &VALUE).unwrap();
            }
            for i in 0..count {
                let db = OpenOptions::new().read_only(true).open(path).unwrap();
                black_box(db.get(&key(i % 1000)).unwrap().unwrap());
            }
        }
        "put" | "put-locking" => {
            let db = unsynced(path, row == "put");
            for i in 0..count {
                db.put(&key(i), &VALUE).unwrap();
            }
        }
        "put-large" => {
            drop(loaded(path, entries));
            let options = OpenOptions::new().sync(SyncMode::Off).hold_lock(true);
            let db = options.open(path).unwrap();
            for i in 0..count {
                db.put(&key(entries + i), &VALUE).unwrap();
            }
        }
        "batch" => {
            let db = unsynced(path, true);
            for i in 0..count.div_ceil(1000) {
                let mut batch = Batch::new();
                for n in 0..1000 {
                    batch.put(&key(i * 1000 + n), &VALUE);
                }
                db.write(batch).unwrap();
            }
        }
        "sort" => {
            let mut sorter = Sorter::new(1 << 30, Duplicates::Last, path);
            for i in 0..count {
                sorter.push(0, &key(i), Some(&VALUE)).unwrap();
            }
            let mut sorted = sorter.finish().unwrap();
            while black_box(sorted.next_change().unwrap()).is_some() {}
        }
        other => panic!("no row {other}"),
    }
}
