//! The header zone: both slots and what must be zero between them (H1 to H10, W1).

use std::path::Path;

use super::findings::{Findings, Weight, finding};
use super::source::Source;
use crate::error::{Error, Result};
use crate::format::bytes::all_zero;
use crate::format::header::{Header, Role, SlotState, first_page};
use crate::format::{Invariant, SLOT_OFFSETS, SLOT_SIZE};
use crate::store::slots::{Current, Slots};

/// The two headers as this check goes by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headers {
    pub states: [SlotState; 2],
    /// The newer usable one.
    pub current: Current,
    /// The older usable one.
    pub older: Option<Current>,
}

/// Sorts the slots; `None` where neither can be used.
pub(crate) fn choose(slots: Slots) -> Option<Headers> {
    let usable = |state: &SlotState| match state {
        SlotState::Valid(header, crc) => Some(Current {
            header: (**header).clone(),
            crc: *crc,
        }),
        _ => None,
    };
    let [a, b] = &slots.states;
    let (current, older) = match (usable(a), usable(b)) {
        (Some(a), Some(b)) if a.header.generation > b.header.generation => (a, Some(b)),
        (Some(a), Some(b)) => (b, Some(a)),
        (Some(one), None) | (None, Some(one)) => (one, None),
        (None, None) => return None,
    };
    Some(Headers {
        states: slots.states,
        current,
        older,
    })
}

/// An error where the file is no creel file at all or one of a later format; else nothing, and
/// the slots are to be reported one by one.
pub(super) fn refuse_foreign(slots: &Slots, path: &Path, source: &Source<'_>) -> Result<()> {
    for state in &slots.states {
        if let SlotState::Unsupported(what) = state {
            let reason = what.clone();
            return Err(Error::NotADatabase {
                path: path.to_owned(),
                reason,
            });
        }
    }
    match slots.current(path) {
        Err(Error::NotADatabase { .. }) if has_log_region(source)? => Ok(()),
        Err(Error::NotADatabase { path, reason }) => Err(Error::NotADatabase { path, reason }),
        _ => Ok(()),
    }
}

