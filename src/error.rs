//! One error type for the library. Errors are told apart by variant, never by text.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::format::Invariant;
use crate::format::entry::EntryError;

/// What every fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stored bytes that fail a checksum or break an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corruption {
    /// The invariant that does not hold; `creel explain ID` describes it.
    pub id: Invariant,
    /// The page concerned, where there is one.
    pub page: Option<u32>,
    /// Byte offset in the file where the damage was seen.
    pub offset: Option<u64>,
    /// What was found, in words.
    pub detail: String,
}

impl Corruption {
    /// A corruption whose place is filled in by [`Corruption::at`] or [`Corruption::in_page`].
    pub fn new(id: Invariant, detail: impl Into<String>) -> Self {
        Corruption {
            id,
            page: None,
            offset: None,
            detail: detail.into(),
        }
    }

    /// Adds the byte offset in the file.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Adds the page and the byte offset at which that page starts (kept when already finer).
    #[must_use]
    pub fn in_page(mut self, page: u32, page_size: usize) -> Self {
        let start = u64::from(page) * page_size as u64;
        self.offset = Some(start + self.offset.unwrap_or(0));
        self.page = Some(page);
        self
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.detail)?;
        if let Some(page) = self.page {
            write!(f, ", page {page}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        Ok(())
    }
}

/// Who holds a lock, as far as the operating system tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Host name of this machine (locks are never shared between hosts).
    pub host: String,
    /// Command line of the holder.
    pub command: String,
}

/// What has a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bounded {
    /// Bytes of a key; the page size decides.
    KeyLength,
    /// Bytes of one value.
    ValueLength,
    /// Bytes of one commit.
    BatchSize,
    /// Bytes of a keyspace's name.
    KeyspaceName,
    /// Keyspaces of a file.
    Keyspaces,
    /// Pages of a file.
    Pages,
    /// Levels of the tree.
    TreeHeight,
    /// The number of an epoch.
    Epoch,
    /// Bytes of an address that the file keeps.
    Address,
    /// Holds that the file keeps.
    Holds,
    /// Bytes of a hold's name.
    HoldName,
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bounded::KeyLength => "key length",
            Bounded::ValueLength => "value length",
            Bounded::BatchSize => "batch size",
            Bounded::KeyspaceName => "keyspace name length",
            Bounded::Keyspaces => "number of keyspaces",
            Bounded::Pages => "number of pages",
            Bounded::TreeHeight => "tree height",
            Bounded::Epoch => "epoch",
            Bounded::Address => "address length",
            Bounded::Holds => "number of holds",
            Bounded::HoldName => "name length",
        })
    }
}

