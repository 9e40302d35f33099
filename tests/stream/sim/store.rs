//! An object store with the faults of one: requests that are refused, late, doubled, or lose their
//! answer; conflicts that are none; bytes that change on their way or where they lie.

use std::collections::BTreeMap;

use creel::chain::object::{Facts, HoldDoc, ProgressDoc, RetentionRow, Segment};
use creel::format::entry::{Entries, Point};

use super::chain::Call;
use super::holds::Held;
use crate::memory::Log;
use crate::rng::Rng;
use crate::samples::start;

/// A request.
#[derive(Debug, Clone)]
pub enum Ask {
    /// The highest number.
    Newest,
    /// The first number above this one.
    List(u64),
    Get(u64),
    Create(u64, Vec<u8>),
    Delete(u64),
    /// What this floor says.
    Floor(u64),
    /// How many floors there are, and what the last one says.
    Floors,
    /// A floor that is to be there, or a higher one.
    Announce(u64),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum Reply {
    Number(Option<u64>),
    Segment(Option<Box<Segment>>),
    Created,
    Exists,
    Deleted,
    Floor(Option<u64>),
    Floors(u64, u64),
    Announced,
    /// An error, or no answer: whether it was carried out is not known.
    Failed,
    /// Bytes came that are no segment.
    Damaged,
}

/// Where a log and a chain part.
#[derive(Debug, Clone, Copy)]
pub enum Where {
    /// The chain goes on from segment `number`, whose entries begin behind `before`; both have
    /// everything up to `shared`.
    From {
        number: u64,
        before: Point,
        shared: Point,
        chain_end: Point,
    },
    /// The log ends before what the chain still has, or the two have nothing in common there.
    Below,
}

/// A copy of a database in the store.
#[derive(Debug, Clone)]
pub struct Image {
    pub point: Point,
    pub bytes: Vec<u8>,
    pub hash: [u8; 32],
}

/// Counts of what was injected.
#[derive(Debug, Clone, Copy, Default)]
pub struct Injected {
    pub refused: u64,
    pub lost: u64,
    pub late: u64,
    pub conflicts: u64,
    pub garbled: u64,
}

/// The store.
#[derive(Debug, Default)]
pub struct SimStore {
    pub objects: BTreeMap<u64, Vec<u8>>,
    pub images: Vec<Image>,
    /// Creates that are carried out at some later moment.
    pub late: Vec<(u64, Vec<u8>)>,
    /// The condition of a create is ignored: a planted defect.
    pub careless: bool,
    /// Segments that were created since this was taken last, first uses of a number or not.
    pub made: Vec<Segment>,
    pub injected: Injected,
    pub calm: bool,
    pub retention: RetentionRow,
    /// What somebody asked for, and what nodes say of themselves.
    pub holds: Vec<HoldDoc>,
    pub progress: BTreeMap<usize, ProgressDoc>,
    /// The first number that is not to be removed.
    pub floor: u64,
    /// Floors that were announced, for ever.
    pub floors: Vec<u64>,
    /// What stays for a hold alone.
    pub held: Option<Held>,
}

impl SimStore {
    fn create(&mut self, number: u64, bytes: &[u8]) -> bool {
        if self.objects.contains_key(&number) && !self.careless {
            return false;
        }
        let segment = Segment::parse(bytes.to_vec()).expect("what is sent is whole");
        self.made.push(segment);
        self.objects.insert(number, bytes.to_vec());
        true
    }

    /// Whoever sent this was killed.
    pub fn sent_before(&mut self, call: Call) {
        if let (Ask::Create(number, bytes), true) = (call.ask, call.reply.is_none()) {
            self.late.push((number, bytes));
        }
    }

    /// A create that was sent long ago arrives: as often as not where its number was used and removed.
    pub fn carry_out_late(&mut self, rng: &mut Rng) {
        let newest = self.newest().unwrap_or(0);
        let gone = |number: &u64| *number < newest && !self.objects.contains_key(number);
        let worst = self.late.iter().position(|(number, _)| gone(number));
        let (any, wait) = (rng.below(self.late.len().max(1)), rng.chance(50));
        let at = match worst.filter(|_| !self.calm) {
            Some(at) => at,
            None if wait && !self.calm => return,
            None => any,
        };
        if at < self.late.len() {
            let (number, bytes) = self.late.swap_remove(at);
            self.create(number, &bytes);
        }
    }

    /// Carries out a request, or what a fault makes of it.
    pub fn carry_out(&mut self, ask: &Ask, rng: &mut Rng) -> Reply {
        let fault = !self.calm && rng.chance(15);
        match ask {
            Ask::Create(number, bytes) => self.answer_create(*number, bytes, fault, rng),
            _ if fault && rng.chance(70) => {
                self.injected.refused += 1;
                Reply::Failed
            }
            Ask::Newest => Reply::Number(self.newest()),
            Ask::List(after) => Reply::Number(self.first_after(*after)),
            Ask::Get(number) => self.answer_get(*number, fault, rng),
            Ask::Floor(n) => Reply::Floor(self.floors.get(*n as usize - 1).copied()),
            Ask::Floors => {
                let (count, number) = self.newest_floor();
                Reply::Floors(count, number)
            }
            Ask::Announce(number) => {
                if self.newest_floor().1 < *number {
                    self.floors.push(*number);
                }
                match fault {
                    true => Reply::Failed,
                    false => Reply::Announced,
                }
            }
            Ask::Delete(number) => {
                self.objects.remove(number);
                match fault {
                    true => Reply::Failed,
                    false => Reply::Deleted,
                }
            }
        }
    }

