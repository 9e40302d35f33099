//! A node: its log, and what survives a restart.

use std::collections::HashSet;

use creel::chain::object::Writer;
use creel::format::entry::{Entry, Point};
use creel::stream::source::Head;

use super::chain::{Call, Job};
use super::holds::Shelf;
use crate::memory::Log;
use crate::rng::Rng;
use crate::samples::LINEAGE;

/// What a node follows, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Go on from the own position.
    Follow,
    /// Take a new copy: the own history is not the primary's, or the log does not reach back.
    Reseed,
    /// Go back to where the own history and the chain's part.
    Rejoin,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    pub log: Log,
    /// Entries up to here survive a power cut.
    pub durable: u64,
    /// Highest epoch heard of; survives a restart.
    pub highest: u32,
    pub primary: bool,
    /// Was primary, and knows that it no longer is.
    pub fenced: bool,
    pub paused_until_us: u64,
    pub upstream: usize,
    pub wish: Wish,
    pub retry_us: u64,
    /// Goes up when the log is replaced as a whole: readers of the old one end.
    pub copy: u32,
    pub starts: u8,
    /// A stored entry has changed since it was written.
    pub rotten: bool,
    /// Commits that were set aside, by the history after them.
    pub saved: HashSet<[u8; 16]>,
    /// Its work on the store.
    pub job: Job,
    pub call: Option<Call>,
    /// Known to be in the store.
    pub published: u64,
    /// Somebody wants it to be primary.
    pub chosen: bool,
    /// What is kept of its log that a checkpoint has passed.
    pub shelf: Shelf,
}

impl Node {
    /// Both have decided the same so far.
    pub fn stands_as(&self, other: &Node) -> bool {
        self.log.points() == other.log.points()
            && (self.log.sum, self.log.floor) == (other.log.sum, other.log.floor)
            && (self.durable, self.published) == (other.durable, other.published)
            && (self.highest, self.copy) == (other.highest, other.copy)
            && (self.primary, self.fenced) == (other.primary, other.fenced)
            && (self.wish, &self.saved) == (other.wish, &other.saved)
    }

    pub fn new(primary: bool) -> Node {
        Node {
            log: Log::default(),
            durable: 0,
            highest: 1,
            primary,
            fenced: false,
            paused_until_us: 0,
            upstream: 0,
            wish: Wish::Follow,
            retry_us: 0,
            copy: 0,
            starts: 1,
            rotten: false,
            saved: HashSet::new(),
            job: Job::Idle,
            call: None,
            published: 0,
            chosen: false,
            shelf: Shelf::default(),
        }
    }

    pub fn writable(&self) -> bool {
        self.primary && !self.fenced
    }

    pub fn saw_epoch(&mut self, epoch: u32) {
        self.highest = self.highest.max(epoch);
        if self.primary && epoch > self.log.head().epoch {
            self.fenced = true;
        }
    }

    /// What others may be given: never more than a power cut leaves.
    pub fn head(&self) -> Head {
        Head {
            point: *self.log.at(self.durable).unwrap(),
            published: self.published,
            floor: self.log.floor,
        }
    }

    pub fn sync(&mut self) {
        self.durable = self.log.head().index;
    }

    pub fn writer(&self, at: usize) -> Writer {
        Writer {
            lineage: LINEAGE,
            node: [at as u8; 16],
            incarnation: [self.starts; 16],
        }
    }

    /// Work on the store that a restart forgets.
    pub fn drop_job(&mut self) {
        self.job = Job::Idle;
        self.call = None;
    }

    /// Sets aside what comes behind an index; in a file that is durable before anything is taken
    /// back.
    pub fn save_behind(&mut self, index: u64) {
        let points = self.log.points().iter().skip(index as usize + 1);
        self.saved.extend(points.map(|point| point.history));
    }

    /// Takes back what comes behind an index.
    pub fn rewind(&mut self, index: u64) {
        self.log.truncate(index);
        self.shelf.rewind(index);
        self.durable = self.durable.min(index);
        self.copy += 1;
    }

    /// Another file takes the place of this one; what only this one has is set aside first.
    pub fn replace(&mut self, log: Log) {
        let shared = self.log.points().iter().rev();
        let shared = shared.filter(|point| log.at(point.index) == Some(point));
        let shared = shared.map(|point| point.index).next().unwrap_or(0);
        self.save_behind(shared);
        self.log = log;
        self.shelf.clear();
        self.sync();
        self.copy += 1;
        self.primary = false;
        self.fenced = false;
        self.rotten = false;
        self.wish = Wish::Follow;
        self.published = 0;
        self.chosen = false;
        self.drop_job();
    }

    /// What a machine leaves that loses its power: everything durable, and of the rest any part, the
    /// last entry of it perhaps torn. Gives what is lost.
    pub fn power_cut(&mut self, rng: &mut Rng) -> Vec<Point> {
        let head = self.log.head().index;
        let kept = self.durable + rng.below((head - self.durable) as usize + 1) as u64;
        let mut file = self.log.between(0, kept);
        if kept < head {
            let torn = self.log.bytes_of(kept + 1).unwrap();
            file.extend_from_slice(&torn[..rng.below(torn.len())]);
        }
        let after = Log::recover(&file);
        if after.head().index < self.durable {
            // A stored entry has changed. That is told, never taken for a torn end.
            assert!(self.rotten, "an entry that was durable is lost");
            return Vec::new();
        }
        let lost = self.log.points()[after.head().index as usize + 1..].to_vec();
        let floor = self.log.floor;
        self.rotten = false;
        self.log = after;
        self.log.floor = floor;
        self.sync();
        if !lost.is_empty() {
            self.copy += 1;
        }
        lost
    }

    /// A bit of a stored entry changes.
    pub fn rot(&mut self, rng: &mut Rng) -> bool {
        let head = self.log.head().index;
        let promoting = matches!(self.job, Job::Promoting { .. });
        if head == 0 || self.writable() || self.rotten || promoting {
            return false;
        }
        let index = 1 + rng.below(head as usize) as u64;
        self.log.rot(index, rng.below(100_000), rng.below(8) as u8);
        let bytes = self.log.bytes_of(index).unwrap();
        let before = self.log.at(index - 1).unwrap();
        let whole = Entry::split(bytes)
            .ok()
            .flatten()
            .is_some_and(|(entry, _)| entry.follows(before).is_ok());
        assert!(!whole, "a changed bit of a log entry goes unnoticed");
        self.rotten = true;
        true
    }
}
