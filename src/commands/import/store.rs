//! The database that is imported into, which may have to be made first.

use std::path::Path;

use creel::format::max_key_len;
use creel::{Commit, CreateOptions, Db, Error, Interest, OpenOptions, Snapshot, Token};

use super::args::ImportArgs;
use crate::cli::args::WriteArgs;
use crate::cli::{Context, Failure};

/// The newest commit of a database, which is durable.
pub fn newest(db: &Db) -> Result<Commit, Failure> {
    let at = db.durable_position()?;
    Ok(Commit {
        token: Token {
            epoch: at.epoch,
            index: at.index,
        },
        hash: at.hash.unwrap_or_default(),
        deleted: 0,
    })
}

/// The database, unless nothing is to be written and there is none.
pub struct Store {
    db: Option<Db>,
    writes: bool,
    /// The longest key.
    pub max_key: usize,
}

impl Store {
    /// Opens the database, or makes it.
    pub fn open(ctx: &mut Context, args: &ImportArgs) -> Result<Store, Failure> {
        let path = ctx.path(&args.db)?;
        if !args.dry_run {
            ctx.refuse_read_only()?;
        }
        Store::with(ctx.options(), &path, args)
    }

    /// The same with these options.
    pub fn with(options: OpenOptions, path: &Path, args: &ImportArgs) -> Result<Store, Failure> {
        let options = match (args.dry_run, args.batch) {
            (true, _) => options.read_only(true),
            // Batches are held against what is there, so nobody may come in between.
            (false, Some(_)) => options.hold_lock(true),
            (false, None) => options,
        };
        let options = options.interest(Interest::All);
        let db = match options.clone().open(path) {
            Ok(db) => Some(db),
            Err(Error::NotFound { .. }) if args.create && args.dry_run => None,
            Err(Error::NotFound { .. }) if args.create => {
                // Named with its first commit: a killed import leaves no empty database.
                Some(options.create_unnamed(path, &CreateOptions::default())?)
            }
            Err(error @ Error::NotFound { .. }) => {
                let hint = "check the path, or make the database: --create";
                return Err(Failure::from(error).hint(hint));
            }
            Err(error) => return Err(error.into()),
        };
        let page_size = match &db {
            Some(db) => db.info()?.page_size,
            None => CreateOptions::default().page_size,
        };
        Ok(Store {
            db,
            writes: !args.dry_run,
            max_key: max_key_len(page_size as usize),
        })
    }

    /// The database.
    pub fn db(&self) -> Option<&Db> {
        self.db.as_ref()
    }

    /// What it holds now.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, Failure> {
        let snapshot = self.db.as_ref().map(Db::snapshot);
        Ok(snapshot.transpose()?)
    }

    /// Ends a successful import.
    pub fn close(self, ctx: &mut Context, args: &WriteArgs) -> Result<(), Failure> {
        match self.db {
            Some(db) if self.writes => {
                db.give_name()?; // nothing was there to import
                ctx.close_written(db, args)
            }
            _ => Ok(()),
        }
    }
}
