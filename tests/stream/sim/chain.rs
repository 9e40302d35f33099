//! What nodes do in the store: the rules of `creel::chain::protocol` with requests that take time, and
//! may be carried out while whoever sent them stands still or is long dead.

use creel::chain::object::{Facts, Segment};
use creel::chain::protocol::{
    Ending, EndingStep, Promoter, Publisher, PublisherStep, Reader, ReaderStep, Stop,
};
use creel::stream::source::SinkError;

use super::node::Wish;
use super::seen::Weak;
use super::store::{Ask, Reply, Where};
use super::world::World;
use crate::samples::start;

/// A request that is under way.
#[derive(Debug, Clone)]
pub struct Call {
    pub ask: Ask,
    pub due_us: u64,
    pub reply: Option<Reply>,
}

/// What a node is at.
#[derive(Debug)]
pub enum Job {
    Idle,
    /// A primary looks where the chain ends.
    Opening(Ending<Facts>),
    Publishing {
        machine: Publisher<Facts>,
        segment: Option<Box<Segment>>,
        /// It only looks whether a fence stands there, as a write does that waits for the store.
        looking: bool,
    },
    Reading {
        machine: Reader<Facts>,
        /// What was read and not delivered yet.
        kept: Vec<Segment>,
    },
    Promoting {
        machine: Promoter<Facts>,
        segment: Box<Segment>,
    },
}

impl World {
    /// One node gets on with what it does in the store.
    pub fn work(&mut self, at: usize) {
        let now_us = self.now.mono_us;
        let (mut due_us, later_us) = (self.due_us(), self.due_us());
        // A request may be on its way for very long.
        if self.rng.chance(3) && !self.healing {
            due_us += self.rng.below(2_000_000) as u64;
        }
        let Some(store) = &mut self.store else { return };
        // A request that was sent is carried out whether or not the sender still runs.
        if let Some(call) = &mut self.nodes[at].call
            && call.reply.is_none()
            && call.due_us <= now_us
        {
            call.reply = Some(store.carry_out(&call.ask, &mut self.rng));
            call.due_us = later_us;
        }
        self.see_store();
        if self.paused(at) {
            return;
        }
        let node = &mut self.nodes[at];
        match node.call.take() {
            Some(Call {
                reply: Some(reply),
                due_us: came_us,
                ..
            }) if came_us <= now_us => {
                if let Some(ask) = self.answer(at, reply) {
                    self.nodes[at].call = Some(Call {
                        ask,
                        due_us,
                        reply: None,
                    });
                }
            }
            Some(call) => node.call = Some(call),
            None => {
                if let Some(ask) = self.begin(at) {
                    self.nodes[at].call = Some(Call {
                        ask,
                        due_us,
                        reply: None,
                    });
                }
            }
        }
    }

    /// The oracle sees what came into being in the store.
    pub fn see_store(&mut self) {
        if let Some(store) = &mut self.store {
            for segment in std::mem::take(&mut store.made) {
                self.oracle.created(&segment, &self.nodes);
            }
            self.oracle.store(store);
        }
    }

    /// Nothing is under way: what is there to do?
    pub(super) fn begin(&mut self, at: usize) -> Option<Ask> {
        if self.nodes[at].writable() {
            return self.begin_publishing(at);
        }
        match self.nodes[at].wish {
            Wish::Rejoin => self.rejoin(at),
            Wish::Reseed => self.seed_from_store(at),
            Wish::Follow if self.nodes[at].primary => self.nodes[at].wish = Wish::Rejoin,
            Wish::Follow => return self.begin_reading(at),
        }
        None
    }

    pub(super) fn begin_publishing(&mut self, at: usize) -> Option<Ask> {
        let most = 1 + self.rng.below(4) as u64;
        let nonce = [self.rng.next(), self.rng.next() | 1].map(u64::to_le_bytes);
        let look = self.rng.chance(20);
        let node = &mut self.nodes[at];
        let (writer, durable) = (node.writer(at), node.durable);
        let Job::Publishing {
            machine,
            segment,
            looking,
        } = &mut node.job
        else {
            node.job = Job::Opening(Ending::new().0);
            return Some(Ask::Newest);
        };
        let before = machine.point();
        if durable <= before.index {
            *looking = look;
            return look.then_some(Ask::Get(machine.next()));
        }
        let body = node
            .log
            .between(before.index, durable.min(before.index + most));
        let nonce = nonce.concat().try_into().unwrap();
        let built = Segment::build(&writer, machine.next(), nonce, before, &body).unwrap();
        let step = machine.offer(built.facts).expect("the next one");
        let PublisherStep::Create(facts) = step else {
            panic!("an offer is created first");
        };
        let bytes = built.bytes().to_vec();
        *segment = Some(Box::new(built));
        Some(Ask::Create(facts.number, bytes))
    }

