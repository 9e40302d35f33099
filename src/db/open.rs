//! Opening: choose a header, pin its generation, walk the log after its checkpoint.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Db;
use super::handle::{Inner, Log, Snapshots};
use super::info::Recovery;
use super::lost::Groups;
use super::newfile::NewFile;
use super::options::{Interest, OpenOptions};
use super::queue::Queue;
use super::view::{Tree, View};
use super::watch::Watchers;
use crate::defect::{Defect, planted};
use crate::delta::{Delta, Undecodable};
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::op::{Op, Ops};
use crate::store::locks::{self, GATE, WRITER};
use crate::store::pages::Pages;
use crate::store::pins::Pins;
use crate::store::slots::{self, Current};
use crate::sys::{Access, File, FileIdentity, FileSystem, LockMode};
use crate::threads::atomic::{AtomicBool, AtomicU32, AtomicU64};
use crate::threads::{Condvar, Mutex, Swap};
use crate::wal::scan::Placed;
use crate::wal::tail::{self, Replay, Tail};

#[cfg(test)]
mod tests;

/// Tries before a file that keeps changing, or looks damaged, is given up on.
const ATTEMPTS: u32 = 20;

pub(crate) fn open(path: &Path, options: OpenOptions) -> Result<Db> {
    open_at(path, path, None, options)
}

/// Opens a file that is to be called `path` later.
pub(crate) fn open_unnamed(path: &Path, new: NewFile, options: OpenOptions) -> Result<Db> {
    let place = new.path().to_owned();
    open_at(path, &place, Some(new), options)
}

/// Opens what stands at `place` by now, under the name `path`.
fn open_at(
    path: &Path,
    place: &Path,
    unnamed: Option<NewFile>,
    options: OpenOptions,
) -> Result<Db> {
    let access = match options.read_only {
        true => Access::Read,
        false => Access::Write,
    };
    let file = open_file(place, &options, access)?;
    let locks = open_file(place, &options, access)?;
    let failed = |e| Error::io_at("look at", path, e);
    let identity = file.identity().map_err(failed)?;
    if !locks.identity().map_err(failed)?.same_file(&identity) {
        // Renamed over between the two: data and locks would be of two files.
        return Err(Error::Replaced {
            path: path.to_owned(),
        });
    }
    check_place(place, &options, &identity)?;
    let pins = Pins::new(Arc::clone(&locks));
    let mut held = None;
    if options.hold_lock && !options.read_only {
        let vfs = options.vfs.as_ref();
        held = Some(locks::hold(
            vfs,
            &locks,
            path,
            WRITER,
            options.lock_timeout,
        )?);
        // Waiting may have taken long.
        if !vfs
            .identity(place)
            .is_ok_and(|now| now.same_file(&identity))
        {
            return Err(Error::Replaced {
                path: path.to_owned(),
            });
        }
    }
    let source = Source {
        path,
        options: &options,
        file: &file,
        locks: &locks,
        pins: &pins,
    };
    let loaded = source.load(&options.interest, held.is_some())?;
    let (used, room) = (loaded.log.tail.end, loaded.log.tail.extent.len);
    let epoch = loaded.log.current.header.epoch;
    let snapshots = Snapshots::at(options.shown(loaded.log.tail.last_index()));
    let holds_all = options.interest == Interest::All;
    let inner = Inner {
        path: path.to_owned(),
        unnamed: Mutex::new(unnamed),
        identity,
        epoch: AtomicU32::new(epoch),
        log_pins: Pins::of_log(Arc::clone(&locks)),
        pins,
        view: Swap::from_pointee(loaded.view),
        log: Mutex::new(loaded.log),
        group_ends: Condvar::new(),
        snapshots: Mutex::new(snapshots),
        writer: Mutex::new(held),
        queue: Mutex::new(Queue::default()),
        checkpointing: Mutex::new(()),
        coming: AtomicU64::new(0),
        background: Mutex::new(None),
        poisoned: AtomicBool::new(false),
        log_used: AtomicU64::new(used),
        log_room: AtomicU64::new(room),
        log_spare: AtomicU64::new(0),
        wanted: AtomicU64::new(0),
        published: AtomicU64::new(0),
        marked: AtomicU64::new(0),
        held_back: Mutex::default(),
        oldest: Mutex::default(),
        watchers: Watchers::default(),
        holds_all: AtomicBool::new(holds_all),
        recovery: loaded.recovery,
        file,
        locks,
        options,
    };
    Ok(Db {
        inner: Arc::new(inner),
    })
}

