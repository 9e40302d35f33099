//! `creel replicate follow` where the source is an object store.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use creel::chain::store::StoreErrorKind;
use creel::chain::{Chain, ChainError};
use creel::replica::relief::{Relief, is_damaged_store};
use creel::replica::slot::{Slot, check_follows};
use creel::replica::state::{Arriving, Phase, State};
use creel::replica::store::{
    Patience, PullReport, Replace, StoreFailure, Trail, reseed_reason, say_where,
};
use creel::stream::source::Head;
use creel::stream::stop::Stop;
use creel::{Db, Error};

use super::from_store::{explain, new_copy, tell};
use super::outcome::StoreOutcome;
use super::source::Reseed;
use super::store::{PatienceArg, failure, try_chain};
use super::stream::node_name;
use crate::cli::{Context, Failure, codes, signals};

/// Between polls, from the first one on.
const FIRST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(5);
/// How long a request is repeated before the store counts as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the store is told where an idle copy is: who is silent for long keeps no log.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// The same where it moves: each word is two requests, more than a poll.
const TELL_MOVED: Duration = Duration::from_secs(5);

/// Keeps a copy up to date until it is told to stop. Polls get rarer while nothing comes, and go on while
/// the store is away.
pub fn follow(
    ctx: &mut Context,
    slot: &Slot,
    from: &str,
    reseed: Reseed,
    relief: Option<&Relief>,
    (state, stop): (&State, &Stop),
) -> Result<StoreOutcome, Failure> {
    let mut follower = Follower {
        ctx,
        slot,
        from,
        reseed,
        relief,
        state,
        stop,
        wait: FIRST,
        away: false,
        telling: Telling::default(),
        replace: match reseed {
            Reseed::Force => Some(Replace::Forced),
            _ => None,
        },
        new_copies: 0,
        saved: Vec::new(),
        total: None,
    };
    if let Some(chain) = follower.open()? {
        let mut trail = Trail::of(chain);
        while follower.poll(&mut trail)? && !stop.wait(follower.wait) {}
    }
    let Follower {
        total,
        new_copies,
        saved,
        ..
    } = follower;
    let report = total.ok_or(Error::Interrupted)?;
    Ok(StoreOutcome {
        limited: false,
        source_index: report.point.index,
        new_copies,
        saved,
        report,
    })
}

struct Follower<'f> {
    ctx: &'f Context,
    slot: &'f Slot,
    from: &'f str,
    reseed: Reseed,
    relief: Option<&'f Relief>,
    state: &'f State,
    stop: &'f Stop,
    /// Until the next poll.
    wait: Duration,
    /// The store is away, and that was told.
    away: bool,
    telling: Telling,
    replace: Option<Replace>,
    new_copies: u64,
    saved: Vec<PathBuf>,
    total: Option<PullReport>,
}

