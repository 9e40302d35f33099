//! Samples, and the series that they make.

use serde::Serialize;

use super::histogram::Quantiles;

/// One look at a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[allow(missing_docs)] // the names are those of the columns, which docs/soak.md explains
pub struct Sample {
    pub elapsed_s: f64,
    pub rss_kb: u64,
    pub anon_kb: u64,
    /// The same right after the last checkpoint, when the table of recent commits is empty.
    pub settled_kb: u64,
    pub fds: u64,
    /// Segments of the log that lie in the file (or in the sidecar, with replicas).
    pub segments: u64,
    pub live_keys: u64,
    pub puts: u64,
    pub deletes: u64,
    /// Turns of the log to another region.
    pub rotates: u64,
    pub compacts: u64,
    pub bytes_written: u64,
    pub operations: u64,
    pub operations_per_s: f64,
    pub commits: u64,
    pub reads: u64,
    pub checkpoints: u64,
    pub reopens: u64,
    pub checks: u64,
    pub faults: u64,
    pub kills: u64,
    pub live_bytes: u64,
    pub file_bytes: u64,
    pub log_bytes: u64,
    pub free_pages: u64,
    pub pending_pages: u64,
    pub lag: u64,
    pub commit_p50_us: f64,
    pub commit_p99_us: f64,
    pub commit_max_us: f64,
    pub sample_us: u64,
}

impl Sample {
    /// Names of the columns. The first ten are those of datawal's soak, by its names.
    pub const COLUMNS: [&'static str; 31] = [
        "elapsed_s",
        "rss_kb",
        "fds",
        "segments",
        "live_keys",
        "puts",
        "deletes",
        "rotates",
        "compacts",
        "bytes_written",
        "anon_kb",
        "settled_kb",
        "operations",
        "operations_per_s",
        "commits",
        "reads",
        "checkpoints",
        "reopens",
        "checks",
        "faults",
        "kills",
        "live_bytes",
        "file_bytes",
        "log_bytes",
        "free_pages",
        "pending_pages",
        "lag",
        "commit_p50_us",
        "commit_p99_us",
        "commit_max_us",
        "sample_us",
    ];

    /// One line of the table, without its end.
    pub fn row(&self) -> String {
        let whole = |n: u64| n.to_string();
        let part = |n: f64| format!("{n:.3}");
        [
            part(self.elapsed_s),
            whole(self.rss_kb),
            whole(self.fds),
            whole(self.segments),
            whole(self.live_keys),
            whole(self.puts),
            whole(self.deletes),
            whole(self.rotates),
            whole(self.compacts),
            whole(self.bytes_written),
            whole(self.anon_kb),
            whole(self.settled_kb),
            whole(self.operations),
            part(self.operations_per_s),
            whole(self.commits),
            whole(self.reads),
            whole(self.checkpoints),
            whole(self.reopens),
            whole(self.checks),
            whole(self.faults),
            whole(self.kills),
            whole(self.live_bytes),
            whole(self.file_bytes),
            whole(self.log_bytes),
            whole(self.free_pages),
            whole(self.pending_pages),
            whole(self.lag),
            part(self.commit_p50_us),
            part(self.commit_p99_us),
            part(self.commit_max_us),
            whole(self.sample_us),
        ]
        .join(",")
    }

    /// Takes over times of commits.
    pub fn set_latency(&mut self, times: Quantiles) {
        let us = |ns: u64| ns as f64 / 1000.0;
        self.commit_p50_us = us(times.p50_ns);
        self.commit_p99_us = us(times.p99_ns);
        self.commit_max_us = us(times.max_ns);
    }
}

/// Samples of a run. Beyond a certain number every second one is dropped, so that a run of a night
/// has as many as one of a minute.
#[derive(Debug, Clone, Default)]
pub struct Series {
    samples: Vec<Sample>,
    every: u64,
    seen: u64,
    unreadable: u64,
}

/// Most samples that are kept.
const MOST: usize = 4096;

impl Series {
    /// Adds one.
    pub fn push(&mut self, sample: Sample) {
        self.every = self.every.max(1);
        if self.seen.is_multiple_of(self.every) {
            self.samples.push(sample);
        }
        self.seen += 1;
        if self.samples.len() >= MOST {
            let mut at = 0;
            self.samples.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// One could not be made.
    pub fn failed(&mut self) {
        self.unreadable += 1;
    }

    /// How many could not be made.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// How many there were, the dropped ones included.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Those that are kept.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// One quantity over time.
    pub fn points(&self, of: fn(&Sample) -> f64) -> Vec<(f64, f64)> {
        self.samples.iter().map(|s| (s.elapsed_s, of(s))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let row = Sample::default().row();
        assert_eq!(row.split(',').count(), Sample::COLUMNS.len());
        let names =
            "elapsed_s,rss_kb,fds,segments,live_keys,puts,deletes,rotates,compacts,bytes_written";
        assert!(Sample::COLUMNS.join(",").starts_with(names));
    }

    #[test]
    fn a_long_series_stays_short_and_even() {
        let mut series = Series::default();
        for at in 0..100_000 {
            series.push(Sample {
                elapsed_s: f64::from(at),
                ..Sample::default()
            });
        }
        assert_eq!(series.seen(), 100_000);
        let samples = series.samples();
        assert!(
            (MOST / 2..MOST).contains(&samples.len()),
            "{}",
            samples.len()
        );
        let gaps: Vec<f64> = samples
            .windows(2)
            .filter_map(|w| Some(w.last()?.elapsed_s - w.first()?.elapsed_s))
            .collect();
        assert!(gaps.iter().all(|gap| Some(gap) == gaps.first()));
    }
}
