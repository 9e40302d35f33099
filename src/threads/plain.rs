//! Threads as the operating system runs them.

use std::time::{Duration, Instant};

pub use arc_swap::ArcSwap as Swap;
pub use std::sync::mpsc::sync_channel;
pub use std::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic,
};
pub use std::thread::{Builder, JoinHandle};

/// Lets other threads run, a little at a time, for as long as this in all.
#[derive(Debug, Default)]
pub struct Patience {
    since: Option<Instant>,
}

impl Patience {
    /// Is some of it left?
    pub fn is_left(&mut self, whole: Duration) -> bool {
        self.since.get_or_insert_with(Instant::now).elapsed() <= whole
    }

    /// Somebody else's turn.
    pub fn yield_now(&self) {
        std::thread::yield_now();
    }
}
