//! A primary and its replicas: commits, pulls with lag, promotions, stale writers, reseeds.

mod config;
mod cycle;
mod node;
mod outcome;
mod promote;
mod pull;
mod reseed;
mod run;

pub use config::{Fleet, FleetCounts};
pub use run::run_fleet;
