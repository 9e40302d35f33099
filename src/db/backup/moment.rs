//! One moment of a database: a pinned tree and the log that goes on from it.

use std::sync::Arc;
use std::time::Duration;

use super::super::archive::{has_entries, keeps_log};
use super::super::create::{Identity, random_salt};
use super::super::handle::{Inner, lock};
use super::super::proof::is_proven;
use super::super::snapshot::Snapshot;
use super::super::view::Tree;
use super::super::{BackupReport, Token};
use super::copier::Copier;
use super::free::{self, Run};
use super::layout::Layout;
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::bytes::{patch, u32_at};
use crate::format::checksum::History;
use crate::format::header::{Header, RegionSlot, Role};
use crate::format::mark::{MARK_SIZE, Mark};
use crate::format::pair::{pick, pick_mut};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::store::locks::{GATE, try_hold};
use crate::store::space;
use crate::sys::{File, LockMode};
use crate::wal::tail::{self, Tail};
use crate::wal::{Extent, extents};

/// Tries before a log that is begun anew all the time is given up on.
const ATTEMPTS: u64 = 50;

/// A pinned tree and the log after it.
pub(super) struct Moment {
    /// Holds the pin: the pages that are being copied are not used again.
    tree: Arc<Tree>,
    /// The header of the copy, but for its free list.
    header: Header,
    /// The log regions as they will stand in the copy, from their first byte.
    logs: [Vec<u8>; 2],
    log_bytes: u64,
    token: Token,
    history: History,
    /// The same moment, for reading where it was taken so that it can be read.
    pub snapshot: Snapshot,
}

impl Moment {
    /// Takes the present moment. Holds no lock that anybody waits for. `readable`: its snapshot
    /// is to be read.
    pub fn take(inner: &Arc<Inner>, readable: bool) -> Result<Moment> {
        for attempt in 1..=ATTEMPTS {
            if let Some(moment) = try_take(inner, readable)? {
                return Ok(moment);
            }
            inner.vfs().pause(Duration::from_millis(attempt.min(20)));
        }
        let busy = std::io::ErrorKind::ResourceBusy.into();
        Err(Error::io_at("take a snapshot of", &inner.path, busy))
    }

    /// The copy follows this file.
    pub fn make_replica(&mut self) {
        let header = &mut self.header;
        header.role = Role::Replica;
        header.upstream_file_id = self.tree.current.header.file_id;
    }

    /// Lets the pages go while they are still needed: a mistake, see [`crate::defect`].
    pub fn unpin(&self, locks: &Arc<dyn File>) {
        let generation = self.tree.current.header.generation;
        let _ = locks.unlock(crate::store::locks::PINS + generation, 1);
    }

    /// The copy is a database on its own: nobody can take it for a copy of this one.
    pub fn detach(&mut self, inner: &Inner) -> Result<()> {
        let header = &mut self.header;
        header.lineage_id = Identity::random(inner.vfs())?.lineage_id;
        header.role = Role::Standalone;
        header.upstream_file_id = [0; 16];
        (header.fenced, header.fence_epoch) = (false, 0);
        Ok(())
    }

    /// What the copy will look like.
    pub fn lay_out(&self, file: &Arc<dyn File>) -> Result<Layout> {
        let old = &self.tree.current.header;
        let mut chain = Vec::new();
        let list = space::read_chain(file.as_ref(), old, &mut chain)?;
        let mut header = self.header.clone();
        let mut free: Vec<Run> = chain
            .into_iter()
            .map(|start| Run { start, pages: 1 })
            .collect();
        free.extend(list.iter().map(|extent| Run {
            start: extent.start,
            pages: extent.pages,
        }));
        let page_size = header.page_size();
        for (slot, log) in header.regions.iter_mut().zip(&self.logs) {
            free.extend(shorten(slot, log.len(), page_size));
        }
        let free = free::build(&mut header, free)?;
        Layout::new(header, &self.logs, free)
    }

    /// The pages that are copied.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its newest commit, and the history up to it.
    pub fn end(&self) -> (Token, History) {
        (self.token, self.history)
    }

    /// What the copy holds.
    pub fn report(&self, layout: &Layout, copier: &Copier<'_>) -> BackupReport {
        let [_, header] = &layout.headers;
        BackupReport {
            token: self.token,
            history: self.history,
            file_id: header.file_id,
            generation: header.generation,
            bytes: layout.bytes,
            copied: copier.copied,
            shared: copier.shared,
            log_bytes: self.log_bytes,
            verified: None,
        }
    }
}

/// A session may have left a log region that is far longer than what stands in it: the copy's
/// goes back to its first length. Gives the pages that are free then.
fn shorten(slot: &mut RegionSlot, used: usize, page_size: usize) -> Option<Run> {
    let needed = u32::try_from(used.div_ceil(page_size)).unwrap_or(u32::MAX);
    let pages = needed.max(slot.base_pages).max(1);
    let left = slot.pages.checked_sub(pages).filter(|&left| left > 0)?;
    slot.pages = pages;
    Some(Run {
        start: slot.start_page + pages,
        pages: left,
    })
}

