//! One fixed sample of every structure, and random ones.

use creel::format::branch::{BranchBuilder, ChildRef};
use creel::format::checksum::{crc, history_start};
use creel::format::fence::FenceRecord;
use creel::format::frame::{EntryHeader, EntryKind, Envelope, push_frame};
use creel::format::freelist::{FreeExtent, records_per_page, write_free_page};
use creel::format::header::{Header, RegionSlot, Role, first_page};
use creel::format::key::FullKey;
use creel::format::leaf::{LeafBuilder, StoredValue, needs_overflow};
use creel::format::op::Op;
use creel::format::overflow::{OverflowRef, overflow_header, overflow_pages};
use creel::format::region::RegionHeader;
use creel::format::{max_key_len, page};

use crate::rng::Rng;

pub const SALT: u64 = 0x0123_4567_89ab_cdef;
pub const LINEAGE: [u8; 16] = *b"lineage id 16 by";

/// The header of a new file.
pub fn new_header(page_shift: u8) -> Header {
    let first = first_page(1 << page_shift);
    let pages = (1u32 << 20) >> page_shift;
    let region = |start_page| RegionSlot {
        start_page,
        pages,
        region_seq: 0,
        first_index: 0,
        zero_filled: true,
        base_pages: pages,
    };
    Header {
        page_shift,
        compat: 0,
        ro_compat: 0,
        incompat: 0,
        lineage_id: LINEAGE,
        file_id: *b"file id 16 bytes",
        generation: 1,
        checkpoint_index: 0,
        history: history_start(&LINEAGE),
        checkpoint_time_ms: 1_700_000_000_000,
        entry_count: 0,
        logical_bytes: 0,
        content_sum: 0,
        root_page: 0,
        root_crc: 0,
        root_height: 0,
        page_count: first + 2 * pages,
        free_head: 0,
        free_head_crc: 0,
        free_available: 0,
        free_pending: 0,
        prev_header_crc: 0,
        regions: [region(first), region(first + pages)],
        epoch: 1,
        role: Role::Standalone,
        fenced: false,
        epoch_start_index: 1,
        fence_epoch: 0,
        upstream_file_id: [0; 16],
        archive_first_index: 0,
        created_time_ms: 1_700_000_000_000,
        trees_from: 0,
    }
}

/// A header with something in every field.
pub fn full_header(page_shift: u8) -> Header {
    let mut header = Header {
        compat: 0x10,
        ro_compat: 0x20,
        generation: 0x0102_0304_0506_0708,
        checkpoint_index: 0x1112_1314_1516_1718,
        checkpoint_time_ms: 0x1_8bcf_e568,
        entry_count: 1000,
        logical_bytes: 123_456,
        content_sum: 0x2122_2324_2526_2728,
        root_crc: 0x3132_3334,
        root_height: 2,
        free_head_crc: 0x4142_4344,
        free_available: 17,
        free_pending: 4,
        prev_header_crc: 0x5152_5354,
        epoch: 3,
        role: Role::Replica,
        fenced: true,
        epoch_start_index: 900,
        fence_epoch: 4,
        upstream_file_id: *b"upstream file id",
        archive_first_index: 800,
        ..new_header(page_shift)
    };
    header.root_page = header.page_count;
    header.free_head = header.page_count + 1;
    header.page_count += 40;
    for (seq, region) in [12, 11].into_iter().zip(&mut header.regions) {
        region.region_seq = seq;
        region.first_index = 1000 + seq;
    }
    header.regions[1].zero_filled = false;
    header
}

pub fn region_header() -> RegionHeader {
    RegionHeader {
        salt: SALT,
        region_seq: 12,
        first_index: 1012,
        history: *b"history 16 bytes",
        epoch: 3,
        prev_end_units: 512,
        prev_crc: 0x6162_6364,
        durable_gen: 7,
        file_id_low: u32::from_le_bytes(*b"file"),
    }
}

pub fn ops() -> Vec<(&'static str, Op<'static>)> {
    let (keyspace, key) = (1, b"apple".as_slice());
    let value = b"green\xff".as_slice();
    vec![
        (
            "put",
            Op::Put {
                keyspace,
                key,
                value,
            },
        ),
        ("delete", Op::Delete { keyspace, key }),
        (
            "delete-range",
            Op::DeleteRange {
                keyspace,
                from: key,
                to: b"pear",
            },
        ),
        (
            "create-keyspace",
            Op::CreateKeyspace {
                id: 300,
                name: b"fruit",
            },
        ),
        (
            "drop-keyspace",
            Op::DropKeyspace {
                id: 300,
                name: b"fruit",
            },
        ),
    ]
}

