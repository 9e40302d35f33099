//! Turning a batch into a log payload: keyspace names to ids, preconditions, counts of what
//! deletes remove. Runs under the writer lock, on the newest state.

use std::sync::Arc;

use super::batch::{Batch, Item, Kind};
use super::options::Interest;
use super::range::KeyRange;
use super::view::Layers;
use crate::defect::{Defect, planted};
use crate::delta::Delta;
use crate::error::{Bounded, Error, Result};
use crate::format::frame::MAX_PAYLOAD;
use crate::format::key::{CATALOGUE, FullKey, MAIN, MAIN_NAME, position_user_key};
use crate::format::op::{Op, Ops};

/// A batch that may be committed.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub payload: Vec<u8>,
    pub op_count: u32,
    pub deleted: u64,
    /// Some operation makes or drops a keyspace.
    names_change: bool,
    /// What the operations do, where a later one of the batch has to know.
    effects: Option<Effects>,
}

/// Effects of the first operations of a batch.
#[derive(Debug)]
struct Effects {
    table: Arc<Delta>,
    ops: u32,
    bytes: usize,
}

impl Prepared {
    /// Calls `each` for every operation.
    pub fn for_each_op(&self, each: &mut dyn FnMut(&Op<'_>)) {
        let mut ops = Ops::new(&self.payload, self.op_count);
        while let Ok(Some(op)) = ops.next_op() {
            each(&op);
            if planted(Defect::BatchPartlyVisible) {
                break;
            }
        }
    }
}

/// Evaluates the batches of one group, each on the state that those before it leave.
#[derive(Debug)]
pub(super) struct Evaluator {
    layers: Layers,
    /// Effects of earlier batches of the group, where a later one may read them.
    overlay: Option<Arc<Delta>>,
    index: u64,
}

impl Evaluator {
    /// `keep_effects`: some batch reads, and the group has several.
    pub fn new(mut layers: Layers, keep_effects: bool, last_index: u64) -> Self {
        let overlay = keep_effects.then(|| Arc::new(Delta::new()));
        if let Some(overlay) = &overlay {
            layers.tables.insert(0, Arc::clone(overlay));
        }
        Evaluator {
            layers,
            overlay,
            index: last_index,
        }
    }

    /// True where a batch has to look at data.
    pub fn reads(batch: &Batch) -> bool {
        batch.conditional || batch.count_deleted || batch.keyspaces.iter().any(|k| k != MAIN_NAME)
    }

    /// True where a handle that keeps only some keys keeps all that the batches look at.
    pub fn covered(batches: &[Batch], interest: &Interest) -> bool {
        let Interest::Keys(keys) = interest else {
            return false;
        };
        let kept = |batch: &Batch, item: &Item| match item.kind {
            Kind::Put => true,
            Kind::RequireAbsent | Kind::RequirePresent | Kind::RequireEquals | Kind::Delete => {
                keys.iter().any(|k| k == batch.slice(&item.key))
            }
            _ => false,
        };
        batches
            .iter()
            .all(|b| b.items.iter().all(|item| kept(b, item)))
    }

    /// Checks the conditions and encodes the operations.
    pub fn prepare(&mut self, batch: &Batch) -> Result<Prepared> {
        if batch.conditional {
            self.check_conditions(batch)?;
        }
        let mut prepared = Prepared::default();
        prepared
            .payload
            .reserve(batch.bytes.len() + 12 * batch.items.len());
        let (mut one, mut many) = ([None], Vec::new());
        let ids: &mut [Option<u32>] = match batch.keyspaces.len() {
            0 | 1 => &mut one,
            names => {
                many.resize(names, None);
                &mut many
            }
        };
        for item in &batch.items {
            self.prepare_item(batch, item, ids, &mut prepared)?;
        }
        if prepared.payload.len() as u64 > u64::from(MAX_PAYLOAD) {
            let (actual, limit) = (prepared.payload.len() as u64, u64::from(MAX_PAYLOAD));
            return Err(Error::Limit {
                what: Bounded::BatchSize,
                actual,
                limit,
            });
        }
        if prepared.op_count > 0 {
            self.index += 1;
            if let Some(overlay) = &self.overlay {
                let mut table = overlay.writer();
                prepared.for_each_op(&mut |op| table.apply(self.index, op, 0));
            }
        }
        Ok(prepared)
    }

    fn prepare_item(
        &mut self,
        batch: &Batch,
        item: &Item,
        ids: &mut [Option<u32>],
        out: &mut Prepared,
    ) -> Result<()> {
        if let Kind::SetPosition | Kind::RemovePosition = item.kind {
            encode_position(batch, item, out);
            return Ok(());
        }
        let is_operation = matches!(
            item.kind,
            Kind::Put | Kind::Delete | Kind::DeleteRange | Kind::DropKeyspace
        );
        if !is_operation {
            return Ok(());
        }
        let name = batch
            .keyspaces
            .get(item.keyspace)
            .map_or(MAIN_NAME, String::as_str);
        let create = matches!(item.kind, Kind::Put);
        let known = ids.get(item.keyspace).copied().flatten();
        let id = match known {
            Some(id) => id,
            None => self.keyspace_id(name, create, ids, out)?,
        };
        remember(ids, item.keyspace, Some(id));
        let (key, value) = (batch.slice(&item.key), batch.slice(&item.value));
        let op = match item.kind {
            Kind::Put => Op::Put {
                keyspace: id,
                key,
                value,
            },
            Kind::Delete => Op::Delete { keyspace: id, key },
            Kind::DeleteRange => Op::DeleteRange {
                keyspace: id,
                from: key,
                to: value,
            },
            _ => Op::DropKeyspace {
                id,
                name: name.as_bytes(),
            },
        };
        if batch.count_deleted {
            out.deleted += self.removed(&op, out)?;
        }
        op.encode(&mut out.payload);
        out.op_count += 1;
        if matches!(item.kind, Kind::DropKeyspace) {
            out.names_change = true;
            // A later put in the same batch makes a new one.
            remember(ids, item.keyspace, None);
        }
        Ok(())
    }

