//! Positions in the log.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A position in the log: epoch and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// Replication term.
    pub epoch: u32,
    /// Log index.
    pub index: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.index)
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once(':').and_then(|(epoch, index)| {
            Some(Token {
                epoch: epoch.parse().ok()?,
                index: index.parse().ok()?,
            })
        });
        parts.ok_or_else(|| Error::Invalid {
            reason: format!("{text:?} is no token like 3:812"),
        })
    }
}

/// A finished commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Where it stands in the log.
    pub token: Token,
    /// Entries that its deletes removed; counted only where the batch asked for it.
    pub deleted: u64,
}

impl Commit {
    pub(super) fn at(epoch: u32, index: u64) -> Commit {
        Commit {
            token: Token { epoch, index },
            deleted: 0,
        }
    }
}
