//! R1 and R2: the log that a file keeps for others, broken one by one.

use creel::format::region::{REGION_HEADER_SIZE, RegionHeader};
use creel::{Facts, Invariant, Retention};

use crate::breaker::Breaker;
use crate::files::{TestFile, checkpoint, fill, options, place, small};
use crate::{expect_clean, expect_damage};

/// A file with several archived parts of its log.
fn keeping() -> TestFile {
    keeping_rounds(6)
}

fn keeping_rounds(rounds: u32) -> TestFile {
    let file = place();
    let db = options().create(&file.path, &small(4096)).unwrap();
    let facts = Facts {
        retention: Retention {
            standalone: true,
            ..Retention::default()
        },
        ..db.facts().unwrap()
    };
    db.set_facts(&facts).unwrap();
    for round in 0..rounds {
        fill(&db, "main", round * 100, round * 100 + 50, 100);
        db.put(b"one", b"more").unwrap();
        checkpoint(&db);
    }
    db.close().unwrap();
    file
}

/// Where archived parts begin in the file: region headers that are at neither of the places where
/// the log goes on, the oldest first.
fn parts(b: &Breaker) -> Vec<usize> {
    let size = b.page_size();
    let live = b.header().regions.map(|r| r.start_page as usize * size);
    let mut found: Vec<(u64, usize)> = (0..b.bytes.len() / size)
        .map(|page| page * size)
        .filter(|at| !live.contains(at))
        .filter_map(|at| RegionHeader::decode(&b.bytes[at..]).map(|r| (r.region_seq, at)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, at)| at).collect()
}

#[test]
fn an_archived_log_is_clean_and_counted() {
    let file = keeping();
    let report = expect_clean(&file.path);
    for id in [Invariant::R1, Invariant::R2] {
        let times = report.checked.iter().find(|(c, _)| *c == id).unwrap().1;
        assert!(times >= 3, "{id}: {times}");
    }
    assert!(parts(&Breaker::new(&file)).len() >= 2);
}

/// Its records fill several leaves, which do not stand in the file in the order of their keys.
#[test]
fn an_archive_of_many_parts_is_clean() {
    let file = keeping_rounds(400);
    assert!(parts(&Breaker::new(&file)).len() >= 300);
    expect_clean(&file.path);
}

#[test]
fn r1_the_archive_does_not_begin_where_the_header_says() {
    let file = keeping();
    let mut b = Breaker::new(&file);
    assert_ne!(b.header().archive_first_index, 0);
    b.edit_header(|h| h.archive_first_index += 1);
    b.save();
    expect_damage(&file.path, Invariant::R1);
}

#[test]
fn r1_the_log_does_not_go_on_where_the_archive_ends() {
    let file = keeping();
    let mut b = Breaker::new(&file);
    let (_, _, active) = b.active();
    let header = b.header();
    let size = b.page_size();
    let at = |i: usize| header.regions[i].start_page as usize * size;
    // The part of the log that follows the archive: the older region, or the active one.
    let live = (0..2).filter_map(|i| {
        let region = RegionHeader::decode(&b.bytes[at(i)..])?;
        (region.first_index < active.first_index || region == active).then_some((i, region))
    });
    let (i, mut region) = live.min_by_key(|(_, r)| r.first_index).unwrap();
    region.history[0] ^= 1;
    b.put_region(at(i), &region);
    b.save();
    expect_damage(&file.path, Invariant::R1);
}

#[test]
fn r2_a_flipped_bit_in_an_archived_entry() {
    let file = keeping();
    let mut b = Breaker::new(&file);
    let part = *parts(&b).last().unwrap();
    b.bytes[part + REGION_HEADER_SIZE + 100] ^= 1;
    b.save();
    expect_damage(&file.path, Invariant::R2);
}

#[test]
fn r2_an_archived_part_whose_beginning_is_gone() {
    let file = keeping();
    let mut b = Breaker::new(&file);
    let part = *parts(&b).last().unwrap();
    b.bytes[part..part + REGION_HEADER_SIZE].fill(0);
    b.save();
    expect_damage(&file.path, Invariant::R2);
}
