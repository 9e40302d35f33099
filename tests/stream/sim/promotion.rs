//! A node becomes primary, with a store or without.

use creel::chain::object::{Facts, Segment};
use creel::chain::protocol::{Promoter, PromoterStep, Publisher};
use creel::format::entry::Entry;
use creel::format::frame::EntryKind;

use super::chain::Job;
use super::node::Wish;
use super::seen::Weak;
use super::store::{Ask, Reply};
use super::world::World;
use crate::samples::entry;

impl World {
    /// The chain was read to its end: a fence with what only this node has.
    pub(super) fn begin_promotion(&mut self, at: usize) -> Option<Ask> {
        let node = &mut self.nodes[at];
        let Job::Reading { machine, .. } = &node.job else {
            return None;
        };
        let (number, before) = (machine.next(), machine.point());
        node.chosen = false;
        let reaches = node.log.floor <= before.index && !node.rotten;
        if node.log.at(before.index) != Some(&before) || !reaches || node.wish != Wish::Follow {
            return None;
        }
        let head = node.log.head();
        let payload = [at as u8, node.starts, self.rng.next() as u8];
        let (bytes, after) = entry(&head, EntryKind::Fence, head.epoch + 1, &payload);
        let body = [node.log.between(before.index, head.index), bytes.clone()].concat();
        let nonce = [self.rng.next(), self.rng.next() | 1].map(u64::to_le_bytes);
        let nonce = nonce.concat().try_into().unwrap();
        let writer = node.writer(at);
        let Ok(segment) = Segment::build(&writer, number, nonce, before, &body) else {
            // A fence came over a connection before it was read here: read on, then again.
            assert!(node.log.head().epoch > before.epoch);
            node.chosen = true;
            node.drop_job();
            return None;
        };
        if self.promised.insert(after.history) {
            self.oracle.written.note_entry(after.history, &bytes);
        }
        // Nothing more is applied from now on.
        self.hang_up_all(at);
        let (machine, step) = Promoter::new(segment.facts);
        self.nodes[at].job = Job::Promoting {
            machine,
            segment: Box::new(segment),
        };
        let PromoterStep::List(after) = step else {
            panic!("a promotion lists first");
        };
        self.asked[at] = Some(Ask::List(after));
        self.asked[at].clone()
    }

    pub(super) fn promoted(
        &mut self,
        at: usize,
        mut machine: Promoter<Facts>,
        segment: Box<Segment>,
        reply: Reply,
    ) -> Option<Ask> {
        let number = segment.facts.number;
        let again = Ask::Create(number, segment.bytes().to_vec());
        let step = match reply {
            Reply::Number(_) if self.weak == Weak::NoListBehind && self.fences(number) => {
                machine.listed(None)
            }
            Reply::Number(first) => machine.listed(first),
            Reply::Created => machine.created(),
            Reply::Exists => machine.exists(),
            Reply::Segment(found) => machine.found(found.map(|found| found.facts)),
            Reply::Damaged if self.rng.chance(30) => return None,
            Reply::Failed | Reply::Damaged => match machine.unknown() {
                Some(step) => Some(step),
                // A read or a listing: the whole attempt is made again, with the same fence.
                None => {
                    let ask = self.asked[at].clone().expect("it has asked");
                    self.nodes[at].job = Job::Promoting { machine, segment };
                    return Some(ask);
                }
            },
            _ => panic!("an answer to something else"),
        };
        let next = match step.expect("an answer was due") {
            PromoterStep::List(after) => Ask::List(after),
            PromoterStep::Create(_) | PromoterStep::Again(_) => again,
            PromoterStep::Read(number) => Ask::Get(number),
            PromoterStep::Won(facts) => {
                self.won(at, &facts, &segment);
                return None;
            }
            PromoterStep::Behind(_) | PromoterStep::Taken(_) => {
                self.nodes[at].chosen = self.rng.chance(50);
                return None;
            }
            PromoterStep::Overtaken(_) => {
                self.seen.overtaken += 1;
                return None;
            }
        };
        self.asked[at] = Some(next.clone());
        self.nodes[at].job = Job::Promoting { machine, segment };
        Some(next)
    }

    pub(super) fn fences(&self, number: u64) -> bool {
        let store = self.store.as_ref().unwrap();
        store.objects.contains_key(&number)
    }

    pub(super) fn won(&mut self, at: usize, facts: &Facts, segment: &Segment) {
        self.oracle.won(facts);
        self.oracle.writes(at, facts.epoch);
        let node = &mut self.nodes[at];
        let mut rest = segment.body();
        while let Ok(Some((entry, behind))) = Entry::split(rest) {
            if entry.header.kind == EntryKind::Fence {
                node.log.take(entry.bytes());
            }
            rest = behind;
        }
        assert_eq!(node.log.head(), facts.after, "what was adopted is here");
        node.sync();
        node.primary = true;
        node.fenced = false;
        node.published = facts.after.index;
        node.saw_epoch(node.highest.max(facts.epoch));
        node.job = Job::Publishing {
            machine: Publisher::new(facts.number, facts.after, facts.epoch),
            segment: None,
            looking: false,
        };
        self.epoch = self.epoch.max(facts.epoch);
        self.seen.promotions += 1;
        let adopted = facts.after.index - facts.before.index - 1;
        self.seen.adopted += adopted;
        self.note(11, at as u64, facts.number);
        self.oracle.node(at, &self.nodes[at]);
    }
}
