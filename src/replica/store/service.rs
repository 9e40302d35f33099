//! Publishing for as long as a server runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::guard::{self, Guard};
use super::publish::SEGMENT_BYTES;
use super::seed::{SnapshotOptions, Upload};
use super::{Patience, Publishing, StoreFailure, StoreResult, now_us};
use crate::chain::object::{NodeRole, ProgressDoc};
use crate::chain::store::StoreErrorKind;
use crate::chain::{ChainError, GcWish, Pace};
use crate::db::Db;
use crate::error::Error;
use crate::format::entry::Point;
use crate::progress::NoProgress;
use crate::replica::by_kind::ByKind;
use crate::stream::stop::Stop;

/// Between looks whether there is anything to do.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often who has nothing to publish looks whether somebody else has become the primary.
const LOOK_FOR_OTHERS: Duration = Duration::from_secs(5);
/// How often the file is told how far it is published, which costs a checkpoint.
const REMEMBER_EVERY: Duration = Duration::from_secs(30);
/// How often the store is told who publishes, though nothing is.
const TELL_EVERY: Duration = Duration::from_secs(600);
/// How long the last commits may take when the server is told to end.
const AT_THE_END: Duration = Duration::from_secs(10);
/// After an upload of a snapshot that failed, and failed again and again.
const UPLOAD_AGAIN: Duration = Duration::from_secs(1);
const UPLOAD_AGAIN_MOST: Duration = Duration::from_secs(60);
/// After a removal that failed.
const GC_AGAIN: Duration = Duration::from_secs(60);

/// How to publish, and what else to do with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOptions {
    /// A snapshot after so many bytes of log.
    pub snapshot_bytes: u64,
    /// A segment has no more than these bytes of entries, unless one entry has.
    pub segment_bytes: u64,
    /// How long commits are gathered before a segment is written: each costs a request.
    pub linger: Duration,
    /// How often what nobody needs is removed; [`None`] leaves that to others.
    pub gc_every: Option<Duration>,
    /// When writes have to wait.
    pub guard: Option<Guard>,
    /// What the node calls itself.
    pub name: String,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        ServiceOptions {
            snapshot_bytes: 256 << 20,
            segment_bytes: SEGMENT_BYTES as u64,
            linger: Duration::from_millis(200),
            gc_every: None,
            guard: None,
            name: String::new(),
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// Where the published log ends.
    pub point: Point,
    /// Published up to this entry.
    pub published: u64,
    /// The newest segment.
    pub number: u64,
    /// Wall clock of the last answer of the store, microseconds since 1970.
    pub contact_us: u64,
    /// Whether the store decides who is primary: a word.
    pub fencing: &'static str,
    /// Failures so far.
    pub failures: u64,
    /// The last one, until something succeeds.
    pub trouble: Option<String>,
    /// Failures of the store by their kind.
    pub store_errors: ByKind,
    /// The store did not take what is to be published, and has not answered since.
    pub unreachable: bool,
}

/// The same, for all who look.
#[derive(Debug, Clone)]
pub struct SharedService(Arc<Mutex<ServiceState>>);

impl SharedService {
    /// Published up to here.
    pub fn at(point: Point, number: u64, fencing: &'static str) -> SharedService {
        SharedService(Arc::new(Mutex::new(ServiceState {
            point,
            published: point.index,
            number,
            contact_us: now_us(),
            fencing,
            failures: 0,
            trouble: None,
            store_errors: ByKind::default(),
            unreachable: false,
        })))
    }

