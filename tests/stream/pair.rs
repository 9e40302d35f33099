//! A leader and a follower without a network between them.

use creel::format::entry::Point;
use creel::format::frame::EntryKind;
use creel::stream::clock::{Now, Pace};
use creel::stream::follower::{FollowerAction, FollowerConfig, FollowerEnd, FollowerSession};
use creel::stream::frame::Framer;
use creel::stream::hello::Hello;
use creel::stream::leader::{LeaderAction, LeaderConfig, LeaderEnd, LeaderSession, Want};
use creel::stream::message::Message;

use crate::memory::Log;
use crate::samples;

pub fn leader_config() -> LeaderConfig {
    LeaderConfig {
        lineage: Log::lineage(),
        node: *b"node of a leader",
        incarnation: [1; 16],
        token: None,
        channel: [0; 32],
        nonce: [5; 32],
        clients_only: false,
        may_fence: true,
        redirect: None,
        pace: Pace::default(),
    }
}

pub fn follower_config(log: &Log) -> FollowerConfig {
    FollowerConfig {
        hello: Hello {
            position: log.head(),
            highest_epoch: log.head().epoch,
            ..samples::hello()
        },
        token: None,
        channel: [0; 32],
        pace: Pace::default(),
    }
}

/// A pair of sessions with their logs; everything that one sends reaches the other at once.
pub struct Pair {
    pub now: Now,
    pub leader: LeaderSession,
    pub leader_log: Log,
    pub follower: FollowerSession,
    pub follower_log: Log,
    pub snapshot: Vec<u8>,
    pub arriving: Vec<u8>,
    /// What came ahead of its turn.
    pub early: Vec<(u64, Vec<u8>)>,
    /// Frames of the leader.
    pub sent: usize,
    pub batch: usize,
    pub fenced: Option<u32>,
    pub acked: Vec<Point>,
    pub caught_up: bool,
    pub leader_end: Option<LeaderEnd>,
    pub follower_end: Option<FollowerEnd>,
    pub hold_apply: bool,
    pub held: Vec<Vec<u8>>,
    pub seen_epoch: u32,
}

impl Pair {
    pub fn new(leader_log: Log, follower_log: Log) -> Pair {
        let config = follower_config(&follower_log);
        Pair::with(leader_config(), leader_log, config, follower_log)
    }

    pub fn with(
        leader: LeaderConfig,
        leader_log: Log,
        follower: FollowerConfig,
        follower_log: Log,
    ) -> Pair {
        let now = Now::default();
        Pair {
            now,
            leader: LeaderSession::new(leader, leader_log.position_head(), now),
            leader_log,
            follower: FollowerSession::new(follower, now),
            follower_log,
            snapshot: Vec::new(),
            arriving: Vec::new(),
            early: Vec::new(),
            sent: 0,
            batch: 10,
            fenced: None,
            acked: Vec::new(),
            caught_up: false,
            leader_end: None,
            follower_end: None,
            hold_apply: false,
            held: Vec::new(),
            seen_epoch: 0,
        }
    }

    pub fn leader_action(&mut self, action: LeaderAction) {
        let now = self.now;
        match action {
            LeaderAction::Send(bytes) => {
                self.sent += 1;
                self.follower.receive(now, &bytes);
            }
            LeaderAction::Open(point) => {
                let outcome = self.leader_log.check(&point);
                self.leader.opened(now, outcome);
            }
            LeaderAction::Snapshot => {
                self.snapshot = self.leader_log.snapshot();
                let ready = (self.snapshot.len() as u64, self.leader_log.head());
                self.leader.snapshot(now, Ok(ready));
            }
            LeaderAction::Acked(ack) => self.acked.push(ack.durable),
            LeaderAction::Fence(epoch) => self.fenced = Some(epoch),
            LeaderAction::Ask(json) => self.leader.answer(now, &json),
            LeaderAction::Close(end) => self.leader_end = Some(end),
            LeaderAction::Joined(_) | LeaderAction::Heard(_) => {}
        }
    }

