//! What several integration tests share.

// Each test binary uses its own part of this, and a panic is how a test fails.
#![allow(dead_code, unused_imports)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod sim;
