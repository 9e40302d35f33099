//! Following the chain from any point of the log.

use crate::chain::chain::{Chain, Located};
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::object::{Damage, Facts, Segment};
use crate::chain::pace::Pace;
use crate::chain::protocol::{Reader, ReaderStep};
use crate::format::entry::{Entries, Point};

/// A reader of the chain.
#[derive(Debug)]
pub struct ReadRun {
    chain: Chain,
    machine: Reader<Facts>,
    /// The log that the caller has: entries up to here are left out.
    own: Point,
    /// Read already, because the machine decides first.
    kept: Option<Segment>,
    /// The one behind it.
    ahead: Option<Segment>,
    /// What a call that failed was about to do.
    pending: Option<ReaderStep<Facts>>,
}

/// Where a reader begins.
#[derive(Debug)]
pub enum Start {
    /// The chain goes on from the point.
    Reading(Box<ReadRun>),
    /// The chain ends before the point: the caller has entries that are not published (yet, or on
    /// this history). The point where the chain ends, and its last number.
    Ahead(Point, u64),
}

/// A segment that continues the caller's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The segment.
    pub facts: Facts,
    segment: Segment,
    skip: usize,
}

impl Delivered {
    /// The entries that the caller does not have yet.
    pub fn entries(&self) -> &[u8] {
        self.segment.body().get(self.skip..).unwrap_or_default()
    }
}

impl ReadRun {
    /// Begins behind `own`. `hint` is the number that was read last, or below which nothing is kept.
    pub fn start(chain: &Chain, own: Point, hint: u64, pace: &mut dyn Pace) -> ChainResult<Start> {
        let number = match chain.locate(own.index, hint, pace)? {
            Located::At(number) => number,
            Located::BelowFloor(_) if hint > 1 => return ReadRun::start(chain, own, 1, pace),
            Located::BelowFloor(found) => return Err(ChainError::Gap { wanted: 0, found }),
            Located::Beyond(None) => return Ok(Start::Ahead(chain.start(), 0)),
            Located::Beyond(Some(tail)) => return Ok(Start::Ahead(tail.after, tail.number)),
        };
        let before = match chain.segment(number, pace)? {
            // The next one, or removed a moment ago, which the reader's listing will tell.
            None => {
                let before = match number {
                    0 | 1 => Some(chain.start()),
                    // Its header does not have the history that it ends with.
                    _ => chain.segment(number - 1, pace)?.map(|s| s.facts.after),
                };
                let other = before.filter(|p| p.index == own.index && p.history != own.history);
                if other.is_some() {
                    let (number, index) = (number - 1, own.index);
                    return Err(ChainError::OffChain { number, index });
                }
                own
            }
            Some(segment) => match point_in(&segment, own.index) {
                Some(point) if point.history == own.history => segment.facts.before,
                Some(_) | None => {
                    return Err(ChainError::OffChain {
                        number,
                        index: own.index,
                    });
                }
            },
        };
        Ok(Start::Reading(Box::new(ReadRun {
            chain: chain.clone(),
            machine: Reader::new(number, before),
            own,
            kept: None,
            ahead: None,
            pending: None,
        })))
    }

    /// The number that comes next.
    pub fn number(&self) -> u64 {
        self.machine.next()
    }

    /// The log that was delivered.
    pub fn point(&self) -> Point {
        self.own
    }

    /// The same where somebody is told that nothing is missing: [`None`] only where a listing says
    /// so. A segment that was removed reads like one that is not there yet.
    pub fn next_or_certain_end(&mut self, pace: &mut dyn Pace) -> ChainResult<Option<Delivered>> {
        match self.next(pace)? {
            Some(delivered) => Ok(Some(delivered)),
            None if self.machine.listed_end() => Ok(None),
            None => {
                self.slept();
                self.next(pace)
            }
        }
    }

