//! The keyspaces of an import, numbered as they come.

use std::collections::HashMap;
use std::sync::Arc;

use creel::Snapshot;

/// Names and their numbers.
#[derive(Debug, Default)]
pub struct Spaces {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Spaces {
    /// Those of a database first, by rising id: a step is cheapest where ids rise.
    pub fn of(snapshot: Option<&Snapshot>) -> creel::Result<Spaces> {
        let mut spaces = Spaces::default();
        let Some(snapshot) = snapshot else {
            return Ok(spaces);
        };
        let mut known = Vec::new();
        for name in snapshot.keyspaces()? {
            known.push((snapshot.keyspace(&name)?.id(), name));
        }
        known.sort_unstable();
        for (_, name) in known {
            spaces.number(&Arc::from(name));
        }
        Ok(spaces)
    }

    /// The number of a keyspace.
    pub fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(name));
        self.numbers.insert(Arc::clone(name), number);
        number
    }

    /// The keyspace with this number.
    pub fn name(&self, number: u32) -> Arc<str> {
        let name = self.names.get(number as usize);
        name.map_or_else(|| Arc::from(""), Arc::clone)
    }
}
