//! Each field by itself: what a header cannot say, and how a frame is described.

use creel::Invariant;
use creel::format::MAX_HEIGHT;
use creel::format::describe;
use creel::format::frame::EntryKind;
use creel::format::header::{Header, Role, SlotState, first_page};

use crate::samples;

fn refused(change: impl FnOnce(&mut Header)) -> Option<Invariant> {
    let mut header = samples::full_header(12);
    change(&mut header);
    match Header::decode(&header.encode(), header.slot()) {
        SlotState::Damaged(corruption) => Some(corruption.id),
        SlotState::Valid(..) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_header_whose_fields_cannot_be_names_the_invariant() {
    use Invariant::{H4, H7, H9, H10, P6, W1, W2};
    let first = first_page(4096);
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|h| h.generation = 0), Some(H4));
    assert_eq!(refused(|h| h.page_count = first - 1), Some(H7));
    assert_eq!(refused(|h| h.page_count = first), Some(P6));
    assert_eq!(refused(|h| h.root_height = 0), Some(H9));
    assert_eq!(refused(|h| h.root_page = 0), Some(H9));
    assert_eq!(refused(|h| h.root_height = MAX_HEIGHT), None);
    assert_eq!(refused(|h| h.root_height = MAX_HEIGHT + 1), Some(H9));
    let empty = |h: &mut Header| {
        (h.root_page, h.root_height) = (0, 0);
        (h.entry_count, h.logical_bytes, h.content_sum) = (0, 0, 0);
    };
    assert_eq!(refused(empty), None);
    let sums: [fn(&mut Header); 3] = [
        |h| h.entry_count = 1,
        |h| h.logical_bytes = 1,
        |h| h.content_sum = 1,
    ];
    for sum in sums {
        let both = |h: &mut Header| {
            empty(h);
            sum(h);
        };
        assert_eq!(refused(both), Some(H9));
    }
    assert_eq!(refused(|h| h.root_page = h.page_count), Some(P6));
    assert_eq!(refused(|h| h.root_page = h.page_count - 1), None);
    assert_eq!(refused(|h| h.root_page = first - 1), Some(P6));
    assert_eq!(refused(|h| h.free_head = h.page_count), Some(P6));
    assert_eq!(refused(|h| h.free_head = 0), None);
    assert_eq!(refused(|h| h.epoch = 0), Some(H10));
    let fence =
        |fenced, more: u32| refused(|h| (h.fenced, h.fence_epoch) = (fenced, h.epoch + more));
    assert_eq!(fence(true, 0), Some(H10));
    assert_eq!(fence(true, 1), None);
    assert_eq!(fence(false, 0), None);
    let role = |role, upstream| refused(|h| (h.role, h.upstream_file_id) = (role, [upstream; 16]));
    assert_eq!(role(Role::Replica, 0), Some(H10));
    assert_eq!(role(Role::Replica, 1), None);
    assert_eq!(role(Role::Primary, 0), None);
    for i in [0, 1] {
        assert_eq!(refused(|h| h.regions[i].pages = 0), Some(W1));
        assert_eq!(refused(|h| h.regions[i].start_page = first - 1), Some(W1));
        assert_eq!(
            refused(|h| h.regions[i].start_page = h.page_count - h.regions[i].pages + 1),
            Some(W1)
        );
        assert_eq!(
            refused(|h| h.regions[i].region_seq = 3 - i as u64),
            Some(W2)
        );
        assert_eq!(refused(|h| h.regions[i].region_seq = 0), None);
        let same = |h: &mut Header| h.regions[i].start_page = h.regions[1 - i].start_page;
        assert_eq!(refused(same), Some(W1));
        // One page less and they touch, one more and they overlap.
        let behind = |more: u32| {
            refused(|h| {
                let [a, b] = &mut h.regions;
                let (a, b) = if i == 0 { (a, b) } else { (b, a) };
                (a.start_page, a.pages, b.pages) = (first + 1, 3, 2);
                b.start_page = first + 3 + more;
                (h.root_page, h.free_head) = (first + 7, 0);
                h.page_count = h.page_count.max(first + 20);
            })
        };
        assert_eq!((behind(0), behind(1)), (Some(W1), None));
    }
}

fn bytes_refused(change: impl FnOnce(&mut [u8; 512])) -> SlotState {
    let header = samples::full_header(12);
    let mut bytes = header.encode();
    change(&mut bytes);
    let sum = creel::format::checksum::crc(&bytes[..508]);
    bytes[508..].copy_from_slice(&sum.to_le_bytes());
    Header::decode(&bytes, header.slot())
}

