//! What `mdb_dump` and `db_dump` write: sections of a header, pairs of lines, and `DATA=END`.

use std::sync::Arc;

use super::block::{Block, Op};
use super::cell;
use super::decode::{Decode, Step, refuse, refuse_long};
use super::fault::{Fault, FaultCode, Flaw};
use super::framed::TrailerState;
use super::names::Names;
use super::options::{CellEnc, ReadOptions};
use super::text::line;

/// Where in a section the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a section.
    Outside,
    Header,
    Data,
}

/// The decoder.
pub(super) struct Mdb {
    names: Names,
    place: Place,
    keyspace: Arc<str>,
    enc: CellEnc,
    /// The section says which of the two.
    format_known: bool,
    sections: u64,
    allow_duplicates: bool,
    allow_truncated: bool,
}

impl Mdb {
    pub fn new(options: &ReadOptions) -> Mdb {
        Mdb {
            names: Names::new(&options.keyspace),
            place: Place::Outside,
            keyspace: Arc::clone(&options.keyspace),
            enc: CellEnc::Hex,
            format_known: false,
            sections: 0,
            allow_duplicates: options.allow_duplicates,
            allow_truncated: options.allow_truncated,
        }
    }

    /// A line outside of the data.
    fn heading(&mut self, body: &[u8]) -> Result<(), Flaw> {
        let bad = || Flaw::new(FaultCode::BadHeader, 0);
        let text = std::str::from_utf8(body).map_err(|_| bad())?.trim_end();
        if self.place == Place::Outside {
            if text.is_empty() {
                return Ok(());
            }
            match text.strip_prefix("VERSION=") {
                Some("2" | "3") => {}
                Some(_) => return Err(Flaw::new(FaultCode::Unsupported, 0).detail("its VERSION")),
                None if self.sections > 0 => return Err(Flaw::new(FaultCode::BadLine, 0)),
                None => return Err(bad().detail("a dump begins with VERSION=3")),
            }
            self.place = Place::Header;
            self.format_known = false;
            self.keyspace = Arc::clone(self.names.default());
            self.sections += 1;
            return Ok(());
        }
        if text == "HEADER=END" {
            if !self.format_known {
                return Err(bad().detail("there is no format= line"));
            }
            self.place = Place::Data;
            return Ok(());
        }
        let (name, value) = text.split_once('=').ok_or_else(bad)?;
        self.setting(name, value)
    }

    fn setting(&mut self, name: &str, value: &str) -> Result<(), Flaw> {
        let unsupported = |what: &str| Flaw::new(FaultCode::Unsupported, 0).detail(what);
        match (name, value) {
            ("format", "print" | "bytevalue") => {
                self.enc = match value {
                    "print" => CellEnc::Print,
                    _ => CellEnc::Hex,
                };
                self.format_known = true;
            }
            ("format", _) => return Err(unsupported("a format other than print and bytevalue")),
            ("database" | "subdatabase", name) => {
                self.keyspace = Arc::clone(self.names.get(name.as_bytes())?);
            }
            ("type", "btree" | "hash") => {}
            ("type", _) => return Err(unsupported("a type other than btree and hash")),
            ("keys", "0") => return Err(unsupported("a dump without keys")),
            ("duplicates" | "dupsort", "1") if !self.allow_duplicates => {
                let what = "several values for one key; --duplicates first or last keeps one";
                return Err(unsupported(what));
            }
            // Sizes, page sizes and the like mean nothing elsewhere.
            _ => {}
        }
        Ok(())
    }

    /// Takes one step in the data; `None` where more text is needed.
    fn data(
        &mut self,
        text: &[u8],
        last: bool,
        block: &mut Block,
    ) -> Result<Option<(u64, usize)>, Fault> {
        let Some(key) = line(text, last) else {
            return Ok(None);
        };
        if key.body == b"DATA=END" {
            self.place = Place::Outside;
            return Ok(Some((1, key.len)));
        }
        let rest = text.get(key.len..).unwrap_or(&[]);
        let value = match line(rest, last) {
            Some(value) if value.body != b"DATA=END" => value,
            None if !last => return Ok(None),
            _ => {
                let code = if last && rest.is_empty() {
                    FaultCode::CutLine
                } else {
                    FaultCode::MissingValue
                };
                refuse(block, Flaw::new(code, key.body.len()), key.body)?;
                return Ok(Some((1, key.len)));
            }
        };
        let both = text.get(..key.len + value.body.len()).unwrap_or(&[]);
        if !value.ended {
            refuse(block, Flaw::new(FaultCode::CutLine, both.len()), both)?;
        } else if !refuse_long(block, key.body)
            && !refuse_long(block, value.body)
            && let Err(flaw) = {
                let keyspace = block.keyspace(&self.keyspace);
                pair(self.enc, key.body, value.body, keyspace, block)
            }
        {
            refuse(block, flaw, both)?;
        }
        Ok(Some((2, key.len + value.len)))
    }
}

/// Decodes a key and its value.
pub(super) fn pair(
    enc: CellEnc,
    key: &[u8],
    value: &[u8],
    keyspace: u16,
    block: &mut Block,
) -> Result<(), Flaw> {
    let at = block.used();
    let key_len = put(enc, key, block, at).map_err(|f| f.field("key"))?;
    let value_len = put(enc, value, block, at + key_len).map_err(|mut flaw| {
        flaw.at += key.len() + 1;
        flaw.field("payload")
    })?;
    block.check(key_len, value_len)?;
    block.push(Op::Put, keyspace, key_len, value_len);
    Ok(())
}

fn put(enc: CellEnc, body: &[u8], block: &mut Block, at: usize) -> Result<usize, Flaw> {
    let Some(text) = body.strip_prefix(b" ") else {
        let flaw = Flaw::new(FaultCode::BadLine, 0);
        return Err(flaw.detail("a line of data begins with a space"));
    };
    cell::put(enc, text, block, at).map_err(|mut flaw| {
        flaw.at += 1;
        flaw
    })
}

impl Decode for Mdb {
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault> {
        let mut used = 0;
        while !block.is_full() {
            let rest = text.get(used..).unwrap_or(&[]);
            if rest.is_empty() {
                break;
            }
            let (lines, len) = if self.place == Place::Data {
                block.context(Some(self.enc), &self.keyspace);
                match self.data(rest, last, block)? {
                    Some(step) => step,
                    None => break,
                }
            } else {
                let Some(line) = line(rest, last) else { break };
                self.heading(line.body).map_err(|flaw| {
                    // Without its header nothing in a section means anything.
                    let code = match flaw.code {
                        code @ (FaultCode::Unsupported | FaultCode::TooManyKeyspaces) => code,
                        _ => FaultCode::BadHeader,
                    };
                    Flaw { code, ..flaw }.in_line(block.end.line + 1, block.end.byte)
                })?;
                (1, line.len)
            };
            block.advance(lines, len);
            used += len;
        }
        Ok(Step { used, event: None })
    }

    fn finish(&mut self, block: &Block) -> Result<TrailerState, Fault> {
        if self.place == Place::Outside {
            return Ok(TrailerState::Matched);
        }
        if self.allow_truncated {
            return Ok(TrailerState::Missing);
        }
        let fault = Fault::new(FaultCode::CutInput, block.end.line + 1, block.end.byte);
        Err(fault.detail("DATA=END is missing"))
    }
}
