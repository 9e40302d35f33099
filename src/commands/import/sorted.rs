//! Records in any order: sorted in bounded memory, then one bulk step.

use creel::exchange::read::{FaultCode, Op};
use creel::{
    BulkChange, BulkEnd, BulkSource, Duplicates, Error, KeyRange, Progress, Sorted, Sorter,
};

use super::args::{IfExists, ImportArgs, Twice};
use super::intake::{Intake, Origin};
use super::step::{self, Step};
use super::target::{Target, Verdict};
use crate::cli::progress::Meter;
use crate::cli::{Failure, codes};

/// Ranges of one import; they are kept in memory.
const RANGES: usize = 1 << 20;
/// Behind a value: a mark for put or delete, file, line and byte.
const TAG: usize = 1 + 4 + 8 + 8;

/// Everything that was read.
pub struct Gathered {
    sorted: Sorted,
    tagged: bool,
    ranges: Vec<(u32, Op, Vec<u8>, Vec<u8>)>,
}

impl Gathered {
    /// Reads all records into a sorter.
    pub fn read(
        intake: &mut Intake<'_>,
        args: &ImportArgs,
        sorter: impl FnOnce(Duplicates) -> Sorter,
    ) -> Result<Gathered, Failure> {
        let tagged = args.duplicates() == Twice::Error
            || matches!(args.conflicts.if_exists, IfExists::Error | IfExists::Same);
        let mut sorter = sorter(match args.duplicates() {
            Twice::Last => Duplicates::Last,
            Twice::First => Duplicates::First,
            Twice::Error => Duplicates::All,
        });
        let mut ranges = Vec::new();
        let mut keyed: Vec<bool> = Vec::new();
        let mut value = Vec::new();
        while intake.advance()? {
            let Some(item) = intake.item() else { continue };
            let at = item.space as usize;
            if item.op.is_range() {
                let (key, to) = (item.key.to_vec(), item.value.to_vec());
                let (space, op, from) = (item.space, item.op, item.from);
                if keyed.get(at).copied().unwrap_or(false) {
                    intake.refuse(FaultCode::LateRange, (space, &key, None), from)?;
                } else if ranges.len() >= RANGES {
                    return Err(too_many_ranges());
                } else {
                    ranges.push((space, op, key, to));
                }
                continue;
            }
            if keyed.len() <= at {
                keyed.resize(at + 1, false);
            }
            if let Some(slot) = keyed.get_mut(at) {
                *slot = true;
            }
            let put = (item.op == Op::Put).then_some(item.value);
            if tagged {
                value.clear();
                tag(&mut value, put, item.from);
                sorter.push(item.space, item.key, Some(&value))?;
            } else {
                sorter.push(item.space, item.key, put)?;
            }
        }
        Ok(Gathered {
            sorted: sorter.finish()?,
            tagged,
            ranges,
        })
    }
}

fn too_many_ranges() -> Failure {
    let what = "the input deletes more than a million ranges";
    Failure::new(&codes::BAD_INPUT, what).hint("import it in batches: --batch 10k")
}

fn tag(to: &mut Vec<u8>, value: Option<&[u8]>, from: Origin) {
    to.extend_from_slice(value.unwrap_or(&[]));
    to.push(u8::from(value.is_some()));
    to.extend_from_slice(&from.file.to_le_bytes());
    to.extend_from_slice(&from.line.to_le_bytes());
    to.extend_from_slice(&from.byte.to_le_bytes());
}

fn untag(tagged: &[u8]) -> Option<(Option<&[u8]>, Origin)> {
    let at = tagged.len().checked_sub(TAG)?;
    let (value, rest) = tagged.split_at_checked(at)?;
    let (put, rest) = rest.split_first()?;
    let (file, rest) = rest.split_first_chunk::<4>()?;
    let (line, rest) = rest.split_first_chunk::<8>()?;
    let origin = Origin {
        file: u32::from_le_bytes(*file),
        line: u64::from_le_bytes(*line),
        byte: u64::from_le_bytes(*rest.first_chunk::<8>()?),
    };
    Some(((*put == 1).then_some(value), origin))
}

/// The sorted records as a source of changes.
pub struct FromSorted<'s, 'a> {
    intake: &'s mut Intake<'a>,
    step: Step,
    target: Target,
    gathered: Gathered,
    meter: &'s Meter,
    given: u64,
    /// Keyspace and key of the record before, once there was one.
    last: (u32, Vec<u8>),
    begun: bool,
    present: Held,
}

