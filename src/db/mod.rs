//! The engine: ties log, recent commits and tree together.
//!
//! Reading order: [`open`] (what a file is), `view` (what readers see), `commit`, `checkpoint`.

mod alone;
mod apply;
mod archive;
pub mod awaited;
mod background;
mod backup;
mod batch;
mod bulk;
mod checkpoint;
mod commit;
mod compact;
mod copy;
pub(crate) mod create;
mod cursor;
mod entries;
mod evaluate;
mod facts;
mod fence;
mod handle;
mod identity;
mod info;
mod job;
pub mod keeping;
mod kept;
mod loginfo;
mod lost;
mod mark;
mod mode;
pub(crate) mod newfile;
mod no_room;
mod older;
mod oldest;
mod open;
mod options;
mod pace;
mod positions;
mod proof;
mod queue;
mod range;
mod reader;
mod receipt;
mod refresh;
mod region;
mod rewind;
mod since;
mod snapshot;
pub(crate) mod sort;
mod stats;
mod successor;
#[cfg(test)]
mod tests;
mod token;
mod trees;
mod turn;
mod view;
mod wait;
mod watch;

use std::path::Path;
use std::sync::Arc;

pub use alone::Alone;
pub use apply::Applied;
pub use backup::{BackupOptions, BackupReport, Reflink, Seed, SeedOptions};
pub use batch::Batch;
pub use bulk::{BulkChange, BulkEnd, BulkReport, BulkSource, Keyspaces, PositionChange};
pub use compact::{CompactOptions, CompactReport};
pub use copy::CopyOptions;
pub use cursor::Cursor;
pub use entries::CheckedEntries;
pub use facts::{Facts, Hold, Retention};
pub use fence::FenceWish;
pub use identity::IdentityChange;
pub use info::{Info, Recovery, RegionInfo, SlotInfo, info};
pub use job::{CheckpointOptions, CheckpointReport};
pub use kept::KeptLog;
pub use loginfo::{LogInfo, log_info};
pub use options::{CreateOptions, Interest, OpenOptions, SyncMode};
pub use range::{KeyBound, KeyRange};
pub use reader::LogReader;
pub use receipt::Receipt;
pub use rewind::RewindReport;
pub use since::{ChangedKeys, Changes, KeyspaceChanges};
pub use snapshot::{Keyspace, Snapshot};
pub use sort::{Duplicates, Sorted, Sorter};
pub use token::{Commit, Position, Token};

use crate::error::Result;
use crate::progress::Progress;
use batch::check_keyspace_name;
use handle::Inner;

/// An open database. Cheap to clone; all clones share one handle.
#[derive(Debug, Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

impl Db {
    /// Opens an existing database for reading and writing.
    pub fn open(path: impl AsRef<Path>) -> Result<Db> {
        OpenOptions::new().open(path)
    }

    /// Creates a database with default options and opens it.
    pub fn create(path: impl AsRef<Path>) -> Result<Db> {
        OpenOptions::new().create(path, &CreateOptions::default())
    }

    /// The value of a key in the keyspace `main`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner.get_latest(key)
    }

    /// Sets a value in the keyspace `main`.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<Commit> {
        let mut batch = Batch::new();
        batch.put(key, value);
        self.write(batch)
    }

    /// Removes a key from the keyspace `main`.
    pub fn delete(&self, key: &[u8]) -> Result<Commit> {
        let mut batch = Batch::new();
        batch.delete(key).count_deleted(true);
        self.write(batch)
    }

    /// Removes every key of a range from the keyspace `main`.
    pub fn delete_range(&self, range: &KeyRange) -> Result<Commit> {
        let mut batch = Batch::new();
        batch.delete_range(range).count_deleted(true);
        self.write(batch)
    }

    /// Commits a batch: all of it or nothing.
    pub fn write(&self, batch: Batch) -> Result<Commit> {
        self.inner.write(batch)
    }

    /// Commits batches as if as many threads had each written one at once: as many as fit share one write
    /// and one sync. Each is a commit of its own; one that fails its conditions hinders no other.
    pub fn write_all(&self, batches: Vec<Batch>) -> Vec<Result<Commit>> {
        self.inner.write_all(batches)
    }

    /// A stable view of everything committed before this call, by any process.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::take(&self.inner)
    }

    /// A stable view for reading these keys and no others. A handle that was opened for them
    /// ([`Interest::Keys`]) needs to read nothing again, unlike for a whole [`Db::snapshot`].
    pub fn snapshot_for(&self, keys: &[Vec<u8>]) -> Result<Snapshot> {
        Snapshot::take_for(&self.inner, keys)
    }

    /// Number of entries in the keyspace `main`.
    pub fn len(&self) -> Result<u64> {
        self.snapshot()?
            .keyspace(crate::format::key::MAIN_NAME)?
            .len()
    }

    /// True when the keyspace `main` has no entries.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Folds the log into the tree.
    pub fn checkpoint(
        &self,
        options: &CheckpointOptions,
        progress: &dyn Progress,
    ) -> Result<CheckpointReport> {
        self.inner.checkpoint(options, progress)
    }

    /// Makes room in the log for many commits: one of its two regions gets so many bytes, at most
    /// [`OpenOptions::wal_max`], and nothing is folded. False where that region is in use, and the log
    /// was folded as by [`Db::checkpoint`]. A session that does not sync its commits does so by itself.
    pub fn widen_log(&self, bytes: u64) -> Result<bool> {
        self.inner.widen_log(bytes)
    }

    /// True when the log is long enough for a checkpoint.
    pub fn checkpoint_due(&self) -> bool {
        self.inner.checkpoint_due()
    }

    /// What the header says, as of the newest commit that this handle knows.
    pub fn info(&self) -> Result<Info> {
        info::of_handle(&self.inner)
    }

    /// What opening found in the log.
    pub fn recovery(&self) -> &Recovery {
        &self.inner.recovery
    }

    /// The path that the database was opened by.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Gives the file of [`OpenOptions::create_unnamed`] its name; of others nothing is asked. Fails
    /// with [`crate::Error::Exists`] where somebody has taken the name; nothing more can be written then.
    pub fn give_name(&self) -> Result<()> {
        let mut unnamed = handle::lock(&self.inner.unnamed);
        match unnamed.take() {
            Some(new) => new.publish(false),
            None => Ok(()),
        }
    }

    /// How many names the file had when it was opened.
    pub fn hard_links(&self) -> u64 {
        self.inner.identity.links
    }

    /// Waits for a checkpoint that is running in the background and reports its failure.
    pub fn close(self) -> Result<()> {
        self.inner.join_background()
    }
}
