//! The first line: where the records come from and what they are.

use serde::{Deserialize, Serialize};

use super::json;
use super::position::Position;
use crate::exchange::error::{Error, Result};

/// The format that this build writes and reads.
pub const FORMAT: &str = "creel-jsonl/1";

/// The order of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Order {
    /// Keyspaces by name, keys within them, by unsigned bytes; each key once.
    #[default]
    #[serde(rename = "key-asc")]
    KeyAscending,
}

/// How keys and values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enc {
    /// Standard base64, padded.
    #[default]
    Base64,
    /// Text; only where all of it is UTF-8.
    Utf8,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Text where the bytes are UTF-8 without control characters, base64 elsewhere.
    Auto,
}

/// The header of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    format: String,
    /// Id of the lineage that the database belongs to.
    #[serde(with = "json::hex16")]
    pub db: [u8; 16],
    /// The position that the records are the contents of.
    pub position: Position,
    /// Their order.
    pub order: Order,
    /// How they are written.
    pub enc: Enc,
    /// In an export of changes: the position that they lead on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Position>,
    /// Only keys that start with this.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "json::base64_option"
    )]
    pub prefix: Option<Vec<u8>>,
    /// Only keys from this one on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "json::base64_option"
    )]
    pub from: Option<Vec<u8>>,
    /// Only keys before this one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "json::base64_option"
    )]
    pub to: Option<Vec<u8>>,
    /// Only this keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyspace: Option<String>,
}

/// The whole line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<T> {
    creel: T,
}

/// The one field that is looked at before the others are taken for what they seem to be.
#[derive(Deserialize)]
struct Format {
    format: String,
}

impl Header {
    /// The header of an export of everything.
    pub fn new(db: [u8; 16], position: Position, enc: Enc) -> Header {
        Header {
            format: FORMAT.to_owned(),
            db,
            position,
            order: Order::KeyAscending,
            enc,
            since: None,
            prefix: None,
            from: None,
            to: None,
            keyspace: None,
        }
    }

    /// Which part of the database it selects: equal for equal selections, zeros for everything.
    pub fn part(&self) -> [u8; 8] {
        let keys = [&self.prefix, &self.from, &self.to];
        if keys.iter().all(|key| key.is_none()) && self.keyspace.is_none() {
            return [0; 8];
        }
        let mut hasher = blake3::Hasher::new_derive_key("creel export part 1");
        let keyspace = self.keyspace.as_ref().map(|name| name.as_bytes());
        let keys = keys.into_iter().map(|key| key.as_deref());
        for part in keys.chain([keyspace]) {
            hasher.update(&[u8::from(part.is_some())]);
            hasher.update(&(part.map_or(0, <[u8]>::len) as u64).to_le_bytes());
            hasher.update(part.unwrap_or(&[]));
        }
        let hash = hasher.finalize();
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Appends the line, with its end.
    pub fn render(&self, out: &mut Vec<u8>) -> Result<()> {
        let line = Line { creel: self };
        serde_json::to_writer(&mut *out, &line).map_err(|e| Error::Io(e.into()))?;
        out.push(b'\n');
        Ok(())
    }

    /// The header in a line, which may have its end or not.
    pub fn parse(line: &[u8]) -> Result<Header> {
        let bad = |e: serde_json::Error| Error::Header {
            reason: e.to_string(),
        };
        let version: Line<Format> = serde_json::from_slice(line).map_err(bad)?;
        if version.creel.format != FORMAT {
            return Err(Error::Unsupported {
                format: version.creel.format,
            });
        }
        let line: Line<Header> = serde_json::from_slice(line).map_err(bad)?;
        Ok(line.creel)
    }
}
