//! The rejects file: one JSON line for each bad line, which can be repaired and imported.

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use creel::exchange::read::{CellEnc, Format};
use serde::Serialize;

use super::policy::Bad;
use crate::cli::Failure;
use crate::cli::outfile::Temporary;
use crate::cli::text::base64;

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
    force: bool,
    out: Option<BufWriter<Temporary>>,
}

impl RejectsFile {
    /// A temporary file beside its place; an existing file is in the way without `force`.
    pub fn create(path: &Path, force: bool) -> Result<RejectsFile, Failure> {
        let temporary = Temporary::for_target(path, force)?;
        Ok(RejectsFile {
            path: path.to_owned(),
            force,
            out: Some(BufWriter::with_capacity(64 << 10, temporary)),
        })
    }

    /// Adds a line.
    pub fn add(&mut self, rejected: &Rejected<'_>) -> Result<(), Failure> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let line = Line {
            creel_reject: rejected,
        };
        serde_json::to_writer(&mut *out, &line)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|e| Failure::file("write", &self.path, &e))
    }

    /// Makes it durable and gives it its name.
    pub fn publish(&mut self) -> Result<(), Failure> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let temporary = out
            .into_inner()
            .map_err(|e| Failure::file("write", &self.path, e.error()))?;
        temporary.sync()?;
        temporary.publish(&self.path, self.force)
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }
}
