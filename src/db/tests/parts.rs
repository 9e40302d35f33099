//! Parts of the engine by themselves.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::db::evaluate::Evaluator;
use crate::db::identity::EPOCH_JUMP;
use crate::db::pace::Paced;
use crate::db::queue::same_error;
use crate::db::{Batch, CheckpointOptions, Db, IdentityChange, Interest, KeyRange, OpenOptions};
use crate::error::{Corruption, Error, Holder};
use crate::format::Invariant;
use crate::progress::{NoProgress, Progress};

pub fn new() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::create(dir.path().join("a.creel")).unwrap();
    (dir, db)
}

/// The caller wants it to end.
struct Stopped;

impl Progress for Stopped {
    fn report(&self, _: u64, _: Option<u64>) {}
    fn stopped(&self) -> bool {
        true
    }
}

#[test]
fn a_pace_counts_what_each_writer_says_and_knows_what_is_too_early() {
    let (_dir, db) = new();
    let paced = Paced::new(&db.inner, &NoProgress, Some(1000), false);
    assert_eq!(paced.count(100), 100);
    assert_eq!(paced.count(150), 150);
    assert_eq!(paced.count(30), 180); // another writer began
    assert_eq!(paced.count(30), 180);
    assert!(paced.early(10_000_000, 1000) > Duration::from_secs(5000));
    assert!(paced.early(10_000_000, 1000) <= Duration::from_secs(10_000));
    assert!(paced.early(0, 1000).is_zero());
    // Whoever wants it to end does not wait for the pace.
    let paced = Paced::new(&db.inner, &Stopped, Some(1), false);
    paced.report(u64::from(u32::MAX), None);
    assert!(paced.stopped());
}

#[test]
fn work_is_waited_for_where_it_keeps_a_log_that_is_half_full() {
    let (_dir, db) = new();
    let alone = Paced::new(&db.inner, &NoProgress, Some(1), false);
    let keeps = Paced::new(&db.inner, &NoProgress, Some(1), true);
    assert!(!keeps.is_waited_for());
    let room = db.inner.log_room.load(Ordering::Relaxed);
    assert!(room > 0 && room % 2 == 0, "{room}");
    db.inner.log_used.store(room / 2, Ordering::Relaxed);
    assert!(!keeps.is_waited_for());
    db.inner.log_used.store(room / 2 + 1, Ordering::Relaxed);
    assert!(keeps.is_waited_for());
    assert!(!alone.is_waited_for());
    keeps.report(u64::from(u32::MAX), None);
}

#[test]
fn everybody_of_a_group_is_told_the_same() {
    let io = || std::io::Error::from_raw_os_error(28);
    let made = || std::io::Error::new(std::io::ErrorKind::TimedOut, "slow");
    let path = PathBuf::from("a.creel");
    let errors = [
        Error::OutcomeUnknown { source: io() },
        Error::Io {
            doing: "write",
            path: Some(path.clone()),
            source: io(),
        },
        Error::Corrupt(Corruption::new(Invariant::P6, "outside").at(512)),
        Error::Busy {
            lock: "writer",
            holder: Some(Holder {
                pid: 17,
                ..Holder::default()
            }),
            waited: Duration::from_secs(3),
        },
        Error::Fenced {
            reason: "epoch 5 began".to_owned(),
        },
        Error::HeldBack,
        Error::Replaced { path },
        Error::Poisoned,
    ];
    for error in &errors {
        assert_eq!(format!("{:?}", same_error(error)), format!("{error:?}"));
    }
    let unknown = Error::OutcomeUnknown { source: made() };
    let Error::OutcomeUnknown { source } = same_error(&unknown) else {
        panic!("another error");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::TimedOut);
    // Of what only one of them did, the others learn that nothing was written.
    assert!(matches!(
        same_error(&Error::NotFound {
            path: PathBuf::new()
        }),
        Error::Poisoned
    ));
}

#[test]
fn a_file_knows_how_many_names_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    drop(Db::create(&path).unwrap());
    assert_eq!(Db::open(&path).unwrap().hard_links(), 1);
    for i in 2..5 {
        std::fs::hard_link(&path, dir.path().join(i.to_string())).unwrap();
        let db = OpenOptions::new().read_only(true).open(&path).unwrap();
        assert_eq!(db.hard_links(), i);
    }
}

#[test]
fn what_has_entries_is_not_empty() {
    let (_dir, db) = new();
    assert!(db.is_empty().unwrap());
    db.put(b"k", b"v").unwrap();
    assert!(!db.is_empty().unwrap());
    db.delete(b"k").unwrap();
    assert!(db.is_empty().unwrap());
}

