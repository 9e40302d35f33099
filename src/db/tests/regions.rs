//! Log regions: another size or place for one, turning to the other one, a mark for an empty log, and the
//! header that names them.

use super::checkpoints::become_primary;
use super::parts::new;
use crate::db::checkpoint::{Cut, LONG_BYTES};
use crate::db::handle::lock;
use crate::db::job::Job;
use crate::db::proof::is_header_proven;
use crate::db::region::RegionWish;
use crate::db::{CheckpointOptions, CheckpointReport, CreateOptions, Db, OpenOptions, SyncMode};
use crate::format::header::RegionSlot;
use crate::format::pair::pick;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::progress::NoProgress;
use crate::store::space::Space;
use crate::wal::extents;

const PAGE: u64 = 4096;

fn small(sync: SyncMode) -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        wal_size: 16 * PAGE,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new().background_checkpoint(false).sync(sync);
    let path = dir.path().join("a.creel");
    (dir, options.create(path, &create).unwrap())
}

fn cut(db: &Db) -> Cut {
    let _writer = db.inner.lock_writer().unwrap();
    let cut = db.inner.cut_locked(&Job::fold(RegionWish::Keep)).unwrap();
    cut.unwrap()
}

/// A file in the middle of a checkpoint, and what its header is to say of its regions.
struct Midway {
    _dir: tempfile::TempDir,
    db: Db,
    cut: Cut,
    space: Space,
    regions: [RegionSlot; 2],
}

impl Midway {
    fn new() -> Midway {
        let (_dir, db) = small(SyncMode::Full);
        for i in 0..3u8 {
            db.put(&[i], b"v").unwrap();
        }
        let cut = cut(&db);
        let header = &cut.tree.current.header;
        let space = Space::load(&db.inner.file, header, None).unwrap();
        let regions = cut.regions;
        Midway {
            _dir,
            db,
            cut,
            space,
            regions,
        }
    }

    /// The bytes written, and the idle region after that.
    fn replace(&mut self, wish: RegionWish) -> (u64, RegionSlot) {
        let Midway {
            db,
            cut,
            space,
            regions,
            ..
        } = self;
        let bytes = db.inner.replace_region(wish, cut, space, regions, 9);
        (bytes.unwrap(), pick(regions, cut.idle))
    }
}

#[test]
fn a_region_gets_another_size_only_where_it_has_not_got_it() {
    let mut midway = Midway::new();
    let (_, first) = midway.replace(RegionWish::Keep);
    assert_eq!((first.pages, first.base_pages), (16, 16));
    for wish in [
        RegionWish::Keep,
        RegionWish::AtLeast(0),
        RegionWish::AtLeast(16 * PAGE),
        RegionWish::Base,
    ] {
        assert_eq!(midway.replace(wish), (0, first), "{wish:?}");
    }
    let mut before = first;
    let mut sizes = |wish, pages| {
        let waiting = midway.space.pending_pages();
        let (bytes, slot) = midway.replace(wish);
        assert_eq!(bytes, pages * PAGE, "{wish:?}");
        assert_eq!((u64::from(slot.pages), slot.base_pages), (pages, 16));
        assert_ne!(slot.start_page, before.start_page);
        // Its old place waits until nobody needs it.
        let freed = midway.space.pending_pages() - waiting;
        assert_eq!(freed, u64::from(before.pages));
        before = slot;
    };
    sizes(RegionWish::AtLeast(16 * PAGE + 1), 17);
    sizes(RegionWish::AtLeast(40 * PAGE), 40);
    sizes(RegionWish::Base, 16);
}

