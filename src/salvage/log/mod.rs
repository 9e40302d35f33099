//! The log: as far as opening the file would go, or, where it is damaged, as far as entries can
//! be proven to follow each other.

mod end;
mod raw;

use std::sync::Arc;

pub(super) use raw::{RawEntry, RawLog, chain, collect};

use super::moment::Moment;
use super::report::{LostCommits, SalvageOptions};
use crate::check::source::Source;
use crate::delta::Delta;
use crate::error::{Error, Result};
use crate::format::checksum::History;
use crate::format::frame::EntryKind;
use crate::format::header::Header;
use crate::format::op::Ops;
use crate::format::region::RegionHeader;
use crate::wal::{Extent, tail};

/// How often a log that another process may be writing is looked at before it counts as damaged.
const ATTEMPTS: u32 = 4;

/// A position that the log reaches without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub index: u64,
    pub history: History,
    pub epoch: u32,
}

impl Position {
    pub fn of_tree(header: &Header) -> Position {
        Position {
            index: header.checkpoint_index,
            history: header.history,
            epoch: header.epoch,
        }
    }
}

/// What the log adds to a tree.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub delta: Arc<Delta>,
    /// Opening the file would accept it as it is.
    pub whole: bool,
    /// Commits applied.
    pub applied: u64,
    /// Commits applied with a gap before them.
    pub out_of_order: Vec<RawEntry>,
    /// How far it reaches without a gap; `None` without a header.
    pub end: Option<Position>,
    pub lost: Vec<LostCommits>,
    /// A bulk load that was durable and is in no tree that a header names.
    pub missing_bulk: Option<RawEntry>,
    pub doubts: Vec<String>,
    pub notes: Vec<String>,
}

/// Reads the log above the checkpoint of `header`.
pub(super) fn read(moment: &Moment<'_>, header: &Header, options: &SalvageOptions) -> Result<Log> {
    for attempt in 1..=ATTEMPTS {
        let gate = moment.locks.gate();
        match as_open_does(moment, header) {
            Ok(Some(log)) => return note_leftovers(moment, header, options, log),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Ok(None) | Err(_) => {}
        }
        drop(gate);
        // A frame seen half written looks like damage once another one follows.
        options
            .vfs
            .pause(std::time::Duration::from_millis(u64::from(attempt)));
    }
    one_by_one(moment, header, Position::of_tree(header), options)
}

/// Behind the end there may be whole commits: left by a group that was never finished, or by
/// writers that did not sync, whose end nobody vouches for. Opening the file drops them too.
fn note_leftovers(
    moment: &Moment<'_>,
    header: &Header,
    options: &SalvageOptions,
    mut log: Log,
) -> Result<Log> {
    let last = log.end.map_or(header.checkpoint_index, |end| end.index);
    let raw = all_entries(&moment.source, header)?;
    let left = raw
        .entries
        .iter()
        .filter(|e| e.header.kind != EntryKind::Bulk);
    let left = left.filter(|e| e.index() > last).count();
    if left == 0 {
        return Ok(log);
    }
    if options.prefer_newest {
        return one_by_one(moment, header, Position::of_tree(header), options);
    }
    log.notes.push(format!(
        "{left} commits stand behind the end of the log, which nothing promised to be durable: dropped, as open does; --prefer newest applies them"
    ));
    Ok(log)
}

