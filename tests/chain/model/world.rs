//! The state of the model and its steps.

use std::hash::{DefaultHasher, Hash, Hasher};

use creel::chain::protocol::{
    Gc, GcStep, Promoter, PromoterStep, Publisher, PublisherStep, Reader, ReaderStep, Seen,
};

/// Which rule is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weak {
    #[default]
    Nothing,
    /// No listing before the fence. Not needed for safety.
    NoListBefore,
    /// No listing behind the fence.
    NoListBehind,
    /// Fences are removed like other segments.
    FencesRemoved,
    /// Segments are believed whatever they link to.
    NoLinks,
    /// What stands behind a fence is not looked at by readers.
    NoListAtReading,
    /// The newest segment may be removed too.
    NewestRemoved,
    /// A primary that was started anew does not look behind its first segment.
    FirstUnseen,
}

/// A segment: what it was built on stands in `before`, and what it leads to in `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tiny {
    number: u8,
    epoch: u8,
    fence: bool,
    node: u8,
    /// Which process of the node wrote it: each cuts its log in another way.
    start: u8,
    before: u32,
    after: u32,
}

impl Seen for Tiny {
    type Point = u32;

    fn number(&self) -> u64 {
        self.number.into()
    }

    fn epoch(&self) -> u32 {
        self.epoch.into()
    }

    fn is_fence(&self) -> bool {
        self.fence
    }

    fn before(&self) -> u32 {
        self.before
    }

    fn after(&self) -> u32 {
        self.after
    }

    fn is_same_write(&self, other: &Tiny) -> bool {
        self == other
    }

    fn is_same_node(&self, other: &Tiny) -> bool {
        self.node == other.node
    }
}

fn segment(number: u8, epoch: u8, fence: bool, (node, start): (u8, u8), before: u32) -> Tiny {
    let mut hasher = DefaultHasher::new();
    (number, epoch, fence, node, start, before).hash(&mut hasher);
    Tiny {
        number,
        epoch,
        fence,
        node,
        start,
        before,
        after: hasher.finish() as u32,
    }
}

/// What a node is doing: its machine, and the request that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Doing {
    Publishing(Publisher<Tiny>, PublisherStep<Tiny>),
    /// With the epoch that it has read up to; without a request it may begin one.
    Reading(Reader<Tiny>, u8, Option<ReaderStep<Tiny>>),
    Promoting(Promoter<Tiny>, PromoterStep<Tiny>),
    /// Fenced, lost, off the chain, or out of numbers.
    Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Node {
    doing: Doing,
    /// A create that was sent and may be carried out at any moment from now on. A later one takes
    /// its place: it was lost then.
    late: Option<Tiny>,
}

pub const MOST_SLOTS: usize = 6;
const NODES: usize = 3;

/// One state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    objects: [Option<Tiny>; MOST_SLOTS],
    /// The first that had each number.
    history: [Option<Tiny>; MOST_SLOTS],
    nodes: [Node; NODES],
    /// The first primary was killed and started anew, and is not once more.
    restarted: bool,
}

/// What can go wrong.
pub type Violation = &'static str;

impl World {
    /// A chain of one segment, its primary, and two replicas that have it.
    pub fn new(restarts: bool) -> World {
        let first = segment(1, 1, false, (0, 0), 7);
        let mut slots = [None; MOST_SLOTS];
        slots[0] = Some(first);
        let replica = Doing::Reading(Reader::new(2, first.after), 1, None);
        let node = |doing| Node { doing, late: None };
        let mut world = World {
            objects: slots,
            history: slots,
            nodes: [node(Doing::Out), node(replica), node(replica)],
            restarted: !restarts,
        };
        let primary = Publisher::new(1, first.after, 1);
        world.nodes[0].doing = world.next_segment(0, primary, 1, MOST_SLOTS as u8);
        world
    }

