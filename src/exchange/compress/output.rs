//! Compresses what is written.

use std::io::{self, Write};

use flate2::write::GzEncoder;

use super::Compression;

/// A writer that compresses. It is complete only after [`Output::finish`].
pub enum Output<W: Write> {
    /// As it is.
    Plain(W),
    /// By zstd, with a checksum.
    #[cfg(feature = "zstd")]
    Zstd(Box<zstd::stream::write::Encoder<'static, W>>),
    /// By gzip.
    Gzip(Box<GzEncoder<W>>),
}

impl<W: Write> Output<W> {
    /// Begins to compress.
    pub fn new(to: W, compression: Compression) -> io::Result<Output<W>> {
        match compression {
            Compression::None => Ok(Output::Plain(to)),
            #[cfg(not(feature = "zstd"))]
            Compression::Zstd(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this build was made without zstd; gzip is there",
            )),
            #[cfg(feature = "zstd")]
            Compression::Zstd(level) => {
                let mut encoder = zstd::stream::write::Encoder::new(to, level)?;
                encoder.include_checksum(true)?;
                Ok(Output::Zstd(Box::new(encoder)))
            }
            Compression::Gzip => {
                let level = flate2::Compression::default();
                Ok(Output::Gzip(Box::new(GzEncoder::new(to, level))))
            }
        }
    }

    /// Writes what was kept back and the end of the stream.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Output::Plain(mut to) => {
                to.flush()?;
                Ok(to)
            }
            #[cfg(feature = "zstd")]
            Output::Zstd(encoder) => encoder.finish(),
            Output::Gzip(encoder) => encoder.finish(),
        }
    }

    /// Where the compressed bytes go.
    pub fn get_ref(&self) -> &W {
        match self {
            Output::Plain(to) => to,
            #[cfg(feature = "zstd")]
            Output::Zstd(encoder) => encoder.get_ref(),
            Output::Gzip(encoder) => encoder.get_ref(),
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Plain(to) => to.write(bytes),
            #[cfg(feature = "zstd")]
            Output::Zstd(encoder) => encoder.write(bytes),
            Output::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Plain(to) => to.flush(),
            #[cfg(feature = "zstd")]
            Output::Zstd(encoder) => encoder.flush(),
            Output::Gzip(encoder) => encoder.flush(),
        }
    }
}