    /// How it stands.
    pub fn look(&self) -> ServiceState {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, ServiceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store has answered; the log there ends here.
    pub fn set(&self, point: Point, number: u64) {
        let mut state = self.lock();
        (state.point, state.published, state.number) = (point, point.index, number);
        state.contact_us = now_us();
        (state.trouble, state.unreachable) = (None, false);
    }

    /// The store has answered. What was wrong with other work there may still be.
    fn answered(&self) {
        let mut state = self.lock();
        state.contact_us = now_us();
        if std::mem::take(&mut state.unreachable) {
            state.trouble = None;
        }
    }

    fn failed(&self, failure: &StoreFailure) {
        let mut state = self.lock();
        state.failures += 1;
        state.store_errors.count(failure);
        state.trouble = Some(failure.to_string());
    }
}

/// A thread that publishes.
#[derive(Debug)]
pub struct PublishService {
    thread: JoinHandle<Option<StoreFailure>>,
    guard: Option<JoinHandle<()>>,
    state: SharedService,
}

impl PublishService {
    /// Starts it. A fence ends everything that waits for `stop`.
    pub fn start(
        db: &Db,
        mut publishing: Publishing,
        options: ServiceOptions,
        stop: &Arc<Stop>,
    ) -> StoreResult<PublishService> {
        publishing.set_segment_bytes(options.segment_bytes);
        let point = publishing.point();
        let fencing = publishing.chain().creel().fencing();
        let state = SharedService::at(point, publishing.number(), fencing);
        let guard = match options.guard {
            Some(guard) => Some(guard::start(db, guard, point, state.clone(), stop)?),
            // Nobody looks any more, so nobody would let them go on.
            None if db.facts()?.held_back => {
                db.change_facts(|facts| facts.held_back = false)?;
                None
            }
            None => None,
        };
        let now = Instant::now();
        let mut work = Work {
            db: db.clone(),
            publishing,
            gc_due: options.gc_every.map(|every| now + every),
            options,
            stop: Arc::clone(stop),
            state: state.clone(),
            since_snapshot: 0,
            wants_snapshot: false,
            upload: None,
            upload_after: now,
            uploads_failed: 0,
            remembered: now,
            looked: now,
            told: None,
        };
        let thread = std::thread::Builder::new()
            .name("publish".to_owned())
            .spawn(move || {
                let ended = work.run();
                work.stop.request();
                ended
            });
        let thread = thread.map_err(|e| super::io("start a thread", e))?;
        Ok(PublishService {
            thread,
            guard,
            state,
        })
    }

    /// How it stands, now and later.
    pub fn state(&self) -> SharedService {
        self.state.clone()
    }

    /// Waits until it has ended; why, where that was not asked for.
    pub fn finish(self) -> Option<StoreFailure> {
        let ended = self.thread.join().unwrap_or_else(|_| {
            let text = "the thread that publishes has failed".to_owned();
            Some(ChainError::Refused(text).into())
        });
        if let Some(guard) = self.guard {
            let _ = guard.join();
        }
        ended
    }
}

struct Work {
    db: Db,
    publishing: Publishing,
    options: ServiceOptions,
    stop: Arc<Stop>,
    state: SharedService,
    since_snapshot: u64,
    wants_snapshot: bool,
    /// A snapshot that is being uploaded.
    upload: Option<JoinHandle<StoreResult<()>>>,
    upload_after: Instant,
    uploads_failed: u32,
    remembered: Instant,
    /// When the store was last seen to have no other primary.
    looked: Instant,
    gc_due: Option<Instant>,
    /// When the store was last told who publishes.
    told: Option<Instant>,
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
                    self.state.failed(&failure);
                    if matches!(failure, StoreFailure::Chain(_)) {
                        self.state.lock().unreachable = true;
                    }
                    let stop = Arc::clone(&self.stop);
                    let stopped = move || stop.is_requested();
                    Patience::new(None, &stopped).wait(failures);
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
        self.look(point != before, &mut pace)?;
        self.snapshot(&mut pace)?;
        if point != before || self.remembered.elapsed() > REMEMBER_EVERY {
            self.remember(false)?;
        }
        // Neither is what the server is for: a failure is told, and hinders nothing.
        let told = self.tell(point != before, &mut pace);
        let collected = self.collect(&mut pace);
        for failure in [told, collected].into_iter().filter_map(Result::err) {
            self.state.failed(&failure);
        }
        if self.db.watch(point.index, LOOK_EVERY)? > point.index {
            // More may come at once, and every segment is a request.
            self.stop.wait(self.options.linger);
        }
        Ok(())
    }

    /// A fence is found by who writes; who does not would serve for ever what is no longer the primary.
    fn look(&mut self, moved: bool, pace: &mut dyn Pace) -> StoreResult<()> {
        let is_fenced = self.db.info()?.fenced;
        if !is_fenced && !moved && self.looked.elapsed() < LOOK_FOR_OTHERS {
            return Ok(());
        }
        if is_fenced || !moved {
            self.publishing.look(pace)?;
            self.state.answered();
        }
        self.looked = Instant::now();
        match is_fenced {
            false => Ok(()),
            true => {
                let reason = "a newer epoch has begun elsewhere".to_owned();
                Err(Error::Fenced { reason }.into())
            }
        }
    }

