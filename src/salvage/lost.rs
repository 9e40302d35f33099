//! Ranges of keys that are lost: in order, joined where they touch, bounded in memory.

use crate::error::Corruption;
use crate::format::key::{keyspace_end, keyspace_start};

/// Bytes of keys that are kept; beyond that, ranges are joined over what lies between them.
const MAX_BYTES: usize = 64 << 20;

/// Full keys from `from` up to `to` are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub from: Vec<u8>,
    /// `None`: no end.
    pub to: Option<Vec<u8>>,
    /// Entries, where every page that is missing was counted.
    pub entries: Option<u64>,
    pub recovered: u64,
    pub cause: Corruption,
    pub places: u64,
}

impl Range {
    fn has_end_before(&self, key: &[u8]) -> bool {
        self.to.as_deref().is_some_and(|to| to < key)
    }

    /// True where the key lies inside.
    pub fn has(&self, key: &[u8]) -> bool {
        self.from.as_slice() <= key && self.to.as_deref().is_none_or(|to| key < to)
    }
}

/// Lost ranges by rising key.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    ranges: Vec<Range>,
    bytes: usize,
}

impl Lost {
    /// Adds a range. They come in rising order; one that reaches back is cut.
    pub fn push(&mut self, mut range: Range) {
        if let Some(last) = self.ranges.last_mut() {
            let touches = !last.has_end_before(&range.from);
            if touches || self.bytes > MAX_BYTES {
                return join(last, range);
            }
        }
        if range.to.as_ref().is_some_and(|to| *to <= range.from) {
            range.to = Some([range.from.as_slice(), &[0]].concat());
        }
        self.bytes += range.from.len() + range.to.as_ref().map_or(0, Vec::len) + 128;
        self.ranges.push(range);
    }

    /// Counts an entry that was found all the same in the newest range.
    pub fn count_recovered(&mut self) {
        if let Some(last) = self.ranges.last_mut() {
            last.recovered += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Leaves out ranges that are known to hold nothing.
    pub fn drop_where(&mut self, known_empty: impl Fn(&Range) -> bool) {
        self.ranges.retain(|range| !known_empty(range));
    }

    /// The ranges that hold something between two full keys, the second one included.
    pub fn overlapping(&self, first: &[u8], last: &[u8]) -> &[Range] {
        let after = |r: &Range| r.to.as_deref().is_some_and(|to| to <= first);
        let start = self.ranges.partition_point(after);
        let rest = self.ranges.get(start..).unwrap_or(&[]);
        let count = rest.partition_point(|r| r.from.as_slice() <= last);
        rest.get(..count).unwrap_or(&[])
    }

    /// True where something of keyspace `id` is lost.
    pub fn touches_keyspace(&self, id: u32) -> bool {
        let (first, end) = (keyspace_start(id), keyspace_end(id));
        let after = |r: &Range| r.to.as_ref().is_some_and(|to| *to <= first);
        let start = self.ranges.partition_point(after);
        let next = self.ranges.get(start);
        next.is_some_and(|r| end.is_empty() || r.from < end)
    }
}

fn join(last: &mut Range, next: Range) {
    last.to = match (last.to.take(), next.to) {
        (Some(a), Some(b)) => Some(a.max(b)),
        _ => None,
    };
    last.entries = last
        .entries
        .zip(next.entries)
        .map(|(a, b)| a.saturating_add(b));
    last.recovered += next.recovered;
    last.places += next.places;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Invariant;

    fn range(from: &str, to: Option<&str>, entries: Option<u64>) -> Range {
        Range {
            from: from.into(),
            to: to.map(|t| t.as_bytes().to_vec()),
            entries,
            recovered: 0,
            cause: Corruption::new(Invariant::P1, "x"),
            places: 1,
        }
    }

    #[test]
    fn neighbours_are_joined_and_others_are_found_by_key() {
        let mut lost = Lost::default();
        lost.push(range("b", Some("d"), Some(3)));
        lost.push(range("d", Some("f"), Some(4)));
        lost.push(range("k", Some("k"), Some(1)));
        lost.push(range("p", None, None));
        let ends: Vec<_> = lost.ranges().iter().map(|r| r.from.as_slice()).collect();
        assert_eq!(ends, [b"b", b"k", b"p"]);
        assert_eq!(
            (lost.ranges()[0].entries, lost.ranges()[0].places),
            (Some(7), 2)
        );
        assert!(lost.ranges()[1].has(b"k") && !lost.ranges()[1].has(b"k\0"));
        assert_eq!(lost.overlapping(b"f", b"j").len(), 0);
        assert_eq!(lost.overlapping(b"e", b"k").len(), 2);
        assert_eq!(lost.overlapping(b"a", b"z").len(), 3);
        assert_eq!(lost.overlapping(b"q", b"q").len(), 1);
    }

    #[test]
    fn a_loss_belongs_to_its_keyspaces() {
        let mut lost = Lost::default();
        lost.push(Range {
            from: vec![0, 0, 0, 1, 7],
            to: Some(vec![0, 0, 0, 3]),
            ..range("", None, None)
        });
        let touched: Vec<bool> = (0..4).map(|id| lost.touches_keyspace(id)).collect();
        assert_eq!(touched, [false, true, true, false]);
    }
}
