//! Several commits in one write: what threads that wait together get. Done by hand, because
//! which threads meet is chance.

use std::path::Path;
use std::sync::Arc;

use creel::format::bytes::u32_at;
use creel::format::frame::EntryKind;
use creel::format::op::Op;
use creel::store::slots;
use creel::sys::{Access, Vfs};
use creel::wal::append::{self, Durability, Stamp};
use creel::wal::tail::{self, NewEntry};

use super::model::Change;
use super::world::{Outcome, PATH, World};

/// Commits puts into `main` as one group, one entry each, with one write and one sync. No handle
/// may be writing; the newest header must be known durable.
pub fn commit(world: &World, puts: &[(String, Vec<u8>)]) -> Outcome {
    let payloads: Vec<Vec<u8>> = puts
        .iter()
        .map(|(key, value)| {
            let mut payload = Vec::new();
            Op::Put {
                keyspace: creel::format::key::MAIN,
                key: key.as_bytes(),
                value,
            }
            .encode(&mut payload);
            payload
        })
        .collect();
    let entries: Vec<NewEntry<'_>> = payloads
        .iter()
        .map(|payload| NewEntry {
            kind: EntryKind::Commit,
            op_count: 1,
            payload,
        })
        .collect();
    let first = match append(world, &entries) {
        Ok(first) => first,
        Err(text) => {
            // Any part of it from its beginning may be there.
            let mut content = world.books().last();
            let contents = puts.iter().map(|(key, value)| {
                content = Arc::new(content.after(&Change::put(key, value.clone())));
                Arc::clone(&content)
            });
            let contents: Vec<_> = contents.collect();
            world.books().doubt_entries(&contents);
            return Err(world.stop(text));
        }
    };
    for (i, (key, value)) in puts.iter().enumerate() {
        world.note_raw(first + i as u64, &Change::put(key, value.clone()))?;
    }
    Ok(())
}

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