    /// For who polls: learns the newest floor, so that each segment at the end costs one read more, and
    /// no listing.
    pub fn learn_floors(&mut self, pace: &mut dyn Pace) -> ChainResult<()> {
        match self.chain.newest_floor(pace) {
            Ok((count, number)) => {
                self.machine.knows_floor(count, number);
                Ok(())
            }
            // Then a listing tells what it would have.
            Err(ChainError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Call after a pause of half a minute or more.
    pub fn slept(&mut self) {
        self.machine.slept();
    }

    /// The next segment; [`None`] at the end of the chain.
    pub fn next(&mut self, pace: &mut dyn Pace) -> ChainResult<Option<Delivered>> {
        let nothing = || ChainError::Refused("the reader has ended".to_owned());
        let resumed = self.pending.take().or_else(|| self.machine.poll());
        let mut step = resumed.ok_or_else(nothing)?;
        loop {
            // Where a request fails, the next call makes it again.
            self.pending = Some(step);
            if pace.stopped() {
                return Err(ChainError::Interrupted);
            }
            let wanted = self.machine.next();
            let next = match step {
                ReaderStep::List(after) => {
                    let first = self.chain.first_after(after, pace)?;
                    self.machine.listed(first)
                }
                ReaderStep::Read(number) => {
                    let found = self.chain.segment(number, pace);
                    match (found, number == wanted) {
                        (Err(error @ ChainError::Damaged { .. }), false) => {
                            let Some(step) = self.machine.unreadable() else {
                                return Err(error);
                            };
                            Some(step)
                        }
                        (found, here) => {
                            let found = found?;
                            let facts = found.as_ref().map(|segment| segment.facts);
                            match here {
                                true => self.kept = found,
                                false => self.ahead = found,
                            }
                            self.machine.found(facts)
                        }
                    }
                }
                ReaderStep::Floor(n) => match self.chain.floor(n, pace) {
                    Err(ChainError::Damaged { .. }) => self.machine.without_floors(),
                    found => self.machine.floor(found?),
                },
                ReaderStep::Floors => match self.chain.newest_floor(pace) {
                    Err(ChainError::Damaged { .. }) => self.machine.without_floors(),
                    found => {
                        let (count, number) = found?;
                        self.machine.knows_floor(count, number)
                    }
                },
                ReaderStep::Deliver(facts) => {
                    self.pending = None;
                    return self.deliver(facts).map(Some);
                }
                ReaderStep::AtEnd => {
                    self.pending = None;
                    return Ok(None);
                }
                ReaderStep::Gap(found) => {
                    // Where the next one stands, and nothing behind it, the hole begins there.
                    let stands = self.kept.as_ref().is_some_and(|s| s.facts.number == wanted);
                    let wanted = wanted + u64::from(stands && found > wanted + 1);
                    return Err(ChainError::Gap { wanted, found });
                }
                ReaderStep::OffChain(facts) => {
                    return Err(ChainError::OffChain {
                        number: facts.number,
                        index: self.own.index,
                    });
                }
            };
            step = next.ok_or_else(nothing)?;
        }
    }

    fn deliver(&mut self, facts: Facts) -> ChainResult<Delivered> {
        let kept = self.kept.take().filter(|segment| segment.facts == facts);
        let Some(segment) = kept else {
            return Err(ChainError::Refused(
                "a segment that was not read".to_owned(),
            ));
        };
        let skip = match self.own.index > facts.before.index {
            true => offset_behind(&segment, self.own.index)
                .ok_or_else(|| damaged(facts.number, "an entry is missing"))?,
            false => 0,
        };
        self.own = facts.after;
        self.kept = self.ahead.take();
        Ok(Delivered {
            facts,
            segment,
            skip,
        })
    }
}

/// The log after an index inside a segment, or right before it.
pub(super) fn point_in(segment: &Segment, index: u64) -> Option<Point> {
    let before = segment.facts.before;
    if before.index == index {
        return Some(before);
    }
    let mut entries = Entries::new(segment.body(), before);
    while entries.point().index < index {
        entries.next()?.ok()?;
    }
    Some(entries.point())
}

/// Where the entries behind an index begin.
fn offset_behind(segment: &Segment, index: u64) -> Option<usize> {
    let mut entries = Entries::new(segment.body(), segment.facts.before);
    while entries.point().index < index {
        entries.next()?.ok()?;
    }
    Some(segment.body().len() - entries.rest().len())
}

fn damaged(number: u64, text: &str) -> ChainError {
    ChainError::damaged(Name::Segment(number), Damage::new(text))
}
