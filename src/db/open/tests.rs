//! What is made of headers, marks and the log that were found.

use super::*;
use crate::db::tests::stepped::Stepped;
use crate::db::{CheckpointOptions, CreateOptions, SyncMode};
use crate::progress::NoProgress;

fn source(inner: &Inner) -> Source<'_> {
    Source {
        path: &inner.path,
        options: &inner.options,
        file: &inner.file,
        locks: &inner.locks,
        pins: &inner.pins,
    }
}

#[test]
fn generations_are_compared_by_their_low_halves() {
    for (generation, other, newer) in [
        (5, 5, false),
        (6, 5, true),
        (5, 6, false),
        (0, u32::MAX, true),
        (u32::MAX, 0, false),
        (1 << 30, 0, true),
        (3 << 30, 0, false),
        (7 + (1 << 31) - 1, 7, true),
        (7 + (1 << 31), 7, false),
    ] {
        assert_eq!(is_newer(generation, other), newer, "{generation} {other}");
    }
}

#[test]
fn a_header_is_lost_where_the_log_names_a_newer_one_or_its_slot_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::create(dir.path().join("a.creel")).unwrap();
    db.put(b"k", b"v").unwrap();
    let inner = &db.inner;
    let source = source(inner);
    let whole = slots::read(inner.file.as_ref()).unwrap();
    let current = whole.current(&inner.path).unwrap();
    let mut damaged = whole.clone();
    damaged.states[1] =
        crate::format::header::SlotState::Damaged(Corruption::new(Invariant::H1, "checksum"));
    assert!(damaged.has_damage() && !whole.has_damage());
    let mut tail = crate::db::handle::lock(&inner.log).tail.clone();
    let generation = current.header.generation as u32;
    for (durable_gen, slots, lost) in [
        (generation, &whole, false),
        (generation.wrapping_sub(1), &whole, false),
        (generation + 1, &whole, true),
        (generation, &damaged, true),
        (generation + 1, &damaged, true),
    ] {
        tail.durable_gen = durable_gen;
        for bulk_dropped in [false, true] {
            let replay = Replay {
                frames: 3,
                bytes: 300,
                bulk_dropped,
                ..Replay::default()
            };
            let judged = source.judge(&current, slots, &tail, &replay);
            if lost && bulk_dropped {
                let refused = judged.unwrap_err();
                assert!(matches!(refused, Error::Corrupt(_)), "{refused}");
                continue;
            }
            let expected = Recovery {
                replayed_frames: 3,
                replayed_bytes: 300,
                last_index: 1,
                bulk_dropped,
                header_fallback: lost,
                ..Recovery::default()
            };
            assert_eq!(judged.unwrap(), expected);
        }
    }
}

/// What another process does in the middle of reading a file in.
type Meanwhile = fn(&Db);

fn turn(other: &Db) {
    let _writer = other.inner.lock_writer().unwrap();
    let mut log = crate::db::handle::lock(&other.inner.log);
    other.inner.refresh(&mut log, true).unwrap();
    assert!(other.inner.switch_if_possible(&mut log, 0).unwrap());
}

fn fold(other: &Db) {
    let done = other.checkpoint(&CheckpointOptions::default(), &NoProgress);
    assert!(done.unwrap().done);
}

/// Generation and region that were read in where `meanwhile` came before that read, and those there are
/// then; `None` where it is seen that something changed. And how many reads there were.
fn caught(at: usize, meanwhile: Meanwhile) -> (Option<[(u64, u64); 2]>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.creel");
    let (vfs, others) = (Stepped::default(), Stepped::default());
    let options = vfs.options().sync(SyncMode::Normal);
    let db = options.create(&path, &CreateOptions::default()).unwrap();
    for i in 0..3u8 {
        db.put(&[i], b"v").unwrap();
    }
    let other = others.options().sync(SyncMode::Normal);
    let other = other.open(&path).unwrap();
    let place = |log: &Log| (log.current.header.generation, log.tail.region.region_seq);
    let changing = other.clone();
    vfs.before_read(at, move || meanwhile(&changing));
    let before = vfs.reads();
    let loaded = source(&db.inner).try_load(&Interest::All);
    let reads = vfs.reads() - before;
    let now = place(&crate::db::handle::lock(&other.inner.log));
    let loaded = match loaded {
        Err(Error::Corrupt(_)) => None,
        loaded => loaded.unwrap(),
    };
    (loaded.map(|loaded| [place(&loaded.log), now]), reads)
}

#[test]
fn a_log_that_turned_over_while_it_was_read_is_read_again() {
    for meanwhile in [turn as Meanwhile, fold] {
        let (quiet, reads) = caught(usize::MAX / 2, meanwhile);
        let [loaded, now] = quiet.unwrap();
        assert_eq!(loaded, now);
        assert!(reads > 8, "{reads} reads");
        let found: Vec<_> = (1..=reads).map(|at| caught(at, meanwhile).0).collect();
        // What comes behind the last look at all there is cannot be seen.
        let stale = found.iter().flatten().filter(|[loaded, now]| loaded != now);
        assert!(stale.count() <= 2, "{found:?}");
        assert!(found.contains(&None), "{found:?}");
    }
}
