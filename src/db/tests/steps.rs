//! Bulk steps: what is reported and written, what ranges and dropped keyspaces do, where the entry goes.

use super::groups::exactly;
use super::watched::{Done, Watched, watched};
use crate::db::handle::lock;
use crate::db::{
    Batch, BulkChange, BulkEnd, BulkReport, BulkSource, CheckpointOptions, Db, KeyRange, Keyspaces,
};
use crate::error::{Error, Result};
use crate::format::SLOT_OFFSETS;
use crate::format::frame::frame_len;
use crate::format::key::{CATALOGUE, MAIN, MAIN_NAME};
use crate::format::page::PageHeader;
use crate::progress::NoProgress;
use crate::wal::{Extent, extents};

/// One thing that a source gives.
#[derive(Clone)]
enum Give {
    Put(&'static str, &'static str, &'static str),
    Delete(&'static str, &'static str),
    /// A range of a keyspace id, told with what comes next.
    Range(u32, KeyRange),
    Drop(&'static str),
}

struct Given {
    rest: std::vec::IntoIter<Give>,
    keyspaces: Keyspaces,
    ranges: Vec<(u32, KeyRange)>,
}

impl BulkSource for Given {
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        for give in self.rest.by_ref() {
            let (name, key, value) = match give {
                Give::Put(name, key, value) => (name, key, Some(value.as_bytes())),
                Give::Delete(name, key) => (name, key, None),
                Give::Range(keyspace, range) => {
                    self.ranges.push((keyspace, range));
                    continue;
                }
                Give::Drop(name) => {
                    assert!(self.keyspaces.drop_keyspace(name)?);
                    continue;
                }
            };
            return Ok(Some(BulkChange {
                keyspace: self.keyspaces.id(name)?,
                key: key.as_bytes(),
                value,
            }));
        }
        Ok(None)
    }

    fn take_deletes(&mut self) -> Vec<(u32, KeyRange)> {
        std::mem::take(&mut self.ranges)
    }

    fn finish(&mut self) -> Result<BulkEnd> {
        Ok(BulkEnd::default())
    }
}

fn step(db: &Db, gives: Vec<Give>) -> Result<BulkReport> {
    let make = |_: &crate::db::Snapshot, keyspaces| {
        Ok(Given {
            rest: gives.into_iter(),
            keyspaces,
            ranges: Vec::new(),
        })
    };
    db.bulk_step(make, &NoProgress)
}

fn put(key: &'static str, value: &'static str) -> Give {
    Give::Put(MAIN_NAME, key, value)
}

fn delete(key: &'static str) -> Give {
    Give::Delete(MAIN_NAME, key)
}

/// Entries of `main` and of `other`.
fn lens(db: &Db) -> (u64, Option<u64>) {
    let snapshot = db.snapshot().unwrap();
    let other = snapshot
        .keyspace("other")
        .ok()
        .map(|other| other.len().unwrap());
    (snapshot.keyspace(MAIN_NAME).unwrap().len().unwrap(), other)
}

fn with_keys(keys: &[&str]) -> (tempfile::TempDir, Watched, Db) {
    let (dir, vfs, db) = watched();
    for key in keys {
        db.put(key.as_bytes(), b"old").unwrap();
    }
    let mut batch = Batch::new();
    batch.keyspace("other").put(b"x", b"1").put(b"y", b"1");
    db.write(batch).unwrap();
    db.checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    (dir, vfs, db)
}

/// Changes of two kinds once cancelled each other out, and the step was as if it had done nothing.
#[test]
fn each_kind_of_change_is_one_whatever_others_there_are() {
    let range = || Give::Range(MAIN, KeyRange::from_to(b"p", b"q"));
    let cases = [
        vec![put("new", "1")],
        vec![put("a", "new")],
        vec![delete("a")],
        vec![range()],
        vec![put("a", "new"), put("new", "1")],
        vec![put("a", "new"), delete("b")],
        vec![put("new", "1"), delete("a")]
            .into_iter()
            .rev()
            .collect(),
        vec![range(), delete("a")],
        vec![range(), put("new", "1")],
        vec![range(), put("a", "new"), delete("b"), put("new", "1")],
    ];
    for (number, gives) in cases.into_iter().enumerate() {
        let (_dir, _, db) = with_keys(&["a", "b", "p1"]);
        let before = db.inner.newest_point().unwrap();
        let ranges = gives
            .iter()
            .filter(|give| matches!(give, Give::Range(..)))
            .count() as u64;
        let count = gives.len() as u64 - ranges;
        let report = step(&db, gives).unwrap();
        assert!(report.changed, "{number}: {report:?}");
        let did = report.inserted + report.replaced + report.deleted;
        assert_eq!((report.given, report.distinct, did), (count, count, count));
        assert_eq!(report.deleted_in_ranges, ranges, "{number}");
        assert_eq!(report.token.index, before.index + 1);
        let now = db.inner.newest_point().unwrap();
        assert_eq!(
            (now.index, now.history),
            (report.token.index, report.history)
        );
        assert_eq!(lens(&db).0 as i64, 3 + report.added(), "{number}");
    }
}

#[test]
fn a_step_that_changes_nothing_writes_nothing() {
    let (_dir, vfs, db) = with_keys(&["a", "b"]);
    let before = db.inner.newest_point().unwrap();
    for gives in [
        vec![],
        vec![put("a", "old"), delete("c")],
        vec![
            Give::Range(MAIN, KeyRange::from_to(b"q", b"q")),
            put("a", "old"),
        ],
        vec![Give::Range(MAIN, KeyRange::from_to(b"q", b"r"))],
    ] {
        vfs.take();
        let report = step(&db, gives).unwrap();
        assert_eq!((report.changed, report.bytes_written), (false, 0));
        assert_eq!(report.token.index, before.index);
        let sets = |done: &Done| matches!(done, Done::Size(_));
        let done = vfs.take();
        assert!(!done.iter().any(sets), "{done:?}");
    }
    assert_eq!(db.inner.newest_point().unwrap().index, before.index);
}

#[test]
fn ranges_are_told_before_the_changes_of_their_keyspace() {
    let (_dir, _, db) = with_keys(&["a", "b"]);
    let other = db.snapshot().unwrap().keyspace("other").unwrap().id();
    let range = |id| Give::Range(id, KeyRange::from_to(b"a", b"z"));
    let changes_other = || Give::Put("other", "z", "1");
    let late = [
        vec![put("a", "1"), range(MAIN), put("b", "1")],
        vec![put("a", "1"), range(MAIN), changes_other()],
        vec![
            put("a", "1"),
            changes_other(),
            range(MAIN),
            Give::Put("other", "zz", "1"),
        ],
        vec![put("a", "1"), range(MAIN)],
        vec![range(CATALOGUE), put("a", "1")],
    ];
    for (number, gives) in late.into_iter().enumerate() {
        let refused = step(&db, gives);
        assert!(
            matches!(refused, Err(Error::Invalid { .. })),
            "{number}: {refused:?}"
        );
        assert_eq!(lens(&db), (2, Some(2)));
    }
    // With the first change of the keyspace, ahead of it, or behind where ids go down.
    let report = step(
        &db,
        vec![range(MAIN), put("b", "new"), range(other), changes_other()],
    );
    assert_eq!(report.unwrap().deleted_in_ranges, 3);
    assert_eq!(lens(&db), (1, Some(1)));
    let report = step(&db, vec![changes_other(), range(MAIN), put("c", "1")]);
    assert_eq!(report.unwrap().deleted_in_ranges, 1);
    assert_eq!(lens(&db), (1, Some(1)));
    assert_eq!(db.get(b"c").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn a_dropped_keyspace_is_gone_with_the_step_and_may_begin_anew_in_it() {
    let (_dir, _, db) = with_keys(&["a"]);
    let report = step(&db, vec![Give::Drop("other"), put("b", "1"), put("c", "1")]).unwrap();
    assert_eq!((report.deleted_in_ranges, report.inserted), (2, 2));
    assert_eq!(lens(&db), (3, None));
    let (_dir, _, db) = with_keys(&["a"]);
    let again = vec![
        put("b", "1"),
        Give::Drop("other"),
        Give::Put("other", "z", "1"),
    ];
    assert_eq!(step(&db, again).unwrap().deleted_in_ranges, 2);
    assert_eq!(lens(&db), (2, Some(1)));
    assert_eq!(
        step(&db, vec![Give::Drop("other")])
            .unwrap()
            .deleted_in_ranges,
        1
    );
    assert_eq!(lens(&db), (2, None));
    // A keyspace that only lost something is not made.
    let report = step(&db, vec![Give::Delete("never", "x"), put("d", "1")]).unwrap();
    assert_eq!((report.inserted, report.deleted), (1, 0));
    assert!(db.snapshot().unwrap().keyspace("never").is_err());
}

#[test]
fn keys_rise_in_a_keyspace_and_its_changes_stand_together() {
    let (_dir, _, db) = with_keys(&["a"]);
    let in_other = |key| Give::Put("other", key, "1");
    let cases = [
        (vec![put("b", "1"), put("b", "2")], 2),
        (vec![put("c", "1"), put("b", "2")], 2),
        (vec![put("b", "1"), in_other("b"), put("c", "1")], 3),
    ];
    for (gives, at) in cases {
        let Err(Error::Unsorted { entry }) = step(&db, gives) else {
            panic!("{at}");
        };
        assert_eq!(entry, at);
    }
    // A lower key in another keyspace is in order, whichever id is larger.
    step(&db, vec![put("b", "1"), in_other("a"), in_other("b")]).unwrap();
    step(&db, vec![in_other("c"), put("a", "1"), put("c", "2")]).unwrap();
    assert_eq!(lens(&db), (3, Some(5)));
}

/// Bytes written since the last call, but for those of headers and logs.
fn page_bytes(vfs: &Watched, db: &Db) -> u64 {
    let places = extents(&lock(&db.inner.log).current.header);
    let in_log = |at: u64| {
        let is_in = |e: &Extent| (e.start..e.start + e.len).contains(&at);
        places.iter().any(is_in)
    };
    let of_page = |done| match done {
        Done::Write(at, len) if !in_log(at) && !SLOT_OFFSETS.contains(&at) => len,
        _ => 0,
    };
    vfs.take().into_iter().map(of_page).sum()
}

#[test]
fn the_first_step_writes_its_entry_a_leaf_and_a_header() {
    let (_dir, vfs, db) = watched();
    let entries = std::iter::once(Ok((b"k", b"v")));
    let report = db.bulk_load("main", entries, &NoProgress).unwrap();
    assert_eq!(page_bytes(&vfs, &db), 4096);
    assert_eq!(report.bytes_written, 4096 + frame_len(16) + 512);
}

/// Bytes of it may stand where the next frame goes.
#[test]
fn a_step_whose_entry_could_not_be_written_leaves_a_place_in_doubt() {
    let (_dir, vfs, db) = watched();
    db.put(b"a", b"1").unwrap();
    let places = extents(&lock(&db.inner.log).current.header);
    // Behind the cut the other region goes on.
    let start = places[1].start + crate::format::region::REGION_HEADER_SIZE as u64;
    vfs.before_write(move |offset| match offset == start {
        true => Err(std::io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    });
    let entries = || std::iter::once(Ok((b"k", b"v")));
    let refused = db.bulk_load("main", entries(), &NoProgress);
    assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    let log = lock(&db.inner.log);
    assert_eq!((log.tail.active, log.tail.clear), (1, false));
    drop(log);
    vfs.before_write(|_| Ok(()));
    db.bulk_load("main", entries(), &NoProgress).unwrap();
    assert_eq!(db.len().unwrap(), 2);
}

#[test]
fn what_a_step_wrote_is_told_to_the_byte_and_belongs_to_its_generation() {
    let (_dir, vfs, db) = with_keys(&["a", "b"]);
    let entries = (0..3000u32).map(|i| Ok((i.to_be_bytes(), [7u8; 60])));
    db.bulk_load("main", entries, &NoProgress).unwrap();
    db.put(b"more", b"1").unwrap();
    vfs.take();
    let entries = (100..2000u32).map(|i| Ok(((i / 2 * 2).to_be_bytes(), [8u8; 60])));
    let report = db.bulk_load("main", entries, &NoProgress).unwrap();
    // Of equal keys the last one counts, and all are counted.
    assert_eq!(
        (report.given, report.distinct, report.replaced),
        (1900, 950, 950)
    );
    let pages = page_bytes(&vfs, &db);
    let header = lock(&db.inner.log).current.header.clone();
    let page = header.page_size() as u64;
    assert!(pages > 20 * page);
    assert_eq!(report.bytes_written, pages + frame_len(16) + 512);
    let bytes = std::fs::read(db.path()).unwrap();
    let of = |number: u32| {
        let at = u64::from(number) * page;
        PageHeader::decode(&bytes[at as usize..])
            .unwrap()
            .generation
    };
    assert_eq!(of(header.root_page), header.generation);
    assert_ne!(header.free_head, 0);
    assert_eq!(of(header.free_head), header.generation);
}

#[test]
fn the_entry_of_a_step_goes_where_the_log_goes_on_even_where_that_is_full() {
    let (_dir, _, db) = watched();
    db.put(b"a", b"1").unwrap();
    let entries = || std::iter::once(Ok((b"k".to_vec(), b"v".to_vec())));
    db.bulk_load("main", entries(), &NoProgress).unwrap();
    // The step has cut the log; its entry is the first one behind.
    let log = lock(&db.inner.log);
    assert_eq!((log.tail.active, log.tail.region.first_index), (1, 2));
    drop(log);
    // Nothing is left in either region, not even for the entry.
    let (_dir, _, db) = watched();
    for i in 0..2 {
        db.write(exactly(i, full_region(&db))).unwrap();
    }
    assert_eq!(lock(&db.inner.log).tail.active, 1);
    let report = db.bulk_load("main", entries(), &NoProgress).unwrap();
    assert_eq!((report.token.index, db.len().unwrap()), (3, 3));
    let log = lock(&db.inner.log);
    assert_eq!((log.tail.active, log.tail.region.first_index), (0, 3));
}

/// What a whole region takes.
fn full_region(db: &Db) -> u64 {
    lock(&db.inner.log).tail.extent.len - crate::format::region::REGION_HEADER_SIZE as u64
}
