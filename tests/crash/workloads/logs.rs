//! Creating, committing, and what a log goes through.

use creel::SyncMode;

use super::{filled, key, reopen, small, some_changes};
use crate::model::Change;
use crate::rng::Rng;
use crate::support::sim::CrashChoice;
use crate::world::{Handle, Outcome, World};

pub fn create(world: &World) -> Outcome {
    let handle = world.create(&small())?;
    world.put(&handle, "first", b"value".to_vec())?;
    world.check(&handle)
}

/// Puts of many sizes, each durable when it returns; a frame ends anywhere in a sector.
pub fn singles(world: &World) -> Outcome {
    let handle = world.create(&small())?;
    let mut rng = Rng::new(world.seed);
    for i in 0..40 {
        let len = [0, 3, 60, 250, 505, 1200][i % 6] + rng.below(20);
        world.put(&handle, &key(i % 25), rng.bytes(len))?;
    }
    world.check(&handle)
}

/// Each header has its first 8 or 16 bytes, which the headers of two commits at one place share, in
/// a sector of its own: what the next commit brings there must not make an unfinished one whole.
pub fn rests(world: &World) -> Outcome {
    let handle = world.create(&small())?;
    let used = || handle.db.log_info().map(|log| log.active_used as usize);
    let mut rng = Rng::new(world.seed);
    let around = aligned(world, &handle, &mut rng)?;
    for i in 1..16 {
        world.nothing_has_failed()?;
        let at = used().map_err(|e| world.stop(format!("{e:?}")))?;
        let end = (at + around + 160).next_multiple_of(512) - [8, 16][i % 2];
        let len = end - at - around;
        world.put(&handle, &key(i), rng.bytes(len))?;
    }
    world.check(&handle)
}

/// Batches smaller and larger than a sector, a page, and what is written again un-proven.
pub fn batches(world: &World) -> Outcome {
    let options = creel::CreateOptions {
        wal_size: 256 << 10,
        ..small()
    };
    let mut handle = world.create(&options)?;
    let mut rng = Rng::new(world.seed);
    for (i, entries) in [1, 2, 5, 30, 60, 1, 350, 1, 3].into_iter().enumerate() {
        let mut change = Change::default();
        for j in 0..entries {
            let len = 100 + rng.below(120);
            change = change.and_put("main", &key(i * 31 + j * 3), rng.bytes(len));
        }
        world.commit(&handle, &change)?;
        if i % 3 == 2 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.check(&handle)?;
    world.checkpoint(&handle)?;
    world.put(&handle, "last", rng.bytes(50))
}

/// Several frames in one write; of a torn group any frame may be missing.
pub fn groups(world: &World) -> Outcome {
    let mut handle = world.create(&small())?;
    let mut rng = Rng::new(world.seed);
    for round in 0..8 {
        let members = 2 + rng.below(5);
        let changes: Vec<Change> = (0..members)
            .map(|i| {
                let len = [30, 200, 600][rng.below(3)];
                Change::put(&key(round * 10 + i), rng.bytes(len))
            })
            .collect();
        world.commit_together(&handle, &changes)?;
        if round % 3 == 1 {
            // The rest of a torn group stays behind the new tail.
            drop(handle);
            world.crash(&CrashChoice::All)?;
            handle = world.open(SyncMode::Full)?;
        }
    }
    world.check(&handle)
}

/// Un-synced commits, made durable by one full commit, or a checkpoint, or a switch.
pub fn normal(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 30)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..4 {
        handle = reopen(world, handle, SyncMode::Normal)?;
        some_changes(world, &handle, &mut rng, 6, 200)?;
        if round % 2 == 0 {
            handle = reopen(world, handle, SyncMode::Full)?;
            some_changes(world, &handle, &mut rng, 2, 200)?;
        } else {
            world.checkpoint(&handle)?;
            some_changes(world, &handle, &mut rng, 3, 200)?;
        }
    }
    world.check(&handle)
}

/// Nothing is promised until somebody writes with more care; from then on everything is.
pub fn off(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 30)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..6 {
        handle = reopen(world, handle, SyncMode::Off)?;
        match round % 3 {
            0 => some_changes(world, &handle, &mut rng, 4, 200)?,
            1 => {
                some_changes(world, &handle, &mut rng, 3, 200)?;
                world.checkpoint(&handle)?;
                some_changes(world, &handle, &mut rng, round % 2, 200)?;
            }
            _ => {
                // The region switches without a sync.
                for i in 0..5 {
                    world.put(&handle, &key(i), rng.bytes(20_000))?;
                }
            }
        }
        let careful = if round == 4 {
            SyncMode::Normal
        } else {
            SyncMode::Full
        };
        handle = reopen(world, handle, careful)?;
        some_changes(world, &handle, &mut rng, 3, 200)?;
        if careful == SyncMode::Normal {
            world.checkpoint(&handle)?;
        }
        world.check(&handle)?;
    }
    Ok(())
}

