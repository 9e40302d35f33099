//! One operation after the other.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::hold::Holds;
use super::judge::settled;
use super::place::Place;
use super::read::Reading;
use super::recover::Injector;
use crate::db::Db;
use crate::error::Error;
use crate::soak::bounds::Judge;
use crate::soak::check::{Broken, Check, Halt, Ledger, Step};
use crate::soak::config::{Config, Limit};
use crate::soak::measure::{Histogram, Series, trend};
use crate::soak::oracle::Oracle;
use crate::soak::plants::Plant;
use crate::soak::watch::{Event, Observer};
use crate::soak::workload::{Action, Hash, Keys, Operation, Stream, Values};

/// Operations between two looks at the clock.
const LOOK: u64 = 32;
/// Where too little was seen to be judged, a run goes on for so many times as long at most.
const PATIENCE: u32 = 2;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Counts {
    pub puts: u64,
    pub deletes: u64,
    pub gets: u64,
    pub scans: u64,
    pub swaps: u64,
    pub commits: u64,
    pub checkpoints: u64,
    pub compactions: u64,
    pub reopens: u64,
    pub snapshots: u64,
    pub reader_snapshots: u64,
    pub entries_compared: u64,
    pub faults: u64,
    pub kills: u64,
}

/// Where commits are confirmed to: the worker of a run with kills tells its parent.
pub(crate) type Acknowledge = Box<dyn FnMut(u64) -> std::io::Result<()>>;

/// A run on its way.
pub struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) place: Place,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) stream: Stream,
    pub(super) keys: Keys,
    pub(super) values: Values,
    pub(super) oracle: Oracle,
    pub(super) db: Option<Db>,
    pub(super) session: u64,
    /// The next operation.
    pub(super) counter: u64,
    /// The operation before which maintenance was done.
    pub(super) maintained: Option<u64>,
    /// Operations that are in the hash.
    pub(super) hashed: u64,
    pub(super) hash: Hash,
    /// The batch that is open.
    pub(super) pending: Vec<Operation>,
    /// The number of operations that a commit which was begun would confirm.
    pub(super) in_flight: Option<u64>,
    /// Position of the last commit.
    pub(super) index: Option<u64>,
    pub(super) ledger: Ledger,
    pub(super) counts: Counts,
    pub(super) holds: Holds,
    pub(super) reading: Option<Reading>,
    pub(super) injector: Injector,
    pub(super) acknowledge: Option<Acknowledge>,
    pub(super) started: Instant,
    pub(super) next_sample: Duration,
    pub(super) series: Series,
    pub(super) settled_kb: Option<u64>,
    pub(super) commit_times: Histogram,
    pub(super) interval_times: Histogram,
    pub(super) read_times: Histogram,
    /// How often the database was opened, and the longest time that it took.
    pub(super) openings: (u64, Duration),
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// The session in which a defect has struck.
    pub(super) planted: Option<u64>,
}

impl Run<'_> {
    /// Runs to the end, or until something is wrong.
    pub(super) fn go(&mut self) -> Step {
        loop {
            let stepped = match self.is_over() {
                Ok(true) => self.flush().map(|()| true),
                Ok(false) => self.step().map(|()| false),
                Err(halt) => Err(halt),
            };
            match stepped {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Halt::Engine(doing, error)) => self.recover(doing, error)?,
                // A thread of the engine met the power cut: the memory of a machine that is off
                // says nothing. What is in the file is looked at after it is opened again.
                Err(Halt::Broken(_)) if self.power_is_out() => self.recover_from_the_dark()?,
                Err(halt) => return Err(halt),
            }
        }
    }

    /// Looks at the clock now and then.
    fn is_over(&mut self) -> Step<bool> {
        if let Limit::Ops(ops) = self.config.limit
            && self.counter >= ops
        {
            return Ok(true);
        }
        if !self.counter.is_multiple_of(LOOK) {
            return Ok(false);
        }
        if self.observer.stopped() {
            return Err(Halt::Interrupted);
        }
        let elapsed = self.started.elapsed();
        if elapsed >= self.next_sample {
            self.sample();
        }
        match self.config.limit {
            Limit::Ops(_) | Limit::Cycles(_) => Ok(false),
            // What a power cut took is made again, or the hash would name more than was done.
            Limit::DurationMs(ms) => {
                let wanted = Duration::from_millis(ms);
                let judged = || {
                    !self.config.patient
                        || self.config.bounds.trend == Judge::Off
                        || elapsed >= wanted * PATIENCE
                        || trend(&settled(&self.series)).is_some()
                };
                let is_time = elapsed >= wanted && judged();
                // However slow the machine: something is done before the time is over.
                Ok(is_time && self.counter > 0 && self.counter >= self.hashed)
            }
        }
    }

    fn step(&mut self) -> Step {
        let counter = self.counter;
        if self.maintained != Some(counter) {
            self.maintain()?;
            self.maintained = Some(counter);
        }
        self.inject()?;
        if self.counter != counter {
            return Ok(()); // a power cut took commits, which come again
        }
        let operation = self.stream.at(counter);
        if counter >= self.hashed {
            self.hash.add(&operation);
            self.hashed = counter + 1;
        }
        // After a failure the commit that it was part of may have been found done.
        let is_done = counter < self.progress();
        if !is_done && !self.config.skips(counter) {
            self.execute(operation)?;
        }
        self.counter = counter + 1;
        Ok(())
    }

    fn execute(&mut self, operation: Operation) -> Step {
        match operation.action {
            Action::Put(_) | Action::Delete | Action::DeleteRange(_) => {
                self.add(operation);
                if operation.ends_batch || self.pending.len() >= self.config.batch as usize {
                    self.flush()?;
                }
                Ok(())
            }
            Action::Swap(_) => {
                if self.pending.last() != Some(&operation) {
                    self.flush()?;
                    self.add(operation);
                }
                self.flush()
            }
            Action::SwapRefused => {
                self.flush()?;
                self.refused_swap(operation)
            }
            Action::Get | Action::Scan(..) | Action::Prefix => self.read(operation),
        }
    }

    fn add(&mut self, operation: Operation) {
        if self.pending.last() != Some(&operation) {
            self.pending.push(operation);
        }
    }

    /// Operations that the oracle knows of.
    pub(super) fn progress(&self) -> u64 {
        match &self.oracle {
            Oracle::Model(model) => model.progress(),
            Oracle::Sums(sums) => sums.progress(),
        }
    }

    /// The open database.
    pub(super) fn db(&self) -> Step<Db> {
        let reason = || Error::Invalid {
            reason: "the database is not open".into(),
        };
        self.db.clone().ok_or_else(|| Halt::Setup(reason()))
    }

    /// A check failed.
    pub(super) fn broken(&self, check: Check, detail: impl Into<String>) -> Halt {
        Halt::Broken(Broken {
            check,
            operation: self.counter,
            detail: detail.into(),
        })
    }

    /// Tells of something.
    pub(super) fn event(&mut self, kind: &'static str, detail: String) {
        let event = Event {
            elapsed_s: self.started.elapsed().as_secs_f64(),
            operation: self.counter,
            kind,
            detail,
        };
        self.observer.event(&event);
    }

    /// The defect of this name.
    pub(super) fn has_plant(&self, plant: Plant) -> bool {
        self.config.plant == Some(plant)
    }
}

/// A failed call of the engine.
pub(super) fn engine(doing: &'static str) -> impl Fn(Error) -> Halt {
    move |error| Halt::Engine(doing, error)
}
