//! What must hold after a crash: a prefix of the commits, at least the acknowledged ones, and a
//! database that goes on working.

use std::sync::Arc;

use creel::{Error, SyncMode};

use super::marks::Promise;
use super::model::{Change, History};
use super::support::sim::SimDisk;
use super::world::{Cut, Handle, Outcome, PATH, World};

/// How much is done with a database after it was found to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// A commit, and a look at it by the next process.
    Commit,
    /// A checkpoint besides, by one process more, and everything is verified again.
    Checkpoint,
    /// The same, and every call that it takes becomes a cut of its own.
    Observed,
}

/// What a state turned out to be.
#[derive(Debug, Default)]
pub struct Seen {
    /// Number of commits found; `None` where nothing was promised.
    pub commits: Option<u64>,
    /// The calls of the recovery and of what was done next, where they were observed.
    pub cuts: Vec<Cut>,
    pub eras: Vec<History>,
}

impl std::fmt::Debug for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.snapshot, self.promise)
    }
}

/// Judges one state.
pub fn judge(
    image: Arc<SimDisk>,
    promise: &Promise,
    history: &History,
    care: Care,
) -> Outcome<Seen> {
    let observed = care == Care::Observed;
    let world = World::after_crash(image, history.clone(), *promise, observed);
    let opened = world.options(SyncMode::Full).open(PATH);
    let db = match opened {
        Ok(db) => db,
        Err(Error::NotFound { .. }) if !promise.created => return Ok(Seen::default()),
        // `sync off` promises nothing; but it must not hang or panic.
        Err(_) if promise.lossy => return Ok(Seen::default()),
        Err(e) => return Err(format!("open refuses: {e} ({e:?})")),
    };
    if promise.lossy {
        return Ok(Seen::default());
    }
    let handle = Handle::new(db, SyncMode::Full);
    world
        .verify()
        .map_err(|text| format!("right after the crash, {text}"))?;
    let commits = world.settle(&handle, promise.acked)?;
    match care {
        Care::Commit => commit_and_look(&world, handle)?,
        Care::Checkpoint | Care::Observed => {
            drop(handle);
            go_on(&world)?;
        }
    }
    let mut seen = Seen {
        commits: Some(commits),
        cuts: world.finish(),
        eras: Vec::new(),
    };
    let mut books = world.books();
    if let Some(text) = books.violations.pop() {
        return Err(text);
    }
    seen.eras = std::mem::take(&mut books.eras);
    Ok(seen)
}

fn next_change() -> Change {
    Change::put("~after the crash", b"still works".to_vec())
}

fn commit_and_look(world: &World, handle: Handle) -> Outcome {
    world.may_write(&handle)?;
    world.commit(&handle, &next_change())?;
    drop(handle);
    let handle = world.open(SyncMode::Full)?;
    world
        .check(&handle)
        .map_err(|text| format!("after a put: {text}"))
}

/// The next processes: one commits, one looks and checkpoints, one looks again.
pub fn go_on(world: &World) -> Outcome {
    let handle = world.open(SyncMode::Full)?;
    commit_and_look(world, handle)?;
    let handle = world.open(SyncMode::Full)?;
    world.checkpoint(&handle)?;
    world
        .check(&handle)
        .map_err(|text| format!("after a checkpoint: {text}"))?;
    drop(handle);
    let handle = world.open(SyncMode::Full)?;
    world
        .check(&handle)
        .map_err(|text| format!("after a reopen: {text}"))?;
    drop(handle);
    world
        .verify_clean()
        .map_err(|text| format!("at the end, {text}"))
}
