//! What a database has to do, in the simplest possible way.

use std::collections::BTreeMap;
use std::sync::Arc;

use creel::{Batch, KeyBound, KeyRange};

pub type Value = Arc<[u8]>;
pub type Space = BTreeMap<Vec<u8>, Value>;

pub const MAIN: &str = "main";

/// All keyspaces. `main` is always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(pub BTreeMap<String, Space>);

/// One call of a [`Batch`].
#[derive(Debug, Clone)]
pub enum Item {
    Put(Vec<u8>, Value),
    Delete(Vec<u8>),
    DeleteRange(KeyRange),
    Drop,
    Absent(Vec<u8>),
    Present(Vec<u8>),
    Equals(Vec<u8>, Value),
    Count(KeyRange, u64),
}

/// Items with the keyspaces that they are for.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub items: Vec<(String, Item)>,
    pub count_deleted: bool,
}

/// What must come of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Entries removed, and whether the log gets an entry.
    Done {
        deleted: u64,
        logged: bool,
    },
    Precondition {
        at: usize,
    },
    NoKeyspace(String),
    Invalid,
}

impl State {
    pub fn new() -> State {
        State(BTreeMap::from([(MAIN.to_owned(), Space::new())]))
    }

    pub fn space(&self, name: &str) -> Option<&Space> {
        self.0.get(name)
    }

    /// Applies a plan, or leaves everything as it is.
    pub fn apply(&mut self, plan: &Plan) -> Outcome {
        if plan
            .items
            .iter()
            .any(|(name, item)| name == MAIN && matches!(item, Item::Drop))
        {
            return Outcome::Invalid;
        }
        let conditions = plan
            .items
            .iter()
            .filter_map(|(name, item)| self.holds(name, item));
        if let Some(at) = conditions
            .enumerate()
            .find(|(_, holds)| !holds)
            .map(|(at, _)| at)
        {
            return Outcome::Precondition { at };
        }
        let mut after = self.clone();
        let (mut deleted, mut logged) = (0, false);
        for (name, item) in &plan.items {
            if matches!(item, Item::DeleteRange(range) if stored_empty(range)) {
                continue;
            }
            if self.holds(name, item).is_some() {
                continue;
            }
            match after.apply_item(name, item) {
                Some(n) => deleted += n,
                None => return Outcome::NoKeyspace(name.clone()),
            }
            logged = true;
        }
        *self = after;
        Outcome::Done {
            deleted: if plan.count_deleted { deleted } else { 0 },
            logged,
        }
    }

    /// `None` for what is no condition.
    fn holds(&self, name: &str, item: &Item) -> Option<bool> {
        let value = |key: &Vec<u8>| self.space(name).and_then(|s| s.get(key));
        Some(match item {
            Item::Absent(key) => value(key).is_none(),
            Item::Present(key) => value(key).is_some(),
            Item::Equals(key, wanted) => value(key) == Some(wanted),
            Item::Count(range, count) => {
                self.space(name)
                    .map_or(0, |s| entries(s, range).count() as u64)
                    == *count
            }
            _ => return None,
        })
    }

    /// Gives the number of entries removed; `None` where the keyspace does not exist.
    fn apply_item(&mut self, name: &str, item: &Item) -> Option<u64> {
        if let Item::Put(key, value) = item {
            let space = self.0.entry(name.to_owned()).or_default();
            space.insert(key.clone(), Arc::clone(value));
            return Some(0);
        }
        let space = self.0.get_mut(name)?;
        Some(match item {
            Item::Delete(key) => u64::from(space.remove(key).is_some()),
            Item::DeleteRange(range) => {
                let before = space.len();
                space.retain(|key, _| !contains(range, key));
                (before - space.len()) as u64
            }
            Item::Drop => self.0.remove(name).map_or(0, |s| s.len() as u64),
            _ => 0,
        })
    }
}

impl Plan {
    pub fn one(name: &str, item: Item) -> Plan {
        Plan {
            items: vec![(name.to_owned(), item)],
            count_deleted: true,
        }
    }

    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        batch.count_deleted(self.count_deleted);
        for (name, item) in &self.items {
            batch.keyspace(name);
            match item {
                Item::Put(key, value) => batch.put(key, value),
                Item::Delete(key) => batch.delete(key),
                Item::DeleteRange(range) => batch.delete_range(range),
                Item::Drop => batch.drop_keyspace(),
                Item::Absent(key) => batch.require_absent(key),
                Item::Present(key) => batch.require_present(key),
                Item::Equals(key, value) => batch.require_equals(key, value),
                Item::Count(range, count) => batch.require_range_count(range, *count),
            };
        }
        batch
    }
}

pub fn contains(range: &KeyRange, key: &[u8]) -> bool {
    let from = match &range.from {
        KeyBound::Unbounded => true,
        KeyBound::Included(from) => key >= from.as_slice(),
        KeyBound::Excluded(from) => key > from.as_slice(),
    };
    from && match &range.to {
        KeyBound::Unbounded => true,
        KeyBound::Included(to) => key <= to.as_slice(),
        KeyBound::Excluded(to) => key < to.as_slice(),
    }
}

pub fn entries<'a>(
    space: &'a Space,
    range: &'a KeyRange,
) -> impl DoubleEndedIterator<Item = (&'a Vec<u8>, &'a Value)> {
    space.iter().filter(move |(key, _)| contains(range, key))
}

/// A range that cannot hold any key is not written at all.
fn stored_empty(range: &KeyRange) -> bool {
    let from = match &range.from {
        KeyBound::Unbounded => vec![],
        KeyBound::Included(key) => key.clone(),
        KeyBound::Excluded(key) => [key, &[0][..]].concat(),
    };
    match &range.to {
        KeyBound::Unbounded => false,
        KeyBound::Included(key) => from.as_slice() > key.as_slice(),
        KeyBound::Excluded(key) => from >= *key,
    }
}
