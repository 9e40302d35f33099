//! The threads of one follower connection: one reads the socket, one owns the session, one
//! applies. A long sync or a check of a new copy holds up no heartbeat.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as Queue, channel};

use super::follower::{FollowerAction, FollowerConfig, FollowerEnd, FollowerSession};
use super::mailbox::{Clock, Mailbox, reader_thread};
use super::source::{Head, ReplicaSink, SinkError};
use super::stop::Stop;
use super::transport::Wire;
use crate::format::entry::{Entry, Point};

/// Jobs that may wait for the applying thread; above it no bytes are taken.
const JOBS_MAX: usize = 16;
/// Bytes of batches that are applied as one.
const TOGETHER: usize = 8 << 20;

enum Job {
    Epoch(u32),
    /// Entries, and how often the leader was asked to read again before they came.
    Apply(u32, Vec<u8>),
    SeedBegin {
        bytes: u64,
        position: Point,
    },
    SeedPart(Vec<u8>),
    SeedEnd,
    Heard {
        head: Head,
        caught_up: bool,
    },
}

enum Done {
    Applied {
        batches: usize,
        bytes: u64,
        outcome: Result<Point, SinkError>,
    },
    /// The limit is reached in the middle of what came: the part up to it.
    Limited {
        batches: usize,
        bytes: u64,
        outcome: Result<Point, SinkError>,
    },
    Seeded(Result<Point, SinkError>),
    Failed(SinkError),
    /// The applying thread has ended.
    Gone,
    /// What the leader said was passed on.
    Heard,
    /// Of jobs that have no outcome.
    Passed {
        jobs: usize,
    },
}

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
    let mailbox: Arc<Mailbox<Done>> = reader_thread("receiver", wire.reader)?;
    stop.register(&mailbox);
    let (jobs, queue) = channel();
    let clock = Clock::start();
    let position = config.hello.position.index;
    let receiver = Link {
        session: FollowerSession::new(config, clock.now()),
        mailbox: Arc::clone(&mailbox),
        writer: wire.writer,
        clock,
        jobs,
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
    };
    let report = std::thread::scope(|scope| {
        let posted = Arc::clone(&mailbox);
        let worker = std::thread::Builder::new()
            .name("apply".to_owned())
            .spawn_scoped(scope, move || {
                let _gone = Leaving(&posted);
                work(sink, &queue, &posted, Budget::new(limits))
            })?;
        let report = receiver.run(stop);
        wire.closer.close();
        mailbox.abandon();
        let _ = worker.join();
        std::io::Result::Ok(report)
    })?;
    Ok(report)
}

/// Says that the applying thread has ended, however it did: nobody waits for it then.
struct Leaving<'a>(&'a Mailbox<Done>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.post(Done::Gone);
    }
}

/// What may still be applied.
struct Budget {
    entries: u64,
    bytes: u64,
    begun: bool,
}

impl Budget {
    fn new(limits: Limits) -> Budget {
        Budget {
            entries: limits.max_entries.unwrap_or(u64::MAX),
            bytes: limits.max_bytes.unwrap_or(u64::MAX),
            begun: false,
        }
    }

    /// Length of the entries in front that may be applied; the first of all always may.
    fn cut(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while let Ok(Some((entry, behind))) = Entry::split(rest) {
            let len = entry.bytes().len() as u64;
            let fits = self.entries > 0 && (len <= self.bytes || !self.begun);
            if !fits {
                self.entries = 0;
                break;
            }
            self.begun = true;
            self.entries -= 1;
            self.bytes = self.bytes.saturating_sub(len);
            rest = behind;
        }
        bytes.len() - rest.len()
    }
}

