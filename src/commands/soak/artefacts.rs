//! The files of a report: written while the run goes, so that one that is killed leaves them too.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use creel::soak::measure::Sample;
use creel::soak::watch::Event;
use serde::Serialize;

use super::args::{ReportArgs, ReportKind};
use crate::cli::{Failure, codes};

/// Events that are kept in memory for the plots.
const EVENTS: usize = 20_000;

/// Where the report goes; nowhere without `--out`.
#[derive(Default)]
pub(super) struct Artefacts {
    dir: Option<PathBuf>,
    series: Option<File>,
    events: Option<File>,
    part: &'static str,
    /// Events of all parts.
    pub kept: Vec<(&'static str, Event)>,
    failed: Option<Failure>,
}

/// The files of a report.
const OWN: [&str; 7] = [
    "config.json",
    "series.csv",
    "events.jsonl",
    "result.json",
    "repro.json",
    "junit.xml",
    "report.html",
];
/// After a failure: the databases of the run.
const DATABASE: &str = "database";

#[derive(Serialize)]
struct EventLine<'a> {
    part: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

impl Artefacts {
    /// Makes the directory and the files that grow.
    pub fn new(args: &ReportArgs, config: &str) -> Result<Artefacts, Failure> {
        let Some(dir) = &args.out else {
            return Ok(Artefacts::default());
        };
        fs::create_dir_all(dir).map_err(|e| Failure::file("create", dir, &e))?;
        let is_there = |name: &str| dir.join(name).symlink_metadata().is_ok();
        if !args.force && OWN.iter().any(|name| is_there(name)) {
            let what = format!("{} holds a report already", dir.display());
            return Err(Failure::new(&codes::EXISTS, what)
                .at(dir)
                .hint("choose another directory, or replace the report with --force"));
        }
        // What an older report left must not be taken for a part of this one.
        for stale in OWN {
            let _ = fs::remove_file(dir.join(stale));
        }
        let _ = fs::remove_dir_all(dir.join(DATABASE));
        let growing = |kind, name| match args.wants(kind) {
            true => create(&dir.join(name)).map(Some),
            false => Ok(None),
        };
        let mut artefacts = Artefacts {
            series: growing(ReportKind::Csv, "series.csv")?,
            events: growing(ReportKind::Json, "events.jsonl")?,
            dir: Some(dir.clone()),
            ..Artefacts::default()
        };
        if args.wants(ReportKind::Json) {
            artefacts.file("config.json", config)?;
        }
        let head = format!("{},part\n", Sample::COLUMNS.join(","));
        artefacts.append_series(&head);
        Ok(artefacts)
    }

    /// The directory.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// What follows belongs to this part.
    pub fn begin_part(&mut self, name: &'static str) {
        self.part = name;
    }

    /// Adds a sample.
    pub fn sample(&mut self, sample: &Sample) {
        let row = format!("{},{}\n", sample.row(), self.part);
        self.append_series(&row);
    }

    /// Adds an event.
    pub fn event(&mut self, event: &Event) {
        if self.dir.is_none() {
            return;
        }
        if self.kept.len() < EVENTS {
            self.kept.push((self.part, event.clone()));
        }
        let line = EventLine {
            part: self.part,
            event,
        };
        let Ok(mut text) = serde_json::to_string(&line) else {
            return;
        };
        text.push('\n');
        if let Some(file) = &mut self.events {
            let written = file.write_all(text.as_bytes());
            self.note(written, "events.jsonl");
        }
    }

    fn append_series(&mut self, text: &str) {
        if let Some(file) = &mut self.series {
            let written = file.write_all(text.as_bytes());
            self.note(written, "series.csv");
        }
    }

    fn note(&mut self, written: std::io::Result<()>, name: &str) {
        if let (Err(e), Some(dir)) = (written, &self.dir) {
            self.failed
                .get_or_insert(Failure::file("write", &dir.join(name), &e));
        }
    }

    /// Writes a whole file.
    pub fn file(&self, name: &str, text: &str) -> Result<(), Failure> {
        match &self.dir {
            Some(dir) => crate::cli::outfile::write(&dir.join(name), true, text.as_bytes()),
            None => Ok(()),
        }
    }

    /// Takes in the folder with the databases of a run that failed; gives where it is then.
    pub fn take_in(&self, folder: PathBuf) -> Result<PathBuf, Failure> {
        let Some(dir) = &self.dir else {
            return Ok(folder);
        };
        let place = dir.join(DATABASE);
        // Another file system may be in between.
        if fs::rename(&folder, &place).is_err() {
            copy_all(&folder, &place).map_err(|e| Failure::file("write", &place, &e))?;
            let _ = fs::remove_dir_all(&folder);
        }
        Ok(place)
    }

    /// The first failure to write.
    pub fn finish(self) -> Result<(), Failure> {
        self.failed.map_or(Ok(()), Err)
    }
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &target)?,
            false => fs::copy(entry.path(), &target).map(|_| ())?,
        }
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    options
        .open(path)
        .map_err(|e| Failure::file("create", path, &e))
}
