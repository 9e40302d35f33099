//! W1 to W11, broken one by one.

use creel::format::frame::EntryKind;
use creel::format::op::Op;
use creel::{Db, Depth, Invariant, Verdict};

use crate::breaker::Breaker;
use crate::files::{TestFile, checkpoint, fill, key, options, place, rich, small};
use crate::{check, expect_clean, expect_damage, expect_recoverable, ids};

fn broken(edit: impl FnOnce(&mut Breaker)) -> TestFile {
    let file = rich();
    let mut b = Breaker::new(&file);
    edit(&mut b);
    b.save();
    file
}

/// The frames of `rich` promise nothing (they were not synced); these do.
fn promise_everything(b: &mut Breaker) {
    let offsets: Vec<usize> = b.frames().iter().map(|f| f.0).collect();
    let start = b.active().1;
    b.edit_log(|frames| {
        for (frame, at) in frames.iter_mut().zip(offsets) {
            frame.envelope.synced_units = ((at - start) / 8) as u32;
        }
    });
}

#[test]
fn the_helper_rewrites_a_log_unchanged() {
    let file = broken(|b| {
        let before = b.bytes.clone();
        b.edit_log(|_| {});
        assert!(b.bytes == before);
        promise_everything(b);
    });
    expect_clean(&file.path);
}

#[test]
fn w1_regions_that_overlap_or_lie_outside() {
    let file = broken(|b| b.edit_header(|h| h.regions[0].start_page = h.regions[1].start_page + 1));
    expect_damage(&file.path, Invariant::W1);
    let file = broken(|b| b.edit_header(|h| h.regions[0].start_page = h.page_count));
    expect_damage(&file.path, Invariant::W1);
}

#[test]
fn w2_a_damaged_region_header() {
    let file = broken(|b| {
        let at = b.active().1;
        b.bytes[at + 40] ^= 1;
    });
    expect_damage(&file.path, Invariant::W2);
}

#[test]
fn w2_a_region_of_another_file() {
    let file = broken(|b| {
        let (_, at, mut region) = b.active();
        region.file_id_low ^= 1;
        b.put_region(at, &region);
    });
    expect_damage(&file.path, Invariant::W2);
}

#[test]
fn w3_an_entry_that_does_not_follow() {
    let file = broken(|b| {
        promise_everything(b);
        b.edit_log(|frames| {
            let n = frames.len();
            frames[n - 5].keep_link = true;
            frames[n - 5].envelope.prev_crc ^= 1;
        });
    });
    expect_damage(&file.path, Invariant::W3);
}

fn put(db: &Db, i: u32, value: &[u8]) {
    db.put(&key(i), value).unwrap();
}

/// The state after a crash between a region switch and the new header: the older region holds
/// entries that are not in the tree.
fn across_regions(edit: impl FnOnce(&mut Breaker, usize)) -> TestFile {
    let file = place();
    let db = options()
        .checkpoint_at(None)
        .create(&file.path, &small(4096))
        .unwrap();
    fill(&db, "main", 0, 100, 100);
    checkpoint(&db);
    (0..10).for_each(|i| put(&db, i, b"before the switch"));
    checkpoint(&db);
    (0..10).for_each(|i| put(&db, i, b"after the switch"));
    db.close().unwrap();
    let mut b = Breaker::new(&file);
    let (active, _, region) = b.active();
    assert_eq!(region.first_index, b.header().checkpoint_index + 1);
    let older = b.header().regions[active ^ 1].start_page as usize * b.page_size();
    edit(&mut b, older);
    let at = b.header().slot_offset() as usize;
    b.bytes[at + 88] ^= 1;
    b.save();
    file
}

#[test]
fn w3_the_link_across_the_region_boundary() {
    let file = across_regions(|_, _| {});
    let report = expect_recoverable(&file.path, Invariant::H1);
    assert_eq!(report.frames, 20);
    let file = across_regions(|b, _| {
        let (_, at, mut region) = b.active();
        region.prev_crc ^= 1;
        b.put_region(at, &region);
    });
    expect_damage(&file.path, Invariant::W3);
}

#[test]
fn w5_the_end_of_the_older_region_is_gone() {
    let file = across_regions(|b, older| {
        let region = creel::format::region::RegionHeader::decode(&b.bytes[older..]).unwrap();
        let end = b.active().2.prev_end_units as usize * 8;
        let mut at = 128;
        let mut last = at;
        while at < end {
            let frame =
                creel::format::frame::FrameHeader::decode(&b.bytes[older + at..], region.salt);
            last = at;
            at += frame.unwrap().frame_len() as usize;
        }
        b.bytes[older + last..older + end].fill(0);
    });
    expect_damage(&file.path, Invariant::W5);
    // The whole older region is gone.
    let file = across_regions(|b, older| b.bytes[older..older + 4096].fill(0));
    expect_damage(&file.path, Invariant::W5);
}

