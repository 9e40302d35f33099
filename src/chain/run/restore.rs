//! Which snapshot and which segments lead to a moment.

use std::ops::RangeInclusive;

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::object::{Facts, SEGMENT_HEADER_SIZE, Segment, SnapshotRow};
use crate::chain::pace::{Pace, repeat};
use crate::chain::run::read::point_in;
use crate::format::entry::{Entries, Entry, Point};

/// Bytes of a segment that have its first entry, unless that is a large one.
const FIRST_ENTRY: u64 = 64 << 10;

/// A moment of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreTo {
    /// The end of the chain.
    Newest,
    /// With this entry and none behind it.
    Index(u64),
    /// With the last entry that is not younger: microseconds since 1970.
    Time(u64),
}

/// What a restore reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePlan {
    /// The snapshot that it begins with.
    pub snapshot: SnapshotRow,
    /// The first segment behind it.
    pub number: u64,
    /// The last entry; [`None`] is the end of the chain.
    pub upto: Option<u64>,
    /// The last segment of the chain.
    pub tail: u64,
    /// The last entry of the chain.
    pub tail_index: u64,
    /// The oldest moment that there is a snapshot for: its last entry, and when that was made.
    pub oldest: (u64, u64),
}

impl Chain {
    /// The newest snapshot that is not behind the moment, and where to stop.
    pub fn plan_restore(&self, to: RestoreTo, pace: &mut dyn Pace) -> ChainResult<RestorePlan> {
        let snapshots = self.snapshots(pace)?;
        let before = |row: &&SnapshotRow| match to {
            RestoreTo::Newest => true,
            RestoreTo::Index(index) => row.at.index <= index,
            RestoreTo::Time(time_us) => row.entry_time_us <= time_us,
        };
        let Some(snapshot) = snapshots.iter().rev().find(before) else {
            return Err(ChainError::Missing(match snapshots.first() {
                None => "a snapshot".to_owned(),
                Some(first) => format!(
                    "a snapshot that old (the oldest is of entry {})",
                    first.at.index
                ),
            }));
        };
        let oldest = snapshots.first().unwrap_or(snapshot);
        let tail = self
            .tail(snapshot.number, pace)?
            .map(|segment| segment.facts);
        let tail_index = tail.map_or(self.start().index, |facts| facts.after.index);
        let upto = match to {
            RestoreTo::Newest => None,
            RestoreTo::Index(index) if index > tail_index.max(snapshot.at.index) => {
                return Err(ChainError::Missing(format!(
                    "entry {index} (the chain ends at {tail_index})"
                )));
            }
            RestoreTo::Index(index) => Some(index),
            RestoreTo::Time(time_us) => Some(self.index_at(snapshot, time_us, pace)?),
        };
        Ok(RestorePlan {
            snapshot: snapshot.clone(),
            number: snapshot.number,
            upto,
            tail: tail.map_or(0, |facts| facts.number),
            tail_index,
            oldest: (oldest.at.index, oldest.entry_time_us),
        })
    }

    /// The commit that the plan ends with.
    pub fn end_of(&self, plan: &RestorePlan, pace: &mut dyn Pace) -> ChainResult<Point> {
        let start = plan.snapshot.at;
        let upto = plan.upto.unwrap_or(plan.tail_index);
        if upto <= start.index {
            return Ok(start.into());
        }
        let begins = |facts: &Facts, _: &mut dyn Pace| Ok(facts.before.index < upto);
        let missing = || ChainError::Missing(format!("entry {upto}"));
        let number = self.last_that(plan.number..=plan.tail, begins, pace)?;
        let segment = self.there(number.ok_or_else(missing)?, pace)?;
        point_in(&segment, upto).ok_or_else(missing)
    }

    fn there(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<Segment> {
        let missing = || ChainError::Missing(format!("segment {number}"));
        self.segment(number, pace)?.ok_or_else(missing)
    }

    /// The last of these segments for which something is true that is true for all before it. Only their
    /// heads are read.
    fn last_that(
        &self,
        numbers: RangeInclusive<u64>,
        mut is_true: impl FnMut(&Facts, &mut dyn Pace) -> ChainResult<bool>,
        pace: &mut dyn Pace,
    ) -> ChainResult<Option<u64>> {
        let (mut low, mut high) = (*numbers.start(), numbers.end() + 1);
        let mut last = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let missing = || ChainError::Missing(format!("segment {middle}"));
            let facts = self.facts(middle, pace)?.ok_or_else(missing)?;
            if is_true(&facts, pace)? {
                last = Some(middle);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(last)
    }

    /// The last entry that is not younger than a time. Times in the log only rise.
    fn index_at(
        &self,
        snapshot: &SnapshotRow,
        time_us: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<u64> {
        let tail = self.tail(snapshot.number, pace)?;
        let Some(tail) = tail.map(|segment| segment.facts.number) else {
            return Ok(snapshot.at.index);
        };
        let begins = |facts: &Facts, pace: &mut dyn Pace| {
            let first_us = self.first_time(facts.number, pace)?;
            Ok(first_us.is_some_and(|first_us| first_us <= time_us))
        };
        let numbers = snapshot.number..=tail;
        let Some(number) = self.last_that(numbers, begins, pace)? else {
            return Ok(snapshot.at.index);
        };
        let found = last_until(&self.there(number, pace)?, time_us);
        Ok(found.map_or(snapshot.at.index, |found| found.max(snapshot.at.index)))
    }

    /// When the first entry of a segment was committed: nothing is believed without its checksum.
    fn first_time(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<Option<u64>> {
        let name = Name::Segment(number).to_string();
        let bytes = repeat(pace, "reading the first entry of a segment", || {
            let at = SEGMENT_HEADER_SIZE as u64;
            self.store().get_range(&name, at, FIRST_ENTRY)
        })?;
        if let Some(Ok(Some((entry, _)))) = bytes.as_deref().map(Entry::split) {
            return Ok(Some(entry.header.time_us));
        }
        // It is a large one, or damaged.
        let segment = self.there(number, pace)?;
        let first = Entries::new(segment.body(), segment.facts.before).next();
        Ok(first.and_then(Result::ok).map(|entry| entry.header.time_us))
    }
}

/// The last entry of a segment that is not younger than a time.
fn last_until(segment: &Segment, time_us: u64) -> Option<u64> {
    let mut last = None;
    for entry in Entries::new(segment.body(), segment.facts.before) {
        let header = entry.ok()?.header;
        if header.time_us > time_us {
            break;
        }
        last = Some(header.index);
    }
    last
}
