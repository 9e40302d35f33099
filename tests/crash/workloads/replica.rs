//! Following, going back, and beginning epochs.

use creel::{Role, SyncMode};

use super::{filled, key, reopen, small, some_changes};
use crate::follow::Primary;
use crate::rng::Rng;
use crate::world::{Handle, Outcome, PATH, World};

/// A replica takes entries in batches of any size, checkpoints, and archives its log.
pub fn apply(world: &World) -> Outcome {
    let primary = Primary::new(world.seed, 60);
    let mut handle = world.plant(&primary)?;
    let mut rng = Rng::new(world.seed);
    let mut round = 0;
    while world.apply(&handle, &primary, 1 + rng.below(9))? {
        round += 1;
        match round % 5 {
            2 => world.checkpoint(&handle)?,
            4 => {
                handle = reopen(
                    world,
                    handle,
                    [SyncMode::Full, SyncMode::Normal][rng.below(2)],
                )?
            }
            _ => {}
        }
    }
    world.check(&handle)
}

/// A replica goes back to an entry that is not in its tree yet, and on along another history.
pub fn rewind(world: &World) -> Outcome {
    let primary = Primary::new(world.seed, 50);
    let mut handle = world.plant(&primary)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..3 {
        world.apply(&handle, &primary, 3 + rng.below(6))?;
        if round == 1 {
            world.checkpoint(&handle)?;
        }
        let stays = world.books().promise.done;
        for _ in 0..1 + rng.below(3) {
            world.apply(&handle, &primary, 1 + rng.below(4))?;
        }
        let last = world.books().promise.done;
        let to = stays + rng.below((last - stays) as usize) as u64;
        world.go_back(&handle, to)?;
        world.check(&handle)?;
        if rng.below(2) == 0 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.apply(&handle, &primary, 9)?;
    world.promote(&handle)?;
    some_changes(world, &handle, &mut rng, 4, 60)?;
    world.checkpoint(&handle)?;
    world.check(&handle)
}

/// A replica goes back to entries that are in its tree already, checkpoints on the way, and follows on.
pub fn rewind_further(world: &World) -> Outcome {
    let primary = Primary::new(world.seed, 60);
    let mut handle = world.plant(&primary)?;
    let mut rng = Rng::new(world.seed);
    for _ in 0..3 {
        for _ in 0..2 + rng.below(3) {
            world.apply(&handle, &primary, 1 + rng.below(4))?;
            world.checkpoint(&handle)?;
        }
        world.apply(&handle, &primary, 2)?;
        let last = world.books().promise.done;
        let oldest = handle
            .db
            .oldest_rewind()
            .map_err(|e| format!("stopped: {e:?}"))?;
        // Of what led to the copy the books know no more than its end.
        let oldest = oldest.max(primary.at);
        let to = oldest + rng.below((last - oldest) as usize) as u64;
        world.go_back(&handle, to)?;
        world.check(&handle)?;
        if rng.below(2) == 0 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.apply(&handle, &primary, 9)?;
    world.checkpoint(&handle)?;
    world.check(&handle)
}

/// A primary begins one epoch after the other, commits between, and keeps its log.
pub fn promote(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 20)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..5 {
        world.promote(&handle)?;
        some_changes(world, &handle, &mut rng, [3, 0, 6, 1, 2][round], 60)?;
        if round % 2 == 1 {
            world.checkpoint(&handle)?;
        }
        if round == 2 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.put(&handle, &key(1), rng.bytes(90))?;
    world.check(&handle)
}

/// The log is archived, and given up part by part; the role changes.
pub fn archive(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 20)?;
    let mut rng = Rng::new(world.seed);
    world.identify(&handle, Role::Primary, 12)?;
    for round in 0..7 {
        some_changes(world, &handle, &mut rng, 6, 60)?;
        world.checkpoint(&handle)?;
        if round == 3 {
            world.identify(&handle, Role::Standalone, 4)?;
            handle = reopen(world, handle, SyncMode::Normal)?;
        }
    }
    world.check(&handle)
}

/// The device is full: trees that are kept to go back to make way, with the log behind them, and nothing fails.
pub fn no_room(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 20)?;
    let mut rng = Rng::new(world.seed);
    world.identify(&handle, Role::Primary, 4)?;
    for _ in 0..6 {
        some_changes(world, &handle, &mut rng, 5, 60)?;
        world.checkpoint(&handle)?;
    }
    let oldest = |handle: &Handle| {
        let oldest = handle.db.oldest_rewind();
        oldest.map_err(|e| format!("stopped: {e:?}"))
    };
    let before = oldest(&handle)?;
    let size = world.disk().contents(PATH.as_ref()).map(|all| all.len());
    world.disk().set_room(size.unwrap_or_default() as u64);
    for round in 0..8 {
        some_changes(world, &handle, &mut rng, 5, 60)?;
        world.checkpoint(&handle)?;
        if round % 3 == 1 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    if oldest(&handle)? == before {
        return Err("stopped: nothing made way".into());
    }
    world.check(&handle)
}