/// A record that was looked at before it is handed on.
#[derive(Default)]
struct Held {
    space: u32,
    key: Vec<u8>,
    value: Vec<u8>,
    is_put: bool,
    from: Origin,
}

impl Held {
    fn value(&self) -> Option<&[u8]> {
        self.is_put.then_some(self.value.as_slice())
    }
}

impl<'s, 'a> FromSorted<'s, 'a> {
    /// All of them, for this target.
    pub fn new(
        intake: &'s mut Intake<'a>,
        step: Step,
        mut target: Target,
        mut gathered: Gathered,
        meter: &'s Meter,
    ) -> creel::Result<Self> {
        for (space, op, from, to) in gathered.ranges.drain(..) {
            target.know(space, || intake.spaces.name(space))?;
            target.clear(space, op, &from, &to)?;
        }
        Ok(FromSorted {
            intake,
            step,
            target,
            gathered,
            meter,
            given: 0,
            last: (0, Vec::new()),
            begun: false,
            present: Held::default(),
        })
    }

    fn report(&mut self) -> Result<(), Failure> {
        self.given += 1;
        if self.given.is_multiple_of(1024) {
            let total = self.gathered.sorted.pushed();
            self.meter.report(self.given, Some(total));
            if self.meter.stopped() {
                return Err(Error::Interrupted.into());
            }
        }
        Ok(())
    }

    /// Puts the next record that is to be applied into `present`; false at the end.
    fn step(&mut self) -> Result<bool, Failure> {
        loop {
            self.report()?;
            let Some(change) = self.gathered.sorted.next_change()? else {
                return Ok(false);
            };
            let held = &mut self.present;
            let (value, from) = match change.value {
                Some(tagged) if self.gathered.tagged => {
                    untag(tagged).unwrap_or((None, Origin::default()))
                }
                value => (value, Origin::default()),
            };
            held.space = change.keyspace;
            held.key.clear();
            held.key.extend_from_slice(change.key);
            held.is_put = value.is_some();
            held.value.clear();
            held.value.extend_from_slice(value.unwrap_or(&[]));
            held.from = from;
            if self.may_apply()? {
                return Ok(true);
            }
        }
    }

    fn may_apply(&mut self) -> Result<bool, Failure> {
        let held = &self.present;
        let item = (held.space, held.key.as_slice(), held.value());
        let again = self.begun && self.last.0 == held.space && self.last.1 == held.key;
        if again {
            let from = held.from;
            self.intake.refuse(FaultCode::DuplicateKey, item, from)?;
            return Ok(false);
        }
        self.begun = true;
        self.last.0 = held.space;
        self.last.1.clone_from(&held.key);
        let name = || self.intake.spaces.name(held.space);
        self.target.know(held.space, name)?;
        match self.target.judge(held.space, &held.key, held.value())? {
            Verdict::Apply => Ok(true),
            Verdict::Same => Ok(false),
            Verdict::Keep => {
                self.intake.tally.kept += 1;
                Ok(false)
            }
            Verdict::Bad(code) => {
                self.intake.refuse(code, item, held.from)?;
                Ok(false)
            }
        }
    }

    fn fail(&mut self, failure: Failure) -> Error {
        self.intake.failure = Some(failure);
        Error::Interrupted
    }
}

impl BulkSource for FromSorted<'_, '_> {
    fn next(&mut self) -> creel::Result<Option<BulkChange<'_>>> {
        if self.gathered.tagged || self.target.looks() {
            return match self.step() {
                Err(failure) => Err(self.fail(failure)),
                Ok(false) => Ok(None),
                Ok(true) => Ok(Some(BulkChange {
                    keyspace: self.target.id(self.present.space)?,
                    key: &self.present.key,
                    value: self.present.value(),
                })),
            };
        }
        if let Err(failure) = self.report() {
            return Err(self.fail(failure));
        }
        let Some(change) = self.gathered.sorted.next_change()? else {
            return Ok(None);
        };
        let space = change.keyspace;
        let name = || self.intake.spaces.name(space);
        self.target.know(space, name)?;
        Ok(Some(BulkChange {
            keyspace: self.target.id(space)?,
            ..change
        }))
    }

    fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        self.target.take_deletes()
    }

    fn finish(&mut self) -> creel::Result<BulkEnd> {
        self.intake.tally.superseded += self.gathered.sorted.dropped();
        step::finish(self.intake, &self.step, &self.target)
    }
}
