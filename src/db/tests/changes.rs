//! What is told of a log: changes since a position, what an open has to put right, going back.

use super::parts::new;
use crate::db::handle::lock;
use crate::db::since::check_history;
use crate::db::{
    Batch, CheckpointOptions, Db, KeyBound, KeyRange, LogInfo, OpenOptions, Position, SeedOptions,
};
use crate::error::Error;
use crate::progress::NoProgress;

fn write(db: &Db, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    change(&mut batch);
    db.write(batch).unwrap();
}

/// Names and ranges of the keyspaces that changed, and how many keys at most.
fn changed(db: &Db, since: &Position) -> (Vec<(String, Vec<KeyRange>)>, u64) {
    let changes = db.changes_since(since).unwrap();
    let most = changes.keys.most();
    let spaces = changes.keyspaces.into_iter();
    (
        spaces.map(|space| (space.name, space.ranges)).collect(),
        most,
    )
}

#[test]
fn changes_name_what_was_deleted_as_a_range_where_there_was_something() {
    let (_dir, db) = new();
    write(&db, |batch| {
        batch.keyspace("fruit");
        for key in [b"apple".as_slice(), b"fig", b"pear"] {
            batch.put(key, b"1");
        }
    });
    let since = db.position().unwrap();
    assert_eq!(changed(&db, &since), (vec![], 0));
    // An empty range is no change.
    write(&db, |batch| {
        batch.keyspace("fruit");
        batch.delete_range(&KeyRange::from_to(b"fig", b"fig"));
    });
    assert_eq!(changed(&db, &since), (vec![], 0));
    let range = KeyRange::from_to(b"b", b"g");
    write(&db, |batch| {
        batch.keyspace("fruit").delete_range(&range);
    });
    let expected = vec![("fruit".to_owned(), vec![range])];
    assert_eq!(changed(&db, &since), (expected, 0));
    write(&db, |batch| {
        batch.keyspace("fruit").delete_range(&KeyRange::all());
    });
    let expected = vec![("fruit".to_owned(), vec![KeyRange::all()])];
    let (told, _) = changed(&db, &since);
    assert_eq!(told, expected);
    assert_eq!(told[0].1[0].from, KeyBound::Unbounded);
    // What is new had nothing before.
    write(&db, |batch| {
        batch.keyspace("new").put(b"a", b"1").put(b"b", b"1");
    });
    write(&db, |batch| {
        batch.keyspace("new").delete_range(&KeyRange::all());
    });
    let (told, most) = changed(&db, &since);
    assert_eq!(told[1], ("new".to_owned(), vec![]));
    assert_eq!(most, 2);
}

#[test]
fn a_position_that_is_not_kept_names_the_next_as_the_oldest() {
    let since = Position {
        epoch: 1,
        index: 5,
        hash: None,
    };
    let refused = check_history(&since, None).unwrap_err();
    let Error::NotRetained { index, oldest } = refused else {
        panic!("{refused}");
    };
    assert_eq!((index, oldest), (5, 6));
}

#[test]
fn each_thing_that_was_cut_short_or_lost_is_put_right_by_an_open() {
    let whole = LogInfo {
        vouched: true,
        ..LogInfo::default()
    };
    assert!(!whole.needs_recovery() && whole.is_clean());
    let unsure = LogInfo::default();
    assert!(!unsure.needs_recovery() && !unsure.is_clean());
    let torn = LogInfo {
        torn_at: Some(4096),
        ..whole.clone()
    };
    let unfinished = LogInfo {
        unfinished_bulk: true,
        ..whole.clone()
    };
    let lost = LogInfo {
        header_lost: true,
        ..whole.clone()
    };
    for info in [torn, unfinished, lost] {
        assert!(info.needs_recovery() && !info.is_clean(), "{info:?}");
    }
}

