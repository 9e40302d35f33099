//! All nodes, their connections and the store, and what happens to them.

use std::collections::HashSet;

use creel::format::checksum::mix;
use creel::format::frame::EntryKind;
use creel::stream::clock::Now;
use creel::stream::follower::{FollowerAction, FollowerEnd};
use creel::stream::leader::{LeaderAction, LeaderEnd, Want};
use creel::stream::message::Code;
use creel::stream::source::SinkError;

use super::chain::Job;
use super::link::Link;
use super::node::{Node, Wish};
use super::oracle::Oracle;
use super::store::{Ask, SimStore};
use super::tools::Tool;
use crate::memory::Log;
use crate::rng::Rng;

/// A rule that is broken on purpose: the simulation has to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    Nothing,
    /// The store ignores the condition of a create.
    CarelessStore,
    /// A promotion does not look behind its fence.
    NoListBehind,
    /// Fences are removed like other segments.
    FencesRemoved,
    /// A primary ships what it has not made durable.
    ShipsUnsynced,
    /// A divergent tail is taken back before it is set aside.
    RewindsUnsaved,
    /// A copy counts its entries without what is in them, now and then.
    AppliesWrongData,
}

/// How often things happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub applied: u64,
    pub acked: u64,
    pub reconnects: u64,
    pub promotions: u64,
    pub fenced: u64,
    pub diverged: u64,
    pub seeded: u64,
    pub corrupted: u64,
    pub refused_bytes: u64,
    pub resyncs: u64,
    pub dead: u64,
    pub restarts: u64,
    pub cascaded: u64,
    pub published: u64,
    pub delivered: u64,
    pub fenced_by_store: u64,
    pub adopted: u64,
    pub overtaken: u64,
    pub rewound: u64,
    pub gaps: u64,
    pub seeded_from_store: u64,
    pub images: u64,
    pub removed: u64,
    pub power_cuts: u64,
    pub lost: u64,
    pub rotten: u64,
    pub store_faults: u64,
    pub wall_steps: u64,
}

impl Seen {
    fn fields(&mut self) -> [&mut u64; 28] {
        [
            &mut self.applied,
            &mut self.acked,
            &mut self.reconnects,
            &mut self.promotions,
            &mut self.fenced,
            &mut self.diverged,
            &mut self.seeded,
            &mut self.corrupted,
            &mut self.refused_bytes,
            &mut self.resyncs,
            &mut self.dead,
            &mut self.restarts,
            &mut self.cascaded,
            &mut self.published,
            &mut self.delivered,
            &mut self.fenced_by_store,
            &mut self.adopted,
            &mut self.overtaken,
            &mut self.rewound,
            &mut self.gaps,
            &mut self.seeded_from_store,
            &mut self.images,
            &mut self.removed,
            &mut self.power_cuts,
            &mut self.lost,
            &mut self.rotten,
            &mut self.store_faults,
            &mut self.wall_steps,
        ]
    }

    pub fn add(&mut self, other: &Seen) {
        let mut other = *other;
        for (to, from) in self.fields().into_iter().zip(other.fields()) {
            *to += *from;
        }
    }

    pub fn check(&self) {
        let mut copy = *self;
        let rare = copy.fields().into_iter().any(|count| *count < 10);
        assert!(!rare, "something hardly ever happens: {self:?}");
    }
}

pub struct World {
    pub(super) rng: Rng,
    pub(super) now: Now,
    pub(super) nodes: Vec<Node>,
    links: Vec<Link>,
    pub(super) oracle: Oracle,
    /// Decides who is primary; without one somebody gives out epochs.
    pub(super) store: Option<SimStore>,
    pub(super) tools: Vec<Tool>,
    /// The highest epoch that there is.
    pub(super) epoch: u32,
    /// Fences that were offered to the store.
    pub(super) promised: HashSet<[u8; 16]>,
    /// What the promotion of each node has asked last.
    pub(super) asked: Vec<Option<Ask>>,
    pub(super) weak: Weak,
    trace: u64,
    pub(super) healing: bool,
    pub seen: Seen,
}

