//! How much a reader is given, how far, and when it has to look for its place anew.

use super::*;
use crate::db::{CheckpointOptions, CreateOptions, Db, OpenOptions};
use crate::format::frame::{Envelope, FrameHeader};
use crate::progress::NoProgress;

fn options() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

fn new() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let db = options().create(path, &CreateOptions::default()).unwrap();
    (dir, db)
}

fn checkpoint(db: &Db) {
    let done = db.checkpoint(&CheckpointOptions::default(), &NoProgress);
    assert!(done.unwrap().done);
}

fn indexes(bytes: &[u8]) -> Vec<u64> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some((entry, behind)) = Entry::split(rest).unwrap() {
        found.push(entry.header.index);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    found
}

fn start(db: &Db) -> Position {
    db.position_at(0).unwrap()
}

#[test]
fn whole_entries_are_given_up_to_the_byte() {
    let (_dir, db) = new();
    for i in 0..4u8 {
        db.put(&[i], &[7; 100]).unwrap();
    }
    let reader = || db.log_reader(&start(&db)).unwrap();
    let all = reader().read(9, usize::MAX).unwrap();
    let one = all.len() / 4;
    let read = |entries, bytes| indexes(&reader().read(entries, bytes).unwrap());
    assert_eq!(read(9, 4 * one), [1, 2, 3, 4]);
    assert_eq!(read(9, 4 * one - 1), [1, 2, 3]);
    assert_eq!(read(9, 2 * one), [1, 2]);
    assert_eq!(read(9, 2 * one - 1), [1]);
    // One at least, however large it is.
    assert_eq!(read(9, one - 1), [1]);
    assert_eq!(read(0, 0), [1]);
    assert_eq!(read(1, usize::MAX), [1]);
    assert_eq!(read(3, usize::MAX), [1, 2, 3]);
    let mut steps = reader();
    for i in 1..=4 {
        assert_eq!(indexes(&steps.read(1, 1).unwrap()), [i]);
        assert_eq!(steps.position(), db.position_at(i).unwrap());
    }
    assert!(steps.read(1, 1).unwrap().is_empty());
}

/// A bulk step that may still be lost is not told of.
#[test]
fn a_bulk_step_ends_what_is_read_where_it_is_proven() {
    let placed = |kind| Placed {
        offset: 64,
        header: FrameHeader {
            envelope: Envelope {
                own_units: 0,
                synced_units: 0,
                durable_gen: 0,
                prev_crc: 0,
            },
            entry: EntryHeader {
                payload_len: 0,
                kind,
                index: 7,
                epoch: 1,
                op_count: 0,
                time_us: 0,
                history_before: [3; 16],
            },
            header_crc: 0,
        },
    };
    let end = 64 + placed(EntryKind::Bulk).header.frame_len();
    for (kind, upto, with_bulk, taken, bulk) in [
        (EntryKind::Bulk, end, false, false, Some(7)),
        (EntryKind::Bulk, end - 1, false, false, None),
        (EntryKind::Bulk, end, true, true, None),
        (EntryKind::Bulk, end - 1, true, false, None),
        (EntryKind::Note, end, false, true, None),
        (EntryKind::Note, end - 1, false, false, None),
    ] {
        let mut batch = Batch::new(upto, 9, 999, with_bulk);
        assert_eq!(batch.take(&placed(kind), &[]).is_ok(), taken);
        assert_eq!((batch.bulk, !batch.out.is_empty()), (bulk, taken));
        assert_eq!(batch.before, taken.then_some([3; 16]));
    }
}

