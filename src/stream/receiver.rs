//! The threads of one follower connection: one reads the socket, one applies (`applier`), one waits for
//! the time. Each lets the session take what it has for it.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{Sender as Queue, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::applier::{Budget, Done, Job, Leaving, work};
use super::follower::{FollowerAction, FollowerConfig, FollowerEnd, FollowerSession};
use super::mailbox::{Clock, Mailbox};
use super::source::{Head, ReplicaSink, SinkError};
use super::stop::{Stop, Wake};
use super::transport::Wire;
use crate::format::entry::Point;

/// Jobs that may wait for the applying thread; above it no bytes are taken.
const JOBS_MAX: usize = 16;
/// Bytes that are read at a time.
const CHUNK: usize = 128 << 10;

/// When to stop by oneself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Once everything is there that the leader has.
    pub at_head: bool,
    /// After so many entries.
    pub max_entries: Option<u64>,
    /// After so many bytes of entries.
    pub max_bytes: Option<u64>,
}

/// What one connection brought.
#[derive(Debug, Clone)]
pub struct Received {
    /// Why it ended.
    pub end: FollowerEnd,
    /// Entries applied.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// A new copy was put in place.
    pub seeded: bool,
    /// The follower had everything when it ended.
    pub caught_up: bool,
    /// A limit ended it with work left.
    pub limited: bool,
    /// The leader's head, as far as it was told.
    pub head: Option<Head>,
    /// The leader let the follower in.
    pub greeted: bool,
}

/// Follows over one connection until it ends, the end is wished, or a limit is reached.
pub fn receive(
    wire: Wire,
    config: FollowerConfig,
    sink: &mut dyn ReplicaSink,
    stop: &Stop,
    limits: Limits,
) -> std::io::Result<Received> {
    let (jobs, queue) = channel();
    let writer = wire.writer;
    let shared = Arc::new(Shared {
        link: Mutex::new(Link::new(config, Ends { writer, jobs }, limits)),
        room: Condvar::new(),
        mailbox: Arc::default(),
    });
    stop.register(&shared.mailbox);
    let mut from = wire.reader;
    let reading = Arc::clone(&shared);
    // Not waited for: what it reads may be a pipe that nobody closes.
    std::thread::Builder::new()
        .name("receiver".to_owned())
        .spawn(move || reading.read(&mut *from))?;
    std::thread::scope(|scope| {
        let told = &shared;
        let worker = std::thread::Builder::new()
            .name("apply".to_owned())
            .spawn_scoped(scope, move || {
                let leaving = Leaving(|done| told.done(done));
                work(sink, &queue, &leaving.0, Budget::new(limits))
            });
        let report = worker.map(|worker| {
            let mut report = shared.run(stop);
            wire.closer.close();
            report.end = wire.closer.explain(report.end, report.greeted);
            shared.end();
            let _ = worker.join();
            report
        });
        if report.is_err() {
            wire.closer.close();
            shared.end();
        }
        report
    })
}

/// The session, and all that it speaks to. The thread that has news for it, be it bytes, an outcome
/// or the time, takes it and does what follows: nobody else has to be woken for that.
struct Link {
    session: FollowerSession,
    clock: Clock,
    /// None once the connection has ended.
    ends: Option<Ends>,
    /// Jobs that the applying thread has not finished.
    waiting: usize,
    /// One of them is what the leader said.
    telling: bool,
    /// What it said since then: only the newest counts.
    told: Option<(Head, bool)>,
    /// Damaged batches so far.
    round: u32,
    limits: Limits,
    position: u64,
    report: Received,
    end: Option<FollowerEnd>,
    /// When the thread that waits for the time looks again; none while it is awake.
    asleep_until_us: Option<u64>,
}

/// Where things go.
struct Ends {
    writer: Box<dyn Write + Send>,
    jobs: Queue<Job>,
}

