//! The open copy at a path, which a new copy may replace.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::db::{Db, OpenOptions};
use crate::error::Result;
use crate::format::checksum::history_start;
use crate::format::entry::Point;
use crate::sys::{OsVfs, Vfs};

/// What a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The same for all copies.
    pub lineage: [u8; 16],
    /// Of this one.
    pub node: [u8; 16],
}

/// A path, and what is open there.
pub struct Slot {
    path: PathBuf,
    options: OpenOptions,
    db: Mutex<Option<Db>>,
}

impl Slot {
    /// An open copy.
    pub fn new(path: &Path, options: OpenOptions, db: Option<Db>) -> Slot {
        Slot {
            path: path.to_owned(),
            options,
            db: Mutex::new(db),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Db>> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is open; `None` where there is no copy yet.
    pub fn get(&self) -> Option<Db> {
        self.lock().clone()
    }

    /// Opens what stands at the path now.
    pub fn reopen(&self) -> Result<Db> {
        let mut slot = self.lock();
        let db = self.options.clone().open(&self.path)?;
        *slot = Some(db.clone());
        Ok(db)
    }

    /// Lets go of it.
    pub fn take(&self) -> Option<Db> {
        self.lock().take()
    }
}

/// Who a copy is.
pub fn identity(db: &Db) -> Result<Identity> {
    let info = db.info()?;
    Ok(Identity {
        lineage: info.lineage_id,
        node: info.file_id,
    })
}

/// Where the copy's durable log ends.
pub fn durable_point(db: &Db) -> Result<Point> {
    let position = db.durable_position()?;
    let start = || db.info().map(|info| history_start(&info.lineage_id));
    Ok(Point {
        index: position.index,
        epoch: position.epoch,
        history: match position.hash {
            Some(hash) => hash,
            None => start()?,
        },
    })
}

/// Random bytes of the operating system.
pub fn entropy() -> io::Result<[u8; 32]> {
    let mut bytes = [0u8; 32];
    OsVfs.random(&mut bytes)?;
    Ok(bytes)
}
