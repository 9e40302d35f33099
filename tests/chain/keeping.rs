//! What stands around the chain: snapshots, catalogues, the floor, holds, mirrors, checks.

use std::io::Cursor;
use std::sync::Arc;

use creel::NoProgress;
use creel::chain::name::{Name, SnapshotId};
use creel::chain::object::{Creel, RetentionRow, Segment};
use creel::chain::store::{MemoryStore, Store};
use creel::chain::{
    Chain, ChainError, Opened, PublishRun, RestoreTo, SnapshotWish, StoreVerifyOptions, Tries,
    mirror, verify_store,
};
use creel::format::entry::Point;

use crate::kept::{DAY_US, NOW_US, PART, World, image, keep_nothing};
use crate::log::{notes, start, writer};

#[test]
fn a_snapshot_comes_back_as_it_was_written() {
    let world = World::new(4);
    let bytes = image(3, 4321);
    let doc = world.snapshot_of(world.points[2], NOW_US, &bytes, true);
    assert_eq!((doc.number, doc.parts.len(), doc.image_bytes), (3, 5, 4321));
    assert_eq!(doc.base, None);
    let mut target = Cursor::new(Vec::new());
    world
        .chain
        .fetch(&doc, &mut target, &mut Tries(0), &NoProgress)
        .unwrap();
    assert_eq!(target.into_inner(), bytes);
    // Again: nothing new.
    let again = world.snapshot_of(world.points[2], NOW_US + 9, &bytes, true);
    assert_eq!(again, doc);
    assert_eq!(world.chain.snapshots(&mut Tries(0)).unwrap().len(), 1);
    // A fetch that was cut short goes on: a damaged part that is there already is not needed.
    let mut half = Cursor::new(bytes[..2000].to_vec());
    world.replace(&doc.part_name(&doc.parts[0]).unwrap(), |b| b[7] ^= 1);
    world
        .chain
        .fetch(&doc, &mut half, &mut Tries(0), &NoProgress)
        .unwrap();
    assert_eq!(half.into_inner(), bytes);
    let mut none = Cursor::new(Vec::new());
    let damaged = world
        .chain
        .fetch(&doc, &mut none, &mut Tries(0), &NoProgress);
    assert!(matches!(damaged, Err(ChainError::Damaged { .. })));
}

#[test]
fn a_delta_has_only_the_parts_that_changed() {
    let mut world = World::new(4);
    let mut bytes = image(3, 8000);
    let full = world.snapshot_of(world.points[1], NOW_US, &bytes, true);
    bytes[4500] ^= 1;
    let delta = world.snapshot_of(world.points[3], NOW_US, &bytes, true);
    assert_eq!(delta.base, Some(full.id().to_string()));
    assert_eq!(delta.stored_bytes(), 1000);
    let mut target = Cursor::new(Vec::new());
    world
        .chain
        .fetch(&delta, &mut target, &mut Tries(0), &NoProgress)
        .unwrap();
    assert_eq!(target.into_inner(), bytes);
    // The base stays as long as the delta does.
    let report = world.gc(keep_nothing());
    assert_eq!(report.snapshots_removed, [] as [String; 0]);
    assert_eq!(world.faults(), "");
    // Never across epochs, nor where more than half is new.
    world.promote();
    let after_fence = world.snapshot_of(world.end(), NOW_US, &bytes, true);
    assert_eq!(after_fence.base, None);
    world.publish(1);
    let other = world.snapshot_of(world.end(), NOW_US, &image(9, 8000), true);
    assert_eq!(other.base, None);
    assert_eq!(world.faults(), "");
}