    pub(super) fn begin_reading(&mut self, at: usize) -> Option<Ask> {
        // Whoever has not looked for the newest floor lists instead.
        let looks = self.rng.chance(70);
        let node = &mut self.nodes[at];
        if let Job::Reading { machine, .. } = &mut node.job {
            if node.chosen {
                machine.slept();
            }
            let step = machine.poll()?;
            return self.read_step(at, step);
        }
        let store = self.store.as_ref()?;
        match store.locate(&node.log) {
            Where::From {
                number,
                before,
                shared,
                chain_end,
            } => {
                let head = node.log.head();
                if shared != chain_end && head.index > shared.index {
                    node.wish = Wish::Rejoin;
                } else {
                    let mut machine = Reader::new(number, before);
                    if looks {
                        let (count, floor) = store.newest_floor();
                        machine.knows_floor(count, floor);
                    }
                    let kept = Vec::new();
                    node.job = Job::Reading { machine, kept };
                }
            }
            Where::Below => node.wish = Wish::Reseed,
        }
        None
    }

    /// Sets the divergent tail aside, then takes it back: two steps, between which the process may
    /// be killed.
    pub(super) fn rejoin(&mut self, at: usize) {
        let Some(store) = &self.store else { return };
        let node = &mut self.nodes[at];
        let found = (!node.rotten).then(|| store.locate(&node.log));
        let Some(Where::From { shared, .. }) = found else {
            node.wish = Wish::Reseed;
            return;
        };
        node.primary = false;
        node.fenced = false;
        node.drop_job();
        let tail = node.log.points().get(shared.index as usize + 1..);
        let saved = tail.is_none_or(|tail| tail.iter().all(|p| node.saved.contains(&p.history)));
        if !saved && self.weak != Weak::RewindsUnsaved {
            node.save_behind(shared.index);
            return;
        }
        self.seen.rewound += node.log.head().index - shared.index;
        // Nothing to take back: it is only ahead, or the log does not go on from there.
        if node.log.head().index > shared.index {
            node.rewind(shared.index);
        }
        node.wish = Wish::Follow;
        self.hang_up_all(at);
        self.note(6, at as u64, shared.index);
        self.oracle.node(at, &self.nodes[at]);
    }

    pub(super) fn seed_from_store(&mut self, at: usize) {
        let Some(log) = self.store.as_ref().and_then(|store| store.image()) else {
            return;
        };
        // One that is older than what is here leads nowhere: a connection may have a newer one.
        let node = &mut self.nodes[at];
        if !node.rotten && log.head().index <= node.log.head().index {
            return;
        }
        node.replace(log);
        self.hang_up_all(at);
        self.seen.seeded_from_store += 1;
        self.note(7, at as u64, self.nodes[at].log.head().index);
        self.oracle.node(at, &self.nodes[at]);
    }

    /// An answer came: what is asked next?
    pub(super) fn answer(&mut self, at: usize, reply: Reply) -> Option<Ask> {
        match std::mem::replace(&mut self.nodes[at].job, Job::Idle) {
            Job::Idle => None,
            Job::Opening(machine) => self.opened(at, machine, reply),
            Job::Publishing {
                machine,
                segment,
                looking,
            } => self.published(at, machine, segment, looking, reply),
            Job::Reading { machine, kept } => self.read(at, machine, kept, reply),
            Job::Promoting { machine, segment } => self.promoted(at, machine, segment, reply),
        }
    }

