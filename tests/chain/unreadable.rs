//! Segments whose header cannot be read, where the log is collected and searched.

use creel::chain::name::Name;
use creel::chain::object::{NodeRole, ProgressDoc};
use creel::chain::store::{Created, Store};
use creel::chain::{Located, Tries};

use crate::kept::{NOW_US, World, keep_nothing};
use crate::log::LINEAGE;

/// Collecting ended at it, again and again, and nothing behind it ever went. It may be a fence, so it stays like
/// one: it is what the create of an old primary fails on, readable or not.
#[test]
fn a_damaged_header_below_the_floor_stopped_collecting() {
    let mut world = World::new(3);
    world.promote();
    world.publish(3);
    world.snapshot_of(world.points[6], NOW_US, b"image", false);
    let mut replica = ProgressDoc::new([5; 16], LINEAGE, NodeRole::Replica, world.points[0].into());
    replica.time_us = NOW_US - 1;
    world.chain.say_progress(&replica, &mut Tries(0)).unwrap();
    let silent = Name::Progress([5; 16]);
    for number in [2, 4] {
        world.replace(&Name::Segment(number), |b| b[20] ^= 1);
    }
    // Whoever is kept log for is found beyond them.
    let held = world.gc(keep_nothing());
    assert_eq!((held.floor, held.collected.removed), (1, 0), "{held:?}");
    world.chain.forget(&silent, &mut Tries(0)).unwrap();
    for removed in [4, 0] {
        let report = world.gc(keep_nothing());
        assert_eq!(
            (report.floor, report.collected.removed),
            (7, removed),
            "{report:?}"
        );
        assert_eq!(report.collected.unreadable, [2, 4]);
        assert_eq!(report.collected.fences, 0);
        assert_eq!(world.numbers(), [2, 4, 7]);
        // And it can be told what holds.
        world.chain.say_progress(&replica, &mut Tries(0)).unwrap();
    }
    let bytes = world.store.get(&Name::Segment(7).to_string(), u64::MAX);
    let again = world
        .store
        .create(&Name::Segment(4).to_string(), &bytes.unwrap().unwrap());
    assert_eq!(again.unwrap(), Created::Exists);
    // It is damage, and called so.
    let faults = world.faults();
    for number in [2, 4] {
        assert!(
            faults.contains(&Name::Segment(number).to_string()),
            "{faults}"
        );
    }
}

/// One that could not be read anywhere in the log hid where all others are.
#[test]
fn the_log_is_searched_around_what_cannot_be_read() {
    let world = World::new(9);
    let locate = |index: u64| world.chain.locate(index, 0, &mut Tries(0)).unwrap();
    let points = world.points.clone();
    let all: Vec<Located> = (points[0].index..=points[9].index).map(locate).collect();
    for damaged in [vec![5], vec![1], vec![4, 5, 6], vec![2, 5, 8], vec![1, 2]] {
        let mut before = Vec::new();
        for number in &damaged {
            let name = Name::Segment(*number).to_string();
            before.push((
                name.clone(),
                world.store.get(&name, u64::MAX).unwrap().unwrap(),
            ));
            world.replace(&Name::Segment(*number), |b| b[20] ^= 1);
        }
        for (index, was) in (points[0].index..).zip(&all) {
            let Located::At(was) = was else {
                panic!("{was:?}")
            };
            let Located::At(is) = locate(index) else {
                panic!("{damaged:?}: {index}")
            };
            // One of those that cannot be read, with none between that can.
            let row = (is..=*was).all(|number| damaged.contains(&number));
            assert!(
                is == *was || row,
                "{damaged:?}: {index} is in {was}, not in {is}"
            );
        }
        for (name, bytes) in before {
            world.store.put(&name, &bytes).unwrap();
        }
    }
}
