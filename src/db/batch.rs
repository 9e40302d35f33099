//! A batch: operations and preconditions that take effect together or not at all.

use std::ops::Range;

use super::range::KeyRange;
use crate::error::{Bounded, Error, Result};
use crate::format::frame::MAX_PAYLOAD;
use crate::format::key::{
    MAIN_NAME, MAX_KEYSPACE_NAME, MAX_POSITION_ID, MAX_POSITION_RECORD, is_position,
};
use crate::format::max_key_len;

/// Operations to be committed atomically.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) items: Vec<Item>,
    /// Keyspaces named, in order of first use; `main` is implied as number 0 when empty.
    pub(super) keyspaces: Vec<String>,
    current: usize,
    pub(super) operations: u32,
    pub(super) conditional: bool,
    pub(super) count_deleted: bool,
}

/// One operation or precondition; key and value lie in the batch's buffer.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub keyspace: usize,
    pub kind: Kind,
    pub key: Range<usize>,
    pub value: Range<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Put,
    Delete,
    /// Key and value are the stored ends of the range.
    DeleteRange,
    DropKeyspace,
    /// Key and value are id and record.
    SetPosition,
    RemovePosition,
    RequireAbsent,
    RequirePresent,
    RequireEquals,
    RequireCount(Box<KeyRange>, u64),
}

impl Batch {
    /// An empty batch for the keyspace `main`.
    pub fn new() -> Self {
        Batch::default()
    }

    /// Number of operations, preconditions not counted.
    pub fn len(&self) -> usize {
        self.operations as usize
    }

