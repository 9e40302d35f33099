//! What a run has found, in numbers and in one word.

use std::time::Duration;

use serde::Serialize;

use super::check::{Broken, Check, Kind, Ledger, Standing};
use super::faults::{FaultKind, FaultTally};
use super::fleet::FleetCounts;
use super::measure::{Histogram, Quantiles, Sample, Series, Trend};
use super::store::Counts;

/// How a run came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// By its limit; the digest of what the database holds.
    Done {
        /// In hexadecimal.
        digest: String,
    },
    /// The user has ended it.
    Interrupted,
    /// A check failed.
    Broken,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything held.
    Passed,
    /// Contents or protocol are wrong.
    Invariant,
    /// Too much of something was used.
    Resource,
    /// Slower than the baseline allows.
    Performance,
    /// Nothing wrong was seen, but something could not be judged.
    Inconclusive,
    /// Ended by the user; nothing wrong was seen so far.
    Interrupted,
}

/// Faults of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FaultReport {
    /// Which.
    pub kind: FaultKind,
    /// What became of them.
    #[serde(flatten)]
    pub tally: FaultTally,
}

/// Trends of what is used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Trends {
    /// Memory that is no file's, in bytes.
    pub memory: Option<Trend>,
    /// Open descriptors.
    pub descriptors: Option<Trend>,
    /// Bytes of the file.
    pub file: Option<Trend>,
}

/// Everything about a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What was checked.
    pub ledger: Ledger,
    /// What could not be judged.
    pub inconclusive: Vec<String>,
    /// Operations that were done.
    pub operations: u64,
    /// The hash of the operations.
    pub operation_hash: String,
    /// What was done.
    pub counts: Counts,
    /// The same of a run with replicas.
    pub fleet: Option<FleetCounts>,
    /// Seconds.
    pub elapsed_s: f64,
    /// Times of commits.
    pub commit_times: Histogram,
    /// Times of reads.
    pub read_times: Histogram,
    /// How often the database was opened, and the longest time that it took.
    pub openings: (u64, Duration),
    /// Bytes that were written.
    pub bytes_written: u64,
    /// Syncs.
    pub syncs: u64,
    /// All samples.
    pub series: Series,
    /// Their trends.
    pub trends: Trends,
    /// What became of the faults.
    pub faults: Vec<FaultReport>,
}

impl Outcome {
    /// Operations in a second.
    pub fn rate(&self) -> f64 {
        match self.elapsed_s > 0.0 {
            true => self.operations as f64 / self.elapsed_s,
            false => 0.0,
        }
    }

    /// Operations in a second in the first and in the last quarter of the time.
    pub fn quarter_rates(&self) -> Option<(f64, f64)> {
        let samples = self.series.samples();
        let (first, last) = (samples.first()?, samples.last()?);
        let span = last.elapsed_s - first.elapsed_s;
        let at = |share: f64| {
            let time = first.elapsed_s + span * share;
            samples.iter().min_by(|a, b| {
                let off = |s: &Sample| (s.elapsed_s - time).abs();
                off(a).total_cmp(&off(b))
            })
        };
        let rate = |from: &Sample, to: &Sample| {
            let time = to.elapsed_s - from.elapsed_s;
            (time > 0.0).then(|| to.operations.saturating_sub(from.operations) as f64 / time)
        };
        Some((rate(first, at(0.25)?)?, rate(at(0.75)?, last)?))
    }

    /// The digest of the contents at the end.
    pub fn digest(&self) -> Option<&str> {
        match &self.ending {
            Ending::Done { digest } => Some(digest),
            _ => None,
        }
    }

    /// What failed.
    pub fn broken(&self) -> &[Broken] {
        self.ledger.broken()
    }

    /// Checks that were made.
    pub fn standings(&self) -> Vec<Standing> {
        self.ledger.standings()
    }

    /// Percentiles of commits and of reads.
    pub fn quantiles(&self) -> (Quantiles, Quantiles) {
        (self.commit_times.quantiles(), self.read_times.quantiles())
    }

    /// The verdict: the worst of what was found.
    pub fn verdict(&self) -> Verdict {
        let has = |kind: Kind| self.broken().iter().any(|b| b.check.kind() == kind);
        if has(Kind::Invariant) {
            Verdict::Invariant
        } else if has(Kind::Resource) {
            Verdict::Resource
        } else if self.ending == Ending::Interrupted {
            Verdict::Interrupted
        } else if has(Kind::Performance) {
            Verdict::Performance
        } else if !self.inconclusive.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Passed
        }
    }

    /// Notes that a check failed after the end.
    pub(crate) fn fail(&mut self, check: Check, detail: String) {
        let operation = self.operations;
        self.ledger.fail(Broken {
            check,
            operation,
            detail,
        });
    }
}
