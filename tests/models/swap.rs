//! What a snapshot takes: a view (tree, frozen table, active table) and a newest index. A commit
//! applies its operations to the active table and then moves the index; a checkpoint freezes the
//! table and later swaps the tree. Whoever takes a snapshot sees all commits up to its index and
//! none beyond, for as long as it has it.

use super::explore::{Machine, all};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mistake {
    None,
    /// The index moves before the table has the commit.
    IndexFirst,
    /// Index and view are taken under different locks.
    TakenApart,
    /// The new tree is published before the frozen table is dropped, with an empty table.
    ActiveLost,
}

/// Commits that a part of a view holds: a set by index.
type Commits = u16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct View {
    tree: Commits,
    frozen: Commits,
    /// Which active table it has: commits go to the newest one.
    table: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Store {
    view: View,
    tables: [Commits; 4],
    visible: u8,
    /// Held by whoever publishes or takes a snapshot.
    lock: Option<u8>,
    at: [u8; 3],
    /// Commits the writer has made.
    made: u8,
    /// What the checkpoint has frozen.
    frozen: View,
    /// The reader's index and view, as far as it has them.
    index: Option<u8>,
    taken: Option<View>,
    mistake: Mistake,
}

const WRITER: usize = 0;
const CHECKPOINT: usize = 1;
const READER: usize = 2;
const COMMITS: u8 = 3;
const END: u8 = 99;

impl Store {
    fn new(mistake: Mistake) -> Store {
        let view = View {
            tree: 1,
            frozen: 0,
            table: 0,
        };
        Store {
            view,
            tables: [0; 4],
            visible: 0,
            lock: None,
            at: [0; 3],
            made: 0,
            frozen: view,
            index: None,
            taken: None,
            mistake,
        }
    }

    fn lock(&mut self, me: usize) -> bool {
        let free = self.lock.is_none();
        if free {
            self.lock = Some(me as u8);
        }
        free
    }

    /// Commits up to an index.
    fn upto(index: u8) -> Commits {
        (1 << (index + 1)) - 1
    }

    fn read(&self, view: &View, index: u8) -> Commits {
        (view.tree | view.frozen | self.tables[usize::from(view.table)]) & Store::upto(index)
    }

    fn write(&mut self) -> bool {
        let (next, at) = (self.made + 1, self.at[WRITER]);
        match at {
            0 if !self.lock(WRITER) => return false,
            0 if self.mistake == Mistake::IndexFirst => {
                // Without the lock being held over both.
                self.visible = next;
                self.lock = None;
            }
            0 => {}
            1 => self.tables[usize::from(self.view.table)] |= 1 << next,
            _ => {
                self.visible = next;
                self.made = next;
                self.lock = None;
                self.at[WRITER] = if next == COMMITS { END } else { 0 };
                return true;
            }
        }
        self.at[WRITER] += 1;
        true
    }

    fn checkpoint(&mut self) -> bool {
        match self.at[CHECKPOINT] % 3 {
            // The cut: the writer lock is held too, so no commit is half applied.
            0 if self.at[WRITER] != 0 && self.at[WRITER] != END => return false,
            0 if !self.lock(CHECKPOINT) => return false,
            0 => {
                let before = self.view;
                self.view = View {
                    frozen: self.tables[usize::from(before.table)],
                    table: before.table + 1,
                    ..before
                };
                self.frozen = self.view;
                self.lock = None;
            }
            // The fold: takes no lock.
            1 => {}
            _ if !self.lock(CHECKPOINT) => return false,
            _ => {
                let lost = self.mistake == Mistake::ActiveLost;
                self.view = View {
                    tree: self.frozen.tree | self.frozen.frozen,
                    frozen: 0,
                    table: self.view.table + u8::from(lost),
                };
                self.lock = None;
            }
        }
        self.at[CHECKPOINT] += 1;
        if self.at[CHECKPOINT] == 3 {
            self.at[CHECKPOINT] = END;
        }
        true
    }

    fn look(&mut self) -> Result<bool, String> {
        match self.at[READER] {
            0 if self.mistake == Mistake::TakenApart => {
                self.taken = Some(self.view);
            }
            0 => {
                if !self.lock(READER) {
                    return Ok(false);
                }
                (self.taken, self.index) = (Some(self.view), Some(self.visible));
                self.lock = None;
            }
            1 if self.mistake == Mistake::TakenApart => self.index = Some(self.visible),
            1..=3 => {
                let (view, index) = (self.taken.unwrap(), self.index.unwrap());
                let seen = self.read(&view, index);
                if seen != Store::upto(index) {
                    return Err(format!("commits {seen:b} are seen as of {index}"));
                }
            }
            _ => {
                self.at[READER] = END;
                return Ok(true);
            }
        }
        self.at[READER] += 1;
        Ok(true)
    }
}

impl Machine for Store {
    fn threads(&self) -> usize {
        3
    }

    fn ended(&self, thread: usize) -> bool {
        self.at[thread] == END
    }

    fn step(&mut self, thread: usize) -> Result<bool, String> {
        match thread {
            WRITER => Ok(self.write()),
            CHECKPOINT => Ok(self.checkpoint()),
            _ => self.look(),
        }
    }

    fn judge(&self) -> Result<(), String> {
        match self.read(&self.view, COMMITS) == Store::upto(COMMITS) {
            true => Ok(()),
            false => Err(format!("a commit is gone: {self:?}")),
        }
    }
}

#[test]
fn a_snapshot_sees_all_commits_up_to_its_index_and_none_beyond() {
    let states = all(Store::new(Mistake::None)).unwrap();
    println!("swap {states} states");
    assert!(states > 100, "{states}");
}

#[test]
fn mistakes_in_publishing_are_found() {
    for mistake in [
        Mistake::IndexFirst,
        Mistake::TakenApart,
        Mistake::ActiveLost,
    ] {
        let found = all(Store::new(mistake));
        assert!(found.is_err(), "{mistake:?} is not found");
    }
}
