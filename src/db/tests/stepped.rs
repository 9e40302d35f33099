//! The real file system with a clock that only waiting moves, a place to step in where somebody waits,
//! and what not every system has: a watch that does as it is told, a network below the path.

use std::io::{self};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::db::OpenOptions;
use crate::sys::{Access, File, FileOver, FileSystem, OsVfs, Vfs, VfsOver, Watch};

pub type Before = Arc<Mutex<Option<(usize, Box<dyn FnOnce() + Send>)>>>;
pub type Step = Box<dyn FnMut(usize) + Send>;

#[derive(Clone, Default)]
pub struct Stepped {
    pub clock: Arc<Mutex<Duration>>,
    pub pauses: Arc<AtomicUsize>,
    pub reads: Arc<AtomicUsize>,
    pub watches: Arc<AtomicUsize>,
    pub in_pause: Arc<Mutex<Option<Step>>>,
    /// The number of a read, and what to do before it.
    pub before_read: Before,
    pub watch: Option<Arc<dyn Watch>>,
    pub network: bool,
}

impl Stepped {
    /// Calls `step` with the number of each pause, from 1, instead of waiting.
    pub fn in_pause(&self, step: impl FnMut(usize) + Send + 'static) {
        *self.in_pause.lock().unwrap() = Some(Box::new(step));
    }

    /// Calls `step` once, before the read with this number from now on.
    pub fn before_read(&self, number: usize, step: impl FnOnce() + Send + 'static) {
        *self.before_read.lock().unwrap() = Some((self.reads() + number, Box::new(step)));
    }

    pub fn pauses(&self) -> usize {
        self.pauses.load(Ordering::SeqCst)
    }

    /// How often a file was read so far.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// How often a watch was asked for.
    pub fn watches(&self) -> usize {
        self.watches.load(Ordering::SeqCst)
    }

    /// Time goes on.
    pub fn wait(&self, time: Duration) {
        *self.clock.lock().unwrap() += time;
    }

    pub fn options(&self) -> OpenOptions {
        let options = OpenOptions::new().background_checkpoint(false);
        options.vfs(Arc::new(self.clone()))
    }
}

impl std::fmt::Debug for Stepped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stepped")
    }
}

#[derive(Debug)]
struct SteppedFile {
    file: Arc<dyn File>,
    vfs: Stepped,
}

impl FileOver for SteppedFile {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let number = self.vfs.reads.fetch_add(1, Ordering::SeqCst) + 1;
        let step = {
            let mut step = self.vfs.before_read.lock().unwrap();
            step.take_if(|(at, _)| *at == number)
        };
        if let Some((_, step)) = step {
            step();
        }
        self.file.read_at(buf, offset)
    }
}

impl VfsOver for Stepped {
    fn under(&self) -> &dyn Vfs {
        &OsVfs
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(SteppedFile {
            file: OsVfs.open(path, access)?,
            vfs: self.clone(),
        }))
    }

    fn file_system(&self, path: &Path) -> io::Result<FileSystem> {
        match self.network {
            true => Ok(FileSystem::Network("nfs".into())),
            false => OsVfs.file_system(path),
        }
    }

    fn elapsed(&self) -> Duration {
        *self.clock.lock().unwrap()
    }

    fn pause(&self, time: Duration) {
        let number = self.pauses.fetch_add(1, Ordering::SeqCst) + 1;
        self.wait(time);
        if let Some(step) = self.in_pause.lock().unwrap().as_mut() {
            step(number);
        }
    }

    fn watch(&self, _: &Path) -> io::Result<Option<Arc<dyn Watch>>> {
        self.watches.fetch_add(1, Ordering::SeqCst);
        Ok(self.watch.clone())
    }
}
