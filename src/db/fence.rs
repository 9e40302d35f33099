//! Starting an epoch: the entry that does it, and the table of those that did.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Db;
use super::cursor::Cursor;
use super::handle::{Inner, lock};
use super::identity::begin_epoch;
use super::token::{Commit, Position, Token};
use crate::error::{Bounded, Error, Result};
use crate::format::Invariant;
use crate::format::entry::{Entry, EntryError};
use crate::format::fence::FenceRecord;
use crate::format::frame::frame_len;
use crate::format::header::{Header, Role};
use crate::format::key::{FullKey, fence_range};
use crate::format::op::Ops;
use crate::wal::append::{self, Durability};

/// Tries to make room in the log.
const ATTEMPTS: usize = 4;

/// What is to be said of a new epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FenceWish {
    /// Name of this node.
    pub name: String,
    /// Why the epoch begins.
    pub reason: String,
    /// Entries of the epoch before, first and last, that are known and given up.
    pub loss: Option<(u64, u64)>,
    /// The highest epoch seen anywhere: the new one is above it, and above what the file knows.
    pub above_epoch: u32,
}

impl Db {
    /// The entry that would begin a new epoch behind the newest commit, which is made durable
    /// first. Nothing else is changed.
    pub fn prepare_fence(&self, wish: &FenceWish) -> Result<Vec<u8>> {
        let position = self.durable_position()?;
        let now_us = self.inner.vfs().now_us();
        let (header, time_us) = {
            let log = lock(&self.inner.log);
            let time_us = append::next_time(&log.tail, now_us);
            (log.current.header.clone(), time_us)
        };
        let known = header.epoch.max(header.fence_epoch).max(position.epoch);
        let mut incarnation = [0u8; 16];
        let random = self.inner.vfs().random(&mut incarnation);
        random.map_err(|e| Error::io("get random bytes", e))?;
        let limit = Error::Limit {
            what: Bounded::Epoch,
            actual: u64::from(u32::MAX),
            limit: u64::from(u32::MAX) - 1,
        };
        let record = FenceRecord {
            epoch: known.max(wish.above_epoch).checked_add(1).ok_or(limit)?,
            node: header.file_id,
            incarnation,
            previous_index: position.index,
            previous_history: position.hash.unwrap_or_default(),
            time_us,
            lost: wish.loss,
            name: wish.name.clone(),
            reason: wish.reason.clone(),
        };
        Ok(record.to_entry())
    }

    /// The newest commit, once it is durable.
    pub fn durable_position(&self) -> Result<Position> {
        self.snapshot()?.position()
    }

    /// Makes this file the primary of the epoch that the entry begins: first its header says so,
    /// then the entry is added to the log. Every handle of an older epoch is refused from then on,
    /// but for this one. Durable when it returns; may be repeated where it was interrupted.
    pub fn install_fence(&self, entry: &[u8]) -> Result<Commit> {
        self.inner.install_fence(entry)
    }

    /// Makes room in the log for an entry that [`Db::prepare_fence`] gave: what comes between it and
    /// [`Db::install_fence`] may be final.
    pub fn make_room_for_fence(&self, entry: &[u8]) -> Result<()> {
        let (entry, _) = Entry::split(entry)?.ok_or(EntryError::Short)?;
        let need = frame_len(entry.header.payload_len);
        for _ in 0..ATTEMPTS {
            if self.inner.has_room(need)? {
                return Ok(());
            }
            self.inner.make_room(need, false)?;
        }
        Err(no_room())
    }

    /// All epochs that began in this file's history, oldest first.
    pub fn epochs(&self) -> Result<Vec<FenceRecord>> {
        let snapshot = self.snapshot()?;
        let (from, to) = fence_range();
        let bounds = (
            Bound::Included(FullKey::from_full(&from)),
            Bound::Excluded(FullKey::from_full(&to)),
        );
        let mut cursor = Cursor::new(snapshot.layers(), bounds);
        let mut all = Vec::new();
        while let Some((_, value)) = cursor.next_full()? {
            let record = FenceRecord::decode(value);
            all.push(record.ok_or_else(|| {
                let text = "an entry of the epoch table is malformed";
                Error::corrupt(Invariant::T12, text)
            })?);
        }
        Ok(all)
    }
}

