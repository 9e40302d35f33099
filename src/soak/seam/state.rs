//! What the seam counts and what it lets happen.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::forge;
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

/// A defect of everything below the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// What is written stays in memory, for ever.
    Leak,
    /// Values change on their way into the log, and what vouches for them: those of the last
    /// operations before each so many. The log is read where the file is opened anew.
    WrongValue(u64),
    /// Commits are lost that come while the engine folds the log by itself.
    DropsConcurrent,
}

/// A file of which some handles see what its headers were.
#[derive(Debug)]
struct Stale {
    path: PathBuf,
    /// Handles opened before this one.
    opened: u64,
    headers: Vec<u8>,
}

/// So many operations.
const FORGED: u64 = 100;
/// A leak is noticed at some size.
const LEAKED: usize = 4096;

/// Shared by all files of a seam.
#[derive(Debug, Default)]
pub struct Shared {
    /// Bytes handed to the system.
    pub bytes_written: AtomicU64,
    /// Syncs.
    pub syncs: AtomicU64,
    /// Handles opened so far.
    opened: AtomicU64,
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
    flaw: Option<Flaw>,
    leaked: Vec<Box<[u8]>>,
    /// The folding thread has written, so that the next commit is lost.
    folding: bool,
    dropped: u64,
    stale: Option<Stale>,
}

/// The thread in which the engine folds the log by itself.
pub(super) const FOLDER: &str = "creel-checkpoint";

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
            || state.flaw.is_some()
            || state.stale.is_some();
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

    /// From now on there is a defect.
    pub fn plant(&self, flaw: Flaw) {
        let mut state = self.lock();
        state.flaw = Some(flaw);
        self.settle(&state);
    }

    /// Whoever has this file open goes on seeing the headers that it has now.
    pub fn freeze_headers(&self, path: &Path) -> io::Result<()> {
        let headers = super::headers_of(path)?;
        let mut state = self.lock();
        state.stale = Some(Stale {
            path: path.to_owned(),
            opened: self.opened.load(Ordering::Relaxed),
            headers,
        });
        self.settle(&state);
        Ok(())
    }

    /// The number of a handle that is being opened.
    pub(super) fn next_handle(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed)
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
        // What is to be lost is a commit, not a page of a checkpoint that goes on beside it.
        if matches!(armed.strike, Strike::Swallow) && is_folder() {
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

    /// What a read by this handle gives in place of what the file holds.
    pub fn after_read(&self, path: &Path, handle: u64, buf: &mut [u8], offset: u64) {
        let stale = self.stale.as_ref();
        let Some(stale) = stale.filter(|s| s.path == path && handle < s.opened) else {
            return;
        };
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let kept = stale.headers.get(at..).unwrap_or(&[]);
        for (byte, old) in buf.iter_mut().zip(kept) {
            *byte = *old;
        }
    }

    /// What is written in place of these bytes: a defect.
    pub fn instead_of(&mut self, buf: &[u8]) -> Option<Vec<u8>> {
        match self.flaw? {
            Flaw::Leak => {
                let kept = vec![1; buf.len().max(LEAKED)];
                self.leaked.push(kept.into_boxed_slice());
                None
            }
            Flaw::WrongValue(every) => forge::frames(buf, |operation| {
                every > 0 && operation % every >= every.saturating_sub(FORGED)
            }),
            Flaw::DropsConcurrent => None,
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
        if self.flaw == Some(Flaw::DropsConcurrent) {
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
