//! Markers: whose checkpoint stands in front of one, and what is remembered of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::checkpoint;
use super::parts::new;
use crate::db::checkpoint::Cut;
use crate::db::handle::lock;
use crate::db::job::Job;
use crate::db::region::RegionWish;
use crate::db::{CreateOptions, Db, Facts, OpenOptions, SyncMode};
use crate::delta::Delta;
use crate::format::attest::Attest;
use crate::format::frame::EntryKind;
use crate::format::header::Role;
use crate::format::key::{CATALOGUE, FullKey};
use crate::format::local::{MarkRecord, mark_user_key};

fn plain() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

fn primary() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        role: Role::Primary,
        ..CreateOptions::default()
    };
    let db = plain().create(dir.path().join("a.creel"), &create).unwrap();
    (dir, db)
}

fn cut(db: &Db) -> Cut {
    let _writer = db.inner.lock_writer().unwrap();
    let cut = db.inner.cut_locked(&Job::fold(RegionWish::Keep)).unwrap();
    cut.unwrap()
}

#[test]
fn a_marker_is_a_checkpoints_own_while_nothing_came_since() {
    let (_dir, db) = primary();
    db.put(b"a", b"v").unwrap();
    let mut cut = cut(&db);
    let own = |db: &Db, cut: &Cut| db.inner.is_own_marker(&lock(&db.inner.log), cut);
    assert!(cut.mark && own(&db, &cut));
    type Change = fn(&mut Cut);
    let changes: [(Change, Change); 4] = [
        (|cut| cut.mark = false, |cut| cut.mark = true),
        (|cut| cut.index += 1, |cut| cut.index -= 1),
        (|cut| cut.active_seq += 2, |cut| cut.active_seq -= 2),
        (|cut| cut.index -= 1, |cut| cut.index += 1),
    ];
    for (change, back) in changes {
        change(&mut cut);
        assert!(!own(&db, &cut));
        back(&mut cut);
        assert!(own(&db, &cut));
    }
    let kind = |kind| {
        let mut log = lock(&db.inner.log);
        log.tail.last.as_mut().unwrap().header.entry.kind = kind;
    };
    kind(EntryKind::Commit);
    assert!(!own(&db, &cut));
    kind(EntryKind::Attest);
    // Where nothing is synced nobody vouches for it.
    for (sync, known) in [(SyncMode::Normal, true), (SyncMode::Off, false)] {
        let other = plain().sync(sync).open(db.path()).unwrap();
        assert_eq!(own(&other, &cut), known, "{sync:?}");
    }
}

#[test]
fn a_checkpoint_in_front_of_a_marker_is_remembered_by_its_handle() {
    let (_dir, db) = new();
    let marked = |index| db.inner.marked.store(index, Ordering::Relaxed);
    assert_eq!(db.mark().unwrap(), None, "entry 0 is none");
    db.put(b"a", b"v").unwrap();
    db.put(b"b", b"v").unwrap();
    checkpoint(&db);
    let header = db.inner.view.load().tree.header().clone();
    assert_eq!(header.checkpoint_index, 2);
    for (index, known) in [(0, false), (1, false), (2, true), (3, false)] {
        marked(index);
        let expected = known.then_some(Attest {
            index: 2,
            content_sum: header.content_sum,
        });
        assert_eq!(db.mark().unwrap(), expected, "{index}");
    }
}

#[test]
fn a_marker_is_checkpointed_for_where_the_tree_does_not_end_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = plain().create(path, &CreateOptions::default()).unwrap();
    for i in 0..4u8 {
        db.put(&[i], b"v").unwrap();
    }
    checkpoint(&db);
    let generation = || db.info().unwrap().generation;
    let marked = || db.inner.marked.load(Ordering::Relaxed);
    let before = generation();
    // One that stands further back is of no interest.
    for index in [1, 3, 4] {
        db.inner.cut_at_marker(index).unwrap();
        assert_eq!((marked(), generation()), (0, before));
    }
    db.inner.cut_at_marker(5).unwrap();
    assert_eq!((marked(), generation()), (4, before));
    db.put(b"next", b"v").unwrap();
    db.inner.cut_at_marker(6).unwrap();
    assert_eq!((marked(), generation()), (4, before + 1));
    assert_eq!(db.info().unwrap().checkpoint_index, 5);
}