fn open_file(path: &Path, options: &OpenOptions, access: Access) -> Result<Arc<dyn File>> {
    options
        .vfs
        .open(path, access)
        .map_err(|e| Error::on_open(path, e))
}

/// File systems without working locks.
pub(super) fn check_file_system(path: &Path, options: &OpenOptions) -> Result<()> {
    if options.allow_network {
        return Ok(());
    }
    let kind = options.vfs.file_system(path);
    match kind.map_err(|e| Error::io_at("look at", path, e))? {
        FileSystem::Network(kind) => Err(Error::NetworkFileSystem {
            path: path.to_owned(),
            kind,
        }),
        FileSystem::Local(_) => Ok(()),
    }
}

/// The file system, and aliases that locks by inode still exclude but that a rename of one name
/// would split.
fn check_place(path: &Path, options: &OpenOptions, identity: &FileIdentity) -> Result<()> {
    check_file_system(path, options)?;
    if identity.links > 1 && !options.read_only && !options.allow_hard_links {
        return Err(Error::HardLinked {
            path: path.to_owned(),
            links: identity.links,
        });
    }
    Ok(())
}

/// A file as it is being read in.
pub(crate) struct Source<'a> {
    pub path: &'a Path,
    pub options: &'a OpenOptions,
    pub file: &'a Arc<dyn File>,
    pub locks: &'a Arc<dyn File>,
    pub pins: &'a Arc<Pins>,
}

/// What reading in gives.
pub(crate) struct Loaded {
    pub view: View,
    pub log: Log,
    pub recovery: Recovery,
}

