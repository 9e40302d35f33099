//! Bytes move: both sessions of a connection are served.

use creel::stream::follower::{FollowerAction, FollowerEnd};
use creel::stream::leader::{LeaderAction, LeaderEnd, Want};
use creel::stream::message::Code;
use creel::stream::source::SinkError;

use super::node::Wish;
use super::oracle::Oracle;
use super::seen::Weak;
use super::world::World;
use crate::memory::Log;

impl World {
    /// Bytes move, entries are read and applied on one connection.
    pub(super) fn pump(&mut self, at: usize) {
        let link = &mut self.links[at];
        let (leader, follower) = (link.leader, link.follower);
        let leader_runs =
            link.leader_open && self.nodes[leader].paused_until_us <= self.now.mono_us;
        let follower_runs =
            link.follower_open && self.nodes[follower].paused_until_us <= self.now.mono_us;
        if leader_runs {
            for _ in 0..3 {
                let bytes = link.to_leader.take(self.now.mono_us, &mut self.rng);
                if !bytes.is_empty() {
                    link.leader_side.receive(self.now, &bytes);
                }
            }
            self.act(at);
            self.feed(at);
        }
        if follower_runs && self.links[at].follower_open {
            for _ in 0..3 {
                let link = &mut self.links[at];
                let bytes = link.to_follower.take(self.now.mono_us, &mut self.rng);
                if !bytes.is_empty() {
                    link.follower_side.receive(self.now, &bytes);
                }
                self.act(at);
            }
            if self.rng.chance(70) {
                self.apply(at);
            }
        }
    }

    pub(super) fn apply(&mut self, at: usize) {
        let link = &mut self.links[at];
        let node = &mut self.nodes[link.follower];
        if link.seed_ready && link.pending.is_empty() {
            link.seed_ready = false;
            // It is checked before it takes the place of the old one.
            let outcome = match Log::from_snapshot(&link.arriving) {
                Some(log) => {
                    node.replace(log);
                    self.seen.seeded += 1;
                    Ok(node.log.head())
                }
                None => Err(SinkError::Failed {
                    reason: "what arrived is damaged".to_owned(),
                }),
            };
            link.follower_side.seeded(self.now, outcome);
        } else if let Some(bytes) = link.pending.pop_front() {
            let before = node.log.head().index;
            let outcome = node.log.apply(&bytes);
            node.sync();
            if self.weak == Weak::AppliesWrongData && bytes.len().is_multiple_of(37) {
                node.log.sum ^= 1;
            }
            if outcome.is_err() {
                link.pending.clear();
            }
            self.seen.applied += node.log.head().index - before;
            link.follower_side.applied(self.now, outcome);
        } else {
            return;
        }
        let follower = link.follower;
        let head = self.nodes[follower].log.head().index;
        self.note(5, follower as u64, head);
        self.oracle.node(follower, &self.nodes[follower]);
        self.act(at);
    }

    /// The leader's shell gives its session what it wants.
    pub(super) fn feed(&mut self, at: usize) {
        let link = &mut self.links[at];
        let node = &self.nodes[link.leader];
        let mut head = node.head();
        if self.weak == Weak::ShipsUnsynced {
            head.point = node.log.head();
        }
        link.leader_side.set_head(self.now, head);
        let same = link.copy == node.copy;
        match link.leader_side.wants() {
            Want::Nothing => {}
            _ if !same => {
                link.leader_side
                    .fail(self.now, Code::Internal, "the log was replaced");
            }
            Want::Entries => {
                let after = link.leader_side.sent_to().index;
                let there = head.point.index.saturating_sub(after) as usize;
                let most = (1 + self.rng.below(5)).min(there);
                match node.log.read(after, most) {
                    Ok(Some(batch)) => {
                        link.leader_side.entries(self.now, &batch.bytes, batch.end);
                    }
                    Ok(None) => link.leader_side.at_head(self.now),
                    Err(refusal) => link.leader_side.lost(self.now, refusal),
                }
            }
            Want::Part => {
                let parts = link.snapshot.get_or_insert_default();
                let part: Vec<u8> = parts.drain(..parts.len().min(4000)).collect();
                link.leader_side.part(self.now, &part);
            }
        }
        self.act(at);
    }

