//! What `verify` is asked and what it answers.

use std::path::PathBuf;
use std::sync::Arc;

use super::sample::{Coverage, Sample};
use crate::format::{Depth, Invariant};
use crate::sys::{OsVfs, Vfs};

/// How thoroughly to look.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Quick, full or deep.
    pub level: Depth,
    /// Findings to report at most; the rest is only counted.
    pub max_findings: usize,
    /// The log must reach this index: closes the one case that a lone file cannot tell, damage
    /// in the very last entry.
    pub expect_index: Option<u64>,
    /// Check only a part of the leaves; not at level quick, which checks none.
    pub sample: Option<Sample>,
    /// Another copy of the database, to compare histories with (R4).
    pub against: Option<PathBuf>,
    /// The file system to work on.
    pub vfs: Arc<dyn Vfs>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions {
            level: Depth::Full,
            max_findings: 100,
            expect_index: None,
            sample: None,
            against: None,
            vfs: Arc::new(OsVfs),
        }
    }
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to say.
    Clean,
    /// Something was cut short or worn, and nothing that was confirmed is lost: the next open
    /// for writing puts it right.
    Recoverable,
    /// Stored bytes contradict each other.
    Damaged,
    /// There is no header to go by.
    Unreadable,
}

/// How bad one finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information, or to be put right by the next open.
    Note,
    /// An invariant does not hold.
    Damage,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The invariant concerned.
    pub id: Invariant,
    /// How bad it is.
    pub severity: Severity,
    /// Page, where there is one.
    pub page: Option<u32>,
    /// Byte offset in the file.
    pub offset: Option<u64>,
    /// Length of the damaged range in bytes.
    pub bytes: Option<u64>,
    /// What was found, in words.
    pub detail: String,
    /// First user key that may be affected; `None` = from the first one.
    pub key_from: Option<Vec<u8>>,
    /// First user key beyond; `None` = to the last one.
    pub key_to: Option<Vec<u8>>,
    /// Entries that cannot be reached because of this.
    pub records_unreachable: Option<u64>,
    /// What to do next.
    pub advice: String,
}

/// Everything that `verify` saw.
#[derive(Debug, Clone)]
pub struct VerifyReport {
    /// The answer in one word.
    pub verdict: Verdict,
    /// What was found, damage first.
    pub findings: Vec<Finding>,
    /// Findings beyond `max_findings`.
    pub findings_left_out: u64,
    /// How often each invariant of the level was checked.
    pub checked: Vec<(Invariant, u64)>,
    /// Pages read and checked.
    pub pages: u64,
    /// Bytes read. Free pages that lie between others are read along.
    pub bytes: u64,
    /// Entries in the tree, as far as it was read (at level quick: as the header says).
    pub entries: u64,
    /// Log entries after the checkpoint.
    pub frames: u64,
    /// Generation that was checked.
    pub generation: u64,
    /// Index of the last log entry.
    pub last_index: u64,
    /// How much of the tree a sampled check saw.
    pub coverage: Option<Coverage>,
    /// W11: the older header and the log could replace the newest header without loss.
    pub lossless_fallback: bool,
    /// The generation was pinned, so that no writer could reuse its pages meanwhile.
    pub pinned: bool,
    /// What could not be checked, and why.
    pub notes: Vec<String>,
}
