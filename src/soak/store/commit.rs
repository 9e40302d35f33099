//! Commits: batches, and compare-and-set.

use std::collections::HashMap;
use std::time::Instant;

use super::run::{Run, engine};
use crate::db::{Batch, Snapshot};
use crate::error::Error;
use crate::soak::check::{Check, Step};
use crate::soak::config::{PROGRESS, keyspace_name};
use crate::soak::oracle::{Change, Model, Oracle};
use crate::soak::workload::{Action, Keys, Operation, Reference, Values};

/// The key of the progress record.
pub(crate) use crate::soak::oracle::PROGRESS_KEY;

impl Run<'_> {
    /// Commits the open batch.
    pub(super) fn flush(&mut self) -> Step {
        let Some(last) = self.pending.last() else {
            return Ok(());
        };
        let to = last.counter + 1;
        let before = match &self.oracle {
            Oracle::Model(_) => None,
            Oracle::Sums(_) => Some(self.snapshot()?),
        };
        let batch = self.batch(to, before.as_ref())?;
        let change = match (&self.oracle, before) {
            (Oracle::Sums(_), Some(before)) => Some(self.changes(&before)?),
            _ => None,
        };
        self.in_flight = Some(to);
        self.plant_at_commit(to);
        // Nobody reads it any more: what the commit replaces need not be kept for it.
        self.reading = None;
        let db = self.db()?;
        let begun = Instant::now();
        let commit = match db.write(batch) {
            Err(Error::Precondition { required, .. }) => {
                let detail = format!("refused a compare-and-set although {required}");
                return Err(self.broken(Check::Conditions, detail));
            }
            commit => commit.map_err(engine("commit a batch"))?,
        };
        self.timed(begun);
        self.check_position(commit.token.index)?;
        match change {
            Some(changes) => {
                if let Oracle::Sums(sums) = &mut self.oracle {
                    sums.apply(&changes, to);
                }
                self.count_done();
            }
            None => self.confirm(to),
        }
        if let Some(acknowledge) = &mut self.acknowledge {
            acknowledge(to).map_err(|e| {
                crate::soak::check::Halt::Setup(Error::io("tell the parent of a commit", e))
            })?;
        }
        Ok(())
    }

    /// The open batch is done: the oracle follows.
    pub(super) fn confirm(&mut self, to: u64) {
        if let Oracle::Model(model) = &mut self.oracle {
            for operation in &self.pending {
                advance(model, operation, &self.values);
            }
            model.set_progress(to);
        }
        self.count_done();
    }

    fn count_done(&mut self) {
        self.counts.commits += 1;
        for operation in self.pending.drain(..) {
            match operation.action {
                Action::Put(_) => self.counts.puts += 1,
                Action::Swap(_) => {
                    self.counts.swaps += 1;
                    self.ledger.pass(Check::Conditions);
                }
                _ => self.counts.deletes += 1,
            }
        }
        self.in_flight = None;
        self.reading = None;
    }

    fn timed(&mut self, begun: Instant) {
        let ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.commit_times.add(ns);
        self.interval_times.add(ns);
    }

    /// Positions rise by one with every commit, whoever else looks on.
    fn check_position(&mut self, index: u64) -> Step {
        if let Some(before) = self.index
            && index != before + 1
        {
            let detail = format!("the commit after position {before} has position {index}");
            return Err(self.broken(Check::Positions, detail));
        }
        self.index = Some(index);
        self.ledger.pass(Check::Positions);
        Ok(())
    }

    fn batch(&mut self, to: u64, before: Option<&Snapshot>) -> Step<Batch> {
        let mut batch = Batch::new();
        let lengths = self.pending.iter().map(|op| self.length_of(op));
        batch.reserve(self.pending.len() + 1, lengths.sum());
        // First, because names of keyspaces are looked up as of what stands before them.
        batch
            .keyspace(PROGRESS)
            .put(PROGRESS_KEY, &to.to_be_bytes());
        for operation in &self.pending {
            let name = keyspace_name(operation.keyspace);
            batch.keyspace(&name);
            self.keys.write(operation.key, &mut self.key);
            match operation.action {
                Action::Put(class) | Action::Swap(class) => {
                    if matches!(operation.action, Action::Swap(_)) {
                        let present = match (&self.oracle, before) {
                            (Oracle::Model(model), _) => {
                                let found = model.get(operation.keyspace, operation.key);
                                found.map(|reference| {
                                    self.values.write(reference, &mut self.value);
                                    self.value.clone()
                                })
                            }
                            (_, Some(before)) => get(before, &name, &self.key)?,
                            _ => None,
                        };
                        match present {
                            Some(value) => batch.require_equals(&self.key, &value),
                            None => batch.require_absent(&self.key),
                        };
                    }
                    let reference = Reference::new(operation.counter, class);
                    self.values.write(reference, &mut self.value);
                    batch.put(&self.key, &self.value);
                }
                Action::DeleteRange(span) => {
                    let end = operation.key.saturating_add(span);
                    batch.delete_range(&self.keys.range(operation.key, end));
                }
                _ => {
                    batch.delete(&self.key);
                }
            }
        }
        Ok(batch)
    }

    /// Bytes of key and value at most.
    fn length_of(&self, operation: &Operation) -> usize {
        let value = match operation.action {
            Action::Put(class) | Action::Swap(class) => {
                self.values.length(Reference::new(operation.counter, class))
            }
            _ => 0,
        };
        self.keys.longest() + value as usize
    }

    /// A compare-and-set whose condition does not hold.
    pub(super) fn refused_swap(&mut self, operation: Operation) -> Step {
        self.keys.write(operation.key, &mut self.key);
        let name = keyspace_name(operation.keyspace);
        let is_there = match &self.oracle {
            Oracle::Model(model) => model.get(operation.keyspace, operation.key).is_some(),
            Oracle::Sums(_) => get(&self.snapshot()?, &name, &self.key)?.is_some(),
        };
        let mut batch = Batch::new();
        batch.keyspace(&name);
        match is_there {
            true => batch.require_absent(&self.key),
            false => batch.require_present(&self.key),
        };
        batch.put(&self.key, b"never to be seen");
        match self.db()?.write(batch) {
            Err(Error::Precondition { .. }) => {
                self.counts.swaps += 1;
                self.ledger.pass(Check::Conditions);
                Ok(())
            }
            Err(error) => Err(engine("try a compare-and-set")(error)),
            Ok(_) => Err(self.broken(
                Check::Conditions,
                "a compare-and-set went through although its condition did not hold",
            )),
        }
    }

    /// What the open batch does to the sums of ranges.
    fn changes(&mut self, before: &Snapshot) -> Step<Vec<Change>> {
        let mut present: HashMap<(u32, u64), Option<Vec<u8>>> = HashMap::new();
        let mut changes = Vec::new();
        for operation in &self.pending {
            let span = match operation.action {
                Action::DeleteRange(span) => span,
                _ => 1,
            };
            let name = keyspace_name(operation.keyspace);
            for number in operation.key..(operation.key + span).min(self.keys.count()) {
                self.keys.write(number, &mut self.key);
                let old = match present.remove(&(operation.keyspace, number)) {
                    Some(value) => value,
                    None => get(before, &name, &self.key)?,
                };
                let new = match operation.action {
                    Action::Put(class) | Action::Swap(class) => {
                        let reference = Reference::new(operation.counter, class);
                        self.values.write(reference, &mut self.value);
                        Some(self.value.clone())
                    }
                    _ => None,
                };
                let mut change = Change::new(operation.keyspace, number);
                if let Some(old) = &old {
                    change.sum.take(&self.key, old);
                }
                if let Some(new) = &new {
                    change.sum.add(&self.key, new);
                }
                changes.push(change);
                present.insert((operation.keyspace, number), new);
            }
        }
        Ok(changes)
    }
}

