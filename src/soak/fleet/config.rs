//! What a run with replicas is. The names and defaults are those of kitedb's replication soak.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::soak::bounds::Bounds;
use crate::soak::config::{Config, Limit, Sync};
use crate::soak::faults::FaultKind;
use crate::soak::plants::Plant;

/// How log entries go from copy to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// In this process, from one file to the other.
    #[default]
    Path,
    /// Over TCP, by processes that serve, pull, promote and rejoin.
    Tcp,
    /// Through an object store that is a directory.
    Dir,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 3] = [Transport::Path, Transport::Tcp, Transport::Dir];

    /// The name of the part of a run.
    pub fn part(self) -> &'static str {
        match self {
            Transport::Path => "replication",
            Transport::Tcp => "replication-tcp",
            Transport::Dir => "replication-dir",
        }
    }
}

/// Log entries that promotions and looks at what is kept add to a cycle, at most.
const PROBES: u64 = 100;
/// The same for each replica that is seeded anew.
const PROBES_PER_REPLICA: u64 = 24;

/// A run with replicas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Where everything comes from.
    pub seed: u64,
    /// Replicas.
    pub replicas: u32,
    /// Cycles; where time limits the run, as many as fit in.
    pub cycles: u64,
    /// Milliseconds that the run may take; 0 = the cycles decide.
    pub duration_ms: u64,
    /// Commits in a cycle.
    pub commits_per_cycle: u64,
    /// Replicas that follow in a cycle; the others fall behind.
    pub active_replicas: u32,
    /// Cycles after which others follow.
    pub churn_interval: u64,
    /// Cycles between two promotions; 0 = none.
    pub promotion_interval: u64,
    /// Cycles between two looks at who has to be seeded anew; 0 = none.
    pub reseed_check_interval: u64,
    /// Log entries that a pull takes at most.
    pub max_frames: usize,
    /// Pulls after which a replica has to have caught up.
    pub recovery_max_loops: u64,
    /// Bytes of a batch of entries at most, but one entry at least.
    pub segment_max_bytes: u64,
    /// Log entries that are kept for those who are behind.
    pub retention_min: u64,
    /// How log entries go from copy to copy.
    #[serde(default)]
    pub transport: Transport,
    /// Durability.
    pub sync: Sync,
    /// Keys that there may be in a keyspace.
    pub keys: u64,
    /// Milliseconds between two samples.
    pub sample_every_ms: u64,
    /// Faults of the transport.
    pub faults: Vec<FaultKind>,
    /// Where too little was seen to be judged when the time is over, the run goes on for a while: a
    /// profile, where nobody has said how long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub patient: bool,
    /// What must not be exceeded.
    pub bounds: Bounds,
    /// A defect put in on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<Plant>,
}

impl Default for Fleet {
    fn default() -> Self {
        Fleet {
            seed: 1,
            replicas: 5,
            cycles: 18,
            duration_ms: 0,
            commits_per_cycle: 120,
            active_replicas: 3,
            churn_interval: 3,
            promotion_interval: 6,
            reseed_check_interval: 3,
            max_frames: 128,
            recovery_max_loops: 80,
            segment_max_bytes: 1,
            retention_min: 64,
            transport: Transport::Path,
            sync: Sync::Normal,
            keys: 2000,
            sample_every_ms: 1000,
            faults: Vec::new(),
            patient: false,
            bounds: Bounds::default(),
            plant: None,
        }
    }
}

impl Fleet {
    /// When it ends.
    pub fn limit(&self) -> Limit {
        match self.duration_ms {
            0 => Limit::Cycles(self.cycles),
            ms => Limit::DurationMs(ms),
        }
    }

    /// Refuses what makes no sense.
    pub fn check(&self) -> Result<()> {
        let refuse = |reason: &str| {
            let reason = reason.to_owned();
            Err(Error::Invalid { reason })
        };
        if self.replicas == 0 || self.replicas > 64 {
            return refuse("the number of replicas is from 1 to 64");
        }
        if self.active_replicas == 0 || self.active_replicas > self.replicas {
            return refuse("of the replicas at least one is active, and no more than there are");
        }
        if self.commits_per_cycle == 0 || self.churn_interval == 0 {
            return refuse("a cycle needs commits, and churn an interval");
        }
        if self.max_frames == 0 || self.recovery_max_loops == 0 || self.segment_max_bytes == 0 {
            return refuse("pulls need frames, loops and bytes");
        }
        let whole = (self.max_frames as u64).saturating_mul(self.recovery_max_loops);
        if whole < self.commits_per_cycle {
            return refuse("so few frames and loops can never catch up with a cycle");
        }
        Ok(())
    }

