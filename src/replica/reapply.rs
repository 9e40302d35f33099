//! Saved commits against the present contents: what they would do, and doing it again.

use std::collections::{BTreeMap, BTreeSet};

use super::tail::{self, Saved};
use crate::chain::object::Segment;
use crate::db::{Batch, Commit, Db, Position, Snapshot};
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::format::key::{CATALOGUE, MAIN, MAIN_NAME};
use crate::format::op::{Op, Ops};

/// What becomes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The database has the value that the saved commits gave it.
    Same,
    /// The new history did not touch it: the saved value can be put again.
    Free,
    /// The new history changed it, too.
    Conflict,
}

/// The net effect of saved commits on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEffect {
    /// Its keyspace.
    pub keyspace: String,
    /// The key.
    pub key: Vec<u8>,
    /// Its last value; `None`: it was deleted.
    pub value: Option<Vec<u8>>,
    /// How that stands to the present contents.
    pub state: State,
}

/// Saved commits and the present contents.
#[derive(Debug)]
pub struct Comparison {
    /// By keyspace and key.
    pub keys: Vec<KeyEffect>,
    /// Ranges and whole keyspaces that were deleted: not done again.
    pub ranges: u64,
    /// It is known which keys the new history changed; else each difference counts as conflict.
    pub exact: bool,
}

/// What to do with keys that both histories changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing at all.
    Fail,
    /// Leave those as they are.
    Skip,
    /// The saved value wins.
    Overwrite,
}

type Touched = BTreeSet<(String, Vec<u8>)>;
type Effects = BTreeMap<(String, Vec<u8>), Option<Vec<u8>>>;

/// Compares saved commits with what a database holds.
pub fn compare(segments: &[Segment], db: &Db) -> Result<Comparison> {
    let snapshot = db.snapshot()?;
    let mut gathered = Gathered::new(&snapshot, true)?;
    segments.iter().for_each(|segment| gathered.add(segment));
    let changed = match segments.first() {
        Some(first) => changed_since(&first.facts.before, db)?,
        None => Some(Touched::new()),
    };
    let ranges = gathered.ranges;
    let mut keys = Vec::with_capacity(gathered.effects.len());
    for ((keyspace, key), value) in gathered.effects {
        let now = match snapshot.keyspace(&keyspace) {
            Ok(space) => space.get(&key)?,
            Err(Error::NoKeyspace { .. }) => None,
            Err(e) => return Err(e),
        };
        let touched = changed
            .as_ref()
            .is_none_or(|changed| changed.contains(&(keyspace.clone(), key.clone())));
        let state = match (now == value, touched) {
            (true, _) => State::Same,
            (false, false) => State::Free,
            (false, true) => State::Conflict,
        };
        keys.push(KeyEffect {
            keyspace,
            key,
            value,
            state,
        });
    }
    Ok(Comparison {
        keys,
        ranges,
        exact: changed.is_some(),
    })
}

/// What rejoining took back, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack {
    /// Keys that it changed.
    pub keys: u64,
    /// Ranges and whole keyspaces that it deleted, whose keys are not listed.
    pub ranges: u64,
    /// How many of the keys the new history changed since, too; [`None`] where that cannot be told here.
    pub by_both: Option<u64>,
}

/// Counts saved entries behind `since`, one file at a time. `names` knows the keyspaces, `new` has the new
/// history.
pub fn count(saved: &[Saved], since: &Point, names: &Db, new: Option<&Db>) -> Result<TakenBack> {
    let mut gathered = Gathered::new(&names.snapshot()?, false)?;
    for file in saved {
        gathered.add(&tail::read(&file.path)?);
    }
    let changed = match new {
        Some(new) => changed_since(since, new)?,
        None => None,
    };
    let both = |changed: Touched| {
        let keys = gathered.effects.keys();
        keys.filter(|key| changed.contains(*key)).count() as u64
    };
    Ok(TakenBack {
        keys: gathered.effects.len() as u64,
        ranges: gathered.ranges,
        by_both: changed.map(both),
    })
}

/// The last value of every key, and how many ranges were deleted.
struct Gathered {
    names: BTreeMap<u32, String>,
    effects: Effects,
    ranges: u64,
    /// The values are wanted, too.
    values: bool,
}

