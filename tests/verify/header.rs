//! H1 to H10, R3, R4, broken one by one.

use creel::format::header::Role;
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};
use creel::{Depth, Invariant, NoProgress, Verdict, VerifyOptions};

use crate::breaker::Breaker;
use crate::files::{rich, tiny};
use crate::{check, expect_clean, expect_damage, expect_recoverable, ids};

#[test]
fn h1_one_damaged_slot_is_recoverable() {
    for newest in [true, false] {
        let file = tiny();
        let mut b = Breaker::new(&file);
        let slot = if newest {
            b.header().slot()
        } else {
            b.older().slot()
        };
        b.bytes[SLOT_OFFSETS[slot] as usize + 100] ^= 1;
        b.save();
        let report = expect_recoverable(&file.path, Invariant::H1);
        assert_eq!(report.last_index, expect_last(&file));
        assert!(!report.lossless_fallback, "there is only one header left");
        // The engine agrees: nothing is lost.
        let db = creel::Db::open(&file.path).unwrap();
        assert_eq!(db.get(b"key/000005").unwrap().unwrap(), b"z");
        assert!(db.recovery().header_fallback);
    }
}

fn expect_last(file: &crate::files::TestFile) -> u64 {
    let db = creel::OpenOptions::new()
        .read_only(true)
        .open(&file.path)
        .unwrap();
    db.snapshot().unwrap().token().index
}

#[test]
fn h1_two_damaged_slots_are_unreadable() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    for at in SLOT_OFFSETS {
        b.bytes[at as usize + 70] ^= 1;
    }
    b.save();
    let report = check(&file.path, Depth::Full);
    assert_eq!(report.verdict, Verdict::Unreadable);
    assert_eq!(ids(&report), [Invariant::H1, Invariant::H1]);
}

#[test]
fn h1_a_header_zone_that_is_gone_is_unreadable_not_foreign() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.bytes[..16384].fill(0);
    b.save();
    assert_eq!(check(&file.path, Depth::Full).verdict, Verdict::Unreadable);
}

#[test]
fn h1_a_foreign_file_is_not_a_database() {
    let file = crate::files::place();
    for bytes in [&b""[..], b"hello", &[0; 4096], &[0xff; 70_000]] {
        std::fs::write(&file.path, bytes).unwrap();
        let result = creel::verify(&file.path, &VerifyOptions::default(), &NoProgress);
        let refused = matches!(
            result,
            Err(creel::Error::NotADatabase { .. } | creel::Error::Corrupt(_))
        );
        let unreadable = result.is_ok_and(|r| r.verdict == Verdict::Unreadable);
        assert!(refused || unreadable, "{} bytes", bytes.len());
    }
    let missing = file.path.with_extension("missing");
    let result = creel::verify(&missing, &VerifyOptions::default(), &NoProgress);
    assert!(matches!(result, Err(creel::Error::NotFound { .. })));
    assert!(!missing.exists());
}

#[test]
fn h2_a_header_in_the_wrong_slot() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    let (newest, older) = (b.header().slot(), b.older().slot());
    let bytes = b.bytes[SLOT_OFFSETS[newest] as usize..][..SLOT_SIZE].to_vec();
    b.bytes[SLOT_OFFSETS[older] as usize..][..SLOT_SIZE].copy_from_slice(&bytes);
    b.save();
    expect_damage(&file.path, Invariant::H2);
}

#[test]
fn h3_headers_of_two_files() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    let mut older = b.older();
    older.lineage_id[3] ^= 1;
    b.put_header(&older);
    b.edit_header(|h| h.prev_header_crc = older.crc());
    b.save();
    expect_damage(&file.path, Invariant::H3);
}

#[test]
fn h4_generations_that_do_not_follow() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.generation += 2);
    b.save();
    expect_damage(&file.path, Invariant::H4);
}

