//! A portable entry: what the log, a segment and the wire have in common.
//!
//! Header (48 bytes), payload, crc32c over both. The log puts an envelope before it and zeros
//! behind it; elsewhere entries follow each other without a gap.

use std::fmt;

use super::bytes::{u32_at, u64_at};
use super::checksum::{History, crc};
use super::frame::{ENTRY_HEADER_SIZE, EntryHeader, EntryKind, MAX_PAYLOAD};
use super::{Invariant, MAX_COUNTER};

/// Bytes of an entry without its payload.
pub const ENTRY_OVERHEAD: usize = ENTRY_HEADER_SIZE + 4;

/// The log after one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    /// Index of that entry.
    pub index: u64,
    /// Its epoch.
    pub epoch: u32,
    /// History up to it.
    pub history: History,
}

/// Why bytes are not the entry that should stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryError {
    /// No entry header that this version knows.
    Header,
    /// Whole, and of a kind or with features that only a newer version knows.
    Newer {
        /// The entry.
        index: u64,
    },
    /// The checksum does not match.
    Checksum {
        /// What the header says that it is.
        index: u64,
    },
    /// Not the next entry.
    Index {
        /// The index that should come.
        expected: u64,
        /// The index found.
        found: u64,
    },
    /// The epoch goes back, or moves without a fence.
    Epoch {
        /// The entry.
        index: u64,
        /// The epoch before it.
        before: u32,
        /// Its epoch.
        found: u32,
    },
    /// It was built on another history.
    History {
        /// The entry.
        index: u64,
    },
    /// The bytes end inside an entry.
    Short,
    /// Its operations cannot be: they do not decode, or name what does not exist.
    Content {
        /// The entry.
        index: u64,
        /// What they break.
        id: Invariant,
    },
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryError::Header => f.write_str("not the header of a log entry"),
            EntryError::Newer { index } => {
                write!(
                    f,
                    "log entry {index} is of a kind that only a newer creel knows"
                )
            }
            EntryError::Checksum { index } => {
                write!(f, "log entry {index} does not match its checksum")
            }
            EntryError::Index { expected, found } => {
                write!(f, "log entry {found} where {expected} should come")
            }
            EntryError::Epoch {
                index,
                before,
                found,
            } => write!(f, "log entry {index} has epoch {found} after {before}"),
            EntryError::History { index } => {
                write!(f, "log entry {index} was built on another history")
            }
            EntryError::Content { index, id } => write!(f, "log entry {index} breaks {id}"),
            EntryError::Short => f.write_str("the bytes end inside a log entry"),
        }
    }
}

impl std::error::Error for EntryError {}

/// One whole entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its header.
    pub header: EntryHeader,
    payload: &'a [u8],
    bytes: &'a [u8],
}

/// Why the header of what stands here is none that this version knows: a checksum tells damage from what is
/// newer. Nobody waits for the rest of it.
fn not_known(bytes: &[u8]) -> EntryError {
    let whole = || {
        let len = u32_at(bytes, 0).filter(|len| *len <= MAX_PAYLOAD)?;
        let index = u64_at(bytes, 8).filter(|index| (1..MAX_COUNTER).contains(index))?;
        let end = ENTRY_HEADER_SIZE + len as usize;
        let is_whole = u32_at(bytes, end)? == crc(bytes.get(..end)?);
        is_whole.then_some(EntryError::Newer { index })
    };
    whole().unwrap_or(EntryError::Header)
}

impl<'a> Entry<'a> {
    /// Splits the first entry off; `None` where more bytes are needed. The length in the header is
    /// checked before anybody waits for it.
    pub fn split(bytes: &'a [u8]) -> Result<Option<(Entry<'a>, &'a [u8])>, EntryError> {
        let Some(head) = bytes.get(..ENTRY_HEADER_SIZE) else {
            return Ok(None);
        };
        let header = EntryHeader::decode(head).ok_or_else(|| not_known(bytes))?;
        if header.index == 0 || header.index >= MAX_COUNTER {
            return Err(EntryError::Header);
        }
        let end = ENTRY_HEADER_SIZE + header.payload_len as usize;
        let Some((whole, rest)) = bytes.split_at_checked(end + 4) else {
            return Ok(None);
        };
        let (covered, sum) = whole.split_at(end);
        if u32_at(sum, 0) != Some(crc(covered)) {
            return Err(EntryError::Checksum {
                index: header.index,
            });
        }
        let entry = Entry {
            header,
            payload: covered.get(ENTRY_HEADER_SIZE..).unwrap_or(&[]),
            bytes: whole,
        };
        Ok(Some((entry, rest)))
    }

    /// Encodes an entry.
    pub fn encode(header: &EntryHeader, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(payload.len() + ENTRY_OVERHEAD);
        Entry::push(&mut out, header, payload);
        out
    }

    /// Appends an encoded entry.
    pub fn push(out: &mut Vec<u8>, header: &EntryHeader, payload: &[u8]) {
        debug_assert_eq!(payload.len(), header.payload_len as usize);
        let start = out.len();
        out.extend_from_slice(&header.encode());
        out.extend_from_slice(payload);
        let sum = crc(out.get(start..).unwrap_or(&[]));
        out.extend_from_slice(&sum.to_le_bytes());
    }

    /// What it carries.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// All of it: header, payload, checksum.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// History after it.
    pub fn history_after(&self) -> History {
        self.header.history_after(self.payload)
    }

