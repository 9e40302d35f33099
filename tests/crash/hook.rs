//! Something else happens in the middle of a call: another process commits while this one
//! checkpoints. In one thread, at a chosen call, hence the same every time.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel::sys::{Access, File, FileIdentity, FileMap, FileSystem, LockMode, Vfs};

use super::support::sim::SimDisk;

/// What to do before each call that can change the disk; it gets the call's number.
type Action = Box<dyn FnMut(usize) + Send>;

#[derive(Default)]
struct Hook {
    action: Mutex<Option<Action>>,
    calls: Mutex<usize>,
    calls_of: Mutex<Calls>,
}

/// Which calls an action steps into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Calls {
    /// All that change the disk.
    #[default]
    Changes,
    Reads,
    /// Syncs of a whole file.
    Syncs,
    /// Writes that are durable when they return.
    DurableWrites,
    /// Attempts to take a lock.
    Locks,
}

impl Hook {
    fn before(&self, call: Calls) {
        let wanted = *self.calls_of.lock().unwrap();
        let changes = !matches!(call, Calls::Reads | Calls::Locks);
        if wanted == call || wanted == Calls::Changes && changes {
            self.run();
        }
    }

    fn run(&self) {
        // Calls that the action itself makes through this handle are not hooked.
        let taken = self.action.lock().unwrap().take();
        if let Some(mut action) = taken {
            let call = {
                let mut calls = self.calls.lock().unwrap();
                *calls += 1;
                *calls
            };
            action(call);
            *self.action.lock().unwrap() = Some(action);
        }
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

/// The simulated disk as one process sees it.
#[derive(Debug, Clone)]
pub struct HookVfs {
    disk: Arc<SimDisk>,
    hook: Arc<Hook>,
}

impl HookVfs {
    pub fn new(disk: Arc<SimDisk>) -> HookVfs {
        HookVfs {
            disk,
            hook: Arc::default(),
        }
    }

    pub fn set(&self, action: impl FnMut(usize) + Send + 'static) {
        *self.hook.calls.lock().unwrap() = 0;
        *self.hook.action.lock().unwrap() = Some(Box::new(action));
    }

    /// The same before other calls.
    pub fn set_for(&self, calls: Calls, action: impl FnMut(usize) + Send + 'static) {
        *self.hook.calls_of.lock().unwrap() = calls;
        self.set(action);
    }

    pub fn clear(&self) {
        *self.hook.action.lock().unwrap() = None;
    }
}

#[derive(Debug)]
struct HookFile {
    file: Arc<dyn File>,
    hook: Arc<Hook>,
}

impl Vfs for HookVfs {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.disk.open(path, access)?;
        Ok(Arc::new(HookFile {
            file,
            hook: Arc::clone(&self.hook),
        }))
    }

    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>> {
        self.disk.open_scratch(near)
    }

    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        let (file, path) = self.disk.open_nameless(near)?;
        let hook = Arc::clone(&self.hook);
        Some((Arc::new(HookFile { file, hook }), path))
    }

    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        self.disk.link_nameless(path, to)
    }

    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        self.disk.identity(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename_new(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir_of(path)
    }

    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        self.disk.file_system(path)
    }

    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        self.disk.random(buf)
    }

    fn now_us(&self) -> u64 {
        self.disk.now_us()
    }

    fn elapsed(&self) -> Duration {
        self.disk.elapsed()
    }

    fn pause(&self, time: Duration) {
        self.disk.pause(time);
    }
}

impl File for HookFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.hook.before(Calls::Reads);
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.hook.before(Calls::Changes);
        self.file.write_at(buf, offset)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.hook.before(Calls::DurableWrites);
        self.file.write_durable_at(bufs, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.hook.before(Calls::Syncs);
        self.file.sync()
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.hook.before(Calls::Changes);
        self.file.set_size(size)
    }

    fn start_writeback(&self, offset: u64, len: u64) {
        self.file.start_writeback(offset, len);
    }

    fn drop_cache(&self, offset: u64, len: u64) {
        self.file.drop_cache(offset, len);
    }

    fn map(&self, len: u64) -> io::Result<Option<FileMap>> {
        self.file.map(len)
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.file.identity()
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        self.hook.before(Calls::Locks);
        self.file.try_lock(start, len, mode)
    }

    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        self.file.unlock(start, len)
    }

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        self.file.find_lock(start, len)
    }
}
