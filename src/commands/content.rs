//! What a database or an export holds, entry after entry in order: for commands that compare.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use creel::digest::{ContentDigest, Digest};
use creel::exchange::Format;
use creel::exchange::frame::Position;
use creel::{KeyBound, KeyRange};

use crate::cli::args::{DbArg, KeyEncArgs, RangeArgs};
use crate::cli::{Context, Failure, codes, input, signals};

mod database;
mod export;
mod place;
mod sniff;

use database::Database;

pub(super) use export::{Export, Kind};

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
        above && below && self.has_keyspace(keyspace)
    }

    /// Whether entries of this keyspace may count.
    pub fn has_keyspace(&self, name: &str) -> bool {
        self.keyspace.as_deref().is_none_or(|only| only == name)
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

/// What stands at a path.
pub(super) enum Place {
    Database(PathBuf),
    Export(Content),
}

/// The same where an export of changes will do.
pub(super) enum Found {
    Database(PathBuf),
    Export(About, Kind, Box<Export>),
}

/// The failure to open what was not known for an export.
pub(super) fn neither(failure: Failure, path: &Path) -> Failure {
    let foreign = failure.code() == &codes::NOT_A_DB;
    let failure = failure.at_if_unknown(Some(path));
    match foreign {
        true => failure.hint("check the path; --format names the format of a csv or tsv export"),
        false => failure,
    }
}

/// Looks what stands at a path, and opens an export. `format` is that of an export whose first bytes
/// do not show it.
pub(super) fn look(
    ctx: &mut Context,
    path: &OsStr,
    format: Option<Format>,
    selection: &Selection,
) -> Result<Found, Failure> {
    let path = ctx.path(&DbArg {
        db: path.to_owned(),
    })?;
    match sniff::open(ctx, &path, format)? {
        sniff::Found::Database => Ok(Found::Database(path)),
        sniff::Found::Export(format, bytes, reading) => {
            let (about, kind, export) = Export::open(&path, format, (bytes, reading), selection)
                .map_err(|e| e.at_if_unknown(Some(&path)))?;
            Ok(Found::Export(about, kind, Box::new(export)))
        }
    }
}

impl Content {
    /// Looks what stands at a path, and opens an export.
    pub fn locate(
        ctx: &mut Context,
        path: &OsStr,
        format: Option<Format>,
        selection: &Selection,
    ) -> Result<Place, Failure> {
        match look(ctx, path, format, selection)? {
            Found::Database(path) => Ok(Place::Database(path)),
            Found::Export(about, Kind::Changes, _) => Err(export::changes(&about.path)),
            Found::Export(about, Kind::Contents, export) => Ok(Place::Export(Content {
                about,
                source: Source::Export(export),
            })),
        }
    }

    /// Opens a database or an export; `-` is an export on standard input. `format` is that of an
    /// export whose first bytes do not show it. Writes nothing.
    pub fn open(
        ctx: &mut Context,
        path: &OsStr,
        format: Option<Format>,
        selection: &Selection,
    ) -> Result<Content, Failure> {
        let path = match Content::locate(ctx, path, format, selection)? {
            Place::Export(content) => return Ok(content),
            Place::Database(path) => path,
        };
        let opened = Database::open(ctx, &path, selection);
        let (about, database) = opened.map_err(|e| neither(e, &path))?;
        Ok(Content {
            about,
            source: Source::Database(Box::new(database)),
        })
    }

    /// The contents of a snapshot that was taken before.
    pub fn of_snapshot(
        path: &Path,
        snapshot: creel::Snapshot,
        selection: &Selection,
    ) -> Result<Content, Failure> {
        let (about, database) = Database::of_snapshot(path, snapshot, selection)?;
        Ok(Content {
            about,
            source: Source::Database(Box::new(database)),
        })
    }

    /// Reads all of it and gives the digest, which `creel digest` prints too.
    pub fn digest(&mut self, ctx: &Context) -> Result<Summary, Failure> {
        let meter = ctx.meter("digest");
        let meter: &dyn creel::Progress = match &self.source {
            Source::Export(_) => &meter.of_bytes(),
            Source::Database(_) => &meter,
        };
        let mut digest = ContentDigest::new();
        let mut entry = Entry::default();
        let mut bytes = 0;
        while self.next(&mut entry)? {
            digest.keyspace(&entry.keyspace);
            digest.entry(&entry.key, &entry.value);
            bytes += (entry.key.len() + entry.value.len()) as u64;
            let (done, total) = match &self.source {
                Source::Export(export) => export.progress(bytes),
                Source::Database(database) => {
                    let (done, total) = database.progress();
                    (done, Some(total))
                }
            };
            meter.report(done, total);
            if signals::stopped() {
                return Err(creel::Error::Interrupted.into());
            }
        }
        Ok(Summary {
            entries: digest.entries(),
            digest: digest.finish(),
        })
    }

    /// How many entries were read, and of how many: known of databases.
    pub fn entries(&self) -> Option<(u64, u64)> {
        match &self.source {
            Source::Database(database) => Some(database.progress()),
            Source::Export(_) => None,
        }
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

/// Contents in two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub entries: u64,
    pub digest: Digest,
}

/// A path as it is printed.
pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
