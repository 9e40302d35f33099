//! Where an export goes: through compression, counted, to a stream.

use std::io::{self, Write};
use std::path::PathBuf;

use creel::exchange::Error;
use creel::exchange::compress::{Compression, Output};
use creel::exchange::write::{Export, Options, Summary};

use super::selection::Visit;
use crate::cli::args::OutFileArgs;
use crate::cli::behind::behind;
use crate::cli::stream::Stream;
use crate::cli::{Failure, codes};

/// An output that is open.
pub struct Target {
    stream: Stream,
    compression: Compression,
}

/// What was written.
pub struct Written {
    /// What the trailer says.
    pub summary: Summary,
    /// Bytes before compression.
    pub bytes: u64,
    /// Bytes written.
    pub stored: u64,
    /// The file; `None` for standard output.
    pub path: Option<PathBuf>,
    /// How it is compressed.
    pub compression: Compression,
}

impl Target {
    /// `-o FILE` or standard output.
    pub fn open(args: &OutFileArgs, compression: Compression) -> Result<Target, Failure> {
        Ok(Target {
            stream: Stream::open(args)?,
            compression,
        })
    }

    /// Writes what `fill` gives, to the end, and gives the file its name.
    pub fn write(
        self,
        options: &Options,
        fill: impl FnOnce(&mut Export<'_>, &Stream) -> Result<(), Failure>,
    ) -> Result<Written, Failure> {
        let written = self.fill(options, fill)?;
        self.stream.publish()?;
        Ok(written)
    }

    fn fill(
        &self,
        options: &Options,
        fill: impl FnOnce(&mut Export<'_>, &Stream) -> Result<(), Failure>,
    ) -> Result<Written, Failure> {
        let stream = &self.stream;
        let io = |e: io::Error| failure(e.into(), stream);
        let output = Output::new(Counted::new(stream), self.compression).map_err(io)?;
        let (made, output) = behind(output, |to| {
            let mut counted = Counted::new(to);
            let mut export = options
                .start(Box::new(&mut counted))
                .map_err(|e| failure(e, stream))?;
            fill(&mut export, stream)?;
            let summary = export.finish().map_err(|e| failure(e, stream))?;
            Ok::<_, Failure>((summary, counted.bytes))
        });
        let output = output.map_err(io)?;
        let (summary, bytes) = made?;
        Ok(Written {
            summary,
            bytes,
            stored: output.finish().map_err(io)?.bytes,
            path: stream.path().map(ToOwned::to_owned),
            compression: self.compression,
        })
    }
}

/// Writes records as they come.
pub struct Writer<'a, 'b> {
    /// Takes the records.
    pub export: &'a mut Export<'b>,
    /// Where they go, for errors.
    pub stream: &'a Stream,
}

impl Writer<'_, '_> {
    /// The keyspace is gone with all that it held.
    pub fn drop_keyspace(&mut self) -> Result<(), Failure> {
        let written = self.export.drop_keyspace();
        written.map_err(|e| failure(e, self.stream))
    }
}

impl Visit for Writer<'_, '_> {
    fn keyspace(&mut self, name: &str) -> Result<(), Failure> {
        self.export.keyspace(name);
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let written = self.export.entry(key, value);
        written.map_err(|e| failure(e, self.stream))
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        let written = self.export.delete(key);
        written.map_err(|e| failure(e, self.stream))
    }

    fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), Failure> {
        let written = self.export.delete_range(from, to);
        written.map_err(|e| failure(e, self.stream))
    }
}

/// What a failed write, or a record that does not fit the format, is to the command.
pub fn failure(error: Error, stream: &Stream) -> Failure {
    let failure = match error {
        Error::Io(error) => return stream.failure(&error),
        other => Failure::new(&codes::BAD_INPUT, other.to_string()),
    };
    let failure = if stream.is_stdout() {
        failure.state("the entries before it were written")
    } else {
        failure.state("no file was left behind")
    };
    failure.hint("--enc base64 and --enc hex hold any bytes, and so does --format jsonl")
}

/// Counts what goes by.
struct Counted<W> {
    to: W,
    bytes: u64,
}

impl<W> Counted<W> {
    fn new(to: W) -> Counted<W> {
        Counted { to, bytes: 0 }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
