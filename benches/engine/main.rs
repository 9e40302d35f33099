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

mod commits;
mod data;
mod load;
mod open;
mod reads;

use std::path::PathBuf;

use data::Bench;

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
    load::load(&b);
    reads::reads(&b);
    commits::commits(&b);
    open::recovery(&b);
    open::lengths(&b);
    open::checkpoint_cost(&b);
    std::fs::remove_dir_all(&dir).ok();
}
