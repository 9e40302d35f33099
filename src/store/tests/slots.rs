//! Two header slots: which one counts, and what is said where none does.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::odd::OddFile;
use super::{file, header};
use crate::error::Error;
use crate::format::header::{Header, MAGIC, RegionSlot, SlotState};
use crate::format::{Invariant, MAX_COUNTER, SLOT_OFFSETS, SLOT_SIZE};
use crate::store::slots;
use crate::sys::File;

/// A header that can be read.
fn whole(generation: u64) -> Header {
    let region = |start_page| RegionSlot {
        start_page,
        pages: 2,
        zero_filled: true,
        ..RegionSlot::default()
    };
    Header {
        regions: [region(4), region(6)],
        ..header(generation, 10)
    }
}

fn put(file: &dyn File, header: &Header) {
    file.write_at(&header.encode(), header.slot_offset())
        .unwrap();
}

/// The generation that counts, or what is wrong: damage, or a file of something else.
fn current(file: &dyn File) -> Result<u64, Option<Invariant>> {
    match slots::read(file).unwrap().current(Path::new("it")) {
        Ok(current) => {
            assert_eq!(current.crc, current.header.crc());
            Ok(current.header.generation)
        }
        Err(Error::Corrupt(damage)) => Err(Some(damage.id)),
        Err(Error::NotADatabase { .. }) => Err(None),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_newer_header_counts_in_whichever_slot_it_stands() {
    let (_dir, file) = file(10);
    assert_eq!(current(file.as_ref()), Err(None), "two blank slots");
    put(file.as_ref(), &whole(3));
    assert_eq!(current(file.as_ref()), Ok(3));
    put(file.as_ref(), &whole(4));
    assert_eq!(current(file.as_ref()), Ok(4));
    put(file.as_ref(), &whole(5));
    assert_eq!(current(file.as_ref()), Ok(5));
    // The older one counts where the newer one is damaged.
    file.write_at(&[1], whole(5).slot_offset() + 300).unwrap();
    let slots = slots::read(file.as_ref()).unwrap();
    assert!(slots.has_damage());
    assert_eq!(current(file.as_ref()), Ok(4));
    file.write_at(&[1], whole(4).slot_offset() + 300).unwrap();
    assert_eq!(current(file.as_ref()), Err(Some(Invariant::H1)));
}

/// Who does not know what a newer program wrote must not go by what an older one left.
#[test]
fn a_header_of_an_unknown_format_is_not_overruled() {
    for newer in [4, 5] {
        let (_dir, file) = file(10);
        put(file.as_ref(), &whole(9 - newer));
        assert_eq!(current(file.as_ref()), Ok(9 - newer));
        let unknown = Header {
            incompat: 1 << 31,
            ..whole(newer)
        };
        put(file.as_ref(), &unknown);
        assert_eq!(current(file.as_ref()), Err(None));
        assert!(!slots::read(file.as_ref()).unwrap().has_damage());
    }
}

#[test]
fn a_short_file_is_a_cut_database_only_where_it_begins_like_one() {
    let of = |bytes: &[u8]| {
        let (_dir, file) = file(0);
        file.write_at(bytes, 0).unwrap();
        let SlotState::Damaged(damage) = &slots::read(file.as_ref()).unwrap().states[0] else {
            panic!("a short file has no slot");
        };
        let cut = damage.detail == "the file ends inside the header zone";
        assert_eq!((damage.id, damage.offset), (Invariant::H1, Some(0)));
        (cut, current(file.as_ref()))
    };
    let (damaged, other) = (Err(Some(Invariant::H1)), Err(None));
    assert_eq!(of(b""), (false, other));
    assert_eq!(of(b"text"), (false, other));
    assert_eq!(of(&[b'x'; 500]), (false, other));
    assert_eq!(of(&MAGIC[..7]), (false, other));
    assert_eq!(of(&MAGIC), (true, damaged));
    let bytes = whole(4).encode();
    assert_eq!(of(&bytes[..9]), (true, damaged));
    assert_eq!(of(&bytes[..SLOT_SIZE - 1]), (true, damaged));
    // Both slots are needed.
    let (_dir, file) = file(0);
    file.write_at(&bytes, 0).unwrap();
    assert_eq!(current(file.as_ref()), Ok(4));
    let states = slots::read(file.as_ref()).unwrap().states;
    let SlotState::Damaged(damage) = &states[1] else {
        panic!("{states:?}");
    };
    assert_eq!(damage.offset, Some(SLOT_OFFSETS[1]));
}

#[test]
fn counters_that_nothing_reaches_are_damage() {
    let states = |generation, checkpoint_index| {
        let (_dir, file) = file(10);
        let header = Header {
            checkpoint_index,
            ..whole(generation)
        };
        put(file.as_ref(), &header);
        let slots = slots::read(file.as_ref()).unwrap();
        match &slots.states[header.slot()] {
            SlotState::Valid(..) => None,
            SlotState::Damaged(damage) => Some((damage.id, damage.offset)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(states(MAX_COUNTER - 1, MAX_COUNTER - 1), None);
    for slot in [0, 1] {
        let damage = Some((Invariant::H1, Some(SLOT_OFFSETS[slot as usize])));
        assert_eq!(states(MAX_COUNTER + slot, 5), damage);
        assert_eq!(states(4 + slot, MAX_COUNTER), damage);
    }
}

/// A reader does not wait for a writer, and may see half of what it writes.
#[test]
fn a_slot_that_is_being_written_is_read_again() {
    let (_dir, file) = file(10);
    put(file.as_ref(), &whole(4));
    put(file.as_ref(), &whole(5));
    let odd = OddFile::new(Arc::clone(&file));
    let read = |torn: u64| {
        odd.torn.store(torn, Ordering::Relaxed);
        odd.reads.store(0, Ordering::Relaxed);
        let slots = slots::read(&odd).unwrap();
        (slots.has_damage(), odd.reads.load(Ordering::Relaxed))
    };
    assert_eq!(read(0), (false, 2));
    // Both slots, then each of them once more.
    assert_eq!(read(2), (false, 4));
    assert_eq!(read(3), (false, 5));
    assert_eq!(read(100), (true, 8));
}