fn no_room() -> Error {
    let full = std::io::ErrorKind::StorageFull.into();
    Error::io("make room in the log", full)
}

impl Inner {
    fn install_fence(self: &Arc<Self>, bytes: &[u8]) -> Result<Commit> {
        self.check_writable()?;
        let (entry, rest) = Entry::split(bytes)?.ok_or(EntryError::Short)?;
        let index = entry.header.index;
        let record = FenceRecord::of_entry(&entry.header, entry.payload());
        let record = record.filter(|_| rest.is_empty());
        record.ok_or(EntryError::Content {
            index,
            id: Invariant::W4,
        })?;
        for _ in 0..ATTEMPTS {
            if let Some(commit) = self.try_install(&entry)? {
                return Ok(commit);
            }
            self.make_room(frame_len(entry.header.payload_len), false)?;
        }
        Err(no_room())
    }

    /// The next entry of so many bytes fits into the log, now that it may have been turned.
    fn has_room(&self, need: u64) -> Result<bool> {
        let _local = lock(&self.checkpointing);
        let _held = self.lock_job()?;
        let mut log = lock(&self.log);
        self.refresh(&mut log, true)?;
        Ok(append::fits(&log.tail, need) || self.switch_if_possible(&mut log, need)?)
    }

    /// `None`: there is no room in the log.
    fn try_install(&self, entry: &Entry<'_>) -> Result<Option<Commit>> {
        let _local = lock(&self.checkpointing);
        let _held = self.lock_job()?;
        self.check_poison()?;
        let mut log = lock(&self.log);
        self.check_same_file()?;
        self.refresh(&mut log, true)?;
        let point = self.point(&mut log)?;
        let done = Commit {
            token: Token {
                epoch: entry.header.epoch,
                index: entry.header.index,
            },
            hash: entry.history_after(),
            deleted: 0,
        };
        let header = &log.current.header;
        let is_there = point == entry.point();
        if !is_there {
            entry.follows(&point)?;
        }
        let seen = header.epoch.max(header.fence_epoch);
        if seen > entry.header.epoch {
            let reason = format!("the file has seen epoch {seen}");
            return Err(Error::Fenced { reason });
        }
        let need = frame_len(entry.header.payload_len);
        let fits = is_there || append::fits(&log.tail, need);
        if !fits && !self.switch_if_possible(&mut log, need)? {
            return Ok(None);
        }
        let mut wanted = Header {
            role: Role::Primary,
            upstream_file_id: [0; 16],
            ..log.current.header.clone()
        };
        begin_epoch(&mut wanted, entry.header.epoch, entry.header.index);
        if wanted != log.current.header {
            self.change_header(&mut log, wanted)?;
        }
        self.epoch.store(entry.header.epoch, Ordering::Relaxed);
        // Whatever the handle's mode: nobody may write in an epoch that is not durable. An earlier
        // attempt may have left header and entry in the page cache alone.
        self.prove_header(&mut log, Durability::Now)?;
        if is_there {
            append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())?;
            return Ok(Some(done));
        }
        if append::needs_separate_proof(&log.tail) {
            append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())?;
        }
        let (list, durable_gen) = (std::slice::from_ref(entry), log.tail.durable_gen);
        let encoded = append::encode_entries(&log.tail, list, done.hash, durable_gen);
        self.append_group(log, encoded, Durability::Now, |table, newest| {
            let mut ops = Ops::new(entry.payload(), entry.header.op_count);
            while let Ok(Some(op)) = ops.next_op() {
                table.apply(entry.header.index, &op, newest);
            }
        })?;
        Ok(Some(done))
    }
}
