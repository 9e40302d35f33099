//! Publishing: one segment at a time, its bytes kept until the outcome is known.

use crate::chain::chain::{Chain, random_id};
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::object::{Facts, Segment, Writer};
use crate::chain::pace::Pace;
use crate::chain::protocol::{Publisher, PublisherStep, Stop};
use crate::chain::store::{Created, StoreError, StoreErrorKind};
use crate::format::entry::Point;

/// A primary's side of a chain.
#[derive(Debug)]
pub struct PublishRun {
    chain: Chain,
    writer: Writer,
    machine: Publisher<Facts>,
    /// What may have been sent already.
    in_flight: Option<Segment>,
    attempt: u32,
}

/// What the end of the chain means for a primary.
#[derive(Debug)]
pub enum Opened {
    /// The chain ends here; the log behind this point is to be published, if it is that history.
    Ready(Box<PublishRun>),
    /// The chain has entries that the log here lacks; they may be its own, lost in a power cut.
    Ahead(Facts),
}

/// Decides whether a segment of an earlier process of this node has the entries of the log here.
pub type SameEntries<'a> = &'a mut dyn FnMut(&Segment) -> ChainResult<bool>;

impl PublishRun {
    /// Reads the end of the chain. `own` is where the durable log of this primary ends; `hint` is a
    /// number that may be near the end.
    pub fn open(
        chain: &Chain,
        writer: Writer,
        own: Point,
        hint: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<Opened> {
        chain.check_authority()?;
        chain.check_lineage(writer.lineage)?;
        let tail = chain.end(hint, pace)?;
        let (number, point) = match &tail {
            None => (0, chain.start()),
            Some(facts) => (facts.number, facts.after),
        };
        if point.epoch > own.epoch {
            return match tail {
                Some(facts) => Err(ChainError::Fenced(Box::new(facts))),
                None => Err(ChainError::Refused(
                    "the chain begins in a later epoch".to_owned(),
                )),
            };
        }
        if point.epoch < own.epoch {
            return Err(ChainError::Refused(format!(
                "the chain ends in epoch {}, the log here is in epoch {}, which no fence in the chain began",
                point.epoch, own.epoch
            )));
        }
        if let Some(facts) = tail.filter(|_| point.index == own.index && point != own) {
            return Err(ChainError::Foreign(Box::new(facts)));
        }
        if let Some(facts) = tail.filter(|_| point.index > own.index) {
            return Ok(Opened::Ahead(facts));
        }
        let machine = Publisher::new(number, point, own.epoch);
        Ok(Opened::Ready(Box::new(PublishRun {
            chain: chain.clone(),
            writer,
            machine,
            in_flight: None,
            attempt: 0,
        })))
    }

    /// Where the published log ends.
    pub fn point(&self) -> Point {
        self.machine.point()
    }

    /// The number of the newest segment; 0 before the first.
    pub fn number(&self) -> u64 {
        self.machine.next() - 1
    }

    /// True while the outcome of a create is not known.
    pub fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Looks at the next number before anything is written: a fence there is [`ChainError::Fenced`].
    pub fn look(&mut self, pace: &mut dyn Pace) -> ChainResult<()> {
        let found = self.chain.segment(self.machine.next(), pace)?;
        match self.machine.look(found.map(|segment| segment.facts)) {
            None => Ok(()),
            Some(stop) => Err(stopped(stop)),
        }
    }

    /// Publishes entries that follow [`PublishRun::point`]. Where an earlier call was given up, its
    /// segment comes first and these entries are not looked at. Gives the point published up to:
    /// go on from there.
    pub fn publish(
        &mut self,
        body: &[u8],
        same: SameEntries<'_>,
        pace: &mut dyn Pace,
    ) -> ChainResult<Point> {
        if let Some(stop) = self.machine.stopped() {
            return Err(stopped(stop));
        }
        let mut step = match &self.in_flight {
            Some(segment) => PublisherStep::Create(segment.facts),
            None => {
                let (number, before) = (self.machine.next(), self.machine.point());
                let segment = Segment::build(&self.writer, number, random_id()?, before, body)
                    .map_err(|e| ChainError::damaged("the log to publish", e))?;
                let offered = self.machine.offer(segment.facts);
                self.in_flight = Some(segment);
                self.attempt = 0;
                let Some(step) = offered else {
                    self.in_flight = None;
                    return Err(ChainError::Refused(
                        "fences are published by promote only".to_owned(),
                    ));
                };
                step
            }
        };
        loop {
            if pace.stopped() {
                return self.or_unknown(Err(ChainError::Interrupted));
            }
            step = match step {
                PublisherStep::Create(_) => self.create(pace)?,
                PublisherStep::Again(_) => {
                    self.attempt += 1;
                    if !pace.wait(self.attempt) {
                        return Err(gave_up(None));
                    }
                    self.create(pace)?
                }
                PublisherStep::Read(number) => {
                    let found = self.chain.segment(number, pace);
                    // After an error the create is sent again by the next call.
                    let found = self.or_unknown(found)?;
                    next(self.machine.found(found.map(|segment| segment.facts)))?
                }
                PublisherStep::List(after) => {
                    let first = self.chain.first_after(after, pace);
                    let first = self.or_unknown(first)?;
                    next(self.machine.listed(first))?
                }
                PublisherStep::Compare(facts) => {
                    let found = self.chain.segment(facts.number, pace);
                    let found = self.or_unknown(found)?;
                    let equal = match found {
                        Some(found) if found.facts == facts => {
                            let compared = same(&found);
                            self.or_unknown(compared)?
                        }
                        _ => false,
                    };
                    next(self.machine.compared(equal))?
                }
                PublisherStep::Published(facts) => {
                    self.in_flight = None;
                    return Ok(facts.after);
                }
                PublisherStep::Stopped(stop) => {
                    self.in_flight = None;
                    return Err(stopped(stop));
                }
            };
        }
    }

    fn create(&mut self, pace: &mut dyn Pace) -> ChainResult<PublisherStep<Facts>> {
        let Some(segment) = &self.in_flight else {
            return Err(ChainError::Refused("nothing is in flight".to_owned()));
        };
        let name = Name::Segment(segment.facts.number).to_string();
        let answer = self.chain.store().create(&name, segment.bytes());
        let step = match answer {
            Ok(Created::Created) => self.machine.created(),
            Ok(Created::Exists) => self.machine.exists(),
            Err(error) if error.kind == StoreErrorKind::Unreachable => {
                self.attempt += 1;
                if !pace.wait(self.attempt) {
                    return Err(gave_up(Some(error)));
                }
                // The wait is over already.
                return Ok(PublisherStep::Create(segment.facts));
            }
            Err(error) => return Err(error.into()),
        };
        next(step)
    }

    /// A machine that waits for an answer goes back to its create when none comes.
    fn or_unknown<T>(&mut self, read: ChainResult<T>) -> ChainResult<T> {
        if read.is_err()
            && let Some(segment) = &self.in_flight
        {
            self.machine.again();
            self.machine.offer(segment.facts);
        }
        read
    }
}

fn next(step: Option<PublisherStep<Facts>>) -> ChainResult<PublisherStep<Facts>> {
    step.ok_or_else(|| ChainError::Refused("an answer to nothing".to_owned()))
}

fn stopped(stop: Stop<Facts>) -> ChainError {
    match stop {
        Stop::Fenced(by) => ChainError::Fenced(Box::new(by)),
        Stop::Foreign(found) => ChainError::Foreign(Box::new(found)),
    }
}

fn gave_up(last: Option<StoreError>) -> ChainError {
    ChainError::GaveUp {
        doing: "publishing",
        last,
    }
}
