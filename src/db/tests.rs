//! First signs of life; behaviour is tested from outside in `tests/`.

mod back;
mod bounds;
mod changes;
mod checkpoints;
mod compacting;
mod copies;
mod counts;
mod failing;
mod fences;
mod following;
mod groups;
mod life;
mod limits;
mod looks;
mod lost;
mod marks;
mod meanwhile;
mod no_room;
mod opening;
mod parts;
mod proving;
mod ranges;
mod regions;
pub(crate) mod stepped;
mod steps;
mod waiting;
pub mod watched;

use super::{Batch, CheckpointOptions, CreateOptions, Db, Interest, KeyRange, OpenOptions};
use crate::error::Error;
use crate::progress::NoProgress;

fn checkpoint(db: &Db) {
    let report = db
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    assert!(report.done, "{report:?}");
}

#[test]
fn what_is_put_is_there_after_checkpoint_and_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = OpenOptions::new()
        .create(&path, &CreateOptions::default())
        .unwrap();
    for i in 0..1000u32 {
        let mut batch = Batch::new();
        batch.put(
            format!("k{i:05}").as_bytes(),
            format!("value {i}").as_bytes(),
        );
        db.write(batch).unwrap();
        if i % 300 == 299 {
            checkpoint(&db);
        }
    }
    db.delete(b"k00500").unwrap();
    let check = |db: &Db| {
        let snapshot = db.snapshot().unwrap();
        assert_eq!(snapshot.get(b"k00042").unwrap().unwrap(), b"value 42");
        assert_eq!(snapshot.get(b"k00500").unwrap(), None);
        let main = snapshot.keyspace("main").unwrap();
        assert_eq!(main.len().unwrap(), 999);
        assert_eq!(main.cursor(&KeyRange::prefix(b"k000")).count(), 100);
    };
    check(&db);
    drop(db);
    let db = Db::open(&path).unwrap();
    check(&db);
    checkpoint(&db);
    check(&db);
}

#[test]
fn a_full_region_makes_room_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let create = CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new()
        .background_checkpoint(false)
        .checkpoint_at(None);
    let db = options
        .sync(super::SyncMode::Normal)
        .create(&path, &create)
        .unwrap();
    for i in 0..5000u32 {
        db.put(format!("k{:05}", i * 7919 % 5000).as_bytes(), &[b'x'; 100])
            .unwrap();
    }
    assert_eq!(db.len().unwrap(), 5000);
    drop(db);
    assert_eq!(Db::open(&path).unwrap().len().unwrap(), 5000);
}

fn key(i: u64) -> Vec<u8> {
    format!("{:020}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()
}

#[test]
fn bulk_load_then_compact_keeps_every_entry() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = Db::create(&path).unwrap();
    db.put(b"first", b"1").unwrap();
    let n = 20_000u64;
    let entries = (0..n).map(|i| Ok((key(i), vec![i as u8; 100])));
    let report = db
        .bulk_load_unsorted("main", entries, 300_000, &NoProgress)
        .unwrap();
    assert_eq!((report.given, report.added()), (n, n as i64));
    db.put(b"last", b"2").unwrap();
    assert_eq!(db.len().unwrap(), n + 2);
    // One log region has room for all of it, so that none has to grow.
    let gone: Vec<u64> = (0..n).filter(|i| i % 3 != 0).collect();
    for some in gone.chunks(100) {
        let mut batch = Batch::new();
        for i in some {
            batch.delete(&key(*i));
        }
        db.write(batch).unwrap();
    }
    let before = db.info().unwrap().content_sum;
    let report = db
        .compact(&super::CompactOptions::default(), &NoProgress)
        .unwrap();
    assert!(report.done, "{report:?}");
    assert_ne!(before, report.content_sum_after); // the log was folded first
    // How large the file was follows from when a checkpoint came to run beside the deletes.
    assert!(report.bytes_after < report.bytes_before, "{report:?}");
    let data = 6668 * 120;
    assert!(
        report.bytes_after < data * 11 / 10 + (1 << 20) + 32768,
        "{report:?}"
    );
    let dense = dir.path().join("b.creel");
    let copied = db.copy_dense(&dense, &NoProgress).unwrap();
    assert_eq!(copied.content_sum_after, report.content_sum_after);
    drop(db);
    for path in [&path, &dense] {
        let db = Db::open(path).unwrap();
        assert_eq!(db.len().unwrap(), n.div_ceil(3) + 2);
        for i in 0..n {
            let expected = (i % 3 == 0).then(|| vec![i as u8; 100]);
            assert_eq!(db.get(&key(i)).unwrap(), expected);
        }
        db.put(b"again", b"3").unwrap();
        checkpoint(&db);
    }
}

