//! JSON lines: a fast path for the lines that creel itself writes, a strict one for all others.

mod fields;
mod foreign;
mod rejected;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::base64;
use super::block::{Block, Op};
use super::decode::{Decode, Event, Step, refuse, refuse_long};
use super::fault::{Fault, FaultCode, Flaw};
use super::names::Names;
use super::options::{CellEnc, FieldMap, ReadOptions};
use super::{csv, mdb, raw, text, tsv};
use fields::{Fields, Given};
use rejected::Inside;
use scan::{Text, unescape};

use crate::exchange::{Format, frame};

/// The fixed parts of a line as creel writes it.
const KEY: &[u8] = b"{\"key\":\"";
const PAYLOAD: &[u8] = b"\",\"payload\":\"";
const KEYSPACE: &[u8] = b"{\"ks\":\"";
const KEY_AFTER_KEYSPACE: &[u8] = b",\"key\":\"";

/// The decoder.
pub(super) struct Jsonl {
    map: Option<FieldMap>,
    names: Names,
    raw: Vec<u8>,
}

impl Jsonl {
    pub fn new(options: &ReadOptions) -> Jsonl {
        Jsonl {
            map: options.field_map.clone(),
            names: Names::new(&options.keyspace),
            raw: Vec::new(),
        }
    }

    /// Decodes a line that is written as creel writes it; false where it is not quite.
    #[inline]
    fn fast(&mut self, line: &[u8], block: &mut Block) -> bool {
        let (keyspace, rest) = if let Some(rest) = line.strip_prefix(KEY) {
            (block.keyspace(self.names.default()), rest)
        } else {
            match self.fast_keyspace(line, block) {
                Some(found) => found,
                None => return false,
            }
        };
        let Some(end) = memchr::memchr(b'"', rest) else {
            return false;
        };
        let (key, rest) = rest.split_at(end);
        let payload = rest.strip_prefix(PAYLOAD);
        let Some(payload) = payload.and_then(|p| p.strip_suffix(b"\"}")) else {
            return false;
        };
        let at = block.used();
        // What is no base64, a quotation mark for example, is for the strict path.
        let room = block.room(at, base64::room_for(key.len()));
        let Some(key) = base64::decode(key, room) else {
            return false;
        };
        let room = block.room(at + key, base64::room_for(payload.len()));
        let Some(value) = base64::decode(payload, room) else {
            return false;
        };
        if block.check(key, value).is_err() {
            return false;
        }
        block.push(Op::Put, keyspace, key, value);
        true
    }

    #[inline]
    fn fast_keyspace<'a>(&mut self, line: &'a [u8], block: &mut Block) -> Option<(u16, &'a [u8])> {
        let rest = line.strip_prefix(KEYSPACE)?;
        let end = memchr::memchr2(b'"', b'\\', rest)?;
        let (name, rest) = rest.split_at(end);
        let rest = rest.strip_prefix(b"\"")?.strip_prefix(KEY_AFTER_KEYSPACE)?;
        if name.iter().any(|b| *b < 0x20) {
            return None;
        }
        let name = self.names.get(name).ok()?;
        Some((block.keyspace(name), rest))
    }

    /// Decodes any other line.
    #[inline(never)]
    fn strict(&mut self, line: &[u8], block: &mut Block) -> Result<(), Flaw> {
        if let Some(map) = &self.map {
            let keyspace = block.keyspace(self.names.default());
            if !line.starts_with(b"{\"creel_reject\"") {
                return foreign::decode(map, line, keyspace, block);
            }
        }
        let mut fields = Fields::read(line)?;
        let Some(inside) = fields.reject else {
            let default = Arc::clone(self.names.default());
            return self.record(&mut fields, &default, block);
        };
        fields.all_known()?;
        let mut raw = std::mem::take(&mut self.raw);
        let result = rejected::unwrap(inside, &mut raw).and_then(|how| {
            let decoded = self.inside(&how, &raw, block);
            // Places in it mean nothing to the reader of the outer line.
            decoded.map_err(|flaw| Flaw { at: 0, ..flaw })
        });
        self.raw = raw;
        result
    }

    /// Decodes the line inside a reject.
    fn inside(&mut self, how: &Inside<'_>, raw: &[u8], block: &mut Block) -> Result<(), Flaw> {
        let default = Arc::clone(match how.ks {
            Some(name) => self.named(name)?,
            None => self.names.default(),
        });
        let keyspace = block.keyspace(&default);
        match (how.format, how.enc, &self.map) {
            (Format::Jsonl, _, Some(map)) => foreign::decode(map, raw, keyspace, block),
            (Format::Jsonl, _, None) => match Fields::read(raw)? {
                fields if fields.reject.is_some() => {
                    Err(Flaw::new(FaultCode::UnknownField, 0).detail("a reject inside a reject"))
                }
                mut fields => self.record(&mut fields, &default, block),
            },
            (Format::Tsv, enc, _) => {
                tsv::record(enc.unwrap_or(CellEnc::Escape), raw, keyspace, block)
            }
            (Format::Csv, enc, _) => csv::alone(enc.unwrap_or(CellEnc::Raw), raw, keyspace, block),
            (Format::Mdb, enc, _) => {
                let end = memchr::memchr(b'\n', raw).unwrap_or(raw.len());
                let (key, value) = raw.split_at(end);
                let value = value.get(1..).unwrap_or(&[]);
                mdb::pair(enc.unwrap_or(CellEnc::Hex), key, value, keyspace, block)
            }
            (Format::Raw, _, _) => raw::alone(raw, keyspace, block),
        }
    }

    fn record(
        &mut self,
        fields: &mut Fields<'_>,
        default: &Arc<str>,
        block: &mut Block,
    ) -> Result<(), Flaw> {
        // The last line of `creel list --json` tells about the list.
        if fields.record.is_some_and(|r| r.inner == b"end") {
            return Ok(());
        }
        fields.all_known()?;
        let keyspace = match fields.ks {
            None => block.keyspace(default),
            Some(name) => block.keyspace(self.named(name)?),
        };
        let op = fields.op.map_or(&b"put"[..], |op| op.inner);
        match op {
            b"put" => put(fields, keyspace, block),
            b"del" | b"delete" => delete(fields, keyspace, block),
            b"del_range" => delete_range(fields, keyspace, block),
            b"drop" => {
                refuse_given(fields, &["key", "payload", "from", "to"])?;
                block.push(Op::Drop, keyspace, 0, 0);
                Ok(())
            }
            _ => {
                let at = fields.op.map_or(0, |op| op.at);
                Err(Flaw::new(FaultCode::BadOp, at).field("op"))
            }
        }
    }

    fn named(&mut self, name: Text<'_>) -> Result<&Arc<str>, Flaw> {
        let at = |mut flaw: Flaw| {
            flaw.at += name.at;
            flaw
        };
        if !name.escaped {
            return self.names.get(name.inner).map_err(at);
        }
        let mut plain = Vec::new();
        unescape(name, |bytes| plain.extend_from_slice(bytes))?;
        self.names.get(&plain).map_err(at)
    }
}

