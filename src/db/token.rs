//! Positions in the log.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::format::checksum::History;

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
                epoch: number(epoch)?.try_into().ok()?,
                index: number(index)?,
            })
        });
        parts.ok_or_else(|| Error::Invalid {
            reason: format!("{text:?} is no token like 3:812"),
        })
    }
}

fn number(text: &str) -> Option<u64> {
    // The standard parser would take a plus sign.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A position in the log with the history that leads to it: two files that agree on it have had
/// the same commits up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Replication term.
    pub epoch: u32,
    /// Log index.
    pub index: u64,
    /// History hash up to that entry; [`None`] where whoever gave the position left it out.
    pub hash: Option<[u8; 16]>,
}

impl Position {
    /// Epoch and index.
    pub fn token(&self) -> Token {
        Token {
            epoch: self.epoch,
            index: self.index,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.token())?;
        if let Some(hash) = self.hash {
            write!(f, ":{:032x}", u128::from_be_bytes(hash))?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::Invalid {
            reason: format!("{text:?} is no position like 3:812 or 3:812:HASH with 32 hex digits"),
        };
        let (token, hash) = match text.match_indices(':').nth(1) {
            Some((at, _)) => {
                let (token, hash) = text.split_at(at);
                (token, hash.strip_prefix(':'))
            }
            None => (text, None),
        };
        let token: Token = token.parse().map_err(|_| invalid())?;
        let digits = |h: &str| h.len() == 32 && h.bytes().all(|b| b.is_ascii_hexdigit());
        let hash = match hash {
            Some(hash) if digits(hash) => {
                let number = u128::from_str_radix(hash, 16).map_err(|_| invalid())?;
                Some(number.to_be_bytes())
            }
            Some(_) => return Err(invalid()),
            None => None,
        };
        Ok(Position {
            epoch: token.epoch,
            index: token.index,
            hash,
        })
    }
}

/// A finished commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Where it stands in the log.
    pub token: Token,
    /// History up to it.
    pub hash: History,
    /// Entries that its deletes removed; counted only where the batch asked for it.
    pub deleted: u64,
}

impl Commit {
    /// Where it stands in the history.
    pub fn position(&self) -> Position {
        Position {
            epoch: self.token.epoch,
            index: self.token.index,
            hash: Some(self.hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        let hash = *b"\x00\x01abcdefghijklm\xff";
        for hash in [None, Some(hash)] {
            let position = Position {
                epoch: 3,
                index: 812,
                hash,
            };
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
        let whole = "3:812:00016162636465666768696a6b6c6dff";
        assert_eq!(whole.parse::<Position>().unwrap().hash, Some(hash));
        for bad in [
            "",
            "3",
            "3:",
            ":8",
            "3:8:",
            "3:8:00",
            "3:8:+0016162636465666768696a6b6c6dff",
            "3:8::00016162636465666768696a6b6c6dff",
            "+3:8",
        ] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
