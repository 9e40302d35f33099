//! One database, the handles on it, and what it must hold.

use std::path::PathBuf;

use creel::{CreateOptions, Db, Error, OpenOptions, SyncMode};

use super::check;
use super::hold::{HeldCursor, HeldSnapshot};
use super::reference::{Outcome, Plan, State};
use crate::rng::Rng;
use crate::scratch::Scratch;

pub struct World {
    pub rng: Rng,
    pub path: PathBuf,
    pub page_size: usize,
    pub state: State,
    pub last_index: u64,
    pub handles: Vec<Db>,
    pub snapshots: Vec<HeldSnapshot>,
    pub cursors: Vec<HeldCursor>,
    trace: bool,
    step: usize,
}

impl World {
    pub fn new(mut rng: Rng, scratch: &Scratch, trace: bool) -> World {
        let page_size = *rng.pick(&[4096, 4096, 4096, 16384, 65536]);
        let path = scratch.file("model.creel");
        let wal_size = *rng.pick(&[64 << 10, 64 << 10, 80 << 10, 512 << 10]);
        let create = CreateOptions {
            page_size,
            wal_size,
            ..CreateOptions::default()
        };
        let options = open_options(&mut rng);
        let db = options.create(&path, &create).unwrap();
        let mut world = World {
            rng,
            path,
            page_size: page_size as usize,
            state: State::new(),
            last_index: 0,
            handles: vec![db],
            snapshots: Vec::new(),
            cursors: Vec::new(),
            trace,
            step: 0,
        };
        if world.rng.chance(40) {
            world.open_another();
        }
        world
    }

    pub fn now(&mut self, step: usize) {
        self.step = step;
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:3}: {}", self.step, what());
        }
    }

    pub fn open_another(&mut self) {
        let options = open_options(&mut self.rng);
        self.say(|| format!("open {options:?}"));
        self.handles.push(options.open(&self.path).unwrap());
    }

    /// Any of the handles.
    pub fn db(&mut self) -> Db {
        let at = self.rng.below(self.handles.len());
        if self.handles.len() > 1 {
            self.say(|| format!("  handle {at}"));
        }
        self.handles[at].clone()
    }

    /// Commits a plan through `db` and compares the outcome with the reference.
    pub fn commit(&mut self, db: &Db, plan: &Plan) {
        self.say(|| format!("commit {}", describe(plan)));
        let outcome = self.state.apply(plan);
        let result = db.write(plan.batch());
        match (&outcome, result) {
            (Outcome::Done { deleted, logged }, Ok(commit)) => {
                self.last_index += u64::from(*logged);
                assert_eq!(commit.token.index, self.last_index, "index of the commit");
                assert_eq!(commit.token.epoch, 1);
                assert_eq!(commit.deleted, *deleted, "entries deleted");
            }
            (Outcome::Precondition { at }, Err(Error::Precondition { at: found, .. })) => {
                assert_eq!(found, *at, "which precondition failed");
            }
            (Outcome::NoKeyspace(name), Err(Error::NoKeyspace { name: found })) => {
                assert_eq!(found, *name);
            }
            (Outcome::Invalid, Err(Error::Invalid { .. })) => {}
            (_, result) => panic!("{result:?}, but the model says {outcome:?}"),
        }
    }

    pub fn check_all(&mut self, what: &str) {
        for db in &self.handles {
            check::handle(db, &self.state, self.last_index, what);
        }
    }

    /// Ends everything, and looks once more at what is in the file.
    pub fn finish(mut self) {
        self.check_all("at the end");
        for held in &self.snapshots {
            assert_eq!(held.snapshot.token().index, held.index);
            check::whole(&held.snapshot, &held.state, "held to the end");
        }
        self.snapshots.clear();
        self.cursors.clear();
        for db in self.handles.drain(..) {
            db.close().unwrap();
        }
        let db = OpenOptions::new().read_only(true).open(&self.path).unwrap();
        check::handle(&db, &self.state, self.last_index, "read-only at the end");
        assert!(matches!(db.put(b"a", b"b"), Err(Error::ReadOnly)));
        assert!(db.recovery().is_clean(), "{:?}", db.recovery());
        check::file(&self.path, "the file at the end");
    }
}

/// How a handle may be opened.
pub fn open_options(rng: &mut Rng) -> OpenOptions {
    let options = OpenOptions::new()
        .sync(*rng.pick(&[
            SyncMode::Full,
            SyncMode::Full,
            SyncMode::Normal,
            SyncMode::Off,
        ]))
        .mmap(rng.chance(60))
        .background_checkpoint(rng.chance(30));
    match rng.below(3) {
        0 => options.checkpoint_at(None),
        1 => options.checkpoint_at(Some(8 << 10)),
        _ => options,
    }
}

fn describe(plan: &Plan) -> String {
    use super::reference::Item;
    let short = |bytes: &[u8]| check::short(bytes);
    let item = |(name, item): &(String, Item)| {
        let text = match item {
            Item::Put(key, value) => format!("put {}={}", short(key), short(value)),
            Item::Delete(key) => format!("delete {}", short(key)),
            Item::Absent(key) => format!("absent {}", short(key)),
            Item::Present(key) => format!("present {}", short(key)),
            Item::Equals(key, value) => format!("equals {}={}", short(key), short(value)),
            other => format!("{other:?}"),
        };
        format!("{name}: {text}")
    };
    plan.items.iter().map(item).collect::<Vec<_>>().join("; ")
}
