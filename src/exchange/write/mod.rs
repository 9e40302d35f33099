//! Records to text, in five formats. `docs/exchange.md` specifies them.

mod bytes;
mod csv;
mod export;
mod jsonl;
mod mdb;
mod options;
mod raw;
mod sink;
#[cfg(test)]
mod tests;
mod tsv;

pub use export::{Export, Summary};
pub use options::{Enc, Options};
pub use sink::Sink;

use super::error::{Error, Result};
use super::format::Format;
use super::frame::Trailer;

/// Writes records in one format. What it appends may be written out at any time.
pub trait Encoder {
    /// The format, for errors.
    fn format(&self) -> Format;

    /// Before everything else.
    fn begin(&mut self, sink: &mut Sink<'_>) -> Result<()>;

    /// Records of this keyspace follow: at least one.
    fn keyspace(&mut self, name: &str, sink: &mut Sink<'_>) -> Result<()>;

    /// An entry.
    fn entry(&mut self, key: &[u8], value: &[u8], sink: &mut Sink<'_>) -> Result<()>;

    /// A deleted key.
    fn delete(&mut self, _key: &[u8], _sink: &mut Sink<'_>) -> Result<()> {
        Err(no_changes(self.format()))
    }

    /// A deleted range, up to `to` or to the end.
    fn delete_range(
        &mut self,
        _from: &[u8],
        _to: Option<&[u8]>,
        _sink: &mut Sink<'_>,
    ) -> Result<()> {
        Err(no_changes(self.format()))
    }

    /// The keyspace is gone with all that it held.
    fn drop_keyspace(&mut self, _sink: &mut Sink<'_>) -> Result<()> {
        Err(no_changes(self.format()))
    }

    /// What stands behind the last record; `trailer` says what has been written by now.
    fn end(&mut self, trailer: &Trailer, out: &mut Vec<u8>) -> Result<()>;
}

fn no_changes(format: Format) -> Error {
    Error::NotHeld {
        format: format.name(),
        what: "deletions",
    }
}
