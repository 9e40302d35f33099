//! A primary and its replicas: commits, pulls with lag, promotions, stale writers, reseeds.

mod chained;
mod config;
mod cycle;
mod node;
mod outcome;
mod promote;
mod pull;
mod reseed;
mod run;
mod wire;

pub use config::{Fleet, FleetCounts, Transport};
pub use run::run_fleet;
