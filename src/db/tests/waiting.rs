//! Waiting for commits and for what stands in the way of reading, by a clock that only waiting moves.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::parts::new;
use super::stepped::Stepped;
use crate::db::archive::records;
use crate::db::handle::lock;
use crate::db::proof::{is_header_proven, is_proven};
use crate::db::{
    CheckpointOptions, CreateOptions, Db, FenceWish, OpenOptions, Position, Receipt, Retention,
};
use crate::error::Error;
use crate::format::frame::FRAME_HEADER_SIZE;
use crate::format::header::Role;
use crate::progress::NoProgress;
use crate::sys::Watch;

const LONG: Duration = Duration::from_secs(9);

fn checkpoint(db: &Db) {
    let options = CheckpointOptions::default();
    db.checkpoint(&options, &NoProgress).unwrap();
}

fn plain() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

fn stepped(vfs: &Stepped) -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = vfs
        .options()
        .create(path, &CreateOptions::default())
        .unwrap();
    for i in 0..4u8 {
        db.put(&[i], &[i; 50]).unwrap();
    }
    (dir, db)
}

#[test]
fn a_commit_that_is_there_is_not_waited_for() {
    let vfs = Stepped::default();
    let (_dir, db) = stepped(&vfs);
    assert_eq!(db.watch(3, LONG).unwrap(), 4);
    assert_eq!(db.watch(0, LONG).unwrap(), 4);
    for after in [3, 4, 5] {
        assert_eq!(db.watch(after, Duration::ZERO).unwrap(), 4);
    }
    assert_eq!((vfs.pauses(), vfs.watches()), (0, 0));
}

#[test]
fn without_a_watch_it_is_looked_again_and_again() {
    let vfs = Stepped::default();
    let (_dir, db) = stepped(&vfs);
    // Two looks of 2 ms, and what is left.
    assert_eq!(db.watch(4, Duration::from_millis(5)).unwrap(), 4);
    assert_eq!((vfs.pauses(), vfs.watches()), (3, 1));
    let other = plain().open(db.path()).unwrap();
    let before = vfs.pauses();
    vfs.in_pause(move |number| {
        if number == before + 3 || number == before + 6 {
            other.put(b"k", b"v").unwrap();
        }
    });
    // The first one is not behind that entry.
    assert_eq!(db.watch(5, LONG).unwrap(), 6);
    assert_eq!(vfs.pauses() - before, 6);
}

/// A watch that tells of something each time, or never works.
#[derive(Debug)]
struct Told {
    works: bool,
    vfs: Stepped,
    waits: AtomicUsize,
    other: Db,
}

impl Watch for Told {
    fn wait(&self, time: Duration) -> std::io::Result<()> {
        if !self.works {
            return Err(std::io::ErrorKind::Other.into());
        }
        assert!(!time.is_zero() && time <= LONG);
        self.vfs.wait(Duration::from_millis(1));
        if self.waits.fetch_add(1, Ordering::SeqCst) == 4 {
            self.other.put(b"k", b"v").unwrap();
        }
        Ok(())
    }
    fn wake(&self) {}
}

#[test]
fn a_watch_is_waited_for_and_where_it_fails_it_is_looked_again() {
    for works in [true, false] {
        let vfs = Stepped::default();
        let (_dir, db) = stepped(&vfs);
        let told = Arc::new(Told {
            works,
            vfs: vfs.clone(),
            waits: AtomicUsize::new(0),
            other: plain().open(db.path()).unwrap(),
        });
        let watched = Stepped {
            watch: Some(Arc::clone(&told) as _),
            ..vfs.clone()
        };
        let db = watched.options().open(db.path()).unwrap();
        if works {
            assert_eq!(db.watch(4, LONG).unwrap(), 5);
            assert_eq!((told.waits.load(Ordering::SeqCst), vfs.pauses()), (5, 0));
        } else {
            assert_eq!(db.watch(4, Duration::from_millis(5)).unwrap(), 4);
            assert_eq!(vfs.pauses(), 3);
        }
    }
}

/// Flips a bit of the second entry's payload, or puts it right again.
fn flip(path: PathBuf, at: u64) -> impl Fn() {
    move || {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[byte[0] ^ 1]).unwrap();
    }
}

