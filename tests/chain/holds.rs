//! What holds keep of the chain, and how many there may be.

use creel::chain::name::{HoldName, Name};
use creel::chain::object::{HoldDoc, NodeRole, ProgressDoc};
use creel::chain::{ChainError, MAX_HOLDS, Tries};

use crate::kept::{DAY_US, NOW_US, World, keep_nothing};
use crate::log::LINEAGE;

#[test]
fn holds_keep_the_log_within_their_caps() {
    let world = World::new(9);
    world.snapshot_of(world.points[8], NOW_US, b"x", false);
    let mut replica = ProgressDoc::new([5; 16], LINEAGE, NodeRole::Replica, world.points[4].into());
    replica.time_us = NOW_US - 1;
    world.chain.say_progress(&replica, &mut Tries(0)).unwrap();
    let mut hold = HoldDoc::new(
        &HoldName::new("audit").unwrap(),
        LINEAGE,
        world.points[2].index,
    );
    hold.expires_us = NOW_US + 1;
    world.chain.set_hold(&hold, &mut Tries(0)).unwrap();
    let report = world.gc(keep_nothing());
    assert_eq!(
        (report.floor, report.reason.as_str()),
        (3, "held by hold/audit.json")
    );
    // Too much: it does not count any more.
    hold.max_bytes = 300;
    world.chain.set_hold(&hold, &mut Tries(0)).unwrap();
    let report = world.gc(keep_nothing());
    assert_eq!(report.floor, 5, "{report:?}");
    assert!(
        report
            .held
            .iter()
            .any(|h| h.dropped.is_some() && h.by == "hold/audit.json")
    );
    // A replica that is silent for a day does not either.
    replica.time_us = NOW_US - 2 * DAY_US;
    world.chain.say_progress(&replica, &mut Tries(0)).unwrap();
    let report = world.gc(keep_nothing());
    assert_eq!(report.floor, 9, "{report:?}");
    // The floor never sinks again.
    hold.max_bytes = u64::MAX;
    hold.index = 0;
    world.chain.set_hold(&hold, &mut Tries(0)).unwrap();
    assert_eq!(world.gc(keep_nothing()).floor, 9);
    let name = Name::Hold(HoldName::new("audit").unwrap());
    assert!(world.chain.forget(&name, &mut Tries(0)).unwrap());
    assert!(!world.chain.forget(&name, &mut Tries(0)).unwrap());
    assert_eq!(world.faults(), "");
}

#[test]
fn a_store_has_so_many_holds_and_no_more() {
    let world = World::new(1);
    let set = |name: &str| {
        let name = HoldName::new(name).unwrap();
        let hold = HoldDoc::new(&name, LINEAGE, 0);
        world.chain.set_hold(&hold, &mut Tries(0))
    };
    for n in 0..MAX_HOLDS {
        set(&format!("hold-{n}")).unwrap();
    }
    let refused = set("one-more");
    assert!(
        matches!(refused, Err(ChainError::TooManyHolds { limit: MAX_HOLDS })),
        "{refused:?}"
    );
    // In the place of one that is there, or once one is gone.
    set("hold-0").unwrap();
    let gone = Name::Hold(HoldName::new("hold-7").unwrap());
    assert!(world.chain.forget(&gone, &mut Tries(0)).unwrap());
    set("one-more").unwrap();
    let holds = world.chain.hold_documents(&mut Tries(0)).unwrap();
    assert_eq!(holds.len(), MAX_HOLDS);
}

/// Whoever pulls says so in the store, and nobody counts them.
#[test]
fn a_catalogue_tells_of_those_who_count_and_has_an_end() {
    let world = World::new(2);
    world.snapshot_of(world.points[2], NOW_US, b"x", false);
    for n in 0..1500u16 {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        let at = world.points[1].into();
        let mut said = ProgressDoc::new(id, LINEAGE, NodeRole::Replica, at);
        // Only the last ones have been heard of lately.
        said.time_us = if n < 1490 { 1 } else { NOW_US };
        world.chain.say_progress(&said, &mut Tries(0)).unwrap();
    }
    let report = world.gc(keep_nothing());
    assert_eq!((report.held.len(), report.floor), (1500, 2));
    let (catalogue, _) = world.chain.catalogue(&mut Tries(0)).unwrap().unwrap();
    assert_eq!(catalogue.holds.len(), 1024);
    let counts = |line: &String| !line.contains("not counted");
    assert_eq!(
        catalogue.holds.iter().filter(|line| counts(line)).count(),
        10
    );
    assert!(catalogue.holds.iter().take(10).all(counts));
}

/// The log behind a copy that lies below the floor is gone. While it still said that it was there, the
/// others kept nothing either.
#[test]
fn a_hold_that_comes_too_late_takes_nothing_from_the_others() {
    let mut world = World::new(4);
    world.snapshot_of(world.points[3], NOW_US, b"x", false);
    assert_eq!(world.gc(keep_nothing()).floor, 4);
    let mut late = ProgressDoc::new([5; 16], LINEAGE, NodeRole::Replica, world.points[1].into());
    late.time_us = NOW_US - 1;
    world.chain.say_progress(&late, &mut Tries(0)).unwrap();
    world.publish(5);
    world.snapshot_of(world.points[9], NOW_US, b"y", false);
    let mut hold = HoldDoc::new(
        &HoldName::new("audit").unwrap(),
        LINEAGE,
        world.points[6].index,
    );
    hold.expires_us = NOW_US + 1;
    world.chain.set_hold(&hold, &mut Tries(0)).unwrap();
    let report = world.gc(keep_nothing());
    assert_eq!(
        (report.floor, report.reason.as_str()),
        (7, "held by hold/audit.json")
    );
    assert_eq!(world.faults(), "");
}