    pub(super) fn opened(
        &mut self,
        at: usize,
        mut machine: Ending<Facts>,
        reply: Reply,
    ) -> Option<Ask> {
        let step = match reply {
            Reply::Number(number) if machine.is_listing_behind() => machine.listed(number),
            Reply::Number(number) => machine.newest(number),
            Reply::Segment(found) => machine.found(found.map(|found| found.facts)),
            // All of it is made once more.
            _ => {
                self.nodes[at].job = Job::Opening(Ending::new().0);
                return Some(Ask::Newest);
            }
        };
        let ask = match step.expect("an answer was due") {
            EndingStep::Newest => Ask::Newest,
            EndingStep::Read(number) => Ask::Get(number),
            EndingStep::List(after) => Ask::List(after),
            EndingStep::Ends(end) => {
                self.ended(at, end);
                return None;
            }
        };
        self.nodes[at].job = Job::Opening(machine);
        Some(ask)
    }

    fn ended(&mut self, at: usize, end: Option<Facts>) {
        let (number, point) = end.map_or((0, start()), |facts| (facts.number, facts.after));
        let node = &mut self.nodes[at];
        let own = node.head().point;
        if point.epoch > own.epoch {
            node.saw_epoch(point.epoch);
            self.seen.fenced += 1;
            return;
        }
        assert_eq!(point.epoch, own.epoch, "an epoch that no fence began");
        assert_eq!(
            node.log.at(point.index),
            Some(&point),
            "a primary that has lost what it published"
        );
        node.job = Job::Publishing {
            machine: Publisher::new(number, point, own.epoch),
            segment: None,
            looking: false,
        };
    }

    pub(super) fn published(
        &mut self,
        at: usize,
        mut machine: Publisher<Facts>,
        segment: Option<Box<Segment>>,
        looking: bool,
        reply: Reply,
    ) -> Option<Ask> {
        let Some(segment) = segment else {
            if let (true, Reply::Segment(found)) = (looking, reply) {
                let stop = machine.look(found.map(|segment| segment.facts));
                if let Some(stop) = stop {
                    self.stopped(at, stop);
                    return None;
                }
            }
            self.nodes[at].job = Job::Publishing {
                machine,
                segment: None,
                looking: false,
            };
            return None;
        };
        let number = segment.facts.number;
        let again = Ask::Create(number, segment.bytes().to_vec());
        let mut found_body = None;
        let mut step = match reply {
            Reply::Created => machine.created(),
            Reply::Exists => machine.exists(),
            Reply::Number(first) => machine.listed(first),
            Reply::Failed if machine.is_asking() => return self.ask_again(at, machine, segment),
            Reply::Failed => machine.unknown(),
            Reply::Segment(found) => {
                found_body = found.as_ref().map(|found| found.body().to_vec());
                machine.found(found.map(|found| found.facts))
            }
            // What cannot be read is told, and looked at once more by the next attempt.
            Reply::Damaged if self.rng.chance(30) => return None,
            Reply::Damaged => return self.ask_again(at, machine, segment),
            _ => panic!("an answer to something else"),
        };
        if let Some(PublisherStep::Compare(facts)) = step {
            let log = &self.nodes[at].log;
            let own = log.between(facts.before.index, facts.after.index);
            step = machine.compared(found_body == Some(own));
        }
        if let (Weak::FirstUnseen, Some(PublisherStep::List(_))) = (self.weak, step) {
            step = machine.listed(None);
        }
        let next = match step.expect("an answer was due") {
            PublisherStep::Create(_) | PublisherStep::Again(_) => Some(again),
            PublisherStep::Read(number) => Some(Ask::Get(number)),
            PublisherStep::List(after) => Some(Ask::List(after)),
            PublisherStep::Compare(_) => panic!("compared already"),
            PublisherStep::Published(facts) => {
                self.oracle.is_true(&facts, "confirmed");
                self.nodes[at].published = facts.after.index;
                self.seen.published += 1;
                self.note(8, facts.number, facts.after.index);
                None
            }
            PublisherStep::Stopped(stop) => {
                self.stopped(at, stop);
                return None;
            }
        };
        self.asked[at] = next.clone();
        self.nodes[at].job = Job::Publishing {
            machine,
            segment: next.is_some().then_some(segment),
            looking: false,
        };
        next
    }

    /// A read or a listing that failed is made once more.
    fn ask_again(
        &mut self,
        at: usize,
        machine: Publisher<Facts>,
        segment: Box<Segment>,
    ) -> Option<Ask> {
        self.nodes[at].job = Job::Publishing {
            machine,
            segment: Some(segment),
            looking: false,
        };
        self.asked[at].clone()
    }

