//! Copies that follow, with real processes and real connections.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test may panic
#![allow(clippy::print_stderr)]

mod acks;
mod arriving;
mod bootstrap;
mod documented;
#[cfg(feature = "tls")]
mod elector;
mod elsewhere;
mod ends;
mod epochs;
mod faults;
mod follow;
mod forge;
mod full;
mod health;
mod holes;
mod imports;
mod keeps;
mod kill_waits;
#[cfg(target_os = "linux")]
#[path = "../support/kills.rs"]
mod kills;
mod leftovers;
mod markers;
mod netns;
mod outages;
mod promoting;
mod published;
mod publisher;
mod races;
mod recipes;
mod rejoin;
mod relief;
mod restores;
#[path = "../support/rng.rs"]
mod rng;
mod says;
mod secure;
mod sink;
#[path = "../support/skip.rs"]
mod skip;
mod sources;
mod ssh;
mod sshd;
mod status;
mod store;
mod store_anew;
mod store_away;
mod store_kill;
mod store_odd;
mod store_says;
mod store_slept;
#[cfg(target_os = "linux")]
#[path = "../support/sweeps.rs"]
mod sweeps;
mod world;
