//! One log, many senders: reads the log once, keeps the newest entries in memory, tells all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::board::Board;
use super::ring::{Found, Ring};
use super::source::{Batch, Bounds, Head, LogSource, Refusal};
use super::stop::{Stop, Wake};
use crate::format::entry::Point;

/// Entries of one read.
pub const READ_ENTRIES: usize = 64 << 10;
/// Bytes of one read, and of one ENTRIES message (an entry that is larger goes alone).
pub const READ_BYTES: usize = 4 << 20;
/// Bytes of the newest entries that are kept in memory.
pub const RING_BYTES: usize = 64 << 20;

/// Longest wait of the reader before it looks whether it should end.
const LOOK: Duration = Duration::from_millis(500);
/// Such waits until the reader has noticed that its file was replaced.
const SETTLE: u32 = 20;
/// In the place of a generation: the log is not read.
const NOBODY: u64 = u64::MAX;
/// Wait after the log could not be read.
const RETRY: Duration = Duration::from_millis(100);

/// Every follower costs threads of this machine some time for each batch. So with many of them the
/// commits of so long for each but the first go together; one after a pause goes at once.
const GATHER: Duration = Duration::from_micros(150);
const GATHER_MAX: Duration = Duration::from_millis(1);

/// Things that happened since the process began.
#[derive(Debug, Default)]
#[allow(missing_docs)] // docs/stream.md has them as metrics
pub struct Counters {
    pub accepted: AtomicU64,
    pub busy: AtomicU64,
    pub malformed: AtomicU64,
    pub unproven: AtomicU64,
    pub diverged: AtomicU64,
    pub fenced: AtomicU64,
    pub dead: AtomicU64,
    pub snapshots: AtomicU64,
    pub sent_bytes: AtomicU64,
    pub from_log: AtomicU64,
    pub degraded: AtomicU64,
}

