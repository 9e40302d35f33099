//! Defects put in on purpose, to see that they are found.

use serde::{Deserialize, Serialize};

use super::check::Check;

/// A defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plant {
    /// Memory is taken and never given back.
    Leak,
    /// The device confirms a write of the log that it never makes.
    LostWrite,
    /// A byte of a value changes on its way into the store.
    WrongValue,
    /// Commits that come while the engine folds the log never reach the file.
    DroppingCheckpoint,
    /// A replica takes a change that its primary does not have.
    DivergentReplica,
    /// The old primary goes on writing after a promotion.
    StaleWriter,
    /// A promotion does not fence the old primary.
    ForgottenFence,
    /// Log that a replica still needs is deleted.
    EarlyRetention,
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 8] = [
        Plant::Leak,
        Plant::LostWrite,
        Plant::WrongValue,
        Plant::DroppingCheckpoint,
        Plant::DivergentReplica,
        Plant::StaleWriter,
        Plant::ForgottenFence,
        Plant::EarlyRetention,
    ];

    /// Its name.
    pub fn name(self) -> String {
        super::text::name(&self)
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| plant.name() == name)
    }

    /// Whether it needs replicas.
    pub fn needs_replicas(self) -> bool {
        use Plant::{DivergentReplica, EarlyRetention, ForgottenFence, StaleWriter};
        matches!(
            self,
            DivergentReplica | StaleWriter | ForgottenFence | EarlyRetention
        )
    }

    /// The checks by which it may be found; any other one means that something else is wrong.
    pub fn found_by(self) -> &'static [Check] {
        match self {
            Plant::Leak => &[Check::Memory],
            Plant::LostWrite => &[Check::Acknowledged, Check::Positions, Check::Calls],
            Plant::WrongValue => &[
                Check::Contents,
                Check::Reads,
                Check::Snapshots,
                Check::Readers,
            ],
            Plant::DroppingCheckpoint => &[Check::Acknowledged, Check::Positions, Check::Calls],
            Plant::DivergentReplica => &[Check::Replicas, Check::Prefix],
            Plant::StaleWriter | Plant::ForgottenFence => &[Check::Fence],
            Plant::EarlyRetention => &[Check::Retention],
        }
    }
}
