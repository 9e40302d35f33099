//! The file format: golden vectors, round trips, flipped bytes, hostile bytes, and the documents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod documents;
mod fields;
mod flips;
mod golden;
mod hostile;
mod reader;
mod rng;
mod round_trip;
mod samples;
