//! Every message: its body's bytes and back.

use super::codec::{Take, push_point, push_text};
use super::frame::{BODY_MAX, ENTRIES_PREFIX, FLAG_LARGE, Frame, Framer, Kind};
use super::hello::{Hello, Welcome};
use super::wire_error::WireError;
use crate::format::entry::Point;

/// Why a connection ends with ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each has its line in `words`
#[repr(u8)]
pub enum Code {
    Protocol = 1,
    Version = 2,
    Lineage = 3,
    Auth = 4,
    Diverged = 5,
    Fenced = 6,
    Behind = 7,
    Busy = 8,
    Internal = 9,
    Timeout = 10,
    NotRetained = 11,
    Slow = 12,
}

impl Code {
    /// All codes.
    pub const ALL: [Code; 12] = [
        Code::Protocol,
        Code::Version,
        Code::Lineage,
        Code::Auth,
        Code::Diverged,
        Code::Fenced,
        Code::Behind,
        Code::Busy,
        Code::Internal,
        Code::Timeout,
        Code::NotRetained,
        Code::Slow,
    ];

    /// What the code means.
    pub fn words(self) -> &'static str {
        match self {
            Code::Protocol => "a message that the protocol does not allow",
            Code::Version => "no common protocol or entry format",
            Code::Lineage => "a copy of another database",
            Code::Auth => "the token is wrong or missing",
            Code::Diverged => "the copies have different histories",
            Code::Fenced => "a newer epoch exists",
            Code::Behind => "the source is behind the copy",
            Code::Busy => "too many connections",
            Code::Internal => "the other side cannot go on",
            Code::Timeout => "no sign of life in time",
            Code::NotRetained => "the log does not reach back so far",
            Code::Slow => "the copy does not take what it is sent",
        }
    }
}

/// ERROR: the sender closes the connection behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Why.
    pub code: Code,
    /// Trying again later may succeed.
    pub retryable: bool,
    /// Not before this.
    pub retry_after_ms: u32,
    /// For people.
    pub text: String,
}

/// ACK: how far the follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Newest index received.
    pub received: u64,
    /// Newest entry that survives a loss of power, with the history up to it.
    pub durable: Point,
    /// Newest index that readers see.
    pub applied: u64,
    /// Highest epoch that the follower has heard of.
    pub highest_epoch: u32,
}

/// HEARTBEAT: sign of life, with where the sender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Wall clock, microseconds since 1970; for display only.
    pub time_us: u64,
    /// Where the sender's durable log ends.
    pub position: Point,
    /// Newest index in the store.
    pub published: u64,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the table in docs/stream.md describes each
pub enum Message {
    Hello(Hello),
    Welcome(Welcome),
    Challenge { nonce: [u8; 32] },
    Proof { mac: [u8; 32] },
    Entries(Entries),
    CaughtUp { head: Point },
    Ack(Ack),
    Resync { position: Point, reason: String },
    Heartbeat(Heartbeat),
    SnapBegin { bytes: u64, position: Point },
    SnapPart { offset: u64, bytes: Vec<u8> },
    SnapEnd { bytes: u64, hash: [u8; 32] },
    SnapEarly { offset: u64, bytes: Vec<u8> },
    Epoch { epoch: u32, address: String },
    Published { index: u64 },
    StatusAsk { json: Vec<u8> },
    Status { json: Vec<u8> },
    Bye,
    Error(Fault),
}

/// ENTRIES: whole entries, byte for byte as in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// Newest index of the leader.
    pub head: u64,
    /// Newest index in the store.
    pub published: u64,
    /// Body of the message; the entries begin at [`ENTRIES_PREFIX`].
    body: Vec<u8>,
}

impl Entries {
    /// The entries.
    pub fn bytes(&self) -> &[u8] {
        self.body.get(ENTRIES_PREFIX..).unwrap_or_default()
    }

    /// The entries, without a copy where the caller wants to keep them.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.body.drain(..ENTRIES_PREFIX.min(self.body.len()));
        self.body
    }
}

impl Message {
    fn decode_entries(frame: Frame) -> Result<Message, WireError> {
        let mut take = Take::new(&frame.body, "ENTRIES");
        let (head, published) = (take.u64()?, take.u64()?);
        Ok(Message::Entries(Entries {
            head,
            published,
            body: frame.body,
        }))
    }

