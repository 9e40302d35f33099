//! `cat/<n>.json`: an index of the store. Never an authority: everything in it can be checked
//! against the chain, and a missing or old one costs only requests.

use serde::{Deserialize, Serialize};

use super::Damage;
use super::sealed::{self, PointRow, check_counter, hex};
use crate::chain::name::{SnapshotId, snapshot_id};

/// Bytes of a catalogue.
pub const MAX_CATALOGUE: u64 = 16 << 20;

/// One catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    creel: String,
    version: u32,
    /// Its number, from 1.
    pub n: u64,
    /// Hash of the bytes of the one before; zeros for the first.
    #[serde(with = "hex")]
    pub previous: [u8; 32],
    /// Lineage of the database.
    #[serde(with = "hex")]
    pub lineage: [u8; 16],
    /// Who wrote it.
    #[serde(with = "hex")]
    pub node: [u8; 16],
    /// When.
    pub time_us: u64,
    /// The newest segment that its writer knew.
    pub tail: u64,
    /// Epochs that began in this chain, rising.
    pub epochs: Vec<EpochRow>,
    /// Whole snapshots, rising by index.
    pub snapshots: Vec<SnapshotRow>,
    /// Where the chain begins now.
    pub floor: FloorRow,
    /// What is to be kept.
    pub retention: RetentionRow,
    /// Holds that were counted when the floor was set, and those that were passed over.
    pub holds: Vec<String>,
    /// When all of the store was last checked and found whole, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_us: Option<u64>,
    /// When it was last restored whole, for trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled_us: Option<u64>,
    /// Readers of an older format version must not go on.
    pub min_reader: u32,
}

/// An epoch, and the fence that began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRow {
    /// The epoch.
    pub epoch: u32,
    /// Number of the fence segment.
    pub number: u64,
    /// The log before its fence entry.
    pub before: PointRow,
    /// The log after it.
    pub after: PointRow,
    /// Who was promoted.
    #[serde(with = "hex")]
    pub node: [u8; 16],
    /// When.
    pub time_us: u64,
    /// Name of the node.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Entries of the epoch before that were given up.
    pub lost: Option<(u64, u64)>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// Its folder under `snap/`.
    pub folder: String,
    /// The last entry in it.
    pub at: PointRow,
    /// The segment that has the next entry, or will have it.
    pub number: u64,
    /// Time of its last entry.
    pub entry_time_us: u64,
    /// When it was made.
    pub time_us: u64,
    /// Bytes of the database file.
    pub image_bytes: u64,
    /// Bytes of its own parts.
    pub stored_bytes: u64,
    /// The snapshot whose parts it uses too.
    pub base: Option<String>,
}

impl SnapshotRow {
    /// Which snapshot it is.
    pub fn id(&self) -> Option<SnapshotId> {
        snapshot_id(&self.folder)
    }
}

/// Where the chain begins: segments below `number` may be gone, except fences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorRow {
    /// The first segment that is kept.
    pub number: u64,
    /// The log before its first entry.
    pub before: PointRow,
}

/// What is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RetentionWire", into = "RetentionWire")]
pub struct RetentionRow {
    /// Log of so many microseconds.
    pub time_us: u64,
    /// At least so many entries.
    pub min_entries: u64,
    /// At most so many bytes of log, where a snapshot allows it.
    pub max_bytes: u64,
    /// A hold that was not renewed for so long does not count.
    pub hold_ttl_us: u64,
    /// What a node says of itself keeps no more than this, where somebody has said how much.
    pub hold_max_bytes: Option<u64>,
}

/// The same as it is stored: there always is a number, and what is usual may have been said, too.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct RetentionWire {
    time_us: u64,
    min_entries: u64,
    max_bytes: u64,
    hold_ttl_us: u64,
    hold_max_bytes: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hold_max_said: bool,
}

impl From<RetentionWire> for RetentionRow {
    fn from(wire: RetentionWire) -> Self {
        let said = wire.hold_max_said || wire.hold_max_bytes != HOLD_MAX_BYTES;
        RetentionRow {
            time_us: wire.time_us,
            min_entries: wire.min_entries,
            max_bytes: wire.max_bytes,
            hold_ttl_us: wire.hold_ttl_us,
            hold_max_bytes: said.then_some(wire.hold_max_bytes),
        }
    }
}

impl From<RetentionRow> for RetentionWire {
    fn from(row: RetentionRow) -> Self {
        RetentionWire {
            time_us: row.time_us,
            min_entries: row.min_entries,
            max_bytes: row.max_bytes,
            hold_ttl_us: row.hold_ttl_us,
            hold_max_bytes: row.hold_max_bytes.unwrap_or(HOLD_MAX_BYTES),
            hold_max_said: row.hold_max_bytes == Some(HOLD_MAX_BYTES),
        }
    }
}