impl Source<'_> {
    /// Reads header and log. `stable`: the caller holds the writer lock, so nobody appends.
    pub fn load(&self, interest: &Interest, stable: bool) -> Result<Loaded> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.options.vfs.pause(Duration::from_millis(1));
            }
            match self.try_load(interest) {
                Ok(Some(loaded)) => return Ok(loaded),
                // The file changed under our eyes.
                Ok(None) => {}
                // A frame seen half-written may look like damage when another commit follows.
                Err(Error::Corrupt(_)) if !stable && attempt < ATTEMPTS / 4 => {}
                Err(e) => return Err(e),
            }
        }
        let busy = io::ErrorKind::ResourceBusy.into();
        Err(Error::io_at("read", self.path, busy))
    }

    fn try_load(&self, interest: &Interest) -> Result<Option<Loaded>> {
        let before = slots::read(self.file.as_ref())?;
        let current = before.current(self.path)?;
        let pin = self.pins.pin(current.header.generation)?;
        // Only if the header is still the newest is the pin seen by every later reuse.
        let now = slots::read(self.file.as_ref())?.current(self.path)?;
        if now != current {
            return Ok(None);
        }
        self.check_length(&current)?;
        self.check_upto(&current)?;
        let _gate = locks::try_hold(self.locks, GATE, LockMode::Shared)?;
        let mut delta = Delta::new();
        let regions = tail::read_regions(self.file.as_ref(), &current.header)?;
        let (mut tail, mut replay) = self.read_log(&current, &mut delta, interest)?;
        if let Some(doubt) = tail.doubtful().filter(|_| !planted(Defect::DoubtKept)) {
            // After a failed sync the page cache shows what the medium does not hold.
            self.file.drop_cache(doubt.start, doubt.end - doubt.start);
            delta = Delta::new();
            (tail, replay) = self.read_log(&current, &mut delta, interest)?;
        }
        // A region recycled while it was read, or a newer header, makes all of this void.
        let again = tail::read_regions(self.file.as_ref(), &current.header)?;
        if regions != again || slots::read(self.file.as_ref())?.current(self.path)? != current {
            return Ok(None);
        }
        if planted(Defect::RecoveryInPlace) {
            crate::wal::append::rewrite_in_place(self.file.as_ref(), &tail);
        }
        let recovery = self.judge(&current, &before, &tail, &replay)?;
        let pages = Pages::new(Arc::clone(self.file), &current.header, self.options.mmap);
        let tree = Tree {
            pages,
            current: current.clone(),
            _pin: pin,
        };
        let view = View {
            tree: Arc::new(tree),
            active: Arc::new(delta),
            frozen: None,
        };
        let interest = interest.clone();
        let log = Log {
            current,
            tail,
            history: None,
            interest,
            header_proven: false,
            writing: false,
            groups: Groups::default(),
            spare: Vec::new(),
        };
        Ok(Some(Loaded {
            view,
            log,
            recovery,
        }))
    }

    fn check_length(&self, current: &Current) -> Result<()> {
        let size = self
            .file
            .size()
            .map_err(|e| Error::io_at("look at", self.path, e))?;
        let need = u64::from(current.header.page_count) * current.header.page_size() as u64;
        if size < need {
            let text = format!("the file has {size} bytes, the header says {need}");
            return Err(Corruption::new(Invariant::H7, text).at(size).into());
        }
        Ok(())
    }

    /// What is folded into the tree cannot be left out any more.
    fn check_upto(&self, current: &Current) -> Result<()> {
        let oldest = current.header.checkpoint_index;
        match self.options.upto {
            Some(_) if !self.options.read_only => Err(Error::Invalid {
                reason: "what is shown can be limited for reading only".into(),
            }),
            Some(index) if index < oldest => Err(Error::NotRetained { index, oldest }),
            _ => Ok(()),
        }
    }

    fn read_log(
        &self,
        current: &Current,
        delta: &mut Delta,
        interest: &Interest,
    ) -> Result<(Tail, Replay)> {
        tail::load_kept(
            self.file.as_ref(),
            &current.header,
            &mut |placed, payload| {
                let entry = &placed.header.entry;
                if self.options.shown(entry.index) < entry.index {
                    return Ok(());
                }
                if *interest != Interest::All {
                    let mut table = delta.writer();
                    let mut apply = |op: &Op<'_>| table.apply(entry.index, op, 0);
                    return apply_entry(&mut apply, placed, payload.bytes, interest);
                }
                if !entry.kind.has_operations() {
                    return Ok(());
                }
                let place = payload.at..payload.at + payload.bytes.len();
                let kept = delta.keep(entry.index, entry.op_count, payload.buffer, place);
                kept.map_err(|Undecodable| undecodable(entry.index))
            },
        )
    }

    /// Was this a clean end, a torn tail, or a header that got lost?
    fn judge(
        &self,
        current: &Current,
        slots: &slots::Slots,
        tail: &Tail,
        replay: &Replay,
    ) -> Result<Recovery> {
        let header_lost = is_newer(tail.durable_gen, current.header.generation as u32);
        if (header_lost || slots.has_damage()) && replay.bulk_dropped {
            let text = "the newest header is lost and the log has a bulk load that only it knew";
            return Err(Error::corrupt(Invariant::W5, text));
        }
        Ok(Recovery {
            replayed_frames: replay.frames,
            replayed_bytes: replay.bytes,
            last_index: tail.last_index(),
            torn_at: replay.torn_at,
            torn_bytes: replay.torn_bytes,
            bulk_dropped: replay.bulk_dropped,
            header_fallback: header_lost || slots.has_damage(),
        })
    }
}

/// Is a generation newer than another one, by their low halves?
pub(super) fn is_newer(generation: u32, other: u32) -> bool {
    generation.wrapping_sub(other).cast_signed() > 0
}

/// Decodes an entry and hands over the operations that a handle is interested in.
pub(crate) fn apply_entry(
    apply: &mut dyn FnMut(&Op<'_>),
    placed: &Placed,
    payload: &[u8],
    interest: &Interest,
) -> Result<()> {
    let entry = &placed.header.entry;
    if !entry.kind.has_operations() {
        return Ok(());
    }
    if *interest == Interest::None {
        return Ok(());
    }
    let mut ops = Ops::new(payload, entry.op_count);
    loop {
        match ops.next_op() {
            Ok(Some(op)) if wanted(&op, interest) => apply(&op),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(()) => return Err(undecodable(entry.index)),
        }
    }
}

fn undecodable(index: u64) -> Error {
    Error::corrupt(Invariant::W4, format!("log entry {index} does not decode"))
}

/// Range deletes and the catalogue concern every key.
fn wanted(op: &Op<'_>, interest: &Interest) -> bool {
    let Interest::Keys(keys) = interest else {
        return *interest == Interest::All;
    };
    match op {
        Op::Put { key, .. } | Op::Delete { key, .. } => keys.iter().any(|k| k == key),
        _ => true,
    }
}