    /// Reads a frame's body.
    pub fn decode(frame: Frame) -> Result<Message, WireError> {
        let body = frame.body.as_slice();
        let mut take = Take::new(body, name(frame.kind));
        let message = match frame.kind {
            Kind::Hello => return Ok(Message::Hello(Hello::decode(body)?)),
            Kind::Welcome => return Ok(Message::Welcome(Welcome::decode(body)?)),
            Kind::Entries => return Message::decode_entries(frame),
            Kind::StatusAsk => {
                return Ok(Message::StatusAsk { json: frame.body });
            }
            Kind::Status => return Ok(Message::Status { json: frame.body }),
            Kind::SnapPart | Kind::SnapEarly => {
                let offset = take.u64()?;
                let mut bytes = frame.body;
                bytes.drain(..8);
                return Ok(match frame.kind {
                    Kind::SnapEarly => Message::SnapEarly { offset, bytes },
                    _ => Message::SnapPart { offset, bytes },
                });
            }
            Kind::Challenge => Message::Challenge { nonce: take.key()? },
            Kind::Proof => Message::Proof { mac: take.key()? },
            Kind::CaughtUp => Message::CaughtUp {
                head: take.point()?,
            },
            Kind::Ack => Message::Ack(Ack {
                received: take.u64()?,
                durable: take.point()?,
                applied: take.u64()?,
                highest_epoch: take.u32()?,
            }),
            Kind::Resync => Message::Resync {
                position: take.point()?,
                reason: take.text()?,
            },
            Kind::Heartbeat => Message::Heartbeat(Heartbeat {
                time_us: take.u64()?,
                position: take.point()?,
                published: take.u64()?,
            }),
            Kind::SnapBegin => Message::SnapBegin {
                bytes: take.u64()?,
                position: take.point()?,
            },
            Kind::SnapEnd => Message::SnapEnd {
                bytes: take.u64()?,
                hash: take.key()?,
            },
            Kind::Epoch => Message::Epoch {
                epoch: take.u32()?,
                address: take.text()?,
            },
            Kind::Published => Message::Published { index: take.u64()? },
            Kind::Bye => Message::Bye,
            Kind::Error => Message::Error(take_fault(&mut take)?),
        };
        take.end()?;
        Ok(message)
    }

    /// The whole frame.
    pub fn frame(&self, framer: &mut Framer) -> Vec<u8> {
        let kind = self.kind();
        let mut b = Vec::new();
        match self {
            Message::Hello(hello) => b = hello.encode(),
            Message::Welcome(welcome) => b = welcome.encode(),
            Message::Entries(entries) => {
                return entries_frame(framer, entries.head, entries.published, entries.bytes());
            }
            Message::Challenge { nonce: key } | Message::Proof { mac: key } => {
                b.extend_from_slice(key);
            }
            Message::CaughtUp { head } => push_point(&mut b, head),
            Message::Ack(ack) => {
                b.extend_from_slice(&ack.received.to_le_bytes());
                push_point(&mut b, &ack.durable);
                b.extend_from_slice(&ack.applied.to_le_bytes());
                b.extend_from_slice(&ack.highest_epoch.to_le_bytes());
            }
            Message::Resync { position, reason } => {
                push_point(&mut b, position);
                push_text(&mut b, reason);
            }
            Message::Heartbeat(beat) => {
                b.extend_from_slice(&beat.time_us.to_le_bytes());
                push_point(&mut b, &beat.position);
                b.extend_from_slice(&beat.published.to_le_bytes());
            }
            Message::SnapBegin { bytes, position } => {
                b.extend_from_slice(&bytes.to_le_bytes());
                push_point(&mut b, position);
            }
            Message::SnapPart { offset, bytes } => {
                return snap_frame(framer, Kind::SnapPart, *offset, bytes);
            }
            Message::SnapEarly { offset, bytes } => {
                return snap_frame(framer, Kind::SnapEarly, *offset, bytes);
            }
            Message::SnapEnd { bytes, hash } => {
                b.extend_from_slice(&bytes.to_le_bytes());
                b.extend_from_slice(hash);
            }
            Message::Epoch { epoch, address } => {
                b.extend_from_slice(&epoch.to_le_bytes());
                push_text(&mut b, address);
            }
            Message::Published { index } => b.extend_from_slice(&index.to_le_bytes()),
            Message::StatusAsk { json } | Message::Status { json } => {
                return framer.frame(kind, 0, json);
            }
            Message::Bye => {}
            Message::Error(fault) => push_fault(&mut b, fault),
        }
        framer.frame(kind, 0, &b)
    }

