//! Entries of one keyspace as the source of a bulk step.

use super::{BulkChange, BulkSource};
use crate::db::sort::Sorted;
use crate::error::Result;

/// Turns an iterator over rising keys into changes; of equal keys the last one stays.
pub(super) struct InOrder<'c, I> {
    rest: I,
    keyspace: u32,
    /// Entries read.
    given: &'c mut u64,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Read ahead, to see whether the same key comes again.
    next_key: Vec<u8>,
    next_value: Vec<u8>,
    ahead: bool,
}

impl<'c, K: AsRef<[u8]>, V: AsRef<[u8]>, I: Iterator<Item = Result<(K, V)>>> InOrder<'c, I> {
    pub fn new(rest: I, keyspace: u32, given: &'c mut u64) -> Result<Self> {
        let mut source = InOrder {
            rest,
            keyspace,
            given,
            key: Vec::new(),
            value: Vec::new(),
            next_key: Vec::new(),
            next_value: Vec::new(),
            ahead: false,
        };
        source.read()?;
        Ok(source)
    }

    fn read(&mut self) -> Result<()> {
        let entry = self.rest.next().transpose()?;
        self.ahead = entry.is_some();
        if let Some((key, value)) = entry {
            *self.given += 1;
            self.next_key.clear();
            self.next_key.extend_from_slice(key.as_ref());
            self.next_value.clear();
            self.next_value.extend_from_slice(value.as_ref());
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        std::mem::swap(&mut self.key, &mut self.next_key);
        std::mem::swap(&mut self.value, &mut self.next_value);
        self.read()
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>, I: Iterator<Item = Result<(K, V)>>> BulkSource
    for InOrder<'_, I>
{
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        if !self.ahead {
            return Ok(None);
        }
        self.step()?;
        while self.ahead && self.next_key == self.key {
            self.step()?;
        }
        Ok(Some(BulkChange {
            keyspace: self.keyspace,
            key: &self.key,
            value: Some(&self.value),
        }))
    }
}

/// Sorted entries, all of which go into one keyspace.
pub(super) struct Into {
    pub sorted: Sorted,
    pub keyspace: u32,
}

impl BulkSource for Into {
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        let keyspace = self.keyspace;
        let change = self.sorted.next_change()?;
        Ok(change.map(|change| BulkChange { keyspace, ..change }))
    }
}
