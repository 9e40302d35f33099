//! Following a primary: what one file's log gives, another one takes, and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use creel::format::entry::Entry;
use creel::format::frame::EntryHeader;
use creel::{
    Applied, Batch, CheckpointOptions, CreateOptions, Db, Depth, Error, FenceWish, IdentityChange,
    Invariant, NoProgress, OpenOptions, Role, SeedOptions, SyncMode, Verdict, VerifyOptions,
};

use crate::rng::Rng;
use crate::scratch::Scratch;
use crate::since::{random_commit, state};

pub const FOR_EVER: Duration = Duration::from_secs(60);

pub fn small() -> CreateOptions {
    CreateOptions {
        wal_size: 64 << 10,
        ..CreateOptions::default()
    }
}

pub fn options() -> OpenOptions {
    OpenOptions::new().background_checkpoint(false)
}

pub fn checkpoint(db: &Db) {
    let options = CheckpointOptions::default();
    db.checkpoint(&options, &NoProgress).unwrap();
}

/// A primary and a replica of it.
pub fn pair(scratch: &Scratch) -> (Db, Db) {
    let primary = options().create(scratch.file("a.creel"), &small()).unwrap();
    primary.put(b"first", b"value").unwrap();
    let replica = follow(scratch, &primary, "b.creel");
    (primary, replica)
}

pub fn follow(scratch: &Scratch, primary: &Db, name: &str) -> Db {
    let path = scratch.file(name);
    primary
        .seed(&path, &SeedOptions::default(), &NoProgress)
        .unwrap();
    options().open(path).unwrap()
}

/// Brings a replica to the head of the primary; gives what was applied.
pub fn pull(primary: &Db, replica: &Db, entries: usize, bytes: usize) -> creel::Result<u64> {
    let mut reader = primary.log_reader(&replica.position()?)?;
    let mut count = 0;
    loop {
        let batch = reader.read(entries, bytes)?;
        if batch.is_empty() {
            return Ok(count);
        }
        let done = match entries % 2 {
            0 => replica.apply(&batch)?,
            _ => replica.apply_checked(&replica.check_entries(batch)?)?,
        };
        assert_eq!(done.position, reader.position());
        count += done.applied;
    }
}

pub fn promote(db: &Db) -> creel::Result<creel::Commit> {
    let wish = FenceWish {
        name: "b".into(),
        reason: "a test".into(),
        ..FenceWish::default()
    };
    db.install_fence(&db.prepare_fence(&wish)?)
}

pub fn assert_sound(db: &Db) {
    let options = VerifyOptions {
        level: Depth::Deep,
        ..VerifyOptions::default()
    };
    let report = creel::verify(db.path(), &options, &NoProgress).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
}

pub fn assert_same(primary: &Db, replica: &Db) {
    let (ours, theirs) = (state(primary), state(replica));
    assert_eq!(ours.1, theirs.1);
    assert!(ours.0 == theirs.0, "the contents differ");
}

#[test]
fn a_replica_gets_every_commit_and_nothing_else() {
    for seed in 1..=4 {
        follow_randomly(seed);
    }
}

fn follow_randomly(seed: u64) {
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let scratch = Scratch::new();
    let (primary, mut replica) = pair(&scratch);
    for round in 0..30 {
        for _ in 0..rng.between(1, 20) {
            random_commit(&mut rng, &primary);
        }
        if rng.chance(30) {
            checkpoint(&primary);
        }
        let bytes = rng.between(1, 3000);
        let entries = rng.between(1, 9);
        pull(&primary, &replica, entries, bytes).unwrap();
        assert_same(&primary, &replica);
        if rng.chance(30) {
            checkpoint(&replica);
            let sums = [&primary, &replica].map(|db| {
                checkpoint(db);
                db.info().unwrap().content_sum
            });
            assert_eq!(sums[0], sums[1], "round {round}");
        }
        if rng.chance(20) {
            let path = replica.path().to_owned();
            drop(replica);
            replica = options().open(path).unwrap();
        }
    }
    assert_sound(&replica);
    assert_same(&primary, &replica);
}

#[test]
fn a_replica_refuses_to_write_and_a_primary_to_apply() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    assert_eq!(replica.info().unwrap().role, Role::Replica);
    let refused = replica.put(b"k", b"v");
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    let bulk = replica.bulk_load("main", std::iter::once(Ok((b"k", b"v"))), &NoProgress);
    assert!(matches!(bulk, Err(Error::Fenced { .. })), "{bulk:?}");
    let at = primary.position().unwrap();
    primary.put(b"k", b"v").unwrap();
    let batch = primary.log_reader(&at).unwrap().read(10, 1000).unwrap();
    let refused = primary.apply(&batch);
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_eq!(replica.apply(&batch).unwrap().applied, 1);
}

