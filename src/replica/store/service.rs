//! Publishing for as long as a server runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::seed::{SnapshotOptions, upload_snapshot};
use super::{Patience, Publishing, StoreFailure, StoreResult};
use crate::chain::ChainError;
use crate::chain::store::StoreErrorKind;
use crate::db::Db;
use crate::progress::NoProgress;
use crate::stream::stop::Stop;
use crate::sys::{OsVfs, Vfs};

/// How long commits are gathered before a segment is written: each costs a request.
const LINGER: Duration = Duration::from_millis(200);
/// Between looks whether there is anything to do.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the file is told how far it is published, which costs a checkpoint.
const REMEMBER_EVERY: Duration = Duration::from_secs(30);
/// How long the last commits may take when the server is told to end.
const AT_THE_END: Duration = Duration::from_secs(10);

/// When to make snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceOptions {
    /// After so many bytes of log.
    pub snapshot_bytes: u64,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        ServiceOptions {
            snapshot_bytes: 256 << 20,
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// Published up to this entry.
    pub published: u64,
    /// The newest segment.
    pub number: u64,
    /// Failures so far.
    pub failures: u64,
    /// The last one, until something succeeds.
    pub trouble: Option<String>,
}

/// A thread that publishes.
#[derive(Debug)]
pub struct PublishService {
    thread: JoinHandle<Option<StoreFailure>>,
    state: Arc<Mutex<ServiceState>>,
}

impl PublishService {
    /// Starts it. A fence ends everything that waits for `stop`.
    pub fn start(
        db: &Db,
        publishing: Publishing,
        options: ServiceOptions,
        stop: &Arc<Stop>,
    ) -> StoreResult<PublishService> {
        let state: Arc<Mutex<ServiceState>> = Arc::default();
        let mut work = Work {
            db: db.clone(),
            publishing,
            options,
            stop: Arc::clone(stop),
            state: Arc::clone(&state),
            since_snapshot: 0,
            remembered: Instant::now(),
        };
        let thread = std::thread::Builder::new()
            .name("publish".to_owned())
            .spawn(move || {
                let ended = work.run();
                work.stop.request();
                ended
            });
        let thread = thread.map_err(|e| super::io("start a thread", e))?;
        Ok(PublishService { thread, state })
    }

    /// How it stands.
    pub fn state(&self) -> ServiceState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until it has ended; why, where that was not asked for.
    pub fn finish(self) -> Option<StoreFailure> {
        self.thread.join().unwrap_or_else(|_| {
            let text = "the thread that publishes has failed".to_owned();
            Some(ChainError::Refused(text).into())
        })
    }
}

struct Work {
    db: Db,
    publishing: Publishing,
    options: ServiceOptions,
    stop: Arc<Stop>,
    state: Arc<Mutex<ServiceState>>,
    since_snapshot: u64,
    remembered: Instant,
}

impl Work {
    fn run(&mut self) -> Option<StoreFailure> {
        let mut failures = 0;
        while !self.stop.is_requested() {
            let outcome = self.round();
            match outcome {
                Ok(()) => failures = 0,
                Err(failure) if is_final(&failure) => return Some(failure),
                Err(failure) => {
                    failures += 1;
                    self.note(|state| {
                        state.failures += 1;
                        state.trouble = Some(failure.to_string());
                    });
                    let stop = Arc::clone(&self.stop);
                    let stopped = move || stop.is_requested();
                    crate::chain::Pace::wait(&mut Patience::new(None, &stopped), failures);
                }
            }
        }
        self.at_the_end()
    }

    /// Publishes what there is, or waits for something.
    fn round(&mut self) -> StoreResult<()> {
        let stop = Arc::clone(&self.stop);
        let stopped = move || stop.is_requested();
        let mut pace = Patience::new(Some(LOOK_EVERY * 20), &stopped);
        let before = self.publishing.point();
        while let Some(_point) = self.publishing.step(&mut pace)? {
            self.published();
            if stopped() {
                return Ok(());
            }
        }
        let point = self.publishing.point();
        self.since_snapshot += self.publishing.take_bytes();
        let due = self.since_snapshot > self.options.snapshot_bytes;
        if due || self.publishing.take_bulk() {
            let options = SnapshotOptions::default();
            upload_snapshot(
                &self.db,
                &mut self.publishing,
                &options,
                &mut pace,
                &NoProgress,
            )?;
            self.since_snapshot = 0;
        }
        if point != before || self.remembered.elapsed() > REMEMBER_EVERY {
            self.remember(false)?;
        }
        if self.db.watch(point.index, LOOK_EVERY)? > point.index {
            // More may come at once, and every segment is a request.
            OsVfs.pause(LINGER.min(LOOK_EVERY));
        }
        Ok(())
    }

    fn published(&self) {
        let (point, number) = (self.publishing.point(), self.publishing.number());
        self.note(|state| {
            (state.published, state.number) = (point.index, number);
            state.trouble = None;
        });
    }

    fn note(&self, change: impl FnOnce(&mut ServiceState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Tells the file how far it is published.
    fn remember(&mut self, now: bool) -> StoreResult<()> {
        if !now && self.remembered.elapsed() < REMEMBER_EVERY {
            return Ok(());
        }
        self.remembered = Instant::now();
        self.publishing.remember()
    }

    /// What was committed goes out before the end.
    fn at_the_end(&mut self) -> Option<StoreFailure> {
        let mut pace = Patience::new(Some(AT_THE_END), &|| false);
        loop {
            match self.publishing.step(&mut pace) {
                Ok(Some(_)) => self.published(),
                Ok(None) => break,
                Err(failure) => return Some(failure).filter(is_final),
            }
        }
        let _ = self.remember(true);
        None
    }
}

/// Failures that no waiting helps against.
fn is_final(failure: &StoreFailure) -> bool {
    match failure {
        // Another process reads back what is there.
        StoreFailure::Chain(ChainError::Store(error)) => error.kind == StoreErrorKind::Poisoned,
        StoreFailure::Chain(error) => matches!(
            error,
            ChainError::Fenced(_)
                | ChainError::Foreign(_)
                | ChainError::OtherLineage { .. }
                | ChainError::Mirror { .. }
                | ChainError::Damaged { .. }
        ),
        StoreFailure::Db(error) => !error.is_retryable(),
    }
}
