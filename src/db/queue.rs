//! Callers who wait for the present writer: the first of them serves all who came meanwhile.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::batch::Batch;
use super::handle::{Inner, lock};
use super::token::Commit;
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::threads::{Condvar, Mutex, MutexGuard, Patience};

#[cfg(test)]
mod tests;

/// Callers waiting for the present writer to finish.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Vec<Arc<Ticket>>,
    busy: bool,
    /// Callers that may come together: those of the last group, and who waited when it ended.
    expected: usize,
}

/// How long a leader lets other threads run while not all of those have come back. Callers in a
/// loop are back within microseconds, and then share one sync instead of waiting for two.
const PATIENCE: Duration = Duration::from_micros(50);

#[derive(Debug, Default)]
struct Ticket {
    state: Mutex<TicketState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct TicketState {
    batch: Option<Batch>,
    result: Option<Result<Commit>>,
    leader: bool,
}
impl Inner {
    /// Commits a batch; returns when it is as durable as the handle's mode asks.
    pub fn write(self: &Arc<Self>, batch: Batch) -> Result<Commit> {
        self.check_writable()?;
        batch.check(self.view.load().tree.header().page_size())?;
        if planted(Defect::PositionOutside)
            && let Some(positions) = batch.positions_alone()
        {
            self.write_grouped(positions)?;
        }
        let result = self.write_grouped(batch);
        if result.is_ok() && self.options.background && self.checkpoint_due() {
            self.start_background();
        }
        result
    }

    fn write_grouped(self: &Arc<Self>, batch: Batch) -> Result<Commit> {
        let mut queue = lock(&self.queue);
        // Where nobody is busy nobody waits: see `hand_over`.
        if !queue.busy && queue.expected <= 1 {
            queue.busy = true;
            drop(queue);
            let mut results = self.commit_group(vec![batch]);
            self.hand_over(1);
            return results.pop().unwrap_or(Err(Error::Poisoned));
        }
        let served = self.served(queue, &[Ticket::new(batch)]);
        served.unwrap_or(Err(Error::Poisoned))
    }

    /// Commits batches as if as many callers had come at once: they share writes and syncs, and each is a
    /// commit of its own, with a result of its own.
    pub fn write_all(self: &Arc<Self>, batches: Vec<Batch>) -> Vec<Result<Commit>> {
        let page_size = self.view.load().tree.header().page_size();
        let checked = batches.into_iter().map(|batch| {
            self.check_writable()?;
            batch.check(page_size)?;
            Ok(Ticket::new(batch))
        });
        let checked: Vec<Result<Arc<Ticket>>> = checked.collect();
        let tickets: Vec<_> = checked.iter().flatten().cloned().collect();
        let mut first = self.served(lock(&self.queue), &tickets);
        let result = |ticket: Result<Arc<Ticket>>| {
            let ticket = ticket?;
            let result = first.take().or_else(|| ticket.wait());
            result.unwrap_or(Err(Error::Poisoned))
        };
        let results = checked.into_iter().map(result).collect();
        if self.options.background && self.checkpoint_due() {
            self.start_background();
        }
        results
    }

    /// Until these are served, by this caller or another one; gives the result of the first.
    fn served<'a>(
        self: &'a Arc<Self>,
        mut queue: MutexGuard<'a, Queue>,
        tickets: &[Arc<Ticket>],
    ) -> Option<Result<Commit>> {
        let first = tickets.first()?;
        queue.waiting.extend(tickets.iter().cloned());
        if queue.busy {
            drop(queue);
            if let Some(result) = first.wait() {
                return Some(result);
            }
            queue = lock(&self.queue);
        }
        queue.busy = true;
        Some(self.lead(queue, first))
    }

    /// Serves everybody who waits, this caller's own ticket included.
    fn lead<'a>(
        self: &'a Arc<Self>,
        mut queue: MutexGuard<'a, Queue>,
        own: &Arc<Ticket>,
    ) -> Result<Commit> {
        let mut patience = Patience::default();
        while queue.waiting.len() < queue.expected {
            if !patience.is_left(PATIENCE) {
                break;
            }
            drop(queue);
            patience.yield_now();
            queue = lock(&self.queue);
        }
        let tickets = std::mem::take(&mut queue.waiting);
        drop(queue);
        let take = |t: &Arc<Ticket>| lock(&t.state).batch.take().unwrap_or_default();
        let batches: Vec<Batch> = tickets.iter().map(take).collect();
        let results = self.commit_group(batches);
        let served = tickets.len();
        let mut mine = Err(Error::Poisoned);
        for (ticket, result) in tickets.iter().zip(results) {
            if Arc::ptr_eq(ticket, own) {
                mine = result;
            } else {
                ticket.finish(result);
            }
        }
        self.hand_over(served);
        mine
    }

    /// Makes the first of those who wait the next writer.
    fn hand_over(&self, served: usize) {
        let mut queue = lock(&self.queue);
        queue.expected = served + queue.waiting.len();
        match queue.waiting.first() {
            Some(_) if planted(Defect::HandOverForgotten) => {}
            Some(next) => next.lead(),
            None => queue.busy = false,
        }
    }
}

impl Ticket {
    fn new(batch: Batch) -> Arc<Ticket> {
        let ticket = Ticket::default();
        lock(&ticket.state).batch = Some(batch);
        Arc::new(ticket)
    }

    /// Waits until the batch is committed (the result) or this caller has to lead (`None`).
    fn wait(&self) -> Option<Result<Commit>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(result) = state.result.take() {
                return Some(result);
            }
            if state.leader {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, result: Result<Commit>) {
        lock(&self.state).result = Some(result);
        self.changed.notify_one();
    }

    fn lead(&self) {
        lock(&self.state).leader = true;
        self.changed.notify_one();
    }
}
/// The same failure for another caller of the group.
pub(super) fn same_error(error: &Error) -> Error {
    let copy = |source: &io::Error| match source.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => source.kind().into(),
    };
    match error {
        Error::OutcomeUnknown { source } => Error::OutcomeUnknown {
            source: copy(source),
        },
        Error::Io {
            doing,
            path,
            source,
        } => Error::Io {
            doing,
            path: path.clone(),
            source: copy(source),
        },
        Error::Corrupt(c) => Error::Corrupt(c.clone()),
        Error::Busy {
            lock,
            holder,
            waited,
        } => Error::Busy {
            lock,
            holder: holder.clone(),
            waited: *waited,
        },
        Error::Fenced { reason } => Error::Fenced {
            reason: reason.clone(),
        },
        Error::HeldBack => Error::HeldBack,
        Error::Replaced { path } => Error::Replaced { path: path.clone() },
        _ => Error::Poisoned,
    }
}
