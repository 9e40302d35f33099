//! A disk with a database, the handle whose threads play, and their books.

use std::sync::{Arc, OnceLock};

use creel::{
    CheckpointOptions, Commit, CreateOptions, Db, Error, FenceWish, NoProgress, OpenOptions,
    SeedOptions,
};
use shuttle::thread;

use super::acts::Act;
use super::books::{Books, told};
use super::model::Change;
use super::support::sim::{SimDisk, SimDiskSnapshot};
use super::turning::turning;
use super::{Outcome, PATH};

/// What the threads of a schedule share.
#[derive(Clone)]
pub struct Stage {
    pub disk: Arc<SimDisk>,
    pub books: Books,
    pub open: OpenOptions,
    pub db: Db,
    pub seed: u64,
}

/// A database with something in its tree, made once.
pub static FILLED: OnceLock<SimDiskSnapshot> = OnceLock::new();

/// A primary, in its second epoch, and a copy of it.
pub static PAIR: OnceLock<SimDiskSnapshot> = OnceLock::new();

/// Where the copy is.
pub const COPY: &str = "/data/copy.creel";

/// Keys of the first commit.
pub const FIRST: usize = 40;

pub fn key(i: usize) -> String {
    format!("k{i:03}")
}

pub fn first() -> Change {
    (0..FIRST).fold(Change::default(), |change, i| {
        change.and_put("main", &key(i), vec![i as u8; 90])
    })
}

pub fn options(disk: Arc<SimDisk>) -> OpenOptions {
    let options = OpenOptions::new().vfs(Arc::new(turning(disk)));
    options
        .mmap(false)
        .background_checkpoint(false)
        .checkpoint_at(None)
}

/// Makes the database. To be called in a schedule of its own.
pub fn fill() -> Outcome {
    let disk = SimDisk::new(8);
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let db = options(Arc::clone(&disk))
        .create(PATH, &create)
        .map_err(told("create"))?;
    db.write(first().batch()).map_err(told("first"))?;
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .map_err(told("first checkpoint"))?;
    let _ = FILLED.set(disk.snapshot());
    begin_epoch(&db)?;
    db.seed(COPY.as_ref(), &SeedOptions::default(), &NoProgress)
        .map_err(told("seed"))?;
    drop(db);
    let _ = PAIR.set(disk.snapshot());
    Ok(())
}

pub fn begin_epoch(db: &Db) -> Outcome<Commit> {
    let wish = FenceWish {
        name: "other".into(),
        reason: "a test".into(),
        ..FenceWish::default()
    };
    let entry = db.prepare_fence(&wish).map_err(told("prepare"))?;
    match db.install_fence(&entry) {
        // Somebody committed behind it: it is prepared anew.
        Err(Error::BadEntry(_)) => begin_epoch(db),
        done => done.map_err(told("begin an epoch")),
    }
}

impl Stage {
    pub fn new(seed: u64, change: impl FnOnce(OpenOptions) -> OpenOptions) -> Outcome<Stage> {
        Stage::on(&FILLED, seed, change)
    }

    pub fn on(
        filled: &OnceLock<SimDiskSnapshot>,
        seed: u64,
        change: impl FnOnce(OpenOptions) -> OpenOptions,
    ) -> Outcome<Stage> {
        let filled = filled.get().ok_or("there is no database")?;
        let disk = filled.fork_at_kill();
        let open = change(options(Arc::clone(&disk)));
        let db = open.clone().open(PATH).map_err(told("open"))?;
        let books = Books::default();
        books.begin([first()]);
        Ok(Stage {
            disk,
            books,
            open,
            db,
            seed,
        })
    }

    /// Runs the threads to their end; the handles are closed then.
    pub fn play(self, acts: Vec<Act>) -> Outcome<(Arc<SimDisk>, Books)> {
        let threads: Vec<_> = acts
            .into_iter()
            .map(|act| {
                let stage = self.clone();
                thread::spawn(move || act(&stage))
            })
            .collect();
        let (disk, books) = (Arc::clone(&self.disk), self.books.clone());
        let mut outcome = Ok(());
        for (n, thread) in threads.into_iter().enumerate() {
            let ended = thread.join().unwrap_or_else(|_| Err("a panic".into()));
            outcome = outcome.and(ended.map_err(|text| format!("thread {n}: {text}")));
        }
        outcome?;
        self.db.close().map_err(told("close"))?;
        Ok((disk, books))
    }
}
