//! Positions that may be handed out: what they stand for is on the medium.

use std::cell::Cell;
use std::time::Duration;

use super::handle::{Inner, Log, lock};
use super::snapshot::Snapshot;
use super::token::Position;
use crate::error::{Error, Result};
use crate::format::FIRST_DATA_OFFSET;
use crate::format::entry::Point;
use crate::format::header::Header;
use crate::store::locks::{self, WRITER};
use crate::store::slots;
use crate::sys::LockMode;
use crate::wal::append::{self, Durability};
use crate::wal::retained;
use crate::wal::scan::Placed;

/// Tries to read a log that is begun anew while it is read.
const ATTEMPTS: u32 = 20;

impl Snapshot {
    /// Where the snapshot stands in the history. What led to it is durable when this returns:
    /// commits of handles that do not sync are synced first.
    pub fn position(&self) -> Result<Position> {
        let inner = self.inner();
        let index = self.token().index;
        inner.make_durable_upto(index)?;
        let point = inner.point_at(index)?;
        Ok(Position {
            epoch: point.epoch,
            index,
            hash: Some(point.history),
        })
    }

    /// The same without making anything durable: to be compared with, not to be handed out.
    pub fn position_unproven(&self) -> Result<Position> {
        let index = self.token().index;
        let point = self.inner().point_at(index)?;
        Ok(Position {
            epoch: point.epoch,
            index,
            hash: Some(point.history),
        })
    }
}

impl Inner {
    /// History and epoch after an entry.
    pub(super) fn point_at(&self, index: u64) -> Result<Point> {
        let header = {
            let mut log = lock(&self.log);
            if log.tail.last_index() == index {
                return self.point(&mut log);
            }
            log.current.header.clone()
        };
        self.point_behind(&header, index)
    }

    /// The same for an entry that is not the newest one, by a caller who may hold the log.
    pub(super) fn point_behind(&self, header: &Header, index: u64) -> Result<Point> {
        // A header may be ahead of its checkpoint: an epoch begins with it.
        if header.checkpoint_index == index && header.epoch_start_index <= index {
            return Ok(Point {
                index,
                epoch: header.epoch,
                history: header.history,
            });
        }
        let mut found = None;
        let began = self.walk_log(index, |point, _, _| {
            found = Some(*point).filter(|p| p.index == index);
            Ok(point.index < index)
        })?;
        found.ok_or(Error::NotRetained {
            index,
            oldest: began.index,
        })
    }

    /// The log after its newest entry.
    pub(super) fn newest_point(&self) -> Result<Point> {
        let mut log = lock(&self.log);
        if !log.writing && self.changed(&log) {
            self.refresh(&mut log, false)?;
        }
        self.point(&mut log)
    }

    /// The log after its last entry.
    pub(super) fn point(&self, log: &mut Log) -> Result<Point> {
        Ok(Point {
            index: log.tail.last_index(),
            epoch: log.tail.link.epoch,
            history: self.history(log)?,
        })
    }

