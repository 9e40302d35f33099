//! Key, tab, value, escaped as `creel list` prints them.

use super::sink::Sink;
use super::{Encoder, bytes};
use crate::exchange::error::Result;
use crate::exchange::format::Format;
use crate::exchange::frame::Trailer;

/// The encoder.
pub(super) struct Tsv;

impl Encoder for Tsv {
    fn format(&self) -> Format {
        Format::Tsv
    }

    fn begin(&mut self, _sink: &mut Sink<'_>) -> Result<()> {
        Ok(())
    }

    fn keyspace(&mut self, _name: &str, _sink: &mut Sink<'_>) -> Result<()> {
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        sink.encode(key, bytes::escape)?;
        sink.text().push(b'\t');
        sink.encode(value, bytes::escape)?;
        sink.text().push(b'\n');
        Ok(())
    }

    fn end(&mut self, _trailer: &Trailer, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
