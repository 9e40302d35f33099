//! What can be wrong with received bytes.

use std::fmt;

/// A frame or message that is refused. The connection ends: behind it no boundary can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// No message has this type.
    UnknownType {
        /// The byte found.
        kind: u8,
    },
    /// Reserved bits or bytes are set.
    Reserved,
    /// The body is longer than allowed at this moment.
    TooLong {
        /// Length that the header names.
        len: u32,
        /// Longest allowed.
        limit: u32,
    },
    /// Header and body do not fit their checksum.
    Checksum,
    /// A frame is missing or came twice.
    Sequence {
        /// Number expected.
        expected: u64,
        /// Number found.
        found: u64,
    },
    /// The body is not what its type says.
    Malformed {
        /// Name of the message.
        what: &'static str,
    },
    /// A well-formed message that has no place here.
    Unexpected {
        /// Name of the message.
        what: &'static str,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::UnknownType { kind } => write!(f, "unknown frame type {kind:#04x}"),
            WireError::Reserved => f.write_str("reserved bits of a frame are set"),
            WireError::TooLong { len, limit } => {
                write!(f, "a frame of {len} bytes, the limit is {limit}")
            }
            WireError::Checksum => f.write_str("a frame fails its checksum"),
            WireError::Sequence { expected, found } => {
                write!(f, "frame {found} where {expected} was due")
            }
            WireError::Malformed { what } => write!(f, "malformed {what}"),
            WireError::Unexpected { what } => write!(f, "{what} out of turn"),
        }
    }
}

impl std::error::Error for WireError {}
