//! Comma-separated values as RFC 4180 has them: two columns, quotation marks around what contains
//! commas, line ends or quotation marks.

use super::block::{Block, Op};
use super::cell;
use super::decode::{Decode, Step, refuse, refuse_long};
use super::fault::{Fault, FaultCode, Flaw};
use super::names::Names;
use super::options::{CellEnc, ReadOptions};

/// The decoder.
pub(super) struct Csv {
    enc: CellEnc,
    names: Names,
    enc_given: bool,
    heading: Heading,
    /// Where in an unfinished record the search for its end goes on, and whether that is between
    /// quotation marks.
    seen: (usize, bool),
    /// Both cells without their marks, used again for each record.
    cell: Vec<u8>,
}

/// What is known about the first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heading {
    /// It names the columns.
    Any,
    /// It does where it says what `creel export` writes.
    Ours,
    /// It is a record.
    None,
}

/// A record of the text.
struct Row<'a> {
    body: &'a [u8],
    /// Bytes with its end.
    len: usize,
    lines: u64,
    open: bool,
}

impl Csv {
    pub fn new(options: &ReadOptions) -> Csv {
        Csv {
            enc: options.enc.unwrap_or(CellEnc::Raw),
            names: Names::new(&options.keyspace),
            enc_given: options.enc.is_some(),
            heading: match (options.header_row, options.bare) {
                (true, _) => Heading::Any,
                (false, true) => Heading::None,
                (false, false) => Heading::Ours,
            },
            seen: (0, false),
            cell: Vec::new(),
        }
    }

    /// The record at the beginning of `text`.
    fn row<'a>(&mut self, text: &'a [u8], last: bool) -> Option<Row<'a>> {
        let (mut at, mut quoted) = self.seen;
        let found = loop {
            let rest = text.get(at..).unwrap_or(&[]);
            match memchr::memchr2(b'"', b'\n', rest) {
                None => break None,
                Some(n) if text.get(at + n) == Some(&b'"') => {
                    quoted = !quoted;
                    at += n + 1;
                }
                Some(n) if quoted => at += n + 1,
                Some(n) => break Some(at + n),
            }
        };
        let (body, len) = match found {
            Some(end) => (text.get(..end)?, end + 1),
            None if last && !text.is_empty() => (text, text.len()),
            None => {
                // A mark at the very end may be one half of a doubled one: both flips are counted
                // when they are seen, so going on behind it is right.
                self.seen = (text.len(), quoted);
                return None;
            }
        };
        self.seen = (0, false);
        let lines = memchr::memchr_iter(b'\n', body).count() as u64 + 1;
        Some(Row {
            body: body.strip_suffix(b"\r").unwrap_or(body),
            len,
            lines,
            open: quoted && found.is_none(),
        })
    }

    /// Takes the first line; true where it is no record.
    fn heading(&mut self, body: &[u8]) -> Result<bool, Flaw> {
        let heading = std::mem::replace(&mut self.heading, Heading::None);
        if heading != Heading::Ours {
            return Ok(heading == Heading::Any);
        }
        let enc = match body {
            b"key,value" | b"\"key\",\"value\"" => return Ok(true),
            b"key_base64,value_base64" | b"\"key_base64\",\"value_base64\"" => CellEnc::Base64,
            b"key_hex,value_hex" | b"\"key_hex\",\"value_hex\"" => CellEnc::Hex,
            _ => return Ok(false),
        };
        if self.enc_given && self.enc != enc {
            let detail = "it names another encoding than --enc";
            return Err(Flaw::new(FaultCode::BadHeader, 0).detail(detail));
        }
        self.enc = enc;
        Ok(true)
    }

    fn row_or_heading(&mut self, body: &[u8], block: &mut Block) -> Result<(), Flaw> {
        if self.heading(body)? {
            return Ok(());
        }
        block.context(Some(self.enc), self.names.default());
        let keyspace = block.keyspace(self.names.default());
        self.record(body, keyspace, block)
    }

    /// Decodes one record.
    fn record(&mut self, body: &[u8], keyspace: u16, block: &mut Block) -> Result<(), Flaw> {
        let at = block.used();
        let (key_len, next) = self.column(body, 0, block, at)?;
        let Some(next) = next else {
            let flaw = Flaw::new(FaultCode::ColumnCount, body.len());
            return Err(flaw.detail("there is no comma"));
        };
        let (value_len, more) = self.column(body, next, block, at + key_len)?;
        if let Some(more) = more {
            return Err(Flaw::new(FaultCode::ColumnCount, more).detail("a third column"));
        }
        block.check(key_len, value_len)?;
        block.push(Op::Put, keyspace, key_len, value_len);
        Ok(())
    }

    /// Decodes the cell at `from`; returns its length and where the next one begins.
    fn column(
        &mut self,
        body: &[u8],
        from: usize,
        block: &mut Block,
        to: usize,
    ) -> Result<(usize, Option<usize>), Flaw> {
        let field = if from == 0 { "key" } else { "payload" };
        let rest = body.get(from..).unwrap_or(&[]);
        let shift = |mut flaw: Flaw| {
            flaw.at += from;
            flaw.field(field)
        };
        if rest.first() == Some(&b'"') {
            let end = from + unquote(rest, &mut self.cell).map_err(shift)?;
            let len = cell::put(self.enc, &self.cell, block, to).map_err(shift)?;
            return match body.get(end) {
                None => Ok((len, None)),
                Some(b',') => Ok((len, Some(end + 1))),
                Some(_) => Err(Flaw::new(FaultCode::BadQuote, end).field(field)),
            };
        }
        let len = memchr::memchr(b',', rest).unwrap_or(rest.len());
        let (text, after) = rest.split_at(len);
        if let Some(mark) = memchr::memchr(b'"', text) {
            return Err(shift(Flaw::new(FaultCode::BadQuote, mark)));
        }
        let used = cell::put(self.enc, text, block, to).map_err(shift)?;
        Ok((used, (!after.is_empty()).then_some(from + len + 1)))
    }
}

