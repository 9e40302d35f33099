//! What must be true after each step. The numbers are those of the invariants in `docs/testing.md`.

use std::collections::{BTreeMap, HashMap};

use creel::chain::object::{Facts, Segment};
use creel::format::entry::{Entries, Point};
use creel::stream::frame::{BODY_STRANGER, HEADER_SIZE};
use creel::stream::leader::WINDOW;

use super::link::Link;
use super::node::Node;
use super::store::SimStore;
use crate::memory::Written;
use crate::samples::start;

/// Of a node at the last look.
#[derive(Debug, Default)]
struct Known {
    copy: u32,
    points: Vec<Point>,
    highest: u32,
}

/// Knows every entry that was ever written, how far each node was checked, and what the store has
/// confirmed.
#[derive(Debug, Default)]
pub struct Oracle {
    pub written: Written,
    known: Vec<Known>,
    /// The first that had each number: what the chain is.
    first: BTreeMap<u64, Facts>,
    /// The history that the chain is.
    history: Vec<Point>,
    /// Who writes an epoch.
    writers: HashMap<u32, usize>,
    /// What the data is at a position.
    sums: HashMap<[u8; 16], u64>,
    /// The newest commit that was confirmed as published.
    confirmed: u64,
    /// Up to here numbers may be gone.
    floor: u64,
}

impl Oracle {
    /// Looks at a node: only what is new since the last look is compared byte for byte.
    pub fn node(&mut self, at: usize, node: &Node) {
        if self.known.len() <= at {
            self.known.resize_with(at + 1, Known::default);
        }
        let known = &mut self.known[at];
        let points = node.log.points();
        let same = known.copy == node.copy;
        if !same {
            // I12: what is gone from a copy was set aside before.
            for old in &known.points {
                let kept = points.get(old.index as usize) == Some(old);
                let elsewhere = node.saved.contains(&old.history);
                assert!(
                    kept || elsewhere,
                    "node {at}: entry {} is gone and nowhere saved",
                    old.index
                );
            }
            known.points.clear();
        }
        let from = known.points.len().saturating_sub(1);
        assert!(
            points.len() > from,
            "a log that got shorter without a new copy"
        );
        // I2, I4, I7: it links, and is byte for byte what a primary wrote.
        self.written.check(&node.log, from as u64);
        let new = points.get(known.points.len()..).unwrap_or_default();
        known.points.extend_from_slice(new);
        known.copy = node.copy;
        // I6, I16: the data is what the position says, here and wherever somebody is at it.
        let head = node.log.head();
        let sum = *self.sums.entry(head.history).or_insert(node.log.sum);
        assert_eq!(sum, node.log.sum, "node {at}: other data at the position");
        // I2: epochs that were heard of are never forgotten.
        assert!(node.highest >= known.highest, "an epoch is forgotten");
        known.highest = node.highest;
        assert!(node.durable <= head.index);
    }

    /// A power cut took these from a node: they were told to nobody (I5).
    pub fn lost(&mut self, at: usize, lost: &[Point], nodes: &[Node]) {
        let Some(first) = lost.first() else { return };
        let known = &mut self.known[at];
        known.points.truncate(first.index as usize);
        known.copy = nodes[at].copy;
        for point in lost {
            assert!(
                self.history.get(point.index as usize) != Some(point),
                "entry {} was published before it was durable",
                point.index
            );
            for (other, node) in nodes.iter().enumerate().filter(|(other, _)| *other != at) {
                assert!(
                    node.log.at(point.index) != Some(point),
                    "entry {} was shipped to {other} before it was durable",
                    point.index
                );
            }
        }
    }

    /// I3: an epoch has one writer.
    pub fn writes(&mut self, at: usize, epoch: u32) {
        let writer = *self.writers.entry(epoch).or_insert(at);
        assert_eq!(writer, at, "two writers of epoch {epoch}");
    }

    /// I10: what the leader takes for durable is durable there, with the same history, and the
    /// leader's own.
    pub fn acked(leader: &Node, follower: &Node, durable: &Point) {
        assert!(follower.durable >= durable.index);
        assert_eq!(
            follower.log.at(durable.index),
            Some(durable),
            "acked, not there"
        );
        assert_eq!(
            leader.log.at(durable.index),
            Some(durable),
            "acked, another history"
        );
    }

