//! Feeds the changes of a bulk step to folds: checks them, and cuts them into sections in which
//! full keys rise, one fold each.

use std::collections::BTreeSet;

use super::keyspaces::Keyspaces;
use super::{BulkEnd, BulkSource};
use crate::db::batch::check_key;
use crate::db::range::KeyRange;
use crate::db::view::{as_from, as_to};
use crate::error::{Error, Result};
use crate::format::key::CATALOGUE;
use crate::tree::{Change, ChangeSource, KeyInterval, add_intervals};

/// The source of a step as the folds see it.
pub(super) struct Feed<S> {
    source: S,
    keyspaces: Keyspaces,
    longest: usize,
    /// Full key and value of the present change.
    key: Vec<u8>,
    value: Vec<u8>,
    is_put: bool,
    state: State,
    /// Keyspace of the changes read last; 0 before the first.
    at: u32,
    /// Largest keyspace that the present section has come to.
    reached: u32,
    /// Keyspaces that had changes, and those among them that had puts.
    seen: BTreeSet<u32>,
    used: BTreeSet<u32>,
    /// The present keyspace is among the latter.
    is_used: bool,
    ranges: Vec<KeyInterval>,
    /// Ranges behind the present section, for the next one.
    waiting: Vec<KeyInterval>,
    count: u64,
    /// Why the source ended early. Folds only learn that it did.
    failed: Option<Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The present change belongs to this section.
    Present,
    /// It begins the next section.
    Held,
    /// There are no more.
    Ended,
}

impl<S: BulkSource> Feed<S> {
    pub fn new(source: S, keyspaces: Keyspaces, longest: usize) -> Result<Self> {
        let mut feed = Feed {
            source,
            keyspaces,
            longest,
            key: Vec::new(),
            value: Vec::new(),
            is_put: false,
            state: State::Ended,
            at: CATALOGUE,
            reached: CATALOGUE,
            seen: BTreeSet::new(),
            used: BTreeSet::new(),
            is_used: true,
            ranges: Vec::new(),
            waiting: Vec::new(),
            count: 0,
            failed: None,
        };
        feed.step()?;
        Ok(feed)
    }

    /// True where a fold has something to do.
    pub fn has_section(&self) -> bool {
        self.state != State::Ended || !self.ranges.is_empty() || !self.waiting.is_empty()
    }

    /// Goes on to the next section.
    pub fn next_section(&mut self) {
        self.ranges = std::mem::take(&mut self.waiting);
        if self.state == State::Held {
            self.state = State::Present;
            self.reached = self.at;
        }
    }

    /// Changes read.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Keyspaces that something was put into.
    pub fn used(&self) -> &BTreeSet<u32> {
        &self.used
    }

    /// The source's own error, if that is why a fold failed.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// What the source does besides; its failure is told like those before.
    pub fn finish(&mut self) -> Result<BulkEnd> {
        let end = self.source.finish();
        end.map_err(|e| self.fail(e))
    }

    fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error);
        Error::Interrupted
    }

    /// Reads the next change.
    fn step(&mut self) -> Result<()> {
        let (before, passed) = (self.at, self.reached);
        self.state = State::Ended;
        self.at = CATALOGUE;
        if let Some(change) = self.source.next()? {
            self.count += 1;
            check_key(change.key.len(), self.longest)?;
            if change.keyspace == before && change.key <= self.key.get(4..).unwrap_or(&[]) {
                return Err(Error::Unsorted { entry: self.count });
            }
            self.at = change.keyspace;
            self.state = State::Present;
            self.is_put = change.value.is_some();
            self.key.clear();
            self.key.extend_from_slice(&change.keyspace.to_be_bytes());
            self.key.extend_from_slice(change.key);
            self.value.clear();
            self.value.extend_from_slice(change.value.unwrap_or(&[]));
        }
        let mut deletes = self.source.take_deletes();
        // At the end too: a step may do nothing but drop keyspaces.
        if self.at != before || self.state == State::Ended {
            let dropped = self.keyspaces.take_dropped().into_iter();
            deletes.extend(dropped.map(|id| (id, KeyRange::all())));
        }
        if !deletes.is_empty() {
            self.add_ranges(deletes, passed)?;
        }
        if self.at != before && self.state == State::Present {
            self.enter()?;
        }
        if self.is_put && !self.is_used {
            self.is_used = true;
            self.used.insert(self.at);
        }
        Ok(())
    }

    /// The first change of a keyspace.
    fn enter(&mut self) -> Result<()> {
        if self.at == CATALOGUE || !self.keyspaces.is_open(self.at) {
            let reason = format!("{} is not the id of a keyspace", self.at);
            return Err(Error::Invalid { reason });
        }
        if !self.seen.insert(self.at) {
            return Err(Error::Unsorted { entry: self.count });
        }
        self.is_used = false;
        if self.at < self.reached {
            self.state = State::Held;
        } else {
            self.reached = self.at;
        }
        Ok(())
    }

    /// Ranges ahead of what this section has `passed` count for it, others for the next one.
    fn add_ranges(&mut self, deletes: Vec<(u32, KeyRange)>, passed: u32) -> Result<()> {
        let (mut ahead, mut behind) = (Vec::new(), Vec::new());
        for (keyspace, range) in deletes {
            if keyspace == CATALOGUE || self.seen.contains(&keyspace) {
                let reason = "a deleted range comes after changes of its keyspace".into();
                return Err(Error::Invalid { reason });
            }
            let (from, to) = range.full(keyspace);
            let interval = KeyInterval {
                from: as_from(&from).into_owned(),
                to: as_to(&to).map(std::borrow::Cow::into_owned),
            };
            if interval.to.as_ref().is_none_or(|to| *to > interval.from) {
                let section = if keyspace > passed {
                    &mut ahead
                } else {
                    &mut behind
                };
                section.push(interval);
            }
        }
        add_intervals(&mut self.ranges, ahead);
        add_intervals(&mut self.waiting, behind);
        Ok(())
    }
}

impl<S: BulkSource> ChangeSource for Feed<S> {
    fn peek(&self) -> Option<(&[u8], Change<'_>)> {
        if self.state != State::Present {
            return None;
        }
        let change = if self.is_put {
            Change::Put(&self.value)
        } else {
            Change::Delete
        };
        Some((&self.key, change))
    }

    fn advance(&mut self) -> Result<()> {
        let step = self.step();
        step.map_err(|e| self.fail(e))
    }

    fn ranges(&self) -> &[KeyInterval] {
        &self.ranges
    }
}
