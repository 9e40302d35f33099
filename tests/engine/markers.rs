//! Copies that checkpoint where the primary did are compared by what they made of the log (I16, R4).

use std::sync::Arc;

use creel::format::header::{Header, SlotState};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};
use creel::{
    CheckpointOptions, CheckpointReport, CreateOptions, Db, Error, Facts, Hold, IdentityChange,
    NoProgress, OpenOptions, Position, Role,
};

use crate::hook::HookVfs;
use crate::replica::{
    assert_same, assert_sound, checkpoint, follow, options, promote, pull, small,
};
use crate::rng::Rng;
use crate::scratch::Scratch;
use crate::since::random_commit;

fn primary_by(scratch: &Scratch, options: OpenOptions) -> Db {
    let create = CreateOptions {
        role: Role::Primary,
        ..small()
    };
    let db = options.create(scratch.file("a.creel"), &create).unwrap();
    db.put(b"first", b"value").unwrap();
    db
}

fn primary(scratch: &Scratch) -> Db {
    primary_by(scratch, options())
}

fn index(db: &Db) -> u64 {
    db.position().unwrap().index
}

fn again(db: &Db) -> CheckpointReport {
    let options = CheckpointOptions::default();
    db.checkpoint(&options, &NoProgress).unwrap()
}

/// Brings a copy to the head.
fn update(primary: &Db, copy: &Db) -> creel::Result<u64> {
    pull(primary, copy, usize::MAX, 1 << 20)
}

#[test]
fn copies_checkpoint_where_the_primary_did_and_have_the_same_sum() {
    for seed in 1..=3 {
        println!("seed {seed}");
        let mut rng = Rng::new(seed);
        let scratch = Scratch::new();
        let a = primary(&scratch);
        let b = follow(&scratch, &a, "b.creel");
        let late = follow(&scratch, &a, "late.creel");
        for round in 0..8 {
            for _ in 0..rng.between(1, 30) {
                random_commit(&mut rng, &a);
            }
            checkpoint(&a);
            let bytes = rng.between(1, 3000);
            pull(&a, &b, rng.between(1, 9), bytes).unwrap();
            let (ours, theirs) = (a.mark().unwrap(), b.mark().unwrap());
            assert!(ours.is_some(), "round {round}");
            assert_eq!(ours, theirs, "round {round}");
            assert_eq!(
                ours.unwrap().index + 1,
                index(&a),
                "the marker stands behind it"
            );
            if rng.chance(40) {
                // A checkpoint of its own between two markers.
                random_commit(&mut rng, &a);
                update(&a, &b).unwrap();
                checkpoint(&b);
                assert_eq!(b.mark().unwrap(), theirs, "the sum there is kept");
            }
        }
        // All at once.
        update(&a, &late).unwrap();
        update(&a, &b).unwrap();
        assert_eq!(late.mark().unwrap(), a.mark().unwrap());
        for copy in [&b, &late] {
            assert_same(&a, copy);
            assert_sound(copy);
        }
        assert_sound(&a);
    }
}

#[test]
fn a_marker_alone_is_nothing_new() {
    let scratch = Scratch::new();
    let a = primary(&scratch);
    let before = index(&a);
    let done = again(&a);
    assert!(done.done);
    assert_eq!(done.wal_bytes_after, 0);
    assert_eq!(index(&a), before + 1);
    let generation = a.info().unwrap().generation;
    for _ in 0..3 {
        assert!(!again(&a).done);
        assert_eq!(
            (index(&a), a.info().unwrap().generation),
            (before + 1, generation)
        );
    }
    // Facts of the file use up no entry.
    let mut facts = a.facts().unwrap();
    facts.holds.push(Hold {
        name: "somebody".into(),
        index: 1,
        max_bytes: 1 << 20,
        expires_us: u64::MAX,
    });
    a.set_facts(&facts).unwrap();
    a.set_facts(&Facts::default()).unwrap();
    assert_eq!(index(&a), before + 1);
    assert!(!again(&a).done);
    a.put(b"next", b"commit").unwrap();
    assert!(again(&a).done);
    assert_eq!(index(&a), before + 3);
    assert!(
        a.log_info().unwrap().is_clean(),
        "the next open has nothing to prove"
    );
}

