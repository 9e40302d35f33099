//! Names of keyspaces, from the catalogue entries that could be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::fence::FenceRecord;
use crate::format::key::{
    CATALOGUE, MAIN, MAIN_NAME, MAX_KEYSPACE_NAME, catalogue_key, catalogue_name, fence_epoch,
    is_position, last_id_key, position_id,
};

/// Bytes of import positions that are kept.
const MAX_POSITIONS: usize = 16 << 20;

/// What keyspace 0 says.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    names: BTreeMap<u32, String>,
    last_id: u32,
    /// Import positions and the epoch table, full key and value.
    positions: Vec<(Vec<u8>, Vec<u8>)>,
    positions_bytes: usize,
}

impl Names {
    /// Takes in an entry of keyspace 0.
    pub fn take(&mut self, full_key: &[u8], value: &[u8]) {
        let id = value.try_into().ok().map(u32::from_le_bytes);
        if *full_key == last_id_key() {
            self.last_id = self.last_id.max(id.unwrap_or(0));
        } else if let Some(name) = catalogue_name(full_key) {
            let name = std::str::from_utf8(name).ok();
            let name = name.filter(|n| (1..=MAX_KEYSPACE_NAME).contains(&n.len()));
            if let Some((name, id)) = name.zip(id) {
                self.name(id, name);
            }
        } else if position_id(full_key).is_some_and(|id| is_position(id, value))
            || fence_epoch(full_key).is_some_and(|epoch| is_fence(epoch, value))
        {
            self.positions_bytes += full_key.len() + value.len();
            if self.positions_bytes <= MAX_POSITIONS {
                self.positions.push((full_key.to_vec(), value.to_vec()));
            }
        }
    }

    fn name(&mut self, id: u32, name: &str) {
        self.last_id = self.last_id.max(id);
        if id != CATALOGUE && id != MAIN && name != MAIN_NAME {
            self.names.entry(id).or_insert_with(|| name.to_owned());
        }
    }

    /// True where the catalogue has this keyspace.
    pub fn knows(&self, id: u32) -> bool {
        id == MAIN || self.names.contains_key(&id)
    }

    /// The name that the catalogue has for a keyspace.
    pub fn get(&self, id: u32) -> Option<&str> {
        if id == MAIN {
            return Some(MAIN_NAME);
        }
        self.names.get(&id).map(String::as_str)
    }

    /// Ids of all keyspaces with a name.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(MAIN).chain(self.names.keys().copied())
    }

    /// Gives every one of these keyspaces a name that nobody else has.
    pub fn complete(&mut self, ids: impl Iterator<Item = u32>) {
        let mut taken: BTreeSet<String> = self.names.values().cloned().collect();
        for id in ids {
            if id == CATALOGUE || self.knows(id) {
                continue;
            }
            let mut name = format!("keyspace-{id}");
            while taken.contains(&name) {
                name.push('+');
            }
            self.name(id, &name);
            taken.insert(name);
        }
    }

    /// The entries of keyspace 0 for the new file, in order. Import positions are true only of a
    /// complete copy: an import that goes on from one takes what is before it for loaded.
    pub fn entries(&self, positions: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        if positions {
            all.extend(self.positions.iter().cloned());
        }
        for (id, name) in &self.names {
            all.insert(catalogue_key(name.as_bytes()), id.to_le_bytes().to_vec());
        }
        if self.last_id > MAIN {
            all.insert(last_id_key(), self.last_id.to_le_bytes().to_vec());
        }
        all.into_iter().collect()
    }
}

fn is_fence(epoch: u32, value: &[u8]) -> bool {
    FenceRecord::decode(value).is_some_and(|record| record.epoch == epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::key::position_key;

    #[test]
    fn made_up_names_are_unique_and_found_ones_stay() {
        let mut names = Names::default();
        names.take(&catalogue_key(b"fruit"), &5u32.to_le_bytes());
        names.take(&catalogue_key(b"keyspace-7"), &9u32.to_le_bytes());
        names.take(&catalogue_key(b"other"), &5u32.to_le_bytes());
        names.take(&catalogue_key(b"main"), &6u32.to_le_bytes());
        names.complete([0, 1, 5, 6, 7].into_iter());
        let all: Vec<_> = names.ids().map(|id| (id, names.get(id).unwrap())).collect();
        assert_eq!(
            all,
            [
                (1, "main"),
                (5, "fruit"),
                (6, "keyspace-6"),
                (7, "keyspace-7+"),
                (9, "keyspace-7")
            ]
        );
        let entries = names.entries(false);
        assert_eq!(entries.len(), 5);
        assert!(entries.contains(&(last_id_key(), 9u32.to_le_bytes().to_vec())));
    }

    #[test]
    fn import_positions_go_with_a_complete_copy_only() {
        let mut names = Names::default();
        names.take(&position_key(b"feed"), b"line 7");
        names.take(&[0, 0, 0, 0, 0x20, b'a'], b"of this file alone");
        assert_eq!(
            names.entries(true),
            [(position_key(b"feed"), b"line 7".to_vec())]
        );
        assert_eq!(names.entries(false).len(), 0);
    }
}
