//! How a handle notices what others did, and when it reads the log in anew.

use super::parts::new;
use super::stepped::Stepped;
use crate::db::handle::{Log, lock};
use crate::db::{CheckpointOptions, CreateOptions, Db, OpenOptions, SyncMode};
use crate::format::pair::pick;
use crate::progress::NoProgress;
use crate::wal::extents;

fn plain() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

/// Everything that the map may tell of, each by itself, and nothing else.
#[test]
fn each_hint_by_itself_is_reason_to_look() {
    let (_dir, db) = new();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    let inner = &db.inner;
    db.len().unwrap();
    let mut log = lock(&inner.log);
    assert!(!inner.changed(&log));
    let known = log.tail.clone();
    let mut told = |change: fn(&mut Log), back: fn(&mut Log)| {
        change(&mut log);
        let changed = inner.changed(&log);
        back(&mut log);
        assert!(!inner.changed(&log));
        changed
    };
    assert!(told(
        |log| log.current.header.generation += 1,
        |log| log.current.header.generation -= 1,
    ));
    assert!(told(
        |log| log.current.header.generation -= 1,
        |log| log.current.header.generation += 1,
    ));
    assert!(told(
        |log| log.tail.region.region_seq += 2,
        |log| log.tail.region.region_seq -= 2,
    ));
    let flip = |log: &mut Log| log.tail.last.as_mut().unwrap().header.header_crc ^= 1;
    assert!(told(flip, flip));
    let word = known.region.sync_word().to_le_bytes();
    let len = known.extent.len;
    // Bytes where they mean something and where they do not.
    let mut told = |at: u64, bytes: &[u8], end: u64| {
        let mut before = vec![0; bytes.len()];
        inner.file.read_at(&mut before, at).unwrap();
        log.tail.end = end;
        inner.file.write_at(bytes, at).unwrap();
        let changed = inner.changed(&log);
        inner.file.write_at(&before, at).unwrap();
        log.tail.end = known.end;
        assert!(!inner.changed(&log));
        changed
    };
    let start = known.extent.start;
    assert!(told(start + known.end, &word, known.end));
    assert!(!told(start + known.end + 8, &word, known.end));
    // The last place where an entry could begin, and one that is outside.
    assert!(told(start + len - 8, &word, len - 8));
    assert!(!told(start + len - 4, &word, len - 4));
    assert!(!told(start + len, &word, len));
    let other = pick(
        &extents(&inner.view.load().tree.header().clone()),
        known.active ^ 1,
    );
    let seq = known.region.region_seq;
    for (other_seq, changed) in [(seq - 1, false), (seq, false), (seq + 1, true)] {
        assert_eq!(
            told(other.start + 16, &other_seq.to_le_bytes(), known.end),
            changed
        );
    }
}

#[test]
fn without_a_map_there_is_nothing_to_tell_by() {
    let (_dir, db) = new();
    db.put(b"a", b"1").unwrap();
    let changed = |db: &Db| db.inner.changed(&lock(&db.inner.log));
    let mapped = |db: &Db| db.inner.view.load().tree.pages.is_mapped();
    // A handle that stays gets one by looking.
    let stays = OpenOptions::new().open(db.path()).unwrap();
    assert!(!mapped(&stays) && !changed(&stays));
    assert!(mapped(&stays));
    let once = plain().open(db.path()).unwrap();
    assert!(!mapped(&once) && changed(&once));
    assert!(!mapped(&once));
    once.inner.view.load().tree.pages.map().unwrap();
    assert!(!changed(&once));
    let never = OpenOptions::new().mmap(false).open(db.path()).unwrap();
    assert!(changed(&never));
}

#[test]
fn a_read_with_nothing_new_costs_no_call() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let vfs = Stepped::default();
    let options = vfs.options().background_checkpoint(true);
    let db = options.create(&path, &CreateOptions::default()).unwrap();
    db.put(b"a", b"1").unwrap();
    db.get(b"a").unwrap();
    db.get(b"b").unwrap();
    let before = vfs.reads();
    for _ in 0..9 {
        assert_eq!(db.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(db.get(b"b").unwrap(), None);
    }
    assert_eq!(vfs.reads(), before);
    let other = plain().open(&path).unwrap();
    other.put(b"b", b"2").unwrap();
    assert_eq!(db.get(b"b").unwrap().as_deref(), Some(&b"2"[..]));
    assert!(vfs.reads() > before);
}

