//! A primary that adds segments to the chain: one number in flight at a time.
//!
//! A create that succeeds proves that the number was free, not that it had never been used. Behind its own
//! last segment a process knows: there is only its own next one, or a fence, which stays. For its first one
//! it does not, since a create of the process before it may have been on its way: that one may have been
//! carried out, followed by a fence, and removed. So behind the first it lists.

use super::Seen;

/// Adds segments behind a tail that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Publisher<S: Seen> {
    tail: u64,
    point: S::Point,
    epoch: u32,
    state: State<S>,
    /// The last segment is one of this process.
    own: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State<S> {
    Idle,
    Creating(S),
    Reading(S),
    Comparing(S),
    /// It is there: what is behind it?
    Behind(S),
    ReadingBehind(S),
    Stopped(Stop<S>),
}

/// Why nothing more can be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop<S> {
    /// Another node is primary since this fence.
    Fenced(S),
    /// Something stands there that nobody should have written.
    Foreign(S),
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublisherStep<S> {
    /// Create this segment; the answer goes to `created`, `exists` or `unknown`.
    Create(S),
    /// Wait, then create the same bytes again.
    Again(S),
    /// Read this number; the answer goes to `found`. After a failure, read again.
    Read(u64),
    /// List numbers above this one; the answer goes to `listed`. A listing that failed is repeated.
    List(u64),
    /// Compare the entries of this segment, which an earlier process of this node wrote, with the
    /// log here; the answer goes to `compared`.
    Compare(S),
    /// This segment is in the chain now. It may be another than was offered: look where it ends.
    Published(S),
    /// No more.
    Stopped(Stop<S>),
}

impl<S: Seen> Publisher<S> {
    /// Behind the segment `tail`, which ends at `point`; `epoch` is the one of this primary.
    pub fn new(tail: u64, point: S::Point, epoch: u32) -> Self {
        Publisher {
            tail,
            point,
            epoch,
            state: State::Idle,
            own: false,
        }
    }

    /// No answer comes to what was asked: the same segment can be offered once more.
    pub fn again(&mut self) {
        if self.stopped().is_none() {
            self.state = State::Idle;
        }
    }

    /// The number that comes next.
    pub fn next(&self) -> u64 {
        self.tail + 1
    }

    /// Where the published log ends.
    pub fn point(&self) -> S::Point {
        self.point
    }

    /// What it cannot go on from.
    pub fn stopped(&self) -> Option<Stop<S>> {
        match self.state {
            State::Stopped(stop) => Some(stop),
            _ => None,
        }
    }

    /// Nothing is in flight.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// A read or a listing is under way.
    pub fn is_asking(&self) -> bool {
        use State::{Behind, Reading, ReadingBehind};
        matches!(self.state, Reading(_) | Behind(_) | ReadingBehind(_))
    }

    /// Offers the next segment. [`None`] where one is in flight, or this is not the next one.
    pub fn offer(&mut self, segment: S) -> Option<PublisherStep<S>> {
        let next = segment.number() == self.next()
            && segment.before() == self.point
            && segment.epoch() == self.epoch
            && !segment.is_fence();
        if !next || !self.is_idle() {
            return None;
        }
        self.state = State::Creating(segment);
        Some(PublisherStep::Create(segment))
    }

    /// Looks whether the next number is free, before anything is written. `found` is what stands
    /// there.
    pub fn look(&mut self, found: Option<S>) -> Option<Stop<S>> {
        if let (State::Idle, Some(found)) = (self.state, found)
            && !self.is_ours(&found)
        {
            self.stop(found);
        }
        self.stopped()
    }

    /// The create succeeded.
    pub fn created(&mut self) -> Option<PublisherStep<S>> {
        match self.state {
            State::Creating(segment) => Some(self.there(segment)),
            _ => None,
        }
    }

    /// The name is taken. That proves nothing: an earlier try of the same create may have taken it.
    pub fn exists(&mut self) -> Option<PublisherStep<S>> {
        let State::Creating(segment) = self.state else {
            return None;
        };
        self.state = State::Reading(segment);
        Some(PublisherStep::Read(segment.number()))
    }

    /// The create failed, or no answer came: it may have happened, or may happen yet.
    pub fn unknown(&mut self) -> Option<PublisherStep<S>> {
        match self.state {
            State::Creating(segment) => Some(PublisherStep::Again(segment)),
            _ => None,
        }
    }

    /// What stands at the number.
    pub fn found(&mut self, found: Option<S>) -> Option<PublisherStep<S>> {
        let segment = match self.state {
            State::Reading(segment) => segment,
            State::ReadingBehind(segment) => return Some(self.found_behind(segment, found)),
            _ => return None,
        };
        Some(match found {
            // A store may report a conflict for a create that did not happen.
            None => {
                self.state = State::Creating(segment);
                PublisherStep::Again(segment)
            }
            Some(found) if found.is_same_write(&segment) => self.there(segment),
            Some(found) if self.is_ours(&found) => {
                self.state = State::Comparing(found);
                PublisherStep::Compare(found)
            }
            Some(found) => PublisherStep::Stopped(self.stop(found)),
        })
    }

    /// Whether the segment of the earlier process has the same entries as the log here.
    pub fn compared(&mut self, same: bool) -> Option<PublisherStep<S>> {
        let State::Comparing(found) = self.state else {
            return None;
        };
        Some(match same {
            true => self.there(found),
            false => PublisherStep::Stopped(self.stop(found)),
        })
    }

    /// Written by this node in this epoch, and linked.
    fn is_ours(&self, found: &S) -> bool {
        let mine = match self.state {
            State::Reading(mine) => found.is_same_node(&mine),
            _ => true, // the comparison comes with the create
        };
        mine && !found.is_fence() && found.epoch() == self.epoch && found.before() == self.point
    }

    /// The first number above the one that was given, of a listing that succeeded.
    pub fn listed(&mut self, first: Option<u64>) -> Option<PublisherStep<S>> {
        let State::Behind(segment) = self.state else {
            return None;
        };
        Some(match first {
            None => self.publish(segment),
            Some(number) => {
                self.state = State::ReadingBehind(segment);
                PublisherStep::Read(number)
            }
        })
    }

    fn found_behind(&mut self, segment: S, found: Option<S>) -> PublisherStep<S> {
        match found {
            // Removed since: so there is another one.
            None => self.there(segment),
            Some(next) if next.before() == segment.after() => self.publish(segment),
            Some(next) => PublisherStep::Stopped(self.stop(next)),
        }
    }

    /// The segment stands at its number.
    fn there(&mut self, segment: S) -> PublisherStep<S> {
        if self.own {
            return self.publish(segment);
        }
        self.state = State::Behind(segment);
        PublisherStep::List(segment.number())
    }

    fn publish(&mut self, segment: S) -> PublisherStep<S> {
        self.own = true;
        self.tail = segment.number();
        self.point = segment.after();
        self.state = State::Idle;
        PublisherStep::Published(segment)
    }

    fn stop(&mut self, found: S) -> Stop<S> {
        let stop = match found.is_fence() && found.epoch() > self.epoch {
            true => Stop::Fenced(found),
            false => Stop::Foreign(found),
        };
        self.state = State::Stopped(stop);
        stop
    }
}
