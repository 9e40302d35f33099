//! A database on a simulated disk, and the books about what it must still hold after a crash.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use creel::sys::Vfs;
use creel::{CreateOptions, Db, Depth, NoProgress, OpenOptions, SyncMode, Verdict, VerifyOptions};

use super::excuses::Failing;
use super::marks::{Books, Promise, SharedBooks};
use super::model::{Content, History, unreadable};
use super::order;
use super::support::sim::{CrashChoice, SimDisk, SimDiskSnapshot};

/// The one database of every world.
pub const PATH: &str = "db";

/// The disk before one call, and what was promised by then.
#[derive(Clone)]
pub struct Cut {
    pub snapshot: SimDiskSnapshot,
    pub promise: Promise,
}

/// Everything a workload needs. Clones share it, so that hooks can act too.
#[derive(Clone)]
pub struct World {
    pub books: SharedBooks,
    disk: Arc<Mutex<Arc<SimDisk>>>,
    cuts: Option<Arc<Mutex<Vec<Cut>>>>,
    /// Calls are made to fail: errors are noted, not reported.
    pub tolerant: bool,
    /// How they fail.
    pub failing: Option<Failing>,
    pub seed: u64,
}

/// An open database and its mode.
pub struct Handle {
    pub db: Db,
    pub sync: SyncMode,
    /// A write failed with its outcome unknown: nothing may succeed any more.
    pub refuses: Mutex<bool>,
    /// The last failure was a want of space for pages: the handle has to go on.
    pub usable: Mutex<bool>,
}

pub type Outcome<T = ()> = Result<T, String>;

impl Handle {
    pub fn new(db: Db, sync: SyncMode) -> Handle {
        Handle {
            db,
            sync,
            refuses: Mutex::default(),
            usable: Mutex::default(),
        }
    }
}

impl World {
    /// A world on an empty disk whose every call is observed.
    pub fn observed(seed: u64) -> World {
        let books = Books::new(vec![Arc::new(Content::default())]);
        let world = World::with(SimDisk::new(seed), books, true, seed);
        world.observe();
        world
    }

    /// A world on an empty disk that is not observed.
    pub fn quiet(seed: u64) -> World {
        let books = Books::new(vec![Arc::new(Content::default())]);
        World::with(SimDisk::new(seed), books, false, seed)
    }

    /// A world on an empty disk where calls may fail.
    pub fn faulty(seed: u64, failing: Option<Failing>) -> World {
        let books = Books::new(vec![Arc::new(Content::default())]);
        World {
            tolerant: true,
            failing,
            ..World::with(SimDisk::new(seed), books, false, seed)
        }
    }

    /// The next process after a failure: the same page cache, all calls succeed again.
    pub fn after_kill(&self) -> World {
        let books = self.books();
        let (mut promise, era) = (books.promise, books.promise.era);
        promise.era = 0;
        let (eras, others) = (vec![books.eras[era].clone()], books.others.clone());
        let books = Books {
            promise,
            eras,
            others,
            ..Books::default()
        };
        World::with(
            self.disk().snapshot().fork_at_kill(),
            books,
            false,
            self.seed,
        )
    }

    /// A world that begins with what a crash left.
    pub fn after_crash(
        disk: Arc<SimDisk>,
        history: History,
        promise: Promise,
        observed: bool,
    ) -> World {
        let promise = Promise { era: 0, ..promise };
        let books = Books {
            promise,
            eras: vec![history],
            ..Books::default()
        };
        let world = World::with(disk, books, observed, 0);
        world.observe();
        world
    }

    fn with(disk: Arc<SimDisk>, books: Books, observed: bool, seed: u64) -> World {
        World {
            books: Arc::new(Mutex::new(books)),
            disk: Arc::new(Mutex::new(disk)),
            cuts: observed.then(Arc::default),
            tolerant: false,
            failing: None,
            seed,
        }
    }

