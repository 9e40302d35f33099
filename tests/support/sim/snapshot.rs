//! The disk at one moment, and the disks that may follow from it.

use std::fmt;
use std::sync::Arc;

use creel::sys::FileSystem;

use super::disk::{Inner, SimDisk};
use super::state::State;
use super::{CrashChoice, IoCall, mix};

/// The state of a disk between two calls. Cloning it, and taking one, costs microseconds.
#[derive(Clone)]
pub struct SimDiskSnapshot {
    state: Arc<State>,
    op: usize,
    call: Option<IoCall>,
    seed: u64,
    clock_us: u64,
    kind: FileSystem,
}

impl SimDiskSnapshot {
    pub fn of(inner: &Inner, call: Option<IoCall>) -> Self {
        SimDiskSnapshot {
            state: Arc::clone(&inner.state),
            op: inner.trace.len(),
            call,
            // A disk that lives on draws other random numbers than its past did.
            seed: mix(inner.seed ^ mix(inner.drawn)),
            clock_us: inner.clock_us,
            kind: inner.kind.clone(),
        }
    }

    /// Number of the call that was about to be executed, from 0.
    pub fn op(&self) -> usize {
        self.op
    }

    /// The call that was about to be executed; `None` when the snapshot was asked for.
    pub fn call(&self) -> Option<IoCall> {
        self.call
    }

    /// How many operations a crash may keep or lose.
    pub fn pending_fragments(&self) -> usize {
        self.state.pending()
    }

    /// One line per pending operation, for the message of a failed test.
    pub fn describe_pending(&self) -> Vec<String> {
        self.state.describe_pending()
    }

    /// Inode, offset and length of every write that is not on the medium yet.
    pub fn pending_writes(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.state.pending_writes()
    }

    /// Bytes of a file as reads see them; not part of the trace.
    pub fn read(&self, inode: u64, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.state.inode(inode).cache.read(&mut bytes, offset);
        bytes
    }

    /// A new disk holding what a power loss leaves behind. No locks, no open files, no faults.
    pub fn fork_at_crash(&self, choice: &CrashChoice) -> Arc<SimDisk> {
        self.fork(Arc::new(self.state.after_crash(choice)))
    }

    /// A new disk as the next process finds it after a kill: the cache is kept, what was pending
    /// still is.
    pub fn fork_at_kill(&self) -> Arc<SimDisk> {
        self.fork(Arc::clone(&self.state))
    }

    fn fork(&self, state: Arc<State>) -> Arc<SimDisk> {
        SimDisk::with(state, self.seed, self.clock_us, self.kind.clone())
    }
}

impl fmt::Debug for SimDiskSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "before call {} ({:?}): ", self.op, self.call)?;
        f.debug_list().entries(self.describe_pending()).finish()
    }
}
