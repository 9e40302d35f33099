//! Waiting for a commit that was made elsewhere.

use std::time::Duration;

use super::Db;
use super::receipt::Receipt;
use crate::error::{Error, Result};

impl Db {
    /// [`Error::Replaced`] where the path names another file by now: reads go on as they were, and
    /// nothing new comes.
    pub fn check_same_file(&self) -> Result<()> {
        self.inner.check_same_file()
    }

    /// Waits until this file has the commit that a receipt names. An entry at the same index that
    /// is not that commit does not do: [`Error::TokenLost`], for then a fail-over has dropped it.
    /// [`Error::TimedOut`] at the end of `timeout`; [`Error::Replaced`] where the path names
    /// another file by now, which is to be opened instead.
    pub fn wait_for(&self, receipt: &Receipt, timeout: Duration) -> Result<()> {
        let started = self.inner.vfs().elapsed();
        loop {
            let newest = self.inner.newest_point()?;
            // A replica made anew takes the place of the file that this handle has open.
            self.inner.check_same_file()?;
            if receipt.index <= newest.index {
                return self.judge(receipt);
            }
            if newest.epoch > receipt.epoch {
                self.lost_with_its_epoch(receipt)?;
            }
            let waited = self.inner.vfs().elapsed().saturating_sub(started);
            if waited >= timeout {
                let what = format!(
                    "commit {receipt} is not here; the newest one is {}:{}",
                    newest.epoch, newest.index
                );
                return Err(Error::TimedOut { what, waited });
            }
            self.watch(newest.index, timeout.saturating_sub(waited))?;
        }
    }

    /// Is the entry at that index the commit?
    fn judge(&self, receipt: &Receipt) -> Result<()> {
        match self.inner.point_at(receipt.index) {
            Ok(point) if receipt.is_at(&point) => Ok(()),
            Ok(point) => {
                let reason = format!(
                    "entry {} is another commit here, of epoch {}",
                    point.index, point.epoch
                );
                Err(Error::TokenLost { reason })
            }
            // Too old to look at. Each epoch has one writer, so epoch and index are enough.
            Err(Error::NotRetained { .. }) => self
                .check_epoch(receipt.epoch, receipt.index)
                .map_err(|e| match e {
                    Error::Diverged { reason } => Error::TokenLost { reason },
                    e => e,
                }),
            Err(e) => Err(e),
        }
    }

    /// [`Error::Diverged`] where the entry with this index is of another epoch in this file's
    /// history: the epoch table tells, however old the entry is.
    pub(super) fn check_epoch(&self, epoch: u32, index: u64) -> Result<()> {
        let epochs = self.epochs()?;
        let at = epochs.partition_point(|e| e.previous_index < index);
        let (before, after) = epochs.split_at(at);
        let right = match (before.last(), after.first()) {
            (Some(of), _) => of.epoch == epoch,
            // Of the first epoch of all, whose number no record has.
            (None, Some(next)) => epoch < next.epoch,
            (None, None) => true,
        };
        let reason = format!("entry {index} is of another epoch here");
        right.then_some(()).ok_or(Error::Diverged { reason })
    }

    /// A commit behind the end of its epoch never comes.
    fn lost_with_its_epoch(&self, receipt: &Receipt) -> Result<()> {
        let epochs = self.epochs()?;
        // It began below the newest entry, which is below the commit.
        match epochs.iter().find(|e| e.epoch > receipt.epoch) {
            Some(next) => Err(Error::TokenLost {
                reason: format!(
                    "epoch {} began behind entry {}",
                    next.epoch, next.previous_index
                ),
            }),
            None => Ok(()),
        }
    }
}
