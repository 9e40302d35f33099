//! Committing: many callers, one writer at a time, one sync for all who wait together.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::batch::Batch;
use super::checkpoint::wants_space;
use super::evaluate::{Evaluator, Prepared};
use super::handle::{Inner, Log, lock};
use super::options::SyncMode;
use super::queue::same_error;
use super::token::{Commit, Token};
use super::turn::Turn;
use crate::defect::{Defect, planted};
use crate::delta::DeltaWriter;
use crate::error::{Error, Result};
use crate::format::checksum::History;
use crate::format::frame::{ENVELOPE_SIZE, EntryHeader, EntryKind, frame_len};
use crate::format::header::Role;
use crate::store::slots;
use crate::threads::MutexGuard;
use crate::wal::append::{self, Durability, Encoded};
use crate::wal::scan::Link;
use crate::wal::tail;
use crate::wal::tail::{NewEntry, Tail};

/// Most bytes that one group may carry.
const GROUP_BYTES: u64 = 8 << 20;
/// Most bytes of a buffer that is kept for the next group.
const SPARE_BYTES: usize = 64 << 10;

impl Inner {
    /// Commits batches in order. A batch that fails its conditions does not hinder the others.
    pub(super) fn commit_group(self: &Arc<Self>, batches: Vec<Batch>) -> Vec<Result<Commit>> {
        let count = batches.len();
        let mut results: Vec<Result<Commit>> = Vec::new();
        while results.len() < count {
            let rest = batches.get(results.len()..).unwrap_or(&[]);
            match self.commit_some(rest) {
                Ok(done) if results.is_empty() => results = done,
                Ok(mut done) => results.append(&mut done),
                Err(e) => {
                    // Nobody after this one was written.
                    let others = (results.len() + 1..count).map(|_| Err(same_error(&e)));
                    let others: Vec<_> = others.collect();
                    results.push(Err(e));
                    results.extend(others);
                }
            }
        }
        results
    }

    /// Commits as many of the batches as fit one write. Makes room first where not even one fits.
    fn commit_some(self: &Arc<Self>, batches: &[Batch]) -> Result<Vec<Result<Commit>>> {
        let mut attempts = 0;
        while attempts < 4 {
            self.check_poison()?;
            let writer = self.lock_writer()?;
            let mut log = lock(&self.log);
            let early =
                planted(Defect::ConditionsTooEarly).then(|| self.evaluate(&mut log, batches));
            self.prepare_log(&mut log)?;
            let prepared = early.unwrap_or_else(|| self.evaluate(&mut log, batches))?;
            let need = match prepared.first_len() {
                Some(need) if !append::fits(&log.tail, need) => need,
                _ => return self.write_prepared(log, prepared),
            };
            let turn = self.turn_region(&mut log, need)?;
            if turn == Turn::Switched {
                let prepared = self.evaluate(&mut log, batches)?;
                return self.write_prepared(log, prepared);
            }
            drop(log);
            drop(writer);
            if turn == Turn::JobRuns {
                // It may leave room; if not, the next round makes some.
                self.wait_for_job()?;
            } else {
                self.checkpoint_for_room(need)?;
                attempts += 1;
            }
        }
        Err(Error::io(
            "make room in the log",
            io::ErrorKind::StorageFull.into(),
        ))
    }

    /// Under the writer lock: the file is still the one we opened, we know its newest state, and
    /// may write.
    pub(super) fn prepare_log(&self, log: &mut Log) -> Result<()> {
        self.look_before_writing(log)?;
        self.check_role(log)?;
        self.check_held_back(log.current.header.role)
    }

    /// Refuses where the publisher has told the file to wait. Facts change with the header only;
    /// a file that nobody publishes has none, and its tree is not looked at for one put.
    fn check_held_back(&self, role: Role) -> Result<()> {
        if role != Role::Primary {
            return Ok(());
        }
        let generation = self.view.load().tree.header().generation;
        let mut known = lock(&self.held_back);
        if known.0 != generation {
            *known = (generation, self.facts()?.held_back);
        }
        match known.1 {
            true => Err(Error::HeldBack),
            false => Ok(()),
        }
    }

    /// Under the writer lock: the file is still the one we opened, and we know its newest state.
    pub(super) fn look_before_writing(&self, log: &mut Log) -> Result<()> {
        if self.options.hold_lock {
            // Nobody else can have written, but the file can have been moved away.
            if self.durability() == Durability::Now {
                self.check_same_file()?;
            }
            return Ok(());
        }
        self.check_same_file()?;
        if self.changed(log) {
            self.refresh(log, true)?;
        }
        Ok(())
    }

