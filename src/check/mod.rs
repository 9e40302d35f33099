//! Is this file what it should be? `verify`, and the ways to look inside.
//!
//! ```text
//! verify    snapshot   pinned headers and a log that agrees with them
//!           slots      H1 to H10          log, replay   W1 to W11, R3
//!           free       S2 to S5           tree          branches, parents before children
//!           leaves     sorted by place, read in runs   values  large values
//!           content    counts, sums, keyspaces          older   S6
//!           archive    R1, R2
//! stats     where the space goes: a scan or a sample
//! inspect   one structure, byte by byte
//! ```
//!
//! Nothing here writes, maps or trusts: every length and every page id is bounded by the file
//! before it is used, every page is visited once, so the work is bounded by the file's size.

// A finding is large, is made only where there is damage, and is passed on, not copied.
#![allow(clippy::result_large_err)]

mod against;
mod archive;
pub(crate) mod catalogue;
mod content;
mod findings;
mod free;
mod inspect;
mod leaves;
mod log;
mod older;
mod owners;
mod page;
mod parts;
mod replay;
mod report;
mod sample;
mod slack;
pub(crate) mod slots;
pub(crate) mod snapshot;
pub(crate) mod source;
mod stats;
mod tree;
mod values;
mod verify;

pub use inspect::{Inspect, inspect};
pub use report::{Finding, Severity, Verdict, VerifyOptions, VerifyReport};
pub use sample::{Coverage, Sample};
pub use slack::slack;
pub use stats::{PageKinds, Quantiles, Stats, StatsOptions, stats};
pub use verify::{verify, verify_opened};
