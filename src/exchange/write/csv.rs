//! Comma-separated values, RFC 4180.

use super::sink::Sink;
use super::{Encoder, bytes};
use crate::exchange::error::{Error, Result};
use crate::exchange::format::Format;
use crate::exchange::frame::Trailer;

/// What stands in the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cells {
    Text,
    Base64,
    Hex,
}

/// The encoder.
pub(super) struct Csv {
    cells: Cells,
    heading: bool,
}

impl Csv {
    pub fn new(cells: Cells, heading: bool) -> Csv {
        Csv { cells, heading }
    }

    fn cell(&self, value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        match self.cells {
            Cells::Base64 => sink.encode(value, bytes::base64),
            Cells::Hex => sink.encode(value, bytes::hex),
            Cells::Text => text(value, sink),
        }
    }
}

fn text(value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
    if std::str::from_utf8(value).is_err() || memchr::memchr(0, value).is_some() {
        return Err(Error::NotHeld {
            format: "csv",
            what: "bytes that are not text",
        });
    }
    let quote = memchr::memchr3(b',', b'"', b'\n', value).is_some()
        || memchr::memchr(b'\r', value).is_some();
    if !quote {
        return sink.encode(value, |piece, out| out.extend_from_slice(piece));
    }
    sink.text().push(b'"');
    sink.encode(value, bytes::quoted)?;
    sink.text().push(b'"');
    Ok(())
}

impl Encoder for Csv {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn begin(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        if self.heading {
            let names: &[u8] = match self.cells {
                Cells::Text => b"key,value\r\n",
                Cells::Base64 => b"key_base64,value_base64\r\n",
                Cells::Hex => b"key_hex,value_hex\r\n",
            };
            sink.text().extend_from_slice(names);
        }
        Ok(())
    }

    fn keyspace(&mut self, _name: &str, _sink: &mut Sink<'_>) -> Result<()> {
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        self.cell(key, sink)?;
        sink.text().push(b',');
        self.cell(value, sink)?;
        sink.text().extend_from_slice(b"\r\n");
        Ok(())
    }

    fn end(&mut self, _trailer: &Trailer, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
