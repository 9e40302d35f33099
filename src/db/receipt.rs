//! What a write hands out, and what a reader elsewhere waits for.

use std::fmt;
use std::str::FromStr;

use super::token::{Commit, Position, Token};
use crate::error::{Error, Result};
use crate::format::checksum::History;
use crate::format::entry::Point;

/// Bytes of the history that are printed: enough that two histories are not taken for the same.
const SHORT: usize = 4;

/// A commit by epoch, index and as much of the history hash as was kept of it: `3:812:9f31c0aa`,
/// with all 32 digits, or with none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Replication term.
    pub epoch: u32,
    /// Log index.
    pub index: u64,
    hash: History,
    /// Bytes of the hash that are known.
    known: usize,
}

impl Receipt {
    /// True where this entry is the commit.
    pub fn is_at(&self, point: &Point) -> bool {
        let known = self.hash.iter().zip(&point.history).take(self.known);
        (self.epoch, self.index) == (point.epoch, point.index)
            && known.fold(true, |a, (x, y)| a & (x == y))
    }

    /// Epoch and index.
    pub fn token(&self) -> Token {
        Token {
            epoch: self.epoch,
            index: self.index,
        }
    }
}

impl Commit {
    /// What is printed of it.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            known: SHORT,
            ..Receipt::from(self.position())
        }
    }
}

impl From<Position> for Receipt {
    fn from(position: Position) -> Receipt {
        let hash = position.hash;
        Receipt {
            epoch: position.epoch,
            index: position.index,
            hash: hash.unwrap_or_default(),
            known: hash.map_or(0, |hash| hash.len()),
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.token())?;
        if self.known > 0 {
            f.write_str(":")?;
        }
        let mut known = self.hash.iter().take(self.known);
        known.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Receipt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::Invalid {
            reason: format!("{text:?} is no token like 3:812:9f31c0aa"),
        };
        if let Ok(position) = text.parse::<Position>() {
            return Ok(position.into());
        }
        let (token, digits) = text.rsplit_once(':').ok_or_else(invalid)?;
        let is_hex = digits.len() == 2 * SHORT && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        let token: Token = token.parse().map_err(|_| invalid())?;
        let mut hash = History::default();
        let (front, _) = hash.split_at_mut(SHORT);
        front.copy_from_slice(&number.ok_or_else(invalid)?.to_be_bytes());
        Ok(Receipt {
            epoch: token.epoch,
            index: token.index,
            hash,
            known: SHORT,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> Point {
        Point {
            index: 812,
            epoch: 3,
            history: *b"\x9f\x31\xc0\xaaabcdefghijkl",
        }
    }

    #[test]
    fn all_three_forms_are_read_as_they_are_written() {
        for text in [
            "3:812",
            "3:812:9f31c0aa",
            "3:812:9f31c0aa6162636465666768696a6b6c",
        ] {
            let receipt: Receipt = text.parse().unwrap();
            assert_eq!(receipt.to_string(), text);
            assert!(receipt.is_at(&point()), "{text}");
        }
        let commit = Commit {
            token: Token {
                epoch: 3,
                index: 812,
            },
            hash: point().history,
            deleted: 0,
        };
        assert_eq!(commit.receipt().to_string(), "3:812:9f31c0aa");
        for bad in [
            "3:812:",
            "3:812:9f31c0a",
            "3:812:9f31c0ag",
            "3:812:+f31c0aa",
            "3",
            "3:812:9f31c0aa:00",
        ] {
            assert!(bad.parse::<Receipt>().is_err(), "{bad}");
        }
    }

    #[test]
    fn another_commit_is_told_apart() {
        for other in [
            "4:812",
            "3:813",
            "3:812:9f31c0ab",
            "3:812:9f31c0aa6162636465666768696a6b6d",
        ] {
            assert!(
                !other.parse::<Receipt>().unwrap().is_at(&point()),
                "{other}"
            );
        }
    }
}
