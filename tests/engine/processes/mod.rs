//! Real processes on one file. A child is this test binary again, obeying lines on its standard
//! input; nobody ever sleeps to wait for another.

mod child;
mod files;
mod parent;
mod readers;
mod sharing;
mod writers;

use creel::{CreateOptions, KeyRange, Snapshot};

/// Small log regions: they turn over and grow during a test.
fn small() -> CreateOptions {
    CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    }
}

/// A value that depends on key and round in every byte.
fn value_of(key: &str, round: u64) -> Vec<u8> {
    let text = format!("{key} in round {round};");
    let len = 20 + (key.len() * 37 + round as usize * 101) % 900;
    text.bytes().cycle().take(len).collect()
}

/// Number of entries, and a number that depends on every byte of every key and value.
fn digest(snapshot: &Snapshot) -> String {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&(bytes.len() as u32).to_le_bytes()) {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    let mut count = 0;
    let mut cursor = snapshot.keyspace("main").unwrap().cursor(&KeyRange::all());
    while let Some((key, value)) = cursor.next_entry().unwrap() {
        eat(key);
        eat(value);
        count += 1;
    }
    format!("{count} {sum:016x}")
}
