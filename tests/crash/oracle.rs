//! What must hold after a crash: a prefix of the commits, at least the acknowledged ones, and a
//! database that goes on working.

use std::sync::{Arc, OnceLock};

use creel::{Error, SyncMode};

use super::marks::Promise;
use super::model::{Change, History};
use super::support::sim::{IoCall, IoKind, SimDisk};
use super::workloads::small;
use super::world::{Cut, Handle, Outcome, PATH, World};

/// How much is done with a database after it was found to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Nothing but a commit, upon an image that was judged: each call until it is confirmed becomes a cut.
    FirstCommit,
    /// A commit, and a look at it by the next process.
    Commit,
    /// A checkpoint besides, by one process more, and everything is verified again.
    Checkpoint,
    /// The same, and every call that it takes becomes a cut of its own.
    Observed,
}

impl Care {
    pub const ALL: [Care; 4] = [
        Care::Commit,
        Care::Checkpoint,
        Care::FirstCommit,
        Care::Observed,
    ];
}

/// What a state turned out to be.
#[derive(Debug, Default)]
pub struct Seen {
    /// Number of commits found; `None` where nothing was promised.
    pub commits: Option<u64>,
    /// The recovery, from opening to the first commit that is confirmed, wrote more than that commit.
    pub writes: bool,
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
    let observed = matches!(care, Care::Observed | Care::FirstCommit);
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
    if care != Care::FirstCommit {
        world
            .verify()
            .map_err(|text| format!("right after the crash, {text}"))?;
    }
    let commits = world.settle(&handle, promise.acked)?;
    let writes = match care {
        Care::FirstCommit => first_commit(&world, &handle)?,
        Care::Commit => commit_and_look(&world, handle)?,
        Care::Checkpoint | Care::Observed => {
            drop(handle);
            go_on(&world)?
        }
    };
    let mut seen = Seen {
        commits: Some(commits),
        writes,
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

/// Bytes that a commit of [`next_change`] writes where nothing is left to be made good.
fn alone() -> u64 {
    static ALONE: OnceLock<u64> = OnceLock::new();
    *ALONE.get_or_init(|| {
        let world = World::quiet(1);
        let handle = world.create(&small()).expect("a database");
        world.commit(&handle, &next_change()).expect("a commit");
        let before = world.disk().ops();
        world.commit(&handle, &next_change()).expect("a commit");
        let written = changes_since(&world.disk(), before);
        assert!(is_one_write(&written), "{written:?}");
        written[0].len
    })
}

fn changes_since(disk: &SimDisk, before: usize) -> Vec<IoCall> {
    let trace = disk.trace().into_iter().skip(before);
    trace.filter(|call| call.kind != IoKind::Read).collect()
}

fn is_one_write(calls: &[IoCall]) -> bool {
    let kinds = calls.iter().map(|call| call.kind);
    kinds.eq([IoKind::DurableWrite, IoKind::DurableFlush])
}

/// True where the handle wrote more than the commit itself: an end that was torn, what nobody had proven,
/// a header once more.
fn first_commit(world: &World, handle: &Handle) -> Outcome<bool> {
    world.may_write(handle)?;
    world.commit(handle, &next_change())?;
    let written = changes_since(&world.disk(), 0);
    Ok(!is_one_write(&written) || written[0].len != alone())
}

fn commit_and_look(world: &World, handle: Handle) -> Outcome<bool> {
    let writes = first_commit(world, &handle)?;
    drop(handle);
    let handle = world.open(SyncMode::Full)?;
    world
        .check(&handle)
        .map_err(|text| format!("after a put: {text}"))?;
    Ok(writes)
}

/// The next processes: one commits, one looks and checkpoints, one looks again. Tells whether the first one
/// had anything to make good.
pub fn go_on(world: &World) -> Outcome<bool> {
    let handle = world.open(SyncMode::Full)?;
    let writes = commit_and_look(world, handle)?;
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
        .map_err(|text| format!("at the end, {text}"))?;
    Ok(writes)
}