impl Gathered {
    fn new(snapshot: &Snapshot, values: bool) -> Result<Gathered> {
        let mut names = BTreeMap::from([(MAIN, MAIN_NAME.to_owned())]);
        for name in snapshot.keyspaces()? {
            names.insert(snapshot.keyspace(&name)?.id(), name);
        }
        Ok(Gathered {
            names,
            effects: Effects::new(),
            ranges: 0,
            values,
        })
    }

    fn add(&mut self, segment: &Segment) {
        for entry in tail::entries(segment) {
            if !entry.header.kind.has_operations() {
                continue;
            }
            let mut ops = Ops::new(entry.payload(), entry.header.op_count);
            while let Ok(Some(op)) = ops.next_op() {
                self.take(&op);
            }
        }
    }

    fn take(&mut self, op: &Op<'_>) {
        match *op {
            Op::CreateKeyspace { id, name } => {
                let name = String::from_utf8_lossy(name).into_owned();
                self.names.insert(id, name);
            }
            Op::Put {
                keyspace,
                key,
                value,
            } if keyspace != CATALOGUE => {
                let value = if self.values { value } else { &[] };
                let name = name_of(&self.names, keyspace);
                self.effects
                    .insert((name, key.to_vec()), Some(value.to_vec()));
            }
            Op::Delete { keyspace, key } if keyspace != CATALOGUE => {
                let name = name_of(&self.names, keyspace);
                self.effects.insert((name, key.to_vec()), None);
            }
            Op::DeleteRange { keyspace, from, to } => {
                self.ranges += 1;
                let name = name_of(&self.names, keyspace);
                for ((space, key), value) in &mut self.effects {
                    let inside = key.as_slice() >= from && (to.is_empty() || key.as_slice() < to);
                    if *space == name && inside {
                        *value = None;
                    }
                }
            }
            Op::DropKeyspace { name, .. } => {
                self.ranges += 1;
                let name = String::from_utf8_lossy(name);
                let all = self.effects.iter_mut();
                let of_it = all.filter(|((space, _), _)| *space == name);
                of_it.for_each(|(_, value)| *value = None);
            }
            Op::Put { .. } | Op::Delete { .. } => {}
        }
    }
}

fn name_of(names: &BTreeMap<u32, String>, id: u32) -> String {
    let name = names.get(&id).cloned();
    name.unwrap_or_else(|| format!("keyspace-{id}"))
}

/// The keys that the database's own history changed since the two parted; `None` where its log
/// does not tell any more.
fn changed_since(before: &Point, db: &Db) -> Result<Option<Touched>> {
    let since = Position {
        epoch: before.epoch,
        index: before.index,
        hash: Some(before.history),
    };
    let mut changes = match db.changes_since(&since) {
        Ok(changes) => changes,
        Err(Error::NotRetained { .. }) => return Ok(None),
        Err(e) => return Err(e),
    };
    let wide = changes
        .keyspaces
        .iter()
        .any(|k| k.dropped || !k.ranges.is_empty());
    if wide {
        return Ok(None); // which keys a range removed is not listed
    }
    let names: Vec<String> = changes.keyspaces.iter().map(|k| k.name.clone()).collect();
    let mut all = BTreeSet::new();
    while let Some((number, key)) = changes.keys.next_key()? {
        let name = names.get(number).cloned().unwrap_or_default();
        all.insert((name, key.to_vec()));
    }
    Ok(Some(all))
}

/// Makes the saved changes again, in one commit. `None`: there was nothing to do.
pub fn reapply(found: &Comparison, db: &Db, on_conflict: OnConflict) -> Result<Option<Commit>> {
    let mut batch = Batch::new();
    for effect in &found.keys {
        let wanted = match effect.state {
            State::Same => false,
            State::Free => true,
            State::Conflict => on_conflict == OnConflict::Overwrite,
        };
        if !wanted {
            continue;
        }
        batch.keyspace(&effect.keyspace);
        match &effect.value {
            Some(value) => batch.put(&effect.key, value),
            None => match db.snapshot()?.keyspace(&effect.keyspace) {
                Ok(_) => batch.delete(&effect.key),
                Err(_) => continue,
            },
        };
    }
    if batch.is_empty() {
        return Ok(None);
    }
    db.write(batch).map(Some)
}