/// Two sessions at once that do not agree about syncing.
pub fn mixed_modes(world: &World) -> Outcome {
    let full = filled(world, &small(), 20)?;
    let normal = world.open(SyncMode::Normal)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..12 {
        let count = 1 + rng.below(3);
        some_changes(world, &normal, &mut rng, count, 100)?;
        if round % 3 == 1 {
            some_changes(world, &full, &mut rng, 1, 100)?;
        }
        if round % 5 == 4 {
            world.checkpoint(if round % 2 == 0 { &full } else { &normal })?;
        }
    }
    world.check(&full)?;
    world.check(&normal)
}

/// Entries of one length, so that those of a lost group stand exactly where new ones end: where a
/// sector ends, for the zeros behind a new one are in the next sector, and may be lost.
pub fn stale_frames(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 10)?;
    let mut rng = Rng::new(world.seed);
    let around = aligned(world, &handle, &mut rng)?;
    let len = 512 - around;
    for round in 0..6u64 {
        handle = reopen(world, handle, SyncMode::Normal)?;
        for i in 0..4 {
            world.put(&handle, &key(i), rng.bytes(len))?;
        }
        drop(handle);
        let choice = match round {
            0..=2 => CrashChoice::Missing(round as usize),
            _ => CrashChoice::Random(rng.next()),
        };
        world.crash(&choice)?;
        handle = world.open(SyncMode::Full)?;
        world.check(&handle)?;
        world.put(&handle, &key(20), rng.bytes(len))?;
        world.check(&handle)?;
        handle = reopen(world, handle, SyncMode::Full)?;
        world.put(&handle, &key(21), rng.bytes(len))?;
    }
    world.check(&handle)
}

/// Makes the log end where a sector does. Gives what a put takes besides its value.
fn aligned(world: &World, handle: &Handle, rng: &mut Rng) -> Outcome<usize> {
    let used = || handle.db.log_info().map(|log| log.active_used as usize);
    let used = || used().map_err(|e| world.stop(format!("{e:?}")));
    let before = used()?;
    world.put(handle, &key(30), rng.bytes(80))?;
    world.nothing_has_failed()?;
    let at = used()?;
    let around = at - before - 80;
    let end = (at + around).next_multiple_of(512);
    world.put(handle, &key(31), rng.bytes(end - at - around))?;
    Ok(around)
}

/// The power fails again and again; frames of the same incarnation stay behind every new tail.
pub fn torn_tails(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 10)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..10 {
        handle = reopen(world, handle, SyncMode::Normal)?;
        // Equal lengths: a stale frame stands exactly where the next one is expected.
        for _ in 0..6 {
            let len = if round % 2 == 0 {
                100
            } else {
                40 + rng.below(600)
            };
            world.put(&handle, &key(rng.below(40)), rng.bytes(len))?;
        }
        drop(handle);
        world.crash(&CrashChoice::Random(rng.next()))?;
        handle = world.open(SyncMode::Full)?;
        some_changes(world, &handle, &mut rng, 1 + round % 2, 40)?;
        if round == 6 {
            world.checkpoint(&handle)?;
        }
        if round == 4 {
            drop(handle);
            world.kill()?;
            handle = world.open(SyncMode::Full)?;
        }
    }
    world.check(&handle)
}

/// The log fills up and changes sides, with checkpoints that it starts itself.
pub fn switch(world: &World) -> Outcome {
    let handle = world.create(&small())?;
    let mut rng = Rng::new(world.seed);
    for i in 0..34 {
        let len = 6_000 + rng.below(3_000);
        world.put(&handle, &key(i % 12), rng.bytes(len))?;
    }
    world.check(&handle)
}

/// Batches that no region can hold: regions grow; a checkpoint brings them back to size.
pub fn growth(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 10)?;
    let mut rng = Rng::new(world.seed);
    for len in [70_000, 100, 150_000, 200] {
        world.put(&handle, &key(rng.below(10)), rng.bytes(len))?;
        handle = reopen(world, handle, SyncMode::Full)?;
    }
    for _ in 0..3 {
        world.put(&handle, &key(rng.below(10)), rng.bytes(300))?;
        world.checkpoint(&handle)?;
    }
    world.check(&handle)
}

/// The log gets more room while it has entries that are not folded, and goes on there.
pub fn widening(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 10)?;
    let mut rng = Rng::new(world.seed);
    let modes = [SyncMode::Full, SyncMode::Normal];
    for (round, mode) in modes.into_iter().chain(modes).enumerate() {
        handle = reopen(world, handle, mode)?;
        for _ in 0..3 {
            world.put(&handle, &key(rng.below(10)), rng.bytes(300))?;
        }
        world.widen_log(&handle, (128 << 10) << round)?;
        // More than the first region holds.
        for _ in 0..9 {
            world.put(&handle, &key(rng.below(10)), rng.bytes(9_000))?;
        }
        world.check(&handle)?;
        if round == 2 {
            world.checkpoint(&handle)?;
        }
    }
    world.check(&handle)
}