fn try_take(inner: &Arc<Inner>, readable: bool) -> Result<Option<Moment>> {
    let (tree, tail, history, snapshot, proven) = {
        let mut log = lock(&inner.log);
        if readable {
            inner.hold_all(&mut log, false)?;
        }
        if !log.writing {
            inner.refresh(&mut log, false)?;
        }
        let history = inner.history(&mut log)?;
        let tree = Arc::clone(&inner.view.load().tree);
        let snapshot = Snapshot::of_present(inner);
        let proven = is_proven(&log, log.tail.last_index());
        (tree, log.tail.clone(), history, snapshot, proven)
    };
    let token = Token {
        epoch: tail.link.epoch,
        index: tail.last_index(),
    };
    if snapshot.token().index != token.index {
        return Ok(None);
    }
    if !proven {
        // A backup must not hold an entry that the database itself may still lose.
        let synced = inner.file.sync();
        synced.map_err(|e| Error::io_at("sync", &inner.path, e))?;
    }
    let Some(found) = read_log(inner, &tree, &tail)? else {
        return Ok(None);
    };
    let mut header = tree.current.header.clone();
    header.file_id = Identity::random(inner.vfs())?.file_id;
    let older = match &found.older {
        Some((region, _)) => *region,
        // As a checkpoint leaves a region that nobody needs: whole, and without entries.
        None => RegionHeader {
            salt: random_salt(inner.vfs())?,
            region_seq: tail.region.region_seq - 1,
            first_index: tail.link.next_index,
            ..tail.region
        },
    };
    let (active, idle) = (tail.active, tail.active ^ 1);
    let mut logs = [Vec::new(), Vec::new()];
    *pick_mut(&mut logs, active) = with_header(found.active, tail.region, &mut header, active);
    leave_mark(pick_mut(&mut logs, active), &tail);
    let before = found.older.map(|(_, bytes)| bytes).unwrap_or_default();
    *pick_mut(&mut logs, idle) = with_header(before, older, &mut header, idle);
    Ok(Some(Moment {
        tree,
        header,
        logs,
        log_bytes: found.log_bytes,
        token,
        history,
        snapshot,
    }))
}

/// The log of a moment, as it stands in the file.
struct Found {
    active: Vec<u8>,
    older: Option<(RegionHeader, Vec<u8>)>,
    log_bytes: u64,
}

/// Copies the regions up to the end of the log; `None` where one was begun anew meanwhile.
fn read_log(inner: &Inner, tree: &Tree, tail: &Tail) -> Result<Option<Found>> {
    // While this is held, a writer waits a moment before it switches regions.
    let _gate = try_hold(&inner.locks, GATE, LockMode::Shared)?;
    let header = &tree.current.header;
    let file = inner.file.as_ref();
    let regions = tail::read_regions(file, header)?;
    let places = extents(header);
    if pick(&regions, tail.active) != Some(tail.region) || pick(&places, tail.active) != tail.extent
    {
        return Ok(None);
    }
    let begin = REGION_HEADER_SIZE as u64;
    let active = read_bytes(file, tail.extent, tail.end)?;
    let mut log_bytes = match tail.last_index() > header.checkpoint_index {
        true => tail.end - begin,
        false => 0,
    };
    let mut older = None;
    let needed = tail.region.first_index > header.checkpoint_index + 1;
    if needed || keeps_log(header) {
        let number = tail.active ^ 1;
        // One that was made anew has nothing, and no end either.
        let before = pick(&regions, number).filter(|older| has_entries(older, &tail.region));
        match before {
            Some(region) => {
                let place = pick(&places, number);
                let end = u64::from(tail.region.prev_end_units) * 8;
                if needed {
                    log_bytes += end.saturating_sub(begin);
                }
                // Kept log without a gap: what is archived ends where this region begins.
                older = Some((region, read_bytes(file, place, end)?));
            }
            None if needed => return Ok(None),
            None => {}
        }
    }
    let unchanged = tail::read_regions(file, header)? == regions;
    Ok(unchanged.then_some(Found {
        active,
        older,
        log_bytes,
    }))
}

fn read_bytes(file: &dyn File, extent: Extent, len: u64) -> Result<Vec<u8>> {
    let outside = || Corruption::new(Invariant::W5, "the log ends outside its region");
    if len > extent.len {
        return Err(outside().at(extent.start).into());
    }
    let mut bytes = vec![0; len as usize];
    let got = file
        .read_at(&mut bytes, extent.start)
        .map_err(|e| Error::io("read the log", e))?;
    if got < bytes.len() {
        let end = Corruption::new(Invariant::H7, "the file ends inside the log");
        return Err(end.at(extent.start + got as u64).into());
    }
    Ok(bytes)
}

/// Puts a region header of the new file before log bytes and tells the file header of it.
fn with_header(
    mut bytes: Vec<u8>,
    region: RegionHeader,
    header: &mut Header,
    number: usize,
) -> Vec<u8> {
    let region = RegionHeader {
        file_id_low: u32_at(&header.file_id, 0).unwrap_or(0),
        ..region
    };
    let slot = pick_mut(&mut header.regions, number);
    *slot = RegionSlot {
        region_seq: region.region_seq,
        first_index: region.first_index,
        zero_filled: true,
        ..*slot
    };
    bytes.resize(bytes.len().max(REGION_HEADER_SIZE), 0);
    patch(&mut bytes, 0, &region.encode());
    bytes
}

/// The copy is synced before anybody opens it: all of its log is durable.
fn leave_mark(log: &mut Vec<u8>, tail: &Tail) {
    let end = log.len();
    if end as u64 + MARK_SIZE as u64 > tail.extent.len {
        return;
    }
    let mark = Mark {
        own_units: (end / 8) as u32,
        prev_crc: tail.link.prev_crc,
    };
    log.extend_from_slice(&mark.encode(tail.region.salt));
}

#[cfg(test)]
mod tests;