    pub(super) fn check_role(&self, log: &Log) -> Result<()> {
        let header = &log.current.header;
        let refuse = |reason: String| Err(Error::Fenced { reason });
        if header.fenced {
            return refuse(format!(
                "the file was fenced by epoch {}",
                header.fence_epoch
            ));
        }
        if header.role == Role::Replica {
            return refuse("the file is a replica".into());
        }
        // However the handle came to know: it was opened for writing in an older epoch.
        let older = header.epoch != self.epoch.load(Ordering::Relaxed);
        if older && !planted(Defect::EpochUnchecked) {
            return refuse(format!(
                "epoch {} began after this handle opened",
                header.epoch
            ));
        }
        if log.tail.link.epoch != header.epoch {
            return refuse(format!("the start of epoch {} is unfinished", header.epoch));
        }
        Ok(())
    }

    /// Checks conditions and encodes payloads, in order, each batch seeing those before it.
    fn evaluate(&self, log: &mut Log, batches: &[Batch]) -> Result<PreparedGroup> {
        let reads = batches.iter().any(Evaluator::reads);
        let full = |log: &Log| log.interest == super::options::Interest::All;
        if reads && !full(log) && !Evaluator::covered(batches, &log.interest) {
            self.hold_all(log, true)?;
        }
        let view = self.view.load();
        let layers = match reads {
            true => view.layers(super::view::NEWEST),
            false => view.unread(),
        };
        let mut evaluator =
            Evaluator::new(layers, reads && batches.len() > 1, log.tail.last_index());
        let mut group = PreparedGroup::default();
        let mut bytes = 0;
        for batch in batches {
            let prepared = evaluator.prepare(batch);
            let len = match &prepared {
                Ok(p) if p.op_count > 0 => frame_len(p.payload.len() as u32),
                _ => 0,
            };
            let fits = bytes + len <= GROUP_BYTES && append::fits(&log.tail, bytes + len);
            let full = bytes > 0 && !fits;
            if full {
                break;
            }
            bytes += len;
            group.items.push(prepared);
        }
        Ok(group)
    }

    /// Writes a prepared group and makes it visible.
    fn write_prepared(
        &self,
        mut log: MutexGuard<'_, Log>,
        group: PreparedGroup,
    ) -> Result<Vec<Result<Commit>>> {
        let (one, many);
        let entries: &[NewEntry<'_>] = match group.items.len() {
            1 => {
                one = group.entries().next();
                one.as_slice()
            }
            _ => {
                many = group.entries().collect::<Vec<_>>();
                &many
            }
        };
        let history = self.history(&mut log)?;
        let start = log.tail.link;
        if entries.is_empty() {
            let nothing = Written::default();
            return Ok(group.results(start, history, &nothing));
        }
        let durability = self.prepare_append(&mut log)?;
        let stamp = self.stamp(&log.tail, durability);
        let spare = std::mem::take(&mut log.spare);
        let encoded = append::encode_in(spare, &log.tail, &history, entries, &stamp);
        let written = self.append_group(log, encoded, durability, |table, newest| {
            for (i, prepared) in group.written().enumerate() {
                let index = start.next_index + i as u64;
                prepared.for_each_op(&mut |op| table.apply(index, op, newest));
            }
        })?;
        Ok(group.results(start, history, &written))
    }

