//! What `mdb_load` reads: a section for each keyspace, two lines for each entry.

use super::sink::Sink;
use super::{Encoder, bytes};
use crate::exchange::error::{Error, Result};
use crate::exchange::format::Format;
use crate::exchange::frame::Trailer;

/// The encoder.
pub(super) struct Mdb {
    print: bool,
    mapsize: u64,
    open: bool,
}

impl Mdb {
    /// In the print form or in that of hexadecimal digits.
    pub fn new(print: bool, mapsize: u64) -> Mdb {
        Mdb {
            print,
            mapsize,
            open: false,
        }
    }

    fn section(&mut self, name: &str, out: &mut Vec<u8>) {
        if self.open {
            out.extend_from_slice(b"DATA=END\n");
        }
        self.open = true;
        out.extend_from_slice(b"VERSION=3\nformat=");
        out.extend_from_slice(if self.print { b"print" } else { b"bytevalue" });
        if name != "main" {
            out.extend_from_slice(b"\ndatabase=");
            out.extend_from_slice(name.as_bytes());
        }
        let size = format!("\ntype=btree\nmapsize={}\nHEADER=END\n", self.mapsize);
        out.extend_from_slice(size.as_bytes());
    }

    fn line(&self, value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        sink.text().push(b' ');
        sink.encode(value, if self.print { bytes::print } else { bytes::hex })?;
        sink.text().push(b'\n');
        Ok(())
    }
}

impl Encoder for Mdb {
    fn format(&self) -> Format {
        Format::Mdb
    }

    fn begin(&mut self, _sink: &mut Sink<'_>) -> Result<()> {
        Ok(())
    }

    fn keyspace(&mut self, name: &str, sink: &mut Sink<'_>) -> Result<()> {
        if name.contains(char::is_control) {
            return Err(Error::NotHeld {
                format: "mdb",
                what: "a keyspace whose name has control characters",
            });
        }
        self.section(name, sink.text());
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        self.line(key, sink)?;
        self.line(value, sink)
    }

    fn end(&mut self, _trailer: &Trailer, out: &mut Vec<u8>) -> Result<()> {
        if !self.open {
            self.section("main", out);
        }
        out.extend_from_slice(b"DATA=END\n");
        Ok(())
    }
}