impl Decode for Jsonl {
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault> {
        let mut used = 0;
        let mut event = None;
        block.context(None, self.names.default());
        while !block.is_full() {
            let Some(line) = text.get(used..).and_then(|t| text::line(t, last)) else {
                break;
            };
            if refuse_long(block, line.body) {
                // Its end is known, so reading goes on behind it.
            } else if self.map.is_some() || !self.fast(line.body, block) {
                event = self.frames(line);
                if event.is_some() {
                    break;
                }
                self.other(line, block)?;
            }
            block.advance(1, line.len);
            used += line.len;
        }
        Ok(Step { used, event })
    }
}

impl Jsonl {
    /// Header or trailer; among foreign objects there are none.
    fn frames(&self, line: text::Line<'_>) -> Option<Event> {
        match frame::kind(line.body) {
            _ if self.map.is_some() => None,
            frame::Line::Header => Some(Event::Header(line.len)),
            frame::Line::Trailer => Some(Event::Trailer(line.len)),
            frame::Line::Other => None,
        }
    }

    fn other(&mut self, line: text::Line<'_>, block: &mut Block) -> Result<(), Fault> {
        if line.body.trim_ascii().is_empty() {
            return Ok(());
        }
        let Err(mut flaw) = self.strict(line.body, block) else {
            return Ok(());
        };
        if !line.ended && flaw.at >= line.body.len() && flaw.code == FaultCode::BadJson {
            flaw = Flaw::new(FaultCode::CutLine, flaw.at);
        }
        refuse(block, flaw, line.body)
    }
}

fn put(fields: &Fields<'_>, keyspace: u16, block: &mut Block) -> Result<(), Flaw> {
    refuse_given(fields, &["from", "to"])?;
    let key = fields.key.ok_or(Flaw::new(FaultCode::MissingKey, 0))?;
    let payload = fields.payload;
    let payload = payload.ok_or(Flaw::new(FaultCode::MissingValue, 0))?;
    let at = block.used();
    let key_len = key.put(block, at)?;
    let value_len = payload.put(block, at + key_len)?;
    block
        .check(key_len, value_len)
        .map_err(|f| place(f, &key))?;
    if let Some(stated) = fields.value_bytes
        && stated != value_len.to_string().as_bytes()
    {
        return Err(Flaw::new(FaultCode::LengthDiffers, payload.text.at));
    }
    block.push(Op::Put, keyspace, key_len, value_len);
    Ok(())
}

fn delete(fields: &Fields<'_>, keyspace: u16, block: &mut Block) -> Result<(), Flaw> {
    refuse_given(fields, &["payload", "from", "to"])?;
    let key = fields.key.ok_or(Flaw::new(FaultCode::MissingKey, 0))?;
    let len = key.put(block, block.used())?;
    block.check(len, 0).map_err(|f| place(f, &key))?;
    block.push(Op::Delete, keyspace, len, 0);
    Ok(())
}

fn delete_range(fields: &Fields<'_>, keyspace: u16, block: &mut Block) -> Result<(), Flaw> {
    refuse_given(fields, &["key", "payload"])?;
    let missing = Flaw::new(FaultCode::MissingKey, 0).detail("from");
    let from = fields.from.ok_or(missing)?;
    let at = block.used();
    let from_len = from.put(block, at)?;
    let Some(to) = fields.to else {
        block.push(Op::DeleteFrom, keyspace, from_len, 0);
        return Ok(());
    };
    let to_len = to.put(block, at + from_len)?;
    let (low, high) = block.room(at, from_len + to_len).split_at(from_len);
    if low > high {
        return Err(Flaw::new(FaultCode::BadRange, to.text.at));
    }
    block.push(Op::DeleteRange, keyspace, from_len, to_len);
    Ok(())
}

/// A flaw of the key is told at the key.
fn place(flaw: Flaw, key: &Given<'_>) -> Flaw {
    Flaw {
        at: key.text.at,
        ..flaw
    }
}

fn refuse_given(fields: &Fields<'_>, names: &[&'static str]) -> Result<(), Flaw> {
    let given = [&fields.key, &fields.payload, &fields.from, &fields.to];
    for field in given.into_iter().flatten() {
        if names.contains(&field.field) {
            let flaw = Flaw::new(FaultCode::UnexpectedField, field.text.at);
            return Err(flaw.field(field.field));
        }
    }
    Ok(())
}