    /// Does what both sessions ask for.
    pub(super) fn act(&mut self, at: usize) {
        loop {
            if let Some(action) = self.links[at].leader_side.next_action() {
                self.leader_acts(at, action);
            } else if let Some(action) = self.links[at].follower_side.next_action() {
                self.follower_acts(at, action);
            } else {
                break;
            }
        }
        Oracle::memory(&self.links[at]);
    }

    pub(super) fn due_us(&mut self) -> u64 {
        self.now.mono_us
            + if self.healing {
                0
            } else {
                self.rng.below(20_000) as u64
            }
    }

    pub(super) fn leader_acts(&mut self, at: usize, action: LeaderAction) {
        let due = self.due_us();
        let link = &mut self.links[at];
        if !link.leader_open {
            return;
        }
        let leader = link.leader;
        let node = &mut self.nodes[leader];
        match action {
            LeaderAction::Send(bytes) => link.to_follower.push(due, bytes),
            LeaderAction::Open(point) => {
                link.copy = node.copy;
                link.opens += 1;
                self.seen.resyncs += u64::from(link.opens == 2 && link.snapshot.is_none());
                let outcome = node.log.check(&point);
                link.leader_side.opened(self.now, outcome);
            }
            LeaderAction::Snapshot => {
                link.copy = node.copy;
                let end = node.head().point;
                let bytes = node.log.between(0, end.index);
                let ready = (bytes.len() as u64, end);
                link.snapshot = Some(bytes.into());
                link.leader_side.snapshot(self.now, Ok(ready));
            }
            LeaderAction::Acked(ack) => {
                let follower = link.follower;
                // A copy that was replaced since has a history of its own.
                if link.follower_open && link.copy == node.copy {
                    Oracle::acked(&self.nodes[leader], &self.nodes[follower], &ack.durable);
                    self.seen.acked += 1;
                }
            }
            LeaderAction::Fence(epoch) => {
                node.saw_epoch(epoch);
                if node.fenced {
                    self.seen.fenced += 1;
                    self.tell_fenced(leader, at, epoch);
                }
            }
            LeaderAction::Close(end) => {
                link.leader_open = false;
                if matches!(end, LeaderEnd::Wire(_)) {
                    self.seen.refused_bytes += 1;
                }
            }
            LeaderAction::Joined(_) | LeaderAction::Heard(_) | LeaderAction::Ask(_) => {}
        }
    }

    pub(super) fn tell_fenced(&mut self, leader: usize, but: usize, epoch: u32) {
        for other in 0..self.links.len() {
            if other != but && self.links[other].leader == leader {
                self.links[other].leader_side.fenced(self.now, epoch, "");
                self.act(other);
            }
        }
    }

    pub(super) fn follower_acts(&mut self, at: usize, action: FollowerAction) {
        let due = self.due_us();
        let link = &mut self.links[at];
        if !link.follower_open {
            return;
        }
        let node = &mut self.nodes[link.follower];
        match action {
            FollowerAction::Send(bytes) => link.to_leader.push(due, bytes),
            FollowerAction::Apply(bytes) => link.pending.push_back(bytes),
            FollowerAction::SeedBegin { .. } => link.arriving.clear(),
            FollowerAction::SeedPart(bytes) => link.arriving.extend(bytes),
            FollowerAction::SeedEarly { .. } => {}
            FollowerAction::SeedEnd => link.seed_ready = true,
            FollowerAction::SawEpoch(epoch) => node.saw_epoch(epoch),
            FollowerAction::Close(end) => {
                match end {
                    FollowerEnd::Diverged { .. } => {
                        node.wish = match self.store {
                            Some(_) if !node.rotten => Wish::Rejoin,
                            _ => Wish::Reseed,
                        };
                        self.seen.diverged += 1;
                    }
                    FollowerEnd::Reseed { .. } => node.wish = Wish::Reseed,
                    FollowerEnd::Wire(_) => self.seen.refused_bytes += 1,
                    FollowerEnd::Dead => self.seen.dead += 1,
                    _ => {}
                }
                self.hang_up(at);
            }
            FollowerAction::Streaming
            | FollowerAction::Heard { .. }
            | FollowerAction::Answer(_) => {}
        }
    }
}
