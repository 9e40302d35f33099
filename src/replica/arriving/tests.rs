//! The check keeps pace with what comes, and nothing but what was checked is put in place.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may panic

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::{Arriving, Parts};
use crate::check::Verdict;
use crate::db::{CreateOptions, Db, OpenOptions, SyncMode};
use crate::format::entry::Point;
use crate::progress::NoProgress;

/// The bytes of a new copy, and those of them that a check reads first.
struct Copy {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
    early: Vec<(u64, Vec<u8>)>,
}

fn copy(entries: u32) -> Copy {
    let dir = tempfile::tempdir().unwrap();
    // One checkpoint: the leaves stand in the order of their keys, in which they are checked.
    let options = OpenOptions::new()
        .sync(SyncMode::Off)
        .background_checkpoint(false);
    let db: Db = options
        .create(dir.path().join("a.db"), &CreateOptions::default())
        .unwrap();
    for i in 0..entries {
        db.put(&i.to_be_bytes(), &[i as u8; 200]).unwrap();
    }
    db.checkpoint(&Default::default(), &NoProgress).unwrap();
    let seed = db.prepare_seed().unwrap();
    let mut early = Vec::new();
    seed.early(&mut |at, piece| {
        early.push((at, piece.to_vec()));
        true
    })
    .unwrap();
    let mut bytes = Vec::new();
    seed.write_to(&mut bytes, &NoProgress).unwrap();
    Copy { dir, bytes, early }
}

impl Copy {
    fn begin(&self) -> Arriving {
        let nowhere = Point {
            index: 0,
            epoch: 0,
            history: [0; 16],
        };
        let path = self.dir.path().join("b.db");
        Arriving::begin(&path, self.bytes.len() as u64, &nowhere).unwrap()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.dir.path()).unwrap().count()
    }
}

#[test]
fn a_copy_was_checked_only_once_all_of_it_was_there() {
    let copy = copy(20_000);
    let mut arriving = copy.begin();
    for (at, piece) in &copy.early {
        assert_eq!(copy.bytes[*at as usize..][..piece.len()], *piece);
        arriving.early(*at, piece).unwrap();
    }
    let early: usize = copy.early.iter().map(|(_, piece)| piece.len()).sum();
    assert!(
        early < copy.bytes.len() / 4,
        "{early} bytes ahead of their turn"
    );
    let (most, last) = copy.bytes.split_at(copy.bytes.len() * 7 / 8);
    for piece in most.chunks(100_000) {
        arriving.write(piece).unwrap();
    }
    let begun = Instant::now();
    // Leaves were checked, not only what came ahead.
    let much = early as u64 + (1 << 20);
    while arriving.came.checked.load(Relaxed) < much {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is checked"
        );
        std::thread::yield_now();
    }
    assert!(!arriving.check.as_ref().unwrap().is_finished());
    arriving.write(last).unwrap();
    let report = arriving.finish().unwrap();
    assert_eq!((report.verdict, report.entries), (Verdict::Clean, 20_000));
    assert_eq!(std::fs::read(&arriving.beside.path).unwrap(), copy.bytes);
}

#[test]
fn bytes_that_were_checked_are_those_that_come_in_their_turn() {
    let copy = copy(2_000);
    for (number, (at, piece)) in copy.early.iter().enumerate() {
        let mut other = piece.clone();
        let place = number % other.len();
        other[place] ^= 1;
        let mut arriving = copy.begin();
        arriving.early(*at, &other).unwrap();
        let written = copy
            .bytes
            .chunks(3_000)
            .try_for_each(|piece| arriving.write(piece));
        let refused = written.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData, "{at}");
        assert!(arriving.early(*at, piece).is_err(), "{at} once more");
    }
    assert_eq!(copy.files(), 1, "nothing is left");
}

#[test]
fn damage_is_found_wherever_it_comes_first() {
    let copy = copy(2_000);
    let (at, piece) = copy.early.last().unwrap();
    let mut damaged = copy.bytes.clone();
    damaged[*at as usize + piece.len() / 2] ^= 1;
    for ahead in [false, true] {
        let mut arriving = copy.begin();
        if ahead {
            arriving
                .early(*at, &damaged[*at as usize..][..piece.len()])
                .unwrap();
        }
        arriving.write(&damaged).unwrap();
        assert_eq!(arriving.finish().unwrap().verdict, Verdict::Damaged);
    }
}

#[test]
fn a_check_ends_with_the_copy_that_does_not_come() {
    let copy = copy(2_000);
    let mut arriving = copy.begin();
    arriving.write(&copy.bytes[..copy.bytes.len() / 2]).unwrap();
    assert!(arriving.check.is_some());
    assert!(arriving.finish().is_err(), "half of it");
    drop(arriving); // waits for it
    assert_eq!(copy.files(), 1);
}

#[test]
fn what_is_there_is_known_to_the_byte() {
    let mut parts = Parts::default();
    parts.add(10, 20);
    parts.add(20, 30);
    parts.add(40, 50);
    assert_eq!(parts.ahead.len(), 2, "neighbours are one");
    let has = |parts: &Parts| {
        let there = |at| parts.has(at, at + 1);
        (0..60).filter(|&at| there(at)).collect::<Vec<u64>>()
    };
    let expected: Vec<u64> = (10..30).chain(40..50).collect();
    assert_eq!(has(&parts), expected);
    assert!(parts.has(10, 30) && !parts.has(9, 30) && !parts.has(10, 31) && !parts.has(29, 41));
    assert_eq!(parts.between(15, 45), [(15, 30), (40, 45)]);
    assert_eq!(parts.between(30, 40), []);
    assert!(parts.touches(0, 11) && !parts.touches(0, 10) && !parts.touches(30, 40));
    parts.reach(15);
    assert!(parts.has(0, 30) && parts.touches(14, 15));
    parts.reach(30);
    assert_eq!(parts.ahead.len(), 1, "what came in its turn is forgotten");
    assert!(parts.has(0, 30) && !parts.has(0, 31));
    parts.reach(60);
    assert!(parts.has(0, 60) && parts.ahead.is_empty());
}
