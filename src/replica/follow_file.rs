//! Following a database that is a file here, until the end is wished.

use std::path::Path;
use std::time::{Duration, Instant};

use super::path::{Pair, PullWish, Pulled, WhenGone};
use super::relief::{Relief, is_damaged_file};
use super::slot::{Slot, check_follows, durable_point, entropy};
use super::state::{Arriving, State};
use crate::db::{Db, Interest};
use crate::error::{Error, Result};
use crate::stream::backoff::Backoff;
use crate::stream::source::Head;
use crate::stream::stop::Stop;

/// Longest wait for a commit before it is looked whether the end is wished.
const LOOK: Duration = Duration::from_millis(500);

/// Follows the file at `from`. A source that cannot be read now is tried again, with growing waits;
/// what no waiting helps against ends it.
pub fn follow_file(
    slot: &Slot,
    from: &Path,
    when_gone: WhenGone,
    relief: Option<&Relief>,
    (state, stop): (&State, &Stop),
) -> Result<Pulled> {
    let mut follower = Follower {
        slot,
        from,
        when_gone,
        state,
        stop,
        total: Pulled::default(),
    };
    let mut backoff = Backoff::default();
    while !stop.is_requested() {
        let begun = Instant::now();
        let error = match follower.follow() {
            Ok(()) => break,
            Err(error) => error,
        };
        state.lost(Some(error.to_string()));
        let damaged = is_damaged_file(&error);
        if damaged {
            state.damaged(&error.to_string());
        }
        let relief = relief.filter(|_| damaged);
        let relieved = relief.is_some_and(|other| other.pull().is_ok());
        // The wish to end cuts short what the other source was asked for.
        if stop.is_requested() {
            break;
        }
        if is_final(&error) && !relieved {
            return Err(error);
        }
        let random = entropy().map_or(0, |bytes| {
            u64::from(bytes[0]) << 24 | u64::from(bytes[1]) << 16
        });
        if follower.pause(backoff.wait(begun.elapsed(), random))? {
            break;
        }
    }
    Ok(follower.total)
}

/// Trying again changes nothing.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::Diverged { .. }
            | Error::Fenced { .. }
            | Error::NotRetained { .. }
            | Error::Invalid { .. }
            | Error::Corrupt(_)
            | Error::BadEntry(_)
            | Error::NotADatabase { .. }
            // Of the copy, for the source is only read: this handle does no more work.
            | Error::OutcomeUnknown { .. }
            | Error::Poisoned
    )
}

struct Follower<'f> {
    slot: &'f Slot,
    from: &'f Path,
    when_gone: WhenGone,
    state: &'f State,
    stop: &'f Stop,
    total: Pulled,
}

