//! What an import has done so far, and how it is told.

use std::fmt;
use std::time::Instant;

use creel::exchange::read::{Fault, TrailerState};
use creel::{BulkReport, Commit};
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::units::human_size;
use crate::commands::Position;
use crate::commands::ack::Confirm;

/// The first bad line.
#[derive(Debug, Clone, Serialize)]
pub struct FirstError {
    file: String,
    line: u64,
    byte: u64,
    at: u64,
    code: &'static str,
    message: String,
}

impl FirstError {
    /// Of a fault in this file.
    pub fn new(file: &str, fault: &Fault) -> FirstError {
        FirstError {
            file: file.to_owned(),
            line: fault.line,
            byte: fault.byte,
            at: fault.at,
            code: fault.code.name(),
            message: fault.to_string(),
        }
    }
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Counts of one command.
pub struct Tally {
    pub start: Instant,
    /// Others are to have the commits before they count.
    pub confirm: Option<Confirm>,
    /// Lines and bytes of the inputs that have been read, uncompressed.
    pub lines: u64,
    pub bytes: u64,
    /// Records that could be read, those of an earlier run not counted.
    pub records: u64,
    /// Records that an earlier run has imported.
    pub skipped: u64,
    pub inserted: u64,
    pub replaced: u64,
    pub unchanged: u64,
    pub deleted: u64,
    /// Records passed over because their key exists.
    pub kept: u64,
    /// Records that another one with the same key has made void.
    pub superseded: u64,
    pub rejected: u64,
    pub first_error: Option<FirstError>,
    pub commits: u64,
    /// The newest of them; where nothing changed, that of the database.
    pub last: Option<Commit>,
    pub trailer: TrailerState,
    /// Inputs that an earlier run had finished.
    pub finished_before: usize,
}

impl Tally {
    /// Nothing so far.
    pub fn new() -> Tally {
        Tally {
            start: Instant::now(),
            confirm: None,
            lines: 0,
            bytes: 0,
            records: 0,
            skipped: 0,
            inserted: 0,
            replaced: 0,
            unchanged: 0,
            deleted: 0,
            kept: 0,
            superseded: 0,
            rejected: 0,
            first_error: None,
            commits: 0,
            last: None,
            trailer: TrailerState::None,
            finished_before: 0,
        }
    }

    /// Records that came, good and bad.
    pub fn seen(&self) -> u64 {
        self.records + self.skipped + self.rejected
    }

    /// Records that are not in the database though they came.
    pub fn left_out(&self) -> u64 {
        self.rejected + self.kept
    }

    /// Right before a commit: is this copy still the primary?
    pub fn look(&mut self) -> Result<(), Failure> {
        self.confirm.as_mut().map_or(Ok(()), Confirm::look)
    }

    /// Adds what a bulk step did.
    pub fn add(&mut self, report: &BulkReport) {
        self.inserted += report.inserted;
        self.replaced += report.replaced;
        self.unchanged += report.unchanged;
        self.deleted += report.deleted + report.deleted_in_ranges;
        self.commits += u64::from(report.changed);
        self.last = Some(Commit {
            token: report.token,
            hash: report.history,
            deleted: 0,
        });
    }

    /// Puts what a program may want to know into a failure.
    pub fn detail(&self, failure: Failure) -> Failure {
        let failure = failure
            .detail("records", self.records)
            .detail("rejected", self.rejected);
        match &self.last {
            Some(commit) => failure.detail("position", Position::from(commit)),
            None => failure,
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
pub struct Report<'a> {
    schema: &'static str,
    files: Vec<&'a str>,
    dry_run: bool,
    lines: u64,
    records: u64,
    skipped: u64,
    inserted: u64,
    replaced: u64,
    unchanged: u64,
    deleted: u64,
    kept: u64,
    superseded: u64,
    rejected: u64,
    first_error: Option<&'a FirstError>,
    rejects: Option<String>,
    commits: u64,
    position: Option<Position>,
    finished_before: bool,
    trailer: &'static str,
    bytes: u64,
    elapsed_ms: u64,
}

impl<'a> Report<'a> {
    /// Of what was done with these files.
    pub fn new(
        tally: &'a Tally,
        files: Vec<&'a str>,
        dry_run: bool,
        rejects: Option<String>,
    ) -> Report<'a> {
        let elapsed = tally.start.elapsed().as_millis();
        Report {
            schema: "creel.import/1",
            finished_before: tally.finished_before == files.len(),
            files,
            dry_run,
            lines: tally.lines,
            records: tally.records,
            skipped: tally.skipped,
            inserted: tally.inserted,
            replaced: tally.replaced,
            unchanged: tally.unchanged,
            deleted: tally.deleted,
            kept: tally.kept,
            superseded: tally.superseded,
            rejected: tally.rejected,
            first_error: tally.first_error.as_ref(),
            rejects,
            commits: tally.commits,
            position: tally.last.as_ref().map(Position::from),
            trailer: tally.trailer.name(),
            bytes: tally.bytes,
            elapsed_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
        }
    }

    /// The summary for people.
    pub fn text(&self) -> String {
        let seconds = self.elapsed_ms as f64 / 1000.0;
        let verb = if self.dry_run { "checked" } else { "imported" };
        let mut text = format!(
            "{verb} {} records ({} lines, {}) in {seconds:.1} s\n",
            self.records,
            self.lines,
            human_size(self.bytes),
        );
        let would = if self.dry_run { "would be " } else { "" };
        text.push_str(&format!(
            "  {would}inserted {}, replaced {}, unchanged {}, deleted {}, kept {}, superseded {}, \
             rejected {}\n",
            self.inserted,
            self.replaced,
            self.unchanged,
            self.deleted,
            self.kept,
            self.superseded,
            self.rejected,
        ));
        if self.skipped > 0 {
            let line = format!("  {} records were imported before\n", self.skipped);
            text.push_str(&line);
        }
        if let Some(error) = self.first_error {
            text.push_str(&format!("  first bad line: {error}\n"));
        }
        if let Some(path) = &self.rejects {
            text.push_str(&format!("  bad lines are in {path}\n"));
        }
        let end = match (self.dry_run, &self.position) {
            (true, _) => "nothing was written".to_owned(),
            (false, _) if self.commits == 0 => "nothing was changed".to_owned(),
            (false, Some(p)) => format!("committed as position {}:{}", p.epoch, p.index),
            (false, None) => "nothing was changed".to_owned(),
        };
        text.push_str(&format!("  trailer: {}; {end}", self.trailer));
        text
    }
}
