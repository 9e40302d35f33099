//! A change of the model as the source of a bulk step.

use std::collections::BTreeMap;

use creel::{BulkChange, BulkEnd, BulkSource, KeyRange, Keyspaces, PositionChange, Result};

use super::model::{Change, Op};

/// Keys of a keyspace with their new values.
type Keys = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What happens to one keyspace, in this order.
#[derive(Default)]
struct Space {
    drop: bool,
    ranges: Vec<KeyRange>,
    keys: Keys,
}

/// Keyspaces by name, so that their ids go up and down.
pub struct Stepwise {
    keyspaces: Keyspaces,
    rest: std::vec::IntoIter<(&'static str, Space)>,
    keys: std::collections::btree_map::IntoIter<Vec<u8>, Option<Vec<u8>>>,
    id: u32,
    present: (Vec<u8>, Option<Vec<u8>>),
    ranges: Vec<(u32, KeyRange)>,
    positions: Vec<PositionChange>,
}

impl Stepwise {
    pub fn new(change: &Change, keyspaces: Keyspaces) -> Stepwise {
        let mut spaces: BTreeMap<&'static str, Space> = BTreeMap::new();
        let mut positions = Vec::new();
        for (name, op) in &change.0 {
            let space = spaces.entry(name).or_default();
            match op {
                Op::Put(key, value) => {
                    space.keys.insert(key.clone(), Some(value.to_vec()));
                }
                Op::Delete(key) => {
                    space.keys.insert(key.clone(), None);
                }
                Op::DeleteRange(from, to) => space.ranges.push(KeyRange::from_to(from, to)),
                Op::DropKeyspace => space.drop = true,
                Op::Position(id, record) => {
                    positions.push((id.clone(), record.as_ref().map(|r| r.to_vec())));
                }
            }
        }
        let rest: Vec<_> = spaces.into_iter().collect();
        Stepwise {
            keyspaces,
            rest: rest.into_iter(),
            keys: Keys::new().into_iter(),
            id: 0,
            present: Default::default(),
            ranges: Vec::new(),
            positions,
        }
    }
}

impl BulkSource for Stepwise {
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        self.present = loop {
            if let Some(next) = self.keys.next() {
                break next;
            }
            let Some((name, space)) = self.rest.next() else {
                return Ok(None);
            };
            if space.drop {
                self.keyspaces.drop_keyspace(name)?;
            }
            self.id = self.keyspaces.id(name)?;
            self.ranges
                .extend(space.ranges.into_iter().map(|r| (self.id, r)));
            self.keys = space.keys.into_iter();
        };
        Ok(Some(BulkChange {
            keyspace: self.id,
            key: &self.present.0,
            value: self.present.1.as_deref(),
        }))
    }

    fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        std::mem::take(&mut self.ranges)
    }

    fn finish(&mut self) -> Result<BulkEnd> {
        Ok(BulkEnd {
            positions: std::mem::take(&mut self.positions),
        })
    }
}
