//! The real file system with a place to step in: before a sync of the whole file, which is the
//! moment at which a checkpoint or bulk load has written everything but its header.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel::Holder;
use creel::sys::{Access, File, FileIdentity, FileMap, FileSystem, LockMode, OsVfs, Vfs};

type Hook = Box<dyn FnOnce() -> io::Result<()> + Send>;

#[derive(Clone, Default)]
pub struct HookVfs {
    before_sync: Arc<Mutex<Option<Hook>>>,
    after_durable: Arc<Mutex<Option<Hook>>>,
    reads: Arc<Mutex<Vec<(u64, usize)>>>,
    waits: Arc<AtomicUsize>,
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

    /// True once it was called.
    pub fn is_used(&self) -> bool {
        self.before_sync.lock().unwrap().is_none() && self.after_durable.lock().unwrap().is_none()
    }
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

impl File for HookFile {
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
        self.file.write_at(buf, offset)
    }
    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.hook.waits.fetch_add(1, Ordering::Relaxed);
        self.file.write_durable_at(bufs, offset)?;
        let hook = self.hook.after_durable.lock().unwrap().take();
        hook.map_or(Ok(()), |hook| hook())
    }
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn set_size(&self, size: u64) -> io::Result<()> {
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
        self.file.try_lock(start, len, mode)
    }
    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        self.file.unlock(start, len)
    }
    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        self.file.find_lock(start, len)
    }
}

impl Vfs for HookVfs {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = OsVfs.open(path, access)?;
        Ok(Arc::new(HookFile {
            file,
            hook: self.clone(),
        }))
    }
    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>> {
        OsVfs.open_scratch(near)
    }
    fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        OsVfs.identity(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsVfs.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsVfs.rename_new(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsVfs.remove(path)
    }
    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        OsVfs.sync_dir_of(path)
    }
    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        OsVfs.file_system(path)
    }
    fn random(&self, buf: &mut [u8]) -> io::Result<()> {
        OsVfs.random(buf)
    }
    fn now_us(&self) -> u64 {
        OsVfs.now_us()
    }
    fn elapsed(&self) -> Duration {
        OsVfs.elapsed()
    }
    fn pause(&self, time: Duration) {
        OsVfs.pause(time);
    }
    fn holder_of(&self, path: &Path, byte: u64) -> Option<Holder> {
        OsVfs.holder_of(path, byte)
    }
}
