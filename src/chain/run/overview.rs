//! How a store stands, seen from nothing but the store.

use crate::chain::chain::{Chain, Located};
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::{Hex, Name, prefix};
use crate::chain::object::{
    Catalogue, Facts, HoldDoc, ProgressDoc, RetentionRow, SEGMENT_HEADER_SIZE, Segment,
};
use crate::chain::pace::{Pace, repeat};
use crate::format::entry::{Entries, Point};

/// Segments whose sizes are asked for to tell how far somebody is behind: each is a request.
const SIZES: u64 = 2000;
/// Damaged objects at the end that are named; nobody writes behind one.
const MOST_DAMAGED: usize = 16;

/// How far an index is behind the end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behind {
    /// Entries.
    pub entries: u64,
    /// Bytes of the segments that have them; [`None`] where these are too many to be asked for.
    pub bytes: Option<u64>,
    /// When the first of them was committed; [`None`] where none is missing.
    pub since_us: Option<u64>,
    /// The chain does not reach back so far.
    pub below_floor: bool,
    /// The first segment with entries behind it that is there.
    pub from: u64,
    /// What the chain has at the index itself, where that is known.
    pub point: Option<Point>,
}

impl Behind {
    /// Whether a copy has the history of the chain; [`None`] where that is not known.
    pub fn is_same(&self, history: &[u8; 16]) -> Option<bool> {
        self.point.map(|point| point.history == *history)
    }
}

/// A node that says how it stands.
#[derive(Debug, Clone)]
pub struct NodeView {
    /// What it says.
    pub said: ProgressDoc,
    /// What it lacks.
    pub behind: Behind,
    /// Why the log is not kept for it, where it is not.
    pub dropped: Option<String>,
}

/// A hold.
#[derive(Debug, Clone)]
pub struct HoldView {
    /// What it asks for.
    pub said: HoldDoc,
    /// What it keeps.
    pub behind: Behind,
    /// Why it does not count, where it does not.
    pub dropped: Option<String>,
}

/// An object at the end of the log that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedEnd {
    /// The object.
    pub object: String,
    /// What is wrong, and what its header says.
    pub detail: String,
}

/// How a store stands.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The newest catalogue.
    pub catalogue: Option<Catalogue>,
    /// What is to be kept.
    pub retention: RetentionRow,
    /// The first segment that is there.
    pub first: Option<u64>,
    /// The newest segment.
    pub tail: Option<Facts>,
    /// When its last entry was committed.
    pub tail_us: Option<u64>,
    /// Objects behind that which are no segments of this chain, or not any more: nobody can publish.
    pub damaged_end: Vec<DamagedEnd>,
    /// All nodes.
    pub nodes: Vec<NodeView>,
    /// All holds.
    pub holds: Vec<HoldView>,
}

impl Chain {
    /// Looks at everything that is not log or snapshot, and at the ends of the log.
    pub fn overview(&self, now_us: u64, pace: &mut dyn Pace) -> ChainResult<Overview> {
        let (whole, damaged_end) = self.whole(pace)?;
        let mut overview = whole.overview_of(now_us, pace)?;
        overview.damaged_end = damaged_end;
        Ok(overview)
    }

    /// The chain up to its newest segment that can be read, and what stands behind that.
    fn whole(&self, pace: &mut dyn Pace) -> ChainResult<(Chain, Vec<DamagedEnd>)> {
        let mut chain = self.clone();
        let mut damaged = Vec::new();
        loop {
            let (name, damage) = match chain.tail(0, pace) {
                Ok(_) => return Ok((chain, damaged)),
                Err(ChainError::Damaged { name, damage }) if !damage.newer => (name, damage),
                Err(error) => return Err(error),
            };
            let number = match name.parse() {
                Ok(Name::Segment(number)) if damaged.len() < MOST_DAMAGED => number,
                _ => return Err(ChainError::Damaged { name, damage }),
            };
            let claims = self.claims(number, pace)?;
            damaged.push(DamagedEnd {
                detail: format!("the log ends with it, and it is damaged: {damage}; {claims}"),
                object: name,
            });
            chain = chain.upto(number.saturating_sub(1));
        }
    }

