//! Which threads there are, and what each of them does.

use std::sync::{Arc, OnceLock};

use creel::{
    CheckpointOptions, CompactOptions, CreateOptions, Db, Error, NoProgress, OpenOptions, SyncMode,
};
use shuttle::thread;

use super::books::{Books, COUNT, told};
use super::model::Change;
use super::rng::Rng;
use super::support::sim::{FaultKind, FaultOn, FaultPlan, Repeat, SimDisk, SimDiskSnapshot};
use super::turning::Turning;
use super::{Outcome, PATH};

/// One scene: what a schedule runs.
#[derive(Debug)]
pub struct Scene {
    pub name: &'static str,
    pub run: fn(seed: u64) -> Outcome,
}

pub const SCENES: &[Scene] = &[
    Scene {
        name: "callers",
        run: callers,
    },
    Scene {
        name: "checkpoints",
        run: checkpoints,
    },
    Scene {
        name: "background",
        run: background,
    },
    Scene {
        name: "pins",
        run: pins,
    },
    Scene {
        name: "regions",
        run: regions,
    },
    Scene {
        name: "failing",
        run: failing,
    },
];

/// What the threads of a schedule share.
#[derive(Clone)]
struct Stage {
    disk: Arc<SimDisk>,
    books: Books,
    open: OpenOptions,
    db: Db,
    seed: u64,
}

type Act = Box<dyn FnOnce(&Stage) -> Outcome + Send>;

/// A database with something in its tree, made once.
static FILLED: OnceLock<SimDiskSnapshot> = OnceLock::new();

/// Keys of the first commit.
const FIRST: usize = 40;

fn key(i: usize) -> String {
    format!("k{i:03}")
}

fn first() -> Change {
    (0..FIRST).fold(Change::default(), |change, i| {
        change.and_put("main", &key(i), vec![i as u8; 90])
    })
}

fn options(disk: Arc<SimDisk>) -> OpenOptions {
    let options = OpenOptions::new().vfs(Arc::new(Turning::new(disk)));
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
    drop(db);
    let _ = FILLED.set(disk.snapshot());
    Ok(())
}

impl Stage {
    fn new(seed: u64, change: impl FnOnce(OpenOptions) -> OpenOptions) -> Outcome<Stage> {
        let filled = FILLED.get().ok_or("there is no database")?;
        let disk = filled.fork_at_kill();
        let open = change(options(Arc::clone(&disk)));
        let db = open.clone().open(PATH).map_err(told("open"))?;
        let books = Books::default();
        books.begin(first());
        Ok(Stage {
            disk,
            books,
            open,
            db,
            seed,
        })
    }

    /// Runs the threads to their end; the handles are closed then.
    fn play(self, acts: Vec<Act>) -> Outcome<(Arc<SimDisk>, Books)> {
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

/// Values of which a few fill the log, where `large`.
fn value(rng: &mut Rng, large: bool) -> Vec<u8> {
    let len = if large { 17_000 } else { 60 };
    let len = len + rng.below(40);
    rng.bytes(len)
}

/// Puts keys of its own, and sees each as soon as it is confirmed.
fn writer(me: usize, times: usize, large: bool) -> Act {
    Box::new(move |stage| {
        let mut rng = Rng::new(stage.seed ^ me as u64);
        for i in 0..times {
            let own = format!("w{me}/{i}");
            let value = value(&mut rng, large);
            let change =
                Change::put(&own, value.clone()).and_put("main", &key(i * 7 + me), vec![b'v'; 40]);
            let commit = stage.db.write(change.batch()).map_err(told("put"))?;
            stage.books.confirm(&commit, change)?;
            let seen = stage.db.get(own.as_bytes()).map_err(told("get"))?;
            if seen.as_ref() != Some(&value) {
                return Err(format!("{own} was confirmed, and is not seen"));
            }
        }
        Ok(())
    })
}

/// Several batches at once.
fn group(me: usize, size: usize) -> Act {
    Box::new(move |stage| {
        let changes: Vec<Change> = (0..size)
            .map(|i| Change::put(&format!("g{me}/{i}"), vec![i as u8; 30]))
            .collect();
        let results = stage
            .db
            .write_all(changes.iter().map(Change::batch).collect());
        for (result, change) in results.into_iter().zip(changes) {
            stage
                .books
                .confirm(&result.map_err(told("group"))?, change)?;
        }
        Ok(())
    })
}

/// Reads a number and puts the next one, if nobody was quicker.
fn counter(times: usize) -> Act {
    Box::new(move |stage| {
        for _ in 0..times {
            let now = stage.db.get(COUNT).map_err(told("get"))?;
            let next = 1 + now.as_ref().map_or(0, |now| now.len());
            let change = Change::put("count", vec![b'i'; next]);
            let mut batch = change.batch();
            match &now {
                Some(now) => batch.require_equals(COUNT, now),
                None => batch.require_absent(COUNT),
            };
            match stage.db.write(batch) {
                Ok(commit) => stage.books.confirm(&commit, change)?,
                Err(Error::Precondition { .. }) => {}
                Err(e) => return Err(told("count")(e)),
            }
        }
        Ok(())
    })
}

fn fold(db: &Db) -> Outcome {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .map(|_| ())
        .map_err(told("checkpoint"))
}

fn checkpointer(times: usize) -> Act {
    Box::new(move |stage| (0..times).try_for_each(|_| fold(&stage.db)))
}

/// Keeps a snapshot while others go on, and looks at it again.
fn reader(times: usize) -> Act {
    Box::new(move |stage| {
        let mut kept = Vec::new();
        for _ in 0..times {
            let snapshot = stage.db.snapshot().map_err(told("snapshot"))?;
            stage.books.look(&snapshot)?;
            kept.push(snapshot);
        }
        kept.iter()
            .try_for_each(|snapshot| stage.books.look(snapshot))
    })
}

/// The power goes, as far as the medium is concerned.
fn power(times: usize) -> Act {
    Box::new(move |stage| {
        for _ in 0..times {
            thread::yield_now();
            stage.books.cut(&stage.disk);
        }
        Ok(())
    })
}

/// Does it with a handle of its own, as another process would.
fn stranger(act: Act) -> Act {
    Box::new(move |stage| {
        let db = stage
            .open
            .clone()
            .open(PATH)
            .map_err(told("open another"))?;
        let own = Stage {
            db,
            ..stage.clone()
        };
        act(&own)
    })
}

fn sync_of(seed: u64) -> SyncMode {
    match seed % 4 {
        0 => SyncMode::Off,
        1 => SyncMode::Normal,
        _ => SyncMode::Full,
    }
}

fn judge(seed: u64, (disk, books): (Arc<SimDisk>, Books)) -> Outcome {
    books.judge(&disk, sync_of(seed))
}

/// Group commit: who leads, who is served, with whose result.
fn callers(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        writer(1, 2, false),
        writer(2, 2, false),
        group(3, 3),
        counter(2),
        stranger(counter(2)),
        power(3),
    ];
    judge(seed, stage.play(acts)?)
}

/// The swap of the tree against commits and snapshots.
fn checkpoints(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        writer(1, 3, false),
        writer(2, 2, false),
        checkpointer(2),
        reader(2),
        power(3),
    ];
    judge(seed, stage.play(acts)?)
}

