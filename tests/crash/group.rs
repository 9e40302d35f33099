//! Entries without effect on data, appended by hand: no handle writes them when it is asked to.

use std::path::Path;

use creel::format::bytes::u32_at;
use creel::format::frame::EntryKind;
use creel::store::slots;
use creel::sys::{Access, Vfs};
use creel::wal::append::{self, Durability, Stamp};
use creel::wal::tail::{self, NewEntry};

use super::model::Change;
use super::world::{Outcome, PATH, World};

/// An entry without effect on data.
pub fn commit_entry(world: &World, kind: EntryKind, payload: &[u8]) -> Outcome {
    let entry = NewEntry {
        kind,
        op_count: 0,
        payload,
    };
    let index = append(world, &[entry])?;
    world.note_raw(index, &Change::default())
}

/// An entry with operations, whatever they are.
pub fn append_entry(world: &World, kind: EntryKind, op_count: u32, payload: &[u8]) -> Outcome<u64> {
    let entry = NewEntry {
        kind,
        op_count,
        payload,
    };
    append(world, &[entry])
}

/// Appends entries with one write and one sync; gives the index of the first.
fn append(world: &World, entries: &[NewEntry<'_>]) -> Outcome<u64> {
    let disk = world.disk();
    let file = disk
        .open(Path::new(PATH), Access::Write)
        .map_err(|e| e.to_string())?;
    let fail = |e: creel::Error| format!("a group: {e}");
    let current = slots::read(file.as_ref()).map_err(fail)?;
    let current = current.current(Path::new(PATH)).map_err(fail)?;
    let (tail, _) = tail::load(file.as_ref(), &current.header, &mut |_, _| Ok(())).map_err(fail)?;
    assert_eq!(
        Some(tail.durable_gen),
        u32_at(&current.header.generation.to_le_bytes(), 0)
    );
    let history = tail::history(file.as_ref(), &current.header, &tail).map_err(fail)?;
    assert!(
        append::fits(&tail, append::group_len(entries)),
        "the group does not fit"
    );
    let stamp = Stamp {
        now_us: disk.now_us(),
        durable_gen: tail.durable_gen,
        durability: Durability::Now,
    };
    let mut group = append::encode(&tail, &history, entries, &stamp);
    let first = tail.link.next_index;
    world.books().promise.open += entries.len() as u64;
    let written = append::write(file.as_ref(), &tail, &mut group, Durability::Now);
    world.books().promise.open -= entries.len() as u64;
    written.map_err(|e| e.to_string())?;
    Ok(first)
}
