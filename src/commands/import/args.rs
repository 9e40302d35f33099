//! The arguments of `creel import`, and what they mean together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use creel::exchange::Format;
use creel::exchange::read::{CellEnc, Cut, FieldMap, ReadOptions};

use crate::cli::args::{DbArg, KeyspaceArg, WriteArgs};
use crate::cli::{Failure, units};
use crate::commands::ack::AckArgs;

/// One batch has to fit into one log entry.
const BATCH_BYTES: u64 = 16 << 20;
const BATCH_RECORDS: u64 = 250_000;
/// With `--batch`, so that it fits behind a batch that is nearly full.
const BATCH_VALUE: usize = 40 << 20;
/// The engine's own bound on a value.
const MAX_VALUE: usize = i32::MAX as usize;
/// Lines are kept in memory whole.
const MAX_LINE: u64 = 1 << 30;

/// Arguments of `creel import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub db: DbArg,
    /// The files to import; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub files: Vec<PathBuf>,
    /// Make the database if it does not exist
    #[arg(long)]
    pub create: bool,
    #[command(flatten)]
    pub keyspace: KeyspaceArg,
    /// Make one step of all files; without it each file is one
    #[arg(long, conflicts_with = "batch")]
    pub atomic: bool,
    /// Commit after every N records (10k) or bytes of keys and values (8MiB)
    #[arg(long, value_name = "N|SIZE", value_parser = batch)]
    pub batch: Option<Cut>,
    /// Go on where an earlier import of the same input ended
    #[arg(long)]
    pub resume: bool,
    /// Fail unless the input has exactly N records
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub expect: Option<u64>,
    /// Memory for sorting; more goes to a scratch file beside the database [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub sort_memory: Option<u64>,
    /// Read and check everything, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the token of the last commit, for example 3:812:9f31c0aa
    #[arg(long)]
    pub token: bool,
    #[command(flatten)]
    pub ack: AckArgs,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub conflicts: ConflictArgs,
    #[command(flatten)]
    pub errors: ErrorArgs,
}

/// How the input is to be read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct ReadingArgs {
    /// Format: jsonl, mdb, csv, tsv or raw [default: what name or first bytes say]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<Format>,
    /// How cells of csv and tsv are written: raw, hex, base64 or escape [default: raw, tsv: escape]
    #[arg(long, value_name = "ENC", value_parser = cell_enc)]
    pub enc: Option<CellEnc>,
    /// Pass over the first line of csv and tsv
    #[arg(long)]
    pub header: bool,
    /// Take records from fields of any JSON: key=FIELD, and payload=FIELD unless the whole object is
    /// the value
    #[arg(long, value_name = "MAP", value_parser = field_map)]
    pub field_map: Option<FieldMap>,
    /// Refuse an input that has a header or a trailer; it may be empty then
    #[arg(long)]
    pub bare: bool,
    /// Refuse an input that is not in key order
    #[arg(long)]
    pub sorted: bool,
    /// Take in what there is of an input that is cut short (exit status 3)
    #[arg(long)]
    pub allow_truncated: bool,
    /// Take in changes that do not lead on from what was imported before
    #[arg(long)]
    pub allow_gap: bool,
    /// Refuse longer lines [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub max_line: Option<u64>,
}

/// What is done about keys that are there already.
#[derive(Debug, Args)]
#[command(next_help_heading = "Conflicts")]
pub struct ConflictArgs {
    /// What to do about keys of the database: overwrite, keep, error, or same (an error unless the
    /// value is equal)
    #[arg(
        long,
        value_name = "HOW",
        default_value = "overwrite",
        hide_possible_values = true
    )]
    pub if_exists: IfExists,
    /// Which of several records with one key counts: last, first or error [default: last]
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    pub duplicates: Option<Twice>,
}

/// What is done about bad lines.
#[derive(Debug, Args)]
#[command(next_help_heading = "Bad lines")]
pub struct ErrorArgs {
    /// What to do about bad lines: stop, skip, or reject (set aside in --rejects FILE) [default: stop]
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    pub on_error: Option<OnError>,
    /// Write bad lines to this file, which can be repaired and imported
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Replace an existing rejects file
    #[arg(long, requires = "rejects")]
    pub force: bool,
    /// Keep at most this much of a bad line [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "rejects")]
    pub reject_bytes: Option<u64>,
    /// Stop after more bad lines than this, a number or a share of all
    #[arg(long, value_name = "N|P%", value_parser = max_errors)]
    pub max_errors: Option<MaxErrors>,
}

/// What becomes of a record whose key is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IfExists {
    /// Replace the value
    Overwrite,
    /// Leave the value as it is
    Keep,
    /// Count the record as bad
    Error,
    /// Count the record as bad unless the value is equal
    Same,
}

/// Which record of several with the same key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Twice {
    /// The last
    Last,
    /// The first
    First,
    /// The first, and the others are bad
    Error,
}

/// What becomes of a bad line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// End the import
    Stop,
    /// Pass over the line
    Skip,
    /// Set the line aside
    Reject,
}

/// How many bad lines are too many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// A number.
    Count(u64),
    /// A share of all records, in percent.
    Percent(f64),
}