#[test]
fn a_snapshot_is_only_made_of_what_is_published() {
    let world = World::new(2);
    let (_, ahead) = notes(&world.end(), 1, "not published");
    let wish = |at| SnapshotWish {
        at,
        entry_time_us: 0,
        node: [1; 16],
        time_us: NOW_US,
        image_bytes: 3,
        part_bytes: PART,
        delta: false,
    };
    let write = |at| {
        let mut image = Cursor::new(b"abc".to_vec());
        world
            .chain
            .write_snapshot(&wish(at), &mut image, &mut Tries(0), &NoProgress)
    };
    assert!(matches!(write(ahead), Err(ChainError::Refused(_))));
    let forked = Point {
        history: [9; 16],
        ..world.points[1]
    };
    assert!(matches!(write(forked), Err(ChainError::OffChain { .. })));
    let forked_at_the_end = Point {
        history: [9; 16],
        ..world.end()
    };
    assert!(matches!(
        write(forked_at_the_end),
        Err(ChainError::OffChain { .. })
    ));
    assert_eq!(
        world.store.list_after("snap/", "", 9).unwrap(),
        [] as [String; 0]
    );
    write(world.end()).unwrap();
}

#[test]
fn the_floor_follows_snapshots_and_fences_stay() {
    let mut world = World::new(3);
    world.promote();
    world.publish(3);
    assert_eq!(
        world.gc(keep_nothing()).reason,
        "there is no snapshot to start from"
    );
    world.snapshot_of(world.points[2], NOW_US - 2 * DAY_US, b"old", false);
    world.snapshot_of(world.points[6], NOW_US - DAY_US, b"new", false);
    // A week is kept: no snapshot is so old.
    let week = world.gc(RetentionRow::default());
    assert_eq!(
        (week.floor, week.reason.as_str()),
        (1, "no snapshot is old enough")
    );
    let two_days = RetentionRow {
        time_us: DAY_US + 1,
        ..keep_nothing()
    };
    let report = world.gc(two_days);
    assert_eq!((report.floor_before, report.floor), (1, 3));
    assert_eq!(world.numbers(), [3, 4, 5, 6, 7]);
    let report = world.gc(keep_nothing());
    assert_eq!((report.floor, report.collected.removed), (7, 3));
    assert_eq!(report.snapshots_removed.len(), 1);
    assert_eq!(world.numbers(), [4, 7], "the fence stays");
    let verified = world.verify();
    assert!(verified.is_clean(), "{verified:?}");
    assert_eq!(
        (verified.segments, verified.fences, verified.snapshots),
        (1, 1, 1)
    );
    // And again: nothing to do, and no new catalogue.
    let n = world.verify().catalogue;
    assert_eq!(world.gc(keep_nothing()).collected.removed, 0);
    assert_eq!(world.verify().catalogue, n);
}

#[test]
fn the_newest_segment_stays_whatever_is_asked() {
    let world = World::new(3);
    world.snapshot_of(world.end(), NOW_US, b"all", false);
    let report = world.gc(keep_nothing());
    assert_eq!((report.floor, report.collected.removed), (3, 2));
    assert_eq!(world.numbers(), [3]);
    assert_eq!(world.faults(), "");
    let mut world = world;
    world.publish(1);
    world.gc(keep_nothing());
    assert_eq!(world.numbers(), [4]);
    assert_eq!(world.faults(), "");
}

/// The catalogue said that the log begins behind its end: `verify` called all of it damaged, and nothing
/// was removed until somebody wrote.
#[test]
fn a_snapshot_of_everything_made_the_store_look_damaged() {
    let gcs = [
        ("all", keep_nothing()),
        (
            "bytes",
            RetentionRow {
                max_bytes: 1,
                ..RetentionRow::default()
            },
        ),
    ];
    for (what, retention) in gcs {
        let mut world = World::new(4);
        world.snapshot_of(world.end(), NOW_US, b"all", false);
        let report = world.gc(retention);
        assert_eq!((report.floor, report.collected.removed), (4, 3), "{what}");
        let verified = world.verify();
        assert_eq!(verified.findings, [], "{what}");
        assert_eq!(verified.numbers, Some((4, 4)), "{what}");
        assert_eq!(world.gc(retention).floor, 4, "{what}");
        world.publish(1);
        assert_eq!(world.verify().findings, [], "{what}");
    }
}