/// Everything that can go wrong, by cause.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a call.
    Io {
        /// What was being done, for example `"read header"`.
        doing: &'static str,
        /// The file concerned, where known.
        path: Option<PathBuf>,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The database file does not exist.
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A file that was to be created exists already.
    Exists {
        /// The path concerned.
        path: PathBuf,
    },
    /// The file is not a creel database, or has a format this build cannot read.
    NotADatabase {
        /// The path concerned.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// Stored bytes fail a checksum or an invariant.
    Corrupt(Corruption),
    /// A lock was not obtained in time.
    Busy {
        /// Which lock: `"writer"` or `"checkpoint"`.
        lock: &'static str,
        /// Who holds it; `None` where that cannot be read.
        holder: Option<Holder>,
        /// How long was waited.
        waited: Duration,
    },
    /// A write was asked of a handle opened for reading.
    ReadOnly,
    /// The file's role or epoch forbids this write.
    Fenced {
        /// Why.
        reason: String,
    },
    /// Too much of the log is not in the store that it is published to.
    HeldBack,
    /// A precondition of a batch did not hold; nothing was written.
    Precondition {
        /// Position of the failed precondition in the batch, from 0.
        at: usize,
        /// What was required.
        required: &'static str,
    },
    /// A key, value, batch or option is out of its bounds.
    Limit {
        /// What was limited.
        what: Bounded,
        /// The value given.
        actual: u64,
        /// The largest (or smallest) value allowed.
        limit: u64,
    },
    /// An argument makes no sense (empty key, unknown page size).
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// An earlier write or sync failed; this handle does no more work.
    Poisoned,
    /// A commit's write or sync failed: the commit may or may not survive.
    OutcomeUnknown {
        /// The failed call.
        source: io::Error,
    },
    /// The path now names another file (replaced by rename) or none.
    Replaced {
        /// The path concerned.
        path: PathBuf,
    },
    /// The file has several hard links and writing was not allowed explicitly.
    HardLinked {
        /// The path concerned.
        path: PathBuf,
        /// Number of links.
        links: u64,
    },
    /// The file is on a network file system and that was not allowed explicitly.
    NetworkFileSystem {
        /// The path concerned.
        path: PathBuf,
        /// Name of the file system.
        kind: String,
    },
    /// No keyspace of this name exists.
    NoKeyspace {
        /// The name asked for.
        name: String,
    },
    /// Entries that should rise in key order do not.
    Unsorted {
        /// Number of the first entry that is out of order, from 1.
        entry: u64,
    },
    /// One key came twice where that is refused.
    Duplicate {
        /// Number of the entry that had the key first, from 1.
        first: u64,
        /// Number of the next entry with it.
        second: u64,
    },
    /// The log does not reach back to a position any more, or not without a gap.
    NotRetained {
        /// The position asked for.
        index: u64,
        /// The oldest position whose changes can be told.
        oldest: u64,
    },
    /// Log entries from elsewhere that cannot be applied; nothing of them was.
    BadEntry(EntryError),
    /// A position belongs to another history than this file's.
    Diverged {
        /// What differs.
        reason: String,
    },
    /// A commit that was waited for is not part of this file's history, and never will be.
    TokenLost {
        /// What is there instead.
        reason: String,
    },
    /// What was waited for did not come in time.
    TimedOut {
        /// What it was.
        what: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The caller's progress callback asked to stop.
    Interrupted,
}

impl Error {
    /// A database file that could not be opened.
    pub(crate) fn on_open(path: &Path, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound {
                path: path.to_owned(),
            },
            io::ErrorKind::IsADirectory => Error::NotADatabase {
                path: path.to_owned(),
                reason: "it is a directory".into(),
            },
            _ => Error::io_at("open", path, source),
        }
    }

    /// Wraps an I/O error with what was being done.
    pub fn io(doing: &'static str, source: io::Error) -> Self {
        Error::Io {
            doing,
            path: None,
            source,
        }
    }

    /// Wraps an I/O error with what was being done and the file.
    pub fn io_at(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Error::Io {
            doing,
            path: Some(path.to_owned()),
            source,
        }
    }

    /// A corruption without page or offset.
    pub fn corrupt(id: Invariant, detail: impl Into<String>) -> Self {
        Error::Corrupt(Corruption::new(id, detail))
    }

    /// True where trying the same again later may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::Busy { .. } | Error::TimedOut { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io {
                doing,
                path: Some(path),
                ..
            } => {
                write!(f, "cannot {doing} {}", path.display())
            }
            Error::Io {
                doing, path: None, ..
            } => write!(f, "cannot {doing}"),
            Error::NotFound { path } => write!(f, "no such file: {}", path.display()),
            Error::Exists { path } => write!(f, "already exists: {}", path.display()),
            Error::NotADatabase { path, reason } => {
                write!(f, "not a creel database: {}: {reason}", path.display())
            }
            Error::Corrupt(c) => write!(f, "damaged: {c}"),
            Error::Busy {
                lock,
                holder: Some(h),
                waited,
            } => write!(
                f,
                "the {lock} lock is held by pid {} on {} ({}); waited {} ms",
                h.pid,
                h.host,
                h.command,
                waited.as_millis()
            ),
            Error::Busy {
                lock,
                holder: None,
                waited,
            } => write!(
                f,
                "the {lock} lock was held by an unknown process; waited {} ms",
                waited.as_millis()
            ),
            Error::ReadOnly => f.write_str("opened for reading only"),
            Error::Fenced { reason } => write!(f, "writes are refused: {reason}"),
            Error::HeldBack => f.write_str(
                "writes wait: more of the log is not in the store than --max-unpublished allows",
            ),
            Error::Precondition { at, required } => {
                write!(f, "precondition {at} does not hold: {required}")
            }
            Error::Limit {
                what,
                actual,
                limit,
            } => write!(f, "{what} is {actual}, the limit is {limit}"),
            Error::Invalid { reason } => f.write_str(reason),
            Error::Poisoned => {
                f.write_str("an earlier write failed; this handle does no more work, open it again")
            }
            Error::OutcomeUnknown { .. } => {
                f.write_str("the commit was written but its sync failed: its outcome is unknown")
            }
            Error::Replaced { path } => {
                write!(f, "the path no longer names this file: {}", path.display())
            }
            Error::HardLinked { path, links } => {
                write!(f, "{} has {links} hard links", path.display())
            }
            Error::NetworkFileSystem { path, kind } => {
                write!(f, "{} is on a network file system ({kind})", path.display())
            }
            Error::NoKeyspace { name } => write!(f, "no keyspace named {name:?}"),
            Error::Unsorted { entry } => write!(f, "entry {entry} is not in key order"),
            Error::Duplicate { first, second } => {
                write!(f, "entries {first} and {second} have the same key")
            }
            Error::NotRetained { index, oldest } => write!(
                f,
                "the log does not hold the changes since {index} any more; the oldest position that it can go on from is {oldest}"
            ),
            Error::BadEntry(e) => write!(f, "received log entries are not usable: {e}"),
            Error::Diverged { reason } => write!(f, "another history: {reason}"),
            Error::TokenLost { reason } => write!(f, "the commit was dropped: {reason}"),
            Error::TimedOut { what, waited } => {
                write!(f, "{what}; waited {} ms", waited.as_millis())
            }
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } | Error::OutcomeUnknown { source } => Some(source),
            Error::BadEntry(e) => Some(e),
            _ => None,
        }
    }
}

impl From<EntryError> for Error {
    fn from(e: EntryError) -> Self {
        match e {
            EntryError::History { index } => Error::Diverged {
                reason: format!(
                    "other commits led to entry {} there",
                    index.saturating_sub(1)
                ),
            },
            e => Error::BadEntry(e),
        }
    }
}

impl From<Corruption> for Error {
    fn from(c: Corruption) -> Self {
        Error::Corrupt(c)
    }
}