    /// All states that can follow, or what is wrong with one of them.
    pub fn successors(&self, slots: u8, weak: Weak, out: &mut Vec<World>) -> Result<(), Violation> {
        for at in 0..NODES {
            self.step_node(at, slots, weak, out)?;
            self.carry_out_late(at, out);
        }
        self.restart(slots, out);
        self.remove_oldest(weak, out);
        Ok(())
    }

    fn get(&self, number: u64) -> Option<Tiny> {
        *self
            .objects
            .get(usize::try_from(number).ok()?.checked_sub(1)?)?
    }

    fn first_after(&self, number: u64) -> Option<u64> {
        (number + 1..=MOST_SLOTS as u64).find(|n| self.get(*n).is_some())
    }

    fn newest(&self) -> u64 {
        (1..=MOST_SLOTS as u64)
            .rev()
            .find(|n| self.get(*n).is_some())
            .unwrap_or(0)
    }

    /// Carries out a create. True where it made the object.
    fn create(&mut self, segment: Tiny) -> bool {
        let at = usize::from(segment.number) - 1;
        if self.objects[at].is_some() {
            return false;
        }
        self.objects[at] = Some(segment);
        self.history[at].get_or_insert(segment);
        true
    }

    fn is_true(&self, segment: &Tiny) -> bool {
        self.history[usize::from(segment.number) - 1] == Some(*segment)
    }

    fn step_node(
        &self,
        at: usize,
        slots: u8,
        weak: Weak,
        out: &mut Vec<World>,
    ) -> Result<(), Violation> {
        match self.nodes[at].doing {
            Doing::Out => Ok(()),
            Doing::Publishing(machine, step) => self.publish(at, machine, step, (slots, weak), out),
            Doing::Reading(machine, epoch, step) => {
                self.read(at, (machine, epoch, step), slots, weak, out)
            }
            Doing::Promoting(machine, step) => self.promote(at, machine, step, (slots, weak), out),
        }
    }

    /// A primary offers the next segment, as long as there are numbers.
    fn next_segment(&self, at: usize, machine: Publisher<Tiny>, epoch: u8, slots: u8) -> Doing {
        let mut machine = machine;
        let number = machine.next() as u8;
        if number > slots {
            return Doing::Out;
        }
        let start = u8::from(self.restarted && at == 0);
        let next = segment(number, epoch, false, (at as u8, start), machine.point());
        let step = machine.offer(next).expect("the next one");
        Doing::Publishing(machine, step)
    }

    /// The first primary is killed, and looks where the chain ends. Once is enough.
    fn restart(&self, slots: u8, out: &mut Vec<World>) {
        let Doing::Publishing(machine, _) = self.nodes[0].doing else {
            return;
        };
        let tail = self.get(self.newest());
        let tail = tail.filter(|tail| tail.epoch == 1 && tail.number() >= machine.next() - 1);
        if let (Some(tail), false) = (tail, self.restarted) {
            let mut next = *self;
            next.restarted = true;
            let machine = Publisher::new(tail.number(), tail.after, 1);
            next.nodes[0].doing = next.next_segment(0, machine, 1, slots);
            out.push(next);
        }
    }

    fn with(&self, at: usize, doing: Doing) -> World {
        let mut next = *self;
        next.nodes[at].doing = doing;
        next
    }

    /// All that can become of a create: carried out and answered, carried out without an answer,
    /// not carried out yet; and what was carried out may be once more, later.
    fn send(
        &self,
        segment: Tiny,
        at: usize,
        then: &mut dyn FnMut(World, Option<bool>) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut done = *self;
        let made = done.create(segment);
        let mut doubled = done;
        doubled.nodes[at].late = Some(segment);
        let mut later = *self;
        later.nodes[at].late = Some(segment);
        then(done, Some(made))?;
        then(done, None)?;
        then(doubled, Some(made))?;
        then(doubled, None)?;
        then(later, None)
    }

    fn carry_out_late(&self, at: usize, out: &mut Vec<World>) {
        if let Some(segment) = self.nodes[at].late {
            let mut next = *self;
            next.create(segment);
            next.nodes[at].late = None;
            out.push(next);
        }
    }

