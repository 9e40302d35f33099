//! Who is behind has old log kept for him, and may never come back: what stays for holds alone is
//! within their caps (I15). What stays is decided by the program, in the store and in a file.

use creel::chain::name::HoldName;
use creel::chain::object::{HoldDoc, NodeRole, ProgressDoc, RetentionRow, Segment};
use creel::chain::protocol::{Wanted, floor};
use creel::format::local::ArchiveRecord;
use creel::keeping::{Needs, expired};
use creel::{Facts, Hold, Retention};

use super::node::Node;
use super::seen::Weak;
use super::store::SimStore;
use super::world::World;
use crate::rng::Rng;
use crate::samples::LINEAGE;

/// Small, so that parts of the log are not all of one size.
const PAGE: u64 = 64;

/// Caps that a short simulation comes to.
const BYTES: usize = 4000;
const TIME_US: usize = 2_000_000;

/// Caps of a store for those that say how far they are.
pub fn caps(rng: &mut Rng) -> RetentionRow {
    RetentionRow {
        hold_ttl_us: rng.below(TIME_US) as u64,
        hold_max_bytes: Some(rng.below(BYTES) as u64),
        ..RetentionRow::default()
    }
}

/// What stays for holds alone, and the largest of their caps.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    from: u64,
    below: u64,
    max_bytes: u64,
}

/// The log of a node that a checkpoint has passed.
#[derive(Debug, Default)]
pub struct Shelf {
    parts: Vec<ArchiveRecord>,
    holds: Vec<Hold>,
    held: Option<Held>,
}

impl Shelf {
    pub fn clear(&mut self) {
        *self = Shelf::default();
    }

    pub fn rewind(&mut self, index: u64) {
        self.parts.retain(|part| part.first_index <= index);
        if let Some(last) = self.parts.last_mut() {
            last.last_index = last.last_index.min(index);
        }
    }

    fn bytes(&self, from: u64, below: u64) -> u64 {
        let parts = self.parts.iter();
        let parts = parts.filter(|part| (from..below).contains(&part.first_index));
        parts.map(|part| u64::from(part.pages) * PAGE).sum()
    }
}

impl SimStore {
    /// The first segment that is there with something behind an index, and where it begins.
    fn first_behind(&self, index: u64) -> Option<(u64, u64)> {
        self.objects.iter().find_map(|(number, bytes)| {
            let (facts, _) = Segment::peek(bytes).ok()?;
            (facts.after.index > index).then_some((*number, facts.before.index))
        })
    }

    fn bytes(&self, numbers: impl std::ops::RangeBounds<u64>) -> u64 {
        let objects = self.objects.range(numbers);
        objects.map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// Who counts at a moment: what he has, and how many bytes he may keep.
    fn caps(&self, now_us: u64) -> Vec<(u64, u64)> {
        let holds = self.holds.iter().filter(|hold| now_us <= hold.expires_us);
        let holds = holds.map(|hold| (hold.index, hold.max_bytes));
        let ttl_us = self.retention.hold_ttl_us;
        let nodes = self.progress.values();
        let nodes = nodes.filter(|said| now_us.saturating_sub(said.time_us) <= ttl_us);
        let most = self.retention.node_max_bytes(None);
        holds
            .chain(nodes.map(|said| (said.durable.index, most)))
            .collect()
    }
}

impl World {
    /// A copy says in the store how far it is, or somebody asks for old log. Whoever sleeps says
    /// nothing more.
    pub(super) fn hold_in_store(&mut self) {
        let at = self.rng.below(self.nodes.len());
        let (ask, back, name) = (self.rng.chance(30), self.rng.below(20), self.rng.below(3));
        let (max_bytes, time) = (self.rng.below(BYTES), self.rng.below(TIME_US));
        let now_us = self.now.mono_us;
        let (node, paused) = (&self.nodes[at], self.paused(at));
        let Some(store) = &mut self.store else { return };
        if ask {
            let name = HoldName::new(&format!("hold-{name}")).unwrap();
            let index = node.published.saturating_sub(back as u64);
            let mut hold = HoldDoc::new(&name, LINEAGE, index);
            hold.max_bytes = max_bytes as u64;
            hold.expires_us = now_us + time as u64;
            store.holds.retain(|other| other.name != hold.name);
            store.holds.push(hold);
        } else if !node.primary && !paused && !node.rotten {
            let (id, durable) = ([at as u8; 16], node.head().point.into());
            let mut said = ProgressDoc::new(id, LINEAGE, NodeRole::Replica, durable);
            said.time_us = now_us;
            store.progress.insert(at, said);
        }
    }

