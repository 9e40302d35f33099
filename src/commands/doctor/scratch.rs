//! Temporary files beside the path that is examined, removed when they are no longer needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creel::sys::{Access, File, OsVfs, Vfs};

use crate::cli::Failure;

/// A file of its own, gone at the end.
pub(super) struct Scratch {
    path: PathBuf,
    /// Its name before it was renamed, in case that the renaming was a lie.
    moved_from: Option<PathBuf>,
    /// The open file.
    pub(super) file: Arc<dyn File>,
}

impl Scratch {
    /// A new, empty file in this directory.
    pub(super) fn new(directory: &Path) -> Result<Scratch, Failure> {
        let mut tag = [0; 8];
        OsVfs
            .random(&mut tag)
            .map_err(|e| Failure::file("read randomness for", directory, &e))?;
        let name = format!(".creel-doctor-{:016x}.tmp", u64::from_le_bytes(tag));
        let path = directory.join(name);
        let file = OsVfs.open(&path, Access::CreateNew).map_err(|e| {
            Failure::file("make a file in", directory, &e)
                .state("nothing was changed")
                .hint("doctor tries things on temporary files: name a directory that you may write to")
        })?;
        Ok(Scratch {
            path,
            moved_from: None,
            file,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it once more.
    pub(super) fn again(&self) -> io::Result<Arc<dyn File>> {
        OsVfs.open(&self.path, Access::Write)
    }

    /// The same file for calls that take one of the standard library.
    pub(super) fn plain(&self) -> io::Result<std::fs::File> {
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
    }

    /// Remembers that it was renamed.
    pub(super) fn moved_to(&mut self, path: PathBuf) {
        self.moved_from = Some(std::mem::replace(&mut self.path, path));
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // There is nothing to be done where it cannot be removed; its name says what it is.
        let _ = OsVfs.remove(&self.path);
        if let Some(path) = &self.moved_from {
            let _ = OsVfs.remove(path);
        }
    }
}
