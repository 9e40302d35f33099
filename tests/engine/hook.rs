//! The real file system with a place to step in: before a sync of the whole file, which is the
//! moment at which a checkpoint or bulk load has written everything but its header.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel::Holder;
use creel::sys::{Access, File, FileOver, LockMode, OsVfs, Vfs, VfsOver};

/// The first byte whose lock pins a generation.
const PINS: u64 = (1 << 62) + (1 << 32);

type Hook = Box<dyn FnOnce() -> io::Result<()> + Send>;
type Step = Arc<Mutex<Option<Box<dyn FnMut() + Send>>>>;

#[derive(Clone, Default)]
pub struct HookVfs {
    before_sync: Arc<Mutex<Option<Hook>>>,
    after_durable: Arc<Mutex<Option<Hook>>>,
    reads: Arc<Mutex<Vec<(u64, usize)>>>,
    waits: Arc<AtomicUsize>,
    written: Arc<AtomicU64>,
    after_open: Step,
    before_pin: Step,
    in_pause: Step,
}

impl HookVfs {
    /// Calls `hook` once, before the next sync; its error is the sync's.
    pub fn before_sync(&self, hook: impl FnOnce() -> io::Result<()> + Send + 'static) {
        *self.before_sync.lock().unwrap() = Some(Box::new(hook));
    }

    /// Calls `hook` once, behind the next write that was durable at once: a commit, before its mark.
    pub fn after_durable_write(&self, hook: impl FnOnce() -> io::Result<()> + Send + 'static) {
        *self.after_durable.lock().unwrap() = Some(Box::new(hook));
    }

    /// Offset and length of every read so far.
    pub fn reads(&self) -> Vec<(u64, usize)> {
        self.reads.lock().unwrap().clone()
    }

    /// How often the medium was waited for so far.
    pub fn waits(&self) -> usize {
        self.waits.load(Ordering::Relaxed)
    }

    /// Calls `step` behind each file that is opened.
    pub fn after_open(&self, step: impl FnMut() + Send + 'static) {
        *self.after_open.lock().unwrap() = Some(Box::new(step));
    }

    /// Calls `step` before each lock of a single generation, which a reader takes.
    pub fn before_pin(&self, step: impl FnMut() + Send + 'static) {
        *self.before_pin.lock().unwrap() = Some(Box::new(step));
    }

    /// Calls `step` instead of each pause.
    pub fn in_pause(&self, step: impl FnMut() + Send + 'static) {
        *self.in_pause.lock().unwrap() = Some(Box::new(step));
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn note_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// True once it was called.
    pub fn is_used(&self) -> bool {
        self.before_sync.lock().unwrap().is_none() && self.after_durable.lock().unwrap().is_none()
    }
}

/// True where there was a step.
fn take_step(step: &Step) -> bool {
    let mut step = step.lock().unwrap();
    step.as_mut().map(|step| step()).is_some()
}

impl std::fmt::Debug for HookVfs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookVfs")
    }
}

#[derive(Debug)]
struct HookFile {
    file: Arc<dyn File>,
    hook: HookVfs,
}

impl FileOver for HookFile {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn sync(&self) -> io::Result<()> {
        let hook = self.hook.before_sync.lock().unwrap().take();
        hook.map_or(Ok(()), |hook| hook())?;
        self.hook.waits.fetch_add(1, Ordering::Relaxed);
        self.file.sync()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.hook.reads.lock().unwrap().push((offset, buf.len()));
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.hook.note_written(buf.len());
        self.file.write_at(buf, offset)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.hook.waits.fetch_add(1, Ordering::Relaxed);
        self.hook
            .note_written(bufs.iter().map(|buf| buf.len()).sum());
        self.file.write_durable_at(bufs, offset)?;
        let hook = self.hook.after_durable.lock().unwrap().take();
        hook.map_or(Ok(()), |hook| hook())
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        if start >= PINS && mode == LockMode::Shared {
            take_step(&self.hook.before_pin);
        }
        self.file.try_lock(start, len, mode)
    }
}

impl VfsOver for HookVfs {
    fn under(&self) -> &dyn Vfs {
        &OsVfs
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = OsVfs.open(path, access)?;
        take_step(&self.after_open);
        Ok(Arc::new(HookFile {
            file,
            hook: self.clone(),
        }))
    }

    fn pause(&self, time: Duration) {
        if !take_step(&self.in_pause) {
            OsVfs.pause(time);
        }
    }

    fn holder_of(&self, path: &Path, byte: u64) -> Option<Holder> {
        OsVfs.holder_of(path, byte)
    }
}
