//! The run: setting up, cycles, the last look.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::chained::Chained;
use super::config::{Fleet, FleetCounts, Transport};
use super::node::{Behind, Commits, Node, options};
use super::wire::Server;
use crate::db::{CreateOptions, Facts, Retention, SeedOptions};
use crate::error::{Error, Result};
use crate::format::header::Role;
use crate::progress::NoProgress;
use crate::soak::bounds::Judge;
use crate::soak::check::{Broken, Check, Halt, Ledger, Step};
use crate::soak::config::Config;
use crate::soak::faults::{FaultKind, FaultTally};
use crate::soak::measure::{Histogram, Series, trend};
use crate::soak::oracle::Model;
use crate::soak::outcome::Outcome;
use crate::soak::plants::Plant;
use crate::soak::seam::Seam;
use crate::soak::store::{Counts, digest_of, first_batch};
use crate::soak::watch::{Event, Observer};
use crate::soak::workload::{Hash, Keys, Stream, Values};

/// A run on its way.
pub(super) struct FleetRun<'a> {
    pub fleet: &'a Fleet,
    pub config: Config,
    pub dir: PathBuf,
    /// What every call to a copy in this process goes through.
    pub seam: Seam,
    pub observer: &'a mut dyn Observer,
    pub stream: Stream,
    pub keys: Keys,
    pub values: Values,
    pub primary: Node,
    pub replicas: Vec<Node>,
    /// The program, for transports that need processes.
    pub program: Option<PathBuf>,
    /// Serves the present primary.
    pub server: Option<Server>,
    /// The store that log entries go through.
    pub chained: Option<Chained>,
    /// What the primary held when it was promoted.
    pub at_promotion: Option<Model>,
    /// Commits of the present history.
    pub commits: Commits,
    /// The next operation.
    pub counter: u64,
    pub hash: Hash,
    pub cycle: u64,
    pub ledger: Ledger,
    pub counts: FleetCounts,
    /// The same as of runs over one store.
    pub work: Counts,
    /// What became of faults.
    pub tallies: Vec<(FaultKind, FaultTally)>,
    /// Files made so far: each gets a name of its own.
    pub files: u64,
    pub started: Instant,
    pub next_sample: Duration,
    pub series: Series,
    pub settled_kb: Option<u64>,
    pub commit_times: Histogram,
    pub interval_times: Histogram,
    pub pull_times: Histogram,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// A run in which too little was seen to be judged, on a slow machine, goes on for so many times
/// as long at most.
const PATIENCE: u32 = 6;

/// Runs until the cycles are done, or something is wrong. Files are made in `dir`; `program` is
/// creel itself, for transports between processes.
pub fn run_fleet(
    fleet: &Fleet,
    dir: &Path,
    program: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    fleet.check()?;
    let mut run = FleetRun::new(fleet, dir, observer)?;
    run.program = program.map(Path::to_owned);
    let ended = run.whole();
    run.finish(ended)
}

