//! Reads an input from beginning to end, block by block, and checks what frames it.

use std::io::{self, Read};

use super::block::{Block, Mark};
use super::csv::Csv;
use super::decode::{Decode, Event, Step};
use super::fault::{Fault, FaultCode, Flaw};
use super::framed::{Framed, TrailerState};
use super::identity::{IDENTITY, Identity};
use super::jsonl::Jsonl;
use super::mdb::Mdb;
use super::options::{Cut, Limits, ReadOptions};
use super::raw::Raw;
use super::text::Window;
use super::tsv::Tsv;
use crate::exchange::compress::{Compression, Input};
use crate::exchange::frame::Header;
use crate::exchange::{Error, Format};

/// Records of one block, so that its spans stay small beside its bytes.
const RECORDS: usize = 8 << 10;
/// So much of it is enough to tell formats apart.
const START: usize = 16;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why reading ended early.
#[derive(Debug)]
pub enum Stop {
    /// The system refused a call.
    Io(io::Error),
    /// The input is wrong in a way that cannot be passed over.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

/// Reads records.
pub struct Reader {
    input: Box<dyn Read + Send>,
    options: ReadOptions,
    compression: Compression,
    window: Window,
    decoder: Box<dyn Decode>,
    framed: Framed,
    mark: Mark,
    /// A place that an earlier run came to, and what it had read by then.
    known: Option<Mark>,
    /// Of a batch: records and bytes so far.
    batch: (u64, u64),
    /// In the middle of a record that is too long.
    skipping: bool,
    begun: bool,
    /// The compressed input ended early, which was allowed.
    cut: bool,
    done: bool,
}

impl Reader {
    /// A reader of uncompressed bytes.
    pub fn new(input: Box<dyn Read + Send>, options: ReadOptions) -> Reader {
        let decoder = decoder(&options);
        Reader {
            input,
            window: Window::new(options.max_line),
            framed: Framed::new(&options),
            compression: Compression::None,
            options,
            decoder,
            mark: Mark::default(),
            known: None,
            batch: (0, 0),
            skipping: false,
            begun: false,
            cut: false,
            done: false,
        }
    }

    /// A reader of bytes that may be compressed, which the first of them tell.
    pub fn open(input: impl Read + Send + 'static, options: ReadOptions) -> Result<Reader, Stop> {
        let input =
            Input::open(input).map_err(|e| refused(e, Mark::default(), Ahead::default()))?;
        let compression = input.compression();
        let mut reader = Reader::new(Box::new(input), options);
        reader.compression = compression;
        Ok(reader)
    }

    /// The format; known once the beginning was read.
    pub fn format(&self) -> Format {
        self.options.format
    }

    /// Lets the first bytes say what the input is, where nobody else did.
    fn guess(&mut self) {
        if !std::mem::take(&mut self.options.guess) || self.options.field_map.is_some() {
            return;
        }
        let found = Format::of_start(self.window.text());
        if let Some(found) = found.filter(|f| *f != self.options.format) {
            self.options.format = found;
            self.decoder = decoder(&self.options);
        }
    }

    /// How the input is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Reads the beginning of the input, without decoding it, and tells which input this is.
    pub fn identify(&mut self) -> Result<Identity, Stop> {
        while self.window.text().len() < IDENTITY && !self.window.ended() {
            self.read()?;
        }
        self.guess();
        let text = self.window.text();
        let head = text.get(..IDENTITY).unwrap_or(text);
        Ok(Identity::new(&self.options, head))
    }

    /// Asks for a check that the input has not changed before this place, where an earlier run
    /// came to.
    pub fn expect(&mut self, known: Mark) {
        self.known = Some(known);
    }

    /// The header, once the first block was read.
    pub fn header(&self) -> Option<&Header> {
        self.framed.header.as_ref()
    }

    /// True when the input promises rising keys; known once the first block was read.
    pub fn promises_order(&self) -> bool {
        self.framed.promises_order()
    }

    /// What is known about the trailer.
    pub fn trailer(&self) -> TrailerState {
        self.framed.state
    }

