//! A log in memory that checks everything itself, as source and as copy.

use std::collections::HashMap;

use creel::format::entry::{Entries, Entry, Point};
use creel::format::frame::EntryKind;
use creel::stream::source::{Batch, Head, Refusal, SinkError};

use crate::samples::{LINEAGE, entry, start};

/// A log from its first entry.
#[derive(Debug, Clone)]
pub struct Log {
    entries: Vec<Vec<u8>>,
    points: Vec<Point>,
    /// Positions before this one cannot be read from.
    pub floor: u64,
    /// Sum over the payloads: the "data" that goes with the position.
    pub sum: u64,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            entries: Vec::new(),
            points: vec![start()],
            floor: 0,
            sum: 0,
        }
    }
}

fn weight(entry: &Entry<'_>) -> u64 {
    let payload = entry.payload();
    let sum = payload.iter().fold(7u64, |sum, b| {
        sum.wrapping_mul(31).wrapping_add((*b).into())
    });
    sum ^ entry.header.index
}

impl Log {
    pub fn head(&self) -> Point {
        *self.points.last().unwrap()
    }

    pub fn at(&self, index: u64) -> Option<&Point> {
        self.points.get(index as usize)
    }

    pub fn bytes_of(&self, index: u64) -> Option<&[u8]> {
        let entry = self.entries.get((index as usize).checked_sub(1)?)?;
        Some(entry)
    }

    pub fn write(&mut self, kind: EntryKind, epoch: u32, payload: &[u8]) -> Point {
        let (bytes, after) = entry(&self.head(), kind, epoch, payload);
        self.take(&bytes);
        assert_eq!(self.head(), after);
        after
    }

    /// Appends an entry that was made elsewhere for this very place.
    pub fn take(&mut self, bytes: &[u8]) {
        let (entry, rest) = Entry::split(bytes).unwrap().unwrap();
        assert!(rest.is_empty());
        self.sum = self.sum.wrapping_add(weight(&entry));
        self.points.push(entry.point());
        self.entries.push(bytes.to_vec());
    }

    /// The entries behind `after`, up to `upto`.
    pub fn between(&self, after: u64, upto: u64) -> Vec<u8> {
        let range = after as usize..(upto as usize).max(after as usize);
        self.entries.get(range).unwrap_or_default().concat()
    }

    /// Takes back everything behind an index.
    pub fn truncate(&mut self, index: u64) {
        let whole = self.between(0, index);
        let floor = self.floor;
        *self = Log::from_snapshot(&whole).expect("the log links");
        self.floor = floor.min(index);
    }

    /// What a log is after its file was read from the start: it ends before the first entry that is
    /// not whole or does not link.
    pub fn recover(bytes: &[u8]) -> Log {
        let mut log = Log::default();
        let mut rest = bytes;
        while let Ok(Some((entry, behind))) = Entry::split(rest) {
            if entry.follows(&log.head()).is_err() {
                break;
            }
            log.take(entry.bytes());
            rest = behind;
        }
        log
    }

