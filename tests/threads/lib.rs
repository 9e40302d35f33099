//! The engine itself, with the threads of a handle run by [shuttle](https://docs.rs/shuttle): at every lock, wait,
//! atomic, swap and call to the disk a schedule decides which of them goes on. What they meet in is
//! `src/threads`; the disk is the simulated one.
//!
//! ```text
//! scenes      which threads there are              acts        what one of them does
//! stage       a disk, a database, a handle         books       what they did and saw, and what must hold
//! turning     a disk at whose calls they turn      run         schedules by seeds, and their replay
//! planted     mistakes that the scenes must find
//! ```
//!
//! `CREEL_THREADS=N` runs about N schedules of each scene; `CREEL_THREAD='scene=..,by=..,seed=..'`, as a failure
//! prints it, one lot of them again.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod acts;
mod books;
#[allow(dead_code)] // Its other user has all of it.
#[path = "../crash/model.rs"]
mod model;
mod planted;
#[path = "../support/rng.rs"]
mod rng;
mod run;
mod scenes;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod turning;

/// What went wrong, in words.
type Outcome<T = ()> = Result<T, String>;

/// Where the database is on its disk.
const PATH: &str = "/data/threads.creel";
