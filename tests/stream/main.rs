//! The stream of the log: frames, sessions, a simulated network, real connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod bad_bytes;
mod handed;
mod live;
mod memory;
mod net;
mod pair;
#[path = "../support/rng.rs"]
mod rng;
mod samples;
mod sessions;
mod sim;
#[cfg(feature = "tls")]
mod tls;
mod wire;
