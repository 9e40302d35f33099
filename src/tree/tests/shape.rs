//! What folds write follows from what goes in, and from nothing else. Whoever changes the shape of
//! trees on purpose puts the number in anew that the test prints.

use std::fmt::Write;

use super::super::*;
use super::basic::key;
use super::mem::Rng;
use super::model::{Puts, World};
use crate::format::checksum::crc;

/// One round of changes: appended, scattered, deleted, replaced, large and in ranges.
fn changes(rng: &mut Rng, round: u64) -> (Puts, Vec<KeyInterval>) {
    let mut puts = Puts::new();
    let mut ranges = Vec::new();
    let some = 20 + rng.below(150);
    for i in 0..some {
        let scattered = rng.below(6000);
        let value = |len: u64| Some(vec![i as u8; len as usize]);
        let (at, value) = match round % 6 {
            0 => (10_000 + round * 200 + i, value(60)),
            1 => (scattered, value(100)),
            2 => (scattered, value(rng.below(900))),
            3 => (scattered, if i % 9 == 0 { value(5000) } else { None }),
            4 => (3000 + rng.below(300), value(30)),
            _ => (scattered, None),
        };
        puts.insert(key(at), value);
    }
    if round % 6 == 5 {
        let from = rng.below(5500);
        ranges.push(KeyInterval {
            from: key(from),
            to: Some(key(from + 400)),
        });
    }
    (puts, ranges)
}

fn mode(round: u64, mut resume: Option<Vec<u8>>) -> FoldMode {
    match round % 8 {
        3 => FoldMode::Dense,
        5 => FoldMode::MoveAbove {
            first_page: 40,
            max_pages: 25,
        },
        6 | 7 => FoldMode::DenseRange {
            from: resume.take().unwrap_or_default(),
            max_leaves: 9,
        },
        _ => FoldMode::Incremental,
    }
}

fn figures(seed: u64) -> String {
    let mut told = String::new();
    let mut rng = Rng::new(seed);
    let mut world = World::new(4096);
    let mut resume = None;
    for round in 0..40 {
        let (puts, ranges) = changes(&mut rng, round);
        let delta = world.fold(&puts, &ranges, mode(round, resume.take()));
        let touched = touched_leaves(
            &world.mem,
            world.root,
            puts.keys().map(Vec::as_slice),
            &ranges,
            50,
        )
        .unwrap();
        writeln!(
            told,
            "{} {} {} {} {} {} {} {} {} {:.4} {touched:?}",
            delta.pages_written,
            delta.pages_freed,
            delta.leaves_written,
            delta.entries,
            delta.replaced,
            delta.unchanged,
            delta.deleted_in_ranges,
            delta.more,
            world.root.height,
            world.fill(),
        )
        .unwrap();
        resume = delta.resume_key;
        if let Some(key) = &resume {
            writeln!(told, "goes on at {}", key.escape_ascii()).unwrap();
        }
    }
    world.check();
    writeln!(told, "root {:x}", world.root.crc).unwrap();
    told
}

#[test]
fn folds_leave_the_pages_that_they_always_left() {
    let told = [1, 2].map(figures);
    let sums = told.each_ref().map(|told| crc(told.as_bytes()));
    assert_eq!(sums, [0xd4fc_5955, 0xfb93_a695], "{}\n{}", told[0], told[1]);
}
