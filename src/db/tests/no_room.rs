//! A checkpoint that finds no room gives the older trees up and tries again: what it says where that fails, too.

use std::io::{self, ErrorKind};

use super::watched::Watched;
use crate::db::handle::lock;
use crate::db::job::Job;
use crate::db::region::RegionWish;
use crate::db::trees::usable;
use crate::db::{CheckpointOptions, CheckpointReport, CreateOptions, Db};
use crate::error::{Error, Result};
use crate::format::SLOT_OFFSETS;
use crate::format::header::Role;
use crate::progress::NoProgress;
use crate::store::locks::CHECKPOINT;
use crate::wal::{Extent, extents};

fn checkpoint(db: &Db) -> Result<CheckpointReport> {
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
}

/// A primary that keeps older trees and has something to fold.
fn primary() -> (tempfile::TempDir, Watched, Db) {
    let dir = tempfile::tempdir().unwrap();
    let vfs = Watched::default();
    let create = CreateOptions {
        role: Role::Primary,
        ..CreateOptions::default()
    };
    let path = dir.path().join("a.creel");
    let db = vfs.options().create(path, &create).unwrap();
    for i in 0..4u8 {
        for key in 0..40u8 {
            db.put(&[key], &[i; 300]).unwrap();
        }
        if i < 3 {
            checkpoint(&db).unwrap();
        }
    }
    assert!(kept(&db) > 0);
    (dir, vfs, db)
}

/// How many older trees can be gone back to.
fn kept(db: &Db) -> usize {
    usable(&db.inner.view.load().tree).unwrap().len()
}

/// From now on there is no room for pages, and headers are written as `header` says.
fn refuse(vfs: &Watched, db: &Db, header: impl Fn() -> io::Result<()> + Send + 'static) {
    let places = extents(&lock(&db.inner.log).current.header);
    vfs.before_write(move |offset| {
        let is_in = |e: &Extent| (e.start..e.start + e.len).contains(&offset);
        match offset {
            _ if places.iter().any(is_in) => Ok(()),
            _ if SLOT_OFFSETS.contains(&offset) => header(),
            _ => Err(ErrorKind::StorageFull.into()),
        }
    });
}

fn kind(result: Result<CheckpointReport>) -> ErrorKind {
    match result {
        Err(Error::Io { source, .. }) => source.kind(),
        other => panic!("{other:?}"),
    }
}

/// All is there, whoever opens the file, and what was kept is kept or not.
fn whole(db: &Db, trees: bool) {
    let again = Db::open(db.path()).unwrap();
    for key in 0..40u8 {
        assert_eq!(again.get(&[key]).unwrap().unwrap(), [3; 300]);
    }
    assert_eq!(kept(&again) > 0, trees);
    again.put(b"next", b"v").unwrap();
    assert!(checkpoint(&again).unwrap().done);
}

#[test]
fn without_room_older_trees_are_let_go_and_a_handle_goes_on() {
    let (_dir, vfs, db) = primary();
    refuse(&vfs, &db, || Ok(()));
    assert_eq!(kind(checkpoint(&db)), ErrorKind::StorageFull);
    assert_eq!(kept(&db), 0);
    db.put(b"more", b"v").unwrap();
    vfs.before_write(|_| Ok(()));
    assert!(checkpoint(&db).unwrap().done);
    whole(&db, true);
}

/// The headers that let the trees go cannot be written either: why not is told, and nothing is gone.
#[test]
fn trees_that_cannot_be_let_go_for_another_reason_are_told_of() {
    let (_dir, vfs, db) = primary();
    refuse(&vfs, &db, || Err(ErrorKind::PermissionDenied.into()));
    assert_eq!(kind(checkpoint(&db)), ErrorKind::PermissionDenied);
    vfs.before_write(|_| Ok(()));
    let told = db.put(b"more", b"v");
    assert!(matches!(told, Err(Error::Poisoned)), "{told:?}");
    whole(&db, true);
}

/// The header that a proof writes again may stand there in part.
#[test]
fn a_header_that_cannot_be_proven_for_want_of_room_ends_the_handle() {
    let (_dir, vfs, db) = primary();
    // As if another process had written the newest header.
    let doubt = |db: &Db| {
        let mut log = lock(&db.inner.log);
        log.header_proven = false;
        log.tail.durable_gen = log.current.header.generation as u32 - 1;
    };
    refuse(&vfs, &db, || Err(ErrorKind::StorageFull.into()));
    doubt(&db);
    let held = db.inner.hold(CHECKPOINT).unwrap();
    let refused = db
        .inner
        .cut_without_trees(&Job::fold(RegionWish::Keep))
        .map(|_| CheckpointReport::default());
    assert_eq!(kind(refused), ErrorKind::StorageFull);
    vfs.before_write(|_| Ok(()));
    let told = db.put(b"more", b"v");
    assert!(matches!(told, Err(Error::Poisoned)), "{told:?}");
    drop(held);
    whole(&db, true);
}
