//! Bytes and the structures they stand for. Start here for the file format.
//!
//! ```text
//! 0      header slot A (512 bytes)      8192   header slot B (512 bytes)
//! 16384  pages: tree, large values, free list, log region 0, log region 1, free space
//! ```
//!
//! Everything is little-endian and every unused byte is zero. `docs/format.md` has the tables.
//! Nothing in this folder reads a file or a clock.

pub mod attest;
pub mod branch;
pub mod bytes;
pub mod checksum;
pub mod describe;
pub mod entry;
pub mod fence;
pub mod frame;
pub mod freelist;
pub mod header;
mod invariant;
pub mod key;
pub mod leaf;
pub mod local;
pub mod mark;
pub mod op;
pub mod overflow;
pub mod page;
pub mod pair;
pub mod region;

pub use invariant::{Depth, Invariant};

/// Bytes of a header slot: one sector, so that it is written whole or not at all.
pub const SLOT_SIZE: usize = 512;
/// Where the two header slots stand, for every page size.
pub const SLOT_OFFSETS: [u64; 2] = [0, 8192];
/// First byte after the header zone.
pub const FIRST_DATA_OFFSET: u64 = 16384;
/// Bytes of the header of every page.
pub const PAGE_HEADER_SIZE: usize = 32;
/// No log index and no generation comes near this; arithmetic on smaller ones cannot overflow, and
/// a lock byte exists for every generation.
pub const MAX_COUNTER: u64 = 1 << 60;
/// Most levels that a tree can have.
pub const MAX_HEIGHT: u8 = 16;
/// Smallest and largest page size.
pub const PAGE_SIZES: std::ops::RangeInclusive<u32> = 4096..=65536;

/// Longest user key for a page size.
pub const fn max_key_len(page_size: usize) -> usize {
    page_size / 4 - 64
}
