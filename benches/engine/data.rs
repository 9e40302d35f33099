//! Keys, values, and how a figure is shown.

use std::path::PathBuf;
use std::time::Duration;

use creel::{Db, NoProgress};

pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 24 bytes, in random order over `i`.
pub fn random_key(i: u64) -> [u8; 24] {
    let mut key = [0u8; 24];
    let text = format!("{:016x}{:08x}", mix(i), i as u32);
    key.copy_from_slice(text.as_bytes());
    key
}

pub fn ordered_key(i: u64) -> [u8; 24] {
    let mut key = [0u8; 24];
    key.copy_from_slice(format!("key-{i:020}").as_bytes());
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

pub struct Bench {
    pub dir: PathBuf,
    pub rows: Vec<String>,
    pub n: u64,
}

impl Bench {
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|r| row.contains(r.as_str()))
    }
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        std::fs::remove_file(&path).ok();
        path
    }
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

pub fn show(row: &str, figure: String) {
    println!("{row:<44} {figure}");
}

pub fn per(total: Duration, n: u64) -> String {
    let ns = total.as_nanos() as f64 / n as f64;
    if ns < 10_000.0 {
        format!("{ns:.0} ns")
    } else {
        format!("{:.1} us", ns / 1000.0)
    }
}

pub fn loaded(b: &Bench, name: &str) -> Db {
    let path = b.path(name);
    let db = Db::create(&path).unwrap();
    let entries = (0..b.n).map(|i| Ok((random_key(i), value(i))));
    db.bulk_load_unsorted("main", entries, 1 << 30, &NoProgress)
        .unwrap();
    db
}
