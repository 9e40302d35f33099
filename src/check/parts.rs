//! The archived parts of the log, read from end to end: by several threads where there is much to
//! read. What a part is depends on no other, so they are read in any order and judged in theirs.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, available_parallelism, scope};

use super::source::Source;
use crate::error::{Corruption, Error, Result};
use crate::format::checksum::History;
use crate::format::local::ArchiveRecord;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::wal::Extent;
use crate::wal::scan::{Link, scan};

/// Threads at most: more do not make a device faster.
const THREADS_MAX: usize = 4;
/// Bytes of parts from which on a second thread is worth its start.
const MUCH: u64 = 16 << 20;
/// Bytes that are read before the others are told.
const TELL: u64 = 64 << 10;

/// A part that begins as its record says.
pub(super) struct Part {
    /// History before its first entry, as the part says.
    pub before: History,
    /// What was found behind that.
    pub entries: std::result::Result<Entries, Corruption>,
}

/// The entries of a part.
pub(super) struct Entries {
    pub count: u64,
    pub next_index: u64,
    /// Offset behind the last one.
    pub end: u64,
    /// The first one that names another history than the one that led to it.
    pub unlinked: Option<u64>,
    /// Behind the last one.
    pub history: History,
}

/// Reads them all; `None` for one that begins otherwise than its record says. An error means that
/// they could not be read.
pub(super) fn read_all(
    records: &[ArchiveRecord],
    source: &Source<'_>,
) -> Result<Vec<Option<Part>>> {
    let bytes = records.iter().map(|r| r.end).fold(0, u64::saturating_add);
    let threads = match available_parallelism() {
        Ok(cores) if bytes >= MUCH => cores.get().min(THREADS_MAX),
        _ => 1,
    };
    let slots: Vec<OnceLock<_>> = records.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(record), Some(slot)) = (records.get(at), slots.get(at)) else {
                return;
            };
            let part = read(record, source);
            if part.is_err() {
                // Nothing more is begun. All before this one are, and come to their end.
                next.store(records.len(), Ordering::Relaxed);
            }
            let _ = slot.set(part);
        }
    };
    scope(|scope| {
        for _ in 1..threads {
            let named = Builder::new().name("check".to_owned());
            if named.spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let parts = slots.into_iter().map(OnceLock::into_inner);
    parts
        .map(|part| part.unwrap_or(Err(Error::Interrupted)))
        .collect()
}

fn read(record: &ArchiveRecord, source: &Source<'_>) -> Result<Option<Part>> {
    let page_size = source.page_size as u64;
    let start = u64::from(record.start_page) * page_size;
    let fits = record.end <= u64::from(record.pages) * page_size
        && start
            .checked_add(record.end)
            .is_some_and(|end| end <= source.len);
    let bytes = source.read_bytes(start, REGION_HEADER_SIZE, "read the archived log")?;
    let region = bytes.filter(|_| fits).and_then(|bytes| {
        let region = RegionHeader::decode(bytes.first_chunk::<REGION_HEADER_SIZE>()?)?;
        let right =
            region.region_seq == record.region_seq && region.first_index == record.first_index;
        right.then_some(region)
    });
    let Some(region) = region else {
        return Ok(None);
    };
    let extent = Extent {
        start,
        len: record.end,
    };
    let entries = match read_entries(extent, &region, source) {
        Ok(entries) => Ok(entries),
        Err(Error::Corrupt(c)) => Err(c),
        Err(e) => return Err(e),
    };
    Ok(Some(Part {
        before: region.history,
        entries,
    }))
}

fn read_entries(extent: Extent, region: &RegionHeader, source: &Source<'_>) -> Result<Entries> {
    let link = Link {
        next_index: region.first_index,
        prev_crc: region.prev_crc,
        epoch: region.epoch,
    };
    let (mut history, mut count, mut unlinked, mut untold) = (region.history, 0, None, 0);
    let end = scan(
        source.file.as_ref(),
        extent,
        region,
        REGION_HEADER_SIZE as u64,
        link,
        &mut |placed, payload| {
            let entry = &placed.header.entry;
            if entry.history_before != history {
                unlinked = unlinked.or(Some(entry.index));
            }
            history = entry.history_after(payload);
            count += 1;
            untold += placed.header.frame_len();
            if untold < TELL {
                return Ok(());
            }
            source.advance(std::mem::take(&mut untold))
        },
    )?;
    source.advance(untold)?;
    Ok(Entries {
        count,
        next_index: end.link.next_index,
        end: end.end,
        unlinked,
        history,
    })
}
