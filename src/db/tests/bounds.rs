//! What is exactly at a limit, and what is one beyond it.

use std::sync::atomic::Ordering;

use super::parts::new;
use crate::db::handle::OVERSIZE;
use crate::db::{Batch, CheckpointOptions, OpenOptions};
use crate::error::Error;
use crate::progress::NoProgress;

#[test]
fn import_positions_have_bounds_whether_they_are_set_or_removed() {
    let (_dir, db) = new();
    let long = [b'i'; 4096];
    for id in [b"".as_slice(), &long] {
        for record in [Some(b"r".as_slice()), None] {
            let mut batch = Batch::new();
            batch.import_position(id, record);
            let refused = db.write(batch).unwrap_err();
            assert!(matches!(refused, Error::Invalid { .. }), "{refused}");
        }
    }
    let mut batch = Batch::new();
    batch.import_position(b"i", Some(b"r"));
    db.write(batch).unwrap();
    let mut batch = Batch::new();
    batch.import_position(b"i", None);
    db.write(batch).unwrap();
}

#[test]
fn what_is_shown_may_end_at_the_checkpoint_and_not_before_it() {
    let (_dir, db) = new();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let index = db.position().unwrap().index;
    for i in 3..5u8 {
        db.put(&[i], b"v").unwrap();
    }
    let upto = |index| {
        let mut options = OpenOptions::new().read_only(true);
        options.upto = Some(index);
        options.open(db.path())
    };
    assert_eq!(upto(index).unwrap().len().unwrap(), 3);
    assert_eq!(upto(index + 1).unwrap().len().unwrap(), 4);
    let refused = upto(index - 1).unwrap_err();
    let Error::NotRetained {
        index: told,
        oldest,
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!((told, oldest), (index - 1, index));
}

#[test]
fn a_checkpoint_is_due_where_the_log_is_long_or_its_region_large() {
    let (_dir, db) = new();
    let options = OpenOptions::new().background_checkpoint(false);
    let alone = options.clone().open(db.path()).unwrap();
    let never = options.checkpoint_at(None).open(db.path()).unwrap();
    let set = |room, used| {
        for db in [&alone, &never] {
            db.inner.log_room.store(room, Ordering::Relaxed);
            db.inner.log_used.store(used, Ordering::Relaxed);
        }
        assert!(!never.inner.checkpoint_due());
        alone.inner.checkpoint_due()
    };
    assert!(!set(OVERSIZE, 64));
    assert!(set(OVERSIZE + 1, 64));
    assert!(!set(1 << 20, 1 << 19));
    assert!(set(1 << 20, (1 << 19) + 1));
    // A small region is not folded for a page or less.
    assert!(!set(4096, 4096));
    assert!(set(4096, 4097));
}

#[test]
fn each_of_a_group_gets_one_answer() {
    let (_dir, db) = new();
    let batches = || -> Vec<Batch> {
        let one = |i: u8| {
            let mut batch = Batch::new();
            batch.put(&[i], b"v");
            batch
        };
        (0..4).map(one).collect()
    };
    let done = db.inner.commit_group(batches());
    assert_eq!(done.len(), 4);
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    db.inner.poison();
    let refused = db.inner.commit_group(batches());
    assert_eq!(refused.len(), 4);
    let poisoned = |r: &crate::error::Result<_>| matches!(r, Err(Error::Poisoned));
    assert!(refused.iter().all(poisoned), "{refused:?}");
}
