//! Which snapshot and which segments lead to a moment.

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::object::{Segment, SnapshotRow};
use crate::chain::pace::Pace;
use crate::chain::run::read::point_in;
use crate::format::entry::{Entries, Point};

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
        })
    }

    /// The commit that the plan ends with.
    pub fn end_of(&self, plan: &RestorePlan, pace: &mut dyn Pace) -> ChainResult<Point> {
        let start = plan.snapshot.at;
        let upto = plan.upto.unwrap_or(plan.tail_index);
        if upto <= start.index {
            return Ok(start.into());
        }
        // The first segment that reaches so far is the only one that has to be read whole.
        let (mut low, mut high) = (plan.number, plan.tail);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.there(middle, pace)?.facts.after.index >= upto {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        let missing = || ChainError::Missing(format!("entry {upto}"));
        point_in(&self.there(low, pace)?, upto).ok_or_else(missing)
    }

    fn there(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<Segment> {
        let missing = || ChainError::Missing(format!("segment {number}"));
        self.segment(number, pace)?.ok_or_else(missing)
    }

    /// The last entry that is not younger than a time. Times in the log only rise.
    fn index_at(
        &self,
        snapshot: &SnapshotRow,
        time_us: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<u64> {
        let tail = self
            .tail(snapshot.number, pace)?
            .map_or(0, |segment| segment.facts.number);
        // The last segment that begins in time is the only one that has to be read whole.
        let (mut low, mut high) = (snapshot.number, tail + 1);
        let mut index = snapshot.at.index;
        while low < high {
            let middle = low + (high - low) / 2;
            let segment = self.there(middle, pace)?;
            match last_until(&segment, time_us) {
                Some(found) => {
                    index = index.max(found);
                    low = middle + 1;
                }
                None => high = middle,
            }
        }
        Ok(index)
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
