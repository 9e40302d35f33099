//! A connection: two sessions and the bytes between them.

use std::collections::VecDeque;

use creel::stream::clock::{Now, Pace};
use creel::stream::follower::{FollowerConfig, FollowerSession};
use creel::stream::hello::{CAP_BOOTSTRAP, CAP_SNAPSHOT};
use creel::stream::leader::{LeaderConfig, LeaderSession};

use super::node::{Node, Wish};
use crate::pair::{follower_config, leader_config};
use crate::rng::Rng;

/// Short, so that dead peers are met in a short simulation.
pub const PACE: Pace = Pace {
    heartbeat_us: 100_000,
    dead_us: 300_000,
    handshake_us: 500_000,
};

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
pub struct Pipe {
    chunks: VecDeque<(u64, VecDeque<u8>)>,
    /// They arrive nowhere, and nobody is told.
    pub lost: bool,
}

impl Pipe {
    pub fn push(&mut self, due_us: u64, bytes: Vec<u8>) {
        if !self.lost {
            self.chunks.push_back((due_us, bytes.into()));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Some of the bytes that are due, in order.
    pub fn take(&mut self, now_us: u64, rng: &mut Rng) -> Vec<u8> {
        let Some((due, chunk)) = self.chunks.front_mut() else {
            return Vec::new();
        };
        if *due > now_us {
            return Vec::new();
        }
        let most = if rng.chance(70) {
            chunk.len()
        } else {
            1 + rng.below(chunk.len())
        };
        let bytes: Vec<u8> = chunk.drain(..most).collect();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        bytes
    }

    pub fn corrupt(&mut self, rng: &mut Rng) -> bool {
        let Some((_, chunk)) = self.chunks.front_mut() else {
            return false;
        };
        let at = rng.below(chunk.len());
        let byte = chunk.get_mut(at).unwrap();
        *byte ^= 1 << rng.below(8);
        true
    }
}

/// One connection.
#[derive(Debug)]
pub struct Link {
    pub follower: usize,
    pub leader: usize,
    pub leader_side: LeaderSession,
    pub follower_side: FollowerSession,
    pub to_leader: Pipe,
    pub to_follower: Pipe,
    /// Batches that the follower's shell has not applied yet.
    pub pending: VecDeque<Vec<u8>>,
    pub snapshot: Option<VecDeque<u8>>,
    pub arriving: Vec<u8>,
    /// The whole snapshot arrived and is to be put in place.
    pub seed_ready: bool,
    /// Copy of the leader's log that is read.
    pub copy: u32,
    /// How often the log was opened for this follower.
    pub opens: u32,
    pub leader_open: bool,
    pub follower_open: bool,
}

impl Link {
    pub fn new(follower: usize, nodes: &[Node], now: Now, rng: &mut Rng) -> Link {
        let node = &nodes[follower];
        let leader = node.upstream;
        let mut config: FollowerConfig = follower_config(&node.log);
        config.pace = PACE;
        config.hello.node = [follower as u8; 16];
        config.hello.highest_epoch = node.highest;
        config.hello.incarnation = [node.starts; 16];
        config.hello.caps = match node.wish {
            Wish::Follow | Wish::Rejoin => CAP_SNAPSHOT * u32::from(rng.chance(50)),
            Wish::Reseed => CAP_SNAPSHOT | CAP_BOOTSTRAP,
        };
        let leader_config = LeaderConfig {
            pace: PACE,
            node: [leader as u8; 16],
            ..leader_config()
        };
        let head = nodes[leader].head();
        Link {
            follower,
            leader,
            leader_side: LeaderSession::new(leader_config, head, now),
            follower_side: FollowerSession::new(config, now),
            to_leader: Pipe::default(),
            to_follower: Pipe::default(),
            pending: VecDeque::new(),
            snapshot: None,
            arriving: Vec::new(),
            seed_ready: false,
            copy: nodes[leader].copy,
            opens: 0,
            leader_open: true,
            follower_open: true,
        }
    }

    /// Nobody listens on either side any more.
    pub fn is_over(&self) -> bool {
        !self.leader_open && !self.follower_open
    }
}
