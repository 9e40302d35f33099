//! HELLO to WELCOME.

use super::{LeaderAction, LeaderEnd, LeaderSession, State};
use crate::format::entry::Point;
use crate::stream::auth::Side;
use crate::stream::clock::Now;
use crate::stream::hello::{
    CAP_BOOTSTRAP, CAP_SNAPSHOT, Decision, ENTRY_FORMAT, EPOCH_JUMP_MAX, Hello, PROTOCOL, PeerRole,
    Welcome,
};
use crate::stream::message::{Code, Message};
use crate::stream::source::Refusal;
use crate::stream::wire_error::WireError;

impl LeaderSession {
    /// A message before the other side has shown who it is.
    pub(super) fn greet(&mut self, now: Now, message: Message, body: &[u8]) {
        match (self.state, message) {
            (State::Greeting, Message::Hello(hello)) => {
                self.transcript.add(body);
                self.hello(now, hello);
            }
            (State::Proving, Message::Proof { mac }) => self.proof(now, &mac),
            (_, Message::Bye) => self.close(LeaderEnd::Bye),
            (_, Message::Error(fault)) => self.close(LeaderEnd::Peer(fault)),
            (_, other) => {
                let what = crate::stream::message::name(other.kind());
                self.broken(now, WireError::Unexpected { what });
            }
        }
    }

    fn hello(&mut self, now: Now, hello: Hello) {
        if !(hello.protocol_min..=hello.protocol_max).contains(&PROTOCOL) {
            return self.refuse(now, Code::Version, false, "no common protocol version");
        }
        self.hello = Some(Box::new(hello));
        if self.config.token.is_some() {
            let nonce = self.config.nonce;
            self.transcript.add(&nonce);
            self.state = State::Proving;
            self.send(now, &Message::Challenge { nonce });
        } else {
            self.admit(now);
        }
    }

    fn proof(&mut self, now: Now, mac: &[u8; 32]) {
        let Some(key) = self.config.token.clone() else {
            let what = "PROOF";
            return self.broken(now, WireError::Unexpected { what });
        };
        if !key.check(Side::Follower, &self.transcript, mac) {
            return self.refuse(now, Code::Auth, false, Code::Auth.words());
        }
        let mac = key.mac(Side::Leader, &self.transcript);
        self.send(now, &Message::Proof { mac });
        self.admit(now);
    }

    /// Who it is is known; may it have the log?
    fn admit(&mut self, now: Now) {
        let Some(hello) = self.hello.clone() else {
            return;
        };
        self.deframer.trust_follower();
        let bootstrap = hello.caps & CAP_BOOTSTRAP != 0;
        if hello.role == PeerRole::Client {
            self.state = State::Asking;
            self.act(LeaderAction::Joined(hello));
            let decision = Decision::Stream { from: 0 };
            return self.welcome(now, decision);
        }
        if self.config.clients_only {
            return self.refuse(now, Code::Auth, false, "no followers here");
        }
        // A stranger's epoch says nothing about this log, so the lineage comes first.
        let any = hello.lineage == [0; 16];
        if (!any && hello.lineage != self.config.lineage) || (any && !bootstrap) {
            return self.refuse(now, Code::Lineage, false, Code::Lineage.words());
        }
        if hello.entry_format < ENTRY_FORMAT {
            let text = "the copy does not read these entries";
            return self.refuse(now, Code::Version, false, text);
        }
        if !any && self.newer_epoch(now, hello.highest_epoch) {
            return;
        }
        if let Some(address) = self.config.redirect.clone() {
            self.state = State::Opening;
            self.welcome(now, Decision::Redirect { address });
            return self.close(LeaderEnd::Redirected);
        }
        let position = hello.position;
        self.act(LeaderAction::Joined(hello));
        if bootstrap {
            self.state = State::Preparing;
            self.act(LeaderAction::Snapshot);
        } else {
            self.open(position);
        }
    }

    /// Fences this node where the epoch is newer than its own. A stranger's word alone would let
    /// everybody who reaches the address stop a primary: it is only refused.
    pub(super) fn newer_epoch(&mut self, now: Now, epoch: u32) -> bool {
        let own = self.head.point.epoch;
        let newer = epoch > own;
        if newer && epoch - own > EPOCH_JUMP_MAX {
            self.broken(now, WireError::Malformed { what: "epoch" });
        } else if newer && !self.config.may_fence {
            let text = "a newer epoch is believed only of who has shown who it is";
            self.refuse(now, Code::Fenced, true, text);
        } else if newer {
            self.act(LeaderAction::Fence(epoch));
            self.refuse(now, Code::Fenced, true, Code::Fenced.words());
        }
        newer
    }

    pub(super) fn open(&mut self, position: Point) {
        self.agreed = position;
        self.sent.clear();
        self.caught_up = false;
        self.state = State::Opening;
        self.act(LeaderAction::Open(position));
    }

    pub(super) fn welcome(&mut self, now: Now, decision: Decision) {
        let welcome = Welcome {
            protocol: PROTOCOL,
            lineage: self.config.lineage,
            node: self.config.node,
            incarnation: self.config.incarnation,
            epoch: self.head.point.epoch,
            head: self.head.point,
            published: self.head.published,
            floor: self.head.floor,
            heartbeat_ms: (self.config.pace.heartbeat_us / 1000) as u32,
            decision,
        };
        self.send(now, &Message::Welcome(welcome));
    }

    /// The shell has opened the log where `Open` said, or cannot.
    pub fn opened(&mut self, now: Now, outcome: Result<(), Refusal>) {
        if self.state != State::Opening {
            return;
        }
        match outcome {
            Ok(()) => {
                let from = self.agreed.index + 1;
                self.state = State::Streaming;
                self.welcome(now, Decision::Stream { from });
            }
            Err(refusal) => self.turn_away(now, refusal),
        }
    }

    /// What a follower is told whose position cannot be gone on from.
    pub(super) fn turn_away(&mut self, now: Now, refusal: Refusal) {
        let caps = self.hello.as_ref().map_or(0, |hello| hello.caps);
        match refusal {
            Refusal::Diverged { ancestor } => {
                self.welcome(now, Decision::Diverged { ancestor });
                self.close(LeaderEnd::Refused(Code::Diverged));
            }
            Refusal::NotRetained { .. } if caps & CAP_SNAPSHOT != 0 => {
                self.state = State::Preparing;
                self.act(LeaderAction::Snapshot);
            }
            Refusal::NotRetained { oldest, reason } => {
                self.welcome(now, Decision::Reseed { oldest, reason });
                self.close(LeaderEnd::Reseed);
            }
            Refusal::Behind => self.refuse(now, Code::Behind, true, Code::Behind.words()),
            Refusal::Unavailable { reason } => self.refuse(now, Code::Internal, true, &reason),
        }
    }
}