    fn keyspace_id(
        &self,
        name: &str,
        create: bool,
        ids: &[Option<u32>],
        out: &mut Prepared,
    ) -> Result<u32> {
        if name == MAIN_NAME {
            return Ok(MAIN);
        }
        // Other operations change no names: most batches need no look at what they have done.
        let changed = out.names_change.then(|| self.with_effects_of(out));
        let view = changed.as_ref().unwrap_or(&self.layers);
        if let Some(id) = view.keyspace_id(name)? {
            return Ok(id);
        }
        if !create {
            return Err(Error::NoKeyspace {
                name: name.to_owned(),
            });
        }
        let in_batch = ids.iter().flatten().copied().max().unwrap_or(MAIN);
        let last = view.last_keyspace_id()?.max(in_batch);
        let id = last.checked_add(1).filter(|id| *id < u32::MAX);
        let id = id.ok_or(Error::Limit {
            what: Bounded::Keyspaces,
            actual: u64::from(u32::MAX),
            limit: u64::from(u32::MAX) - 1,
        })?;
        Op::CreateKeyspace {
            id,
            name: name.as_bytes(),
        }
        .encode(&mut out.payload);
        out.op_count += 1;
        out.names_change = true;
        Ok(id)
    }

    /// The state that the operations encoded so far leave.
    fn with_effects_of(&self, so_far: &mut Prepared) -> Layers {
        let mut layers = self.layers.clone();
        if so_far.op_count > 0 {
            let none = || Effects {
                table: Arc::new(Delta::new()),
                ops: 0,
                bytes: 0,
            };
            let effects = so_far.effects.get_or_insert_with(none);
            // Only what came since the last look, or a batch of n counted deletes takes n^2.
            let rest = so_far.payload.get(effects.bytes..).unwrap_or(&[]);
            let mut ops = Ops::new(rest, so_far.op_count - effects.ops);
            {
                let mut writer = effects.table.writer();
                while let Ok(Some(op)) = ops.next_op() {
                    writer.apply(self.index + 1, &op, 0);
                }
            }
            (effects.ops, effects.bytes) = (so_far.op_count, so_far.payload.len());
            layers.tables.insert(0, Arc::clone(&effects.table));
        }
        layers
    }

    /// Entries that an operation removes from the present state.
    fn removed(&self, op: &Op<'_>, so_far: &mut Prepared) -> Result<u64> {
        let view = self.with_effects_of(so_far);
        match *op {
            Op::Delete { keyspace, key } => {
                Ok(u64::from(view.get(&FullKey::new(keyspace, key))?.is_some()))
            }
            Op::DeleteRange { keyspace, from, to } => {
                let range = KeyRange {
                    from: super::KeyBound::Included(from.to_vec()),
                    to: match to {
                        [] => super::KeyBound::Unbounded,
                        to => super::KeyBound::Excluded(to.to_vec()),
                    },
                };
                self.count(&view, keyspace, &range)
            }
            Op::DropKeyspace { id, .. } => self.count(&view, id, &KeyRange::all()),
            _ => Ok(0),
        }
    }

    fn count(&self, view: &Layers, keyspace: u32, range: &KeyRange) -> Result<u64> {
        view.count(&range.full(keyspace))
    }

    fn check_conditions(&self, batch: &Batch) -> Result<()> {
        let conditions = batch.items.iter().filter(|item| {
            use Kind::{RequireAbsent, RequireCount, RequireEquals, RequirePresent};
            matches!(
                item.kind,
                RequireAbsent | RequirePresent | RequireEquals | RequireCount(..)
            )
        });
        for (at, item) in conditions.enumerate() {
            let name = batch
                .keyspaces
                .get(item.keyspace)
                .map_or(MAIN_NAME, String::as_str);
            let id = self.layers.keyspace_id(name)?;
            let key = batch.slice(&item.key);
            let value = match id {
                Some(id) => self.layers.get(&FullKey::new(id, key))?,
                None => None,
            };
            let (holds, required) = match &item.kind {
                Kind::RequireAbsent => (value.is_none(), "the key is absent"),
                Kind::RequirePresent => (value.is_some(), "the key is present"),
                Kind::RequireCount(range, count) => {
                    let found = id.map_or(Ok(0), |id| self.count(&self.layers, id, range))?;
                    (found == *count, "the range has this number of keys")
                }
                // The last kind that comes to here.
                _ => (
                    value.as_deref() == Some(batch.slice(&item.value)),
                    "the key has this value",
                ),
            };
            if !holds {
                return Err(Error::Precondition { at, required });
            }
        }
        Ok(())
    }
}

/// Of the keyspace with that number in the batch.
fn remember(ids: &mut [Option<u32>], keyspace: usize, id: Option<u32>) {
    for slot in ids.iter_mut().skip(keyspace).take(1) {
        *slot = id;
    }
}

fn encode_position(batch: &Batch, item: &Item, out: &mut Prepared) {
    let key = position_user_key(batch.slice(&item.key));
    let op = match item.kind {
        Kind::SetPosition => Op::Put {
            keyspace: CATALOGUE,
            key: &key,
            value: batch.slice(&item.value),
        },
        _ => Op::Delete {
            keyspace: CATALOGUE,
            key: &key,
        },
    };
    op.encode(&mut out.payload);
    out.op_count += 1;
}
