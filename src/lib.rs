//! creel: an ordered key-value store in one file.

pub mod db;
mod error;
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod sys;

pub use error::{Corruption, Error, Holder, Result};

pub use db::{
    Batch, CheckpointOptions, CheckpointReport, Commit, CompactOptions, CompactReport,
    CreateOptions, Cursor, Db, Finding, Info, Inspect, Interest, KeyBound, KeyRange, Keyspace,
    NoProgress, OpenOptions, PageKinds, Progress, Quantiles, Recovery, RegionInfo, Role, Severity,
    SlotState, Snapshot, Stats, StatsOptions, SyncMode, Token, Verdict, VerifyOptions,
    VerifyReport, info, inspect, verify,
};
pub use format::{Depth, Invariant};