    /// How far reading has come.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Decodes the next piece of the input into a block; false at the end, where the trailer has
    /// matched. A block may come without records.
    pub fn fill(&mut self, block: &mut Block) -> Result<bool, Stop> {
        block.begin(self.mark, self.limits(), self.window.text().len());
        loop {
            let before = self.mark.byte;
            if !self.begun {
                self.begin(block)?;
            }
            if self.skipping {
                self.skip(block)?;
            }
            if !self.skipping && self.begun {
                self.decode(block)?;
            }
            if self.mark.byte > before {
                self.count_batch(block);
                return Ok(true);
            }
            if self.window.ended() {
                return self.finish(block);
            }
            if self.window.is_full() && !self.skipping {
                self.too_long(block)?;
                continue;
            }
            self.read_more()?;
        }
    }

    fn limits(&self) -> Limits {
        let (records, bytes) = match self.options.cut {
            Some(Cut { records, bytes }) => (records - self.batch.0, bytes - self.batch.1),
            None => (u64::MAX, u64::MAX),
        };
        let narrow = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Limits {
            key: self.options.max_key,
            value: self.options.max_value,
            line: self.options.max_line,
            reject_bytes: self.options.reject_bytes,
            records: narrow(records).min(RECORDS),
            bytes: narrow(bytes),
        }
    }

    /// A block that fills the batch is marked: the next record belongs to the next batch.
    fn count_batch(&mut self, block: &mut Block) {
        let Some(cut) = self.options.cut else { return };
        let (records, bytes) = block.size();
        self.batch.0 += records as u64;
        self.batch.1 += bytes as u64;
        if self.batch.0 >= cut.records || self.batch.1 >= cut.bytes {
            self.batch = (0, 0);
            block.cut = true;
        }
    }

