//! Structures by themselves.

use creel::format::branch::Branch;
use creel::format::checksum::crc;
use creel::format::freelist::read_free_page;
use creel::format::header::Header;
use creel::format::leaf::Leaf;
use creel::format::overflow::{OverflowRef, check_extent};
use creel::format::page::{PageHeader, PageKind, check_page, seal};
use creel::format::{SLOT_SIZE, describe};
use creel::stream::frame::Deframer;
use creel::stream::hello::{Hello, Welcome};
use creel::stream::message::Message;

/// The first byte: which slot, and whether the checksum is made to fit.
pub fn header(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    let mut slot = [0; SLOT_SIZE];
    for (to, from) in slot.iter_mut().zip(rest) {
        *to = *from;
    }
    if how & 2 != 0 {
        let sum = crc(&slot[..SLOT_SIZE - 4]);
        slot[SLOT_SIZE - 4..].copy_from_slice(&sum.to_le_bytes());
    }
    let number = usize::from(how & 1);
    Header::decode(&slot, number);
    describe::header_slot(&slot, number);
}

/// The first byte: the kind, and whether the checksum is made to fit.
pub fn page(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    let mut page = vec![0; 4096];
    for (to, from) in page.iter_mut().zip(rest) {
        *to = *from;
    }
    let kind = [
        PageKind::Leaf,
        PageKind::Branch,
        PageKind::Overflow,
        PageKind::FreeList,
    ][usize::from(how & 3)];
    if how & 4 != 0 {
        page[16] = (how & 3) + 1;
        seal(&mut page, kind);
    }
    PageHeader::decode(&page);
    let id = u32::from_le_bytes(page[4..8].try_into().unwrap());
    let _ = check_page(&page, id);
    let _ = read_free_page(&page);
    if let Some(leaf) = Leaf::new(&page) {
        let _ = leaf.check();
        leaf.search(b"\0\0\0\x01key");
        for i in 0..leaf.count() + 1 {
            leaf.cell_and_len(i);
        }
    }
    if let Some(branch) = Branch::new(&page) {
        let _ = branch.check();
        branch.search(b"\0\0\0\x01key");
        for i in 0..branch.count() + 1 {
            branch.cell_and_len(i);
            branch.separator(i, &mut Vec::new());
        }
    }
    if let Some(reference) = OverflowRef::decode(&page) {
        let _ = check_extent(&page, &reference);
    }
    describe::page(&page, id, 4096);
}

/// Bytes from a peer, in pieces. The first byte: how long those are.
pub fn wire(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else {
        return;
    };
    let mut deframer = Deframer::default();
    if size & 0x80 != 0 {
        deframer.trust();
    }
    for piece in rest.chunks(usize::from(size & 0x7f) + 1) {
        let mut piece = piece;
        loop {
            match deframer.next_frame(&mut piece) {
                Ok(Some(frame)) => drop(Message::decode(frame)),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    let _ = Hello::decode(rest);
    let _ = Welcome::decode(rest);
}
