//! Positions in the log as exports name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::json;

/// A position: epoch, index, and the hash of the history up to it, which tells forks apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Replication term.
    pub epoch: u32,
    /// Log index.
    pub index: u64,
    /// Hash of the history.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "json::hex16_option"
    )]
    pub hash: Option<[u8; 16]>,
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPosition;

impl fmt::Display for NotAPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position is written EPOCH:INDEX or EPOCH:INDEX:HASH")
    }
}

impl std::error::Error for NotAPosition {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.index)?;
        match self.hash {
            Some(hash) => write!(f, ":{}", json::hex(&hash)),
            None => Ok(()),
        }
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let mut parts = text.split(':');
        let epoch = parts.next().and_then(number).ok_or(NotAPosition)?;
        let index = parts.next().and_then(number).ok_or(NotAPosition)?;
        let hash = match parts.next() {
            Some(hash) => Some(json::unhex16(hash).ok_or(NotAPosition)?),
            None => None,
        };
        match parts.next() {
            Some(_) => Err(NotAPosition),
            None => Ok(Position { epoch, index, hash }),
        }
    }
}

/// Digits only: no sign.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