impl Follower<'_> {
    /// The signal comes before the wish that it becomes.
    fn is_ending(&self) -> bool {
        self.stop.is_requested() || signals::stopped()
    }

    /// Opens the chain, however long that takes; [`None`] where the end is wished before.
    fn open(&mut self) -> Result<Option<Chain>, Failure> {
        let patience = PatienceArg {
            store_timeout: PATIENCE,
        };
        loop {
            match try_chain(self.from, &patience)? {
                Ok(chain) => return Ok(Some(chain)),
                Err(_) if self.is_ending() => return Ok(None),
                Err(error) => {
                    let error = StoreFailure::Chain(error);
                    self.state.update(|state| state.store_errors.count(&error));
                    let failure = failure(error);
                    if failure.code() != &codes::UNREACHABLE {
                        return Err(failure);
                    }
                    self.lost(&failure.parts().what);
                }
            }
            if self.stop.wait(self.wait) {
                return Ok(None);
            }
            check_follows(&open_copy(self.slot)?)?;
        }
    }

    /// Looks once for something new. False: the end is wished.
    fn poll(&mut self, trail: &mut Trail) -> Result<bool, Failure> {
        let (slot, chain) = (self.slot, trail.chain().clone());
        if let Some(copy) = slot.get() {
            check_follows(&copy)?;
        }
        let ends = || signals::stopped() || is_promoted(slot);
        let mut pace = Patience::for_each(PATIENCE, &ends);
        if let Some(replace) = self.replace {
            match new_copy(self.ctx, &chain, slot.path(), replace, &mut pace) {
                Ok(saved) => self.saved.extend(saved),
                Err(_) if self.is_ending() => return Ok(false),
                Err(failure) if failure.code() == &codes::UNREACHABLE => {
                    self.lost(&failure.parts().what);
                    return Ok(true);
                }
                Err(failure) => return Err(failure),
            }
            self.replace = None;
            slot.reopen()?;
            self.new_copies += 1;
        }
        let db = open_copy(slot)?;
        let state = self.state;
        let done = begin(state, trail, &mut pace)
            .and_then(|()| trail.pull(&db, &mut pace, &Arriving { slot, state }));
        if let Err(error) = &done {
            state.update(|state| state.store_errors.count(error));
        }
        if let Some(why) = self.takes_anew(done.as_ref().err()) {
            self.ctx.notice(&format!("a new copy is taken: {why}"));
            self.replace = Some(Replace::Behind);
            self.wait = FIRST;
            return Ok(true);
        }
        match done {
            Ok(report) => self.pulled(&db, &chain, report, &mut pace),
            Err(_) if self.is_ending() => return Ok(false),
            Err(_) if is_promoted(slot) => check_follows(&db)?,
            Err(error) if is_away(&error) => self.lost(&error.to_string()),
            Err(error) if passes(self.ctx, self.relief, &error, self.state) => {}
            Err(error) => {
                tell(&db, &chain, &error, &mut pace);
                return Err(explain(error, self.from));
            }
        }
        Ok(true)
    }

    /// Why a new copy is taken, where that is wished and helps. For damage the other source goes before.
    fn takes_anew(&self, error: Option<&StoreFailure>) -> Option<String> {
        let error = error.filter(|_| self.reseed != Reseed::Never)?;
        if self.relief.is_some() && is_damaged_store(error) {
            return None;
        }
        reseed_reason(error)
    }

    fn pulled(&mut self, db: &Db, chain: &Chain, report: PullReport, pace: &mut Patience) {
        if std::mem::take(&mut self.away) {
            self.ctx
                .notice(&format!("{} can be reached again", self.from));
        }
        self.state.applied(report.point.index);
        let head = Head {
            point: report.point,
            published: report.point.index,
            floor: 0,
        };
        self.state.heard(&head, report.at_end);
        self.wait = match report.entries {
            0 => (self.wait * 2).min(MOST),
            _ => FIRST,
        };
        // Others only want to know; a store that may only be read is no trouble.
        if self.telling.is_due(report.entries > 0, Instant::now())
            && chain.check_authority().is_ok()
        {
            let said = say_where(db, chain, &report, &node_name(db.path()), pace);
            if let Some(why) = self.telling.news(said.err()) {
                self.ctx.notice(&format!(
                    "warning: the store was not told where this copy is: {why}"
                ));
            }
        }
        let before = self.total.take();
        let (entries, bytes) = before.map_or((0, 0), |before| (before.entries, before.bytes));
        self.total = Some(PullReport {
            entries: entries + report.entries,
            bytes: bytes + report.bytes,
            ..report
        });
    }

    /// The store did not answer; it may later.
    fn lost(&mut self, why: &str) {
        self.state.lost(Some(why.to_owned()));
        self.wait = (self.wait * 2).min(MOST);
        if !std::mem::replace(&mut self.away, true) {
            self.ctx.notice(&format!(
                "warning: nothing can be pulled from {}: {why}; it is tried again",
                self.from
            ));
        }
    }
}

/// When the store is told where the copy is.
#[derive(Debug, Default)]
struct Telling {
    last: Option<Instant>,
    /// Something came that was not told yet.
    moved: bool,
    failed: bool,
}

impl Telling {
    /// It is told now: nothing was for long, or for a while and something came.
    fn is_due(&mut self, moved: bool, now: Instant) -> bool {
        self.moved |= moved;
        let quiet = self.last.map(|last| now.saturating_duration_since(last));
        let wait = if self.moved { TELL_MOVED } else { TELL_EVERY };
        let due = quiet.is_none_or(|quiet| quiet >= wait);
        if due {
            (self.last, self.moved) = (Some(now), false);
        }
        due
    }

    /// The failure, where the one before was none.
    fn news(&mut self, failure: Option<StoreFailure>) -> Option<StoreFailure> {
        let before = std::mem::replace(&mut self.failed, failure.is_some());
        failure.filter(|_| !before)
    }
}

