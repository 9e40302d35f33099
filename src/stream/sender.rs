//! What serves one connection: moves bytes between socket, session and log.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::board::Who;
use super::hub::{Counters, Hub, READ_BYTES, READ_ENTRIES, words};
use super::leader::{LeaderAction, LeaderConfig, LeaderEnd, LeaderSession, Want};
use super::mailbox::{Clock, Mail, Mailbox};
use super::message::Code;
use super::ring::Found;
use super::source::{EntryCursor, Refusal, Snapshot};

/// Bytes of a snapshot that go in one message.
const PART: usize = 256 << 10;
/// Questions of one connection that may wait.
const ASKS_MAX: usize = 4;
/// Bytes that a socket takes without waiting, though nobody has taken those before them.
const IN_FLIGHT: u64 = 16 << 10;

/// Work that was done beside the connection's thread.
pub enum Done {
    /// The snapshot that was asked for.
    Snapshot(Result<Snapshot, Refusal>),
    /// The answer to the oldest question.
    Answer(Vec<u8>),
}

/// Answers a question, JSON both; may wait until it is told that nobody waits for the answer.
pub type Answer = Arc<dyn Fn(&[u8], &dyn Fn() -> bool) -> Vec<u8> + Send + Sync>;

/// One connection of a leader.
pub struct Sender {
    hub: Arc<Hub>,
    session: LeaderSession,
    mailbox: Arc<Mailbox<Done>>,
    writer: Box<dyn Write + Send>,
    peer: String,
    clock: Clock,
    answer: Option<Answer>,
    cursor: Option<Box<dyn EntryCursor>>,
    snapshot: Option<Snapshot>,
    /// The part that is being sent: its room is used again.
    part: Vec<u8>,
    asks: VecDeque<Vec<u8>>,
    asking: bool,
    node: Option<[u8; 16]>,
    generation: u64,
    /// Where the log ended when the follower's position was opened: before that is there, it has not
    /// caught up, however little the ring holds.
    target: u64,
    /// The position that the follower began at: to have that shows nothing.
    opened: u64,
    /// Bytes written since it has shown that it took all before them.
    in_flight: u64,
    end: Option<LeaderEnd>,
}

impl Sender {
    /// For a connection whose bytes come into `mailbox`.
    pub fn new(
        hub: &Arc<Hub>,
        config: LeaderConfig,
        mailbox: &Arc<Mailbox<Done>>,
        writer: Box<dyn Write + Send>,
        peer: &str,
        answer: Option<Answer>,
    ) -> Sender {
        let clock = Clock::start();
        let session = LeaderSession::new(config, hub.fresh_head(), clock.now());
        let generation = hub.generation();
        Sender {
            hub: Arc::clone(hub),
            session,
            mailbox: Arc::clone(mailbox),
            writer,
            peer: peer.to_owned(),
            clock,
            answer,
            cursor: None,
            snapshot: None,
            part: Vec::new(),
            asks: VecDeque::new(),
            asking: false,
            node: None,
            generation,
            target: 0,
            opened: 0,
            in_flight: 0,
            end: None,
        }
    }

    /// Does what can be done now. Gives when to look again; none when the connection has ended.
    pub(super) fn turn(&mut self) -> Option<Instant> {
        self.perform();
        let fed = self.end.is_none() && self.feed();
        self.perform();
        if self.end.is_some() {
            return None;
        }
        Some(match fed || self.session.is_closed() {
            true => Instant::now(),
            false => self.clock.instant(self.session.next_tick_us()),
        })
    }

    /// The other side has shown who it is.
    pub(super) fn is_greeted(&self) -> bool {
        self.session.is_greeted()
    }

    /// How the connection ended, once it has.
    pub(super) fn end(&self) -> Option<LeaderEnd> {
        self.end.clone()
    }

    /// Nothing goes over the connection any more.
    pub(super) fn leave(&mut self, end: &LeaderEnd) {
        if let Some(node) = self.node.take() {
            self.hub.board.left(&node);
        }
        self.count(end);
    }

    /// Sends the newest entries where that is done at once: the follower has what was before them,
    /// and they are few enough to need no waiting. False: the connection's own thread has to look.
    pub(super) fn hand_on(&mut self) -> bool {
        let is_as_before = self.hub.generation() == self.generation;
        if !is_as_before || !self.session.is_live() || self.is_ending() {
            return false;
        }
        // Its acknowledgement wakes that thread.
        if self.session.wants() == Want::Nothing {
            return true;
        }
        let behind = self.hub.bytes_behind(self.session.sent_to().index);
        if behind.is_none_or(|bytes| self.in_flight.saturating_add(bytes) > IN_FLIGHT) {
            return false;
        }
        self.feed_entries();
        self.perform();
        self.end.is_none()
    }

    /// Takes what the follower says where that is only how far it is. False where the connection's
    /// own thread has to do something for it.
    pub(super) fn take_notes(&mut self, bytes: &[u8]) -> bool {
        self.session.receive(self.clock.now(), bytes);
        while self.session.is_note_next() {
            self.perform_next();
        }
        self.session.is_quiet() && self.hand_on()
    }

