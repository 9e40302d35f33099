//! No bytes make a decoder panic: random ones, and valid structures with changes under a
//! checksum that fits, so that decoding goes deep.

use creel::format::branch::Branch;
use creel::format::bytes::split_varint;
use creel::format::checksum::{crc, crc_append};
use creel::format::frame::{EntryHeader, EntryKind, FrameHeader};
use creel::format::freelist::read_free_page;
use creel::format::header::Header;
use creel::format::key::{catalogue_name, split_key};
use creel::format::leaf::Leaf;
use creel::format::op::{Op, Ops};
use creel::format::overflow::{OverflowRef, check_extent};
use creel::format::page::{PageHeader, check_page};
use creel::format::region::RegionHeader;
use creel::format::{SLOT_SIZE, describe};

use crate::rng::{Rng, cases};
use crate::round_trip::random_header;
use crate::samples::{self, SALT};

const RANDOM: u64 = 100_000;
const CHANGED: u64 = 20_000;

fn decode_log(bytes: &[u8]) {
    RegionHeader::decode(bytes);
    EntryHeader::decode(bytes);
    if let Some(header) = FrameHeader::decode(bytes, SALT)
        && let Some(payload) = header.check_body(bytes)
    {
        header.entry.history_after(payload);
        walk_ops(payload, header.entry.op_count);
    }
}

fn walk_ops(payload: &[u8], count: u32) {
    let mut ops = Ops::new(payload, count);
    while let Ok(Some(op)) = ops.next_op() {
        let mut out = Vec::new();
        op.encode(&mut out);
    }
}

fn decode_page(bytes: &[u8], probe: &[u8]) {
    PageHeader::decode(bytes);
    let _ = check_page(bytes, 7);
    let _ = read_free_page(bytes);
    if let Some(leaf) = Leaf::new(bytes) {
        let _ = leaf.check();
        leaf.search(probe);
        for i in 0..leaf.count().min(50) + 1 {
            leaf.cell(i);
            leaf.cell_and_len(i);
        }
    }
    if let Some(branch) = Branch::new(bytes) {
        let _ = branch.check();
        branch.search(probe);
        for i in 0..branch.count().min(50) + 1 {
            branch.cell_and_len(i);
            branch.separator(i, &mut Vec::new());
        }
    }
    if let Some(reference) = OverflowRef::decode(bytes) {
        let _ = check_extent(bytes, &reference);
    }
}

fn describe_all(bytes: &[u8], number: u64) {
    describe::header_slot(bytes, number as usize);
    describe::region(bytes, number);
    describe::frame(bytes, None, number);
    describe::frame(bytes, Some(SALT), number);
    describe::page(bytes, number as u32, 4096);
}

#[test]
fn random_bytes_in_every_decoder() {
    cases("random bytes", RANDOM, |rng| {
        let len = rng.below(SLOT_SIZE + 1);
        let mut bytes = rng.bytes(len);
        let mut slot = [0; SLOT_SIZE];
        rng.fill(&mut slot);
        Header::decode(&slot, rng.below(3));
        split_varint(&bytes);
        split_key(&bytes);
        catalogue_name(&bytes);
        walk_ops(&bytes, rng.number() as u32);
        decode_log(&bytes);
        if len > 18 {
            // Past the checks of the kind and the reserved bytes.
            bytes[16] = 1 + rng.below(4) as u8;
            bytes[17] = rng.below(20) as u8;
            bytes[18..]
                .iter_mut()
                .take(14)
                .for_each(|b| *b &= 0x3f * (rng.next() as u8 & 1));
            bytes[24.min(len)..32.min(len)].fill(0);
        }
        decode_page(&bytes, &slot[..len % 20]);
        if rng.below(10) == 0 {
            describe_all(&bytes, rng.number());
        }
    });
}