/// Ten commands that each put one key: a flipped bit in the second commit is damage, not the end.
#[test]
fn damage_among_one_shot_commits_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    Db::create(&path).unwrap();
    let one_shot = || {
        OpenOptions::new()
            .background_checkpoint(false)
            .interest(Interest::None)
    };
    let ends: Vec<u64> = (0..10u8)
        .map(|i| {
            let db = one_shot().open(&path).unwrap();
            db.put(&[b'k', i], &[i; 40]).unwrap();
            let log = super::handle::lock(&db.inner.log);
            assert_eq!(log.tail.proven, log.tail.end);
            log.tail.extent.start + log.tail.end
        })
        .collect();
    // Each write carried its own frame only: the one before was vouched for.
    let db = Db::open(&path).unwrap();
    let last = super::handle::lock(&db.inner.log).tail.last.unwrap();
    assert_eq!(
        u64::from(last.header.envelope.synced_units) * 8,
        last.offset
    );
    drop(db);
    let whole = std::fs::read(&path).unwrap();
    // The last one is vouched for by the mark alone.
    for i in [1usize, 5, 8, 9] {
        let mut bytes = whole.clone();
        bytes[ends[i] as usize - 20] ^= 4;
        std::fs::write(&path, &bytes).unwrap();
        let refused = Db::open(&path).unwrap_err();
        assert!(
            matches!(refused, crate::Error::Corrupt(_)),
            "{i}: {refused:?}"
        );
    }
}

#[test]
fn a_walk_that_mixes_its_steps_stops_at_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::create(dir.path().join("mixed.creel")).unwrap();
    let mut batch = Batch::new();
    for i in 0..2000u32 {
        batch.put(format!("k{i:05}").as_bytes(), &[7; 100]);
    }
    db.write(batch).unwrap();
    checkpoint(&db);
    let main = db.snapshot().unwrap().keyspace("main").unwrap();
    // Every end lies somewhere else in its leaf; key-only steps in between must not be counted as
    // checked against the bound.
    for end in (1..2000u32).step_by(37) {
        let range = KeyRange::from_to(b"k00000", format!("k{end:05}").as_bytes());
        for period in 1..5 {
            let mut cursor = main.cursor(&range);
            let mut found = 0;
            loop {
                let more = if found % period == 0 {
                    cursor.next_entry().unwrap().is_some()
                } else {
                    cursor.next_key().unwrap().is_some()
                };
                if !more {
                    break;
                }
                found += 1;
            }
            assert_eq!(found, end, "end {end}, period {period}");
        }
    }
}

#[test]
fn a_file_gets_its_name_when_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("later.creel");
    let unnamed = || {
        let create = CreateOptions::default();
        OpenOptions::new().create_unnamed(&path, &create).unwrap()
    };
    let dropped = unnamed();
    dropped.put(b"a", b"1").unwrap();
    drop(dropped);
    assert!(std::fs::read_dir(&dir).unwrap().next().is_none());

    let (first, late) = (unnamed(), unnamed());
    first.put(b"a", b"1").unwrap();
    late.put(b"b", b"2").unwrap();
    assert!(!path.exists());
    first.give_name().unwrap();
    first.give_name().unwrap();
    first.put(b"c", b"3").unwrap();
    assert!(matches!(late.give_name(), Err(Error::Exists { .. })));
    // Nobody would ever find what it wrote.
    assert!(matches!(late.put(b"d", b"4"), Err(Error::Replaced { .. })));
    let read = Db::open(&path).unwrap();
    assert_eq!(read.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(read.get(b"c").unwrap().as_deref(), Some(&b"3"[..]));
    assert_eq!(read.get(b"b").unwrap(), None);
}