    /// Type of the frame.
    pub fn kind(&self) -> Kind {
        match self {
            Message::Hello(_) => Kind::Hello,
            Message::Welcome(_) => Kind::Welcome,
            Message::Challenge { .. } => Kind::Challenge,
            Message::Proof { .. } => Kind::Proof,
            Message::Entries(_) => Kind::Entries,
            Message::CaughtUp { .. } => Kind::CaughtUp,
            Message::Ack(_) => Kind::Ack,
            Message::Resync { .. } => Kind::Resync,
            Message::Heartbeat(_) => Kind::Heartbeat,
            Message::SnapBegin { .. } => Kind::SnapBegin,
            Message::SnapPart { .. } => Kind::SnapPart,
            Message::SnapEnd { .. } => Kind::SnapEnd,
            Message::SnapEarly { .. } => Kind::SnapEarly,
            Message::Epoch { .. } => Kind::Epoch,
            Message::Published { .. } => Kind::Published,
            Message::StatusAsk { .. } => Kind::StatusAsk,
            Message::Status { .. } => Kind::Status,
            Message::Bye => Kind::Bye,
            Message::Error(_) => Kind::Error,
        }
    }
}

/// ENTRIES with these entries, which are not copied before.
pub fn entries_frame(framer: &mut Framer, head: u64, published: u64, entries: &[u8]) -> Vec<u8> {
    let len = ENTRIES_PREFIX + entries.len();
    let flags = if len > BODY_MAX as usize {
        FLAG_LARGE
    } else {
        0
    };
    let mut out = Vec::with_capacity(len + super::frame::HEADER_SIZE);
    let pieces = [
        &head.to_le_bytes()[..],
        &published.to_le_bytes()[..],
        entries,
    ];
    framer.push(&mut out, Kind::Entries, flags, &pieces);
    out
}

/// SNAP part or early with these bytes, which are not copied before.
pub fn snap_frame(framer: &mut Framer, kind: Kind, offset: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 32);
    let pieces = [&offset.to_le_bytes()[..], bytes];
    framer.push(&mut out, kind, 0, &pieces);
    out
}

fn push_fault(b: &mut Vec<u8>, fault: &Fault) {
    b.push(fault.code as u8);
    b.push(u8::from(fault.retryable));
    b.extend_from_slice(&fault.retry_after_ms.to_le_bytes());
    push_text(b, &fault.text);
}

fn take_fault(take: &mut Take<'_>) -> Result<Fault, WireError> {
    let what = "ERROR";
    let byte = take.u8()?;
    let code = Code::ALL.into_iter().find(|code| *code as u8 == byte);
    let retryable = match take.u8()? {
        0 => false,
        1 => true,
        _ => return Err(WireError::Malformed { what }),
    };
    Ok(Fault {
        code: code.ok_or(WireError::Malformed { what })?,
        retryable,
        retry_after_ms: take.u32()?,
        text: take.text()?,
    })
}

/// Name of a message in errors.
pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Hello => "HELLO",
        Kind::Welcome => "WELCOME",
        Kind::Challenge => "CHALLENGE",
        Kind::Proof => "PROOF",
        Kind::Entries => "ENTRIES",
        Kind::CaughtUp => "CAUGHT_UP",
        Kind::Ack => "ACK",
        Kind::Resync => "RESYNC",
        Kind::Heartbeat => "HEARTBEAT",
        Kind::SnapBegin => "SNAP begin",
        Kind::SnapPart => "SNAP part",
        Kind::SnapEarly => "SNAP early",
        Kind::SnapEnd => "SNAP end",
        Kind::Epoch => "EPOCH",
        Kind::Published => "PUBLISHED",
        Kind::StatusAsk | Kind::Status => "STATUS",
        Kind::Bye => "BYE",
        Kind::Error => "ERROR",
    }
}
