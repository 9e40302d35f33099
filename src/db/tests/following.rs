//! Entries that a replica applies: how they come into its log regions, in which writes, and what is told.

use super::watched::{Done, Watched, small, waits};
use crate::db::handle::lock;
use crate::db::{Db, OpenOptions, SeedOptions, SyncMode};
use crate::error::Error;
use crate::format::attest::Attest;
use crate::format::entry::{Entry, Point};
use crate::format::fence::FenceRecord;
use crate::format::frame::{EntryHeader, EntryKind, frame_len};
use crate::format::key::MAIN;
use crate::format::op::Op;
use crate::progress::NoProgress;

const KIB: u64 = 1024;

/// A put whose frame takes exactly so many bytes of the log.
pub fn payload(number: u64, frame: u64) -> Vec<u8> {
    let key = number.to_be_bytes();
    let mut len = frame as usize;
    loop {
        let mut payload = Vec::new();
        let (value, keyspace) = (vec![number as u8; len], MAIN);
        let (key, value) = (key.as_slice(), value.as_slice());
        Op::Put {
            keyspace,
            key,
            value,
        }
        .encode(&mut payload);
        let over = frame_len(payload.len() as u32).saturating_sub(frame) as usize;
        if over == 0 {
            assert_eq!(frame_len(payload.len() as u32), frame);
            return payload;
        }
        len -= over.min(len);
    }
}

/// What a primary would send.
struct Sender {
    point: Point,
    bytes: Vec<u8>,
}

impl Sender {
    fn to(replica: &Db) -> Self {
        let point = replica.inner.newest_point().unwrap();
        Sender {
            point,
            bytes: Vec::new(),
        }
    }

    fn push(&mut self, kind: EntryKind, op_count: u32, payload: &[u8]) {
        let header = EntryHeader {
            payload_len: payload.len() as u32,
            kind,
            index: self.point.index + 1,
            epoch: self.point.epoch,
            op_count,
            time_us: 1_000_000 + self.point.index,
            history_before: self.point.history,
        };
        let bytes = Entry::encode(&header, payload);
        self.bytes.extend_from_slice(&bytes);
        let (entry, _) = Entry::split(&bytes).unwrap().unwrap();
        self.point = entry.point();
    }

    fn commits(&mut self, count: u64, frame: u64) {
        for _ in 0..count {
            let payload = payload(self.point.index + 1, frame);
            self.push(EntryKind::Commit, 1, &payload);
        }
    }

    fn marker(&mut self) {
        self.push(EntryKind::Attest, 0, &Attest::encode(None));
    }

    fn fence(&mut self) {
        let record = FenceRecord {
            epoch: self.point.epoch + 1,
            node: [7; 16],
            incarnation: [8; 16],
            previous_index: self.point.index,
            previous_history: self.point.history,
            time_us: 2_000_000,
            lost: None,
            name: "other".into(),
            reason: "a test".into(),
        };
        let bytes = record.to_entry();
        self.bytes.extend_from_slice(&bytes);
        let (entry, _) = Entry::split(&bytes).unwrap().unwrap();
        self.point = entry.point();
    }