#[test]
fn w4_an_entry_that_does_not_decode() {
    let file = broken(|b| {
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            last.payload[0] = 99;
        });
    });
    expect_damage(&file.path, Invariant::W4);
}

#[test]
fn w4_an_entry_for_a_keyspace_that_does_not_exist() {
    let file = broken(|b| {
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            last.payload.clear();
            Op::Put {
                keyspace: 99,
                key: b"k",
                value: b"v",
            }
            .encode(&mut last.payload);
        });
    });
    expect_damage(&file.path, Invariant::W4);
}

#[test]
fn w4_an_entry_that_changes_the_catalogue_by_hand() {
    let long = [&b"\x10i"[..], &[b'x'; 256]].concat();
    let put = |key| Op::Put {
        keyspace: 0,
        key,
        value: b"record",
    };
    for (op, id) in [
        (put(b"\x10iinput"), None),
        (put(b"\x10i"), Some(Invariant::W4)),
        (put(&long), Some(Invariant::W4)),
        (put(b"\x10kname"), Some(Invariant::W4)),
        (
            Op::Delete {
                keyspace: 0,
                key: b"\x10kleft",
            },
            Some(Invariant::W4),
        ),
        (
            Op::DeleteRange {
                keyspace: 0,
                from: b"",
                to: b"",
            },
            Some(Invariant::W4),
        ),
    ] {
        let file = broken(|b| {
            b.edit_log(|frames| {
                let last = frames.last_mut().unwrap();
                last.payload.clear();
                op.encode(&mut last.payload);
            });
        });
        match id {
            Some(id) => drop(expect_damage(&file.path, id)),
            None => drop(expect_clean(&file.path)),
        }
    }
}

#[test]
fn w4_a_torn_tail_is_recoverable() {
    let file = broken(|b| {
        let (at, _) = b.frames().last().cloned().unwrap();
        let at = at + 90;
        b.bytes[at..at + 20].fill(0);
    });
    let report = expect_recoverable(&file.path, Invariant::W4);
    assert_eq!(report.frames, 19);
    // The engine drops it as well, and tidies up with the next write.
    let db = Db::open(&file.path).unwrap();
    assert_eq!(db.recovery().replayed_frames, 19);
    db.put(b"next", b"1").unwrap();
    db.close().unwrap();
    expect_clean(&file.path);
}

#[test]
fn w4_an_entry_without_its_first_word_is_noticed() {
    let file = broken(|b| {
        let at = b.frames().last().unwrap().0;
        b.bytes[at] ^= 1;
    });
    expect_recoverable(&file.path, Invariant::W4);
}

#[test]
fn w5_the_log_begins_too_late() {
    let file = broken(|b| {
        let (_, at, mut region) = b.active();
        region.first_index += 3;
        b.put_region(at, &region);
    });
    expect_damage(&file.path, Invariant::W5);
}

#[test]
fn w5_the_log_ends_before_the_checkpoint() {
    let file = broken(|b| {
        b.edit_log(|frames| frames.clear());
        b.edit_header(|h| h.checkpoint_index += 1000);
    });
    expect_damage(&file.path, Invariant::W5);
}

#[test]
fn w5_a_bulk_load_that_never_finished() {
    let file = broken(|b| {
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            last.entry.kind = EntryKind::Bulk;
            (last.entry.op_count, last.payload) = (0, Vec::new());
        });
    });
    expect_recoverable(&file.path, Invariant::W5);
    let file = broken(|b| {
        b.edit_log(|frames| {
            let n = frames.len();
            frames[n - 3].entry.kind = EntryKind::Bulk;
            (frames[n - 3].entry.op_count, frames[n - 3].payload) = (0, Vec::new());
        });
    });
    expect_damage(&file.path, Invariant::W5);
}

#[test]
fn w6_damage_before_a_promise() {
    let file = broken(|b| {
        promise_everything(b);
        let frames = b.frames();
        let at = frames[frames.len() - 4].0 + 85;
        b.bytes[at] ^= 1;
    });
    let report = expect_damage(&file.path, Invariant::W6);
    let finding = report
        .findings
        .iter()
        .find(|f| f.id == Invariant::W6)
        .unwrap();
    assert_eq!(finding.records_unreachable, Some(1));
    assert_eq!(
        report.last_index,
        check(&rich().path, Depth::Quick).last_index,
        "goes on behind it"
    );
    assert!(matches!(
        Db::open(&file.path),
        Err(creel::Error::Corrupt(_))
    ));
}

