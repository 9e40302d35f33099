//! Lengths and bytes, between a line that names the format and a marker that shows a cut.

use super::Encoder;
use super::sink::Sink;
use crate::exchange::error::{Error, Result};
use crate::exchange::format::Format;
use crate::exchange::frame::Trailer;

/// The first line.
const MAGIC: &[u8] = b"creel-raw/1\n";

/// The encoder.
pub(super) struct Raw;

impl Encoder for Raw {
    fn format(&self) -> Format {
        Format::Raw
    }

    fn begin(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        sink.text().extend_from_slice(MAGIC);
        Ok(())
    }

    fn keyspace(&mut self, _name: &str, _sink: &mut Sink<'_>) -> Result<()> {
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        for part in [key, value] {
            let length = u32::try_from(part.len()).map_err(|_| Error::NotHeld {
                format: "raw",
                what: "values of 4 GiB and more",
            })?;
            sink.text().extend_from_slice(&length.to_le_bytes());
        }
        sink.text().extend_from_slice(key);
        sink.encode(value, |piece, out| out.extend_from_slice(piece))
    }

    fn end(&mut self, trailer: &Trailer, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.extend_from_slice(&0_u64.to_le_bytes());
        out.extend_from_slice(&trailer.records.to_le_bytes());
        let marker = out.get(start..).unwrap_or(&[]);
        let crc = crc32c::crc32c_append(trailer.crc32c, marker);
        out.extend_from_slice(&crc.to_le_bytes());
        Ok(())
    }
}