#[test]
fn damage_in_the_log_is_told_after_so_many_looks_unless_it_goes_away() {
    for (healed, good) in [(19, true), (20, false), (1, true)] {
        for by_reader in [false, true] {
            let vfs = Stepped::default();
            let (_dir, db) = stepped(&vfs);
            let mut reader = db.log_reader(&db.position_at(0).unwrap()).unwrap();
            let at = {
                let tail = &lock(&db.inner.log).tail;
                // All entries are equally long.
                let one = (tail.end - tail.last.unwrap().offset).next_multiple_of(8);
                tail.extent.start + 64 + one + FRAME_HEADER_SIZE as u64 + 10
            };
            let flip = flip(db.path().to_owned(), at);
            flip();
            vfs.in_pause(move |number| {
                if number == healed {
                    flip();
                }
            });
            let found = match by_reader {
                true => reader.read(9, 9999).map(|bytes| !bytes.is_empty()),
                false => db.inner.walk_log(0, |_, _, _| Ok(true)).map(|_| true),
            };
            assert_eq!(found.is_ok(), good, "{healed}: {found:?}");
            assert_eq!(vfs.pauses(), healed.min(19), "{healed}");
            if let Err(e) = found {
                assert!(matches!(e, Error::Corrupt(_)), "{e}");
            }
        }
    }
}

/// The part of the log that could not be read was begun anew before it was tried again.
#[test]
fn changes_are_not_told_with_a_hole_in_them() {
    let vfs = Stepped::default();
    let (_dir, db) = stepped(&vfs);
    let other = plain().open(db.path()).unwrap();
    let third = {
        let tail = &lock(&db.inner.log).tail;
        let one = (tail.end - tail.last.unwrap().offset).next_multiple_of(8);
        tail.extent.start + 64 + 2 * one + FRAME_HEADER_SIZE as u64 + 10
    };
    let turn = |other: &Db| {
        let _writer = other.inner.lock_writer().unwrap();
        let mut log = lock(&other.inner.log);
        other.inner.refresh(&mut log, true).unwrap();
        assert!(other.inner.switch_if_possible(&mut log, 0).unwrap());
    };
    turn(&other);
    other.put(b"k", b"v").unwrap();
    other.put(b"l", b"v").unwrap();
    assert_eq!(db.len().unwrap(), 6);
    let since = db.position_at(1).unwrap();
    assert_eq!(db.changes_since(&since).unwrap().keys.most(), 5);
    flip(db.path().to_owned(), third)();
    vfs.in_pause(move |number| {
        if number == 1 {
            super::checkpoint(&other);
            turn(&other);
        }
    });
    let refused = db.changes_since(&since).unwrap_err();
    assert_eq!(vfs.pauses(), 1);
    let Error::NotRetained { index, oldest } = refused else {
        panic!("{refused}");
    };
    assert_eq!((index, oldest), (1, 4));
}

/// As above, where a part of the archive was given up and its place used again.
#[test]
fn changes_are_not_told_where_an_archived_part_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        role: Role::Primary,
        ..CreateOptions::default()
    };
    let path = dir.path().join("a.creel");
    let db = plain().create(&path, &create).unwrap();
    for i in 0..4u8 {
        db.put(&[i], b"v").unwrap();
        super::checkpoint(&db);
    }
    let since = db.position_at(1).unwrap();
    assert_eq!(db.changes_since(&since).unwrap().keys.most(), 3);
    let parts = records(&db.inner.view.load().tree).unwrap();
    let lost = parts.iter().find(|part| part.first_index > 2).unwrap();
    let at = u64::from(lost.start_page) * 4096;
    db.inner.file.write_at(&[0; 64], at).unwrap();
    let refused = db.changes_since(&since).unwrap_err();
    assert!(matches!(refused, Error::NotRetained { .. }), "{refused}");
}

