//! What the seam counts and what it lets happen.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::undo::Undo;
use crate::soak::random::{Draw, Purpose};
use crate::sys::File;

/// Which calls are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Writes, durable ones too.
    Write,
    /// Syncs, and durable writes.
    Sync,
    /// Changes of the length.
    Size,
    /// All of them.
    Any,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// It fails with this error, once.
    Fail(i32),
    /// It and all after it fail so, until the fault is taken away.
    FailOn(i32),
    /// The first half of a write is made, then it fails with this error.
    Half(i32),
    /// The power fails. The number is for what persists.
    PowerCut(u64),
    /// It says that all is well, and does nothing: a defect.
    Swallow,
}

/// A prepared fault.
#[derive(Debug, Clone, Copy)]
struct Armed {
    on: Target,
    /// Calls that still go through.
    left: u64,
    strike: Strike,
}

/// How a call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Pass,
    Swallow,
}

/// Shared by all files of a seam.
#[derive(Debug, Default)]
pub struct Shared {
    /// Bytes handed to the system.
    pub bytes_written: AtomicU64,
    /// Syncs.
    pub syncs: AtomicU64,
    /// Something may happen to a call.
    pub(super) active: AtomicBool,
    state: Mutex<State>,
}

/// What may happen.
#[derive(Debug, Default)]
pub(super) struct State {
    armed: Option<Armed>,
    /// How often something struck since it was armed.
    struck: u64,
    undo: Option<Undo>,
    /// The device only says that it syncs.
    lies: bool,
    lied: u64,
    /// Number of power cuts.
    life: u64,
    /// The next commit after the folding thread has begun to write is lost: a defect.
    drops_concurrent: bool,
    folding: bool,
    dropped: u64,
}

/// The thread in which the engine folds the log by itself.
const FOLDER: &str = "creel-checkpoint";

fn failed(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

const EIO: i32 = 5;

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, state: &State) {
        let active = state.armed.is_some()
            || state.undo.is_some()
            || state.life > 0
            || state.drops_concurrent;
        self.active.store(active, Ordering::Release);
    }

    pub(super) fn life(&self) -> u64 {
        self.lock().life
    }

    /// Prepares a fault: of the calls meant, `left` go through first.
    pub fn arm(&self, on: Target, left: u64, strike: Strike) {
        let mut state = self.lock();
        state.armed = Some(Armed { on, left, strike });
        state.struck = 0;
        self.settle(&state);
    }

    /// Takes it away, and tells how often it struck.
    pub fn disarm(&self) -> u64 {
        let mut state = self.lock();
        state.armed = None;
        state.lies = false;
        self.settle(&state);
        std::mem::take(&mut state.struck)
    }

    /// How often the fault has struck so far.
    pub fn struck(&self) -> u64 {
        self.lock().struck
    }

    /// From now on a power cut can be simulated: what is replaced is remembered until it is synced.
    pub fn remember(&self) {
        let mut state = self.lock();
        state.undo.get_or_insert_default();
        self.settle(&state);
    }

    /// Syncs are only pretended from now on.
    pub fn lie(&self) {
        self.lock().lies = true;
    }

    /// How many syncs were only pretended.
    pub fn lied(&self) -> u64 {
        self.lock().lied
    }

    /// The power fails now. Files that are open do nothing more.
    pub fn cut_power(&self, seed: u64) -> io::Result<()> {
        let mut state = self.lock();
        let cut = state.cut(seed);
        self.settle(&state);
        cut
    }

    /// A defect: commits are lost that come while the engine folds the log by itself.
    pub fn drop_concurrent(&self) {
        let mut state = self.lock();
        state.drops_concurrent = true;
        self.settle(&state);
    }

    /// Writes that were lost by that defect.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

impl State {
    pub fn check_alive(&self, life: u64) -> io::Result<()> {
        match life == self.life {
            true => Ok(()),
            false => Err(failed(EIO)),
        }
    }

    fn cut(&mut self, seed: u64) -> io::Result<()> {
        self.life += 1;
        self.struck += 1;
        self.armed = None;
        self.lies = false;
        match &mut self.undo {
            Some(undo) => undo.strike(&mut Draw::at(seed, Purpose::Fault, 1)),
            None => Ok(()),
        }
    }

    /// What strikes this call.
    fn strikes(&mut self, on: &[Target]) -> Option<Strike> {
        let armed = self.armed.as_mut()?;
        if armed.on != Target::Any && !on.contains(&armed.on) {
            return None;
        }
        if armed.left > 0 {
            armed.left -= 1;
            return None;
        }
        let strike = armed.strike;
        self.struck += 1;
        if !matches!(strike, Strike::FailOn(_)) {
            self.armed = None;
        }
        Some(strike)
    }

    /// A sync, or a change of the length.
    pub fn before_call(&mut self, life: u64, on: Target) -> io::Result<Effect> {
        self.check_alive(life)?;
        match self.strikes(&[on]) {
            Some(Strike::Fail(errno) | Strike::FailOn(errno) | Strike::Half(errno)) => {
                Err(failed(errno))
            }
            Some(Strike::PowerCut(seed)) => {
                self.cut(seed)?;
                Err(failed(EIO))
            }
            Some(Strike::Swallow) => Ok(Effect::Swallow),
            None if on == Target::Sync && self.lies => {
                self.lied += 1;
                Ok(Effect::Swallow)
            }
            None => Ok(Effect::Pass),
        }
    }

    /// All that was written is durable now.
    pub fn synced(&mut self) {
        if let Some(undo) = &mut self.undo {
            undo.clear();
        }
    }

    /// A write.
    pub fn before_write(
        &mut self,
        life: u64,
        file: &Arc<dyn File>,
        buf: &[u8],
        offset: u64,
        durable: bool,
    ) -> io::Result<Effect> {
        self.check_alive(life)?;
        if self.drops_concurrent {
            if is_folder() {
                self.folding = true;
            } else if std::mem::take(&mut self.folding) {
                self.dropped += 1;
                return Ok(Effect::Swallow);
            }
        }
        let targets: &[Target] = match durable {
            true => &[Target::Write, Target::Sync],
            false => &[Target::Write],
        };
        let strike = self.strikes(targets);
        // A durable write is a sync too.
        self.lied += u64::from(durable && self.lies && strike.is_none());
        let durable = durable && !self.lies;
        if let Some(undo) = &mut self.undo {
            match (durable, strike) {
                (true, None) => undo.keep(offset, buf),
                _ => undo.note(file, offset, buf.len())?,
            }
        }
        match strike {
            None => Ok(Effect::Pass),
            Some(Strike::Fail(errno) | Strike::FailOn(errno)) => Err(failed(errno)),
            Some(Strike::Half(errno)) => {
                file.write_at(buf.get(..buf.len() / 2).unwrap_or(&[]), offset)?;
                Err(failed(errno))
            }
            Some(Strike::PowerCut(seed)) => {
                file.write_at(buf, offset)?;
                self.cut(seed)?;
                Err(failed(EIO))
            }
            Some(Strike::Swallow) => Ok(Effect::Swallow),
        }
    }
}

fn is_folder() -> bool {
    std::thread::current().name() == Some(FOLDER)
}
