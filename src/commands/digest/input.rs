//! An export as a source of records in order.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use creel::exchange::compress::Input;
use creel::exchange::read::{Block, Fault, FaultCode, Op, ReadOptions, Reader, Stop};
use creel::exchange::{Error, Format, frame};
use creel::{KeyRange, Progress};

use crate::cli::progress::Meter;
use crate::cli::{Failure, codes, range};
use crate::commands::export::Visit;

/// The beginning by which formats are told apart.
const START: usize = 64;

/// An export that is open.
pub struct Export {
    name: String,
    reader: Reader,
    /// Sections of dumps stand in another order than keyspaces are digested in.
    pub main_first: bool,
}

/// What of it is wanted.
pub struct Wanted<'a> {
    /// Only this keyspace.
    pub keyspace: Option<&'a str>,
    /// Only these keys.
    pub keys: Option<&'a KeyRange>,
    /// Only keyspaces before `main`, or only the others.
    pub before_main: Option<bool>,
}

/// Whether these are the first bytes of an export rather than of a database.
pub fn is_export(start: &[u8], path: &Path) -> bool {
    let packed = Input::open(start).is_ok_and(|i| i.compression().name() != "none");
    packed || Format::of_start(start).is_some() || Format::of_path(path).is_some()
}

/// The first bytes of a file.
pub fn start_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = File::open(path).and_then(head);
    read.map(|(start, _)| start)
        .map_err(|e| Failure::file("read", path, &e))
}

fn head<R: Read>(mut from: R) -> io::Result<(Vec<u8>, R)> {
    let mut start = Vec::with_capacity(START);
    from.by_ref().take(START as u64).read_to_end(&mut start)?;
    Ok((start, from))
}

impl Export {
    /// Opens an export of this name.
    pub fn open(
        from: Box<dyn Read + Send>,
        name: &Path,
        format: Option<Format>,
        keyspace: Option<&str>,
    ) -> Result<Export, Failure> {
        let unpacked = Input::open(from).and_then(head);
        let (start, rest) = unpacked.map_err(|e| unread(e, name))?;
        let format = format
            .or_else(|| Format::of_start(&start))
            .or_else(|| Format::of_path(name))
            .ok_or_else(|| unknown(name))?;
        // Formats without keyspaces hold entries of the one that is asked for.
        let keyspace = keyspace.filter(|_| !format.holds_keyspaces());
        let options = ReadOptions {
            format,
            keyspace: Arc::from(keyspace.unwrap_or("main")),
            ..ReadOptions::default()
        };
        let whole = Box::new(Cursor::new(start).chain(rest));
        Ok(Export {
            name: name.display().to_string(),
            reader: Reader::new(whole, options),
            main_first: format == Format::Mdb,
        })
    }

    /// The header, once records were read.
    pub fn header(&self) -> Option<&frame::Header> {
        self.reader.header()
    }

    /// Hands over every record, to a trailer that matches.
    pub fn walk(
        &mut self,
        wanted: &Wanted<'_>,
        meter: &Meter,
        to: &mut impl Visit,
    ) -> Result<(), Failure> {
        let mut block = Block::new();
        let mut last = (String::new(), Vec::new());
        loop {
            let more = self.reader.fill(&mut block);
            if !more.map_err(|stop| self.stopped(stop))? {
                return Ok(());
            }
            if let Some(reject) = block.rejects().first() {
                return Err(self.bad(&reject.fault));
            }
            self.block(&block, wanted, &mut last, to)?;
            meter.report(block.end().byte, None);
            if meter.stopped() {
                return Err(creel::Error::Interrupted.into());
            }
        }
    }

    fn block(
        &self,
        block: &Block,
        wanted: &Wanted<'_>,
        last: &mut (String, Vec<u8>),
        to: &mut impl Visit,
    ) -> Result<(), Failure> {
        for record in block.records() {
            let name = block.keyspaces().get(usize::from(record.keyspace));
            let name: &str = name.map_or("main", |n| n);
            if !wanted.has(name, record.key, record.op) {
                continue;
            }
            let code = match (last.0.as_str().cmp(name), last.1.as_slice().cmp(record.key)) {
                (Ordering::Greater, _) => Some(FaultCode::OutOfOrder),
                (Ordering::Less, _) => None,
                _ if record.op.is_range() => None,
                (_, Ordering::Greater) => Some(FaultCode::OutOfOrder),
                (_, Ordering::Equal) => Some(FaultCode::DuplicateKey),
                (_, Ordering::Less) => None,
            };
            if let Some(code) = code {
                return Err(self.bad(&Fault::new(code, record.line, record.byte)));
            }
            if last.0 != name {
                name.clone_into(&mut last.0);
                last.1.clear();
            }
            if !record.op.is_range() {
                last.1.clear();
                last.1.extend_from_slice(record.key);
            }
            to.keyspace(name)?;
            match record.op {
                Op::Put => to.entry(record.key, record.value)?,
                Op::Delete => to.delete(record.key)?,
                Op::DeleteRange => to.delete_range(record.key, Some(record.value))?,
                Op::DeleteFrom => to.delete_range(record.key, None)?,
                Op::Drop => to.delete_range(b"", None)?,
            }
        }
        Ok(())
    }

    fn stopped(&self, stop: Stop) -> Failure {
        match stop {
            Stop::Io(error) => unread(error, Path::new(&self.name)),
            Stop::Fault(fault) => self.bad(&fault),
        }
    }

    fn bad(&self, fault: &Fault) -> Failure {
        let failure = Failure::new(
            &codes::BAD_INPUT,
            format!("{}, line {}: {fault}", self.name, fault.line),
        )
        .at(Path::new(&self.name))
        .state("nothing was changed")
        .detail("fault", fault.code.name())
        .detail("line", fault.line)
        .detail("byte", fault.byte);
        match fault.code {
            FaultCode::OutOfOrder | FaultCode::DuplicateKey => failure.hint(
                "a digest needs each key once, in order: creel import it, then digest the database",
            ),
            _ => failure.hint("get the file again from where it was made"),
        }
    }
}

impl Wanted<'_> {
    fn has(&self, name: &str, key: &[u8], op: Op) -> bool {
        let keys = op.is_range() || self.keys.is_none_or(|keys| range::has(keys, key));
        let half = self.before_main.is_none_or(|half| half == (name < "main"));
        keys && half && self.keyspace.is_none_or(|only| only == name)
    }
}

fn unread(error: io::Error, name: &Path) -> Failure {
    match Error::from(error) {
        Error::Io(error) => Failure::file("read", name, &error),
        other => Failure::new(&codes::BAD_INPUT, format!("{}: {other}", name.display()))
            .at(name)
            .state("nothing was changed")
            .hint("unpack it first, or get it again"),
    }
}

fn unknown(name: &Path) -> Failure {
    Failure::usage(format!("the format of {} does not show", name.display()))
        .at(name)
        .hint("name it: --format jsonl, mdb, csv, tsv or raw")
}