    /// All of it since the last call.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// An empty replica with regions of 64 KiB.
fn replica() -> (tempfile::TempDir, Watched, Db) {
    replica_with(|options| options)
}

fn replica_with(
    change: impl FnOnce(OpenOptions) -> OpenOptions,
) -> (tempfile::TempDir, Watched, Db) {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions::new().background_checkpoint(false);
    let primary = options
        .create(dir.path().join("a.creel"), &small())
        .unwrap();
    let path = dir.path().join("b.creel");
    primary
        .seed(&path, &SeedOptions::default(), &NoProgress)
        .unwrap();
    let vfs = Watched::default();
    let replica = change(vfs.options()).open(path).unwrap();
    (dir, vfs, replica)
}

/// Bytes left in the region that takes the next entry.
fn room(db: &Db) -> u64 {
    let log = lock(&db.inner.log);
    log.tail.extent.len - log.tail.end
}

/// The first entry of the region that takes the next one, and the region's length.
fn region(db: &Db) -> (u64, u64) {
    let log = lock(&db.inner.log);
    (log.tail.region.first_index, log.tail.extent.len)
}

/// Fills the region until so much is left, then applies so many entries of a KiB in one batch: the first
/// entry of the region that the last one came to, and its length.
fn apply_to(replica: &Db, left: u64, count: u64) -> (u64, u64) {
    let mut sender = Sender::to(replica);
    let filled = room(replica) - left;
    if filled > 0 {
        sender.commits(1, filled);
        replica.apply(&sender.take()).unwrap();
    }
    assert_eq!(room(replica), left);
    sender.commits(count, KIB);
    let done = replica.apply(&sender.take()).unwrap();
    assert_eq!((done.applied, done.skipped), (count, 0));
    assert_eq!(done.position.index, sender.point.index);
    assert_eq!(done.position.hash, Some(sender.point.history));
    let first = u64::from(filled > 0);
    assert_eq!(replica.len().unwrap(), first + count);
    // Somebody else reads the same.
    let other = OpenOptions::new().read_only(true).open(replica.path());
    assert_eq!(newest(&other.unwrap()), sender.point.index);
    region(replica)
}

fn newest(db: &Db) -> u64 {
    db.inner.newest_point().unwrap().index
}

#[test]
fn a_region_is_filled_up_where_half_of_one_would_take_the_batch() {
    let (_dir, _, db) = replica();
    assert_eq!(apply_to(&db, 8 * KIB, 20), (10, 64 * KIB));
    let (_dir, _, db) = replica();
    assert_eq!(apply_to(&db, 8 * KIB, 32), (10, 64 * KIB));
}

#[test]
fn a_region_that_is_small_for_a_batch_is_left_for_one_that_has_room_for_all() {
    let (_dir, _, db) = replica();
    assert_eq!(apply_to(&db, 8 * KIB, 33), (2, 64 * KIB));
    // None of that size is free: one is made.
    let (_dir, _, db) = replica();
    let (first, len) = apply_to(&db, KIB, 200);
    assert_eq!(first, 2);
    assert!(len >= 200 * KIB, "{len}");
    let (_dir, _, db) = replica();
    let (first, len) = apply_to(&db, KIB - 8, 200);
    assert_eq!(first, 2);
    assert!(len >= 200 * KIB, "{len}");
}

#[test]
fn no_region_becomes_larger_than_was_allowed() {
    let allowed = |options: OpenOptions| options.wal_max(64 * KIB);
    // Half of what is allowed is no more than half of what there is.
    let (_dir, _, db) = replica_with(allowed);
    assert_eq!(apply_to(&db, 8 * KIB, 40), (10, 64 * KIB));
    let (_dir, _, db) = replica_with(allowed);
    let (_, len) = apply_to(&db, KIB - 8, 200);
    assert_eq!(len, 64 * KIB);
    let regions = db.info().unwrap().regions.map(|region| region.bytes);
    assert_eq!(regions, [64 * KIB; 2]);
}

#[test]
fn what_fits_goes_into_one_write_and_no_other_region() {
    let (_dir, vfs, db) = replica();
    let all = room(&db);
    // The first one proves the header, too.
    let mut sender = Sender::to(&db);
    sender.commits(1, KIB);
    db.apply(&sender.take()).unwrap();
    let (before, generation) = (region(&db), db.info().unwrap().generation);
    vfs.take();
    sender.commits(all / KIB - 1, KIB);
    let done = db.apply(&sender.take()).unwrap();
    assert_eq!(done.applied, all / KIB - 1);
    let written = vfs.take();
    assert_eq!(waits(&written), 1, "{written:?}");
    assert_eq!(region(&db), before);
    // Nothing but the log: no epoch began, and none was said to.
    assert_eq!(db.info().unwrap().generation, generation);
    let header = lock(&db.inner.log).current.header.clone();
    assert_eq!((header.epoch, header.epoch_start_index), (1, 1));
}

#[test]
fn a_log_that_is_long_enough_is_folded_only_where_that_was_asked_for() {
    for (background, checkpoint_at) in [(false, Some(1)), (true, None)] {
        let (_dir, _, db) = replica_with(|options| {
            options
                .background_checkpoint(background)
                .checkpoint_at(checkpoint_at)
        });
        let generation = db.info().unwrap().generation;
        apply_to(&db, 8 * KIB, 4);
        assert!(lock(&db.inner.background).is_none());
        assert_eq!(db.info().unwrap().generation, generation);
    }
}

#[test]
fn what_is_there_already_is_as_durable_as_what_comes() {
    let (_dir, vfs, full) = replica();
    let normal = vfs.options().sync(SyncMode::Normal).open(full.path());
    let normal = normal.unwrap();
    let mut sender = Sender::to(&full);
    sender.commits(3, KIB);
    let bytes = sender.take();
    vfs.take();
    for applied in [3, 0] {
        assert_eq!(normal.apply(&bytes).unwrap().applied, applied);
        assert_eq!(waits(&vfs.take()), 0);
    }
    let done = full.apply(&bytes).unwrap();
    assert_eq!((done.applied, done.skipped), (0, 3));
    let log = lock(&full.inner.log);
    let (start, end) = (log.tail.extent.start, log.tail.extent.start + log.tail.end);
    assert_eq!(log.tail.proven, log.tail.end);
    let written = vfs.take();
    let covers = |done: &Done| match done {
        Done::Durable(at, len) => *at <= end - 3 * KIB && *at >= start && at + len >= end,
        other => *other == Done::Sync,
    };
    assert!(written.iter().any(covers), "{written:?}");
}

#[test]
fn a_bulk_step_ends_what_a_log_can_tell() {
    let (_dir, _, db) = replica();
    let mut sender = Sender::to(&db);
    sender.commits(2, KIB);
    sender.push(EntryKind::Bulk, 0, &[0; 16]);
    sender.commits(1, KIB);
    let refused = db.apply(&sender.take()).unwrap_err();
    let Error::NotRetained { index, oldest } = refused else {
        panic!("{refused}");
    };
    assert_eq!((index, oldest), (2, 3));
    assert_eq!(newest(&db), 2);
    assert_eq!(db.len().unwrap(), 2);
}

#[test]
fn an_epoch_begins_in_the_header_before_its_first_entry_comes() {
    let (_dir, vfs, db) = replica();
    let mut sender = Sender::to(&db);
    sender.commits(3, KIB);
    sender.fence();
    sender.commits(3, KIB);
    vfs.take();
    let done = db.apply(&sender.take()).unwrap();
    assert_eq!((done.applied, done.position.epoch), (7, 2));
    let header = lock(&db.inner.log).current.header.clone();
    assert_eq!((header.epoch, header.epoch_start_index), (2, 4));
    // The first three, the header in both slots, and the rest.
    let start = lock(&db.inner.log).tail.extent.start;
    let written = vfs.take();
    let in_log = |done: &&Done| matches!(done, Done::Durable(at, _) if *at >= start);
    assert_eq!(written.iter().filter(in_log).count(), 2, "{written:?}");
    let generation = db.info().unwrap().generation;
    // Again: everything is there, and the epoch as well.
    let mut sender = Sender::to(&db);
    sender.commits(1, KIB);
    db.apply(&sender.take()).unwrap();
    assert_eq!(db.info().unwrap().generation, generation);
}

/// The header was told of an epoch, and its first entry never came. Where another one came in a batch behind
/// others, the header went on to say that it began at the lost one.
#[test]
fn an_epoch_that_began_elsewhere_than_was_said_kept_the_wrong_beginning() {
    let (_dir, _, db) = replica();
    let mut sender = Sender::to(&db);
    sender.commits(2, KIB);
    db.apply(&sender.take()).unwrap();
    db.inner.raise_epoch(2, 3).unwrap();
    sender.commits(2, KIB);
    sender.fence();
    assert_eq!(db.apply(&sender.take()).unwrap().applied, 3);
    let header = lock(&db.inner.log).current.header.clone();
    assert_eq!((header.epoch, header.epoch_start_index), (2, 5));
    let (_dir, _, db) = replica();
    let mut sender = Sender::to(&db);
    db.inner.raise_epoch(2, 3).unwrap();
    sender.fence();
    assert_eq!(db.apply(&sender.take()).unwrap().applied, 1);
    let header = lock(&db.inner.log).current.header.clone();
    assert_eq!((header.epoch, header.epoch_start_index), (2, 1));
}

#[test]
fn of_many_markers_that_come_together_the_last_one_is_checkpointed_at() {
    let (_dir, _, db) = replica();
    let generation = db.info().unwrap().generation;
    let mut sender = Sender::to(&db);
    sender.commits(3, KIB);
    sender.marker(); // 4
    sender.commits(2, KIB);
    sender.marker(); // 7
    sender.commits(2, KIB);
    let done = db.apply(&sender.take()).unwrap();
    assert_eq!(done.applied, 9);
    let header = lock(&db.inner.log).current.header.clone();
    assert_eq!(header.checkpoint_index, 6);
    assert_eq!(header.generation, generation + 1);
    // One alone, with commits behind it.
    sender.marker(); // 10
    sender.commits(2, KIB);
    db.apply(&sender.take()).unwrap();
    let header = lock(&db.inner.log).current.header.clone();
    assert_eq!(header.checkpoint_index, 9);
    assert_eq!(db.len().unwrap(), 9);
}
