//! Going back: which trees are kept for it, what the log holds afterwards, and what stays as it is.

use super::checkpoint;
use crate::db::handle::lock;
use crate::db::trees::{local_entries, usable};
use crate::db::{
    CreateOptions, Db, FenceWish, Hold, IdentityChange, OpenOptions, Position, Retention,
};
use crate::error::{Error, Result};
use crate::format::MAX_COUNTER;
use crate::format::header::Role;
use crate::format::local::tree_range;
use crate::progress::NoProgress;

fn new(role: Role) -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        role,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options.create(dir.path().join("a.creel"), &create).unwrap();
    (dir, db)
}

fn follow_somebody(db: &Db) {
    let change = IdentityChange {
        role: Some(Role::Replica),
        upstream: Some([7; 16]),
        ..IdentityChange::default()
    };
    db.set_identity(&change).unwrap();
}

fn put(db: &Db, from: u8, to: u8) {
    for i in from..to {
        db.put(&[i], &[i; 300]).unwrap();
    }
}

/// The last entries of the trees that can be gone back to.
fn kept(db: &Db) -> Vec<u64> {
    let trees = usable(&db.inner.view.load().tree).unwrap();
    trees.iter().map(|tree| tree.checkpoint_index).collect()
}

/// The entries behind one, as copies exchange them, and the position behind the last.
fn read(db: &Db, after: u64) -> Result<(Vec<u8>, Position)> {
    let mut reader = db.log_reader(&db.position_at(after)?)?;
    let mut all = Vec::new();
    loop {
        let bytes = reader.read(usize::MAX, usize::MAX)?;
        if bytes.is_empty() {
            return Ok((all, reader.position()));
        }
        all.extend(bytes);
    }
}

/// Entries 1, 3 and 5 with a checkpoint behind each, whose markers are 2, 4 and 6.
fn three_checkpoints() -> (tempfile::TempDir, Db) {
    let (dir, db) = new(Role::Primary);
    for i in 0..3 {
        put(&db, i, i + 1);
        checkpoint(&db);
    }
    (dir, db)
}

#[test]
fn each_checkpoint_keeps_the_tree_before_it_until_nobody_wants_them() {
    let (_dir, db) = three_checkpoints();
    assert_eq!(kept(&db), [0, 1, 3]);
    db.change_facts(|facts| facts.source = "dir:x".into())
        .unwrap();
    assert_eq!(kept(&db), [0, 1, 3, 5]);
    // Nothing was folded: there is no other tree to go back to.
    db.change_facts(|facts| facts.source = "dir:y".into())
        .unwrap();
    assert_eq!(kept(&db), [0, 1, 3, 5]);
    put(&db, 7, 8);
    checkpoint(&db);
    assert_eq!(kept(&db), [0, 1, 3, 5, 6]);
    let records = || {
        let entries = local_entries(&db.inner.view.load().tree).unwrap();
        let (from, to) = tree_range();
        let keys = entries.iter().map(|(key, _)| key);
        keys.filter(|key| (&from..&to).contains(key)).count()
    };
    put(&db, 8, 9);
    db.change_facts(|facts| facts.retention.rewind_bytes = Some(0))
        .unwrap();
    // Given up by one header, and dropped by the next one.
    assert!(kept(&db).is_empty());
    assert_eq!(records(), 5);
    put(&db, 9, 10);
    checkpoint(&db);
    assert_eq!((kept(&db).len(), records()), (0, 0));
    put(&db, 10, 11);
    checkpoint(&db);
    assert_eq!((kept(&db).len(), records()), (0, 0));
}

/// Nobody else wants the log that leads on from the oldest tree.
#[test]
fn the_log_behind_a_kept_tree_stays() {
    let (_dir, db) = new(Role::Primary);
    let retention = Retention {
        min_entries: 0,
        time_ms: 0,
        rewind_bytes: Some(64 << 20),
        ..Retention::default()
    };
    put(&db, 0, 2);
    db.change_facts(|facts| facts.retention = retention)
        .unwrap();
    for i in 2..6 {
        put(&db, 2 * i, 2 * i + 2);
        checkpoint(&db);
    }
    assert_eq!(kept(&db)[..2], [0, 2]);
    assert_eq!(db.oldest_rewind().unwrap(), 0);
    let (_, last) = read(&db, 0).unwrap();
    assert_eq!(last, db.position().unwrap());
    // With the trees it goes.
    db.change_facts(|facts| facts.retention.rewind_bytes = Some(0))
        .unwrap();
    put(&db, 20, 21);
    checkpoint(&db);
    let folded = db.info().unwrap().checkpoint_index;
    assert_eq!(db.oldest_rewind().unwrap(), folded);
    let gone = read(&db, 0);
    assert!(matches!(gone, Err(Error::NotRetained { .. })), "{gone:?}");
}