    /// It streams to a follower, and nothing else is going on.
    pub(super) fn is_streaming(&self) -> bool {
        self.session.is_live() && self.session.is_quiet() && !self.is_ending()
    }

    fn is_ending(&self) -> bool {
        self.end.is_some() || self.hub.stop().is_requested()
    }

    fn count(&self, end: &LeaderEnd) {
        let counters = &self.hub.counters;
        match end {
            LeaderEnd::Wire(_) => Counters::one(&counters.malformed),
            LeaderEnd::Refused(Code::Auth) => Counters::one(&counters.unproven),
            LeaderEnd::Refused(Code::Diverged) => Counters::one(&counters.diverged),
            LeaderEnd::Refused(Code::Fenced) => Counters::one(&counters.fenced),
            LeaderEnd::Peer(fault) if fault.code == Code::Fenced => Counters::one(&counters.fenced),
            LeaderEnd::Dead => Counters::one(&counters.dead),
            _ => {}
        }
    }

    /// Tells the session what has happened.
    pub(super) fn look(&mut self, mail: Mail<Done>) {
        if self.session.is_closed() {
            return;
        }
        let now = self.clock.now();
        if !mail.bytes.is_empty() {
            self.session.receive(now, &mail.bytes);
        }
        for done in mail.results {
            match done {
                Done::Snapshot(outcome) => {
                    let told = outcome.as_ref().map(|s| (s.bytes, s.position));
                    self.session.snapshot(now, told.map_err(Refusal::clone));
                    self.snapshot = outcome.ok();
                }
                Done::Answer(json) => {
                    self.session.answer(now, &json);
                    self.asking = false;
                    self.ask_next();
                }
            }
        }
        if mail.ended && !self.session.is_closed() {
            self.perform();
            self.end.get_or_insert(LeaderEnd::Bye);
            return;
        }
        if self.session.is_greeted()
            && let Some(fenced) = self.hub.fenced()
        {
            self.session.fenced(now, fenced.epoch, "");
        } else if self.hub.stop().is_requested() {
            self.session.stop(now);
        }
        self.session.tick(now);
    }

    /// Does what the session asks for.
    fn perform(&mut self) {
        while self.perform_next() {}
    }

    /// False where there is nothing to be done.
    fn perform_next(&mut self) -> bool {
        let Some(action) = self.session.next_action() else {
            return false;
        };
        match action {
            LeaderAction::Send(bytes) => self.write(&bytes),
            LeaderAction::Joined(hello) => {
                let wall_us = self.clock.now().wall_us;
                // A node that has no copy yet will come back with another id.
                let seeding = hello.caps & super::hello::CAP_BOOTSTRAP != 0;
                let board = &self.hub.board;
                if hello.role == super::hello::PeerRole::Follower && !seeding {
                    self.node = Some(hello.node);
                    let who = Who {
                        node: hello.node,
                        incarnation: hello.incarnation,
                    };
                    board.joined(who, &hello.name, &self.peer, wall_us);
                } else if seeding {
                    board.replaced(&hello.node);
                }
            }
            LeaderAction::Open(point) => self.open(&point),
            LeaderAction::Snapshot => {
                // What it says from now on is of a file that will have another id.
                if let Some(node) = self.node.take() {
                    self.hub.board.replaced(&node);
                    self.hub.board.left(&node);
                }
                self.make_snapshot();
            }
            LeaderAction::Acked(ack) => {
                let has_shown = ack.durable.index > self.opened;
                if has_shown && ack.durable == self.session.sent_to() {
                    self.in_flight = 0;
                }
                if let Some(node) = self.node {
                    self.hub.board.acked(&node, &ack, self.clock.now().wall_us);
                }
            }
            LeaderAction::Heard(_) => {
                if let Some(node) = self.node {
                    self.hub.board.contact(&node, self.clock.now().wall_us);
                }
            }
            LeaderAction::Fence(epoch) => self.hub.saw_epoch(epoch),
            LeaderAction::Ask(json) => {
                if self.asks.len() >= ASKS_MAX {
                    let now = self.clock.now();
                    self.session
                        .fail(now, Code::Protocol, "too many questions at once");
                } else {
                    self.asks.push_back(json);
                    self.ask_next();
                }
            }
            LeaderAction::Close(end) => {
                self.end.get_or_insert(end);
            }
        }
        true
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.end.is_some() {
            return;
        }
        let written = self
            .writer
            .write_all(bytes)
            .and_then(|()| self.writer.flush());
        if written.is_err() {
            self.end = Some(LeaderEnd::Dead);
            return;
        }
        let len = bytes.len() as u64;
        self.in_flight = self.in_flight.saturating_add(len);
        self.hub
            .counters
            .sent_bytes
            .fetch_add(len, Ordering::Relaxed);
        if let Some(node) = self.node {
            self.hub.board.sent(&node, len);
        }
    }

