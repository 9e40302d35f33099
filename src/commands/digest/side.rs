//! What a digest is made of: a database or an export.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use creel::exchange::Format;
use creel::exchange::frame::Position;
use creel::{Interest, KeyRange};

use super::input::{Export, Wanted, is_export, start_of};
use crate::cli::args::DbArg;
use crate::cli::progress::Meter;
use crate::cli::{Context, Failure};
use crate::commands::export::{Selection, Visit};

/// Which entries.
pub struct Which {
    /// Only this keyspace.
    pub keyspace: Option<String>,
    /// Only these keys.
    pub keys: Option<KeyRange>,
    /// Format of exports, where their beginning does not show it.
    pub format: Option<Format>,
}

/// A database or an export, open.
pub enum Side {
    /// Entries of a snapshot.
    Database(Box<Selection>),
    /// Records of a file or of standard input. A dump is read twice: `main` comes first in it, but
    /// not in a digest.
    Export(Box<Export>, Option<Box<Export>>),
}

impl Side {
    /// Opens what stands at this path; `-` is an export on standard input.
    pub fn open(ctx: &mut Context, path: &OsStr, which: &Which) -> Result<Side, Failure> {
        let keyspace = which.keyspace.as_deref();
        if path == "-" {
            ctx.take_stdin("export")?;
            let name = Path::new("standard input");
            let export = Export::open(Box::new(std::io::stdin()), name, which.format, keyspace)?;
            return Ok(Side::Export(Box::new(export), None));
        }
        let arg = DbArg {
            db: path.to_owned(),
        };
        let file = ctx.path(&arg)?;
        if which.format.is_some() || is_export(&start_of(&file)?, &file) {
            let open = || Export::open(open(&file)?, &file, which.format, keyspace).map(Box::new);
            let export = open()?;
            let again = export.main_first.then(open).transpose()?;
            return Ok(Side::Export(export, again));
        }
        let db = ctx.open_read(&arg, Interest::All)?;
        let selection = Selection::new(&db, keyspace, which.keys.clone())?;
        Ok(Side::Database(Box::new(selection)))
    }

    /// The kind in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Side::Database(_) => "database",
            Side::Export(..) => "export",
        }
    }

    /// The position that the records are the contents of; of an export once it was read.
    pub fn position(&self) -> Result<Option<Position>, Failure> {
        match self {
            Side::Database(selection) => selection.position().map(Some),
            Side::Export(export, _) => Ok(export.header().map(|h| h.position)),
        }
    }

    /// Hands over every record.
    pub fn walk(
        &mut self,
        which: &Which,
        meter: &Meter,
        to: &mut impl Visit,
    ) -> Result<(), Failure> {
        match self {
            Side::Database(selection) => selection.walk(meter, to),
            Side::Export(export, again) => {
                let mut wanted = Wanted {
                    keyspace: which.keyspace.as_deref(),
                    keys: which.keys.as_ref(),
                    before_main: None,
                };
                if let Some(again) = again {
                    wanted.before_main = Some(true);
                    again.walk(&wanted, meter, to)?;
                    wanted.before_main = Some(false);
                }
                export.walk(&wanted, meter, to)
            }
        }
    }
}

fn open(path: &PathBuf) -> Result<Box<dyn Read + Send>, Failure> {
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::file("read", path, &error)),
    }
}
