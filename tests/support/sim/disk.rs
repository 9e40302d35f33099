//! The simulated disk as a file system.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use creel::sys::{Access, File, FileIdentity, FileSystem, Vfs};

use super::fault::Faults;
use super::file::SimFile;
use super::locks::Locks;
use super::state::State;
use super::{CrashChoice, FaultKind, FaultOn, FaultPlan, IoCall, IoKind, SimDiskSnapshot, mix};

/// When simulated time begins, in microseconds since 1970.
const START_US: u64 = 1_700_000_000_000_000;

/// What is called before every call that can change the disk. It must not use the disk itself.
type Observer = Box<dyn FnMut(&SimDiskSnapshot) + Send>;

/// Everything behind the handles.
pub struct Inner {
    pub state: Arc<State>,
    pub locks: Locks,
    /// Open files by number, with the inode each keeps alive.
    pub open: BTreeMap<u64, u64>,
    /// Open files whose next sync reports that another one's sync failed and lost writes: as in
    /// Linux, every description that was open then is told once, later ones never.
    pub owed_errors: BTreeSet<u64>,
    pub faults: Faults,
    /// No file can have more bytes.
    pub room: Option<u64>,
    pub trace: Vec<IoCall>,
    last_file: u64,
    pub seed: u64,
    pub drawn: u64,
    pub clock_us: u64,
    /// Somebody has set the clock; time that has passed does not know it.
    pub skew_us: i64,
    pub kind: FileSystem,
}

impl Inner {
    pub fn state_mut(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }

    /// Forgets files that nobody can reach any more.
    pub fn forget_unreachable(&mut self) {
        let Inner { state, open, .. } = self;
        Arc::make_mut(state).forget_unnamed(|inode| open.values().any(|of| *of == inode));
    }

    fn tick(&mut self) -> u64 {
        self.clock_us += 1;
        self.clock_us
    }
}

/// No test makes so many calls on one disk.
const ENDLESS: usize = 1_000_000;

/// What the disk and the files opened on it share.
pub struct Shared {
    inner: Mutex<Inner>,
    observer: Mutex<Option<Observer>>,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that failed in another thread has said so already.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The beginning of each call: shows the state to the observer, records the call, and tells
    /// whether it is to fail.
    pub fn begin(&self, call: IoCall) -> (MutexGuard<'_, Inner>, Option<FaultKind>) {
        if call.kind != IoKind::Read {
            let mut observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(observer) = observer.as_mut() {
                let snapshot = SimDiskSnapshot::of(&self.lock(), Some(call));
                observer(&snapshot);
            }
        }
        let mut inner = self.lock();
        assert_ne!(inner.trace.len(), ENDLESS, "this does not come to an end");
        inner.trace.push(call);
        let fault = inner.faults.strike(call.kind.fault());
        let full = inner.room.is_some_and(|room| call.reaches() > room);
        let full = full.then_some(FaultKind::Errno(libc::ENOSPC));
        (inner, fault.or(full))
    }

    /// As [`Shared::begin`], for calls that fail without any effect.
    fn begin_by_path(&self, kind: IoKind) -> io::Result<MutexGuard<'_, Inner>> {
        let (inner, fault) = self.begin(IoCall {
            kind,
            inode: 0,
            offset: 0,
            len: 0,
        });
        fault.map_or(Ok(inner), |fault| Err(fault.error()))
    }
}

/// A disk in memory.
pub struct SimDisk(Arc<Shared>);

