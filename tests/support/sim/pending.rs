//! What was asked of the disk but is not on the medium yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SECTOR;
use super::content::Content;

/// Directory entries.
pub type Names = BTreeMap<PathBuf, u64>;

/// One thing that a crash may or may not leave on the medium.
#[derive(Clone)]
pub enum Pending {
    /// Bytes within one sector: `data[from..to]` at `offset`.
    Write {
        inode: u64,
        offset: u64,
        data: Arc<[u8]>,
        from: usize,
        to: usize,
    },
    Size {
        inode: u64,
        size: u64,
    },
    Create {
        path: Arc<Path>,
        inode: u64,
    },
    Rename {
        from: Arc<Path>,
        to: Arc<Path>,
        inode: u64,
    },
    Remove {
        path: Arc<Path>,
        inode: u64,
    },
}

impl Pending {
    pub fn inode(&self) -> u64 {
        match self {
            Pending::Write { inode, .. }
            | Pending::Size { inode, .. }
            | Pending::Create { inode, .. }
            | Pending::Rename { inode, .. }
            | Pending::Remove { inode, .. } => *inode,
        }
    }

    /// The file whose data or size this changes; `None` for directory entries.
    pub fn data_of(&self) -> Option<u64> {
        matches!(self, Pending::Write { .. } | Pending::Size { .. }).then(|| self.inode())
    }

    pub fn paths(&self) -> [Option<&Path>; 2] {
        match self {
            Pending::Create { path, .. } | Pending::Remove { path, .. } => [Some(path), None],
            Pending::Rename { from, to, .. } => [Some(from), Some(to)],
            Pending::Write { .. } | Pending::Size { .. } => [None, None],
        }
    }

    /// Whether a write lies in the sectors of a range; `None` for anything but a write.
    pub fn in_range(&self, start: u64, len: u64) -> Option<bool> {
        let Pending::Write { offset, .. } = self else {
            return None;
        };
        let last = start.saturating_add(len).saturating_sub(1);
        Some((start / SECTOR..=last / SECTOR).contains(&(offset / SECTOR)))
    }

    pub fn apply_to(&self, medium: &mut Arc<Content>) {
        match self {
            Pending::Write {
                offset,
                data,
                from,
                to,
                ..
            } => {
                Arc::make_mut(medium).write(&data[*from..*to], *offset);
            }
            Pending::Size { size, .. } => Arc::make_mut(medium).set_len(*size),
            _ => {}
        }
    }

    pub fn apply_to_names(&self, names: &mut Names) {
        match self {
            Pending::Create { path, inode } => {
                names.insert(path.to_path_buf(), *inode);
            }
            Pending::Rename { from, to, inode } => {
                if names.get(&**from) == Some(inode) {
                    names.remove(&**from);
                }
                names.insert(to.to_path_buf(), *inode);
            }
            Pending::Remove { path, inode } => {
                if names.get(&**path) == Some(inode) {
                    names.remove(&**path);
                }
            }
            Pending::Write { .. } | Pending::Size { .. } => {}
        }
    }

    pub fn describe(&self) -> String {
        match self {
            Pending::Write {
                inode,
                offset,
                from,
                to,
                ..
            } => {
                format!("file {inode}: {} bytes at {offset}", to - from)
            }
            Pending::Size { inode, size } => format!("file {inode}: size {size}"),
            Pending::Create { path, inode } => format!("create {} = {inode}", path.display()),
            Pending::Rename { from, to, inode } => {
                format!("rename {} to {} = {inode}", from.display(), to.display())
            }
            Pending::Remove { path, inode } => format!("remove {} = {inode}", path.display()),
        }
    }
}