/// Another process has archived a part of the log, and this handle has not looked since.
#[test]
fn what_was_archived_meanwhile_is_walked_too() {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        role: Role::Primary,
        ..CreateOptions::default()
    };
    let path = dir.path().join("a.creel");
    let db = plain().create(&path, &create).unwrap();
    let other = plain().open(&path).unwrap();
    for i in 0..3u8 {
        other.put(&[i], b"v").unwrap();
        super::checkpoint(&other);
    }
    let mut seen = Vec::new();
    let began = db.inner.walk_log(0, |_, placed, _| {
        seen.push(placed.header.entry.index);
        Ok(true)
    });
    assert_eq!(began.unwrap().index, 0);
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn an_entry_is_proven_with_its_header_and_all_before_it() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    let mut log = lock(&db.inner.log);
    log.tail.region.first_index = 5;
    let generation = log.current.header.generation as u32;
    let end = log.tail.end;
    for (header, durable, known) in [
        (true, generation, true),
        (true, generation - 1, true),
        (false, generation, true),
        (false, generation - 1, false),
        (false, generation + 1, false),
    ] {
        (log.header_proven, log.tail.durable_gen) = (header, durable);
        assert_eq!(is_header_proven(&log), known);
        for (proven, index, all) in [
            (end, 9, true),
            (end + 8, 9, true),
            (end - 8, 4, true),
            (end - 8, 5, false),
            (end - 8, 6, false),
        ] {
            log.tail.proven = proven;
            assert_eq!(is_proven(&log, index), all && known, "{proven} {index}");
        }
    }
}

/// Epoch 1 up to entry 3, epoch 2 from entry 4 to 6, epoch 3 from entry 7 to 8.
fn epochs() -> (tempfile::TempDir, Db) {
    let (dir, db) = new();
    let begin = |db: &Db| {
        let entry = db.prepare_fence(&FenceWish::default()).unwrap();
        db.install_fence(&entry).unwrap();
    };
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    begin(&db);
    db.put(b"k", b"v").unwrap();
    db.put(b"l", b"v").unwrap();
    begin(&db);
    db.put(b"m", b"v").unwrap();
    let begun: Vec<_> = db.epochs().unwrap();
    let begun: Vec<_> = begun.iter().map(|e| (e.epoch, e.previous_index)).collect();
    assert_eq!(begun, [(2, 3), (3, 6)]);
    assert_eq!(db.position().unwrap().index, 8);
    (dir, db)
}

#[test]
fn the_table_of_epochs_tells_whose_entry_it_is() {
    let (_dir, db) = epochs();
    for index in 1..=8 {
        let epoch = match index {
            1..=3 => 1,
            4..=6 => 2,
            _ => 3,
        };
        for asked in 1..=4 {
            let told = db.check_epoch(asked, index);
            match asked == epoch {
                true => told.unwrap(),
                false => assert!(
                    matches!(told, Err(Error::Diverged { .. })),
                    "{asked}:{index} {told:?}"
                ),
            }
        }
    }
    // Without a record there was none but the first.
    let (_dir, db) = new();
    db.check_epoch(1, 5).unwrap();
    let told = db.check_epoch(7, 5);
    assert!(matches!(told, Err(Error::Diverged { .. })), "{told:?}");
}

/// Promoted behind the back of an epoch 2 that it had heard of, a file took what was written there for
/// its own: no record told of the epoch of its first entries.
#[test]
fn a_commit_of_an_epoch_that_was_passed_over_is_not_here() {
    let (_dir, db) = new();
    for i in 0..5u8 {
        db.put(&[i], b"v").unwrap();
    }
    let wish = FenceWish {
        above_epoch: 2,
        ..FenceWish::default()
    };
    let fence = db.prepare_fence(&wish).unwrap();
    db.install_fence(&fence).unwrap();
    assert_eq!(db.epochs().unwrap()[0].epoch, 3);
    let none = Retention {
        min_entries: 0,
        rewind_bytes: Some(0),
        ..Retention::default()
    };
    db.change_facts(|facts| facts.retention = none).unwrap();
    for i in 0..3u8 {
        db.put(&[i], b"w").unwrap();
        checkpoint(&db);
    }
    let old = db.position_at(4);
    assert!(matches!(old, Err(Error::NotRetained { .. })), "{old:?}");
    let wait = |text: &str| db.wait_for(&text.parse().unwrap(), Duration::ZERO);
    wait("1:4").unwrap();
    let late = wait("2:4");
    assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
    let lost = wait("2:7");
    assert!(matches!(lost, Err(Error::TokenLost { .. })), "{lost:?}");
}