    pub(super) fn stopped(&mut self, at: usize, stop: Stop<Facts>) {
        match stop {
            Stop::Fenced(by) => {
                self.nodes[at].saw_epoch(by.epoch);
                assert!(self.nodes[at].fenced);
                self.seen.fenced_by_store += 1;
                self.note(9, at as u64, by.number);
            }
            Stop::Foreign(found) => panic!("somebody wrote {found:?}"),
        }
    }

    pub(super) fn read_step(&mut self, at: usize, step: ReaderStep<Facts>) -> Option<Ask> {
        match step {
            ReaderStep::List(after) => Some(Ask::List(after)),
            ReaderStep::Read(number) => Some(Ask::Get(number)),
            ReaderStep::Floor(n) => Some(Ask::Floor(n)),
            ReaderStep::Floors => Some(Ask::Floors),
            ReaderStep::AtEnd if self.nodes[at].chosen => self.begin_promotion(at),
            ReaderStep::AtEnd => None,
            ReaderStep::Deliver(_) => panic!("delivered with the segment"),
            ReaderStep::Gap(_) => {
                self.nodes[at].drop_job();
                self.nodes[at].wish = Wish::Reseed;
                self.seen.gaps += 1;
                None
            }
            ReaderStep::OffChain(_) => {
                self.nodes[at].drop_job();
                None
            }
        }
    }

    pub(super) fn read(
        &mut self,
        at: usize,
        mut machine: Reader<Facts>,
        mut kept: Vec<Segment>,
        reply: Reply,
    ) -> Option<Ask> {
        let step = match reply {
            Reply::Number(first) => machine.listed(first),
            Reply::Segment(found) => {
                let facts = found.as_ref().map(|found| found.facts);
                if let Some(segment) = found {
                    kept.retain(|other| other.facts.number != segment.facts.number);
                    kept.push(*segment);
                }
                machine.found(facts)
            }
            Reply::Floor(found) => machine.floor(found),
            Reply::Floors(count, number) => machine.knows_floor(count, number),
            Reply::Damaged if machine.is_ahead() => machine.unreadable(),
            // Begun anew, and from somewhere else where the bytes stay what they are.
            Reply::Damaged if self.rng.chance(30) => {
                self.nodes[at].wish = Wish::Reseed;
                return None;
            }
            Reply::Damaged | Reply::Failed => return None,
            _ => panic!("an answer to something else"),
        };
        let mut step = step.expect("an answer was due");
        if let (Weak::IgnoresFloors, ReaderStep::Floor(_)) = (self.weak, step) {
            step = machine.floor(None).expect("it was asked");
        }
        if let ReaderStep::Deliver(facts) = step {
            let read = kept.iter().position(|segment| segment.facts == facts);
            let segment = kept.swap_remove(read.expect("what is delivered was read"));
            self.oracle.is_true(&facts, "delivered");
            if self.deliver(at, &segment) {
                self.nodes[at].job = Job::Reading { machine, kept };
            }
            return None;
        }
        if let ReaderStep::Gap(_) = step {
            let there = kept.iter().any(|s| s.facts.number == machine.next());
            self.seen.below_floor += u64::from(there);
        }
        self.nodes[at].job = Job::Reading { machine, kept };
        self.read_step(at, step)
    }

    /// Applies a segment; those of its entries that came by another way are passed over.
    pub(super) fn deliver(&mut self, at: usize, segment: &Segment) -> bool {
        let node = &mut self.nodes[at];
        let outcome = node.log.apply(segment.body());
        match outcome {
            Ok(_) => {
                node.sync();
                node.published = segment.facts.after.index;
                node.highest = node.highest.max(segment.facts.epoch);
                self.seen.delivered += 1;
            }
            Err(SinkError::Diverged { .. }) => node.wish = Wish::Rejoin,
            Err(SinkError::NeedsSnapshot { .. }) => node.wish = Wish::Reseed,
            Err(SinkError::Damaged { .. }) => node.drop_job(),
            Err(SinkError::Failed { reason }) => panic!("{reason}"),
        }
        let done = self.nodes[at].wish == Wish::Follow;
        self.note(10, at as u64, self.nodes[at].log.head().index);
        self.oracle.node(at, &self.nodes[at]);
        done
    }
}