/// Such a catalogue may be there from before.
#[test]
fn a_floor_right_behind_the_end_is_no_damage_and_the_log_below_it_goes() {
    let written = |before: Point| {
        let world = World::new(4);
        world.snapshot_of(world.end(), NOW_US, b"all", false);
        let mut change = |catalogue: &mut creel::chain::object::Catalogue| {
            catalogue.floor.number = 5;
            catalogue.floor.before = before.into();
            true
        };
        let made = world
            .chain
            .update_catalogue([1; 16], NOW_US, &mut change, &mut Tries(0));
        made.unwrap();
        world
    };
    let end = World::new(4).end();
    let mut world = written(end);
    assert_eq!(world.faults(), "");
    assert_eq!(world.verify().numbers, Some((4, 4)));
    let report = world.gc(keep_nothing());
    assert_eq!((report.floor, report.collected.removed), (5, 3));
    assert_eq!(world.verify().findings, []);
    world.publish(1);
    assert_eq!(world.gc(keep_nothing()).collected.removed, 1);
    assert_eq!(world.numbers(), [5]);
    assert_eq!(world.verify().findings, []);
    let forked = Point {
        history: [9; 16],
        ..end
    };
    let faults = written(forked).faults();
    assert!(faults.contains("its floor has another history"), "{faults}");
}

#[test]
fn abandoned_snapshots_go_after_a_day() {
    let world = World::new(2);
    world.snapshot_of(world.points[1], NOW_US, b"whole", false);
    let id = SnapshotId::of(9, 1, &[3; 16]);
    let begin = creel::chain::object::BeginDoc::new([1; 16], [2; 16], NOW_US - DAY_US / 2);
    let name = Name::SnapshotBegin(id).to_string();
    world.store.create(&name, &begin.encode()).unwrap();
    world.gc(RetentionRow::default());
    assert!(world.store.head(&name).unwrap().is_some());
    let begin = creel::chain::object::BeginDoc::new([1; 16], [2; 16], NOW_US - 2 * DAY_US);
    world.store.put(&name, &begin.encode()).unwrap();
    let report = world.gc(RetentionRow::default());
    assert_eq!(report.snapshots_removed, [id.to_string()]);
    assert!(world.store.head(&name).unwrap().is_none());
    assert_eq!(world.chain.snapshots(&mut Tries(0)).unwrap().len(), 1);
}

