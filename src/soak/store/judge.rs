//! The verdict on what was used.

use std::time::Duration;

use super::run::Run;
use crate::soak::bounds::{Bounds, Judge};
use crate::soak::check::Check;
use crate::soak::config::{Config, Limit};
use crate::soak::measure::{Sample, Series, trend};
use crate::soak::outcome::{Ending, FaultReport, Outcome, Trends};
use crate::soak::seam::Shared;

/// Seconds of the time for which growth is given.
const GROWTH_S: f64 = 600.0;

impl Run<'_> {
    /// The numbers of a run that has ended.
    pub(super) fn into_outcome(self, ending: Ending) -> Outcome {
        let shared: &Shared = self.place.seam.shared();
        let load = |n: &std::sync::atomic::AtomicU64| n.load(std::sync::atomic::Ordering::Relaxed);
        let faults = self.injector.tallies.iter();
        Outcome {
            ending,
            operations: self.counter.max(self.hashed),
            operation_hash: self.hash.text(),
            counts: self.counts,
            fleet: None,
            elapsed_s: self.started.elapsed().as_secs_f64(),
            commit_times: self.commit_times,
            read_times: self.read_times,
            openings: self.openings,
            bytes_written: load(&shared.bytes_written),
            syncs: load(&shared.syncs),
            trends: Trends::default(),
            faults: faults
                .map(|(kind, tally)| FaultReport {
                    kind: *kind,
                    tally: *tally,
                })
                .collect(),
            series: self.series,
            ledger: self.ledger,
            inconclusive: Vec::new(),
        }
    }
}

/// Memory over time. Over one store it is that right after checkpoints, between which nothing new
/// is known; with replicas the tables of recent commits are small.
fn memory(outcome: &Outcome) -> Vec<(f64, f64)> {
    match outcome.fleet.is_some() {
        true => outcome.series.points(|s| s.anon_kb as f64 * 1024.0),
        false => settled(&outcome.series),
    }
}

/// Over a store: right behind checkpoints.
pub(super) fn settled(series: &Series) -> Vec<(f64, f64)> {
    let samples = series.samples();
    let point = |s: &Sample| (s.elapsed_s, s.settled_kb as f64 * 1024.0);
    let mut before = None;
    let mut points = Vec::new();
    for sample in samples {
        // Where another process makes the checkpoints, each sample is one of its own.
        if sample.checkpoints == 0 || before != Some(sample.checkpoints) {
            points.push(point(sample));
        }
        before = Some(sample.checkpoints);
    }
    points
}

/// Adds the verdict on memory, descriptors, file and log.
pub(crate) fn judge(mut outcome: Outcome, config: &Config) -> Outcome {
    outcome.trends = Trends {
        memory: trend(&memory(&outcome)),
        descriptors: trend(&outcome.series.points(|s| s.fds as f64)),
        file: trend(&outcome.series.points(|s| s.file_bytes as f64)),
    };
    if outcome.series.unreadable() > 0 {
        let count = outcome.series.unreadable();
        outcome
            .inconclusive
            .push(format!("{count} samples could not be taken"));
    }
    if outcome.series.samples().len() < 2 {
        let note = "there is no sample both at the start and at the end".to_owned();
        outcome.inconclusive.push(note);
    }
    let done = matches!(outcome.ending, Ending::Done { .. });
    if done && outcome.operations == 0 {
        outcome.fail(Check::Work, "nothing was done".to_owned());
    } else if done && outcome.counts.commits == 0 {
        let note = "nothing was written".to_owned();
        outcome.inconclusive.push(note);
    }
    judge_levels(&mut outcome, config);
    judge_recovery(&mut outcome, &config.bounds);
    judge_trends(&mut outcome, config);
    outcome
}

/// What must not be exceeded at any time.
fn judge_levels(outcome: &mut Outcome, config: &Config) {
    let bounds = &config.bounds;
    let samples = outcome.series.samples().to_vec();
    let Some(first) = samples.first() else {
        return;
    };
    let exceeds = |of: fn(&Sample) -> u64, limit: &dyn Fn(&Sample) -> u64| {
        let worst = samples.iter().find(|s| of(s) > limit(s))?;
        Some((worst.elapsed_s, of(worst), limit(worst)))
    };
    let fds = first.fds + bounds.descriptors;
    let file = |s: &Sample| bounds.file_limit(s.live_bytes, config.hold);
    let found = [
        (
            Check::Descriptors,
            exceeds(|s| s.fds, &|_| fds),
            "descriptors",
        ),
        (Check::FileSize, exceeds(|s| s.file_bytes, &file), "bytes"),
        (
            Check::LogSize,
            exceeds(|s| s.log_bytes, &|_| bounds.log),
            "bytes",
        ),
    ];
    for (check, exceeded, unit) in found {
        match exceeded {
            None => outcome.ledger.pass_times(check, samples.len() as u64),
            Some((at, value, limit)) => {
                let detail = format!("{value} {unit} after {at:.1} s, at most {limit} are allowed");
                outcome.fail(check, detail);
            }
        }
    }
}

/// How long it took until the database could be used again.
fn judge_recovery(outcome: &mut Outcome, bounds: &Bounds) {
    let (openings, slowest) = outcome.openings;
    if slowest > Duration::from_millis(bounds.recovery_ms) {
        let limit = bounds.recovery_ms;
        let detail = format!(
            "an opening took {} ms, at most {limit} are allowed",
            slowest.as_millis()
        );
        outcome.fail(Check::Recovery, detail);
    } else if openings > 0 {
        outcome.ledger.pass_times(Check::Recovery, openings);
    }
}

fn judge_trends(outcome: &mut Outcome, config: &Config) {
    let wanted = config.bounds.trend;
    if wanted == Judge::Off || !matches!(outcome.ending, Ending::Done { .. }) {
        return;
    }
    // A run by number of operations may be over before anything has warmed up.
    let timed = matches!(config.limit, Limit::DurationMs(_));
    if wanted == Judge::Auto && !timed {
        return;
    }
    let Some(memory) = outcome.trends.memory else {
        let samples = memory(outcome).len();
        outcome.inconclusive.push(format!(
            "{samples} samples (over a store, one behind each checkpoint) are too few for the trend of memory; 10 are needed after the first half"
        ));
        return;
    };
    let limit = config.bounds.memory_growth as f64 / GROWTH_S;
    let last_s = outcome.series.samples().last().map_or(0.0, |s| s.elapsed_s);
    if memory.leaks(limit, last_s) {
        let detail = format!(
            "memory grows by {:.0} bytes in ten minutes, with 99 % confidence by more than {:.0}; {} are allowed",
            memory.slope_per_s * GROWTH_S,
            memory.low_per_s * GROWTH_S,
            config.bounds.memory_growth
        );
        outcome.fail(Check::Memory, detail);
    } else {
        outcome.ledger.pass(Check::Memory);
    }
    if outcome
        .trends
        .descriptors
        .is_some_and(|t| t.grows(0.0, 1.0))
    {
        let detail = "open descriptors become more".to_owned();
        outcome.fail(Check::Descriptors, detail);
    }
}