/// What a checkpoint of this cut would write down.
fn noted(db: &Db, cut: &mut Cut, mark: bool, index: u64, marked: u64) -> Option<MarkRecord> {
    cut.frozen = Arc::new(Delta::new());
    (cut.mark, cut.index) = (mark, index);
    db.inner.marked.store(marked, Ordering::Relaxed);
    db.inner.note_mark(cut).unwrap();
    db.inner.marked.store(0, Ordering::Relaxed);
    let key = FullKey::new(CATALOGUE, &mark_user_key());
    let file_id = cut.tree.header().file_id;
    let found = cut.frozen.get(&key, u64::MAX, |value| {
        MarkRecord::decode(value, &file_id).unwrap().unwrap()
    });
    assert!(found != Some(None), "it is never deleted");
    found.flatten()
}

fn record(index: u64, content_sum: Option<u64>) -> Option<MarkRecord> {
    Some(MarkRecord { index, content_sum })
}

#[test]
fn the_last_marker_is_noted_with_its_sum_as_soon_as_another_header_comes() {
    let (_dir, db) = primary();
    db.put(b"a", b"v").unwrap();
    let mut first = cut(&db);
    // Before the first checkpoint there is nothing to remember.
    assert_eq!(noted(&db, &mut first, false, 1, 0), None);
    assert_eq!(noted(&db, &mut first, false, 1, 1), None);
    assert_eq!(noted(&db, &mut first, true, 1, 0), record(1, None));
    drop(first);

    let (_dir, db) = primary();
    db.put(b"a", b"v").unwrap();
    checkpoint(&db);
    let sum = db.info().unwrap().content_sum;
    assert_eq!(db.mark().unwrap().map(|mark| mark.index), Some(1));
    db.put(b"b", b"v").unwrap();
    let mut second = cut(&db);
    assert_eq!((second.index, second.mark), (3, true));
    assert_eq!(noted(&db, &mut second, true, 3, 0), record(3, None));
    assert_eq!(noted(&db, &mut second, false, 3, 0), record(1, Some(sum)));
    assert_eq!(noted(&db, &mut second, false, 1, 0), record(1, Some(sum)));
    // Taken back to before it.
    assert_eq!(noted(&db, &mut second, false, 0, 0), record(0, None));
    drop(second);
}

#[test]
fn a_checkpoint_without_a_marker_leaves_what_is_known_of_the_last_one() {
    let (_dir, db) = primary();
    db.put(b"a", b"v").unwrap();
    checkpoint(&db);
    let first = db.info().unwrap().content_sum;
    db.put(b"b", b"v").unwrap();
    // Facts use up no entry of the log.
    let facts = Facts {
        source: "dir:x".into(),
        ..Facts::default()
    };
    db.set_facts(&facts).unwrap();
    let info = db.info().unwrap();
    assert_eq!(info.checkpoint_index, 3);
    let mark = db.mark().unwrap().unwrap();
    assert_eq!((mark.index, mark.content_sum), (1, first));
    db.put(b"c", b"v").unwrap();
    let mut cut = cut(&db);
    assert_eq!(cut.index, 4);
    for (index, marked, known) in [
        (4, 0, None),
        (4, 2, None),
        (4, 4, None),
        (4, 3, record(3, Some(info.content_sum))),
        (3, 3, record(3, Some(info.content_sum))),
        (2, 3, None),
    ] {
        assert_eq!(
            noted(&db, &mut cut, false, index, marked),
            known,
            "{index} {marked}"
        );
    }
}

#[test]
fn a_file_that_is_not_replicated_notes_no_marker() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    checkpoint(&db);
    db.put(b"b", b"v").unwrap();
    let mut cut = cut(&db);
    assert!(!cut.mark);
    for marked in [0, 1] {
        assert_eq!(noted(&db, &mut cut, false, 2, marked), None);
    }
}