/// The store cannot be asked now. It was opened before, so it is there, and is waited for.
fn is_away(error: &StoreFailure) -> bool {
    match error {
        StoreFailure::Chain(ChainError::GaveUp { .. }) => true,
        StoreFailure::Chain(ChainError::Store(error)) => matches!(
            error.kind,
            StoreErrorKind::Unreachable | StoreErrorKind::NoStore | StoreErrorKind::Io
        ),
        _ => false,
    }
}

/// Tells how far the chain is, of which nothing was heard yet, or not since it was away: a copy may have much
/// to fetch. What else is wrong with it is found by who reads it.
fn begin(state: &State, trail: &Trail, pace: &mut Patience) -> Result<(), StoreFailure> {
    let look = state.look();
    if look.phase != Phase::Disconnected {
        return Ok(());
    }
    let tail = trail.chain().tail(trail.number(), pace);
    match tail.map_err(StoreFailure::from) {
        Ok(Some(tail)) if tail.facts.after.index > look.index => {
            let head = Head {
                point: tail.facts.after,
                published: tail.facts.after.index,
                floor: 0,
            };
            state.heard(&head, false);
            Ok(())
        }
        Err(error) if is_away(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Nothing is waited for that a promoted copy would not take.
fn is_promoted(slot: &Slot) -> bool {
    let copy = slot.get();
    copy.is_some_and(|copy| matches!(check_follows(&copy), Err(Error::Fenced { .. })))
}

fn open_copy(slot: &Slot) -> Result<Db, Error> {
    slot.get().ok_or_else(|| Error::NotFound {
        path: slot.path().to_owned(),
    })
}

/// It may go on later. Somebody has the file to himself for long, as a promotion does; or the other source
/// helps.
fn passes(ctx: &Context, relief: Option<&Relief>, error: &StoreFailure, state: &State) -> bool {
    if let StoreFailure::Db(busy @ Error::Busy { .. }) = error {
        state.lost(Some(busy.to_string()));
        return true;
    }
    relieves(ctx, relief, error, state)
}

/// Brings the copy on from the other source where the store delivered damage. False: there is none, or it
/// is no damage.
fn relieves(ctx: &Context, relief: Option<&Relief>, error: &StoreFailure, state: &State) -> bool {
    if is_damaged_store(error) {
        state.damaged(&error.to_string());
    }
    let Some(other) = relief.filter(|_| is_damaged_store(error)) else {
        return false;
    };
    if let Err(why) = other.pull() {
        ctx.notice(&format!(
            "warning: {error}; nor from the other source: {why}"
        ));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use creel::chain::store::StoreError;

    /// Its hold was not counted any more, and it seemed dead to those who look at the store.
    #[test]
    fn an_idle_follower_was_silent_for_ever() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut telling = Telling::default();
        assert!(telling.is_due(false, at(0)), "never told yet");
        assert!(!telling.is_due(false, at(59)));
        assert!(telling.is_due(false, at(60)));
        assert!(!telling.is_due(false, at(119)));
        assert!(telling.is_due(false, at(120)));
        let failure = || Some(StoreFailure::Chain(ChainError::Interrupted));
        assert!(telling.news(failure()).is_some());
        assert!(telling.news(failure()).is_none(), "said once");
        assert!(telling.news(None).is_none());
        assert!(telling.news(failure()).is_some());
    }

    /// Each segment that came cost two requests more than reading it.
    #[test]
    fn a_busy_follower_told_the_store_of_each_segment() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut telling = Telling::default();
        assert!(telling.is_due(true, at(0)));
        assert!((1..5).all(|second| !telling.is_due(true, at(second))));
        assert!(telling.is_due(false, at(5)), "what came meanwhile");
        assert!(!telling.is_due(false, at(10)), "nothing since");
    }

    #[test]
    fn a_store_is_away_where_asking_later_may_help() {
        let store = |kind| {
            let error = StoreError::new(kind, "list", "log/", "test");
            is_away(&StoreFailure::Chain(error.into()))
        };
        assert!(store(StoreErrorKind::Unreachable));
        assert!(store(StoreErrorKind::NoStore), "moved away");
        assert!(store(StoreErrorKind::Io));
        assert!(!store(StoreErrorKind::Unauthorised));
        let (doing, last) = ("listing", None);
        assert!(is_away(&StoreFailure::Chain(ChainError::GaveUp {
            doing,
            last
        })));
        let why = ChainError::Refused(String::new());
        assert!(!is_away(&StoreFailure::Chain(why)));
    }
}
