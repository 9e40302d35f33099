//! Removes segments below a floor. Anybody may do it at any time, an old primary too.

/// Walks the chain from its beginning to the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gc {
    floor: u64,
    at: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// Does the chain reach the floor? What is removed is then never the newest (G1).
    Floor,
    Announcing,
    Listing,
    Looking,
    Removing,
    Done,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GcStep {
    /// List numbers above this one; the answer goes to `listed`.
    List(u64),
    /// See to it that this floor, or a higher one, is announced for ever; then call `announced`. Readers
    /// tell by it what may have been removed (G5).
    Announce(u64),
    /// Read the header of this number; the answer goes to `looked`.
    Look(u64),
    /// Remove this number; after success call `removed`. After a failure stop: what comes later may
    /// only go when this is gone (G3).
    Remove(u64),
    /// Nothing below the floor is left but fences, and what may be one.
    Done,
    /// The chain ends below the floor: nothing is removed.
    NoFloor,
}

impl Gc {
    /// Keeps `floor` and what comes behind it.
    pub fn new(floor: u64) -> (Gc, GcStep) {
        let gc = Gc {
            floor,
            at: 0,
            state: State::Floor,
        };
        (gc, GcStep::List(floor.saturating_sub(1)))
    }

    /// The first number of a listing that succeeded.
    pub fn listed(&mut self, first: Option<u64>) -> Option<GcStep> {
        Some(match (self.state, first) {
            (State::Floor, None) => {
                self.state = State::Done;
                GcStep::NoFloor
            }
            (State::Floor, Some(_)) => {
                self.state = State::Announcing;
                GcStep::Announce(self.floor)
            }
            (State::Listing, Some(number)) if number < self.floor => {
                self.at = number;
                self.state = State::Looking;
                GcStep::Look(number)
            }
            (State::Listing, _) => {
                self.state = State::Done;
                GcStep::Done
            }
            _ => return None,
        })
    }

    /// The floor is announced.
    pub fn announced(&mut self) -> Option<GcStep> {
        (self.state == State::Announcing).then(|| self.list())
    }

    /// Whether the segment is a fence; [`None`] where it is not there any more, or cannot be read: what may be a
    /// fence stays like one.
    pub fn looked(&mut self, is_fence: Option<bool>) -> Option<GcStep> {
        if self.state != State::Looking {
            return None;
        }
        Some(match is_fence {
            Some(false) => {
                self.state = State::Removing;
                GcStep::Remove(self.at)
            }
            // A fence stays for ever (G2).
            Some(true) | None => self.list(),
        })
    }

    /// The segment is gone.
    pub fn removed(&mut self) -> Option<GcStep> {
        (self.state == State::Removing).then(|| self.list())
    }

    fn list(&mut self) -> GcStep {
        self.state = State::Listing;
        GcStep::List(self.at)
    }
}