#[test]
fn what_is_not_proven_is_behind_the_limit() {
    let (_dir, db) = new();
    for i in 0..4u8 {
        db.put(&[i], b"v").unwrap();
    }
    let off = options().sync(SyncMode::Off).open(db.path()).unwrap();
    let limit = |db: &Db, proven: bool, header_proven: bool, durable: bool| {
        let inner = &db.inner;
        let end = {
            let mut log = lock(&inner.log);
            log.writing = true; // nobody looks whether it is so
            let end = log.tail.end;
            log.tail.proven = if proven { end } else { 64 };
            log.header_proven = header_proven;
            let generation = log.current.header.generation as u32;
            log.tail.durable_gen = generation.wrapping_sub(u32::from(!durable));
            end
        };
        let limit = inner.limit(4).unwrap();
        assert_eq!(limit.newest, 4);
        assert!(limit.history.is_some());
        assert!(inner.limit(3).unwrap().history.is_none());
        assert!(limit.offset == 64 || limit.offset == end);
        (limit.offset == end, limit.nothing)
    };
    // All there is, or what is proven of it; or nothing, before the header is.
    assert_eq!(limit(&db, true, true, true), (true, false));
    assert_eq!(limit(&db, false, true, false), (false, false));
    assert_eq!(limit(&db, false, false, true), (false, false));
    assert!(limit(&db, false, false, false).1);
    assert!(limit(&db, true, false, false).1);
    // Nothing is waited for.
    for proven in [false, true] {
        for header in [false, true] {
            assert_eq!(limit(&off, proven, header, false), (true, false));
        }
    }
}

/// A group that is being written is not looked over: whoever writes it knows all there is.
#[test]
fn what_others_do_is_not_looked_at_while_a_group_is_written() {
    let (_dir, db) = new();
    let other = options().open(db.path()).unwrap();
    db.put(b"a", b"v").unwrap();
    lock(&db.inner.log).writing = true;
    other.put(b"b", b"v").unwrap();
    assert_eq!(db.inner.limit(1).unwrap().newest, 1);
    assert_eq!(db.inner.newest_point().unwrap().index, 1);
    assert_eq!(db.watch(0, Duration::ZERO).unwrap(), 1);
    lock(&db.inner.log).writing = false;
    assert_eq!(db.inner.limit(1).unwrap().newest, 2);
    other.put(b"c", b"v").unwrap();
    assert_eq!(db.inner.newest_point().unwrap().index, 3);
    other.put(b"d", b"v").unwrap();
    assert_eq!(db.watch(0, Duration::ZERO).unwrap(), 4);
}

#[test]
fn a_region_that_was_begun_anew_is_not_the_one_that_was_read() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    let mut reader = db.log_reader(&start(&db)).unwrap();
    assert_eq!(indexes(&reader.read(1, 1).unwrap()), [1]);
    let place = reader.place.unwrap();
    assert!(db.inner.stands(&place).unwrap());
    let mut other = place;
    other.region.salt ^= 1;
    assert!(!db.inner.stands(&other).unwrap());
    // Nor is one behind the end of the file.
    other = place;
    other.extent.start = db.inner.file.size().unwrap() - 8;
    assert!(!db.inner.stands(&other).unwrap());
}

/// The limit was looked up, and then somebody turned to the other region and wrote there.
#[test]
fn nothing_behind_the_limit_is_given_where_the_log_turned_over_meanwhile() {
    let (_dir, db) = new();
    let other = options().open(db.path()).unwrap();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    let mut reader = db.log_reader(&db.position().unwrap()).unwrap();
    let before = db.inner.limit(3).unwrap();
    {
        let _writer = other.inner.lock_writer().unwrap();
        let mut log = lock(&other.inner.log);
        other.inner.refresh(&mut log, true).unwrap();
        assert!(other.inner.switch_if_possible(&mut log, 0).unwrap());
    }
    other.put(b"k", b"v").unwrap();
    assert!(reader.read_upto(&before, 9, 999).unwrap().is_none());
    assert_eq!(indexes(&reader.read(9, 999).unwrap()), [4]);
}

#[test]
fn a_reader_whose_log_is_gone_is_told_where_it_begins() {
    let (_dir, db) = new();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    let mut reader = db.log_reader(&db.position_at(1).unwrap()).unwrap();
    for i in 0..4u8 {
        db.put(&[i], b"w").unwrap();
        checkpoint(&db);
    }
    db.put(b"last", b"v").unwrap();
    let refused = reader.read(9, 999).unwrap_err();
    let Error::NotRetained { index, oldest } = refused else {
        panic!("{refused}");
    };
    assert_eq!(index, 1);
    let newest = db.position().unwrap().index;
    assert!((3..newest).contains(&oldest), "{oldest}");
    let at = db.position_at(oldest).unwrap();
    let mut reader = db.log_reader(&at).unwrap();
    assert_eq!(indexes(&reader.read(1, 1).unwrap()), [oldest + 1]);
}
