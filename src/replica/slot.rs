//! The open copy at a path, which a new copy may replace.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::db::{Db, OpenOptions};
use crate::error::{Error, Result};
use crate::format::checksum::history_start;
use crate::format::entry::Point;
use crate::format::header::Role;
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
    generation: AtomicU64,
    /// What every file that is opened here is to say about who serves it.
    control: Mutex<String>,
}

impl Slot {
    /// An open copy.
    pub fn new(path: &Path, options: OpenOptions, db: Option<Db>) -> Slot {
        Slot {
            path: path.to_owned(),
            options,
            db: Mutex::new(db),
            generation: AtomicU64::new(0),
            control: Mutex::default(),
        }
    }

    /// Writes into the file where this process answers, and into each that comes in its place. That
    /// is for those who ask how it stands: a failure is no reason not to go on.
    pub fn announce(&self, text: &str) {
        {
            let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
            text.clone_into(&mut control);
        }
        if let Some(db) = self.get() {
            let _ = super::acks::announce(&db, text);
        }
    }

    /// Takes that back.
    pub fn withdraw(&self) {
        let text = {
            let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *control)
        };
        if let Some(db) = self.get().filter(|_| !text.is_empty()) {
            let _ = super::acks::withdraw(&db, &text);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Db>> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is opened.
    pub fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is open; `None` where there is no copy yet.
    pub fn get(&self) -> Option<Db> {
        self.lock().clone()
    }

    /// Goes up when another file is open.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// What is open, and as what generation.
    pub fn now(&self) -> (Option<Db>, u64) {
        let slot = self.lock();
        (slot.clone(), self.generation())
    }

    /// Opens what stands at the path now.
    pub fn reopen(&self) -> Result<Db> {
        self.open_again(&mut self.lock())
    }

    /// The same where another process put a file there; nothing where somebody was faster.
    pub fn reopen_behind(&self, generation: u64) -> Result<()> {
        let mut slot = self.lock();
        match self.generation() == generation {
            true => self.open_again(&mut slot).map(drop),
            false => Ok(()),
        }
    }

    fn open_again(&self, slot: &mut Option<Db>) -> Result<Db> {
        let db = self.options.clone().open(&self.path)?;
        *slot = Some(db.clone());
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        if !control.is_empty() {
            let _ = super::acks::announce(&db, &control);
        }
        drop(control);
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(db)
    }

    /// Lets go of it.
    pub fn take(&self) -> Option<Db> {
        self.lock().take()
    }
}

/// Nothing more comes to a copy that was promoted, whatever its source does.
pub fn check_follows(db: &Db) -> Result<()> {
    db.facts()?; // another process may have changed the header since
    match db.info()?.role {
        Role::Replica => Ok(()),
        _ => Err(Error::Fenced {
            reason: "this copy was promoted: it is no replica any more".to_owned(),
        }),
    }
}

/// Who a copy is.
pub fn identity(db: &Db) -> Identity {
    let (lineage, node) = db.ids();
    Identity { lineage, node }
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