#[test]
fn a_commit_behind_the_end_of_its_epoch_never_comes() {
    let (_dir, db) = epochs();
    let wait = |epoch, index| {
        let position = Position {
            epoch,
            index,
            hash: None,
        };
        db.wait_for(&Receipt::from(position), Duration::ZERO)
    };
    for (epoch, ended) in [
        (1, "epoch 2 began behind entry 3"),
        (2, "epoch 3 began behind entry 6"),
    ] {
        for index in [9, 20] {
            match wait(epoch, index) {
                Err(Error::TokenLost { reason }) => assert_eq!(reason, ended),
                other => panic!("{epoch}:{index} {other:?}"),
            }
        }
    }
    for epoch in [3, 4] {
        let late = wait(epoch, 9);
        assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
    }
}

/// A file that has gone a way of its own said that commits of the epoch that it had not heard of were
/// dropped; and that they were here, where its own entry was too old to look at.
#[test]
fn a_commit_of_an_epoch_that_is_not_known_here_is_neither_here_nor_lost() {
    let (_dir, db) = new();
    for i in 0..9u8 {
        db.put(&[i], b"v").unwrap();
    }
    let wait = |text: &str| db.wait_for(&text.parse().unwrap(), Duration::ZERO);
    let late = |text: &str| matches!(wait(text), Err(Error::TimedOut { .. }));
    assert!(late("2:5") && late("2:5:9f31c0aa") && late("2:10"));
    assert!(matches!(wait("1:5:00000000"), Err(Error::TokenLost { .. })));
    checkpoint(&db);
    db.put(b"k", b"v").unwrap();
    checkpoint(&db);
    let old = db.position_at(5);
    assert!(matches!(old, Err(Error::NotRetained { .. })), "{old:?}");
    wait("1:5").unwrap();
    assert!(late("2:5") && late("2:5:9f31c0aa"));
    // Between two epochs of its own.
    let (_dir, db) = epochs();
    let wait = |text: &str| db.wait_for(&text.parse().unwrap(), Duration::ZERO);
    for text in ["2:2", "3:5", "4:8"] {
        let late = wait(text);
        assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
    }
    for text in ["1:5", "2:8"] {
        let lost = wait(text);
        assert!(matches!(lost, Err(Error::TokenLost { .. })), "{lost:?}");
    }
}

#[test]
fn who_reads_is_told_that_another_file_has_the_name() {
    let (dir, db) = new();
    db.put(b"a", b"1").unwrap();
    db.check_same_file().unwrap();
    let at = db.position().unwrap();
    let other = dir.path().join("other");
    drop(Db::create(&other).unwrap());
    std::fs::rename(&other, db.path()).unwrap();
    let told = db.check_same_file();
    assert!(matches!(told, Err(Error::Replaced { .. })), "{told:?}");
    let told = db.wait_for(&Receipt::from(at), Duration::ZERO);
    assert!(matches!(told, Err(Error::Replaced { .. })), "{told:?}");
    // Reads go on as they were.
    assert_eq!(db.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

/// Tells of nothing, and notes how long it was asked.
#[derive(Debug, Default)]
struct Silent(Mutex<Vec<Duration>>, Stepped);

impl Watch for Silent {
    fn wait(&self, time: Duration) -> std::io::Result<()> {
        lock(&self.0).push(time);
        self.1.wait(time);
        Ok(())
    }
    fn wake(&self) {}
}

/// No commit tells of the epoch that a fence of another process begins.
#[test]
fn an_epoch_that_has_not_begun_is_asked_for_again_and_again_and_an_entry_waited_for() {
    let vfs = Stepped::default();
    let (_dir, db) = stepped(&vfs);
    let path = db.path().to_owned();
    drop(db);
    for (receipt, times_ms) in [("1:9", vec![50]), ("2:4", vec![20, 20, 10])] {
        let silent = Arc::new(Silent(Mutex::default(), vfs.clone()));
        let watched = Stepped {
            watch: Some(Arc::clone(&silent) as _),
            ..vfs.clone()
        };
        let db = watched.options().open(&path).unwrap();
        let late = db.wait_for(&receipt.parse().unwrap(), Duration::from_millis(50));
        assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
        let times = times_ms.into_iter().map(Duration::from_millis);
        assert_eq!(*lock(&silent.0), times.collect::<Vec<_>>(), "{receipt}");
    }
}
