//! Power losses, failed calls and damage, on a simulated disk, with the engine unchanged on top.
//!
//! ```text
//! workloads   what is done to a database      world       a disk, processes and the books
//! act         does it                         marks       what may be found after a crash
//! campaign    every cut of every workload     recording   the cuts of one, and their states
//! oracle      what must hold after a crash    faults      calls that fail
//! damage      flipped and zeroed log bytes    reads       others step into a reader's reads
//! callers     threads that share a write      verdict     every damaged byte
//! ```
//!
//! `CREEL_CRASH_STATES=N` scales the campaign, `CREEL_CRASH_RECOVERIES=1` crashes every recovery; `CREEL_CRASH_FROM=NAME` begins with that workload; `CREEL_CRASH=workload=..,seed=..,cut=..,choice=..`,
//! as a failure prints it, looks at one state again, `CREEL_CRASH=workload=..` at those of one workload; `CREEL_FAULT=workload=..,on=..,kind=..,nth=..,repeat=..` makes one call fail again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

#[path = "../support/mod.rs"]
mod support;

mod act;
mod callers;
mod campaign;
mod clocks;
mod damage;
mod excuses;
mod fault_line;
mod faults;
mod follow;
mod group;
mod hook;
#[cfg(all(feature = "planted-defects", target_os = "linux"))]
#[path = "../support/kills.rs"]
mod kills;
mod marks;
mod model;
mod oracle;
mod order;
#[cfg(feature = "planted-defects")]
mod planted;
#[cfg(all(feature = "planted-defects", target_os = "linux"))]
mod planted_lines;
mod reads;
mod recording;
mod refusals;
mod regressions;
mod replay;
mod rng;
mod schedule;
mod stepwise;
#[cfg(all(feature = "planted-defects", target_os = "linux"))]
#[path = "../support/sweeps.rs"]
mod sweeps;
mod verdict;
mod workloads;
mod world;
