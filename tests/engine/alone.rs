//! One handle keeps others from writing for longer than a commit, as a promotion does.

use std::time::Duration;

use creel::{Db, Error, OpenOptions};

use crate::replica::{checkpoint, options, small};
use crate::scratch::Scratch;

/// A handle that waits for nobody.
fn impatient(db: &Db) -> Db {
    let options = options().lock_timeout(Duration::ZERO);
    options.open(db.path()).unwrap()
}

fn is_busy(db: &Db) -> bool {
    match db.put(b"other", b"value") {
        Ok(_) => false,
        Err(Error::Busy { .. }) => true,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn while_one_handle_writes_alone_it_can_and_others_cannot() {
    let scratch = Scratch::new();
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    let other = impatient(&db);
    assert!(!is_busy(&other));
    let alone = db.write_alone().unwrap();
    let again = db.write_alone().unwrap();
    assert!(is_busy(&other));
    assert!(matches!(other.write_alone(), Err(Error::Busy { .. })));
    db.put(b"own", b"value").unwrap();
    checkpoint(&db);
    drop(again);
    assert!(is_busy(&other), "the first one is kept");
    drop(alone);
    assert!(!is_busy(&other));
    assert_eq!(other.get(b"own").unwrap().as_deref(), Some(&b"value"[..]));
}

/// What the handle keeps by itself it keeps.
#[test]
fn a_handle_that_holds_the_lock_holds_it_afterwards() {
    let scratch = Scratch::new();
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    let held = OpenOptions::new().background_checkpoint(false);
    let held = held.hold_lock(true).open(db.path()).unwrap();
    drop(held.write_alone().unwrap());
    assert!(is_busy(&impatient(&db)));
    held.close().unwrap();
    assert!(!is_busy(&impatient(&db)));
}