#[test]
fn verify_names_whatever_is_wrong() {
    let damaged = |change: &dyn Fn(&World), expected: &str| {
        let mut world = World::new(3);
        world.promote();
        world.publish(2);
        world.snapshot_of(world.points[2], NOW_US, &image(1, 2500), false);
        assert_eq!(world.faults(), "");
        change(&world);
        let faults = world.faults();
        assert!(faults.contains(expected), "{expected:?} in {faults:?}");
    };
    let segment = Name::Segment;
    damaged(
        &|w| w.replace(&segment(2), |b| b[140] ^= 1),
        "hash does not match",
    );
    damaged(
        &|w| w.store.delete(&segment(3).to_string()).unwrap(),
        "segment 3 is missing",
    );
    damaged(
        &|w| w.store.delete(&segment(1).to_string()).unwrap(),
        "the floor, is missing",
    );
    let copy = |w: &World, from: u64, to: u64| {
        let bytes = w
            .store
            .get(&segment(from).to_string(), 1 << 20)
            .unwrap()
            .unwrap();
        w.store.put(&segment(to).to_string(), &bytes).unwrap();
    };
    damaged(&|w| copy(w, 2, 3), "written under another number");
    let foreign = |w: &World| {
        let mut other = writer(1, 1);
        other.lineage = [9; 16];
        let (body, _) = notes(&w.points[5], 1, "x");
        let made = Segment::build(&other, 6, [1; 16], w.points[5], &body).unwrap();
        w.store.put(&segment(6).to_string(), made.bytes()).unwrap();
    };
    damaged(&foreign, "another database");
    let forged = |w: &World| {
        let before = Point {
            history: [9; 16],
            ..w.points[5]
        };
        let (body, _) = notes(&before, 3, "forged");
        let made = Segment::build(&writer(1, 1), 6, [1; 16], before, &body).unwrap();
        w.store.put(&segment(6).to_string(), made.bytes()).unwrap();
    };
    damaged(&forged, "does not link");
    let part = |w: &World| {
        let row = &w.chain.snapshots(&mut Tries(0)).unwrap()[0];
        let doc = w
            .chain
            .read_snapshot(&row.id().unwrap(), &mut Tries(0))
            .unwrap()
            .unwrap();
        (
            doc.part_name(&doc.parts[1]).unwrap(),
            Name::Snapshot(doc.id()),
        )
    };
    damaged(
        &|w| w.replace(&part(w).0, |b| b[5] ^= 1),
        "hash does not match",
    );
    damaged(
        &|w| w.store.delete(&part(w).0.to_string()).unwrap(),
        "is missing",
    );
    damaged(
        &|w| w.store.delete(&part(w).1.to_string()).unwrap(),
        "it is not whole",
    );
    damaged(
        &|w| w.replace(&Name::Catalogue(1), |b| b[9] ^= 1),
        "hash does not match",
    );
    let forged_catalogue = |w: &World| {
        let mut change = |c: &mut creel::chain::object::Catalogue| {
            c.tail = 99;
            true
        };
        w.chain
            .update_catalogue([1; 16], 5, &mut change, &mut Tries(0))
            .unwrap();
    };
    damaged(&forged_catalogue, "knows segment 99");
}

#[test]
fn names_that_creel_does_not_make_are_reported_and_ignored() {
    let world = World::new(2);
    world
        .store
        .put("log/00000000000000000009.seg.bak", b"x")
        .unwrap();
    world.store.put("log/README", b"x").unwrap();
    let report = world.verify();
    assert!(report.is_clean());
    assert_eq!(report.findings.len(), 2, "{report:?}");
    assert_eq!(world.numbers(), [1, 2]);
    assert_eq!(world.chain.newest(0, &mut Tries(0)).unwrap(), Some(2));
}

#[test]
fn a_mirror_has_all_and_nobody_publishes_there() {
    let mut world = World::new(3);
    world.snapshot_of(world.points[2], NOW_US, &image(1, 2500), false);
    let copy = MemoryStore::new();
    let run = |world: &World| {
        mirror(
            &world.chain,
            Arc::new(copy.clone()),
            &mut Tries(0),
            &NoProgress,
        )
        .unwrap()
    };
    let first = run(&world);
    assert_eq!(
        (first.segments, first.snapshots, first.parts, first.tail),
        (3, 1, 3, 3)
    );
    world.promote();
    let second = run(&world);
    assert_eq!((second.segments, second.snapshots, second.tail), (1, 0, 4));
    assert_eq!(run(&world).bytes, 0);
    let chain = Chain::open(Arc::new(copy.clone()), &mut Tries(0)).unwrap();
    let options = StoreVerifyOptions { read_parts: true };
    let report = verify_store(&chain, &options, &mut Tries(0), &NoProgress).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.end, world.verify().end);
    let opened = PublishRun::open(&chain, writer(1, 1), world.end(), 0, &mut Tries(0));
    assert!(matches!(opened, Err(ChainError::Mirror { .. })));
    // Nor is the store of a primary written to.
    let back = mirror(
        &chain,
        Arc::new(world.store.clone()),
        &mut Tries(0),
        &NoProgress,
    );
    assert!(matches!(back, Err(ChainError::Refused(_))));
    // A damaged segment is not copied.
    world.publish(1);
    world.replace(&Name::Segment(5), |b| b[140] ^= 1);
    let damaged = mirror(
        &world.chain,
        Arc::new(copy.clone()),
        &mut Tries(0),
        &NoProgress,
    );
    assert!(matches!(damaged, Err(ChainError::Damaged { .. })));
    assert!(copy.head(&Name::Segment(5).to_string()).unwrap().is_none());
}

