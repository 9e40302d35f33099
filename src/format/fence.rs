//! The start of an epoch: an entry whose one operation adds a record to the epoch table, which
//! lives in keyspace 0 and so is part of the data that every copy has.

use super::bytes::{id_at, split_bytes, u16_at, u32_at, u64_at};
use super::checksum::History;
use super::entry::{Entry, Point};
use super::frame::{EntryHeader, EntryKind};
use super::key::{CATALOGUE, fence_user_key};
use super::op::{Op, Ops};

/// Longest name of a node and longest reason, in bytes.
pub const MAX_FENCE_TEXT: usize = 200;

const VERSION: u8 = 1;
const FIXED: usize = 86;

/// Who began an epoch, behind which entry, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceRecord {
    /// The new epoch.
    pub epoch: u32,
    /// File id of the copy that became primary.
    pub node: [u8; 16],
    /// Random for each promotion: tells two of the same copy apart.
    pub incarnation: [u8; 16],
    /// The last entry before it.
    pub previous_index: u64,
    /// History up to that entry.
    pub previous_history: History,
    /// Microseconds since 1970.
    pub time_us: u64,
    /// Entries of the epoch before, first and last, that were known and given up.
    pub lost: Option<(u64, u64)>,
    /// Name of the node.
    pub name: String,
    /// Why the epoch began.
    pub reason: String,
}

