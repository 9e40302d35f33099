//! The header slot: 512 bytes that say where everything else is.

use super::bytes::{all_zero, id_at, patch, u16_at, u32_at, u64_at};
use super::checksum::{History, crc};
use super::{FIRST_DATA_OFFSET, Invariant, MAX_HEIGHT, SLOT_OFFSETS, SLOT_SIZE};
use crate::error::Corruption;

/// High bit, "CREL", CR LF, ^Z: catches text-mode damage.
pub const MAGIC: [u8; 8] = [0x89, 0x43, 0x52, 0x45, 0x4c, 0x0d, 0x0a, 0x1a];

/// What is said about a slot that never held a header.
pub const WRONG_MAGIC: &str = "header magic is wrong";

/// The format version that this build writes; a larger one is refused.
pub const FORMAT_MAJOR: u16 = 1;
/// Minor format version, for information.
pub const FORMAT_MINOR: u16 = 0;

/// What a copy of the database is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Not replicated.
    #[default]
    Standalone,
    /// The one that accepts writes.
    Primary,
    /// Follows a primary.
    Replica,
}

impl Role {
    fn from_byte(byte: u8) -> Option<Role> {
        [Role::Standalone, Role::Primary, Role::Replica]
            .get(usize::from(byte))
            .copied()
    }
}

/// Where a log region lies and what was known of it when the header was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegionSlot {
    /// First page of the extent.
    pub start_page: u32,
    /// Length of the extent in pages.
    pub pages: u32,
    /// Incarnation last known (0 = never used).
    pub region_seq: u64,
    /// First log index of that incarnation.
    pub first_index: u64,
    /// The extent was written with zeros before its first use.
    pub zero_filled: bool,
    /// Length when the file was created; an extent that grew goes back to it.
    pub base_pages: u32,
}

/// All fields of a header slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the table in docs/format.md describes each field
pub struct Header {
    pub page_shift: u8,
    pub compat: u32,
    pub ro_compat: u32,
    pub incompat: u32,
    pub lineage_id: [u8; 16],
    pub file_id: [u8; 16],
    pub generation: u64,
    pub checkpoint_index: u64,
    pub history: History,
    pub checkpoint_time_ms: u64,
    pub entry_count: u64,
    pub logical_bytes: u64,
    pub content_sum: u64,
    pub root_page: u32,
    pub root_crc: u32,
    pub root_height: u8,
    pub page_count: u32,
    pub free_head: u32,
    pub free_head_crc: u32,
    pub free_available: u32,
    pub free_pending: u32,
    pub prev_header_crc: u32,
    pub regions: [RegionSlot; 2],
    pub epoch: u32,
    pub role: Role,
    pub fenced: bool,
    pub epoch_start_index: u64,
    pub fence_epoch: u32,
    pub upstream_file_id: [u8; 16],
    pub archive_first_index: u64,
    pub created_time_ms: u64,
    pub trees_from: u64,
}

/// What stands in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotState {
    /// A whole header and its checksum.
    Valid(Box<Header>, u32),
    /// All zero: never written.
    Blank,
    /// A header of a newer format, or with features that this build does not know.
    Unsupported(String),
    /// Something else.
    Damaged(Corruption),
}

impl Header {
    /// Page size in bytes.
    pub fn page_size(&self) -> usize {
        1 << self.page_shift
    }

    /// The slot that this generation belongs to.
    pub fn slot(&self) -> usize {
        (self.generation & 1) as usize
    }

    /// Byte offset of that slot.
    pub fn slot_offset(&self) -> u64 {
        offset_of(self.slot())
    }

    /// True where the file has features that an older program may read but not write.
    pub fn read_only(&self) -> bool {
        self.ro_compat != 0 // version 1 knows none
    }