#[test]
fn what_is_there_is_skipped_and_what_does_not_link_is_refused() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let start = primary.position().unwrap();
    let early = options().open(replica.path()).unwrap();
    for i in 0..6u8 {
        primary.put(&[i + 1], b"value").unwrap();
    }
    let mut reader = primary.log_reader(&start).unwrap();
    let first = reader.read(4, usize::MAX).unwrap();
    let second = reader.read(4, usize::MAX).unwrap();
    let gap = replica.apply(&second);
    assert!(matches!(gap, Err(Error::BadEntry(_))), "{gap:?}");
    assert_eq!(replica.apply(&first).unwrap().applied, 4);
    let Applied {
        applied, skipped, ..
    } = replica.apply(&first).unwrap();
    assert_eq!((applied, skipped), (0, 4));
    let both = [first.as_slice(), &second].concat();
    let done = replica.apply(&both).unwrap();
    assert_eq!((done.applied, done.skipped), (2, 4));
    assert_same(&primary, &replica);
    assert_eq!(replica.apply(&[]).unwrap().position, done.position);
    // A batch that ends below the head, by this handle and by one that was open before.
    assert_eq!(replica.apply(&first).unwrap().skipped, 4);
    assert_eq!(early.apply(&first).unwrap().position, done.position);

    // Another primary's entries at the same indexes.
    let other = follow(&scratch, &primary, "c.creel");
    promote(&other).unwrap();
    let mut reader = other.log_reader(&done.position).unwrap();
    other.put(b"other", b"value").unwrap();
    primary.put(b"ours", b"value").unwrap();
    pull(&primary, &replica, 9, 999).unwrap();
    let fork = reader.read(9, 9999).unwrap();
    let refused = replica.apply(&fork);
    assert!(
        matches!(refused, Err(Error::Diverged { .. })),
        "{refused:?}"
    );
    for (copy, notes) in [(&primary, 0), (&other, 1)] {
        let options = VerifyOptions {
            against: Some(copy.path().to_owned()),
            ..VerifyOptions::default()
        };
        let report = creel::verify(replica.path(), &options, &NoProgress).unwrap();
        let about = report.findings.iter().filter(|f| f.id == Invariant::R4);
        assert_eq!(about.count(), notes, "{:?}", report.findings);
    }
    let refused = other.log_reader(&replica.position().unwrap());
    assert!(
        matches!(refused, Err(Error::Diverged { .. })),
        "{refused:?}"
    );
    assert_same(&primary, &replica);
}

#[test]
fn a_flipped_byte_is_refused_and_changes_nothing() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let before = replica.position().unwrap();
    primary.put(b"key", b"value").unwrap();
    let mut batch = Batch::new();
    batch.keyspace("fruit").put(b"apple", b"red");
    primary.write(batch).unwrap();
    let good = primary.log_reader(&before).unwrap().read(9, 999).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 4;
        assert!(replica.apply(&bad).is_err(), "byte {at}");
        assert!(replica.apply(&good[..at]).is_err() || at == 0 || at == good_first(&good));
        if at == good_first(&good) {
            // A whole first entry is one.
            assert_eq!(replica.position().unwrap().index, before.index + 1);
        }
    }
    assert_eq!(replica.apply(&good).unwrap().applied, 1);
    assert_same(&primary, &replica);
}

fn good_first(bytes: &[u8]) -> usize {
    let (first, _) = Entry::split(bytes).unwrap().unwrap();
    first.bytes().len()
}

