//! Threads that commit at the same time and share writes: each gets its own result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use creel::{Batch, CreateOptions, Error, SyncMode};

use super::hook::{Calls, HookVfs};
use super::world::{Outcome, PATH, World};

const THREADS: usize = 4;
const ROUNDS: usize = 200;
const WRITE: Duration = Duration::from_micros(200);

/// What a caller asks for, and must get.
fn call(db: &creel::Db, thread: usize, round: usize, indexes: &mut Vec<u64>) -> Outcome {
    let own = format!("{thread}/{}", round % 7);
    let mut batch = Batch::new();
    let wrong = |what: &str, got: &dyn std::fmt::Debug| {
        Err(format!("thread {thread}, round {round}: {what}: {got:?}"))
    };
    match (round + thread) % 4 {
        // A condition that does not hold.
        1 => match db.write(batch_on(&mut batch, |b| {
            b.require_absent(b"there").put(b"wrong", b"1");
        })) {
            Err(Error::Precondition { .. }) => Ok(()),
            other => wrong("a condition that does not hold", &other),
        },
        // Deletes of keys that are there, or not, by this thread's own doing.
        2 => {
            let there = db.get(own.as_bytes()).map_err(|e| e.to_string())?;
            match db.write(batch_on(&mut batch, |b| {
                b.count_deleted(true).delete(own.as_bytes());
            })) {
                Ok(commit) if commit.deleted == u64::from(there.is_some()) => {
                    indexes.push(commit.token.index);
                    Ok(())
                }
                other => wrong("a delete", &other),
            }
        }
        _ => {
            let value = round.to_le_bytes();
            match db.write(batch_on(&mut batch, |b| {
                b.put(own.as_bytes(), &value);
            })) {
                Ok(commit) if commit.deleted == 0 => {
                    indexes.push(commit.token.index);
                    let seen = db.get(own.as_bytes()).map_err(|e| e.to_string())?;
                    match seen.as_deref() == Some(&value[..]) {
                        true => Ok(()),
                        false => wrong("its own put is not seen", &seen),
                    }
                }
                other => wrong("a put", &other),
            }
        }
    }
}

fn batch_on(batch: &mut Batch, fill: impl FnOnce(&mut Batch)) -> Batch {
    fill(batch);
    std::mem::take(batch)
}

/// All threads; what was wrong, if anything.
pub fn all() -> Outcome {
    let world = World::quiet(7);
    let options = CreateOptions {
        wal_size: 4 << 20,
        ..CreateOptions::default()
    };
    // Writes take long enough for others to come and wait.
    let vfs = HookVfs::new(world.disk());
    vfs.set_for(Calls::DurableWrites, |_| {
        let since = Instant::now();
        while since.elapsed() < WRITE {
            std::thread::yield_now();
        }
    });
    let db = world
        .options_on(Arc::new(vfs), SyncMode::Full)
        .create(PATH, &options)
        .map_err(|e| e.to_string())?;
    db.put(b"there", b"1").map_err(|e| e.to_string())?;
    let run = |thread: usize| {
        let mut indexes = Vec::new();
        for round in 0..ROUNDS {
            call(&db, thread, round, &mut indexes)?;
        }
        // Positions of one caller rise.
        match indexes.is_sorted_by(|a, b| a < b) {
            true => Ok(indexes),
            false => Err(format!("positions of thread {thread} do not rise")),
        }
    };
    let mut all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || run(t))).collect();
        let joined = threads
            .into_iter()
            .map(|t| t.join().map_err(|_| "a panic".to_owned())?);
        joined.collect::<Outcome<Vec<_>>>()
    })?
    .concat();
    all.sort_unstable();
    let last = db.snapshot().map_err(|e| e.to_string())?.token().index;
    match all.iter().copied().eq(2..=last) {
        true => Ok(()),
        false => Err(format!(
            "{} callers share positions up to {last}",
            all.len()
        )),
    }
}

#[test]
fn callers_that_share_a_write_get_their_own_results() {
    all().unwrap();
}
