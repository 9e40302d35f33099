//! A directory for as long as a command takes.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use creel::sys::{OsVfs, Vfs};

use crate::cli::{Failure, text};

/// Removed with everything in it when dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A private directory in `parent`, or where temporary files belong.
    pub fn new(parent: Option<&Path>) -> Result<Scratch, Failure> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let mut tag = [0; 8];
        let failed = |e: &std::io::Error| Failure::file("create a directory in", &parent, e);
        OsVfs.random(&mut tag).map_err(|e| failed(&e))?;
        let path = parent.join(format!("creel-{}", text::hex(&tag)));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|e| failed(&e))?;
        Ok(Scratch(path))
    }

    /// Leaves it where it is.
    pub fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
