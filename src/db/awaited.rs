//! Whether a log has the commit that somebody waits for: a function of what the log knows, without a
//! file, a clock or a wait.

use std::cmp::Ordering;

use super::receipt::Receipt;
use crate::error::Result;
use crate::format::entry::Point;

/// A log that is asked for a commit.
pub trait Asked {
    /// The log after this entry, which it has; `None` where that is too old to look at.
    fn point_at(&self, index: u64) -> Result<Option<Point>>;
    /// The epochs that began in it, rising: their numbers, and the last entry before each.
    fn epochs(&self) -> Result<Vec<(u32, u64)>>;
}

/// What a log says to a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The commit is in it.
    Here,
    /// It may still come.
    NotYet,
    /// A fail-over has dropped it, and why that is so.
    Lost(String),
}

impl Receipt {
    /// The answer of a log that ends with `newest` (I11).
    pub fn answer(&self, newest: &Point, log: &impl Asked) -> Result<Answer> {
        if self.epoch > newest.epoch {
            // Even where the log is longer: it goes a way of its own, and will be taken back.
            return Ok(Answer::NotYet);
        }
        if self.index > newest.index {
            return self.behind_the_end(newest, log);
        }
        let (order, lost) = match log.point_at(self.index)? {
            Some(point) if self.is_at(&point) => return Ok(Answer::Here),
            Some(point) => {
                let lost = format!(
                    "entry {} is another commit here, of epoch {}",
                    point.index, point.epoch
                );
                (self.epoch.cmp(&point.epoch), lost)
            }
            // Too old to look at. Each epoch has one writer, so epoch and index are enough.
            None => match compare_epoch(&log.epochs()?, self.epoch, self.index) {
                Ordering::Equal => return Ok(Answer::Here),
                order => {
                    let lost = format!("entry {} is of another epoch here", self.index);
                    (order, lost)
                }
            },
        };
        Ok(match order {
            Ordering::Greater => Answer::NotYet,
            Ordering::Less | Ordering::Equal => Answer::Lost(lost),
        })
    }

    /// A commit behind the end of its epoch never comes.
    fn behind_the_end(&self, newest: &Point, log: &impl Asked) -> Result<Answer> {
        if newest.epoch == self.epoch {
            return Ok(Answer::NotYet);
        }
        // It began below the newest entry, which is below the commit.
        let epochs = log.epochs()?;
        let next = epochs.iter().find(|(epoch, _)| *epoch > self.epoch);
        Ok(match next {
            Some((epoch, before)) => {
                Answer::Lost(format!("epoch {epoch} began behind entry {before}"))
            }
            None => Answer::NotYet,
        })
    }
}

/// The epoch that every history begins with.
const FIRST_EPOCH: u32 = 1;

/// How an epoch stands to that of the entry with this index: the table of epochs tells, however old
/// the entry is.
pub(super) fn compare_epoch(epochs: &[(u32, u64)], epoch: u32, index: u64) -> Ordering {
    let at = epochs.partition_point(|(_, before)| *before < index);
    let (before, _) = epochs.split_at(at);
    let of = before.last().map_or(FIRST_EPOCH, |(of, _)| *of);
    epoch.cmp(&of)
}