/// Shared by the threads.
struct Shared {
    link: Mutex<Link>,
    /// Fewer jobs wait, or the connection has ended.
    room: Condvar,
    /// Wakes the thread that waits for the time.
    mailbox: Arc<Mailbox<()>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Link> {
        // What a panic left behind is looked at once more, and ended.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is sent, applied or taken any more.
    fn end(&self) {
        self.lock().ends = None;
        self.room.notify_all();
    }

    /// Gives the session what `from` brings, until one of them ends.
    fn read(&self, from: &mut dyn Read) {
        let mut chunk = vec![0u8; CHUNK];
        loop {
            let got = match from.read(&mut chunk) {
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let mut link = self.lock();
            while link.waiting >= JOBS_MAX && link.ends.is_some() {
                let woken = self.room.wait(link);
                link = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if link.ends.is_none() {
                return;
            }
            link.take_bytes(chunk.get(..got).unwrap_or_default());
            self.look_again(link);
            if got == 0 {
                return;
            }
        }
    }

    /// The applying thread has something for the session.
    fn done(&self, done: Done) {
        let mut link = self.lock();
        link.take_result(done);
        link.perform();
        self.look_again(link);
        self.room.notify_all();
    }

    /// Wakes the thread that waits for the time, where it has to act before.
    fn look_again(&self, mut link: MutexGuard<'_, Link>) {
        let is_news = link.has_news();
        drop(link);
        if is_news {
            self.mailbox.wake();
        }
    }

    /// Waits for the time, and for a reason to end.
    fn run(&self, stop: &Stop) -> Received {
        loop {
            let (deadline, is_full) = {
                let mut link = self.lock();
                link.perform();
                if let Some(end) = link.end.take() {
                    link.report.end = end;
                    link.ends = None;
                    break;
                }
                let next_us = link.session.next_tick_us();
                link.asleep_until_us = Some(next_us);
                (link.clock.instant(next_us), link.waiting >= JOBS_MAX)
            };
            self.mailbox.take(deadline, false);
            let mut link = self.lock();
            link.asleep_until_us = None;
            let now = link.clock.now();
            if is_full {
                // Whoever does not listen cannot say that the other side is silent.
                link.session.not_listening(now);
            }
            if stop.is_requested() || link.is_enough() {
                link.session.stop(now);
            }
            link.session.tick(now);
        }
        self.room.notify_all();
        // What is on its way to the copy is finished and counted.
        let mut link = self.lock();
        while link.waiting > 0 {
            let woken = self.room.wait(link);
            link = woken.unwrap_or_else(PoisonError::into_inner);
        }
        link.report.clone()
    }
}

impl Link {
    fn new(config: FollowerConfig, ends: Ends, limits: Limits) -> Link {
        let clock = Clock::start();
        let position = config.hello.position.index;
        Link {
            session: FollowerSession::new(config, clock.now()),
            clock,
            ends: Some(ends),
            waiting: 0,
            telling: false,
            told: None,
            round: 0,
            limits,
            position,
            report: Received {
                end: FollowerEnd::Bye,
                entries: 0,
                bytes: 0,
                seeded: false,
                caught_up: false,
                limited: false,
                head: None,
                greeted: false,
            },
            end: None,
            asleep_until_us: None,
        }
    }

    /// What the other side sent; nothing where it sends no more.
    fn take_bytes(&mut self, bytes: &[u8]) {
        let now = self.clock.now();
        if bytes.is_empty() {
            self.end.get_or_insert(FollowerEnd::Dead);
            return;
        }
        self.session.receive(now, bytes);
        self.perform();
        self.report.greeted |= self.session.is_greeted() && !self.session.is_closed();
    }

    /// The thread that waits for the time has to look again.
    fn has_news(&mut self) -> bool {
        let next_us = self.session.next_tick_us();
        let is_late = self.asleep_until_us.is_some_and(|us| next_us < us);
        is_late || self.end.is_some() || self.is_enough()
    }

    fn is_enough(&mut self) -> bool {
        let caught_up = self.session.is_caught_up();
        self.report.caught_up = caught_up;
        let over = |limit: Option<u64>, count: u64| limit.is_some_and(|limit| count >= limit);
        let limited = over(self.limits.max_entries, self.report.entries)
            || over(self.limits.max_bytes, self.report.bytes);
        self.report.limited |= limited && !caught_up;
        limited || self.report.limited || (self.limits.at_head && caught_up)
    }

    fn take_result(&mut self, done: Done) {
        let now = self.clock.now();
        self.waiting = self.waiting.saturating_sub(1);
        match done {
            Done::Passed { jobs } => self.waiting = self.waiting.saturating_sub(jobs - 1),
            Done::Gone => {
                self.waiting = 0;
                let reason = "the applying thread has ended".to_owned();
                self.end.get_or_insert(FollowerEnd::Sink { reason });
            }
            Done::Failed(error) => self.session.seeded(now, Err(error)),
            Done::Heard => {
                self.telling = false;
                if let Some((head, caught_up)) = self.told.take() {
                    self.tell(head, caught_up);
                }
            }
            Done::Seeded(outcome) => {
                if let Ok(point) = &outcome {
                    self.report.seeded = true;
                    self.report.caught_up = false;
                    self.position = point.index;
                }
                self.session.seeded(now, outcome);
            }
            Done::Applied {
                batches,
                bytes,
                outcome,
            } => {
                self.waiting = self.waiting.saturating_sub(batches - 1);
                self.count(&outcome, bytes);
                self.session.applied_many(now, batches, outcome);
            }
            Done::Limited {
                batches,
                bytes,
                outcome,
            } => {
                self.waiting = self.waiting.saturating_sub(batches - 1);
                self.count(&outcome, bytes);
                match outcome {
                    // Not the end of a batch, so it is not acknowledged; HELLO says it next time.
                    Ok(_) => self.report.limited = true,
                    Err(_) => self.session.applied_many(now, batches, outcome),
                }
            }
        }
    }

    fn count(&mut self, outcome: &Result<Point, SinkError>, bytes: u64) {
        self.round += u32::from(matches!(outcome, Err(SinkError::Damaged { .. })));
        if let Ok(point) = outcome {
            self.report.entries += point.index.saturating_sub(self.position);
            self.report.bytes += bytes;
            self.position = point.index;
        }
    }

    /// False where the other side takes no more.
    fn send(&mut self, bytes: &[u8]) -> bool {
        let Some(Ends { writer, .. }) = self.ends.as_mut() else {
            return false;
        };
        let written = writer.write_all(bytes).and_then(|()| writer.flush());
        written.is_ok()
    }

    fn job(&mut self, job: Job) {
        let ends = self.ends.as_ref();
        if ends.is_some_and(|ends| ends.jobs.send(job).is_ok()) {
            self.waiting += 1;
        }
    }

    /// Heartbeats do not queue up behind a long job.
    fn tell(&mut self, head: Head, caught_up: bool) {
        if self.telling {
            self.told = Some((head, caught_up));
        } else {
            self.telling = true;
            self.job(Job::Heard { head, caught_up });
        }
    }

    fn perform(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                FollowerAction::Send(bytes) => {
                    if !self.send(&bytes) {
                        self.end.get_or_insert(FollowerEnd::Dead);
                    }
                }
                FollowerAction::Apply(bytes) => self.job(Job::Apply(self.round, bytes)),
                FollowerAction::SeedBegin { bytes, position } => {
                    self.job(Job::SeedBegin { bytes, position });
                }
                FollowerAction::SeedPart(bytes) => self.job(Job::SeedPart(bytes)),
                FollowerAction::SeedEnd => self.job(Job::SeedEnd),
                FollowerAction::SawEpoch(epoch) => self.job(Job::Epoch(epoch)),
                FollowerAction::Heard { head, caught_up } => {
                    self.report.head = Some(head);
                    self.tell(head, caught_up);
                }
                FollowerAction::Close(end) => {
                    self.end.get_or_insert(end);
                }
                FollowerAction::Streaming | FollowerAction::Answer(_) => {}
            }
        }
    }
}
