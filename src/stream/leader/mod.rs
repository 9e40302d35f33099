//! The leader's side of one connection, without a socket, a file or a clock: bytes and events go
//! in, actions come out in the order in which they must be done.

mod flow;
mod handshake;

use std::collections::VecDeque;

use super::auth::{TokenKey, Transcript};
use super::clock::{Beat, Now, Pace, Pulse};
use super::frame::{Deframer, Framer};
use super::hello::Hello;
use super::message::{Ack, Code, Fault, Heartbeat, Message};
use super::source::Head;
use super::wire_error::WireError;
use crate::format::entry::Point;

/// Batches that may be on their way without an acknowledgement. What a follower must hold in
/// memory follows from it, and a slow one gets fewer, larger batches.
pub const WINDOW: usize = 4;

/// What a leader says of itself.
#[derive(Debug, Clone)]
pub struct LeaderConfig {
    /// Lineage of its log.
    pub lineage: [u8; 16],
    /// File id.
    pub node: [u8; 16],
    /// Random for each start of the process.
    pub incarnation: [u8; 16],
    /// The token that a follower must know.
    pub token: Option<TokenKey>,
    /// What only the two ends of the TLS connection know.
    pub channel: [u8; 32],
    /// Random, for the challenge.
    pub nonce: [u8; 32],
    /// Only clients that ask are let in, no followers.
    pub clients_only: bool,
    /// It has shown who it is, or is trusted without: what it says of newer epochs is believed.
    pub may_fence: bool,
    /// Followers are sent to this address instead.
    pub redirect: Option<String>,
    /// Intervals.
    pub pace: Pace,
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaderAction {
    /// Write these bytes.
    Send(Vec<u8>),
    /// The follower or client has shown that it may be here.
    Joined(Box<Hello>),
    /// Open the log behind this position, then call `opened`.
    Open(Point),
    /// Make a snapshot, then call `snapshot`.
    Snapshot,
    /// The follower holds all entries up to this one.
    Acked(Ack),
    /// The follower's heartbeat.
    Heard(Heartbeat),
    /// A newer epoch exists than that of this log: a primary fences itself, a copy remembers it.
    Fence(u32),
    /// A question; the answer goes to `answer`.
    Ask(Vec<u8>),
    /// Close the connection.
    Close(LeaderEnd),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaderEnd {
    /// As one side wished.
    Bye,
    /// This side refused to go on.
    Refused(Code),
    /// The follower did.
    Peer(Fault),
    /// Bytes that make no sense.
    Wire(WireError),
    /// The follower sends nothing any more.
    Dead,
    /// The follower needs a new copy.
    Reseed,
    /// The follower was sent elsewhere.
    Redirected,
}

/// What the session can use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing.
    Nothing,
    /// Entries, or word that there are none.
    Entries,
    /// The next part of the snapshot.
    Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// HELLO is awaited.
    Greeting,
    /// PROOF is awaited.
    Proving,
    /// The shell opens the log.
    Opening,
    /// Entries go.
    Streaming,
    /// The shell makes a snapshot.
    Preparing,
    /// Its parts go.
    Sending,
    /// All of it has gone; the follower puts it in place.
    Seeding,
    /// A client that only asks.
    Asking,
    /// Over.
    Closed,
}

/// The leader's side of one connection.
#[derive(Debug)]
pub struct LeaderSession {
    config: LeaderConfig,
    state: State,
    deframer: Deframer,
    framer: Framer,
    transcript: Transcript,
    pulse: Pulse,
    hello: Option<Box<Hello>>,
    head: Head,
    /// Ends of the batches on their way.
    sent: VecDeque<Point>,
    /// Last position that both sides agree on.
    agreed: Point,
    caught_up: bool,
    snapshot: SnapshotState,
    actions: VecDeque<LeaderAction>,
}

#[derive(Debug)]
struct SnapshotState {
    position: Point,
    bytes: u64,
    offset: u64,
    /// Bytes that went ahead of their turn.
    early: u64,
    hasher: blake3::Hasher,
}

impl LeaderSession {
    /// For a connection made now.
    pub fn new(config: LeaderConfig, head: Head, now: Now) -> LeaderSession {
        LeaderSession {
            state: State::Greeting,
            deframer: Deframer::default(),
            framer: Framer::default(),
            transcript: Transcript::new(&config.channel),
            pulse: Pulse::new(config.pace, now),
            hello: None,
            head,
            sent: VecDeque::new(),
            agreed: head.point,
            caught_up: false,
            snapshot: SnapshotState {
                position: head.point,
                bytes: 0,
                offset: 0,
                early: 0,
                hasher: blake3::Hasher::new(),
            },
            actions: VecDeque::new(),
            config,
        }
    }

