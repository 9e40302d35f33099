//! A replica that becomes primary: a fence at the first free number, then a look behind it.

use super::Seen;

/// One attempt to put a fence at the end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Promoter<S: Seen> {
    fence: S,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// Is there something behind the tail? Saves a fence that would be in vain.
    Before,
    Creating,
    Reading,
    /// Is there something behind the fence? Then the number had been used and removed.
    Behind,
    Done,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromoterStep<S> {
    /// List numbers above this one; the answer goes to `listed`. A listing that failed is repeated,
    /// never taken for an empty one.
    List(u64),
    /// Create the fence; the answer goes to `created`, `exists` or `unknown`.
    Create(S),
    /// Wait, then create the same bytes again.
    Again(S),
    /// Read this number; the answer goes to `found`. After a failure, read again.
    Read(u64),
    /// This node is the primary of the fence's epoch.
    Won(S),
    /// The chain goes on behind the tail: read on first. Nothing was written.
    Behind(u64),
    /// Somebody else's segment has the number. Nothing of ours is in the chain.
    Taken(S),
    /// The fence stands, and the chain goes on behind it: this node is not primary. The fence stays,
    /// since others may have built on it.
    Overtaken(u64),
}

impl<S: Seen> Promoter<S> {
    /// With a fence that stands behind the last number read.
    pub fn new(fence: S) -> (Self, PromoterStep<S>) {
        let promoter = Promoter {
            fence,
            state: State::Before,
        };
        (promoter, PromoterStep::List(fence.number() - 1))
    }

    /// The fence.
    pub fn fence(&self) -> S {
        self.fence
    }

    /// The first number of a listing that succeeded.
    pub fn listed(&mut self, first: Option<u64>) -> Option<PromoterStep<S>> {
        let step = match (self.state, first) {
            (State::Before, None) => {
                self.state = State::Creating;
                return Some(PromoterStep::Create(self.fence));
            }
            (State::Before, Some(number)) => PromoterStep::Behind(number),
            (State::Behind, None) => PromoterStep::Won(self.fence),
            (State::Behind, Some(number)) => PromoterStep::Overtaken(number),
            _ => return None,
        };
        self.state = State::Done;
        Some(step)
    }

    /// The create succeeded.
    pub fn created(&mut self) -> Option<PromoterStep<S>> {
        if self.state != State::Creating {
            return None;
        }
        self.state = State::Behind;
        Some(PromoterStep::List(self.fence.number()))
    }

    /// The name is taken, perhaps by an earlier try.
    pub fn exists(&mut self) -> Option<PromoterStep<S>> {
        if self.state != State::Creating {
            return None;
        }
        self.state = State::Reading;
        Some(PromoterStep::Read(self.fence.number()))
    }

    /// The create failed, or no answer came.
    pub fn unknown(&mut self) -> Option<PromoterStep<S>> {
        (self.state == State::Creating).then_some(PromoterStep::Again(self.fence))
    }

    /// What stands at the number.
    pub fn found(&mut self, found: Option<S>) -> Option<PromoterStep<S>> {
        if self.state != State::Reading {
            return None;
        }
        Some(match found {
            None => {
                self.state = State::Creating;
                PromoterStep::Again(self.fence)
            }
            Some(found) if found.is_same_write(&self.fence) => {
                self.state = State::Behind;
                PromoterStep::List(self.fence.number())
            }
            Some(found) => {
                self.state = State::Done;
                PromoterStep::Taken(found)
            }
        })
    }
}