/// Rounds of a compaction turn the log over, and forgot what its last entry was.
#[test]
fn compacting_adds_one_marker_at_most() {
    let scratch = Scratch::new();
    let a = primary(&scratch);
    for i in 0..2000u32 {
        a.put(&i.to_be_bytes(), &[7; 100]).unwrap();
    }
    checkpoint(&a);
    for i in 0..1900u32 {
        a.delete(&i.to_be_bytes()).unwrap();
    }
    let before = index(&a);
    a.compact(&creel::CompactOptions::default(), &NoProgress)
        .unwrap();
    assert_eq!(index(&a), before + 1);
    a.compact(&creel::CompactOptions::default(), &NoProgress)
        .unwrap();
    assert_eq!(index(&a), before + 1);
    assert!(!again(&a).done);
    assert_sound(&a);
}

#[test]
fn who_is_no_primary_leaves_no_marker() {
    let scratch = Scratch::new();
    let alone = options().create(scratch.file("s.creel"), &small()).unwrap();
    alone.put(b"key", b"value").unwrap();
    again(&alone);
    assert_eq!((index(&alone), alone.mark().unwrap()), (1, None));
    let a = primary(&scratch);
    let b = follow(&scratch, &a, "b.creel");
    a.put(b"key", b"value").unwrap();
    update(&a, &b).unwrap();
    again(&b);
    assert_eq!(index(&b), index(&a));
    // A fenced primary adds nothing to its log either.
    a.fence(7).unwrap();
    again(&a);
    assert_eq!(index(&a), index(&b));
}

/// The newest header of a closed file gets another content sum: as if folding had gone wrong.
fn spoil(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let slots = SLOT_OFFSETS.iter().enumerate();
    let headers = slots.filter_map(|(number, at)| {
        let slot = &bytes[*at as usize..*at as usize + SLOT_SIZE];
        match Header::decode(slot.try_into().unwrap(), number) {
            SlotState::Valid(header, _) => Some(*header),
            _ => None,
        }
    });
    let mut newest = headers.max_by_key(|header| header.generation).unwrap();
    newest.content_sum ^= 1 << 40;
    let at = newest.slot_offset() as usize;
    bytes[at..at + SLOT_SIZE].copy_from_slice(&newest.encode());
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_copy_that_made_something_else_of_the_same_log_is_refused() {
    for own_checkpoint in [false, true] {
        let scratch = Scratch::new();
        let a = primary(&scratch);
        let b = follow(&scratch, &a, "b.creel");
        a.put(b"one", b"1").unwrap();
        checkpoint(&a);
        update(&a, &b).unwrap();
        assert_eq!(b.mark().unwrap(), a.mark().unwrap());
        let path = b.path().to_owned();
        b.close().unwrap();
        spoil(&path);
        let b = options().open(&path).unwrap();
        a.put(b"two", b"2").unwrap();
        if own_checkpoint {
            update(&a, &b).unwrap();
            checkpoint(&b);
        }
        checkpoint(&a);
        let refused = update(&a, &b).unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, Error::Diverged { .. }), "{text}");
        assert!(text.contains("R4"), "{text}");
        // The commits before the marker are there; the marker never comes.
        let at = index(&b);
        assert!(at < index(&a));
        update(&a, &b).unwrap_err();
        assert_eq!(index(&b), at);
    }
}

