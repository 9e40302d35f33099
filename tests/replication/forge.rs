//! Files whose checksums are right and whose contents are not: what a defect would make.

use std::fs;
use std::path::Path;

use creel::format::header::{Header, SlotState};
use creel::format::page::{PageKind, seal};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};

/// The newest header.
fn newest(bytes: &[u8]) -> Header {
    let slots = SLOT_OFFSETS.iter().enumerate();
    let headers = slots.filter_map(|(number, at)| {
        let slot = &bytes[*at as usize..*at as usize + SLOT_SIZE];
        match Header::decode(slot.try_into().unwrap(), number) {
            SlotState::Valid(header, _) => Some(*header),
            _ => None,
        }
    });
    headers.max_by_key(|header| header.generation).unwrap()
}

fn put(bytes: &mut [u8], header: &Header) {
    let at = header.slot_offset() as usize;
    bytes[at..at + SLOT_SIZE].copy_from_slice(&header.encode());
}

/// Changes the newest header.
pub fn header(path: &Path, change: impl FnOnce(&mut Header)) {
    let mut bytes = fs::read(path).unwrap();
    let mut header = newest(&bytes);
    change(&mut header);
    put(&mut bytes, &header);
    fs::write(path, bytes).unwrap();
}

/// Puts another value of the same length in the place of one, in a tree of one leaf.
pub fn value(path: &Path, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(path).unwrap();
    let mut header = newest(&bytes);
    assert_eq!(header.root_height, 1, "a tree of one leaf");
    let start = header.root_page as usize * header.page_size();
    let page = &mut bytes[start..start + header.page_size()];
    let at = page.windows(from.len()).position(|part| part == from);
    let at = at.expect("the value is in the tree");
    page[at..at + to.len()].copy_from_slice(to);
    header.root_crc = seal(page, PageKind::Leaf);
    put(&mut bytes, &header);
    fs::write(path, bytes).unwrap();
}
