//! Markers: a primary checkpoints and writes a marker behind, its copies checkpoint at the same
//! entry, and the next marker says what the primary made of the log up to there. So copies with one
//! history are compared by what they made of it (R4), with nothing to read and no sync to pay.
//!
//! Where the last marker was is a local fact. Its content sum is that of the header that the
//! checkpoint wrote; the checkpoint after it, which replaces that header, keeps the sum.

use std::sync::atomic::Ordering;

use super::Db;
use super::checkpoint::Cut;
use super::handle::{Inner, Log, lock};
use super::options::SyncMode;
use super::view::Tree;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::attest::Attest;
use crate::format::entry::{Entry, EntryError};
use crate::format::frame::{EntryKind, frame_len};
use crate::format::header::{Header, Role};
use crate::format::key::{CATALOGUE, FullKey};
use crate::format::local::{MarkRecord, mark_user_key};
use crate::format::op::Op;
use crate::tree;
use crate::wal::append::{self, Durability};
use crate::wal::tail::NewEntry;

impl Db {
    /// The last entry at which this file checkpointed together with its copies, and the content sum
    /// there: files with the same history have the same one. [`None`] before the first.
    pub fn mark(&self) -> Result<Option<Attest>> {
        self.inner.catch_up()?;
        self.inner.mark()
    }
}

/// True where nothing stands behind the checkpoint but a marker: that is no reason for another one.
pub(super) fn nothing_new(log: &Log) -> bool {
    let folded = log.current.header.checkpoint_index;
    let last = log.tail.last_index();
    last == folded || (last == folded + 1 && ends_in_marker(log))
}

/// True where a checkpoint of this log is worth a marker. One of a checkpoint that failed does not need
/// another one behind it. To be asked before the log turns over.
pub(super) fn wants_marker(log: &Log) -> bool {
    log.current.header.role == Role::Primary && !nothing_new(log) && !ends_in_marker(log)
}

fn ends_in_marker(log: &Log) -> bool {
    let last = log.tail.last.map(|placed| placed.header.entry.kind);
    last == Some(EntryKind::Attest)
}

/// What the file says of its last marker; [`None`] where it is another file's.
fn record(tree: &Tree) -> Result<Option<MarkRecord>> {
    if tree.header().role == Role::Standalone {
        return Ok(None);
    }
    let key = FullKey::new(CATALOGUE, &mark_user_key());
    let Some(value) = tree::get(&tree.pages, tree.root(), &key)? else {
        return Ok(None);
    };
    let value = tree::read_value(&tree.pages, &value)?;
    let found = MarkRecord::decode(value, &tree.header().file_id);
    let found = found.map(|found| found.filter(|found| found.index > 0));
    found.ok_or_else(|| Error::corrupt(Invariant::T12, "the last marker's record is malformed"))
}

/// The sum at the marker: the header has it as long as no other checkpoint came.
fn resolve(record: MarkRecord, header: &Header) -> Option<Attest> {
    let of_header = record.index == header.checkpoint_index;
    let sum = record
        .content_sum
        .or(of_header.then_some(header.content_sum));
    sum.map(|content_sum| Attest {
        index: record.index,
        content_sum,
    })
}

impl Inner {
    fn mark(&self) -> Result<Option<Attest>> {
        let view = self.view.load();
        let header = view.tree.header();
        let here = self.marked.load(Ordering::Relaxed);
        if here > 0 && here == header.checkpoint_index {
            return Ok(Some(Attest {
                index: here,
                content_sum: header.content_sum,
            }));
        }
        let found = record(&view.tree)?;
        Ok(found.and_then(|found| resolve(found, header)))
    }

