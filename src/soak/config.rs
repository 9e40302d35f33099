//! What a run is: everything that decides about its operations, and when it ends.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::faults::FaultKind;
use super::plants::Plant;
use crate::error::{Error, Result};

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// After so many operations: the same operations everywhere.
    Ops(u64),
    /// After so many cycles, with replicas.
    Cycles(u64),
    /// After so much time.
    DurationMs(u64),
}

/// How durable commits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// When a commit returns.
    Full,
    /// At the next checkpoint.
    Normal,
    /// When the operating system likes.
    Off,
}

impl From<Sync> for crate::db::SyncMode {
    fn from(sync: Sync) -> Self {
        match sync {
            Sync::Full => crate::db::SyncMode::Full,
            Sync::Normal => crate::db::SyncMode::Normal,
            Sync::Off => crate::db::SyncMode::Off,
        }
    }
}

/// Sizes of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Small.
    Small = 0,
    /// Medium.
    Medium = 1,
    /// Large.
    Large = 2,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 3] = [Class::Small, Class::Medium, Class::Large];
}

/// The store part of a run. Field names are those of the flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Where all operations come from.
    pub seed: u64,
    /// When it ends.
    pub limit: Limit,
    /// Parts of small, medium and large values.
    pub mix: [u32; 3],
    /// Deletes in 10,000 operations.
    pub delete: u32,
    /// Reads of one key in 10,000 operations.
    pub get: u32,
    /// Reads of ranges and prefixes in 10,000 operations.
    pub scan: u32,
    /// Compare-and-set in 10,000 operations.
    pub cas: u32,
    /// Keys that there may be.
    pub keys: u64,
    /// Keyspaces that they are spread over.
    pub keyspaces: u32,
    /// Operations in a batch at most; half as many on average.
    pub batch: u32,
    /// Operations between two checkpoints; 0 = only those that the engine makes by itself.
    pub checkpoint_every: u64,
    /// Operations between two compactions; in place and dense by turns.
    pub compact_every: u64,
    /// Operations between two reopenings.
    pub reopen_every: u64,
    /// Operations for which a snapshot is held, here and in a reader process; 0 = none.
    pub hold: u64,
    /// Durability.
    pub sync: Sync,
    /// Bytes that the model may take; beyond, ranges of keys have a digest each.
    pub oracle_memory: u64,
    /// Milliseconds between two samples.
    pub sample_every_ms: u64,
    /// Operations between two kills on average; 0 = none.
    pub kill_every: u64,
    /// Faults to inject.
    pub faults: Vec<FaultKind>,
    /// Operations between two faults on average.
    pub fault_every: u64,
    /// Where too little was seen to be judged when the time is over, the run goes on for a while: a
    /// profile, where nobody has said how long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub patient: bool,
    /// What must not be exceeded.
    pub bounds: Bounds,
    /// A defect put in on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<Plant>,
    /// Operations left out: from, and before which one it goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<(u64, u64)>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 1,
            limit: Limit::Ops(1_000_000),
            mix: [70, 25, 5],
            delete: 500,
            get: 2000,
            scan: 50,
            cas: 150,
            keys: 20_000,
            keyspaces: 4,
            batch: 64,
            checkpoint_every: 200_000,
            compact_every: 400_000,
            reopen_every: 300_000,
            hold: Bounds::HELD,
            sync: Sync::Normal,
            oracle_memory: 256 << 20,
            sample_every_ms: 1000,
            kill_every: 0,
            faults: Vec::new(),
            fault_every: 20_000,
            patient: false,
            bounds: Bounds::default(),
            plant: None,
            skip: Vec::new(),
        }
    }
}

/// Most keyspaces: their names have two digits, so that they are in order.
const KEYSPACES_MAX: u32 = 99;
/// Most keys: a reference to a value has the rest of 64 bits.
const KEYS_MAX: u64 = 1 << 32;

