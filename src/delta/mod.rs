//! Commits that are not in the tree yet, ordered by key.

mod counts;
mod cursor;
mod key;
mod raw;
mod table;
mod versions;

pub use counts::Net;
pub use cursor::LayerCursor;
pub use raw::{Memory, Undecodable};
pub use table::{Delta, DeltaWriter, RangeDelete};