    /// Encodes the slot.
    pub fn encode(&self) -> [u8; SLOT_SIZE] {
        let mut b = [0u8; SLOT_SIZE];
        patch(&mut b, 0, &MAGIC);
        patch(&mut b, 8, &FORMAT_MAJOR.to_le_bytes());
        patch(&mut b, 10, &FORMAT_MINOR.to_le_bytes());
        patch(&mut b, 12, &[self.page_shift, self.slot() as u8]);
        patch(&mut b, 14, &(SLOT_SIZE as u16).to_le_bytes());
        patch(&mut b, 16, &self.compat.to_le_bytes());
        patch(&mut b, 20, &self.ro_compat.to_le_bytes());
        patch(&mut b, 24, &self.incompat.to_le_bytes());
        patch(&mut b, 32, &self.lineage_id);
        patch(&mut b, 48, &self.file_id);
        patch(&mut b, 64, &self.generation.to_le_bytes());
        patch(&mut b, 72, &self.checkpoint_index.to_le_bytes());
        patch(&mut b, 80, &self.history);
        patch(&mut b, 96, &self.checkpoint_time_ms.to_le_bytes());
        patch(&mut b, 104, &self.entry_count.to_le_bytes());
        patch(&mut b, 112, &self.logical_bytes.to_le_bytes());
        patch(&mut b, 120, &self.content_sum.to_le_bytes());
        patch(&mut b, 128, &self.root_page.to_le_bytes());
        patch(&mut b, 132, &self.root_crc.to_le_bytes());
        patch(&mut b, 136, &[self.root_height]);
        patch(&mut b, 140, &self.page_count.to_le_bytes());
        patch(&mut b, 144, &self.free_head.to_le_bytes());
        patch(&mut b, 148, &self.free_head_crc.to_le_bytes());
        patch(&mut b, 152, &self.free_available.to_le_bytes());
        patch(&mut b, 156, &self.free_pending.to_le_bytes());
        patch(&mut b, 160, &self.prev_header_crc.to_le_bytes());
        for (i, region) in self.regions.iter().enumerate() {
            encode_region_slot(&mut b, 168 + 32 * i, region);
        }
        patch(&mut b, 232, &self.epoch.to_le_bytes());
        patch(&mut b, 236, &[self.role as u8, u8::from(self.fenced)]);
        patch(&mut b, 240, &self.epoch_start_index.to_le_bytes());
        patch(&mut b, 248, &self.fence_epoch.to_le_bytes());
        patch(&mut b, 256, &self.upstream_file_id);
        patch(&mut b, 272, &self.archive_first_index.to_le_bytes());
        patch(&mut b, 280, &self.created_time_ms.to_le_bytes());
        patch(&mut b, 288, &self.trees_from.to_le_bytes());
        let sum = crc(b.split_at(SLOT_SIZE - 4).0);
        patch(&mut b, SLOT_SIZE - 4, &sum.to_le_bytes());
        b
    }

    /// The checksum that [`Header::encode`] puts into the slot.
    pub fn crc(&self) -> u32 {
        u32_at(&self.encode(), SLOT_SIZE - 4).unwrap_or(0)
    }

    /// Decodes what stands in physical slot `slot`.
    pub fn decode(bytes: &[u8; SLOT_SIZE], slot: usize) -> SlotState {
        let offset = offset_of(slot);
        let bad = |id, what: &str| SlotState::Damaged(Corruption::new(id, what).at(offset));
        if all_zero(bytes) {
            return SlotState::Blank;
        }
        if !bytes.starts_with(&MAGIC) {
            return bad(Invariant::H1, WRONG_MAGIC);
        }
        let sum = crc(bytes.split_at(SLOT_SIZE - 4).0);
        if u32_at(bytes, SLOT_SIZE - 4) != Some(sum) {
            return bad(Invariant::H1, "header checksum does not match");
        }
        if u16_at(bytes, 8).is_none_or(|major| major > FORMAT_MAJOR || major == 0) {
            let major = u16_at(bytes, 8).unwrap_or(0);
            return SlotState::Unsupported(format!("format version {major}"));
        }
        // Before any other field: an unknown feature may give them a meaning we do not know.
        if let Some(reason) = unsupported(bytes) {
            return SlotState::Unsupported(reason);
        }
        let Some(header) = Header::decode_fields(bytes) else {
            return bad(Invariant::H1, "header fields are out of range");
        };
        if usize::from(bytes[13]) != slot || header.slot() != slot {
            return bad(Invariant::H2, "header stands in the wrong slot");
        }
        if let Some(problem) = header.field_problem() {
            return SlotState::Damaged(problem.at(offset));
        }
        if !header.equals_but_minor(bytes) {
            return bad(Invariant::H8, "reserved header bytes are not zero");
        }
        SlotState::Valid(Box::new(header), sum)
    }

    fn decode_fields(b: &[u8; SLOT_SIZE]) -> Option<Header> {
        if u16_at(b, 14)? != SLOT_SIZE as u16 || !(12..=16).contains(&b[12]) {
            return None;
        }
        Some(Header {
            page_shift: b[12],
            compat: u32_at(b, 16)?,
            ro_compat: u32_at(b, 20)?,
            incompat: u32_at(b, 24)?,
            lineage_id: id_at(b, 32)?,
            file_id: id_at(b, 48)?,
            generation: u64_at(b, 64)?,
            checkpoint_index: u64_at(b, 72)?,
            history: id_at(b, 80)?,
            checkpoint_time_ms: u64_at(b, 96)?,
            entry_count: u64_at(b, 104)?,
            logical_bytes: u64_at(b, 112)?,
            content_sum: u64_at(b, 120)?,
            root_page: u32_at(b, 128)?,
            root_crc: u32_at(b, 132)?,
            root_height: b[136],
            page_count: u32_at(b, 140)?,
            free_head: u32_at(b, 144)?,
            free_head_crc: u32_at(b, 148)?,
            free_available: u32_at(b, 152)?,
            free_pending: u32_at(b, 156)?,
            prev_header_crc: u32_at(b, 160)?,
            regions: [decode_region_slot(b, 168)?, decode_region_slot(b, 200)?],
            epoch: u32_at(b, 232)?,
            role: Role::from_byte(b[236])?,
            fenced: match b[237] {
                0 => false,
                1 => true,
                _ => return None,
            },
            epoch_start_index: u64_at(b, 240)?,
            fence_epoch: u32_at(b, 248)?,
            upstream_file_id: id_at(b, 256)?,
            archive_first_index: u64_at(b, 272)?,
            created_time_ms: u64_at(b, 280)?,
            trees_from: u64_at(b, 288)?,
        })
    }

