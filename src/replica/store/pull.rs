//! A replica that takes the log from a store.

use super::hole::judged;
use super::{StoreFailure, StoreResult, now_us, position};
use crate::chain::object::{NodeRole, ProgressDoc};
use crate::chain::{Chain, ChainError, Pace, ReadRun, Start};
use crate::db::Db;
use crate::error::Error;
use crate::format::entry::{Entry, Point};
use crate::progress::Progress;

/// Numbers of segments after which the file remembers where it is. More often would cost more than
/// the search that it saves.
const REMEMBER_EVERY: u64 = 256;

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullWish {
    /// After so many entries.
    pub max_entries: Option<u64>,
    /// After so many bytes of entries; one is applied at least.
    pub max_bytes: Option<u64>,
    /// With this entry.
    pub upto: Option<u64>,
}

impl PullWish {
    /// Something may end it before the end of the chain.
    pub fn is_limited(&self) -> bool {
        self.max_entries.is_some() || self.max_bytes.is_some() || self.upto.is_some()
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullReport {
    /// Where the copy is.
    pub point: Point,
    /// Entries that were added.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The last segment read.
    pub number: u64,
    /// The end of the chain was reached.
    pub at_end: bool,
    /// The copy has entries that are not in the chain (yet).
    pub ahead: bool,
}

impl PullReport {
    fn at(point: Point) -> PullReport {
        PullReport {
            point,
            entries: 0,
            bytes: 0,
            number: 0,
            at_end: false,
            ahead: false,
        }
    }
}

/// Applies what the chain has and the copy has not. The end that is reported was listed.
pub fn pull(
    db: &Db,
    chain: &Chain,
    wish: &PullWish,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<PullReport> {
    let own = super::super::slot::durable_point(db)?;
    let done = match begin(db, chain, own, 0, pace) {
        Ok(Begun::Ahead(report)) => Ok(report),
        Ok(Begun::Reading(mut run)) => take(db, &mut run, (wish, Ends::Certain), pace, progress),
        Err(failure) => Err(failure),
    };
    done.map_err(|failure| judged(db, chain, failure, pace))
}

/// Where a copy begins to read.
pub(super) enum Begun {
    Reading(Box<ReadRun>),
    /// There is nothing to read: the chain ends before the copy does.
    Ahead(PullReport),
}

/// Looks for the segment behind `own`; `number` may be near it.
pub(super) fn begin(
    db: &Db,
    chain: &Chain,
    own: Point,
    number: u64,
    pace: &mut dyn Pace,
) -> StoreResult<Begun> {
    chain.check_lineage(db.info()?.lineage_id)?;
    let hint = number.max(known(db)?).max(1);
    match ReadRun::start(chain, own, hint, pace)? {
        Start::Reading(run) => Ok(Begun::Reading(run)),
        Start::Ahead(end, number) => {
            // On one history, or is this a copy of a history that was given up?
            db.log_reader(&position(&end))?;
            Ok(Begun::Ahead(PullReport {
                number,
                at_end: true,
                ahead: true,
                ..PullReport::at(own)
            }))
        }
    }
}

/// How sure the end of the chain has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Who asks once wants to know.
    Certain,
    /// Who polls looks again soon.
    Likely,
}

/// Applies what a run gives.
pub(super) fn take(
    db: &Db,
    run: &mut ReadRun,
    (wish, ends): (&PullWish, Ends),
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> StoreResult<PullReport> {
    let mut report = PullReport {
        number: run.number().saturating_sub(1),
        ..PullReport::at(run.point())
    };
    while !progress.stopped() {
        if wish.upto.is_some_and(|upto| report.point.index >= upto) {
            break;
        }
        let next = match ends {
            Ends::Likely => run.next(pace)?,
            Ends::Certain => run.next_or_certain_end(pace)?,
        };
        let Some(delivered) = next else {
            report.at_end = true;
            break;
        };
        let (taken, whole) = within(delivered.entries(), wish, &report);
        if taken.is_empty() {
            break;
        }
        let applied = db.apply(taken)?;
        report.entries += applied.applied;
        report.bytes += taken.len() as u64;
        report.point = Point {
            index: applied.position.index,
            epoch: applied.position.epoch,
            history: applied.position.hash.unwrap_or_default(),
        };
        progress.report(report.bytes, None);
        if !whole {
            break;
        }
        report.number = delivered.facts.number;
    }
    if report.number >= known(db)? + REMEMBER_EVERY {
        remember(db, &report)?;
    }
    Ok(report)
}

/// The segment that the file remembers.
fn known(db: &Db) -> StoreResult<u64> {
    Ok(db.facts()?.published.map_or(0, |(_, number)| number))
}

/// Keeps where the chain was read up to, so that the next pull finds it at once.
fn remember(db: &Db, report: &PullReport) -> StoreResult<()> {
    db.change_facts(|facts| {
        facts.published = Some((report.point, report.number));
        facts.highest_epoch = facts.highest_epoch.max(report.point.epoch);
    })?;
    Ok(())
}

/// As many entries as the limits allow, and whether that is all.
fn within<'a>(bytes: &'a [u8], wish: &PullWish, done: &PullReport) -> (&'a [u8], bool) {
    if !wish.is_limited() {
        return (bytes, true);
    }
    let mut end = 0;
    let mut count = done.entries;
    let mut rest = bytes;
    while let Ok(Some((entry, behind))) = Entry::split(rest) {
        let len = entry.bytes().len();
        let is_first = done.entries == 0 && end == 0;
        let sum = done.bytes + (end + len) as u64;
        let too_many = wish.max_entries.is_some_and(|most| count >= most)
            || wish.max_bytes.is_some_and(|most| sum > most && !is_first)
            || wish.upto.is_some_and(|upto| entry.header.index > upto);
        if too_many {
            return (bytes.get(..end).unwrap_or_default(), false);
        }
        count += 1;
        end += len;
        rest = behind;
    }
    (bytes, true)
}

/// Tells the store where this copy is. A failure is not one of the pull.
pub fn say_where(
    db: &Db,
    chain: &Chain,
    report: &PullReport,
    name: &str,
    pace: &mut dyn Pace,
) -> StoreResult<()> {
    let info = db.info()?;
    let mut document = ProgressDoc::new(
        info.file_id,
        info.lineage_id,
        NodeRole::Replica,
        report.point.into(),
    );
    document.name = name.to_owned();
    document.number = report.number;
    document.time_us = now_us();
    document.moved_us = document.time_us;
    Ok(chain.say_progress(&document, pace)?)
}

/// Tells the store that this copy cannot go on, and why. A failure is not one of the pull.
pub fn say_trouble(
    db: &Db,
    chain: &Chain,
    trouble: String,
    name: &str,
    pace: &mut dyn Pace,
) -> StoreResult<()> {
    let info = db.info()?;
    let at = super::super::slot::durable_point(db)?.into();
    let mut document = ProgressDoc::new(info.file_id, info.lineage_id, NodeRole::Replica, at);
    document.name = name.to_owned();
    document.time_us = now_us();
    // Log is kept for who can use it.
    document.holds = false;
    document.trouble = Some(trouble);
    Ok(chain.say_progress(&document, pace)?)
}

/// Why a copy cannot go on with the log, where that is so.
pub fn reseed_reason(failure: &StoreFailure) -> Option<String> {
    match failure {
        StoreFailure::Chain(
            error @ (ChainError::Gap { .. } | ChainError::Lost { passed: true, .. }),
        ) => Some(error.to_string()),
        StoreFailure::Db(error @ Error::NotRetained { .. }) => Some(error.to_string()),
        _ => None,
    }
}

/// True where the copy has another history than the chain.
pub fn is_diverged(failure: &StoreFailure) -> bool {
    matches!(
        failure,
        StoreFailure::Chain(ChainError::OffChain { .. }) | StoreFailure::Db(Error::Diverged { .. })
    )
}
