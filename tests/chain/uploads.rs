//! Snapshots that are being made while others remove what is old.

use std::sync::Arc;

use creel::NoProgress;
use creel::chain::name::{Name, SnapshotId};
use creel::chain::object::RetentionRow;
use creel::chain::store::Store;
use creel::chain::{Chain, GcWish, Tries};

use crate::flawed::{Flaw, Flawed};
use crate::kept::{DAY_US, NOW_US, World, image};

/// An upload that ended in the middle was taken for abandoned while it was tried again: its begin
/// was the old one.
#[test]
fn an_upload_that_is_tried_again_after_a_day_is_not_abandoned() {
    let world = World::new(2);
    let at = world.points[1];
    let id = SnapshotId::of(at.index, at.epoch, &at.history);
    let name = Name::SnapshotBegin(id).to_string();
    let begin = creel::chain::object::BeginDoc::new([1; 16], [2; 16], NOW_US - 2 * DAY_US);
    world.store.create(&name, &begin.encode()).unwrap();
    world.snapshot_of(at, NOW_US, &image(1, 2500), false);
    let begun = world.store.get(&name, 1 << 16).unwrap().unwrap();
    let begun = creel::chain::object::BeginDoc::decode(&begun).unwrap();
    assert_eq!(begun.time_us, NOW_US);
    assert_ne!(begun.encode(), begin.encode());
    world.gc(RetentionRow::default());
    assert_eq!(world.faults(), "");
}

/// Who removes an upload that was given up looks first and then removes, however much later: another
/// try of the same moment, finished in between, lost a part of its own.
#[test]
fn a_late_removal_of_what_was_given_up_takes_nothing_from_another_try() {
    let (world, other) = (World::new(2), World::new(2));
    let at = world.points[1];
    let id = SnapshotId::of(at.index, at.epoch, &at.history);
    let folder = format!("snap/{id}/");
    let (begin, done) = (
        Name::SnapshotBegin(id).to_string(),
        Name::Snapshot(id).to_string(),
    );
    let give_up = |world: &World, ago_us: u64| {
        world.snapshot_of(at, NOW_US, &image(1, 2500), false);
        world.store.delete(&done).unwrap();
        let said = creel::chain::object::BeginDoc::new([1; 16], [2; 16], NOW_US - ago_us);
        world.store.put(&begin, &said.encode()).unwrap();
        world.store.list_after(&folder, "", 100).unwrap()
    };
    // Whoever removes has seen these, and that nobody has gone on with them for a day.
    let seen = give_up(&world, 2 * DAY_US);
    assert!(seen.len() > 2, "{seen:?}");
    world.snapshot_of(at, NOW_US, &image(1, 2500), false);
    for name in &seen {
        world.store.delete(name).unwrap();
    }
    assert_eq!(world.faults(), "");
    // An upload that ended a moment ago is gone on with: nothing is sent twice.
    let seen = give_up(&other, 60_000_000);
    other.snapshot_of(at, NOW_US, &image(1, 2500), false);
    let now = other.store.list_after(&folder, "", 100).unwrap();
    let new: Vec<&String> = now.iter().filter(|name| !seen.contains(name)).collect();
    assert_eq!(new, [&done]);
}

/// Parts whose word was removed late, while somebody was at them again.
#[test]
fn parts_without_a_word_count_from_when_they_are_found() {
    let world = World::new(2);
    let at = world.points[1];
    world.snapshot_of(world.points[0], NOW_US, b"whole", false);
    let doc = world.snapshot_of(at, NOW_US, &image(1, 2500), false);
    let id = SnapshotId::of(at.index, at.epoch, &at.history);
    for name in [Name::SnapshotBegin(id), Name::Snapshot(id)] {
        world.store.delete(&name.to_string()).unwrap();
    }
    let parts = |world: &World| {
        let there = |part| {
            let name = doc.part_name(part).unwrap().to_string();
            world.store.head(&name).unwrap().is_some()
        };
        doc.parts.iter().filter(|part| there(part)).count()
    };
    let gc = |time_us| {
        let wish = GcWish {
            node: [1; 16],
            time_us,
            retention: None,
            dry_run: false,
        };
        world.chain.gc(&wish, &mut Tries(0), &NoProgress).unwrap()
    };
    gc(NOW_US);
    gc(NOW_US + DAY_US / 2);
    assert_eq!(parts(&world), doc.parts.len());
    let report = gc(NOW_US + 2 * DAY_US);
    assert_eq!(report.snapshots_removed, [id.to_string()]);
    assert_eq!(parts(&world), 0);
}

/// A snapshot whose parts are gone was called done for ever.
#[test]
fn a_snapshot_without_its_parts_is_made_again() {
    let world = World::new(2);
    let at = world.points[1];
    let doc = world.snapshot_of(at, NOW_US, &image(1, 2500), false);
    let part = doc.part_name(&doc.parts[1]).unwrap().to_string();
    world.store.delete(&part).unwrap();
    assert_ne!(world.faults(), "");
    world.snapshot_of(at, NOW_US, &image(1, 2500), false);
    assert_eq!(world.faults(), "");
}

/// What a newer creel has begun is not thrown away by an older one.
#[test]
fn a_begin_that_cannot_be_read_is_not_abandoned() {
    let world = World::new(2);
    world.snapshot_of(world.points[1], NOW_US, b"whole", false);
    let id = SnapshotId::of(9, 1, &[3; 16]);
    let name = Name::SnapshotBegin(id).to_string();
    world
        .store
        .create(&name, b"{\"schema\":\"of a later version\"}")
        .unwrap();
    world.gc(RetentionRow::default());
    assert!(world.store.head(&name).unwrap().is_some());
}

/// Removing takes a while, and what is removed may be taken up again meanwhile.
#[test]
fn what_is_gone_on_with_while_it_is_removed_stays() {
    let world = World::new(2);
    let at = world.points[1];
    let doc = world.snapshot_of(at, NOW_US, &image(1, 2500), false);
    let id = SnapshotId::of(at.index, at.epoch, &at.history);
    let names = |world: &World| {
        let folder = format!("snap/{id}/");
        world.store.list_after(&folder, "", 100).unwrap()
    };
    // It never was finished, and is old.
    world.store.delete(&Name::Snapshot(id).to_string()).unwrap();
    let begin = creel::chain::object::BeginDoc::new([1; 16], [2; 16], NOW_US - 2 * DAY_US);
    let begun = Name::SnapshotBegin(id).to_string();
    world.store.put(&begun, &begin.encode()).unwrap();
    assert_eq!(names(&world).len(), doc.parts.len() + 1);
    let store = Flawed {
        inner: Arc::new(world.store.clone()),
        flaw: Flaw::TriedAgain,
    };
    let chain = Chain::open(Arc::new(store), &mut Tries(0)).unwrap();
    let wish = GcWish {
        node: [1; 16],
        time_us: NOW_US,
        retention: None,
        dry_run: false,
    };
    let report = chain.gc(&wish, &mut Tries(0), &NoProgress).unwrap();
    assert!(report.snapshots_removed.is_empty(), "{report:?}");
    assert_eq!(names(&world).len(), doc.parts.len(), "one was removed");
    // Where nobody does, all of it goes.
    world.store.put(&begun, &begin.encode()).unwrap();
    let report = world.gc(RetentionRow::default());
    assert_eq!(report.snapshots_removed, [id.to_string()]);
    assert!(names(&world).is_empty());
}
