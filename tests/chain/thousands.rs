//! More of everything than one page of a listing holds.

use std::sync::Arc;

use creel::NoProgress;
use creel::chain::name::{HoldName, Name};
use creel::chain::object::{HoldDoc, NodeRole, ProgressDoc};
use creel::chain::store::{MemoryStore, Store};
use creel::chain::{RestoreTo, Tries, mirror};

use crate::kept::{DAY_US, NOW_US, PART, World, image, keep_nothing};
use crate::log::LINEAGE;

/// A listing gives a thousand names at most.
#[test]
fn the_last_of_a_thousand_holds_counts_too() {
    let world = World::new(9);
    world.snapshot_of(world.points[8], NOW_US, b"x", false);
    let mut held = Vec::new();
    for number in 0..1003 {
        let name = HoldName::new(&format!("h{number:04}")).unwrap();
        let at = world.points[8 - usize::from(number > 1000)];
        let mut hold = HoldDoc::new(&name, LINEAGE, at.index);
        hold.expires_us = NOW_US + 1;
        world.chain.set_hold(&hold, &mut Tries(0)).unwrap();
        let mut node = [0; 16];
        node[..4].copy_from_slice(&u32::to_be_bytes(number));
        let at = world.points[8 - 2 * usize::from(number == 1002)];
        let mut replica = ProgressDoc::new(node, LINEAGE, NodeRole::Replica, at.into());
        replica.time_us = NOW_US - 1;
        world.chain.say_progress(&replica, &mut Tries(0)).unwrap();
        held.push(Name::Progress(node).to_string());
        held.push(Name::Hold(name).to_string());
    }
    let report = world.gc(keep_nothing());
    held.sort();
    let counted: Vec<String> = report.held.iter().map(|h| h.by.clone()).collect();
    assert_eq!(counted, held);
    assert_eq!((report.floor, world.numbers()[0]), (7, 7));
    assert_eq!(world.faults(), "");
}

/// Snapshots, segments and catalogues by the thousand: nothing is done by the first page alone.
#[test]
fn everything_is_found_behind_the_first_page_of_a_listing() {
    let mut world = World::new(1);
    let old = image(1, 1500 * PART as usize);
    let doc = world.snapshot_of(world.end(), NOW_US - DAY_US, &old, false);
    assert_eq!(doc.parts.len(), 1500);
    world.publish(2101);
    let report = world.verify();
    assert_eq!((report.numbers, report.parts), (Some((1, 2102)), 1500));
    let to = Arc::new(MemoryStore::new());
    let copied = mirror(&world.chain, to.clone(), &mut Tries(0), &NoProgress).unwrap();
    assert_eq!((copied.segments, copied.parts), (2102, 1500));
    world.promote();
    let tail = world.chain.tail(0, &mut Tries(0)).unwrap().unwrap();
    assert_eq!(tail.facts.number, 2103);
    let middle = RestoreTo::Index(world.points[1700].index);
    let plan = world.chain.plan_restore(middle, &mut Tries(0)).unwrap();
    assert_eq!(plan.upto, Some(world.points[1700].index));
    // All of the old one goes, and the log before the new one.
    world.snapshot_of(world.end(), NOW_US, &image(2, 10), false);
    world.publish(1);
    let report = world.gc(keep_nothing());
    assert_eq!(report.collected.removed, 2102);
    // The fence stays for ever.
    assert_eq!(world.numbers(), [2103, 2104]);
    let left = world.store.list_after("snap/", "", 1000).unwrap();
    assert!(left.len() == 3, "{left:?}");
    assert_eq!(world.faults(), "");
}
