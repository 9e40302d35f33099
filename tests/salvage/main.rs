//! Salvage: every kind of damage takes the step that it should, saves what it should, says what
//! is lost, and never makes anything up; random damage holds the same promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod breaker;
mod headers;
mod hostile;
mod live;
mod log;
mod medium;
mod oracle;
mod output;
mod random;
#[path = "../support/rng.rs"]
mod rng;
mod scrape;
mod tree;
mod world;
