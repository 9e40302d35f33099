//! A replica under the oracle: its primary lives on a disk of its own, where nothing fails.

use std::sync::Arc;

use creel::format::entry::Entry;
use creel::sys::{Access, Vfs};
use creel::{
    Db, Error, Facts, FenceWish, IdentityChange, NoProgress, Retention, Role, SeedOptions, SyncMode,
};

use super::model::{Change, Content, unreadable};
use super::rng::Rng;
use super::workloads::{key, small};
use super::world::{Handle, Outcome, PATH, World};

/// What a primary has committed: entries, and the content after each.
pub struct Primary {
    /// The file of a new replica, and the index that it stands at.
    seed: Vec<u8>,
    pub at: u64,
    content: Arc<Content>,
    entries: Vec<(Vec<u8>, Arc<Content>)>,
}

impl Primary {
    /// So many commits behind the moment that the replica begins with; some begin epochs.
    pub fn new(seed: u64, commits: usize) -> Primary {
        let world = World::quiet(seed);
        let db = world.options(SyncMode::Full).create(PATH, &small());
        let db = db.expect("the primary");
        let mut rng = Rng::new(seed);
        let mut content = Content::default();
        let commit = |db: &Db, content: &mut Content, rng: &mut Rng| {
            let space = if rng.below(4) == 0 { "fruit" } else { "main" };
            let (at, len) = (key(rng.below(60)), 20 + rng.below(700));
            let change = match rng.below(6) {
                0 => Change::default().and_delete_range("main", &at, &key(70)),
                _ => Change::default().and_put(space, &at, rng.bytes(len)),
            };
            db.write(change.batch()).expect("a commit");
            *content = content.after(&change);
        };
        for _ in 0..8 {
            commit(&db, &mut content, &mut rng);
        }
        let mut seed = Vec::new();
        let report = db.seed_to(&mut seed, &SeedOptions::default(), &NoProgress);
        let at = report.expect("a seed").token.index;
        let before = Arc::new(content.clone());
        let mut reader = db.log_reader(&db.position().unwrap()).unwrap();
        let mut entries = Vec::new();
        for i in 0..commits {
            if i % 17 == 9 {
                let entry = db.prepare_fence(&FenceWish::default()).unwrap();
                db.install_fence(&entry).unwrap();
            } else {
                commit(&db, &mut content, &mut rng);
            }
            let bytes = reader.read(1, usize::MAX).unwrap();
            assert!(Entry::split(&bytes).unwrap().unwrap().1.is_empty());
            entries.push((bytes, Arc::new(content.clone())));
        }
        Primary {
            seed,
            at,
            content: before,
            entries,
        }
    }
}

impl World {
    /// Puts the file of a new replica onto the disk.
    pub fn plant(&self, primary: &Primary) -> Outcome<Handle> {
        let disk = self.disk();
        let stopped = |e| format!("stopped: {e:?}");
        let written = disk
            .open("new".as_ref(), Access::CreateNew)
            .and_then(|file| file.write_at(&primary.seed, 0).and_then(|()| file.sync()));
        written.map_err(stopped)?;
        // From the rename on it may be found.
        self.books()
            .begin_anew(Arc::clone(&primary.content), primary.at);
        let named = disk
            .rename("new".as_ref(), PATH.as_ref())
            .and_then(|()| disk.sync_dir_of(PATH.as_ref()));
        named.map_err(stopped)?;
        self.books().promise.created = true;
        self.open(SyncMode::Full)
    }

    /// Applies the next entries of the primary in one batch.
    pub fn apply(&self, handle: &Handle, primary: &Primary, count: usize) -> Outcome<bool> {
        let here = self.books().promise.done;
        let from = (here - primary.at) as usize;
        let next = primary.entries.get(from..).unwrap_or(&[]);
        let next = &next[..count.min(next.len())];
        let batch: Vec<u8> = next.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        if next.is_empty() {
            return Ok(false);
        }
        self.begin(handle, next.len() as u64);
        let done = handle.db.apply(&batch);
        let mut books = self.books();
        books.promise.open -= next.len() as u64;
        match done {
            Ok(applied) => {
                assert_eq!(applied.applied, next.len() as u64);
                for (i, (_, content)) in next.iter().enumerate() {
                    let index = here + 1 + i as u64;
                    self.note(&mut books, handle, index, |_| (**content).clone())?;
                }
            }
            Err(e) => {
                let contents: Vec<_> = next.iter().map(|(_, c)| Arc::clone(c)).collect();
                books.doubt_entries(&contents);
                return Err(format!("stopped: apply fails: {e} ({e:?})"));
            }
        }
        Ok(true)
    }

    /// Takes the replica back to an entry.
    pub fn go_back(&self, handle: &Handle, to: u64) -> Outcome {
        // Until it is done, what is there now may be found as well.
        self.books().promise.acked = to;
        match handle.db.rewind(to, &NoProgress) {
            Ok(report) => {
                assert_eq!(report.to.index, to);
                self.books().rewind(to);
                Ok(())
            }
            Err(e) => Err(format!("stopped: rewind fails: {e} ({e:?})")),
        }
    }

    /// Begins an epoch: an entry without effect on the content.
    pub fn promote(&self, handle: &Handle) -> Outcome {
        self.begin(handle, 1);
        self.books().promise.marks = 1;
        let entry = handle.db.prepare_fence(&FenceWish::default());
        let done = entry.and_then(|entry| handle.db.install_fence(&entry));
        let mut books = self.books();
        books.promise.open -= 1;
        match done {
            Ok(commit) => {
                let index = commit.token.index;
                self.place(&mut books, Some(&handle.db), index, Content::clone)?;
                books.promise.acked = index;
                Ok(())
            }
            Err(e) => {
                if !matches!(e, Error::Poisoned) {
                    books.doubt(&Change::default());
                }
                self.failed(&mut books, handle, "promote", e)
            }
        }
    }

    /// A replica becomes primary, and an epoch that only its header knows begins for good.
    pub fn may_write(&self, handle: &Handle) -> Outcome {
        let info = handle.db.info().map_err(unreadable)?;
        let position = handle.db.position().map_err(unreadable)?;
        match info.role != Role::Replica && info.epoch == position.epoch {
            true => Ok(()),
            false => self.promote(handle),
        }
    }

    /// Changes role or facts: no commit, and none may be lost.
    pub fn identify(&self, handle: &Handle, role: Role, min_entries: u64) -> Outcome {
        let change = IdentityChange {
            role: Some(role),
            upstream: Some([7; 16]),
            ..IdentityChange::default()
        };
        let facts = Facts {
            retention: Retention {
                min_entries,
                ..Retention::default()
            },
            ..Facts::default()
        };
        if role == Role::Primary {
            self.books().promise.marks = 1;
        }
        let done = handle.db.set_identity(&change);
        let done = done.and_then(|()| handle.db.set_facts(&facts));
        let mut books = self.books();
        match done {
            Ok(()) => Ok(()),
            Err(e) => self.failed(&mut books, handle, "identify", e),
        }
    }
}
