//! The free list: S2 to S5, and its claims on pages.

use super::findings::{Findings, finding};
use super::owners::{Owner, Owners};
use super::page::{Expect, check};
use super::source::{Pages, Source};
use crate::error::Result;
use crate::format::Invariant;
use crate::format::freelist::{FreeExtent, read_free_page};
use crate::format::header::Header;
use crate::format::page::PageKind;

/// What the chain said.
#[derive(Debug, Default)]
pub(super) struct FreeList {
    /// Extents in the order of the chain.
    pub records: Vec<FreeExtent>,
    /// Pages of the chain itself.
    pub chain_pages: u64,
    /// The chain could be read to its end.
    pub whole: bool,
}

/// Follows the chain, claims its pages, and gives its records.
pub(super) fn read_chain(
    source: &Source<'_>,
    header: &Header,
    owners: &mut Owners,
    findings: &mut Findings,
) -> Result<FreeList> {
    let mut list = FreeList::default();
    let mut pages = Pages::default();
    let mut next = (header.free_head, header.free_head_crc);
    while next.0 != 0 {
        let (page, crc) = next;
        findings.count(Invariant::S5, 1);
        findings.count(Invariant::P6, 1);
        let about = |id, text: &str| finding(id, text).in_pages(page, 1, source.page_size);
        if !owners.contains(page, 1) {
            findings.damage(about(Invariant::P6, "the free list leads outside the file"));
            return Ok(list);
        }
        match owners.claim(page, 1, Owner::FreeChain) {
            Some((_, Owner::FreeChain)) => {
                findings.damage(about(Invariant::S5, "the free list has a cycle"));
                return Ok(list);
            }
            Some((_, other)) => {
                let text = format!("a free-list page belongs to {} too", other.name());
                findings.damage(about(Invariant::S1, &text));
            }
            None => {}
        }
        source.read_pages(page, 1, &mut pages)?;
        source.count_pages(1);
        if let Some((_, reason)) = pages.refused.first() {
            findings.damage(about(Invariant::S5, &format!("cannot be read: {reason}")));
            return Ok(list);
        }
        let expect = Expect {
            page,
            crc: Some(crc),
            generation: header.generation,
            kind: PageKind::FreeList,
            level: 0,
        };
        let decoded = check(&pages.bytes, &expect, findings).and_then(|_| {
            read_free_page(&pages.bytes).map_err(|c| c.in_page(page, source.page_size).into())
        });
        match decoded {
            Ok((after, records)) => {
                list.records.extend(records);
                list.chain_pages += 1;
                next = after;
            }
            Err(mut what) => {
                // S5 says that chain pages pass P1 to P5; the first cause stays in the text.
                what.detail = format!("free-list page: {}: {}", what.id, what.detail);
                let cause = what.id;
                what.id = Invariant::S5;
                if cause != Invariant::S5 {
                    let mut same = what.clone();
                    same.id = cause;
                    findings.damage(same);
                }
                findings.damage(what);
                return Ok(list);
            }
        }
    }
    list.whole = true;
    Ok(list)
}

/// Checks order and sums (S2, S3, S4) and claims the extents.
pub(super) fn check_records(
    list: &FreeList,
    header: &Header,
    page_size: usize,
    owners: &mut Owners,
    findings: &mut Findings,
) {
    let mut before: Option<&FreeExtent> = None;
    let (mut available, mut pending) = (0u64, 0u64);
    for record in &list.records {
        let about =
            |id, text: &str| finding(id, text).in_pages(record.start, record.pages, page_size);
        findings.count(Invariant::P6, 1);
        if record.pages == 0 || !owners.contains(record.start, record.pages) {
            let text = "a free extent lies outside the file";
            findings.damage(finding(Invariant::P6, text).in_pages(record.start, 1, page_size));
            before = Some(record);
            continue;
        }
        let owner = if record.freed_gen == 0 {
            Owner::Available
        } else {
            Owner::Pending
        };
        if owner == Owner::Available {
            findings.count(Invariant::S2, 1);
            available += u64::from(record.pages);
        } else {
            findings.count(Invariant::S3, 1);
            pending += u64::from(record.pages);
        }
        if let Some((id, text)) = order_problem(record, before, header) {
            findings.damage(about(id, &text));
        }
        if let Some((page, other)) = owners.claim(record.start, record.pages, owner) {
            let text = format!(
                "page {page} is free ({}) and belongs to {}",
                owner.name(),
                other.name()
            );
            findings.damage(about(Invariant::S1, &text));
        }
        before = Some(record);
    }
    findings.count(Invariant::S4, 1);
    let named = (
        u64::from(header.free_available),
        u64::from(header.free_pending),
    );
    if list.whole && (available, pending) != named {
        let text = format!(
            "the list has {available} available and {pending} pending pages, the header says {} and {}",
            named.0, named.1
        );
        findings.damage(finding(Invariant::S4, text));
    }
}

fn order_problem(
    record: &FreeExtent,
    before: Option<&FreeExtent>,
    header: &Header,
) -> Option<(Invariant, String)> {
    if record.freed_gen > header.generation {
        let text = format!(
            "pending since generation {}, which is to come",
            record.freed_gen
        );
        return Some((Invariant::S3, text));
    }
    let before = before?;
    if record.freed_gen == 0 {
        let end = u64::from(before.start) + u64::from(before.pages);
        let apart = before.freed_gen == 0 && end < u64::from(record.start);
        return (!apart).then(|| {
            (
                Invariant::S2,
                "available extents are not sorted, joined and apart".to_owned(),
            )
        });
    }
    (before >= record).then(|| (Invariant::S3, "pending extents are not sorted".to_owned()))
}
