//! Reading the log entry by entry, as copies exchange it.

use std::sync::Arc;
use std::time::Duration;

use super::Db;
use super::archive;
use super::handle::{Inner, lock};
use super::options::SyncMode;
use super::proof::{is_header_proven, is_proven};
use super::since::check_history;
use super::token::Position;
use crate::error::{Error, Result};
use crate::format::checksum::History;
use crate::format::entry::{ENTRY_OVERHEAD, Entry, Point};
use crate::format::frame::{EntryHeader, EntryKind};
use crate::format::pair::pick;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::store::slots;
use crate::wal::scan::{Link, Placed, scan_on};
use crate::wal::{Extent, extents, tail};

#[cfg(test)]
mod tests;

/// Tries to read a log that is begun anew, or written, while it is read.
const ATTEMPTS: u32 = 20;

/// Reads the entries behind a position, oldest first.
#[derive(Debug)]
pub struct LogReader {
    inner: Arc<Inner>,
    at: Point,
    place: Option<Place>,
    /// The entries of bulk steps are given too.
    bulk: bool,
}

/// Where the next entry stands, or will.
#[derive(Debug, Clone, Copy)]
struct Place {
    region: RegionHeader,
    extent: Extent,
    offset: u64,
    link: Link,
    /// Entries of an archived region count only below this offset.
    end: Option<u64>,
}

/// Up to where entries may be handed out.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// The region that takes commits.
    region: RegionHeader,
    offset: u64,
    /// Nothing may be handed out before the header is proven.
    nothing: bool,
    /// The newest entry there is, handed out or not; with its history where a reader is there.
    newest: u64,
    history: Option<History>,
}

impl Db {
    /// A reader of the entries behind a position. [`Error::Diverged`] where the position is not
    /// one of this file's history, [`Error::NotRetained`] where the log does not reach back to it.
    pub fn log_reader(&self, after: &Position) -> Result<LogReader> {
        let inner = &self.inner;
        let newest = inner.newest_point()?;
        if after.index > newest.index {
            let reason = format!(
                "the position has {} entries, this file only {}",
                after.index, newest.index
            );
            return Err(Error::Diverged { reason });
        }
        let at = match after.index == newest.index {
            true => newest,
            false => match inner.point_at(after.index) {
                Err(e @ Error::NotRetained { .. }) => {
                    // Too old to compare, but not to know that it is another history.
                    self.check_epoch(after.epoch, after.index)?;
                    return Err(e);
                }
                found => found?,
            },
        };
        check_history(after, Some(at))?;
        Ok(LogReader {
            inner: Arc::clone(inner),
            at,
            place: None,
            bulk: false,
        })
    }

    /// The history at an entry. [`Error::NotRetained`] where the log does not reach back to it.
    pub fn position_at(&self, index: u64) -> Result<Position> {
        self.position()?; // what others committed counts
        let point = self.inner.point_at(index)?;
        Ok(Position {
            epoch: point.epoch,
            index,
            hash: Some(point.history),
        })
    }

    /// The newest commit, by any process. It may not be durable yet.
    pub fn position(&self) -> Result<Position> {
        let point = self.inner.newest_point()?;
        Ok(Position {
            epoch: point.epoch,
            index: point.index,
            hash: Some(point.history),
        })
    }
}

impl LogReader {
    /// Gives the entries of bulk steps as well, instead of an error. They say that something was
    /// loaded, not what: who takes them needs a snapshot behind them.
    #[must_use]
    pub fn with_bulk(mut self) -> LogReader {
        self.bulk = true;
        self
    }

    /// The position behind the last entry read.
    pub fn position(&self) -> Position {
        Position {
            epoch: self.at.epoch,
            index: self.at.index,
            hash: Some(self.at.history),
        }
    }

    /// The same, as a point.
    pub fn point(&self) -> Point {
        self.at
    }

