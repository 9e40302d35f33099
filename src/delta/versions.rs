//! The values of a key.

use std::sync::Arc;

use super::counts::Counted;

/// Shared with whoever walks the table.
pub(super) type Value = Option<Arc<[u8]>>;

#[derive(Debug)]
pub(super) struct Versions {
    pub index: u64,
    pub value: Value,
    /// Older versions that a snapshot may need, newest first; mostly there are none.
    older: Option<Box<Older>>,
    pub counted: Counted,
}

#[derive(Debug, Default)]
struct Older(Vec<(u64, Value)>);

impl Versions {
    pub fn new(index: u64, value: Value, counted: Counted) -> Versions {
        let older = None;
        Versions {
            index,
            value,
            older,
            counted,
        }
    }

    pub fn at(&self, index: u64) -> Option<&Value> {
        if self.index <= index {
            return Some(&self.value);
        }
        let older = &self.older.as_ref()?.0;
        older.iter().find(|(i, _)| *i <= index).map(|(_, v)| v)
    }

    /// Sets a newer value. Versions that a snapshot at or before `newest_snapshot` needs stay.
    pub fn replace(&mut self, value: Value, index: u64, newest_snapshot: u64) {
        let old_index = std::mem::replace(&mut self.index, index);
        let old = std::mem::replace(&mut self.value, value);
        // Live snapshots read at most `newest_snapshot`; one at or after the old version needs it.
        if old_index <= newest_snapshot && old_index != index {
            let older = self.older.get_or_insert_default();
            older.0.insert(0, (old_index, old));
        }
    }
}