    /// What a collection of the store is to leave.
    pub(super) fn plan_floor(&mut self) -> Option<u64> {
        let now_us = self.now.mono_us;
        let weak = self.weak == Weak::StoreWithoutCaps;
        let store = self.store.as_mut()?;
        let (number, index) = store.copy_floor()?;
        let (tail, retention) = (store.newest()?, store.retention);
        let mut wanted: Vec<Wanted> = Vec::new();
        for said in store.progress.values() {
            wanted.extend(Wanted::by_node(said, &retention, now_us));
        }
        for hold in &store.holds {
            let mut hold = hold.clone();
            if weak {
                (hold.max_bytes, hold.expires_us) = (u64::MAX, u64::MAX);
            }
            wanted.push(Wanted::by_hold(&hold, now_us));
        }
        let behind = |index, _| {
            let first = store.first_behind(index);
            Ok::<u64, ()>(first.map_or(0, |(from, _)| store.bytes(from..=tail)))
        };
        let judged = wanted.into_iter().map(|wanted| wanted.judged(behind));
        let held: Vec<_> = judged.map(Result::unwrap).collect();
        let mut late = 0;
        let locate = |index| {
            let first = store.first_behind(index);
            let there = first.filter(|(from, before)| *before <= index && *from >= store.floor);
            late += u64::from(there.is_none());
            Ok::<_, ()>(there.map(|(from, _)| from))
        };
        let (chosen, by) = floor((number, index), &held, locate).unwrap();
        self.seen.held_in_store += u64::from(by.is_some() && chosen < number);
        self.seen.over_in_store += held.iter().filter(|held| held.dropped.is_some()).count() as u64;
        self.seen.late_in_store += late;
        // The floor never sinks.
        let chosen = chosen.max(store.floor);
        store.held = (chosen < number).then_some(Held {
            from: chosen,
            below: number,
            max_bytes: store.most_within(chosen, index, tail, now_us),
        });
        store.floor = chosen;
        self.check_holds();
        Some(chosen)
    }

    /// Somebody asks a node to keep old log.
    pub(super) fn hold_in_file(&mut self, at: usize) {
        let back = self.rng.below(20) as u64;
        let node = &mut self.nodes[at];
        let hold = Hold {
            name: format!("hold-{}", self.rng.below(3)),
            index: node.log.head().index.saturating_sub(back),
            max_bytes: self.rng.below(BYTES) as u64,
            expires_us: self.now.mono_us + self.rng.below(TIME_US) as u64,
        };
        node.shelf.holds.retain(|other| other.name != hold.name);
        node.shelf.holds.push(hold);
    }

