//! One cycle: commits in slices, pulls of the active replicas in between, then whatever is due.

use std::time::Instant;

use super::node::Behind;
use super::run::{FleetRun, engine};
use crate::db::{Batch, CheckpointOptions};
use crate::format::Depth;
use crate::progress::NoProgress;
use crate::soak::check::{Check, Step};
use crate::soak::config::{PROGRESS, keyspace_name};
use crate::soak::measure::usage;
use crate::soak::oracle::{Bytes, PROGRESS_KEY};
use crate::soak::store::advance;
use crate::soak::workload::{Action, Operation, Reference};

/// Slices of a cycle, with a pull of everybody active after each.
const SLICES: u64 = 4;

fn is_due(interval: u64, cycle: u64) -> bool {
    interval > 0 && (cycle + 1).is_multiple_of(interval)
}

impl FleetRun<'_> {
    pub(super) fn one_cycle(&mut self) -> Step {
        let commits = self.fleet.commits_per_cycle;
        for slice in 0..SLICES {
            let (from, to) = (commits * slice / SLICES, commits * (slice + 1) / SLICES);
            for _ in from..to {
                self.commit()?;
            }
            for at in self.active() {
                self.pull_once(at)?;
            }
            self.note_lag()?;
        }
        self.checkpoint()?;
        for at in self.active() {
            self.catch_up(at)?;
        }
        self.compare_all()?;
        self.fold_one()?;
        if is_due(self.fleet.reseed_check_interval.max(1), self.cycle) {
            self.probe_retention()?;
        }
        if is_due(self.fleet.reseed_check_interval, self.cycle) {
            self.check_idle()?;
        }
        if is_due(self.fleet.promotion_interval, self.cycle) {
            self.promote()?;
        }
        Ok(())
    }

    /// One of the active replicas folds its log, by turns.
    fn fold_one(&mut self) -> Step {
        let active = self.active();
        let turn = (self.cycle % active.len().max(1) as u64) as usize;
        let Some(at) = active.get(turn).copied() else {
            return Ok(());
        };
        if let Some(replica) = self.replicas.get(at) {
            let folded = replica
                .db
                .checkpoint(&CheckpointOptions::default(), &NoProgress);
            folded.map_err(engine("checkpoint a replica"))?;
        }
        self.work.checkpoints += 1;
        self.compare_replica(at)
    }

    /// The replicas that follow in this cycle.
    pub(super) fn active(&self) -> Vec<usize> {
        let all = self.replicas.len();
        let first = (self.cycle / self.fleet.churn_interval) as usize;
        let most = (self.fleet.active_replicas as usize).min(all);
        (0..most).map(|n| (first + n) % all).collect()
    }

    /// One commit on the primary.
    pub(super) fn commit(&mut self) -> Step {
        let (from, operations) = self.next_batch();
        let to = self.counter;
        let batch = self.batch(&operations, to);
        let begun = Instant::now();
        let done = self.primary.db.write(batch).map_err(engine("commit"))?;
        let ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.commit_times.add(ns);
        self.interval_times.add(ns);
        for operation in &operations {
            advance(&mut self.primary.model, operation, &self.values);
            match operation.action {
                Action::Put(_) => self.work.puts += 1,
                _ => self.work.deletes += 1,
            }
        }
        self.primary.model.set_progress(to);
        self.primary.seen = false;
        self.commits.push(done.token.index, from, to);
        self.counts.writes_committed += 1;
        Ok(())
    }

    /// The next operations, up to the end of a batch.
    pub(super) fn next_batch(&mut self) -> (u64, Vec<Operation>) {
        let from = self.counter;
        let mut operations = Vec::new();
        loop {
            let operation = self.stream.at(self.counter);
            self.counter += 1;
            self.hash.add(&operation);
            let ends = operation.ends_batch || operations.len() >= 8;
            operations.push(operation);
            if ends {
                return (from, operations);
            }
        }
    }

    pub(super) fn batch(&mut self, operations: &[Operation], to: u64) -> Batch {
        let mut batch = Batch::new();
        batch
            .keyspace(PROGRESS)
            .put(PROGRESS_KEY, &to.to_be_bytes());
        for operation in operations {
            batch.keyspace(&keyspace_name(operation.keyspace));
            self.keys.write(operation.key, &mut self.key);
            match operation.action {
                Action::Put(class) => {
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
        batch
    }

    pub(super) fn checkpoint(&mut self) -> Step {
        let done = self
            .primary
            .db
            .checkpoint(&CheckpointOptions::default(), &NoProgress);
        done.map_err(engine("checkpoint"))?;
        self.work.checkpoints += 1;
        self.keep_chain()?;
        self.settled_kb = usage(None).ok().map(|used| used.anon_kb);
        self.event("checkpoint", String::new());
        let oldest = self.replicas.iter().filter_map(|r| r.position().ok());
        let oldest = oldest.map(|p| p.index).min().unwrap_or(0);
        self.commits.forget_before(oldest);
        self.compare_primary()
    }

    pub(super) fn note_lag(&mut self) -> Step {
        let head = self
            .primary
            .position()
            .map_err(engine("read the position"))?;
        let mut worst = 0;
        for replica in &mut self.replicas {
            let at = replica.position().map_err(engine("read the position"))?;
            let lag = head.index.saturating_sub(at.index);
            replica.behind = match lag {
                0 => Behind::Nothing,
                entries => Behind::Entries(entries),
            };
            worst = worst.max(lag);
        }
        self.counts.lags_noted += 1;
        self.counts.max_observed_lag = self.counts.max_observed_lag.max(worst);
        Ok(())
    }

    /// Every copy beside what it should hold; those at the same position beside each other.
    pub(super) fn compare_all(&mut self) -> Step {
        let head = self
            .primary
            .position()
            .map_err(engine("read the position"))?;
        if !self.primary.seen {
            self.compare_primary()?;
        }
        let mut expected = None;
        for at in 0..self.replicas.len() {
            if self.replicas.get(at).is_some_and(|r| !r.seen) {
                self.compare_replica(at)?;
            }
            let Some(replica) = self.replicas.get(at) else {
                continue;
            };
            let position = replica.position().map_err(engine("read the position"))?;
            if position.index != head.index {
                continue;
            }
            let snapshot = replica.db.snapshot().map_err(engine("take a snapshot"))?;
            let found = crate::soak::store::digest_of(&snapshot);
            let found = found.map_err(engine("read everything"))?;
            let model = &self.primary.model;
            let digest = *expected.get_or_insert_with(|| model.digest(&self.keys, &self.values));
            let number = replica.number;
            if found != digest || position != head {
                self.counts.divergence_violations += 1;
                let detail = format!(
                    "replica {number} at {position} has digest {found}, the primary at {head} has {digest}"
                );
                return Err(self.broken(Check::Replicas, detail));
            }
            self.counts.digests_compared += 1;
            self.ledger.pass(Check::Replicas);
        }
        Ok(())
    }

    pub(super) fn compare_primary(&mut self) -> Step {
        let snapshot = self
            .primary
            .db
            .snapshot()
            .map_err(engine("take a snapshot"))?;
        let bytes = Bytes {
            keys: &self.keys,
            values: &self.values,
        };
        let compared = self.primary.model.compare_all(&snapshot, bytes);
        match compared.map_err(engine("read everything"))? {
            Ok(compared) => {
                self.work.entries_compared += compared.entries;
                self.primary.seen = true;
                self.ledger.pass(Check::Contents);
                Ok(())
            }
            Err(difference) => {
                let detail = format!("the primary: {difference}");
                Err(self.broken(Check::Contents, detail))
            }
        }
    }

    /// A replica beside its model: the commits up to its position, all of them and no others.
    pub(super) fn compare_replica(&mut self, at: usize) -> Step {
        let Some(replica) = self.replicas.get(at) else {
            return Ok(());
        };
        let snapshot = replica.db.snapshot().map_err(engine("take a snapshot"))?;
        let bytes = Bytes {
            keys: &self.keys,
            values: &self.values,
        };
        let number = replica.number;
        let compared = replica.model.compare_all(&snapshot, bytes);
        match compared.map_err(engine("read everything"))? {
            Ok(compared) => {
                if let Some(replica) = self.replicas.get_mut(at) {
                    replica.seen = true;
                }
                self.work.entries_compared += compared.entries;
                self.ledger.pass(Check::Prefix);
                Ok(())
            }
            Err(difference) => {
                self.counts.divergence_violations += 1;
                let detail = format!("replica {number}: {difference}");
                Err(self.broken(Check::Prefix, detail))
            }
        }
    }

    pub(super) fn reopen_all(&mut self) -> Step {
        let options = super::node::options(&self.seam, self.fleet.sync);
        let nodes = std::iter::once(&mut self.primary).chain(&mut self.replicas);
        let mut paths = Vec::new();
        for node in nodes {
            let opened = options.clone().open(&node.path);
            node.db = opened.map_err(engine("open a copy again"))?;
            node.seen = false;
            self.work.reopens += 1;
            paths.push(node.path.clone());
        }
        for path in paths {
            self.verify(&path, Depth::Deep)?;
        }
        Ok(())
    }
}