impl Follower<'_> {
    fn follow(&mut self) -> Result<()> {
        let options = self.slot.options().clone();
        let source = options
            .clone()
            .read_only(true)
            .interest(Interest::None)
            .open(self.from)?;
        self.state.update(|state| state.connects += 1);
        let pair = Pair {
            path: self.slot.path(),
            options: &options,
            source: &source,
        };
        while !self.stop.is_requested() {
            let none = || Error::NotFound {
                path: self.slot.path().to_owned(),
            };
            let copy = self.slot.get().ok_or_else(none)?;
            let wish = PullWish {
                when_gone: self.when_gone,
                ..PullWish::default()
            };
            self.heard(&source, false)?;
            let (copy, pulled) = pair.pull(copy, &wish, &self.arriving())?;
            // What is here, and not what the source has: that may have grown since.
            let newest = self.note(copy, pulled, &source)?;
            while source.watch(newest, LOOK)? <= newest {
                source.check_same_file()?;
                if self.stop.is_requested() {
                    return Ok(());
                }
                self.check_follows()?;
                // Nothing new is a sign of life too.
                self.heard(&source, true)?;
            }
        }
        Ok(())
    }

    /// Another process may have promoted the copy.
    fn check_follows(&self) -> Result<()> {
        match self.slot.get() {
            Some(copy) => check_follows(&copy),
            None => Ok(()),
        }
    }

    /// Waits; true where the end is wished. Fails once there is nothing to wait for.
    fn pause(&self, wait: Duration) -> Result<bool> {
        let until = Instant::now() + wait;
        loop {
            self.check_follows()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            if self.stop.wait(left.min(LOOK)) {
                return Ok(true);
            }
        }
    }

    fn note(&mut self, copy: Db, pulled: Pulled, source: &Db) -> Result<u64> {
        if pulled.new_copies > 0 {
            drop(copy);
            self.slot.reopen()?;
            // Once is what was asked for.
            if self.when_gone == WhenGone::ReseedNow {
                self.when_gone = WhenGone::Reseed;
            }
        }
        let total = &mut self.total;
        total.entries += pulled.entries;
        total.bytes += pulled.bytes;
        total.new_copies += pulled.new_copies;
        total.saved.extend(pulled.saved);
        total.source_index = pulled.source_index;
        let copy = self.slot.get();
        let index = copy.map(|copy| durable_point(&copy)).transpose()?;
        let index = index.map_or(0, |point| point.index);
        self.state.applied(index);
        self.heard(source, true)?;
        Ok(index)
    }

    fn arriving(&self) -> Arriving<'_> {
        Arriving {
            slot: self.slot,
            state: self.state,
        }
    }

    fn heard(&self, source: &Db, caught_up: bool) -> Result<()> {
        let head = Head {
            point: durable_point(source)?,
            published: 0,
            floor: source.oldest_index()?,
        };
        self.state.heard(&head, caught_up);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{Following, Phase};
    use super::*;
    use crate::db::{CreateOptions, OpenOptions, SyncMode};
    use crate::format::header::Role;
    use crate::progress::{NoProgress, Progress};
    use std::sync::Mutex;

    /// Looks whenever something has come.
    struct Looks<'s>(Arriving<'s>, Mutex<Vec<Following>>);

    impl Progress for Looks<'_> {
        fn report(&self, done: u64, total: Option<u64>) {
            self.0.report(done, total);
            self.1.lock().unwrap().push(self.0.state.look());
        }
    }

    /// It was disconnected, got nothing in a second and would never be there, until all of it had come.
    #[test]
    fn a_copy_far_behind_a_file_was_disconnected_and_did_not_move() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let options = OpenOptions::new().sync(SyncMode::Full);
        let primary = CreateOptions {
            role: Role::Primary,
            ..CreateOptions::default()
        };
        let source = options.clone().create(&from, &primary).unwrap();
        let pair = Pair {
            path: &to,
            options: &options,
            source: &source,
        };
        let (copy, _) = pair.init("a.db", &NoProgress).unwrap();
        for i in 0..12u8 {
            source.put(&[i], &vec![i; 1 << 20]).unwrap();
        }
        let end = durable_point(&source).unwrap().index;
        let state = State::at(durable_point(&copy).unwrap().index);
        let slot = Slot::new(&to, options.clone(), Some(copy.clone()));
        let follower = Follower {
            slot: &slot,
            from: &from,
            when_gone: WhenGone::Refuse,
            state: &state,
            stop: &Stop::default(),
            total: Pulled::default(),
        };
        follower.heard(&source, false).unwrap();
        let looks = Looks(follower.arriving(), Mutex::default());
        pair.pull(copy, &PullWish::default(), &looks).unwrap();
        let looks = looks.1.into_inner().unwrap();
        assert!(looks.len() > 2, "{}", looks.len());
        for (at, look) in looks.iter().enumerate() {
            assert_eq!(look.phase, Phase::CatchingUp);
            // A checkpoint of the source may add an entry.
            assert!(look.source_index >= end, "{at}");
            let before = at.checked_sub(1).map_or(0, |at| looks[at].index);
            assert!(look.index > before, "{at}");
        }
        assert!(looks[0].lag_entries() > 0);
        assert_eq!(looks.last().map(Following::lag_entries), Some(0));
    }
}