/// Entry by entry, from `start` on.
pub(super) fn one_by_one(
    moment: &Moment<'_>,
    header: &Header,
    start: Position,
    options: &SalvageOptions,
) -> Result<Log> {
    let source = &moment.source;
    let regions = regions_of(source, header);
    let raw = collect(source, &raw::places(header, &regions), 0)?;
    let links = chain(&raw.entries, start.index, start.history);
    let mut log = follow(source, &raw, &links, start, options)?;
    let is_unfinished = log.missing_bulk.is_some_and(|bulk| {
        bulk.index() == raw.evidence
            && !moment.has_lost_slot()
            && generations_ahead(&raw, header.generation) == 0
    });
    if is_unfinished {
        log.missing_bulk = None;
        log.lost.clear();
        log.notes
            .push("a bulk load that never finished was dropped as a whole".into());
    }
    let position = log.end.unwrap_or(start);
    if !end::is_proven(source, header, &regions, &raw, position)? && log.lost.is_empty() {
        log.doubts.push(format!(
            "the log is damaged where it ends: whether commits after index {} are missing cannot be told",
            position.index
        ));
    }
    Ok(log)
}

/// All entries of the log of a header.
pub(super) fn all_entries(source: &Source<'_>, header: &Header) -> Result<RawLog> {
    collect(source, &raw::places(header, &regions_of(source, header)), 0)
}

/// Region headers that can be used, whatever became of the other one.
fn regions_of(source: &Source<'_>, header: &Header) -> [Option<RegionHeader>; 2] {
    let [a, b] = crate::wal::extents(header);
    let read = |extent: Extent, number| {
        let found = tail::read_region(source.file.as_ref(), header, extent, number);
        found.ok().flatten()
    };
    [read(a, 0), read(b, 1)]
}

/// W8: by how many generations the newest header that the log knew is newer than this one.
pub(super) fn generations_ahead(raw: &RawLog, generation: u64) -> u32 {
    let ahead = |promised: &u32| promised.wrapping_sub(generation as u32);
    let all = raw.generations.iter().map(ahead);
    all.filter(|&ahead| ahead < u32::MAX / 2).max().unwrap_or(0)
}

/// The way of `open`: `None` where it would refuse.
fn as_open_does(moment: &Moment<'_>, header: &Header) -> Result<Option<Log>> {
    let file = moment.source.file.as_ref();
    let delta = Delta::new();
    let mut applied = 0;
    let (tail, replay) = tail::load(file, header, &mut |placed, payload| {
        moment.source.advance(placed.header.frame_len())?;
        applied += 1;
        apply(&delta, &placed.header.entry, payload)
    })?;
    let ahead = tail.durable_gen.wrapping_sub(header.generation as u32);
    let header_lost = ahead != 0 && ahead < u32::MAX / 2;
    if replay.bulk_dropped && (header_lost || moment.has_lost_slot()) {
        return Ok(None);
    }
    let mut notes = Vec::new();
    if replay.bulk_dropped {
        notes.push("a bulk load that never finished was dropped as a whole".to_owned());
    }
    if replay.torn_bytes > 0 {
        notes.push("an unfinished commit at the end of the log was dropped, as open does".into());
    }
    if header_lost {
        notes.push("the newest header is lost; the log makes up for it".to_owned());
    }
    let end = Position {
        index: tail.last_index(),
        history: tail::history(file, header, &tail)?,
        epoch: tail.link.epoch,
    };
    Ok(Some(Log {
        delta: Arc::new(delta),
        whole: true,
        applied,
        end: Some(end),
        notes,
        ..Log::default()
    }))
}

fn apply(delta: &Delta, entry: &crate::format::frame::EntryHeader, payload: &[u8]) -> Result<()> {
    if !entry.kind.has_operations() {
        return Ok(());
    }
    let mut ops = Ops::new(payload, entry.op_count);
    let mut writer = delta.writer();
    loop {
        match ops.next_op() {
            Ok(Some(op)) => writer.apply(entry.index, &op, 0),
            Ok(None) => return Ok(()),
            Err(()) => {
                let text = format!("log entry {} does not decode", entry.index);
                return Err(Error::corrupt(crate::format::Invariant::W4, text));
            }
        }
    }
}

