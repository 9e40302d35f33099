//! What a dump says of each thing that may be wrong.

use creel::format::describe;
use creel::format::frame::{EntryKind, MAX_PAYLOAD};
use creel::format::header::{Header, Role};

use crate::samples;

fn has(text: &str, expected: &str) {
    assert!(text.contains(expected), "{expected:?} is not in\n{text}");
}

fn has_not(text: &str, expected: &str) {
    assert!(!text.contains(expected), "{expected:?} is in\n{text}");
}

#[test]
fn a_payload_that_is_too_long_or_cut_off_is_named() {
    let frame = samples::frame(EntryKind::Note, b"a note", 0);
    let of_len = |len: u32| {
        let mut head = frame[..80].to_vec();
        head[32..36].copy_from_slice(&len.to_le_bytes());
        describe::frame(&head, Some(samples::SALT), 0)
    };
    let text = of_len(MAX_PAYLOAD);
    has_not(&text, "over the limit");
    has(
        &text,
        &format!("payload: {MAX_PAYLOAD} bytes expected, 0 here"),
    );
    let text = of_len(MAX_PAYLOAD + 1);
    has(&text, "payload_len = 67108865  (malformed: over the limit)");
    // Nobody looks for a payload that cannot be.
    has_not(&text, "bytes expected");
    let text = describe::frame(&frame[..83], Some(samples::SALT), 0);
    has(&text, "payload: 6 bytes expected, 3 here");
    let text = describe::frame(&frame, Some(samples::SALT), 0);
    has_not(&text, "bytes expected");
}

#[test]
fn bytes_that_must_be_zero_are_named_by_their_place_in_the_file() {
    let header = samples::full_header(12);
    let whole = header.encode();
    let base = header.slot_offset();
    let text = describe::header_slot(&whole, header.slot());
    has(&text, "zero = 212 bytes");
    for at in [296, 297, 300, 507] {
        let mut bytes = whole;
        bytes[at] = 5;
        let text = describe::header_slot(&bytes, header.slot());
        let place = base + at as u64;
        let expected = format!("212 bytes that must be zero are not, first at {place}");
        has(&text, &expected);
    }
    // Cut in front of them, and among them.
    for end in [296, 400] {
        let text = describe::header_slot(&whole[..end], header.slot());
        has(&text, "malformed: 212 zero bytes: the bytes end here");
        has(&text, &format!("a slot has 512 bytes, here are {end}"));
    }
}

#[test]
fn a_slot_tells_role_fence_and_place() {
    let described = |change: &dyn Fn(&mut Header)| {
        let mut header = samples::new_header(12);
        change(&mut header);
        describe::header_slot(&header.encode(), header.slot())
    };
    for (role, name) in [
        (Role::Standalone, "role = 0  (standalone)"),
        (Role::Primary, "role = 1  (primary)"),
        (Role::Replica, "role = 2  (replica)"),
    ] {
        has(&described(&|header| header.role = role), name);
    }
    let fenced = described(&|header| header.fenced = true);
    has(&fenced, "fenced = 1  (writes are refused)");
    let free = described(&|header| header.fenced = false);
    has(&free, "fenced = 0\n");
    // The slot that the bytes name, the one where they stand, the one for the generation.
    let header = samples::new_header(12);
    let misplaced = "malformed: not this slot or not the generation's";
    has_not(
        &describe::header_slot(&header.encode(), header.slot()),
        misplaced,
    );
    has(
        &describe::header_slot(&header.encode(), 1 - header.slot()),
        misplaced,
    );
    let mut bytes = header.encode();
    bytes[64] ^= 1;
    has(&describe::header_slot(&bytes, header.slot()), misplaced);
    let mut bytes = header.encode();
    bytes[13] ^= 1;
    has(&describe::header_slot(&bytes, header.slot()), misplaced);
    has(&describe::header_slot(&bytes, 1 - header.slot()), misplaced);
}

#[test]
fn a_page_of_another_size_is_malformed_unless_it_is_a_whole_large_value() {
    let size = 4096;
    let wrong = |bytes: &[u8], id| {
        let text = describe::page(bytes, id, size);
        let what = format!("a page has {size} bytes, here are {}", bytes.len());
        text.contains(&what)
    };
    for (name, id, page) in samples::pages(size) {
        assert!(!wrong(&page, id), "{name}");
        assert!(wrong(&page[..size - 1], id), "{name}");
        let longer = [&page[..], &[0; 4096]].concat();
        assert_eq!(wrong(&longer, id), name != "overflow", "{name}");
    }
}

#[test]
fn each_field_that_a_large_value_leaves_empty_is_looked_at() {
    let (whole, _) = samples::overflow(4096, 88, b"a large value, in spirit");
    let what = "level and counts of an overflow page are 0";
    has_not(&describe::page(&whole, 88, 4096), what);
    for at in 17..24 {
        let mut page = whole.clone();
        page[at] = 1;
        has(&describe::page(&page, 88, 4096), what);
    }
}

#[test]
fn only_keys_with_something_in_common_have_a_prefix() {
    let entry = |key: &[u8]| (key.to_vec(), samples::Stored::Inline(b"v".to_vec()));
    let apart = vec![entry(b"\0\0\0\x01a"), entry(b"\x01\0\0\0a")];
    let (page, _) = samples::leaf(4096, 7, &apart);
    let text = describe::page(&page, 7, 4096);
    has(&text, "check: ok");
    has(&text, "prefix_len = 0");
    has_not(&text, " prefix = ");
    let near = vec![entry(b"\0\0\0\x01a"), entry(b"\0\0\0\x01b")];
    let (page, _) = samples::leaf(4096, 7, &near);
    has(
        &describe::page(&page, 7, 4096),
        " prefix = \"\\x00\\x00\\x00\\x01\"",
    );
}
