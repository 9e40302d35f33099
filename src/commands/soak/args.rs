//! The arguments of `creel soak`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use creel::soak::config::{Config, Limit, Sync};
use creel::soak::faults::FaultKind;
use creel::soak::plants::Plant;

use super::helper::Helper;
use crate::cli::{Failure, units};

mod bounds;
mod fleet;
mod values;

pub(super) use fleet::FleetArgs;
pub(super) use values::Inputs;

/// How durable commits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SyncMode {
    /// When they return
    Full,
    /// At the next checkpoint
    Normal,
    /// When the system likes
    Off,
}

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// One store
    Store,
    /// A primary and its replicas
    Replication,
    /// Both, one after the other
    Both,
}

impl Mode {
    /// Whether the store is part of it.
    pub fn has_store(self) -> bool {
        self != Mode::Replication
    }
}

/// Ready-made runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// A minute, for every change
    Smoke,
    /// Half an hour, for every night
    Nightly,
    /// Eight hours
    Long,
}

/// Arguments of `creel soak`.
#[derive(Debug, Args)]
pub struct SoakArgs {
    /// The database to be made; @ stands for $CREEL_DB [default: a temporary one]
    #[arg(value_name = "DB", value_hint = clap::ValueHint::FilePath)]
    pub(super) db: Option<OsString>,
    /// Run for so long
    #[arg(long, value_name = "DUR", value_parser = units::duration, conflicts_with = "ops")]
    pub(super) duration: Option<Duration>,
    /// Run for so many operations [default: 1M]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub(super) ops: Option<u64>,
    /// Where all operations come from [default: a new one each time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1 << 53))]
    pub(super) seed: Option<u64>,
    /// A ready-made run: smoke, nightly or long; other flags change it
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) profile: Option<Profile>,
    /// What is run: store, replication or both
    #[arg(
        long,
        value_name = "MODE",
        default_value = "both",
        hide_possible_values = true
    )]
    pub(super) mode: Mode,
    #[command(flatten)]
    pub(super) fleet: FleetArgs,
    #[command(flatten)]
    pub(super) work: WorkArgs,
    #[command(flatten)]
    pub(super) trouble: TroubleArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
    /// Repeat the failure that a repro.json describes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ops", "duration", "seed", "profile"])]
    pub(super) replay: Option<PathBuf>,
    /// Leave out operations until only those are left that the failure needs
    #[arg(long, requires = "replay")]
    pub(super) minimize: bool,
    /// Put in defects, one at a time, and require that each is found and named
    #[arg(long, conflicts_with_all = ["replay", "db", "profile", "ops", "duration"])]
    pub(super) self_test: bool,
    /// Serves a run
    #[arg(long, hide = true)]
    pub(super) helper: Option<Helper>,
}

/// What is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workload")]
pub(super) struct WorkArgs {
    /// Take keys and values from JSONL: small=FILE,medium=FILE,large=FILE, or some of them
    #[arg(long, value_name = "FILES", value_parser = values::inputs)]
    pub input: Option<Inputs>,
    /// Parts of small, medium and large values [default: 70/25/5]
    #[arg(long, value_name = "S/M/L", value_parser = values::mix)]
    pub mix: Option<[u32; 3]>,
    /// Share of deletes [default: 5%]
    #[arg(long, value_name = "P%", value_parser = values::share)]
    pub delete: Option<u32>,
    /// Share of reads of a key [default: 20%]
    #[arg(long, value_name = "P%", value_parser = values::share)]
    pub get: Option<u32>,
    /// Share of reads of a range or prefix [default: 0.5%]
    #[arg(long, value_name = "P%", value_parser = values::share)]
    pub scan: Option<u32>,
    /// Share of compare-and-set [default: 1.5%]
    #[arg(long, value_name = "P%", value_parser = values::share)]
    pub cas: Option<u32>,
    /// Keys that there may be in a keyspace [default: 20k; with --input: its keys]
    #[arg(long, value_name = "N", value_parser = units::count, conflicts_with = "input")]
    pub keys: Option<u64>,
    /// Keyspaces [default: 4]
    #[arg(long, value_name = "N")]
    pub keyspaces: Option<u32>,
    /// Operations in a batch, at most [default: 64]
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Operations between two checkpoints; 0: only those that come by themselves [default: 200k]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub checkpoint_every: Option<u64>,
    /// Operations between two compactions, in place and dense by turns; 0: none [default: 400k]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub compact_every: Option<u64>,
    /// Operations between two reopenings; 0: none [default: 300k]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub reopen_every: Option<u64>,
    /// Operations for which a snapshot is held, here and in another process; 0: none [default: 150k]
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub hold: Option<u64>,
    /// How durable commits are: full, normal or off; the same as --sync [default: normal]
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    pub sync_mode: Option<SyncMode>,
    /// Memory for the model of all keys; beyond, ranges have a digest each [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub oracle_memory: Option<u64>,
}

