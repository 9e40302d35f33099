//! The local half of keyspace 0: facts about one file that no other copy has. They change with a
//! checkpoint, never by a log entry, and count for no sum.

use super::bytes::{id_at, u32_at, u64_at};
use super::checksum::History;

/// First byte of the keys in the local half.
const LOCAL: u8 = 0x20;
const ARCHIVE: u8 = b'a';
const FACTS: u8 = b'f';
const MARK: u8 = b'm';
const TREE: u8 = b't';
const VERSION: u8 = 1;

/// User key, in keyspace 0, of the archived part of the log that begins with this entry.
pub fn archive_user_key(first_index: u64) -> [u8; 10] {
    let [a, b, c, d, e, f, g, h] = first_index.to_be_bytes();
    [LOCAL, ARCHIVE, a, b, c, d, e, f, g, h]
}

/// Full-key range of all archived parts of the log.
pub fn archive_range() -> (Vec<u8>, Vec<u8>) {
    let prefix = |last: u8| vec![0, 0, 0, 0, LOCAL, last];
    (prefix(ARCHIVE), prefix(ARCHIVE + 1))
}

/// User key, in keyspace 0, of the facts about the file.
pub fn facts_user_key() -> [u8; 2] {
    [LOCAL, FACTS]
}

/// User key, in keyspace 0, of where the last marker was.
pub fn mark_user_key() -> [u8; 2] {
    [LOCAL, MARK]
}

/// User key, in keyspace 0, of the tree of an older generation that is kept to go back to.
pub fn tree_user_key(generation: u64) -> [u8; 10] {
    let [a, b, c, d, e, f, g, h] = generation.to_be_bytes();
    [LOCAL, TREE, a, b, c, d, e, f, g, h]
}

/// Full-key range of all of them.
pub fn tree_range() -> (Vec<u8>, Vec<u8>) {
    let prefix = |last: u8| vec![0, 0, 0, 0, LOCAL, last];
    (prefix(TREE), prefix(TREE + 1))
}

/// Full-key range of the local half.
pub fn local_range() -> (Vec<u8>, Vec<u8>) {
    (vec![0, 0, 0, 0, LOCAL], vec![0, 0, 0, 0, LOCAL + 1])
}

/// Where a file last checkpointed together with its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkRecord {
    /// The last entry of that checkpoint; 0: none.
    pub index: u64,
    /// The content sum there; `None` where it stands in the header that the checkpoint wrote.
    pub content_sum: Option<u64>,
}

impl MarkRecord {
    /// There was none in this history.
    pub const NONE: MarkRecord = MarkRecord {
        index: 0,
        content_sum: None,
    };

    /// Encodes the record of this file.
    pub fn encode(&self, file_id: &[u8; 16]) -> Vec<u8> {
        let mut out = Vec::with_capacity(34);
        push_owner(&mut out, file_id);
        out.extend_from_slice(&self.index.to_le_bytes());
        out.push(u8::from(self.content_sum.is_some()));
        out.extend_from_slice(&self.content_sum.unwrap_or(0).to_le_bytes());
        out
    }

    /// Decodes it. `None`: malformed; `Some(None)`: another file's.
    pub fn decode(value: &[u8], file_id: &[u8; 16]) -> Option<Option<MarkRecord>> {
        let (owner, rest) = split_owner(value)?;
        let (index, sum) = (u64_at(rest, 0)?, u64_at(rest, 9)?);
        let content_sum = match *rest.get(8)? {
            0 if sum == 0 => None,
            1 => Some(sum),
            _ => return None,
        };
        let record = MarkRecord { index, content_sum };
        (rest.len() == 17).then(|| (owner == *file_id).then_some(record))
    }
}

/// True for keys of keyspace 0 that belong to this file alone.
pub fn is_local(full_key: &[u8]) -> bool {
    full_key.starts_with(&[0, 0, 0, 0, LOCAL])
}

