//! What log entries, marks and the records about a file cannot say, field by field.

use creel::format::MAX_COUNTER;
use creel::format::bytes::{push_varint, skip_varint, split_varint};
use creel::format::entry::{Entry, EntryError};
use creel::format::frame::{EntryHeader, EntryKind, MAX_PAYLOAD};
use creel::format::key::FullKey;
use creel::format::local::{
    ArchiveRecord, MarkRecord, archive_range, archive_user_key, facts_user_key, is_local,
    local_range, mark_user_key, tree_range,
};
use creel::format::mark::Mark;

fn entry_header() -> EntryHeader {
    EntryHeader {
        payload_len: 0,
        kind: EntryKind::Note,
        index: 7,
        epoch: 1,
        op_count: 0,
        time_us: 5,
        history_before: [3; 16],
    }
}

#[test]
fn the_header_of_an_entry_has_a_length_that_can_be_and_nothing_of_later_versions() {
    let whole = EntryHeader {
        payload_len: MAX_PAYLOAD,
        ..entry_header()
    };
    let bytes = whole.encode();
    assert_eq!(EntryHeader::decode(&bytes), Some(whole));
    let longer = EntryHeader {
        payload_len: MAX_PAYLOAD + 1,
        ..whole
    };
    assert_eq!(EntryHeader::decode(&longer.encode()), None);
    // Kind, flags, and both bytes of the id of a key.
    for (at, value) in [(4, 0), (4, 6), (5, 1), (6, 1), (7, 1)] {
        let mut newer = bytes;
        newer[at] = value;
        assert_eq!(EntryHeader::decode(&newer), None, "byte {at}");
    }
    for end in 0..bytes.len() {
        assert_eq!(EntryHeader::decode(&bytes[..end]), None, "cut at {end}");
    }
}

#[test]
fn entries_are_counted_from_one_up_to_the_largest_number() {
    let split = |index| {
        let header = EntryHeader {
            index,
            ..entry_header()
        };
        let bytes = Entry::encode(&header, b"");
        Entry::split(&bytes).map(|found| found.map(|(entry, _)| entry.header.index))
    };
    assert_eq!(split(0), Err(EntryError::Header));
    assert_eq!(split(1), Ok(Some(1)));
    assert_eq!(split(MAX_COUNTER - 1), Ok(Some(MAX_COUNTER - 1)));
    assert_eq!(split(MAX_COUNTER), Err(EntryError::Header));
    assert_eq!(split(u64::MAX), Err(EntryError::Header));
}

/// Both begin with a word that is made of the same salt.
#[test]
fn a_mark_never_begins_like_a_frame() {
    for salt in [0, 1, 0xffff_ffff, u64::MAX, 1 << 32, 0x1234_5678_9abc_def0] {
        assert_ne!(Mark::word(salt), salt as u32, "{salt:x}");
        let mark = Mark {
            own_units: 8,
            prev_crc: 9,
        };
        let bytes = mark.encode(salt);
        assert_eq!(bytes[..4], Mark::word(salt).to_le_bytes());
        assert_eq!(Mark::decode(&bytes, salt), Some(mark));
        // Of another incarnation, even if its word is the same.
        assert_eq!(Mark::decode(&bytes, salt ^ 1 << 40), None);
    }
}

#[test]
fn a_part_of_the_log_has_pages_and_entries_that_can_be() {
    let record = ArchiveRecord {
        first_index: 7,
        last_index: 9,
        start_page: 40,
        pages: 3,
        end: 9000,
        region_seq: 12,
        archived_us: 5,
    };
    let read = |record: ArchiveRecord| {
        let key = FullKey::new(0, &archive_user_key(record.first_index));
        ArchiveRecord::decode(&key, &record.encode()) == Some(record)
    };
    assert!(read(record));
    let of = |first_index, last_index, pages| {
        read(ArchiveRecord {
            first_index,
            last_index,
            pages,
            ..record
        })
    };
    assert!(of(7, 7, 1));
    assert!(!of(7, 6, 1));
    assert!(!of(7, 7, 0));
    assert!(of(7, MAX_COUNTER - 1, 1));
    assert!(!of(7, MAX_COUNTER, 1));
}

#[test]
fn a_marker_without_a_sum_has_none() {
    let (id, none) = ([3; 16], MarkRecord::NONE);
    let bytes = none.encode(&id);
    assert_eq!(MarkRecord::decode(&bytes, &id), Some(Some(none)));
    // Flag and sum: behind version, file and index.
    let flag = 1 + 16 + 8;
    for at in flag + 1..bytes.len() {
        let mut odd = bytes.clone();
        odd[at] = 1;
        assert_eq!(MarkRecord::decode(&odd, &id), None, "byte {at}");
        odd[flag] = 1;
        let sum = MarkRecord::decode(&odd, &id).unwrap().unwrap().content_sum;
        assert_eq!(sum, Some(1 << (8 * (at - flag - 1))));
    }
}

/// Facts about the file and about its last marker stand beside parts of the log and kept trees.
#[test]
fn records_of_one_file_have_keys_of_their_own_in_the_local_half() {
    let full = |key: &[u8]| FullKey::new(0, key).to_vec();
    let keys = [full(&facts_user_key()), full(&mark_user_key())];
    assert_ne!(keys[0], keys[1]);
    let inside = |key: &Vec<u8>, (from, to): (Vec<u8>, Vec<u8>)| *key >= from && *key < to;
    for key in &keys {
        assert!(is_local(key), "{key:?}");
        assert!(inside(key, local_range()), "{key:?}");
        assert!(!inside(key, archive_range()), "{key:?}");
        assert!(!inside(key, tree_range()), "{key:?}");
    }
}

/// A search passes over the counts of a branch: it looks for their end, and at nothing else.
#[test]
fn what_follows_a_number_is_found_without_reading_it() {
    for bits in 0..64 {
        for value in [1u64 << bits, (1u64 << bits) - 1] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, value);
            bytes.extend_from_slice(b"rest");
            assert_eq!(skip_varint(&bytes), Some(&b"rest"[..]), "{value}");
            assert_eq!(split_varint(&bytes), Some((value, &b"rest"[..])));
        }
    }
    // Numbers of up to three bytes, in whatever form.
    for longer in [&[0x80, 0][..], &[0xff, 0x80, 0], &[0x80, 0x80, 0]] {
        let bytes = [longer, b"rest"].concat();
        assert_eq!(skip_varint(&bytes), Some(&b"rest"[..]));
        assert_eq!(split_varint(&bytes), None);
    }
    for end in [&[][..], &[0x80], &[0xff; 2], &[0xff; 3], &[0xff; 12]] {
        assert_eq!(skip_varint(end), None);
    }
}