/// What goes wrong.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trouble")]
pub(super) struct TroubleArgs {
    /// Inject faults: torn-write, short-write, enospc, eio, bitflip, lost-sync; on the way to
    /// replicas conn-drop, corrupt-frame
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::fault)]
    pub faults: Vec<FaultKind>,
    /// Operations between two faults on average [default: 20k]
    #[arg(long, value_name = "N", value_parser = units::count, requires = "faults")]
    pub fault_every: Option<u64>,
    /// Work in another process, and kill it after so many operations on average
    #[arg(long, value_name = "N", value_parser = units::count, conflicts_with = "faults")]
    pub kill_every: Option<u64>,
    /// Put in a defect, to see that it is found
    #[arg(long, value_name = "NAME", value_parser = values::plant, hide = true)]
    pub plant: Option<Plant>,
}

/// What is measured and reported.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub(super) struct ReportArgs {
    /// Time between two samples [default: 1s]
    #[arg(long, value_name = "DUR", value_parser = units::duration)]
    pub sample_every: Option<Duration>,
    /// What must not be exceeded: memory-growth=1MiB (in 10 minutes), descriptors=16,
    /// file-factor=4, file-extra=640MiB, log=128MiB, recovery=30s (an opening), lag=N (log entries),
    /// trend=auto|required|off, or some of them
    #[arg(long, value_name = "LIST", value_parser = bounds::parse)]
    pub bounds: Option<bounds::Changes>,
    /// Require the pace of an earlier result.json: four fifths of its rate, twice its p99
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Where the report goes: a directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What the report consists of: json (configuration, result, events), csv (samples), junit,
    /// html, hgrm (latencies), github (annotations, summary) [default: all of them]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub report: Vec<ReportKind>,
    /// Replace a report that is there already
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// What a report may consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportKind {
    /// config.json, result.json, events.jsonl
    Json,
    /// series.csv
    Csv,
    /// junit.xml
    Junit,
    /// report.html
    Html,
    /// latency-PART.hgrm
    Hgrm,
    /// Annotations and step summary of GitHub workflows
    Github,
}

impl ReportArgs {
    /// Files that are asked for need a place; GitHub reads its part from standard output.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let files = self.report.iter().any(|kind| *kind != ReportKind::Github);
        match files && self.out.is_none() {
            true => Err(
                Failure::usage("--report names files, and no --out says where")
                    .hint("add --out DIR"),
            ),
            false => Ok(()),
        }
    }

    /// Whether this is asked for.
    pub fn wants(&self, kind: ReportKind) -> bool {
        self.report.is_empty() || self.report.contains(&kind)
    }
}

impl SoakArgs {
    /// What the flags ask for, for the part with the store.
    pub(super) fn config(&self, seed: u64, sync: Option<Sync>) -> Result<Config, Failure> {
        let mut config = Config {
            seed,
            ..Config::default()
        };
        if let Some(profile) = self.profile {
            let minutes = match profile {
                Profile::Smoke => 1,
                Profile::Nightly => 30,
                Profile::Long => 8 * 60,
            };
            config.limit = Limit::DurationMs(minutes * 60_000);
            if profile == Profile::Smoke {
                config = config.small();
            }
        }
        if let Some(ops) = self.ops {
            config.limit = Limit::Ops(ops);
        }
        if let Some(duration) = self.duration {
            config.limit = Limit::DurationMs(millis(duration));
        }
        config.patient = self.profile.is_some() && self.duration.is_none() && self.ops.is_none();
        let work = &self.work;
        let set = |to: &mut u64, from: Option<u64>| *to = from.unwrap_or(*to);
        set(&mut config.checkpoint_every, work.checkpoint_every);
        set(&mut config.compact_every, work.compact_every);
        set(&mut config.reopen_every, work.reopen_every);
        set(&mut config.hold, work.hold);
        set(&mut config.keys, work.keys);
        set(&mut config.oracle_memory, work.oracle_memory);
        set(&mut config.fault_every, self.trouble.fault_every);
        config.mix = work.mix.unwrap_or(config.mix);
        config.delete = work.delete.unwrap_or(config.delete);
        config.get = work.get.unwrap_or(config.get);
        config.scan = work.scan.unwrap_or(config.scan);
        config.cas = work.cas.unwrap_or(config.cas);
        config.keyspaces = work.keyspaces.unwrap_or(config.keyspaces);
        config.batch = work.batch.unwrap_or(config.batch);
        config.sync = sync.unwrap_or(config.sync);
        if let Some(every) = self.report.sample_every {
            config.sample_every_ms = millis(every);
        }
        if let Some(changes) = &self.report.bounds {
            changes.apply(&mut config.bounds);
        }
        set(&mut config.kill_every, self.trouble.kill_every);
        config.faults = self.trouble.faults.clone();
        config.check()?;
        Ok(config)
    }

    /// Durability: `--sync-mode`, or the flag that every command has.
    pub(super) fn sync(
        &self,
        global: Option<crate::cli::globals::Sync>,
    ) -> Result<Option<Sync>, Failure> {
        if self.work.sync_mode.is_some() && global.is_some() {
            return Err(Failure::usage(
                "--sync and --sync-mode are the same: give one of them",
            ));
        }
        use crate::cli::globals::Sync as Global;
        let own = self.work.sync_mode.map(|mode| match mode {
            SyncMode::Full => Sync::Full,
            SyncMode::Normal => Sync::Normal,
            SyncMode::Off => Sync::Off,
        });
        Ok(own.or(global.map(|mode| match mode {
            Global::Full => Sync::Full,
            Global::Normal => Sync::Normal,
            Global::Off => Sync::Off,
        })))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
