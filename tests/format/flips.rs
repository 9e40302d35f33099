//! Every single changed byte is noticed: by a checksum, and where the checksum is made to fit,
//! slack is noticed by the check of the page.

use creel::format::branch::Branch;
use creel::format::frame::FrameHeader;
use creel::format::freelist::read_free_page;
use creel::format::header::{Header, SlotState};
use creel::format::leaf::Leaf;
use creel::format::op::Op;
use creel::format::overflow::check_extent;
use creel::format::page::{PageHeader, check_page};
use creel::format::region::RegionHeader;

use crate::samples;

/// Calls `check` with each byte changed in several ways.
fn each_flip(bytes: &[u8], mut check: impl FnMut(usize, &mut [u8])) {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x10, 0x80, 0xff] {
            let before = bytes[at];
            bytes[at] ^= mask;
            let head = bytes.first_chunk::<4>().copied();
            check(at, &mut bytes);
            if let Some(head) = head {
                bytes[..4].copy_from_slice(&head); // a check may seal the page again
            }
            bytes[at] = before;
        }
    }
}

#[test]
fn of_a_header_slot() {
    for header in [samples::new_header(12), samples::full_header(16)] {
        let slot = header.slot();
        each_flip(&header.encode(), |at, bytes| {
            let state = Header::decode(bytes.first_chunk().unwrap(), slot);
            assert!(
                matches!(state, SlotState::Damaged(_)),
                "byte {at}: {state:?}"
            );
        });
    }
    each_flip(&[0; 512], |at, bytes| {
        let state = Header::decode(bytes.first_chunk().unwrap(), 0);
        assert!(matches!(state, SlotState::Damaged(_)), "blank, byte {at}");
    });
}

#[test]
fn of_a_region_header() {
    each_flip(&samples::region_header().encode(), |at, bytes| {
        assert_eq!(RegionHeader::decode(bytes), None, "byte {at}");
    });
}

#[test]
fn of_a_frame() {
    let ops: Vec<Op<'_>> = samples::ops().into_iter().map(|(_, op)| op).collect();
    for count in 0..=ops.len() {
        each_flip(&samples::commit_frame(&ops[..count]), |at, bytes| {
            let whole = FrameHeader::decode(bytes, samples::SALT)
                .is_some_and(|header| header.check_body(bytes).is_some());
            assert!(!whole, "byte {at}");
        });
    }
}

#[test]
fn of_a_page() {
    for page_size in [4096, 65536] {
        for (name, page_id, page) in samples::pages(page_size) {
            let covered = if name == "overflow" {
                &page[..32]
            } else {
                &page[..]
            };
            each_flip(covered, |at, bytes| {
                assert!(check_page(bytes, page_id).is_err(), "{name}, byte {at}");
            });
        }
    }
}

#[test]
fn of_a_large_value() {
    let (extent, reference) = samples::overflow(4096, 88, &[7; 5000]);
    each_flip(&extent, |at, bytes| {
        assert!(check_extent(bytes, &reference).is_err(), "byte {at}");
    });
}

#[test]
fn of_the_slack_under_a_fitting_checksum() {
    for (name, page_id, page) in samples::pages(4096) {
        if name == "overflow" {
            continue; // its slack is checked with the extent
        }
        let header = PageHeader::decode(&page).unwrap();
        let slots = if name == "free-list" {
            0
        } else {
            2 * usize::from(header.cell_count)
        };
        let slack = header.cells_end_offset()..page.len() - slots;
        assert!(!slack.is_empty());
        each_flip(&page, |at, bytes| {
            samples::reseal(bytes);
            let problem = check_page(bytes, page_id).is_err()
                || match name {
                    "branch" => Branch::new(bytes).is_none_or(|b| b.check().is_err()),
                    "free-list" => read_free_page(bytes).is_err(),
                    _ => Leaf::new(bytes).is_none_or(|l| l.check().is_err()),
                };
            let reserved = 24..32;
            if slack.contains(&at) || reserved.contains(&at) || at == 4 {
                assert!(problem, "{name}, byte {at}");
            }
        });
    }
}