    /// A checkpoint sets aside what it passes, and lets go of what nobody needs any more.
    pub(super) fn archive(&mut self, at: usize) {
        let now_us = self.now.mono_us;
        let retention = Retention {
            min_entries: self.rng.below(20) as u64 * u64::from(self.rng.chance(50)),
            time_ms: self.rng.below(1000) as u64 * u64::from(self.rng.chance(30)),
            max_bytes: self.rng.below(BYTES) as u64,
            ..Retention::default()
        };
        let stored = self.store.is_some();
        let node = &mut self.nodes[at];
        let upto = match self.rng.chance(50) {
            true => node.durable,
            false => self.rng.below(node.durable as usize + 1) as u64,
        };
        let parts = &node.shelf.parts;
        let passed = parts.last().map_or(node.log.floor, |part| part.last_index);
        if upto > passed {
            let bytes = node.log.between(passed, upto).len() as u64;
            node.shelf.parts.push(ArchiveRecord {
                first_index: passed + 1,
                last_index: upto,
                start_page: 1,
                pages: bytes.div_ceil(PAGE) as u32,
                end: bytes,
                region_seq: 1,
                archived_us: now_us,
            });
        }
        // What is not in the store is kept for it.
        let published = node.published.min(node.log.head().index);
        let mut facts = Facts {
            publish: if stored {
                "dir:x".into()
            } else {
                String::new()
            },
            published: node.log.at(published).map(|point| (*point, 1)),
            retention,
            ..Facts::default()
        };
        let without = node.expired(&facts, now_us);
        facts.holds.clone_from(&node.shelf.holds);
        if self.weak == Weak::FileWithoutCaps {
            for hold in &mut facts.holds {
                (hold.max_bytes, hold.expires_us) = (u64::MAX, u64::MAX);
            }
        }
        let gone = node.expired(&facts, now_us);
        let passed = node.let_go(gone, without, now_us);
        self.seen.held_in_file += u64::from(gone < without);
        self.seen.over_in_file += u64::from(passed);
        self.check_holds();
    }

    /// I15, wherever something stays for holds alone.
    pub(super) fn check_holds(&self) {
        if let Some(store) = &self.store
            && let Some(held) = store.held
        {
            let bytes = store.bytes(held.from..held.below);
            assert!(
                bytes <= held.max_bytes,
                "the store keeps {bytes} bytes, more than the caps of its holds: {held:?}"
            );
        }
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(held) = node.shelf.held {
                let bytes = node.shelf.bytes(held.from, held.below);
                assert!(
                    bytes <= held.max_bytes,
                    "node {at} keeps {bytes} bytes, more than the caps of its holds: {held:?}"
                );
            }
        }
    }
}

impl SimStore {
    /// The largest cap of those that count below a copy. Who is within his has his log.
    fn most_within(&self, chosen: u64, copy: u64, tail: u64, now_us: u64) -> u64 {
        let wanting = self.caps(now_us);
        let wanting = wanting.into_iter().filter(|(has, _)| *has < copy);
        let mut largest = 0;
        for (has, most) in wanting {
            largest = largest.max(most);
            let first = self.first_behind(has);
            let there = first.filter(|(from, before)| *before <= has && *from >= self.floor);
            if let Some((from, _)) = there.filter(|(from, _)| self.bytes(*from..=tail) <= most) {
                assert!(
                    from >= chosen,
                    "segment {from} is within the caps of a hold"
                );
            }
        }
        largest
    }
}

impl Node {
    fn expired(&self, facts: &Facts, now_us: u64) -> usize {
        let (parts, newest) = (&self.shelf.parts, self.log.head().index);
        expired(parts, facts, &Needs::default(), newest, PAGE, now_us)
    }

    /// The first parts go; without holds more would. True where somebody's hold does not count.
    fn let_go(&mut self, gone: usize, without: usize, now_us: u64) -> bool {
        let shelf = &mut self.shelf;
        let below = shelf.parts.get(without).map(|part| part.first_index);
        for part in shelf.parts.drain(..gone) {
            self.log.floor = self.log.floor.max(part.last_index);
        }
        let from = shelf.parts.first().map_or(0, |part| part.first_index);
        let last = shelf.parts.first().map_or(0, |part| part.last_index);
        let needed = shelf.holds.iter().filter(|hold| hold.index < last);
        let counts = |hold: &&Hold| now_us < hold.expires_us;
        let most = needed.filter(counts).map(|hold| hold.max_bytes).max();
        shelf.held = (gone < without).then_some(Held {
            from,
            below: below.unwrap_or(u64::MAX),
            max_bytes: most.unwrap_or(0),
        });
        shelf.holds.iter().any(|hold| hold.index < self.log.floor)
    }
}
