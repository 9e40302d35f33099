//! Digests of what a database holds, whatever its layout: the same for a database, its exports and
//! its copies. `docs/exchange.md` specifies them.

mod content;
mod feed;
mod ranges;
#[cfg(test)]
mod tests;
mod value;

pub use content::ContentDigest;
pub use ranges::{Range, RangeDigests, bits_for, starts_range};
pub use value::{Digest, NotADigest};
