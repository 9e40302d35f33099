//! Files made by the engine, with everything that was ever in them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use creel::{
    Batch, CheckpointOptions, CreateOptions, Db, KeyRange, NoProgress, OpenOptions, SyncMode,
};

use crate::rng::Rng;

/// Keyspace name and key.
pub type Key = (String, Vec<u8>);
/// What a database holds.
pub type State = BTreeMap<Key, Vec<u8>>;

/// One change of a commit.
#[derive(Debug, Clone)]
pub enum Change {
    Put(Key, Vec<u8>),
    Delete(Key),
    DeleteRange(String, Vec<u8>, Vec<u8>),
    Drop(String),
}

/// A database that is being made.
pub struct World {
    dir: tempfile::TempDir,
    db: Db,
    commits: Vec<Vec<Change>>,
    ids: HashMap<u32, String>,
    images: Vec<Vec<u8>>,
}

/// A closed file and its past.
pub struct Image {
    pub bytes: Vec<u8>,
    /// By log index, from 1.
    pub commits: Vec<Vec<Change>>,
    /// Names of keyspaces by id, those that were dropped too.
    pub ids: HashMap<u32, String>,
    /// The file at earlier moments, directly after checkpoints.
    pub older: Vec<Vec<u8>>,
    /// Every value that a key ever had.
    pub ever: HashMap<Key, HashSet<Vec<u8>>>,
}

pub fn key(i: usize) -> Vec<u8> {
    format!("key/{i:06}").into_bytes()
}

pub fn put(keyspace: &str, key: &[u8], value: &[u8]) -> Change {
    Change::Put((keyspace.to_owned(), key.to_vec()), value.to_vec())
}

pub fn delete(keyspace: &str, key: &[u8]) -> Change {
    Change::Delete((keyspace.to_owned(), key.to_vec()))
}

/// A value that tells where it comes from.
pub fn value(of: usize, round: usize, len: usize) -> Vec<u8> {
    let stamp = format!("{of}.{round}.");
    stamp.bytes().cycle().take(len).collect()
}

fn options() -> OpenOptions {
    let options = OpenOptions::new().sync(SyncMode::Off);
    options.background_checkpoint(false).checkpoint_at(None)
}

