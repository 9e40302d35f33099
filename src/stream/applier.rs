//! The thread that applies what comes over one follower connection: everything that touches the
//! copy, in order. A long sync or a check of a new copy holds up no heartbeat.

use std::sync::mpsc::Receiver;

use super::receiver::Limits;
use super::source::{Head, ReplicaSink, SinkError};
use crate::format::entry::{Entry, Point};

/// Bytes of batches that are applied as one.
const TOGETHER: usize = 8 << 20;

/// Work for the applying thread.
pub(super) enum Job {
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
pub(super) struct Budget {
    entries: u64,
    bytes: u64,
    begun: bool,
}

impl Budget {
    /// All of it.
    pub fn new(limits: Limits) -> Budget {
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

/// Works until nobody can give it any more jobs, and tells what came of each.
pub(super) fn work(
    sink: &mut dyn ReplicaSink,
    queue: &Receiver<Job>,
    tell: &dyn Fn(Done),
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
        tell(outcome);
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
