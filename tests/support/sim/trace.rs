//! The calls that reached the disk.

use super::FaultOn;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoKind {
    Read,
    Write,
    /// The first half of a durable write: its bytes reach the cache.
    DurableWrite,
    /// The second half: its range reaches the medium. A crash right before it is the crash in
    /// the middle of a durable write.
    DurableFlush,
    Sync,
    SetSize,
    Create,
    Rename,
    Remove,
    DirSync,
}

impl IoKind {
    pub fn fault(self) -> FaultOn {
        match self {
            IoKind::Read => FaultOn::Read,
            IoKind::Write | IoKind::DurableWrite => FaultOn::Write,
            IoKind::DurableFlush | IoKind::Sync => FaultOn::Sync,
            IoKind::SetSize => FaultOn::SetSize,
            IoKind::Create => FaultOn::Create,
            IoKind::Rename => FaultOn::Rename,
            IoKind::Remove => FaultOn::Remove,
            IoKind::DirSync => FaultOn::DirSync,
        }
    }
}

/// One entry of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoCall {
    pub kind: IoKind,
    /// The file concerned; 0 for calls by path.
    pub inode: u64,
    pub offset: u64,
    /// Length of the range; the new size for `SetSize`.
    pub len: u64,
}

impl IoCall {
    /// How long it may make a file.
    pub fn reaches(&self) -> u64 {
        match self.kind {
            IoKind::Write | IoKind::DurableWrite => self.offset + self.len,
            IoKind::SetSize => self.len,
            _ => 0,
        }
    }
}
