//! The database as the records find it: ids of keyspaces, what becomes of keys that exist, and
//! what would come of it all.

use std::sync::Arc;

use creel::exchange::read::{FaultCode, Op};
use creel::{KeyBound, KeyRange, Keyspace, Keyspaces, Result, Snapshot};

use super::args::IfExists;

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is applied.
    Apply,
    /// It says what is there already.
    Same,
    /// It is passed over.
    Keep,
    /// It is bad.
    Bad(FaultCode),
}

/// What applying the records does; only counted where nobody else counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    pub inserted: u64,
    pub replaced: u64,
    pub unchanged: u64,
    pub deleted: u64,
}

impl Effect {
    /// Counts a record whose key lies in a range that was removed before it: what counts is what
    /// comes of both.
    fn put_back(&mut self, value: Option<&[u8]>, old: Option<bool>) {
        match (value, old) {
            (None, _) => return,
            (Some(_), None) => self.inserted += 1,
            (Some(_), Some(true)) => self.unchanged += 1,
            (Some(_), Some(false)) => self.replaced += 1,
        }
        if old.is_some() {
            self.deleted = self.deleted.saturating_sub(1);
        }
    }

    /// Counts a record; `old`: whether the value that was there is the same.
    fn add(&mut self, value: Option<&[u8]>, old: Option<bool>, verdict: Verdict) {
        match (verdict, value, old) {
            (Verdict::Same, _, _) => self.unchanged += 1,
            (Verdict::Apply, None, Some(_)) => self.deleted += 1,
            (Verdict::Apply, Some(_), None) => self.inserted += 1,
            (Verdict::Apply, Some(_), Some(_)) => self.replaced += 1,
            _ => {}
        }
    }
}

/// The state that records are applied to.
pub struct Target {
    snapshot: Option<Snapshot>,
    /// Real ids; without them nothing is written, and numbers stand for themselves.
    ids: Option<Keyspaces>,
    if_exists: IfExists,
    counts: bool,
    pub effect: Effect,
    spaces: Vec<Space>,
    deletes: Vec<(u32, KeyRange)>,
}

/// A keyspace of the target.
#[derive(Default)]
struct Space {
    name: Option<Arc<str>>,
    id: Option<u32>,
    /// What it had before; `None` where it had nothing.
    old: Option<Keyspace>,
    /// Ranges that are gone by now.
    cleared: Vec<KeyRange>,
    keyed: bool,
}

impl Target {
    /// The state in a snapshot; without one, an empty database. `counts`: nobody else counts.
    pub fn new(
        snapshot: Option<Snapshot>,
        ids: Option<Keyspaces>,
        if_exists: IfExists,
        counts: bool,
    ) -> Target {
        Target {
            snapshot,
            ids,
            if_exists,
            counts,
            effect: Effect::default(),
            spaces: Vec::new(),
            deletes: Vec::new(),
        }
    }

    /// Makes a keyspace known; called before all else about it.
    #[inline]
    pub fn know(&mut self, space: u32, name: impl FnOnce() -> Arc<str>) -> Result<()> {
        let known = self.spaces.get(space as usize);
        if known.is_some_and(|s| s.name.is_some()) {
            return Ok(());
        }
        self.meet(space, name())
    }

    #[cold]
    fn meet(&mut self, space: u32, name: Arc<str>) -> Result<()> {
        let at = space as usize;
        if self.spaces.len() <= at {
            self.spaces.resize_with(at + 1, Space::default);
        }
        let mut old = None;
        if let Some(snapshot) = self.snapshot.as_ref().filter(|_| self.looks()) {
            old = match snapshot.keyspace(&name) {
                Ok(keyspace) => (!keyspace.is_empty()?).then_some(keyspace),
                Err(creel::Error::NoKeyspace { .. }) => None,
                Err(e) => return Err(e),
            };
        }
        if let Some(slot) = self.spaces.get_mut(at) {
            slot.name = Some(name);
            slot.old = old;
        }
        Ok(())
    }

    /// The id of a known keyspace.
    #[inline]
    pub fn id(&mut self, space: u32) -> Result<u32> {
        let Some(slot) = self.spaces.get_mut(space as usize) else {
            return Ok(space + 1);
        };
        if let Some(id) = slot.id {
            return Ok(id);
        }
        let id = match (&self.ids, &slot.name) {
            (Some(ids), Some(name)) => ids.id(name)?,
            _ => space + 1,
        };
        slot.id = Some(id);
        Ok(id)
    }

