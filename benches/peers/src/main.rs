//! `cargo run --release --manifest-path benches/peers/Cargo.toml [--features rocksdb] [-- ROW...]`
//!
//! The rows of docs/performance.md with creel, LMDB, redb, fjall, SQLite (WAL) and, where its library
//! is installed, RocksDB taking turns in
//! one process and one run: each figure is the median of the rounds, the order changes with every
//! round. 1 M entries (CREEL_BENCH_ENTRIES) of 24 + 150 bytes.

#[cfg(feature = "rocksdb")]
mod rocks;
mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stores::{Creel, Fjall, Lmdb, Redb, Sqlite, Store};

pub type Entry = ([u8; 24], [u8; 150]);

pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub fn key(i: u64) -> [u8; 24] {
    let mut key = [0u8; 24];
    key.copy_from_slice(format!("{:016x}{:08x}", mix(i), i as u32).as_bytes());
    key
}

pub fn value(i: u64) -> [u8; 150] {
    let mut value = [0u8; 150];
    for (n, chunk) in value.chunks_mut(8).enumerate() {
        let word = mix(i * 31 + n as u64).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    value
}

/// Figures by row and store.
#[derive(Default)]
struct Table(BTreeMap<(usize, &'static str), BTreeMap<&'static str, Vec<Duration>>>);

const ROWS: [&str; 12] = [
    "load in key order",
    "load in random order",
    "open + first get",
    "get",
    "get, snapshot each",
    "range of 10",
    "full scan",
    "durable put",
    "durable put, 4 threads",
    "put without sync",
    "1,000 puts, one durable commit",
    "open + first get, log not folded",
];

struct Run {
    dir: PathBuf,
    n: u64,
    wanted: Vec<String>,
    table: Table,
}

impl Run {
    fn wants(&self, row: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|w| row.contains(w.as_str()))
    }

    fn note(&mut self, row: &'static str, store: &'static str, took: Duration) {
        let at = ROWS.iter().position(|r| *r == row).unwrap_or(ROWS.len());
        self.table
            .0
            .entry((at, row))
            .or_default()
            .entry(store)
            .or_default()
            .push(took);
    }

    fn measure<S: Store>(&mut self, round: u64, sorted: &[Entry], random: &[Entry]) {
        let name = S::NAME;
        let place = |dir: &Path, what: &str| {
            let path = dir.join(format!("{name}-{what}"));
            std::fs::remove_dir_all(&path).ok();
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        if self.wants("load in key order") {
            let path = place(&self.dir, "sorted");
            let store = S::open(&path);
            let start = Instant::now();
            store.load(sorted, true);
            self.note("load in key order", name, start.elapsed());
            drop(store);
            std::fs::remove_dir_all(&path).ok();
        }
        let path = place(&self.dir, "data");
        let store = S::open(&path);
        let start = Instant::now();
        store.load(random, false);
        self.note("load in random order", name, start.elapsed());
        self.reads(&store, round);
        drop(store);
        self.opens::<S>("open + first get", &path, round);
        let store = S::open(&path);
        self.writes(&store, round);
        drop(store);
        self.opens::<S>("open + first get, log not folded", &path, round);
        std::fs::remove_dir_all(&path).ok();
    }

    fn opens<S: Store>(&mut self, row: &'static str, path: &Path, round: u64) {
        for _ in 0..5 {
            let start = Instant::now();
            let store = S::open(path);
            assert_eq!(store.get_fresh(&key(round)), 150);
            self.note(row, S::NAME, start.elapsed());
        }
    }

    fn reads<S: Store>(&mut self, store: &S, round: u64) {
        let name = S::NAME;
        let count = 100_000u64;
        let keys: Vec<_> = (0..count).map(|i| key(mix(i + round) % self.n)).collect();
        if self.wants("get") {
            let took = store.get_many(&keys);
            self.note("get", name, took / count as u32);
            let start = Instant::now();
            for key in &keys {
                assert_eq!(store.get_fresh(key), 150);
            }
            self.note("get, snapshot each", name, start.elapsed() / count as u32);
        }
        if self.wants("range of 10") {
            let took = store.range_many(&keys);
            self.note("range of 10", name, took / count as u32);
        }
        if self.wants("full scan") {
            let start = Instant::now();
            assert!(store.scan() >= self.n * 174);
            self.note("full scan", name, start.elapsed());
        }
    }

    fn writes<S: Store>(&mut self, store: &S, round: u64) {
        let name = S::NAME;
        if self.wants("durable put") {
            for i in 0..200 {
                let (k, v) = (key(self.n + round * 1000 + i), value(i));
                let start = Instant::now();
                store.put_durable(&k, &v);
                self.note("durable put", name, start.elapsed());
            }
        }
        if self.wants("4 threads") {
            let start = Instant::now();
            if store.put_threads(5 * self.n + round * 4000) {
                self.note("durable put, 4 threads", name, start.elapsed() / 800);
            }
        }
        if self.wants("without sync") {
            let at = 7 * self.n + round * 100_000;
            let entries: Vec<Entry> = (at..at + 20_000).map(|i| (key(i), value(i))).collect();
            let start = Instant::now();
            if store.put_unsynced(&entries) {
                self.note("put without sync", name, start.elapsed() / 20_000);
            }
        }
        if self.wants("1,000 puts") {
            for i in 0..10 {
                let at = 2 * self.n + (round * 10 + i) * 1000;
                let entries: Vec<Entry> = (at..at + 1000).map(|i| (key(i), value(i))).collect();
                let start = Instant::now();
                store.batch_durable(&entries);
                self.note("1,000 puts, one durable commit", name, start.elapsed());
            }
        }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let n = std::env::var("CREEL_BENCH_ENTRIES")
        .ok()
        .and_then(|n| n.parse().ok());
    let n: u64 = n.unwrap_or(1_000_000);
    let root = std::env::var_os("CREEL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = root.join(format!("creel-peers-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let random: Vec<Entry> = (0..n).map(|i| (key(i), value(i))).collect();
    let mut sorted = random.clone();
    sorted.sort_unstable();
    let wanted = std::env::args().skip(1).collect();
    let mut run = Run {
        dir: dir.clone(),
        n,
        wanted,
        table: Table::default(),
    };
    let rounds = std::env::var("CREEL_BENCH_ROUNDS")
        .ok()
        .and_then(|r| r.parse().ok())
        .unwrap_or(3);
    for round in 0..rounds {
        let mut turns: Vec<fn(&mut Run, u64, &[Entry], &[Entry])> = vec![
            Run::measure::<Creel>,
            Run::measure::<Lmdb>,
            Run::measure::<Redb>,
            Run::measure::<Fjall>,
            Run::measure::<Sqlite>,
            #[cfg(feature = "rocksdb")]
            Run::measure::<rocks::Rocks>,
        ];
        let first = round as usize % turns.len();
        turns.rotate_left(first);
        for turn in turns {
            turn(&mut run, round, &sorted, &random);
        }
    }
    for ((_, row), figures) in &mut run.table.0 {
        let creel = figures.get_mut("creel").map(|t| median(t));
        println!("{row}");
        let mut line: Vec<_> = figures
            .iter_mut()
            .map(|(name, t)| (median(t), *name))
            .collect();
        line.sort_unstable();
        for (time, name) in line {
            let ratio = creel.map_or(0.0, |c| time.as_secs_f64() / c.as_secs_f64());
            println!("  {name:<8} {time:>12.3?}   {ratio:>6.2}x creel");
        }
    }
    std::fs::remove_dir_all(&dir).ok();
}