#[test]
fn a_file_goes_back_with_its_marks_and_keeps_its_facts() {
    let (_dir, db) = three_checkpoints();
    db.change_facts(|facts| facts.source = "dir:old".into())
        .unwrap();
    put(&db, 7, 9);
    checkpoint(&db);
    let hold = Hold {
        name: "somebody".into(),
        index: 1,
        max_bytes: 1 << 30,
        expires_us: u64::MAX,
    };
    db.change_facts(|facts| {
        facts.source = "dir:new".into();
        facts.holds = vec![hold];
        facts.retention.min_entries = 77;
    })
    .unwrap();
    put(&db, 9, 10);
    checkpoint(&db);
    let (facts, all) = (db.facts().unwrap(), kept(&db));
    assert_eq!(all, [0, 1, 3, 5, 6, 8, 9]);
    let (bytes, end) = read(&db, 3).unwrap();
    follow_somebody(&db);
    for (to, trees, mark) in [(8, 6, 8), (6, 5, 5), (5, 4, 5), (3, 3, 3)] {
        let report = db.rewind(to, &NoProgress).unwrap();
        assert_eq!(report.to.index, to);
        assert_eq!(db.facts().unwrap(), facts, "{to}");
        assert_eq!(kept(&db), all[..trees], "{to}");
        let (_, last) = read(&db, 0).unwrap();
        assert_eq!(last, report.to);
        assert_eq!(
            db.mark().unwrap().map(|mark| mark.index),
            Some(mark),
            "{to}"
        );
        assert_eq!(db.info().unwrap().checkpoint_index, to);
    }
    // The same comes again, and no tree is kept twice.
    let applied = db.apply(&bytes).unwrap();
    assert_eq!(applied.position, end);
    // It had its checkpoint in front of the last marker.
    assert_eq!(db.info().unwrap().checkpoint_index, end.index - 1);
    assert_eq!(kept(&db), [0, 1, 3]);
    assert_eq!(db.facts().unwrap(), facts);
}

/// Turns the log to its other region, as a writer does who finds the first one full.
fn turn(db: &Db) {
    let _writer = db.inner.lock_writer().unwrap();
    let mut log = lock(&db.inner.log);
    db.inner.refresh(&mut log, true).unwrap();
    assert!(db.inner.switch_if_possible(&mut log, 0).unwrap());
}

/// Epoch 1 up to entry 3, epoch 2 from 4 to 6 (the log turns over behind 5), epoch 3 from 7 to 8.
fn three_epochs() -> (tempfile::TempDir, Db) {
    let (dir, db) = new(Role::Standalone);
    let begin = |db: &Db| {
        let entry = db.prepare_fence(&FenceWish::default()).unwrap();
        db.install_fence(&entry).unwrap();
    };
    put(&db, 0, 3);
    begin(&db);
    put(&db, 3, 4);
    turn(&db);
    put(&db, 4, 5);
    begin(&db);
    put(&db, 5, 6);
    assert_eq!(db.position().unwrap().index, 8);
    follow_somebody(&db);
    (dir, db)
}

#[test]
fn the_log_goes_on_behind_the_entry_that_was_gone_back_to() {
    for (to, epoch) in [(1, 1), (3, 1), (4, 2), (5, 2), (6, 2), (7, 3)] {
        let (_dir, db) = three_epochs();
        let (before, generation) = {
            let log = lock(&db.inner.log);
            (log.tail.region, log.current.header.generation)
        };
        assert_ne!((before.prev_crc, before.prev_end_units), (0, 0));
        let report = db.rewind(to, &NoProgress).unwrap();
        assert_eq!((report.to.index, report.to.epoch), (to, epoch));
        let log = lock(&db.inner.log);
        let (region, header) = (log.tail.region, log.current.header.clone());
        drop(log);
        assert_eq!(region.region_seq, before.region_seq + 2);
        assert_eq!((region.first_index, region.epoch), (to + 1, epoch));
        assert_eq!(Some(region.history), report.to.hash);
        assert_eq!((region.prev_crc, region.prev_end_units), (0, 0));
        assert_eq!(region.durable_gen, generation as u32);
        let mut seqs = header.regions.map(|slot| slot.region_seq);
        seqs.sort_unstable();
        assert_eq!(seqs, [before.region_seq + 1, before.region_seq + 2]);
        // The entry that begins the newest epoch may come again elsewhere, unless it is there.
        assert_eq!(header.epoch, 3);
        let start = if to < 7 { MAX_COUNTER - 1 } else { 7 };
        assert_eq!(header.epoch_start_index, start, "{to}");
        // Those who are behind find all of it still, from both regions.
        let (_, last) = read(&db, 0).unwrap();
        assert_eq!(last, report.to);
        assert_eq!(db.len().unwrap(), to - u64::from(epoch) + 1);
        drop(db);
    }
}
