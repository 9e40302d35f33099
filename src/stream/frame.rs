//! Frames: 20 bytes of header, then the body. Lengths are checked before anything is kept.

use super::wire_error::WireError;
use crate::format::bytes::{u16_at, u32_at, u64_at};
use crate::format::checksum::{crc, crc_append};
use crate::format::frame::{ENTRY_HEADER_SIZE, MAX_PAYLOAD};

/// Bytes of a frame's header.
pub const HEADER_SIZE: usize = 20;
/// Longest body before the other side has shown who it is.
pub const BODY_STRANGER: u32 = 4 << 10;
/// Longest body from a follower or client: acknowledgements and questions.
pub const BODY_FOLLOWER: u32 = 64 << 10;
/// Longest body after that.
pub const BODY_MAX: u32 = 17 << 20;
/// Bytes before the entries in the body of ENTRIES.
pub const ENTRIES_PREFIX: usize = 16;
/// Longest body of ENTRIES with a single entry.
pub const BODY_LARGE: u32 = MAX_PAYLOAD + (ENTRY_HEADER_SIZE + 4 + ENTRIES_PREFIX) as u32;

/// Flag of ENTRIES: the body is one entry that is longer than [`BODY_MAX`] allows.
pub const FLAG_LARGE: u8 = 1;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the table in docs/stream.md describes each
#[repr(u8)]
pub enum Kind {
    Hello = 0x01,
    Welcome = 0x02,
    Challenge = 0x03,
    Proof = 0x04,
    Entries = 0x10,
    CaughtUp = 0x11,
    Ack = 0x12,
    Resync = 0x13,
    Heartbeat = 0x20,
    SnapBegin = 0x30,
    SnapPart = 0x31,
    SnapEnd = 0x32,
    Epoch = 0x40,
    Published = 0x41,
    StatusAsk = 0x50,
    Status = 0x51,
    Bye = 0x7e,
    Error = 0x7f,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 18] = [
        Kind::Hello,
        Kind::Welcome,
        Kind::Challenge,
        Kind::Proof,
        Kind::Entries,
        Kind::CaughtUp,
        Kind::Ack,
        Kind::Resync,
        Kind::Heartbeat,
        Kind::SnapBegin,
        Kind::SnapPart,
        Kind::SnapEnd,
        Kind::Epoch,
        Kind::Published,
        Kind::StatusAsk,
        Kind::Status,
        Kind::Bye,
        Kind::Error,
    ];

    fn from_byte(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A received frame whose checksum holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub kind: Kind,
    /// Flags of the header.
    pub flags: u8,
    /// The body.
    pub body: Vec<u8>,
}

/// Puts frames on the wire: counts them.
#[derive(Debug, Default)]
pub struct Framer {
    next_seq: u64,
}

impl Framer {
    /// Header and body of the next frame.
    pub fn frame(&mut self, kind: Kind, flags: u8, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_SIZE + body.len());
        self.push(&mut out, kind, flags, &[body]);
        out
    }

    /// Appends a frame whose body is these pieces in a row.
    pub fn push(&mut self, out: &mut Vec<u8>, kind: Kind, flags: u8, pieces: &[&[u8]]) {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut head = [0u8; 16];
        let fields = [
            &(len as u32).to_le_bytes()[..],
            &[kind as u8, flags, 0, 0],
            &self.next_seq.to_le_bytes(),
        ];
        for (to, from) in head.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        let sum = pieces.iter().fold(crc(&head), |sum, p| crc_append(sum, p));
        out.extend_from_slice(&head);
        out.extend_from_slice(&sum.to_le_bytes());
        for piece in pieces {
            out.extend_from_slice(piece);
        }
        self.next_seq += 1;
    }
}

/// Takes frames out of received bytes. It holds no more than what was received, and that is
/// bounded: a header that names too much is refused before its body is kept.
#[derive(Debug, Default)]
pub struct Deframer {
    bytes: Vec<u8>,
    start: usize,
    next_seq: u64,
    trust: Trust,
}

/// How long a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Trust {
    /// Who it is has not been shown.
    #[default]
    Stranger,
    /// Known, and only asks and acknowledges.
    Follower,
    /// Known, and sends the log.
    Leader,
}

struct Head {
    len: u32,
    kind: Kind,
    flags: u8,
    seq: u64,
    crc: u32,
}

impl Deframer {
    /// The other side has shown who it is, and sends the log: longer bodies are allowed.
    pub fn trust(&mut self) {
        self.trust = Trust::Leader;
    }

    /// The other side has shown who it is, and gets the log.
    pub fn trust_follower(&mut self) {
        self.trust = Trust::Follower;
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes kept that are no whole frame yet.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn limit(&self, kind: Kind, flags: u8) -> u32 {
        match (self.trust, kind, flags) {
            (Trust::Stranger, _, _) => BODY_STRANGER,
            (Trust::Follower, _, _) => BODY_FOLLOWER,
            (Trust::Leader, Kind::Entries, FLAG_LARGE) => BODY_LARGE,
            (Trust::Leader, _, _) => BODY_MAX,
        }
    }

    fn head(&self, b: &[u8]) -> Result<Option<Head>, WireError> {
        let (Some(len), Some(&byte), Some(&flags)) = (u32_at(b, 0), b.get(4), b.get(5)) else {
            return Ok(None);
        };
        // Before the rest of the header is there: nothing too long is waited for.
        let kind = Kind::from_byte(byte).ok_or(WireError::UnknownType { kind: byte })?;
        let known = if kind == Kind::Entries { FLAG_LARGE } else { 0 };
        if flags & !known != 0 {
            return Err(WireError::Reserved);
        }
        let limit = self.limit(kind, flags);
        if len > limit {
            return Err(WireError::TooLong { len, limit });
        }
        let (Some(zero), Some(seq), Some(crc)) = (u16_at(b, 6), u64_at(b, 8), u32_at(b, 16)) else {
            return Ok(None);
        };
        if zero != 0 {
            return Err(WireError::Reserved);
        }
        if seq != self.next_seq {
            let expected = self.next_seq;
            return Err(WireError::Sequence {
                expected,
                found: seq,
            });
        }
        Ok(Some(Head {
            len,
            kind,
            flags,
            seq,
            crc,
        }))
    }

    /// The next whole frame; `None` where more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        let bytes = self.bytes.get(self.start..).unwrap_or_default();
        let Some(head) = self.head(bytes)? else {
            return Ok(None);
        };
        let end = HEADER_SIZE + head.len as usize;
        let (Some(covered), Some(body)) = (bytes.get(..16), bytes.get(HEADER_SIZE..end)) else {
            return Ok(None);
        };
        if crc_append(crc(covered), body) != head.crc {
            return Err(WireError::Checksum);
        }
        let body = body.to_vec();
        self.start += end;
        self.next_seq = head.seq + 1;
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            // A large frame is rare: its room is not kept for the next hour of heartbeats.
            self.bytes.shrink_to(1 << 20);
        }
        Ok(Some(Frame {
            kind: head.kind,
            flags: head.flags,
            body,
        }))
    }
}
