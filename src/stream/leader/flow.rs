//! Entries, acknowledgements and snapshots, once the follower is known.

use super::{LeaderAction, LeaderEnd, LeaderSession, SnapshotState, State, WINDOW, Want};
use crate::format::entry::Point;
use crate::stream::clock::Now;
use crate::stream::frame::Kind;
use crate::stream::hello::{CAP_EARLY, Decision, early_limit};
use crate::stream::message::{Ack, Code, Message, entries_frame, name, snap_frame};
use crate::stream::source::Refusal;
use crate::stream::wire_error::WireError;

impl LeaderSession {
    /// What the session can use now.
    pub fn wants(&self) -> Want {
        match self.state {
            State::Streaming if self.sent.len() < WINDOW => Want::Entries,
            State::Sending => Want::Part,
            _ => Want::Nothing,
        }
    }

    /// The follower was told that it has caught up, so entries go to it as they come.
    pub fn is_live(&self) -> bool {
        self.state == State::Streaming && self.caught_up
    }

    /// Position behind which the next entries must begin.
    pub fn sent_to(&self) -> Point {
        self.sent.back().copied().unwrap_or(self.agreed)
    }

    /// A message of a known peer.
    pub(super) fn take(&mut self, now: Now, message: Message) {
        match message {
            Message::Heartbeat(beat) => self.act(LeaderAction::Heard(beat)),
            Message::StatusAsk { json } => self.act(LeaderAction::Ask(json)),
            Message::Ack(ack) => self.ack(now, ack),
            Message::Resync { position, .. } if self.state == State::Streaming => {
                if position.index < self.agreed.index {
                    return self.unexpected(now, "RESYNC");
                }
                self.open(position);
            }
            Message::Bye => self.close(LeaderEnd::Bye),
            Message::Error(fault) => self.close(LeaderEnd::Peer(fault)),
            other => self.unexpected(now, name(other.kind())),
        }
    }

    fn unexpected(&mut self, now: Now, what: &'static str) {
        self.broken(now, WireError::Unexpected { what });
    }

    fn ack(&mut self, now: Now, ack: Ack) {
        if self.newer_epoch(now, ack.highest_epoch) {
            return;
        }
        match self.state {
            State::Streaming => self.ack_entries(now, ack),
            // Of batches that were on their way when the log ended.
            State::Preparing | State::Sending => {}
            State::Seeding if ack.durable.index < self.snapshot.position.index => {}
            State::Seeding => {
                let position = self.snapshot.position;
                if ack.durable != position {
                    return self.diverged(now, ack.durable.index);
                }
                // The copy has another file id now: it comes back with that, and counts as itself.
                self.stop(now);
            }
            _ => self.unexpected(now, "ACK"),
        }
    }

    /// The history that the follower has made durable must be the one that was sent.
    fn ack_entries(&mut self, now: Now, ack: Ack) {
        let durable = ack.durable;
        let known = if durable.index == self.agreed.index {
            Some(self.agreed)
        } else {
            let at = self.sent.iter().position(|p| p.index == durable.index);
            at.and_then(|at| self.sent.drain(..=at).next_back())
        };
        match known {
            Some(point) if point == durable => {
                self.agreed = point;
                self.act(LeaderAction::Acked(ack));
            }
            Some(point) => self.diverged(now, point.index),
            // Not the end of a batch, or never sent.
            None => self.unexpected(now, "ACK"),
        }
    }

    fn diverged(&mut self, now: Now, index: u64) {
        let text = format!("the history at {index} is not the one that was sent");
        self.refuse(now, Code::Diverged, false, &text);
    }

    /// Entries behind `sent_to`, where `wants` asks for them.
    pub fn entries(&mut self, now: Now, bytes: &[u8], end: Point) {
        if self.state != State::Streaming {
            return;
        }
        if end.index > self.head.point.index {
            self.head.point = end;
        }
        let (head, published) = (self.head.point.index, self.head.published);
        let frame = entries_frame(&mut self.framer, head, published, bytes);
        self.pulse.sent(now);
        self.act(LeaderAction::Send(frame));
        self.sent.push_back(end);
    }

    /// There are no entries behind `sent_to` now.
    pub fn at_head(&mut self, now: Now) {
        if self.state == State::Streaming && !self.caught_up {
            self.caught_up = true;
            let head = self.sent_to();
            self.send(now, &Message::CaughtUp { head });
        }
    }

    /// Entries that were promised cannot be read.
    pub fn lost(&mut self, now: Now, refusal: Refusal) {
        match (self.state, refusal) {
            (State::Closed, _) => {}
            // All batches on their way are gone from the window: a snapshot begins a new count.
            (State::Streaming, refusal @ Refusal::NotRetained { .. }) => {
                self.sent.clear();
                self.turn_away(now, refusal);
            }
            (_, Refusal::Unavailable { reason }) => self.fail(now, Code::Internal, &reason),
            (_, refusal) => self.turn_away(now, refusal),
        }
    }

    /// The snapshot that `Snapshot` asked for is ready, or cannot be had.
    pub fn snapshot(&mut self, now: Now, outcome: Result<(u64, Point), Refusal>) {
        if self.state != State::Preparing {
            return;
        }
        match outcome {
            Ok((bytes, position)) => {
                self.state = State::Sending;
                self.snapshot = SnapshotState {
                    position,
                    bytes,
                    offset: 0,
                    early: 0,
                    hasher: blake3::Hasher::new(),
                };
                self.welcome(now, Decision::Snapshot);
                self.send(now, &Message::SnapBegin { bytes, position });
            }
            Err(Refusal::Unavailable { reason }) => self.refuse(now, Code::Internal, true, &reason),
            Err(Refusal::NotRetained { oldest, reason }) => {
                self.welcome(now, Decision::Reseed { oldest, reason });
                self.close(LeaderEnd::Reseed);
            }
            Err(refusal) => self.turn_away(now, refusal),
        }
    }

    /// True where the follower makes use of parts ahead of their turn.
    pub fn takes_early(&self) -> bool {
        let caps = self.hello.as_ref().map_or(0, |hello| hello.caps);
        self.state == State::Sending && caps & CAP_EARLY != 0 && self.snapshot.offset == 0
    }

    /// Bytes of the snapshot that come again in their turn. False: no more of that.
    pub fn early(&mut self, now: Now, offset: u64, bytes: &[u8]) -> bool {
        let early = self.snapshot.early + bytes.len() as u64;
        if !self.takes_early() || early > early_limit(self.snapshot.bytes) {
            return false;
        }
        self.snapshot.early = early;
        let frame = snap_frame(&mut self.framer, Kind::SnapEarly, offset, bytes);
        self.pulse.sent(now);
        self.act(LeaderAction::Send(frame));
        true
    }

    /// The next bytes of the snapshot; none: it has ended.
    pub fn part(&mut self, now: Now, bytes: &[u8]) {
        if self.state != State::Sending {
            return;
        }
        let snapshot = &mut self.snapshot;
        if !bytes.is_empty() {
            let offset = snapshot.offset;
            snapshot.offset += bytes.len() as u64;
            snapshot.hasher.update(bytes);
            let frame = snap_frame(&mut self.framer, Kind::SnapPart, offset, bytes);
            self.pulse.sent(now);
            return self.act(LeaderAction::Send(frame));
        }
        let (sent, announced) = (snapshot.offset, snapshot.bytes);
        let hash = *snapshot.hasher.finalize().as_bytes();
        if sent != announced {
            return self.fail(now, Code::Internal, "the snapshot ended early");
        }
        self.state = State::Seeding;
        self.send(now, &Message::SnapEnd { bytes: sent, hash });
    }
}
