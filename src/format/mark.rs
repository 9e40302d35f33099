//! The mark behind the last frame: whoever saw a sync succeed leaves it, so that the next process
//! need not doubt what it finds.
//!
//! It is written without a sync of its own, where the next frame will overwrite it. Wherever it
//! is found whole it is true: it was written after everything before it was durable.

use super::bytes::{patch, u32_at};
use super::checksum::{crc, crc_append};
use crate::defect::{Defect, planted};

/// Bytes of a mark.
pub const MARK_SIZE: usize = 16;

/// "Everything of this incarnation before this place is durable."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Where the mark stands in its region, in 8-byte units: the end of the log.
    pub own_units: u32,
    /// Header checksum of the frame before it.
    pub prev_crc: u32,
}

impl Mark {
    /// The word that marks of an incarnation begin with: never the one that frames begin with.
    pub fn word(salt: u64) -> u32 {
        !(salt as u32)
    }

    /// Encodes the mark for the incarnation `salt`.
    pub fn encode(&self, salt: u64) -> [u8; MARK_SIZE] {
        let mut b = [0u8; MARK_SIZE];
        patch(&mut b, 0, &Mark::word(salt).to_le_bytes());
        patch(&mut b, 4, &self.own_units.to_le_bytes());
        patch(&mut b, 8, &self.prev_crc.to_le_bytes());
        let sum = checksum(salt, &b);
        patch(&mut b, 12, &sum.to_le_bytes());
        b
    }

    /// Decodes a mark of the incarnation `salt`.
    pub fn decode(b: &[u8], salt: u64) -> Option<Mark> {
        let b = b.get(..MARK_SIZE)?;
        let fits = u32_at(b, 12)? == checksum(salt, b) || planted(Defect::TornMarkBelieved);
        let whole = u32_at(b, 0)? == Mark::word(salt) && fits;
        whole.then_some(Mark {
            own_units: u32_at(b, 4)?,
            prev_crc: u32_at(b, 8)?,
        })
    }
}

fn checksum(salt: u64, b: &[u8]) -> u32 {
    crc_append(crc(&salt.to_le_bytes()), b.get(..12).unwrap_or(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_bound_to_its_incarnation_and_every_byte_counts() {
        let mark = Mark {
            own_units: 77,
            prev_crc: 0x1234_5678,
        };
        let bytes = mark.encode(9);
        assert_eq!(Mark::decode(&bytes, 9), Some(mark));
        assert_eq!(Mark::decode(&bytes, 10), None);
        for i in 0..MARK_SIZE {
            let mut bad = bytes;
            bad[i] ^= 1;
            assert_eq!(Mark::decode(&bad, 9), None, "byte {i}");
        }
    }
}
