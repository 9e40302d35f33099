//! Tests of the tree against a model, on pages in memory.

mod basic;
mod mem;
mod model;