pub fn frame(kind: EntryKind, payload: &[u8], op_count: u32) -> Vec<u8> {
    let envelope = Envelope {
        own_units: 16,
        synced_units: 16,
        durable_gen: 7,
        prev_crc: 0x7172_7374,
    };
    let entry = EntryHeader {
        payload_len: payload.len() as u32,
        kind,
        index: 1013,
        epoch: 3,
        op_count,
        time_us: 1_700_000_000_000_000,
        history_before: *b"history 16 bytes",
    };
    let mut out = Vec::new();
    push_frame(&mut out, SALT, &envelope, &entry, payload);
    out
}

/// The record of an epoch.
pub fn fence_record() -> FenceRecord {
    FenceRecord {
        epoch: 3,
        node: *b"file id 16 bytes",
        incarnation: *b"incarnation 16 b",
        previous_index: 1012,
        previous_history: *b"history 16 bytes",
        time_us: 1_700_000_000_000_000,
        lost: Some((1013, 1020)),
        name: "host b".into(),
        reason: "host a burnt".into(),
    }
}

pub fn commit_frame(ops: &[Op<'_>]) -> Vec<u8> {
    let mut payload = Vec::new();
    ops.iter().for_each(|op| op.encode(&mut payload));
    frame(EntryKind::Commit, &payload, ops.len() as u32)
}

pub type Entries = Vec<(Vec<u8>, Stored)>;

/// A value as it goes into a leaf, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    Inline(Vec<u8>),
    Overflow(OverflowRef),
}

impl Stored {
    pub fn as_ref(&self) -> StoredValue<'_> {
        match self {
            Stored::Inline(bytes) => StoredValue::Inline(bytes),
            Stored::Overflow(reference) => StoredValue::Overflow(*reference),
        }
    }
}

/// Pushes entries until one does not fit; gives the page and how many it holds.
pub fn leaf(page_size: usize, page_id: u32, entries: &Entries) -> (Vec<u8>, usize) {
    let mut builder = LeafBuilder::new(page_size);
    for (key, value) in entries {
        if !builder.push(key, &value.as_ref()) {
            break;
        }
    }
    let mut out = Vec::new();
    builder.write(&mut out, page_id, 7);
    (out, builder.count())
}

pub fn inline_entries() -> Entries {
    let entry = |key: &str, value: &[u8]| {
        let key = FullKey::new(1, key.as_bytes()).to_vec();
        (key, Stored::Inline(value.to_vec()))
    };
    vec![
        entry("a", b""),
        entry("apple", b"green"),
        entry("apricot", &[0, 1, 254, 255]),
        entry("b\\\"", &[b'v'; 200]),
    ]
}

pub fn overflow_entries() -> Entries {
    let reference = OverflowRef {
        page: 0x0102_0304,
        stored_len: 5_000_000,
        crc: 0x8182_8384,
    };
    let mut entries = inline_entries();
    entries[2].1 = Stored::Overflow(reference);
    entries
}

pub fn long_prefix_entries(page_size: usize) -> Entries {
    let long = vec![b'p'; max_key_len(page_size) - 1];
    let key = |last: u8| FullKey::new(7, &[&long[..], &[last]].concat()).to_vec();
    let mut entries = vec![(FullKey::new(7, &long).to_vec(), Stored::Inline(vec![1]))];
    entries.extend((b'0'..=b'9').map(|last| (key(last), Stored::Inline(vec![last]))));
    entries
}

/// Pushes children until one does not fit; gives the page and how many it holds.
pub fn branch(
    page_size: usize,
    page_id: u32,
    children: &[(Vec<u8>, ChildRef)],
) -> (Vec<u8>, usize) {
    let mut builder = BranchBuilder::new(page_size);
    for (separator, child) in children {
        if !builder.push(separator, *child) {
            break;
        }
    }
    let mut out = Vec::new();
    builder.write(&mut out, page_id, 7, 1);
    (out, builder.count())
}

