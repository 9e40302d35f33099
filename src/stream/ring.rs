//! The newest entries in memory, shared by all senders.

use std::collections::VecDeque;
use std::sync::Arc;

use super::source::Batch;
use crate::format::entry::{Entry, Point};

/// What a sender finds behind its position.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Entries.
    Batch(Batch),
    /// None yet.
    AtHead,
    /// They are no longer here: the log has them.
    Behind,
}

#[derive(Debug)]
struct Piece {
    first: u64,
    end: Point,
    bytes: Arc<Vec<u8>>,
}

/// Entries in a row, the oldest thrown away as new ones come.
#[derive(Debug)]
pub struct Ring {
    pieces: VecDeque<Piece>,
    /// The log before the oldest entry here.
    start: Point,
    end: Point,
    bytes: usize,
    bytes_max: usize,
}

impl Ring {
    /// Empty, behind `at`.
    pub fn new(at: Point, bytes_max: usize) -> Ring {
        Ring {
            pieces: VecDeque::new(),
            start: at,
            end: at,
            bytes: 0,
            bytes_max,
        }
    }

    /// The log after the newest entry.
    pub fn end(&self) -> Point {
        self.end
    }

    /// Bytes that may be held.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds entries that follow the newest ones. A batch that does not fit alone is not kept, nor
    /// is what was before it: senders read it from the log.
    pub fn push(&mut self, batch: Batch) {
        let len = batch.bytes.len();
        self.pieces.push_back(Piece {
            first: self.end.index + 1,
            end: batch.end,
            bytes: Arc::new(batch.bytes),
        });
        self.bytes += len;
        self.end = batch.end;
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.pieces.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes.len();
            self.start = oldest.end;
        }
    }

    /// Bytes of the entries behind `after`, where all of them are here.
    pub fn bytes_behind(&self, after: u64) -> Option<u64> {
        if after < self.start.index {
            return None;
        }
        let from = self
            .pieces
            .partition_point(|piece| piece.end.index <= after);
        let mut pieces = self.pieces.iter().skip(from);
        let first = pieces
            .next()
            .map_or(0, |piece| behind(&piece.bytes, piece.first, after).len());
        let rest = pieces.map(|piece| piece.bytes.len()).sum::<usize>();
        Some((first + rest) as u64)
    }

    /// Entries behind `after`, at most about `max_bytes` of them.
    pub fn read(&self, after: u64, max_bytes: usize) -> Found {
        if after < self.start.index {
            return Found::Behind;
        }
        let mut bytes = Vec::new();
        let mut end = self.end;
        let from = self
            .pieces
            .partition_point(|piece| piece.end.index <= after);
        for piece in self.pieces.iter().skip(from) {
            let part = behind(&piece.bytes, piece.first, after);
            if !bytes.is_empty() && bytes.len() + part.len() > max_bytes {
                break;
            }
            bytes.extend_from_slice(part);
            end = piece.end;
        }
        if bytes.is_empty() {
            return Found::AtHead;
        }
        Found::Batch(Batch { bytes, end })
    }
}

/// The entries of a piece behind `after`; `first` is the index of its first one.
fn behind(bytes: &[u8], first: u64, after: u64) -> &[u8] {
    let mut rest = bytes;
    for _ in first..=after {
        match Entry::split(rest) {
            Ok(Some((_, behind))) => rest = behind,
            _ => return &[],
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::{EntryHeader, EntryKind};

    fn point(index: u64) -> Point {
        Point {
            index,
            epoch: 1,
            history: [index as u8; 16],
        }
    }

    fn batch(first: u64, last: u64) -> Batch {
        let mut bytes = Vec::new();
        for index in first..=last {
            let header = EntryHeader {
                payload_len: 8,
                kind: EntryKind::Note,
                index,
                epoch: 1,
                op_count: 0,
                time_us: index,
                history_before: point(index - 1).history,
            };
            Entry::push(&mut bytes, &header, &index.to_le_bytes());
        }
        Batch {
            bytes,
            end: point(last),
        }
    }

    fn indexes(found: &Found) -> Vec<u64> {
        let Found::Batch(batch) = found else {
            return Vec::new();
        };
        let mut rest = batch.bytes.as_slice();
        let mut indexes = Vec::new();
        while let Ok(Some((entry, behind))) = Entry::split(rest) {
            indexes.push(entry.header.index);
            rest = behind;
        }
        assert_eq!(indexes.last(), Some(&batch.end.index));
        indexes
    }

    #[test]
    fn gives_every_entry_once_from_any_position() {
        let mut ring = Ring::new(point(10), 1 << 20);
        ring.push(batch(11, 13));
        ring.push(batch(14, 14));
        ring.push(batch(15, 19));
        for after in 10..19 {
            let found = ring.read(after, 1 << 20);
            assert_eq!(indexes(&found), (after + 1..=19).collect::<Vec<_>>());
            // Each has 48 bytes before its 8 and 4 behind them.
            assert_eq!(ring.bytes_behind(after), Some((19 - after) * 60));
        }
        assert_eq!(ring.bytes_behind(19), Some(0));
        assert_eq!(ring.bytes_behind(9), None);
        assert_eq!(ring.read(19, 1 << 20), Found::AtHead);
        assert_eq!(ring.read(9, 1 << 20), Found::Behind);
        // A small limit still gives a whole piece.
        assert_eq!(indexes(&ring.read(11, 1)), [12, 13]);
    }

    /// A1: a ring that overflows loses nothing, it says that it no longer has it.
    #[test]
    fn an_overflow_is_told() {
        let one = batch(11, 11).bytes.len();
        let mut ring = Ring::new(point(10), 5 * one);
        for index in 11..=100 {
            ring.push(batch(index, index));
            assert!(ring.bytes() <= 5 * one);
        }
        assert_eq!(ring.read(94, 1 << 20), Found::Behind);
        assert_eq!(indexes(&ring.read(95, 1 << 20)), [96, 97, 98, 99, 100]);
        // One that is larger than the ring.
        ring.push(batch(101, 110));
        assert_eq!(ring.bytes(), 0);
        assert_eq!(ring.read(100, 1 << 20), Found::Behind);
        assert_eq!(ring.read(110, 1 << 20), Found::AtHead);
    }
}
