//! Applies what comes over one follower connection: everything that touches the copy, in order.
//!
//! Much is applied by a thread of its own, so that the next bytes come meanwhile. A little that comes
//! by itself is applied by the thread that read it: nobody has to be woken for it.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::receiver::Limits;
use super::source::{Head, Sink, SinkError};
use crate::format::entry::{Entry, Point};

/// Bytes of batches that are applied as one.
const TOGETHER: usize = 8 << 20;

/// Work at the copy.
pub(super) enum Job {
    Epoch(u32),
    /// Entries, and how often the leader was asked to read again before they came.
    Apply(u32, Vec<u8>),
    SeedBegin {
        bytes: u64,
        position: Point,
    },
    SeedPart(Vec<u8>),
    SeedEarly {
        offset: u64,
        bytes: Vec<u8>,
    },
    SeedEnd,
    Heard {
        head: Head,
        caught_up: bool,
    },
}

/// What came of it.
pub(super) enum Done {
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

/// Says that the applying thread has ended, however it did: nobody waits for it then.
pub(super) struct Leaving<F: Fn(Done)>(pub F);

impl<F: Fn(Done)> Drop for Leaving<F> {
    fn drop(&mut self) {
        (self.0)(Done::Gone);
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

/// Works at the copy, one job after the other.
pub(super) struct Applier {
    sink: Sink,
    budget: Budget,
    seeding: bool,
    /// The round in which something damaged came.
    damaged: Option<u32>,
}

impl Applier {
    /// Nothing was applied yet.
    pub fn new(sink: Sink, limits: Limits) -> Applier {
        Applier {
            sink,
            budget: Budget::new(limits),
            seeding: false,
            damaged: None,
        }
    }

    /// Does a job, and those of `queue` that can be done with it; gives one that cannot.
    pub fn run(&mut self, job: Job, queue: Option<&Receiver<Job>>) -> (Done, Option<Job>) {
        let done = match job {
            Job::Epoch(epoch) => passed(lock(&self.sink).saw_epoch(epoch)),
            Job::Heard { head, caught_up } => {
                lock(&self.sink).heard(&head, caught_up);
                Done::Heard
            }
            // It followed what was damaged; it comes once more.
            Job::Apply(round, _) if self.damaged == Some(round) => Done::Passed { jobs: 1 },
            Job::Apply(round, bytes) => return self.apply(round, Together::take(bytes, queue)),
            Job::SeedBegin { bytes, position } => {
                self.seeding = true;
                passed(lock(&self.sink).seed_begin(bytes, &position))
            }
            Job::SeedPart(bytes) => passed(lock(&self.sink).seed_part(&bytes)),
            Job::SeedEarly { offset, bytes } => passed(lock(&self.sink).seed_early(offset, &bytes)),
            Job::SeedEnd => {
                self.seeding = false;
                Done::Seeded(lock(&self.sink).seed_end())
            }
        };
        (done, None)
    }

    fn apply(&mut self, round: u32, together: Together) -> (Done, Option<Job>) {
        let Together {
            mut bytes,
            batches,
            next,
        } = together;
        let whole = bytes.len();
        let budget = &mut self.budget;
        if budget.entries != u64::MAX || budget.bytes != u64::MAX {
            bytes.truncate(budget.cut(&bytes));
        }
        if bytes.is_empty() && whole > 0 {
            return (Done::Passed { jobs: batches }, next);
        }
        let outcome = lock(&self.sink).apply(&bytes);
        if matches!(outcome, Err(SinkError::Damaged { .. })) {
            self.damaged = Some(round);
        }
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
}

impl Drop for Applier {
    fn drop(&mut self) {
        if self.seeding {
            lock(&self.sink).seed_abort();
        }
    }
}

/// What came, with what came after it in the meantime: one sync for all.
struct Together {
    bytes: Vec<u8>,
    batches: usize,
    /// A job that came behind them.
    next: Option<Job>,
}

impl Together {
    fn take(bytes: Vec<u8>, queue: Option<&Receiver<Job>>) -> Together {
        let mut all = Together {
            bytes,
            batches: 1,
            next: None,
        };
        while let Some(queue) = queue.filter(|_| all.bytes.len() < TOGETHER) {
            match queue.try_recv() {
                Ok(Job::Apply(_, more)) => {
                    all.bytes.extend_from_slice(&more);
                    all.batches += 1;
                }
                Ok(other) => {
                    all.next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        all
    }
}

/// Whoever panicked with it has left nothing half done that a later job would not find out.
pub(super) fn lock<T: ?Sized>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn passed(outcome: Result<(), SinkError>) -> Done {
    match outcome {
        Ok(()) => Done::Passed { jobs: 1 },
        Err(error) => Done::Failed(error),
    }
}