    /// True where entries that the tree has stay in the log, because copies may ask for them.
    pub fn keeps_log(&self) -> bool {
        self.role != Role::Standalone || self.archive_first_index != 0
    }

    /// True where every byte is what [`Header::encode`] writes, so that reserved bytes are zero.
    /// Magic and major version were judged before; the minor version is information: any is accepted (and the
    /// checksum with it).
    fn equals_but_minor(&self, bytes: &[u8; SLOT_SIZE]) -> bool {
        let body = 12..SLOT_SIZE - 4;
        self.encode().get(body.clone()) == bytes.get(body)
    }

    /// Invariants that one header can break by itself.
    fn field_problem(&self) -> Option<Corruption> {
        let bad = |id, what: String| Some(Corruption::new(id, what));
        let first_page = first_page(self.page_size());
        if self.generation == 0 {
            return bad(Invariant::H4, "generation is 0".into());
        }
        if self.page_count < first_page {
            return bad(
                Invariant::H7,
                format!("page count {} is too small", self.page_count),
            );
        }
        if (self.root_page == 0) != (self.root_height == 0) || self.root_height > MAX_HEIGHT {
            let (page, height) = (self.root_page, self.root_height);
            return bad(
                Invariant::H9,
                format!("root page {page} with height {height}"),
            );
        }
        if self.root_page == 0
            && (self.entry_count, self.logical_bytes, self.content_sum) != (0, 0, 0)
        {
            return bad(Invariant::H9, "empty tree with entries".into());
        }
        let inside = |page: u32| page == 0 || (first_page..self.page_count).contains(&page);
        if !inside(self.root_page) || !inside(self.free_head) {
            return bad(Invariant::P6, "root or free list outside the file".into());
        }
        if self.fenced && self.fence_epoch <= self.epoch || self.epoch == 0 {
            return bad(Invariant::H10, format!("epoch {}", self.epoch));
        }
        if self.role == Role::Replica && self.upstream_file_id == [0; 16] {
            return bad(Invariant::H10, "replica without upstream".into());
        }
        self.region_problem(first_page)
    }

    fn region_problem(&self, first_page: u32) -> Option<Corruption> {
        let [a, b] = self.regions;
        let end = |r: &RegionSlot| u64::from(r.start_page) + u64::from(r.pages);
        for (i, region) in [a, b].iter().enumerate() {
            let outside =
                region.start_page < first_page || end(region) > u64::from(self.page_count);
            if region.pages == 0 || outside {
                return Some(Corruption::new(
                    Invariant::W1,
                    format!("log region {i} outside the file"),
                ));
            }
            if region.region_seq != 0 && region.region_seq & 1 != i as u64 {
                return Some(Corruption::new(
                    Invariant::W2,
                    format!("log region {i} has wrong parity"),
                ));
            }
        }
        let apart = end(&a) <= u64::from(b.start_page) || end(&b) <= u64::from(a.start_page);
        (!apart).then(|| Corruption::new(Invariant::W1, "log regions overlap"))
    }
}

fn offset_of(slot: usize) -> u64 {
    let [a, b] = SLOT_OFFSETS;
    if slot & 1 == 0 { a } else { b }
}

/// Features that this build does not know. Version 1 knows none.
fn unsupported(bytes: &[u8; SLOT_SIZE]) -> Option<String> {
    let bits = u32_at(bytes, 24)?;
    (bits != 0).then(|| format!("unknown feature bits {bits:#x}"))
}

/// First page that can hold data: the header zone takes what comes before.
pub fn first_page(page_size: usize) -> u32 {
    (FIRST_DATA_OFFSET.max(page_size as u64) / page_size as u64) as u32
}

fn encode_region_slot(b: &mut [u8; SLOT_SIZE], at: usize, region: &RegionSlot) {
    patch(b, at, &region.start_page.to_le_bytes());
    patch(b, at + 4, &region.pages.to_le_bytes());
    patch(b, at + 8, &region.region_seq.to_le_bytes());
    patch(b, at + 16, &region.first_index.to_le_bytes());
    patch(b, at + 24, &[u8::from(region.zero_filled)]);
    patch(b, at + 28, &region.base_pages.to_le_bytes());
}

fn decode_region_slot(b: &[u8; SLOT_SIZE], at: usize) -> Option<RegionSlot> {
    Some(RegionSlot {
        start_page: u32_at(b, at)?,
        pages: u32_at(b, at + 4)?,
        region_seq: u64_at(b, at + 8)?,
        first_index: u64_at(b, at + 16)?,
        zero_filled: match b.get(at + 24)? {
            0 => false,
            1 => true,
            _ => return None,
        },
        base_pages: u32_at(b, at + 28)?,
    })
}
