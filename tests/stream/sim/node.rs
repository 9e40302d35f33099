//! A node: its log, and what survives a restart.

use crate::memory::Log;

/// What a node follows, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Go on from the own position.
    Follow,
    /// Take a new copy: the own history is not the primary's.
    Reseed,
}

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    pub log: Log,
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
}

impl Node {
    pub fn new(primary: bool) -> Node {
        Node {
            log: Log::default(),
            highest: 1,
            primary,
            fenced: false,
            paused_until_us: 0,
            upstream: 0,
            wish: Wish::Follow,
            retry_us: 0,
            copy: 0,
            starts: 1,
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
}