impl<'a> FleetRun<'a> {
    fn new(fleet: &'a Fleet, dir: &Path, observer: &'a mut dyn Observer) -> Result<FleetRun<'a>> {
        let config = fleet.stream_config();
        let keys = Keys::Made(fleet.keys);
        let path = dir.join("copy-0.creel");
        let seam = Seam::default();
        let create = CreateOptions {
            role: Role::Primary,
            ..CreateOptions::default()
        };
        let db = options(&seam, fleet.sync).create(&path, &create)?;
        db.write(first_batch(config.keyspaces, &keys))?;
        let primary = Node {
            number: 0,
            path,
            db,
            model: Model::new(config.keyspaces, fleet.keys),
            needs_reseed: false,
            behind: Behind::Nothing,
            seen: false,
        };
        Ok(FleetRun {
            fleet,
            dir: dir.to_owned(),
            seam,
            observer,
            stream: Stream::new(&config, fleet.keys),
            values: Values::Made(fleet.seed),
            keys,
            config,
            primary,
            replicas: Vec::new(),
            program: None,
            server: None,
            chained: None,
            at_promotion: None,
            commits: Commits::default(),
            counter: 0,
            hash: Hash::default(),
            cycle: 0,
            ledger: Ledger::default(),
            counts: FleetCounts::default(),
            work: Counts::default(),
            tallies: transport_faults(fleet),
            files: 1,
            started: Instant::now(),
            next_sample: Duration::ZERO,
            series: Series::default(),
            settled_kb: None,
            commit_times: Histogram::default(),
            interval_times: Histogram::default(),
            pull_times: Histogram::default(),
            key: Vec::new(),
            value: Vec::new(),
        })
    }

    fn whole(&mut self) -> Step<String> {
        self.keep_log()?;
        if self.fleet.transport == Transport::Dir {
            self.begin_chain()?;
        }
        for _ in 0..self.fleet.replicas {
            let number = self.replicas.len() as u32 + 1;
            let node = self.seed_new(number)?;
            self.replicas.push(node);
        }
        self.sample();
        while !self.is_over()? {
            self.one_cycle()?;
            self.counts.cycles += 1;
            self.cycle += 1;
        }
        self.last_look()
    }

    fn is_over(&mut self) -> Step<bool> {
        if self.observer.stopped() {
            return Err(Halt::Interrupted);
        }
        Ok(match self.fleet.duration_ms {
            0 => self.cycle >= self.fleet.cycles,
            ms => {
                let (elapsed, wanted) = (self.started.elapsed(), Duration::from_millis(ms));
                let judged = !self.fleet.patient
                    || self.fleet.bounds.trend == Judge::Off
                    || self.has_trend();
                elapsed >= wanted && (judged || elapsed >= wanted * PATIENCE)
            }
        })
    }

    /// There are samples enough to judge memory by.
    fn has_trend(&self) -> bool {
        trend(&self.series.points(|s| s.anon_kb as f64)).is_some()
    }

    /// The primary keeps so much of its log.
    pub fn keep_log(&mut self) -> Step {
        // A defect. Nothing below the engine could cut its log without being found to damage the
        // file, so it is told to keep nothing; a store can, and does.
        let early = self.has_plant(Plant::EarlyRetention) && self.fleet.transport != Transport::Dir;
        let facts = self.primary.db.facts().map_err(engine("read the facts"))?;
        let facts = Facts {
            retention: Retention {
                min_entries: if early { 0 } else { self.fleet.retention_min },
                max_bytes: if early {
                    1
                } else {
                    Retention::default().max_bytes
                },
                // Who falls behind is to be made anew, not to find the log of older trees.
                rewind_bytes: Some(0),
                ..Retention::default()
            },
            ..facts
        };
        let set = self.primary.db.set_facts(&facts);
        set.map_err(engine("say how much of the log is kept"))
    }

    /// A new replica of the present primary.
    pub fn seed_new(&mut self, number: u32) -> Step<Node> {
        let path = self.new_path();
        if self.chained.is_some() {
            self.copy_from_store(&path)?;
        } else {
            let (options, primary) = (SeedOptions::default(), &self.primary.db);
            let seeded = primary.seed(&path, &options, &NoProgress);
            seeded.map_err(engine("seed a replica"))?;
        }
        let db = self.open(&path, "open a replica")?;
        let node = Node {
            number,
            path,
            db,
            model: self.primary.model.clone(),
            needs_reseed: false,
            behind: Behind::Nothing,
            seen: false,
        };
        Ok(node)
    }

    /// All catch up; everything is compared once more, and the files are checked.
    fn last_look(&mut self) -> Step<String> {
        for at in 0..self.replicas.len() {
            self.make_whole(at)?;
        }
        self.compare_all()?;
        self.reopen_all()?;
        self.compare_all()?;
        self.note_head()?;
        self.sample();
        let snapshot = self
            .primary
            .db
            .snapshot()
            .map_err(engine("take a snapshot"))?;
        let digest = digest_of(&snapshot).map_err(engine("read everything"))?;
        let expected = self.primary.model.digest(&self.keys, &self.values);
        if digest != expected {
            let detail = format!("the digest of the primary is {digest}, not {expected}");
            return Err(self.broken(Check::Digest, detail));
        }
        self.ledger.pass(Check::Digest);
        Ok(digest.to_string())
    }

    fn note_head(&mut self) -> Step {
        let position = self
            .primary
            .position()
            .map_err(engine("read the position"))?;
        self.counts.primary_epoch = position.epoch;
        self.counts.primary_head_log_index = position.index;
        Ok(())
    }

    pub fn broken(&self, check: Check, detail: impl Into<String>) -> Halt {
        Halt::Broken(Broken {
            check,
            operation: self.counter,
            detail: format!("cycle {}: {}", self.cycle, detail.into()),
        })
    }

    pub fn event(&mut self, kind: &'static str, detail: String) {
        let event = Event {
            elapsed_s: self.started.elapsed().as_secs_f64(),
            operation: self.counter,
            kind,
            detail,
        };
        self.observer.event(&event);
    }

    pub fn has_plant(&self, plant: Plant) -> bool {
        self.fleet.plant == Some(plant)
    }
}

fn transport_faults(fleet: &Fleet) -> Vec<(FaultKind, FaultTally)> {
    let all = fleet.faults.iter().filter(|kind| kind.is_transport());
    all.map(|kind| (*kind, FaultTally::default())).collect()
}

/// A failed call of the engine.
pub(super) fn engine(doing: &'static str) -> impl Fn(Error) -> Halt {
    move |error| Halt::Engine(doing, error)
}
