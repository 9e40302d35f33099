//! Hands records to an encoder and counts them.

use std::io::Write;

use super::Encoder;
use super::sink::Sink;
use crate::exchange::error::{Error, Result};
use crate::exchange::frame::Trailer;

/// An export under way. Keyspaces and keys have to rise; it does not check that.
pub struct Export<'a> {
    encoder: Box<dyn Encoder>,
    sink: Sink<'a>,
    /// The present keyspace; it is told to the encoder when its first record comes.
    keyspace: String,
    begun: bool,
    keyspaces: u64,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What a trailer says, whether the format has one or not.
    pub trailer: Trailer,
    /// Keyspaces that had records.
    pub keyspaces: u64,
}

impl<'a> Export<'a> {
    pub(super) fn start(mut encoder: Box<dyn Encoder>, to: Box<dyn Write + 'a>) -> Result<Self> {
        let mut sink = Sink::new(to);
        encoder.begin(&mut sink)?;
        Ok(Export {
            encoder,
            sink,
            keyspace: "main".to_owned(),
            begun: false,
            keyspaces: 0,
        })
    }

    /// What follows is in this keyspace.
    pub fn keyspace(&mut self, name: &str) {
        if self.keyspace != name {
            name.clone_into(&mut self.keyspace);
            self.begun = false;
        }
    }

    /// Writes an entry.
    #[inline]
    pub fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.record()?;
        self.sink.tally.entry(key, value);
        self.encoder.entry(key, value, &mut self.sink)?;
        self.sink.spill()
    }

    /// Writes that a key is deleted.
    pub fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.record()?;
        self.sink.tally.delete(key);
        self.encoder.delete(key, &mut self.sink)?;
        self.sink.spill()
    }

    /// Writes that a range is deleted.
    pub fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<()> {
        self.record()?;
        self.sink.tally.delete_range(from, to);
        self.encoder.delete_range(from, to, &mut self.sink)?;
        self.sink.spill()
    }

    /// Writes that the keyspace is dropped.
    pub fn drop_keyspace(&mut self) -> Result<()> {
        self.record()?;
        self.sink.tally.delete_range(b"", None);
        self.encoder.drop_keyspace(&mut self.sink)?;
        self.sink.spill()
    }

    #[inline]
    fn record(&mut self) -> Result<()> {
        if self.begun {
            Ok(())
        } else {
            self.begin_keyspace()
        }
    }

    #[cold]
    fn begin_keyspace(&mut self) -> Result<()> {
        if self.keyspaces > 0 && !self.encoder.format().holds_keyspaces() {
            return Err(Error::NotHeld {
                format: self.encoder.format().name(),
                what: "more than one keyspace",
            });
        }
        self.begun = true;
        self.keyspaces += 1;
        self.sink.tally.keyspace(&self.keyspace);
        self.encoder.keyspace(&self.keyspace, &mut self.sink)
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.sink.tally.records()
    }

    /// Writes the end.
    pub fn finish(self) -> Result<Summary> {
        let mut encoder = self.encoder;
        let trailer = self.sink.finish(|trailer, out| encoder.end(trailer, out))?;
        Ok(Summary {
            trailer,
            keyspaces: self.keyspaces,
        })
    }
}
