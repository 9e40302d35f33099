//! A look at the run each second.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::run::Run;
use crate::db::CheckpointOptions;
use crate::progress::NoProgress;
use crate::soak::measure::{Sample, usage};

impl Run<'_> {
    /// Takes a sample. What cannot be read is noted, and no verdict can follow from it.
    pub(super) fn sample(&mut self) {
        let begun = Instant::now();
        match self.look() {
            Some(mut sample) => {
                sample.sample_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.series.push(sample);
                self.observer.sample(&sample);
            }
            // A fault of ours stands in the way: it is tried again behind it.
            None if self.has_fault() => return,
            None => self.series.failed(),
        }
        self.interval_times.clear();
        let every = Duration::from_millis(self.config.sample_every_ms);
        // No run after lost time: a sample that is late moves those after it.
        self.next_sample = self.started.elapsed() + every;
    }

    fn look(&mut self) -> Option<Sample> {
        let used = usage(None).ok()?;
        let (info, log_bytes) = match &self.db {
            Some(db) => {
                let options = CheckpointOptions {
                    dry_run: true,
                    ..CheckpointOptions::default()
                };
                let log = db.checkpoint(&options, &NoProgress).ok()?;
                (db.info().ok()?, log.wal_bytes_before)
            }
            // A worker has it open.
            None => (crate::db::info(&self.place.path).ok()?, 0),
        };
        let shared = self.place.seam.shared();
        let counts = &self.counts;
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let last = self.series.samples().last().copied().unwrap_or_default();
        let passed = elapsed_s - last.elapsed_s;
        let done = self.counter.saturating_sub(last.operations);
        let mut sample = Sample {
            elapsed_s,
            rss_kb: used.rss_kb,
            anon_kb: used.anon_kb,
            settled_kb: self.settled_kb.unwrap_or(used.anon_kb),
            // What the soak needs for itself is no leak of the database.
            fds: used.descriptors.saturating_sub(self.holds.descriptors()),
            segments: info.regions.len() as u64,
            live_keys: self.oracle.entries(),
            puts: counts.puts,
            deletes: counts.deletes,
            rotates: info.regions.iter().map(|r| r.region_seq).max().unwrap_or(0),
            compacts: counts.compactions,
            bytes_written: shared.bytes_written.load(Ordering::Relaxed),
            operations: self.counter,
            operations_per_s: if passed > 0.0 {
                done as f64 / passed
            } else {
                0.0
            },
            commits: counts.commits,
            reads: counts.gets + counts.scans,
            checkpoints: counts.checkpoints,
            reopens: counts.reopens,
            checks: self.ledger.total(),
            faults: counts.faults,
            kills: counts.kills,
            live_bytes: self.oracle.bytes(),
            file_bytes: info.file_bytes,
            log_bytes,
            free_pages: info.free_available,
            pending_pages: info.free_pending,
            ..Sample::default()
        };
        sample.set_latency(self.interval_times.quantiles());
        Some(sample)
    }
}
