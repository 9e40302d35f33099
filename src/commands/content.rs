//! What a database or an export holds, entry after entry in order: for commands that compare.

use std::path::{Path, PathBuf};

use creel::exchange::frame::Position;
use creel::exchange::read::Format;
use creel::{KeyBound, KeyRange};

use crate::cli::args::{DbArg, KeyEncArgs, RangeArgs};
use crate::cli::{Context, Failure, input};

mod database;
mod export;
mod sniff;

use database::Database;
use export::Export;

/// One entry; used again for the next one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub keyspace: String,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Entry {
    /// What entries are ordered by.
    pub fn place(&self) -> (&[u8], &[u8]) {
        (self.keyspace.as_bytes(), &self.key)
    }

    fn enter(&mut self, keyspace: &str) {
        if self.keyspace != keyspace {
            keyspace.clone_into(&mut self.keyspace);
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(key);
        self.value.clear();
        self.value.extend_from_slice(value);
    }
}

/// Which entries count.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    /// Only this keyspace.
    pub keyspace: Option<String>,
    /// Only these keys.
    pub range: KeyRange,
}

impl Selection {
    /// What the flags ask for.
    pub fn of(
        range: &RangeArgs,
        enc: &KeyEncArgs,
        keyspace: Option<&str>,
    ) -> Result<Selection, Failure> {
        Ok(Selection {
            keyspace: keyspace.map(str::to_owned),
            range: input::range(range, enc)?.unwrap_or_default(),
        })
    }

    /// Whether an entry with this place counts.
    pub fn has(&self, keyspace: &str, key: &[u8]) -> bool {
        let above = match &self.range.from {
            KeyBound::Unbounded => true,
            KeyBound::Included(from) => key >= from.as_slice(),
            KeyBound::Excluded(from) => key > from.as_slice(),
        };
        let below = match &self.range.to {
            KeyBound::Unbounded => true,
            KeyBound::Included(to) => key <= to.as_slice(),
            KeyBound::Excluded(to) => key < to.as_slice(),
        };
        above && below && self.keyspace.as_deref().is_none_or(|k| k == keyspace)
    }
}

/// What contents were read from.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub path: PathBuf,
    /// `database`, or the format of the export.
    pub kind: &'static str,
    /// Position in the log, where it is known.
    pub position: Option<Position>,
    /// Id of the lineage, where it is known.
    pub lineage: Option<[u8; 16]>,
}

/// Ordered contents.
pub(super) struct Content {
    about: About,
    source: Source,
}

enum Source {
    Database(Box<Database>),
    Export(Box<Export>),
}

impl Content {
    /// Opens a database or an export; `-` is an export on standard input. `format` is that of an
    /// export whose first bytes do not show it. Writes nothing.
    pub fn open(
        ctx: &mut Context,
        path: &DbArg,
        format: Option<Format>,
        selection: &Selection,
    ) -> Result<Content, Failure> {
        let path = ctx.path(path)?;
        let found = sniff::open(ctx, &path, format)?;
        let opened = match found {
            sniff::Found::Database => Database::open(ctx, &path, selection)
                .map(|(about, database)| (about, Source::Database(Box::new(database)))),
            sniff::Found::Export(format, bytes) => Export::open(&path, format, bytes, selection)
                .map(|(about, export)| (about, Source::Export(Box::new(export)))),
        };
        let (about, source) = opened.map_err(|e| e.at_if_unknown(Some(&path)))?;
        Ok(Content { about, source })
    }

    /// What this is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// False where it is certain that there is no such keyspace.
    pub fn may_have_keyspace(&self) -> bool {
        match &self.source {
            Source::Database(database) => database.has_keyspace,
            Source::Export(_) => true,
        }
    }

    /// Reads the next entry; false at the end. The end of an export has passed its trailer.
    pub fn next(&mut self, entry: &mut Entry) -> Result<bool, Failure> {
        let read = match &mut self.source {
            Source::Database(database) => database.next(entry),
            Source::Export(export) => export.next(entry),
        };
        read.map_err(|e| e.at_if_unknown(Some(&self.about.path)))
    }
}

/// A path as it is printed.
pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
