//! What is done to a database while the power may fail.

mod bulk;
mod logs;
mod looks;
mod others;
mod racing;
mod replica;
mod shapes;

use creel::{CreateOptions, SyncMode};

use super::rng::Rng;
use super::world::{Handle, Outcome, World};

/// One workload. Its seed decides keys, values and random numbers of the disk.
pub struct Workload {
    pub name: &'static str,
    /// Share of the budget.
    pub weight: usize,
    /// How a file comes to be is what it is about.
    pub makes_the_file: bool,
    pub run: fn(&World) -> Outcome,
}

const fn workload(name: &'static str, weight: usize, run: fn(&World) -> Outcome) -> Workload {
    Workload {
        name,
        weight,
        makes_the_file: false,
        run,
    }
}

const fn maker(name: &'static str, weight: usize, run: fn(&World) -> Outcome) -> Workload {
    Workload {
        makes_the_file: true,
        ..workload(name, weight, run)
    }
}

/// The workload of that name.
pub fn named(name: &str) -> &'static Workload {
    let found = WORKLOADS.iter().find(|w| w.name == name);
    found.unwrap_or_else(|| panic!("no workload {name:?}"))
}

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    maker("create", 2, logs::create),
    workload("singles", 6, logs::singles),
    workload("rests", 3, logs::rests),
    workload("batches", 2, logs::batches),
    workload("groups", 6, logs::groups),
    workload("normal", 6, logs::normal),
    workload("off", 5, logs::off),
    workload("mixed-modes", 6, logs::mixed_modes),
    workload("torn-tails", 8, logs::torn_tails),
    workload("stale-frames", 4, logs::stale_frames),
    workload("header-only", 4, shapes::header_only),
    workload("checkpoints", 8, shapes::checkpoints),
    workload("dense", 5, shapes::dense),
    workload("large-values", 5, shapes::large_values),
    workload("keyspaces", 5, shapes::keyspaces),
    workload("pages-64k", 4, shapes::pages_64k),
    workload("bulk", 5, bulk::bulk),
    workload("bulk-steps", 7, bulk::steps),
    workload("bulk-unsorted", 2, bulk::unsorted),
    workload("positions", 3, bulk::positions),
    workload("copies", 4, bulk::copies),
    workload("resumed-import", 5, others::resumed_import),
    workload("held-snapshots", 4, others::held_snapshots),
    workload("conditions", 3, others::conditions),
    workload("pairs", 2, others::pairs),
    workload("backups", 4, others::backups),
    maker("salvage", 3, others::salvaged),
    workload("compact", 6, shapes::compact),
    workload("racing", 8, racing::commits_during_checkpoints),
    workload("own-commits", 3, racing::own_commits_during_checkpoints),
    workload("racing-compact", 4, racing::commits_during_compaction),
    workload("racing-growth", 4, racing::commits_during_growth),
    workload("two-writers", 5, racing::two_writers),
    workload("switch", 6, logs::switch),
    workload("growth", 6, logs::growth),
    workload("widening", 4, logs::widening),
    workload("racing-widening", 3, racing::commits_during_widening),
    workload("apply", 7, replica::apply),
    workload("rewind", 6, replica::rewind),
    workload("rewind-further", 6, replica::rewind_further),
    workload("promote", 5, replica::promote),
    workload("archive", 6, replica::archive),
    workload("no-room", 6, replica::no_room),
];

/// Looks at a file that nobody changes: for calls that fail.
pub const LOOKS: &[Workload] = &[
    workload("verify", 0, looks::verify_whole),
    workload("verify-damaged", 0, looks::verify_damaged),
    workload("export", 0, looks::exported),
];

/// The smallest database: regions of 64 KiB.
pub fn small() -> CreateOptions {
    CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    }
}

/// A small database with a number of entries in its tree.
pub fn filled(world: &World, options: &CreateOptions, entries: usize) -> Outcome<Handle> {
    let handle = world.create(options)?;
    let mut rng = Rng::new(world.seed);
    let mut change = super::model::Change::default();
    for i in 0..entries {
        let len = 40 + rng.below(160);
        change = change.and_put("main", &key(i * 7), rng.bytes(len));
    }
    world.commit(&handle, &change)?;
    world.checkpoint(&handle)?;
    Ok(handle)
}

pub fn key(i: usize) -> String {
    format!("key {i:06}")
}

/// Some puts and deletes among the keys of [`filled`].
pub fn some_changes(
    world: &World,
    handle: &Handle,
    rng: &mut Rng,
    commits: usize,
    span: usize,
) -> Outcome {
    for _ in 0..commits {
        let at = key(rng.below(span));
        let change = match rng.below(4) {
            0 => super::model::Change::default().and_delete("main", &at),
            _ => {
                let len = 20 + rng.below(200);
                super::model::Change::put(&at, rng.bytes(len))
            }
        };
        world.commit(handle, &change)?;
    }
    Ok(())
}

/// Opens as the next process.
fn reopen(world: &World, handle: Handle, sync: SyncMode) -> Outcome<Handle> {
    drop(handle);
    world.open(sync)
}