#[test]
fn a_put_needs_no_look_and_all_else_only_at_the_keys_that_are_kept() {
    let kept = Interest::Keys(vec![b"kept".to_vec()]);
    let mut puts = Batch::new();
    puts.put(b"kept", b"1").put(b"other", b"2");
    assert!(Evaluator::covered(&[puts.clone()], &kept));
    assert!(!Evaluator::covered(&[puts.clone()], &Interest::All));
    let conditions: [fn(&mut Batch, &[u8]); 4] = [
        |batch, key| _ = batch.require_absent(key),
        |batch, key| _ = batch.require_present(key),
        |batch, key| _ = batch.require_equals(key, b"v"),
        |batch, key| _ = batch.delete(key),
    ];
    for condition in conditions {
        for (key, covered) in [(b"kept".as_slice(), true), (b"other", false)] {
            let mut batch = Batch::new();
            condition(&mut batch, key);
            assert_eq!(
                Evaluator::covered(&[puts.clone(), batch.clone()], &kept),
                covered,
                "{batch:?}"
            );
        }
    }
    let mut range = Batch::new();
    range.delete_range(&KeyRange::prefix(b"kept"));
    assert!(!Evaluator::covered(&[range], &kept));
}

#[test]
fn a_handle_that_keeps_a_key_reads_no_more_for_it_and_all_for_another() {
    let (_dir, db) = new();
    for i in 0..9u8 {
        db.put(&[i], b"v").unwrap();
    }
    let options = OpenOptions::new().background_checkpoint(false);
    let some = options
        .interest(Interest::Keys(vec![vec![3]]))
        .open(db.path())
        .unwrap();
    let holds_all = || some.inner.holds_all.load(Ordering::Acquire);
    some.inner.need(Some(&[3])).unwrap();
    assert!(!holds_all());
    some.inner.need(Some(&[4])).unwrap();
    assert!(holds_all());
}

#[test]
fn a_poisoned_handle_does_no_more_work() {
    let (_dir, db) = new();
    db.put(b"k", b"v").unwrap();
    db.inner.check_poison().unwrap();
    db.inner.poison();
    let refused = db.put(b"k", b"w").unwrap_err();
    assert!(matches!(refused, Error::Poisoned), "{refused}");
    // Another handle of the file is not concerned.
    let other = Db::open(db.path()).unwrap();
    other.put(b"k", b"x").unwrap();
}

#[test]
fn a_fence_moves_epochs_by_a_limited_step() {
    let (_dir, db) = new();
    let known = db.highest_epoch().unwrap();
    let refused = db.fence(known + EPOCH_JUMP + 1).unwrap_err();
    assert!(matches!(refused, Error::Limit { .. }), "{refused}");
    assert_eq!(db.highest_epoch().unwrap(), known);
    db.fence(known + EPOCH_JUMP).unwrap();
    assert_eq!(db.highest_epoch().unwrap(), known + EPOCH_JUMP);
    db.fence(known + 1).unwrap();
    assert_eq!(db.highest_epoch().unwrap(), known + EPOCH_JUMP);
    let refused = db.put(b"k", b"v").unwrap_err();
    assert!(matches!(refused, Error::Fenced { .. }), "{refused}");
    let unfence = IdentityChange {
        unfence: true,
        ..IdentityChange::default()
    };
    db.set_identity(&unfence).unwrap();
    db.put(b"k", b"v").unwrap();
}

#[test]
fn pages_know_their_generation_and_a_dry_run_tells_it() {
    let (_dir, db) = new();
    let mut seen = Vec::new();
    for i in 0..4u8 {
        db.put(&[i], b"v").unwrap();
        let dry = CheckpointOptions {
            dry_run: true,
            ..CheckpointOptions::default()
        };
        let told = db.checkpoint(&dry, &NoProgress).unwrap();
        assert_eq!((told.done, told.reason), (false, "dry run"));
        let told = told.generation;
        assert_eq!(told, db.info().unwrap().generation);
        let done = db.checkpoint(&CheckpointOptions::default(), &NoProgress);
        let done = done.unwrap().generation;
        assert_eq!(done, told + 1);
        let nothing = db.checkpoint(&CheckpointOptions::default(), &NoProgress);
        let nothing = nothing.unwrap();
        assert_eq!((nothing.done, nothing.generation), (false, done));
        assert_eq!(db.inner.view.load().tree.pages.generation(), done);
        seen.push(done);
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}
