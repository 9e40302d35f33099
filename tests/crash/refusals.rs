//! What a handle must not do any more: write in an older epoch, to a file that lost its name,
//! or while another writer has the lock.

use std::sync::Arc;
use std::time::Duration;

use creel::sys::Vfs;
use creel::{CreateOptions, Error, FenceWish, SyncMode};

use super::workloads::small;
use super::world::{Outcome, PATH, World};

/// Another handle began a new epoch: who opened before may not go on.
pub fn older_epoch() -> Outcome {
    let world = World::quiet(1);
    let handle = world.create(&small())?;
    world.put(&handle, "before", vec![1])?;
    world.checkpoint(&handle)?;
    let other = world.open(SyncMode::Full)?;
    let fence = other.db.prepare_fence(&FenceWish::default());
    fence
        .and_then(|entry| other.db.install_fence(&entry))
        .map_err(|e| e.to_string())?;
    match handle.db.put(b"after", b"2") {
        Err(Error::Fenced { .. }) => Ok(()),
        other => Err(format!("a put in an older epoch: {other:?}")),
    }
}

/// Another file has the name now: nobody would ever find what is written to the old one.
pub fn replaced_file() -> Outcome {
    let world = World::quiet(2);
    let handle = world.create(&small())?;
    let disk = world.disk();
    let options = world.options(SyncMode::Full);
    drop(options.create("other", &CreateOptions { ..small() }));
    disk.rename("other".as_ref(), PATH.as_ref())
        .map_err(|e| e.to_string())?;
    match handle.db.put(b"lost", b"1") {
        Err(Error::Replaced { .. }) => Ok(()),
        other => Err(format!("a put to a file without a name: {other:?}")),
    }
}

/// A session keeps the lock.
pub fn second_writer() -> Outcome {
    let world = World::quiet(3);
    drop(world.create(&small())?);
    let holder = world.options(SyncMode::Full).hold_lock(true).open(PATH);
    let holder = holder.map_err(|e| e.to_string())?;
    let other = world
        .options_on(Arc::clone(&world.disk()) as _, SyncMode::Full)
        .lock_timeout(Duration::ZERO)
        .open(PATH)
        .map_err(|e| e.to_string())?;
    match other.put(b"key", b"1") {
        Err(Error::Busy { .. }) => {}
        other => return Err(format!("a put beside another writer: {other:?}")),
    }
    drop(holder);
    other
        .put(b"key", b"1")
        .map(|_| ())
        .map_err(|e| e.to_string())
}

#[test]
fn a_handle_of_an_older_epoch_is_fenced() {
    older_epoch().unwrap();
}

#[test]
fn a_handle_of_a_replaced_file_refuses_to_write() {
    replaced_file().unwrap();
}

#[test]
fn a_second_writer_is_told_that_the_lock_is_taken() {
    second_writer().unwrap();
}