/// Applies an entry that was found before, reading it again.
pub(super) fn apply_raw(source: &Source<'_>, delta: &Delta, entry: &RawEntry) -> Result<()> {
    let mut frame = Vec::new();
    source.read_what_is_there(entry.at, entry.frame_len() as usize, &mut frame)?;
    source.advance(entry.frame_len())?;
    match raw::payload_of(&frame, entry.header) {
        Some(payload) => apply(delta, &entry.header, payload),
        None => Err(changed()),
    }
}

/// The file is not what it was a moment ago.
pub(super) fn changed() -> Error {
    let kind = std::io::ErrorKind::ResourceBusy;
    Error::io(
        "read the file the same way twice (a writer or a failing disk changes it)",
        kind.into(),
    )
}

/// Applies the entries at `links`, up to a bulk load, and says what becomes of the others.
pub(super) fn follow(
    source: &Source<'_>,
    raw: &RawLog,
    links: &[usize],
    start: Position,
    options: &SalvageOptions,
) -> Result<Log> {
    let delta = Delta::new();
    let mut log = Log::default();
    let mut end = start;
    for entry in links.iter().filter_map(|&i| raw.entries.get(i)) {
        if entry.header.kind == EntryKind::Bulk {
            log.missing_bulk = Some(*entry);
            break;
        }
        apply_raw(source, &delta, entry)?;
        log.applied += 1;
        end = Position {
            index: entry.index(),
            history: entry.history_after,
            epoch: entry.header.epoch,
        };
    }
    log.end = Some(end);
    log.lost = lost_after(raw, end.index);
    if raw.cut_short {
        let text = "part of the log is built to be slow to read and was passed over";
        log.doubts.push(text.into());
    }
    if options.prefer_newest {
        apply_rest(source, raw, end, &delta, &mut log)?;
    }
    log.delta = Arc::new(delta);
    Ok(log)
}

/// Entries after a gap, in order of their index.
fn apply_rest(
    source: &Source<'_>,
    raw: &RawLog,
    end: Position,
    delta: &Delta,
    log: &mut Log,
) -> Result<()> {
    let first = raw.entries.partition_point(|e| e.index() <= end.index);
    let mut rest = raw.entries.get(first..).unwrap_or(&[]);
    let mut history = end.history;
    while let Some(entry) = rest.first() {
        let count = rest
            .iter()
            .take_while(|e| e.index() == entry.index())
            .count();
        let (same, after) = rest.split_at(count);
        rest = after;
        let linked = same.iter().find(|e| e.header.history_before == history);
        let entry = linked.unwrap_or(entry);
        history = entry.history_after;
        if entry.header.kind == EntryKind::Bulk {
            continue;
        }
        apply_raw(source, delta, entry)?;
        log.applied += 1;
        log.out_of_order.push(*entry);
    }
    log.lost.retain(|commits| !commits.readable);
    if !log.out_of_order.is_empty() {
        log.doubts.push(format!(
            "{} commits were applied although commits before them are missing: what they do not touch may be stale, what they touch may be out of order",
            log.out_of_order.len()
        ));
    }
    Ok(())
}

/// What is known of commits after `end`, in runs.
fn lost_after(raw: &RawLog, end: u64) -> Vec<LostCommits> {
    let mut runs: Vec<LostCommits> = Vec::new();
    let mut push = |from: u64, to: u64, readable: bool| match runs.last_mut() {
        _ if from > to => {}
        Some(last) if last.readable == readable && last.to + 1 == from => last.to = to,
        _ => runs.push(LostCommits { from, to, readable }),
    };
    let mut next = end + 1;
    let first = raw.entries.partition_point(|e| e.index() <= end);
    for entry in raw.entries.get(first..).unwrap_or(&[]) {
        if entry.index() < next {
            continue; // a second one with this index
        }
        push(next, entry.index() - 1, false);
        push(
            entry.index(),
            entry.index(),
            entry.header.kind != EntryKind::Bulk,
        );
        next = entry.index() + 1;
    }
    push(next, raw.evidence, false);
    runs
}
