//! A pull that is repeated: what is known of the chain stays known from one poll to the next.

use std::time::Duration;

use super::StoreResult;
use super::hole::judged;
use super::pull::{Begun, Ends, PullReport, PullWish, begin, take};
use crate::chain::{Chain, Pace, ReadRun};
use crate::db::Db;
use crate::progress::Progress;

/// A pause in which anything may have happened to the chain.
const PAUSE: Duration = Duration::from_secs(30);
/// A number that is not there may have been and gone: only a listing tells. A copy that is behind the
/// floor finds out after this at the latest.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// Where a copy is in the chain. A poll that finds nothing asks for one object, the next one.
#[derive(Debug)]
pub struct Trail {
    chain: Chain,
    run: Option<Box<ReadRun>>,
    number: u64,
    asked: Duration,
    listed: Duration,
}

impl Trail {
    /// Of a copy of which nothing is known yet.
    pub fn of(chain: Chain) -> Trail {
        Trail {
            chain,
            run: None,
            number: 0,
            asked: Duration::ZERO,
            listed: Duration::ZERO,
        }
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The segment that was read last, or 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Applies what the chain has and the copy has not, as far as a poll can tell.
    pub fn pull(
        &mut self,
        db: &Db,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> StoreResult<PullReport> {
        let done = self.pull_some(db, pace, progress);
        done.map_err(|failure| judged(db, &self.chain, failure, pace))
    }

    fn pull_some(
        &mut self,
        db: &Db,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> StoreResult<PullReport> {
        let own = crate::replica::slot::durable_point(db)?;
        let now = pace.elapsed();
        // Whoever else brought the copy on, or put another one in its place, has moved it.
        let kept = self.run.take().filter(|run| run.point() == own);
        let mut run = match kept {
            Some(mut run) => {
                let paused = now.saturating_sub(self.asked) > PAUSE;
                if paused || now.saturating_sub(self.listed) >= LIST_EVERY {
                    run.slept();
                    self.listed = now;
                }
                run
            }
            None => match begin(db, &self.chain, own, self.number, pace)? {
                Begun::Ahead(report) => {
                    self.number = report.number;
                    return Ok(report);
                }
                Begun::Reading(mut run) => {
                    run.learn_floors(pace)?;
                    self.listed = now;
                    run
                }
            },
        };
        let wish = PullWish::default();
        let report = take(db, &mut run, (&wish, Ends::Likely), pace, progress)?;
        // After a failure it begins anew.
        self.run = Some(run);
        (self.number, self.asked) = (report.number, pace.elapsed());
        Ok(report)
    }
}