#[test]
fn a_region_moves_where_it_does_not_end_below_a_page() {
    let mut midway = Midway::new();
    let (_, first) = midway.replace(RegionWish::Keep);
    let end = first.start_page + first.pages;
    for below in [end, end + 1, u32::MAX] {
        let wish = RegionWish::BaseBelow(below);
        assert_eq!(midway.replace(wish), (0, first), "{below}");
    }
    let (bytes, moved) = midway.replace(RegionWish::BaseBelow(end - 1));
    assert_eq!((bytes, moved.pages), (16 * PAGE, 16));
    assert_ne!(moved.start_page, first.start_page);
    // A large one becomes small again, wherever it stands.
    let (_, large) = midway.replace(RegionWish::AtLeast(20 * PAGE));
    assert_eq!(large.pages, 20);
    let (bytes, last) = midway.replace(RegionWish::BaseBelow(u32::MAX));
    assert_eq!((bytes, last.pages), (16 * PAGE, 16));
}

#[test]
fn a_new_region_has_no_entries_and_a_salt_of_its_own() {
    let mut midway = Midway::new();
    let (_, slot) = midway.replace(RegionWish::AtLeast(18 * PAGE));
    let cut = &midway.cut;
    assert_eq!(slot.region_seq, cut.active_seq - 1);
    assert_eq!(slot.first_index, cut.index + 1);
    assert!(slot.zero_filled);
    let mut bytes = vec![1; 18 * PAGE as usize];
    let at = u64::from(slot.start_page) * PAGE;
    let got = midway.db.inner.file.read_at(&mut bytes, at).unwrap();
    assert_eq!(got, bytes.len());
    let (head, rest) = bytes.split_at(REGION_HEADER_SIZE);
    let found = RegionHeader::decode(head).unwrap();
    assert_eq!(found.region_seq, slot.region_seq);
    assert_eq!(found.first_index, slot.first_index);
    assert_eq!(found.history, cut.region.history);
    assert_ne!(found.salt, cut.region.salt);
    assert!(rest.iter().all(|byte| *byte == 0));
}

/// The log could not turn over, so the active region began before the cut.
#[test]
fn a_region_that_is_replaced_goes_on_behind_the_cut() {
    let (_dir, db) = small(SyncMode::Full);
    db.put(b"a", b"v").unwrap();
    {
        let _writer = db.inner.lock_writer().unwrap();
        let mut log = lock(&db.inner.log);
        assert!(db.inner.switch_if_possible(&mut log, 0).unwrap());
    }
    db.put(b"b", b"v").unwrap();
    db.put(b"c", b"v").unwrap();
    let cut = cut(&db);
    assert_eq!((cut.index, cut.region.first_index), (3, 2));
    let mut space = Space::load(&db.inner.file, &cut.tree.current.header, None).unwrap();
    let mut regions = cut.regions;
    let wish = RegionWish::AtLeast(20 * PAGE);
    let bytes = db
        .inner
        .replace_region(wish, &cut, &mut space, &mut regions, 9);
    assert_eq!(bytes.unwrap(), 20 * PAGE);
    let slot = pick(&regions, cut.idle);
    let mut head = [0; REGION_HEADER_SIZE];
    let at = u64::from(slot.start_page) * PAGE;
    db.inner.file.read_at(&mut head, at).unwrap();
    let found = RegionHeader::decode(&head).unwrap();
    assert_eq!((slot.first_index, found.first_index), (4, 4));
}

