//! `snap/<id>/snapshot.json`: which parts make up a database file, in order.

use serde::{Deserialize, Serialize};

use super::Damage;
use super::sealed::{self, PointRow, hex};
use crate::chain::name::{Name, PartId, SnapshotId, snapshot_id};

/// Bytes of a snapshot's document.
pub const MAX_SNAPSHOT: u64 = 32 << 20;
/// Smallest part, except for the last.
pub const MIN_PART: u64 = 8 << 20;
/// Largest part.
pub const MAX_PART: u64 = 64 << 20;
/// Most parts.
pub const MAX_PARTS: usize = 200_000;

/// The first object of a snapshot: somebody has begun to write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginDoc {
    creel: String,
    version: u32,
    /// Who.
    #[serde(with = "hex")]
    pub node: [u8; 16],
    /// Random for each attempt.
    #[serde(with = "hex")]
    pub nonce: [u8; 16],
    /// When.
    pub time_us: u64,
}

impl BeginDoc {
    /// An attempt.
    pub fn new(node: [u8; 16], nonce: [u8; 16], time_us: u64) -> BeginDoc {
        BeginDoc {
            creel: "snapshot-begin".to_owned(),
            version: sealed::VERSION,
            node,
            nonce,
            time_us,
        }
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        sealed::encode(self)
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<BeginDoc, Damage> {
        sealed::decode(bytes, "snapshot-begin")
    }
}

/// A whole snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDoc {
    creel: String,
    version: u32,
    /// Lineage of the database.
    #[serde(with = "hex")]
    pub lineage: [u8; 16],
    /// Who made it.
    #[serde(with = "hex")]
    pub node: [u8; 16],
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
    /// Bytes of each part but the last.
    pub part_bytes: u64,
    /// The snapshot whose parts are used too.
    pub base: Option<String>,
    /// In the order of the file.
    pub parts: Vec<PartRow>,
}

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// Hash of its bytes.
    #[serde(with = "hex")]
    pub hash: [u8; 32],
    /// Its bytes.
    pub bytes: u64,
    /// It is the base's, not this snapshot's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_base: bool,
    /// Its number there.
    pub number: u32,
}

impl PartRow {
    /// The part's id.
    pub fn id(&self) -> PartId {
        let (head, _) = self.hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        PartId {
            number: self.number,
            hash: *head,
        }
    }
}

impl SnapshotDoc {
    /// A snapshot without parts yet.
    pub fn new(lineage: [u8; 16], node: [u8; 16], at: PointRow) -> SnapshotDoc {
        SnapshotDoc {
            creel: "snapshot".to_owned(),
            version: sealed::VERSION,
            lineage,
            node,
            at,
            number: 1,
            entry_time_us: 0,
            time_us: 0,
            image_bytes: 0,
            part_bytes: MIN_PART,
            base: None,
            parts: Vec::new(),
        }
    }

    /// Which snapshot it is.
    pub fn id(&self) -> SnapshotId {
        SnapshotId::of(self.at.index, self.at.epoch, &self.at.history)
    }

    /// Where a part stands in the store.
    pub fn part_name(&self, part: &PartRow) -> Option<Name> {
        let folder = match (part.in_base, &self.base) {
            (false, _) => self.id(),
            (true, Some(base)) => snapshot_id(base)?,
            (true, None) => return None,
        };
        Some(Name::Part(folder, part.id()))
    }

    /// Bytes of its own parts.
    pub fn stored_bytes(&self) -> u64 {
        self.parts
            .iter()
            .filter(|p| !p.in_base)
            .map(|p| p.bytes)
            .sum()
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        sealed::encode(self)
    }

    /// Decodes it.
    pub fn decode(bytes: &[u8]) -> Result<SnapshotDoc, Damage> {
        let document: SnapshotDoc = sealed::decode(bytes, "snapshot")?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), Damage> {
        self.at.check()?;
        sealed::check_counter(self.number)?;
        if self.part_bytes == 0 || self.part_bytes > MAX_PART || self.parts.len() > MAX_PARTS {
            return Err(Damage::new("parts of a size or number that is not allowed"));
        }
        if self
            .base
            .as_deref()
            .is_some_and(|base| snapshot_id(base).is_none())
        {
            return Err(Damage::new("a base without a proper name"));
        }
        let last = self.parts.len().saturating_sub(1);
        let mut sum = 0u64;
        for (at, part) in self.parts.iter().enumerate() {
            let whole = if at == last {
                part.bytes <= self.part_bytes
            } else {
                part.bytes == self.part_bytes
            };
            if !whole || part.bytes == 0 || (part.in_base && self.base.is_none()) {
                return Err(Damage::new(format!("part {at} contradicts the rest")));
            }
            sum += part.bytes;
        }
        if sum != self.image_bytes || self.parts.is_empty() {
            return Err(Damage::new("the parts are not the whole file"));
        }
        Ok(())
    }
}
