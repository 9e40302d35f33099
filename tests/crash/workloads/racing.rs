//! Other processes in the middle of a checkpoint: at every one of its calls somebody commits.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use creel::SyncMode;

use super::{filled, key, small, some_changes};
use crate::hook::{Calls, HookVfs};
use crate::model::Change;
use crate::rng::Rng;
use crate::world::{Handle, Outcome, World};

/// A session whose calls another process comes between: before the call `at`, that one makes
/// `commits` commits of `len` bytes (fewer where it finds the lock taken).
struct Race {
    vfs: HookVfs,
    session: Handle,
    other: Arc<Handle>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Race {
    fn new(world: &World, other: SyncMode) -> Outcome<Race> {
        let vfs = HookVfs::new(world.disk());
        let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
        let session = world.open_with(options, SyncMode::Full)?;
        let other = Arc::new(world.open_hasty(other)?);
        Ok(Race {
            vfs,
            session,
            other,
            outcome: Arc::new(Mutex::new(Ok(()))),
        })
    }

    fn at(&self, world: &World, at: usize, commits: usize, len: usize) {
        let (world, other) = (world.clone(), Arc::clone(&self.other));
        let outcome = Arc::clone(&self.outcome);
        let mut rng = Rng::new(world.seed ^ at as u64);
        self.vfs.set(move |call| {
            if call < at {
                return;
            }
            // From that call on, until the lock is free and it is done.
            let mut left = if call == at { commits } else { 0 };
            while left > 0 {
                left -= 1;
                let change = Change::put(&key(rng.below(300)), rng.bytes(len));
                match world.try_commit(&other, &change) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(text) => {
                        *outcome.lock().unwrap() = Err(format!("the other process: {text}"));
                        break;
                    }
                }
            }
        });
    }

    fn end(&self) -> Outcome {
        self.vfs.clear();
        std::mem::replace(&mut *self.outcome.lock().unwrap(), Ok(()))
    }
}

pub fn commits_during_checkpoints(world: &World) -> Outcome {
    let mut rng = Rng::new(world.seed);
    drop(filled(world, &small(), 80)?);
    for mode in [SyncMode::Full, SyncMode::Normal] {
        let race = Race::new(world, mode)?;
        for at in 1..=9 {
            some_changes(world, &race.session, &mut rng, 1 + at % 2, 560)?;
            race.at(world, at, 2, 60);
            world.checkpoint(&race.session)?;
            race.end()?;
            world.check(&race.session)?;
            world.check(&race.other)?;
        }
    }
    Ok(())
}

/// A commit of another thread that has to wait for that of this one is late after so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Commits in a thread of its own, and waits for it: where a mistake makes it wait for whoever called this,
/// the workload fails and does not hang.
fn in_another_thread(commit: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || done.send(commit()));
    match outcome.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(e) => Err(format!("a commit waits for the sync of a checkpoint: {e}")),
    }
}

/// The session itself commits, by another of its threads, while its checkpoint waits for the
/// sync of the pages.
pub fn own_commits_during_checkpoints(world: &World) -> Outcome {
    let mut rng = Rng::new(world.seed);
    drop(filled(world, &small(), 60)?);
    let vfs = HookVfs::new(world.disk());
    let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
    let session = Arc::new(world.open_with(options, SyncMode::Full)?);
    for round in 0..8 {
        some_changes(world, &session, &mut rng, 1 + round % 3, 400)?;
        let outcome = Arc::new(Mutex::new(Ok(())));
        let (inside, thread, noted) = (world.clone(), Arc::clone(&session), Arc::clone(&outcome));
        let value = rng.bytes(70);
        vfs.set_for(Calls::Syncs, move |call| {
            if call == 1 {
                let (inside, thread, value) = (inside.clone(), Arc::clone(&thread), value.clone());
                let put = in_another_thread(move || inside.put(&thread, &key(round), value));
                *noted.lock().unwrap() = put;
            }
        });
        let done = world.checkpoint(&session);
        vfs.clear();
        // Nothing else can be expected behind such a commit.
        outcome.lock().unwrap().clone()?;
        done?;
        world.check(&session)?;
    }
    Ok(())
}

pub fn commits_during_compaction(world: &World) -> Outcome {
    let handle = filled(world, &small(), 200)?;
    let wide = Change::default().and_delete_range("main", &key(200), &key(1200));
    world.commit(&handle, &wide)?;
    world.checkpoint(&handle)?;
    drop(handle);
    let race = Race::new(world, SyncMode::Full)?;
    for at in [3, 17, 31] {
        race.at(world, at, 2, 80);
        world.compact(&race.session)?;
        race.end()?;
        world.check(&race.session)?;
        world.check(&race.other)?;
    }
    Ok(())
}

/// A batch needs a larger region; while it is made, others fill the log that is there.
pub fn commits_during_growth(world: &World) -> Outcome {
    drop(filled(world, &small(), 20)?);
    let mut rng = Rng::new(world.seed);
    for at in [2, 3, 4, 5] {
        let race = Race::new(world, SyncMode::Full)?;
        // More than a region, so that the other process would change sides.
        race.at(world, at, 9, 9_000);
        world.put(&race.session, &key(at), rng.bytes(66_000 * at))?;
        race.end()?;
        world.check(&race.session)?;
        world.check(&race.other)?;
        drop(race);
        let handle = world.open(SyncMode::Full)?;
        world.check(&handle)?;
    }
    Ok(())
}

/// The log gets more room, and meanwhile others fill the region that is there.
pub fn commits_during_widening(world: &World) -> Outcome {
    drop(filled(world, &small(), 20)?);
    let mut rng = Rng::new(world.seed);
    for at in [2, 4, 6, 9] {
        let race = Race::new(world, SyncMode::Full)?;
        world.put(&race.session, &key(at), rng.bytes(100))?;
        race.at(world, at, 9, 9_000);
        world.widen_log(&race.session, (128 << 10) * at as u64)?;
        race.end()?;
        world.check(&race.session)?;
        world.check(&race.other)?;
        drop(race);
        let handle = world.open(SyncMode::Full)?;
        world.check(&handle)?;
        world.checkpoint(&handle)?;
    }
    Ok(())
}

/// Two sessions take turns at everything.
pub fn two_writers(world: &World) -> Outcome {
    let a = filled(world, &small(), 40)?;
    let b = world.open(SyncMode::Full)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..14 {
        let (one, two) = if rng.below(2) == 0 {
            (&a, &b)
        } else {
            (&b, &a)
        };
        some_changes(world, one, &mut rng, 1, 300)?;
        if round % 4 == 3 {
            world.checkpoint(two)?;
        }
        if round % 5 == 4 {
            world.put(two, &key(round), rng.bytes(20_000))?;
        }
        world.check(two)?;
    }
    world.check(&a)
}
