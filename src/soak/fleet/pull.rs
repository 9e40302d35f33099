//! A replica takes what its primary has: in order, whole, from where it is.

use std::time::Instant;

use super::config::Transport;
use super::run::{FleetRun, engine};
use crate::db::LogReader;
use crate::error::Error;
use crate::format::entry::Entry;
use crate::soak::check::{Check, Step};
use crate::soak::faults::FaultKind;
use crate::soak::plants::Plant;
use crate::soak::random::{Draw, Purpose};
use crate::soak::seam::forged_entries;
use crate::soak::store::advance;
use crate::soak::text;

/// What one pull came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulled {
    /// There was nothing new.
    Nothing,
    /// So many entries.
    Entries(u64),
    /// The log does not reach back, or the histories differ.
    Refused,
}

/// The cycle in which the plant of a divergent replica strikes.
const DIVERGES_IN: u64 = 2;
/// One pull in so many is damaged, where that is wanted.
const DAMAGED: u64 = 6;

impl FleetRun<'_> {
    /// One pull of an active replica. What it has then is looked at, values included.
    pub(super) fn pull_once(&mut self, at: usize) -> Step<Pulled> {
        let before = self.index_of(at)?;
        let begun = Instant::now();
        let pulled = match self.fleet.transport {
            Transport::Path => self.pull_from_file(at)?,
            Transport::Tcp => self.pull_over_tcp(at)?,
            Transport::Dir => self.pull_from_store(at)?,
        };
        let ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.pull_times.add(ns);
        if self.started.elapsed() >= self.next_sample {
            self.sample();
        }
        // A pull that was damaged on its way may have taken some before.
        let taken = self.index_of(at)?.saturating_sub(before);
        if taken > 0 {
            self.counts.frames_applied += taken;
            self.follow(at, before)?;
            self.compare_replica(at)?;
        }
        if pulled == Pulled::Refused {
            if let Some(replica) = self.replicas.get_mut(at) {
                replica.needs_reseed = true;
            }
            return Ok(pulled);
        }
        self.counts.pulls += 1;
        Ok(match taken {
            0 => Pulled::Nothing,
            entries => Pulled::Entries(entries),
        })
    }

    pub(super) fn index_of(&self, at: usize) -> Step<u64> {
        let Some(replica) = self.replicas.get(at) else {
            return Ok(0);
        };
        let position = replica.position().map_err(engine("read the position"))?;
        Ok(position.index)
    }

    /// The model of a replica goes from one entry to where the replica is now.
    pub(super) fn follow(&mut self, at: usize, before: u64) -> Step {
        let now = self.index_of(at)?;
        let Some(replica) = self.replicas.get_mut(at) else {
            return Ok(());
        };
        for (from, to) in self.commits.between(before, now) {
            for counter in from..to {
                advance(&mut replica.model, &self.stream.at(counter), &self.values);
            }
            replica.model.set_progress(to);
        }
        Ok(())
    }

    fn pull_from_file(&mut self, at: usize) -> Step<Pulled> {
        let (primary, Some(replica)) = (&self.primary, self.replicas.get(at)) else {
            return Ok(Pulled::Nothing);
        };
        let position = replica.position().map_err(engine("read the position"))?;
        match primary.db.log_reader(&position) {
            Ok(reader) => self.take(at, reader),
            Err(Error::NotRetained { .. } | Error::Diverged { .. }) => Ok(Pulled::Refused),
            Err(error) => Err(engine("read the log of the primary")(error)),
        }
    }

    /// Reads entries and applies them, in batches of the size of a segment.
    fn take(&mut self, at: usize, mut reader: LogReader) -> Step<Pulled> {
        let mut left = self.fleet.max_frames;
        let mut applied = 0;
        while left > 0 {
            let bytes = usize::try_from(self.fleet.segment_max_bytes).unwrap_or(usize::MAX);
            // A segment of one byte has one entry; a batch of pulls takes several of them.
            let entries = left.min(if bytes < 4096 { 32 } else { left });
            let batch = match reader.read(entries, bytes.max(1 << 20)) {
                Ok(batch) => batch,
                Err(Error::NotRetained { .. } | Error::Diverged { .. }) => {
                    return Ok(Pulled::Refused);
                }
                Err(error) => return Err(engine("read the log of the primary")(error)),
            };
            if batch.is_empty() {
                break;
            }
            let batch = self.on_the_way(at, batch)?;
            let count = self.apply(at, &batch)?;
            applied += count;
            left = left.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX).max(1));
        }
        Ok(match applied {
            0 => Pulled::Nothing,
            entries => Pulled::Entries(entries),
        })
    }

    fn apply(&mut self, at: usize, batch: &[u8]) -> Step<u64> {
        let Some(replica) = self.replicas.get(at) else {
            return Ok(0);
        };
        match replica.db.apply(batch) {
            Ok(done) => Ok(done.applied),
            Err(error @ Error::Diverged { .. }) => {
                let number = replica.number;
                self.counts.divergence_violations += 1;
                let detail = format!("replica {number}: {}", text::chain(&error));
                Err(self.broken(Check::Replicas, detail))
            }
            Err(error) => Err(engine("apply entries")(error)),
        }
    }

    /// The fault that strikes a pull at this moment, and what decides how.
    pub(super) fn fault_now(&self, at: usize) -> Option<(FaultKind, Draw)> {
        let wants = |kind| self.fleet.faults.contains(&kind);
        let (corrupt, cut) = (wants(FaultKind::CorruptFrame), wants(FaultKind::ConnDrop));
        let row = self.counter ^ (at as u64) << 40;
        let mut draw = Draw::at(self.fleet.seed, Purpose::Fault, row);
        if !(corrupt || cut) || !draw.chance(1, DAMAGED) {
            return None;
        }
        let kind = match corrupt && (!cut || draw.chance(1, 2)) {
            true => FaultKind::CorruptFrame,
            false => FaultKind::ConnDrop,
        };
        Some((kind, draw))
    }

    /// A fault has struck, and some call said so, or nothing was wrong.
    pub(super) fn count_fault(&mut self, kind: FaultKind, reported: bool) {
        let tallies = self.tallies.iter_mut();
        for (_, tally) in tallies.filter(|(known, _)| *known == kind) {
            tally.armed += 1;
            tally.struck += 1;
            tally.reported += u64::from(reported);
            tally.harmless += u64::from(!reported);
        }
        self.counts.transport_faults += 1;
        self.ledger.pass(Check::Faults);
        let how = if reported { "reported" } else { "harmless" };
        self.event("fault", format!("{} on the way, {how}", kind.name()));
    }

    /// What happens to a batch between the copies: faults, which must be noticed and harm nothing,
    /// and the defect of a replica that is given something else.
    fn on_the_way(&mut self, at: usize, batch: Vec<u8>) -> Step<Vec<u8>> {
        if let Some((kind, mut draw)) = self.fault_now(at) {
            let mut bad = batch.clone();
            let place = draw.below(bad.len() as u64) as usize;
            match kind {
                FaultKind::CorruptFrame => {
                    if let Some(byte) = bad.get_mut(place) {
                        *byte ^= 1 << draw.below(8);
                    }
                }
                _ => bad.truncate(place),
            }
            self.must_refuse(at, &bad, kind)?;
        }
        match self.diverges() {
            true => Ok(forged_entries(&batch).unwrap_or(batch)),
            false => Ok(batch),
        }
    }

    /// Whether replicas are given something else at this time: a defect.
    pub(super) fn diverges(&self) -> bool {
        self.has_plant(Plant::DivergentReplica) && self.cycle == DIVERGES_IN
    }

    /// A batch that was damaged on its way is refused, and nothing of it is taken.
    fn must_refuse(&mut self, at: usize, bad: &[u8], kind: FaultKind) -> Step {
        let Some(replica) = self.replicas.get(at) else {
            return Ok(());
        };
        let before = replica.position().map_err(engine("read the position"))?;
        if !is_damaged(bad) {
            return Ok(()); // a cut between two entries: a shorter batch, nothing else
        }
        let refused = replica.db.apply(bad).is_err();
        let after = replica.position().map_err(engine("read the position"))?;
        if !refused || after != before {
            let (number, name) = (replica.number, kind.name());
            let detail = format!("replica {number} took a batch after {name}");
            return Err(self.broken(Check::Faults, detail));
        }
        self.count_fault(kind, true);
        Ok(())
    }

    /// Pulls until there is nothing left.
    pub(super) fn catch_up(&mut self, at: usize) -> Step {
        let mut loops = 0;
        loop {
            match self.pull_once(at)? {
                Pulled::Nothing => break,
                Pulled::Entries(_) => loops += 1,
                Pulled::Refused => {
                    return self.reseed(at, false);
                }
            }
            if loops > self.fleet.recovery_max_loops {
                let most = self.fleet.recovery_max_loops;
                let detail = format!("a replica has not caught up after {most} pulls");
                return Err(self.broken(Check::Lag, detail));
            }
        }
        self.counts.max_recovery_loops = self.counts.max_recovery_loops.max(loops);
        self.ledger.pass(Check::Lag);
        Ok(())
    }

    /// Whatever it takes: afterwards the replica has everything.
    pub(super) fn make_whole(&mut self, at: usize) -> Step {
        if self.replicas.get(at).is_some_and(|r| r.needs_reseed) {
            self.reseed(at, false)?;
        }
        self.catch_up(at)
    }
}

/// Whether the bytes are anything but whole entries.
fn is_damaged(batch: &[u8]) -> bool {
    let mut rest = batch;
    while !rest.is_empty() {
        match Entry::split(rest) {
            Ok(Some((_, after))) => rest = after,
            _ => return true,
        }
    }
    false
}
