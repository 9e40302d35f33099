//! The follower's side of one connection, without a socket, a file or a clock.

mod flow;
mod handshake;

use std::collections::VecDeque;

use super::auth::{TokenKey, Transcript};
use super::clock::{Beat, Now, Pace, Pulse};
use super::frame::{Deframer, Framer};
use super::hello::{EPOCH_JUMP_MAX, Hello};
use super::message::{Code, Fault, Heartbeat, Message};
use super::source::Head;
use super::wire_error::WireError;
use crate::format::entry::Point;

/// What a follower says of itself.
#[derive(Debug, Clone)]
pub struct FollowerConfig {
    /// The first message.
    pub hello: Hello,
    /// The token that both sides must know.
    pub token: Option<TokenKey>,
    /// What only the two ends of the TLS connection know.
    pub channel: [u8; 32],
    /// Intervals.
    pub pace: Pace,
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowerAction {
    /// Write these bytes.
    Send(Vec<u8>),
    /// Apply these entries, then call `applied`.
    Apply(Vec<u8>),
    /// A snapshot of this many bytes begins.
    SeedBegin {
        /// How long it is.
        bytes: u64,
        /// The log after its newest entry.
        position: Point,
    },
    /// Its next bytes.
    SeedPart(Vec<u8>),
    /// Bytes of it ahead of their turn; they come again.
    SeedEarly {
        /// Their place.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// It is whole: put it in place, then call `seeded`.
    SeedEnd,
    /// Entries follow, behind the position.
    Streaming,
    /// What the leader says of itself.
    Heard {
        /// Where its log stands.
        head: Head,
        /// The follower has all of it.
        caught_up: bool,
    },
    /// Keep this epoch: nothing older is followed any more.
    SawEpoch(u32),
    /// The answer to a question.
    Answer(Vec<u8>),
    /// Close the connection.
    Close(FollowerEnd),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowerEnd {
    /// As one side wished.
    Bye,
    /// The leader refused.
    Refused(Fault),
    /// The leader does not know the token, or does not ask for it.
    Unproven,
    /// The leader asks for a token.
    TokenWanted,
    /// The leader has another database.
    Lineage,
    /// The histories part behind this index (0: unknown).
    Diverged {
        /// Newest index that both may share.
        ancestor: u64,
        /// Why, for people.
        reason: String,
    },
    /// A snapshot is needed.
    Reseed {
        /// Why, for people.
        reason: String,
    },
    /// Another address should be asked.
    Redirect {
        /// That address.
        address: String,
    },
    /// The leader's epoch is older than one that was seen.
    Stale {
        /// The leader's.
        epoch: u32,
        /// The highest seen.
        highest: u32,
    },
    /// Another node is the primary now.
    Deposed {
        /// The new epoch.
        epoch: u32,
        /// Where, if known.
        address: String,
    },
    /// The copy does not take what it was sent.
    Sink {
        /// Why, for people.
        reason: String,
    },
    /// Bytes that make no sense.
    Wire(WireError),
    /// The program that carried the connection did not do so.
    Carrier {
        /// Why, for people.
        reason: String,
    },
    /// Nothing came for too long.
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// HELLO is gone; CHALLENGE or WELCOME is awaited.
    Greeting,
    /// PROOF is gone; the leader's is awaited.
    Proving,
    /// WELCOME is awaited.
    Waiting,
    /// Entries come.
    Streaming,
    /// A bad batch came: everything is passed over until WELCOME.
    Resyncing,
    /// A snapshot is announced.
    Expecting,
    /// Its parts come.
    Receiving,
    /// It is put in place.
    Seeding,
    /// A client that only asks.
    Asking,
    /// Over.
    Closed,
}

/// The follower's side of one connection.
#[derive(Debug)]
pub struct FollowerSession {
    config: FollowerConfig,
    state: State,
    deframer: Deframer,
    framer: Framer,
    transcript: Transcript,
    pulse: Pulse,
    /// The durable position.
    position: Point,
    /// Newest index received.
    received: u64,
    /// Batches given to the shell and not applied yet.
    pending: usize,
    /// Where each of them ends.
    ends: VecDeque<u64>,
    /// A RESYNC is to be sent as soon as nothing is pending.
    resync: Option<String>,
    resyncs: u32,
    highest_epoch: u32,
    head: Head,
    caught_up: bool,
    seed: Seed,
    actions: VecDeque<FollowerAction>,
}

#[derive(Debug)]
struct Seed {
    bytes: u64,
    offset: u64,
    /// Bytes that came ahead of their turn.
    early: u64,
    position: Point,
    hasher: blake3::Hasher,
}

impl FollowerSession {
    /// For a connection made now; HELLO is the first action.
    pub fn new(config: FollowerConfig, now: Now) -> FollowerSession {
        let position = config.hello.position;
        let mut session = FollowerSession {
            state: State::Greeting,
            deframer: Deframer::default(),
            framer: Framer::default(),
            transcript: Transcript::new(&config.channel),
            pulse: Pulse::new(config.pace, now),
            position,
            received: position.index,
            pending: 0,
            ends: VecDeque::new(),
            resync: None,
            resyncs: 0,
            highest_epoch: config.hello.highest_epoch,
            head: Head {
                point: position,
                published: 0,
                floor: 0,
            },
            caught_up: false,
            seed: Seed {
                bytes: 0,
                offset: 0,
                early: 0,
                position,
                hasher: blake3::Hasher::new(),
            },
            actions: VecDeque::new(),
            config,
        };
        let body = session.config.hello.encode();
        session.transcript.add(&body);
        let hello = Message::Hello(session.config.hello.clone());
        session.send(now, &hello);
        session
    }

    /// The next thing to do.
    pub fn next_action(&mut self) -> Option<FollowerAction> {
        self.actions.pop_front()
    }

    /// The connection is over.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The leader has let the follower in.
    pub fn is_greeted(&self) -> bool {
        use State::*;
        !matches!(self.state, Greeting | Proving | Waiting)
    }

    /// All that the leader had when it said so has been applied.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up && self.pending == 0
    }

    /// The durable position.
    pub fn position(&self) -> Point {
        self.position
    }

    /// When `tick` should be called at the latest.
    pub fn next_tick_us(&self) -> u64 {
        self.pulse.next_us(self.is_greeted())
    }

    fn act(&mut self, action: FollowerAction) {
        self.actions.push_back(action);
    }

    fn send(&mut self, now: Now, message: &Message) {
        let frame = message.frame(&mut self.framer);
        self.pulse.sent(now);
        self.act(FollowerAction::Send(frame));
    }

    fn close(&mut self, end: FollowerEnd) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.act(FollowerAction::Close(end));
        }
    }

