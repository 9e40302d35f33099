//! The rules of the chain as functions from events to steps: no request, no clock, no randomness.
//!
//! Assumed of the store: a create succeeds once for a name, a listing shows every create that has
//! ended, and a request may be delayed without bound, carried out twice, or lose its answer.
//!
//! - G1: the newest segment is never removed. G2: a fence is never removed. G3: segments are
//!   removed in rising order. G4: a number is used only by who saw the number before it. G5: what is
//!   removed lies below a floor that was announced before, in an object that stays for ever.
//! - An old primary cannot confirm a write: the next true object behind its last one is its own, or
//!   a fence, which stays for ever and makes its create fail. Behind the first one of a process it may be one
//!   of the process before it, with other entries, so there a listing tells.
//! - A process that goes on from the end of the chain does not take such an object for it: while it is there, so is
//!   something newer (G1), and a listing behind what was read tells.
//! - A promoter that slept cannot take a number that was used and removed for a free one: something
//!   newer exists at all times (G1, G3), so the listing behind its fence is not empty.
//! - A reader cannot follow such an object either, nor take it: the next one does not link to it, and
//!   where nothing is there, the floors say whether the number was removed before it was read.
//!
//! `tests/chain/model` walks through every order of events of a small chain.

mod ending;
mod gc;
mod keeping;
mod promoter;
mod publisher;
mod reader;

use std::fmt::Debug;

use super::object::Facts;
use crate::format::entry::Point;

pub use ending::{Ending, EndingStep};
pub use gc::{Gc, GcStep};
pub use keeping::{Held, Wanted, floor};
pub use promoter::{Promoter, PromoterStep};
pub use publisher::{Publisher, PublisherStep, Stop};
pub use reader::{LIST_EVERY, Reader, ReaderStep};

/// What the rules need to know of a segment. The model has smaller ones than the store.
pub trait Seen: Copy + Eq + Debug {
    /// A point of the log.
    type Point: Copy + Eq + Debug;
    /// Number in the chain.
    fn number(&self) -> u64;
    /// Epoch of its writer.
    fn epoch(&self) -> u32;
    /// It begins an epoch.
    fn is_fence(&self) -> bool;
    /// The log before it.
    fn before(&self) -> Self::Point;
    /// The log after it.
    fn after(&self) -> Self::Point;
    /// Both are one and the same write.
    fn is_same_write(&self, other: &Self) -> bool;
    /// Both come from one copy of the database.
    fn is_same_node(&self, other: &Self) -> bool;
}

impl Seen for Facts {
    type Point = Point;

    fn number(&self) -> u64 {
        self.number
    }

    fn epoch(&self) -> u32 {
        self.epoch
    }

    fn is_fence(&self) -> bool {
        self.fence
    }

    fn before(&self) -> Point {
        self.before
    }

    fn after(&self) -> Point {
        self.after
    }

    fn is_same_write(&self, other: &Facts) -> bool {
        self.nonce == other.nonce && self == other
    }

    fn is_same_node(&self, other: &Facts) -> bool {
        self.node == other.node
    }
}
