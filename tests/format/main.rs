//! The file format: golden vectors, round trips, flipped bytes, hostile bytes, and the documents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod descriptions;
mod documents;
mod fields;
mod flips;
mod golden;
mod hostile;
mod page_checks;
mod page_room;
mod reader;
mod records;
mod rng;
mod round_trip;
mod samples;
#[path = "../support/skip.rs"]
mod skip;
