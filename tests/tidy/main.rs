//! House rules, enforced by reading the repository: `docs/style.md` lists them for people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod documents;
mod layers;
mod release;
mod size;
#[path = "../support/skip.rs"]
mod skip;
mod text;
mod tree;
