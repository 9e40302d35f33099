//! What is gathered from the log, entry by entry.

use super::*;
use crate::db::Batch;

fn new() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::create(dir.path().join("a.creel")).unwrap();
    (dir, db)
}

fn write(db: &Db, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    change(&mut batch);
    db.write(batch).unwrap();
}

#[test]
fn keys_come_with_the_number_of_their_keyspace_where_they_are_not_settled() {
    let (_dir, db) = new();
    for space in ["b", "d"] {
        write(&db, |batch| {
            batch.keyspace(space);
            for key in [b"a", b"e", b"i", b"o"] {
                batch.put(key, b"1");
            }
        });
    }
    let since = db.position().unwrap();
    write(&db, |batch| _ = batch.keyspace("d").delete(b"a"));
    write(&db, |batch| _ = batch.put(b"m", b"2"));
    write(&db, |batch| {
        batch.keyspace("b").put(b"e", b"2").put(b"i", b"2");
    });
    write(&db, |batch| {
        let range = KeyRange::from_to(b"e", b"j");
        batch.keyspace("b").delete_range(&range);
    });
    // Again, inside of what was deleted.
    write(&db, |batch| _ = batch.keyspace("b").put(b"i", b"3"));
    // New ones need no deletes.
    write(&db, |batch| {
        batch.keyspace("new").put(b"x", b"1").put(b"y", b"1");
    });
    write(&db, |batch| _ = batch.keyspace("new").delete(b"x"));
    let mut changes = db.changes_since(&since).unwrap();
    let names: Vec<String> = changes.keyspaces.iter().map(|s| s.name.clone()).collect();
    assert_eq!(names, ["b", "d", "main", "new"]);
    let mut found = Vec::new();
    while let Some((number, key)) = changes.keys.next_key().unwrap() {
        found.push((names[number].clone(), key.to_vec()));
    }
    found.sort();
    let expected = [("b", b"i"), ("d", b"a"), ("main", b"m"), ("new", b"y")];
    let expected = expected.map(|(name, key)| (name.to_owned(), key.to_vec()));
    assert_eq!(found, expected);
}

#[test]
fn an_empty_range_in_the_log_is_none() {
    let (_dir, db) = new();
    let snapshot = db.snapshot().unwrap();
    let mut gathered = Gathered::new(&db.inner, &snapshot).unwrap();
    let mut range = |from, to| {
        let op = Op::DeleteRange {
            keyspace: 1,
            from,
            to,
        };
        gathered.take_op(&op).unwrap();
        gathered.log.ranges.get(&1).map_or(0, Vec::len)
    };
    assert_eq!(range(b"b", b"b"), 0);
    assert_eq!(range(b"b", b"a"), 0);
    assert_eq!(range(b"b", b"b\0"), 1);
    assert_eq!(range(b"b", b""), 2);
}

/// The log ends before the entry that it was to be read up to: it was taken back meanwhile.
#[test]
fn changes_that_are_not_all_there_are_not_told() {
    let (_dir, db) = new();
    for i in 0..9u8 {
        db.put(&[i], b"v").unwrap();
    }
    let since = db.position_at(4).unwrap();
    let snapshot = db.snapshot().unwrap();
    let read = |upto| {
        let mut gathered = Gathered::new(&db.inner, &snapshot).unwrap();
        gathered.read(&since, upto)?;
        Ok((gathered.log.last, gathered.keys.pushed()))
    };
    assert_eq!(read(9).unwrap(), (9, 5));
    assert_eq!(read(6).unwrap(), (6, 2));
    for upto in [10, 12] {
        let refused: Error = read(upto).unwrap_err();
        let Error::NotRetained { index, oldest } = refused else {
            panic!("{refused}");
        };
        assert_eq!((index, oldest), (4, 5));
    }
}
