//! Power cuts under a real kernel and real file systems: User-Mode Linux runs the program on a
//! device that logs every write (dm-log-writes), begins to fail or to lie (dm-flakey), or has sectors that
//! cannot be read (dm-dust); the host replays the log up to any entry, mounts what that leaves, and looks
//! at the files.
//!
//! Needs Linux, root and the packages that `nightly/setup.sh` installs; says so where they are
//! missing. Not part of `cargo test`:
//! `cargo test --test power -- --ignored --nocapture`; `CREEL_POWER_IMAGES=N` images for each
//! file system, `CREEL_POWER_CYCLES=N` runs for each way to fail. A failure prints a line that leads to it again; the log of its run is kept for that.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod blocks;
mod device;
mod kept;
mod log;
mod machine;
mod replay;
#[path = "../support/skip.rs"]
mod skip;
mod work;