#[test]
fn a_log_that_was_taken_back_goes_on_in_a_region_of_its_own() {
    let (dir, primary) = new();
    primary.put(b"first", b"v").unwrap();
    let path = dir.path().join("b.creel");
    primary
        .seed(&path, &SeedOptions::default(), &NoProgress)
        .unwrap();
    let replica = OpenOptions::new()
        .background_checkpoint(false)
        .open(&path)
        .unwrap();
    for i in 0..6u8 {
        primary.put(&[i], &[i; 100]).unwrap();
    }
    let from = replica.position().unwrap();
    let bytes = primary
        .log_reader(&from)
        .unwrap()
        .read(100, 1 << 20)
        .unwrap();
    let applied = replica.apply(&bytes).unwrap();
    assert_eq!((applied.applied, applied.skipped), (6, 0));
    let region = |db: &Db| lock(&db.inner.log).tail.region;
    let before = region(&replica);
    let report = replica.rewind(from.index + 2, &NoProgress).unwrap();
    assert_eq!(report.from.index, from.index + 6);
    assert_eq!(report.to.index, from.index + 2);
    let after = region(&replica);
    assert_eq!(after.region_seq, before.region_seq + 2);
    assert_eq!(after.first_index, from.index + 3);
    assert_eq!((after.prev_end_units, after.prev_crc), (0, 0));
    assert_eq!((after.epoch, Some(after.history)), (1, report.to.hash));
    assert_eq!(replica.len().unwrap(), 3);
    // All of it comes again, and what is there is passed over.
    let applied = replica.apply(&bytes).unwrap();
    assert_eq!((applied.applied, applied.skipped), (4, 2));
    let applied = replica.apply(&bytes).unwrap();
    assert_eq!((applied.applied, applied.skipped), (0, 6));
    assert_eq!(applied.position, primary.position().unwrap());
}

#[test]
fn what_leaves_a_file_as_it_was_poisons_nobody() {
    let (_dir, db) = new();
    let full = || std::io::ErrorKind::StorageFull.into();
    db.inner.poison_unless_harmless(&Error::io("write", full()));
    db.inner.poison_unless_harmless(&Error::Interrupted);
    db.inner.check_poison().unwrap();
    let failed = Error::io("write", std::io::ErrorKind::Other.into());
    db.inner.poison_unless_harmless(&failed);
    assert!(matches!(db.inner.check_poison(), Err(Error::Poisoned)));
}

#[test]
fn a_key_that_is_left_out_is_left_out_in_both_directions() {
    let (_dir, db) = new();
    for key in [b"a", b"b", b"c"] {
        db.put(key, b"v").unwrap();
    }
    let range = KeyRange {
        from: KeyBound::Excluded(b"b".to_vec()),
        to: KeyBound::Unbounded,
    };
    for folded in [false, true] {
        if folded {
            db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                .unwrap();
        }
        let snapshot = db.snapshot().unwrap();
        let space = snapshot.keyspace("main").unwrap();
        let mut cursor = space.cursor(&range);
        let (key, _) = cursor.prev_entry().unwrap().unwrap();
        assert_eq!(key, b"c");
        assert!(cursor.prev_entry().unwrap().is_none());
        let mut cursor = space.cursor(&range);
        let (key, _) = cursor.next_entry().unwrap().unwrap();
        assert_eq!(key, b"c");
        assert!(cursor.next_entry().unwrap().is_none());
    }
}

/// A handle with a map sees by itself that nothing changed, and each way in which something did.
#[test]
fn a_look_without_a_call_tells_what_others_did() {
    let (_dir, db) = new();
    db.put(b"a", b"1").unwrap();
    let options = OpenOptions::new().background_checkpoint(true);
    let reader = options.open(db.path()).unwrap();
    let plain = OpenOptions::new().background_checkpoint(false);
    let plain = plain.open(db.path()).unwrap();
    let changed = |db: &Db| db.inner.changed(&lock(&db.inner.log));
    // Without a map there is nothing to look at.
    assert!(!plain.inner.view.load().tree.pages.is_mapped());
    assert!(changed(&plain));
    let up_to_date = |count: u64| {
        assert_eq!(reader.len().unwrap(), count);
        assert!(!changed(&reader));
        assert!(!changed(&reader));
    };
    up_to_date(1);
    db.put(b"b", b"2").unwrap();
    assert!(changed(&reader));
    up_to_date(2);
    let checkpoint = || {
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap()
    };
    assert!(checkpoint().done);
    assert!(changed(&reader));
    up_to_date(2);
    for i in 0..20u8 {
        db.put(&[i], &[i; 900]).unwrap();
        assert!(changed(&reader));
        up_to_date(3 + u64::from(i));
        if i % 7 == 0 {
            assert!(checkpoint().done);
            assert!(changed(&reader));
            up_to_date(3 + u64::from(i));
        }
    }
}
