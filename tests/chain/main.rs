//! The log chain in object stores: formats, rules, races.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod anew;
mod asleep;
#[cfg(feature = "cloud")]
mod cloud;
mod faulty;
mod fetching;
mod flawed;
mod formats;
mod holds;
mod keeping;
mod kept;
mod log;
mod model;
mod polls;
mod probing;
mod publishing;
mod race;
mod reused;
mod rng;
#[cfg(feature = "cloud")]
#[path = "../support/skip.rs"]
mod skip;
mod stub;
mod thousands;
mod unreadable;
mod uploads;