    /// Takes a range or drop of a known keyspace; false where it comes too late.
    pub fn clear(&mut self, space: u32, op: Op, from: &[u8], to: &[u8]) -> Result<bool> {
        if self.spaces.get(space as usize).is_some_and(|s| s.keyed) {
            return Ok(false);
        }
        self.clear_late(space, op, from, to).map(|()| true)
    }

    /// Takes one that may come after keys.
    pub fn clear_late(&mut self, space: u32, op: Op, from: &[u8], to: &[u8]) -> Result<()> {
        let Some(slot) = self.spaces.get_mut(space as usize) else {
            return Ok(());
        };
        let range = range(op, from, to);
        if let (Some(old), true) = (&slot.old, self.counts) {
            self.effect.deleted += old.count(&range)?;
        }
        let name = slot.name.as_deref().unwrap_or("");
        if let Some(ids) = &self.ids {
            if op == Op::Drop && name != "main" {
                ids.drop_keyspace(name)?;
                slot.id = None;
            } else if let Some(id) = ids.find(name)? {
                self.deletes.push((id, range.clone()));
            }
        }
        if slot.old.is_some() {
            slot.cleared.push(range);
        }
        Ok(())
    }

    /// Ranges that were taken since the last call.
    pub fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        std::mem::take(&mut self.deletes)
    }

    /// True where records have to be held against what is there.
    pub fn looks(&self) -> bool {
        self.counts || self.if_exists != IfExists::Overwrite
    }

    /// What becomes of a record of a known keyspace; `None` deletes.
    #[inline]
    pub fn judge(&mut self, space: u32, key: &[u8], value: Option<&[u8]>) -> Result<Verdict> {
        let Some(slot) = self.spaces.get_mut(space as usize) else {
            return Ok(Verdict::Apply);
        };
        slot.keyed = true;
        if self.if_exists == IfExists::Overwrite && !self.counts {
            return Ok(Verdict::Apply);
        }
        let slot = &*slot;
        let old = match &slot.old {
            Some(old) => old.get_with(key, |old| Some(old) == value)?,
            None => None,
        };
        if slot.cleared.iter().any(|range| is_in(range, key)) {
            if self.counts {
                self.effect.put_back(value, old);
            }
            return Ok(Verdict::Apply);
        }
        let verdict = match (value, old, self.if_exists) {
            (None, _, _) | (_, None, _) => Verdict::Apply,
            (_, Some(_), IfExists::Keep) => Verdict::Keep,
            (_, Some(_), IfExists::Error) => Verdict::Bad(FaultCode::KeyExists),
            (_, Some(true), _) => Verdict::Same,
            (_, Some(false), IfExists::Same) => Verdict::Bad(FaultCode::ValueDiffers),
            (_, Some(false), IfExists::Overwrite) => Verdict::Apply,
        };
        if self.counts || verdict == Verdict::Same {
            self.effect.add(value, old, verdict);
        }
        Ok(verdict)
    }
}

/// The range that an operation removes.
pub fn range(op: Op, from: &[u8], to: &[u8]) -> KeyRange {
    let bound = |key: &[u8], kind: fn(Vec<u8>) -> KeyBound| match key {
        [] => KeyBound::Unbounded,
        key => kind(key.to_vec()),
    };
    match op {
        Op::DeleteRange => KeyRange {
            from: bound(from, KeyBound::Included),
            // Nothing is before an empty end.
            to: KeyBound::Excluded(to.to_vec()),
        },
        Op::DeleteFrom => KeyRange {
            from: bound(from, KeyBound::Included),
            to: KeyBound::Unbounded,
        },
        _ => KeyRange::all(),
    }
}

fn is_in(range: &KeyRange, key: &[u8]) -> bool {
    let after = match &range.from {
        KeyBound::Unbounded => true,
        KeyBound::Included(from) => key >= from.as_slice(),
        KeyBound::Excluded(from) => key > from.as_slice(),
    };
    let before = match &range.to {
        KeyBound::Unbounded => true,
        KeyBound::Included(to) => key <= to.as_slice(),
        KeyBound::Excluded(to) => key < to.as_slice(),
    };
    after && before
}
