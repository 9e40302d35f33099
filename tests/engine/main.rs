//! The engine from outside: what any sequence of calls, threads and processes may do to one file,
//! and what must come of it.

// A panic is how a test fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod alone;
mod backup;
mod bad_files;
mod between;
mod bulk;
mod bulk_random;
mod changing;
mod going_back;
mod hook;
mod hundreds;
mod lengths;
mod limits;
mod mapped;
mod markers;
mod model;
mod numbers;
mod refusals;
mod replica;
mod retained;
#[path = "../support/rng.rs"]
mod rng;
mod room;
mod scratch;
mod since;
#[cfg(target_os = "linux")]
#[path = "../support/skip.rs"]
mod skip;
mod snapshots;
mod threads;

#[cfg(target_os = "linux")]
mod processes;
