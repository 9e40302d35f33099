//! What every page must satisfy: checksum, place, version, age, kind and level (P1 to P5, T13).

use super::findings::{Findings, finding};
use super::report::Finding;
use crate::format::Invariant;
use crate::format::PAGE_HEADER_SIZE;
use crate::format::bytes::{u32_at, u64_at};
use crate::format::checksum::crc;
use crate::format::page::{PageHeader, PageKind};

/// Byte that tells the kind; an overflow page's checksum covers only its header.
const KIND_AT: usize = 16;
const KIND_OVERFLOW: u8 = PageKind::Overflow as u8 + 1;

/// What a page's owner knows of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expect {
    pub page: u32,
    /// Checksum that the owner names; `None` for a large value, whose reference names the sum
    /// of the value instead.
    pub crc: Option<u32>,
    /// The page may not be newer.
    pub generation: u64,
    pub kind: PageKind,
    pub level: u8,
}

/// Checks the header of a page. One finding at most: the first cause.
pub(super) fn check(
    bytes: &[u8],
    expect: &Expect,
    findings: &mut Findings,
) -> Result<PageHeader, Finding> {
    use Invariant::*;
    let bad = |id, text: String| Err(finding(id, text).in_pages(expect.page, 1, bytes.len()));
    findings.count(P1, 1);
    let overflow = bytes.get(KIND_AT) == Some(&KIND_OVERFLOW);
    let end = if overflow {
        PAGE_HEADER_SIZE
    } else {
        bytes.len()
    };
    let (sum, stored) = (
        crc(bytes.get(4..end).unwrap_or(&[])),
        u32_at(bytes, 0).unwrap_or(0),
    );
    if sum != stored {
        return bad(P1, format!("checksum is {sum:08x}, stored {stored:08x}"));
    }
    findings.count(P2, 1);
    let place = u32_at(bytes, 4).unwrap_or(0);
    if place != expect.page {
        return bad(P2, format!("the page says it is page {place}"));
    }
    if let Some(named) = expect.crc {
        findings.count(P3, 1);
        if named != stored {
            let text =
                format!("another version: its owner names checksum {named:08x}, not {stored:08x}");
            return bad(P3, text);
        }
    }
    findings.count(P4, 1);
    let generation = u64_at(bytes, 8).unwrap_or(0);
    if generation > expect.generation || generation == 0 {
        let text = format!(
            "written by generation {generation}, its owner by {}",
            expect.generation
        );
        return bad(P4, text);
    }
    let Some(header) = PageHeader::decode(bytes) else {
        return bad(
            reserved_problem(bytes),
            "header fields that version 1 does not know".into(),
        );
    };
    findings.count(P5, 1);
    if (header.kind, header.level) != (expect.kind, expect.level) {
        let text = format!(
            "is a {:?} of level {}, should be a {:?} of level {}",
            header.kind, header.level, expect.kind, expect.level
        );
        let id = match (expect.kind, header.kind) {
            (PageKind::Overflow, _) => T9,
            (PageKind::Leaf, PageKind::Branch) | (PageKind::Branch, PageKind::Leaf) => T4,
            _ => P5,
        };
        findings.count(id, 1);
        return bad(id, text);
    }
    Ok(header)
}

/// Which invariant a header that does not decode breaks, its checksum being right.
fn reserved_problem(bytes: &[u8]) -> Invariant {
    let expiry = u32_at(bytes, 24).unwrap_or(0);
    let known_kind = bytes.get(KIND_AT).is_some_and(|k| (1..=4).contains(k));
    match (known_kind, expiry) {
        (false, _) => Invariant::P5,
        (true, 0) => Invariant::P7,
        // No entry can expire in version 1, so the earliest expiry is "none".
        (true, _) => Invariant::T13,
    }
}
