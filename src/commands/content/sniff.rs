//! Database or export, and which format: told by the first bytes.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use creel::exchange::Format;
use creel::exchange::compress::Input;
use creel::format::SLOT_OFFSETS;
use creel::format::header::MAGIC;

use crate::cli::{Context, Failure, codes};

/// As many bytes as tell the formats apart.
const HEAD: usize = 64;

/// What stands at a path.
pub(super) enum Found {
    /// A database, or something whose opening as one says best what is wrong with it.
    Database,
    /// An export, from its first uncompressed byte on.
    Export(Format, Box<dyn Read + Send>, Reading),
}

/// How far a file has been read, as it lies there.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    read: Arc<AtomicU64>,
    /// Its length, where it has one.
    total: Option<u64>,
}

impl Reading {
    /// Bytes read and all bytes, where these are known.
    pub fn share(&self) -> Option<(u64, u64)> {
        let read = self.read.load(Ordering::Relaxed);
        self.total.map(|total| (read.min(total), total))
    }
}

struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.0.read(buf)?;
        self.1.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// Looks at the beginning of a file or of standard input.
pub(super) fn open(
    ctx: &mut Context,
    path: &Path,
    format: Option<Format>,
) -> Result<Found, Failure> {
    let stdin = path == Path::new("-");
    let failed = |e: &io::Error| Failure::file("read", path, e);
    let mut reading = Reading::default();
    let mut raw: Box<dyn Read + Send> = if stdin {
        ctx.take_stdin("export")?;
        Box::new(io::stdin())
    } else {
        // Whatever waits for its other end is no database, and no export.
        let about = path.metadata().map_err(|e| failed(&e))?;
        if !about.is_file() {
            return Ok(Found::Database);
        }
        let mut file = File::open(path).map_err(|e| failed(&e))?;
        reading.total = Some(about.len());
        if has_header(&mut file).map_err(|e| failed(&e))? {
            return Ok(Found::Database);
        }
        Box::new(Counted(file, Arc::clone(&reading.read)))
    };
    let first = take(&mut raw).map_err(|e| failed(&e))?;
    if first.starts_with(&MAGIC) {
        return Err(Failure::usage("a database cannot be read from a pipe")
            .hint("write it to a file first"));
    }
    let whole = Cursor::new(first).chain(raw);
    let mut text = Input::open(whole).map_err(|e| bad(path, &e))?;
    let head = take(&mut text).map_err(|e| bad(path, &e))?;
    let told = || Format::of_start(&head).or_else(|| Format::of_path(path));
    // An empty file is no export that anybody meant to make.
    let known = format.or_else(|| told().filter(|_| !head.is_empty()));
    if stdin && known.is_none() && !head.is_empty() {
        return Err(Failure::usage("the format of standard input does not show")
            .hint("name it: --format jsonl, mdb, csv, tsv or raw"));
    }
    let known = known.or(stdin.then_some(Format::Jsonl));
    let Some(format) = known else {
        return Ok(Found::Database);
    };
    Ok(Found::Export(
        format,
        Box::new(Cursor::new(head).chain(text)),
        reading,
    ))
}

/// Whether a header begins at one of its two places; the first may be blank.
fn has_header(file: &mut File) -> io::Result<bool> {
    let mut found = false;
    for place in SLOT_OFFSETS {
        let mut magic = Vec::new();
        file.seek(SeekFrom::Start(place))?;
        file.take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        found |= magic == MAGIC;
    }
    file.rewind()?;
    Ok(found)
}

fn take(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    from.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Compressed data that is cut or foreign is bad input, a failed read is not.
fn bad(path: &Path, error: &io::Error) -> Failure {
    let known = error.get_ref().and_then(|e| e.downcast_ref());
    match known {
        Some(creel::exchange::Error::Io(_)) | None => Failure::file("read", path, error),
        Some(found) => Failure::new(
            &codes::BAD_INPUT,
            format!("{} cannot be read as an export", path.display()),
        )
        .cause(found.to_string())
        .at(path)
        .state("nothing was changed"),
    }
}