impl SimDisk {
    /// An empty disk.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(seed: u64) -> Arc<SimDisk> {
        let kind = FileSystem::Local("simulated".to_owned());
        SimDisk::with(Arc::default(), seed, START_US, kind)
    }

    pub fn with(state: Arc<State>, seed: u64, clock_us: u64, kind: FileSystem) -> Arc<SimDisk> {
        let inner = Inner {
            state,
            locks: Locks::default(),
            open: BTreeMap::new(),
            owed_errors: BTreeSet::new(),
            faults: Faults::default(),
            room: None,
            trace: Vec::new(),
            last_file: 0,
            seed,
            drawn: 0,
            clock_us,
            skew_us: 0,
            kind,
        };
        Arc::new(SimDisk(Arc::new(Shared {
            inner: Mutex::new(inner),
            observer: Mutex::new(None),
        })))
    }

    /// Number of I/O calls so far (a durable write counts as two).
    pub fn ops(&self) -> usize {
        self.0.lock().trace.len()
    }

    /// All I/O calls so far.
    pub fn trace(&self) -> Vec<IoCall> {
        self.0.lock().trace.clone()
    }

    /// How many operations a crash may keep or lose now.
    pub fn pending_fragments(&self) -> usize {
        self.0.lock().state.pending()
    }

    /// The state now.
    pub fn snapshot(&self) -> SimDiskSnapshot {
        SimDiskSnapshot::of(&self.0.lock(), None)
    }

    /// See [`SimDiskSnapshot::fork_at_crash`].
    pub fn fork_at_crash(&self, choice: &CrashChoice) -> Arc<SimDisk> {
        self.snapshot().fork_at_crash(choice)
    }

    /// Calls `observer` before every call that can change the disk, and in the middle of every
    /// durable write.
    pub fn set_observer(&self, observer: Box<dyn FnMut(&SimDiskSnapshot) + Send>) {
        *self
            .0
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// Drops the observer, and with it what it owns.
    pub fn clear_observer(&self) {
        *self
            .0
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Plans a fault; counting starts now.
    pub fn set_fault(&self, plan: FaultPlan) {
        self.0.lock().faults.set(Some(plan));
    }

    /// Files can have so many bytes from now on, and not more.
    pub fn set_room(&self, bytes: u64) {
        self.0.lock().room = Some(bytes);
    }

    /// All calls succeed again.
    pub fn clear_fault(&self) {
        let mut inner = self.0.lock();
        inner.faults.set(None);
        inner.room = None;
    }

    /// Sets the clock so far off.
    pub fn set_clock_off(&self, skew_us: i64) {
        self.0.lock().skew_us = skew_us;
    }

    /// A system that tells nobody else about a failed sync.
    pub fn forget_owed_errors(&self) {
        self.0.lock().owed_errors.clear();
    }

    /// How many calls of a kind there were since the plan was set.
    pub fn calls(&self, on: FaultOn) -> usize {
        self.0.lock().faults.calls(on)
    }

    /// What is planned for another disk goes on here: that one has lost its power.
    pub fn take_faults(&self, other: &SimDisk) {
        let faults = std::mem::take(&mut other.0.lock().faults);
        self.0.lock().faults = faults;
    }

    /// How often the planned fault has struck; 0 means that `nth` was beyond the last call.
    pub fn fault_hits(&self) -> usize {
        self.0.lock().faults.hits()
    }

    /// Pretends to be another kind of file system.
    pub fn set_file_system(&self, kind: FileSystem) {
        self.0.lock().kind = kind;
    }

    /// The bytes that reads see; not part of the trace.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let inner = self.0.lock();
        let inode = inner.state.lookup(path).ok()?;
        Some(inner.state.inode(inode).cache.to_vec())
    }

    /// Puts a file there, durable, not part of the trace: for damaged images.
    pub fn install(&self, path: &Path, bytes: &[u8]) {
        self.0.lock().state_mut().install(path, bytes);
    }

    /// The same for disks that nobody could tell apart by reading.
    pub fn fingerprint(&self) -> u64 {
        self.0.lock().state.fingerprint()
    }

    /// All names, sorted.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().state.paths()
    }

    fn handle(&self, inner: &mut Inner, inode: u64, writable: bool) -> Arc<dyn File> {
        inner.last_file += 1;
        inner.open.insert(inner.last_file, inode);
        Arc::new(SimFile::new(
            Arc::clone(&self.0),
            inner.last_file,
            inode,
            writable,
        ))
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl Vfs for SimDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        if access == Access::CreateNew {
            let mut inner = self.0.begin_by_path(IoKind::Create)?;
            let inode = inner.state_mut().create(path)?;
            return Ok(self.handle(&mut inner, inode, true));
        }
        let mut inner = self.0.lock();
        let inode = inner.state.lookup(path)?;
        match inner.faults.strike(FaultOn::Open) {
            Some(fault) => Err(fault.error()),
            None => Ok(self.handle(&mut inner, inode, access == Access::Write)),
        }
    }

    fn open_scratch(&self, _near: &Path) -> io::Result<Arc<dyn File>> {
        let mut inner = self.0.begin_by_path(IoKind::Create)?;
        let inode = inner.state_mut().create_scratch();
        Ok(self.handle(&mut inner, inode, true))
    }

    /// Half of all disks can do that.
    fn open_nameless(&self, _near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        if self.0.lock().seed & 1 == 1 {
            return None;
        }
        let mut inner = self.0.begin_by_path(IoKind::Create).ok()?;
        let (inode, path) = inner.state_mut().create_nameless();
        Some((self.handle(&mut inner, inode, true), path))
    }

    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.0.begin_by_path(IoKind::Create)?;
        let inode = inner.state.lookup(path)?;
        inner.state_mut().link(inode, to)
    }

    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        let inner = self.0.lock();
        let inode = inner.state.lookup(path)?;
        Ok(FileIdentity {
            device: 1,
            inode,
            links: inner.state.links(inode),
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0
            .begin_by_path(IoKind::Rename)?
            .state_mut()
            .rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.0.begin_by_path(IoKind::Rename)?;
        inner.state.lookup(from)?;
        if inner.state.lookup(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        inner.state_mut().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0
            .begin_by_path(IoKind::Remove)?
            .state_mut()
            .remove(path)
    }

    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        self.0
            .begin_by_path(IoKind::DirSync)?
            .state_mut()
            .sync_dir_of(path);
        Ok(())
    }

    fn file_system(&self, _path: &Path) -> io::Result<FileSystem> {
        Ok(self.0.lock().kind.clone())
    }

    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        let mut inner = self.0.lock();
        for chunk in buf.chunks_mut(8) {
            inner.drawn += 1;
            let word = mix(mix(inner.seed) ^ inner.drawn).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }

    fn now_us(&self) -> u64 {
        let mut inner = self.0.lock();
        let skew_us = inner.skew_us;
        inner.tick().saturating_add_signed(skew_us)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.lock().tick() - START_US)
    }

    fn pause(&self, time: Duration) {
        self.0.lock().clock_us += time.as_micros() as u64;
        // Another thread may be what is waited for.
        std::thread::yield_now();
    }
}
