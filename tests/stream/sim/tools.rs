//! What people and timers run against the store: collectors of old segments, and copies of a database.

use creel::chain::protocol::{Gc, GcStep};
use creel::format::entry::Point;

use super::seen::Weak;
use super::store::{Ask, Image, Reply};
use super::world::World;
use crate::memory::Log;

/// Something that runs beside the nodes.
#[derive(Debug)]
pub enum Tool {
    Collect {
        machine: Gc,
        ask: Ask,
    },
    /// A copy on its way into the store: nothing is seen of it before its last object is there.
    Upload {
        point: Point,
        bytes: Vec<u8>,
    },
}

impl World {
    /// Starts one of them.
    pub fn start_tool(&mut self) {
        if self.store.is_none() || self.tools.len() >= 2 {
            return;
        }
        if self.rng.chance(50) {
            let Some(floor) = self.plan_floor() else {
                return;
            };
            self.oracle.collects(floor);
            let (machine, step) = Gc::new(floor);
            let GcStep::List(after) = step else { return };
            let ask = Ask::List(after);
            self.tools.push(Tool::Collect { machine, ask });
            return;
        }
        let node = &self.nodes[self.rng.below(self.nodes.len())];
        let upto = node.published.min(node.log.head().index);
        if node.rotten || upto == 0 {
            return;
        }
        let (point, bytes) = (*node.log.at(upto).unwrap(), node.log.between(0, upto));
        self.tools.push(Tool::Upload { point, bytes });
    }

    /// One of them takes a step.
    pub fn use_tool(&mut self) {
        if self.tools.is_empty() {
            return;
        }
        let at = self.rng.below(self.tools.len());
        let done = match self.tools.swap_remove(at) {
            Tool::Collect { machine, ask } => self.collect(machine, ask),
            // Killed in the middle: what is there of it is no copy.
            Tool::Upload { .. } if self.rng.chance(20) => None,
            tool @ Tool::Upload { .. } if self.rng.chance(50) => Some(tool),
            Tool::Upload { point, bytes } => {
                let log = Log::from_snapshot(&bytes).expect("a copy of a whole log");
                self.oracle.image(&point, log.sum);
                let hash = *blake3::hash(&bytes).as_bytes();
                let store = self.store.as_mut().unwrap();
                store.images.push(Image { point, bytes, hash });
                self.seen.images += 1;
                self.note(12, point.index, 0);
                None
            }
        };
        self.tools.extend(done);
        self.see_store();
    }

    fn collect(&mut self, mut machine: Gc, ask: Ask) -> Option<Tool> {
        let store = self.store.as_mut().unwrap();
        let mut number = 0;
        let step = match (store.carry_out(&ask, &mut self.rng), &ask) {
            (Reply::Number(first), _) => machine.listed(first),
            (Reply::Segment(found), _) => {
                let fence = found.map(|found| found.facts.fence);
                machine.looked(fence.map(|fence| fence && self.weak != Weak::FencesRemoved))
            }
            (Reply::Announced, _) => machine.announced(),
            (Reply::Deleted, Ask::Delete(gone)) => {
                number = *gone;
                machine.removed()
            }
            // A removal that failed ends the run; a listing or a look is made again.
            (Reply::Failed | Reply::Damaged, Ask::Delete(_)) => return None,
            (Reply::Failed | Reply::Damaged, _) => return Some(Tool::Collect { machine, ask }),
            other => panic!("{other:?}"),
        };
        if number > 0 {
            self.seen.removed += 1;
            self.note(13, number, 0);
        }
        let ask = match step.expect("an answer was due") {
            GcStep::List(after) => Ask::List(after),
            GcStep::Announce(floor) => Ask::Announce(floor),
            GcStep::Look(number) => Ask::Get(number),
            GcStep::Remove(number) => Ask::Delete(number),
            GcStep::Done | GcStep::NoFloor => return None,
        };
        Some(Tool::Collect { machine, ask })
    }
}