    /// Begins a snapshot where one is due, in a thread of its own: commits are published meanwhile.
    fn snapshot(&mut self, pace: &mut dyn Pace) -> StoreResult<()> {
        self.since_snapshot += self.publishing.take_bytes();
        let due = self.since_snapshot > self.options.snapshot_bytes;
        self.wants_snapshot |= self.publishing.take_bulk() | due;
        if let Some(ended) = self.upload.take_if(|upload| upload.is_finished()) {
            self.uploaded(ended)?;
        }
        let later = self.upload.is_some() || Instant::now() < self.upload_after;
        if !self.wants_snapshot || later {
            return Ok(());
        }
        let upload = Upload::begin(&self.db, &mut self.publishing, pace)?;
        self.published();
        let stop = Arc::clone(&self.stop);
        let run = move || {
            let stopped = || stop.is_requested();
            let mut pace = Patience::new(Some(LOOK_EVERY * 20), &stopped);
            let done = upload.run(&SnapshotOptions::default(), &mut pace, &NoProgress);
            done.map(drop)
        };
        let thread = std::thread::Builder::new().name("upload".to_owned());
        let thread = thread
            .spawn(run)
            .map_err(|e| super::io("start a thread", e));
        self.upload = Some(thread?);
        (self.wants_snapshot, self.since_snapshot) = (false, 0);
        Ok(())
    }

    /// What became of it. One that failed is tried again, each time later: it reads the whole file.
    fn uploaded(&mut self, ended: JoinHandle<StoreResult<()>>) -> StoreResult<()> {
        let done = ended.join().unwrap_or_else(|_| {
            let text = "the thread that uploads a snapshot has failed".to_owned();
            Err(ChainError::Refused(text).into())
        });
        match &done {
            Ok(()) => self.uploads_failed = 0,
            Err(_) => {
                let wait = UPLOAD_AGAIN * 2_u32.saturating_pow(self.uploads_failed.min(6));
                self.upload_after = Instant::now() + wait.min(UPLOAD_AGAIN_MOST);
                self.uploads_failed += 1;
                self.wants_snapshot = true;
            }
        }
        done
    }

    fn published(&self) {
        self.state
            .set(self.publishing.point(), self.publishing.number());
    }

    /// Tells the store who publishes and how far: for those who have nothing but the store.
    fn tell(&mut self, moved: bool, pace: &mut dyn Pace) -> StoreResult<()> {
        let quiet = self.told.map(|told| told.elapsed());
        let wait = if moved { REMEMBER_EVERY } else { TELL_EVERY };
        if quiet.is_some_and(|quiet| quiet < wait) {
            return Ok(());
        }
        let info = self.db.info()?;
        let durable = self.publishing.point().into();
        let (node, lineage) = (info.file_id, info.lineage_id);
        let mut document = ProgressDoc::new(node, lineage, NodeRole::Primary, durable);
        document.name.clone_from(&self.options.name);
        document.number = self.publishing.number();
        document.time_us = now_us();
        document.moved_us = document.time_us;
        self.told = Some(Instant::now());
        self.publishing.chain().say_progress(&document, pace)?;
        self.published();
        Ok(())
    }

    /// Removes what nobody needs from the store, now and then. Anybody may at any time, so it does not
    /// matter whether this is the primary still.
    fn collect(&mut self, pace: &mut dyn Pace) -> StoreResult<()> {
        let (Some(every), Some(due)) = (self.options.gc_every, self.gc_due) else {
            return Ok(());
        };
        if Instant::now() < due {
            return Ok(());
        }
        self.gc_due = Some(Instant::now() + GC_AGAIN.min(every));
        let wish = GcWish {
            node: self.db.info()?.file_id,
            time_us: now_us(),
            retention: None,
            dry_run: false,
        };
        self.publishing.chain().gc(&wish, pace, &NoProgress)?;
        self.gc_due = Some(Instant::now() + every);
        Ok(())
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
        if let Some(upload) = self.upload.take() {
            let _ = upload.join(); // what is not whole yet is nothing
        }
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
        StoreFailure::HalfPromoted { failure, .. } => is_final(failure),
        StoreFailure::Unexpected { .. } | StoreFailure::Elsewhere { .. } => true,
    }
}
