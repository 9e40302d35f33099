//! Reads: what the last commit left, and nothing of the batch that is open.

use std::time::Instant;

use super::run::{Run, engine};
use crate::db::{KeyBound, KeyRange, Keyspace, Snapshot};
use crate::soak::check::{Check, Step};
use crate::soak::config::keyspace_name;
use crate::soak::oracle::Oracle;
use crate::soak::text;
use crate::soak::workload::{Action, Operation, Reference};

/// The snapshot that reads are answered from until the next commit.
pub(super) struct Reading {
    snapshot: Snapshot,
    keyspaces: Vec<Option<Keyspace>>,
}

impl Run<'_> {
    /// The present state of the database.
    pub(super) fn snapshot(&mut self) -> Step<Snapshot> {
        if let Some(reading) = &self.reading {
            return Ok(reading.snapshot.clone());
        }
        let snapshot = self.db()?.snapshot().map_err(engine("take a snapshot"))?;
        self.reading = Some(Reading {
            snapshot: snapshot.clone(),
            keyspaces: vec![None; self.config.keyspaces as usize],
        });
        Ok(snapshot)
    }

    fn keyspace(&mut self, number: u32) -> Step<Keyspace> {
        let known = |reading: &Reading| reading.keyspaces.get(number as usize)?.clone();
        if let Some(keyspace) = self.reading.as_ref().and_then(known) {
            return Ok(keyspace);
        }
        let snapshot = self.snapshot()?;
        let name = keyspace_name(number);
        let keyspace = snapshot
            .keyspace(&name)
            .map_err(engine("find a keyspace"))?;
        let reading = self.reading.as_mut();
        if let Some(place) = reading.and_then(|r| r.keyspaces.get_mut(number as usize)) {
            *place = Some(keyspace.clone());
        }
        Ok(keyspace)
    }

    /// Reads, and compares with the oracle.
    pub(super) fn read(&mut self, operation: Operation) -> Step {
        let begun = Instant::now();
        let keyspace = self.keyspace(operation.keyspace)?;
        match operation.action {
            Action::Get => self.read_key(&keyspace, operation)?,
            Action::Scan(span, backwards) => {
                self.read_range(&keyspace, operation, span, backwards)?;
            }
            _ => self.read_group(&keyspace, operation)?,
        }
        let ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.read_times.add(ns);
        self.ledger.pass(Check::Reads);
        match operation.action {
            Action::Get => self.counts.gets += 1,
            _ => self.counts.scans += 1,
        }
        Ok(())
    }

    fn read_key(&mut self, keyspace: &Keyspace, operation: Operation) -> Step {
        self.keys.write(operation.key, &mut self.key);
        let expected = match &self.oracle {
            Oracle::Model(model) => model.get(operation.keyspace, operation.key),
            Oracle::Sums(_) => {
                let found = keyspace.get(&self.key).map_err(engine("read a key"))?;
                return self.check_origin(operation, found.as_deref());
            }
        };
        if let Some(reference) = expected {
            self.values.write(reference, &mut self.value);
        }
        let value = expected.is_some().then_some(self.value.as_slice());
        let same = keyspace
            .get_with(&self.key, |found| Some(found) == value)
            .map_err(engine("read a key"))?;
        match same {
            Some(true) => Ok(()),
            None if value.is_none() => Ok(()),
            _ => Err(self.wrong(operation, expected, same.is_some())),
        }
    }

    fn wrong(
        &self,
        operation: Operation,
        expected: Option<Reference>,
        is_there: bool,
    ) -> crate::soak::check::Halt {
        let key = text::shown(&self.key);
        let name = keyspace_name(operation.keyspace);
        let what = match (expected, is_there) {
            (None, _) => "was found, but should be absent".into(),
            (Some(_), false) => "was not found".into(),
            (Some(value), true) => {
                format!("has not the value of operation {}", value.counter())
            }
        };
        self.broken(Check::Reads, format!("{key} in {name} {what}"))
    }

    /// Without a model: the value must be one that was once written to this very key.
    fn check_origin(&self, operation: Operation, found: Option<&[u8]>) -> Step {
        let Some(found) = found else { return Ok(()) };
        let Some(counter) = crate::soak::oracle::origin(&self.values, found) else {
            return Ok(());
        };
        let written = self.stream.at(counter);
        let class = match written.action {
            Action::Put(class) | Action::Swap(class) => Some(class),
            _ => None,
        };
        let mut value = Vec::new();
        if let Some(class) = class {
            self.values
                .write(Reference::new(counter, class), &mut value);
        }
        let place = (written.keyspace, written.key);
        if place == (operation.keyspace, operation.key) && value == found {
            return Ok(());
        }
        let key = text::shown(&self.key);
        let detail = format!("{key} has a value that was never written to it");
        Err(self.broken(Check::Reads, detail))
    }

    fn read_range(
        &mut self,
        keyspace: &Keyspace,
        operation: Operation,
        span: u64,
        backwards: bool,
    ) -> Step {
        let span = usize::try_from(span).unwrap_or(usize::MAX);
        let (number, key) = (operation.keyspace, operation.key);
        let expected: Option<Vec<(u64, Reference)>> = match &self.oracle {
            Oracle::Model(model) if backwards => {
                Some(model.before(number, key).take(span).collect())
            }
            Oracle::Model(model) => Some(model.from(number, key).take(span).collect()),
            Oracle::Sums(_) => None,
        };
        let range = match backwards {
            true => {
                self.keys.write(key, &mut self.key);
                KeyRange {
                    from: KeyBound::Unbounded,
                    to: KeyBound::Excluded(self.key.clone()),
                }
            }
            false => self.keys.range(key, u64::MAX),
        };
        self.compare_range(keyspace, &range, backwards, span, expected)
    }

    fn read_group(&mut self, keyspace: &Keyspace, operation: Operation) -> Step {
        let (range, from, to) = self.keys.group(operation.key);
        let expected = match &self.oracle {
            Oracle::Model(model) => {
                let all = model.from(operation.keyspace, from);
                Some(all.take_while(|(number, _)| *number < to).collect())
            }
            Oracle::Sums(_) => None,
        };
        self.compare_range(keyspace, &range, false, usize::MAX, expected)
    }

    /// Without an expectation the order alone is looked at.
    fn compare_range(
        &mut self,
        keyspace: &Keyspace,
        range: &KeyRange,
        backwards: bool,
        most: usize,
        expected: Option<Vec<(u64, Reference)>>,
    ) -> Step {
        let mut cursor = keyspace.cursor(range);
        let mut before: Option<Vec<u8>> = None;
        let mut at = 0;
        let limit = most.min(1 << 16);
        while at < limit {
            let entry = match backwards {
                true => cursor.prev_entry(),
                false => cursor.next_entry(),
            };
            let Some((key, value)) = entry.map_err(engine("read a range"))? else {
                break;
            };
            if let Some(expected) = &expected {
                let due = expected.get(at);
                if let Some((number, reference)) = due {
                    self.keys.write(*number, &mut self.key);
                    self.values.write(*reference, &mut self.value);
                }
                if due.is_none() || key != self.key || value != self.value {
                    let detail = format!("entry {at} of a range is {}", text::shown(key));
                    return Err(self.broken(Check::Reads, detail));
                }
            } else if before.is_some_and(|b| (b.as_slice() < key) == backwards) {
                let detail = format!("{} is out of order", text::shown(key));
                return Err(self.broken(Check::Reads, detail));
            }
            before = expected.is_none().then(|| key.to_vec());
            at += 1;
        }
        match expected {
            Some(expected) if expected.len() != at => {
                let detail = format!("a range has {at} entries, not {}", expected.len());
                Err(self.broken(Check::Reads, detail))
            }
            _ => Ok(()),
        }
    }

    /// How far the database says that it is.
    pub(super) fn stored_progress(&mut self) -> Step<Option<u64>> {
        let snapshot = self.snapshot()?;
        crate::soak::oracle::progress_of(&snapshot).map_err(engine("read the progress"))
    }
}
