//! Threads that run one at a time, as a schedule says: every lock, wait, atomic and swap is a place
//! where it may turn to another one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use shuttle::thread;

pub use shuttle::sync::mpsc::sync_channel;
pub use shuttle::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic,
};

use atomic::{AtomicBool, Ordering};

/// Turns that stand for a time in which others may come: in a schedule none passes.
const PATIENT_TURNS: u32 = 4;

/// Lets other threads run a few times.
#[derive(Debug, Default)]
pub struct Patience {
    turns: u32,
}

impl Patience {
    /// Is some of it left?
    pub fn is_left(&mut self, _whole: Duration) -> bool {
        self.turns += 1;
        self.turns <= PATIENT_TURNS
    }

    /// Somebody else's turn.
    pub fn yield_now(&self) {
        thread::yield_now();
    }
}

/// [`ArcSwap`] with a turn before and after.
#[derive(Debug)]
pub struct Swap<T> {
    shared: ArcSwap<T>,
    turn: AtomicBool,
}

impl<T> Swap<T> {
    /// Holds this.
    pub fn from_pointee(value: T) -> Self {
        Swap {
            shared: ArcSwap::from_pointee(value),
            turn: AtomicBool::new(false),
        }
    }

    /// What it holds now.
    pub fn load(&self) -> Guard<Arc<T>> {
        self.turn();
        self.shared.load()
    }

    /// The same, to keep.
    pub fn load_full(&self) -> Arc<T> {
        self.turn();
        self.shared.load_full()
    }

    /// From now on this.
    pub fn store(&self, value: Arc<T>) {
        self.turn();
        self.shared.store(value);
        self.turn();
    }

    fn turn(&self) {
        self.turn.load(Ordering::Acquire);
    }
}

/// [`std::thread::Builder`].
#[derive(Debug, Default)]
pub struct Builder(thread::Builder);

impl Builder {
    /// A thread without a name.
    pub fn new() -> Self {
        Builder(thread::Builder::new())
    }

    /// With this one.
    pub fn name(self, name: String) -> Self {
        Builder(self.0.name(name))
    }

    /// Begins it.
    pub fn spawn<T: Send + 'static>(
        self,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let ended = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&ended);
        let thread = self.0.spawn(move || {
            let result = run();
            ends.store(true, Ordering::Release);
            result
        })?;
        Ok(JoinHandle { thread, ended })
    }
}

/// [`std::thread::JoinHandle`], which shuttle's cannot be asked whether it has ended.
#[derive(Debug)]
pub struct JoinHandle<T> {
    thread: thread::JoinHandle<T>,
    ended: Arc<AtomicBool>,
}

impl<T> JoinHandle<T> {
    /// Has it done what it had to?
    pub fn is_finished(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What it came to.
    pub fn join(self) -> std::thread::Result<T> {
        self.thread.join()
    }
}
