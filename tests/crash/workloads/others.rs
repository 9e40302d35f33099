//! What readers keep, what conditions see, and files that are made from other files.

use std::path::Path;
use std::sync::{Arc, Mutex};

use creel::salvage::{Salvage, SalvageOptions};
use creel::sys::{Access, Vfs};
use creel::{Batch, Error, NoProgress, Snapshot, SyncMode};

use super::{filled, key, reopen, small, some_changes};
use crate::hook::HookVfs;
use crate::model::{Change, Content, Op};
use crate::rng::Rng;
use crate::support::sim::CrashChoice;
use crate::world::{Handle, Outcome, PATH, World};

/// Snapshots that are read for the first time when their pages would long have been used again,
/// were it not for the pins; by readers of their own processes and by the writer's.
pub fn held_snapshots(world: &World) -> Outcome {
    let handle = filled(world, &small(), 120)?;
    let readers = [world.open(SyncMode::Full)?, world.open(SyncMode::Full)?];
    let mut rng = Rng::new(world.seed);
    let mut held: Vec<(Snapshot, Arc<Content>)> = Vec::new();
    for round in 0..9 {
        let by = [&readers[0], &handle, &readers[1]][round % 3];
        let snapshot = by.db.snapshot();
        let snapshot = snapshot.map_err(|e| world.stop(format!("snapshot: {e:?}")))?;
        // Which of the commits that failed it has, only it knows.
        let errors = world.books().errors;
        let content = match errors {
            0 => world.books().last(),
            _ => Arc::new(Content::of_snapshot(&snapshot).map_err(|text| world.stop(text))?),
        };
        held.push((snapshot, content));
        some_changes(world, &handle, &mut rng, 2, 900)?;
        match round {
            5 => world.compact(&handle)?,
            _ => world.checkpoint(&handle)?,
        }
        if held.len() > 4 {
            let (snapshot, content) = held.remove(0);
            match content.compare_at(&snapshot) {
                Err(text) if text.contains("reading fails") => return Err(world.stop(text)),
                same => {
                    same.map_err(|text| format!("a snapshot of round {}: {text}", round - 4))?
                }
            }
        }
    }
    world.check(&handle)
}

/// Two sessions; each makes its changes dependent on what the other has just changed.
pub fn conditions(world: &World) -> Outcome {
    let a = filled(world, &small(), 30)?;
    let b = world.open(SyncMode::Full)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..10usize {
        let (one, two) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let (place, before) = (key(round / 3), format!("{round} before"));
        world.put(one, &place, before.clone().into_bytes())?;
        world.check(two)?;
        let now = rng.bytes(40);
        world.put(one, &place, now.clone())?;
        // What `two` has seen is no longer so.
        let mut batch = Batch::new();
        batch.require_equals(place.as_bytes(), before.as_bytes());
        batch.put(place.as_bytes(), b"wrong");
        // What it has seen may still be so where the last put has failed.
        let errors = world.books().errors;
        let certain = errors == 0;
        match certain.then(|| two.db.write(batch)) {
            None | Some(Err(Error::Precondition { .. })) => {}
            Some(Err(e)) if world.excuses(&format!("{e:?}")) => {}
            other => return Err(format!("a condition that does not hold: {other:?}")),
        }
        let change = Change::put(&place, rng.bytes(50));
        let mut batch = change.batch();
        batch.require_equals(place.as_bytes(), &now);
        world.commit_batch(two, &change, batch)?;
        if round % 4 == 3 {
            world.checkpoint(one)?;
        }
        world.check(one)?;
    }
    Ok(())
}

/// A backup takes the place of the database. While it is made, another process commits and
/// checkpoints, so that pages come round to be used again.
pub fn backups(world: &World) -> Outcome {
    drop(filled(world, &small(), 150)?);
    let mut rng = Rng::new(world.seed);
    for round in 0..2usize {
        let vfs = HookVfs::new(world.disk());
        let options = world.options_on(Arc::new(vfs.clone()), SyncMode::Full);
        let session = world.open_with(options, SyncMode::Full)?;
        let other = world.open_hasty(SyncMode::Full)?;
        some_changes(world, &other, &mut rng, 2, 900)?;
        let outcome = Arc::new(Mutex::new(Ok(())));
        let (between, noted) = (world.clone(), Arc::clone(&outcome));
        let seed = rng.next();
        vfs.set(move |call| {
            if call % 2 == 1 && call <= 9 {
                let mut rng = Rng::new(seed ^ call as u64);
                let done = some_changes(&between, &other, &mut rng, 2, 900)
                    .and_then(|()| between.checkpoint(&other));
                if let Err(text) = done.map_err(|text| between.stop(text)) {
                    *noted.lock().unwrap() = Err(format!("meanwhile: {text}"));
                }
            }
        });
        world.replace_by_backup(session)?;
        vfs.clear();
        outcome.lock().unwrap().clone()?;
        let handle = world.open(SyncMode::Full)?;
        world.check(&handle)?;
        some_changes(world, &handle, &mut rng, 2, 900)?;
        if round == 0 {
            world.checkpoint(&handle)?;
        }
        world.check(&handle)?;
    }
    Ok(())
}

