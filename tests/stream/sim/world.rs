//! All nodes, their connections and the store, and what happens to them.

use std::collections::HashSet;

use creel::format::checksum::mix;
use creel::format::frame::EntryKind;
use creel::stream::clock::Now;

use super::chain::Job;
use super::holds;
use super::link::Link;
use super::node::{Node, Wish};
use super::oracle::Oracle;
use super::seen::{Seen, Weak};
use super::store::{Ask, SimStore};
use super::tokens::Tokens;
use super::tools::Tool;
use crate::rng::Rng;

pub struct World {
    pub(super) rng: Rng,
    pub(super) now: Now,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    pub(super) oracle: Oracle,
    /// Decides who is primary; without one somebody gives out epochs.
    pub(super) store: Option<SimStore>,
    pub(super) tools: Vec<Tool>,
    pub(super) tokens: Tokens,
    /// The highest epoch that there is.
    pub(super) epoch: u32,
    /// Fences that were offered to the store.
    pub(super) promised: HashSet<[u8; 16]>,
    /// What the promotion of each node has asked last.
    pub(super) asked: Vec<Option<Ask>>,
    pub(super) weak: Weak,
    trace: u64,
    pub(super) healing: bool,
    /// Nobody sets the clock: everything else is the same.
    pub(super) still: bool,
    pub seen: Seen,
}

impl World {
    pub fn new(seed: u64, weak: Weak) -> World {
        let mut rng = Rng::new(seed);
        let count = 1 + rng.below(5);
        let store = rng.chance(65).then(|| SimStore {
            careless: weak == Weak::CarelessStore,
            retention: holds::caps(&mut rng),
            ..SimStore::default()
        });
        let mut world = World {
            rng,
            now: Now::default(),
            nodes: (0..count).map(|i| Node::new(i == 0)).collect(),
            links: Vec::new(),
            oracle: Oracle::default(),
            store,
            tools: Vec::new(),
            tokens: Tokens::default(),
            epoch: 1,
            promised: HashSet::new(),
            asked: vec![None; count],
            weak,
            trace: seed,
            healing: false,
            still: false,
            seen: Seen::default(),
        };
        for _ in 0..3 {
            world.write(0, EntryKind::Note);
        }
        world
    }

    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// All that happened in the other one has happened here, and nothing else.
    pub fn stands_as(&self, other: &World) -> bool {
        let mut nodes = self.nodes.iter().zip(&other.nodes);
        self.trace == other.trace
            && self.now.mono_us == other.now.mono_us
            && self.links.len() == other.links.len()
            && nodes.all(|(one, two)| one.stands_as(two))
    }

    pub(super) fn note(&mut self, what: u64, a: u64, b: u64) {
        self.trace = mix(self.trace ^ mix(what) ^ mix(a.wrapping_mul(31) ^ b));
    }

    pub(super) fn write(&mut self, at: usize, kind: EntryKind) {
        let node = &mut self.nodes[at];
        let epoch = match kind {
            EntryKind::Fence => self.epoch,
            _ => node.log.head().epoch,
        };
        let payload = self.rng.next().to_le_bytes();
        node.log.write(kind, epoch, &payload[..self.rng.below(9)]);
        if kind == EntryKind::Fence || self.rng.chance(60) {
            node.sync();
        }
        self.oracle.written.note(&node.log);
        self.oracle.writes(at, epoch);
        let index = node.log.head().index;
        self.note(1, at as u64, index);
        self.oracle.node(at, &self.nodes[at]);
        if kind != EntryKind::Fence {
            self.hand_out(at);
        }
    }

    /// One thing happens, then everything is checked.
    pub fn step(&mut self) {
        self.now.mono_us += self.rng.below(10_000) as u64;
        let stored = self.store.is_some();
        match self.rng.below(100) {
            0..30 => self.pump_somewhere(),
            30..60 if stored => {
                for _ in 0..3 {
                    let at = self.rng.below(self.nodes.len());
                    self.work(at);
                }
            }
            30..60 => self.pump_somewhere(),
            60..74 => self.write_somewhere(),
            74..83 => self.connect_somewhere(),
            83..88 if stored => {
                self.start_tool();
                for _ in 0..4 {
                    self.use_tool();
                }
                self.hold_in_store();
            }
            83..92 => self.tick_all(),
            _ => self.fault(),
        }
        self.drop_dead_links();
        self.see_store();
        self.look_for_tokens();
        self.check_holds();
    }

    pub(super) fn pump_somewhere(&mut self) {
        if !self.links.is_empty() {
            let at = self.rng.below(self.links.len());
            self.pump(at);
        }
    }