    pub fn follower_action(&mut self, action: FollowerAction) {
        let now = self.now;
        match action {
            FollowerAction::Send(bytes) => self.leader.receive(now, &bytes),
            FollowerAction::Apply(bytes) if self.hold_apply => self.held.push(bytes),
            FollowerAction::Apply(bytes) => {
                let outcome = self.follower_log.apply(&bytes);
                self.follower.applied(now, outcome);
            }
            FollowerAction::SeedBegin { .. } => self.arriving.clear(),
            FollowerAction::SeedPart(bytes) => self.arriving.extend(bytes),
            FollowerAction::SeedEarly { offset, bytes } => self.early.push((offset, bytes)),
            FollowerAction::SeedEnd => {
                self.follower_log = Log::from_snapshot(&self.arriving).unwrap();
                let point = self.follower_log.head();
                self.follower.seeded(now, Ok(point));
            }
            FollowerAction::Heard { caught_up, .. } => self.caught_up = caught_up,
            FollowerAction::SawEpoch(epoch) => self.seen_epoch = epoch,
            FollowerAction::Close(end) => self.follower_end = Some(end),
            FollowerAction::Streaming | FollowerAction::Answer(_) => {}
        }
    }

    /// A message in the leader's place, whose own are out of order from then on.
    pub fn say(&mut self, message: &Message) {
        let mut framer = Framer::default();
        for _ in 0..self.sent {
            Message::Bye.frame(&mut framer);
        }
        let frame = message.frame(&mut framer);
        self.follower.receive(self.now, &frame);
    }

    /// Until nothing happens any more.
    pub fn run(&mut self) {
        while self.step() || self.feed() {}
    }

    /// One thing that is to be done; false where there is none.
    pub fn step(&mut self) -> bool {
        if let Some(action) = self.follower.next_action() {
            self.follower_action(action);
        } else if let Some(action) = self.leader.next_action() {
            self.leader_action(action);
        } else {
            return false;
        }
        true
    }

    pub fn feed(&mut self) -> bool {
        let now = self.now;
        match self.leader.wants() {
            Want::Nothing => false,
            Want::Entries => match self
                .leader_log
                .read(self.leader.sent_to().index, self.batch)
            {
                Ok(Some(batch)) => {
                    self.leader.entries(now, &batch.bytes, batch.end);
                    true
                }
                Ok(None) => {
                    let told = self.caught_up;
                    self.leader.at_head(now);
                    !told
                        && !self.follower.is_caught_up()
                        && self.leader_end.is_none()
                        && self.held.is_empty()
                }
                Err(refusal) => {
                    self.leader.lost(now, refusal);
                    true
                }
            },
            Want::Part => {
                let part: Vec<u8> = self
                    .snapshot
                    .drain(..self.snapshot.len().min(100))
                    .collect();
                self.leader.part(now, &part);
                true
            }
        }
    }

    /// After a snapshot: the follower comes back as what it is now.
    pub fn again(self) -> Pair {
        assert_eq!(self.follower_end, Some(FollowerEnd::Bye));
        assert!(
            self.acked.last() != Some(&self.leader_log.head()),
            "counted as another file"
        );
        assert_eq!(self.leader_log.head(), self.follower_log.head());
        Pair::new(self.leader_log, self.follower_log)
    }

    pub fn same(&self) {
        assert_eq!(self.leader_log.head(), self.follower_log.head());
        assert_eq!(self.leader_log.sum, self.follower_log.sum);
        assert_eq!(self.acked.last(), Some(&self.leader_log.head()));
        assert!(self.follower.is_caught_up());
    }
}

pub fn log(entries: u32) -> Log {
    let mut log = Log::default();
    for i in 0..entries {
        log.write(EntryKind::Note, 1, format!("entry {i}").as_bytes());
    }
    log
}
