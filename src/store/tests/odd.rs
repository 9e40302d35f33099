//! A file and a clock that do what tests ask of them.

use std::io::{self};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::sys::{Access, File, FileIdentity, FileOver, FileSystem, Vfs};

/// A file that shows other bytes at first, counts reads, and may name a lock that is not there.
#[derive(Debug)]
pub struct OddFile {
    pub file: Arc<dyn File>,
    /// So many reads still find a byte changed.
    pub torn: AtomicU64,
    pub reads: AtomicU64,
    pub named: Option<u64>,
}

impl OddFile {
    pub fn new(file: Arc<dyn File>) -> OddFile {
        OddFile {
            file,
            torn: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            named: None,
        }
    }
}

impl FileOver for OddFile {
    fn under(&self) -> &dyn File {
        self.file.as_ref()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let got = self.file.read_at(buf, offset)?;
        let less = |left: u64| left.checked_sub(1);
        let torn = self
            .torn
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if torn.is_ok() {
            buf[100] ^= 1;
        }
        Ok(got)
    }

    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>> {
        match self.named {
            Some(byte) => Ok(Some(byte)),
            None => self.file.find_lock(start, len),
        }
    }
}

/// Time passes where somebody pauses, and only there. After some pauses a lock is given back.
#[derive(Debug, Default)]
pub struct Clock {
    pub pauses: Mutex<Vec<Duration>>,
    pub gives_back: Option<(usize, Arc<dyn File>, u64)>,
}

impl Clock {
    pub fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().unwrap().clone()
    }
}

fn none<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Vfs for Clock {
    fn open(&self, _: &Path, _: Access) -> io::Result<Arc<dyn File>> {
        none()
    }
    fn open_scratch(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        none()
    }
    fn identity(&self, _: &Path) -> io::Result<FileIdentity> {
        none()
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        none()
    }
    fn rename_new(&self, _: &Path, _: &Path) -> io::Result<()> {
        none()
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        none()
    }
    fn sync_dir_of(&self, _: &Path) -> io::Result<()> {
        none()
    }
    fn file_system(&self, _: &Path) -> io::Result<FileSystem> {
        none()
    }
    fn random(&self, _: &mut [u8]) -> io::Result<()> {
        none()
    }
    fn now_us(&self) -> u64 {
        0
    }
    fn elapsed(&self) -> Duration {
        self.pauses.lock().unwrap().iter().sum()
    }
    fn pause(&self, time: Duration) {
        let mut pauses = self.pauses.lock().unwrap();
        pauses.push(time);
        assert!(pauses.len() < 100_000, "it waits for ever");
        if let Some((after, file, byte)) = &self.gives_back
            && pauses.len() == *after
        {
            file.unlock(*byte, 1).unwrap();
        }
    }
}
