//! The stream of the log: frames, sessions, a simulated network, real connections.

#![allow(clippy::unwrap_used)]

mod bad_bytes;
mod memory;
mod rng;
mod samples;
mod sessions;
mod sim;
mod wire;
