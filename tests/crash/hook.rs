//! Something else happens in the middle of a call: another process commits while this one
//! checkpoints. In one thread, at a chosen call, hence the same every time.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use creel::sys::{Access, File, FileOver, LockMode, Vfs, VfsOver};

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

impl VfsOver for HookVfs {
    fn under(&self) -> &dyn Vfs {
        self.disk.as_ref()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.disk.open(path, access)?;
        Ok(Arc::new(HookFile {
            file,
            hook: Arc::clone(&self.hook),
        }))
    }

    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        let (file, path) = self.disk.open_nameless(near)?;
        let hook = Arc::clone(&self.hook);
        Some((Arc::new(HookFile { file, hook }), path))
    }
}

impl FileOver for HookFile {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

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

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.hook.before(Calls::Changes);
        self.file.set_size(size)
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        self.hook.before(Calls::Locks);
        self.file.try_lock(start, len, mode)
    }
}
