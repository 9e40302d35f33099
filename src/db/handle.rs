//! The shared state behind a [`super::Db`].
//!
//! Locks in the order in which they may be taken: `checkpointing`, `writer`, `log`, `snapshots`.
//! Reading takes at most `log` (short, never across a write) and `snapshots`.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::info::Recovery;
use super::lost::Groups;
use super::newfile::NewFile;
use super::options::{Interest, OpenOptions, SyncMode};
use super::queue::Queue;
use super::turn::is_idle_free;
use super::view::{NEWEST, View};
use super::watch::Watchers;
use crate::defect::{Defect, planted};
use crate::error::{Error, Result};
use crate::format::checksum::History;
use crate::format::key::{FullKey, MAIN};
use crate::format::pair::pick;
use crate::store::locks::{self, CHECKPOINT, Held, WRITER};
use crate::store::pins::Pins;
use crate::store::slots::Current;
use crate::sys::{File, FileIdentity, LockMode, Vfs};
use crate::threads::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::threads::{Condvar, JoinHandle, Mutex, MutexGuard, Swap};
use crate::wal::append::{self, Durability, Stamp};
use crate::wal::extents;
use crate::wal::tail::Tail;

/// A log region larger than this slows one-shot commands down, which look through all of it.
pub(super) const OVERSIZE: u64 = 4 << 20;

/// How long a checkpoint waits for a writer with the checkpoint lock in hand.
const SHORT_WAIT: Duration = Duration::from_millis(5);

/// Everything that the clones of a handle share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub path: PathBuf,
    /// The file, while it does not have that name yet.
    pub unnamed: Mutex<Option<NewFile>>,
    pub options: OpenOptions,
    /// For data.
    pub file: Arc<dyn File>,
    /// For locks: a descriptor of its own, because a map keeps the data descriptor's locks alive.
    pub locks: Arc<dyn File>,
    pub identity: FileIdentity,
    /// The epoch that the handle opened in or began, and may write in.
    pub epoch: AtomicU32,
    pub pins: Arc<Pins>,
    /// Entries of the log that somebody is going to go on from.
    pub log_pins: Arc<Pins>,
    pub view: Swap<View>,
    pub log: Mutex<Log>,
    /// Told whenever `Log::writing` ends.
    pub group_ends: Condvar,
    pub snapshots: Mutex<Snapshots>,
    /// Held by the thread that appends; carries the lock that is kept for the whole session.
    pub writer: Mutex<Option<Held>>,
    pub queue: Mutex<Queue>,
    pub checkpointing: Mutex<()>,
    /// The generation that a checkpoint of this handle is about to publish; 0 = none.
    pub coming: AtomicU64,
    pub background: Mutex<Option<JoinHandle<Result<()>>>>,
    pub poisoned: AtomicBool,
    /// Bytes in the active region, for deciding about checkpoints without a lock.
    pub log_used: AtomicU64,
    pub log_room: AtomicU64,
    /// Bytes of the other region, where commits can go on there without a checkpoint and it is the
    /// larger one; else 0.
    pub log_spare: AtomicU64,
    /// Bytes that a log region should have, where the last checkpoint could hardly keep up with the
    /// commits; 0 where it could.
    pub wanted: AtomicU64,
    /// Everything up to this entry is known to be published.
    pub published: AtomicU64,
    /// The last checkpoint known to stand right in front of a marker of the primary's.
    pub marked: AtomicU64,
    /// The generation whose facts were last asked whether writes wait, and what they said.
    pub held_back: Mutex<(u64, bool)>,
    /// What was the oldest index under a generation and an incarnation of the region.
    pub oldest: Mutex<Option<((u64, u64), u64)>>,
    /// Who waits for commits.
    pub watchers: Watchers,
    /// The tables hold every commit: nothing has to be read in before looking at them.
    pub holds_all: AtomicBool,
    pub recovery: Recovery,
}

/// Where the log stands, as this handle knows it.
#[derive(Debug)]
pub(crate) struct Log {
    pub current: Current,
    pub tail: Tail,
    /// History after the last entry, computed when first needed.
    pub history: Option<History>,
    /// Which commits the tables hold.
    pub interest: Interest,
    /// This handle wrote the newest header durably, or proved it.
    pub header_proven: bool,
    /// A group is being written: this handle holds the writer lock and is up to date.
    pub writing: bool,
    pub groups: Groups,
    /// A buffer for the next group.
    pub spare: Vec<u8>,
}