    /// I14: what waits in memory is bounded.
    pub fn memory(link: &Link) {
        assert!(link.pending.len() <= WINDOW);
        if !link.leader_side.is_greeted() {
            assert!(link.leader_side.waiting() <= BODY_STRANGER as usize + HEADER_SIZE);
        }
    }

    /// A segment came into being in the store.
    pub fn created(&mut self, segment: &Segment, nodes: &[Node]) {
        let facts = segment.facts;
        if self.first.contains_key(&facts.number) {
            return;
        }
        // I1, I2: the chain only grows at its end, without a gap.
        let end = self.first.last_key_value();
        let (number, after) = end.map_or((0, start()), |(number, facts)| (*number, facts.after));
        assert_eq!(facts.number, number + 1, "a number was passed over");
        assert_eq!(facts.before, after, "segment {} does not link", number + 1);
        if self.history.is_empty() {
            self.history.push(start());
        }
        let mut entries = Entries::new(segment.body(), facts.before);
        while let Some(entry) = entries.next() {
            entry.expect("a segment of whole entries");
            self.history.push(entries.point());
        }
        let writer = usize::from(facts.node[0]);
        if facts.fence {
            self.writes(writer, facts.epoch);
        } else {
            // I5: nothing is published that is not durable where it was written.
            let node = &nodes[writer];
            assert!(
                node.durable >= facts.after.index
                    && node.log.at(facts.after.index) == Some(&facts.after),
                "segment {} holds what its writer may lose",
                facts.number
            );
        }
        self.first.insert(facts.number, facts);
    }

    /// I1: a promotion is won by what the chain had first under its number, and by nothing made again: a
    /// fence is never removed (G2).
    pub fn won(&mut self, facts: &Facts) {
        assert_eq!(
            self.first.get(&facts.number),
            Some(facts),
            "won: segment {} is not in the history",
            facts.number
        );
        self.confirmed = self.confirmed.max(facts.after.index);
    }

    /// I1: what is confirmed to a writer or taken by a reader is in the history: what the chain had first
    /// under this number, or the same entries in the same cut, made once more. Which process made them,
    /// and with which nonce, is no part of the history. A primary that was killed may have sent what it
    /// then sends again, started anew: the first is carried out, followed by a fence, and removed, so that
    /// the second can be; what is confirmed is what the fence was built on.
    pub fn is_true(&mut self, facts: &Facts, what: &str) {
        let first = self.first.get(&facts.number);
        let same = first.is_some_and(|first| {
            let what = |facts: &Facts| {
                let Facts { before, after, .. } = *facts;
                (before, after, facts.epoch, facts.node, facts.fence)
            };
            what(first) == what(facts)
        });
        assert!(
            same,
            "{what}: segment {} is not in the history: {first:?}, {facts:?}",
            facts.number
        );
        self.confirmed = self.confirmed.max(facts.after.index);
    }

    /// I8: a copy in the store is of a published moment, with the data of that moment.
    pub fn image(&mut self, point: &Point, sum: u64) {
        assert_eq!(
            self.history.get(point.index as usize),
            Some(point),
            "a copy of what is not published"
        );
        let known = *self.sums.entry(point.history).or_insert(sum);
        assert_eq!(known, sum, "a copy with other data than its position says");
    }

    /// Somebody removes numbers below this one.
    pub fn collects(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
    }

    /// I9: the newest segment, all fences, and everything from the floor on are there.
    pub fn store(&self, store: &SimStore) {
        let Some((newest, _)) = self.first.last_key_value() else {
            return;
        };
        assert!(store.objects.contains_key(newest), "the newest is gone");
        for (number, facts) in &self.first {
            if facts.fence || *number >= self.floor {
                assert!(
                    store.objects.contains_key(number),
                    "segment {number} is gone, the floor is {}",
                    self.floor
                );
            }
        }
    }

    /// Where the history of the chain ends.
    pub fn end(&self) -> Point {
        self.history.last().copied().unwrap_or_else(start)
    }

    /// I1 at the end of all: everything that was confirmed is in this log.
    pub fn kept(&self, node: &Node) {
        for point in self.history.iter().take(self.confirmed as usize + 1) {
            assert_eq!(
                node.log.at(point.index),
                Some(point),
                "a confirmed commit is lost"
            );
        }
    }
}
