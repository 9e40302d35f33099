//! creel: an ordered key-value store in one file.
//!
//! ```
//! # fn main() -> creel::Result<()> {
//! # let dir = std::env::temp_dir().join(format!("creel-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir).ok();
//! # let path = dir.join("lib.creel");
//! # std::fs::remove_file(&path).ok();
//! let db = creel::Db::create(&path)?;
//! db.put(b"apple", b"red")?;
//!
//! let mut batch = creel::Batch::new();
//! batch.require_absent(b"pear").put(b"pear", b"green").delete(b"apple");
//! let commit = db.write(batch)?; // durable when this returns
//! println!("committed at {}", commit.token);
//!
//! let snapshot = db.snapshot()?;
//! assert_eq!(snapshot.get(b"pear")?, Some(b"green".to_vec()));
//! assert_eq!(snapshot.get(b"apple")?, None);
//! # std::fs::remove_dir_all(&dir).ok();
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! ```text
//!  db                 open, commit, checkpoint, snapshots
//!   |      \
//!  delta    tree      commits not in the tree yet | copy-on-write B+tree
//!   |        \
//!  wal        store   log regions | header slots, pages, pins, free space
//!    \       /
//!   format   sys      pure bytes | files, maps, locks: the only unsafe code
//! ```
//!
//! Reading order: `format`, `wal::scan`, `store::space`, `tree::fold`, `db::open`, `db::commit`,
//! `db::checkpoint`.

#[doc(hidden)]
pub mod chain;
#[doc(hidden)]
pub mod check;
mod db;
#[doc(hidden)]
pub mod defect;
#[doc(hidden)]
pub mod delta;
#[doc(hidden)]
pub mod digest;
mod error;
#[doc(hidden)]
pub mod exchange;
#[doc(hidden)]
pub mod format;
mod progress;
#[doc(hidden)]
pub mod replica;
#[doc(hidden)]
pub mod salvage;
#[doc(hidden)]
#[cfg(unix)]
pub mod soak;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod stream;
#[doc(hidden)]
pub mod sys;
mod threads;
#[doc(hidden)]
pub mod tree;
#[doc(hidden)]
pub mod wal;

pub use check::{
    Coverage, Finding, Inspect, PageKinds, Quantiles, Sample, Severity, Stats, StatsOptions,
    Verdict, VerifyOptions, VerifyReport, inspect, verify,
};
pub use db::{
    Alone, Applied, CheckedEntries, Facts, FenceWish, Hold, IdentityChange, KeptLog, LogReader,
    Receipt, Retention, RewindReport,
};
pub use db::{BackupOptions, BackupReport, Reflink, Seed, SeedOptions};
pub use db::{
    Batch, BulkChange, BulkEnd, BulkReport, BulkSource, ChangedKeys, Changes, CheckpointOptions,
    CheckpointReport, Commit, CompactOptions, CompactReport, CopyOptions, CreateOptions, Cursor,
    Db, Duplicates, Info, Interest, KeyBound, KeyRange, Keyspace, KeyspaceChanges, Keyspaces,
    LogInfo, OpenOptions, Position, PositionChange, Recovery, RegionInfo, SlotInfo, Snapshot,
    Sorted, Sorter, SyncMode, Token, info, log_info,
};
#[doc(hidden)]
pub use db::{awaited, keeping};
pub use error::{Bounded, Corruption, Error, Holder, Result};
pub use format::fence::FenceRecord;
pub use format::header::Role;
pub use format::{Depth, Invariant};
pub use progress::{NoProgress, Progress};
