//! The real file system with a record of what is done to its files, and with a clock, random bytes and an
//! end of the medium that a test sets.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::db::handle::lock;
use crate::db::{CreateOptions, Db, OpenOptions};
use crate::sys::{
    Access, File, FileIdentity, FileMap, FileOver, FileSystem, LockMode, OsVfs, Vfs, VfsOver,
};

/// One thing that was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Bytes at an offset.
    Write(u64, u64),
    /// The same, waited for.
    Durable(u64, u64),
    Sync,
    /// Another length.
    Size(u64),
}

type Step = Box<dyn FnMut(u64) + Send>;
type Judge = Box<dyn FnMut(u64) -> io::Result<()> + Send>;

#[derive(Default)]
struct State {
    done: Mutex<Vec<Done>>,
    /// 0 = the real ones.
    now_us: AtomicU64,
    random: Mutex<Option<u8>>,
    paused_us: AtomicU64,
    pauses: AtomicU64,
    before_lock: Mutex<Option<Step>>,
    before_write: Mutex<Option<Judge>>,
    before_call: Mutex<Option<Judge>>,
    in_sync: Mutex<Option<Box<dyn FnMut() + Send>>>,
    calls: AtomicU64,
}

/// All files that are opened through clones of it are watched together.
#[derive(Clone, Default)]
pub struct Watched(Arc<State>);

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

impl Watched {
    /// What was done since the last call.
    pub fn take(&self) -> Vec<Done> {
        std::mem::take(&mut lock(&self.0.done))
    }

    /// The wall clock stands still here.
    pub fn set_clock(&self, now_us: u64) {
        self.0.now_us.store(now_us, Ordering::Relaxed);
    }

    /// All random bytes are this one.
    pub fn set_random(&self, byte: u8) {
        *lock(&self.0.random) = Some(byte);
    }

    /// Pauses so far, and how long they would have been: nothing is waited for.
    pub fn paused(&self) -> (u64, Duration) {
        let time = Duration::from_micros(self.0.paused_us.load(Ordering::Relaxed));
        (self.0.pauses.load(Ordering::Relaxed), time)
    }

    /// Calls `step` with the byte before each try of a lock, but not while it runs.
    pub fn before_lock(&self, step: impl FnMut(u64) + Send + 'static) {
        *lock(&self.0.before_lock) = Some(Box::new(step));
    }

    /// Asks with the offset before each write, and refuses it with that error.
    pub fn before_write(&self, judge: impl FnMut(u64) -> io::Result<()> + Send + 'static) {
        *lock(&self.0.before_write) = Some(Box::new(judge));
    }

    /// Asks with its number, from 1, before each call that may fail, and lets it fail with that error.
    pub fn before_call(&self, judge: impl FnMut(u64) -> io::Result<()> + Send + 'static) {
        self.0.calls.store(0, Ordering::Relaxed);
        *lock(&self.0.before_call) = Some(Box::new(judge));
    }

    /// Calls `step` in each sync.
    pub fn in_sync(&self, step: impl FnMut() + Send + 'static) {
        *lock(&self.0.in_sync) = Some(Box::new(step));
    }

    fn ask(&self) -> io::Result<()> {
        let number = self.0.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut judge = lock(&self.0.before_call);
        judge.as_mut().map_or(Ok(()), |judge| judge(number))
    }

    fn judge(&self, offset: u64) -> io::Result<()> {
        self.ask()?;
        let mut judge = lock(&self.0.before_write);
        judge.as_mut().map_or(Ok(()), |judge| judge(offset))
    }

    pub fn options(&self) -> OpenOptions {
        OpenOptions::new()
            .background_checkpoint(false)
            .vfs(Arc::new(self.clone()))
    }

    fn note(&self, done: Done) {
        lock(&self.0.done).push(done);
    }
}

/// A database with small log regions, and what is done to it from now on.
pub fn watched() -> (tempfile::TempDir, Watched, Db) {
    let dir = tempfile::tempdir().unwrap();
    let vfs = Watched::default();
    let db = vfs.options().create(dir.path().join("a.creel"), &small());
    vfs.take();
    (dir, vfs, db.unwrap())
}

pub fn small() -> CreateOptions {
    CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    }
}

/// How often the medium was waited for.
pub fn waits(done: &[Done]) -> usize {
    let waits = |done: &&Done| matches!(done, Done::Durable(..) | Done::Sync);
    done.iter().filter(waits).count()
}

#[derive(Debug)]
struct WatchedFile {
    file: Arc<dyn File>,
    vfs: Watched,
}

impl FileOver for WatchedFile {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.vfs.ask()?;
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.vfs.judge(offset)?;
        self.vfs.note(Done::Write(offset, buf.len() as u64));
        self.file.write_at(buf, offset)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.vfs.judge(offset)?;
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        self.vfs.note(Done::Durable(offset, len as u64));
        self.file.write_durable_at(bufs, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.vfs.ask()?;
        if let Some(step) = lock(&self.vfs.0.in_sync).as_mut() {
            step();
        }
        self.vfs.note(Done::Sync);
        self.file.sync()
    }

    fn size(&self) -> io::Result<u64> {
        self.vfs.ask()?;
        self.file.size()
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.vfs.ask()?;
        self.vfs.note(Done::Size(size));
        self.file.set_size(size)
    }

    fn map(&self, len: u64) -> io::Result<Option<FileMap>> {
        self.vfs.ask()?;
        self.file.map(len)
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.vfs.ask()?;
        self.file.identity()
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        self.vfs.ask()?;
        let step = lock(&self.vfs.0.before_lock).take();
        if let Some(mut step) = step {
            step(start);
            lock(&self.vfs.0.before_lock).get_or_insert(step);
        }
        self.file.try_lock(start, len, mode)
    }

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        self.vfs.ask()?;
        self.file.find_lock(start, len)
    }
}

impl VfsOver for Watched {
    fn under(&self) -> &dyn Vfs {
        &OsVfs
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.ask()?;
        Ok(Arc::new(WatchedFile {
            file: OsVfs.open(path, access)?,
            vfs: self.clone(),
        }))
    }

    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        self.ask()?;
        OsVfs.identity(path)
    }

    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        self.ask()?;
        OsVfs.file_system(path)
    }

    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        self.ask()?;
        match *lock(&self.0.random) {
            Some(byte) => buf.fill(byte),
            None => OsVfs.random(buf)?,
        }
        Ok(())
    }

    fn now_us(&self) -> u64 {
        match self.0.now_us.load(Ordering::Relaxed) {
            0 => OsVfs.now_us(),
            set => set,
        }
    }

    fn elapsed(&self) -> Duration {
        self.paused().1
    }

    fn pause(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.paused_us.fetch_add(us.max(1), Ordering::Relaxed);
        self.0.pauses.fetch_add(1, Ordering::Relaxed);
    }
}
