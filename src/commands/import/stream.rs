//! Records that promise to come in key order go straight into a bulk step.

use creel::exchange::read::FaultCode;
use creel::{BulkChange, BulkEnd, BulkSource, Error, KeyRange};

use super::args::Twice;
use super::intake::{Intake, Item, Origin};
use super::step::{self, Step};
use super::target::{Target, Verdict};
use crate::cli::Failure;

/// The records as a source of changes.
pub struct Stream<'s, 'a> {
    intake: &'s mut Intake<'a>,
    step: Step,
    target: Target,
    twice: Twice,
    /// A record that waits until it is known whether the next one has the same key.
    waiting: Held,
    present: Held,
}

/// A record that outlives its block.
#[derive(Debug, Default)]
struct Held {
    filled: bool,
    space: u32,
    key: Vec<u8>,
    value: Vec<u8>,
    is_put: bool,
    from: Origin,
}

impl Held {
    fn set(&mut self, item: &Item<'_>) {
        self.filled = true;
        self.space = item.space;
        self.key.clear();
        self.key.extend_from_slice(item.key);
        self.value.clear();
        self.value.extend_from_slice(item.value);
        self.is_put = item.op == creel::exchange::read::Op::Put;
        self.from = item.from;
    }

    fn value(&self) -> Option<&[u8]> {
        self.is_put.then_some(self.value.as_slice())
    }
}

impl<'s, 'a> Stream<'s, 'a> {
    /// All records of the intake.
    pub fn new(intake: &'s mut Intake<'a>, step: Step, target: Target, twice: Twice) -> Self {
        Stream {
            intake,
            step,
            target,
            twice,
            waiting: Held::default(),
            present: Held::default(),
        }
    }

    /// Puts the next record into `present`; false at the end.
    fn step(&mut self) -> Result<bool, Failure> {
        loop {
            if !self.fetch()? {
                return Ok(false);
            }
            let held = &self.present;
            let name = || self.intake.spaces.name(held.space);
            self.target.know(held.space, name)?;
            match self.target.judge(held.space, &held.key, held.value())? {
                Verdict::Apply => return Ok(true),
                Verdict::Same => {}
                Verdict::Keep => self.intake.tally.kept += 1,
                Verdict::Bad(code) => {
                    let item = (held.space, held.key.as_slice(), held.value());
                    self.intake.refuse(code, item, held.from)?;
                }
            }
        }
    }

    /// The next record whose key does not come again.
    fn fetch(&mut self) -> Result<bool, Failure> {
        loop {
            if !self.intake.advance()? {
                std::mem::swap(&mut self.waiting, &mut self.present);
                self.waiting.filled = false;
                return Ok(self.present.filled);
            }
            let Some(item) = self.intake.item() else {
                continue;
            };
            if item.op.is_range() {
                let (space, from) = (item.space, item.from);
                self.target.know(space, || self.intake.spaces.name(space))?;
                if !self.target.clear(space, item.op, item.key, item.value)? {
                    let item = (space, item.key.to_vec());
                    self.intake
                        .refuse(FaultCode::LateRange, (item.0, &item.1, None), from)?;
                }
                continue;
            }
            if self.waiting.filled
                && self.waiting.space == item.space
                && self.waiting.key == item.key
            {
                self.again()?;
                continue;
            }
            std::mem::swap(&mut self.waiting, &mut self.present);
            self.waiting.set(&item);
            if self.present.filled {
                return Ok(true);
            }
        }
    }

    /// The record that waits has the key of the one that was just read.
    fn again(&mut self) -> Result<(), Failure> {
        let Some(item) = self.intake.item() else {
            return Ok(());
        };
        match self.twice {
            Twice::Last => {
                self.waiting.set(&item);
                self.intake.tally.superseded += 1;
                Ok(())
            }
            Twice::First => {
                self.intake.tally.superseded += 1;
                Ok(())
            }
            Twice::Error => {
                let from = item.from;
                let mut held = Held::default();
                held.set(&item);
                let item = (held.space, held.key.as_slice(), held.value());
                self.intake.refuse(FaultCode::DuplicateKey, item, from)
            }
        }
    }
}

impl BulkSource for Stream<'_, '_> {
    fn next(&mut self) -> creel::Result<Option<BulkChange<'_>>> {
        match self.step() {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(failure) => {
                self.intake.failure = Some(failure);
                return Err(Error::Interrupted);
            }
        }
        let held = &self.present;
        Ok(Some(BulkChange {
            keyspace: self.target.id(held.space)?,
            key: &held.key,
            value: held.value(),
        }))
    }

    fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        self.target.take_deletes()
    }

    fn finish(&mut self) -> creel::Result<BulkEnd> {
        step::finish(self.intake, &self.step, &self.target)
    }
}
