//! A replica that follows the chain.
//!
//! A segment is taken once it is certain that its number was not used and removed before: the next one
//! links to it, or nothing above it is gone. The second is what `floor/` tells (see `gc`).

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
    /// The newest floor that is known: how many there were, and the number that it names.
    floors: Option<(u64, u64)>,
    /// The one behind the last that was delivered, read already.
    ahead: Option<S>,
    /// There was none.
    ended: bool,
    listed_end: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State<S> {
    Idle,
    Listing,
    Reading,
    /// A segment, and the read of the one behind it.
    Ahead(S),
    /// Nothing is behind it: is there a floor that is not known yet?
    Floor(S),
    /// A segment that is not believed before a listing has told what is behind it: a fence, or any
    /// other where no floor is known.
    Behind(S),
    ReadingBehind(S),
    /// What is behind it does not link to it: was it removed and made again?
    Unlinked(S),
    Lost,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReaderStep<S> {
    /// List numbers above this one; the answer goes to `listed`. A listing that failed is repeated.
    List(u64),
    /// Read this number; the answer goes to `found`. After a failure, read again; where it is damaged
    /// and lies ahead, `unreadable` goes on without it.
    Read(u64),
    /// Read this floor; the answer goes to `floor`.
    Floor(u64),
    /// Find the newest floor; the answer goes to `knows_floor`.
    Floors,
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
            floors: None,
            ahead: None,
            ended: false,
            listed_end: false,
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
        if self.must_list || self.empty_polls >= LIST_EVERY {
            return Some(self.list());
        }
        if std::mem::take(&mut self.ended) {
            return Some(self.idle(false));
        }
        let step = self.read();
        match self.ahead.take() {
            Some(segment) => self.found(Some(segment)),
            None => Some(step),
        }
    }

    /// Time has passed in which anything may have happened: the next poll lists.
    pub fn slept(&mut self) {
        self.must_list = true;
    }

    /// The last [`ReaderStep::AtEnd`] was told by a listing.
    pub fn listed_end(&self) -> bool {
        self.listed_end
    }

    /// `count` floors were announced, the last of them `number`; none is (0, 1). Where a segment waits
    /// for it, this was found out after that segment was read.
    pub fn knows_floor(&mut self, count: u64, number: u64) -> Option<ReaderStep<S>> {
        self.floors = Some((count, number));
        match self.state {
            State::Floor(_) | State::Unlinked(_) => self.floor(None),
            _ => None,
        }
    }

    /// What a floor says; [`None`] where it is not there.
    pub fn floor(&mut self, found: Option<u64>) -> Option<ReaderStep<S>> {
        let (count, floor) = self.floors?;
        let (State::Floor(segment) | State::Unlinked(segment)) = self.state else {
            return None;
        };
        if let Some(number) = found {
            self.floors = Some((count + 1, number));
            return Some(ReaderStep::Floor(count + 2));
        }
        // Nothing from the floor on was removed when that was asked.
        Some(match self.state {
            _ if segment.number() < floor => self.gap(floor),
            State::Floor(_) => {
                let step = self.deliver(segment, None);
                self.ended = true;
                step
            }
            _ => self.off_chain(segment),
        })
    }

    /// The floor that was asked for is damaged: a listing tells what it would have.
    pub fn without_floors(&mut self) -> Option<ReaderStep<S>> {
        self.floors = None;
        match self.state {
            State::Floor(segment) => Some(self.behind(segment)),
            State::Unlinked(segment) => Some(self.off_chain(segment)),
            _ => None,
        }
    }

    /// The first number of a listing that succeeded.
    pub fn listed(&mut self, first: Option<u64>) -> Option<ReaderStep<S>> {
        match self.state {
            State::Listing => {
                self.must_list = false;
                self.empty_polls = 0;
                Some(match first {
                    None => self.idle(true),
                    Some(number) if number == self.next => self.read(),
                    Some(number) => self.gap(number),
                })
            }
            State::Behind(segment) => Some(match first {
                None => {
                    let step = self.deliver(segment, None);
                    self.ended = true;
                    step
                }
                Some(number) if number == segment.number() + 1 => {
                    self.state = State::ReadingBehind(segment);
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
                Some(self.idle(false))
            }
            (State::Reading, Some(segment)) if segment.before() != self.point => {
                Some(self.off_chain(segment))
            }
            (State::Reading, Some(fence)) if fence.is_fence() => Some(self.behind(fence)),
            (State::Reading, Some(segment)) => {
                self.state = State::Ahead(segment);
                Some(ReaderStep::Read(segment.number() + 1))
            }
            (State::Ahead(segment), None) if self.floors.is_none() => Some(self.behind(segment)),
            (State::Ahead(segment), None) => {
                self.state = State::Floor(segment);
                Some(self.ask_floor())
            }
            // It went away while it was looked at: what comes next then tells.
            (State::ReadingBehind(segment), None) => Some(self.behind(segment)),
            (State::Ahead(segment) | State::ReadingBehind(segment), Some(next)) => {
                Some(match next.before() == segment.after() {
                    true => self.deliver(segment, Some(next)),
                    false => {
                        self.state = State::Unlinked(segment);
                        self.ask_floor()
                    }
                })
            }
            _ => None,
        }
    }

    /// The read that is under way is of what lies ahead.
    pub fn is_ahead(&self) -> bool {
        matches!(self.state, State::Ahead(_))
    }

    /// What lies ahead is damaged, so it proves nothing: the segment before it is the next all the same
    /// where the floors say so.
    pub fn unreadable(&mut self) -> Option<ReaderStep<S>> {
        let State::Ahead(segment) = self.state else {
            return None;
        };
        self.state = State::Floor(segment);
        Some(self.ask_floor())
    }

    fn ask_floor(&self) -> ReaderStep<S> {
        match self.floors {
            Some((count, _)) => ReaderStep::Floor(count + 1),
            None => ReaderStep::Floors,
        }
    }

    fn behind(&mut self, segment: S) -> ReaderStep<S> {
        self.state = State::Behind(segment);
        ReaderStep::List(segment.number())
    }

    fn list(&mut self) -> ReaderStep<S> {
        self.state = State::Listing;
        (self.ahead, self.ended) = (None, false);
        ReaderStep::List(self.next - 1)
    }

    fn read(&mut self) -> ReaderStep<S> {
        self.state = State::Reading;
        ReaderStep::Read(self.next)
    }

    fn idle(&mut self, listed: bool) -> ReaderStep<S> {
        self.state = State::Idle;
        self.listed_end = listed;
        ReaderStep::AtEnd
    }

    fn deliver(&mut self, segment: S, ahead: Option<S>) -> ReaderStep<S> {
        self.next = segment.number() + 1;
        self.point = segment.after();
        self.state = State::Idle;
        self.ahead = ahead;
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
