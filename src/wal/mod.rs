//! The log in the file: two regions that take turns.
//!
//! - [`scan`] walks the frames of one region and tells a torn tail from damage.
//! - [`tail`] finds where the log of a file ends, across both regions.
//! - [`retained`] walks what the regions still hold of older entries.
//! - [`append`] encodes commit groups and makes them durable with one sync.

pub mod append;
pub mod retained;
pub mod scan;
pub mod tail;
#[cfg(test)]
mod tests;
mod window;

use crate::format::header::Header;

/// Where a region stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub start: u64,
    /// Length in bytes.
    pub len: u64,
}

/// The extents of both regions.
pub fn extents(header: &Header) -> [Extent; 2] {
    let page_size = header.page_size() as u64;
    header.regions.map(|r| Extent {
        start: u64::from(r.start_page) * page_size,
        len: u64::from(r.pages) * page_size,
    })
}
