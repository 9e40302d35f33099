//! What a run must not exceed.

use serde::{Deserialize, Serialize};

/// Whether trends are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// In runs of a certain time, where too few samples are no verdict.
    Auto,
    /// Always: too few samples are no verdict.
    Required,
    /// Never.
    Off,
}

/// The bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes that memory may grow by in ten minutes.
    pub memory_growth: u64,
    /// Descriptors that may be open beyond those at the start.
    pub descriptors: u64,
    /// The file may be so many times as large as what it holds.
    pub file_factor: f64,
    /// And so many bytes beyond that: the log, and pages that snapshots hold.
    pub file_extra: u64,
    /// Bytes that both log regions may have.
    pub log: u64,
    /// Whether trends are judged.
    pub trend: Judge,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            memory_growth: 1 << 20,
            descriptors: 16,
            file_factor: 4.0,
            file_extra: 1 << 30,
            log: 128 << 20,
            trend: Judge::Auto,
        }
    }
}
