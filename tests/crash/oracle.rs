//! What must hold after a crash: a prefix of the commits, at least the acknowledged ones, and a
//! database that goes on working.

use std::sync::Arc;

use creel::{Error, SyncMode};

use super::marks::Promise;
use super::model::{Change, History};
use super::support::sim::SimDisk;
use super::world::{Cut, Outcome, PATH, World};

/// What a state turned out to be.
#[derive(Debug, Default)]
pub struct Seen {
    /// The calls of the recovery and of what was done next, where they were observed.
    pub cuts: Vec<Cut>,
    pub eras: Vec<History>,
}

impl std::fmt::Debug for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.snapshot, self.promise)
    }
}

/// Judges one state. `observed`: every call made while judging becomes a cut of its own.
pub fn judge(
    image: Arc<SimDisk>,
    promise: &Promise,
    history: &History,
    observed: bool,
) -> Outcome<Seen> {
    let world = World::after_crash(image, history.clone(), *promise, observed);
    let opened = world.options(SyncMode::Full).open(PATH);
    match opened {
        Ok(_) => {}
        Err(Error::NotFound { .. }) if !promise.created => return Ok(Seen::default()),
        // `sync off` promises nothing; but it must not hang or panic.
        Err(_) if promise.lossy => return Ok(Seen::default()),
        Err(e) => return Err(format!("open refuses: {e} ({e:?})")),
    }
    if promise.lossy {
        return Ok(Seen::default());
    }
    world
        .verify()
        .map_err(|text| format!("right after the crash, {text}"))?;
    let handle = world.open(SyncMode::Full)?;
    world.settle(&handle, promise.acked)?;
    drop(handle);
    go_on(&world)?;
    let mut seen = Seen {
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

/// The next processes: one commits, one looks and checkpoints, one looks again.
pub fn go_on(world: &World) -> Outcome {
    let handle = world.open(SyncMode::Full)?;
    let change = Change::put("~after the crash", b"still works".to_vec());
    world.commit(&handle, &change)?;
    drop(handle);
    let handle = world.open(SyncMode::Full)?;
    world
        .check(&handle)
        .map_err(|text| format!("after a put: {text}"))?;
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
    world.verify().map_err(|text| format!("at the end, {text}"))
}
