//! What a file is among the copies of its lineage: role, epoch, and who may write.
//!
//! A header that changes only these names the same tree as the one before. It is written under the
//! checkpoint lock and the writer lock, so that nobody commits past it without seeing it.

use std::sync::Arc;

use super::Db;
use super::handle::{Inner, Log, lock};
use super::view::{Tree, View};
use crate::error::{Bounded, Error, Result};
use crate::format::header::{Header, Role};
use crate::store::pages::Pages;
use crate::store::slots;
use crate::wal::append::Durability;

/// Epochs that may begin between two looks.
pub(super) const EPOCH_JUMP: u32 = 1 << 16;

/// A change of what the file is; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdentityChange {
    /// Its role. A replica becomes primary only by [`Db::install_fence`].
    pub role: Option<Role>,
    /// File id of the copy that it follows; a replica has one.
    pub upstream: Option<[u8; 16]>,
    /// It may be written to again although a higher epoch was seen.
    pub unfence: bool,
}

impl Db {
    /// Lineage and file id.
    pub fn ids(&self) -> ([u8; 16], [u8; 16]) {
        let log = lock(&self.inner.log);
        let header = &log.current.header;
        (header.lineage_id, header.file_id)
    }

    /// Changes role and upstream durably.
    pub fn set_identity(&self, change: &IdentityChange) -> Result<()> {
        self.inner.change_identity(|header| {
            let role = change.role.unwrap_or(header.role);
            let upstream = change.upstream.unwrap_or(header.upstream_file_id);
            let invalid = |reason: &str| {
                let reason = reason.to_owned();
                Err(Error::Invalid { reason })
            };
            if role == Role::Replica && upstream == [0; 16] {
                return invalid("a replica needs the file id of the copy that it follows");
            }
            if header.role == Role::Replica && role == Role::Primary {
                return invalid("a replica becomes primary only by the start of an epoch");
            }
            (header.role, header.upstream_file_id) = (role, upstream);
            if change.unfence {
                (header.fenced, header.fence_epoch) = (false, 0);
            }
            Ok(())
        })
    }

    /// A higher epoch was seen elsewhere: from now on every handle of this file is refused before
    /// it writes. Nothing happens where the file knows that epoch.
    pub fn fence(&self, epoch: u32) -> Result<()> {
        self.inner.change_identity(|header| {
            let known = header.epoch.max(header.fence_epoch);
            // Epochs rise one by one. Whoever says another thing must not use them up.
            if epoch.saturating_sub(known) > EPOCH_JUMP {
                return Err(Error::Limit {
                    what: Bounded::Epoch,
                    actual: u64::from(epoch),
                    limit: u64::from(known.saturating_add(EPOCH_JUMP)),
                });
            }
            if epoch > known {
                (header.fenced, header.fence_epoch) = (true, epoch);
            }
            Ok(())
        })
    }

    /// The highest epoch that this file knows of, its own included.
    pub fn highest_epoch(&self) -> Result<u32> {
        let facts = self.facts()?;
        let log = lock(&self.inner.log);
        let header = &log.current.header;
        let seen = header.epoch.max(header.fence_epoch);
        Ok(seen.max(facts.highest_epoch).max(log.tail.link.epoch))
    }
}

impl Inner {
    /// Writes a header with other facts about the file, unless they are the same.
    fn change_identity(&self, change: impl FnOnce(&mut Header) -> Result<()>) -> Result<()> {
        self.check_writable()?;
        let _local = lock(&self.checkpointing);
        let _held = self.lock_job()?;
        self.check_poison()?;
        let mut log = lock(&self.log);
        self.check_same_file()?;
        self.refresh(&mut log, true)?;
        let mut wanted = log.current.header.clone();
        change(&mut wanted)?;
        if wanted != log.current.header {
            self.change_header(&mut log, wanted)?;
        }
        Ok(())
    }

    /// Writes this header, which names the present tree and free list, into both slots: what it
    /// says must not be forgotten with one of them. The caller holds checkpoint lock and writer
    /// lock and has brought `log` up to date.
    pub(super) fn change_header(&self, log: &mut Log, wanted: Header) -> Result<()> {
        // The header before must be there: this one is written over the one before that.
        self.prove_header(log, Durability::Now)?;
        self.write_both(log, wanted).inspect_err(|_| self.poison())
    }

    /// The same where the header before is certainly there.
    pub(super) fn write_both(&self, log: &mut Log, wanted: Header) -> Result<()> {
        self.write_header(log, wanted.clone())?;
        self.write_header(log, wanted)
    }

    /// Writes a header that names the present tree as the next generation.
    fn write_header(&self, log: &mut Log, wanted: Header) -> Result<()> {
        let before = log.current.clone();
        let header = Header {
            generation: before.header.generation + 1,
            prev_header_crc: before.crc,
            ..wanted
        };
        let current = slots::write(self.file.as_ref(), &before, &header)?;
        let view = self.view.load_full();
        let pages = Pages::new(Arc::clone(&self.file), &current.header, self.options.mmap);
        pages.adopt_map(view.tree.pages.map()?.cloned());
        let pin = self.pins.pin(current.header.generation)?;
        let tree = Arc::new(Tree {
            pages,
            current: current.clone(),
            _pin: pin,
        });
        let _snapshots = lock(&self.snapshots);
        self.view.store(Arc::new(View {
            tree,
            active: Arc::clone(&view.active),
            frozen: view.frozen.clone(),
        }));
        log.tail.durable_gen = current.header.generation as u32;
        log.header_proven = true;
        log.current = current;
        self.note_log(log);
        Ok(())
    }

    /// Moves a replica's header to an epoch whose first entry comes next.
    pub(super) fn raise_epoch(&self, epoch: u32, first_index: u64) -> Result<()> {
        self.change_identity(|header| {
            let elsewhere = epoch == header.epoch && header.epoch_start_index != first_index;
            if header.role == Role::Replica && (epoch > header.epoch || elsewhere) {
                begin_epoch(header, epoch, first_index);
            }
            Ok(())
        })
    }
}

/// The epoch begins with this entry, and no older fence holds.
pub(super) fn begin_epoch(header: &mut Header, epoch: u32, first_index: u64) {
    header.epoch = epoch;
    header.epoch_start_index = first_index;
    if header.fence_epoch <= epoch {
        (header.fenced, header.fence_epoch) = (false, 0);
    }
}
