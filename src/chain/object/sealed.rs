//! Documents: one line of JSON, and a second line with the hash of the first.
//!
//! `jq` reads them, and a changed byte is noticed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Damage;
use crate::chain::name::{Hex, unhex};
use crate::format::MAX_COUNTER;
use crate::format::entry::Point;

/// Version of all documents.
pub const VERSION: u32 = 1;

/// The line under a document.
const SEAL: (&str, &str) = ("{\"blake3\":\"", "\"}\n");

/// Encodes a document.
pub fn encode(document: &impl Serialize) -> Vec<u8> {
    // Only maps with keys that are no text could fail, and none has such.
    let mut bytes = serde_json::to_vec(document).unwrap_or_default();
    bytes.push(b'\n');
    let hash = blake3::hash(&bytes).to_hex();
    for text in [SEAL.0, hash.as_str(), SEAL.1] {
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// Decodes a document of a kind.
pub fn decode<D: DeserializeOwned>(bytes: &[u8], kind: &str) -> Result<D, Damage> {
    let end = bytes.iter().position(|&b| b == b'\n');
    let (line, seal) = end
        .and_then(|end| bytes.split_at_checked(end + 1))
        .ok_or_else(|| Damage::new("cut short"))?;
    let hash = blake3::hash(line).to_hex();
    let stored = std::str::from_utf8(seal).ok().and_then(|seal| {
        let rest = seal.strip_prefix(SEAL.0)?;
        rest.strip_suffix(SEAL.1)
    });
    if stored != Some(hash.as_str()) {
        return Err(Damage::new("the hash does not match"));
    }
    let head: Head = serde_json::from_slice(line).map_err(|e| Damage::new(e.to_string()))?;
    if head.creel != kind {
        return Err(Damage::new(format!(
            "{:?} where {kind:?} should stand",
            head.creel
        )));
    }
    if head.version > VERSION {
        return Err(Damage::newer(format!(
            "{kind} of format version {}",
            head.version
        )));
    }
    serde_json::from_slice(line).map_err(|e| Damage::new(e.to_string()))
}

/// Hash of the bytes of an object.
pub fn hash_of(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// How every document begins.
#[derive(Deserialize)]
struct Head {
    creel: String,
    version: u32,
}

/// A point of the log in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PointRow {
    /// Index of the entry.
    pub index: u64,
    /// Its epoch.
    pub epoch: u32,
    /// History up to it.
    #[serde(with = "hex")]
    pub history: [u8; 16],
}

impl From<Point> for PointRow {
    fn from(point: Point) -> PointRow {
        PointRow {
            index: point.index,
            epoch: point.epoch,
            history: point.history,
        }
    }
}

impl From<PointRow> for Point {
    fn from(row: PointRow) -> Point {
        Point {
            index: row.index,
            epoch: row.epoch,
            history: row.history,
        }
    }
}

impl PointRow {
    /// No counter is so large that adding to it could overflow.
    pub fn check(&self) -> Result<(), Damage> {
        check_counter(self.index)
    }
}

/// Refuses counters that no log reaches.
pub fn check_counter(counter: u64) -> Result<(), Damage> {
    if counter < MAX_COUNTER {
        Ok(())
    } else {
        Err(Damage::new("a number that no log reaches"))
    }
}

/// Ids and hashes in documents: small hexadecimal digits.
pub mod hex {
    use super::{Hex, unhex};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes bytes.
    pub fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(&Hex(bytes))
    }

    /// Reads exactly `N` bytes.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(from)?;
        unhex(&text).ok_or_else(|| D::Error::custom(format!("{N} bytes in hexadecimal expected")))
    }
}