#[test]
fn w7_an_epoch_that_changes_without_a_fence() {
    let file = broken(|b| {
        b.edit_header(|h| h.epoch = 2);
        b.edit_log(|frames| frames.last_mut().unwrap().entry.epoch = 2);
    });
    expect_damage(&file.path, Invariant::W7);
}

#[test]
fn w8_an_entry_that_promises_too_much() {
    let file = broken(|b| {
        b.edit_log(|frames| frames.last_mut().unwrap().envelope.synced_units = 1 << 20);
    });
    expect_damage(&file.path, Invariant::W8);
}

#[test]
fn w8_a_header_that_was_lost() {
    let file = broken(|b| {
        let generation = b.header().generation as u32;
        b.edit_log(|frames| frames.last_mut().unwrap().envelope.durable_gen = generation + 1);
    });
    expect_recoverable(&file.path, Invariant::W8);
    let file = broken(|b| {
        let generation = b.header().generation as u32;
        b.edit_log(|frames| frames.last_mut().unwrap().envelope.durable_gen = generation + 2);
    });
    expect_damage(&file.path, Invariant::W8);
}

#[test]
fn w9_another_history() {
    let file = broken(|b| {
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            last.keep_link = true;
            last.entry.history_before[5] ^= 1;
        });
    });
    expect_damage(&file.path, Invariant::W9);
    let file = broken(|b| b.edit_header(|h| h.history[0] ^= 1));
    expect_damage(&file.path, Invariant::W9);
}

#[test]
fn w10_a_replay_that_fails() {
    let file = broken(|b| {
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            last.payload.clear();
            Op::CreateKeyspace {
                id: 2,
                name: b"again",
            }
            .encode(&mut last.payload);
        });
    });
    expect_damage(&file.path, Invariant::W10);
}

#[test]
fn t7_an_entry_with_a_key_that_is_too_long() {
    let file = broken(|b| {
        b.edit_log(|frames| {
            let last = frames.last_mut().unwrap();
            last.payload.clear();
            Op::Delete {
                keyspace: 1,
                key: &[b'x'; 2000],
            }
            .encode(&mut last.payload);
        });
    });
    assert!(ids(&check(&file.path, Depth::Full)).contains(&Invariant::T7));
}

#[test]
fn w11_tells_whether_the_older_header_could_serve() {
    let file = place();
    let db = options()
        .checkpoint_at(None)
        .create(&file.path, &small(4096))
        .unwrap();
    for i in 0..5 {
        db.put(&key(i), b"1").unwrap();
    }
    checkpoint(&db);
    for i in 0..5 {
        db.put(&key(i), b"2").unwrap();
    }
    checkpoint(&db);
    db.put(&key(1), b"3").unwrap();
    db.close().unwrap();
    let report = expect_clean(&file.path);
    assert!(report.lossless_fallback);
    assert!(report.checked.contains(&(Invariant::W11, 1)));
    // Damage to an entry that only the older header needs.
    let mut b = Breaker::new(&file);
    let (active, _, _) = b.active();
    let older = b.header().regions[active ^ 1].start_page as usize * b.page_size();
    b.bytes[older + 128 + 90] ^= 1;
    b.save();
    let report = check(&file.path, Depth::Deep);
    assert_eq!(report.verdict, Verdict::Clean, "{:#?}", report.findings);
    assert!(!report.lossless_fallback);
    assert_eq!(ids(&report), [Invariant::W11]);
}

#[test]
fn the_older_header_really_can_serve() {
    let file = rich();
    assert!(check(&file.path, Depth::Full).lossless_fallback);
    let content = |path: &std::path::Path| {
        let db = creel::OpenOptions::new()
            .read_only(true)
            .open(path)
            .unwrap();
        let main = db.snapshot().unwrap().keyspace("main").unwrap();
        main.cursor(&creel::KeyRange::all())
            .map(|e| e.unwrap())
            .collect::<Vec<_>>()
    };
    let before = content(&file.path);
    let mut b = Breaker::new(&file);
    let at = b.header().slot_offset() as usize;
    b.bytes[at + 77] ^= 1;
    b.save();
    assert!(before == content(&file.path));
    let report = check(&file.path, Depth::Deep);
    assert_eq!(
        report.verdict,
        Verdict::Recoverable,
        "{:#?}",
        report.findings
    );
}
