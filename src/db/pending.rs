//! What the next open will find in the log: told without opening, locking or recovering.

use std::path::Path;
use std::time::Duration;

use super::info::Recovery;
use crate::error::{Corruption, Error, Result};
use crate::format::header::Header;
use crate::store::locks::WRITER;
use crate::store::slots::{self, Slots};
use crate::sys::{Access, File, OsVfs, Vfs};
use crate::wal::tail;

/// How often a log that seems to end in the middle of an entry is looked at again: it may have
/// been caught in the middle of a write.
const LOOKS: u32 = 5;

/// The log between the last checkpoint and its end.
#[derive(Debug, Clone)]
pub enum Pending {
    /// What the next open for writing will find.
    Readable {
        /// The same as [`super::Db::recovery`] says afterwards.
        found: Recovery,
        /// Somebody holds the writer lock, so an unfinished entry may be under way.
        writer: bool,
    },
    /// The log is damaged: opening will refuse the file.
    Damaged(Corruption),
}

/// Walks the log of a file. Takes no lock and writes nothing.
pub fn pending(path: &Path) -> Result<Pending> {
    let vfs = OsVfs;
    let file = vfs
        .open(path, Access::Read)
        .map_err(|e| Error::io_at("open", path, e))?;
    let mut last = None;
    for look in 0..LOOKS {
        if look > 0 {
            vfs.pause(Duration::from_millis(1));
        }
        let slots = slots::read(file.as_ref())?;
        let header = slots.current(path)?.header;
        let seen = match walk(file.as_ref(), &header, &slots) {
            Ok(found) if found.is_clean() => {
                let writer = false;
                return Ok(Pending::Readable { found, writer });
            }
            Ok(found) => Pending::Readable {
                found,
                writer: file.find_lock(WRITER, 1).is_ok_and(|held| held.is_some()),
            },
            Err(Error::Corrupt(damage)) => Pending::Damaged(damage),
            Err(error) => return Err(error),
        };
        last = Some(seen);
    }
    let busy = std::io::ErrorKind::ResourceBusy;
    last.ok_or_else(|| Error::io_at("read", path, busy.into()))
}

fn walk(file: &dyn File, header: &Header, slots: &Slots) -> Result<Recovery> {
    let (end, replay) = tail::load(file, header, &mut |_, _| Ok(()))?;
    let ahead = end.durable_gen.wrapping_sub(header.generation as u32);
    let header_lost = ahead != 0 && ahead < u32::MAX / 2;
    Ok(Recovery {
        replayed_frames: replay.frames,
        replayed_bytes: replay.bytes,
        last_index: end.last_index(),
        torn_at: replay.torn_at,
        torn_bytes: replay.torn_bytes,
        bulk_dropped: replay.bulk_dropped,
        header_fallback: header_lost || slots.has_damage(),
    })
}
