//! What the objects of a store contain. Pure bytes: no requests, no clock.

mod catalogue;
mod documents;
mod sealed;
mod segment;
mod snapshot;

use std::fmt;

pub use catalogue::{Catalogue, EpochRow, FloorRow, MAX_CATALOGUE, RetentionRow, SnapshotRow};
pub use documents::{
    Before, Creel, FloorDoc, HoldDoc, MAX_SMALL, NodeRole, ProbeResult, ProgressDoc, Verdict,
};
pub use sealed::{PointRow, hash_of};
pub use segment::{
    Facts, INDEX_STEP, MAX_BODY, SEGMENT_HEADER_SIZE, Segment, TRAILER_SIZE, Writer,
};
pub use snapshot::{BeginDoc, MAX_PART, MAX_PARTS, MAX_SNAPSHOT, MIN_PART, PartRow, SnapshotDoc};

/// Why the bytes of an object are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What was found.
    pub detail: String,
    /// Nothing is broken: a newer version wrote it.
    pub newer: bool,
}

impl Damage {
    /// Broken bytes.
    pub fn new(detail: impl Into<String>) -> Damage {
        Damage {
            detail: detail.into(),
            newer: false,
        }
    }

    /// Bytes of a newer version.
    pub fn newer(detail: impl Into<String>) -> Damage {
        Damage {
            detail: detail.into(),
            newer: true,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Damage {}
