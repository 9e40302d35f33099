//! What a stream is made from and what it ends in. `replica` implements both on a database; tests
//! do in memory.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::format::entry::Point;

/// Where a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// After the newest durable entry.
    pub point: Point,
    /// Newest index in the store, 0 without one.
    pub published: u64,
    /// Oldest position that the log can be read from.
    pub floor: u64,
}

/// What is known of a log besides its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Newest index in the store, 0 without one.
    pub published: u64,
    /// Oldest position that the log can be read from.
    pub floor: u64,
}

/// Why a source gives nothing for a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The position is on another history.
    Diverged {
        /// Newest index that both may share, 0 where unknown.
        ancestor: u64,
    },
    /// The log does not reach back so far, or not without a bulk load in between.
    NotRetained {
        /// Oldest position that can be gone on from.
        oldest: u64,
        /// Why, for people.
        reason: String,
    },
    /// The position is beyond the source's head.
    Behind,
    /// The source cannot be read now.
    Unavailable {
        /// Why, for people.
        reason: String,
    },
}

/// Some entries in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Whole portable entries.
    pub bytes: Vec<u8>,
    /// The log after the last of them.
    pub end: Point,
}

/// The log of one lineage, as its holder reads it.
pub trait LogSource: Send + Sync {
    /// Which database this is.
    fn lineage(&self) -> [u8; 16];
    /// File id of this copy.
    fn node(&self) -> [u8; 16];
    /// Where its durable log ends.
    fn head(&self) -> Result<Head, Refusal>;
    /// Reads behind a position, which must be on this history.
    fn open(&self, after: &Point) -> Result<Box<dyn EntryCursor>, Refusal>;
    /// Waits until the log has entries behind `after`, or the time is over.
    fn wait(&self, after: u64, timeout: Duration) -> Result<(), Refusal>;
    /// What is published and how far the log reaches back.
    fn bounds(&self) -> Bounds;
    /// Goes up when another file takes the place of the one that is read.
    fn generation(&self) -> u64 {
        0
    }
    /// A whole copy of the database at one moment.
    fn snapshot(&self) -> Result<Snapshot, Refusal>;
    /// A newer epoch exists. True where this is a primary, which is fenced now: nothing may be
    /// acknowledged here any more.
    fn saw_epoch(&self, epoch: u32) -> bool;
}

/// Reads a log forward.
pub trait EntryCursor: Send {
    /// The next durable entries: whole ones, at least one if there is any; `None` at the head.
    fn read(&mut self, max_entries: usize, max_bytes: usize) -> Result<Option<Batch>, Refusal>;
}

/// A copy of a database as a stream of bytes.
pub struct Snapshot {
    /// The log after the newest entry that the copy contains.
    pub position: Point,
    /// Bytes that `reader` gives.
    pub bytes: u64,
    /// What a check of the copy reads first, by place, for those who check while it comes.
    pub early: Box<dyn Iterator<Item = (u64, Vec<u8>)> + Send>,
    /// The copy.
    pub reader: Box<dyn Read + Send>,
}

/// Why a copy does not take what it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkError {
    /// The entries are on another history than the copy's.
    Diverged {
        /// Why, for people.
        reason: String,
    },
    /// The bytes are damaged or not what was announced; sent again they may be whole.
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// The copy cannot go on by entries: a snapshot is needed.
    NeedsSnapshot {
        /// Why, for people.
        reason: String,
    },
    /// The copy's own storage or role refuses.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// A copy that is fed, by whichever thread has something for it.
pub type Sink = Arc<Mutex<dyn ReplicaSink>>;

/// For the threads of a connection.
pub fn shared(sink: impl ReplicaSink + 'static) -> Sink {
    Arc::new(Mutex::new(sink))
}

/// A copy that is fed.
pub trait ReplicaSink: Send {
    /// Applies whole entries behind the copy's position, durably and as one; entries that it has
    /// already are passed over. Gives the position after them.
    fn apply(&mut self, entries: &[u8]) -> Result<Point, SinkError>;
    /// A whole copy begins to arrive; the old data stays in use.
    fn seed_begin(&mut self, bytes: u64, position: &Point) -> Result<(), SinkError>;
    /// Bytes of it ahead of their turn, before the first of those: they come again.
    fn seed_early(&mut self, _offset: u64, _bytes: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }
    /// The next bytes of it.
    fn seed_part(&mut self, bytes: &[u8]) -> Result<(), SinkError>;
    /// It is whole: checks it and puts it in place.
    fn seed_end(&mut self) -> Result<Point, SinkError>;
    /// It does not come to its end: what arrived is thrown away.
    fn seed_abort(&mut self);
    /// The highest epoch heard of rises.
    fn saw_epoch(&mut self, epoch: u32) -> Result<(), SinkError>;
    /// What the source said about itself; for status.
    fn heard(&mut self, _head: &Head, _caught_up: bool) {}
}