impl Config {
    /// Refuses what makes no sense.
    pub fn check(&self) -> Result<()> {
        let refuse = |reason: &str| {
            Err(Error::Invalid {
                reason: reason.into(),
            })
        };
        if self.mix.iter().all(|part| *part == 0) || self.mix.iter().any(|part| *part > 1_000_000) {
            return refuse("the mix needs three parts, not all of them 0, for example 70/25/5");
        }
        let reads = u64::from(self.delete) + u64::from(self.get) + u64::from(self.scan);
        if reads + u64::from(self.cas) > 9_900 {
            return refuse("deletes, reads and compare-and-set leave no room for puts");
        }
        if self.keys == 0 || self.keys > KEYS_MAX {
            return refuse("the number of keys is from 1 to 4294967296");
        }
        if self.keyspaces == 0 || self.keyspaces > KEYSPACES_MAX {
            return refuse("the number of keyspaces is from 1 to 99");
        }
        if self.batch == 0 || self.batch > 100_000 {
            return refuse("a batch has from 1 to 100000 operations");
        }
        if self.sample_every_ms == 0 {
            return refuse("samples need some time between them");
        }
        let needs_model = self.kill_every > 0 || !self.faults.is_empty();
        if needs_model && !self.has_model() {
            return refuse(
                "after a kill or a fault the contents are looked up in the model: fewer keys, or more oracle memory",
            );
        }
        if !self.faults.is_empty() && self.fault_every == 0 {
            return refuse("faults need some operations between them");
        }
        if self.faults.contains(&FaultKind::TornWrite) && self.sync == Sync::Off {
            return refuse("without syncs nothing is promised after a power cut (torn-write)");
        }
        if self.kill_every > 0 && !self.faults.is_empty() {
            return refuse("kills and faults go in runs of their own");
        }
        Ok(())
    }

    /// Sizes with which a run of a minute reaches its steady state on any machine.
    #[must_use]
    pub fn small(self) -> Config {
        Config {
            keys: 2000,
            checkpoint_every: 2000,
            compact_every: 20_000,
            reopen_every: 15_000,
            hold: 12_000,
            ..self
        }
    }

    /// Whether every key has its place in memory.
    pub fn has_model(&self) -> bool {
        self.keys.saturating_mul(8) <= self.oracle_memory
    }

    /// Whether an operation is left out.
    pub fn skips(&self, counter: u64) -> bool {
        self.skip
            .iter()
            .any(|(from, to)| (*from..*to).contains(&counter))
    }
}

/// Name of a keyspace by its number. `main` is before all others, as it has to be in a digest.
pub fn keyspace_name(number: u32) -> String {
    match number {
        0 => "main".to_owned(),
        n => format!("soak.{n:02}"),
    }
}

/// Where the number of operations that are done is kept, in the same commits.
pub const PROGRESS: &str = "soak.progress";

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// A run that could prove nothing does not begin.
    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let refused = |make: &dyn Fn(&mut Config)| {
            let mut config = Config::default();
            config.check().unwrap();
            make(&mut config);
            config.check().unwrap_err().to_string()
        };
        for (make, why) in [
            (&|c: &mut Config| c.mix = [0; 3], "the mix"),
            (&|c: &mut Config| c.mix = [1, 2, 1_000_001], "the mix"),
            (&|c: &mut Config| c.get = 9500, "no room for puts"),
            (&|c: &mut Config| c.keys = 0, "number of keys"),
            (&|c: &mut Config| c.keys = KEYS_MAX + 1, "number of keys"),
            (&|c: &mut Config| c.keyspaces = 0, "number of keyspaces"),
            (
                &|c: &mut Config| c.keyspaces = KEYSPACES_MAX + 1,
                "number of keyspaces",
            ),
            (&|c: &mut Config| c.batch = 0, "a batch"),
            (&|c: &mut Config| c.batch = 100_001, "a batch"),
            (&|c: &mut Config| c.sample_every_ms = 0, "samples"),
            (
                &|c: &mut Config| (c.kill_every, c.oracle_memory) = (100, 1),
                "more oracle memory",
            ),
            (
                &|c: &mut Config| (c.faults, c.fault_every) = (vec![FaultKind::TornWrite], 0),
                "some operations between",
            ),
            (
                &|c: &mut Config| (c.faults, c.sync) = (vec![FaultKind::TornWrite], Sync::Off),
                "without syncs",
            ),
            (
                &|c: &mut Config| (c.faults, c.kill_every) = (vec![FaultKind::LostSync], 100),
                "runs of their own",
            ),
        ] as [(&dyn Fn(&mut Config), &str); 14]
        {
            let told = refused(make);
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn a_small_run_is_as_sound_as_a_large_one() {
        let config = Config {
            seed: 9,
            ..Config::default()
        };
        let small = config.clone().small();
        small.check().unwrap();
        assert!(small.keys < config.keys && small.hold < config.hold);
        assert_eq!((small.seed, small.mix), (9, config.mix));
    }
}
