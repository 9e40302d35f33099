//! What a check reads, and what it tells.

use std::collections::BTreeMap;

use crate::error::{Corruption, Result};
use crate::format::Depth;
use crate::format::leaf::StoredValue;
use crate::format::page::PageKind;

/// Pages as they are on the medium.
pub trait RawPages {
    /// Page size in bytes.
    fn page_size(&self) -> usize;
    /// Fills `buffer`, which has the size of a page, with the page, unchecked. An error is
    /// reported as damage of this page (P1).
    fn raw_page(&self, page: u32, buffer: &mut [u8]) -> Result<()>;
}

/// Something that does not hold, and what it makes unreachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What does not hold, and where.
    pub corruption: Corruption,
    /// First full key that the place is responsible for.
    pub from: Vec<u8>,
    /// First full key after that; `None`: none.
    pub to: Option<Vec<u8>>,
    /// Entries that cannot be read because of it, as far as branches know.
    pub entries: u64,
    /// What the place holds was passed over. Otherwise it was read and told all the same.
    pub hides: bool,
}

/// Who wants to know what a check sees.
pub trait CheckVisitor {
    /// Takes a finding. An error ends the check.
    fn finding(&mut self, finding: Finding) -> Result<()>;
    /// Takes possession of pages for the tree; S1 where some of them have an owner already.
    fn own(&mut self, first: u32, pages: u32, kind: PageKind) -> Result<(), Corruption>;
    /// False passes over everything between these full keys.
    fn wants(&mut self, _from: &[u8], _to: Option<&[u8]>) -> bool {
        true
    }
    /// An entry, in key order where the tree is sound. A large value has been looked at.
    fn entry(&mut self, _full_key: &[u8], _value: &StoredValue<'_>) -> Result<()> {
        Ok(())
    }
    /// An entry of keyspace 0, which holds the catalogue.
    fn catalogue(&mut self, _full_key: &[u8], _value: &StoredValue<'_>) {}
    /// Called after every page; an error ends the check.
    fn progress(&mut self, _summary: &CheckSummary) -> Result<()> {
        Ok(())
    }
}

/// What the tree is checked against.
#[derive(Debug, Clone, Copy)]
pub struct CheckLimits {
    /// Generation of the header; no page may be newer.
    pub generation: u64,
    /// First page that can belong to a tree.
    pub first_page: u32,
    /// First page that cannot.
    pub page_count: u32,
    /// `Quick` reads branches only, `Deep` reads large values too.
    pub depth: Depth,
}

/// What a check counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckSummary {
    /// Entries outside keyspace 0 (for T6).
    pub entries: u64,
    /// Entries of all keyspaces.
    pub tree_entries: u64,
    /// Bytes of keys without keyspace id and of values, without keyspace 0 (for T11).
    pub logical_bytes: u64,
    /// Wrapping sum of the entries' hashes, without keyspace 0 (for T11).
    pub content_sum: u64,
    /// Entries by keyspace (for T12).
    pub keyspaces: BTreeMap<u32, u64>,
    /// Branch pages read.
    pub branches: u64,
    /// Leaf pages read.
    pub leaves: u64,
    /// Bytes in use in those leaves, without their headers.
    pub leaf_bytes: u64,
    /// Pages of large values.
    pub overflow_pages: u64,
    /// Findings reported.
    pub findings: u64,
    /// Sum of their unreachable entries.
    pub unreachable: u64,
}
