//! Bytes and the structures they stand for. Start here for the file format.

mod invariant;

pub use invariant::{Depth, Invariant};