    /// What has to be durable before anything is built on it.
    pub(super) fn prepare_append(&self, log: &mut Log) -> Result<Durability> {
        let durability = self.durability();
        self.prove_header(log, durability)?;
        if durability == Durability::Now && append::needs_separate_proof(&log.tail) {
            append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())?;
        }
        Ok(durability)
    }

    /// Writes an encoded group and makes it visible: `apply` puts it into the table.
    pub(super) fn append_group(
        &self,
        mut log: MutexGuard<'_, Log>,
        mut encoded: Encoded,
        durability: Durability,
        apply: impl FnOnce(&mut DeltaWriter<'_>, u64),
    ) -> Result<Written> {
        let before = log.tail.clone();
        log.writing = true;
        drop(log);
        let written = append::write(self.file.as_ref(), &before, &mut encoded, durability);
        let mut log = lock(&self.log);
        self.group_ended(&mut log, written.is_err());
        if let Err(source) = written {
            log.tail.clear = false;
            return Err(self.write_failed(durability, source, &before, &encoded));
        }
        let mut written = Written {
            frames: std::mem::take(&mut encoded.bytes),
            history: encoded.history,
        };
        self.publish(&mut log, encoded, apply);
        // One frame alone says nothing that the history after it does not.
        let alone = log.tail.last_index() == before.link.next_index;
        if alone && written.frames.capacity() <= SPARE_BYTES {
            log.spare = std::mem::take(&mut written.frames);
        }
        Ok(written)
    }

    /// A failed write or sync: what is on the medium is unknown, so this handle stops. The one
    /// exception is a want of space that left not even the first frame whole: then none of the
    /// group was committed, nor can it ever be, and the next group is written over what is there.
    pub(super) fn write_failed(
        &self,
        durability: Durability,
        source: io::Error,
        before: &Tail,
        group: &Encoded,
    ) -> Error {
        if wants_space(&source) && append::is_absent(self.file.as_ref(), before, group) {
            return Error::io("add to the log", source);
        }
        self.poison();
        match durability {
            Durability::Now => Error::OutcomeUnknown { source },
            Durability::Later => Error::io("write the log", source),
        }
    }

    /// Applies a written group to the table and moves the tail.
    pub(super) fn publish(
        &self,
        log: &mut Log,
        encoded: Encoded,
        apply: impl FnOnce(&mut DeltaWriter<'_>, u64),
    ) {
        let view = self.view.load();
        if planted(Defect::IndexBeforeTable) {
            lock(&self.snapshots).visible = encoded.tail.last_index();
        }
        let mut snapshots = lock(&self.snapshots);
        let newest = snapshots.newest();
        if log.interest == super::options::Interest::All {
            apply(&mut view.active.writer(), newest);
        } else {
            // A handle that keeps only some keys reads the log again when asked for others.
            log.interest = super::options::Interest::None;
        }
        log.tail = encoded.tail;
        log.history = Some(encoded.history);
        snapshots.visible = log.tail.last_index();
        self.note_log(log);
        self.watchers.wake();
    }

    /// History after the last entry.
    pub fn history(&self, log: &mut Log) -> Result<[u8; 16]> {
        if let Some(history) = log.history {
            return Ok(history);
        }
        let history = tail::history(self.file.as_ref(), &log.current.header, &log.tail)?;
        log.history = Some(history);
        Ok(history)
    }

    /// The newest header may be in the page cache only: its writer may have failed. It is written
    /// once more before anything durable is built on it, unless a frame says that it was durable.
    /// Behind a bulk step this holds for every commit whose order counts: without that header
    /// neither its entry nor anything behind it could be used.
    pub fn prove_header(&self, log: &mut Log, durability: Durability) -> Result<()> {
        let low = log.current.header.generation as u32;
        if log.tail.durable_gen == low || log.header_proven || planted(Defect::HeaderUnproven) {
            log.tail.durable_gen = low;
            return Ok(());
        }
        let last = log.tail.last.map(|placed| placed.header.entry.kind);
        let bulk = last == Some(EntryKind::Bulk) && self.options.sync != SyncMode::Off;
        if durability == Durability::Now || bulk {
            slots::rewrite(self.file.as_ref(), &log.current).inspect_err(|_| self.poison())?;
            log.header_proven = true;
            log.tail.durable_gen = low;
        }
        Ok(())
    }
}

/// A group that was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    frames: Vec<u8>,
    /// History after it.
    pub history: History,
}

impl Written {
    /// History after the frame at `at`, which has this payload; moves `at` behind that frame.
    fn history_after(&self, at: &mut usize, payload: &[u8]) -> History {
        *at += frame_len(payload.len() as u32) as usize;
        // The next frame says it; only the last one would have to be hashed, and was.
        let next = self.frames.get(*at + ENVELOPE_SIZE..);
        next.and_then(EntryHeader::decode)
            .map_or(self.history, |next| next.history_before)
    }
}

/// Batches that were checked and encoded.
#[derive(Debug, Default)]
pub(super) struct PreparedGroup {
    items: Vec<Result<Prepared>>,
}

impl PreparedGroup {
    /// Log bytes of the first batch that writes anything.
    fn first_len(&self) -> Option<u64> {
        self.written()
            .next()
            .map(|p| frame_len(p.payload.len() as u32))
    }

    fn written(&self) -> impl Iterator<Item = &Prepared> {
        self.items
            .iter()
            .filter_map(|p| p.as_ref().ok())
            .filter(|p| p.op_count > 0)
    }

    fn entries(&self) -> impl Iterator<Item = NewEntry<'_>> {
        self.written().map(|p| NewEntry {
            kind: EntryKind::Commit,
            op_count: p.op_count,
            payload: &p.payload,
        })
    }

    /// One result for each batch. `start` and `history`: the log before the group.
    fn results(self, start: Link, mut history: History, written: &Written) -> Vec<Result<Commit>> {
        let (mut next, mut at) = (start.next_index, 0);
        let finish = |prepared: Result<Prepared>| {
            let prepared = prepared?;
            if prepared.op_count > 0 {
                next += 1;
                history = written.history_after(&mut at, &prepared.payload);
            }
            let token = Token {
                epoch: start.epoch,
                index: next - 1,
            };
            let deleted = prepared.deleted;
            Ok(Commit {
                token,
                hash: history,
                deleted,
            })
        };
        let mut results: Vec<_> = self.items.into_iter().map(finish).collect();
        if planted(Defect::GroupResultsMixed) {
            results.reverse();
        }
        results
    }
}
