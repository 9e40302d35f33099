//! Reads a stream that may be compressed, which its first bytes tell.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::Compression;
use crate::exchange::error::Error;

/// Bytes of compressed data that are read at once.
const BUFFER: usize = 128 * 1024;
/// Logarithm of the largest window that zstd data may ask for: 128 MiB, which is what the tool
/// `zstd` accepts too, and all the memory that hostile data can claim.
#[cfg(feature = "zstd")]
const WINDOW_LOG: u32 = 27;
/// As many bytes as any magic has.
const MAGIC: usize = 6;

/// A stream with its first bytes put back.
type Whole<R> = BufReader<Source<R>>;

/// The uncompressed bytes of a stream. Its errors are [`Error`] inside: `Error::from` gets it out.
pub struct Input<R: Read> {
    kind: Kind<R>,
    /// What went wrong before; a decoder that failed must not seem to have ended.
    failed: Option<Failed>,
}

// The decoders are boxed: they are large, and one stream has one of them.
enum Kind<R: Read> {
    Plain(Source<R>),
    #[cfg(feature = "zstd")]
    Zstd(Box<zstd::stream::read::Decoder<'static, Whole<R>>>),
    Gzip(Box<MultiGzDecoder<Whole<R>>>),
}

#[derive(Clone)]
enum Failed {
    Cut(&'static str),
    Bad(&'static str, String),
    Io,
}

impl<R: Read> Input<R> {
    /// Looks at the first bytes.
    pub fn open(mut from: R) -> io::Result<Input<R>> {
        let mut head = Vec::with_capacity(MAGIC);
        from.by_ref().take(MAGIC as u64).read_to_end(&mut head)?;
        let source = |head| Source {
            head: Cursor::new(head),
            rest: from,
            failed: false,
        };
        let kind = match head.as_slice() {
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                #[cfg(not(feature = "zstd"))]
                return Err(foreign("zstd"));
                #[cfg(feature = "zstd")]
                zstd(BufReader::with_capacity(BUFFER, source(head)))?
            }
            [0x1f, 0x8b, ..] => {
                let whole = BufReader::with_capacity(BUFFER, source(head));
                Kind::Gzip(Box::new(MultiGzDecoder::new(whole)))
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0] => return Err(foreign("xz")),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Err(foreign("lz4")),
            _ => Kind::Plain(source(head)),
        };
        Ok(Input { kind, failed: None })
    }

    /// How the stream is compressed; the level is not known.
    pub fn compression(&self) -> Compression {
        match self.kind {
            Kind::Plain(_) => Compression::None,
            #[cfg(feature = "zstd")]
            Kind::Zstd(_) => Compression::Zstd(0),
            Kind::Gzip(_) => Compression::Gzip,
        }
    }

    fn failure(&mut self, error: io::Error) -> io::Error {
        let (by, source) = match &self.kind {
            Kind::Plain(_) => return error,
            #[cfg(feature = "zstd")]
            Kind::Zstd(decoder) => ("zstd", decoder.get_ref().get_ref()),
            Kind::Gzip(decoder) => ("gzip", decoder.get_ref().get_ref()),
        };
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        if source.failed {
            self.failed = Some(Failed::Io);
            return error;
        }
        let failed = if error.kind() == io::ErrorKind::UnexpectedEof {
            Failed::Cut(by)
        } else {
            Failed::Bad(by, error.to_string())
        };
        self.failed = Some(failed.clone());
        failed.into()
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone().into());
        }
        let read = match &mut self.kind {
            Kind::Plain(source) => source.read(buffer),
            #[cfg(feature = "zstd")]
            Kind::Zstd(decoder) => decoder.read(buffer),
            Kind::Gzip(decoder) => decoder.read(buffer),
        };
        read.map_err(|error| self.failure(error))
    }
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        let error = match failed {
            Failed::Cut(by) => Error::CutCompressed { by },
            Failed::Bad(by, reason) => Error::BadCompressed { by, reason },
            Failed::Io => return io::Error::other("an earlier read failed"),
        };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

#[cfg(feature = "zstd")]
fn zstd<R: Read>(whole: Whole<R>) -> io::Result<Kind<R>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(whole)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(Kind::Zstd(Box::new(decoder)))
}

fn foreign(by: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Error::ForeignCompression { by })
}

/// The bytes as they come, the first ones again.
struct Source<R> {
    head: Cursor<Vec<u8>>,
    rest: R,
    /// The last read failed: an error then is not the decoder's.
    failed: bool,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let again = self.head.read(buffer)?;
        if again > 0 || buffer.is_empty() {
            return Ok(again);
        }
        let read = self.rest.read(buffer);
        self.failed = read.is_err();
        read
    }
}
