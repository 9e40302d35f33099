//! Entries and snapshots, once the leader has let the follower in.

use super::{FollowerAction, FollowerEnd, FollowerSession, Seed, State};
use crate::format::entry::{Entry, Point};
use crate::stream::clock::Now;
use crate::stream::hello::early_limit;
use crate::stream::leader::WINDOW;
use crate::stream::message::{Ack, Code, Entries, Message, name};
use crate::stream::source::SinkError;
use crate::stream::wire_error::WireError;

/// Bad batches on one connection after which it is given up.
const RESYNCS_MAX: u32 = 2;

impl FollowerSession {
    /// A message of a leader that has let the follower in.
    pub(super) fn take(&mut self, now: Now, message: Message) {
        match message {
            Message::Entries(entries) => self.entries(now, entries),
            Message::CaughtUp { head } => {
                if self.state == State::Streaming {
                    self.head.point = head;
                    self.caught_up = true;
                    self.heard();
                }
            }
            Message::Heartbeat(beat) => {
                self.head.point = beat.position;
                self.head.published = beat.published;
                self.heard();
            }
            Message::Published { index } => {
                self.head.published = index;
                self.heard();
            }
            Message::Welcome(welcome) => match self.state {
                // The log may have ended: then a snapshot is announced in the middle of the stream.
                State::Resyncing | State::Seeding | State::Streaming => self.welcome(now, welcome),
                _ => self.unexpected(now, "WELCOME"),
            },
            Message::SnapBegin { bytes, position } => self.snap_begin(now, bytes, position),
            Message::SnapPart { offset, bytes } => self.snap_part(now, offset, bytes),
            Message::SnapEarly { offset, bytes } => self.snap_early(now, offset, bytes),
            Message::SnapEnd { bytes, hash } => self.snap_end(now, bytes, &hash),
            Message::Epoch { epoch, address } => {
                if self.saw_epoch(now, epoch) {
                    self.close(FollowerEnd::Deposed { epoch, address });
                }
            }
            Message::Status { json } => self.act(FollowerAction::Answer(json)),
            Message::Bye => self.close(FollowerEnd::Bye),
            Message::Error(fault) if fault.code == Code::Diverged => {
                let reason = fault.text;
                self.close(FollowerEnd::Diverged {
                    ancestor: 0,
                    reason,
                });
            }
            Message::Error(fault) => self.close(FollowerEnd::Refused(fault)),
            other => self.unexpected(now, name(other.kind())),
        }
    }

    fn unexpected(&mut self, now: Now, what: &'static str) {
        self.broken(now, WireError::Unexpected { what });
    }

    /// Index of the last entry, where all are whole and follow each other. The history
    /// is checked where they are applied.
    fn look(&self, bytes: &[u8]) -> Result<u64, String> {
        let mut last = self.received;
        let mut rest = bytes;
        while !rest.is_empty() {
            let split = Entry::split(rest).map_err(|e| e.to_string())?;
            let (entry, behind) = split.ok_or("an entry is cut off")?;
            if last.checked_add(1) != Some(entry.header.index) {
                return Err(format!("entry {} behind {last}", entry.header.index));
            }
            last = entry.header.index;
            rest = behind;
        }
        if last == self.received {
            return Err("no entry".to_owned());
        }
        Ok(last)
    }

    fn entries(&mut self, now: Now, entries: Entries) {
        match self.state {
            State::Streaming => {}
            State::Resyncing => return,
            _ => return self.unexpected(now, "ENTRIES"),
        }
        if self.pending >= WINDOW {
            return self.unexpected(now, "ENTRIES");
        }
        match self.look(entries.bytes()) {
            Ok(index) => {
                self.received = index;
                self.head.point.index = self.head.point.index.max(entries.head);
                self.head.published = entries.published;
                self.pending += 1;
                self.ends.push_back(index);
                self.act(FollowerAction::Apply(entries.into_bytes()));
            }
            Err(reason) => self.ask_again(now, reason),
        }
    }

    /// Bad bytes under a good frame checksum: the leader should read them once more.
    fn ask_again(&mut self, now: Now, reason: String) {
        self.resyncs += 1;
        if self.resyncs > RESYNCS_MAX {
            let what = "ENTRIES";
            return self.broken(now, WireError::Malformed { what });
        }
        self.state = State::Resyncing;
        self.caught_up = false;
        self.resync = Some(reason);
        self.send_resync(now);
    }

    /// Another process has applied more than came here. The leader knows nothing of that and could
    /// not tell it from a history of its own making: it is asked to read on from there.
    fn moved_on(&mut self, now: Now) {
        self.state = State::Resyncing;
        self.caught_up = false;
        let reason = "another process applied more".to_owned();
        self.resync.get_or_insert(reason);
        self.send_resync(now);
    }

    pub(super) fn send_ack(&mut self, now: Now) {
        let ack = Ack {
            received: self.received.max(self.position.index),
            durable: self.position,
            applied: self.position.index,
            highest_epoch: self.highest_epoch,
        };
        self.send(now, &Message::Ack(ack));
    }

