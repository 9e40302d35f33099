//! The rejects file: one JSON line for each bad line, which can be repaired and imported.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use creel::exchange::Format;
use creel::exchange::read::CellEnc;
use serde::Serialize;

use super::policy::Bad;
use crate::cli::Failure;
use crate::cli::outfile::OutFile;
use crate::cli::text::base64;

/// Bytes gathered before they are written.
const BUFFER: usize = 64 << 10;

/// A line of the file.
#[derive(Serialize)]
pub struct Rejected<'a> {
    file: &'a str,
    line: u64,
    byte: u64,
    at: u64,
    code: &'static str,
    message: String,
    /// How the line is to be read, where it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enc: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ks: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    cut: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_b64: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Line<'a> {
    creel_reject: &'a Rejected<'a>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> Rejected<'a> {
    /// What a bad line becomes.
    pub fn new(bad: &Bad<'a>) -> Rejected<'a> {
        let raw = std::str::from_utf8(bad.raw).ok();
        let ks = bad.reject.and_then(|r| r.keyspace.as_deref());
        Rejected {
            file: bad.file,
            line: bad.fault.line,
            byte: bad.fault.byte,
            at: bad.fault.at,
            code: bad.fault.code.name(),
            message: bad.fault.to_string(),
            format: (bad.format != Format::Jsonl).then(|| bad.format.name()),
            enc: bad.reject.and_then(|r| r.enc).map(CellEnc::name),
            ks: ks.filter(|name| *name != "main"),
            cut: bad.reject.is_some_and(|r| r.cut),
            raw_b64: raw.is_none().then(|| base64(bad.raw).into()),
            raw,
        }
    }
}

/// A file of bad lines that gets its name at the end.
pub struct RejectsFile {
    path: PathBuf,
    out: Option<OutFile>,
    /// Lines that are not written yet.
    buffer: Vec<u8>,
}

impl RejectsFile {
    /// Begins the file; an existing one is in the way without `force`.
    pub fn create(path: &Path, force: bool) -> Result<RejectsFile, Failure> {
        Ok(RejectsFile {
            path: path.to_owned(),
            out: Some(OutFile::create(path, force)?),
            buffer: Vec::new(),
        })
    }

    /// Adds a line.
    pub fn add(&mut self, rejected: &Rejected<'_>) -> Result<(), Failure> {
        let line = Line {
            creel_reject: rejected,
        };
        serde_json::to_writer(&mut self.buffer, &line)
            .map_err(|e| Failure::file("write", &self.path, &e.into()))?;
        self.buffer.push(b'\n');
        if self.buffer.len() < BUFFER {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if let Some(out) = &self.out {
            let written = out.file().write_all(&self.buffer);
            written.map_err(|e| Failure::file("write", &self.path, &e))?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Makes it durable and gives it its name.
    pub fn publish(&mut self) -> Result<(), Failure> {
        self.flush()?;
        match self.out.take() {
            Some(out) => out.publish(),
            None => Ok(()),
        }
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }
}