    /// What is known of a segment that cannot be read: whether it may have begun an epoch.
    fn claims(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<String> {
        let catalogue = self.catalogue(pace)?.map(|(catalogue, _)| catalogue);
        let mut epochs = catalogue.iter().flat_map(|catalogue| &catalogue.epochs);
        if let Some(row) = epochs.find(|row| row.number == number) {
            return Ok(format!("epoch {} began with it: it must stay", row.epoch));
        }
        let name = Name::Segment(number).to_string();
        let header = repeat(pace, "reading the header of a segment", || {
            self.store().get_range(&name, 0, SEGMENT_HEADER_SIZE as u64)
        })?;
        let Some(Ok((facts, lineage))) = header.map(|bytes| Segment::peek(&bytes)) else {
            return Ok("its header does not tell whether an epoch began with it".to_owned());
        };
        Ok(match facts.fence {
            _ if lineage != self.lineage() => {
                format!("it belongs to the lineage {}", Hex(&lineage))
            }
            _ if facts.number != number => format!("it is a copy of segment {}", facts.number),
            true => format!("epoch {} began with it: it must stay", facts.epoch),
            false => format!(
                "{} wrote it in epoch {}, and no epoch began with it",
                Hex(&facts.node),
                facts.epoch
            ),
        })
    }

    fn overview_of(&self, now_us: u64, pace: &mut dyn Pace) -> ChainResult<Overview> {
        let catalogue = self.catalogue(pace)?.map(|(catalogue, _)| catalogue);
        let retention = catalogue.as_ref().map(|catalogue| RetentionRow {
            hold_max_bytes: Some(catalogue.node_max_bytes()),
            ..catalogue.retention
        });
        let retention = retention.unwrap_or_default();
        let hint = catalogue.as_ref().map_or(0, |catalogue| catalogue.tail);
        let tail = self.tail(hint, pace)?;
        let tail_us = tail.as_ref().and_then(|segment| {
            let entries = Entries::new(segment.body(), segment.facts.before);
            entries
                .map_while(Result::ok)
                .last()
                .map(|e| e.header.time_us)
        });
        let tail = tail.map(|segment| segment.facts);
        let number = tail.as_ref().map_or(0, |facts| facts.number);
        let held = self.holds(&retention, now_us, number, pace)?;
        let dropped = |by: &str| {
            let mut held = held.iter().filter(|held| held.by == by);
            held.next().and_then(|held| held.dropped.clone())
        };
        let mut overview = Overview {
            first: self.first_after(0, pace)?,
            catalogue,
            retention,
            tail,
            tail_us,
            damaged_end: Vec::new(),
            nodes: Vec::new(),
            holds: Vec::new(),
        };
        for mut said in self.progress(pace)? {
            if let Some(tail) = overview.tail.as_ref() {
                wrote(&mut said, tail, overview.tail_us);
            }
            overview.nodes.push(NodeView {
                behind: self.behind(said.durable.index, said.number, pace)?,
                dropped: dropped(&Name::Progress(said.node).to_string()),
                said,
            });
        }
        for said in self.hold_documents(pace)? {
            overview.holds.push(HoldView {
                behind: self.behind(said.index, 0, pace)?,
                dropped: dropped(&format!("{}{}.json", prefix::HOLD, said.name)),
                said,
            });
        }
        Ok(overview)
    }

    /// What the chain has behind an index. `hint` is a segment that may be near.
    pub fn behind(&self, index: u64, hint: u64, pace: &mut dyn Pace) -> ChainResult<Behind> {
        let Some(tail) = self.tail(hint, pace)?.map(|segment| segment.facts) else {
            return Ok(Behind {
                bytes: Some(0),
                point: Some(self.start()).filter(|start| start.index == index),
                ..Behind::default()
            });
        };
        let mut behind = Behind {
            entries: tail.after.index.saturating_sub(index),
            bytes: Some(0),
            point: Some(tail.after).filter(|after| after.index == index),
            ..Behind::default()
        };
        let from = match self.locate(index, hint, pace)? {
            Located::At(number) => number,
            Located::BelowFloor(number) => {
                behind.below_floor = true;
                number
            }
            Located::Beyond(_) => return Ok(behind),
        };
        behind.from = from;
        if from > tail.number {
            return Ok(behind);
        }
        behind.bytes = match tail.number - from < SIZES {
            true => Some(self.log_bytes(from, tail.number, u64::MAX, pace)?),
            false => None,
        };
        if let Some(segment) = self.segment(from, pace)? {
            let mut entries = Entries::new(segment.body(), segment.facts.before);
            loop {
                if entries.point().index == index {
                    behind.point = Some(entries.point());
                }
                match entries.next() {
                    Some(Ok(entry)) if entry.header.index <= index => {}
                    Some(Ok(entry)) => {
                        behind.since_us = Some(entry.header.time_us);
                        break;
                    }
                    _ => break,
                }
            }
        }
        Ok(behind)
    }
}

/// Whoever wrote the newest segment has what is in it, whether or not it has said so since: one that
/// publishes with each write only says nothing of itself.
fn wrote(said: &mut ProgressDoc, tail: &Facts, tail_us: Option<u64>) {
    if said.node != tail.node || said.durable.index >= tail.after.index {
        return;
    }
    said.durable = tail.after.into();
    said.number = tail.number;
    said.before = None; // of another moment: how fast it is does not follow from it
    if let Some(time_us) = tail_us {
        said.time_us = said.time_us.max(time_us);
        said.moved_us = said.moved_us.max(time_us);
    }
}
