//! HELLO to WELCOME.

use super::{FollowerAction, FollowerEnd, FollowerSession, State};
use crate::stream::auth::Side;
use crate::stream::clock::Now;
use crate::stream::hello::{Decision, PROTOCOL, PeerRole, Welcome};
use crate::stream::message::{Code, Message, name};
use crate::stream::source::Head;
use crate::stream::wire_error::WireError;

impl FollowerSession {
    /// A message before the leader has let the follower in.
    pub(super) fn greet(&mut self, now: Now, message: Message) {
        match (self.state, message) {
            (State::Greeting, Message::Challenge { nonce }) => self.challenge(now, &nonce),
            (State::Proving, Message::Proof { mac }) => self.leader_proof(now, &mac),
            (State::Greeting, Message::Welcome(_)) if self.config.token.is_some() => {
                // Whoever answers in the leader's place need not know the token.
                self.refuse(now, Code::Auth, FollowerEnd::Unproven);
            }
            (State::Greeting | State::Waiting, Message::Welcome(welcome)) => {
                self.deframer.trust();
                self.welcome(now, welcome);
            }
            (_, Message::Bye) => self.close(FollowerEnd::Bye),
            (_, Message::Error(fault)) => self.close(FollowerEnd::Refused(fault)),
            (_, other) => {
                let what = name(other.kind());
                self.broken(now, WireError::Unexpected { what });
            }
        }
    }

    fn challenge(&mut self, now: Now, nonce: &[u8; 32]) {
        let Some(key) = self.config.token.clone() else {
            return self.refuse(now, Code::Auth, FollowerEnd::TokenWanted);
        };
        self.transcript.add(nonce);
        let mac = key.mac(Side::Follower, &self.transcript);
        self.state = State::Proving;
        self.send(now, &Message::Proof { mac });
    }

    fn leader_proof(&mut self, now: Now, mac: &[u8; 32]) {
        let key = self.config.token.as_ref();
        if key.is_some_and(|key| key.check(Side::Leader, &self.transcript, mac)) {
            self.deframer.trust();
            self.state = State::Waiting;
        } else {
            self.refuse(now, Code::Auth, FollowerEnd::Unproven);
        }
    }

    /// The leader's decision: at first, after a RESYNC and after a snapshot.
    pub(super) fn welcome(&mut self, now: Now, welcome: Welcome) {
        if welcome.protocol != PROTOCOL {
            let what = "WELCOME";
            return self.broken(now, WireError::Malformed { what });
        }
        let own = self.config.hello.lineage;
        if own != [0; 16] && welcome.lineage != own {
            return self.refuse(now, Code::Lineage, FollowerEnd::Lineage);
        }
        // A follower without data has no history that an older epoch could contradict.
        if welcome.epoch < self.highest_epoch && own != [0; 16] {
            let (epoch, highest) = (welcome.epoch, self.highest_epoch);
            return self.refuse(now, Code::Fenced, FollowerEnd::Stale { epoch, highest });
        }
        if self.config.hello.role == PeerRole::Client {
            self.state = State::Asking;
            return;
        }
        if !self.saw_epoch(now, welcome.epoch) {
            return;
        }
        self.config.hello.lineage = welcome.lineage;
        self.head = Head {
            point: welcome.head,
            published: welcome.published,
            floor: welcome.floor,
        };
        self.heard();
        match welcome.decision {
            Decision::Stream { from } if from == self.position.index + 1 => {
                let again = self.state == State::Resyncing;
                self.state = State::Streaming;
                self.received = self.position.index;
                if again {
                    // What another process applied counts too.
                    self.send_ack(now);
                }
                self.act(FollowerAction::Streaming);
            }
            Decision::Stream { .. } => {
                let what = "WELCOME";
                self.broken(now, WireError::Unexpected { what });
            }
            Decision::Snapshot => self.state = State::Expecting,
            Decision::Diverged { ancestor } => {
                let reason = format!("the source has another entry {}", self.position.index);
                self.close(FollowerEnd::Diverged { ancestor, reason });
            }
            Decision::Reseed { reason, .. } => self.close(FollowerEnd::Reseed { reason }),
            Decision::Redirect { address } => self.close(FollowerEnd::Redirect { address }),
        }
    }
}