    /// The log after it.
    pub fn point(&self) -> Point {
        Point {
            index: self.header.index,
            epoch: self.header.epoch,
            history: self.history_after(),
        }
    }

    /// Checks that it continues the log after `before`: index, epoch, history.
    pub fn follows(&self, before: &Point) -> Result<(), EntryError> {
        let header = &self.header;
        let index = header.index;
        if index != before.index + 1 {
            return Err(EntryError::Index {
                expected: before.index + 1,
                found: index,
            });
        }
        let moves = header.epoch != before.epoch;
        if header.epoch < before.epoch || moves != (header.kind == EntryKind::Fence) {
            return Err(EntryError::Epoch {
                index,
                before: before.epoch,
                found: header.epoch,
            });
        }
        if header.history_before != before.history {
            return Err(EntryError::History { index });
        }
        Ok(())
    }
}

/// Walks entries that follow each other, each checked against the one before.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    before: Point,
    failed: bool,
}

impl<'a> Entries<'a> {
    /// The entries in `bytes`, the first of which continues the log after `before`.
    pub fn new(bytes: &'a [u8], before: Point) -> Self {
        Entries {
            rest: bytes,
            before,
            failed: false,
        }
    }

    /// The log after the last entry given.
    pub fn point(&self) -> Point {
        self.before
    }

    /// The bytes behind the last entry given.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn step(&mut self) -> Result<Option<Entry<'a>>, EntryError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (entry, rest) = Entry::split(self.rest)?.ok_or(EntryError::Short)?;
        entry.follows(&self.before)?;
        self.before = entry.point();
        self.rest = rest;
        Ok(Some(entry))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step().transpose();
        self.failed = matches!(step, Some(Err(_)));
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::checksum::history_start;

    fn start() -> Point {
        Point {
            index: 0,
            epoch: 1,
            history: history_start(b"lineage of a log"),
        }
    }

    fn chain(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut before = start();
        for payload in payloads {
            let header = EntryHeader {
                payload_len: payload.len() as u32,
                kind: EntryKind::Note,
                index: before.index + 1,
                epoch: before.epoch,
                op_count: 0,
                time_us: 5,
                history_before: before.history,
            };
            Entry::push(&mut out, &header, payload);
            before = Point {
                index: header.index,
                epoch: header.epoch,
                history: header.history_after(payload),
            };
        }
        out
    }

    #[test]
    fn entries_come_back_as_they_were_pushed() {
        let bytes = chain(&[b"one", b"", b"three"]);
        let mut entries = Entries::new(&bytes, start());
        let payloads: Vec<_> = entries.by_ref().map(|e| e.unwrap().payload()).collect();
        assert_eq!(payloads, [b"one".as_slice(), b"", b"three"]);
        assert_eq!(entries.point().index, 3);
        assert!(entries.rest().is_empty());
    }

    #[test]
    fn every_flipped_byte_and_every_missing_one_is_noticed() {
        let bytes = chain(&[b"one", b"two"]);
        let whole = Entries::new(&bytes, start()).count();
        assert_eq!(whole, 2);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            assert!(
                Entries::new(&bad, start()).any(|e| e.is_err()),
                "byte {at} may change"
            );
            let cut = Entries::new(&bytes[..at], start());
            let first = ENTRY_OVERHEAD + 3;
            assert_eq!(cut.filter(|e| e.is_ok()).count(), at / first, "cut at {at}");
        }
    }

    #[test]
    fn an_entry_that_does_not_follow_is_refused() {
        let bytes = chain(&[b"one", b"two"]);
        let (first, rest) = Entry::split(&bytes).unwrap().unwrap();
        let (second, _) = Entry::split(rest).unwrap().unwrap();
        assert_eq!(second.follows(&first.point()), Ok(()));
        let late = second.follows(&start());
        assert!(matches!(late, Err(EntryError::Index { .. })));
        let other = Point {
            history: [7; 16],
            ..first.point()
        };
        let fork = second.follows(&other);
        assert_eq!(fork, Err(EntryError::History { index: 2 }));
        let newer = Point {
            epoch: 2,
            ..first.point()
        };
        assert!(matches!(
            second.follows(&newer),
            Err(EntryError::Epoch { .. })
        ));
        let older = Point {
            epoch: 0,
            ..first.point()
        };
        let silent = second.follows(&older);
        assert!(matches!(silent, Err(EntryError::Epoch { .. })));
    }

    #[test]
    fn each_refusal_says_what_was_found() {
        let index = 7;
        let errors = [
            EntryError::Header,
            EntryError::Checksum { index },
            EntryError::Index {
                expected: 8,
                found: index,
            },
            EntryError::Epoch {
                index,
                before: 3,
                found: 2,
            },
            EntryError::History { index },
            EntryError::Content {
                index,
                id: Invariant::W5,
            },
            EntryError::Short,
        ];
        let texts = errors.map(|error| error.to_string());
        assert_eq!(texts[2], "log entry 7 where 8 should come");
        assert_eq!(texts[3], "log entry 7 has epoch 2 after 3");
        assert_eq!(texts[5], "log entry 7 breaks W5");
        let different: std::collections::BTreeSet<&String> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
        assert!(texts.iter().all(|text| text.contains("entry")));
        let bytes = chain(&[b"one"]);
        let before = Point {
            index: 5,
            ..start()
        };
        let refused = Entries::new(&bytes, before).next().unwrap();
        let (expected, found) = (6, 1);
        assert_eq!(refused.unwrap_err(), EntryError::Index { expected, found });
    }
}
