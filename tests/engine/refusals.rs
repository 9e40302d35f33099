//! What is refused by variant: names, options, and writing where that is not wanted.

use creel::{
    Batch, CheckpointOptions, CreateOptions, Db, Error, KeyRange, NoProgress, OpenOptions, Role,
};

use crate::scratch::Scratch;

#[test]
fn names_of_keyspaces() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    let put = |name: &str| {
        let mut batch = Batch::new();
        batch.keyspace(name).put(b"k", name.as_bytes());
        db.write(batch)
    };
    let longest = "n".repeat(255);
    for name in ["a", "Main", " ", "\n", "\u{1f980}", "a/b", "\0", &longest] {
        put(name).unwrap();
    }
    assert!(matches!(put(""), Err(Error::Invalid { .. })));
    let refused = put(&"n".repeat(256));
    assert!(
        matches!(
            refused,
            Err(Error::Limit {
                what: creel::Bounded::KeyspaceName,
                actual: 256,
                limit: 255
            })
        ),
        "{refused:?}"
    );
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    let snapshot = db.snapshot().unwrap();
    for name in ["a", "Main", " ", "\n", "\u{1f980}", "a/b", "\0", &longest] {
        let found = snapshot.keyspace(name).unwrap().get(b"k").unwrap();
        assert_eq!(found.as_deref(), Some(name.as_bytes()));
    }
    assert_eq!(snapshot.keyspaces().unwrap().len(), 9);
    for missing in ["b", "", "main2"] {
        let found = snapshot.keyspace(missing);
        assert!(
            matches!(found, Err(Error::NoKeyspace { .. })),
            "{missing:?}: {found:?}"
        );
    }
}

#[test]
fn main_cannot_be_dropped_and_no_other_keyspace_twice() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    db.put(b"k", b"v").unwrap();
    let drop_of = |name: &str| {
        let mut batch = Batch::new();
        batch.put(b"lost", b"v").keyspace(name).drop_keyspace();
        db.write(batch)
    };
    assert!(matches!(drop_of("main"), Err(Error::Invalid { .. })));
    assert!(matches!(drop_of("none"), Err(Error::NoKeyspace { .. })));
    let mut batch = Batch::new();
    batch
        .keyspace("ks")
        .put(b"k", b"v")
        .drop_keyspace()
        .put(b"again", b"v");
    db.write(batch).unwrap();
    assert_eq!(
        db.snapshot()
            .unwrap()
            .keyspace("ks")
            .unwrap()
            .len()
            .unwrap(),
        1
    );
    drop_of("ks").unwrap();
    assert!(matches!(drop_of("ks"), Err(Error::NoKeyspace { .. })));
    assert_eq!(db.len().unwrap(), 2);
}

#[test]
fn a_read_only_handle_writes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    Db::create(&path).unwrap().put(b"k", b"v").unwrap();
    let before = std::fs::read(&path).unwrap();
    let db = OpenOptions::new().read_only(true).open(&path).unwrap();
    assert!(matches!(db.put(b"k", b"w"), Err(Error::ReadOnly)));
    assert!(matches!(db.write(Batch::new()), Err(Error::ReadOnly)));
    assert!(matches!(
        db.delete_range(&KeyRange::all()),
        Err(Error::ReadOnly)
    ));
    let options = CheckpointOptions::default();
    assert!(matches!(
        db.checkpoint(&options, &NoProgress),
        Err(Error::ReadOnly)
    ));
    let compacted = db.compact(&creel::CompactOptions::default(), &NoProgress);
    assert!(matches!(compacted, Err(Error::ReadOnly)));
    let entries = (0..3u32).map(|i| Ok((i.to_be_bytes(), b"v")));
    assert!(matches!(
        db.bulk_load("main", entries, &NoProgress),
        Err(Error::ReadOnly)
    ));
    let dry = CheckpointOptions {
        dry_run: true,
        ..options
    };
    assert!(db.checkpoint(&dry, &NoProgress).unwrap().wal_bytes_before > 0);
    drop(db);
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn options_of_creation() {
    let scratch = Scratch::new();
    let path = scratch.file("a.creel");
    let bad = [
        CreateOptions {
            page_size: 2048,
            ..CreateOptions::default()
        },
        CreateOptions {
            page_size: 131_072,
            ..CreateOptions::default()
        },
        CreateOptions {
            page_size: 5000,
            ..CreateOptions::default()
        },
        CreateOptions {
            page_size: 0,
            ..CreateOptions::default()
        },
        CreateOptions {
            wal_size: (64 << 10) - 1,
            ..CreateOptions::default()
        },
        CreateOptions {
            wal_size: (1 << 30) + 1,
            ..CreateOptions::default()
        },
        CreateOptions {
            role: Role::Replica,
            ..CreateOptions::default()
        },
    ];
    for create in &bad {
        let made = OpenOptions::new().create(&path, create);
        assert!(
            matches!(made, Err(Error::Invalid { .. })),
            "{create:?}: {made:?}"
        );
    }
    assert!(matches!(
        Db::create(scratch.file("no/such/dir")),
        Err(Error::Io { .. })
    ));
    assert_eq!(
        std::fs::read_dir(scratch.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
    Db::create(&path).unwrap().put(b"k", b"v").unwrap();
    assert!(matches!(Db::create(&path), Err(Error::Exists { .. })));
    assert!(matches!(
        Db::create(scratch.path()),
        Err(Error::Exists { .. })
    ));
    assert_eq!(Db::open(&path).unwrap().len().unwrap(), 1);
}