#[test]
fn random_whole_pages() {
    cases("random pages", RANDOM / 10, |rng| {
        let mut page = rng.bytes(4096);
        page[16] = 1 + rng.below(4) as u8;
        page[17] = u8::from(page[16] == 2);
        page[20] = rng.below(40) as u8;
        page[18] = rng.below(20) as u8;
        page[19] = 0;
        page[21] = 0;
        page[24..32].fill(0);
        samples::reseal(&mut page);
        decode_page(&page, b"\0\0\0\x01key");
        if rng.below(10) == 0 {
            describe::page(&page, 7, 4096);
        }
    });
}

/// Changes a few bytes, near each other or anywhere.
fn change(rng: &mut Rng, bytes: &mut [u8]) {
    let near = rng.below(bytes.len());
    for _ in 0..1 + rng.below(4) {
        let at = if rng.below(2) == 0 {
            (near + rng.below(8)).min(bytes.len() - 1)
        } else {
            rng.below(bytes.len())
        };
        bytes[at] = match rng.below(4) {
            0 => 0,
            1 => 255,
            2 => bytes[at] ^ 1 << rng.below(8),
            _ => rng.next() as u8,
        };
    }
}

#[test]
fn changed_headers_with_a_fitting_checksum() {
    cases("changed headers", CHANGED, |rng| {
        let header = random_header(rng);
        let mut bytes = header.encode();
        change(rng, &mut bytes[8..508]);
        let sum = crc(&bytes[..508]);
        bytes[508..].copy_from_slice(&sum.to_le_bytes());
        Header::decode(&bytes, header.slot());
        describe::header_slot(&bytes, header.slot());
    });
}

#[test]
fn changed_frames_with_fitting_checksums() {
    let ops: Vec<Op<'_>> = samples::ops().into_iter().map(|(_, op)| op).collect();
    let batch = samples::commit_frame(&ops);
    cases("changed frames", CHANGED, |rng| {
        let mut bytes = batch.clone();
        change(rng, &mut bytes);
        let len = bytes.len();
        if rng.below(2) == 0 {
            bytes[32..36].copy_from_slice(&(rng.below(len) as u32).to_le_bytes());
        }
        bytes[..4].copy_from_slice(&SALT.to_le_bytes()[..4]);
        bytes[20..28].fill(0);
        let sum = crc_append(crc(&SALT.to_le_bytes()), &bytes[..28]);
        let sum = crc_append(sum, &bytes[32..80]);
        bytes[28..32].copy_from_slice(&sum.to_le_bytes());
        let end = 80 + u32::from_le_bytes(bytes[32..36].try_into().unwrap()) as usize;
        if end + 4 <= bytes.len() {
            let sum = crc(&bytes[32..end]);
            bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
        }
        decode_log(&bytes);
        describe::frame(&bytes, Some(SALT), 0);
    });
}

#[test]
fn changed_payloads() {
    let mut payload = Vec::new();
    samples::ops()
        .iter()
        .for_each(|(_, op)| op.encode(&mut payload));
    cases("changed payloads", CHANGED, |rng| {
        let mut bytes = payload.clone();
        change(rng, &mut bytes);
        walk_ops(&bytes, 5);
        let frame = samples::frame(EntryKind::Commit, &bytes, 5);
        describe::frame(&frame, Some(SALT), 0);
    });
}

#[test]
fn changed_pages_with_a_fitting_checksum() {
    let pages = samples::pages(4096);
    cases("changed pages", CHANGED, |rng| {
        let (_, _, page) = &pages[rng.below(pages.len())];
        let mut bytes = page.clone();
        // Mostly where there is something: the header and the cells, or the slots.
        match rng.below(3) {
            0 => change(rng, &mut bytes[..32]),
            1 => change(rng, &mut bytes[32..200]),
            _ => change(rng, &mut bytes[4080..]),
        }
        samples::reseal(&mut bytes);
        decode_page(&bytes, b"\0\0\0\x01apple");
        if rng.below(10) == 0 {
            describe::page(&bytes, 7, 4096);
        }
    });
}
