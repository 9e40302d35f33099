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
#[serde(default)]
pub struct Bounds {
    /// Bytes that memory may grow by in ten minutes.
    pub memory_growth: u64,
    /// Descriptors that may be open beyond those at the start.
    pub descriptors: u64,
    /// The file may be so many times as large as what it holds.
    pub file_factor: f64,
    /// And so many bytes beyond that: the log, and pages that snapshots hold for
    /// [`Bounds::HELD`] operations.
    pub file_extra: u64,
    /// Bytes that both log regions may have.
    pub log: u64,
    /// Milliseconds that opening the database may take: after a kill, a fault or a clean end.
    pub recovery_ms: u64,
    /// Log entries that a replica may be behind; 0 = what follows from the intervals.
    pub lag: u64,
    /// Whether trends are judged.
    pub trend: Judge,
}

impl Bounds {
    /// Operations for which a snapshot is held, unless something else is asked for.
    pub const HELD: u64 = 150_000;

    /// Bytes that the file may have with values of so many bytes, where snapshots are held for
    /// `hold` operations: what is replaced meanwhile is not used again.
    pub fn file_limit(&self, live_bytes: u64, hold: u64) -> u64 {
        let factor = self.file_factor * live_bytes as f64;
        let extra = self
            .file_extra
            .saturating_mul(hold.div_ceil(Self::HELD).max(1));
        (factor as u64).saturating_add(extra)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            memory_growth: 1 << 20,
            descriptors: 16,
            file_factor: 4.0,
            file_extra: 640 << 20,
            log: 128 << 20,
            recovery_ms: 30_000,
            lag: 0,
            trend: Judge::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_longer_has_more_room() {
        let bounds = Bounds {
            file_factor: 2.5,
            file_extra: 1000,
            ..Bounds::default()
        };
        for (hold, limit) in [(0, 1250), (Bounds::HELD, 1250), (Bounds::HELD + 1, 2250)] {
            assert_eq!(bounds.file_limit(100, hold), limit, "{hold}");
        }
        assert_eq!(bounds.file_limit(u64::MAX, u64::MAX), u64::MAX);
    }
}