/// Checkpoints in a thread of the handle's own, begun by commits.
fn background(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| {
        let open = open.sync(sync_of(seed)).checkpoint_at(Some(8 << 10));
        open.background_checkpoint(true)
    })?;
    let acts = vec![writer(1, 3, true), writer(2, 3, true), reader(2), power(2)];
    judge(seed, stage.play(acts)?)
}

/// Readers of older generations against whoever uses pages again.
fn pins(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let folds = |me: usize| -> Act {
        Box::new(move |stage: &Stage| {
            for round in 0..2 {
                writer(me * 10 + round, 1, false)(stage)?;
                fold(&stage.db)?;
            }
            Ok(())
        })
    };
    let compacts: Act = Box::new(|stage| {
        let done = stage.db.compact(&CompactOptions::default(), &NoProgress);
        done.map(|_| ()).map_err(told("compact"))
    });
    let mut acts = vec![
        reader(2),
        stranger(reader(1)),
        folds(1),
        stranger(folds(2)),
        power(3),
    ];
    if seed.is_multiple_of(3) {
        acts.push(compacts);
    }
    judge(seed, stage.play(acts)?)
}

/// The log turns from one region to the other under commits, checkpoints and readers of several processes.
fn regions(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open.sync(sync_of(seed)))?;
    let acts = vec![
        writer(1, 3, true),
        stranger(writer(2, 3, true)),
        checkpointer(1),
        stranger(reader(2)),
        power(2),
    ];
    judge(seed, stage.play(acts)?)
}

/// One call fails, while others are made.
fn failing(seed: u64) -> Outcome {
    let stage = Stage::new(seed, |open| open)?;
    let kinds = [
        (FaultOn::Sync, FaultKind::SyncKeepsNew),
        (FaultOn::Sync, FaultKind::SyncReverts),
        (FaultOn::Sync, FaultKind::Errno(libc::ENOSPC)),
        (FaultOn::Write, FaultKind::Errno(libc::ENOSPC)),
        (FaultOn::Write, FaultKind::ShortWriteThenError(libc::EIO)),
    ];
    let (on, kind) = kinds[(seed % 5) as usize];
    stage.disk.set_fault(FaultPlan {
        nth: 1 + (seed / 5 % 12) as usize,
        kind,
        repeat: Repeat::Once,
        on,
    });
    let tries = |me: usize| -> Act {
        Box::new(move |stage: &Stage| {
            for i in 0..3 {
                let change = Change::put(&format!("f{me}/{i}"), vec![me as u8; 50]);
                match stage.db.write(change.batch()) {
                    Ok(commit) => stage.books.confirm(&commit, change)?,
                    Err(_) => stage.books.leave_open(change),
                }
            }
            Ok(())
        })
    };
    let folds: Act = Box::new(|stage| {
        // What it comes to is seen in the file.
        let _ = fold(&stage.db);
        let _ = fold(&stage.db);
        Ok(())
    });
    let disk = Arc::clone(&stage.disk);
    let books = stage.books.clone();
    match stage.play(vec![tries(1), tries(2), folds]) {
        Ok(_) => {}
        Err(text) if text.starts_with("close") => {}
        Err(text) => return Err(text),
    }
    disk.clear_fault();
    books.judge_failed(&disk)
}
