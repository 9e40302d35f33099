//! What headers and region headers say, without recovering anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::handle::{Inner, lock};
use crate::error::{Error, Result};
use crate::format::header::{FORMAT_MAJOR, FORMAT_MINOR, Header, Role, SlotState};
use crate::format::pair::{pick, pick_ref};
use crate::store::pins::Pins;
use crate::store::slots::{self, Slots};
use crate::sys::{Access, File, OsVfs, Vfs};
use crate::wal::{extents, tail};

/// What opening found between the checkpoint and the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Log entries after the checkpoint.
    pub replayed_frames: u64,
    /// Their bytes.
    pub replayed_bytes: u64,
    /// Index of the last entry.
    pub last_index: u64,
    /// File offset of an unfinished entry that was dropped.
    pub torn_at: Option<u64>,
    /// Bytes of that entry, as far as it tells.
    pub torn_bytes: u64,
    /// A bulk load that never finished was dropped.
    pub bulk_dropped: bool,
    /// A header slot is damaged or the newest header is lost; the other one and the log served.
    pub header_fallback: bool,
}

impl Recovery {
    /// True where the last session ended as it should.
    pub fn is_clean(&self) -> bool {
        self.torn_at.is_none() && !self.bulk_dropped && !self.header_fallback
    }
}

/// What stands in a header slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotInfo {
    /// A whole header.
    Valid {
        /// Its generation.
        generation: u64,
    },
    /// Never written.
    Blank,
    /// Something else, in words.
    Damaged(String),
}

/// One log region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionInfo {
    /// First page.
    pub start_page: u32,
    /// Length.
    pub bytes: u64,
    /// Incarnation that stands there now, 0 = none.
    pub region_seq: u64,
    /// First log index of that incarnation.
    pub first_index: u64,
}

/// The header of a database in words.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names are those of docs/format.md
pub struct Info {
    pub path: PathBuf,
    pub format: (u16, u16),
    pub lineage_id: [u8; 16],
    pub file_id: [u8; 16],
    pub page_size: u32,
    pub generation: u64,
    pub role: Role,
    pub fenced: bool,
    /// The epoch that fenced it; 0 = none.
    pub fence_epoch: u32,
    pub epoch: u32,
    pub checkpoint_index: u64,
    pub checkpoint_time_ms: u64,
    pub created_time_ms: u64,
    /// Entries in the tree; commits since the checkpoint are not counted.
    pub entry_count: u64,
    pub logical_bytes: u64,
    pub content_sum: u64,
    pub page_count: u64,
    pub file_bytes: u64,
    pub free_available: u64,
    pub free_pending: u64,
    pub tree_height: u8,
    pub slots: [SlotInfo; 2],
    pub regions: [RegionInfo; 2],
    /// Oldest generation that some reader pins.
    pub oldest_pin: Option<u64>,
    /// Log entries after the checkpoint and their bytes, where the log was walked.
    pub last_index: Option<u64>,
}

/// Opens a file for a look that takes no locks.
pub(super) fn open_to_look(path: &Path) -> Result<Arc<dyn File>> {
    OsVfs
        .open(path, Access::Read)
        .map_err(|e| Error::on_open(path, e))
}

/// Reads the headers of a file: takes no writer lock, recovers nothing, writes nothing.
pub fn info(path: &Path) -> Result<Info> {
    let file = open_to_look(path)?;
    let slots = slots::read(file.as_ref())?;
    let current = slots.current(path)?;
    // A descriptor of its own would be needed to see pins of this process; it has none.
    let oldest_pin = Pins::new(Arc::clone(&file)).oldest().unwrap_or(None);
    describe(path, &file, &slots, &current.header, oldest_pin)
}

pub(super) fn of_handle(inner: &Inner) -> Result<Info> {
    let (header, last) = {
        let log = lock(&inner.log);
        (log.current.header.clone(), log.tail.last_index())
    };
    let slots = slots::read(inner.file.as_ref())?;
    let oldest_pin = inner.pins.oldest()?.filter(|&g| g < header.generation);
    let mut info = describe(&inner.path, &inner.file, &slots, &header, oldest_pin)?;
    info.last_index = Some(last);
    Ok(info)
}

fn describe(
    path: &Path,
    file: &Arc<dyn File>,
    slots: &Slots,
    header: &Header,
    oldest_pin: Option<u64>,
) -> Result<Info> {
    let file_bytes = file.size().map_err(|e| Error::io_at("look at", path, e))?;
    Ok(Info {
        path: path.to_owned(),
        format: (FORMAT_MAJOR, FORMAT_MINOR),
        lineage_id: header.lineage_id,
        file_id: header.file_id,
        page_size: header.page_size() as u32,
        generation: header.generation,
        role: header.role,
        fenced: header.fenced,
        fence_epoch: header.fence_epoch,
        epoch: header.epoch,
        checkpoint_index: header.checkpoint_index,
        checkpoint_time_ms: header.checkpoint_time_ms,
        created_time_ms: header.created_time_ms,
        entry_count: header.entry_count,
        logical_bytes: header.logical_bytes,
        content_sum: header.content_sum,
        page_count: u64::from(header.page_count),
        file_bytes,
        free_available: u64::from(header.free_available),
        free_pending: u64::from(header.free_pending),
        tree_height: header.root_height,
        slots: [slot_info(slots, 0), slot_info(slots, 1)],
        regions: region_infos(file.as_ref(), header)?,
        oldest_pin,
        last_index: None,
    })
}

fn slot_info(slots: &Slots, slot: usize) -> SlotInfo {
    match pick_ref(&slots.states, slot) {
        SlotState::Valid(header, _) => SlotInfo::Valid {
            generation: header.generation,
        },
        SlotState::Blank => SlotInfo::Blank,
        SlotState::Unsupported(what) => SlotInfo::Damaged(what.clone()),
        SlotState::Damaged(c) => SlotInfo::Damaged(c.to_string()),
    }
}

fn region_infos(file: &dyn File, header: &Header) -> Result<[RegionInfo; 2]> {
    let found = tail::read_regions(file, header)?;
    let places = extents(header);
    let info = |i: usize| RegionInfo {
        start_page: pick(&header.regions, i).start_page,
        bytes: pick(&places, i).len,
        region_seq: pick(&found, i).map_or(0, |r| r.region_seq),
        first_index: pick(&found, i).map_or(0, |r| r.first_index),
    };
    Ok([info(0), info(1)])
}
