//! Samples, checks of files, and what is reported at the end.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::run::{FleetRun, engine};
use crate::check::{Verdict, VerifyOptions, verify};
use crate::db::CheckpointOptions;
use crate::error::{Error, Result};
use crate::format::Depth;
use crate::progress::NoProgress;
use crate::soak::check::{Check, Halt, Step};
use crate::soak::config::Limit;
use crate::soak::measure::{Sample, usage};
use crate::soak::outcome::{Ending, FaultReport, Outcome, Trends};
use crate::soak::store::{Counts, judge};
use crate::soak::text;

impl FleetRun<'_> {
    pub(super) fn sample(&mut self) {
        let begun = Instant::now();
        match self.look() {
            Some(mut sample) => {
                sample.sample_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.series.push(sample);
                self.observer.sample(&sample);
            }
            None => self.series.failed(),
        }
        self.interval_times.clear();
        let every = Duration::from_millis(self.fleet.sample_every_ms);
        self.next_sample = self.started.elapsed() + every;
    }

    fn look(&mut self) -> Option<Sample> {
        let used = usage(None).ok()?;
        let info = self.primary.db.info().ok()?;
        let options = CheckpointOptions {
            dry_run: true,
            ..CheckpointOptions::default()
        };
        let log = self.primary.db.checkpoint(&options, &NoProgress).ok()?;
        let shared = self.seam.shared();
        let head = self.primary.position().ok()?.index;
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let last = self.series.samples().last().copied().unwrap_or_default();
        let passed = elapsed_s - last.elapsed_s;
        let done = self.counter.saturating_sub(last.operations);
        let behind = self.replicas.iter().filter_map(|r| r.position().ok());
        let lag = behind.map(|p| head.saturating_sub(p.index)).max();
        let mut sample = Sample {
            elapsed_s,
            rss_kb: used.rss_kb,
            anon_kb: used.anon_kb,
            settled_kb: self.settled_kb.unwrap_or(used.anon_kb),
            fds: used.descriptors,
            segments: info.regions.len() as u64,
            live_keys: self.primary.model.entries(),
            puts: self.work.puts,
            deletes: self.work.deletes,
            bytes_written: shared.bytes_written.load(Ordering::Relaxed),
            rotates: info.regions.iter().map(|r| r.region_seq).max().unwrap_or(0),
            operations: self.counter,
            operations_per_s: if passed > 0.0 {
                done as f64 / passed
            } else {
                0.0
            },
            commits: self.counts.writes_committed,
            checkpoints: self.work.checkpoints,
            reopens: self.work.reopens,
            checks: self.ledger.total(),
            faults: self.counts.transport_faults,
            live_bytes: self.primary.model.bytes(),
            file_bytes: info.file_bytes,
            log_bytes: log.wal_bytes_before,
            free_pages: info.free_available,
            pending_pages: info.free_pending,
            lag: lag.unwrap_or(0),
            ..Sample::default()
        };
        sample.set_latency(self.interval_times.quantiles());
        Some(sample)
    }

    /// Checks a file as it lies there.
    pub(super) fn verify(&mut self, path: &Path, level: Depth) -> Step {
        let options = VerifyOptions {
            level,
            max_findings: 5,
            ..VerifyOptions::default()
        };
        let report = verify(path, &options, &NoProgress).map_err(engine("verify"))?;
        if matches!(report.verdict, Verdict::Damaged | Verdict::Unreadable) {
            let found: Vec<String> = report
                .findings
                .iter()
                .map(|f| format!("{} {}", f.id, f.detail))
                .collect();
            let detail = format!("{}: {}", path.display(), found.join("; "));
            return Err(self.broken(Check::Verify, detail));
        }
        self.ledger.pass(Check::Verify);
        Ok(())
    }

    pub(super) fn finish(mut self, ended: Step<String>) -> Result<Outcome> {
        let ending = match ended {
            Ok(digest) => Ending::Done { digest },
            Err(Halt::Interrupted | Halt::Engine(_, Error::Interrupted)) => Ending::Interrupted,
            Err(Halt::Setup(error)) => return Err(error),
            Err(Halt::Broken(broken)) => {
                self.ledger.fail(broken);
                Ending::Broken
            }
            Err(Halt::Engine(doing, error)) => {
                let detail = format!("cannot {doing}: {}", text::chain(&error));
                if let Halt::Broken(broken) = self.broken(Check::Calls, detail) {
                    self.ledger.fail(broken);
                }
                Ending::Broken
            }
        };
        if !matches!(ending, Ending::Done { .. }) {
            self.sample();
        }
        if self.counts.writes_committed > 0 {
            let commits = self.counts.writes_committed;
            self.ledger.pass_times(Check::Work, commits);
        }
        let mut config = self.config.clone();
        if self.fleet.duration_ms > 0 {
            config.limit = Limit::DurationMs(self.fleet.duration_ms);
        }
        let tallies = self.tallies.iter();
        let faults = tallies.map(|(kind, tally)| FaultReport {
            kind: *kind,
            tally: *tally,
        });
        let counts = Counts {
            commits: self.counts.writes_committed,
            faults: self.counts.transport_faults,
            ..self.work
        };
        let shared = self.seam.shared();
        let outcome = Outcome {
            ending,
            operations: self.counter,
            operation_hash: self.hash.text(),
            counts,
            fleet: Some(self.counts),
            elapsed_s: self.started.elapsed().as_secs_f64(),
            commit_times: self.commit_times,
            read_times: self.pull_times,
            openings: (0, Duration::ZERO),
            bytes_written: shared.bytes_written.load(Ordering::Relaxed),
            syncs: shared.syncs.load(Ordering::Relaxed),
            trends: Trends::default(),
            faults: faults.collect(),
            series: self.series,
            ledger: self.ledger,
            inconclusive: Vec::new(),
        };
        let mut outcome = judge(outcome, &config);
        let (worst, limit) = (self.counts.max_observed_lag, self.fleet.lag_limit());
        if worst > limit {
            let detail =
                format!("a replica was {worst} entries behind, at most {limit} are allowed");
            outcome.fail(Check::Behind, detail);
        } else if self.counts.lags_noted > 0 {
            outcome
                .ledger
                .pass_times(Check::Behind, self.counts.lags_noted);
        }
        Ok(outcome)
    }
}
