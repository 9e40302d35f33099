//! The header of a log region: 128 bytes at the start of its extent.

use super::bytes::{id_at, patch, u32_at, u64_at};
use super::checksum::{History, crc};

/// Bytes of a region header; the first frame follows.
pub const REGION_HEADER_SIZE: usize = 128;
const MAGIC: [u8; 8] = *b"CRELWAL1";

/// One incarnation of a log region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionHeader {
    /// Random; seeds every frame checksum so that no frame of another incarnation validates.
    pub salt: u64,
    /// Counts incarnations over both regions; its parity is the region number.
    pub region_seq: u64,
    /// Log index of the first frame.
    pub first_index: u64,
    /// History before that frame.
    pub history: History,
    /// Epoch at the switch.
    pub epoch: u32,
    /// Where the log ended in the previous region, in 8-byte units (0 = first ever).
    pub prev_end_units: u32,
    /// Header checksum of the frame before the first one, in log order.
    pub prev_crc: u32,
    /// Low half of the newest generation known durable.
    pub durable_gen: u32,
    /// First four bytes of the file id.
    pub file_id_low: u32,
}

impl RegionHeader {
    /// The word that every frame of this incarnation starts with.
    pub fn sync_word(&self) -> u32 {
        self.salt as u32
    }

    /// Encodes the header.
    pub fn encode(&self) -> [u8; REGION_HEADER_SIZE] {
        let mut b = [0u8; REGION_HEADER_SIZE];
        patch(&mut b, 0, &MAGIC);
        patch(&mut b, 8, &self.salt.to_le_bytes());
        patch(&mut b, 16, &self.region_seq.to_le_bytes());
        patch(&mut b, 24, &self.first_index.to_le_bytes());
        patch(&mut b, 32, &self.history);
        patch(&mut b, 48, &self.epoch.to_le_bytes());
        patch(&mut b, 52, &self.prev_end_units.to_le_bytes());
        patch(&mut b, 56, &self.prev_crc.to_le_bytes());
        patch(&mut b, 60, &self.durable_gen.to_le_bytes());
        patch(&mut b, 64, &self.file_id_low.to_le_bytes());
        let sum = crc(b.split_at(REGION_HEADER_SIZE - 4).0);
        patch(&mut b, REGION_HEADER_SIZE - 4, &sum.to_le_bytes());
        b
    }

    /// Decodes and checks; `None` where this is not a whole region header.
    pub fn decode(b: &[u8]) -> Option<RegionHeader> {
        let b = b.get(..REGION_HEADER_SIZE)?;
        if !b.starts_with(&MAGIC) {
            return None;
        }
        let header = RegionHeader {
            salt: u64_at(b, 8)?,
            region_seq: u64_at(b, 16)?,
            first_index: u64_at(b, 24)?,
            history: id_at(b, 32)?,
            epoch: u32_at(b, 48)?,
            prev_end_units: u32_at(b, 52)?,
            prev_crc: u32_at(b, 56)?,
            durable_gen: u32_at(b, 60)?,
            file_id_low: u32_at(b, 64)?,
        };
        // Comparing the whole encoding also proves the reserved bytes zero.
        (header.encode() == *b && header.region_seq != 0).then_some(header)
    }
}