/// Whole entries that say what cannot be.
#[test]
fn operations_that_cannot_be_are_refused() {
    use creel::format::frame::EntryKind;
    use creel::format::op::Op;
    let scratch = Scratch::new();
    let (_, replica) = pair(&scratch);
    let at = replica.position().unwrap();
    let forged = |kind, ops: &[Op<'_>], count: u32| {
        let mut payload = Vec::new();
        ops.iter().for_each(|op| op.encode(&mut payload));
        let header = EntryHeader {
            payload_len: payload.len() as u32,
            kind,
            index: at.index + 1,
            epoch: at.epoch,
            op_count: count,
            time_us: 1,
            history_before: at.hash.unwrap(),
        };
        Entry::encode(&header, &payload)
    };
    let put = |keyspace, key, value| Op::Put {
        keyspace,
        key,
        value,
    };
    let roomy = CreateOptions {
        page_size: 64 << 10,
        ..small()
    };
    let roomy = options().create(scratch.file("roomy"), &roomy).unwrap();
    let long = vec![b'k'; 5000];
    let name = b"main".as_slice();
    for (ops, count) in [
        (vec![put(1, b"", b"v")], 1),
        (vec![put(1, &long, b"v")], 1),
        (vec![put(7, b"k", b"v")], 1),
        (vec![put(0, b"\x10kname", b"\x05\0\0\0")], 1),
        (vec![put(0, b"\x20local", b"fact")], 1),
        (vec![put(0, b"\x10e\0\0\0\x02", b"no record")], 1),
        (vec![Op::CreateKeyspace { id: 1, name: b"x" }], 1),
        (vec![Op::CreateKeyspace { id: 9, name }], 1),
        (vec![Op::DropKeyspace { id: 1, name: b"x" }], 1),
        (vec![put(1, b"k", b"v")], 2),
        (vec![put(1, b"k", b"v")], 0),
    ] {
        let forged = forged(EntryKind::Commit, &ops, count);
        let refused = replica.apply(&forged);
        assert!(
            matches!(refused, Err(Error::BadEntry(_))),
            "{ops:?}: {refused:?}"
        );
        // Nor does it help that a file looked at them in which they could be.
        let elsewhere = roomy.check_entries(forged);
        let refused = elsewhere.and_then(|checked| replica.apply_checked(&checked));
        assert!(matches!(refused, Err(Error::BadEntry(_))), "{refused:?}");
    }
    let could_be = forged(EntryKind::Commit, &[put(1, &long, b"v")], 1);
    assert!(roomy.check_entries(could_be).is_ok());
    let fence = forged(EntryKind::Fence, &[put(1, b"k", b"v")], 1);
    assert!(replica.apply(&fence).is_err());
    assert_eq!(replica.position().unwrap(), at);
    let good = forged(EntryKind::Commit, &[put(1, b"k", b"v")], 1);
    assert_eq!(replica.apply(&good).unwrap().applied, 1);
}

#[test]
fn a_new_epoch_refuses_every_older_handle() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let other = options().open(replica.path()).unwrap();
    let before = replica.position().unwrap();
    let commit = promote(&replica).unwrap();
    assert_eq!(
        (commit.token.epoch, commit.token.index),
        (2, before.index + 1)
    );
    assert_eq!(replica.position().unwrap(), commit.position());
    replica.put(b"k", b"of epoch 2").unwrap();
    let refused = other.put(b"k", b"too late");
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_eq!(other.get(b"k").unwrap().unwrap(), b"of epoch 2");
    let epochs = replica.epochs().unwrap();
    assert_eq!(epochs.len(), 1);
    assert_eq!(epochs[0].previous_index, before.index);
    assert_eq!(Some(epochs[0].previous_history), before.hash);
    assert_eq!((epochs[0].epoch, epochs[0].name.as_str()), (2, "b"));

    // The primary of epoch 1 hears of it; nobody uses up all epochs by saying so.
    let absurd = primary.fence(u32::MAX);
    assert!(matches!(absurd, Err(Error::Limit { .. })), "{absurd:?}");
    primary.fence(2).unwrap();
    let refused = primary.put(b"k", b"of epoch 1");
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_sound(&primary);
    assert_sound(&replica);
    // A dense copy of it may not be written to either.
    let dense = scratch.file("dense.creel");
    primary.copy_dense(&dense, &NoProgress).unwrap();
    let dense = options().open(dense).unwrap();
    let refused = dense.put(b"k", b"of epoch 1");
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");

    // And becomes a replica of the new one, of which nothing is missing here.
    let upstream = Some(replica.info().unwrap().file_id);
    let role = Some(Role::Replica);
    let change = IdentityChange {
        role,
        upstream,
        ..IdentityChange::default()
    };
    primary.set_identity(&change).unwrap();
    assert_eq!(pull(&replica, &primary, 9, 999).unwrap(), 2);
    assert_same(&replica, &primary);
    assert_eq!(primary.epochs().unwrap(), epochs);
    for db in [&primary, &replica] {
        assert_sound(db);
        checkpoint(db);
        assert_sound(db);
        let again = options().open(db.path()).unwrap();
        assert_eq!(again.epochs().unwrap(), epochs);
        assert_eq!(again.info().unwrap().epoch, 2);
    }
}

