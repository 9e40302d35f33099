//! What can be wrong with data on its way in or out, by kind.

use std::fmt;
use std::io;

/// What fallible calls of this layer return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong. Everything but `Io` is about the data itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    Io(io::Error),
    /// The header names a format that this build does not read.
    Unsupported {
        /// The format that it names.
        format: String,
    },
    /// The first line is no header, though it begins like one.
    Header {
        /// What is wrong with it.
        reason: String,
    },
    /// The last line is no trailer, though it begins like one.
    Trailer {
        /// What is wrong with it.
        reason: String,
    },
    /// The trailer states something else than what was read.
    Mismatch {
        /// The field of the trailer.
        field: &'static str,
        /// What it states.
        stated: String,
        /// What was read.
        found: String,
    },
    /// A header without a trailer: the end is missing.
    NoTrailer,
    /// The trailer's line has no end.
    Unterminated,
    /// Something follows the trailer.
    AfterTrailer,
    /// A trailer without a header: the start is missing.
    NoHeader,
    /// Compressed data that ends too early.
    CutCompressed {
        /// By what it is compressed.
        by: &'static str,
    },
    /// Compressed data that is damaged.
    BadCompressed {
        /// By what it is compressed.
        by: &'static str,
        /// What the decompressor says.
        reason: String,
    },
    /// Compressed by something that this build does not read.
    ForeignCompression {
        /// By what it is compressed.
        by: &'static str,
    },
    /// The format cannot hold this.
    NotHeld {
        /// The format.
        format: &'static str,
        /// What it cannot hold.
        what: &'static str,
    },
}

impl Error {
    /// The name of the kind, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Io(_) => "io",
            Error::Unsupported { .. } => "unsupported_format",
            Error::Header { .. } => "bad_header",
            Error::Trailer { .. } => "bad_trailer",
            Error::Mismatch { .. } => "trailer_mismatch",
            Error::NoTrailer => "no_trailer",
            Error::Unterminated => "unterminated_trailer",
            Error::AfterTrailer => "after_trailer",
            Error::NoHeader => "no_header",
            Error::CutCompressed { .. } => "cut_compressed",
            Error::BadCompressed { .. } => "bad_compressed",
            Error::ForeignCompression { .. } => "foreign_compression",
            Error::NotHeld { .. } => "not_held",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "{error}"),
            Error::Unsupported { format } => {
                write!(
                    f,
                    "the header names the format {format:?}, which this build does not read"
                )
            }
            Error::Header { reason } => write!(f, "the header is damaged: {reason}"),
            Error::Trailer { reason } => write!(f, "the trailer is damaged: {reason}"),
            Error::Mismatch {
                field,
                stated,
                found,
            } => {
                write!(
                    f,
                    "the trailer states {field} {stated}, but {found} was read"
                )
            }
            Error::NoTrailer => f.write_str("the trailer is missing: the end was cut off"),
            Error::Unterminated => f.write_str("the trailer is cut short: its line has no end"),
            Error::AfterTrailer => f.write_str("something follows the trailer"),
            Error::NoHeader => f.write_str("a trailer without a header: the start is missing"),
            Error::CutCompressed { by } => write!(f, "the {by} data ends too early"),
            Error::BadCompressed { by, reason } => {
                write!(f, "the {by} data is damaged: {reason}")
            }
            Error::ForeignCompression { by } => write!(f, "this is {by} data"),
            Error::NotHeld { format, what } => {
                write!(f, "the format {format} does not hold {what}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    /// An error of this layer that came through a `Read` or `Write` is itself again.
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Error::Io)
    }
}