    /// Entries that a replica may be behind: those who follow in no cycle pull every
    /// `reseed_check_interval` cycles, and the probes of a cycle commit too.
    pub(super) fn lag_limit(&self) -> u64 {
        if self.bounds.lag > 0 {
            return self.bounds.lag;
        }
        if self.reseed_check_interval == 0 {
            return u64::MAX;
        }
        let probes = PROBES + PROBES_PER_REPLICA * u64::from(self.replicas);
        let cycle = self.commits_per_cycle.saturating_add(probes);
        cycle.saturating_mul(self.reseed_check_interval.saturating_add(1))
    }

    /// The operations come from the same stream as those of the store.
    pub(super) fn stream_config(&self) -> Config {
        Config {
            seed: self.seed,
            limit: Limit::Ops(u64::MAX),
            // Pulls look at everything: values of one size keep them short.
            mix: [90, 10, 0],
            keys: self.keys,
            keyspaces: 2,
            get: 0,
            scan: 0,
            cas: 0,
            delete: 1000,
            batch: 4,
            sync: self.sync,
            sample_every_ms: self.sample_every_ms,
            bounds: self.bounds,
            ..Config::default()
        }
    }
}

/// What was done. Names are those of kitedb's soak, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(missing_docs)] // the names say it, docs/soak.md explains them
pub struct FleetCounts {
    pub cycles: u64,
    pub writes_committed: u64,
    pub promotion_count: u64,
    /// Promotions while another replica lacked commits that the promoted one had.
    pub promotions_with_laggards: u64,
    pub lossy_promotions: u64,
    pub commits_lost: u64,
    pub stale_fence_rejections: u64,
    pub reseed_count: u64,
    pub reseed_recovery_successes: u64,
    pub rejoins: u64,
    pub rewinds: u64,
    /// Commits that only a deposed primary had, saved before they were taken back.
    pub commits_saved: u64,
    pub pulls: u64,
    pub frames_applied: u64,
    pub max_recovery_loops: u64,
    pub max_observed_lag: u64,
    /// How often all lags were looked at.
    pub lags_noted: u64,
    pub digests_compared: u64,
    pub divergence_violations: u64,
    pub transport_faults: u64,
    pub primary_epoch: u32,
    pub primary_head_log_index: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// A run that could prove nothing does not begin.
    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let refused = |make: &dyn Fn(&mut Fleet)| {
            let mut fleet = Fleet::default();
            fleet.check().unwrap();
            make(&mut fleet);
            fleet.check().unwrap_err().to_string()
        };
        for (make, why) in [
            (&|f: &mut Fleet| f.replicas = 0, "from 1 to 64"),
            (&|f: &mut Fleet| f.replicas = 65, "from 1 to 64"),
            (
                &|f: &mut Fleet| f.active_replicas = 0,
                "at least one is active",
            ),
            (
                &|f: &mut Fleet| f.active_replicas = f.replicas + 1,
                "no more than",
            ),
            (&|f: &mut Fleet| f.commits_per_cycle = 0, "needs commits"),
            (&|f: &mut Fleet| f.churn_interval = 0, "an interval"),
            (&|f: &mut Fleet| f.max_frames = 0, "pulls need"),
            (&|f: &mut Fleet| f.recovery_max_loops = 0, "pulls need"),
            (&|f: &mut Fleet| f.segment_max_bytes = 0, "pulls need"),
            (
                &|f: &mut Fleet| (f.max_frames, f.recovery_max_loops) = (1, 1),
                "can never catch up",
            ),
        ] as [(&dyn Fn(&mut Fleet), &str); 10]
        {
            let told = refused(make);
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn a_lag_is_bounded_unless_nobody_has_to_catch_up() {
        let fleet = Fleet::default();
        let usual = fleet.lag_limit();
        assert!(usual > fleet.commits_per_cycle && usual < u64::MAX);
        let never = Fleet {
            reseed_check_interval: 0,
            ..fleet.clone()
        };
        assert_eq!(never.lag_limit(), u64::MAX);
        let mut said = fleet.clone();
        said.bounds.lag = 5;
        assert_eq!(said.lag_limit(), 5);
        assert_eq!(fleet.limit(), Limit::Cycles(fleet.cycles));
        let timed = Fleet {
            duration_ms: 90,
            ..fleet
        };
        assert_eq!(timed.limit(), Limit::DurationMs(90));
    }
}