    fn publish(
        &self,
        at: usize,
        machine: Publisher<Tiny>,
        step: PublisherStep<Tiny>,
        (slots, weak): (u8, Weak),
        out: &mut Vec<World>,
    ) -> Result<(), Violation> {
        let mut settle = |world: World, mut machine: Publisher<Tiny>, mut step| {
            // Whatever an earlier process of this node wrote is in its log.
            if let Some(PublisherStep::Compare(_)) = step {
                step = machine.compared(true);
            }
            if let (Weak::FirstUnseen, Some(PublisherStep::List(_))) = (weak, step) {
                step = machine.listed(None);
            }
            let doing = match step {
                Some(PublisherStep::Published(segment)) => {
                    if !world.is_true(&segment) {
                        return Err("a confirmed commit is not in the history");
                    }
                    world.next_segment(at, machine, segment.epoch, slots)
                }
                Some(PublisherStep::Stopped(_)) => Doing::Out,
                // Waiting is nothing here.
                Some(PublisherStep::Again(segment)) => {
                    Doing::Publishing(machine, PublisherStep::Create(segment))
                }
                Some(step) => Doing::Publishing(machine, step),
                None => return Err("an answer to nothing"),
            };
            out.push(world.with(at, doing));
            Ok(())
        };
        let mut next = machine;
        match step {
            PublisherStep::Create(segment) => self.send(segment, at, &mut |world, answer| {
                let mut next = machine;
                let step = match answer {
                    Some(true) => next.created(),
                    Some(false) => next.exists(),
                    None => next.unknown(),
                };
                settle(world, next, step)
            }),
            PublisherStep::Read(number) => {
                let step = next.found(self.get(number));
                settle(*self, next, step)
            }
            PublisherStep::List(after) => {
                let step = next.listed(self.first_after(after));
                settle(*self, next, step)
            }
            _ => Err("a step that is no request"),
        }
    }

    fn read(
        &self,
        at: usize,
        (machine, epoch, step): (Reader<Tiny>, u8, Option<ReaderStep<Tiny>>),
        slots: u8,
        weak: Weak,
        out: &mut Vec<World>,
    ) -> Result<(), Violation> {
        let mut next = machine;
        let answered = match step {
            None => {
                // It lists, or reads at once, as after a poll that found nothing.
                let step = next.poll();
                out.push(self.with(at, Doing::Reading(next, epoch, step)));
                let step = next.listed(Some(machine.next()));
                out.push(self.with(at, Doing::Reading(next, epoch, step)));
                return Ok(());
            }
            Some(ReaderStep::List(after)) => {
                let behind_fence = after >= machine.next();
                next.listed(match behind_fence && weak == Weak::NoListAtReading {
                    true => None,
                    false => self.first_after(after),
                })
            }
            Some(ReaderStep::Read(number)) => {
                let mut found = self.get(number);
                if weak == Weak::NoLinks
                    && let Some(found) = &mut found
                {
                    found.before = match number == machine.next() {
                        true => machine.point(),
                        false => self.get(machine.next()).map_or(0, |fence| fence.after),
                    };
                }
                next.found(found)
            }
            // Who does not know the floors learns nothing here that a listing would not tell.
            Some(ReaderStep::Floors) => next.without_floors(),
            Some(_) => return Err("a step that is no request"),
        };
        match answered {
            None => return Err("an answer to nothing"),
            Some(ReaderStep::Deliver(segment)) => {
                if !self.was_true(&segment) {
                    return Err("a replica applied what is not in the history");
                }
                let reader = Reader::new(next.next(), next.point());
                out.push(self.with(at, Doing::Reading(reader, segment.epoch, None)));
            }
            Some(ReaderStep::AtEnd) => {
                // Follow on, or become primary.
                let reader = Reader::new(next.next(), next.point());
                out.push(self.with(at, Doing::Reading(reader, epoch, None)));
                if machine.next() <= u64::from(slots) {
                    let number = machine.next() as u8;
                    let fence = segment(number, epoch + 1, true, (at as u8, 0), machine.point());
                    let (mut promoter, mut step) = Promoter::new(fence);
                    if weak == Weak::NoListBefore {
                        step = promoter.listed(None).ok_or("a listing was due")?;
                    }
                    out.push(self.with(at, Doing::Promoting(promoter, step)));
                }
            }
            Some(ReaderStep::Gap(_) | ReaderStep::OffChain(_)) => {
                out.push(self.with(at, Doing::Out));
            }
            step => out.push(self.with(at, Doing::Reading(next, epoch, step))),
        }
        Ok(())
    }

