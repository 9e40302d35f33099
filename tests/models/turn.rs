//! Turning to the other log region, against commits, a checkpoint that gives a region another
//! place, and a reader that copies the log: four processes, one system call or one hold of a lock
//! at a time. The gate is left out: it makes readers begin anew less often, and no more.
//!
//! At every step the file, read as after a crash, has every acknowledged entry, in the tree or in
//! the log; and a reader that believes what it copied has one moment of it.

use super::explore::{Machine, all};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mistake {
    None,
    /// The other region is begun anew though its entries are not in the tree yet.
    NeededStill,
    /// A committer turns without asking for the checkpoint lock.
    JobIgnored,
    /// A header claims what came after the cut as well.
    CutTooLate,
    /// A committer does not look again once it has the lock that it waited for.
    NoRefresh,
    /// A reader believes what it copied though a region was begun anew.
    NoSecondLook,
}

/// Entries that a region holds, and that each committer makes.
const ROOM: usize = 1;
const COMMITS: [u8; COMMITTERS] = [2, 1];

const COMMITTERS: usize = 2;
const CHECKPOINT: usize = 2;
const READER: usize = 3;
const END: u8 = 99;

/// One incarnation of a region: its number and the entries in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Region {
    seq: u8,
    first: u8,
    entries: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct File {
    /// Everything that was ever a region; the header says which two are.
    places: Vec<Region>,
    regions: [usize; 2],
    /// The header says that entries up to this one are in the tree; up to `tree` they are.
    checkpoint: u8,
    tree: u8,
    acknowledged: u8,
    /// Who holds the locks.
    checkpoint_lock: Option<usize>,
    writer_lock: Option<usize>,
    at: [u8; 4],
    left: [u8; COMMITTERS],
    /// What a committer knew of the log when it last held the lock: the active place.
    known: [usize; COMMITTERS],
    /// The cut of the checkpoint, and the region that it may replace.
    cut: u8,
    idle: usize,
    rounds: u8,
    /// What the reader has: header, numbers of the regions, entries.
    seen: (u8, [usize; 2], [u8; 2], Vec<u8>, u8),
    mistake: Mistake,
}

impl File {
    fn new(mistake: Mistake) -> File {
        let region = |seq| Region {
            seq,
            first: 1,
            entries: Vec::new(),
        };
        File {
            places: vec![region(1), region(2)],
            regions: [0, 1],
            checkpoint: 0,
            tree: 0,
            acknowledged: 0,
            checkpoint_lock: None,
            writer_lock: None,
            at: [0; 4],
            left: COMMITS,
            known: [1; COMMITTERS],
            cut: 0,
            idle: 0,
            rounds: 0,
            seen: Default::default(),
            mistake,
        }
    }

    /// Of the two regions, the one with the higher number takes commits.
    fn active(&self) -> usize {
        usize::from(self.seq(1) > self.seq(0))
    }

    fn seq(&self, number: usize) -> u8 {
        self.places[self.regions[number]].seq
    }

    /// The last entry, as recovery finds it: the older region, then the newer, without a gap.
    fn recovered(&self) -> Result<u8, String> {
        if self.tree < self.checkpoint {
            return Err(format!("the header claims {}", self.checkpoint));
        }
        let active = self.active();
        let mut last = self.checkpoint;
        for number in [active ^ 1, active] {
            for entry in &self.places[self.regions[number]].entries {
                match *entry {
                    entry if entry <= last => {}
                    entry if entry == last + 1 => last = entry,
                    entry => return Err(format!("entry {entry} comes after {last}")),
                }
            }
        }
        Ok(last)
    }

    /// `switch_if_possible`: the caller holds both locks.
    fn turn(&mut self) -> Result<bool, String> {
        let active = self.active();
        let (active_place, other) = (self.regions[active], self.regions[active ^ 1]);
        let first = self.places[active_place].first;
        let needed = first > self.checkpoint + 1 && self.mistake != Mistake::NeededStill;
        if needed {
            return Ok(false);
        }
        let next = self.recovered()? + 1;
        self.places[other] = Region {
            seq: self.places[active_place].seq + 1,
            first: next,
            entries: Vec::new(),
        };
        Ok(true)
    }

    fn lock(lock: &mut Option<usize>, me: usize) -> bool {
        let free = lock.is_none();
        if free {
            *lock = Some(me);
        }
        free
    }

    fn commit(&mut self, me: usize) -> Result<bool, String> {
        match self.at[me] {
            0 if !File::lock(&mut self.writer_lock, me) => return Ok(false),
            0 => {
                if self.mistake != Mistake::NoRefresh {
                    self.known[me] = self.regions[self.active()];
                }
                self.at[me] = 1;
            }
            1 if self.places[self.known[me]].entries.len() < ROOM => {
                let next = self.acknowledged + 1;
                self.places[self.known[me]].entries.push(next);
                self.at[me] = 2;
            }
            1 => {
                // Full: it lets the lock go before it asks for the other one.
                self.writer_lock = None;
                self.at[me] = 3;
            }
            2 => {
                self.acknowledged += 1;
                self.writer_lock = None;
                self.left[me] -= 1;
                self.at[me] = if self.left[me] == 0 { END } else { 0 };
            }
            3 if self.mistake == Mistake::JobIgnored => self.at[me] = 4,
            3 => {
                if !File::lock(&mut self.checkpoint_lock, me) {
                    return Ok(false); // it waits until no job runs
                }
                self.at[me] = 4;
            }
            4 if !File::lock(&mut self.writer_lock, me) => return Ok(false),
            4 => {
                let active = self.regions[self.active()];
                let full = self.places[active].entries.len() == ROOM;
                if full && !self.turn()? {
                    // No room: a checkpoint without a switch makes some.
                    self.tree = self.acknowledged;
                    self.checkpoint = self.tree;
                    self.turn()?;
                }
                self.known[me] = self.regions[self.active()];
                self.at[me] = 5;
            }
            _ => {
                self.writer_lock = None;
                if self.checkpoint_lock == Some(me) {
                    self.checkpoint_lock = None;
                }
                self.at[me] = 0;
            }
        }
        Ok(true)
    }

