//! What a digest is made of: a database or an export.

use std::ffi::OsStr;

use creel::Interest;
use creel::exchange::Format;
use creel::exchange::frame::Position;

use crate::cli::args::DbArg;
use crate::cli::progress::Meter;
use crate::cli::{Context, Failure};
use crate::commands::content::{self, Export, Found};
use crate::commands::export::{Selection, Visit};

/// Which entries.
pub struct Which {
    /// Keyspace and keys.
    pub selection: content::Selection,
    /// Format of exports, where their beginning does not show it.
    pub format: Option<Format>,
}

/// A database or an export, open.
pub enum Side {
    /// Entries of a snapshot.
    Database(Box<Selection>),
    /// Records of a file or of standard input, and where they stand.
    Export(Option<Position>, Box<Export>),
}

impl Side {
    /// Opens what stands at this path; `-` is an export on standard input.
    pub fn open(ctx: &mut Context, path: &OsStr, which: &Which) -> Result<Side, Failure> {
        match content::look(ctx, path, which.format, &which.selection)? {
            Found::Export(about, _, export) => Ok(Side::Export(about.position, export)),
            Found::Database(path) => {
                let db = DbArg {
                    db: path.as_os_str().to_owned(),
                };
                let db = ctx.open_read(&db, Interest::All);
                let db = db.map_err(|e| content::neither(e, &path))?;
                let content::Selection { keyspace, range } = &which.selection;
                let selection = Selection::new(&db, keyspace.as_deref(), Some(range.clone()))?;
                Ok(Side::Database(Box::new(selection)))
            }
        }
    }

    /// The kind in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Side::Database(_) => "database",
            Side::Export(..) => "export",
        }
    }

    /// Counts what there is to count: how many entries a database has is known.
    pub fn meter(&self, ctx: &Context) -> Meter {
        let meter = ctx.meter("digest");
        match self {
            Side::Database(_) => meter,
            Side::Export(..) => meter.of_bytes(),
        }
    }

    /// The position that the records are the contents of.
    pub fn position(&self) -> Result<Option<Position>, Failure> {
        match self {
            Side::Database(selection) => selection.position().map(Some),
            Side::Export(position, _) => Ok(*position),
        }
    }

    /// Hands over every record.
    pub fn walk(&mut self, meter: &Meter, to: &mut impl Visit) -> Result<(), Failure> {
        match self {
            Side::Database(selection) => selection.walk(meter, to),
            Side::Export(_, export) => export.walk(meter, to),
        }
    }
}
