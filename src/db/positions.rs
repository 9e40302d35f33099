//! Import positions: how far an input was taken in, stored in the same commit as its entries.

use std::ops::Bound;

use super::cursor::Cursor;
use super::snapshot::Snapshot;
use crate::error::Result;
use crate::format::key::{FullKey, position_id, position_key, position_range};

impl Snapshot {
    /// The record of the import position with this id.
    pub fn import_position(&self, id: &[u8]) -> Result<Option<Vec<u8>>> {
        self.layers().get(&position_key(id))
    }

    /// All import positions by id.
    pub fn import_positions(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let (from, to) = position_range();
        let bounds = (
            Bound::Included(FullKey::from_full(&from)),
            Bound::Excluded(FullKey::from_full(&to)),
        );
        let mut cursor = Cursor::new(self.layers(), bounds);
        let mut all = Vec::new();
        while let Some((key, record)) = cursor.next_full()? {
            all.push((position_id(key).unwrap_or(&[]).to_vec(), record.to_vec()));
        }
        Ok(all)
    }
}