impl Counters {
    /// Counts one more.
    pub fn one(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// This node is no longer the primary.
#[derive(Debug, Clone)]
pub struct Fenced {
    /// The epoch that was heard of.
    pub epoch: u32,
}

struct State {
    ring: Ring,
    head: Head,
    /// Goes up when the log is another one, not a longer one.
    generation: u64,
    fenced: Option<Fenced>,
    trouble: Option<String>,
}

/// Somebody who wants what the log has to give.
pub trait Listen: Wake {
    /// There are entries behind the ones that were there.
    fn entries_came(&self);
}

/// What all connections of a leader share.
pub struct Hub {
    source: Arc<dyn LogSource>,
    state: Mutex<State>,
    listeners: Mutex<Vec<Weak<dyn Listen>>>,
    stop: Arc<Stop>,
    /// Generation of the source that is read.
    reading: AtomicU64,
    /// Who follows.
    pub board: Board,
    /// What happened.
    pub counters: Counters,
}

impl Hub {
    /// For a log that can be read now.
    pub fn new(source: Arc<dyn LogSource>, stop: Arc<Stop>) -> Result<Arc<Hub>, Refusal> {
        Hub::with_ring(source, stop, RING_BYTES)
    }

    /// With another size of the ring.
    pub fn with_ring(
        source: Arc<dyn LogSource>,
        stop: Arc<Stop>,
        ring_bytes: usize,
    ) -> Result<Arc<Hub>, Refusal> {
        let head = source.head()?;
        Ok(Arc::new(Hub {
            reading: AtomicU64::new(NOBODY),
            source,
            state: Mutex::new(State {
                ring: Ring::new(head.point, ring_bytes),
                head,
                generation: 0,
                fenced: None,
                trouble: None,
            }),
            listeners: Mutex::default(),
            stop,
            board: Board::default(),
            counters: Counters::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log.
    pub fn source(&self) -> &dyn LogSource {
        &*self.source
    }

    /// The log, for another thread.
    pub fn source_handle(&self) -> Arc<dyn LogSource> {
        Arc::clone(&self.source)
    }

    /// The wish to end.
    pub fn stop(&self) -> &Arc<Stop> {
        &self.stop
    }

    /// Where the log stands as far as senders know.
    pub fn head(&self) -> Head {
        self.lock().head
    }

    /// Where the log stands now, for a new connection. Where another file was put in its place a
    /// moment ago, the reader is waited for: what it has in memory is of the old one.
    pub fn fresh_head(&self) -> Head {
        let fresh = self.source.head();
        for _ in 0..SETTLE {
            let reading = self.reading.load(Ordering::SeqCst);
            let settled = reading == self.source.generation() || reading == NOBODY;
            if settled || self.stop.wait(RETRY) {
                break;
            }
        }
        fresh.unwrap_or_else(|_| self.head())
    }

    /// Goes up when the log is another one.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// This node has heard of a newer epoch.
    pub fn fenced(&self) -> Option<Fenced> {
        self.lock().fenced.clone()
    }

    /// Why the log cannot be read now.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Entries behind a position, if they are in memory.
    pub fn read(&self, after: u64) -> Found {
        self.lock().ring.read(after, READ_BYTES)
    }

    /// Bytes of the entries behind an index, where all of them are in memory.
    pub fn bytes_behind(&self, after: u64) -> Option<u64> {
        self.lock().ring.bytes_behind(after)
    }

    /// Bytes of entries in memory.
    pub fn ring_bytes(&self) -> usize {
        self.lock().ring.bytes()
    }

    /// Tells this one of each change.
    pub fn register(&self, listener: &Arc<impl Listen + 'static>) {
        let weak: Weak<dyn Listen> = Arc::downgrade(&(Arc::clone(listener) as Arc<dyn Listen>));
        let mut listeners = self.lock_listeners();
        listeners.retain(|other| other.strong_count() > 0);
        listeners.push(weak);
    }

    fn lock_listeners(&self) -> MutexGuard<'_, Vec<Weak<dyn Listen>>> {
        let listeners = self.listeners.lock();
        listeners.unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody is kept from coming and going meanwhile.
    fn tell_all(&self, tell: impl Fn(&dyn Listen)) {
        let listeners: Vec<_> = {
            let listeners = self.lock_listeners();
            listeners.iter().filter_map(Weak::upgrade).collect()
        };
        listeners.iter().for_each(|listener| tell(&**listener));
    }

    fn wake_all(&self) {
        self.tell_all(|listener| listener.wake());
    }

    /// A follower has heard of a newer epoch.
    pub fn saw_epoch(&self, epoch: u32) {
        if self.source.saw_epoch(epoch) {
            self.lock().fenced = Some(Fenced { epoch });
            // Followers are told why; there is nothing more to serve.
            self.stop.request();
            self.wake_all();
        }
    }

    /// Reads the log until the end is wished: the work of one thread.
    pub fn run(&self) {
        while !self.stop.is_requested() {
            let Err(refusal) = self.follow() else {
                break;
            };
            let other = matches!(refusal, Refusal::Diverged { .. } | Refusal::Behind);
            {
                let mut state = self.lock();
                state.trouble = Some(words(&refusal));
                if other {
                    // Rewound, reseeded or restored under our eyes.
                    state.generation += 1;
                }
            }
            if other {
                self.board.clear();
                self.wake_all();
            }
            let gone = matches!(refusal, Refusal::NotRetained { .. });
            if !gone && self.stop.wait(RETRY) {
                break;
            }
        }
        self.board.close();
    }

    fn follow(&self) -> Result<(), Refusal> {
        let head = self.source.head()?;
        let generation = self.source.generation();
        let mut cursor = self.source.open(&head.point)?;
        self.restart(head);
        self.reading.store(generation, Ordering::SeqCst);
        let mut handed_on: Option<Instant> = None;
        while !self.stop.is_requested() {
            let batch = cursor.read(READ_ENTRIES, READ_BYTES)?;
            let more = batch
                .as_ref()
                .is_some_and(|b| b.bytes.len() > READ_BYTES / 2);
            if let Some(batch) = batch {
                self.push(batch);
                handed_on = Some(Instant::now());
            }
            // A small batch was all there is: whoever waits is told of what came since.
            if more {
                continue;
            }
            let end = self.lock().ring.end().index;
            self.source.wait(end, LOOK)?;
            if self.source.generation() != generation {
                return Err(Refusal::Diverged { ancestor: 0 });
            }
            self.set_bounds(self.source.bounds());
            if let Some(since) = handed_on.map(|at| at.elapsed()) {
                self.stop.wait(gather_time(self.board.in_no_hurry(), since));
            }
        }
        Ok(())
    }

    /// The ring goes on at the head: what lies between is in the log.
    fn restart(&self, head: Head) {
        let end = self.lock().ring.end();
        // Taken back and gone on from in the meantime: an index means another entry now.
        let other = end != head.point
            && matches!(
                self.source.open(&end),
                Err(Refusal::Diverged { .. } | Refusal::Behind)
            );
        if other {
            self.board.clear();
        }
        {
            let mut state = self.lock();
            state.generation += u64::from(other);
            if state.ring.end() != head.point {
                let bytes_max = state.ring.bytes_max();
                state.ring = Ring::new(head.point, bytes_max);
            }
            state.head = head;
            state.trouble = None;
        }
        self.wake_all();
    }

    fn push(&self, batch: Batch) {
        {
            let mut state = self.lock();
            state.head.point = batch.end;
            state.ring.push(batch);
        }
        self.tell_all(|listener| listener.entries_came());
    }

    /// Takes over what is not the position: that follows the entries.
    fn set_bounds(&self, bounds: Bounds) {
        let mut state = self.lock();
        let changed = state.head.published != bounds.published;
        state.head.published = bounds.published;
        state.head.floor = bounds.floor;
        drop(state);
        if changed {
            self.wake_all();
        }
    }

    /// Does the log have this very entry?
    pub fn contains(&self, point: &Point) -> Result<(), Refusal> {
        self.source.open(point).map(drop)
    }
}

/// How long to wait for more commits, so long after the last batch. Not where a commit waits for
/// acknowledgements, or for a single follower.
fn gather_time(followers: Option<usize>, since: Duration) -> Duration {
    let others = followers.unwrap_or(0).saturating_sub(1);
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    let window = GATHER.saturating_mul(others).min(GATHER_MAX);
    window.saturating_sub(since)
}

/// A refusal for people.
pub fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Diverged { .. } => "the log is another one now".to_owned(),
        Refusal::NotRetained { oldest, reason } => {
            format!("{reason}; the oldest position to go on from is {oldest}")
        }
        Refusal::Behind => "the log is shorter than it was".to_owned(),
        Refusal::Unavailable { reason } => reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_followers_that_nobody_waits_for_are_given_several_commits_at_once() {
        let (none, long) = (Duration::ZERO, Duration::from_secs(1));
        assert_eq!(gather_time(Some(0), none), none);
        assert_eq!(gather_time(Some(1), none), none);
        assert_eq!(gather_time(None, none), none);
        assert_eq!(gather_time(Some(2), none), GATHER);
        assert_eq!(gather_time(Some(2), GATHER / 3), GATHER - GATHER / 3);
        assert_eq!(gather_time(Some(usize::MAX), none), GATHER_MAX);
        assert_eq!(gather_time(Some(8), long), none);
    }
}