pub fn children() -> Vec<(Vec<u8>, ChildRef)> {
    let child = |n: u32, key: &str| {
        let child = ChildRef {
            page: 100 + n,
            crc: 0x9192_9390 + n,
            entries: 10_u64.pow(n),
        };
        (FullKey::new(1, key.as_bytes()).to_vec(), child)
    };
    vec![
        child(0, ""),
        child(1, "go"),
        child(2, "gone"),
        child(3, "gx"),
    ]
}

/// An extent with its reference.
pub fn overflow(page_size: usize, page_id: u32, value: &[u8]) -> (Vec<u8>, OverflowRef) {
    let reference = OverflowRef {
        page: page_id,
        stored_len: value.len() as u32,
        crc: crc(value),
    };
    let mut extent = overflow_header(page_id, 7).to_vec();
    extent.extend_from_slice(value);
    extent.resize(
        overflow_pages(value.len() as u64, page_size) as usize * page_size,
        0,
    );
    (extent, reference)
}

pub fn free_extents() -> Vec<FreeExtent> {
    let extent = |freed_gen, start, pages| FreeExtent {
        freed_gen,
        start,
        pages,
    };
    vec![
        extent(0, 600, 1),
        extent(0, 700, 0x0102_0304),
        extent(6, 650, 2),
        extent(7, 640, 3),
    ]
}

pub fn free_page(page_size: usize, page_id: u32, records: &[FreeExtent]) -> Vec<u8> {
    let mut out = Vec::new();
    let records = &records[..records.len().min(records_per_page(page_size))];
    write_free_page(
        &mut out,
        page_size,
        page_id,
        7,
        (1234, 0xa1a2_a3a4),
        records,
    );
    out
}

/// Sorted, distinct full keys that share prefixes now and then.
pub fn random_keys(rng: &mut Rng, count: usize, max_len: usize) -> Vec<Vec<u8>> {
    let stem_len = rng.below(max_len / 2);
    let stem = rng.bytes(stem_len);
    let keyspace = rng.below(3) as u32;
    let longest = 1 + rng.below(max_len - stem_len);
    let mut keys: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let tail_len = 1 + rng.below(longest);
            let mut tail = rng.bytes(tail_len);
            if rng.below(2) == 0 {
                tail.iter_mut().for_each(|b| *b &= 1);
            }
            FullKey::new(keyspace, &[&stem[..], &tail].concat()).to_vec()
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

pub fn random_entries(rng: &mut Rng, page_size: usize) -> Entries {
    let count = 1 + rng.below(80);
    random_keys(rng, count, max_key_len(page_size))
        .into_iter()
        .map(|key| {
            let len = rng.below(page_size / 3);
            let stored = if needs_overflow(page_size, key.len(), len as u64) {
                Stored::Overflow(OverflowRef {
                    page: rng.next() as u32,
                    stored_len: len as u32,
                    crc: rng.next() as u32,
                })
            } else {
                Stored::Inline(rng.bytes(len))
            };
            (key, stored)
        })
        .collect()
}

pub fn random_children(rng: &mut Rng, page_size: usize) -> Vec<(Vec<u8>, ChildRef)> {
    let count = 2 + rng.below(80);
    random_keys(rng, count, max_key_len(page_size))
        .into_iter()
        .map(|key| {
            let child = ChildRef {
                page: rng.next() as u32,
                crc: rng.next() as u32,
                entries: rng.number(),
            };
            (key, child)
        })
        .collect()
}

/// The pages of this file, each with its id: what the page decoders are tried on.
pub fn pages(page_size: usize) -> Vec<(&'static str, u32, Vec<u8>)> {
    vec![
        (
            "leaf-inline",
            520,
            leaf(page_size, 520, &inline_entries()).0,
        ),
        (
            "leaf-overflow",
            521,
            leaf(page_size, 521, &overflow_entries()).0,
        ),
        (
            "leaf-long-prefix",
            522,
            leaf(page_size, 522, &long_prefix_entries(page_size)).0,
        ),
        ("branch", 523, branch(page_size, 523, &children()).0),
        (
            "overflow",
            524,
            overflow(page_size, 524, b"a large value, in spirit").0,
        ),
        ("free-list", 525, free_page(page_size, 525, &free_extents())),
    ]
}

/// Puts the right checksum on a page again, whatever its kind byte says.
pub fn reseal(bytes: &mut [u8]) {
    let kind = if bytes[16] == 3 {
        page::PageKind::Overflow
    } else {
        page::PageKind::Leaf
    };
    page::seal(bytes, kind);
}
