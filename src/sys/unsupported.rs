//! Operating systems without a port yet: everything is refused, nothing is faked.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Access, File, FileIdentity, FileSystem, Vfs};
use crate::Holder;

/// Files, clock and randomness of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsVfs;

fn refuse<T>() -> io::Result<T> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "creel does not run on this system yet",
    ))
}

/// Nothing is known about holders here.
pub fn holder_of(_path: &Path, _byte: u64) -> Option<Holder> {
    None
}

impl Vfs for OsVfs {
    fn open(&self, _path: &Path, _access: Access) -> io::Result<Arc<dyn File>> {
        refuse()
    }

    fn open_scratch(&self, _near: &Path) -> io::Result<Arc<dyn File>> {
        refuse()
    }

    fn identity(&self, _path: &Path) -> io::Result<FileIdentity> {
        refuse()
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        refuse()
    }

    fn rename_new(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        refuse()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        refuse()
    }

    fn sync_dir_of(&self, _path: &Path) -> io::Result<()> {
        refuse()
    }

    fn file_system(&self, _path: &Path) -> io::Result<FileSystem> {
        refuse()
    }

    fn random(&self, _buf: &mut [u8]) -> io::Result<()> {
        refuse()
    }

    fn now_us(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros() as u64)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now_us())
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