    /// Like [`World::is_true`], for a segment whose link may have been made up.
    fn was_true(&self, segment: &Tiny) -> bool {
        let real = self.history[usize::from(segment.number) - 1];
        real.is_some_and(|real| real.after == segment.after)
    }

    fn promote(
        &self,
        at: usize,
        machine: Promoter<Tiny>,
        step: PromoterStep<Tiny>,
        (slots, weak): (u8, Weak),
        out: &mut Vec<World>,
    ) -> Result<(), Violation> {
        let fence = machine.fence();
        let mut settle = |world: World, machine: Promoter<Tiny>, step| {
            let doing = match step {
                Some(PromoterStep::Won(fence)) => {
                    if !world.is_true(&fence) {
                        return Err("a node is primary by a fence that is not in the history");
                    }
                    let machine = Publisher::new(fence.number(), fence.after(), fence.epoch());
                    world.next_segment(at, machine, fence.epoch, slots)
                }
                // It reads on from where it was.
                Some(
                    PromoterStep::Behind(_) | PromoterStep::Taken(_) | PromoterStep::Overtaken(_),
                ) => {
                    let reader = Reader::new(fence.number(), fence.before());
                    Doing::Reading(reader, fence.epoch - 1, None)
                }
                Some(PromoterStep::Again(fence)) => {
                    Doing::Promoting(machine, PromoterStep::Create(fence))
                }
                Some(step) => Doing::Promoting(machine, step),
                None => return Err("an answer to nothing"),
            };
            out.push(world.with(at, doing));
            Ok(())
        };
        let mut next = machine;
        match step {
            PromoterStep::List(after) => {
                let behind = after == fence.number();
                let step = next.listed(match behind && weak == Weak::NoListBehind {
                    true => None,
                    false => self.first_after(after),
                });
                settle(*self, next, step)
            }
            PromoterStep::Create(segment) => self.send(segment, at, &mut |world, answer| {
                let mut next = machine;
                let step = match answer {
                    Some(true) => next.created(),
                    Some(false) => next.exists(),
                    None => next.unknown(),
                };
                settle(world, next, step)
            }),
            PromoterStep::Read(number) => {
                let step = next.found(self.get(number));
                settle(*self, next, step)
            }
            _ => Err("a step that is no request"),
        }
    }

    /// One removal, with the floor as high as it may be.
    fn remove_oldest(&self, weak: Weak, out: &mut Vec<World>) {
        let newest = self.newest();
        let floor = match weak {
            Weak::NewestRemoved => newest + 1,
            _ => newest,
        };
        let (mut gc, mut step) = Gc::new(floor);
        let (mut next, mut first) = (*self, true);
        loop {
            let then = match step {
                // The rule that is broken here: the chain need not reach the floor.
                GcStep::List(_) if first && weak == Weak::NewestRemoved => gc.listed(Some(newest)),
                GcStep::List(after) => gc.listed(self.first_after(after)),
                GcStep::Announce(_) => gc.announced(),
                GcStep::Look(number) => {
                    let fence = self.get(number).map(|s| s.fence);
                    gc.looked(fence.map(|fence| fence && weak != Weak::FencesRemoved))
                }
                GcStep::Remove(number) => {
                    next.objects[number as usize - 1] = None;
                    out.push(next);
                    return;
                }
                GcStep::Done | GcStep::NoFloor => return,
            };
            step = then.expect("an answer was due");
            first = false;
        }
    }
}