#[test]
fn an_empty_log_is_vouched_for_by_the_header_that_was_proven() {
    let (_dir, db) = small(SyncMode::Full);
    db.put(b"a", b"v").unwrap();
    let cut = cut(&db);
    let inner = &db.inner;
    let (at, end) = {
        let log = lock(&inner.log);
        assert!(log.tail.last.is_none(), "the log turned over");
        (log.tail.extent.start + log.tail.end, log.tail.end)
    };
    let mark = |header_proven: bool, proven: u64| {
        let mut bytes = [0; 16];
        inner.file.write_at(&bytes, at).unwrap();
        {
            let mut log = lock(&inner.log);
            (log.header_proven, log.tail.proven) = (header_proven, proven);
        }
        inner.mark_empty_log(&cut).unwrap();
        inner.file.read_at(&mut bytes, at).unwrap();
        let log = lock(&inner.log);
        (log.tail.proven == end, bytes != [0; 16])
    };
    assert_eq!(mark(false, 0), (false, false));
    assert_eq!(mark(true, 0), (true, true));
    assert_eq!(mark(true, end - 8), (true, true));
    // Where it is known already nothing is written.
    assert_eq!(mark(true, end), (true, false));
    // Entries that are not the checkpoint's own are none of its business.
    let zeros = [0; 16];
    inner.file.write_at(&zeros, at).unwrap();
    let lazy = OpenOptions::new()
        .background_checkpoint(false)
        .sync(SyncMode::Normal);
    lazy.open(db.path()).unwrap().put(b"b", b"v").unwrap();
    inner.catch_up().unwrap();
    {
        let mut log = lock(&inner.log);
        assert!(log.tail.last.is_some());
        (log.header_proven, log.tail.proven) = (true, 64);
    }
    inner.mark_empty_log(&cut).unwrap();
    assert_eq!(lock(&inner.log).tail.proven, 64);
}

#[test]
fn the_log_turns_over_where_the_other_region_has_room() {
    let (_dir, db) = small(SyncMode::Full);
    db.put(b"a", b"v").unwrap();
    let _writer = db.inner.lock_writer().unwrap();
    let mut log = lock(&db.inner.log);
    let (first, number) = (log.tail.region, log.tail.active);
    let room = pick(&extents(&log.current.header), number ^ 1).len;
    let most = room - REGION_HEADER_SIZE as u64;
    assert!(!db.inner.switch_if_possible(&mut log, most + 1).unwrap());
    assert_eq!((log.tail.region, log.tail.active), (first, number));
    assert!(db.inner.switch_if_possible(&mut log, most).unwrap());
    assert_eq!(log.tail.active, number ^ 1);
    assert_eq!(log.tail.region.region_seq, first.region_seq + 1);
    // The first one has an entry that the tree does not have.
    assert!(!db.inner.switch_if_possible(&mut log, 0).unwrap());
}

/// Whoever syncs next must not believe that what was never synced is there.
#[test]
fn a_new_region_names_the_header_that_is_proven_or_an_older_one() {
    for sync in [SyncMode::Full, SyncMode::Normal, SyncMode::Off] {
        let (_dir, db) = small(sync);
        db.put(b"a", b"v").unwrap();
        let _writer = db.inner.lock_writer().unwrap();
        let mut log = lock(&db.inner.log);
        let generation = log.current.header.generation as u32;
        assert!(db.inner.switch_if_possible(&mut log, 0).unwrap());
        let synced = sync != SyncMode::Off;
        let named = if synced { generation } else { generation - 1 };
        assert_eq!(log.tail.region.durable_gen, named, "{sync:?}");
        assert_eq!(is_header_proven(&log), synced);
    }
}

#[test]
fn a_header_has_the_time_and_the_epoch_of_what_was_folded() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    let header = || lock(&db.inner.log).current.header.clone();
    let before = header();
    let late_us = db.inner.vfs().now_us() + 3_600_000_000;
    {
        let mut log = lock(&db.inner.log);
        log.tail.last_time_us = late_us;
        log.tail.link.epoch = before.epoch + 4;
    }
    super::checkpoint(&db);
    let now = header();
    // Behind the newest entry, whatever the clock says.
    assert_eq!(now.checkpoint_time_ms, late_us / 1000);
    assert_eq!(now.epoch, before.epoch + 4);
    assert_eq!(now.generation, before.generation + 1);
    assert_eq!((now.checkpoint_index, now.entry_count), (1, 1));
}

/// The bytes of the log that whoever opens the file reads through.
fn log_to_read(db: &Db) -> u64 {
    let reader = OpenOptions::new().read_only(true).open(db.path()).unwrap();
    let log = lock(&reader.inner.log);
    log.tail.end
}

