//! Waiting for a commit that was made elsewhere.

use std::cmp::Ordering;
use std::time::Duration;

use super::Db;
use super::awaited::{Answer, Asked, compare_epoch};
use super::receipt::Receipt;
use crate::error::{Error, Result};
use crate::format::entry::Point;

/// A log that goes another way than the commit is looked at again so often: it is taken back, and
/// then may well be shorter than it was.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
            match receipt.answer(&newest, self)? {
                Answer::Here => return Ok(()),
                Answer::Lost(reason) => return Err(Error::TokenLost { reason }),
                Answer::NotYet => {}
            }
            let waited = self.inner.vfs().elapsed().saturating_sub(started);
            if waited >= timeout {
                let what = format!(
                    "commit {receipt} is not here; the newest one is {}:{}",
                    newest.epoch, newest.index
                );
                return Err(Error::TimedOut { what, waited });
            }
            let left = timeout.saturating_sub(waited);
            let most = match receipt.index <= newest.index {
                true => left.min(LOOK_AGAIN),
                false => left,
            };
            self.watch(newest.index, most)?;
        }
    }

    /// [`Error::Diverged`] where the entry with this index is of another epoch in this file's
    /// history: the epoch table tells, however old the entry is.
    pub(super) fn check_epoch(&self, epoch: u32, index: u64) -> Result<()> {
        match compare_epoch(&Asked::epochs(self)?, epoch, index) {
            Ordering::Equal => Ok(()),
            Ordering::Less | Ordering::Greater => Err(Error::Diverged {
                reason: format!("entry {index} is of another epoch here"),
            }),
        }
    }
}

impl Asked for Db {
    fn point_at(&self, index: u64) -> Result<Option<Point>> {
        match self.inner.point_at(index) {
            Err(Error::NotRetained { .. }) => Ok(None),
            point => point.map(Some),
        }
    }

    fn epochs(&self) -> Result<Vec<(u32, u64)>> {
        let epochs = Db::epochs(self)?;
        Ok(epochs.iter().map(|e| (e.epoch, e.previous_index)).collect())
    }
}
