//! The archived log: S1 for its extents, R1 and R2 for its entries.

use super::content::Catalogue;
use super::findings::{Findings, finding};
use super::owners::{Owner, Owners};
use super::parts::{Entries, Part, read_all};
use super::source::Source;
use crate::error::Result;
use crate::format::Invariant;
use crate::format::checksum::History;
use crate::format::header::Header;
use crate::format::local::{ArchiveRecord, archive_range};
use crate::format::region::RegionHeader;

/// What the tree says of archived parts of the log: full key and value.
pub(super) type Listed<'c> = Vec<(&'c [u8], Option<&'c [u8]>)>;

/// Picks the list out of the entries of keyspace 0.
pub(super) fn listed(catalogue: &Catalogue) -> Listed<'_> {
    let (from, to) = archive_range();
    let all = catalogue.range(from..to);
    all.map(|(key, value)| (key.as_slice(), value.as_deref()))
        .collect()
}

/// The log before an entry, as far as it is known.
struct Expected {
    index: u64,
    history: Option<History>,
}

/// Checks every archived part, and that they lead to the log regions.
pub(super) fn check(
    list: &Listed<'_>,
    source: &Source<'_>,
    header: &Header,
    regions: &[Option<RegionHeader>; 2],
    owners: &mut Owners,
    findings: &mut Findings,
) -> Result<()> {
    let mut expected: Option<Expected> = None;
    let decoded = |(key, value): &(&[u8], Option<&[u8]>)| {
        value.and_then(|value| ArchiveRecord::decode(key, value))
    };
    let records: Vec<_> = list.iter().map(decoded).collect();
    let whole: Vec<_> = records.iter().copied().flatten().collect();
    let mut parts = read_all(&whole, source)?.into_iter();
    for record in records {
        findings.count(Invariant::R1, 1);
        let Some(record) = record else {
            let text = "the record of an archived part of the log is malformed";
            findings.damage(finding(Invariant::R1, text));
            continue;
        };
        claim(&record, header, owners, findings);
        let first = expected.is_none();
        if first && header.archive_first_index != record.first_index {
            let text = format!(
                "the archived log begins with entry {}, the header says {}",
                record.first_index, header.archive_first_index
            );
            findings.damage(finding(Invariant::R1, text));
        }
        meets(expected.as_ref(), record.first_index, None, findings);
        let before = expected.take().and_then(|e| e.history);
        let part = parts.next().flatten();
        expected = Some(judge(&record, before, part, header, findings));
    }
    let Some(expected) = expected else {
        return Ok(());
    };
    findings.count(Invariant::R1, 1);
    if let Some(region) = first_of_log(regions) {
        let history = Some(region.history);
        meets(Some(&expected), region.first_index, history, findings);
    }
    Ok(())
}

/// The region that the log begins with.
fn first_of_log(regions: &[Option<RegionHeader>; 2]) -> Option<&RegionHeader> {
    let active = regions.iter().flatten().max_by_key(|r| r.region_seq)?;
    let older = regions
        .iter()
        .flatten()
        .find(|r| r.region_seq + 1 == active.region_seq && r.first_index < active.first_index);
    Some(older.unwrap_or(active))
}

fn claim(record: &ArchiveRecord, header: &Header, owners: &mut Owners, findings: &mut Findings) {
    let conflict = owners.claim(record.start_page, record.pages, Owner::Archive);
    if let Some((page, other)) = conflict {
        let text = format!(
            "page {page} of the archived log belongs to {} too",
            other.name()
        );
        let what = finding(Invariant::S1, text);
        findings.damage(what.in_pages(record.start_page, record.pages, header.page_size()));
    }
}

/// R1: what comes next goes on where the part before ended.
fn meets(
    expected: Option<&Expected>,
    first_index: u64,
    history: Option<History>,
    findings: &mut Findings,
) {
    let Some(expected) = expected else { return };
    if expected.index != first_index {
        let text = format!(
            "after entry {} the log goes on with entry {first_index}",
            expected.index.saturating_sub(1)
        );
        findings.damage(finding(Invariant::R1, text));
    } else if let (Some(known), Some(said)) = (expected.history, history)
        && known != said
    {
        let text = format!("the history before entry {first_index} is not what led to it");
        findings.damage(finding(Invariant::R1, text));
    }
}

/// R2: the entries of one part.
fn judge(
    record: &ArchiveRecord,
    before: Option<History>,
    part: Option<Part>,
    header: &Header,
    findings: &mut Findings,
) -> Expected {
    let mut after = Expected {
        index: record.last_index + 1,
        history: None,
    };
    let part = part.filter(|part| before.is_none_or(|known| known == part.before));
    let text = match part.map(|part| part.entries) {
        None => format!(
            "the archived log from entry {} on does not begin as it should",
            record.first_index
        ),
        Some(Err(what)) => what.detail,
        Some(Ok(found)) if found.next_index != after.index || found.end != record.end => format!(
            "the archived log ends at entry {}, not at {}",
            found.next_index - 1,
            record.last_index
        ),
        Some(Ok(Entries {
            unlinked: Some(index),
            ..
        })) => format!("the history before archived entry {index} is not what led to it"),
        Some(Ok(found)) => {
            findings.count(Invariant::R2, found.count);
            after.history = Some(found.history);
            return after;
        }
    };
    findings.count(Invariant::R2, 1);
    let start = u64::from(record.start_page) * header.page_size() as u64;
    findings.damage(finding(Invariant::R2, text).at(start, record.end));
    after
}