/// Applies what came, with what came after it in the meantime: one sync for all.
fn apply(
    sink: &mut dyn ReplicaSink,
    queue: &Receiver<Job>,
    mut bytes: Vec<u8>,
    budget: &mut Budget,
) -> (Done, Option<Job>) {
    let mut batches = 1;
    let mut next = None;
    while bytes.len() < TOGETHER {
        match queue.try_recv() {
            Ok(Job::Apply(_, more)) => {
                bytes.extend_from_slice(&more);
                batches += 1;
            }
            Ok(other) => {
                next = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    let whole = bytes.len();
    if budget.entries != u64::MAX || budget.bytes != u64::MAX {
        bytes.truncate(budget.cut(&bytes));
    }
    if bytes.is_empty() && whole > 0 {
        return (Done::Passed { jobs: batches }, next);
    }
    let outcome = sink.apply(&bytes);
    let applied = bytes.len() as u64;
    let done = if bytes.len() < whole {
        Done::Limited {
            batches,
            bytes: applied,
            outcome,
        }
    } else {
        Done::Applied {
            batches,
            bytes: applied,
            outcome,
        }
    };
    (done, next)
}

/// The applying thread: everything that touches the copy, in order.
fn work(
    sink: &mut dyn ReplicaSink,
    queue: &Receiver<Job>,
    done: &Mailbox<Done>,
    mut budget: Budget,
) {
    let mut next: Option<Job> = None;
    let mut seeding = false;
    let mut damaged = None;
    while let Some(job) = next.take().or_else(|| queue.recv().ok()) {
        let outcome = match job {
            Job::Epoch(epoch) => match sink.saw_epoch(epoch) {
                Ok(()) => Done::Passed { jobs: 1 },
                Err(error) => Done::Failed(error),
            },
            Job::Heard { head, caught_up } => {
                sink.heard(&head, caught_up);
                Done::Heard
            }
            // It followed what was damaged; it comes once more.
            Job::Apply(round, _) if damaged == Some(round) => Done::Passed { jobs: 1 },
            Job::Apply(round, bytes) => {
                let (outcome, other) = apply(sink, queue, bytes, &mut budget);
                next = other;
                if let Done::Applied { outcome, .. } | Done::Limited { outcome, .. } = &outcome
                    && matches!(outcome, Err(SinkError::Damaged { .. }))
                {
                    damaged = Some(round);
                }
                outcome
            }
            Job::SeedBegin { bytes, position } => {
                seeding = true;
                passed(sink.seed_begin(bytes, &position))
            }
            Job::SeedPart(bytes) => passed(sink.seed_part(&bytes)),
            Job::SeedEnd => {
                seeding = false;
                Done::Seeded(sink.seed_end())
            }
        };
        done.post(outcome);
    }
    if seeding {
        sink.seed_abort();
    }
}

fn passed(outcome: Result<(), SinkError>) -> Done {
    match outcome {
        Ok(()) => Done::Passed { jobs: 1 },
        Err(error) => Done::Failed(error),
    }
}

struct Link {
    session: FollowerSession,
    mailbox: Arc<Mailbox<Done>>,
    writer: Box<dyn Write + Send>,
    clock: Clock,
    jobs: Queue<Job>,
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
}

impl Link {
    fn run(mut self, stop: &Stop) -> Received {
        loop {
            self.perform();
            if let Some(end) = self.end.take() {
                self.report.end = end;
                // What is on its way to the copy is finished and counted.
                while self.waiting > 0 {
                    let results = self.mailbox.take_results();
                    results.into_iter().for_each(|done| self.take_result(done));
                }
                return self.report;
            }
            let deadline = self.clock.instant(self.session.next_tick_us());
            let wanted = self.waiting < JOBS_MAX;
            let mail = self.mailbox.take(deadline, wanted);
            let now = self.clock.now();
            if !wanted {
                // Whoever does not listen cannot say that the other side is silent.
                self.session.not_listening(now);
            }
            if !mail.bytes.is_empty() {
                self.session.receive(now, &mail.bytes);
            }
            mail.results
                .into_iter()
                .for_each(|done| self.take_result(done));
            self.perform();
            if mail.ended {
                self.end.get_or_insert(FollowerEnd::Dead);
            }
            self.report.greeted |= self.session.is_greeted() && !self.session.is_closed();
            if stop.is_requested() || self.is_enough() {
                self.session.stop(now);
            }
            self.session.tick(now);
        }
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

    fn job(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
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
                    let written = self
                        .writer
                        .write_all(&bytes)
                        .and_then(|()| self.writer.flush());
                    if written.is_err() {
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
