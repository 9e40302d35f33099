//! One sample of every message.

use creel::format::checksum::history_start;
use creel::format::entry::{Entry, Point};
use creel::format::frame::{EntryHeader, EntryKind};
use creel::stream::frame::{Deframer, Framer};
use creel::stream::hello::{Decision, Hello, PeerRole, Welcome};
use creel::stream::message::{Ack, Code, Fault, Heartbeat, Message, entries_frame};

pub const LINEAGE: [u8; 16] = *b"lineage of tests";

pub fn start() -> Point {
    Point {
        index: 0,
        epoch: 1,
        history: history_start(&LINEAGE),
    }
}

/// An entry behind `before`, and the log after it.
pub fn entry(before: &Point, kind: EntryKind, epoch: u32, payload: &[u8]) -> (Vec<u8>, Point) {
    let header = EntryHeader {
        payload_len: payload.len() as u32,
        kind,
        index: before.index + 1,
        epoch,
        op_count: 1,
        time_us: 1_700_000_000_000_000 + before.index,
        history_before: before.history,
    };
    let bytes = Entry::encode(&header, payload);
    let after = Point {
        index: header.index,
        epoch,
        history: header.history_after(payload),
    };
    (bytes, after)
}

pub fn hello() -> Hello {
    Hello {
        protocol_min: 1,
        protocol_max: 1,
        role: PeerRole::Follower,
        caps: 1,
        entry_format: 1,
        lineage: LINEAGE,
        node: *b"node of follower",
        incarnation: *b"first start of f",
        position: start(),
        highest_epoch: 1,
        nonce: [0x11; 32],
        name: "follower".to_owned(),
    }
}

pub fn welcome(decision: Decision) -> Welcome {
    Welcome {
        protocol: 1,
        lineage: LINEAGE,
        node: *b"node of a leader",
        incarnation: *b"first start of l",
        epoch: 1,
        head: entry(&start(), EntryKind::Note, 1, b"one").1,
        published: 1,
        floor: 0,
        heartbeat_ms: 1000,
        decision,
    }
}

fn entries(bytes: &[u8]) -> Message {
    let mut framer = Framer::default();
    let mut deframer = Deframer::default();
    let frame = entries_frame(&mut framer, 2, 1, bytes);
    Message::decode(deframer.next_frame(&mut &frame[..]).unwrap().unwrap()).unwrap()
}

/// Each message with the name of its golden bytes.
pub fn all() -> Vec<(&'static str, Message)> {
    let mut samples = first();
    samples.extend(later());
    samples
}

fn points() -> (Vec<u8>, Point, Vec<u8>, Point) {
    let (one, after_one) = entry(&start(), EntryKind::Note, 1, b"one");
    let (two, after_two) = entry(&after_one, EntryKind::Note, 1, b"");
    (one, after_one, two, after_two)
}

fn first() -> Vec<(&'static str, Message)> {
    let (one, _, two, _) = points();
    let stream = Decision::Stream { from: 1 };
    let reseed = Decision::Reseed {
        oldest: 7,
        reason: "the log begins at 7".to_owned(),
    };
    let redirect = Decision::Redirect {
        address: "tcp://other:7070".to_owned(),
    };
    vec![
        ("hello", Message::Hello(hello())),
        ("welcome-stream", Message::Welcome(welcome(stream))),
        (
            "welcome-snapshot",
            Message::Welcome(welcome(Decision::Snapshot)),
        ),
        (
            "welcome-diverged",
            Message::Welcome(welcome(Decision::Diverged { ancestor: 5 })),
        ),
        ("welcome-reseed", Message::Welcome(welcome(reseed))),
        ("welcome-redirect", Message::Welcome(welcome(redirect))),
        ("challenge", Message::Challenge { nonce: [0x22; 32] }),
        ("proof", Message::Proof { mac: [0x33; 32] }),
        ("entries", entries(&[one, two].concat())),
    ]
}

fn later() -> Vec<(&'static str, Message)> {
    let (_, after_one, _, point) = points();
    let ack = Ack {
        received: 9,
        durable: point,
        applied: 2,
        highest_epoch: 3,
    };
    let beat = Heartbeat {
        time_us: 1_700_000_000_000_000,
        position: point,
        published: 1,
    };
    let fault = Fault {
        code: Code::Lineage,
        retryable: false,
        retry_after_ms: 250,
        text: Code::Lineage.words().to_owned(),
    };
    vec![
        ("caught-up", Message::CaughtUp { head: point }),
        ("ack", Message::Ack(ack)),
        (
            "resync",
            Message::Resync {
                position: after_one,
                reason: "damaged".to_owned(),
            },
        ),
        ("heartbeat", Message::Heartbeat(beat)),
        (
            "snap-begin",
            Message::SnapBegin {
                bytes: 4096,
                position: point,
            },
        ),
        (
            "snap-part",
            Message::SnapPart {
                offset: 1024,
                bytes: b"bytes of a file".to_vec(),
            },
        ),
        (
            "snap-early",
            Message::SnapEarly {
                offset: 2048,
                bytes: b"ahead of their turn".to_vec(),
            },
        ),
        (
            "snap-end",
            Message::SnapEnd {
                bytes: 4096,
                hash: [0x44; 32],
            },
        ),
        (
            "epoch",
            Message::Epoch {
                epoch: 4,
                address: "tcp://new:7070".to_owned(),
            },
        ),
        ("published", Message::Published { index: 8 }),
        (
            "status-ask",
            Message::StatusAsk {
                json: b"{}".to_vec(),
            },
        ),
        (
            "status",
            Message::Status {
                json: b"{\"a\":1}".to_vec(),
            },
        ),
        ("bye", Message::Bye),
        ("error", Message::Error(fault)),
    ]
}
