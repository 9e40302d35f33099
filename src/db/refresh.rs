//! Catching up with other processes: their commits, checkpoints and region switches.
//!
//! The memory map gives cheap hints that something changed; every decision is then made on bytes
//! that were read and checked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::handle::{Inner, Log, lock};
use super::open::{Source, apply_entry};
use super::options::Interest;
use super::view::View;
use crate::delta::Delta;
use crate::error::{Error, Result};
use crate::format::SLOT_OFFSETS;
use crate::format::frame::EntryKind;
use crate::format::pair::pick;
use crate::format::region::REGION_HEADER_SIZE;
use crate::store::slots::Current;
use crate::wal::scan::{Link, Placed, ScanEnd, scan_on};
use crate::wal::{extents, tail};

/// Offset of the generation in a header slot, and of the incarnation in a region header.
const GENERATION_AT: u64 = 64;
const REGION_SEQ_AT: u64 = 16;
/// Offset of the header checksum in a frame.
const HEADER_CRC_AT: u64 = 28;

impl Inner {
    /// Makes sure that everything committed before this call, by any process, is visible.
    pub fn catch_up(&self) -> Result<()> {
        if !self.hint_changed() {
            return Ok(());
        }
        let mut log = lock(&self.log);
        if log.writing {
            // This handle holds the writer lock and looked after taking it.
            return Ok(());
        }
        self.refresh(&mut log, false)
    }

    /// Keeps in memory what a reader is about to ask for.
    pub fn need(&self, key: Option<&[u8]>) -> Result<()> {
        if self.holds_all.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut log = lock(&self.log);
        match (&log.interest, key) {
            (Interest::Keys(keys), Some(key)) if keys.iter().any(|k| k == key) => Ok(()),
            _ => self.hold_all(&mut log, false),
        }
    }

    /// Reads the log in anew where the tables do not hold all of it.
    pub fn hold_all(&self, log: &mut Log, stable: bool) -> Result<()> {
        if log.interest == Interest::All {
            return Ok(());
        }
        let before = std::mem::replace(&mut log.interest, Interest::All);
        let loaded = self.reload(log, stable);
        if loaded.is_err() {
            log.interest = before; // the tables are as they were
        }
        loaded
    }

    /// False only when certainly nothing changed since this handle last looked.
    fn hint_changed(&self) -> bool {
        self.log.try_lock().map_or(true, |log| self.changed(&log))
    }

    /// False only when certainly nothing changed since `log` was brought up to date.
    pub fn changed(&self, log: &Log) -> bool {
        let view = self.view.load();
        // A one-shot command that only appends does without a map.
        if !self.options.background && !view.tree.pages.is_mapped() {
            return true;
        }
        let Ok(Some(map)) = view.tree.pages.map() else {
            return true;
        };
        let at = |offset: u64| map.volatile_u64(offset as usize);
        let at_u32 = |offset: u64| map.volatile_u32(offset as usize);
        let generation = log.current.header.generation;
        let newest = SLOT_OFFSETS
            .iter()
            .map(|o| at(o + GENERATION_AT).unwrap_or(0))
            .max();
        let places = extents(&log.current.header);
        let tail = &log.tail;
        let own_seq = at(tail.extent.start + REGION_SEQ_AT);
        let other = pick(&places, tail.active ^ 1);
        let other_seq = at(other.start + REGION_SEQ_AT).unwrap_or(0);
        // Behind a full region there may be the end of the file, in a map that is longer.
        let room = tail.end + 8 <= tail.extent.len;
        let next = tail.extent.start + tail.end;
        let appended = room && at_u32(next) == Some(tail.region.sync_word());
        newest != Some(generation)
            || own_seq != Some(tail.region.region_seq)
            || other_seq > tail.region.region_seq
            || appended
            || tail.last.is_some_and(|last| {
                let at_crc = at_u32(tail.extent.start + last.offset + HEADER_CRC_AT);
                at_crc != Some(last.header.header_crc)
            })
    }

    /// Brings the log state up to date. `stable`: the writer lock is held.
    pub fn refresh(&self, log: &mut Log, stable: bool) -> Result<()> {
        let slots = crate::store::slots::read(self.file.as_ref())?;
        let current = slots.current(&self.path)?;
        if current != log.current && !self.is_coming(&current, log) {
            return self.reload(log, stable);
        }
        let places = extents(&current.header);
        let regions = tail::read_regions(self.file.as_ref(), &current.header)?;
        let moved = pick(&places, log.tail.active) != log.tail.extent
            || pick(&regions, log.tail.active) != Some(log.tail.region);
        if moved || !self.last_stands(log)? {
            return self.reload(log, stable);
        }
        if self.scan_forward(log).is_err() {
            // Caught in the middle of a write, or damage: reading in anew tells which.
            return self.reload(log, stable);
        }
        let other = log.tail.active ^ 1;
        let newer = pick(&regions, other).filter(|r| r.region_seq > log.tail.region.region_seq);
        let Some(newer) = newer else { return Ok(()) };
        let link = log.tail.link;
        let continues = newer.region_seq == log.tail.region.region_seq + 1
            && newer.first_index == link.next_index
            && newer.prev_crc == link.prev_crc
            && u64::from(newer.prev_end_units) * 8 == log.tail.end;
        if !continues {
            return self.reload(log, stable);
        }
        log.tail.active = other;
        log.tail.region = newer;
        log.tail.extent = pick(&places, other);
        log.tail.end = REGION_HEADER_SIZE as u64;
        log.tail.link = Link {
            epoch: newer.epoch.max(link.epoch),
            ..link
        };
        log.tail.proven = 0;
        log.tail.last = None;
        log.tail.durable_gen = newer.durable_gen;
        log.header_proven &= newer.durable_gen == log.current.header.generation as u32;
        log.history = Some(newer.history);
        if self.scan_forward(log).is_err() {
            return self.reload(log, stable);
        }
        Ok(())
    }

