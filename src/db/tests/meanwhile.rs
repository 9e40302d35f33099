//! What happens to the log between two looks of a handle and does not fit what it knew, and what a handle
//! goes on with after something went wrong beside it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::groups::exactly;
use super::parts::new;
use super::watched::watched;
use crate::db::handle::lock;
use crate::db::turn::Turn;
use crate::db::{Db, Interest, OpenOptions};
use crate::error::{Bounded, Corruption, Error};
use crate::format::Invariant;
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::store::locks::PINS;
use crate::wal::append::{self, Durability};
use crate::wal::tail::NewEntry;

fn plain() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

/// Turns a log to its other region, as a writer does who finds the first one full.
fn turn(db: &Db) {
    let _writer = db.inner.lock_writer().unwrap();
    let mut log = lock(&db.inner.log);
    db.inner.refresh(&mut log, true).unwrap();
    assert!(db.inner.switch_if_possible(&mut log, 0).unwrap());
}

/// Where the region begins that takes the next entry.
fn start(db: &Db) -> u64 {
    lock(&db.inner.log).tail.extent.start
}

/// Changes a byte of the file, and gives what puts it right again.
fn flip(db: &Db, at: u64) -> impl Fn() + use<> {
    let file = std::sync::Arc::clone(&db.inner.file);
    let flip = move || {
        let mut byte = [0];
        assert_eq!(file.read_at(&mut byte, at).unwrap(), 1);
        file.write_at(&[byte[0] ^ 1], at).unwrap();
    };
    flip();
    flip
}

fn corrupt<T: std::fmt::Debug>(result: crate::error::Result<T>) -> Invariant {
    match result {
        Err(Error::Corrupt(damage)) => damage.id,
        other => panic!("{other:?}"),
    }
}

/// A handle that knows three entries, and the writer, who has turned the log since.
fn turned(more: u8) -> (tempfile::TempDir, Db, Db) {
    let (dir, db) = new();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    let reader = plain().open(db.path()).unwrap();
    assert_eq!(reader.len().unwrap(), 3);
    turn(&db);
    for i in 0..more {
        db.put(&[9, i], b"v").unwrap();
    }
    (dir, db, reader)
}

#[test]
fn a_new_region_that_does_not_go_on_from_what_is_known_is_damage_until_it_does() {
    type Change = fn(&mut RegionHeader);
    let changes: [Change; 4] = [
        |region| region.first_index += 1,
        |region| region.prev_crc ^= 1,
        |region| region.prev_end_units += 1,
        |region| region.region_seq += 2,
    ];
    for change in changes {
        let (_dir, db, reader) = turned(0);
        let right = lock(&db.inner.log).tail.region;
        let mut wrong = right;
        change(&mut wrong);
        let put = |region: &RegionHeader| db.inner.file.write_at(&region.encode(), start(&db));
        put(&wrong).unwrap();
        assert_eq!(corrupt(reader.len()), Invariant::W5);
        assert_eq!(
            lock(&reader.inner.log).tail.active,
            0,
            "nothing is taken in"
        );
        put(&right).unwrap();
        db.put(b"next", b"v").unwrap();
        assert_eq!(reader.len().unwrap(), 4);
        assert_eq!(lock(&reader.inner.log).tail.region, right);
    }
}

#[test]
fn damage_in_a_region_that_was_turned_to_is_told_and_not_skipped() {
    let (_dir, db, reader) = turned(3);
    let at = start(&db) + (REGION_HEADER_SIZE + FRAME_HEADER_SIZE + 1) as u64;
    let heal = flip(&db, at);
    assert_eq!(corrupt(reader.len()), Invariant::W6);
    assert_eq!(corrupt(reader.position()), Invariant::W6);
    heal();
    assert_eq!(reader.len().unwrap(), 6);
    assert_eq!(reader.position().unwrap(), db.position().unwrap());
}

