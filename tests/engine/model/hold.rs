//! Snapshots and cursors that are kept while the database changes under them.

use std::collections::VecDeque;

use creel::{Cursor, KeyRange, Snapshot};

use super::check::short;
use super::reference::{Space, State, Value, entries};

pub struct HeldSnapshot {
    pub snapshot: Snapshot,
    pub state: State,
    pub index: u64,
}

/// A cursor with what it has not given yet.
pub struct HeldCursor {
    pub cursor: Cursor,
    pub rest: VecDeque<(Vec<u8>, Value)>,
}

pub fn expected(space: &Space, range: &KeyRange) -> VecDeque<(Vec<u8>, Value)> {
    entries(space, range)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

impl HeldCursor {
    /// Moves one end; false at the end of the range.
    pub fn step(&mut self, backwards: bool, key_only: bool) -> bool {
        let wanted = if backwards {
            self.rest.pop_back()
        } else {
            self.rest.pop_front()
        };
        let wanted = wanted.as_ref().map(|(k, v)| (k.as_slice(), &v[..]));
        let cursor = &mut self.cursor;
        if key_only {
            let found = if backwards {
                cursor.prev_key()
            } else {
                cursor.next_key()
            }
            .unwrap();
            let wanted = wanted.map(|(k, v)| (short(k), v.len() as u64));
            assert_eq!(
                found.map(|(k, len)| (short(k), len)),
                wanted,
                "backwards: {backwards}"
            );
            return wanted.is_some();
        }
        let found = if backwards {
            cursor.prev_entry()
        } else {
            cursor.next_entry()
        }
        .unwrap();
        let brief = |e: Option<(&[u8], &[u8])>| e.map(|(k, v)| (short(k), short(v)));
        assert!(
            found == wanted,
            "{:?} instead of {:?}",
            brief(found),
            brief(wanted)
        );
        wanted.is_some()
    }
}