#[test]
fn an_epoch_may_begin_in_place_and_after_a_checkpoint() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    checkpoint(&primary);
    let late = options().open(primary.path()).unwrap();
    for epoch in 2..6 {
        assert_eq!(promote(&primary).unwrap().token.epoch, epoch);
        primary.put(b"epoch", &[epoch as u8]).unwrap();
        // A checkpoint of the primary has left a marker, too.
        let new = if epoch % 2 == 0 { 2 } else { 3 };
        assert_eq!(pull(&primary, &replica, 3, 9999).unwrap(), new);
        if epoch % 2 == 0 {
            checkpoint(&primary);
        }
        assert_sound(&primary);
    }
    assert!(matches!(late.put(b"k", b"v"), Err(Error::Fenced { .. })));
    assert_same(&primary, &replica);
    assert_eq!(replica.epochs().unwrap().len(), 4);
    assert_sound(&replica);
    let stale = options().open(primary.path()).unwrap();
    stale.put(b"k", b"a new handle may").unwrap();
    // The same entry again is no second epoch.
    let at = primary.position().unwrap();
    let entry = primary.prepare_fence(&FenceWish::default()).unwrap();
    let once = primary.install_fence(&entry).unwrap();
    assert_eq!(primary.install_fence(&entry).unwrap(), once);
    assert_eq!(once.token.index, at.index + 1);
}

#[test]
fn a_bulk_step_ends_what_can_be_read() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    primary.put(b"before", b"1").unwrap();
    let rows = (0..10u8).map(|i| Ok(([i], [i])));
    let rows: Vec<creel::Result<([u8; 1], [u8; 1])>> = rows.collect();
    let rows = rows
        .iter()
        .map(|row| Ok(row.as_ref().map(|(k, v)| (&k[..], &v[..])).unwrap()));
    primary.bulk_load("loaded", rows, &NoProgress).unwrap();
    primary.put(b"after", b"2").unwrap();
    let mut reader = primary.log_reader(&replica.position().unwrap()).unwrap();
    let before = reader.read(9, 999).unwrap();
    assert_eq!(replica.apply(&before).unwrap().applied, 1);
    let bulk = reader.read(9, 999);
    assert!(matches!(bulk, Err(Error::NotRetained { .. })), "{bulk:?}");
    assert_eq!(replica.get(b"before").unwrap().unwrap(), b"1");
}

/// What may still be lost is not handed out; what a sync has proven is.
#[test]
fn commits_that_are_not_durable_are_made_so_before_they_are_read() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let lazy = options()
        .sync(SyncMode::Normal)
        .open(primary.path())
        .unwrap();
    lazy.put(b"k", b"not synced").unwrap();
    let at = replica.position().unwrap();
    let reading = options().read_only(true).open(primary.path()).unwrap();
    assert_eq!(reading.watch(at.index, FOR_EVER).unwrap(), at.index + 1);
    let batch = reading.log_reader(&at).unwrap().read(9, 999).unwrap();
    assert_eq!(replica.apply(&batch).unwrap().applied, 1);

    // While somebody holds the writer lock nothing can be proven.
    let holder = options().hold_lock(true).sync(SyncMode::Normal);
    let holder = holder.open(primary.path()).unwrap();
    holder.put(b"k", b"not synced either").unwrap();
    let at = replica.position().unwrap();
    let mut reader = reading.log_reader(&at).unwrap();
    assert!(reader.read(9, 999).unwrap().is_empty());
    assert!(reading.watch(at.index, Duration::from_millis(1)).unwrap() <= at.index);
    drop(holder);
    assert_eq!(reading.watch(at.index, FOR_EVER).unwrap(), at.index + 1);
    let batch = reader.read(9, 999).unwrap();
    assert_eq!(replica.apply(&batch).unwrap().applied, 1);
    assert_eq!(primary.get(b"k").unwrap().unwrap(), b"not synced either");
}

#[test]
fn a_watcher_sees_every_commit_of_anybody() {
    let scratch = Scratch::new();
    let (primary, replica) = pair(&scratch);
    let other = options().open(primary.path()).unwrap();
    let stop = AtomicBool::new(false);
    let start = primary.position().unwrap().index;
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut reader = primary.log_reader(&replica.position().unwrap()).unwrap();
            loop {
                let done = stop.load(Ordering::SeqCst);
                let at = reader.position().index;
                let newest = primary.watch(at, Duration::from_millis(20)).unwrap();
                let batch = reader.read(usize::MAX, 1 << 20).unwrap();
                assert!(newest <= at || !batch.is_empty());
                replica.apply(&batch).unwrap();
                if done && newest <= at {
                    return;
                }
            }
        });
        for i in 0..200u32 {
            let db = if i % 3 == 0 { &other } else { &primary };
            db.put(&i.to_be_bytes(), b"value").unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        follower.join().unwrap();
    });
    assert_eq!(replica.position().unwrap().index, start + 200);
    assert_same(&primary, &replica);
}
