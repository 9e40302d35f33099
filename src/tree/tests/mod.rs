//! Tests of the tree against a model, on pages in memory.

mod basic;
mod cost;
mod damage;
mod mem;
mod model;
mod sample;
mod shape;
mod small;
mod speed;
mod tall;
mod told;
mod wrong;
