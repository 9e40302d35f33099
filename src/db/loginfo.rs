//! What the log of a file holds, told without recovering anything.

use std::path::Path;
use std::time::Duration;

use super::Db;
use super::info::open_to_look;
use super::open::is_newer;
use crate::error::{Error, Result};
use crate::format::frame::EntryKind;
use crate::format::op::{Op, Ops};
use crate::format::pair::pick;
use crate::store::locks::WRITER;
use crate::store::slots;
use crate::sys::{File, OsVfs, Vfs};
use crate::wal::scan::Placed;
use crate::wal::{extents, retained, tail};

/// How often a log that looks unfinished is looked at: a writer may be at work.
const LOOKS: u32 = 5;

/// The log of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogInfo {
    /// Index of the last entry that the tree has.
    pub checkpoint_index: u64,
    /// Index of the last entry.
    pub last_index: u64,
    /// The oldest position whose changes can be told ([`Db::changes_since`]).
    pub oldest_position: u64,
    /// Entries that the tree does not have yet: whoever opens the file reads them.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Puts among them.
    pub puts: u64,
    /// Deletes of single keys among them.
    pub deletes: u64,
    /// Deleted ranges and dropped keyspaces among them.
    pub range_deletes: u64,
    /// Sizes of the two log regions.
    pub region_bytes: [u64; 2],
    /// The region that takes the next entry, and how much of it is used.
    pub active_region: usize,
    /// See `active_region`.
    pub active_used: u64,
    /// File offset of an unfinished entry at the end.
    pub torn_at: Option<u64>,
    /// Its bytes, as far as it tells.
    pub torn_bytes: u64,
    /// A bulk step at the end never finished.
    pub unfinished_bulk: bool,
    /// The log proves a newer header than there is.
    pub header_lost: bool,
    /// Somebody holds the writer lock: an unfinished entry may be under way.
    pub writer: bool,
    /// Everything is known to have reached the medium. False while a commit is under way, after
    /// commits without sync, and after a crash.
    pub vouched: bool,
}

impl LogInfo {
    /// True where the next open has something to put right: what was cut short or lost.
    pub fn needs_recovery(&self) -> bool {
        self.torn_at.is_some() || self.unfinished_bulk || self.header_lost
    }

    /// True where the last writer ended as it should: the next open drops nothing, and nothing has
    /// to be proven.
    pub fn is_clean(&self) -> bool {
        !self.needs_recovery() && self.vouched
    }
}

/// Walks the log of a file: takes no lock, recovers nothing, writes nothing.
pub fn log_info(path: &Path) -> Result<LogInfo> {
    let file = open_to_look(path)?;
    look(file.as_ref(), path, &OsVfs)
}

impl Db {
    /// What the log holds now.
    pub fn log_info(&self) -> Result<LogInfo> {
        look(self.inner.file.as_ref(), self.path(), self.inner.vfs())
    }
}

fn look(file: &dyn File, path: &Path, vfs: &dyn Vfs) -> Result<LogInfo> {
    let mut looks = 0;
    loop {
        looks += 1;
        match walk(file, path) {
            Ok(found) if found.is_clean() => return Ok(found),
            Err(Error::Corrupt(_)) | Ok(_) if looks < LOOKS => {
                vfs.pause(Duration::from_millis(1));
            }
            last => return last,
        }
    }
}

fn walk(file: &dyn File, path: &Path) -> Result<LogInfo> {
    let current = slots::read(file)?.current(path)?;
    let header = &current.header;
    let mut info = LogInfo {
        checkpoint_index: header.checkpoint_index,
        ..LogInfo::default()
    };
    let mut count = |placed: &Placed, payload: &[u8]| {
        let entry = &placed.header.entry;
        if entry.kind == EntryKind::Commit {
            let mut ops = Ops::new(payload, entry.op_count);
            while let Ok(Some(op)) = ops.next_op() {
                match op {
                    Op::Put { .. } => info.puts += 1,
                    Op::Delete { .. } => info.deletes += 1,
                    Op::DeleteRange { .. } | Op::DropKeyspace { .. } => info.range_deletes += 1,
                    Op::CreateKeyspace { .. } => {}
                }
            }
        }
        Ok(())
    };
    let (end, replay) = tail::load(file, header, &mut count)?;
    let places = extents(header);
    info.last_index = end.last_index();
    info.entries = replay.frames;
    info.bytes = replay.bytes;
    info.region_bytes = [pick(&places, 0).len, pick(&places, 1).len];
    info.active_region = end.active;
    info.active_used = end.end;
    info.torn_at = replay.torn_at;
    info.torn_bytes = replay.torn_bytes;
    info.unfinished_bulk = replay.bulk_dropped;
    info.header_lost = is_newer(end.durable_gen, header.generation as u32);
    info.writer = file.find_lock(WRITER, 1).is_ok_and(|held| held.is_some());
    info.vouched = end.proven >= end.end;
    info.oldest_position = oldest(file, header, info.last_index)?;
    Ok(info)
}

/// How far back changes can be told: to the last bulk step, or to the oldest entry there is.
fn oldest(file: &dyn File, header: &crate::format::header::Header, last: u64) -> Result<u64> {
    let mut bulk = None;
    let began = retained::walk(file, header, 0, &mut |_, placed, _| {
        let entry = &placed.header.entry;
        if entry.kind == EntryKind::Bulk && entry.index <= last {
            bulk = Some(entry.index);
        }
        Ok(entry.index < last)
    })?;
    Ok(bulk.unwrap_or(began.index))
}
