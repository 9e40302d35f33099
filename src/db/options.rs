//! How a database is opened and created.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Db;
use super::newfile::NewFile;
use crate::error::{Error, Result};
use crate::format::header::Role;
use crate::sys::{OsVfs, Vfs};

/// When a commit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// Before the call returns. One sync per commit group.
    #[default]
    Full,
    /// At the next checkpoint or full commit. A power cut may lose the newest commits, never
    /// their order.
    Normal,
    /// Whenever the operating system likes. A power cut may make the file refuse to open.
    Off,
}

/// Which recent commits a handle keeps in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interest {
    /// All: for sessions and ranges.
    #[default]
    All,
    /// None: for appending without reading.
    None,
    /// Those of these keys, whatever their keyspace.
    Keys(Vec<Vec<u8>>),
}

/// Options for opening a database.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub(crate) read_only: bool,
    pub(crate) sync: SyncMode,
    pub(crate) lock_timeout: Duration,
    pub(crate) interest: Interest,
    pub(crate) hold_lock: bool,
    pub(crate) background: bool,
    pub(crate) checkpoint_at: Option<u64>,
    pub(crate) wal_max: u64,
    pub(crate) allow_network: bool,
    pub(crate) allow_hard_links: bool,
    pub(crate) mmap: bool,
    pub(crate) upto: Option<u64>,
    pub(crate) vfs: Arc<dyn Vfs>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            read_only: false,
            sync: SyncMode::Full,
            lock_timeout: Duration::from_secs(5),
            interest: Interest::All,
            hold_lock: false,
            background: true,
            checkpoint_at: Some(64 << 20),
            wal_max: 64 << 20,
            allow_network: false,
            allow_hard_links: false,
            mmap: true,
            upto: None,
            vfs: Arc::new(OsVfs),
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        })*
    };
}

impl OpenOptions {
    /// Reading and writing, durable commits, checkpoints in the background.
    pub fn new() -> Self {
        OpenOptions::default()
    }

    setters! {
        /// Refuse to write. Works without write permission.
        read_only: bool;
        /// Durability of this handle's commits.
        sync: SyncMode;
        /// How long to wait for another writer; zero fails at once.
        lock_timeout: Duration;
        /// Which recent commits to keep in memory. Reading anything else loads them all.
        interest: Interest;
        /// Take the writer lock when opening and keep it: for bulk work.
        hold_lock: bool;
        /// Log bytes that start a checkpoint (at most half a log region counts); `None` = never
        /// by itself.
        checkpoint_at: Option<u64>;
        /// Largest size that a log region may grow to.
        wal_max: u64;
        /// Open files on network file systems although locks and maps cannot be trusted there.
        allow_network: bool;
        /// Write to a file that has several hard links.
        allow_hard_links: bool;
        /// Read pages through a memory map (default) or by positioned reads.
        mmap: bool;
        /// Show only what led to this entry; for reading. [`Error::NotRetained`] where later
        /// commits are in the tree already.
        upto: Option<u64>;
        /// The file system to use; tests put a simulated one here.
        vfs: Arc<dyn Vfs>;
    }

    /// Checkpoint in a thread of its own when the log is full enough (default), or only when
    /// [`Db::checkpoint`] is called or a region is full.
    #[must_use]
    pub fn background_checkpoint(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// The newest entry that is shown where this one is the newest of all.
    pub(crate) fn shown(&self, newest: u64) -> u64 {
        self.upto.map_or(newest, |upto| upto.min(newest))
    }

    /// Opens an existing database.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Db> {
        super::open::open(path.as_ref(), self)
    }

    /// Creates a database that must not exist yet, and opens it.
    pub fn create(self, path: impl AsRef<Path>, create: &CreateOptions) -> Result<Db> {
        self.make(path.as_ref(), create)?.publish(false)?;
        self.open(path)
    }

    /// Like [`OpenOptions::create`], but the file gets its name from [`Db::give_name`] only: when
    /// there is something in it. Without that, it is gone with its handles.
    pub fn create_unnamed(self, path: impl AsRef<Path>, create: &CreateOptions) -> Result<Db> {
        let new = self.make(path.as_ref(), create)?;
        super::open::open_unnamed(path.as_ref(), new, self)
    }

    fn make(&self, path: &Path, create: &CreateOptions) -> Result<NewFile> {
        // A file that nobody may open is not made.
        let place = super::open::check_file_system(path, self);
        if let Err(e @ Error::NetworkFileSystem { .. }) = place {
            return Err(e); // of anything else, making the file says more
        }
        super::create::create(path, create, &self.vfs)
    }
}

/// Options for creating a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// Page size in bytes: a power of two from 4096 to 65536.
    pub page_size: u32,
    /// First size of each of the two log regions in bytes.
    pub wal_size: u64,
    /// What the file is for.
    pub role: Role,
}

impl Default for CreateOptions {
    fn default() -> Self {
        CreateOptions {
            page_size: 4096,
            wal_size: 512 << 10,
            role: Role::Standalone,
        }
    }
}