/// A log region that takes no more commits and is kept for those who are behind. Its extent begins
/// with the region's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveRecord {
    /// First and last entry.
    pub first_index: u64,
    /// See `first_index`.
    pub last_index: u64,
    /// Where it stands.
    pub start_page: u32,
    /// Its length.
    pub pages: u32,
    /// Offset behind the last entry, in bytes from the start of the extent.
    pub end: u64,
    /// Incarnation of the region.
    pub region_seq: u64,
    /// When it was set aside, in microseconds since 1970.
    pub archived_us: u64,
}

impl ArchiveRecord {
    /// Bytes of a record.
    pub const SIZE: usize = 49;

    /// Encodes the record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.push(VERSION);
        out.extend_from_slice(&self.first_index.to_le_bytes());
        out.extend_from_slice(&self.last_index.to_le_bytes());
        out.extend_from_slice(&self.start_page.to_le_bytes());
        out.extend_from_slice(&self.pages.to_le_bytes());
        out.extend_from_slice(&self.end.to_le_bytes());
        out.extend_from_slice(&self.region_seq.to_le_bytes());
        out.extend_from_slice(&self.archived_us.to_le_bytes());
        out
    }

    /// Decodes what stands under this full key.
    pub fn decode(full_key: &[u8], value: &[u8]) -> Option<ArchiveRecord> {
        let record = ArchiveRecord {
            first_index: u64_at(value, 1)?,
            last_index: u64_at(value, 9)?,
            start_page: u32_at(value, 17)?,
            pages: u32_at(value, 21)?,
            end: u64_at(value, 25)?,
            region_seq: u64_at(value, 33)?,
            archived_us: u64_at(value, 41)?,
        };
        let key = full_key.strip_prefix(&[0, 0, 0, 0])?;
        let good = value == record.encode()
            && key == archive_user_key(record.first_index)
            && record.first_index <= record.last_index
            && record.last_index < super::MAX_COUNTER
            && record.pages > 0;
        good.then_some(record)
    }
}

/// The tree of an older generation, as its header named it. Its pages are not used again as long as
/// the record stands in the newest tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeRecord {
    /// Its generation.
    pub generation: u64,
    /// It is given up: nobody goes back to it, and the next checkpoint drops the record.
    pub given_up: bool,
    /// What the header said of it.
    pub checkpoint_index: u64,
    /// See `checkpoint_index`.
    pub history: History,
    /// See `checkpoint_index`.
    pub entry_count: u64,
    /// See `checkpoint_index`.
    pub logical_bytes: u64,
    /// See `checkpoint_index`.
    pub content_sum: u64,
    /// See `checkpoint_index`.
    pub root_page: u32,
    /// See `checkpoint_index`.
    pub root_crc: u32,
    /// See `checkpoint_index`.
    pub root_height: u8,
}

impl TreeRecord {
    /// Encodes the record of this file.
    pub fn encode(&self, file_id: &[u8; 16]) -> Vec<u8> {
        let mut out = Vec::with_capacity(92);
        push_owner(&mut out, file_id);
        out.push(u8::from(self.given_up));
        out.push(self.root_height);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.checkpoint_index.to_le_bytes());
        out.extend_from_slice(&self.history);
        out.extend_from_slice(&self.entry_count.to_le_bytes());
        out.extend_from_slice(&self.logical_bytes.to_le_bytes());
        out.extend_from_slice(&self.content_sum.to_le_bytes());
        out.extend_from_slice(&self.root_page.to_le_bytes());
        out.extend_from_slice(&self.root_crc.to_le_bytes());
        out
    }

    /// Decodes what stands under this full key. `None`: malformed; `Some(None)`: another file's.
    pub fn decode(full_key: &[u8], value: &[u8], file_id: &[u8; 16]) -> Option<Option<TreeRecord>> {
        let (owner, rest) = split_owner(value)?;
        let record = TreeRecord {
            given_up: *rest.first()? == 1,
            root_height: *rest.get(1)?,
            generation: u64_at(rest, 2)?,
            checkpoint_index: u64_at(rest, 10)?,
            history: id_at(rest, 18)?,
            entry_count: u64_at(rest, 34)?,
            logical_bytes: u64_at(rest, 42)?,
            content_sum: u64_at(rest, 50)?,
            root_page: u32_at(rest, 58)?,
            root_crc: u32_at(rest, 62)?,
        };
        let key = full_key.strip_prefix(&[0, 0, 0, 0])?;
        let good = value == record.encode(&owner) && key == tree_user_key(record.generation);
        good.then(|| (owner == *file_id).then_some(record))
    }
}

