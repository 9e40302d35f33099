//! Commits that are not in the tree yet, ordered by key.

mod cursor;
mod key;
mod raw;
mod table;

pub use cursor::LayerCursor;
pub use raw::{Memory, Undecodable};
pub use table::{Delta, DeltaWriter, RangeDelete};