/// Live snapshots by log index, and the newest index that a new one may read.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// Rising indexes with the number of snapshots at each. Short, and taken at its end.
    live: Vec<(u64, usize)>,
    pub visible: u64,
}

impl Snapshots {
    /// As of a log index, without live snapshots.
    pub fn at(visible: u64) -> Self {
        Snapshots {
            live: Vec::new(),
            visible,
        }
    }

    /// The newest index that a live snapshot reads, 0 without one.
    pub fn newest(&self) -> u64 {
        self.live.last().map_or(0, |(index, _)| *index)
    }

    /// Counts one more snapshot at the present index, which it gives.
    pub fn take(&mut self) -> u64 {
        let place = self.live.binary_search_by_key(&self.visible, |live| live.0);
        match place {
            Ok(at) => self
                .live
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|live| live.1 += 1),
            Err(at) => self.live.insert(at, (self.visible, 1)),
        }
        self.visible
    }

    /// Counts one less.
    pub fn give_back(&mut self, index: u64) {
        let Some(at) = self.live.iter().rposition(|(i, _)| *i == index) else {
            return;
        };
        if let Some((_, count)) = self.live.get_mut(at) {
            *count -= 1;
            if *count == 0 {
                self.live.remove(at);
            }
        }
    }
}

/// Locks a mutex; a panic elsewhere must not make the data unreachable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// What the frames of the next group have in common.
    pub(super) fn stamp(&self, tail: &Tail, durability: Durability) -> Stamp {
        Stamp {
            now_us: self.stamp_us(tail),
            durable_gen: tail.durable_gen,
            durability,
        }
    }

    /// The time for the next entries. Where the clock is behind, and bytes of a lost entry may stand where
    /// they go, it jumps: an entry that was made again with the same time would have the same hash, and what
    /// stands behind the lost one could pass for what follows.
    fn stamp_us(&self, tail: &Tail) -> u64 {
        let now_us = self.vfs().now_us();
        if now_us > tail.last_time_us || tail.clear {
            return now_us;
        }
        let mut random = [0; 2];
        // Without random bytes it is as likely as ever.
        let _ = self.vfs().random(&mut random);
        let jump_us = u64::from(u16::from_le_bytes(random) & 0xfff);
        append::next_time(tail, now_us).saturating_add(jump_us)
    }

    pub fn vfs(&self) -> &dyn Vfs {
        self.options.vfs.as_ref()
    }

    /// Refuses work after a failed write or sync.
    pub fn check_poison(&self) -> Result<()> {
        match self.poisoned.load(Ordering::Acquire) {
            true => Err(Error::Poisoned),
            false => Ok(()),
        }
    }

    /// No retry of a failed sync, ever: what the page cache shows is not what the medium holds.
    pub fn poison(&self) {
        let poisoned = !planted(Defect::PoisonIgnored);
        self.poisoned.store(poisoned, Ordering::Release);
    }

    /// Refuses writing through a read-only handle, a poisoned one, or to a file that moved.
    pub fn check_writable(&self) -> Result<()> {
        if self.options.read_only {
            return Err(Error::ReadOnly);
        }
        self.check_poison()
    }

    /// The path must still name the file that is open: a late writer must not commit to a file
    /// that nobody will open again.
    pub fn check_same_file(&self) -> Result<()> {
        let found = match &*lock(&self.unnamed) {
            Some(new) => self.vfs().identity(new.path()),
            None => self.vfs().identity(&self.path),
        };
        match found {
            Ok(now) if now.same_file(&self.identity) => Ok(()),
            _ if planted(Defect::ReplacedUnnoticed) => Ok(()),
            Err(e) if !names_nothing(&e) => Err(Error::io_at("look at", &self.path, e)),
            _ => Err(Error::Replaced {
                path: self.path.clone(),
            }),
        }
    }

    /// Takes the writer lock, in this process and across processes.
    pub fn lock_writer(&self) -> Result<WriterGuard<'_>> {
        let local = lock(&self.writer);
        let held = match *local {
            Some(_) => None,
            None => Some(self.hold(WRITER)?),
        };
        Ok(WriterGuard {
            _held: held,
            _local: local,
        })
    }

    /// The writer lock if nobody has it.
    pub fn try_lock_writer(&self) -> Result<Option<WriterGuard<'_>>> {
        let Ok(local) = self.writer.try_lock() else {
            return Ok(None);
        };
        let held = match *local {
            Some(_) => None,
            None => match locks::try_hold(&self.locks, WRITER, LockMode::Exclusive)? {
                Some(held) => Some(held),
                None => return Ok(None),
            },
        };
        Ok(Some(WriterGuard {
            _held: held,
            _local: local,
        }))
    }

    /// The writer lock for one who holds the checkpoint lock; `None` where somebody keeps it. Nobody waits
    /// long for the second while he has the first: a session that keeps the second may need the first to
    /// make room.
    pub fn writer_in_job(&self) -> Result<Option<WriterGuard<'_>>> {
        let local = lock(&self.writer);
        let held = match *local {
            Some(_) => None,
            None => match locks::wait(self.vfs(), &self.locks, WRITER, SHORT_WAIT)? {
                Some(held) => Some(held),
                None => return Ok(None),
            },
        };
        Ok(Some(WriterGuard {
            _held: held,
            _local: local,
        }))
    }

    /// The locks of a job that cuts the log: checkpoint lock and writer lock.
    pub fn lock_job(&self) -> Result<(Held, WriterGuard<'_>)> {
        loop {
            let job = self.hold(CHECKPOINT)?;
            if let Some(writer) = self.writer_in_job()? {
                return Ok((job, writer));
            }
            drop(job);
            let writer = self.lock_writer()?;
            // The other order, but without waiting.
            if let Some(job) = locks::try_hold(&self.locks, CHECKPOINT, LockMode::Exclusive)? {
                return Ok((job, writer));
            }
        }
    }

    pub(super) fn hold(&self, byte: u64) -> Result<Held> {
        locks::hold(
            self.vfs(),
            &self.locks,
            &self.path,
            byte,
            self.options.lock_timeout,
        )
    }

    /// The newest value of a key in `main`.
    pub fn get_latest(self: &Arc<Self>, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.need(Some(key))?;
        self.catch_up()?;
        self.view
            .load()
            .get_with(&FullKey::new(MAIN, key), NEWEST, <[u8]>::to_vec)
    }

    /// Updates what other threads read without a lock.
    pub fn note_log(&self, log: &Log) {
        self.log_used.store(log.tail.end, Ordering::Relaxed);
        self.log_room.store(log.tail.extent.len, Ordering::Relaxed);
        let other = pick(&extents(&log.current.header), log.tail.active ^ 1).len;
        let spare = match other > log.tail.extent.len && is_idle_free(log) {
            true => other,
            false => 0,
        };
        self.log_spare.store(spare, Ordering::Relaxed);
        self.holds_all
            .store(log.interest == Interest::All, Ordering::Release);
    }

    /// True when the log is long enough for a checkpoint.
    pub fn checkpoint_due(&self) -> bool {
        let Some(at) = self.options.checkpoint_at else {
            return false;
        };
        let room = self.log_room.load(Ordering::Relaxed);
        // Back to a size that costs a one-shot command nothing.
        let large = !self.options.background && room > OVERSIZE;
        let spare = match self.options.background {
            true => self.log_spare.load(Ordering::Relaxed),
            false => 0,
        };
        let enough = at.min((room + spare) / 2).max(4096);
        let long = self.log_used.load(Ordering::Relaxed) > enough;
        (large || long) && !self.is_gated()
    }

    /// When commits of this handle have to be durable.
    pub fn durability(&self) -> crate::wal::append::Durability {
        match self.options.sync {
            _ if planted(Defect::SyncSkipped) => crate::wal::append::Durability::Later,
            SyncMode::Full => crate::wal::append::Durability::Now,
            SyncMode::Normal | SyncMode::Off => crate::wal::append::Durability::Later,
        }
    }
}

/// Nothing has that name any more; another error only says that it could not be looked at.
fn names_nothing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The writer lock, as long as it lives.
#[derive(Debug)]
pub(crate) struct WriterGuard<'a> {
    // Declared first, so released first: another thread of this process must not find the
    // descriptor's lock still held.
    _held: Option<Held>,
    _local: MutexGuard<'a, Option<Held>>,
}
