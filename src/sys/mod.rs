//! The operating system: files, maps, locks. The only folder with `unsafe`.
//!
//! Everything above talks to [`Vfs`] and [`File`], so the same engine runs on the real
//! operating system ([`OsVfs`]) and on a simulated disk in the tests.

#![allow(unsafe_code)] // The only folder that may; every block says why it is sound.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod buffer;
#[doc(hidden)]
pub mod entry;
mod folder;
mod large;
pub mod machine;
mod map;
mod nameless;
mod over;
mod peer;
mod process;
pub mod signal;
mod transfer;
mod watch;
mod zero;

#[cfg(unix)]
mod file;
#[cfg(unix)]
mod fsinfo;
#[cfg(unix)]
mod holder;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod os;

#[cfg(not(unix))]
mod unsupported;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use buffer::PageBuffer;
pub use folder::{Folder, Kind, Odd};
pub use large::LargeBuffer;
pub use map::FileMap;
pub use nameless::Nameless;
pub use over::{FileOver, VfsOver};
pub use peer::peer_is_own_user;
pub use process::{own_group, see_off, spawn_detached};
pub use transfer::share_range;
pub use watch::Watch;
pub use zero::allocate_zeroed;

#[cfg(unix)]
pub use {file::OsFile, holder::holder_of, os::OsVfs};

#[cfg(not(unix))]
pub use unsupported::{OsVfs, holder_of};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
    /// A new file, mode 0600, that must not exist; links are not followed.
    CreateNew,
}

/// Shared or exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Any number of holders.
    Shared,
    /// One holder.
    Exclusive,
}

/// Device, inode and link count: which file this really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Number of hard links.
    pub links: u64,
}

impl FileIdentity {
    /// True when both name the same file, whatever their link counts.
    pub fn same_file(&self, other: &FileIdentity) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

/// What kind of file system a file lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSystem {
    /// Local: locks and maps work as documented.
    Local(String),
    /// Shared over a network (or FUSE): locks and maps cannot be trusted.
    Network(String),
}

/// One open file. All methods take `&self`; positions are explicit.
pub trait File: Send + Sync + Debug {
    /// Fills `buf` from `offset`. Returns fewer bytes only at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `buf` at `offset`; durable only after [`File::sync`].
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bufs`, one after the other, at `offset`, and returns once exactly that
    /// range is durable. Costs one device flush.
    fn write_durable_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Makes everything written so far durable (data and what is needed to read it back).
    fn sync(&self) -> io::Result<()>;
    /// Current length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Truncates or extends with zeros.
    fn set_size(&self, size: u64) -> io::Result<()>;
    /// Asks for write-back of a range to begin; no durability.
    fn start_writeback(&self, offset: u64, len: u64);
    /// Drops clean cached pages of a range, so that the next read comes from the medium.
    fn drop_cache(&self, offset: u64, len: u64);
    /// Maps the first `len` bytes read-only, or `None` where this file cannot be mapped.
    fn map(&self, len: u64) -> io::Result<Option<FileMap>>;
    /// Which file this is.
    fn identity(&self) -> io::Result<FileIdentity>;
    /// Tries to lock `len` bytes at `start`; `false` when another holder is in the way.
    /// Locks belong to this `File`, not to the process, and end with it.
    fn try_lock(&self, start: u64, len: u64, mode: LockMode) -> io::Result<bool>;
    /// Gives a lock back.
    fn unlock(&self, start: u64, len: u64) -> io::Result<()>;
    /// Some byte in the range that another `File` has locked (shared or exclusive), if any.
    fn find_lock(&self, start: u64, len: u64) -> io::Result<Option<u64>>;
    /// The descriptor behind it, for calls that take two files; a simulated file has none.
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

/// The file system, the clock and the source of randomness.
pub trait Vfs: Send + Sync + Debug {
    /// Opens or creates a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>>;
    /// A nameless scratch file in the directory of `near`, gone when closed.
    fn open_scratch(&self, near: &Path) -> io::Result<Arc<dyn File>>;
    /// A new file without a name, mode 0600, in the directory of `near`, and a path by which it can
    /// be opened again and linked; `None` where there is no such thing.
    fn open_nameless(&self, near: &Path) -> Option<(Arc<dyn File>, PathBuf)> {
        let _ = near;
        None
    }
    /// Gives such a file a name; fails with `AlreadyExists` when there is one like it. Only what is
    /// synced after that is durable.
    fn link_nameless(&self, path: &Path, to: &Path) -> io::Result<()> {
        let _ = (path, to);
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Which file the path names now.
    fn identity(&self, path: &Path) -> io::Result<FileIdentity>;
    /// Refuses what is there and no regular file: a device or a pipe is never replaced.
    fn may_replace(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Ok(())
    }
    /// Renames over a file that is there, but see [`Vfs::may_replace`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames; fails with `AlreadyExists` when `to` exists.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes directory entries in the directory of `path` durable.
    fn sync_dir_of(&self, path: &Path) -> io::Result<()>;
    /// The kind of file system that holds `path`.
    fn file_system(&self, path: &Path) -> io::Result<FileSystem>;
    /// Fills `buf` with random bytes.
    fn random(&self, buf: &mut [u8]) -> io::Result<()>;
    /// Wall clock, microseconds since 1970.
    fn now_us(&self) -> u64;
    /// Monotonic clock.
    fn elapsed(&self) -> Duration;
    /// Waits; a simulation only moves its clock.
    fn pause(&self, time: Duration);
    /// Watches a file for writes; `None` where that cannot be done.
    fn watch(&self, path: &Path) -> io::Result<Option<Arc<dyn Watch>>> {
        let _ = path;
        Ok(None)
    }
    /// Who holds a lock on this byte of the file; `None` where that cannot be told. Slow: asked
    /// only when an error is about to be reported.
    fn holder_of(&self, path: &Path, byte: u64) -> Option<crate::error::Holder> {
        let _ = (path, byte);
        None
    }
}