/// Decodes one record that stands alone.
pub(super) fn alone(
    enc: CellEnc,
    body: &[u8],
    keyspace: u16,
    block: &mut Block,
) -> Result<(), Flaw> {
    let options = ReadOptions {
        enc: Some(enc),
        bare: true,
        ..ReadOptions::default()
    };
    Csv::new(&options).record(body, keyspace, block)
}

/// Takes the marks off; returns where the cell ends in `text`.
fn unquote(text: &[u8], cell: &mut Vec<u8>) -> Result<usize, Flaw> {
    cell.clear();
    let mut at = 1;
    loop {
        let rest = text.get(at..).unwrap_or(&[]);
        let Some(mark) = memchr::memchr(b'"', rest) else {
            return Err(Flaw::new(FaultCode::OpenQuote, text.len()));
        };
        cell.extend_from_slice(rest.get(..mark).unwrap_or(&[]));
        at += mark + 1;
        if text.get(at) != Some(&b'"') {
            return Ok(at);
        }
        cell.push(b'"');
        at += 1;
    }
}

impl Decode for Csv {
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault> {
        let mut used = 0;
        while !block.is_full() {
            let rest = text.get(used..).unwrap_or(&[]);
            let Some(row) = self.row(rest, last) else {
                break;
            };
            let result = if row.open {
                Err(Flaw::new(FaultCode::OpenQuote, row.body.len()))
            } else if row.body.is_empty() || refuse_long(block, row.body) {
                Ok(())
            } else {
                self.row_or_heading(row.body, block)
            };
            if let Err(flaw) = result {
                refuse(block, flaw, row.body)?;
            }
            block.advance(row.lines, row.len);
            used += row.len;
        }
        Ok(Step { used, event: None })
    }

    fn resume_at(&mut self, text: &[u8]) -> Option<usize> {
        self.seen = (0, false);
        super::text::rest_of_line(text)
    }
}
