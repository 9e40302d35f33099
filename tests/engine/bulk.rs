//! Bulk steps: many keyspaces, deletes, ranges and import positions in one atomic step.

use std::collections::BTreeMap;

use creel::format::key::MAIN;
use creel::{
    Batch, BulkChange, BulkEnd, BulkReport, BulkSource, CheckpointOptions, Db, Duplicates, Error,
    KeyRange, Keyspaces, NoProgress, Progress, Result, Verdict, VerifyOptions,
};

use crate::scratch::Scratch;

/// What one step does, as a list.
#[derive(Default, Clone)]
pub struct Script {
    pub changes: Vec<(&'static str, String, Option<String>)>,
    /// Told with the change of this number.
    pub ranges: Vec<(usize, &'static str, KeyRange)>,
    /// Dropped before the change of this number.
    pub drops: Vec<(usize, &'static str)>,
    pub positions: Vec<(&'static str, Option<&'static str>)>,
    pub fails_at: Option<usize>,
}

pub struct Scripted {
    script: Script,
    keyspaces: Keyspaces,
    at: usize,
    told: usize,
}

impl BulkSource for Scripted {
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        let at = self.at;
        self.at += 1;
        if self.script.fails_at == Some(at) {
            return Err(Error::io("read the input", std::io::Error::other("torn")));
        }
        for (_, name) in self.script.drops.iter().filter(|(n, _)| *n == at) {
            assert!(self.keyspaces.drop_keyspace(name)?, "{name}");
        }
        let Some((name, key, value)) = self.script.changes.get(at) else {
            return Ok(None);
        };
        Ok(Some(BulkChange {
            keyspace: self.keyspaces.id(name)?,
            key: key.as_bytes(),
            value: value.as_ref().map(|v| v.as_bytes()),
        }))
    }

    fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        let (told, upto) = (self.told, self.at);
        self.told = upto;
        let due = self.script.ranges.iter();
        let due = due.filter(|(n, ..)| (told..upto).contains(n));
        due.map(|(_, name, range)| (self.keyspaces.id(name).unwrap(), range.clone()))
            .collect()
    }

    fn finish(&mut self) -> Result<BulkEnd> {
        let own = |(id, record): &(&str, Option<&str>)| {
            (
                id.as_bytes().to_vec(),
                record.map(|r| r.as_bytes().to_vec()),
            )
        };
        Ok(BulkEnd {
            positions: self.script.positions.iter().map(own).collect(),
        })
    }
}

pub fn run(db: &Db, script: &Script) -> Result<BulkReport> {
    let script = script.clone();
    let make = |_: &creel::Snapshot, keyspaces| {
        Ok(Scripted {
            script,
            keyspaces,
            at: 0,
            told: 0,
        })
    };
    db.bulk_step(make, &NoProgress)
}

pub type All = BTreeMap<String, BTreeMap<String, String>>;

pub fn all(db: &Db) -> All {
    let snapshot = db.snapshot().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    let names = snapshot.keyspaces().unwrap();
    let space = |name: &String| {
        let cursor = snapshot.keyspace(name).unwrap().cursor(&KeyRange::all());
        cursor
            .map(|e| e.map(|(k, v)| (text(k), text(v))).unwrap())
            .collect()
    };
    names
        .iter()
        .map(|name| (name.clone(), space(name)))
        .collect()
}

fn verified(db: &Db) {
    let report = creel::verify(db.path(), &VerifyOptions::default(), &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{report:?}");
}

fn put(
    name: &'static str,
    key: impl Into<String>,
    value: &str,
) -> (&'static str, String, Option<String>) {
    (name, key.into(), Some(value.into()))
}

fn created(scratch: &Scratch) -> Db {
    let db = Db::create(scratch.file("a.creel")).unwrap();
    for name in ["main", "old", "gone"] {
        let mut batch = Batch::new();
        batch.keyspace(name);
        for i in 0..500 {
            batch.put(format!("k{i:03}").as_bytes(), b"before");
        }
        db.write(batch).unwrap();
    }
    db
}

/// Everything at once, with and without a log to be folded; names in their order, so ids go up
/// and down.
#[test]
fn one_step_changes_all_keyspaces_and_positions_together() {
    for folded in [false, true] {
        let scratch = Scratch::new();
        let db = created(&scratch);
        if folded {
            db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                .unwrap();
        }
        let generation = db.info().unwrap().generation;
        let index = db.snapshot().unwrap().token().index;
        let before = db.snapshot().unwrap();
        let mut script = Script {
            positions: vec![("in.jsonl", Some("line 7"))],
            ..Script::default()
        };
        script.drops.push((0, "gone"));
        script.ranges.push((0, "fruit", KeyRange::all()));
        for i in 0..300 {
            script.changes.push(put("fruit", format!("f{i:04}"), "new"));
        }
        script.changes.push(put("gone", "again", "new"));
        let at = script.changes.len();
        script
            .ranges
            .push((at, "main", KeyRange::from_to(b"k100", b"k200")));
        script.changes.push(put("main", "k000", "before"));
        script.changes.push(put("main", "k001", "after"));
        script.changes.push(("main", "k002".into(), None));
        script.changes.push(put("main", "k150", "kept"));
        script.changes.push(("main", "k999".into(), None));
        script.ranges.push((at + 4, "old", KeyRange::prefix(b"k4")));
        let report = run(&db, &script).unwrap();
        assert_eq!((report.given, report.changed), (306, true));
        let counts = (report.inserted, report.replaced, report.unchanged);
        assert_eq!(counts, (301, 2, 1), "{report:?}");
        assert_eq!(
            (report.deleted, report.deleted_in_ranges),
            (1, 99 + 100 + 500)
        );
        assert_eq!(report.token.index, index + 1);
        assert_eq!(db.info().unwrap().generation, generation + 1);

        let now = all(&db);
        assert_eq!(now["fruit"].len(), 300);
        assert_eq!(now["gone"].len(), 1);
        assert_eq!(now["main"].len(), 500 - 1 - 99);
        assert_eq!(
            (&*now["main"]["k001"], &*now["main"]["k150"]),
            ("after", "kept")
        );
        assert_eq!(now["old"].len(), 400);
        let position = db.snapshot().unwrap().import_position(b"in.jsonl").unwrap();
        assert_eq!(position.as_deref(), Some(&b"line 7"[..]));
        assert_eq!(before.keyspace("gone").unwrap().len().unwrap(), 500);
        assert_eq!(before.import_positions().unwrap(), []);
        verified(&db);

        // What the step left can be written to, checkpointed and opened.
        db.put(b"k001", b"last").unwrap();
        drop((db, before));
        let db = Db::open(scratch.file("a.creel")).unwrap();
        assert_eq!(db.get(b"k001").unwrap().as_deref(), Some(&b"last"[..]));
        db.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        assert_eq!(all(&db)["fruit"].len(), 300);
        verified(&db);
    }
}

#[test]
fn a_step_that_changes_nothing_writes_nothing() {
    let scratch = Scratch::new();
    let db = created(&scratch);
    let script = Script {
        changes: vec![put("main", "k000", "before"), ("old", "no".into(), None)],
        positions: vec![("a", None)],
        ..Script::default()
    };
    for _ in 0..2 {
        let before = std::fs::read(db.path()).unwrap();
        let token = db.snapshot().unwrap().token();
        let report = run(&db, &script).unwrap();
        assert_eq!(
            (report.changed, report.token, report.unchanged),
            (false, token, 1)
        );
        assert_eq!(run(&db, &Script::default()).unwrap().token, token);
        assert_eq!(std::fs::read(db.path()).unwrap().len(), before.len());
        assert_eq!(db.info().unwrap().checkpoint_index, 0);
        verified(&db);
        // The log that was cut off for the step is folded like any other.
        db.put(b"k000", b"before").unwrap();
    }
    // A position alone is a change.
    let script = Script {
        positions: vec![("a", Some("1")), ("b", Some("2"))],
        ..Script::default()
    };
    assert!(run(&db, &script).unwrap().changed);
    assert!(!run(&db, &script).unwrap().changed);
    assert_eq!(db.snapshot().unwrap().import_positions().unwrap().len(), 2);
    assert_eq!(all(&db)["main"].len(), 500);
}

/// Nothing is read of such a step: only the catalogue changes, and the entries must go with it.
#[test]
fn a_step_that_only_drops_keyspaces_takes_their_entries_away() {
    for folded in [false, true] {
        let scratch = Scratch::new();
        let db = created(&scratch);
        if folded {
            db.checkpoint(&CheckpointOptions::default(), &NoProgress)
                .unwrap();
        }
        let script = Script {
            drops: vec![(0, "gone"), (0, "old")],
            ..Script::default()
        };
        let report = run(&db, &script).unwrap();
        assert!(report.changed);
        assert_eq!(report.deleted_in_ranges, 1000);
        assert_eq!(all(&db).keys().collect::<Vec<_>>(), ["main"]);
        verified(&db);
    }
}

/// Stops once some pages were written.
struct Stops;

impl Progress for Stops {
    fn report(&self, _: u64, _: Option<u64>) {}
    fn stopped(&self) -> bool {
        true
    }
}

#[test]
fn a_step_that_fails_or_is_stopped_leaves_everything_as_it_was() {
    let scratch = Scratch::new();
    let db = created(&scratch);
    let before = all(&db);
    let mut script = Script {
        positions: vec![("a", Some("1"))],
        ..Script::default()
    };
    script
        .changes
        .extend((0..20_000).map(|i| put("new", format!("n{i:06}"), &"v".repeat(100))));
    let size = || std::fs::metadata(db.path()).unwrap().len();
    let was = size();
    let stopped = db.bulk_step(
        |_, keyspaces| {
            Ok(Scripted {
                script: script.clone(),
                keyspaces,
                at: 0,
                told: 0,
            })
        },
        &Stops,
    );
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    assert_eq!((all(&db), size()), (before.clone(), was));
    script.fails_at = Some(15_000);
    assert!(matches!(run(&db, &script), Err(Error::Io { .. })));
    assert_eq!((all(&db), size()), (before.clone(), was));
    // The handle goes on working.
    db.put(b"x", b"1").unwrap();
    script.fails_at = None;
    assert!(run(&db, &script).unwrap().changed);
    assert_eq!(all(&db)["new"].len(), 20_000);
    assert_eq!(db.get(b"x").unwrap().as_deref(), Some(&b"1"[..]));
    verified(&db);
}

#[test]
fn changes_out_of_order_are_refused() {
    let scratch = Scratch::new();
    let db = created(&scratch);
    let before = all(&db);
    let keys = |keys: &[(&'static str, &'static str)]| Script {
        changes: keys
            .iter()
            .map(|(name, key)| put(name, *key, "v"))
            .collect(),
        ..Script::default()
    };
    let refused = run(&db, &keys(&[("main", "b"), ("main", "a")]));
    assert!(
        matches!(refused, Err(Error::Unsorted { entry: 2 })),
        "{refused:?}"
    );
    let refused = run(&db, &keys(&[("main", "b"), ("main", "b")]));
    assert!(
        matches!(refused, Err(Error::Unsorted { entry: 2 })),
        "{refused:?}"
    );
    let refused = run(&db, &keys(&[("main", "b"), ("old", "a"), ("main", "c")]));
    assert!(
        matches!(refused, Err(Error::Unsorted { entry: 3 })),
        "{refused:?}"
    );
    let mut late = keys(&[("main", "b"), ("main", "c")]);
    late.ranges.push((1, "main", KeyRange::all()));
    assert!(matches!(run(&db, &late), Err(Error::Invalid { .. })));
    assert!(matches!(
        run(&db, &keys(&[("main", "")])),
        Err(Error::Invalid { .. })
    ));
    let foreign = db.bulk_step(
        |_, keyspaces| {
            keyspaces.id("mine")?;
            Ok(Foreign)
        },
        &NoProgress,
    );
    assert!(matches!(foreign, Err(Error::Invalid { .. })), "{foreign:?}");
    let mut long = Script::default();
    long.positions.push(("", Some("x")));
    assert!(matches!(run(&db, &long), Err(Error::Invalid { .. })));
    assert_eq!(all(&db), before);
    verified(&db);
}

/// Uses an id that nobody gave it.
struct Foreign;

impl BulkSource for Foreign {
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        Ok(Some(BulkChange {
            keyspace: 77,
            key: b"k",
            value: Some(b"v"),
        }))
    }
}

#[test]
fn positions_of_batches_are_in_the_log_the_tree_and_the_copy() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    let mut batch = Batch::new();
    batch.put(b"k", b"v").import_position(b"one", Some(b"1"));
    batch.import_position(b"two", Some(b"2"));
    db.write(batch).unwrap();
    let count = |db: &Db| db.info().unwrap().entry_count;
    let positions = |db: &Db| db.snapshot().unwrap().import_positions().unwrap();
    let expected = vec![
        (b"one".to_vec(), b"1".to_vec()),
        (b"two".to_vec(), b"2".to_vec()),
    ];
    assert_eq!(positions(&db), expected);
    assert_eq!(positions(&Db::open(db.path()).unwrap()), expected);
    verified(&db);
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    assert_eq!((positions(&db), count(&db)), (expected.clone(), 1));
    verified(&db);
    db.copy_dense(&scratch.file("b.creel"), &NoProgress)
        .unwrap();
    let copy = Db::open(scratch.file("b.creel")).unwrap();
    assert_eq!((positions(&copy), count(&copy)), (expected, 1));
    let sum = |db: &Db| db.info().unwrap().content_sum;
    assert_eq!(sum(&copy), sum(&db));
    verified(&copy);
    let mut batch = Batch::new();
    batch.import_position(b"one", None);
    db.write(batch).unwrap();
    assert_eq!(positions(&db).len(), 1);
    for (id, record) in [
        (vec![], vec![1]),
        (vec![1; 256], vec![1]),
        (vec![1], vec![1; 513]),
    ] {
        let mut batch = Batch::new();
        batch.import_position(&id, Some(&record));
        assert!(matches!(db.write(batch), Err(Error::Invalid { .. })));
    }
    assert_eq!(db.len().unwrap(), 1);
}

#[test]
fn what_was_sorted_goes_into_a_step_as_it_is() {
    let scratch = Scratch::new();
    let db = Db::create(scratch.file("a.creel")).unwrap();
    db.put(b"b", b"old").unwrap();
    db.put(b"c", b"old").unwrap();
    let mut sorter = db.sorter(1 << 20, Duplicates::Last);
    for (key, value) in [
        (b"d".as_slice(), Some(b"1".as_slice())),
        (b"a", Some(b"2")),
        (b"c", None),
        (b"d", Some(b"3")),
    ] {
        sorter.push(MAIN, key, value).unwrap();
    }
    let sorted = sorter.finish().unwrap();
    assert_eq!(sorted.pushed(), 4);
    let report = db.bulk_step(|_, _| Ok(sorted), &NoProgress).unwrap();
    assert_eq!(report.added(), 1);
    let text = |s: &str| s.to_owned();
    let expected = [("a", "2"), ("b", "old"), ("d", "3")];
    let expected = expected.map(|(k, v)| (text(k), text(v)));
    assert_eq!(all(&db)["main"], BTreeMap::from(expected));
    verified(&db);
}
