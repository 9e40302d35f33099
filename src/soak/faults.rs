//! The faults that can be asked for.

use serde::{Deserialize, Serialize};

/// A fault of the storage (or, for replicas, of the transport).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The power fails in a write: what was not synced persists in part, in sectors.
    TornWrite,
    /// A write stops half way with an error.
    ShortWrite,
    /// No space is left for a while.
    Enospc,
    /// A call fails once.
    Eio,
    /// A bit of the closed file is flipped.
    Bitflip,
    /// The device says that it synced, and then the power fails.
    LostSync,
    /// A connection breaks.
    ConnDrop,
    /// Bytes change on the way to a replica.
    CorruptFrame,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 8] = [
        FaultKind::TornWrite,
        FaultKind::ShortWrite,
        FaultKind::Enospc,
        FaultKind::Eio,
        FaultKind::Bitflip,
        FaultKind::LostSync,
        FaultKind::ConnDrop,
        FaultKind::CorruptFrame,
    ];

    /// The name of the flag's value.
    pub fn name(self) -> String {
        super::text::name(&self)
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<FaultKind> {
        FaultKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is one of the transport to replicas.
    pub fn is_transport(self) -> bool {
        matches!(self, FaultKind::ConnDrop | FaultKind::CorruptFrame)
    }
}

/// What became of the faults of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FaultTally {
    /// Prepared.
    pub armed: u64,
    /// Struck: a call failed, or bytes changed.
    pub struck: u64,
    /// And some call of the engine said so.
    pub reported: u64,
    /// Nothing said so, and nothing was wrong.
    pub harmless: u64,
}