    /// Reads until there may be a whole record more.
    fn read_more(&mut self) -> Result<(), Stop> {
        loop {
            let seen = self.window.text().len();
            self.read()?;
            let fresh = self.window.text().get(seen..).unwrap_or(&[]);
            if self.window.ended() || self.window.is_full() || self.decoder.may_end(fresh) {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> Result<(), Stop> {
        match self.window.read(self.input.as_mut()) {
            Ok(_) => Ok(()),
            Err(error) => match refused(error, self.mark, self.ahead()) {
                Stop::Fault(fault)
                    if fault.code == FaultCode::CutInput && self.options.allow_truncated =>
                {
                    self.window.end();
                    self.cut = true;
                    Ok(())
                }
                stop => Err(stop),
            },
        }
    }

    fn ahead(&self) -> Ahead {
        let text = self.window.text();
        let mut ahead = Ahead {
            lines: 0,
            begin: 0,
            bytes: text.len() as u64,
        };
        if self.options.format != Format::Raw {
            for end in memchr::memchr_iter(b'\n', text) {
                ahead.lines += 1;
                ahead.begin = end as u64 + 1;
            }
        }
        ahead
    }

    /// Looks at the first bytes: text may begin with a byte order mark.
    fn begin(&mut self, block: &mut Block) -> Result<(), Stop> {
        while self.window.text().len() < START && !self.window.ended() {
            self.read()?;
        }
        self.guess();
        self.begun = true;
        if self.options.format != Format::Raw && self.window.text().starts_with(BOM) {
            block.advance(0, BOM.len());
            self.consume(BOM.len(), block)?;
        }
        Ok(())
    }

    fn decode(&mut self, block: &mut Block) -> Result<(), Stop> {
        let seen = (block.len(), block.rejects().len());
        let text = self.window.text();
        let last = self.window.ended();
        let first = self.mark.line == 0;
        let Step { used, event } = self.decoder.decode(text, last, block)?;
        if used > 0 && self.framed.state == TrailerState::Matched {
            let fault = Fault::new(FaultCode::AfterTrailer, self.mark.line + 1, self.mark.byte);
            return Err(fault.into());
        }
        self.consume(used, block)?;
        self.framed.records(block, seen)?;
        let Some(event) = event else { return Ok(()) };
        let (Event::Header(len) | Event::Trailer(len)) = event;
        let line = self.window.text().get(..len).unwrap_or(&[]);
        match event {
            Event::Header(_) => self.framed.begin(line, self.mark, first && used == 0)?,
            Event::Trailer(_) => self.framed.end(line, self.mark)?,
        }
        block.advance(1, len);
        self.consume(len, block)
    }

    /// Steps over text that was decoded, and checks it where an earlier run came to.
    fn consume(&mut self, bytes: usize, block: &mut Block) -> Result<(), Stop> {
        let text = self.window.text().get(..bytes).unwrap_or(&[]);
        let end = self.mark.byte + bytes as u64;
        if let Some(known) = self.known
            && end >= known.byte
        {
            let part = usize::try_from(known.byte - self.mark.byte).unwrap_or(0);
            let (before, after) = text.split_at_checked(part).unwrap_or((text, &[]));
            let crc = crc32c::crc32c_append(self.mark.crc, before);
            if crc != known.crc {
                return Err(self.other_input().into());
            }
            self.known = None;
            self.mark.crc = crc32c::crc32c_append(crc, after);
        } else {
            self.mark.crc = crc32c::crc32c_append(self.mark.crc, text);
        }
        self.window.consume(bytes);
        self.mark.byte = end;
        self.mark.line = block.end.line;
        block.end = self.mark;
        Ok(())
    }

    fn other_input(&self) -> Fault {
        Fault::new(FaultCode::OtherInput, self.mark.line + 1, self.mark.byte)
    }

    /// Refuses a record that the window cannot hold, and what of it is to come.
    fn too_long(&mut self, block: &mut Block) -> Result<(), Stop> {
        let text = self.window.text();
        let flaw = Flaw::new(FaultCode::LongLine, self.options.max_line);
        if self.decoder.resume_at(b"\n").is_none() {
            let fault = flaw.in_line(self.mark.line + 1, self.mark.byte);
            return Err(fault.into());
        }
        block.reject(flaw, text);
        block.cut_last_reject();
        self.framed
            .records(block, (block.len(), block.rejects().len() - 1))?;
        self.skipping = true;
        Ok(())
    }

    /// Steps over the rest of a record that is too long.
    fn skip(&mut self, block: &mut Block) -> Result<(), Stop> {
        let text = self.window.text();
        let (bytes, lines) = match self.decoder.resume_at(text) {
            Some(end) => (end, 1),
            None if self.window.ended() => (text.len(), 1),
            None => (text.len(), 0),
        };
        self.skipping = lines == 0;
        block.advance(lines, bytes);
        self.consume(bytes, block)
    }

    /// An export has a header even of nothing; nothing at all is what a command leaves that failed.
    fn may_be_empty(&self) -> bool {
        let options = &self.options;
        options.bare || options.field_map.is_some() || options.format == Format::Tsv
    }

    fn finish(&mut self, block: &mut Block) -> Result<bool, Stop> {
        if self.done {
            return Ok(false);
        }
        let mut format = self.decoder.finish(block)?;
        if self.mark.byte == 0 && !self.may_be_empty() {
            if !self.options.allow_truncated {
                return Err(Fault::new(FaultCode::EmptyInput, 1, 0).into());
            }
            self.cut = true;
        }
        if self.cut {
            format = TrailerState::Missing;
        }
        self.framed
            .finish(self.mark, format, self.options.allow_truncated)?;
        if self.known.is_some() {
            return Err(self.other_input().into());
        }
        self.done = true;
        Ok(false)
    }
}

fn decoder(options: &ReadOptions) -> Box<dyn Decode> {
    match options.format {
        Format::Jsonl => Box::new(Jsonl::new(options)),
        Format::Mdb => Box::new(Mdb::new(options)),
        Format::Csv => Box::new(Csv::new(options)),
        Format::Tsv => Box::new(Tsv::new(options)),
        Format::Raw => Box::new(Raw::new(options)),
    }
}

/// Text that was unpacked, but not decoded yet.
#[derive(Debug, Default)]
struct Ahead {
    /// Whole lines, and where the last line begins.
    lines: u64,
    begin: u64,
    bytes: u64,
}

/// Compressed data that is cut or damaged is bad input, not a failure of the system. It is wrong
/// behind all that could be unpacked.
fn refused(error: io::Error, mark: Mark, ahead: Ahead) -> Stop {
    let known = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    let (code, text) = match known {
        Some(e @ Error::CutCompressed { .. }) => (FaultCode::CutInput, e.to_string()),
        Some(e @ Error::BadCompressed { .. }) => (FaultCode::DamagedInput, e.to_string()),
        Some(e @ Error::ForeignCompression { .. }) => (FaultCode::Unsupported, e.to_string()),
        _ => return Stop::Io(error),
    };
    let fault = Fault::new(code, mark.line + ahead.lines + 1, mark.byte + ahead.begin);
    Stop::Fault(fault.at(mark.byte + ahead.bytes).detail(text))
}