/// Its checksums are right, and what it is to do cannot be read.
#[test]
fn an_entry_that_does_not_decode_is_told_and_nothing_behind_it_is_taken_in() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    let reader = plain().open(db.path()).unwrap();
    let tail = lock(&reader.inner.log).tail.clone();
    let entry = NewEntry {
        kind: EntryKind::Commit,
        op_count: 1,
        payload: &[0xff; 9],
    };
    let stamp = reader.inner.stamp(&tail, Durability::Now);
    let mut group = append::encode(&tail, &[0; 16], &[entry], &stamp);
    append::write(db.inner.file.as_ref(), &tail, &mut group, Durability::Now).unwrap();
    assert_eq!(corrupt(reader.len()), Invariant::W4);
    assert_eq!(lock(&reader.inner.log).tail.last_index(), 1);
    assert_eq!(corrupt(plain().open(db.path())), Invariant::W4);
}

/// A handle that kept no keys has to read the log again for a reader; where that fails it keeps none still.
#[test]
fn a_log_that_cannot_be_read_in_leaves_a_handle_as_it_was() {
    let (_dir, db) = new();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    let other = plain().interest(Interest::None).open(db.path()).unwrap();
    let at = start(&db) + (REGION_HEADER_SIZE + FRAME_HEADER_SIZE + 1) as u64;
    let heal = flip(&db, at);
    assert_eq!(corrupt(other.get(&[1])), Invariant::W6);
    assert_eq!(lock(&other.inner.log).interest, Interest::None);
    assert!(!other.inner.holds_all.load(Ordering::Relaxed));
    heal();
    assert_eq!(other.get(&[1]).unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(lock(&other.inner.log).interest, Interest::All);
}

/// Between its header and its tree a checkpoint pins the new generation: who looks then sees a header that this
/// very handle is about to publish, and goes on with the tables it has.
#[test]
fn who_looks_before_a_checkpoint_is_published_reads_nothing_anew() {
    let (_dir, vfs, db) = watched();
    db.put(b"a", b"1").unwrap();
    let before = lock(&db.inner.log).current.clone();
    let looks = std::sync::Arc::new(AtomicUsize::new(0));
    let (inner, count) = (std::sync::Arc::clone(&db.inner), looks.clone());
    let (pin, known) = (PINS + before.header.generation + 1, before.clone());
    vfs.before_lock(move |byte| {
        if byte == pin {
            let mut log = lock(&inner.log);
            inner.refresh(&mut log, false).unwrap();
            assert_eq!(log.current, known);
            assert_eq!(inner.view.load().tree.current, known);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    super::checkpoint(&db);
    vfs.before_lock(|_| ());
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    let now = lock(&db.inner.log).current.clone();
    assert_eq!(now.header.prev_header_crc, before.crc);
    assert_eq!(db.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

/// It is not in the tree, however short the log is.
#[test]
fn a_commit_that_comes_before_a_checkpoint_has_ended_stays_in_its_log() {
    let (_dir, vfs, db) = watched();
    db.put(b"a", b"1").unwrap();
    let before = lock(&db.inner.log).current.header.generation;
    let mut other = Some(plain().open(db.path()).unwrap());
    vfs.before_lock(move |byte| {
        if let Some(other) = other.take_if(|_| byte == PINS + before + 1) {
            other.put(b"b", b"1").unwrap();
        }
    });
    super::checkpoint(&db);
    assert_eq!(db.len().unwrap(), 2);
    let log = lock(&db.inner.log);
    assert_eq!(log.current.header.generation, before + 1);
    assert_eq!(log.current.header.checkpoint_index, 1);
    assert_eq!(log.tail.last_index(), 2);
}

#[test]
fn a_handle_that_shows_older_entries_does_not_show_those_that_come() {
    let (_dir, db) = new();
    db.put(b"a", b"1").unwrap();
    let shows = |upto| {
        let options = plain().read_only(true).upto(Some(upto));
        options.open(db.path()).unwrap()
    };
    let (one, two, three) = (shows(1), shows(2), shows(3));
    for (key, index) in [(b"b", 2), (b"c", 3), (b"d", 4)] {
        db.put(key, b"2").unwrap();
        for (reader, upto) in [(&one, 1), (&two, 2), (&three, 3)] {
            assert_eq!(reader.len().unwrap(), index.min(upto), "{upto} of {index}");
        }
    }
    // The log itself is known as far as it goes.
    assert_eq!(lock(&one.inner.log).tail.last_index(), 4);
    assert_eq!(one.get(b"b").unwrap(), None);
    assert_eq!(three.get(b"c").unwrap().as_deref(), Some(&b"2"[..]));
}

#[test]
fn a_thread_that_panicked_in_a_checkpoint_does_not_keep_the_log_from_turning() {
    let (_dir, _, db) = watched();
    let panicked = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _local = db.inner.checkpointing.lock().unwrap();
            std::panic::resume_unwind(Box::new("a checkpoint"));
        });
        thread.join()
    });
    assert!(panicked.is_err() && db.inner.checkpointing.is_poisoned());
    let room = {
        let log = lock(&db.inner.log);
        log.tail.extent.len - log.tail.end
    };
    db.write(exactly(1, room)).unwrap();
    db.put(b"next", b"v").unwrap();
    let log = lock(&db.inner.log);
    assert_eq!((log.tail.active, log.tail.last_index()), (1, 2));
    drop(log);
    // And while one runs, the log is not turned under it.
    let _local = lock(&db.inner.checkpointing);
    let mut log = lock(&db.inner.log);
    assert_eq!(db.inner.turn_region(&mut log, 1).unwrap(), Turn::JobRuns);
}

#[test]
fn only_what_leaves_everything_as_it_was_lets_a_handle_go_on() {
    let of_system = |kind: io::ErrorKind| Error::io("write pages", kind.into());
    let busy = Error::Busy {
        lock: "writer",
        holder: None,
        waited: Duration::ZERO,
    };
    let limit = Error::Limit {
        what: Bounded::Pages,
        actual: 2,
        limit: 1,
    };
    let invalid = Error::Invalid {
        reason: "so".into(),
    };
    let unknown = Error::OutcomeUnknown {
        source: io::ErrorKind::Other.into(),
    };
    let damage = Corruption::new(Invariant::T1, "so");
    let errors = [
        (Error::Interrupted, true),
        (busy, true),
        (limit, true),
        (invalid, true),
        (Error::Unsorted { entry: 1 }, true),
        (Error::Corrupt(damage), true),
        (of_system(io::ErrorKind::StorageFull), true),
        (of_system(io::ErrorKind::QuotaExceeded), true),
        (of_system(io::ErrorKind::FileTooLarge), true),
        (of_system(io::ErrorKind::Other), false),
        (of_system(io::ErrorKind::UnexpectedEof), false),
        (unknown, false),
        (Error::ReadOnly, false),
        (Error::Poisoned, false),
    ];
    for (error, goes_on) in errors {
        let (_dir, db) = new();
        db.inner.poison_unless_harmless(&error);
        let told = db.put(b"a", b"v");
        match goes_on {
            true => drop(told.unwrap()),
            false => assert!(matches!(told, Err(Error::Poisoned)), "{error:?}: {told:?}"),
        }
    }
}

#[test]
fn a_handle_for_reading_keeps_nobody_from_writing() {
    let (_dir, db) = new();
    let options = plain().lock_timeout(Duration::ZERO);
    let reader = options.clone().read_only(true).hold_lock(true);
    let reader = reader.open(db.path()).unwrap();
    assert!(lock(&reader.inner.writer).is_none());
    db.put(b"a", b"1").unwrap();
    assert_eq!(reader.len().unwrap(), 1);
    let writer = options.clone().hold_lock(true).open(db.path()).unwrap();
    assert!(lock(&writer.inner.writer).is_some());
    let refused = db.inner.try_lock_writer().unwrap();
    assert!(refused.is_none());
}

/// The thread that writes has looked at the log already, and holds the writer lock: nobody else commits.
#[test]
fn nobody_looks_again_while_a_group_is_written() {
    let (_dir, db) = new();
    db.put(b"a", b"1").unwrap();
    let reader = plain().open(db.path()).unwrap();
    lock(&reader.inner.log).writing = true;
    db.put(b"b", b"1").unwrap();
    reader.inner.catch_up().unwrap();
    assert_eq!(lock(&reader.inner.log).tail.last_index(), 1);
    lock(&reader.inner.log).writing = false;
    reader.inner.catch_up().unwrap();
    assert_eq!(lock(&reader.inner.log).tail.last_index(), 2);
}
