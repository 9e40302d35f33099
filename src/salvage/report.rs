//! What salvage is asked, and what it says before it writes anything.

use std::sync::Arc;

use crate::error::Corruption;
use crate::sys::{OsVfs, Vfs};

/// How to salvage.
#[derive(Debug, Clone)]
pub struct SalvageOptions {
    /// Look through all pages of the file for entries of ranges that are lost otherwise.
    pub scrape: bool,
    /// Apply readable commits behind damage of the log too, although some before them are missing.
    pub prefer_newest: bool,
    /// Memory for sorting what was found on single pages; the rest goes to a scratch file.
    pub sort_memory: usize,
    /// The file system to work on.
    pub vfs: Arc<dyn Vfs>,
}

impl Default for SalvageOptions {
    fn default() -> Self {
        SalvageOptions {
            scrape: true,
            prefer_newest: false,
            sort_memory: 64 << 20,
            vfs: Arc::new(OsVfs),
        }
    }
}

/// How far salvage had to go. Each step is taken only where the one before loses something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The newest tree and its log are whole.
    Copy,
    /// The tree is whole, the log is damaged.
    Log,
    /// What is damaged in the newest tree is whole in the tree before it, and the log from there
    /// on is complete.
    Previous,
    /// What the newest tree still reaches.
    Reachable,
    /// The tree under a root that no header names, found by looking at the whole file.
    Root,
    /// Single pages found by looking at the whole file.
    Scrape,
}

impl Step {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Step::Copy => "copy",
            Step::Log => "log",
            Step::Previous => "previous",
            Step::Reachable => "reachable",
            Step::Root => "root",
            Step::Scrape => "scrape",
        }
    }

    /// What it means, in one sentence.
    pub fn text(self) -> &'static str {
        match self {
            Step::Copy => "the newest tree and its log",
            Step::Log => "the newest tree and the part of the log that can be relied on",
            Step::Previous => "the newest tree, mended from the one before and the log",
            Step::Reachable => "what the newest tree still reaches, and the log",
            Step::Root => {
                "the tree under a root that was found by looking at all pages, and the log"
            }
            Step::Scrape => "single pages found in the whole file, where no tree reaches",
        }
    }
}

/// One keyspace of the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SalvagedKeyspace {
    /// Its id, in the old file and in the new one.
    pub id: u32,
    /// Its name, made up from the id where the old file does not tell.
    pub name: String,
    /// The name was found.
    pub named: bool,
    /// Entries.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Entries among them that may be older than the newest state, or deleted since.
    pub possibly_stale: u64,
}

/// Keys of one keyspace whose entries are lost, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRange {
    /// Number of the damage; a damage that spans keyspaces has a range in each.
    pub damage: u64,
    /// Keyspace id; 0 is the catalogue, that is the names of keyspaces. `None`: all keyspaces that
    /// nothing is known of, because the catalogue is damaged too.
    pub keyspace: Option<u32>,
    /// Its name, where known.
    pub name: Option<String>,
    /// First user key.
    pub from: Vec<u8>,
    /// First user key beyond; `None`: to the end of the keyspace.
    pub to: Option<Vec<u8>>,
    /// Entries that the range held, as its parent counted them. `None` where nobody did, and in
    /// all ranges of a damage but the first.
    pub entries: Option<u64>,
    /// Entries that were found for it on single pages and are in the result. Stands in the first
    /// range of a damage.
    pub recovered: u64,
    /// What was found there; the first of several causes.
    pub cause: Corruption,
    /// How many pages or values are the cause.
    pub places: u64,
}

/// Commits that are not in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostCommits {
    /// Index of the first.
    pub from: u64,
    /// Index of the last.
    pub to: u64,
    /// They can be read, but some before them cannot: `--prefer newest` applies them.
    pub readable: bool,
}

/// What can be saved and what is lost.
#[derive(Debug, Clone)]
pub struct SalvageReport {
    /// The last step that was taken.
    pub step: Step,
    /// The result is the newest state of the database, proven.
    pub complete: bool,
    /// Entries of the result.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Entries of single pages, or of a tree that no header proves to be the newest: they may be
    /// older than the newest state, or deleted since.
    pub possibly_stale: u64,
    /// The keyspaces of the result, by id.
    pub keyspaces: Vec<SalvagedKeyspace>,
    /// Ranges of keys that are lost, or taken from single pages, by rising key.
    pub lost: Vec<LostRange>,
    /// Entries in these ranges, as far as they were counted.
    pub lost_entries: u64,
    /// Some range is of unknown size.
    pub lost_uncounted: bool,
    /// Commits that are lost.
    pub lost_commits: Vec<LostCommits>,
    /// Commits of the log that are part of the result.
    pub commits_applied: u64,
    /// Those among them that were applied although commits before them are missing.
    pub commits_out_of_order: u64,
    /// Index of the last commit in the result, where known.
    pub last_index: Option<u64>,
    /// Why the result may be incomplete although no particular loss is known.
    pub doubts: Vec<String>,
    /// What else was seen.
    pub notes: Vec<String>,
    /// Generation of the header that was gone by; 0 where there is none.
    pub generation: u64,
    /// Page size in bytes.
    pub page_size: u32,
    /// The pages were protected from reuse while they were read.
    pub pinned: bool,
    /// Another process was writing to the file.
    pub writer_active: bool,
}

impl SalvageReport {
    /// Nothing is left to be saved.
    pub fn is_hopeless(&self) -> bool {
        self.entries == 0 && !self.complete
    }

    /// Commits that are lost.
    pub fn commits_lost(&self) -> u64 {
        let all = self.lost_commits.iter();
        all.fold(0, |sum, c| sum.saturating_add(c.to - c.from + 1))
    }

    /// Some value of the result may not be the newest one.
    pub fn may_be_stale(&self) -> bool {
        !self.complete
            && (self.possibly_stale > 0 || !self.lost_commits.is_empty() || !self.doubts.is_empty())
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salvaged {
    /// Entries written.
    pub entries: u64,
    /// Size of the new file.
    pub bytes: u64,
    /// The new file continues the history of the old one: same lineage, same position.
    pub continues: bool,
}
