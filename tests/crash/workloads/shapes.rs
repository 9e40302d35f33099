//! What checkpoints fold, and into what.

use creel::{CreateOptions, SyncMode};

use super::{filled, key, reopen, small, some_changes};
use crate::model::Change;
use crate::rng::Rng;
use crate::world::{Outcome, World};

/// Headers without frames after them: who relies on such a header has to prove it.
pub fn header_only(world: &World) -> Outcome {
    let mut handle = world.create(&small())?;
    world.checkpoint(&handle)?; // nothing to do
    for i in 0..5 {
        world.put(&handle, &key(i), vec![7; 30])?;
        world.checkpoint(&handle)?;
        handle = reopen(world, handle, SyncMode::Full)?;
        world.checkpoint(&handle)?; // nothing to do
        handle = reopen(world, handle, SyncMode::Full)?;
    }
    world.put(&handle, &key(9), vec![9; 30])?;
    world.check(&handle)
}

/// Many small checkpoints in a row, so that pages come round to be used again.
pub fn checkpoints(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 150)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..9 {
        some_changes(world, &handle, &mut rng, [1, 3, 0, 5][round % 4], 1200)?;
        world.checkpoint(&handle)?;
        if round % 3 == 0 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.check(&handle)
}

/// Most leaves change: the whole tree is written anew.
pub fn dense(world: &World) -> Outcome {
    let handle = filled(world, &small(), 120)?;
    let mut rng = Rng::new(world.seed);
    for _ in 0..4 {
        let mut change = Change::default();
        for i in 0..40 {
            change = change.and_put("main", &key(i * 21 + rng.below(7)), rng.bytes(60));
        }
        world.commit(&handle, &change)?;
        world.checkpoint(&handle)?;
    }
    world.check(&handle)
}

/// Values with pages of their own.
pub fn large_values(world: &World) -> Outcome {
    let handle = filled(world, &small(), 20)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..6 {
        let len = 3_000 + rng.below(12_000);
        world.put(&handle, &key(round % 3), rng.bytes(len))?;
        if round % 2 == 1 {
            world.checkpoint(&handle)?;
        }
        if round == 3 {
            world.commit(&handle, &Change::default().and_delete("main", &key(0)))?;
        }
    }
    world.check(&handle)
}

/// Keyspaces come and go, ranges are deleted, before and across checkpoints.
pub fn keyspaces(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 60)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..4 {
        let change = Change::default()
            .and_put("users", &key(round), rng.bytes(80))
            .and_put("main", &key(round), rng.bytes(10))
            .and_put("orders", &key(round), rng.bytes(300));
        world.commit(&handle, &change)?;
        let (from, to) = (key(round * 60), key(round * 60 + 90));
        world.commit(
            &handle,
            &Change::default().and_delete_range("main", &from, &to),
        )?;
        if round % 2 == 0 {
            world.checkpoint(&handle)?;
        }
        let drop = Change::default()
            .and_drop("orders")
            .and_put("users", "who", vec![1; 9]);
        world.commit(&handle, &drop)?;
        if round == 2 {
            handle = reopen(world, handle, SyncMode::Full)?;
            world.checkpoint(&handle)?;
        }
    }
    world.check(&handle)
}

/// The largest pages.
pub fn pages_64k(world: &World) -> Outcome {
    let options = CreateOptions {
        page_size: 65536,
        ..small()
    };
    let handle = filled(world, &options, 40)?;
    let mut rng = Rng::new(world.seed);
    for _ in 0..3 {
        some_changes(world, &handle, &mut rng, 3, 300)?;
        world.checkpoint(&handle)?;
    }
    world.put(&handle, &key(3), rng.bytes(70_000))?;
    world.checkpoint(&handle)?;
    world.check(&handle)
}

/// A file with much free space is packed and cut.
pub fn compact(world: &World) -> Outcome {
    let handle = filled(world, &small(), 300)?;
    let mut rng = Rng::new(world.seed);
    let wide = Change::default().and_delete_range("main", &key(300), &key(1700));
    world.commit(&handle, &wide)?;
    world.checkpoint(&handle)?;
    some_changes(world, &handle, &mut rng, 3, 2000)?;
    world.compact(&handle)?;
    world.check(&handle)?;
    let handle = reopen(world, handle, SyncMode::Full)?;
    some_changes(world, &handle, &mut rng, 2, 2000)?;
    world.check(&handle)
}
