//! Where a run keeps its database, and how it opens it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::db::{CreateOptions, Db, OpenOptions};
use crate::error::Result;
use crate::soak::config::Config;
use crate::soak::plants::Plant;
use crate::soak::seam::Seam;

/// A program of which processes are started: this one, with a hidden argument.
#[derive(Debug, Clone)]
pub struct Helper {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub args: Vec<OsString>,
}

/// Where the run takes place.
#[derive(Debug, Clone)]
pub struct Place {
    /// The database.
    pub path: PathBuf,
    /// What every call to it goes through.
    pub seam: Seam,
    /// How to start a process that reads; `None` = there is none.
    pub reader: Option<Helper>,
}

/// How long another process may hold a lock: a reader never holds one that a writer needs.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes in the log at which the engine folds it by itself.
const FOLD_AT: u64 = 56 << 20;

impl Place {
    /// A database at this path.
    pub fn new(path: PathBuf, reader: Option<Helper>) -> Place {
        Place {
            path,
            seam: Seam::default(),
            reader,
        }
    }

    fn options(&self, config: &Config, session: u64) -> OpenOptions {
        OpenOptions::new()
            .sync(config.sync.into())
            .lock_timeout(PATIENCE)
            .checkpoint_at(Some(FOLD_AT))
            // Values that are wrong in the log are right in memory, which a thread that folds it
            // would take them from: whether they show must not depend on who is faster.
            .background_checkpoint(config.plant != Some(Plant::WrongValue))
            .wal_max(config.bounds.log / 2)
            // By turns as a writer that is alone, and as one that lets others write in between.
            .hold_lock(session % 2 == 1)
            .vfs(Arc::new(self.seam.clone()))
    }

    /// Makes the database.
    pub fn create(&self, config: &Config) -> Result<Db> {
        self.options(config, 0)
            .create(&self.path, &CreateOptions::default())
    }

    /// Opens it for the session with this number.
    pub fn open(&self, config: &Config, session: u64) -> Result<Db> {
        self.options(config, session).open(&self.path)
    }

    /// A name for a copy beside it.
    pub fn beside(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