/// True where a log region stands at one of the places where the first one of a fresh file does:
/// the file is ours although its header zone is gone.
fn has_log_region(source: &Source<'_>) -> Result<bool> {
    for at in [16384, 32768, 65536] {
        let bytes = source.read_bytes(at, 8, "read the file")?;
        if bytes.is_some_and(|b| b == *b"CRELWAL1") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reports slots that cannot be used. Returns true where there is one beside a usable header.
pub(super) fn report_slots(states: &[SlotState; 2], usable: bool, findings: &mut Findings) -> bool {
    findings.count(Invariant::H1, 2);
    findings.count(Invariant::H2, 2);
    let mut any = false;
    for (i, state) in states.iter().enumerate() {
        let name = if i == 0 { 'A' } else { 'B' };
        let Some((id, text)) = slot_problem(state) else {
            if *state == SlotState::Blank && !usable {
                findings.damage(slot_finding(
                    i,
                    Invariant::H1,
                    format!("slot {name}: blank"),
                ));
            }
            continue;
        };
        any = true;
        // A checksum that fails is wear or an unfinished write; a whole header whose fields
        // contradict each other was written like that.
        let weight = if usable && id == Invariant::H1 {
            Weight::Recoverable
        } else {
            Weight::Damage
        };
        findings.add(weight, slot_finding(i, id, format!("slot {name}: {text}")));
    }
    any && usable
}

fn slot_finding(slot: usize, id: Invariant, text: String) -> super::report::Finding {
    let offset = SLOT_OFFSETS.get(slot).copied().unwrap_or(0);
    finding(id, text).at(offset, SLOT_SIZE as u64)
}

fn slot_problem(state: &SlotState) -> Option<(Invariant, String)> {
    match state {
        SlotState::Damaged(c) => Some((c.id, c.detail.clone())),
        SlotState::Unsupported(what) => Some((Invariant::H8, what.clone())),
        SlotState::Blank | SlotState::Valid(..) => None,
    }
}

/// Checks the chosen header against the older one and against the file.
pub(super) fn check(headers: &Headers, source: &Source<'_>, findings: &mut Findings) -> Result<()> {
    use Invariant::*;
    let header = &headers.current.header;
    // Fields of one slot: `Header::decode` has refused what breaks these.
    for id in [H8, H9, H10, W1] {
        findings.count(id, 1);
    }
    let blank = headers.states.iter().position(|s| *s == SlotState::Blank);
    findings.count(H4, 1);
    if let (Some(slot), true) = (blank, header.generation != 1) {
        let text = format!(
            "the slot is blank although the other one has generation {}",
            header.generation
        );
        findings.add(Weight::Recoverable, slot_finding(slot, H4, text));
    }
    if let Some(older) = &headers.older {
        check_pair(&headers.current, older, findings);
    }
    check_length(header, source, findings);
    check_zone(header, source, findings)
}

fn check_pair(newer: &Current, older: &Current, findings: &mut Findings) {
    use Invariant::*;
    for id in [H3, H5, H6] {
        findings.count(id, 1);
    }
    let slot = newer.header.slot();
    let mut bad = |id, text: String| findings.damage(slot_finding(slot, id, text));
    let (n, o) = (&newer.header, &older.header);
    if (n.page_shift, n.lineage_id, n.file_id) != (o.page_shift, o.lineage_id, o.file_id) {
        bad(H3, "the two headers belong to different files".into());
    }
    if n.generation != o.generation.saturating_add(1) {
        bad(
            H4,
            format!("generations {} and {}", o.generation, n.generation),
        );
    }
    if n.prev_header_crc != older.crc {
        let text = format!(
            "names {:08x} as the checksum of the header before, which is {:08x}",
            n.prev_header_crc, older.crc
        );
        bad(H5, text);
    }
    // A replica may be taken back to before an epoch that then begins elsewhere.
    let epoch_start = match n.epoch > o.epoch || n.role == Role::Replica {
        true => o.epoch_start_index.min(n.epoch_start_index),
        false => o.epoch_start_index,
    };
    // Nor does its checkpoint stay where it was.
    let checkpoint = match is_rewound(o, n) {
        true => o.checkpoint_index.min(n.checkpoint_index),
        false => o.checkpoint_index,
    };
    let pairs = [
        ("checkpoint index", checkpoint, n.checkpoint_index),
        ("epoch", u64::from(o.epoch), u64::from(n.epoch)),
        ("epoch start", epoch_start, n.epoch_start_index),
        (
            "archive start",
            o.archive_first_index,
            n.archive_first_index,
        ),
        ("first kept tree", o.trees_from, n.trees_from),
    ];
    for (name, before, after) in pairs {
        if after < before {
            bad(H6, format!("{name} went back from {before} to {after}"));
        }
    }
}

/// True where the newer header took a replica back: both log regions were begun anew behind it.
fn is_rewound(older: &Header, newer: &Header) -> bool {
    let last = older.regions.iter().map(|r| r.region_seq).max();
    let anew = |region: &crate::format::header::RegionSlot| {
        Some(region.region_seq) > last && region.first_index == newer.checkpoint_index + 1
    };
    newer.role == Role::Replica && newer.regions.iter().all(anew)
}

fn check_length(header: &Header, source: &Source<'_>, findings: &mut Findings) {
    findings.count(Invariant::H7, 1);
    let page_size = header.page_size() as u64;
    let need = u64::from(header.page_count) * page_size;
    if source.len < need {
        let text = format!("the file has {} bytes, its header says {need}", source.len);
        findings.damage(finding(Invariant::H7, text).at(source.len, need - source.len));
    } else if source.len > need {
        let text = format!(
            "{} bytes after the last page: not part of the database",
            source.len - need
        );
        findings.add(
            Weight::Note,
            finding(Invariant::H7, text).at(need, source.len - need),
        );
    }
}

/// H8: the rest of the header zone is zero.
fn check_zone(header: &Header, source: &Source<'_>, findings: &mut Findings) -> Result<()> {
    findings.count(Invariant::H8, 1);
    let end = u64::from(first_page(header.page_size())) * header.page_size() as u64;
    let [_, b] = SLOT_OFFSETS;
    for (from, to) in [(SLOT_SIZE as u64, b), (b + SLOT_SIZE as u64, end)] {
        let Some(bytes) = source.read_bytes(from, (to - from) as usize, "read the header")? else {
            continue; // H7 has it
        };
        if all_zero(&bytes) {
            continue;
        }
        let first = bytes.iter().position(|&b| b != 0).unwrap_or(0);
        let count = bytes.iter().filter(|&&b| b != 0).count() as u64;
        let text = format!("{count} bytes between the headers are not zero");
        findings.damage(finding(Invariant::H8, text).at(from + first as u64, count));
    }
    source.advance(end)
}

/// H10: the epoch began at an entry that is in the tree or in the log.
pub(super) fn check_epoch_start(
    header: &Header,
    last_index: u64,
    fences: &[(u32, u64)],
    findings: &mut Findings,
) {
    let in_tree = header.epoch_start_index <= header.checkpoint_index.saturating_add(1);
    let in_log = fences.iter().any(|&(epoch, _)| epoch == header.epoch);
    // Between the header of a promotion and its first entry there is nothing in the log yet.
    let next = header.epoch_start_index == last_index.saturating_add(1);
    // A replica's header may be ahead of its log.
    let ahead = header.role == Role::Replica;
    if !in_tree && !in_log && !next && !ahead {
        let text = format!(
            "epoch {} begins at entry {}, which is nowhere",
            header.epoch, header.epoch_start_index
        );
        findings.damage(slot_finding(header.slot(), Invariant::H10, text));
    }
}