impl World {
    pub fn new(page_size: u32) -> World {
        let dir = tempfile::tempdir().unwrap();
        let create = CreateOptions {
            page_size,
            wal_size: 64 << 10,
            ..CreateOptions::default()
        };
        let db = options().create(dir.path().join("w.db"), &create).unwrap();
        World {
            dir,
            db,
            commits: Vec::new(),
            ids: HashMap::from([(1, "main".to_owned())]),
            images: Vec::new(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("w.db")
    }

    pub fn commit(&mut self, changes: Vec<Change>) {
        let mut batch = Batch::new();
        for change in &changes {
            match change {
                Change::Put((keyspace, key), value) => {
                    batch.keyspace(keyspace).put(key, value);
                }
                Change::Delete((keyspace, key)) => {
                    batch.keyspace(keyspace).delete(key);
                }
                Change::DeleteRange(keyspace, from, to) => {
                    batch
                        .keyspace(keyspace)
                        .delete_range(&KeyRange::from_to(from, to));
                }
                Change::Drop(keyspace) => {
                    batch.keyspace(keyspace).drop_keyspace();
                }
            }
        }
        let commit = self.db.write(batch).unwrap();
        self.commits.push(changes);
        assert_eq!(commit.token.index, self.commits.len() as u64);
        self.learn_ids();
    }

    /// Without syncs the log promises nothing, and damage to it looks like its end.
    pub fn sync_from_now_on(&mut self) {
        self.db = options().sync(SyncMode::Full).open(self.path()).unwrap();
    }

    fn learn_ids(&mut self) {
        let snapshot = self.db.snapshot().unwrap();
        for name in snapshot.keyspaces().unwrap() {
            self.ids
                .insert(snapshot.keyspace(&name).unwrap().id(), name);
        }
    }

    /// Loads entries into a keyspace that exists.
    pub fn bulk(&mut self, keyspace: &str, entries: Vec<(Vec<u8>, Vec<u8>)>) {
        let changes = entries
            .iter()
            .map(|(key, value)| put(keyspace, key, value))
            .collect();
        let entries = entries.into_iter().map(Ok);
        let report = self.db.bulk_load(keyspace, entries, &NoProgress).unwrap();
        self.commits.push(changes);
        assert_eq!(report.token.index, self.commits.len() as u64);
    }

    pub fn checkpoint(&mut self) {
        self.db
            .checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        self.images.push(std::fs::read(self.path()).unwrap());
    }

    pub fn close(self) -> Image {
        self.so_far()
    }

    /// The file as it is now.
    pub fn so_far(&self) -> Image {
        let mut ever: HashMap<Key, HashSet<Vec<u8>>> = HashMap::new();
        for change in self.commits.iter().flatten() {
            if let Change::Put(key, value) = change {
                ever.entry(key.clone()).or_default().insert(value.clone());
            }
        }
        Image {
            bytes: std::fs::read(self.path()).unwrap(),
            commits: self.commits.clone(),
            ids: self.ids.clone(),
            older: self.images.clone(),
            ever,
        }
    }

    pub fn db(&self) -> &Db {
        &self.db
    }
}

impl Image {
    /// What the database held after this commit.
    pub fn state_at(&self, index: u64) -> State {
        let mut state = State::new();
        for change in self.commits.iter().take(index as usize).flatten() {
            match change {
                Change::Put(key, value) => {
                    state.insert(key.clone(), value.clone());
                }
                Change::Delete(key) => {
                    state.remove(key);
                }
                Change::DeleteRange(name, from, to) => {
                    let inside =
                        |k: &Key| k.0 == *name && from <= &k.1 && (to.is_empty() || &k.1 < to);
                    state.retain(|key, _| !inside(key));
                }
                Change::Drop(name) => state.retain(|key, _| key.0 != *name),
            }
        }
        state
    }

    pub fn last_index(&self) -> u64 {
        self.commits.len() as u64
    }

    pub fn newest(&self) -> State {
        self.state_at(self.last_index())
    }
}

/// Puts of keys `from..to`, most of them small, some large, a few very large.
pub fn puts(keyspace: &str, from: usize, to: usize, round: usize) -> Vec<Change> {
    let len = |i: usize| match i % 97 {
        0 => 0,
        13 => 1500,
        41 => 9000,
        n => 20 + n,
    };
    (from..to)
        .map(|i| put(keyspace, &key(i), &value(i, round, len(i))))
        .collect()
}

/// Several keyspaces, one of them dropped, large values, deleted keys and ranges, free pages with
/// old entries, two trees that differ, and commits in the log.
pub fn rich(page_size: u32) -> Image {
    let mut world = World::new(page_size);
    for part in 0..6 {
        world.commit(puts("main", part * 400, part * 400 + 400, 0));
        world.checkpoint();
    }
    world.commit(puts("fruit", 0, 300, 0));
    world.commit(puts("gone", 0, 200, 0));
    world.checkpoint();
    world.commit(puts("other", 0, 300, 0));
    world.commit(vec![Change::Drop("gone".into())]);
    world.commit(vec![Change::DeleteRange("main".into(), key(500), key(650))]);
    world.checkpoint();
    let spread = |round: usize, step: usize| -> Vec<Change> {
        (round..2400)
            .step_by(step)
            .map(|i| put("main", &key(i), &value(i, round, 40)))
            .collect()
    };
    for round in 1..4 {
        world.commit(spread(round, 211));
        world.commit(vec![
            delete("main", &key(round * 7)),
            delete("fruit", &key(round * 31)),
        ]);
        world.checkpoint();
    }
    world.sync_from_now_on();
    for i in 0..12 {
        world.commit(vec![
            put("main", &key(i * 190), &value(i, 9, 30)),
            delete("other", &key(i * 20)),
        ]);
    }
    world.commit(puts("late", 0, 5, 0));
    world.close()
}

/// A file that random commits, checkpoints and bulk loads made.
pub fn random(seed: u64) -> Image {
    let mut rng = Rng::new(seed);
    let mut world = World::new(if rng.chance(20) { 8192 } else { 4096 });
    world.commit(puts("fruit", 0, 10, 0));
    for round in 1..(6 + rng.below(10)) {
        let name = ["main", "main", "fruit", "other"][rng.below(4)];
        match rng.below(10) {
            0..=5 => {
                let from = rng.below(1500);
                world.commit(puts(name, from, from + 1 + rng.below(200), round));
            }
            6 => {
                let from = rng.below(1500);
                let to = from + 1 + rng.below(100);
                world.commit(puts(name, 0, 1, round));
                world.commit(vec![Change::DeleteRange(name.into(), key(from), key(to))]);
            }
            7 => {
                let from = rng.below(1000);
                let entries = (from..from + 150).map(|i| (key(i), value(i, round, 60)));
                world.bulk("fruit", entries.collect());
            }
            _ => {
                let keys = (0..20).map(|_| delete(name, &key(rng.below(1500))));
                let all = std::iter::once(put(name, b"zz", b"1")).chain(keys);
                world.commit(all.collect());
            }
        }
        if rng.chance(55) {
            world.checkpoint();
        }
    }
    world.close()
}