#[test]
fn a_restore_is_planned_by_index_and_by_time() {
    let world = World::new(5);
    world.snapshot_of(world.points[1], NOW_US, b"a", false);
    world.snapshot_of(world.points[3], NOW_US, b"b", false);
    let plan = |to| world.chain.plan_restore(to, &mut Tries(0));
    let newest = plan(RestoreTo::Newest).unwrap();
    assert_eq!(
        (newest.number, newest.upto, newest.tail, newest.tail_index),
        (4, None, 5, 15)
    );
    let index = plan(RestoreTo::Index(8)).unwrap();
    assert_eq!(
        (index.number, index.upto, index.snapshot.at.index),
        (2, Some(8), 3)
    );
    // Entry i has the time 1_700_000_000_000_000 + i - 1.
    let time = |us: u64| RestoreTo::Time(1_700_000_000_000_000 + us);
    for (us, upto) in [(2, 3), (6, 7), (8, 9), (13, 14), (99, 15)] {
        assert_eq!(plan(time(us)).unwrap().upto, Some(upto), "{us}");
    }
    assert!(matches!(plan(time(1)), Err(ChainError::Missing(_))));
    assert!(matches!(
        plan(RestoreTo::Index(2)),
        Err(ChainError::Missing(_))
    ));
    assert!(matches!(
        plan(RestoreTo::Index(16)),
        Err(ChainError::Missing(_))
    ));
    // Without a catalogue a listing finds the snapshots.
    for number in world.chain.catalogue_numbers(&mut Tries(0)).unwrap() {
        world
            .store
            .delete(&Name::Catalogue(number).to_string())
            .unwrap();
    }
    assert_eq!(plan(RestoreTo::Index(8)).unwrap(), index);
}

#[test]
fn another_database_cannot_use_the_store() {
    let world = World::new(1);
    let other = Creel::new([8; 16], start().into(), 5);
    let refused = Chain::create(Arc::new(world.store.clone()), &other, &mut Tries(0));
    assert!(matches!(refused, Err(ChainError::OtherLineage { .. })));
    let empty = Chain::open(Arc::new(MemoryStore::new()), &mut Tries(0));
    assert!(matches!(empty, Err(ChainError::NoChain { .. })));
}

/// Entries whose times go back stand in a store as they were written, by a creel that followed a clock which was
/// set: no copy can be had in which they do not, so that is no damage.
#[test]
fn times_that_go_back_are_told_and_are_no_damage() {
    let mut world = World::new(2);
    let (mut body, mut after) = (Vec::new(), world.end());
    for time_us in [9, 7, 8, 3] {
        after = crate::log::note_at(&mut body, &after, time_us);
    }
    let own = Point {
        index: after.index + 1000,
        ..after
    };
    let opened = PublishRun::open(&world.chain, writer(1, 1), own, 0, &mut Tries(0));
    let Opened::Ready(mut run) = opened.unwrap() else {
        panic!("the chain is ahead")
    };
    let done = run.publish(&body, &mut |_| Ok(false), &mut Tries(0));
    assert_eq!(done.unwrap(), after);
    world.points.push(after);
    let report = world.verify();
    let told: Vec<_> = report.findings.iter().map(|f| &f.detail).collect();
    let [note] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        note.contains("3 entries go back, first that of entry 8"),
        "{note}"
    );
    assert!(report.findings[0].harmless && world.faults().is_empty());
}
