//! Damage of the header zone and of the file's length.

use creel::format::SLOT_OFFSETS;
use creel::format::header::Header;

use crate::breaker::Breaker;
use crate::oracle::{save, save_with, try_save};
use crate::world::{Image, World, put, puts, rich};

fn both_page_sizes() -> [Image; 2] {
    [rich(4096), rich(16384)]
}

#[test]
fn a_whole_file_is_copied_and_goes_on_where_it_was() {
    for image in both_page_sizes() {
        let saved = save(&image, &image.bytes);
        assert_eq!((saved.step(), saved.report.complete), ("copy", true));
        assert_eq!(saved.report.last_index, Some(image.last_index()));
        assert!(saved.state == image.newest() && saved.continues);
        assert_eq!(saved.report.commits_applied, 13);
        let names: Vec<_> = saved
            .report
            .keyspaces
            .iter()
            .map(|k| k.name.as_str())
            .collect();
        assert_eq!(names, ["main", "fruit", "other", "late"]);
    }
}

#[test]
fn one_damaged_header_loses_nothing() {
    for image in both_page_sizes() {
        for slot in [0, 1] {
            let mut b = Breaker::new(&image.bytes);
            b.smash_slot(slot);
            let saved = save(&image, &b.bytes);
            assert_eq!(
                (saved.step(), saved.report.complete),
                ("copy", true),
                "slot {slot}"
            );
            assert!(saved.state == image.newest());
        }
    }
}

#[test]
fn without_headers_the_root_is_found_but_nothing_is_proven() {
    for image in both_page_sizes() {
        let mut b = Breaker::new(&image.bytes);
        b.smash_slot(0);
        b.smash_slot(1);
        let mut wiped = Breaker::new(&image.bytes);
        wiped.bytes[..16384].fill(0);
        for bytes in [b.bytes, wiped.bytes] {
            let saved = save(&image, &bytes);
            assert_eq!((saved.step(), saved.report.complete), ("root", false));
            assert!(
                saved.state == image.newest(),
                "the state is the newest all the same"
            );
            // Only what the log has is certain.
            let in_log = saved.report.entries - saved.report.possibly_stale;
            assert!((10..40).contains(&in_log), "{in_log}");
            assert!(!saved.continues && saved.report.may_be_stale());
        }
    }
}

#[test]
fn a_young_file_without_headers_is_in_its_log() {
    let mut world = World::new(4096);
    world.commit(puts("main", 0, 60, 0));
    world.commit(vec![put("fruit", b"apple", b"red")]);
    let image = world.close();
    let mut bytes = image.bytes.clone();
    bytes[..16384].fill(0);
    let saved = save(&image, &bytes);
    assert!(saved.state == image.newest());
    assert!(!saved.report.complete);
}

#[test]
fn a_header_of_another_page_size_is_not_believed() {
    let image = rich(4096);
    for slot in [0, 1] {
        let mut b = Breaker::new(&image.bytes);
        let mut wrong = b.slot(slot).unwrap();
        wrong.page_shift = 13;
        wrong.page_count /= 2;
        wrong.root_page /= 2;
        wrong.free_head /= 2;
        for region in &mut wrong.regions {
            region.start_page /= 2;
            region.pages /= 2;
        }
        put_slot(&mut b, &wrong);
        assert!(b.slot(slot).is_some(), "a whole header");
        let saved = save(&image, &b.bytes);
        assert!(!saved.report.complete);
        assert!(saved.report.doubts.iter().any(|d| d.starts_with("H3")));
        assert!(saved.state == image.newest(), "slot {slot}");
    }
}

fn put_slot(b: &mut Breaker, header: &Header) {
    let at = SLOT_OFFSETS[header.slot()] as usize;
    b.bytes[at..at + 512].copy_from_slice(&header.encode());
}

#[test]
fn a_file_cut_short_keeps_what_is_left() {
    for image in both_page_sizes() {
        let (mut some, mut complete) = (0, 0);
        let step = image.bytes.len() / 23;
        for len in (20_000..image.bytes.len()).step_by(step) {
            let saved = try_save(&image, &image.bytes[..len], &Default::default()).unwrap();
            let Some(saved) = saved else { continue };
            some += 1;
            complete += usize::from(saved.report.complete);
        }
        assert!(some > 15 && complete < some, "{some} {complete}");
    }
}

#[test]
fn a_tail_of_zeros_is_what_is_missing() {
    let image = rich(4096);
    for tenths in 3..10 {
        let mut bytes = image.bytes.clone();
        let from = bytes.len() * tenths / 10;
        bytes[from..].fill(0);
        save(&image, &bytes);
    }
}

#[test]
fn bytes_after_the_end_change_nothing() {
    let image = rich(4096);
    let mut bytes = image.bytes.clone();
    bytes.extend(std::iter::repeat_n(0x77, 12_345));
    let saved = save(&image, &bytes);
    assert_eq!((saved.step(), saved.report.complete), ("copy", true));
}

#[test]
fn what_is_no_database_is_said_to_be_none() {
    let image = rich(4096);
    for len in [0, 1, 7, 511, 4096, 100_000] {
        for byte in [0, 0x41] {
            let result = try_save(&image, &vec![byte; len], &Default::default());
            assert!(
                matches!(result, Err(creel::Error::NotADatabase { .. })),
                "{len} {byte}"
            );
        }
    }
    let mut b = Breaker::new(&image.bytes);
    let mut newer = b.header();
    newer.incompat = 1;
    put_slot(&mut b, &newer);
    let result = try_save(&image, &b.bytes, &Default::default());
    assert!(matches!(result, Err(creel::Error::NotADatabase { .. })));
}

#[test]
fn a_header_and_nothing_else_is_hopeless() {
    let image = rich(4096);
    let options = Default::default();
    assert!(
        try_save(&image, &image.bytes[..16384], &options)
            .unwrap()
            .is_none()
    );
    // An empty database is nothing lost.
    let empty = World::new(4096).close();
    let saved = save_with(&empty, &empty.bytes, &options);
    assert!(saved.report.complete && saved.state.is_empty());
}