#[test]
fn a_batch_knows_how_much_is_in_it() {
    let mut batch = Batch::new();
    assert!(batch.is_empty());
    assert_eq!((batch.len(), batch.byte_len()), (0, 0));
    batch.put(b"key", b"value").delete(b"other");
    batch.require_absent(b"a third");
    assert!(!batch.is_empty());
    assert_eq!(batch.len(), 2);
    assert!(batch.byte_len() >= 13, "{}", batch.byte_len());
}

#[test]
fn a_region_grows_by_how_full_a_checkpoint_leaves_it() {
    use super::region::wanted_room;
    assert_eq!(wanted_room(0, 400), 0);
    assert_eq!(wanted_room(100, 400), 0);
    assert_eq!(wanted_room(101, 400), 800);
    assert_eq!(wanted_room(300, 400), 800);
    assert_eq!(wanted_room(301, 400), 3200);
    assert_eq!(wanted_room(400, 400), 3200);
}

/// A handle that keeps one key in memory looks at the log for the others that a batch asks about.
#[test]
fn conditions_on_keys_that_a_handle_does_not_keep_are_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = Db::create(&path).unwrap();
    db.put(b"kept", b"1").unwrap();
    db.put(b"other", b"2").unwrap();
    drop(db);
    let open = || {
        OpenOptions::new()
            .background_checkpoint(false)
            .interest(Interest::Keys(vec![b"kept".to_vec()]))
            .open(&path)
            .unwrap()
    };
    let mut batch = Batch::new();
    batch.require_present(b"kept").put(b"a", b"1");
    open().write(batch).unwrap();
    let mut batch = Batch::new();
    batch.require_present(b"other").put(b"b", b"1");
    open().write(batch).unwrap();
    let mut batch = Batch::new();
    batch.require_absent(b"other").put(b"c", b"1");
    let refused = open().write(batch).unwrap_err();
    assert!(matches!(refused, Error::Precondition { .. }), "{refused}");
    let mut batch = Batch::new();
    batch.require_equals(b"other", b"2").delete(b"other");
    open().write(batch).unwrap();
    let db = Db::open(&path).unwrap();
    assert_eq!(db.len().unwrap(), 3);
    assert_eq!(db.get(b"other").unwrap(), None);
}

#[test]
fn a_want_of_space_is_told_from_other_failures() {
    use super::checkpoint::wants_space;
    use std::io::ErrorKind;
    for kind in [
        ErrorKind::StorageFull,
        ErrorKind::QuotaExceeded,
        ErrorKind::FileTooLarge,
    ] {
        assert!(wants_space(&kind.into()), "{kind}");
    }
    for kind in [ErrorKind::Other, ErrorKind::PermissionDenied] {
        assert!(!wants_space(&kind.into()), "{kind}");
    }
}

#[test]
fn a_session_that_keeps_the_lock_notices_that_its_file_was_moved_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    drop(Db::create(&path).unwrap());
    let db = OpenOptions::new().hold_lock(true).open(&path).unwrap();
    db.put(b"a", b"1").unwrap();
    std::fs::rename(&path, dir.path().join("moved")).unwrap();
    std::fs::write(&path, b"another").unwrap();
    let refused = db.put(b"b", b"1").unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused}");
}

#[test]
fn each_thing_that_recovery_did_is_worth_a_word() {
    use super::info::Recovery;
    let clean = Recovery::default();
    assert!(clean.is_clean());
    let torn_at = Some(4096);
    assert!(!Recovery { torn_at, ..clean }.is_clean());
    let bulk_dropped = true;
    assert!(
        !Recovery {
            bulk_dropped,
            ..clean
        }
        .is_clean()
    );
    let header_fallback = true;
    assert!(
        !Recovery {
            header_fallback,
            ..clean
        }
        .is_clean()
    );
}

