//! What is made of headers, marks and the log that were found.

use super::*;

#[test]
fn generations_are_compared_by_their_low_halves() {
    for (generation, other, newer) in [
        (5, 5, false),
        (6, 5, true),
        (5, 6, false),
        (0, u32::MAX, true),
        (u32::MAX, 0, false),
        (1 << 30, 0, true),
        (3 << 30, 0, false),
        (7 + (1 << 31) - 1, 7, true),
        (7 + (1 << 31), 7, false),
    ] {
        assert_eq!(is_newer(generation, other), newer, "{generation} {other}");
    }
}

#[test]
fn a_header_is_lost_where_the_log_names_a_newer_one_or_its_slot_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::create(dir.path().join("a.creel")).unwrap();
    db.put(b"k", b"v").unwrap();
    let inner = &db.inner;
    let source = Source {
        path: &inner.path,
        options: &inner.options,
        file: &inner.file,
        locks: &inner.locks,
        pins: &inner.pins,
    };
    let whole = slots::read(inner.file.as_ref()).unwrap();
    let current = whole.current(&inner.path).unwrap();
    let mut damaged = whole.clone();
    damaged.states[1] =
        crate::format::header::SlotState::Damaged(Corruption::new(Invariant::H1, "checksum"));
    assert!(damaged.has_damage() && !whole.has_damage());
    let mut tail = crate::db::handle::lock(&inner.log).tail.clone();
    let generation = current.header.generation as u32;
    for (durable_gen, slots, lost) in [
        (generation, &whole, false),
        (generation.wrapping_sub(1), &whole, false),
        (generation + 1, &whole, true),
        (generation, &damaged, true),
        (generation + 1, &damaged, true),
    ] {
        tail.durable_gen = durable_gen;
        for bulk_dropped in [false, true] {
            let replay = Replay {
                frames: 3,
                bytes: 300,
                bulk_dropped,
                ..Replay::default()
            };
            let judged = source.judge(&current, slots, &tail, &replay);
            if lost && bulk_dropped {
                let refused = judged.unwrap_err();
                assert!(matches!(refused, Error::Corrupt(_)), "{refused}");
                continue;
            }
            let expected = Recovery {
                replayed_frames: 3,
                replayed_bytes: 300,
                last_index: 1,
                bulk_dropped,
                header_fallback: lost,
                ..Recovery::default()
            };
            assert_eq!(judged.unwrap(), expected);
        }
    }
}
