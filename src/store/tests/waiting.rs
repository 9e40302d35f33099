//! How long locks are waited for, by a clock that only moves where somebody waits; and pins.

use std::sync::Arc;
use std::time::Duration;

use super::file;
use super::odd::{Clock, OddFile};
use crate::store::locks::{CHECKPOINT, GATE, LOG_PINS, PINS, close_gate, try_hold, wait};
use crate::store::pins::Pins;
use crate::sys::{Access, File, LockMode, OsVfs, Vfs};

/// A file, and another descriptor of it.
fn two() -> (tempfile::TempDir, Arc<dyn File>, Arc<dyn File>) {
    let (dir, file) = file(4);
    let other = OsVfs.open(&dir.path().join("file"), Access::Write).unwrap();
    (dir, file, other)
}

#[test]
fn a_gate_that_nobody_holds_is_closed_at_once() {
    let (_dir, file, other) = two();
    let clock = Clock::default();
    let held = close_gate(&clock, &file).unwrap();
    assert!(held.is_some());
    assert_eq!(clock.pauses(), []);
    assert!(!other.try_lock(GATE, 1, LockMode::Shared).unwrap());
    drop(held);
    assert!(other.try_lock(GATE, 1, LockMode::Shared).unwrap());
}

#[test]
fn a_gate_that_stays_open_is_waited_for_but_not_for_long() {
    let (_dir, file, other) = two();
    assert!(other.try_lock(GATE, 1, LockMode::Shared).unwrap());
    let clock = Clock::default();
    assert!(close_gate(&clock, &file).unwrap().is_none());
    let waited = clock.elapsed();
    let most = Duration::from_millis(50);
    assert!(waited >= most && waited < 2 * most, "{waited:?}");
    // Whoever copies the log is mostly done before.
    let clock = Clock {
        gives_back: Some((3, other, GATE)),
        ..Clock::default()
    };
    assert!(close_gate(&clock, &file).unwrap().is_some());
    assert_eq!(clock.pauses().len(), 3);
}

#[test]
fn a_lock_is_asked_for_less_and_less_often_until_the_time_is_over() {
    let (_dir, file, other) = two();
    assert!(other.try_lock(CHECKPOINT, 1, LockMode::Exclusive).unwrap());
    let clock = Clock::default();
    let timeout = Duration::from_millis(24);
    assert!(wait(&clock, &file, CHECKPOINT, timeout).unwrap().is_none());
    // Twice as long each time, up to five milliseconds, and not beyond the end.
    let pauses = [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 2650];
    assert_eq!(clock.pauses(), pauses.map(Duration::from_micros));
    let clock = Clock {
        gives_back: Some((2, Arc::clone(&other), CHECKPOINT)),
        ..Clock::default()
    };
    let held = wait(&clock, &file, CHECKPOINT, timeout).unwrap();
    assert!(held.is_some());
    assert_eq!(clock.pauses().len(), 2);
    assert!(
        try_hold(&other, CHECKPOINT, LockMode::Shared)
            .unwrap()
            .is_none()
    );
    drop(held);
    // Without time to wait it is tried once.
    let clock = Clock::default();
    let held = wait(&clock, &file, CHECKPOINT, Duration::ZERO).unwrap();
    assert!(held.is_some());
    let again = wait(&clock, &other, CHECKPOINT, Duration::ZERO).unwrap();
    assert!(again.is_none());
    assert_eq!(clock.pauses(), []);
}

/// A descriptor does not see its own locks, so that others have to look.
#[test]
fn a_pin_that_was_let_go_is_seen_by_nobody() {
    let (_dir, file, other) = two();
    let kinds = [
        (
            Pins::new(Arc::clone(&file)),
            Pins::new(Arc::clone(&other)),
            PINS,
        ),
        (
            Pins::of_log(file),
            Pins::of_log(Arc::clone(&other)),
            LOG_PINS,
        ),
    ];
    for (mine, theirs, first) in kinds {
        let (three, again, nine) = (mine.pin(3), mine.pin(3), mine.pin(9));
        assert_eq!(theirs.oldest().unwrap(), Some(3));
        assert_eq!(other.find_lock(first + 3, 1).unwrap(), Some(first + 3));
        drop(three);
        assert_eq!(theirs.oldest().unwrap(), Some(3), "it was pinned twice");
        drop(again);
        assert_eq!(theirs.oldest().unwrap(), Some(9));
        assert_eq!(other.find_lock(first + 3, 1).unwrap(), None);
        drop(nine);
        assert_eq!(theirs.oldest().unwrap(), None);
    }
}

#[test]
fn a_lock_that_is_named_outside_of_what_was_asked_for_hangs_nobody() {
    let (_dir, file, _) = two();
    for named in [0, PINS, PINS + 5, u64::MAX] {
        let odd = OddFile {
            named: Some(named),
            ..OddFile::new(Arc::clone(&file))
        };
        let pins = Pins::new(Arc::new(odd));
        let pin = pins.pin(4).unwrap();
        // Nothing is used again that somebody might still read.
        assert_eq!(pins.oldest().unwrap(), Some(0), "{named}");
        drop(pin);
    }
}