    fn answer_create(&mut self, number: u64, bytes: &[u8], fault: bool, rng: &mut Rng) -> Reply {
        let kind = if fault { rng.below(5) } else { 5 };
        let later = (number, bytes.to_vec());
        match kind {
            0 => {
                self.injected.refused += 1;
                return Reply::Failed;
            }
            1 => {
                self.injected.late += 1;
                self.late.push(later);
                return Reply::Failed;
            }
            2 if !self.objects.contains_key(&number) => {
                self.injected.conflicts += 1;
                return Reply::Exists;
            }
            // Carried out now and once more later.
            3 => {
                self.injected.late += 1;
                self.late.push(later);
            }
            _ => {}
        }
        let made = self.create(number, bytes);
        if kind == 4 {
            self.injected.lost += 1;
            return Reply::Failed;
        }
        match made {
            true => Reply::Created,
            false => Reply::Exists,
        }
    }

    fn answer_get(&mut self, number: u64, fault: bool, rng: &mut Rng) -> Reply {
        let Some(bytes) = self.objects.get(&number) else {
            return Reply::Segment(None);
        };
        let mut bytes = bytes.clone();
        if fault {
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
            self.injected.garbled += 1;
            // The very bit that had changed where it lies changes back on its way.
            let mended = || Segment::parse(self.objects[&number].clone()).is_err();
            let noticed = Segment::parse(bytes).is_err() || mended();
            assert!(noticed, "a changed byte went unnoticed");
            return Reply::Damaged;
        }
        match Segment::parse(bytes) {
            Ok(segment) if segment.facts.number == number => {
                Reply::Segment(Some(Box::new(segment)))
            }
            _ => Reply::Damaged,
        }
    }

    pub fn newest_floor(&self) -> (u64, u64) {
        let last = self.floors.last().copied().unwrap_or(1);
        (self.floors.len() as u64, last)
    }

    pub fn newest(&self) -> Option<u64> {
        self.objects.last_key_value().map(|(number, _)| *number)
    }

    pub fn first_after(&self, after: u64) -> Option<u64> {
        self.objects.range(after + 1..).next().map(|(n, _)| *n)
    }

    /// A byte of an object changes where it lies; the newest and fences stay well, for what is
    /// told of those is for people to mend.
    pub fn rot(&mut self, rng: &mut Rng) -> bool {
        let newest = self.newest();
        let numbers: Vec<u64> = self.objects.keys().copied().collect();
        if numbers.len() < 2 {
            return false;
        }
        let number = *rng.pick(&numbers);
        let bytes = self.objects.get_mut(&number).unwrap();
        let fence = Segment::peek(bytes).is_ok_and(|(facts, _)| facts.fence);
        if Some(number) == newest || fence {
            return false;
        }
        let at = rng.below(bytes.len());
        bytes[at] ^= 1 << rng.below(8);
        true
    }

    /// The segments that link to each other, from the newest back as far as they do.
    fn linked(&self) -> Vec<Segment> {
        let mut list: Vec<Segment> = Vec::new();
        for (number, bytes) in self.objects.iter().rev() {
            let Ok(segment) = Segment::parse(bytes.clone()) else {
                break;
            };
            let links = list.last().is_none_or(|behind| {
                behind.facts.number == number + 1 && behind.facts.before == segment.facts.after
            });
            if !links {
                break;
            }
            list.push(segment);
        }
        list
    }

    /// Where a log goes on from.
    pub fn locate(&self, log: &Log) -> Where {
        let linked = self.linked();
        let Some(newest) = linked.first() else {
            return Where::From {
                number: 1,
                before: start(),
                shared: start(),
                chain_end: start(),
            };
        };
        let chain_end = newest.facts.after;
        let has = |point: &Point| log.at(point.index) == Some(point);
        for segment in &linked {
            let Facts { number, before, .. } = segment.facts;
            if has(&segment.facts.after) {
                return Where::From {
                    number: number + 1,
                    before: segment.facts.after,
                    shared: segment.facts.after,
                    chain_end,
                };
            }
            if has(&before) {
                let mut shared = before;
                let mut entries = Entries::new(segment.body(), before);
                while let Some(Ok(_)) = entries.next() {
                    if has(&entries.point()) {
                        shared = entries.point();
                    }
                }
                return Where::From {
                    number,
                    before,
                    shared,
                    chain_end,
                };
            }
        }
        Where::Below
    }

    /// The newest copy that is whole.
    pub fn image(&self) -> Option<Log> {
        let whole = |image: &&Image| blake3::hash(&image.bytes).as_bytes() == &image.hash;
        let image = self.images.iter().rev().find(whole)?;
        let log = Log::from_snapshot(&image.bytes)?;
        assert_eq!(log.head(), image.point);
        Some(log)
    }

    /// The first number that the newest whole copy needs to be brought up to date, and where that copy
    /// is.
    pub fn copy_floor(&self) -> Option<(u64, u64)> {
        let whole = |image: &&Image| blake3::hash(&image.bytes).as_bytes() == &image.hash;
        let image = self.images.iter().rev().find(whole)?;
        let mut linked = self.linked();
        linked.reverse();
        let index = image.point.index;
        let behind = linked.iter().find(|s| s.facts.after.index > index);
        let number = behind.or(linked.last())?.facts.number;
        Some((number, index))
    }
}