    pub fn disk(&self) -> Arc<SimDisk> {
        Arc::clone(&self.disk.lock().unwrap())
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn observe(&self) {
        let Some(cuts) = self.cuts.clone() else {
            return;
        };
        let books = Arc::clone(&self.books);
        self.disk().set_observer(Box::new(move |snapshot| {
            let mut books = books.lock().unwrap();
            let order = order::check(snapshot);
            if let Some(text) = order.err().filter(|_| !books.promise.lossy) {
                books.violations.push(text);
            }
            let promise = books.promise;
            cuts.lock().unwrap().push(Cut {
                snapshot: snapshot.clone(),
                promise,
            });
        }));
    }

    /// Ends the observation: all cuts, the state at the end included.
    pub fn finish(&self) -> Vec<Cut> {
        let disk = self.disk();
        disk.clear_observer();
        let Some(cuts) = &self.cuts else {
            return Vec::new();
        };
        let mut cuts = std::mem::take(&mut *cuts.lock().unwrap());
        cuts.push(Cut {
            snapshot: disk.snapshot(),
            promise: self.books().promise,
        });
        cuts
    }

    // What workloads do.

    pub fn create(&self, options: &CreateOptions) -> Outcome<Handle> {
        let db = self.options(SyncMode::Full).create(PATH, options);
        let db = db.map_err(|e| format!("stopped: create fails: {e} ({e:?})"))?;
        self.books().promise.created = true;
        Ok(Handle::new(db, SyncMode::Full))
    }

    pub fn options(&self, sync: SyncMode) -> OpenOptions {
        self.options_on(self.disk(), sync)
    }

    pub fn options_on(&self, vfs: Arc<dyn Vfs>, sync: SyncMode) -> OpenOptions {
        let options = OpenOptions::new().vfs(vfs).sync(sync).mmap(false);
        options.background_checkpoint(false).checkpoint_at(None)
    }

    pub fn open(&self, sync: SyncMode) -> Outcome<Handle> {
        self.open_with(self.options(sync), sync)
    }

    pub fn open_with(&self, options: OpenOptions, sync: SyncMode) -> Outcome<Handle> {
        let db = options
            .open(PATH)
            .map_err(|e| format!("stopped: open fails: {e} ({e:?})"))?;
        Ok(Handle::new(db, sync))
    }

    /// Another process, seen from a hook: never waits for a lock.
    pub fn open_hasty(&self, sync: SyncMode) -> Outcome<Handle> {
        self.open_with(self.options(sync).lock_timeout(Duration::ZERO), sync)
    }

    /// An error that is none where calls are made to fail, and give such ones: it only ends the workload.
    pub fn stop(&self, text: String) -> String {
        match self.excuses(&text) {
            true => format!("stopped: {text}"),
            false => text,
        }
    }

    /// Whether an error, with all that it says of itself, is one that the failing calls give.
    pub fn excuses(&self, text: &str) -> bool {
        self.failing.is_some_and(|failing| failing.gives(text))
    }

    /// Ends a workload that needs what has failed by now.
    pub fn nothing_has_failed(&self) -> Outcome {
        match self.books().errors {
            0 => Ok(()),
            _ => Err("stopped: something has failed".to_owned()),
        }
    }

    /// The handle sees exactly what was committed.
    pub fn check(&self, handle: &Handle) -> Outcome {
        if self.tolerant {
            return self.check_some(handle);
        }
        let content = self.books().last();
        content.compare(&handle.db)
    }

    /// The handle sees the commits up to some one that was not confirmed to be durable: where
    /// syncs fail, the others may be gone.
    fn check_some(&self, handle: &Handle) -> Outcome {
        let mut books = self.books();
        let (acked, lossy) = (books.promise.acked, books.promise.lossy);
        let all = books.all_marked();
        drop(books);
        // What was written with `sync off` may never come to the medium.
        let excused = |text: &str| lossy || self.excuses(text);
        let n = match handle.db.snapshot().map_err(unreadable) {
            Ok(snapshot) => snapshot.token().index,
            Err(text) if excused(&text) => return Ok(()),
            Err(text) => return Err(text),
        };
        if n < acked {
            return Err(format!("{n} commits are seen; {acked} acknowledged"));
        }
        match matching(&all, n, &handle.db) {
            Err(text) if text.contains("reading fails") && excused(&text) => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// The file obeys every invariant: no damage, no page without an owner.
    pub fn verify(&self) -> Outcome {
        self.verdict_upto(Verdict::Recoverable)
    }

    /// The same, and nothing is left that was cut short.
    pub fn verify_clean(&self) -> Outcome {
        self.verdict_upto(Verdict::Clean)
    }

    fn verdict_upto(&self, worst: Verdict) -> Outcome {
        let vfs: Arc<dyn Vfs> = self.disk();
        let options = VerifyOptions {
            level: Depth::Deep,
            vfs,
            ..VerifyOptions::default()
        };
        let report = creel::verify(Path::new(PATH), &options, &NoProgress);
        let report = report.map_err(|e| format!("verify fails: {e}"))?;
        match report.verdict {
            found if found <= worst => Ok(()),
            _ => Err(format!("verify finds: {:?}", report.findings.first())),
        }
    }

    /// The power fails; the workload goes on with what is left.
    pub fn crash(&self, choice: &CrashChoice) -> Outcome {
        let fork = self.disk().fork_at_crash(choice);
        let promise = self.books().promise;
        self.move_to(fork, promise.acked)?;
        let mut books = self.books();
        books.promise.acked = books.promise.done;
        Ok(())
    }

    /// All processes are killed; the page cache stays.
    pub fn kill(&self) -> Outcome {
        let fork = self.disk().snapshot().fork_at_kill();
        let promise = self.books().promise;
        self.move_to(fork, promise.done)?;
        self.books().promise.acked = promise.acked;
        Ok(())
    }

    fn move_to(&self, fork: Arc<SimDisk>, at_least: u64) -> Outcome {
        self.disk().clear_observer();
        fork.take_faults(&self.disk());
        *self.disk.lock().unwrap() = fork;
        self.observe();
        let handle = self.open(SyncMode::Full)?;
        match self.settle(&handle, at_least) {
            Err(text) if text.contains("reading fails") => Err(self.stop(text)),
            settled => settled.map(|_| ()),
        }
    }

    /// Finds out how many commits are there after a crash and keeps the books accordingly.
    pub fn settle(&self, handle: &Handle, at_least: u64) -> Outcome<u64> {
        let n = handle.db.snapshot().map_err(unreadable)?.token().index;
        let mut books = self.books();
        let begun = books.promise.begun();
        if n < at_least || n > begun {
            return Err(format!(
                "{n} commits recovered; {at_least} acknowledged, {begun} begun"
            ));
        }
        let all = books.all_marked();
        let history = matching(&all, n, &handle.db)?;
        books.decide(history);
        books.rewind(n);
        Ok(n)
    }
}

/// The history whose first `n` commits give what the database holds.
pub fn matching(histories: &[History], n: u64, db: &Db) -> Outcome<History> {
    let mut outcome = Err(format!("{n} commits are there; the model knows fewer"));
    for history in histories {
        if let Some(content) = history.get(n as usize) {
            match content.compare(db) {
                Ok(()) => return Ok(history.clone()),
                Err(text) => outcome = Err(format!("after commit {n}: {text}")),
            }
        }
    }
    outcome
}
