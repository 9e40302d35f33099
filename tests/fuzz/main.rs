//! The targets of `fuzz/` without a fuzzer: every file of `fuzz/corpus`, and what becomes of them
//! under seeded changes, through the same functions. A panic, more than five seconds for one
//! input, or more memory than 64 MiB and twice the file is a failure.
//!
//! `CREEL_FUZZ_RUNS=N`: N changed inputs for each target. `CREEL_FUZZ=target:N`, as a failure
//! prints it, runs that one again. `UPDATE_CORPUS=1` writes the corpus anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod allocator;
mod args;
mod corpus;
mod entry;
mod mutate;
mod replay;
#[path = "../support/sweeps.rs"]
mod sweeps;
mod watchdog;
