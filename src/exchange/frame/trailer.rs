//! The last line: what has to have been read by then.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::json;
use crate::digest::Digest;
use crate::exchange::error::{Error, Result};

/// The trailer of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// Lines between header and trailer.
    pub records: u64,
    /// Bytes before the trailer's line.
    pub bytes: u64,
    /// Their checksum.
    #[serde(with = "json::crc")]
    pub crc32c: u32,
    /// Digest of the contents.
    #[serde(with = "json::digest")]
    pub digest: Digest,
    /// Key of the first record that has one.
    #[serde(with = "json::base64_option")]
    pub first_key: Option<Vec<u8>>,
    /// Key of the last one.
    #[serde(with = "json::base64_option")]
    pub last_key: Option<Vec<u8>>,
}

/// The whole line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<T> {
    creel_end: T,
}

impl Trailer {
    /// Appends the line, with its end.
    pub fn render(&self, out: &mut Vec<u8>) -> Result<()> {
        let line = Line { creel_end: self };
        serde_json::to_writer(&mut *out, &line).map_err(|e| Error::Io(e.into()))?;
        out.push(b'\n');
        Ok(())
    }

    /// The trailer in a line, which must have its end and nothing behind it.
    pub fn parse(line: &[u8]) -> Result<Trailer> {
        let Some(text) = line.strip_suffix(b"\n") else {
            return Err(Error::Unterminated);
        };
        if text.contains(&b'\n') {
            return Err(Error::AfterTrailer);
        }
        let line: Line<Trailer> = serde_json::from_slice(text).map_err(|e| Error::Trailer {
            reason: e.to_string(),
        })?;
        Ok(line.creel_end)
    }

    /// Compares what the trailer states with what was found. The order of the comparisons is that
    /// of how much each tells a person.
    pub fn check(&self, found: &Trailer) -> Result<()> {
        let same = |field, stated: String, found: String| {
            if stated == found {
                Ok(())
            } else {
                Err(Error::Mismatch {
                    field,
                    stated,
                    found,
                })
            }
        };
        let key = |key: &Option<Vec<u8>>| match key {
            Some(key) => STANDARD.encode(key),
            None => "null".to_owned(),
        };
        let crc = |crc: u32| format!("{crc:08x}");
        same(
            "records",
            self.records.to_string(),
            found.records.to_string(),
        )?;
        same("bytes", self.bytes.to_string(), found.bytes.to_string())?;
        same("crc32c", crc(self.crc32c), crc(found.crc32c))?;
        same("first_key", key(&self.first_key), key(&found.first_key))?;
        same("last_key", key(&self.last_key), key(&found.last_key))?;
        same("digest", self.digest.to_string(), found.digest.to_string())
    }
}
