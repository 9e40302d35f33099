//! Bytes that a checkpoint counts on, and that another thread of the same handle was told are lost.
//!
//! The kernel tells of bytes that did not reach the medium once for each open file, to whoever syncs next.
//! Where that is a commit, the sync of a checkpoint finds nothing wrong, and its header would name pages, or a
//! log region, that are in the page cache only.

use super::checkpoint::Cut;
use super::handle::{Inner, Log, lock};
use super::options::SyncMode;
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};

/// Groups that were written to the log, and those whose write failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Groups {
    pub written: u64,
    pub failed: u64,
}

impl Inner {
    /// A group is on its way to the log no more.
    pub(super) fn group_ended(&self, log: &mut Log, failed: bool) {
        log.writing = false;
        log.groups.written += 1;
        log.groups.failed += u64::from(failed);
        self.group_ends.notify_all();
    }

    /// Fails where a commit, since the cut, was told of a loss that the sync of a checkpoint is not told of any
    /// more. One that is under way may have been told already; it is waited for.
    pub(super) fn nothing_was_lost(&self, cut: &Cut) -> Result<()> {
        if self.options.sync == SyncMode::Off || planted(Defect::LossUnnoticed) {
            return Ok(());
        }
        let mut log = lock(&self.log);
        let written = log.groups.written;
        while log.writing && log.groups.written == written {
            let woken = self.group_ends.wait(log);
            log = woken.unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let failed = log.groups.failed;
        drop(log);
        self.check_poison()?;
        if failed != cut.failed_groups {
            // What leaves a handle usable is a want of space, here as there.
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(Error::io("sync the database", source));
        }
        Ok(())
    }
}