impl Default for RetentionRow {
    fn default() -> Self {
        const HOUR_US: u64 = 3_600_000_000;
        RetentionRow {
            time_us: 7 * 24 * HOUR_US,
            min_entries: 1024,
            max_bytes: u64::MAX,
            hold_ttl_us: 24 * HOUR_US,
            hold_max_bytes: None,
        }
    }
}

/// What a node's word keeps at most, where nobody has said otherwise.
const HOLD_MAX_BYTES: u64 = 10 << 30;
/// No less than this, however small a snapshot is: each copy made anew costs its reader, too.
const HOLD_LEAST_BYTES: u64 = 64 << 20;

impl RetentionRow {
    /// Bytes of log that a node's word keeps: beyond half of the newest snapshot a new copy is the cheaper
    /// way, unless somebody has said how many.
    pub fn node_max_bytes(&self, newest: Option<&SnapshotRow>) -> u64 {
        let half = newest.map_or(u64::MAX, |newest| newest.image_bytes / 2);
        let usual = half.clamp(HOLD_LEAST_BYTES, HOLD_MAX_BYTES);
        self.hold_max_bytes.unwrap_or(usual)
    }
}

impl Catalogue {
    /// Bytes of log that a node's word keeps.
    pub fn node_max_bytes(&self) -> u64 {
        self.retention.node_max_bytes(self.snapshots.last())
    }

    /// The first catalogue of a store.
    pub fn first(lineage: [u8; 16], node: [u8; 16], start: PointRow) -> Catalogue {
        Catalogue {
            creel: "catalogue".to_owned(),
            version: sealed::VERSION,
            n: 1,
            previous: [0; 32],
            lineage,
            node,
            time_us: 0,
            tail: 0,
            epochs: Vec::new(),
            snapshots: Vec::new(),
            floor: FloorRow {
                number: 1,
                before: start,
            },
            retention: RetentionRow::default(),
            holds: Vec::new(),
            verified_us: None,
            drilled_us: None,
            min_reader: sealed::VERSION,
        }
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        sealed::encode(self)
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<Catalogue, Damage> {
        let catalogue: Catalogue = sealed::decode(bytes, "catalogue")?;
        if catalogue.min_reader > sealed::VERSION {
            return Err(Damage::newer("a catalogue for newer readers only"));
        }
        catalogue.check()?;
        Ok(catalogue)
    }

    fn check(&self) -> Result<(), Damage> {
        let counters = [self.n, self.tail, self.floor.number];
        let epochs = self.epochs.iter().map(|e| e.number);
        let snapshots = self.snapshots.iter().map(|s| s.number);
        for counter in counters.into_iter().chain(epochs).chain(snapshots) {
            check_counter(counter)?;
        }
        self.floor.before.check()?;
        for row in &self.epochs {
            row.before.check()?;
            row.after.check()?;
            if row.before.index + 1 != row.after.index || row.after.epoch != row.epoch {
                return Err(Damage::new("an epoch that contradicts itself"));
            }
        }
        for row in &self.snapshots {
            row.at.check()?;
            let id = SnapshotId::of(row.at.index, row.at.epoch, &row.at.history);
            if row.id() != Some(id) {
                return Err(Damage::new("a snapshot that contradicts its name"));
            }
            if row
                .base
                .as_deref()
                .is_some_and(|base| snapshot_id(base).is_none())
            {
                return Err(Damage::new("a snapshot whose base has no proper name"));
            }
        }
        let rising = self
            .epochs
            .is_sorted_by(|a, b| a.epoch < b.epoch && a.number < b.number)
            && self.snapshots.is_sorted_by_key(|s| s.at.index);
        if !rising || self.n == 0 || self.floor.number == 0 {
            return Err(Damage::new("epochs or snapshots out of order"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten GiB of log were kept for a copy of a database of ten MiB, which a new copy brings up to date at once.
    #[test]
    fn more_log_was_kept_for_a_copy_than_a_new_one_costs() {
        let row = |image_bytes| SnapshotRow {
            folder: String::new(),
            at: PointRow {
                index: 1,
                epoch: 1,
                history: [0; 16],
            },
            number: 1,
            entry_time_us: 0,
            time_us: 0,
            image_bytes,
            stored_bytes: 0,
            base: None,
        };
        let mut retention = RetentionRow::default();
        let most = |retention: &RetentionRow, image| retention.node_max_bytes(Some(&row(image)));
        assert_eq!(most(&retention, 10 << 20), 64 << 20, "never less");
        assert_eq!(most(&retention, 1 << 30), 512 << 20);
        assert_eq!(most(&retention, 1 << 40), 10 << 30, "nor more");
        assert_eq!(
            retention.node_max_bytes(None),
            10 << 30,
            "without one there is no other way"
        );
        // Exactly as much as is usual at most was taken for nothing said.
        for said in [1 << 30, 10 << 30] {
            retention.hold_max_bytes = Some(said);
            assert_eq!(most(&retention, 10 << 20), said, "as was asked for");
        }
    }
}