/// The page cache showed an entry that the medium never held: a failed sync took it back.
#[test]
fn an_entry_that_was_taken_back_is_not_held_on_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = plain().sync(SyncMode::Normal);
    let db = db.create(&path, &CreateOptions::default()).unwrap();
    db.put(b"a", b"1").unwrap();
    db.put(b"b", b"2").unwrap();
    let tail = lock(&db.inner.log).tail.clone();
    let at = tail.last.unwrap().offset;
    let zeros = vec![0; (tail.end - at) as usize];
    db.inner
        .file
        .write_at(&zeros, tail.extent.start + at)
        .unwrap();
    assert_eq!(db.position().unwrap().index, 1);
    assert_eq!(db.get(b"b").unwrap(), None);
    assert_eq!(db.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn where_the_log_stands_otherwise_than_known_it_is_read_in_anew() {
    let (_dir, db) = new();
    db.put(b"a", b"1").unwrap();
    let other = plain().open(db.path()).unwrap();
    let inner = &db.inner;
    let mut log = lock(&inner.log);
    let known = log.tail.clone();
    let changes: [fn(&mut Log); 3] = [
        |log| log.tail.region.salt ^= 1,
        |log| log.tail.extent.len += 4096,
        |log| log.tail.extent.start += 4096,
    ];
    for change in changes {
        change(&mut log);
        inner.refresh(&mut log, false).unwrap();
        assert_eq!(log.tail.region, known.region);
        assert_eq!(log.tail.extent, known.extent);
    }
    // What is known of the place for the next entry stays known where nothing is new.
    log.tail.clear = true;
    inner.refresh(&mut log, false).unwrap();
    assert!(log.tail.clear);
    // A header of somebody else's.
    drop(log);
    let done = other.checkpoint(&CheckpointOptions::default(), &NoProgress);
    let done = done.unwrap().generation;
    let mut log = lock(&inner.log);
    inner.refresh(&mut log, false).unwrap();
    assert_eq!(log.current.header.generation, done);
    assert_eq!(inner.view.load().tree.header().generation, done);
}

/// Turns a log to its other region, as a writer does who finds the first one full.
fn turn(db: &Db) {
    let _writer = db.inner.lock_writer().unwrap();
    let mut log = lock(&db.inner.log);
    db.inner.refresh(&mut log, true).unwrap();
    assert!(db.inner.switch_if_possible(&mut log, 0).unwrap());
}

#[test]
fn a_region_goes_on_from_the_one_before_or_the_log_is_read_in_anew() {
    // What is known of the log does not lead on to the new region, in one thing each.
    let changes: [fn(&mut Log); 5] = [
        |_| (),
        |log| log.tail.link.prev_crc ^= 1,
        |log| log.tail.link.next_index -= 1,
        |log| log.tail.link.epoch -= 1,
        |log| log.tail.region.region_seq += 2,
    ];
    // With an entry in the new region, and before there is one.
    for (change, entries) in changes.into_iter().flat_map(|c| [(c, 0), (c, 1)]) {
        let (_dir, db) = new();
        let reader = plain().open(db.path()).unwrap();
        for i in 0..3u8 {
            db.put(&[i], b"v").unwrap();
        }
        assert_eq!(reader.len().unwrap(), 3);
        turn(&db);
        for _ in 0..entries {
            db.put(b"next", b"v").unwrap();
        }
        change(&mut lock(&reader.inner.log));
        assert_eq!(reader.position().unwrap(), db.position().unwrap());
        assert_eq!(reader.len().unwrap(), 3 + entries);
        let tails = [&reader, &db].map(|db| lock(&db.inner.log).tail.clone());
        assert_eq!(tails[0].link, tails[1].link);
        assert_eq!(tails[0].end, tails[1].end);
        assert_eq!(tails[0].region, tails[1].region);
        // The writer's sync has succeeded, which its mark tells.
        assert!(entries == 0 || tails[0].proven == tails[0].end);
    }
}

#[test]
fn a_header_stays_proven_where_a_new_region_names_it() {
    for (sync, proven) in [(SyncMode::Normal, true), (SyncMode::Off, false)] {
        let (_dir, db) = new();
        let writer = plain().sync(sync).open(db.path()).unwrap();
        let reader = plain().open(db.path()).unwrap();
        writer.put(b"a", b"v").unwrap();
        assert_eq!(reader.len().unwrap(), 1);
        lock(&reader.inner.log).header_proven = true;
        turn(&writer);
        writer.put(b"b", b"v").unwrap();
        assert_eq!(reader.len().unwrap(), 2);
        assert_eq!(lock(&reader.inner.log).header_proven, proven, "{sync:?}");
    }
}

#[test]
fn a_mark_is_seen_by_those_who_saw_the_commit_before() {
    let (_dir, db) = new();
    let reader = plain().open(db.path()).unwrap();
    let seen = |db: &Db| {
        let log = lock(&db.inner.log);
        (log.tail.last_index(), log.tail.proven == log.tail.end)
    };
    db.put(b"a", b"v").unwrap();
    reader.len().unwrap();
    assert_eq!(seen(&reader), (1, true));
    let lazy = plain().sync(SyncMode::Normal).open(db.path()).unwrap();
    lazy.put(b"b", b"v").unwrap();
    reader.len().unwrap();
    assert_eq!(seen(&reader), (2, false));
    lazy.durable_position().unwrap();
    reader.len().unwrap();
    assert_eq!(seen(&reader), (2, true));
}

#[test]
fn a_snapshot_that_is_dropped_is_not_counted() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    let newest = || lock(&db.inner.snapshots).newest();
    assert_eq!(newest(), 0);
    let first = db.snapshot().unwrap();
    let copy = first.clone();
    db.put(b"b", b"v").unwrap();
    let second = db.snapshot().unwrap();
    assert_eq!(newest(), 2);
    drop(second);
    assert_eq!(newest(), 1);
    drop(first);
    assert_eq!(newest(), 1, "its copy reads there");
    drop(copy);
    assert_eq!(newest(), 0);
}