#[test]
fn header_bytes_without_a_meaning_are_zero() {
    for at in [164, 252, 296, 507] {
        let SlotState::Damaged(found) = bytes_refused(|bytes| bytes[at] ^= 1) else {
            panic!("byte {at} may change");
        };
        assert_eq!(found.id, Invariant::H8, "byte {at}");
    }
    for (at, value) in [(12, 11), (12, 17), (14, 1), (236, 9), (237, 2)] {
        let SlotState::Damaged(found) = bytes_refused(|bytes| bytes[at] = value) else {
            panic!("byte {at} may be {value}");
        };
        assert_eq!(found.id, Invariant::H1, "byte {at}");
    }
    let SlotState::Damaged(found) = bytes_refused(|bytes| bytes[13] ^= 1) else {
        panic!("it may stand in another slot");
    };
    assert_eq!(found.id, Invariant::H2);
    let header = samples::full_header(12);
    let mut bytes = header.encode();
    bytes[13] ^= 1;
    samples_sum(&mut bytes);
    let SlotState::Damaged(found) = Header::decode(&bytes, 1 - header.slot()) else {
        panic!("its generation may belong to the other slot");
    };
    assert_eq!(found.id, Invariant::H2);
    let old = bytes_refused(|bytes| bytes[8] = 0);
    assert_eq!(old, SlotState::Unsupported("format version 0".into()));
}

fn samples_sum(bytes: &mut [u8; 512]) {
    let sum = creel::format::checksum::crc(&bytes[..508]);
    bytes[508..].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn a_frame_is_described_with_what_is_wrong_about_it() {
    let salt = samples::region_header().salt;
    let ops: Vec<_> = samples::ops().into_iter().map(|(_, op)| op).collect();
    let frame = samples::commit_frame(&ops);
    let text = describe::frame(&frame, Some(salt), 0);
    assert!(text.contains("matches the salt"), "{text}");
    assert!(!text.contains("malformed"), "{text}");
    let last = format!("op {} = ", ops.len() - 1);
    assert!(text.contains(&last), "{text}");
    let text = describe::frame(&frame, None, 0);
    assert!(text.contains("salt not known"), "{text}");
    assert!(text.contains("header checksum not judged"), "{text}");
    let text = describe::frame(&frame, Some(salt ^ 1), 0);
    assert!(text.contains("malformed: not the low half"), "{text}");
    assert!(text.contains("not a frame of this region"), "{text}");
    let mut damaged = frame.clone();
    damaged[80] ^= 1;
    let text = describe::frame(&damaged, Some(salt), 0);
    let expected = "the body does not match its checksum";
    assert!(text.contains(expected), "{text}");
    let kinds = [
        (EntryKind::Commit, "commit"),
        (EntryKind::Fence, "fence"),
        (EntryKind::Attest, "attest"),
        (EntryKind::Bulk, "bulk"),
        (EntryKind::Note, "note"),
    ];
    for (kind, name) in kinds {
        let text = describe::frame(&samples::frame(kind, b"", 0), Some(salt), 0);
        assert!(text.contains(name) && !text.contains("malformed"), "{text}");
    }
}

#[test]
fn an_operation_that_cannot_be_is_described() {
    let salt = samples::region_header().salt;
    let described = |payload: &[u8], count| {
        let frame = samples::frame(EntryKind::Commit, payload, count);
        describe::frame(&frame, Some(salt), 0)
    };
    for tag in [0, 6, 100] {
        let text = described(&[tag, 1, 1], 1);
        let expected = format!("operation 0 of 1: unknown tag {tag}");
        assert!(text.contains(&expected), "{text}");
    }
    for tag in 1..=5 {
        let text = described(&[tag], 1);
        assert!(text.contains("operation 0 of 1"), "{text}");
        assert!(!text.contains("unknown tag"), "{text}");
    }
    let (_, op) = samples::ops().swap_remove(0);
    let mut payload = Vec::new();
    op.encode(&mut payload);
    let whole = described(&payload, 1);
    assert!(!whole.contains("malformed"), "{whole}");
    payload.extend_from_slice(b"abc");
    let text = described(&payload, 1);
    assert!(text.contains("3 bytes after the last operation"), "{text}");
}