/// A handle that had failed to read the whole log once took what it held for all of it.
#[test]
fn keys_that_could_not_be_looked_up_are_looked_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = Db::create(&path).unwrap();
    db.put(b"kept", b"1").unwrap();
    db.put(b"other", b"a value to be found").unwrap();
    db.put(b"last", b"3").unwrap();
    db.close().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let handle = OpenOptions::new()
        .background_checkpoint(false)
        .interest(Interest::Keys(vec![b"kept".to_vec()]))
        .open(&path)
        .unwrap();
    let mut bad = whole.clone();
    let at = whole.windows(7).rposition(|w| w == b"a value");
    if let Some(byte) = at.and_then(|at| bad.get_mut(at)) {
        *byte ^= 1;
    }
    assert_ne!(bad, whole);
    std::fs::write(&path, bad).unwrap();
    let refused = handle.get(b"other");
    assert!(matches!(refused, Err(Error::Corrupt(_))), "{refused:?}");
    std::fs::write(&path, whole).unwrap();
    let found = handle.get(b"other").unwrap();
    assert_eq!(found.as_deref(), Some(&b"a value to be found"[..]));
    assert_eq!(handle.get(b"kept").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn what_is_shown_is_limited_for_reading_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = Db::create(&path).unwrap();
    db.put(b"a", b"1").unwrap();
    db.put(b"a", b"2").unwrap();
    db.close().unwrap();
    let upto = |read_only| {
        let mut options = OpenOptions::new().read_only(read_only);
        options.upto = Some(1);
        options.open(&path)
    };
    let refused = upto(false);
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    let then = upto(true).unwrap();
    assert_eq!(then.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

/// Checksums hold, and what they protect is nonsense: a handle that keeps a few keys says so too.
#[test]
fn an_entry_that_does_not_decode_is_damage() {
    use super::open::apply_entry;
    use crate::format::frame::{EntryHeader, EntryKind, Envelope, FrameHeader};
    use crate::wal::scan::Placed;
    let placed = |kind| Placed {
        offset: 0,
        header: FrameHeader {
            envelope: Envelope {
                own_units: 0,
                synced_units: 0,
                durable_gen: 0,
                prev_crc: 0,
            },
            entry: EntryHeader {
                payload_len: 3,
                kind,
                index: 7,
                epoch: 1,
                op_count: 2,
                time_us: 0,
                history_before: [0; 16],
            },
            header_crc: 0,
        },
    };
    let keys = Interest::Keys(vec![b"a".to_vec()]);
    let applied = |kind, interest: &Interest| {
        let mut count = 0;
        apply_entry(&mut |_| count += 1, &placed(kind), &[0xff; 3], interest).map(|()| count)
    };
    for interest in [&keys, &Interest::All] {
        match applied(EntryKind::Commit, interest) {
            Err(Error::Corrupt(damage)) => assert!(damage.detail.contains("entry 7")),
            other => panic!("{other:?}"),
        }
    }
    // Nobody looks inside where nothing is kept, or nothing can be in it.
    assert_eq!(applied(EntryKind::Commit, &Interest::None).ok(), Some(0));
    assert_eq!(applied(EntryKind::Note, &keys).ok(), Some(0));
}

/// A header that is this handle's own and on its way is waited for; any other is read in anew, or commits
/// of others would be missed.
#[test]
fn only_the_header_of_the_running_checkpoint_is_coming() {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options
        .create(dir.path().join("db"), &CreateOptions::default())
        .unwrap();
    db.put(b"k", b"v").unwrap();
    let log = super::handle::lock(&db.inner.log);
    let generation = log.current.header.generation + 1;
    let mut next = log.current.clone();
    next.header.generation = generation;
    next.header.prev_header_crc = log.current.crc;
    let coming = &db.inner.coming;
    let order = std::sync::atomic::Ordering::Release;
    assert!(!db.inner.is_coming(&next, &log), "no checkpoint runs");
    coming.store(generation, order);
    assert!(db.inner.is_coming(&next, &log));
    let mut other = next.clone();
    other.header.prev_header_crc ^= 1;
    assert!(!db.inner.is_coming(&other, &log), "it follows another one");
    let mut later = next.clone();
    later.header.generation += 1;
    assert!(
        !db.inner.is_coming(&later, &log),
        "somebody went on from it"
    );
    coming.store(generation + 1, order);
    assert!(!db.inner.is_coming(&later, &log), "one is left out");
    coming.store(0, order);
    assert!(!db.inner.is_coming(&next, &log), "the checkpoint has ended");
}