    /// Walks the log from `from` on, or as far back as it reaches. `visit` begins anew where it is
    /// called for an entry that is not behind the one before: the log was caught in a change.
    pub(super) fn walk_log(
        &self,
        from: u64,
        mut visit: impl FnMut(&Point, &Placed, &[u8]) -> Result<bool>,
    ) -> Result<Point> {
        let file = self.file.as_ref();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let current = slots::read(file)?.current(&self.path)?;
            let known = self.view.load().tree.header().generation;
            if known != current.header.generation
                && let Ok(mut log) = self.log.try_lock()
                && !log.writing
            {
                // What another process archived just now counts.
                self.refresh(&mut log, false)?;
            }
            let enough = Cell::new(false);
            let mut visit = |point: &Point, placed: &Placed, payload: &[u8]| {
                let goes_on = visit(point, placed, payload)?;
                enough.set(!goes_on);
                Ok(goes_on)
            };
            let archived = self.walk_archive(from, &mut visit)?;
            if let Some(began) = archived.filter(|_| enough.get()) {
                return Ok(began);
            }
            let walked = retained::walk(file, &current.header, from, &mut visit);
            match walked.map(|began| archived.unwrap_or(began)) {
                // In the middle of somebody's write, or really damaged.
                Err(Error::Corrupt(_)) if attempt < ATTEMPTS => {
                    self.vfs().pause(Duration::from_millis(1));
                }
                walked => return walked,
            }
        }
    }

    /// Makes certain that the log up to an entry is on the medium.
    pub(super) fn make_durable_upto(&self, index: u64) -> Result<()> {
        let started = self.vfs().elapsed();
        loop {
            let mut log = lock(&self.log);
            if !log.writing {
                self.refresh(&mut log, false)?;
            }
            if is_proven(&log, index) {
                return Ok(());
            }
            drop(log);
            if self.options.read_only {
                let held = locks::try_hold(&self.locks, WRITER, LockMode::Shared)?;
                if let Some(_writer) = held {
                    return self.prove_by_reading(index);
                }
            } else if let Some(_writer) = self.try_lock_writer()? {
                return self.prove_by_writing();
            }
            // Whoever writes leaves a mark when his sync succeeds.
            let waited = self.vfs().elapsed().saturating_sub(started);
            if waited >= self.options.lock_timeout {
                return Err(Error::Busy {
                    lock: "writer",
                    holder: self.vfs().holder_of(&self.path, WRITER),
                    waited,
                });
            }
            self.vfs().pause(Duration::from_millis(1));
        }
    }

    /// Makes certain that the log up to its end is on the medium, unless somebody is writing: his
    /// own sync does that.
    pub(super) fn try_prove(&self) -> Result<()> {
        if self.options.read_only {
            if let Some(_writer) = locks::try_hold(&self.locks, WRITER, LockMode::Shared)? {
                let index = {
                    let mut log = lock(&self.log);
                    self.refresh(&mut log, true)?;
                    log.tail.last_index()
                };
                self.prove_by_reading(index)?;
            }
        } else if let Some(_writer) = self.try_lock_writer()? {
            self.prove_by_writing()?;
        }
        Ok(())
    }

    fn prove_by_writing(&self) -> Result<()> {
        self.check_poison()?;
        let mut log = lock(&self.log);
        self.refresh(&mut log, true)?;
        self.prove_header(&mut log, Durability::Now)?;
        append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())
    }

    /// Without write permission: sync what others wrote, and read it from the medium.
    fn prove_by_reading(&self, index: u64) -> Result<()> {
        let before = self.point_at(index)?;
        self.file
            .sync()
            .map_err(|e| Error::io_at("sync", &self.path, e))?;
        let last = {
            let mut log = lock(&self.log);
            let (start, end) = (log.tail.extent.start, log.tail.end);
            self.file.drop_cache(0, FIRST_DATA_OFFSET);
            self.file.drop_cache(start, end.next_multiple_of(4096));
            self.reload(&mut log, true)?;
            log.tail.proven = log.tail.end;
            log.header_proven = true;
            log.tail.last_index()
        };
        if last < index || self.point_at(index)? != before {
            let text = "the newest commits were never written to the medium";
            let lost = std::io::Error::new(std::io::ErrorKind::InvalidData, text);
            return Err(Error::io_at("read", &self.path, lost));
        }
        Ok(())
    }
}

/// Is it known that the header is durable, and with it every region but the newest?
pub(super) fn is_header_proven(log: &Log) -> bool {
    log.header_proven || log.tail.durable_gen == log.current.header.generation as u32
}

/// Is it known that header and log up to an entry are durable?
pub(super) fn is_proven(log: &Log, index: u64) -> bool {
    let tail = &log.tail;
    is_header_proven(log) && (tail.proven >= tail.end || index < tail.region.first_index)
}
