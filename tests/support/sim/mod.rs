//! A simulated disk: the engine runs on it unchanged, and every state that a power loss could
//! leave behind can be looked at.
//!
//! The medium keeps what was synced. Everything else is an ordered list of pending operations:
//! writes cut at 512-byte sectors, size changes, and changes of directory entries. A crash keeps
//! any subset of them ([`CrashChoice`]). Two rules limit the subsets: a sector is written whole,
//! and the size changes of one file persist in order (a later one implies the earlier ones).

mod content;
mod crash;
mod disk;
mod fault;
mod file;
mod locks;
mod pending;
mod snapshot;
mod state;
mod trace;
mod turns;

pub use crash::{CrashChoice, CrashPlan};
pub use disk::SimDisk;
pub use fault::{FaultKind, FaultOn, FaultPlan, Repeat};
pub use snapshot::SimDiskSnapshot;
pub use trace::{IoCall, IoKind};
pub use turns::{InTurns, Turn};

/// The unit that a medium writes whole.
pub const SECTOR: u64 = 512;

/// The unit in which the page cache is dropped.
pub const PAGE: u64 = 4096;

/// A well-mixed word for each input (splitmix64): all randomness of the simulation.
pub(crate) fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
