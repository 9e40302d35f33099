//! Bulk steps and copies.

use creel::SyncMode;

use super::{filled, key, reopen, small, some_changes};
use crate::model::Change;
use crate::rng::Rng;
use crate::world::{Outcome, World};

/// Bulk loads between commits, into an empty and into a filled keyspace.
pub fn bulk(world: &World) -> Outcome {
    let mut handle = world.create(&small())?;
    let mut rng = Rng::new(world.seed);
    for round in 0..4 {
        let mut rows = |n: usize, step: usize| -> Vec<(String, Vec<u8>)> {
            (0..n)
                .map(|i| (key(round + i * step), rng.bytes(90)))
                .collect()
        };
        let rows = rows([60, 5, 40, 1][round], [3, 31, 5, 1][round]);
        world.bulk(&handle, "main", &rows)?;
        some_changes(world, &handle, &mut rng, round % 3, 200)?;
        if round == 2 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.checkpoint(&handle)?;
    world.check(&handle)
}

/// Steps over several keyspaces, new ones and dropped ones among them, with deletes, ranges and
/// import positions, upon a log that is folded in the same step.
pub fn steps(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 60)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..4usize {
        let mut change = Change::default();
        if round == 2 {
            change = change.and_drop("fruit");
        }
        let (from, to) = (key(round * 60), key(round * 60 + 50));
        change = change.and_delete_range("main", &from, &to);
        for i in 0..[30, 3, 12, 1][round] {
            let place = key(round * 40 + i * 7);
            change = match i % 5 {
                4 => change.and_delete("main", &place),
                _ => change.and_put("main", &place, rng.bytes(60)),
            };
            if i % 2 == 0 {
                change = change.and_put("fruit", &place, rng.bytes(30));
            }
            if i == 2 {
                change = change.and_put("a large one", &place, rng.bytes(9_000));
            }
        }
        let record = format!("line {round}");
        change = change.and_position("in.jsonl", Some(&record));
        change = change.and_position("other", (round % 2 == 0).then_some("x"));
        world.bulk_step(&handle, &change)?;
        some_changes(world, &handle, &mut rng, [2, 0, 5, 1][round], 300)?;
        if round == 1 {
            handle = reopen(world, handle, SyncMode::Normal)?;
            some_changes(world, &handle, &mut rng, 3, 300)?;
        }
    }
    world.check(&handle)?;
    handle = reopen(world, handle, SyncMode::Full)?;
    world.put(&handle, &key(1), rng.bytes(9))?;
    world.check(&handle)
}

/// More than fits the sorter's memory, in no order, with keys that come twice.
pub fn unsorted(world: &World) -> Outcome {
    let handle = filled(world, &small(), 10)?;
    let mut rng = Rng::new(world.seed);
    let rows: Vec<(String, Vec<u8>)> = (0..60)
        .map(|_| (key(rng.below(200)), rng.bytes(15_000)))
        .collect();
    world.put(&handle, &key(3), rng.bytes(90))?;
    world.bulk_unsorted(&handle, "new", &rows)?;
    world.put(&handle, &key(4), rng.bytes(90))?;
    world.check(&handle)
}

/// Commits with the place that an import has come to.
pub fn positions(world: &World) -> Outcome {
    let mut handle = world.create(&small())?;
    let mut rng = Rng::new(world.seed);
    for round in 0..12usize {
        let record = format!("line {round}");
        let mut change = Change::put(&key(round % 5), rng.bytes(100));
        change = change.and_position("in.jsonl", Some(&record));
        if round % 4 == 3 {
            change = change.and_position("in.jsonl", None);
        }
        world.commit(&handle, &change)?;
        if round % 5 == 4 {
            world.checkpoint(&handle)?;
        }
        if round == 6 {
            handle = reopen(world, handle, SyncMode::Full)?;
        }
    }
    world.check(&handle)
}

/// A dense copy takes the place of the original, and goes on.
pub fn copies(world: &World) -> Outcome {
    let mut handle = filled(world, &small(), 60)?;
    let mut rng = Rng::new(world.seed);
    for round in 0..2 {
        let change = Change::default()
            .and_put("fruit", &key(round), rng.bytes(80))
            .and_position("in.jsonl", Some("line 1"));
        world.commit(&handle, &change)?;
        some_changes(world, &handle, &mut rng, 3, 400)?;
        let Some(copy) = world.replace_by_copy(handle)? else {
            return Ok(());
        };
        handle = copy;
        world.check(&handle)?;
        some_changes(world, &handle, &mut rng, 2, 400)?;
        if round == 0 {
            world.checkpoint(&handle)?;
        }
    }
    world.check(&handle)
}