    /// True for the header that a checkpoint of this very handle has written and is about to
    /// publish. It holds the checkpoint lock, so nobody else writes a header or turns to another
    /// region; what it has folded is in this handle's tables still.
    pub(super) fn is_coming(&self, newest: &Current, log: &Log) -> bool {
        let header = &newest.header;
        self.coming.load(Ordering::Acquire) == header.generation
            && header.prev_header_crc == log.current.crc
            && header.generation == log.current.header.generation + 1
    }

    /// False where the last known entry is not in the file any more: it was read from the page
    /// cache, and a failed sync took it back.
    fn last_stands(&self, log: &Log) -> Result<bool> {
        let Some(last) = log.tail.last else {
            return Ok(true);
        };
        let mut crc = [0u8; 4];
        let at = log.tail.extent.start + last.offset + HEADER_CRC_AT;
        let got = self
            .file
            .read_at(&mut crc, at)
            .map_err(|e| Error::io("read the log", e))?;
        Ok(got == crc.len() && u32::from_le_bytes(crc) == last.header.header_crc)
    }

    /// Applies the frames that were appended behind the known tail. A bulk load there is not part
    /// of the log: the header that would make it so was read before, and does not know it.
    fn scan_forward(&self, log: &mut Log) -> Result<()> {
        let view = self.view.load();
        let mut snapshots = lock(&self.snapshots);
        let newest = snapshots.newest();
        // Building the table is put off as long as nothing new stands there.
        let mut table = None;
        let interest = &log.interest;
        let start = log.tail.end;
        let (file, tail) = (self.file.as_ref(), &log.tail);
        let mut end = ScanEnd {
            end: start,
            link: tail.link,
            last: None,
            frames: 0,
            torn_bytes: 0,
            marked: false,
        };
        let mut bulk = false;
        let mut visit = |placed: &Placed, payload: &[u8]| {
            if placed.header.entry.kind == EntryKind::Bulk {
                bulk = true;
                return Err(Error::Interrupted); // only ends the scan
            }
            let index = placed.header.entry.index;
            if self.options.shown(index) == index {
                let table = table.get_or_insert_with(|| view.active.writer());
                apply_entry(
                    &mut |op| table.apply(index, op, newest),
                    placed,
                    payload,
                    interest,
                )?;
            }
            end.accept(placed);
            Ok(())
        };
        let scanned = scan_on(
            file,
            tail.extent,
            &tail.region,
            start,
            tail.link,
            &mut visit,
        );
        if !bulk {
            end = scanned?;
        }
        if end.frames == 0 && end.marked {
            log.tail.proven = log.tail.end; // somebody's sync has succeeded since
        }
        if end.frames > 0 {
            log.tail.advance(&end);
            log.history = None;
            snapshots.visible = self.options.shown(log.tail.last_index());
            self.note_log(log);
        }
        Ok(())
    }

    /// Reads header and log anew. Snapshots taken before keep what they saw.
    pub fn reload(&self, log: &mut Log, stable: bool) -> Result<()> {
        let source = Source {
            path: &self.path,
            options: &self.options,
            file: &self.file,
            locks: &self.locks,
            pins: &self.pins,
        };
        let loaded = source.load(&log.interest, stable)?;
        let mut snapshots = lock(&self.snapshots);
        let map = self.view.load().tree.pages.map()?.cloned();
        loaded.view.tree.pages.adopt_map(map);
        self.view.store(Arc::new(loaded.view));
        snapshots.visible = self.options.shown(loaded.log.tail.last_index());
        *log = Log {
            groups: log.groups,
            ..loaded.log
        };
        self.note_log(log);
        Ok(())
    }

    /// Publishes a view with the same tree and an empty table: the cut of a checkpoint.
    pub fn freeze(&self) -> Arc<Delta> {
        let _snapshots = lock(&self.snapshots);
        let view = self.view.load_full();
        let frozen = Arc::clone(&view.active);
        self.view.store(Arc::new(View {
            tree: Arc::clone(&view.tree),
            active: Arc::new(frozen.next()),
            frozen: Some(Arc::clone(&frozen)),
        }));
        frozen
    }
}