#[test]
fn a_long_log_that_is_all_in_the_tree_was_read_by_whoever_opens() {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions::new()
        .background_checkpoint(false)
        .sync(SyncMode::Off);
    let db = options
        .create(dir.path().join("a.creel"), &CreateOptions::default())
        .unwrap();
    let fill = |what: &[u8]| {
        let turned = lock(&db.inner.log).tail.active;
        for i in 0..10_000u32 {
            db.put(&[what, &i.to_le_bytes()].concat(), &[7; 100])
                .unwrap();
            let log = lock(&db.inner.log);
            if log.tail.active != turned && log.tail.end > 200 << 10 {
                return;
            }
        }
        panic!("the log never turned over");
    };
    // Both regions have what the tree lacks, so the checkpoint cannot turn to either.
    fill(b"a");
    let generation = db.info().unwrap().generation;
    let report = db
        .checkpoint(&Default::default(), &crate::progress::NoProgress)
        .unwrap();
    assert!(report.done && report.wal_bytes_before > 100 << 10);
    assert_eq!(report.wal_bytes_after, 0);
    assert_eq!(report.generation, generation + 2);
    assert_eq!(log_to_read(&db), REGION_HEADER_SIZE as u64);
    // One that could turn over does so once, and nothing to do is nothing.
    db.put(b"b", b"v").unwrap();
    let checkpoint = || {
        db.checkpoint(&Default::default(), &crate::progress::NoProgress)
            .unwrap()
    };
    assert_eq!(checkpoint().generation, generation + 3);
    assert!(!checkpoint().done);
    assert_eq!(db.get(b"b").unwrap().unwrap(), b"v");
}

#[test]
fn a_log_is_long_for_nothing_where_all_of_it_is_in_the_tree() {
    let (_dir, db) = new();
    db.put(b"a", b"v").unwrap();
    let is_long = |end: u64| {
        let before = std::mem::replace(&mut lock(&db.inner.log).tail.end, end);
        let is_long = db.inner.is_long_for_nothing();
        lock(&db.inner.log).tail.end = before;
        is_long
    };
    assert!(!is_long(LONG_BYTES + 1), "an entry is not folded");
    super::checkpoint(&db);
    assert!(!is_long(LONG_BYTES) && is_long(LONG_BYTES + 1));
}

/// Both regions were needed when the checkpoint began: it turns the log a second time.
#[test]
fn a_log_that_a_checkpoint_could_not_turn_over_is_turned_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let create = CreateOptions {
        wal_size: 256 << 10,
        ..CreateOptions::default()
    };
    let options = OpenOptions::new().background_checkpoint(false);
    let db = options.create(dir.path().join("a.creel"), &create).unwrap();
    become_primary(&db);
    let end = || lock(&db.inner.log).tail.end;
    let number = || lock(&db.inner.log).tail.region.region_seq;
    let first = number();
    let mut written = 0_u8;
    while number() == first || end() <= LONG_BYTES + 50_000 {
        db.put(&[written], &[written; 30_000]).unwrap();
        written += 1;
    }
    let before = db.snapshot().unwrap().token().index;
    let report = db
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    assert!(
        report.done && report.wal_bytes_before > LONG_BYTES,
        "{report:?}"
    );
    assert_eq!(report.generation, db.info().unwrap().generation);
    assert!(end() < LONG_BYTES, "{}", end());
    // One marker, and not another one for the second time.
    assert_eq!(db.snapshot().unwrap().token().index, before + 1);
    let nothing = db
        .checkpoint(&CheckpointOptions::default(), &NoProgress)
        .unwrap();
    assert!(!nothing.done, "{nothing:?}");
    let both = |one: &CheckpointReport, two: &CheckpointReport| one.clone().and(two.clone());
    assert!(both(&report, &nothing).done && both(&nothing, &report).done);
    assert!(!both(&nothing, &nothing).done);
    assert_eq!(both(&report, &nothing).reason, report.reason);
}
