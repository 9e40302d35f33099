//! How a copy follows, for status and health checks.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::by_kind::ByKind;
use super::slot::{Slot, durable_point};
use crate::progress::Progress;
use crate::stream::source::Head;
use crate::stream::speed::Speed;
use crate::sys::{OsVfs, Vfs};

/// How following stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// No connection.
    #[default]
    Disconnected,
    /// Entries arrive that the source had before.
    CatchingUp,
    /// Everything that the source had is here.
    Streaming,
    /// A new copy arrives.
    Seeding,
}

impl Phase {
    /// The name in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Disconnected => "disconnected",
            Phase::CatchingUp => "catching_up",
            Phase::Streaming => "streaming",
            Phase::Seeding => "seeding",
        }
    }
}

/// A look at it.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// How it stands.
    pub phase: Phase,
    /// Where the source's log ends, as far as it was told.
    pub source_index: u64,
    /// Newest index in the store.
    pub published: u64,
    /// Newest index here.
    pub index: u64,
    /// How fast that grows.
    pub speed: Speed,
    /// When the source was last heard of.
    pub contact: Option<Instant>,
    /// The same as wall clock, microseconds since 1970; for people.
    pub contact_us: u64,
    /// Since when something of the source is missing here.
    pub behind_since: Option<Instant>,
    /// The highest epoch that a source spoke of.
    pub highest_epoch: u32,
    /// Connections made.
    pub connects: u64,
    /// Times that the source delivered something damaged.
    pub damaged: u64,
    /// Entries that came from another source then.
    pub relieved: u64,
    /// Times that the source belonged to an older epoch than this copy has seen, or had ended.
    pub older_epochs: u64,
    /// The source has what only a newer creel knows.
    pub newer: bool,
    /// What ended the last one.
    pub last_error: Option<String>,
    /// Failures of the store that is followed.
    pub store_errors: ByKind,
    /// Files with commits that only an old copy had.
    pub saved: Vec<std::path::PathBuf>,
}

impl Following {
    /// Entries that are missing.
    pub fn lag_entries(&self) -> u64 {
        self.source_index.saturating_sub(self.index)
    }

    /// Entries that came in a second; [`None`] as long as nothing was heard of the source.
    pub fn entries_per_s(&self, now: Instant) -> Option<f64> {
        self.contact.and_then(|_| self.speed.per_second(now))
    }

    /// How long something has been missing; where nothing is known of the source, how long that
    /// has been so.
    pub fn lag(&self) -> Option<Duration> {
        match (self.phase, self.behind_since) {
            (Phase::Streaming, None) => Some(Duration::ZERO),
            (Phase::Streaming | Phase::CatchingUp, Some(since)) => Some(since.elapsed()),
            _ => self.contact.map(|contact| contact.elapsed()),
        }
    }
}

/// Shared between the thread that follows and those that look.
#[derive(Debug, Default)]
pub struct State(Mutex<Following>);

impl State {
    /// Of a copy that has everything up to here; nothing is known of its source yet.
    pub fn at(index: u64) -> State {
        let mut speed = Speed::default();
        speed.note(Instant::now(), index);
        State(Mutex::new(Following {
            index,
            speed,
            ..Following::default()
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Following> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands now.
    pub fn look(&self) -> Following {
        self.lock().clone()
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut Following)) {
        change(&mut self.lock());
    }

    /// The source said where it stands.
    pub fn heard(&self, head: &Head, caught_up: bool) {
        let mut state = self.lock();
        touch(&mut state);
        state.source_index = head.point.index;
        state.published = head.published;
        state.phase = match (state.phase, caught_up) {
            (Phase::Seeding, _) => Phase::Seeding,
            (Phase::Streaming, _) | (_, true) => Phase::Streaming,
            _ => Phase::CatchingUp,
        };
        settle(&mut state);
    }

    /// Entries up to here are applied.
    pub fn applied(&self, index: u64) {
        let mut state = self.lock();
        state.index = index;
        if state.phase == Phase::Seeding {
            // A whole copy is no row of entries.
            state.speed = Speed::default();
        }
        state.speed.note(Instant::now(), index);
        state.source_index = state.source_index.max(index);
        touch(&mut state);
        settle(&mut state);
    }

    /// The source delivered something damaged, of which nothing was applied.
    pub fn damaged(&self, why: &str) {
        let mut state = self.lock();
        state.damaged += 1;
        state.last_error = Some(why.to_owned());
    }

    /// The connection is gone.
    pub fn lost(&self, why: Option<String>) {
        let mut state = self.lock();
        state.phase = Phase::Disconnected;
        if why.is_some() {
            state.last_error = why;
        }
    }
}

/// Tells of each batch that one long pull brings.
pub struct Arriving<'s> {
    /// The copy.
    pub slot: &'s Slot,
    /// What is told of it.
    pub state: &'s State,
}

impl Progress for Arriving<'_> {
    fn report(&self, _done: u64, _total: Option<u64>) {
        // What cannot be read now is told once all has come.
        if let Some(Ok(point)) = self.slot.get().map(|copy| durable_point(&copy)) {
            self.state.applied(point.index);
        }
    }
}

fn touch(state: &mut Following) {
    state.contact = Some(Instant::now());
    state.contact_us = OsVfs.now_us();
}

fn settle(state: &mut Following) {
    if state.lag_entries() == 0 {
        state.behind_since = None;
    } else {
        state.behind_since.get_or_insert_with(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::Point;

    fn head(index: u64) -> Head {
        Head {
            point: Point {
                index,
                epoch: 1,
                history: [0; 16],
            },
            published: 0,
            floor: 0,
        }
    }

    /// It was behind by its whole log until something new came.
    #[test]
    fn a_copy_that_begins_with_everything_is_behind_by_nothing() {
        let state = State::at(9);
        let look = state.look();
        assert_eq!((look.index, look.contact_us, look.lag()), (9, 0, None));
        let later = Instant::now() + Duration::from_secs(5);
        assert_eq!(look.entries_per_s(later), None, "not 0: nothing is known");
        state.heard(&head(9), true);
        let look = state.look();
        assert_eq!((look.lag_entries(), look.lag()), (0, Some(Duration::ZERO)));
        state.heard(&head(11), true);
        assert_eq!(state.look().lag_entries(), 2);
    }

    #[test]
    fn never_ready_before_the_source_said_so() {
        let state = State::default();
        assert_eq!(state.look().lag(), None);
        state.heard(&head(9), false);
        assert_eq!(state.look().phase, Phase::CatchingUp);
        state.applied(9);
        assert_eq!(state.look().phase, Phase::CatchingUp, "not by itself");
        state.heard(&head(9), true);
        assert_eq!(state.look().phase, Phase::Streaming);
        assert_eq!(state.look().lag(), Some(Duration::ZERO));
        // Behind for a moment, still streaming.
        state.heard(&head(12), false);
        let look = state.look();
        assert_eq!((look.phase, look.lag_entries()), (Phase::Streaming, 3));
        state.lost(Some("reset".to_owned()));
        let look = state.look();
        assert_eq!(look.phase, Phase::Disconnected);
        assert!(look.lag().is_some());
    }
}