    fn send_resync(&mut self, now: Now) {
        if self.pending == 0
            && let Some(reason) = self.resync.take()
        {
            let position = self.position;
            self.send(now, &Message::Resync { position, reason });
        }
    }

    /// The shell has applied the oldest batch that it was given, or could not.
    pub fn applied(&mut self, now: Now, outcome: Result<Point, SinkError>) {
        self.applied_many(now, 1, outcome);
    }

    /// The shell has applied the oldest `batches` as one.
    pub fn applied_many(&mut self, now: Now, batches: usize, outcome: Result<Point, SinkError>) {
        if self.is_closed() {
            return;
        }
        self.pending = self.pending.saturating_sub(batches);
        let count = batches.min(self.ends.len());
        let end = self.ends.drain(..count).next_back();
        match outcome {
            Ok(position) => {
                self.position = position;
                // An entry's epoch counts once its history was found right.
                self.highest_epoch = self.highest_epoch.max(position.epoch);
                if end.is_some_and(|end| position.index > end) {
                    return self.moved_on(now);
                }
                self.send_ack(now);
                if self.is_caught_up() {
                    self.heard();
                }
                self.send_resync(now);
            }
            Err(SinkError::Damaged { reason }) if self.state == State::Streaming => {
                // What came behind it cannot be applied either: the shell drops it.
                self.pending = 0;
                self.ends.clear();
                self.received = self.position.index;
                self.ask_again(now, reason);
            }
            Err(error) => self.sink_failed(now, error),
        }
    }

    fn sink_failed(&mut self, now: Now, error: SinkError) {
        match error {
            SinkError::Diverged { reason } => {
                let ancestor = 0;
                let end = FollowerEnd::Diverged { ancestor, reason };
                self.refuse(now, Code::Diverged, end);
            }
            SinkError::NeedsSnapshot { reason } => {
                self.refuse(now, Code::NotRetained, FollowerEnd::Reseed { reason });
            }
            SinkError::Damaged { reason } | SinkError::Failed { reason } => {
                self.refuse(now, Code::Internal, FollowerEnd::Sink { reason });
            }
        }
    }

    fn snap_begin(&mut self, now: Now, bytes: u64, position: Point) {
        if self.state != State::Expecting {
            return self.unexpected(now, "SNAP begin");
        }
        self.state = State::Receiving;
        self.seed = Seed {
            bytes,
            offset: 0,
            early: 0,
            position,
            hasher: blake3::Hasher::new(),
        };
        self.act(FollowerAction::SeedBegin { bytes, position });
    }

    fn snap_part(&mut self, now: Now, offset: u64, bytes: Vec<u8>) {
        let seed = &mut self.seed;
        let end = offset.checked_add(bytes.len() as u64);
        let fits = end.is_some_and(|end| end <= seed.bytes) && offset == seed.offset;
        if self.state != State::Receiving || !fits || bytes.is_empty() {
            return self.unexpected(now, "SNAP part");
        }
        seed.offset += bytes.len() as u64;
        seed.hasher.update(&bytes);
        self.act(FollowerAction::SeedPart(bytes));
    }

    /// They come again in their turn, and count then.
    fn snap_early(&mut self, now: Now, offset: u64, bytes: Vec<u8>) {
        let seed = &mut self.seed;
        let end = offset.checked_add(bytes.len() as u64);
        let early = seed.early + bytes.len() as u64;
        let fits = end.is_some_and(|end| end <= seed.bytes) && early <= early_limit(seed.bytes);
        if self.state != State::Receiving || seed.offset > 0 || !fits || bytes.is_empty() {
            return self.unexpected(now, "SNAP early");
        }
        seed.early = early;
        self.act(FollowerAction::SeedEarly { offset, bytes });
    }

    fn snap_end(&mut self, now: Now, bytes: u64, hash: &[u8; 32]) {
        let seed = &self.seed;
        let whole = seed.offset == seed.bytes && bytes == seed.bytes;
        if self.state != State::Receiving || !whole || seed.hasher.finalize().as_bytes() != hash {
            return self.unexpected(now, "SNAP end");
        }
        self.state = State::Seeding;
        self.act(FollowerAction::SeedEnd);
    }

    /// The shell has written the snapshot so far, or could not; or it is in place.
    pub fn seeded(&mut self, now: Now, outcome: Result<Point, SinkError>) {
        if self.is_closed() {
            return;
        }
        match outcome {
            Ok(point) if self.state == State::Seeding && point == self.seed.position => {
                self.position = point;
                self.received = point.index;
                self.caught_up = false;
                let ack = Ack {
                    received: point.index,
                    durable: point,
                    applied: point.index,
                    highest_epoch: self.highest_epoch,
                };
                self.send(now, &Message::Ack(ack));
            }
            Ok(point) => {
                let reason = format!(
                    "the snapshot is at {} instead of {}",
                    point.index, self.seed.position.index
                );
                self.sink_failed(now, SinkError::Failed { reason });
            }
            Err(error) => self.sink_failed(now, error),
        }
    }
}
