//! A database as the copy at the end of a stream.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::arriving::Arriving;
use super::parted::{before_replacing, check_not_own_past, hand_on};
use super::slot::{Slot, durable_point};
use super::state::{Phase, State};
use crate::check::Verdict;
use crate::db::{Db, OpenOptions};
use crate::error::{Error, Result};
use crate::format::entry::{EntryError, Point};
use crate::format::header::Role;
use crate::stream::source::{Head, ReplicaSink, SinkError};
use crate::sys::{OsVfs, Vfs};

/// Fed by a stream.
pub struct DbSink {
    slot: Arc<Slot>,
    state: Arc<State>,
    seed: Option<Arriving>,
    unsaved_epoch: Option<u32>,
    /// A new copy may take the place of one that has commits of its own; these are saved first.
    pub force: bool,
}

fn failed(error: &dyn std::fmt::Display) -> SinkError {
    SinkError::Failed {
        reason: error.to_string(),
    }
}

/// With what the system said.
fn reason_of(error: &Error) -> String {
    match error {
        Error::Io { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

fn sink_error(error: Error) -> SinkError {
    let reason = reason_of(&error);
    match error {
        Error::Diverged { .. } => SinkError::Diverged { reason },
        // Sent again it would be the same.
        Error::BadEntry(EntryError::Newer { .. }) => SinkError::Failed { reason },
        Error::BadEntry(_) => SinkError::Damaged { reason },
        Error::NotRetained { .. } => SinkError::NeedsSnapshot { reason },
        _ => SinkError::Failed { reason },
    }
}

impl DbSink {
    /// Feeds what is in the slot, and says so in `state`.
    pub fn new(slot: Arc<Slot>, state: Arc<State>) -> DbSink {
        DbSink {
            slot,
            state,
            seed: None,
            unsaved_epoch: None,
            force: false,
        }
    }

    /// Nothing of an older epoch is followed any more, after a restart neither.
    fn save_epoch(&mut self) -> Result<(), SinkError> {
        let (Some(epoch), Some(db)) = (self.unsaved_epoch, self.slot.get()) else {
            return Ok(());
        };
        match db.fence(epoch) {
            // A checkpoint runs: the state knows it meanwhile.
            Err(Error::Busy { .. }) => return Ok(()),
            saved => saved.map_err(sink_error)?,
        }
        self.unsaved_epoch = None;
        Ok(())
    }

    fn db(&self) -> Result<Db, SinkError> {
        self.slot
            .get()
            .ok_or_else(|| failed(&"there is no copy yet"))
    }
}

impl ReplicaSink for DbSink {
    fn apply(&mut self, entries: &[u8]) -> Result<Point, SinkError> {
        let db = self.db()?;
        let applied = db.apply(entries).map_err(|error| {
            let newer = matches!(error, Error::BadEntry(EntryError::Newer { .. }));
            self.state.update(|state| state.newer |= newer);
            sink_error(error)
        })?;
        let position = applied.position;
        let point = if applied.applied > 0 {
            Point {
                index: position.index,
                epoch: position.epoch,
                history: position.hash.unwrap_or_default(),
            }
        } else {
            // Another process wrote them, and may not have synced: what is acknowledged is durable.
            durable_point(&db).map_err(sink_error)?
        };
        self.state.applied(point.index);
        Ok(point)
    }

    fn seed_begin(&mut self, bytes: u64, position: &Point) -> Result<(), SinkError> {
        self.state.update(|state| state.phase = Phase::Seeding);
        let arriving = Arriving::begin(self.slot.path(), bytes, position);
        self.seed = Some(arriving.map_err(|e| failed(&e))?);
        Ok(())
    }

    fn seed_early(&mut self, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let seed = self.seed.as_ref();
        let seed = seed.ok_or_else(|| failed(&"no copy arrives"))?;
        seed.early(offset, bytes).map_err(|e| failed(&e))
    }

    fn seed_part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let seed = self
            .seed
            .as_mut()
            .ok_or_else(|| failed(&"no copy arrives"))?;
        seed.write(bytes).map_err(|e| failed(&e))
    }

    fn seed_end(&mut self) -> Result<Point, SinkError> {
        let mut seed = self.seed.take().ok_or_else(|| failed(&"no copy arrives"))?;
        let new = check_copy(&mut seed)?;
        let path = self.slot.path();
        give_rights(&seed, path).map_err(|e| failed(&e))?;
        let old = self.slot.get();
        if let Some(old) = &old {
            self.hand_over(old, &new)?;
        }
        new.close().map_err(|e| failed(&e))?;
        if old.is_some() {
            OsVfs.rename(&seed.beside.path, path)
        } else {
            OsVfs.rename_new(&seed.beside.path, path)
        }
        .map_err(|e| failed(&e))?;
        OsVfs.sync_dir_of(path).map_err(|e| failed(&e))?;
        let db = self.slot.reopen().map_err(|e| failed(&e))?;
        let point = durable_point(&db).map_err(|e| failed(&e))?;
        self.state.applied(point.index);
        self.state.update(|state| state.phase = Phase::CatchingUp);
        Ok(point)
    }

    fn seed_abort(&mut self) {
        self.seed = None;
    }

    fn saw_epoch(&mut self, epoch: u32) -> Result<(), SinkError> {
        self.state
            .update(|state| state.highest_epoch = state.highest_epoch.max(epoch));
        self.unsaved_epoch = Some(epoch);
        self.save_epoch()
    }

    fn heard(&mut self, head: &Head, caught_up: bool) {
        self.state.heard(head, caught_up);
        // What hinders it now hinders the next entries too, and is told then.
        let _ = self.save_epoch();
    }
}

impl DbSink {
    /// The new copy knows what the old one did, and nothing that only the old one has is lost.
    fn hand_over(&self, old: &Db, new: &Db) -> Result<(), SinkError> {
        let saved = check_not_own_past(old, new);
        let saved = saved.and_then(|()| before_replacing(old, new, self.force));
        let saved = saved.map_err(|error| match error {
            Error::Fenced { reason } => SinkError::Diverged { reason },
            other => sink_error(other),
        })?;
        let files = saved.into_iter().map(|saved| saved.path);
        self.state.update(|state| state.saved.extend(files));
        let facts = old.facts().map_err(|e| failed(&e))?;
        let heard = old.highest_epoch().map_err(|e| failed(&e))?;
        new.fence(heard)
            .and_then(|()| hand_on(new, facts))
            .map_err(|e| failed(&e))
    }
}

/// What is put in place is whole, a replica, and the moment that was announced.
fn check_copy(seed: &mut Arriving) -> Result<Db, SinkError> {
    let report = seed.finish().map_err(|e| failed(&e))?;
    if report.verdict != Verdict::Clean {
        let found = report
            .findings
            .first()
            .map(|finding| format!("{}: {}", finding.id, finding.detail));
        return Err(SinkError::Failed {
            reason: format!(
                "the copy that arrived does not pass verify: {}",
                found.unwrap_or_default()
            ),
        });
    }
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options.open(&seed.beside.path).map_err(|e| failed(&e))?;
    let info = db.info().map_err(|e| failed(&e))?;
    if info.role != Role::Replica {
        return Err(failed(&"the file that arrived is no replica"));
    }
    if durable_point(&db).map_err(|e| failed(&e))? != seed.position {
        return Err(failed(&"the file that arrived is of another moment"));
    }
    Ok(db)
}

/// The new file may be read and written by those who may do so with the old one.
fn give_rights(seed: &Arriving, old: &Path) -> io::Result<()> {
    match std::fs::metadata(old) {
        Ok(found) => std::fs::set_permissions(&seed.beside.path, found.permissions()),
        // As every new file of creel: for its owner alone.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
