//! Entries of another copy, added to this one's log as they are: how a replica follows.

use std::ops::Bound;
use std::sync::Arc;

use super::Db;
use super::cursor::Cursor;
use super::entries::{Chain, CheckedEntries};
use super::handle::{Inner, Log, lock};
use super::token::Position;
use super::turn::Turn;
use super::view::NEWEST;
use crate::check::catalogue::{Catalogue, follow};
use crate::error::{Error, Result};
use crate::format::entry::{Entry, EntryError, Point};
use crate::format::frame::{EntryKind, frame_len};
use crate::format::header::{Header, Role};
use crate::format::key::{FullKey, catalogue_name, catalogue_range};
use crate::format::max_key_len;
use crate::format::op::Ops;
use crate::threads::MutexGuard;
use crate::wal::append::{self, Durability};

/// Rounds of making room for one batch without any progress.
const ATTEMPTS: u32 = 4;

/// What became of a batch of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The newest entry afterwards.
    pub position: Position,
    /// Entries that were added.
    pub applied: u64,
    /// Entries that were there already.
    pub skipped: u64,
}

impl Db {
    /// Adds entries of the primary's log, as [`super::LogReader::read`] gives them, to the log of
    /// this replica, as durable as the handle's mode asks. Each must continue the one before, the
    /// first one this file's log; those that are there already are skipped. What is not whole,
    /// does not link or cannot be is refused before anything is written. [`Error::Fenced`] where
    /// the file is no replica, [`Error::Diverged`] where its history is another one,
    /// [`Error::NotRetained`] for a bulk step, whose changes are not in the log.
    pub fn apply(&self, entries: &[u8]) -> Result<Applied> {
        let chain = Chain::read(entries, self.inner.longest_key())?;
        self.inner.apply(chain.as_ref())
    }

    /// The same for entries that [`Db::check_entries`] has looked at.
    pub fn apply_checked(&self, entries: &CheckedEntries) -> Result<Applied> {
        let chain = entries.chain(self.inner.longest_key())?;
        self.inner.apply(chain.as_ref())
    }

    /// Looks at entries as [`Db::apply`] does before it adds them. Another thread can do that while the
    /// ones before are added.
    pub fn check_entries(&self, entries: Vec<u8>) -> Result<CheckedEntries> {
        CheckedEntries::check(entries, self.inner.longest_key())
    }
}

/// What one round came to.
enum Round {
    /// So many of the entries came into the log, and more are left.
    Wrote(usize),
    /// All of them are there; so many came by this round.
    Done(usize),
    /// The next entry begins this epoch.
    Epoch(u32, u64),
    /// The next entry is a marker: a checkpoint belongs in front of it.
    Marker(u64),
    /// There is no room for any.
    NoRoom(u64),
    JobRuns,
}

impl Inner {
    fn longest_key(&self) -> usize {
        max_key_len(self.view.load().tree.header().page_size())
    }

    fn apply(self: &Arc<Self>, chain: Option<&Chain<'_>>) -> Result<Applied> {
        self.check_writable()?;
        let mut applied = 0;
        let mut attempts = 0;
        let mut marker = 0;
        let given = chain.map_or(0, |chain| chain.entries.len()) as u64;
        while let Some(chain) = chain.filter(|_| attempts < ATTEMPTS) {
            match self.apply_some(chain, marker)? {
                Round::Done(count) => {
                    applied += count as u64;
                    break;
                }
                Round::Wrote(count) => {
                    applied += count as u64;
                    attempts = 0;
                }
                Round::Marker(index) => {
                    self.cut_at_marker(index)?;
                    marker = index;
                }
                Round::Epoch(epoch, index) => self.raise_epoch(epoch, index)?,
                Round::JobRuns => self.wait_for_job()?,
                Round::NoRoom(bytes) => {
                    self.checkpoint_for_room(bytes)?;
                    attempts += 1;
                }
            }
        }
        if attempts >= ATTEMPTS {
            let full = std::io::ErrorKind::StorageFull.into();
            return Err(Error::io("make room in the log", full));
        }
        if self.options.background && self.checkpoint_due() {
            self.start_background();
        }
        let point = match chain {
            Some(chain) if applied > 0 => chain.last,
            _ => self.proven_point()?,
        };
        Ok(Applied {
            position: Position {
                epoch: point.epoch,
                index: point.index,
                hash: Some(point.history),
            },
            applied,
            skipped: given - applied,
        })
    }

    /// The newest entry, as durable as this handle makes its own.
    fn proven_point(&self) -> Result<Point> {
        let point = self.newest_point()?;
        if self.durability() == Durability::Now {
            self.make_durable_upto(point.index)?;
        }
        Ok(point)
    }

