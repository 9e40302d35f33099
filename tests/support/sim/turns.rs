//! The disk as one sees it who takes turns with others: at each call it is asked who goes on.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use creel::sys::{Access, File, FileOver, LockMode, Vfs, VfsOver};

use super::SimDisk;

/// Who decides.
pub trait Turn: Debug + Send + Sync {
    /// Another may go on here.
    fn turn(&self);

    /// Another should go on here: the caller waits for something.
    fn wait(&self) {
        self.turn();
    }

    /// Others see what is written with a sync behind it in halves, before it is durable.
    fn in_halves(&self) -> bool {
        false
    }
}

/// The simulated disk, in turns.
#[derive(Debug, Clone)]
pub struct InTurns {
    disk: Arc<SimDisk>,
    by: Arc<dyn Turn>,
}

impl InTurns {
    pub fn new(disk: Arc<SimDisk>, by: impl Turn + 'static) -> InTurns {
        let by = Arc::new(by);
        InTurns { disk, by }
    }

    fn turn(&self) {
        self.by.turn();
    }

    fn write_halves(&self, file: &dyn File, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut at = offset;
        for buf in bufs {
            let half = buf.len() / 2;
            file.write_at(&buf[..half], at)?;
            self.turn();
            file.write_at(&buf[half..], at + half as u64)?;
            at += buf.len() as u64;
        }
        self.turn();
        Ok(())
    }

    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        let vfs = self.clone();
        Arc::new(FileInTurns { file, vfs })
    }
}

impl VfsOver for InTurns {
    fn under(&self) -> &dyn Vfs {
        self.disk.as_ref()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.turn();
        Ok(self.wrap(self.disk.open(path, access)?))
    }

    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.disk.open_scratch(near)?))
    }

    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        let (file, path) = self.disk.open_nameless(near)?;
        Some((self.wrap(file), path))
    }

    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        self.turn();
        self.disk.link_nameless(path, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.turn();
        self.disk.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.turn();
        self.disk.rename_new(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.turn();
        self.disk.remove(path)
    }

    fn sync_dir_of(&self, path: &Path) -> io::Result<()> {
        self.turn();
        self.disk.sync_dir_of(path)
    }

    fn pause(&self, time: Duration) {
        // Little time passes while others have something to do: nobody gives up waiting.
        self.disk.pause(time / 64);
        self.by.wait();
    }
}

#[derive(Debug)]
struct FileInTurns {
    file: Arc<dyn File>,
    vfs: InTurns,
}

impl FileOver for FileInTurns {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.vfs.turn();
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.vfs.turn();
        self.file.write_at(buf, offset)
    }

    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.vfs.turn();
        if self.vfs.by.in_halves() {
            self.vfs.write_halves(self.file.as_ref(), bufs, offset)?;
        }
        let done = self.file.write_durable_at(bufs, offset);
        // They go on before it is known how it ended.
        self.vfs.turn();
        done
    }

    fn sync(&self) -> io::Result<()> {
        self.vfs.turn();
        let done = self.file.sync();
        self.vfs.turn();
        done
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.vfs.turn();
        self.file.set_size(size)
    }

    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool> {
        self.vfs.turn();
        self.file.try_lock(start, len, mode)
    }

    fn unlock(&self, start: u64, len: u64) -> io::Result<()> {
        // Not while a handle is being dropped by a panic.
        self.file.unlock(start, len)
    }

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        self.vfs.turn();
        self.file.find_lock(start, len)
    }
}
