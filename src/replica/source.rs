//! A database as the source of a stream.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::parted::branch_end;
use super::slot::{Identity, Slot, durable_point, identity};
use crate::db::{Db, KeptLog, LogReader, Position, Seed};
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::format::header::Role;
use crate::progress::NoProgress;
use crate::stream::source::{Batch, Bounds, EntryCursor, Head, LogSource, Refusal, Snapshot};

/// Pieces of a snapshot that wait for the connection.
const PIECES: usize = 4;
const PIECE: usize = 1 << 20;
/// Pages ahead of their turn that do.
const EARLY: usize = 64;

/// How long the log behind a copy that was sent is kept for it to come back.
const COMES_BACK: Duration = Duration::from_secs(600);
/// Such copies at most.
const ON_THEIR_WAY: usize = 64;

/// The log behind a copy that is on its way: its follower checks it and comes back with another
/// connection.
struct OnItsWay {
    index: u64,
    log: Arc<KeptLog>,
    /// When it was last being sent.
    sent: Instant,
}

/// A database that others follow.
pub struct DbSource {
    slot: Arc<Slot>,
    /// Of the copy that was read last.
    identity: Mutex<Identity>,
    on_their_way: Mutex<Vec<OnItsWay>>,
    /// Commits up to this one are in the store.
    published: Option<Published>,
}

/// Tells how far the log is published.
pub type Published = Box<dyn Fn() -> u64 + Send + Sync>;

/// A position without a hash is not one to go on from.
pub fn position(point: &Point) -> Position {
    Position {
        epoch: point.epoch,
        index: point.index,
        hash: Some(point.history),
    }
}

/// It cannot be read now: why, with what the system says.
fn unavailable(error: &dyn std::error::Error) -> Refusal {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    Refusal::Unavailable { reason }
}

impl DbSource {
    /// Of what is open in the slot.
    pub fn new(slot: Arc<Slot>) -> Result<DbSource> {
        let none = || Error::NotFound {
            path: slot.path().to_owned(),
        };
        let identity = identity(&slot.get().ok_or_else(none)?);
        Ok(DbSource {
            slot,
            identity: Mutex::new(identity),
            on_their_way: Mutex::default(),
            published: None,
        })
    }

    /// The same, where it is known how far the log is published.
    pub fn published(mut self, published: Published) -> DbSource {
        self.published = Some(published);
        self
    }

    fn known(&self) -> Identity {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn db(&self) -> Result<Db, Refusal> {
        self.now().map(|(db, _)| db)
    }

    /// The file that stands at the path, and its generation: whoever read one of an older
    /// generation has to begin anew.
    fn now(&self) -> Result<(Db, u64), Refusal> {
        let none = || Refusal::Unavailable {
            reason: "no copy yet".to_owned(),
        };
        let (db, generation) = self.slot.now();
        let db = db.ok_or_else(none)?;
        let (db, generation) = match db.check_same_file() {
            Ok(()) => (db, generation),
            Err(Error::Replaced { .. }) => {
                let again = self.slot.reopen_behind(generation);
                again.map_err(|e| unavailable(&e))?;
                let (db, generation) = self.slot.now();
                (db.ok_or_else(none)?, generation)
            }
            Err(error) => return Err(unavailable(&error)),
        };
        let now = identity(&db);
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok((db, generation))
    }

    fn on_their_way(&self) -> MutexGuard<'_, Vec<OnItsWay>> {
        let waiting = self.on_their_way.lock();
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.retain_mut(|copy| {
            if Arc::strong_count(&copy.log) > 1 {
                copy.sent = Instant::now();
            }
            copy.sent.elapsed() < COMES_BACK
        });
        waiting
    }

    fn refused(&self, db: &Db, error: Error, after: &Point) -> Refusal {
        match error {
            Error::Diverged { .. } => diverged(db, after),
            // However old: on a dead branch is more than behind.
            Error::NotRetained { oldest, .. } => {
                match branch_end(after, &db.epochs().unwrap_or_default()) {
                    Some(ancestor) => Refusal::Diverged { ancestor },
                    None => Refusal::NotRetained {
                        oldest,
                        reason: "the log does not reach back so far without a gap".to_owned(),
                    },
                }
            }
            other => unavailable(&other),
        }
    }
}

/// Beyond this log's end, or on another history?
fn diverged(db: &Db, after: &Point) -> Refusal {
    match db.position() {
        // Of the newest epoch, which has one writer: this copy is behind.
        Ok(own) if after.index > own.index && after.epoch >= own.epoch => Refusal::Behind,
        Ok(_) => {
            let epochs = db.epochs().unwrap_or_default();
            let next = epochs.iter().find(|record| record.epoch > after.epoch);
            let ancestor = next.map_or(0, |record| record.previous_index.min(after.index));
            Refusal::Diverged { ancestor }
        }
        Err(error) => unavailable(&error),
    }
}

impl LogSource for DbSource {
    fn lineage(&self) -> [u8; 16] {
        self.known().lineage
    }

    fn node(&self) -> [u8; 16] {
        self.known().node
    }

    fn head(&self) -> Result<Head, Refusal> {
        let point = durable_point(&self.db()?).map_err(|e| unavailable(&e))?;
        let bounds = self.bounds();
        Ok(Head {
            point,
            published: bounds.published,
            floor: bounds.floor,
        })
    }

    fn open(&self, after: &Point) -> Result<Box<dyn EntryCursor>, Refusal> {
        let (db, generation) = self.now()?;
        match db.log_reader(&position(after)) {
            Ok(reader) => {
                let mut waiting = self.on_their_way();
                let found = waiting.iter().position(|copy| copy.index == after.index);
                Ok(Box::new(DbCursor {
                    slot: Arc::clone(&self.slot),
                    generation,
                    db,
                    reader,
                    _kept: found.map(|at| waiting.swap_remove(at).log),
                }))
            }
            Err(error) => Err(self.refused(&db, error, after)),
        }
    }

