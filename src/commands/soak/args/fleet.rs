//! The flags of runs with replicas. Names and defaults are those of kitedb's replication soak.

use clap::Args;
use creel::soak::config::{Config, Limit};
use creel::soak::fleet::{Fleet, Transport};

use super::SoakArgs;
use crate::cli::{Failure, units};

/// A primary and its replicas.
#[derive(Debug, Args)]
#[command(next_help_heading = "Replicas")]
pub(in crate::commands::soak) struct FleetArgs {
    /// Replicas; 0: none [default: 5]
    #[arg(long, value_name = "N")]
    pub replicas: Option<u32>,
    /// Cycles of commits, pulls and what is due [default: 18]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub cycles: Option<u64>,
    /// Commits in a cycle [default: 120]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub commits_per_cycle: Option<u64>,
    /// Replicas that follow in a cycle; the others fall behind [default: 3]
    #[arg(long, value_name = "N")]
    pub active_replicas: Option<u32>,
    /// Cycles after which others follow [default: 3]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub churn_interval: Option<u64>,
    /// Cycles between two promotions; 0: none [default: 6]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub promotion_interval: Option<u64>,
    /// Cycles between two looks at who has to be seeded anew; 0: none [default: 3]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub reseed_check_interval: Option<u64>,
    /// Log entries that a pull takes at most [default: 128]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub max_frames: Option<u64>,
    /// Pulls after which a replica has to have caught up [default: 80]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub recovery_max_loops: Option<u64>,
    /// Bytes of a batch of log entries, but one entry at least [default: 1]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub segment_max_bytes: Option<u64>,
    /// How log entries go to the replicas, one part of the run for each: path (in this process), tcp
    /// (by processes that serve, pull, promote and rejoin), dir (through an object store that is a
    /// directory) [default: path; with --profile all of them]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = transport)]
    pub transport: Vec<Transport>,
    /// Log entries that are kept for those who are behind [default: 64]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub retention_min: Option<u64>,
}

fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "path" => Ok(Transport::Path),
        "tcp" => Ok(Transport::Tcp),
        "dir" => Ok(Transport::Dir),
        _ => Err("not a transport; there are path, tcp and dir".into()),
    }
}

impl SoakArgs {
    /// What the flags ask for, once for each transport; nothing without replicas.
    pub(in crate::commands::soak) fn fleets(&self, config: &Config) -> Result<Vec<Fleet>, Failure> {
        let args = &self.fleet;
        if self.mode == super::Mode::Store || args.replicas == Some(0) {
            if self.mode == super::Mode::Replication {
                return Err(Failure::usage("replication needs replicas"));
            }
            return Ok(Vec::new());
        }
        let usual = Fleet::default();
        let or = |value: Option<u64>, usual: u64| value.unwrap_or(usual);
        let replicas = args.replicas.unwrap_or(usual.replicas);
        let fleet = Fleet {
            seed: config.seed,
            replicas,
            cycles: or(args.cycles, usual.cycles),
            duration_ms: match config.limit {
                Limit::DurationMs(ms) if args.cycles.is_none() => ms,
                _ => 0,
            },
            commits_per_cycle: or(args.commits_per_cycle, usual.commits_per_cycle),
            active_replicas: args
                .active_replicas
                .unwrap_or(usual.active_replicas.min(replicas)),
            churn_interval: or(args.churn_interval, usual.churn_interval),
            promotion_interval: or(args.promotion_interval, usual.promotion_interval),
            reseed_check_interval: or(args.reseed_check_interval, usual.reseed_check_interval),
            max_frames: usize::try_from(or(args.max_frames, usual.max_frames as u64))
                .unwrap_or(usize::MAX),
            recovery_max_loops: or(args.recovery_max_loops, usual.recovery_max_loops),
            segment_max_bytes: or(args.segment_max_bytes, usual.segment_max_bytes),
            retention_min: or(args.retention_min, usual.retention_min),
            sync: config.sync,
            sample_every_ms: config.sample_every_ms,
            faults: config.faults.clone(),
            patient: config.patient,
            bounds: config.bounds,
            plant: config.plant,
            ..usual
        };
        let mut fleets: Vec<Fleet> = Vec::new();
        for transport in self.transports() {
            let fleet = Fleet {
                transport,
                ..fleet.clone()
            };
            fleet.check()?;
            fleets.push(fleet);
        }
        Ok(fleets)
    }

    /// Each once, in their order.
    pub(in crate::commands::soak) fn transports(&self) -> Vec<Transport> {
        let named = &self.fleet.transport;
        let all = Transport::ALL.into_iter();
        let wanted: Vec<Transport> = match (named.is_empty(), self.profile) {
            (true, None) => vec![Transport::Path],
            (true, Some(_)) => all.collect(),
            (false, _) => all.filter(|t| named.contains(t)).collect(),
        };
        wanted
    }
}
