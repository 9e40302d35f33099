//! A file system between the engine and the real one: counts what is written, and lets faults and
//! defects in.

mod file;
mod forge;
mod headers;
mod objects;
mod relay;
mod state;
mod undo;
mod wire;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub(super) use forge::entries as forged_entries;
pub(super) use headers::{headers_of, put_back_headers};
pub use objects::{Damage, SeamStore};
pub use relay::Relay;
pub use state::{Flaw, Shared, Strike, Target};

use crate::sys::{Access, OsVfs, Vfs, VfsOver};
use file::SeamFile;

/// The file system of a run.
#[derive(Debug, Clone, Default)]
pub struct Seam {
    shared: Arc<Shared>,
}

impl Seam {
    /// What it counts, and where faults are let in.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn wrap(&self, file: Arc<dyn crate::sys::File>, path: &Path) -> Arc<dyn crate::sys::File> {
        Arc::new(SeamFile::new(file, Arc::clone(&self.shared), path))
    }
}

impl VfsOver for Seam {
    fn under(&self) -> &dyn Vfs {
        &OsVfs
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn crate::sys::File>> {
        Ok(self.wrap(OsVfs.open(path, access)?, path))
    }

    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn crate::sys::File>> {
        Ok(self.wrap(OsVfs.open_scratch(near)?, near))
    }

    fn holder_of(&self, path: &Path, byte: u64) -> Option<crate::error::Holder> {
        OsVfs.holder_of(path, byte)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A planted lost commit was a page of a checkpoint instead, once in some hundred runs, and nothing
    /// could be missed.
    #[test]
    fn what_is_lost_is_a_commit_and_no_page_of_a_checkpoint_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let seam = Seam::default();
        let path = dir.path().join("file");
        let file = Vfs::open(&seam, &path, Access::CreateNew).unwrap();
        seam.shared().arm(Target::Write, 0, Strike::Swallow);
        let folds = std::thread::Builder::new().name(state::FOLDER.to_owned());
        std::thread::scope(|scope| {
            let folds = folds.spawn_scoped(scope, || file.write_at(b"page", 0));
            folds.unwrap().join().unwrap().unwrap();
        });
        assert_eq!(file.size().unwrap(), 4, "written");
        file.write_at(b"commit", 4).unwrap();
        assert_eq!(file.size().unwrap(), 4, "lost");
    }
}
