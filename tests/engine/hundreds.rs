//! Everything that a file may have many of, by the hundred: epochs, archived parts of the log,
//! holds, import positions, keyspaces. What fits into one leaf, one page or one batch is right by
//! itself; here nothing does.

use creel::{
    BackupOptions, Batch, CompactOptions, Db, Facts, Hold, IdentityChange, NoProgress, Retention,
    Role,
};

use crate::bulk::{Script, run};
use crate::replica::{
    assert_same, assert_sound, checkpoint, follow, options, promote, pull, small,
};
use crate::scratch::Scratch;

const MANY: u64 = 300;

fn keep_everything(db: &Db) {
    let hold = |number| Hold {
        name: format!("{number:0>100}"),
        index: number,
        max_bytes: u64::MAX,
        expires_us: u64::MAX,
    };
    let facts = Facts {
        retention: Retention {
            min_entries: 1 << 40,
            standalone: true,
            ..Retention::default()
        },
        holds: (0..256).map(hold).collect(),
        ..db.facts().unwrap()
    };
    db.set_facts(&facts).unwrap();
    assert_eq!(db.facts().unwrap().holds, facts.holds);
}

/// A primary that has been promoted, folded and loaded into for years.
fn grown(scratch: &Scratch) -> Db {
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    let role = Some(Role::Primary);
    let change = IdentityChange {
        role,
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
    keep_everything(&db);
    for number in 0..MANY {
        let mut batch = Batch::new();
        batch.put(format!("{number:05}").as_bytes(), &[7; 100]);
        batch.keyspace(&format!("{number:0>120}"));
        batch.put(b"key", &number.to_le_bytes());
        batch.import_position(format!("{number:0>200}").as_bytes(), Some(&[8; 400]));
        db.write(batch).unwrap();
        promote(&db).unwrap();
        checkpoint(&db);
    }
    db
}

fn assert_all_there(db: &Db) {
    let snapshot = db.snapshot().unwrap();
    assert_eq!(snapshot.keyspaces().unwrap().len() as u64, MANY + 1);
    assert_eq!(snapshot.import_positions().unwrap().len() as u64, MANY);
    let epochs = db.epochs().unwrap();
    assert_eq!(epochs.len() as u64, MANY);
    assert!(epochs.is_sorted_by(|a, b| a.epoch < b.epoch && a.previous_index < b.previous_index));
}

#[test]
fn a_file_with_hundreds_of_everything_is_whole_and_so_are_its_copies() {
    let scratch = Scratch::new();
    let db = grown(&scratch);
    assert_all_there(&db);
    assert_sound(&db);
    assert_eq!(db.oldest_index().unwrap(), 0);

    // From the very first entry: every archived part is read, every epoch is followed.
    let first = db.position_at(0).unwrap();
    let mut reader = db.log_reader(&first).unwrap();
    let mut bytes = 0;
    loop {
        let batch = reader.read(usize::MAX, 5000).unwrap();
        if batch.is_empty() {
            break;
        }
        bytes += batch.len();
    }
    assert_eq!(reader.position(), db.position().unwrap());
    assert!(bytes > 300 * 700, "{bytes}");
    let changes = db.changes_since(&first).unwrap();
    assert_eq!(changes.keyspaces.len() as u64, MANY + 1);

    let replica = follow(&scratch, &db, "b.creel");
    assert_sound(&replica);
    for number in 0..100u32 {
        let mut batch = Batch::new();
        batch.keyspace(&format!("late {number}"));
        batch.put(b"key", b"value").put(b"other", b"value");
        db.write(batch).unwrap();
    }
    // Its marker is there before the copy asks.
    checkpoint(&db);
    pull(&db, &replica, 7, 10_000).unwrap();
    checkpoint(&replica);
    assert_sound(&replica);
    assert_same(&db, &replica);

    let backup = scratch.file("backup.creel");
    db.backup(&backup, &BackupOptions::default(), &NoProgress)
        .unwrap();
    let backup = options().open(backup).unwrap();
    assert_sound(&backup);
    assert_same(&db, &backup);

    let dense = scratch.file("dense.creel");
    db.copy_dense(&dense, &NoProgress).unwrap();
    let dense = options().open(dense).unwrap();
    assert_sound(&dense);
    assert_eq!(dense.epochs().unwrap(), db.epochs().unwrap());

    db.compact(&CompactOptions::default(), &NoProgress).unwrap();
    assert_sound(&db);
    assert_same(&db, &replica);
    // What is not needed any more goes at once: hundreds of extents in one checkpoint.
    let facts = Facts {
        retention: Retention {
            min_entries: 0,
            ..Retention::default()
        },
        holds: Vec::new(),
        ..db.facts().unwrap()
    };
    db.set_facts(&facts).unwrap();
    db.put(b"last", b"value").unwrap();
    checkpoint(&db);
    assert!(db.oldest_index().unwrap() > MANY);
    assert_sound(&db);
}

#[test]
fn ten_thousand_keyspaces_are_loaded_checked_followed_and_dropped() {
    const KEYSPACES: usize = 10_000;
    let scratch = Scratch::new();
    let db = options().create(scratch.file("a.creel"), &small()).unwrap();
    let name = |number: usize| -> &'static str { format!("{number:06}").leak() };
    let names: Vec<&'static str> = (0..KEYSPACES).map(name).collect();
    let all = |value: &str| Script {
        changes: names
            .iter()
            .map(|&name| (name, "key".to_owned(), Some(value.to_owned())))
            .collect(),
        ..Script::default()
    };
    assert_eq!(run(&db, &all("a")).unwrap().inserted, KEYSPACES as u64);
    let mut batch = Batch::new();
    for name in &names {
        batch.keyspace(name).put(b"other", b"b");
    }
    let replica = follow(&scratch, &db, "b.creel");
    db.write(batch).unwrap();
    assert_sound(&db);
    pull(&db, &replica, usize::MAX, usize::MAX).unwrap();
    assert_sound(&replica);
    let drops = Script {
        drops: names.iter().step_by(2).map(|&name| (0, name)).collect(),
        ..Script::default()
    };
    let dropped = run(&db, &drops).unwrap().deleted_in_ranges;
    assert_eq!(dropped, KEYSPACES as u64);
    assert_sound(&db);
    let left = db.snapshot().unwrap().keyspaces().unwrap();
    assert_eq!(left.len(), KEYSPACES / 2 + 1);
}