    /// The next thing to do is no more than to note down what the follower has.
    pub fn is_note_next(&self) -> bool {
        let next = self.actions.front();
        matches!(next, Some(LeaderAction::Acked(_) | LeaderAction::Heard(_)))
    }

    /// Nothing is to be done.
    pub fn is_quiet(&self) -> bool {
        self.actions.is_empty()
    }

    /// The next thing to do.
    pub fn next_action(&mut self) -> Option<LeaderAction> {
        self.actions.pop_front()
    }

    /// The connection is over.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The other side has shown that it may be here.
    pub fn is_greeted(&self) -> bool {
        !matches!(self.state, State::Greeting | State::Proving)
    }

    /// Last position that the follower has acknowledged or begun at.
    pub fn agreed(&self) -> Point {
        self.agreed
    }

    /// Bytes of received frames that are not whole yet.
    pub fn waiting(&self) -> usize {
        self.deframer.waiting()
    }

    /// When `tick` should be called at the latest.
    pub fn next_tick_us(&self) -> u64 {
        self.pulse.next_us(self.is_greeted())
    }

    fn act(&mut self, action: LeaderAction) {
        self.actions.push_back(action);
    }

    fn send(&mut self, now: Now, message: &Message) {
        let frame = message.frame(&mut self.framer);
        self.pulse.sent(now);
        self.act(LeaderAction::Send(frame));
    }

    fn close(&mut self, end: LeaderEnd) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.act(LeaderAction::Close(end));
        }
    }

    fn refuse(&mut self, now: Now, code: Code, retryable: bool, text: &str) {
        let fault = Fault {
            code,
            retryable,
            retry_after_ms: 0,
            text: text.to_owned(),
        };
        self.send(now, &Message::Error(fault));
        self.close(LeaderEnd::Refused(code));
    }

    fn broken(&mut self, now: Now, error: WireError) {
        let fault = Fault {
            code: Code::Protocol,
            retryable: true,
            retry_after_ms: 0,
            text: error.to_string(),
        };
        self.send(now, &Message::Error(fault));
        self.close(LeaderEnd::Wire(error));
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Now, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.pulse.received(now);
        let mut bytes = bytes;
        while !self.is_closed() {
            let frame = match self.deframer.next_frame(&mut bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(error) => return self.broken(now, error),
            };
            let greeting = !self.is_greeted();
            let body = if greeting {
                frame.body.clone()
            } else {
                Vec::new()
            };
            match Message::decode(frame) {
                Ok(message) if greeting => self.greet(now, message, &body),
                Ok(message) => self.take(now, message),
                Err(error) => return self.broken(now, error),
            }
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) {
        if self.is_closed() {
            return;
        }
        match self.pulse.beat(now, self.is_greeted()) {
            Beat::Quiet => {}
            Beat::Due => {
                let beat = Heartbeat {
                    time_us: now.wall_us,
                    position: self.head.point,
                    published: self.head.published,
                };
                self.send(now, &Message::Heartbeat(beat));
            }
            Beat::Late => self.refuse(now, Code::Timeout, true, "the handshake took too long"),
            Beat::Dead => self.close(LeaderEnd::Dead),
        }
    }

    /// The log has grown or was published.
    pub fn set_head(&mut self, now: Now, head: Head) {
        let published = head.published;
        let tell = published > self.head.published && self.state == State::Streaming;
        self.head = head;
        if tell {
            self.send(now, &Message::Published { index: published });
        }
    }

    /// This node is no longer the primary.
    pub fn fenced(&mut self, now: Now, epoch: u32, address: &str) {
        if self.is_closed() {
            return;
        }
        if self.is_greeted() {
            let address = address.to_owned();
            self.send(now, &Message::Epoch { epoch, address });
        }
        self.refuse(now, Code::Fenced, true, Code::Fenced.words());
    }

    /// The process ends, or the shell gives this connection up.
    pub fn stop(&mut self, now: Now) {
        if !self.is_closed() {
            self.send(now, &Message::Bye);
            self.close(LeaderEnd::Bye);
        }
    }

    /// The shell cannot go on.
    pub fn fail(&mut self, now: Now, code: Code, text: &str) {
        if !self.is_closed() {
            self.refuse(now, code, true, text);
        }
    }

    /// The answer to a question.
    pub fn answer(&mut self, now: Now, json: &[u8]) {
        if !self.is_closed() {
            let json = json.to_vec();
            self.send(now, &Message::Status { json });
        }
    }
}