#[test]
fn h4_a_slot_that_was_wiped_is_recoverable() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    let at = SLOT_OFFSETS[b.header().slot()] as usize;
    b.bytes[at..at + SLOT_SIZE].fill(0);
    b.save();
    expect_recoverable(&file.path, Invariant::H4);
}

#[test]
fn h5_the_newer_header_names_another_predecessor() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.prev_header_crc ^= 1);
    b.save();
    expect_damage(&file.path, Invariant::H5);
}

#[test]
fn h6_something_went_back() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    let mut older = b.older();
    older.checkpoint_index = b.header().checkpoint_index + 1;
    b.put_header(&older);
    b.edit_header(|h| h.prev_header_crc = older.crc());
    b.save();
    expect_damage(&file.path, Invariant::H6);
}

#[test]
fn h7_a_file_that_was_cut_short() {
    let file = rich();
    let b = Breaker::new(&file);
    let need = b.header().page_count as usize * b.page_size();
    std::fs::write(&file.path, &b.bytes[..need - 1]).unwrap();
    expect_damage(&file.path, Invariant::H7);
}

#[test]
fn h8_reserved_bytes_of_a_header() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    let slot = b.header().slot();
    b.edit_slot(slot, |bytes| bytes[400] = 1);
    b.save();
    expect_damage(&file.path, Invariant::H8);
}

#[test]
fn h8_the_rest_of_the_header_zone() {
    for at in [512, 8191, 8704, 16383] {
        let file = tiny();
        let mut b = Breaker::new(&file);
        b.bytes[at] = 1;
        b.save();
        let report = expect_damage(&file.path, Invariant::H8);
        assert_eq!(report.findings[0].offset, Some(at as u64));
    }
}

#[test]
fn h8_unknown_features_are_refused_not_judged() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    let slot = b.header().slot();
    for (at, value) in [(24, 0x40), (8, 9)] {
        let mut c = Breaker {
            bytes: b.bytes.clone(),
            ..Breaker::new(&file)
        };
        c.edit_slot(slot, |bytes| bytes[at] = value);
        c.edit_slot(slot ^ 1, |bytes| bytes[at] = value);
        c.save();
        let result = creel::verify(&file.path, &VerifyOptions::default(), &NoProgress);
        assert!(
            matches!(result, Err(creel::Error::NotADatabase { .. })),
            "{result:?}"
        );
    }
    b.edit_slot(slot, |bytes| bytes[16] = 0x40); // compat: harmless
    b.save();
    assert_ne!(check(&file.path, Depth::Deep).verdict, Verdict::Damaged);
}

#[test]
fn h9_root_and_height_disagree() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.root_height = 0);
    b.save();
    expect_damage(&file.path, Invariant::H9);
}

#[test]
fn h10_fenced_without_a_newer_epoch() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.fenced = true);
    b.save();
    expect_damage(&file.path, Invariant::H10);
}

#[test]
fn h10_a_replica_without_a_source() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.role = Role::Replica);
    b.save();
    expect_damage(&file.path, Invariant::H10);
}

#[test]
fn h10_an_epoch_that_begins_nowhere() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_header(|h| h.epoch_start_index = 1000);
    b.save();
    expect_damage(&file.path, Invariant::H10);
}

#[test]
fn r3_an_entry_of_a_newer_epoch() {
    let file = tiny();
    let mut b = Breaker::new(&file);
    b.edit_log(|frames| {
        let last = frames.last_mut().unwrap();
        last.entry.epoch = 2;
        last.entry.kind = creel::format::frame::EntryKind::Fence;
    });
    b.save();
    expect_damage(&file.path, Invariant::R3);
}

#[test]
fn r1_r2_r4_s7_say_where_there_is_nothing_to_check() {
    let file = tiny();
    let report = expect_clean(&file.path);
    for id in [Invariant::R1, Invariant::R2, Invariant::R4, Invariant::S7] {
        assert!(report.checked.contains(&(id, 0)), "{id}");
        assert!(report.notes.iter().any(|n| n.contains(id.name())), "{id}");
    }
}
