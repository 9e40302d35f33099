use super::search::{Found, search};
use super::world::Weak;

const LIMIT: usize = 80_000_000;

fn run(slots: u8, restarts: bool, weak: Weak) -> Found {
    let found = search(slots, restarts, weak, LIMIT);
    assert!(found.states > 1000, "the model does not move: {found:?}");
    let with = if restarts { "a restart" } else { "no restart" };
    println!("{weak:?}, {} free numbers, {with}: {found:?}", slots - 1);
    found
}

fn holds(slots: u8, restarts: bool, weak: Weak) {
    let found = run(slots, restarts, weak);
    assert_eq!(found.violation, None);
    assert!(found.complete);
}

fn caught(slots: u8, weak: Weak) {
    let found = run(slots, true, weak);
    assert!(found.violation.is_some(), "{weak:?} was not noticed");
}

#[test]
fn all_rules_hold_with_two_free_numbers() {
    holds(3, true, Weak::Nothing);
}

#[test]
fn the_list_before_the_fence_only_saves_work() {
    holds(3, true, Weak::NoListBefore);
}

#[test]
fn without_the_list_behind_the_fence_a_primary_is_false() {
    caught(3, Weak::NoListBehind);
}

#[test]
fn with_fences_removed_a_confirmed_commit_is_lost() {
    caught(4, Weak::FencesRemoved);
}

#[test]
fn without_links_a_replica_applies_a_false_fence() {
    caught(3, Weak::NoLinks);
}

#[test]
fn without_a_look_behind_fences_a_replica_applies_a_false_one() {
    caught(3, Weak::NoListAtReading);
}

#[test]
fn with_the_newest_removed_a_primary_is_false() {
    caught(3, Weak::NewestRemoved);
}

/// Its first segment took the number of one that the process before it had sent, and that was followed
/// by a fence and removed: it was confirmed, and the new history lacks it.
#[test]
fn without_a_look_behind_the_first_segment_of_a_process_a_confirmed_commit_is_lost() {
    caught(3, Weak::FirstUnseen);
}

/// The whole model. Takes minutes without optimisation, seconds with it:
/// `cargo test --release --test chain -- --ignored --nocapture model`
#[test]
#[ignore = "the whole model: run it with --release"]
fn all_rules_hold_with_four_free_numbers() {
    holds(4, true, Weak::Nothing);
    holds(5, false, Weak::Nothing);
    holds(5, false, Weak::NoListBefore);
}