    /// `marker`: in front of this one everything was done.
    fn apply_some(&self, chain: &Chain<'_>, marker: u64) -> Result<Round> {
        self.check_poison()?;
        let _writer = self.lock_writer()?;
        let mut log = lock(&self.log);
        self.look_before_writing(&mut log)?;
        if log.current.header.role != Role::Replica {
            let reason = "the file is no replica".into();
            return Err(Error::Fenced { reason });
        }
        let own = self.point(&mut log)?;
        let rest = self.new_entries(chain, &own, &log.current.header)?;
        let Some(next) = rest.first() else {
            return Ok(Round::Done(0));
        };
        next.follows(&own)?;
        if next.header.kind == EntryKind::Bulk {
            return Err(Error::NotRetained {
                index: own.index,
                oldest: next.header.index,
            });
        }
        let header = &log.current.header;
        let (epoch, start) = (header.epoch, header.epoch_start_index);
        let index = next.header.index;
        // The header says where an epoch begins before its first entry comes.
        let is_unsaid = |e: &Entry<'_>| {
            let begins = e.header.kind == EntryKind::Fence && e.header.epoch == epoch;
            e.header.epoch > epoch || (begins && e.header.index != start)
        };
        if is_unsaid(next) {
            return Ok(Round::Epoch(next.header.epoch, index));
        }
        if next.header.kind == EntryKind::Attest && index != marker {
            self.check_marker(next)?;
            // Of many that come together only the last one is worth a checkpoint.
            let is_marker = |e: &Entry<'_>| e.header.kind == EntryKind::Attest;
            if !rest.iter().skip(1).any(is_marker) {
                return Ok(Round::Marker(index));
            }
        }
        let ready = |e: &&Entry<'_>| e.header.kind != EntryKind::Bulk && !is_unsaid(e);
        let ready = rest.iter().take_while(ready).count();
        let behind = rest.iter().skip(1).take(ready.saturating_sub(1));
        let mut kinds = behind.map(|e| e.header.kind);
        let to_marker = kinds.position(|kind| kind == EntryKind::Attest);
        let ready = to_marker.map_or(ready, |at| at + 1);
        let rest = rest.get(..ready).unwrap_or(&[]);
        if chain.special {
            self.hold_all(&mut log, true)?;
            self.check_catalogue(rest)?;
        }
        self.write_entries(log, chain, rest)
    }

    /// The entries that this file does not have.
    fn new_entries<'c, 'a>(
        &self,
        chain: &'c Chain<'a>,
        own: &Point,
        header: &Header,
    ) -> Result<&'c [Entry<'a>]> {
        let entries = chain.entries.as_slice();
        let at = entries.partition_point(|e| e.header.index <= own.index);
        let (old, new) = entries.split_at(at);
        let Some(last) = old.last() else {
            return Ok(new);
        };
        // Entries link, so where the last ones agree all do.
        let theirs = match new.first() {
            Some(next) => next.header.history_before,
            None => chain.last.history,
        };
        let index = last.header.index;
        let ours = match index == own.index {
            true => *own,
            false => self.point_behind(header, index)?,
        };
        if ours.history != theirs {
            let reason = format!("other commits led to entry {index} there");
            return Err(Error::Diverged { reason });
        }
        Ok(new)
    }

    /// Whatever the entries name must exist.
    fn check_catalogue(&self, entries: &[Entry<'_>]) -> Result<()> {
        let layers = self.view.load().layers(NEWEST);
        let last = layers.last_keyspace_id()?;
        let (from, to) = catalogue_range();
        let bounds = (
            Bound::Included(FullKey::from_full(&from)),
            Bound::Excluded(FullKey::from_full(&to)),
        );
        let mut cursor = Cursor::new(layers, bounds);
        let mut names = Vec::new();
        while let Some((key, value)) = cursor.next_full()? {
            let id = value.try_into().map(u32::from_le_bytes).unwrap_or(0);
            names.push((catalogue_name(key).unwrap_or(&[]).to_vec(), id));
        }
        let mut known = Catalogue::new(names.into_iter(), last);
        for entry in entries
            .iter()
            .filter(|e| e.header.kind == EntryKind::Commit)
        {
            let mut ops = Ops::new(entry.payload(), entry.header.op_count);
            while let Ok(Some(op)) = ops.next_op() {
                let index = entry.header.index;
                follow(&mut known, &op).map_err(|(id, _)| EntryError::Content { index, id })?;
            }
        }
        Ok(())
    }

    /// Adds as many entries as the log has room for, in one group.
    fn write_entries(
        &self,
        mut log: MutexGuard<'_, Log>,
        chain: &Chain<'_>,
        rest: &[Entry<'_>],
    ) -> Result<Round> {
        let mut len = 0;
        let fits = |e: &&Entry<'_>| {
            len += frame_len(e.header.payload_len);
            append::fits(&log.tail, len)
        };
        let count = rest.iter().take_while(fits).count();
        // A region that is small for what comes is not filled up bit by bit.
        let all = append::entries_len(rest);
        let small = log.tail.extent.len / 2 < all.min(self.options.wal_max / 2);
        if count < rest.len() && (count == 0 || small) {
            let one = rest.first().map_or(0, |e| frame_len(e.header.payload_len));
            let need = one.max(all.min(self.options.wal_max / 2));
            match self.turn_region(&mut log, need)? {
                Turn::Switched => {}
                Turn::JobRuns => return Ok(Round::JobRuns),
                Turn::NoRoom => return Ok(Round::NoRoom(need)),
            }
            drop(log);
            return Ok(Round::Wrote(0));
        }
        let (group, behind) = rest.split_at(count);
        let durability = self.prepare_append(&mut log)?;
        let history = match behind.first() {
            Some(next) => next.header.history_before,
            None => chain.history_after(group),
        };
        let durable_gen = log.tail.durable_gen;
        let encoded = append::encode_entries(&log.tail, group, history, durable_gen);
        self.append_group(log, encoded, durability, |table, newest| {
            let mut all = Vec::with_capacity(group.len());
            for entry in group.iter().filter(|e| e.header.kind.has_operations()) {
                let mut ops = Ops::new(entry.payload(), entry.header.op_count);
                while let Ok(Some(op)) = ops.next_op() {
                    all.push((entry.header.index, op));
                }
            }
            table.apply_all(all, newest);
        })?;
        let all = group.last().map(|last| last.header.index) == Some(chain.last.index);
        Ok(match all {
            true => Round::Done(count),
            false => Round::Wrote(count),
        })
    }
}
