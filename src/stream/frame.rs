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
    SnapEarly = 0x33,
    Epoch = 0x40,
    Published = 0x41,
    StatusAsk = 0x50,
    Status = 0x51,
    Bye = 0x7e,
    Error = 0x7f,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 19] = [
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
        Kind::SnapEarly,
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

/// Takes frames out of received bytes. What it holds is bounded: a header that names too much is
/// refused before its body is kept, and room is made as bytes come, but for a megabyte at once.
#[derive(Debug, Default)]
pub struct Deframer {
    /// Of the frame that is coming.
    head: Vec<u8>,
    body: Vec<u8>,
    /// Of both, so far.
    sum: u32,
    next_seq: u64,
    trust: Trust,
}

/// Room that is made for a body at once, where the other side may send one of that length.
const ROOM: usize = (1 << 20) + 64;

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

    /// Bytes kept that are no whole frame yet.
    pub fn waiting(&self) -> usize {
        self.head.len() + self.body.len()
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

    /// The next whole frame of what is kept and of `bytes`, which then begin behind it; `None` where
    /// more are needed.
    pub fn next_frame(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame>, WireError> {
        let missing = HEADER_SIZE.saturating_sub(self.head.len());
        self.head.extend_from_slice(taken(bytes, missing));
        let Some(head) = self.head(&self.head)? else {
            return Ok(None);
        };
        let len = head.len as usize;
        if self.body.is_empty() {
            self.sum = crc(self.head.get(..16).unwrap_or_default());
            self.body.reserve_exact(len.min(ROOM));
        }
        let piece = taken(bytes, len.saturating_sub(self.body.len()));
        self.sum = crc_append(self.sum, piece);
        self.body.extend_from_slice(piece);
        if self.body.len() < len {
            return Ok(None);
        }
        if self.sum != head.crc {
            return Err(WireError::Checksum);
        }
        self.next_seq = head.seq + 1;
        self.head.clear();
        Ok(Some(Frame {
            kind: head.kind,
            flags: head.flags,
            body: std::mem::take(&mut self.body),
        }))
    }
}

/// Takes up to so many bytes from the front.
fn taken<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    front
}