fn get(snapshot: &Snapshot, keyspace: &str, key: &[u8]) -> Step<Option<Vec<u8>>> {
    let found = snapshot.keyspace(keyspace).and_then(|k| k.get(key));
    found.map_err(engine("read a key"))
}

/// The model after one more operation.
pub(crate) fn advance(model: &mut Model, operation: &Operation, values: &Values) {
    let keyspace = operation.keyspace;
    match operation.action {
        Action::Put(class) | Action::Swap(class) => {
            let value = Reference::new(operation.counter, class);
            model.set(keyspace, operation.key, Some(value), values);
        }
        Action::Delete => model.set(keyspace, operation.key, None, values),
        Action::DeleteRange(span) => {
            for key in operation.key..operation.key.saturating_add(span) {
                model.set(keyspace, key, None, values);
            }
        }
        _ => {}
    }
}

/// The setup: every keyspace exists, empty, and the progress is 0.
pub(crate) fn first_batch(keyspaces: u32, keys: &Keys) -> Batch {
    let mut batch = Batch::new();
    let mut key = Vec::new();
    keys.write(0, &mut key);
    batch
        .keyspace(PROGRESS)
        .put(PROGRESS_KEY, &0_u64.to_be_bytes());
    for number in 0..keyspaces {
        batch.keyspace(&keyspace_name(number));
        batch.put(&key, b"").delete(&key);
    }
    batch
}
