//! A replica that follows the chain.

use super::Seen;

/// A listing for so many polls that found nothing: a read of the next number is cheaper, but cannot
/// tell a segment that is not there yet from one that is not there any more.
pub const LIST_EVERY: u32 = 64;

/// Reads segments one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader<S: Seen> {
    next: u64,
    point: S::Point,
    state: State<S>,
    empty_polls: u32,
    must_list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State<S> {
    Idle,
    Listing,
    Reading,
    /// A fence that is not believed before what is behind it was seen.
    BehindFence(S),
    ReadingBehind(S),
    Lost,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReaderStep<S> {
    /// List numbers above this one; the answer goes to `listed`. A listing that failed is repeated.
    List(u64),
    /// Read this number; the answer goes to `found`. After a failure, read again.
    Read(u64),
    /// The next segment of the chain: apply it.
    Deliver(S),
    /// The end of the chain. It may grow: poll again later.
    AtEnd,
    /// The next number is gone, and the chain goes on at another: start from a snapshot.
    Gap(u64),
    /// What stands at the next number does not continue the log here: one of the two is not on the
    /// chain. Start from a snapshot, or find the common ancestor.
    OffChain(S),
}

impl<S: Seen> Reader<S> {
    /// Behind `point`, with the segment `next`.
    pub fn new(next: u64, point: S::Point) -> Self {
        Reader {
            next,
            point,
            state: State::Idle,
            empty_polls: 0,
            must_list: true,
        }
    }

    /// The number that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Where the delivered log ends.
    pub fn point(&self) -> S::Point {
        self.point
    }

    /// Asks for the next segment.
    pub fn poll(&mut self) -> Option<ReaderStep<S>> {
        if self.state != State::Idle {
            return None;
        }
        let list = self.must_list || self.empty_polls >= LIST_EVERY;
        Some(match list {
            true => self.list(),
            false => self.read(),
        })
    }

    /// Time has passed in which anything may have happened: the next poll lists.
    pub fn slept(&mut self) {
        self.must_list = true;
    }

    /// The first number of a listing that succeeded.
    pub fn listed(&mut self, first: Option<u64>) -> Option<ReaderStep<S>> {
        match self.state {
            State::Listing => {
                self.must_list = false;
                self.empty_polls = 0;
                Some(match first {
                    None => self.idle(),
                    Some(number) if number == self.next => self.read(),
                    Some(number) => self.gap(number),
                })
            }
            State::BehindFence(fence) => Some(match first {
                None => self.deliver(fence),
                Some(number) if number == fence.number() + 1 => {
                    self.state = State::ReadingBehind(fence);
                    ReaderStep::Read(number)
                }
                Some(number) => self.gap(number),
            }),
            _ => None,
        }
    }

    /// What stands at the number.
    pub fn found(&mut self, found: Option<S>) -> Option<ReaderStep<S>> {
        match (self.state, found) {
            (State::Reading, None) => {
                self.empty_polls += 1;
                Some(self.idle())
            }
            (State::Reading, Some(segment)) if segment.before() != self.point => {
                Some(self.off_chain(segment))
            }
            (State::Reading, Some(fence)) if fence.is_fence() => {
                self.state = State::BehindFence(fence);
                Some(ReaderStep::List(fence.number()))
            }
            (State::Reading, Some(segment)) => Some(self.deliver(segment)),
            // It went away while it was looked at: what comes next then tells.
            (State::ReadingBehind(fence), None) => {
                self.state = State::BehindFence(fence);
                Some(ReaderStep::List(fence.number()))
            }
            (State::ReadingBehind(fence), Some(next)) => {
                Some(match next.before() == fence.after() {
                    true => self.deliver(fence),
                    false => self.off_chain(fence),
                })
            }
            _ => None,
        }
    }

    fn list(&mut self) -> ReaderStep<S> {
        self.state = State::Listing;
        ReaderStep::List(self.next - 1)
    }

    fn read(&mut self) -> ReaderStep<S> {
        self.state = State::Reading;
        ReaderStep::Read(self.next)
    }

    fn idle(&mut self) -> ReaderStep<S> {
        self.state = State::Idle;
        ReaderStep::AtEnd
    }

    fn deliver(&mut self, segment: S) -> ReaderStep<S> {
        self.next = segment.number() + 1;
        self.point = segment.after();
        self.state = State::Idle;
        self.empty_polls = 0;
        ReaderStep::Deliver(segment)
    }

    fn gap(&mut self, number: u64) -> ReaderStep<S> {
        self.state = State::Lost;
        ReaderStep::Gap(number)
    }

    fn off_chain(&mut self, segment: S) -> ReaderStep<S> {
        self.state = State::Lost;
        ReaderStep::OffChain(segment)
    }
}
