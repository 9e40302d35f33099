//! Key, tab, value, one record a line; escaped as `creel list` prints them unless told otherwise.

use super::block::{Block, Op};
use super::cell;
use super::decode::{Decode, Step, refuse, refuse_long};
use super::fault::{Fault, FaultCode, Flaw};
use super::names::Names;
use super::options::{CellEnc, ReadOptions};
use super::text::line;

/// The decoder.
pub(super) struct Tsv {
    enc: CellEnc,
    names: Names,
    /// The first line names the columns.
    heading: bool,
}

impl Tsv {
    pub fn new(options: &ReadOptions) -> Tsv {
        Tsv {
            enc: options.enc.unwrap_or(CellEnc::Escape),
            names: Names::new(&options.keyspace),
            heading: options.header_row,
        }
    }
}

/// Decodes one line.
pub(super) fn record(
    enc: CellEnc,
    body: &[u8],
    keyspace: u16,
    block: &mut Block,
) -> Result<(), Flaw> {
    let mut tabs = memchr::memchr_iter(b'\t', body);
    let Some(tab) = tabs.next() else {
        return Err(Flaw::new(FaultCode::ColumnCount, body.len()).detail("there is no tab"));
    };
    if let Some(second) = tabs.next() {
        return Err(Flaw::new(FaultCode::ColumnCount, second).detail("a second tab"));
    }
    let (key, value) = body.split_at(tab);
    let value = value.get(1..).unwrap_or(&[]);
    let at = block.used();
    let key_len = cell::put(enc, key, block, at).map_err(|f| f.field("key"))?;
    let value_len = cell::put(enc, value, block, at + key_len).map_err(|mut flaw| {
        flaw.at += tab + 1;
        flaw.field("payload")
    })?;
    block.check(key_len, value_len)?;
    block.push(Op::Put, keyspace, key_len, value_len);
    Ok(())
}

impl Decode for Tsv {
    fn decode(&mut self, text: &[u8], last: bool, block: &mut Block) -> Result<Step, Fault> {
        let mut used = 0;
        let keyspace = block.keyspace(self.names.default());
        block.context(Some(self.enc), self.names.default());
        while !block.is_full() {
            let Some(line) = text.get(used..).and_then(|t| line(t, last)) else {
                break;
            };
            if std::mem::take(&mut self.heading) || line.body.is_empty() {
                // Neither is a record.
            } else if !refuse_long(block, line.body)
                && let Err(flaw) = record(self.enc, line.body, keyspace, block)
            {
                refuse(block, flaw, line.body)?;
            }
            block.advance(1, line.len);
            used += line.len;
        }
        Ok(Step { used, event: None })
    }
}
