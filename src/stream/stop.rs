//! A wish to end, which wakes everybody who waits.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Somebody who waits for more than one thing.
pub trait Wake: Send + Sync {
    /// Something has changed: look again.
    fn wake(&self);
}

#[derive(Default)]
struct State {
    stopped: bool,
    sleepers: Vec<Weak<dyn Wake>>,
}

/// Shared by all threads of a server or follower.
#[derive(Default)]
pub struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has left nothing half done in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything ends.
    pub fn request(&self) {
        let sleepers = {
            let mut state = self.lock();
            state.stopped = true;
            std::mem::take(&mut state.sleepers)
        };
        self.changed.notify_all();
        for sleeper in sleepers.iter().filter_map(Weak::upgrade) {
            sleeper.wake();
        }
    }

    /// Was it wished?
    pub fn is_requested(&self) -> bool {
        self.lock().stopped
    }

    /// Wakes this one too when it is.
    pub fn register(&self, sleeper: &Arc<impl Wake + 'static>) {
        let weak: Weak<dyn Wake> = Arc::downgrade(&(Arc::clone(sleeper) as Arc<dyn Wake>));
        let stopped = {
            let mut state = self.lock();
            state.sleepers.retain(|other| other.strong_count() > 0);
            state.sleepers.push(weak);
            state.stopped
        };
        if stopped {
            sleeper.wake();
        }
    }

    /// Waits until the end is wished.
    pub fn sleep(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits so long, or until the end is wished; true then.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.lock();
        while !state.stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
