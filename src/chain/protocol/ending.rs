//! Where the chain ends, for who goes on from there.
//!
//! The highest number is listed, and then read. In between it may be removed, and made again by what a
//! killed process had sent: entries in another cut, and maybe not of the chain. Then something newer is
//! there at all times (G1), so a listing that finds nothing behind it, or a segment behind it that links
//! to it, proves it.

use super::Seen;

/// Finds the newest segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ending<S: Seen> {
    state: State<S>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State<S> {
    Newest,
    Reading,
    /// What is behind it?
    Behind(S),
    ReadingBehind(S),
    Done,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndingStep<S> {
    /// List for the highest number; the answer goes to `newest`. A listing that failed is repeated.
    Newest,
    /// Read this number; the answer goes to `found`. After a failure, read again.
    Read(u64),
    /// List numbers above this one; the answer goes to `listed`.
    List(u64),
    /// The chain ended with this segment a moment ago; [`None`] where it has none.
    Ends(Option<S>),
}

impl<S: Seen> Ending<S> {
    /// At the beginning.
    pub fn new() -> (Self, EndingStep<S>) {
        let state = State::Newest;
        (Ending { state }, EndingStep::Newest)
    }

    /// A listing of what is behind a segment is under way.
    pub fn is_listing_behind(&self) -> bool {
        matches!(self.state, State::Behind(_))
    }

    /// The highest number.
    pub fn newest(&mut self, number: Option<u64>) -> Option<EndingStep<S>> {
        match (self.state, number) {
            (State::Newest, None) => Some(self.ends(None)),
            (State::Newest, Some(number)) => {
                self.state = State::Reading;
                Some(EndingStep::Read(number))
            }
            _ => None,
        }
    }

    /// What stands at the number.
    pub fn found(&mut self, found: Option<S>) -> Option<EndingStep<S>> {
        match (self.state, found) {
            (State::Reading, Some(segment)) => {
                self.state = State::Behind(segment);
                Some(EndingStep::List(segment.number()))
            }
            (State::ReadingBehind(segment), Some(next)) if next.before() == segment.after() => {
                Some(self.ends(Some(segment)))
            }
            // Removed since, or made again.
            (State::Reading | State::ReadingBehind(_), _) => Some(self.anew()),
            _ => None,
        }
    }

    /// The first number of a listing that succeeded.
    pub fn listed(&mut self, first: Option<u64>) -> Option<EndingStep<S>> {
        let State::Behind(segment) = self.state else {
            return None;
        };
        Some(match first {
            None => self.ends(Some(segment)),
            Some(next) if next == segment.number() + 1 => {
                self.state = State::ReadingBehind(segment);
                EndingStep::Read(next)
            }
            Some(_) => self.anew(),
        })
    }

    fn anew(&mut self) -> EndingStep<S> {
        self.state = State::Newest;
        EndingStep::Newest
    }

    fn ends(&mut self, segment: Option<S>) -> EndingStep<S> {
        self.state = State::Done;
        EndingStep::Ends(segment)
    }
}
