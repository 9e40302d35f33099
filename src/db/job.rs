//! What a checkpoint is asked to do, and what it did.

use std::sync::Arc;
use std::time::Duration;

use super::archive::Retired;
use super::facts::Facts;
use super::region::RegionWish;
use crate::format::local::ArchiveRecord;
use crate::store::bits::PageBits;
use crate::tree::{FoldDelta, FoldMode};

/// How to checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Do nothing unless the log holds more than this many bytes.
    pub if_above: Option<u64>,
}

/// What a checkpoint did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointReport {
    /// False where there was nothing to do; `reason` says why.
    pub done: bool,
    /// Why nothing was done.
    pub reason: &'static str,
    /// Log bytes after the last checkpoint, before and after this one.
    pub wal_bytes_before: u64,
    /// See `wal_bytes_before`.
    pub wal_bytes_after: u64,
    /// Generation afterwards.
    pub generation: u64,
    /// Pages written.
    pub pages_written: u64,
    /// Bytes written, header and free list included.
    pub bytes_written: u64,
    /// How long writers were kept waiting.
    pub blocked: Duration,
    /// The tree was written densely.
    pub dense: bool,
}

impl CheckpointReport {
    /// This one and then another one.
    pub(super) fn and(self, then: CheckpointReport) -> CheckpointReport {
        CheckpointReport {
            done: self.done || then.done,
            reason: if self.done { self.reason } else { then.reason },
            wal_bytes_before: self.wal_bytes_before,
            wal_bytes_after: then.wal_bytes_after,
            generation: then.generation,
            pages_written: self.pages_written + then.pages_written,
            bytes_written: self.bytes_written + then.bytes_written,
            blocked: self.blocked + then.blocked,
            dense: self.dense,
        }
    }
}

/// What a checkpoint folds, and how.
#[derive(Debug)]
pub(crate) struct Job {
    /// Fold mode asked for; `None` chooses between incremental and dense.
    pub mode: Option<FoldMode>,
    /// Run even where the log has nothing new.
    pub force: bool,
    /// Take the other log region into use even so.
    pub switch: bool,
    /// What should become of the idle log region.
    pub region: RegionWish,
    /// Only that, and fold nothing, where the idle region is free.
    pub only_region: bool,
    /// Only bring up to date what the tree says of the file itself.
    pub only_records: bool,
    /// New facts about the file, and the same encoded.
    pub facts: Option<Arc<(Facts, Vec<u8>)>>,
    /// A primary leaves a marker behind it for its copies.
    pub marks: bool,
    /// It stands in front of a marker of the primary's where it ends with this entry.
    pub mark: Option<u64>,
    /// Begin both regions anew behind the cut.
    pub rewind: Option<Rewind>,
    /// Older trees are kept to go back to.
    pub keeps_trees: bool,
}

/// What stays where a file is taken back.
#[derive(Debug, Default)]
pub(crate) struct Rewind {
    /// What the regions held up to the cut, by number, oldest first.
    pub regions: Vec<(usize, Retired)>,
    /// The cut lies before the last checkpoint: what an older tree goes on with.
    pub older: Option<Older>,
}

/// A tree that becomes the newest one again.
#[derive(Debug)]
pub(crate) struct Older {
    /// Its pages.
    pub pages: PageBits,
    /// What is archived up to the cut.
    pub archive: Vec<ArchiveRecord>,
    /// The oldest tree that is kept still.
    pub oldest_tree: u64,
}

impl Job {
    /// True where the job asks to keep the log of a file that is not replicated.
    pub fn keeps_log(&self) -> bool {
        let facts = self.facts.as_ref();
        facts.is_some_and(|facts| facts.0.retention.standalone)
    }

    /// An ordinary checkpoint.
    pub fn fold(region: RegionWish) -> Job {
        Job {
            mode: None,
            force: false,
            switch: false,
            region,
            only_region: false,
            only_records: false,
            facts: None,
            marks: true,
            mark: None,
            rewind: None,
            keeps_trees: true,
        }
    }

    /// Drops what is kept of trees and of the log and not needed, without folding anything.
    pub fn drop_records() -> Job {
        Job {
            force: true,
            only_records: true,
            marks: false,
            keeps_trees: false,
            ..Job::fold(RegionWish::Keep)
        }
    }

    /// Gives the idle log region so many bytes, without folding anything.
    pub fn widen(bytes: u64) -> Job {
        Job {
            force: true,
            only_region: true,
            ..Job::fold(RegionWish::AtLeast(bytes))
        }
    }
}

/// What a job did.
#[derive(Debug, Default)]
pub(crate) struct JobDone {
    pub report: CheckpointReport,
    pub delta: FoldDelta,
}
