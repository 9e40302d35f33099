//! The beginning and the end of a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commit::first_batch;
use super::hold::Holds;
use super::judge::judge;
use super::place::Place;
use super::recover::{Injector, cuts_power};
use super::run::{Acknowledge, Counts, Run};
use crate::db::CheckpointOptions;
use crate::error::Result;
use crate::format::Depth;
use crate::progress::NoProgress;
use crate::soak::check::{Check, Halt, Ledger, Step};
use crate::soak::config::Config;
use crate::soak::measure::{Histogram, Series};
use crate::soak::oracle::{Model, Oracle, Sums};
use crate::soak::outcome::{Ending, Outcome};
use crate::soak::watch::Observer;
use crate::soak::workload::{Hash, Keys, Pool, Stream, Values};

/// Keys and values of a run.
#[derive(Debug, Clone)]
pub struct Material {
    /// The keys.
    pub keys: Keys,
    /// The values.
    pub values: Values,
}

impl Material {
    /// Made from numbers, or the user's own.
    pub fn new(config: &Config, pool: Option<Arc<Pool>>) -> Material {
        match pool {
            None => Material {
                keys: Keys::Made(config.keys),
                values: Values::Made(config.seed),
            },
            Some(pool) => Material {
                keys: Keys::Given(Arc::clone(&pool)),
                values: Values::Given(config.seed, pool),
            },
        }
    }
}

/// Makes a database and runs over it until the limit, or until something is wrong.
pub fn run(
    config: &Config,
    material: &Material,
    place: Place,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    config.check()?;
    let mut run = Run::new(config, material, place, observer);
    let ended = run.whole();
    run.finish(ended)
}

impl<'a> Run<'a> {
    pub(super) fn new(
        config: &'a Config,
        material: &Material,
        place: Place,
        observer: &'a mut dyn Observer,
    ) -> Run<'a> {
        let keys = material.keys.clone();
        let oracle = match config.has_model() {
            true => Oracle::Model(Model::new(config.keyspaces, keys.count())),
            false => Oracle::Sums(Sums::new(config.keyspaces, keys.count())),
        };
        Run {
            config,
            place,
            observer,
            stream: Stream::new(config, keys.count()),
            keys,
            values: material.values.clone(),
            oracle,
            db: None,
            session: 0,
            counter: 0,
            maintained: None,
            hashed: 0,
            hash: Hash::default(),
            pending: Vec::new(),
            in_flight: None,
            index: None,
            ledger: Ledger::default(),
            counts: Counts::default(),
            holds: Holds::default(),
            reading: None,
            injector: Injector::new(config),
            acknowledge: None::<Acknowledge>,
            started: Instant::now(),
            next_sample: Duration::ZERO,
            series: Series::default(),
            settled_kb: None,
            commit_times: Histogram::default(),
            interval_times: Histogram::default(),
            read_times: Histogram::default(),
            openings: (0, Duration::ZERO),
            key: Vec::new(),
            value: Vec::new(),
            planted: None,
        }
    }

    /// From nothing to the last look.
    fn whole(&mut self) -> Step<String> {
        self.create()?;
        self.sample();
        self.go()?;
        self.last_look()
    }

    /// What was found, in numbers.
    pub(super) fn finish(mut self, ended: Step<String>) -> Result<Outcome> {
        let ending = self.end(ended)?;
        let config = self.config;
        Ok(judge(self.into_outcome(ending), config))
    }

    pub(super) fn create(&mut self) -> Step {
        let db = self.place.create(self.config).map_err(Halt::Setup)?;
        let first = first_batch(self.config.keyspaces, &self.keys);
        let commit = db.write(first).map_err(Halt::Setup)?;
        self.index = Some(commit.token.index);
        // Not even a power cut takes what the run begins with.
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .map_err(Halt::Setup)?;
        self.db = Some(db);
        if cuts_power(self.config) {
            self.place.seam.shared().remember();
            self.settled();
        }
        Ok(())
    }

    /// Everything once more, from the file as it lies there.
    pub(super) fn last_look(&mut self) -> Step<String> {
        loop {
            let looked = match self.look_at_all() {
                // A fault that had been prepared may strike even now.
                Err(Halt::Engine(doing, error)) => self.recover(doing, error).map(|()| None),
                Err(Halt::Broken(_)) if self.power_is_out() => {
                    self.recover_from_the_dark().map(|()| None)
                }
                other => other,
            };
            match looked? {
                Some(digest) => return Ok(digest),
                // The fault took commits, which are made again; there is no other fault after it.
                None => self.go()?,
            }
        }
    }

    /// `None`: not all operations are done any more.
    fn look_at_all(&mut self) -> Step<Option<String>> {
        self.flush()?;
        self.end_fault()?;
        if self.counter < self.hashed {
            return Ok(None);
        }
        self.end_holds()?;
        self.reopen()?;
        let digest = self.final_digest()?;
        self.checkpoint()?;
        self.sample();
        self.close()?;
        self.verify(Depth::Deep, "at the end")?;
        Ok(Some(digest.to_string()))
    }

    /// Turns the way in which it ended into what is reported. An error: it never began.
    pub(super) fn end(&mut self, ended: Step<String>) -> Result<Ending> {
        let ending = match ended {
            Ok(digest) => Ending::Done { digest },
            Err(Halt::Interrupted) => Ending::Interrupted,
            Err(Halt::Broken(broken)) => {
                self.ledger.fail(broken);
                Ending::Broken
            }
            Err(Halt::Engine(doing, error)) => {
                match self.unexpected(doing, &error) {
                    Halt::Broken(broken) => self.ledger.fail(broken),
                    Halt::Setup(error) => return Err(error),
                    _ => return Ok(Ending::Interrupted),
                }
                Ending::Broken
            }
            Err(Halt::Setup(error)) => return Err(error),
        };
        if !matches!(ending, Ending::Done { .. }) {
            self.sample();
        }
        if self.counts.commits > 0 {
            self.ledger.pass_times(Check::Work, self.counts.commits);
        }
        Ok(ending)
    }
}
