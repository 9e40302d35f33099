//! A reader in whose every read and lock somebody else steps in: commits, checkpoints, turns the log over,
//! uses pages again. What the reader then sees is one moment, whole.

use std::path::Path;
use std::sync::Arc;

use creel::{BackupOptions, Db, NoProgress, SyncMode};

use super::hook::{Calls, HookVfs};
use super::model::{Change, Content};
use super::rng::Rng;
use super::workloads::{filled, key, small, some_changes};
use super::world::{Handle, Outcome, World};

/// What steps in.
type Step = fn(&World, &Handle, &mut Rng) -> Outcome;

const STEPS: &[(&str, Step)] = &[
    ("commits", |world, other, rng| {
        some_changes(world, other, rng, 3, 600)
    }),
    ("a checkpoint", |world, other, rng| {
        some_changes(world, other, rng, 2, 600)?;
        world.checkpoint(other)
    }),
    ("pages used again", |world, other, rng| {
        for _ in 0..4 {
            some_changes(world, other, rng, 3, 900)?;
            world.checkpoint(other)?;
        }
        Ok(())
    }),
    // Pages move and generations pass without an entry in the log that would tell of it.
    ("a compaction", |world, other, _| world.compact(other)),
    ("the log turned over", |world, other, rng| {
        for i in 0..9 {
            world.put(other, &key(i), rng.bytes(15_000))?;
        }
        Ok(())
    }),
];

/// What the reader does; gives the database that it has read, or made.
type Read = fn(&World, &HookVfs) -> Outcome<(u64, Content)>;

const READS: &[(&str, Read)] = &[
    ("opening", |world, vfs| {
        let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
        see(&world.open_with(options, SyncMode::Full)?.db)
    }),
    ("opening to read", |world, vfs| {
        let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
        see(&world.open_with(options.read_only(true), SyncMode::Full)?.db)
    }),
    ("a backup", |world, vfs| {
        let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
        let handle = world.open_with(options, SyncMode::Full)?;
        let copy = Path::new("copy");
        handle
            .db
            .backup(copy, &BackupOptions::default(), &NoProgress)
            .map_err(|e| format!("backup: {e}"))?;
        vfs.clear();
        let copied = world.options(SyncMode::Full).open(copy);
        see(&copied.map_err(|e| format!("the backup: {e}"))?)
    }),
    ("a dense copy", |world, vfs| {
        let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
        let handle = world.open_with(options, SyncMode::Full)?;
        let copy = Path::new("copy");
        handle
            .db
            .copy_dense(copy, &NoProgress)
            .map_err(|e| format!("copy: {e}"))?;
        vfs.clear();
        let copied = world.options(SyncMode::Full).open(copy);
        see(&copied.map_err(|e| format!("the copy: {e}"))?)
    }),
];

fn see(db: &Db) -> Outcome<(u64, Content)> {
    let snapshot = db.snapshot().map_err(|e| format!("snapshot: {e}"))?;
    let content = Content::of_snapshot(&snapshot)?;
    Ok((snapshot.token().index, content))
}

/// One reader, stepped into at its `at`-th call of that kind; false where it made fewer.
fn one(read: Read, step: Step, calls: Calls, at: usize) -> Outcome<bool> {
    let world = World::quiet(0xaead ^ at as u64);
    let writer = filled(&world, &small(), 160)?;
    let mut rng = Rng::new(at as u64);
    let wide = Change::default().and_delete_range("main", &key(100), &key(900));
    world.commit(&writer, &wide)?;
    world.checkpoint(&writer)?;
    if at.is_multiple_of(2) {
        some_changes(&world, &writer, &mut rng, 4, 600)?;
    }
    let vfs = HookVfs::new(world.disk());
    let begun = world.books().promise.done;
    let stepped = Arc::new(std::sync::Mutex::new(None));
    let (inside, noted) = (world.clone(), Arc::clone(&stepped));
    vfs.set_for(calls, move |call| {
        if call == at {
            *noted.lock().unwrap() = Some(step(&inside, &writer, &mut rng));
        }
    });
    let (index, content) = read(&world, &vfs)?;
    vfs.clear();
    let Some(outcome) = stepped.lock().unwrap().take() else {
        return Ok(false);
    };
    outcome.map_err(|text| format!("who stepped in: {text}"))?;
    let mut books = world.books();
    let history = books.history();
    if index < begun || index as usize >= history.len() {
        return Err(format!("commit {index} is seen; {begun} were there"));
    }
    match *history[index as usize] == content {
        true => Ok(true),
        false => Err(format!("what is seen is not what commit {index} left")),
    }
}

/// Everything; gives the number of cases and what was wrong with them.
pub fn all() -> (usize, Vec<String>) {
    let (mut cases, mut wrong) = (0, Vec::new());
    for (read_name, read) in READS {
        for (step_name, step) in STEPS {
            for calls in [Calls::Reads, Calls::Locks] {
                for at in 1.. {
                    match super::campaign::guarded(|| one(*read, *step, calls, at)) {
                        Ok(true) => cases += 1,
                        Ok(false) => break,
                        Err(text) => {
                            cases += 1;
                            wrong.push(format!(
                                "{read_name}, {step_name} at {calls:?} {at}: {text}"
                            ));
                        }
                    }
                    if wrong.len() > 20 {
                        return (cases, wrong);
                    }
                }
            }
        }
    }
    (cases, wrong)
}

#[test]
fn readers_see_one_moment_whoever_steps_into_their_reads() {
    let (cases, wrong) = all();
    println!("reads            {cases:>8} steps into a call");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases > 500, "{cases} cases are too few");
}