/// What can be saved of a damaged file becomes a new one, or there is none yet.
pub fn salvaged(world: &World) -> Outcome {
    const DAMAGED: &str = "damaged";
    let mut rng = Rng::new(world.seed);
    let handle = filled(world, &small(), 80)?;
    some_changes(world, &handle, &mut rng, 3, 500)?;
    let whole = world.books().last();
    drop(handle);
    let fail = |e: std::io::Error| world.stop(format!("{e:?}"));
    let disk = world.disk();
    world.books().promise.created = false;
    disk.rename(PATH.as_ref(), DAMAGED.as_ref())
        .and_then(|()| disk.sync_dir_of(DAMAGED.as_ref()))
        .map_err(fail)?;
    let file = disk.open(DAMAGED.as_ref(), Access::Write).map_err(fail)?;
    let pages = file.size().map_err(fail)? / 4096;
    if world.books().errors > 0 {
        return Err(
            "stopped: something has failed: the file to be damaged is not what it should be".into(),
        );
    }
    let page = 36 + rng.next() % (pages - 36);
    file.write_at(&[0x5a; 64], page * 4096 + 900)
        .and_then(|()| file.sync())
        .map_err(fail)?;
    drop(file);
    let salvage = |disk: Arc<dyn Vfs>| {
        let options = SalvageOptions {
            vfs: disk,
            ..SalvageOptions::default()
        };
        let (old, new) = (Path::new(DAMAGED), Path::new(PATH));
        let survey = Salvage::survey(old, new, &options, &NoProgress);
        survey
            .and_then(|s| s.write(new, false, &NoProgress))
            .map_err(|e| world.stop(format!("salvage: {e:?}")))
    };
    // What it will give, and at which index, is learned on a copy of the disk.
    let copy = disk.snapshot().fork_at_kill();
    salvage(Arc::clone(&copy) as _)?;
    let result = world
        .options_on(copy, SyncMode::Full)
        .open(PATH)
        .map_err(|e| world.stop(format!("what was salvaged: {e:?}")))?;
    let content = Content::of(&result)?;
    content.is_part_of(&whole)?;
    let index = result.snapshot().map_err(|e| e.to_string())?.token().index;
    world.books().begin_anew(Arc::new(content), index);
    salvage(disk)?;
    world.books().promise.created = true;
    let handle = world.open(SyncMode::Full)?;
    world.check(&handle)?;
    some_changes(world, &handle, &mut rng, 2, 500)?;
    world.checkpoint(&handle)?;
    world.check(&handle)
}

/// An import in batches, with the place it has come to in each of them; the power fails, or the
/// process is killed, and it goes on from the place that the database tells.
pub fn resumed_import(world: &World) -> Outcome {
    const RECORDS: usize = 24;
    let mut handle = filled(world, &small(), 10)?;
    let mut rng = Rng::new(world.seed);
    let (mut at, mut stops) = (0, 0);
    while at < RECORDS {
        let to = (at + 1 + rng.below(4)).min(RECORDS);
        let mut change = Change::default();
        for i in at..to {
            let value = format!("value of {i}").into_bytes();
            change = change.and_put("imported", &key(i), value);
        }
        change = change.and_position("in.jsonl", Some(&to.to_string()));
        match rng.below(5) {
            0 => world.bulk_step(&handle, &change)?,
            _ => world.commit(&handle, &change)?,
        }
        at = to;
        if at > (stops + 1) * 6 {
            stops += 1;
            drop(handle);
            match stops {
                2 => world.kill()?,
                _ => world.crash(&CrashChoice::Random(rng.next()))?,
            }
            handle = world.open(SyncMode::Full)?;
            at = place_of(&handle).map_err(|text| world.stop(text))?;
        }
    }
    if world.tolerant {
        return world.check(&handle);
    }
    let snapshot = handle.db.snapshot().map_err(|e| e.to_string())?;
    let imported = snapshot.keyspace("imported").map_err(|e| e.to_string())?;
    for i in 0..RECORDS {
        let value = imported.get(key(i).as_bytes()).map_err(|e| e.to_string())?;
        if value != Some(format!("value of {i}").into_bytes()) {
            return Err(format!("record {i} was not imported"));
        }
    }
    handle = reopen(world, handle, SyncMode::Full)?;
    world.check(&handle)
}

fn place_of(handle: &Handle) -> Outcome<usize> {
    let snapshot = handle.db.snapshot().map_err(|e| e.to_string())?;
    let record = snapshot.import_position(b"in.jsonl");
    let record = record.map_err(|e| e.to_string())?.unwrap_or(b"0".to_vec());
    String::from_utf8_lossy(&record)
        .parse()
        .map_err(|_| format!("position {record:?}"))
}

/// An order of operations that only whole batches can show: two keys that are always equal.
pub fn pairs(world: &World) -> Outcome {
    let a = filled(world, &small(), 20)?;
    let b = world.open(SyncMode::Full)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..8usize {
        let value = rng.bytes(30 + round * 40);
        let both = [Op::Put(b"left".to_vec(), value.clone().into())];
        let mut change = Change(both.into_iter().map(|op| ("main", op)).collect());
        change = change.and_put("other", "right", value);
        world.commit(if round % 3 == 0 { &b } else { &a }, &change)?;
        for handle in [&a, &b] {
            let stop = |e: Error| world.stop(format!("{e:?}"));
            let snapshot = handle.db.snapshot().map_err(stop)?;
            let left = snapshot.get(b"left").map_err(stop)?;
            let right = match snapshot.keyspace("other") {
                Err(Error::NoKeyspace { .. }) => None,
                found => found.and_then(|k| k.get(b"right")).map_err(stop)?,
            };
            if left != right {
                return Err(format!("round {round}: half of a batch is seen"));
            }
        }
    }
    world.check(&a)
}
