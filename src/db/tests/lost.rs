//! What a commit was told is lost, a checkpoint of the same handle is told too.

use super::watched::watched;
use crate::db::checkpoint::Cut;
use crate::db::handle::lock;
use crate::db::job::Job;
use crate::db::region::RegionWish;
use crate::db::{Db, OpenOptions, SyncMode};
use crate::error::Error;

fn cut(db: &Db) -> Cut {
    let (_held, _writer) = db.inner.lock_job().unwrap();
    let job = Job {
        force: true,
        ..Job::fold(RegionWish::Keep)
    };
    db.inner.cut_locked(&job).unwrap().unwrap()
}

fn ended(db: &Db, failed: bool) {
    let mut log = lock(&db.inner.log);
    db.inner.group_ended(&mut log, failed);
}

fn is_want_of_space(found: crate::error::Result<()>) -> bool {
    let kind = std::io::ErrorKind::StorageFull;
    matches!(found, Err(Error::Io { source, .. }) if source.kind() == kind)
}

#[test]
fn a_loss_that_a_commit_was_told_ends_a_checkpoint_that_began_before_it() {
    let (_dir, _, db) = watched();
    let before = cut(&db);
    db.inner.nothing_was_lost(&before).unwrap();
    ended(&db, false);
    db.inner.nothing_was_lost(&before).unwrap();
    ended(&db, true);
    assert!(is_want_of_space(db.inner.nothing_was_lost(&before)));
    // What was cut off after that is another one.
    db.inner.nothing_was_lost(&cut(&db)).unwrap();
    db.inner.poison();
    let refused = db.inner.nothing_was_lost(&before);
    assert!(matches!(refused, Err(Error::Poisoned)), "{refused:?}");
}

#[test]
fn a_commit_that_is_under_way_is_waited_for_and_not_the_one_behind_it() {
    let (_dir, _, db) = watched();
    for failed in [false, true] {
        let before = cut(&db);
        lock(&db.inner.log).writing = true;
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| db.inner.nothing_was_lost(&before));
            {
                let mut log = lock(&db.inner.log);
                db.inner.group_ended(&mut log, failed);
                // The next one begins before anybody else comes to run.
                log.writing = failed;
            }
            // Where it came to ask only now, the next one is under way.
            ended(&db, false);
            assert_eq!(is_want_of_space(asked.join().unwrap()), failed);
        });
    }
}

#[test]
fn where_nothing_is_synced_nobody_asks() {
    let (_dir, _, db) = watched();
    let off = OpenOptions::new().sync(SyncMode::Off);
    let other = off.background_checkpoint(false).open(db.path()).unwrap();
    other.put(b"a", b"1").unwrap();
    let before = cut(&other);
    ended(&other, true);
    other.inner.nothing_was_lost(&before).unwrap();
}

#[test]
fn what_a_commit_was_told_is_known_after_the_log_is_read_anew() {
    let (_dir, _, db) = watched();
    let before = cut(&db);
    ended(&db, false);
    ended(&db, true);
    db.inner.reload(&mut lock(&db.inner.log), true).unwrap();
    let groups = lock(&db.inner.log).groups;
    assert_eq!((groups.written, groups.failed), (2, 1), "{groups:?}");
    assert!(is_want_of_space(db.inner.nothing_was_lost(&before)));
}