    /// Changes a bit of a stored entry.
    pub fn rot(&mut self, index: u64, byte: usize, bit: u8) {
        let entry = &mut self.entries[index as usize - 1];
        let at = byte % entry.len();
        entry[at] ^= 1 << bit;
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// As a replica takes entries: all or nothing, those that it has are passed over.
    pub fn apply(&mut self, bytes: &[u8]) -> Result<Point, SinkError> {
        let damaged = |reason: &str| SinkError::Damaged {
            reason: reason.to_owned(),
        };
        let first = Entry::split(bytes).map_err(|e| damaged(&e.to_string()))?;
        let (first, _) = first.ok_or_else(|| damaged("cut off"))?;
        let before = first.header.index - 1;
        let Some(before) = self.at(before).copied() else {
            return Err(damaged("a gap"));
        };
        let diverged = |index| SinkError::Diverged {
            reason: format!("another entry {index}"),
        };
        if before.history != first.header.history_before {
            return Err(diverged(before.index));
        }
        let mut new = Vec::new();
        let mut entries = Entries::new(bytes, before);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|e| damaged(&e.to_string()))?;
            if entry.header.kind == EntryKind::Bulk {
                return Err(SinkError::NeedsSnapshot {
                    reason: "a bulk load".to_owned(),
                });
            }
            match self.at(entry.header.index) {
                Some(own) if *own != entries.point() => return Err(diverged(own.index)),
                Some(_) => {}
                None => new.push(entry.bytes().to_vec()),
            }
        }
        new.iter().for_each(|bytes| self.take(bytes));
        Ok(self.head())
    }

    pub fn position_head(&self) -> Head {
        Head {
            point: self.head(),
            published: 0,
            floor: self.floor,
        }
    }

    /// Can the log be read behind this position?
    pub fn check(&self, after: &Point) -> Result<(), Refusal> {
        match self.at(after.index) {
            Some(own) if own == after => {}
            Some(_) => {
                return Err(Refusal::Diverged { ancestor: 0 });
            }
            // Written in an epoch that ended before: never part of this history.
            None if after.epoch < self.head().epoch => {
                return Err(Refusal::Diverged { ancestor: 0 });
            }
            None => return Err(Refusal::Behind),
        }
        if after.index < self.floor {
            return Err(Refusal::NotRetained {
                oldest: self.floor,
                reason: "thrown away".to_owned(),
            });
        }
        Ok(())
    }

    /// Entries behind a position that was checked.
    pub fn read(&self, after: u64, max_entries: usize) -> Result<Option<Batch>, Refusal> {
        if after < self.floor {
            return Err(Refusal::NotRetained {
                oldest: self.floor,
                reason: "thrown away".to_owned(),
            });
        }
        let rest = self.entries.get(after as usize..).unwrap_or_default();
        let mut bytes = Vec::new();
        let mut end = self.points[(after as usize).min(self.points.len() - 1)];
        for entry in rest.iter().take(max_entries) {
            let Ok(Some((parsed, _))) = Entry::split(entry) else {
                if bytes.is_empty() {
                    let reason = "damaged".to_owned();
                    return Err(Refusal::Unavailable { reason });
                }
                break;
            };
            if parsed.header.kind == EntryKind::Bulk {
                if bytes.is_empty() {
                    return Err(Refusal::NotRetained {
                        oldest: parsed.header.index,
                        reason: "a bulk load".to_owned(),
                    });
                }
                break;
            }
            bytes.extend_from_slice(entry);
            end = self.points[parsed.header.index as usize];
        }
        Ok((!bytes.is_empty()).then_some(Batch { bytes, end }))
    }

    /// The whole log as a file would be copied.
    pub fn snapshot(&self) -> Vec<u8> {
        self.entries.concat()
    }

    pub fn from_snapshot(bytes: &[u8]) -> Option<Log> {
        let mut log = Log::default();
        let mut rest = bytes;
        while let Some((entry, behind)) = Entry::split(rest).ok()? {
            entry.follows(&log.head()).ok()?;
            log.take(entry.bytes());
            rest = behind;
        }
        log.floor = log.head().index;
        rest.is_empty().then_some(log)
    }

    /// Recomputed from nothing: what the position says must be what the data is.
    pub fn check_whole(&self) {
        let again = Log::from_snapshot(&self.snapshot()).expect("the log links");
        assert_eq!(again.head(), self.head());
        assert_eq!(again.sum, self.sum, "data and position");
    }

    pub fn lineage() -> [u8; 16] {
        LINEAGE
    }
}

/// All entries that any primary ever wrote, by the history after them.
#[derive(Debug, Default)]
pub struct Written(HashMap<[u8; 16], Vec<u8>>);

impl Written {
    pub fn note(&mut self, log: &Log) {
        let head = log.head();
        self.note_entry(head.history, log.bytes_of(head.index).unwrap());
    }

    pub fn note_entry(&mut self, history: [u8; 16], bytes: &[u8]) {
        // What a power cut took may be written once more, as it was.
        let other = self.0.insert(history, bytes.to_vec());
        assert!(
            other.is_none_or(|other| other == bytes),
            "two entries of one history"
        );
    }

    /// These are the bytes that were written for this commit.
    pub fn is(&self, point: &Point, bytes: Option<&[u8]>) -> bool {
        let written = self.0.get(&point.history);
        written.is_some() && written.map(Vec::as_slice) == bytes
    }

    /// An entry of a copy is byte for byte one that a primary wrote.
    pub fn check(&self, log: &Log, from: u64) {
        for index in from + 1..=log.head().index {
            let history = log.at(index).unwrap().history;
            let written = self.0.get(&history).expect("an entry that nobody wrote");
            assert_eq!(Some(written.as_slice()), log.bytes_of(index));
        }
    }
}
