//! The end of a run: faults stop, and everything has to come together.

use creel::format::frame::EntryKind;

use super::chain::Job;
use super::node::{Node, Wish};
use super::world::World;

impl World {
    /// The primary of the highest epoch, which one before it may have followed into that.
    pub(super) fn leader_of_all(&self) -> usize {
        let primaries = (0..self.nodes.len()).filter(|&i| self.nodes[i].primary);
        primaries
            .max_by_key(|&i| (self.nodes[i].log.head().epoch, self.nodes[i].writable()))
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
        let image = self.store.as_ref().and_then(|store| store.image());
        for at in 0..self.nodes.len() {
            let node = &mut self.nodes[at];
            match node.rotten {
                true => self.found_rotten(at),
                // Started again, it looks once more what it needs: there may be nothing to take.
                false if image.is_none() && node.wish == Wish::Reseed => node.wish = Wish::Follow,
                false => {}
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
        self.ask_for_all(leader);
    }

    pub(super) fn is_well(&self, leader: usize) -> bool {
        let head = self.nodes[leader].log.head();
        let published = self.store.is_none() || self.oracle.end() == head;
        let there = |node: &Node| node.log.head() == head && !node.rotten;
        published && self.nodes.iter().all(there)
    }

    pub(super) fn round(&mut self, leader: usize) {
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
    pub(super) fn last_primary(&mut self) -> usize {
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
            // Who needs a new copy first is waited for by nobody.
            let comes = |node: &Node| node.chosen && node.wish == Wish::Follow;
            if there.is_none() && !self.nodes.iter().any(comes) {
                let at = self.rng.below(self.nodes.len());
                self.promote_node(at);
            }
            self.now.mono_us += 1000;
        }
        let nodes = self.nodes.iter();
        let stand = nodes.map(|n| {
            (
                n.log.head(),
                n.log.floor,
                n.wish,
                n.primary,
                n.rotten,
                &n.job,
            )
        });
        let store = self.store.as_ref();
        let images: Vec<_> = store.iter().flat_map(|store| &store.images).collect();
        let images: Vec<_> = images.iter().map(|image| image.point).collect();
        panic!(
            "nobody can be made primary: {:?}, copies {images:?}, the chain ends at {:?}",
            stand.collect::<Vec<_>>(),
            self.oracle.end()
        );
    }
}