    fn open(&mut self, point: &crate::format::entry::Point) {
        self.generation = self.hub.generation();
        self.opened = point.index;
        self.in_flight = IN_FLIGHT;
        let source = self.hub.source();
        let outcome = source
            .head()
            .and_then(|head| Ok((head, source.open(point)?)));
        let now = self.clock.now();
        let outcome = outcome.map(|(head, cursor)| {
            self.target = head.point.index;
            self.session.set_head(now, head);
            cursor
        });
        // Only to compare the history, unless the ring no longer reaches back so far.
        let opened = outcome.map(|cursor| self.cursor = Some(cursor));
        if opened.is_ok()
            && let Some(node) = self.node
        {
            self.hub.board.durable(&node, *point, now.wall_us);
        }
        self.session.opened(now, opened);
    }

    fn make_snapshot(&mut self) {
        Counters::one(&self.hub.counters.snapshots);
        self.generation = self.hub.generation();
        let source = self.hub.source_handle();
        let mailbox = Arc::clone(&self.mailbox);
        let work = move || mailbox.post(Done::Snapshot(source.snapshot()));
        // In another thread: heartbeats go on meanwhile.
        let spawned = std::thread::Builder::new()
            .name("snapshot".to_owned())
            .spawn(work);
        if let Err(error) = spawned {
            let reason = error.to_string();
            self.mailbox
                .post(Done::Snapshot(Err(Refusal::Unavailable { reason })));
        }
    }

    fn ask_next(&mut self) {
        if self.asking {
            return;
        }
        let Some(json) = self.asks.pop_front() else {
            return;
        };
        let Some(answer) = self.answer.clone() else {
            self.session.answer(self.clock.now(), b"{}");
            return;
        };
        let mailbox = Arc::clone(&self.mailbox);
        let work = move || {
            let answered = answer(&json, &|| mailbox.is_abandoned());
            mailbox.post(Done::Answer(answered));
        };
        self.asking = std::thread::Builder::new()
            .name("answer".to_owned())
            .spawn(work)
            .is_ok();
        if !self.asking {
            self.session.answer(self.clock.now(), b"{}");
        }
    }

    /// Gives the session what it wants; true where there may be more at once.
    fn feed(&mut self) -> bool {
        let want = self.session.wants();
        if want == Want::Nothing {
            return false;
        }
        let now = self.clock.now();
        if self.hub.generation() != self.generation {
            self.session
                .fail(now, Code::Internal, "the log was replaced");
            return true;
        }
        match want {
            Want::Nothing => false,
            Want::Entries => self.feed_entries(),
            Want::Part => self.feed_part(),
        }
    }

    fn feed_entries(&mut self) -> bool {
        let after = self.session.sent_to();
        let now = self.clock.now();
        self.session.set_head(now, self.hub.head());
        match self.hub.read(after.index) {
            Found::Batch(batch) => {
                self.cursor = None;
                self.session.entries(now, &batch.bytes, batch.end);
                true
            }
            Found::AtHead => {
                if after.index >= self.target {
                    self.session.at_head(now);
                }
                false
            }
            Found::Behind => self.feed_from_log(&after),
        }
    }

    /// The follower is too far behind for the ring.
    fn feed_from_log(&mut self, after: &crate::format::entry::Point) -> bool {
        let cursor = match self.cursor.take() {
            Some(cursor) => Ok(cursor),
            None => self.hub.source().open(after),
        };
        let read = cursor.and_then(|mut cursor| {
            let batch = cursor.read(READ_ENTRIES, READ_BYTES)?;
            Ok((cursor, batch))
        });
        let now = self.clock.now();
        match read {
            Ok((cursor, Some(batch))) => {
                Counters::one(&self.hub.counters.from_log);
                self.cursor = Some(cursor);
                self.session.entries(now, &batch.bytes, batch.end);
                true
            }
            // The ring has what the log's reader does not see yet.
            Ok((_, None)) => false,
            Err(refusal) => {
                self.session.lost(now, refusal);
                true
            }
        }
    }

    /// What whoever takes it checks first goes ahead.
    fn feed_early(&mut self) -> bool {
        let Some(snapshot) = self.snapshot.as_mut() else {
            return false;
        };
        let takes = self.session.takes_early();
        let next = takes.then(|| snapshot.early.next()).flatten();
        let now = self.clock.now();
        let sent = next.is_some_and(|(offset, bytes)| self.session.early(now, offset, &bytes));
        if !sent {
            // Nobody waits to give more.
            snapshot.early = Box::new(std::iter::empty());
        }
        sent
    }

    fn feed_part(&mut self) -> bool {
        if self.feed_early() {
            return true;
        }
        self.part.clear();
        let read = match self.snapshot.as_mut() {
            Some(snapshot) => {
                let mut reader = snapshot.reader.by_ref().take(PART as u64);
                reader.read_to_end(&mut self.part)
            }
            None => Ok(0),
        };
        let now = self.clock.now();
        match read {
            Ok(_) => {
                if self.part.is_empty() {
                    self.snapshot = None;
                    self.part = Vec::new();
                }
                self.session.part(now, &self.part);
            }
            Err(error) => {
                let reason = error.to_string();
                let text = words(&Refusal::Unavailable { reason });
                self.session.fail(now, Code::Internal, &text);
            }
        }
        true
    }
}
