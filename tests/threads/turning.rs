//! A disk at each of whose calls the schedule may turn to another thread.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use creel::sys::{Access, File, FileOver, LockMode, Vfs, VfsOver};
use shuttle::sync::atomic::{AtomicBool, Ordering};

use super::support::sim::SimDisk;

/// The simulated disk, in turns.
#[derive(Debug, Clone)]
pub struct Turning {
    disk: Arc<SimDisk>,
    turn: Arc<AtomicBool>,
}

impl Turning {
    pub fn new(disk: Arc<SimDisk>) -> Turning {
        let turn = Arc::new(AtomicBool::new(false));
        Turning { disk, turn }
    }

    fn turn(&self) {
        self.turn.load(Ordering::Acquire);
    }

    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        let vfs = self.clone();
        Arc::new(TurningFile { file, vfs })
    }
}

impl VfsOver for Turning {
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

    fn pause(&self, time: Duration) {
        // Little time passes while others have something to do: nobody gives up waiting.
        self.disk.pause(time / 64);
        shuttle::thread::yield_now();
    }
}

#[derive(Debug)]
struct TurningFile {
    file: Arc<dyn File>,
    vfs: Turning,
}

impl FileOver for TurningFile {
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
        let done = self.file.write_durable_at(bufs, offset);
        self.vfs.turn();
        done
    }

    fn sync(&self) -> io::Result<()> {
        self.vfs.turn();
        let done = self.file.sync();
        // The others go on before it is known how it ended.
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

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        self.vfs.turn();
        self.file.find_lock(start, len)
    }
}