impl World {
    pub fn new(seed: u64, weak: Weak) -> World {
        let mut rng = Rng::new(seed);
        let count = 1 + rng.below(5);
        let store = rng.chance(65).then(|| SimStore {
            careless: weak == Weak::CarelessStore,
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
            epoch: 1,
            promised: HashSet::new(),
            asked: vec![None; count],
            weak,
            trace: seed,
            healing: false,
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

    pub(super) fn note(&mut self, what: u64, a: u64, b: u64) {
        self.trace = mix(self.trace ^ mix(what) ^ mix(a.wrapping_mul(31) ^ b));
    }

    fn write(&mut self, at: usize, kind: EntryKind) {
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
            }
            83..92 => self.tick_all(),
            _ => self.fault(),
        }
        self.drop_dead_links();
        self.see_store();
    }

    fn pump_somewhere(&mut self) {
        if !self.links.is_empty() {
            let at = self.rng.below(self.links.len());
            self.pump(at);
        }
    }

    fn write_somewhere(&mut self) {
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

    fn connected(&self, at: usize) -> bool {
        self.links
            .iter()
            .any(|link| link.follower == at && link.follower_open)
    }

    fn connect_somewhere(&mut self) {
        let at = self.rng.below(self.nodes.len());
        self.connect(at);
    }

    fn connect(&mut self, at: usize) {
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

    fn tick_all(&mut self) {
        let jump = self.rng.below(40_000) as u64;
        self.now.mono_us += jump;
        for at in 0..self.links.len() {
            self.tick(at);
        }
    }

    fn tick(&mut self, at: usize) {
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

    fn fault(&mut self) {
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
                // Old entries are thrown away; what is not in the store is kept for it.
                let at = self.rng.below(self.nodes.len());
                let node = &mut self.nodes[at];
                let most = match self.store {
                    Some(_) => node.published.min(node.log.head().index),
                    None => node.log.head().index,
                };
                let floor = self.rng.below(most as usize + 1) as u64;
                node.log.floor = node.log.floor.max(floor);
            }
            13 => {
                // A clock is set, by years. Only what is shown may change.
                let years = 31_557_600_000_000 * self.rng.below(20) as u64;
                self.now.wall_us = years;
                self.seen.wall_steps += 1;
            }
            14 if self.rng.chance(30) => {
                let at = self.rng.below(self.nodes.len());
                if self.nodes[at].rot(&mut self.rng) {
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
    fn restart(&mut self) {
        let at = self.rng.below(self.nodes.len());
        self.seen.restarts += 1;
        if self.rng.chance(50) {
            let lost = self.nodes[at].power_cut(&mut self.rng);
            self.seen.power_cuts += 1;
            self.seen.lost += lost.len() as u64;
            self.oracle.lost(at, &lost, &self.nodes);
        }
        let node = &mut self.nodes[at];
        node.starts = node.starts.wrapping_add(1);
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

    fn found_rotten(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if !node.writable() {
            node.wish = Wish::Reseed;
            node.log.floor = node.log.head().index;
            node.drop_job();
        }
    }

    /// Somebody wants a replica to be primary, however far it is. Without a store an elector gives it
    /// the next epoch.
    fn promote(&mut self) {
        let at = self.rng.below(self.nodes.len());
        self.promote_node(at);
    }

    fn promote_node(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.primary || node.wish != Wish::Follow || node.rotten {
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
    fn hang_up(&mut self, at: usize) {
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

    fn drop_dead_links(&mut self) {
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

    /// Bytes move, entries are read and applied on one connection.
    fn pump(&mut self, at: usize) {
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

    fn apply(&mut self, at: usize) {
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
            if self.weak == Weak::AppliesWrongData && bytes.len().is_multiple_of(50) {
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
    fn feed(&mut self, at: usize) {
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
    fn act(&mut self, at: usize) {
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

    fn leader_acts(&mut self, at: usize, action: LeaderAction) {
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

    fn tell_fenced(&mut self, leader: usize, but: usize, epoch: u32) {
        for other in 0..self.links.len() {
            if other != but && self.links[other].leader == leader {
                self.links[other].leader_side.fenced(self.now, epoch, "");
                self.act(other);
            }
        }
    }

    fn follower_acts(&mut self, at: usize, action: FollowerAction) {
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

    /// The primary of the highest epoch.
    fn leader_of_all(&self) -> usize {
        let primaries = (0..self.nodes.len()).filter(|&i| self.nodes[i].primary);
        primaries
            .max_by_key(|&i| self.nodes[i].log.head().epoch)
            .unwrap()
    }

    /// Network, store and machines are well again: everybody ends up with the newest primary's
    /// history, and it has all that was confirmed.
    pub fn heal(&mut self) {
        self.healing = true;
        for node in &mut self.nodes {
            node.paused_until_us = 0;
            node.chosen = false;
            if let Some(call) = &mut node.call {
                call.due_us = 0;
            }
        }
        for at in 0..self.links.len() {
            self.links[at].leader_open = false;
            self.hang_up(at);
        }
        self.links.clear();
        if let Some(store) = &mut self.store {
            let faults = store.injected;
            self.seen.store_faults +=
                faults.refused + faults.lost + faults.late + faults.conflicts + faults.garbled;
            store.calm = true;
            for _ in 0..100 {
                store.carry_out_late(&mut self.rng);
            }
        }
        self.see_store();
        for at in 0..self.nodes.len() {
            if self.nodes[at].rotten {
                self.found_rotten(at);
            }
        }
        let leader = self.last_primary();
        self.write(leader, EntryKind::Note);
        self.nodes[leader].sync();
        for _ in 0..600 {
            self.round(leader);
            if self.is_well(leader) {
                break;
            }
        }
        let head = self.nodes[leader].log.head();
        let sum = self.nodes[leader].log.sum;
        for (at, node) in self.nodes.iter().enumerate() {
            assert_eq!(
                node.log.head(),
                head,
                "node {at} did not get there from {leader}: {:?}, primary {}, damaged {}, {:?} of {:?}",
                node.wish,
                node.primary,
                node.rotten,
                node.call,
                node.job
            );
            assert_eq!(node.log.sum, sum, "node {at} has other data");
            assert!(!node.rotten, "node {at} is damaged and stays so");
            node.log.check_whole();
            self.oracle.kept(node);
        }
        if self.store.is_some() {
            assert_eq!(self.oracle.end(), head, "not everything is published");
        }
    }

    fn is_well(&self, leader: usize) -> bool {
        let head = self.nodes[leader].log.head();
        let published = self.store.is_none() || self.oracle.end() == head;
        let there = |node: &Node| node.log.head() == head && !node.rotten;
        published && self.nodes.iter().all(there)
    }

    fn round(&mut self, leader: usize) {
        self.now.mono_us += 1000;
        for at in 0..self.nodes.len() {
            if at != leader && self.nodes[at].writable() {
                // It finds out as soon as it asks anybody.
                self.nodes[at].saw_epoch(self.epoch);
            }
            self.connect(at);
            for _ in 0..4 {
                self.work(at);
            }
        }
        for at in 0..self.links.len() {
            self.tick(at);
            self.pump(at);
        }
        self.drop_dead_links();
    }

    /// The primary of the newest epoch. With a store one is made where nobody is: a fence may be there
    /// whose writer was killed before it knew.
    fn last_primary(&mut self) -> usize {
        if self.store.is_none() {
            // It has not heard of a higher epoch, or it would not be the last.
            let leader = self.leader_of_all();
            assert!(!self.nodes[leader].fenced);
            return leader;
        }
        for _ in 0..600 {
            let epoch = self.oracle.end().epoch;
            let there = self
                .nodes
                .iter()
                .position(|node| node.writable() && node.log.head().epoch == epoch);
            // A fence that is on its way could still depose it.
            let promoting = |node: &Node| matches!(node.job, Job::Promoting { .. });
            if let Some(leader) = there
                && !self.nodes.iter().any(promoting)
            {
                self.nodes.iter_mut().for_each(|node| node.chosen = false);
                return leader;
            }
            for at in 0..self.nodes.len() {
                for _ in 0..4 {
                    self.work(at);
                }
            }
            if there.is_none() && !self.nodes.iter().any(|node| node.chosen) {
                let at = self.rng.below(self.nodes.len());
                self.promote_node(at);
            }
            self.now.mono_us += 1000;
        }
        panic!("nobody can be made primary: {:?}", self.nodes);
    }
}