impl FenceRecord {
    /// Encodes the record; texts are cut to their limit.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED + 4 + self.name.len() + self.reason.len());
        out.push(VERSION);
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.node);
        out.extend_from_slice(&self.incarnation);
        out.extend_from_slice(&self.previous_index.to_le_bytes());
        out.extend_from_slice(&self.previous_history);
        out.extend_from_slice(&self.time_us.to_le_bytes());
        let (from, to) = self.lost.unwrap_or((0, 0));
        out.push(u8::from(self.lost.is_some()));
        out.extend_from_slice(&from.to_le_bytes());
        out.extend_from_slice(&to.to_le_bytes());
        for text in [&self.name, &self.reason] {
            let text = cut(text);
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }

    /// Decodes a record; anything that [`FenceRecord::encode`] would not write is refused.
    pub fn decode(bytes: &[u8]) -> Option<FenceRecord> {
        let (name, rest) = split_text(bytes.get(FIXED..)?)?;
        let (reason, rest) = split_text(rest)?;
        let (from, to) = (u64_at(bytes, 70)?, u64_at(bytes, 78)?);
        let record = FenceRecord {
            epoch: u32_at(bytes, 1)?,
            node: id_at(bytes, 5)?,
            incarnation: id_at(bytes, 21)?,
            previous_index: u64_at(bytes, 37)?,
            previous_history: id_at(bytes, 45)?,
            time_us: u64_at(bytes, 61)?,
            lost: match *bytes.get(69)? {
                0 => None,
                _ => Some((from, to)),
            },
            name,
            reason,
        };
        (rest.is_empty() && record.encode() == bytes).then_some(record)
    }

    /// The entry that starts the epoch.
    pub fn to_entry(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        let op = Op::Put {
            keyspace: CATALOGUE,
            key: &fence_user_key(self.epoch),
            value: &self.encode(),
        };
        op.encode(&mut payload);
        let header = EntryHeader {
            payload_len: payload.len() as u32,
            kind: EntryKind::Fence,
            index: self.previous_index + 1,
            epoch: self.epoch,
            op_count: 1,
            time_us: self.time_us,
            history_before: self.previous_history,
        };
        Entry::encode(&header, &payload)
    }

    /// The record in a fence entry; `None` where it is none, or contradicts its header.
    pub fn of_entry(header: &EntryHeader, payload: &[u8]) -> Option<FenceRecord> {
        if header.kind != EntryKind::Fence || header.op_count != 1 {
            return None;
        }
        let mut ops = Ops::new(payload, 1);
        let Ok(Some(Op::Put {
            keyspace: CATALOGUE,
            key,
            value,
        })) = ops.next_op()
        else {
            return None;
        };
        let record = FenceRecord::decode(value)?;
        let agrees = ops.rest().is_empty()
            && key == fence_user_key(record.epoch)
            && record.epoch == header.epoch
            && record.previous_index.checked_add(1) == Some(header.index)
            && record.previous_history == header.history_before
            && record.time_us == header.time_us;
        agrees.then_some(record)
    }

    /// The log before the epoch began, given the epoch that ended.
    pub fn before(&self, epoch: u32) -> Point {
        Point {
            index: self.previous_index,
            epoch,
            history: self.previous_history,
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_FENCE_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

fn split_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let len = u16_at(bytes, 0)?;
    let (text, rest) = split_bytes(bytes.get(2..)?, u64::from(len))?;
    Some((std::str::from_utf8(text).ok()?.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> FenceRecord {
        FenceRecord {
            epoch: 4,
            node: *b"file id 16 bytes",
            incarnation: *b"incarnation 16 b",
            previous_index: 1041,
            previous_history: *b"history 16 bytes",
            time_us: 1_700_000_000_000_000,
            lost: Some((1042, 1050)),
            name: "host b".into(),
            reason: "host a burnt".into(),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for lost in [None, Some((1042, 1050))] {
            let record = FenceRecord { lost, ..sample() };
            assert_eq!(FenceRecord::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn what_encode_would_not_write_is_refused() {
        let bytes = sample().encode();
        for end in 0..bytes.len() {
            assert_eq!(FenceRecord::decode(&bytes[..end]), None, "cut at {end}");
        }
        assert_eq!(FenceRecord::decode(&[&bytes[..], b"x"].concat()), None);
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert_eq!(FenceRecord::decode(&newer), None);
        let mut flag = bytes.clone();
        flag[69] = 2;
        assert_eq!(FenceRecord::decode(&flag), None);
        let mut idle = bytes;
        idle[69] = 0; // nothing lost, but a range
        assert_eq!(FenceRecord::decode(&idle), None);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = FenceRecord {
            reason: "\u{e9}".repeat(150),
            ..sample()
        };
        let stored = FenceRecord::decode(&long.encode()).unwrap();
        assert_eq!(stored.reason, "\u{e9}".repeat(100));
        let odd = FenceRecord {
            reason: format!("a{}", "\u{e9}".repeat(150)),
            ..sample()
        };
        let stored = FenceRecord::decode(&odd.encode()).unwrap();
        assert_eq!(stored.reason, format!("a{}", "\u{e9}".repeat(99)));
    }

    #[test]
    fn an_entry_and_its_record_must_agree() {
        let record = sample();
        let bytes = record.to_entry();
        let (entry, rest) = Entry::split(&bytes).unwrap().unwrap();
        assert!(rest.is_empty());
        let of = |header: &EntryHeader| FenceRecord::of_entry(header, entry.payload());
        assert_eq!(of(&entry.header), Some(record));
        for wrong in [
            EntryHeader {
                epoch: 5,
                ..entry.header
            },
            EntryHeader {
                index: 1043,
                ..entry.header
            },
            EntryHeader {
                kind: EntryKind::Commit,
                ..entry.header
            },
            EntryHeader {
                history_before: [0; 16],
                ..entry.header
            },
            EntryHeader {
                time_us: 1,
                ..entry.header
            },
        ] {
            assert_eq!(of(&wrong), None, "{wrong:?}");
        }
        assert_eq!(entry.follows(&sample().before(3)), Ok(()));
        // One operation and nothing behind it, under the key of its own epoch.
        let longer = [entry.payload(), b"x"].concat();
        assert_eq!(FenceRecord::of_entry(&entry.header, &longer), None);
        let mut elsewhere = Vec::new();
        let op = Op::Put {
            keyspace: CATALOGUE,
            key: &fence_user_key(5),
            value: &sample().encode(),
        };
        op.encode(&mut elsewhere);
        assert_eq!(FenceRecord::of_entry(&entry.header, &elsewhere), None);
    }
}