    fn wait(&self, after: u64, timeout: Duration) -> Result<(), Refusal> {
        drop(self.on_their_way()); // those that nobody came for
        let newest = self.db()?.watch(after, timeout);
        newest.map(drop).map_err(|e| unavailable(&e))
    }

    fn bounds(&self) -> Bounds {
        let oldest = || self.slot.get()?.oldest_index().ok();
        Bounds {
            published: self.published.as_ref().map_or(0, |published| published()),
            floor: oldest().unwrap_or(0),
        }
    }

    fn generation(&self) -> u64 {
        self.slot.generation()
    }

    fn snapshot(&self) -> Result<Snapshot, Refusal> {
        let db = self.db()?;
        let kept = db.keep_log().map_err(|e| unavailable(&e))?;
        let seed = db.prepare_seed().map_err(|e| unavailable(&e))?;
        let at = seed.position();
        let position = Point {
            index: at.index,
            epoch: at.epoch,
            history: at.hash.unwrap_or_default(),
        };
        let bytes = seed.bytes();
        let (pieces, arriving) = sync_channel(PIECES);
        let (ahead, early) = sync_channel(EARLY);
        let spawned = std::thread::Builder::new()
            .name("seed".to_owned())
            .spawn(move || {
                // What cannot be read is met again in its turn, and told then.
                let _ = seed.early(&mut |at, bytes| ahead.send((at, bytes.to_vec())).is_ok());
                drop(ahead);
                send_seed(&seed, &pieces);
            });
        spawned.map_err(|e| unavailable(&e))?;
        let log = Arc::new(kept);
        let mut waiting = self.on_their_way();
        if waiting.len() >= ON_THEIR_WAY {
            waiting.remove(0);
        }
        waiting.push(OnItsWay {
            index: position.index,
            log: Arc::clone(&log),
            sent: Instant::now(),
        });
        drop(waiting);
        Ok(Snapshot {
            position,
            bytes,
            early: Box::new(early.into_iter()),
            reader: Box::new(SeedReader {
                arriving,
                piece: Vec::new(),
                given: 0,
                _kept: log,
            }),
        })
    }

    fn saw_epoch(&self, epoch: u32) -> bool {
        let Ok(db) = self.db() else {
            return false;
        };
        let primary = db.info().is_ok_and(|info| info.role == Role::Primary);
        if primary {
            // Where the header cannot be written, this process at least serves no more.
            let _ = db.fence(epoch);
        }
        primary
    }
}

struct DbCursor {
    slot: Arc<Slot>,
    generation: u64,
    db: Db,
    reader: LogReader,
    /// Until a new copy has caught up.
    _kept: Option<Arc<KeptLog>>,
}

impl DbCursor {
    /// Nothing to read is only news where the log still ends here, or behind: a log that was taken
    /// back has another entry here, or none.
    fn check_end(&self) -> Result<(), Refusal> {
        let here = self.reader.point();
        let newest = self.db.position().map_err(|e| unavailable(&e))?;
        let other = newest.index == here.index
            && (newest.hash.unwrap_or(here.history) != here.history || newest.epoch != here.epoch);
        if newest.index < here.index || other {
            return Err(Refusal::Diverged { ancestor: 0 });
        }
        Ok(())
    }
}

impl EntryCursor for DbCursor {
    fn read(&mut self, max_entries: usize, max_bytes: usize) -> Result<Option<Batch>, Refusal> {
        let read = self.reader.read(max_entries, max_bytes);
        if self.slot.generation() != self.generation {
            return Err(Refusal::Diverged { ancestor: 0 });
        }
        match read {
            Ok(bytes) if bytes.is_empty() => self.check_end().map(|()| None),
            Ok(bytes) => Ok(Some(Batch {
                bytes,
                end: self.reader.point(),
            })),
            Err(Error::NotRetained { oldest, .. }) => Err(Refusal::NotRetained {
                oldest,
                reason: "a bulk load, or log that was begun anew".to_owned(),
            }),
            Err(Error::Diverged { .. }) => Err(diverged(&self.db, &self.reader.point())),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

type Piece = io::Result<Vec<u8>>;

/// Writes a snapshot piece by piece; ends when nobody takes them any more.
fn send_seed(seed: &Seed, pieces: &SyncSender<Piece>) {
    let mut out = PieceWriter {
        piece: Vec::with_capacity(PIECE),
        pieces,
    };
    let written = seed.write_to(&mut out, &NoProgress);
    let end = match written {
        Ok(_) => out.flush(),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    if let Err(error) = end {
        let _ = pieces.send(Err(error));
    }
}

struct PieceWriter<'a> {
    piece: Vec<u8>,
    pieces: &'a SyncSender<Piece>,
}

impl Write for PieceWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() {
            return Ok(());
        }
        let sent = self.pieces.send(Ok(piece));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

struct SeedReader {
    arriving: Receiver<Piece>,
    piece: Vec<u8>,
    given: usize,
    /// While it is being sent.
    _kept: Arc<KeptLog>,
}

impl Read for SeedReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.piece.len() {
            self.piece = match self.arriving.recv() {
                Ok(piece) => piece?,
                Err(_) => return Ok(0),
            };
            self.given = 0;
        }
        let rest = self.piece.get(self.given..).unwrap_or_default();
        let count = rest.len().min(out.len());
        for (to, from) in out.iter_mut().zip(rest) {
            *to = *from;
        }
        self.given += count;
        Ok(count)
    }
}