    pub(super) fn write_somewhere(&mut self) {
        let primaries: Vec<usize> = (0..self.nodes.len())
            .filter(|&i| self.nodes[i].writable() && !self.paused(i))
            .collect();
        if primaries.is_empty() {
            return;
        }
        let at = *self.rng.pick(&primaries);
        for _ in 0..=self.rng.below(3) {
            let bulk = self.rng.below(60) == 0;
            self.write(
                at,
                if bulk {
                    EntryKind::Bulk
                } else {
                    EntryKind::Note
                },
            );
        }
        if self.rng.chance(50) {
            self.nodes[at].sync();
        }
    }

    pub(super) fn paused(&self, at: usize) -> bool {
        self.nodes[at].paused_until_us > self.now.mono_us
    }

    pub(super) fn connected(&self, at: usize) -> bool {
        self.links
            .iter()
            .any(|link| link.follower == at && link.follower_open)
    }

    pub(super) fn connect_somewhere(&mut self) {
        let at = self.rng.below(self.nodes.len());
        self.connect(at);
    }

    pub(super) fn connect(&mut self, at: usize) {
        let node = &self.nodes[at];
        if node.writable() || self.connected(at) || node.retry_us > self.now.mono_us {
            return;
        }
        // With a store to ask, a former primary goes back first; who is being promoted takes nothing.
        let former = node.primary && node.wish != Wish::Reseed;
        let busy = former || node.wish == Wish::Rejoin;
        let promoting = matches!(node.job, Job::Promoting { .. });
        if self.store.is_some() && (busy || promoting) {
            return;
        }
        let upstream = if self.healing {
            self.leader_of_all()
        } else if self.rng.chance(70) {
            node.upstream
        } else {
            self.rng.below(self.nodes.len())
        };
        if upstream == at || self.paused(at) || self.paused(upstream) {
            return;
        }
        self.nodes[at].upstream = upstream;
        if !self.nodes[upstream].primary {
            self.seen.cascaded += 1;
        }
        // A deposed primary whose log is not the new one finds out by its position.
        let link = Link::new(at, &self.nodes, self.now, &mut self.rng);
        self.links.push(link);
        self.seen.reconnects += 1;
        self.note(2, at as u64, upstream as u64);
    }

    pub(super) fn tick_all(&mut self) {
        let jump = self.rng.below(40_000) as u64;
        self.now.mono_us += jump;
        for at in 0..self.links.len() {
            self.tick(at);
        }
    }

    pub(super) fn tick(&mut self, at: usize) {
        let (leader, follower) = (self.links[at].leader, self.links[at].follower);
        let (leader_paused, follower_paused) = (self.paused(leader), self.paused(follower));
        let link = &mut self.links[at];
        if link.leader_open && !leader_paused {
            link.leader_side.tick(self.now);
        }
        if link.follower_open && !follower_paused {
            link.follower_side.tick(self.now);
        }
        self.act(at);
    }

    pub(super) fn fault(&mut self) {
        let links = self.links.len();
        match self.rng.below(16) {
            0..3 if links > 0 => {
                let at = self.rng.below(links);
                let link = &mut self.links[at];
                let pipe = if self.rng.chance(50) {
                    &mut link.to_leader
                } else {
                    &mut link.to_follower
                };
                if pipe.corrupt(&mut self.rng) {
                    self.seen.corrupted += 1;
                }
            }
            3..5 if links > 0 => {
                // Reset: both sides see it.
                let at = self.rng.below(links);
                self.links[at].leader_open = false;
                self.hang_up(at);
            }
            5 if links > 0 => {
                // Half open: nobody sees anything.
                let at = self.rng.below(links);
                let link = &mut self.links[at];
                link.to_leader.lost |= self.rng.chance(60);
                link.to_follower.lost |= self.rng.chance(60);
            }
            6..8 => {
                let at = self.rng.below(self.nodes.len());
                // Now and then it sleeps while the others go on for long.
                let most = if self.rng.chance(20) {
                    3_000_000
                } else {
                    400_000
                };
                let pause = self.rng.below(most) as u64;
                self.nodes[at].paused_until_us = self.now.mono_us + pause;
            }
            8 => self.restart(),
            9 | 12 => self.promote(),
            10 => {
                let at = self.rng.below(self.nodes.len());
                match self.rng.chance(40) {
                    true => self.hold_in_file(at),
                    false => self.archive(at),
                }
            }
            13 => {
                // A clock is set, by years. Only what is shown may change.
                let years = 31_557_600_000_000 * self.rng.below(20) as u64;
                if !self.still {
                    self.now.wall_us = years;
                }
                self.seen.wall_steps += 1;
            }
            14 if self.rng.chance(30) => {
                let at = self.rng.below(self.nodes.len());
                // One copy stays well: what is damaged everywhere comes from nowhere.
                let mut others = (0..self.nodes.len()).filter(|&other| other != at);
                let well = others.any(|other| !self.nodes[other].rotten);
                if well && self.nodes[at].rot(&mut self.rng) {
                    self.seen.rotten += 1;
                }
            }
            14 | 15 if self.store.is_some() => {
                let store = self.store.as_mut().unwrap();
                match self.rng.below(10) {
                    0 => self.seen.rotten += u64::from(store.rot(&mut self.rng)),
                    _ => store.carry_out_late(&mut self.rng),
                }
            }
            _ => {
                // Bytes rot between the leader's log and the wire.
                if links > 0 {
                    let at = self.rng.below(links);
                    if let Some(batch) = self.links[at].pending.back_mut() {
                        let byte = self.rng.below(batch.len());
                        batch[byte] ^= 4;
                        self.seen.corrupted += 1;
                    }
                }
            }
        }
    }

