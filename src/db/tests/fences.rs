//! Where an epoch begins: whose header says so, and what becomes of the log.

use super::groups::exactly;
use super::watched::watched;
use crate::db::handle::lock;
use crate::db::{Db, FenceWish, IdentityChange, OpenOptions, SeedOptions};
use crate::error::Error;
use crate::format::entry::Entry;
use crate::format::frame::frame_len;
use crate::format::header::{Header, Role};
use crate::format::region::REGION_HEADER_SIZE;
use crate::progress::NoProgress;

fn header(db: &Db) -> Header {
    lock(&db.inner.log).current.header.clone()
}

fn region(db: &Db) -> (u64, u64) {
    let log = lock(&db.inner.log);
    (log.tail.region.region_seq, log.tail.last_index())
}

fn replica_of(primary: &Db) -> Db {
    let path = primary.path().with_extension("replica");
    primary
        .seed(&path, &SeedOptions::default(), &NoProgress)
        .unwrap();
    let options = OpenOptions::new().background_checkpoint(false);
    options.open(path).unwrap()
}

fn fill_both_regions(db: &Db, left: u64) {
    for i in 0..2 {
        let len = lock(&db.inner.log).tail.extent.len - REGION_HEADER_SIZE as u64;
        db.write(exactly(i, len - i * left)).unwrap();
    }
    let log = lock(&db.inner.log);
    assert_eq!(
        (log.tail.active, log.tail.end),
        (1, log.tail.extent.len - left)
    );
}

#[test]
fn a_replica_that_becomes_primary_follows_nobody_and_goes_on_in_its_region() {
    let (_dir, _, primary) = watched();
    primary.put(b"a", b"1").unwrap();
    let db = replica_of(&primary);
    assert_ne!(header(&db).upstream_file_id, [0; 16]);
    let (before, index) = region(&db);
    let entry = db.prepare_fence(&FenceWish::default()).unwrap();
    let commit = db.install_fence(&entry).unwrap();
    assert_eq!((commit.token.epoch, commit.token.index), (2, index + 1));
    let now = header(&db);
    assert_eq!((now.role, now.upstream_file_id), (Role::Primary, [0; 16]));
    assert_eq!((now.epoch, now.epoch_start_index), (2, index + 1));
    assert_eq!(region(&db), (before, index + 1));
    // Once more, as where it was interrupted.
    let again = db.install_fence(&entry).unwrap();
    assert_eq!((again.token, again.hash), (commit.token, commit.hash));
    assert_eq!(region(&db), (before, index + 1));
    assert_eq!(header(&db).generation, now.generation);
    db.put(b"b", b"1").unwrap();
    let late = db.install_fence(&entry);
    assert!(matches!(late, Err(Error::BadEntry(_))), "{late:?}");
}

#[test]
fn an_epoch_that_stands_at_the_end_of_a_full_log_is_not_begun_twice() {
    let (_dir, _, db) = watched();
    let entry = db.prepare_fence(&FenceWish::default()).unwrap();
    let (one, _) = Entry::split(&entry).unwrap().unwrap();
    let need = frame_len(one.header.payload_len);
    let room = lock(&db.inner.log).tail.extent.len - REGION_HEADER_SIZE as u64;
    db.write(exactly(1, room - need)).unwrap();
    let (before, _) = region(&db);
    let entry = db.prepare_fence(&FenceWish::default()).unwrap();
    for _ in 0..2 {
        db.install_fence(&entry).unwrap();
        let log = lock(&db.inner.log);
        assert_eq!(log.tail.end, log.tail.extent.len);
        drop(log);
        assert_eq!(region(&db), (before, 2));
    }
}

/// A marker of the checkpoint that made room once came between: the entry no longer followed.
#[test]
fn room_for_the_start_of_an_epoch_is_made_without_an_entry() {
    let (_dir, _, db) = watched();
    let change = IdentityChange {
        role: Some(Role::Primary),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
    // There would be room for a marker.
    let entry = db.prepare_fence(&FenceWish::default()).unwrap();
    let (one, _) = Entry::split(&entry).unwrap().unwrap();
    fill_both_regions(&db, frame_len(one.header.payload_len) - 8);
    let entry = db.prepare_fence(&FenceWish::default()).unwrap();
    let commit = db.install_fence(&entry).unwrap();
    assert_eq!((commit.token.epoch, commit.token.index), (2, 3));
    assert_eq!(region(&db).1, 3);
    assert_eq!(header(&db).checkpoint_index, 2);
}

#[test]
fn the_other_region_is_taken_where_the_first_one_is_full() {
    let (_dir, _, db) = watched();
    let len = lock(&db.inner.log).tail.extent.len - REGION_HEADER_SIZE as u64;
    db.write(exactly(1, len)).unwrap();
    let (before, _) = region(&db);
    let entry = db.prepare_fence(&FenceWish::default()).unwrap();
    db.install_fence(&entry).unwrap();
    assert_eq!(region(&db), (before + 1, 2));
    assert_eq!(header(&db).checkpoint_index, 0);
}

#[test]
fn epochs_come_to_an_end() {
    let (_dir, _, db) = watched();
    let wish = |above_epoch| FenceWish {
        above_epoch,
        ..FenceWish::default()
    };
    let refused = db.prepare_fence(&wish(u32::MAX)).unwrap_err();
    let Error::Limit { actual, limit, .. } = refused else {
        panic!("{refused}");
    };
    let most = u64::from(u32::MAX);
    assert_eq!((actual, limit), (most, most - 1));
    db.prepare_fence(&wish(u32::MAX - 1)).unwrap();
}

#[test]
fn only_a_replica_moves_its_epoch_and_never_back() {
    let (_dir, _, primary) = watched();
    primary.put(b"a", b"1").unwrap();
    let db = replica_of(&primary);
    let at = |db: &Db| {
        let header = header(db);
        (header.epoch, header.epoch_start_index)
    };
    primary.inner.raise_epoch(5, 2).unwrap();
    assert_eq!(at(&primary), (1, 1));
    db.inner.raise_epoch(5, 2).unwrap();
    assert_eq!(at(&db), (5, 2));
    let generation = header(&db).generation;
    db.inner.raise_epoch(5, 2).unwrap();
    db.inner.raise_epoch(4, 2).unwrap();
    db.inner.raise_epoch(4, 9).unwrap();
    assert_eq!((at(&db), header(&db).generation), ((5, 2), generation));
    // It began elsewhere: another primary's.
    db.inner.raise_epoch(5, 3).unwrap();
    assert_eq!(at(&db), (5, 3));
}

/// A promotion that came to a full log had deposed the old primary before it made room.
#[test]
fn a_full_log_has_room_for_a_fence_before_anybody_is_deposed() {
    let (_dir, _, db) = watched();
    fill_both_regions(&db, 64);
    let before = header(&db);
    let fence = db.prepare_fence(&FenceWish::default()).unwrap();
    db.make_room_for_fence(&fence).unwrap();
    let room = header(&db);
    assert_eq!((room.epoch, room.role), (before.epoch, before.role));
    assert!(room.checkpoint_index > before.checkpoint_index);
    // It stays: nothing is folded once more for it.
    db.make_room_for_fence(&fence).unwrap();
    db.install_fence(&fence).unwrap();
    let begun = header(&db);
    assert_eq!((begun.epoch, begun.role), (2, Role::Primary));
    assert_eq!(begun.checkpoint_index, room.checkpoint_index);
}