    /// The next entries, one after the other, whole: so many at most, and so many bytes (but one
    /// entry at least). Only entries that are durable, unless the handle was opened with
    /// [`SyncMode::Off`]. Empty where there is none yet. A bulk step is not in the log: it ends
    /// what comes before it, and then [`Error::NotRetained`] tells of it.
    pub fn read(&mut self, max_entries: usize, max_bytes: usize) -> Result<Vec<u8>> {
        let mut proven = false;
        let mut attempt = 0;
        loop {
            let limit = self.inner.limit(self.at.index)?;
            if limit.newest < self.at.index
                || limit
                    .history
                    .is_some_and(|history| history != self.at.history)
            {
                return Err(self.taken_back());
            }
            if limit.newest == self.at.index {
                return Ok(Vec::new());
            }
            match self.read_upto(&limit, max_entries, max_bytes) {
                Ok(Some(batch)) => return Ok(batch),
                // All that is known to be durable was read: the rest may be, too.
                Ok(None) if !proven => {
                    proven = true;
                    self.inner.try_prove()?;
                }
                Ok(None) => return Ok(Vec::new()),
                // In the middle of somebody's write, or really damaged.
                Err(Error::Corrupt(c)) => {
                    attempt += 1;
                    self.place = None;
                    if attempt >= ATTEMPTS {
                        return Err(c.into());
                    }
                    self.inner.vfs().pause(Duration::from_millis(1));
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn taken_back(&self) -> Error {
        let reason = format!("the log was taken back to before entry {}", self.at.index);
        Error::Diverged { reason }
    }

    /// `None` where nothing below the limit is left.
    fn read_upto(
        &mut self,
        limit: &Limit,
        entries: usize,
        bytes: usize,
    ) -> Result<Option<Vec<u8>>> {
        if limit.nothing {
            return Ok(None);
        }
        for _ in 0..ATTEMPTS {
            let place = match self.place {
                Some(place) => place,
                None => self.find()?,
            };
            let active = &limit.region;
            let at_limit = place.region.region_seq == active.region_seq;
            let upto = match (place.end, place.region.region_seq) {
                _ if at_limit => limit.offset,
                (Some(end), _) => end,
                // Frames behind the place where the next region goes on do not count.
                (None, seq) if seq + 1 == active.region_seq => u64::from(active.prev_end_units) * 8,
                (None, seq) if seq < active.region_seq => {
                    self.place = None; // archived by now, or begun anew
                    continue;
                }
                _ => return Ok(None), // begun since the limit was looked up
            };
            let mut batch = Batch::new(upto, entries, bytes, self.bulk);
            let (file, extent) = (self.inner.file.as_ref(), place.extent);
            let region = &place.region;
            let mut visit = |placed: &Placed, payload: &[u8]| batch.take(placed, payload);
            let scanned = scan_on(file, extent, region, place.offset, place.link, &mut visit);
            let still_there = self.inner.stands(&place)?;
            if !still_there {
                self.place = None;
                continue;
            }
            match scanned {
                Ok(_) | Err(Error::Interrupted) => {}
                Err(e) => return Err(e),
            }
            if batch.out.is_empty() {
                if let Some(index) = batch.bulk {
                    return Err(Error::NotRetained {
                        index: self.at.index,
                        oldest: index,
                    });
                }
                if at_limit {
                    return Ok(None);
                }
                self.place = Some(self.next_region(&place)?);
                continue;
            }
            if batch.before != Some(self.at.history) {
                return Err(self.taken_back());
            }
            self.place = Some(batch.end(place));
            self.at = batch.point(self.at);
            return Ok(Some(batch.out));
        }
        let busy = std::io::ErrorKind::ResourceBusy.into();
        Err(Error::io_at("read the log of", &self.inner.path, busy))
    }

    /// Looks for the entry behind the position.
    fn find(&self) -> Result<Place> {
        let inner = &self.inner;
        let file = inner.file.as_ref();
        let header = slots::read(file)?.current(&inner.path)?.header;
        let regions = tail::read_regions(file, &header)?;
        let places = extents(&header);
        let next = self.at.index + 1;
        let mut best: Option<(RegionHeader, Extent)> = None;
        let mut oldest = u64::MAX;
        for number in [0, 1] {
            let Some(region) = pick(&regions, number) else {
                continue;
            };
            oldest = oldest.min(region.first_index);
            let newer = best.is_none_or(|(b, _)| b.region_seq < region.region_seq);
            if region.first_index <= next && newer {
                best = Some((region, pick(&places, number)));
            }
        }
        let start = match best {
            Some((region, extent)) => Place::start(region, extent),
            None => match self.find_archived(next, &mut oldest)? {
                Some(start) => start,
                None => return Err(self.missing(oldest)),
            },
        };
        let (region, extent) = (start.region, start.extent);
        let mut place = start;
        let mut visit = |placed: &Placed, _: &[u8]| {
            if placed.header.entry.index >= next {
                return Err(Error::Interrupted); // only ends the scan
            }
            place = place.behind(placed);
            Ok(())
        };
        match scan_on(file, extent, &region, start.offset, start.link, &mut visit) {
            Ok(_) | Err(Error::Interrupted) => {}
            Err(e) => return Err(e),
        }
        // An incarnation without entries is left where a region was given another place.
        if place.link.next_index != next {
            return Err(self.missing(oldest));
        }
        Ok(place)
    }

    fn missing(&self, oldest: u64) -> Error {
        Error::NotRetained {
            index: self.at.index,
            oldest: oldest.saturating_sub(1),
        }
    }

    /// The archived part of the log that has this entry; `oldest` becomes the first entry there is.
    fn find_archived(&self, next: u64, oldest: &mut u64) -> Result<Option<Place>> {
        let inner = &self.inner;
        let tree = Arc::clone(&inner.view.load().tree);
        let page_size = tree.header().page_size();
        let list = archive::records(&tree)?;
        *oldest = list.first().map_or(*oldest, |first| first.first_index);
        let record = list
            .iter()
            .find(|r| (r.first_index..=r.last_index).contains(&next));
        let Some(record) = record else {
            let newest = slots::read(inner.file.as_ref())?.current(&inner.path)?;
            if newest.header.generation == tree.header().generation {
                return Ok(None);
            }
            // Somebody has archived it just now.
            inner.refresh(&mut lock(&inner.log), false)?;
            return self.find_archived(next, oldest);
        };
        let region = archive::region_of(inner.file.as_ref(), record, page_size)?;
        let extent = archive::extent_of(record, page_size);
        Ok(region.map(|region| Place {
            end: Some(record.end),
            ..Place::start(region, extent)
        }))
    }

    /// The beginning of the region that goes on where this one ends.
    fn next_region(&self, place: &Place) -> Result<Place> {
        let inner = &self.inner;
        let header = slots::read(inner.file.as_ref())?
            .current(&inner.path)?
            .header;
        let regions = tail::read_regions(inner.file.as_ref(), &header)?;
        let places = extents(&header);
        for number in [0, 1] {
            let Some(region) = pick(&regions, number) else {
                continue;
            };
            let follows = region.region_seq > place.region.region_seq
                && region.first_index == self.at.index + 1
                && region.prev_crc == place.link.prev_crc
                && region.history == self.at.history;
            if follows {
                return Ok(Place::start(region, pick(&places, number)));
            }
        }
        self.find()
    }
}

impl Place {
    fn start(region: RegionHeader, extent: Extent) -> Place {
        Place {
            extent,
            offset: REGION_HEADER_SIZE as u64,
            link: Link {
                next_index: region.first_index,
                prev_crc: region.prev_crc,
                epoch: region.epoch,
            },
            region,
            end: None,
        }
    }

    fn behind(self, placed: &Placed) -> Place {
        Place {
            offset: placed.offset + placed.header.frame_len(),
            link: Link {
                next_index: placed.header.entry.index + 1,
                prev_crc: placed.header.header_crc,
                epoch: placed.header.entry.epoch,
            },
            ..self
        }
    }
}

/// Entries being gathered.
struct Batch {
    out: Vec<u8>,
    upto: u64,
    entries: usize,
    bytes: usize,
    /// The last entry taken, and where it begins in `out`.
    last: Option<(Placed, usize)>,
    bulk: Option<u64>,
    with_bulk: bool,
    /// History before the first entry taken.
    before: Option<History>,
}

impl Batch {
    fn new(upto: u64, entries: usize, bytes: usize, with_bulk: bool) -> Batch {
        Batch {
            out: Vec::new(),
            upto,
            entries: entries.max(1),
            bytes,
            last: None,
            bulk: None,
            with_bulk,
            before: None,
        }
    }

    fn take(&mut self, placed: &Placed, payload: &[u8]) -> Result<()> {
        let entry = &placed.header.entry;
        let full =
            !self.out.is_empty() && self.out.len() + ENTRY_OVERHEAD + payload.len() > self.bytes;
        let beyond = placed.offset + placed.header.frame_len() > self.upto;
        let ends = entry.kind == EntryKind::Bulk && !self.with_bulk;
        if ends && !beyond {
            self.bulk = Some(entry.index);
        }
        if full || beyond || self.entries == 0 || ends {
            return Err(Error::Interrupted); // only ends the scan
        }
        self.entries -= 1;
        self.before.get_or_insert(entry.history_before);
        self.last = Some((*placed, self.out.len()));
        Entry::push(&mut self.out, entry, payload);
        Ok(())
    }

    fn end(&self, place: Place) -> Place {
        self.last.map_or(place, |(placed, _)| place.behind(&placed))
    }

    fn point(&self, before: Point) -> Point {
        let Some((placed, at)) = self.last else {
            return before;
        };
        let entry: &EntryHeader = &placed.header.entry;
        let from = at + ENTRY_OVERHEAD - 4;
        let payload = self.out.get(from..from + entry.payload_len as usize);
        Point {
            index: entry.index,
            epoch: entry.epoch,
            history: entry.history_after(payload.unwrap_or(&[])),
        }
    }
}

impl Inner {
    /// `reader`: where a reader is.
    fn limit(&self, reader: u64) -> Result<Limit> {
        let mut log = lock(&self.log);
        if !log.writing && self.changed(&log) {
            self.refresh(&mut log, false)?;
        }
        let newest = log.tail.last_index();
        let history = match newest == reader {
            true => Some(self.history(&mut log)?),
            false => None,
        };
        let all = self.options.sync == SyncMode::Off || is_proven(&log, newest);
        Ok(Limit {
            region: log.tail.region,
            offset: if all { log.tail.end } else { log.tail.proven },
            nothing: !all && !is_header_proven(&log),
            newest,
            history,
        })
    }

    /// True while a region is still the incarnation that was read.
    fn stands(&self, place: &Place) -> Result<bool> {
        let mut bytes = [0u8; REGION_HEADER_SIZE];
        let got = self.file.read_at(&mut bytes, place.extent.start);
        let got = got.map_err(|e| Error::io("read the log", e))?;
        Ok(got == bytes.len() && RegionHeader::decode(&bytes) == Some(place.region))
    }
}