    /// Writes a marker behind the cut of a primary's checkpoint: not synced, as the next commit's sync
    /// takes it along. False where there is none. The caller holds checkpoint and writer lock.
    pub(super) fn leave_marker(&self, log: &mut Log) -> Result<bool> {
        let need = frame_len(Attest::SIZE as u32);
        if self.check_role(log).is_err() || !append::fits(&log.tail, need) {
            return Ok(false);
        }
        let payload = Attest::encode(self.mark()?.as_ref());
        let entries = [NewEntry {
            kind: EntryKind::Attest,
            op_count: 0,
            payload: &payload,
        }];
        let history = self.history(log)?;
        let stamp = self.stamp(&log.tail, Durability::Later);
        let mut encoded = append::encode(&log.tail, &history, &entries, &stamp);
        let file = self.file.as_ref();
        if let Err(source) = append::write(file, &log.tail, &mut encoded, Durability::Later) {
            log.tail.clear = false;
            let before = log.tail.clone();
            let _ = self.write_failed(Durability::Later, source, &before, &encoded);
            // Where nothing of it is there, the checkpoint does without.
            return self.check_poison().map(|()| false);
        }
        self.publish(log, encoded, |_, _| ());
        Ok(true)
    }

    /// What is known of markers, into the tree to be built.
    pub(super) fn note_mark(&self, cut: &Cut) -> Result<()> {
        let before = cut.tree.header();
        if before.role == Role::Standalone {
            return Ok(());
        }
        let found = record(&cut.tree)?;
        let here = self.marked.load(Ordering::Relaxed);
        let sum = before.content_sum;
        let record = match found {
            _ if cut.mark => MarkRecord {
                index: cut.index,
                content_sum: None,
            },
            // Taken back behind it: that entry is another one from now on.
            Some(found) if found.index > cut.index => MarkRecord::NONE,
            Some(found) if found.index == before.checkpoint_index => match found.content_sum {
                None => MarkRecord {
                    index: found.index,
                    content_sum: Some(sum),
                },
                Some(_) => return Ok(()),
            },
            _ if here > 0 && here == before.checkpoint_index && here <= cut.index => MarkRecord {
                index: here,
                content_sum: Some(sum),
            },
            _ => return Ok(()),
        };
        let op = Op::Put {
            keyspace: CATALOGUE,
            key: &mark_user_key(),
            value: &record.encode(&before.file_id),
        };
        cut.frozen.writer().apply(cut.index, &op, 0);
        Ok(())
    }

    /// R4: what the primary says of its last marker holds here too, as far as that is known.
    pub(super) fn check_marker(&self, entry: &Entry<'_>) -> Result<()> {
        let index = entry.header.index;
        let broken = EntryError::Content {
            index,
            id: Invariant::W4,
        };
        let Some(there) = Attest::decode(entry.payload(), index).ok_or(broken)? else {
            return Ok(());
        };
        let view = self.view.load();
        let header = view.tree.header();
        let here = match there.index == header.checkpoint_index {
            true => Some(header.content_sum),
            false => {
                let mark = self.mark()?;
                let mark = mark.filter(|mark| mark.index == there.index);
                mark.map(|mark| mark.content_sum)
            }
        };
        match here {
            Some(here) if here != there.content_sum => {
                let reason = format!(
                    "R4: the same commits up to entry {} made contents with the sum {here:016x} here and \
                     {:016x} at the primary, so one of the two files is damaged",
                    there.index, there.content_sum
                );
                Err(Error::Diverged { reason })
            }
            _ => Ok(()),
        }
    }

    /// True where the marker that a checkpoint left is the last of the log still, as its sync saw it.
    pub(super) fn is_own_marker(&self, log: &Log, cut: &Cut) -> bool {
        cut.mark
            && self.options.sync != SyncMode::Off
            && ends_in_marker(log)
            && log.tail.last_index() == cut.index + 1
            && log.tail.region.region_seq == cut.active_seq
    }

    /// Checkpoints right in front of a marker, or remembers that a checkpoint stands there.
    pub(super) fn cut_at_marker(self: &std::sync::Arc<Self>, index: u64) -> Result<()> {
        let cut = index - 1;
        let folded = {
            let log = lock(&self.log);
            log.current.header.checkpoint_index
        };
        if folded < cut {
            self.cut_here(cut)?;
        } else if folded == cut {
            self.marked.store(cut, Ordering::Relaxed);
        }
        Ok(())
    }
}
