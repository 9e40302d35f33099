//! Pins against reuse: a reader takes the newest generation, pins it and looks again; whoever
//! builds a generation looks for pins and uses pages again that nobody needs any more. Between
//! processes, so each step is one system call. A reader may be killed at any step.
//!
//! Each generation has one page that the one before had elsewhere. At every step the trees of both
//! header slots are whole, for the power may fail there.

use super::explore::{Machine, all};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mistake {
    None,
    /// A reader does not look again after it has pinned.
    NoSecondLook,
    /// Whoever builds does not look for pins.
    PinIgnored,
    /// Pages come back one generation too early.
    TooEarly,
    /// The look for pins is two generations old.
    OldLook,
    /// The pin goes before the reading ends.
    GoneEarly,
    /// A killed reader's pin stays.
    PinStays,
}

/// Generations that the file begins with, and that are built on top while others read.
const FIRST: u8 = 2;
const BUILT: u8 = 6;
/// And then, where nobody reads any more.
const ALONE: u8 = 10;
const READERS: usize = 2;
const BUILDER: usize = READERS;
const END: u8 = 99;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct File {
    /// Which generation wrote each page.
    pages: Vec<u8>,
    /// The page of each generation, by its number.
    trees: Vec<usize>,
    /// Pages that were freed, and by which generation.
    free: Vec<(usize, u8)>,
    newest: u8,
    /// Generations that are pinned, by each reader.
    pins: [Option<u8>; READERS],
    at: [u8; READERS + 1],
    /// What a reader took for the newest.
    taken: [u8; READERS],
    /// What the last looks for pins found, the newest last.
    looks: [Option<u8>; 3],
    /// May be killed once.
    killed: bool,
    mistake: Mistake,
}

impl File {
    fn new(mistake: Mistake) -> File {
        File {
            pages: vec![1, 2],
            trees: vec![0, 0, 1],
            free: vec![(0, 2)],
            newest: FIRST,
            pins: [None; READERS],
            at: [0; READERS + 1],
            taken: [0; READERS],
            looks: [None; 3],
            killed: false,
            mistake,
        }
    }

    /// The tree of a generation is as it was written.
    fn is_whole(&self, generation: u8) -> bool {
        self.pages[self.trees[usize::from(generation)]] == generation
    }

    fn read(&mut self, me: usize) -> Result<(), String> {
        match self.at[me] {
            0 => self.taken[me] = self.newest,
            1 => self.pins[me] = Some(self.taken[me]),
            2 if self.mistake == Mistake::NoSecondLook => {}
            2 if self.newest != self.taken[me] => {
                self.pins[me] = None;
                self.at[me] = 0;
                return Ok(());
            }
            2 => {}
            3 if self.mistake == Mistake::GoneEarly => self.pins[me] = None,
            3 | 4 => {
                let generation = self.taken[me];
                if !self.is_whole(generation) {
                    return Err(format!("a page of generation {generation} was used again"));
                }
            }
            _ => {
                self.pins[me] = None;
                self.at[me] = END;
                return Ok(());
            }
        }
        self.at[me] += 1;
        Ok(())
    }

    fn build(&mut self) {
        let next = self.newest + 1;
        match self.at[BUILDER] {
            0 => {
                let oldest = self.pins.iter().flatten().min().copied();
                self.looks = [self.looks[1], self.looks[2], oldest];
            }
            1 => {
                let oldest = match self.mistake {
                    Mistake::PinIgnored => None,
                    Mistake::OldLook => self.looks[0],
                    _ => self.looks[2],
                };
                let behind = 2 - u8::from(self.mistake == Mistake::TooEarly);
                let floor = oldest.unwrap_or(END).min(next - behind);
                let reused = self.free.iter().position(|(_, freed)| *freed <= floor);
                let page = match reused {
                    Some(i) => self.free.remove(i).0,
                    None => {
                        self.pages.push(0);
                        self.pages.len() - 1
                    }
                };
                self.pages[page] = next;
                self.free.push((self.trees[usize::from(self.newest)], next));
                self.trees.push(page);
            }
            _ => {
                self.newest = next;
                let alone = self.at[..READERS].iter().all(|at| *at == END);
                let last = if alone { ALONE } else { BUILT };
                self.at[BUILDER] = if next >= last { END } else { 0 };
                return;
            }
        }
        self.at[BUILDER] += 1;
    }
}

impl Machine for File {
    /// The readers, the builder, and who kills the first reader.
    fn threads(&self) -> usize {
        READERS + 2
    }

    fn ended(&self, thread: usize) -> bool {
        match thread {
            0..=BUILDER => self.at[thread] == END,
            _ => self.killed || self.at[0] == END,
        }
    }

    fn step(&mut self, thread: usize) -> Result<bool, String> {
        match thread {
            0..READERS => self.read(thread)?,
            BUILDER => self.build(),
            _ => {
                self.killed = true;
                self.at[0] = END;
                if self.mistake != Mistake::PinStays {
                    self.pins[0] = None;
                }
            }
        }
        match [self.newest, self.newest - 1].map(|g| self.is_whole(g)) {
            [true, true] => Ok(true),
            _ => Err("a header slot names a page that was used again".into()),
        }
    }

    /// Nobody reads any more, so few pages wait and none is lost.
    fn judge(&self) -> Result<(), String> {
        let mut file = self.clone();
        file.at[BUILDER] = 0;
        let before = file.pages.len();
        while file.at[BUILDER] != END {
            file.build();
        }
        match file.pages.len() {
            n if n <= before.max(4) => Ok(()),
            n => Err(format!("{n} pages for one, and nobody reads")),
        }
    }
}

#[test]
fn a_pinned_generation_keeps_its_pages_and_both_slots_stay_whole() {
    let states = all(File::new(Mistake::None)).unwrap();
    println!("pins {states} states");
    assert!(states > 1000, "{states}");
}

#[test]
fn mistakes_with_pins_are_found() {
    for mistake in [
        Mistake::NoSecondLook,
        Mistake::PinIgnored,
        Mistake::TooEarly,
        Mistake::OldLook,
        Mistake::GoneEarly,
        Mistake::PinStays,
    ] {
        let found = all(File::new(mistake));
        assert!(found.is_err(), "{mistake:?} is not found");
    }
}