    fn fold(&mut self) -> Result<bool, String> {
        match self.at[CHECKPOINT] {
            0 if !File::lock(&mut self.checkpoint_lock, CHECKPOINT) => return Ok(false),
            1 if !File::lock(&mut self.writer_lock, CHECKPOINT) => return Ok(false),
            0 | 1 => {}
            2 => {
                // The cut; new commits go to the other region where that is free.
                self.cut = self.acknowledged;
                let active = self.active();
                let switched = self.turn()?;
                self.idle = if switched { active } else { active ^ 1 };
                self.writer_lock = None;
            }
            3 => self.tree = self.cut, // the fold, while others commit
            4 => {
                // The header: a larger region in the place of the idle one.
                if self.mistake == Mistake::CutTooLate {
                    self.cut = self.acknowledged;
                }
                self.places.push(Region {
                    seq: self.seq(self.idle ^ 1) - 1,
                    first: self.cut + 1,
                    entries: Vec::new(),
                });
                self.regions[self.idle] = self.places.len() - 1;
                self.checkpoint = self.cut;
            }
            _ => {
                self.checkpoint_lock = None;
                self.rounds += 1;
                self.at[CHECKPOINT] = if self.rounds == 2 { END } else { 0 };
                return Ok(true);
            }
        }
        self.at[CHECKPOINT] += 1;
        Ok(true)
    }

    /// Header, numbers of the regions, what is in them, and all of that once more.
    fn read(&mut self) -> Result<bool, String> {
        let number = |file: &File, n: usize| file.places[file.seen.1[n]].seq;
        match self.at[READER] {
            0 => {
                self.seen = (self.checkpoint, self.regions, [0; 2], Vec::new(), 0);
                self.seen.4 = self.acknowledged;
            }
            1 => self.seen.2 = [number(self, 0), number(self, 1)],
            2 | 3 => {
                let newer = usize::from(self.seen.2[1] > self.seen.2[0]);
                let which = if self.at[READER] == 2 {
                    newer ^ 1
                } else {
                    newer
                };
                let entries = self.places[self.seen.1[which]].entries.clone();
                self.seen.3.extend(entries);
            }
            _ => {
                let same = self.checkpoint == self.seen.0
                    && self.regions == self.seen.1
                    && [number(self, 0), number(self, 1)] == self.seen.2;
                if !same && self.mistake != Mistake::NoSecondLook {
                    self.at[READER] = 0;
                    return Ok(true);
                }
                let mut last = self.seen.0;
                for entry in &self.seen.3 {
                    match *entry {
                        entry if entry <= last => {}
                        entry if entry == last + 1 => last = entry,
                        entry => return Err(format!("a reader sees {entry} after {last}")),
                    }
                }
                if last < self.seen.4 {
                    return Err(format!("a reader sees {last} of {}", self.seen.4));
                }
                self.at[READER] = END;
                return Ok(true);
            }
        }
        self.at[READER] += 1;
        Ok(true)
    }
}

impl Machine for File {
    fn threads(&self) -> usize {
        4
    }

    fn ended(&self, thread: usize) -> bool {
        self.at[thread] == END
    }

    fn step(&mut self, thread: usize) -> Result<bool, String> {
        let moved = match thread {
            0..COMMITTERS => self.commit(thread)?,
            CHECKPOINT => self.fold()?,
            _ => self.read()?,
        };
        let found = self.recovered()?;
        match found.checked_sub(self.acknowledged) {
            Some(0 | 1) => Ok(moved),
            _ => Err(format!(
                "{found} of {} entries are there",
                self.acknowledged
            )),
        }
    }

    fn judge(&self) -> Result<(), String> {
        let free = self.checkpoint_lock.is_none() && self.writer_lock.is_none();
        let all: u8 = COMMITS.iter().sum();
        match free && self.recovered()? == all && self.acknowledged == all {
            true => Ok(()),
            false => Err(format!("in the end: {self:?}")),
        }
    }
}

#[test]
fn no_entry_is_lost_whoever_turns_the_log() {
    let states = all(File::new(Mistake::None)).unwrap();
    println!("turn {states} states");
    assert!(states > 5_000, "{states}");
}

#[test]
fn mistakes_in_turning_are_found() {
    for mistake in [
        Mistake::NeededStill,
        Mistake::JobIgnored,
        Mistake::CutTooLate,
        Mistake::NoRefresh,
        Mistake::NoSecondLook,
    ] {
        let found = all(File::new(mistake));
        assert!(found.is_err(), "{mistake:?} is not found");
    }
}