    fn refuse(&mut self, now: Now, code: Code, end: FollowerEnd) {
        let fault = Fault {
            code,
            retryable: false,
            retry_after_ms: 0,
            text: code.words().to_owned(),
        };
        self.send(now, &Message::Error(fault));
        self.close(end);
    }

    fn broken(&mut self, now: Now, error: WireError) {
        self.refuse(now, Code::Protocol, FollowerEnd::Wire(error));
    }

    /// False where the leader's word cannot be true, and the connection is over.
    fn saw_epoch(&mut self, now: Now, epoch: u32) -> bool {
        if epoch <= self.highest_epoch {
            return true;
        }
        // A follower without data knows no epoch to compare it with.
        let known = self.highest_epoch > 0;
        if known && epoch - self.highest_epoch > EPOCH_JUMP_MAX {
            self.broken(now, WireError::Malformed { what: "epoch" });
            return false;
        }
        self.highest_epoch = epoch;
        self.act(FollowerAction::SawEpoch(epoch));
        true
    }

    fn heard(&mut self) {
        let (head, caught_up) = (self.head, self.is_caught_up());
        self.act(FollowerAction::Heard { head, caught_up });
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Now, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.pulse.received(now);
        let mut bytes = bytes;
        while !self.is_closed() {
            let message = match self.deframer.next_frame(&mut bytes) {
                Ok(Some(frame)) => Message::decode(frame),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            match message {
                Ok(message) if self.is_greeted() => self.take(now, message),
                Ok(message) => self.greet(now, message),
                Err(error) => self.broken(now, error),
            }
        }
    }

    /// Bytes that came were left where they are: the leader's silence does not count.
    pub fn not_listening(&mut self, now: Now) {
        self.pulse.received(now);
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
                    position: self.position,
                    published: 0,
                };
                self.send(now, &Message::Heartbeat(beat));
            }
            Beat::Late | Beat::Dead => self.close(FollowerEnd::Dead),
        }
    }

    /// The process ends.
    pub fn stop(&mut self, now: Now) {
        if !self.is_closed() {
            self.send(now, &Message::Bye);
            self.close(FollowerEnd::Bye);
        }
    }

    /// Asks the leader something; the answer comes as an action.
    pub fn ask(&mut self, now: Now, json: &[u8]) {
        if !self.is_closed() {
            let json = json.to_vec();
            self.send(now, &Message::StatusAsk { json });
        }
    }
}