impl ImportArgs {
    /// Refuses what makes no sense together.
    pub fn check(&self) -> Result<(), Failure> {
        let usage = |what: &str, hint: &str| Err(Failure::usage(what).hint(hint));
        let errors = &self.errors;
        match (errors.on_error, &errors.rejects) {
            (Some(OnError::Reject), None) => {
                return usage(
                    "--on-error reject needs a file for the bad lines",
                    "--rejects bad.jsonl",
                );
            }
            (Some(OnError::Stop | OnError::Skip), Some(_)) => {
                return usage("--rejects goes with --on-error reject", "--on-error reject");
            }
            _ => {}
        }
        if errors.max_errors.is_some() && self.on_error() == OnError::Stop {
            return usage(
                "--max-errors limits --on-error skip and reject",
                "--on-error skip",
            );
        }
        if self.batch.is_some()
            && !self.reading.sorted
            && matches!(self.conflicts.duplicates, Some(Twice::First | Twice::Error))
        {
            return usage(
                "with --batch only the last of several records with one key can count",
                "leave out --batch, or --duplicates",
            );
        }
        if self.reading.field_map.is_some()
            && self.reading.format.is_some_and(|f| f != Format::Jsonl)
        {
            return usage("--field-map is for JSON", "leave out --format");
        }
        if self
            .reading
            .max_line
            .is_some_and(|n| n == 0 || n > MAX_LINE)
        {
            return usage("--max-line is 1 byte to 1 GiB", "--max-line 64MiB");
        }
        Ok(())
    }

    /// What becomes of bad lines.
    pub fn on_error(&self) -> OnError {
        let default = match self.errors.rejects {
            Some(_) => OnError::Reject,
            None => OnError::Stop,
        };
        self.errors.on_error.unwrap_or(default)
    }

    /// Which of several records with one key counts.
    pub fn duplicates(&self) -> Twice {
        self.conflicts.duplicates.unwrap_or(Twice::Last)
    }

    /// How one of the files is to be read.
    pub fn read_options(&self, path: &Path, max_key: usize) -> ReadOptions {
        let narrow = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let reading = &self.reading;
        let kept = self.errors.reject_bytes.unwrap_or(64 << 10);
        ReadOptions {
            format: reading.format.unwrap_or_else(|| self.format_of(path)),
            guess: reading.format.is_none() && Format::of_path(path).is_none(),
            enc: reading.enc,
            header_row: reading.header,
            field_map: reading.field_map.clone(),
            keyspace: Arc::from(self.keyspace.keyspace.as_str()),
            max_key,
            max_value: match self.batch {
                Some(_) => BATCH_VALUE,
                None => MAX_VALUE,
            },
            max_line: narrow(reading.max_line.unwrap_or(64 << 20)),
            reject_bytes: match self.on_error() {
                OnError::Reject => narrow(kept),
                _ => 200,
            },
            bare: reading.bare,
            allow_truncated: reading.allow_truncated,
            sorted: reading.sorted,
            allow_duplicates: self.conflicts.duplicates.is_some_and(|d| d != Twice::Error),
            cut: self.batch,
        }
    }

    /// What the name says; foreign objects are JSON whatever it says.
    fn format_of(&self, path: &Path) -> Format {
        match &self.reading.field_map {
            Some(_) => Format::Jsonl,
            None => Format::of_path(path).unwrap_or_default(),
        }
    }
}

fn format(text: &str) -> Result<Format, String> {
    Format::from_name(text).ok_or_else(|| "known are jsonl, mdb, csv, tsv and raw".into())
}

fn cell_enc(text: &str) -> Result<CellEnc, String> {
    CellEnc::from_name(text)
        .filter(|e| *e != CellEnc::Print)
        .ok_or_else(|| "known are raw, hex, base64 and escape".into())
}

/// `10k` records or `8MiB`.
fn batch(text: &str) -> Result<Cut, String> {
    let cut = if text.trim().ends_with(['b', 'B']) {
        Cut {
            records: BATCH_RECORDS,
            bytes: units::size(text)?.min(BATCH_BYTES),
        }
    } else {
        Cut {
            records: units::count(text)?.min(BATCH_RECORDS),
            bytes: BATCH_BYTES,
        }
    };
    if cut.records == 0 || cut.bytes == 0 {
        return Err("a batch has at least one record".into());
    }
    Ok(cut)
}

/// `key=K` or `key=K,payload=V`.
fn field_map(text: &str) -> Result<FieldMap, String> {
    const FORM: &str = "the form is key=FIELD or key=FIELD,payload=FIELD";
    let (mut key, mut payload) = (None, None);
    for part in text.split(',') {
        let slot = match part.split_once('=') {
            Some(("key", name)) if !name.is_empty() => (&mut key, name),
            Some(("payload" | "value", name)) if !name.is_empty() => (&mut payload, name),
            _ => return Err(FORM.into()),
        };
        if slot.0.replace(slot.1.to_owned()).is_some() {
            return Err(FORM.into());
        }
    }
    let key = key.ok_or(FORM)?;
    Ok(FieldMap { key, payload })
}

/// `100` or `0.5%`.
fn max_errors(text: &str) -> Result<MaxErrors, String> {
    if text.trim().ends_with('%') {
        return units::percent(text).map(MaxErrors::Percent);
    }
    units::count(text)
        .map(MaxErrors::Count)
        .map_err(|_| "not a count or percentage, for example 100 or 0.5%".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches() {
        assert_eq!(batch("10k").unwrap().records, 10_000);
        assert_eq!(batch("8MiB").unwrap().bytes, 8 << 20);
        assert_eq!(batch("1kB").unwrap().bytes, 1000);
        assert_eq!(batch("1GiB").unwrap().bytes, BATCH_BYTES);
        assert!(batch("0").is_err() && batch("x").is_err() && batch("0B").is_err());
    }

    #[test]
    fn field_maps() {
        let map = field_map("key=id,payload=body").unwrap();
        assert_eq!(
            (map.key.as_str(), map.payload.as_deref()),
            ("id", Some("body"))
        );
        assert_eq!(field_map("key=a=b").unwrap().key, "a=b");
        for bad in ["", "id", "payload=x", "key=", "key=a,key=b", "key=a,x=b"] {
            assert!(field_map(bad).is_err(), "{bad}");
        }
    }
}