/// The file that facts are about, before the facts: a copy of the file has the bytes too.
pub fn split_owner(value: &[u8]) -> Option<([u8; 16], &[u8])> {
    (*value.first()? == VERSION).then_some(())?;
    Some((id_at(value, 1)?, value.get(17..)?))
}

/// Begins the value that holds facts about a file.
pub fn push_owner(out: &mut Vec<u8>, file_id: &[u8; 16]) {
    out.push(VERSION);
    out.extend_from_slice(file_id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_remembered_by_its_own_file_only() {
        let id = [3; 16];
        for content_sum in [None, Some(0), Some(u64::MAX)] {
            let record = MarkRecord {
                index: 9,
                content_sum,
            };
            let bytes = record.encode(&id);
            assert_eq!(MarkRecord::decode(&bytes, &id), Some(Some(record)));
            assert_eq!(MarkRecord::decode(&bytes, &[4; 16]), Some(None));
            for end in 0..bytes.len() {
                assert_eq!(MarkRecord::decode(&bytes[..end], &id), None, "cut at {end}");
            }
            assert_eq!(MarkRecord::decode(&[&bytes[..], b"x"].concat(), &id), None);
        }
        let mut odd = MarkRecord::NONE.encode(&id);
        odd[25] = 2;
        assert_eq!(MarkRecord::decode(&odd, &id), None);
    }

    #[test]
    fn a_kept_tree_is_read_as_it_was_written_and_only_by_its_own_file() {
        let record = TreeRecord {
            generation: 41,
            given_up: true,
            checkpoint_index: 9,
            history: [6; 16],
            entry_count: 1,
            logical_bytes: 2,
            content_sum: 3,
            root_page: 4,
            root_crc: 5,
            root_height: 6,
        };
        let (id, key) = ([3; 16], [&[0, 0, 0, 0][..], &tree_user_key(41)].concat());
        let bytes = record.encode(&id);
        assert_eq!(TreeRecord::decode(&key, &bytes, &id), Some(Some(record)));
        assert_eq!(TreeRecord::decode(&key, &bytes, &[4; 16]), Some(None));
        assert_eq!(TreeRecord::decode(&key[1..], &bytes, &id), None);
        for end in 0..bytes.len() {
            let cut = TreeRecord::decode(&key, &bytes[..end], &id);
            assert_eq!(cut, None, "cut at {end}");
        }
        let mut odd = bytes.clone();
        odd[17] = 2;
        assert_eq!(TreeRecord::decode(&key, &odd, &id), None);
        assert!(is_local(&key) && key >= tree_range().0 && key < tree_range().1);
        assert!(key >= local_range().0 && key < local_range().1);
    }

    #[test]
    fn records_come_back_under_their_own_key_only() {
        let record = ArchiveRecord {
            first_index: 7,
            last_index: 9,
            start_page: 40,
            pages: 3,
            end: 9000,
            region_seq: 12,
            archived_us: 5,
        };
        let key = |index| [&[0, 0, 0, 0][..], &archive_user_key(index)].concat();
        let bytes = record.encode();
        assert_eq!(bytes.len(), ArchiveRecord::SIZE);
        assert_eq!(ArchiveRecord::decode(&key(7), &bytes), Some(record));
        assert_eq!(ArchiveRecord::decode(&key(8), &bytes), None);
        assert_eq!(ArchiveRecord::decode(&key(7), &bytes[1..]), None);
        assert!(is_local(&key(7)) && key(7) >= archive_range().0 && key(7) < archive_range().1);
        let empty = ArchiveRecord {
            last_index: 6,
            ..record
        };
        assert_eq!(ArchiveRecord::decode(&key(7), &empty.encode()), None);
    }
}