    /// A process is killed, or its machine loses power, and it starts again.
    pub(super) fn restart(&mut self) {
        let at = self.rng.below(self.nodes.len());
        self.seen.restarts += 1;
        if self.rng.chance(50) {
            let lost = self.nodes[at].power_cut(&mut self.rng);
            self.seen.power_cuts += 1;
            self.seen.lost += lost.len() as u64;
            self.oracle.lost(at, &lost, &self.nodes);
            self.tokens.taken(&lost);
        }
        let node = &mut self.nodes[at];
        node.starts = node.starts.wrapping_add(1);
        // What it has sent arrives, or never does.
        if let (Some(store), Some(call)) = (&mut self.store, node.call.take())
            && self.rng.chance(70)
        {
            store.sent_before(call);
        }
        node.drop_job();
        node.chosen = false;
        node.paused_until_us = 0;
        match node.rotten {
            // Opening refuses a damaged file: it is no source, and needs a new copy.
            true => self.found_rotten(at),
            false => self.nodes[at].log.check_whole(),
        }
        for link in 0..self.links.len() {
            if self.links[link].follower == at || self.links[link].leader == at {
                self.links[link].leader_open = false;
                self.hang_up(link);
            }
        }
        self.note(3, at as u64, self.nodes[at].log.head().index);
        self.oracle.node(at, &self.nodes[at]);
    }

    pub(super) fn found_rotten(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if !node.writable() {
            node.wish = Wish::Reseed;
            node.log.floor = node.log.head().index;
            node.shelf.clear();
            node.drop_job();
        }
    }

    /// Somebody wants a replica to be primary, however far it is. Without a store an elector gives it
    /// the next epoch.
    pub(super) fn promote(&mut self) {
        let at = self.rng.below(self.nodes.len());
        self.promote_node(at);
    }

    pub(super) fn promote_node(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.primary || node.wish != Wish::Follow || node.rotten {
            return;
        }
        // As one would who believes in leases.
        if self.weak == Weak::AsksTheClock && self.now.wall_us == 0 {
            return;
        }
        if self.store.is_some() {
            node.chosen = true;
            return;
        }
        if self.paused(at) {
            return;
        }
        self.epoch += 1;
        self.nodes[at].primary = true;
        self.nodes[at].fenced = false;
        self.write(at, EntryKind::Fence);
        self.nodes[at].saw_epoch(self.epoch);
        self.hang_up_all(at);
        self.seen.promotions += 1;
        self.note(4, at as u64, u64::from(self.epoch));
    }

    /// A node follows nobody any more.
    pub(super) fn hang_up_all(&mut self, at: usize) {
        for link in 0..self.links.len() {
            if self.links[link].follower == at {
                self.links[link].follower_side.stop(self.now);
                self.act(link);
                self.hang_up(link);
            }
        }
    }

    /// The follower's side of a connection ends.
    pub(super) fn hang_up(&mut self, at: usize) {
        let link = &mut self.links[at];
        if !link.follower_open {
            return;
        }
        link.follower_open = false;
        link.pending.clear();
        link.seed_ready = false;
        let wait = if self.healing {
            1
        } else {
            1 + self.rng.below(30_000) as u64
        };
        self.nodes[link.follower].retry_us = self.now.mono_us + wait;
    }

    pub(super) fn drop_dead_links(&mut self) {
        for at in 0..self.links.len() {
            // A closed side is seen by the other once its last bytes have arrived.
            let link = &self.links[at];
            let gone = !link.leader_open && link.to_follower.is_empty() && !link.to_follower.lost;
            if gone && link.follower_open && !self.paused(link.follower) {
                self.hang_up(at);
            }
            let link = &mut self.links[at];
            if !link.follower_open && link.to_leader.is_empty() && !link.to_leader.lost {
                link.leader_open = false;
            }
        }
        self.links.retain(|link| !link.is_over());
    }
}