    /// True when nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.operations == 0
    }

    /// Bytes of keys and values so far.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// What the limit of a commit is held against: 24 bytes for each operation are counted, too.
    pub fn weight(&self) -> usize {
        self.bytes.len() + 24 * self.items.len()
    }

    /// Makes room for so many operations more, with keys and values of so many bytes together.
    pub fn reserve(&mut self, operations: usize, bytes: usize) -> &mut Self {
        self.items.reserve(operations);
        self.bytes.reserve(bytes);
        self
    }

    /// Names the keyspace of the following calls. It is created by the first put into it.
    pub fn keyspace(&mut self, name: &str) -> &mut Self {
        self.implied();
        self.current = match self.keyspaces.iter().position(|k| k == name) {
            Some(i) => i,
            None => {
                self.keyspaces.push(name.to_owned());
                self.keyspaces.len() - 1
            }
        };
        self
    }

    fn implied(&mut self) {
        if self.keyspaces.is_empty() {
            self.keyspaces.push(MAIN_NAME.to_owned());
        }
    }

    /// Sets a value.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> &mut Self {
        self.operation(Kind::Put, key, value)
    }

    /// Removes a key, if it is there.
    pub fn delete(&mut self, key: &[u8]) -> &mut Self {
        self.operation(Kind::Delete, key, &[])
    }

    /// Removes every key in a range.
    pub fn delete_range(&mut self, range: &KeyRange) -> &mut Self {
        match range.stored() {
            Some((from, to)) => self.operation(Kind::DeleteRange, &from, &to),
            None => self,
        }
    }

    /// Removes the current keyspace and everything in it.
    pub fn drop_keyspace(&mut self) -> &mut Self {
        self.operation(Kind::DropKeyspace, &[], &[])
    }

    /// Sets or removes ([`None`]) the import position with this id, in the same commit.
    pub fn import_position(&mut self, id: &[u8], record: Option<&[u8]>) -> &mut Self {
        match record {
            Some(record) => self.operation(Kind::SetPosition, id, record),
            None => self.operation(Kind::RemovePosition, id, &[]),
        }
    }

    /// Its import positions as a batch of their own: a mistake, see [`crate::defect`].
    pub(super) fn positions_alone(&self) -> Option<Batch> {
        let is_position = |item: &&Item| matches!(item.kind, Kind::SetPosition);
        let mut alone = Batch::new();
        for item in self.items.iter().filter(is_position) {
            alone.import_position(self.slice(&item.key), Some(self.slice(&item.value)));
        }
        (!alone.is_empty()).then_some(alone)
    }

    /// The commit fails unless the key is absent.
    pub fn require_absent(&mut self, key: &[u8]) -> &mut Self {
        self.condition(Kind::RequireAbsent, key, &[])
    }

    /// The commit fails unless the key is present.
    pub fn require_present(&mut self, key: &[u8]) -> &mut Self {
        self.condition(Kind::RequirePresent, key, &[])
    }

    /// The commit fails unless the key has exactly this value.
    pub fn require_equals(&mut self, key: &[u8], value: &[u8]) -> &mut Self {
        self.condition(Kind::RequireEquals, key, value)
    }

    /// The commit fails unless exactly `count` keys are in the range.
    pub fn require_range_count(&mut self, range: &KeyRange, count: u64) -> &mut Self {
        self.condition(Kind::RequireCount(Box::new(range.clone()), count), &[], &[])
    }

    /// Asks for the number of keys that the batch's deletes removed ([`super::Commit::deleted`]).
    pub fn count_deleted(&mut self, count: bool) -> &mut Self {
        self.count_deleted = count;
        self
    }

    fn operation(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> &mut Self {
        self.operations += 1;
        self.push(kind, key, value)
    }

    fn condition(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> &mut Self {
        self.conditional = true;
        self.push(kind, key, value)
    }

    fn push(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> &mut Self {
        let at = self.bytes.len();
        if at == 0 {
            self.bytes.reserve(key.len() + value.len());
        }
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        let key = at..at + key.len();
        let value = key.end..self.bytes.len();
        self.items.push(Item {
            keyspace: self.current,
            kind,
            key,
            value,
        });
        self
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or(&[])
    }

    fn names_main(&self, keyspace: usize) -> bool {
        self.keyspaces
            .get(keyspace)
            .is_none_or(|name| name == MAIN_NAME)
    }

    /// Refuses what no commit may contain.
    pub(super) fn check(&self, page_size: usize) -> Result<()> {
        for name in &self.keyspaces {
            check_keyspace_name(name)?;
        }
        let longest = max_key_len(page_size);
        for item in &self.items {
            match item.kind {
                Kind::Put | Kind::Delete => check_key(item.key.len(), longest)?,
                Kind::SetPosition => {
                    check_position(self.slice(&item.key), Some(self.slice(&item.value)))?;
                }
                Kind::RemovePosition => check_position(self.slice(&item.key), None)?,
                Kind::DropKeyspace if self.names_main(item.keyspace) => {
                    let reason = "the keyspace main cannot be dropped".into();
                    return Err(Error::Invalid { reason });
                }
                _ => {}
            }
        }
        let estimate = self.weight() as u64;
        if estimate > u64::from(MAX_PAYLOAD) {
            let limit = u64::from(MAX_PAYLOAD);
            return Err(Error::Limit {
                what: Bounded::BatchSize,
                actual: estimate,
                limit,
            });
        }
        Ok(())
    }
}

pub(super) fn check_key(len: usize, longest: usize) -> Result<()> {
    if len == 0 {
        return Err(Error::Invalid {
            reason: "a key cannot be empty".into(),
        });
    }
    if len > longest {
        let (actual, limit) = (len as u64, longest as u64);
        return Err(Error::Limit {
            what: Bounded::KeyLength,
            actual,
            limit,
        });
    }
    Ok(())
}

/// Refuses import positions that cannot be stored.
pub(super) fn check_position(id: &[u8], record: Option<&[u8]>) -> Result<()> {
    if is_position(id, record.unwrap_or(b"-")) {
        return Ok(());
    }
    let reason = format!(
        "an import position has an id of 1 to {MAX_POSITION_ID} bytes and a record of 1 to {MAX_POSITION_RECORD}"
    );
    Err(Error::Invalid { reason })
}

/// Refuses names that no keyspace can have.
pub(super) fn check_keyspace_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Invalid {
            reason: "a keyspace name cannot be empty".into(),
        });
    }
    if name.len() > MAX_KEYSPACE_NAME {
        let (actual, limit) = (name.len() as u64, MAX_KEYSPACE_NAME as u64);
        return Err(Error::Limit {
            what: Bounded::KeyspaceName,
            actual,
            limit,
        });
    }
    Ok(())
}