#[test]
fn a_marker_costs_no_sync() {
    let scratch = Scratch::new();
    let hook = HookVfs::default();
    let a = primary_by(&scratch, options().vfs(Arc::new(hook.clone())));
    let waits = |work: &dyn Fn()| {
        let before = hook.waits();
        work();
        hook.waits() - before
    };
    let mut costs = Vec::new();
    for round in 0..6u8 {
        let put = |key: &[u8]| {
            a.put(key, b"x").unwrap();
        };
        let (first, next) = (waits(&|| put(&[round])), waits(&|| put(&[round, 1])));
        let fold = waits(&|| {
            again(&a);
        });
        costs.push((first, next, fold));
    }
    // The first one is behind a checkpoint with its marker.
    assert!(
        costs[1..]
            .iter()
            .all(|(put, next, _)| (*put, *next) == (1, 1)),
        "{costs:?}"
    );
    let scratch = Scratch::new();
    let other = HookVfs::default();
    let opened = options().vfs(Arc::new(other.clone()));
    let alone = opened.create(scratch.file("s.creel"), &small()).unwrap();
    alone.put(b"k", b"v").unwrap();
    let before = other.waits();
    again(&alone);
    let without = other.waits() - before;
    assert!(
        costs.iter().all(|(_, _, fold)| *fold <= without),
        "{costs:?} {without}"
    );
}

#[test]
fn a_copy_goes_back_in_front_of_a_marker_and_another_history_is_compared_from_there() {
    let scratch = Scratch::new();
    let a = primary(&scratch);
    let b = follow(&scratch, &a, "b.creel");
    let c = follow(&scratch, &a, "c.creel");
    a.put(b"both", b"1").unwrap();
    update(&a, &c).unwrap();
    let parted = index(&a);
    checkpoint(&a);
    update(&a, &b).unwrap();
    assert_eq!(index(&b), parted + 1);
    // c has all commits and not the marker; it becomes primary.
    promote(&c).unwrap();
    c.put(b"new", b"2").unwrap();
    checkpoint(&c);
    let refused = c.log_reader(&b.position().unwrap());
    assert!(matches!(refused, Err(Error::Diverged { .. })));
    b.rewind(parted, &NoProgress).unwrap();
    assert_eq!(index(&b), parted);
    update(&c, &b).unwrap();
    c.put(b"newer", b"3").unwrap();
    checkpoint(&c);
    update(&c, &b).unwrap();
    assert_eq!(b.mark().unwrap(), c.mark().unwrap());
    assert_same(&c, &b);
    assert_sound(&b);
    // The deposed one comes back too: its fold stands in front of its own marker.
    let change = IdentityChange {
        role: Some(Role::Replica),
        upstream: Some([9; 16]),
        ..IdentityChange::default()
    };
    a.set_identity(&change).unwrap();
    a.rewind(parted, &NoProgress).unwrap();
    update(&c, &a).unwrap();
    c.put(b"last", b"4").unwrap();
    checkpoint(&c);
    update(&c, &a).unwrap();
    assert_eq!(a.mark().unwrap(), c.mark().unwrap());
    assert_same(&c, &a);
    assert_sound(&a);
}

#[test]
fn a_session_with_checkpoints_in_the_background_cuts_at_every_marker() {
    let scratch = Scratch::new();
    let a = primary(&scratch);
    let b = follow(&scratch, &a, "b.creel");
    let path = b.path().to_owned();
    b.close().unwrap();
    let b = OpenOptions::new().open(&path).unwrap();
    for round in 0..20u32 {
        for n in 0..5u32 {
            a.put(&[round.to_be_bytes(), n.to_be_bytes()].concat(), &[7; 500])
                .unwrap();
        }
        checkpoint(&a);
    }
    update(&a, &b).unwrap();
    let end: Position = a.position().unwrap();
    assert_eq!(b.position().unwrap(), end);
    b.close().unwrap();
    let b = options().open(&path).unwrap();
    assert_eq!(b.mark().unwrap(), a.mark().unwrap());
    assert_same(&a, &b);
    assert_sound(&b);
}
