//! The session of one follower connection, and all that it speaks to.

use std::io::Write;
use std::sync::mpsc::Sender as Queue;

use super::applier::{Done, Job};
use super::follower::{FollowerAction, FollowerConfig, FollowerEnd, FollowerSession};
use super::mailbox::Clock;
use super::receiver::{Limits, Received};
use super::source::{Head, SinkError};
use crate::format::entry::Point;

/// The session, and all that it speaks to. The thread that has news for it, be it bytes, an outcome
/// or the time, takes it and does what follows: nobody else has to be woken for that.
pub(super) struct Link {
    pub session: FollowerSession,
    pub clock: Clock,
    /// None once the connection has ended.
    pub ends: Option<Ends>,
    /// Jobs that are not finished.
    pub waiting: usize,
    /// The thread that reads may do a job itself where no other waits.
    pub is_little: bool,
    /// That job, until it does it.
    pub own: Option<Job>,
    /// It does one.
    pub is_busy: bool,
    /// One of them is what the leader said.
    telling: bool,
    /// What it said since then: only the newest counts.
    told: Option<(Head, bool)>,
    /// Damaged batches so far.
    round: u32,
    limits: Limits,
    position: u64,
    pub report: Received,
    pub end: Option<FollowerEnd>,
    /// When the thread that waits for the time looks again; none while it is awake.
    pub asleep_until_us: Option<u64>,
}

/// Where things go.
pub(super) struct Ends {
    pub writer: Box<dyn Write + Send>,
    pub jobs: Queue<Job>,
}

impl Link {
    /// Before the first byte.
    pub fn new(config: FollowerConfig, ends: Ends, limits: Limits) -> Link {
        let clock = Clock::start();
        let position = config.hello.position.index;
        Link {
            session: FollowerSession::new(config, clock.now()),
            clock,
            ends: Some(ends),
            waiting: 0,
            is_little: false,
            own: None,
            is_busy: false,
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
    pub fn take_bytes(&mut self, bytes: &[u8]) {
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
    pub fn has_news(&mut self) -> bool {
        let next_us = self.session.next_tick_us();
        let is_late = self.asleep_until_us.is_some_and(|us| next_us < us);
        is_late || self.end.is_some() || self.is_enough()
    }

    /// Nothing more is to come over this connection.
    pub fn is_enough(&mut self) -> bool {
        if self.session.is_closed() {
            // What was true when it ended stays in the report.
            return true;
        }
        let caught_up = self.session.is_caught_up();
        self.report.caught_up = caught_up;
        let over = |limit: Option<u64>, count: u64| limit.is_some_and(|limit| count >= limit);
        let limited = over(self.limits.max_entries, self.report.entries)
            || over(self.limits.max_bytes, self.report.bytes);
        self.report.limited |= limited && !caught_up;
        limited || self.report.limited || (self.limits.at_head && caught_up)
    }

    pub fn take_result(&mut self, done: Done) {
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
        if self.is_little && self.waiting == 0 && self.ends.is_some() {
            self.own = Some(job);
            self.is_busy = true;
            self.waiting = 1;
            return;
        }
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

    pub fn perform(&mut self) {
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
                FollowerAction::SeedEarly { offset, bytes } => {
                    self.job(Job::SeedEarly { offset, bytes });
                }
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
