//! Clocks that are set by years: nothing but what is shown as a time may change.

use std::sync::Arc;

use creel::format::entry::Entries;
use creel::{
    CheckpointOptions, CreateOptions, Db, NoProgress, OpenOptions, Retention, Role, SeedOptions,
};

use super::support::sim::SimDisk;
use super::world::PATH;

const YEAR_US: i64 = 31_557_600_000_000;

fn options(disk: &Arc<SimDisk>) -> OpenOptions {
    let options = OpenOptions::new().vfs(Arc::clone(disk) as _).mmap(false);
    options.background_checkpoint(false).checkpoint_at(None)
}

/// Times of all entries behind a position, in order.
fn times(db: &Db, after: &creel::Position) -> Vec<u64> {
    let mut reader = db.log_reader(after).unwrap();
    let mut times = Vec::new();
    loop {
        let bytes = reader.read(100, 1 << 20).unwrap();
        if bytes.is_empty() {
            return times;
        }
        let point = creel::format::entry::Entry::split(&bytes).unwrap().unwrap();
        let before = creel::format::entry::Point {
            index: point.0.header.index - 1,
            epoch: point.0.header.epoch,
            history: point.0.header.history_before,
        };
        for entry in Entries::new(&bytes, before) {
            times.push(entry.unwrap().header.time_us);
        }
    }
}

/// A primary and its copy, each with a clock of its own that is set again and again: times in the log
/// rise all the same, the copy takes every entry, and nothing young is dropped for being old.
#[test]
fn clocks_set_by_years_change_neither_order_nor_contents() {
    let (here, there) = (SimDisk::new(1), SimDisk::new(2));
    let create = CreateOptions {
        wal_size: 64 << 10,
        role: Role::Primary,
        ..CreateOptions::default()
    };
    let primary = options(&here).create(PATH, &create).unwrap();
    let start = primary.position().unwrap();
    primary
        .seed(
            std::path::Path::new("seed"),
            &SeedOptions::default(),
            &NoProgress,
        )
        .unwrap();
    let bytes = here.contents("seed".as_ref()).unwrap();
    there.install("copy".as_ref(), &bytes);
    let copy = options(&there).open("copy").unwrap();
    let mut facts = primary.facts().unwrap();
    facts.retention = Retention {
        min_entries: 1000,
        ..Retention::default()
    };
    primary.set_facts(&facts).unwrap();
    for (round, years) in [0, 10, -10, 40, -40, 1].into_iter().enumerate() {
        here.set_clock_off(years * YEAR_US);
        there.set_clock_off(-years * YEAR_US);
        for i in 0..20u8 {
            primary.put(&[i], &[round as u8]).unwrap();
        }
        primary
            .checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        let mut reader = primary.log_reader(&copy.position().unwrap()).unwrap();
        loop {
            let bytes = reader.read(7, 1 << 20).unwrap();
            if bytes.is_empty() {
                break;
            }
            copy.apply(&bytes).unwrap();
        }
        copy.checkpoint(&CheckpointOptions::default(), &NoProgress)
            .unwrap();
        assert_eq!(copy.position().unwrap(), primary.position().unwrap());
        for i in 0..20u8 {
            assert_eq!(copy.get(&[i]).unwrap(), Some(vec![round as u8]));
        }
    }
    let all = times(&primary, &start);
    assert!(all.len() >= 120, "{} entries are kept", all.len());
    assert!(all.is_sorted_by(|a, b| a < b), "times in the log rise");
    // Opened again while its clock is years behind, it goes on behind the newest time.
    here.set_clock_off(-30 * YEAR_US);
    drop(primary);
    let primary = options(&here).open(PATH).unwrap();
    let before = primary.position().unwrap();
    primary.put(b"last", b"one").unwrap();
    let last = times(&primary, &before);
    assert!(
        last.first() > all.last(),
        "{last:?} behind {:?}",
        all.last()
    );
}

/// The first of two entries is lost with the power, the second one is not, and the clock is behind.
/// The first is made again, and the power fails once more, before the bytes behind it are overwritten: with the
/// time that it had it would have the same hash, and the second one, which was lost before, would follow it.
#[test]
fn what_was_lost_does_not_follow_an_equal_entry_while_the_clock_is_behind() {
    for seed in 1..=20 {
        let disk = SimDisk::new(seed);
        let unsynced = || options(&disk).sync(creel::SyncMode::Normal);
        let db = unsynced().create(PATH, &CreateOptions::default()).unwrap();
        db.put(b"newest", b"").unwrap();
        disk.set_clock_off(-YEAR_US);
        let before = disk.contents(PATH.as_ref()).unwrap();
        db.put(b"lost", b"1").unwrap();
        let between = disk.contents(PATH.as_ref()).unwrap();
        db.put(b"kept", b"2").unwrap();
        let whole = disk.contents(PATH.as_ref()).unwrap();
        let mut bytes = whole.clone();
        drop(db);
        let differs = |at: &usize| before.get(*at) != between.get(*at);
        let first = (0..between.len()).filter(differs);
        first.for_each(|at| bytes[at] = before.get(at).copied().unwrap_or(0));
        disk.install(PATH.as_ref(), &bytes);
        let db = unsynced().open(PATH).unwrap();
        assert_eq!(
            (db.get(b"lost").unwrap(), db.get(b"kept").unwrap()),
            (None, None)
        );
        db.put(b"lost", b"1").unwrap();
        drop(db);
        let mut again = disk.contents(PATH.as_ref()).unwrap();
        let second = (0..between.len()).filter(|at| between[*at] != whole[*at]);
        second.for_each(|at| again[at] = whole[at]);
        disk.install(PATH.as_ref(), &again);
        let db = unsynced().open(PATH).unwrap();
        assert_eq!(db.get(b"lost").unwrap(), Some(b"1".to_vec()));
        assert_eq!(db.get(b"kept").unwrap(), None, "seed {seed}");
    }
}
