//! What is encoded decodes to the same, for random structures.

use creel::format::PAGE_HEADER_SIZE;
use creel::format::branch::{Branch, separator};
use creel::format::frame::{EntryHeader, EntryKind, Envelope, FrameHeader, push_frame};
use creel::format::freelist::{FreeExtent, read_free_page, records_per_page};
use creel::format::header::{Header, RegionSlot, Role, SlotState, first_page};
use creel::format::leaf::{Leaf, LeafBuilder, StoredValue};
use creel::format::op::{Op, Ops};
use creel::format::overflow::check_extent;
use creel::format::page::check_page;
use creel::format::region::RegionHeader;

use crate::rng::{Rng, cases};
use crate::samples;

pub fn random_header(rng: &mut Rng) -> Header {
    let page_shift = 12 + rng.below(5) as u8;
    let first = first_page(1 << page_shift);
    let page_count = first + 2 + (rng.next() as u32 >> 8);
    let region = |rng: &mut Rng, start_page, pages, parity| RegionSlot {
        start_page,
        pages,
        region_seq: (rng.number() & !1 | 2) + parity,
        first_index: rng.number(),
        zero_filled: rng.below(2) == 0,
        base_pages: rng.next() as u32,
    };
    let middle = first + 1 + (page_count - first - 2) / 2;
    let regions = [
        region(rng, first, middle - first, 0),
        region(rng, middle, page_count - middle, 1),
    ];
    let empty = rng.below(4) == 0;
    let tree = |value: u64| if empty { 0 } else { value };
    let role = [Role::Standalone, Role::Primary, Role::Replica][rng.below(3)];
    Header {
        page_shift,
        compat: rng.number() as u32,
        ro_compat: rng.number() as u32,
        incompat: 0,
        lineage_id: rng.id(),
        file_id: rng.id(),
        generation: rng.number().max(1),
        checkpoint_index: rng.number(),
        history: rng.id(),
        checkpoint_time_ms: rng.number(),
        entry_count: tree(rng.number()),
        logical_bytes: tree(rng.number()),
        content_sum: tree(rng.number()),
        root_page: tree(u64::from(page_count) - 1) as u32,
        root_crc: rng.next() as u32,
        root_height: tree(1 + rng.below(16) as u64) as u8,
        page_count,
        free_head: [0, first][rng.below(2)],
        free_head_crc: rng.next() as u32,
        free_available: rng.number() as u32,
        free_pending: rng.number() as u32,
        prev_header_crc: rng.next() as u32,
        regions,
        epoch: 1 + rng.below(1000) as u32,
        role,
        fenced: rng.below(2) == 0,
        epoch_start_index: rng.number(),
        fence_epoch: 1001,
        upstream_file_id: rng.id(),
        archive_first_index: rng.number(),
        created_time_ms: rng.number(),
        trees_from: rng.number(),
    }
}

#[test]
fn headers() {
    cases("headers", 5000, |rng| {
        let header = random_header(rng);
        let bytes = header.encode();
        let sum = header.crc();
        let expected = SlotState::Valid(Box::new(header.clone()), sum);
        assert_eq!(Header::decode(&bytes, header.slot()), expected);
        let other = Header::decode(&bytes, 1 - header.slot());
        assert!(matches!(other, SlotState::Damaged(_)), "{other:?}");
    });
}

#[test]
fn a_larger_minor_version_is_read() {
    let header = samples::new_header(12);
    let mut bytes = header.encode();
    bytes[10] = 9;
    let sum = creel::format::checksum::crc(&bytes[..508]);
    bytes[508..].copy_from_slice(&sum.to_le_bytes());
    let expected = SlotState::Valid(Box::new(header), sum);
    assert_eq!(Header::decode(&bytes, 1), expected);
}

#[test]
fn unknown_features_are_told_apart_from_damage() {
    for (at, value) in [(8, 2), (24, 1), (27, 0x80)] {
        let mut bytes = samples::new_header(12).encode();
        bytes[at] = value;
        bytes[236] = 9; // a role that only that feature knows
        let sum = creel::format::checksum::crc(&bytes[..508]);
        bytes[508..].copy_from_slice(&sum.to_le_bytes());
        let state = Header::decode(&bytes, 1);
        assert!(matches!(state, SlotState::Unsupported(_)), "{state:?}");
    }
}

#[test]
fn region_headers() {
    cases("region headers", 5000, |rng| {
        let header = RegionHeader {
            salt: rng.next(),
            region_seq: rng.number().max(1),
            first_index: rng.number(),
            history: rng.id(),
            epoch: rng.next() as u32,
            prev_end_units: rng.next() as u32,
            prev_crc: rng.next() as u32,
            durable_gen: rng.next() as u32,
            file_id_low: rng.next() as u32,
        };
        assert_eq!(RegionHeader::decode(&header.encode()), Some(header));
    });
}

pub fn random_entry(rng: &mut Rng, payload_len: u32, op_count: u32) -> EntryHeader {
    use EntryKind::*;
    EntryHeader {
        payload_len,
        kind: [Commit, Fence, Attest, Bulk, Note][rng.below(5)],
        index: rng.number(),
        epoch: rng.next() as u32,
        op_count,
        time_us: rng.number(),
        history_before: rng.id(),
    }
}

#[test]
fn frames_and_operations() {
    cases("frames", 5000, |rng| {
        let count = rng.below(6);
        let texts: Vec<(u32, Vec<u8>, Vec<u8>)> = (0..count)
            .map(|_| {
                let (a, b) = (rng.below(200), rng.below(200));
                (rng.number() as u32, rng.bytes(a), rng.bytes(b))
            })
            .collect();
        let ops: Vec<Op<'_>> = texts
            .iter()
            .map(|(id, a, b)| match (*id, rng.below(5)) {
                (keyspace, 0) => Op::Put {
                    keyspace,
                    key: a,
                    value: b,
                },
                (keyspace, 1) => Op::Delete { keyspace, key: a },
                (keyspace, 2) => Op::DeleteRange {
                    keyspace,
                    from: a,
                    to: b,
                },
                (id, 3) => Op::CreateKeyspace { id, name: a },
                (id, _) => Op::DropKeyspace { id, name: a },
            })
            .collect();
        let mut payload = Vec::new();
        ops.iter().for_each(|op| op.encode(&mut payload));
        let entry = random_entry(rng, payload.len() as u32, count as u32);
        let envelope = Envelope {
            own_units: rng.next() as u32,
            synced_units: rng.next() as u32,
            durable_gen: rng.next() as u32,
            prev_crc: rng.next() as u32,
        };
        let (salt, before) = (rng.next(), rng.below(20));
        let mut out = rng.bytes(before);
        let header_crc = push_frame(&mut out, salt, &envelope, &entry, &payload);
        let frame = &out[before..];
        let header = FrameHeader::decode(frame, salt).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                envelope,
                entry,
                header_crc
            }
        );
        assert_eq!(header.frame_len(), frame.len() as u64);
        assert_eq!(frame.len() % 8, 0);
        assert_eq!(header.check_body(frame), Some(&payload[..]));
        assert_eq!(
            FrameHeader::decode(frame, salt ^ 1 << 63),
            None,
            "another incarnation"
        );
        let mut decoded = Ops::new(&payload, count as u32);
        for op in &ops {
            assert_eq!(decoded.next_op(), Ok(Some(*op)));
        }
        assert_eq!(decoded.next_op(), Ok(None));
    });
}

#[test]
fn leaves() {
    cases("leaves", 1500, |rng| {
        let page_size = 4096 << rng.below(5);
        let entries = samples::random_entries(rng, page_size);
        let page_id = rng.next() as u32;
        let (page, count) = samples::leaf(page_size, page_id, &entries);
        assert_eq!(page.len(), page_size);
        assert!(
            count >= entries.len().min(4),
            "a leaf holds four entries, not {count}"
        );
        check_page(&page, page_id).unwrap();
        let leaf = Leaf::new(&page).unwrap();
        leaf.check().unwrap();
        assert_eq!(leaf.count(), count);
        let mut builder = LeafBuilder::new(page_size);
        for (key, value) in entries.iter().take(count) {
            assert!(builder.push(key, &value.as_ref()));
        }
        assert_eq!(leaf.used() + PAGE_HEADER_SIZE, builder.used());
        for (i, (key, value)) in entries.iter().take(count).enumerate() {
            let cell = leaf.cell(i).unwrap();
            assert_eq!([leaf.prefix(), cell.suffix].concat(), *key);
            assert_eq!(cell.value, value.as_ref());
            let empty = cell.value == StoredValue::Inline(b"");
            assert_eq!(cell.value.is_empty(), empty);
            assert_eq!(leaf.search(key), Some(Ok(i)));
        }
        let keys: Vec<&Vec<u8>> = entries.iter().take(count).map(|(key, _)| key).collect();
        for probe in probes(rng, &keys) {
            assert_eq!(
                leaf.search(&probe),
                Some(keys.binary_search(&&probe)),
                "{probe:02x?}"
            );
        }
    });
}

/// Keys around those that are there.
fn probes(rng: &mut Rng, keys: &[&Vec<u8>]) -> Vec<Vec<u8>> {
    let mut probes = vec![Vec::new(), vec![255; 20]];
    for _ in 0..20 {
        let mut key = keys[rng.below(keys.len())].clone();
        match rng.below(3) {
            0 => key.push(0),
            1 => key.truncate(rng.below(key.len())),
            _ => {
                let at = rng.below(key.len());
                key[at] ^= 1 << rng.below(8);
            }
        }
        probes.push(key);
    }
    probes
}

#[test]
fn a_refused_entry_leaves_the_leaf_as_it_was() {
    cases("refused entry", 300, |rng| {
        let entries = samples::random_entries(rng, 4096);
        let mut builder = LeafBuilder::new(4096);
        let mut before = Vec::new();
        for (key, value) in &entries {
            builder.write(&mut before, 1, 1);
            let (used, count) = (builder.used(), builder.count());
            if !builder.push(key, &value.as_ref()) {
                let mut after = Vec::new();
                builder.write(&mut after, 1, 1);
                assert!(before == after && used == builder.used() && count == builder.count());
                return;
            }
        }
    });
}

#[test]
fn branches() {
    cases("branches", 1500, |rng| {
        let page_size = 4096 << rng.below(5);
        let children = samples::random_children(rng, page_size);
        let page_id = rng.next() as u32;
        let (page, count) = samples::branch(page_size, page_id, &children);
        if count < 2 {
            return; // all keys were the same
        }
        assert!(
            count >= children.len().min(4),
            "a branch holds four children, not {count}"
        );
        check_page(&page, page_id).unwrap();
        let branch = Branch::new(&page).unwrap();
        branch.check().unwrap();
        assert_eq!(branch.count(), count);
        for (i, (key, child)) in children.iter().take(count).enumerate() {
            assert_eq!(branch.child(i), Some(*child));
            let mut full = Vec::new();
            branch.separator(i, &mut full).unwrap();
            assert_eq!(full, if i == 0 { &[][..] } else { key });
            assert_eq!(branch.search(key), Some(i));
        }
        let keys: Vec<&Vec<u8>> = children.iter().take(count).map(|(key, _)| key).collect();
        for probe in probes(rng, &keys) {
            let expected = keys[1..].partition_point(|key| **key <= probe);
            assert_eq!(branch.search(&probe), Some(expected), "{probe:02x?}");
        }
    });
}

#[test]
fn separators_are_the_shortest() {
    cases("separators", 5000, |rng| {
        let count = 2 + rng.below(10);
        for pair in samples::random_keys(rng, count, 40).windows(2) {
            let (left, right) = (&pair[0][..], &pair[1][..]);
            let s = separator(left, right);
            assert!(left < s && s <= right, "{left:02x?} {s:02x?} {right:02x?}");
            // The shortest separators of two keys are prefixes of the right one.
            assert!(
                right[..s.len() - 1] <= *left,
                "{left:02x?} {s:02x?} {right:02x?}"
            );
        }
    });
}

#[test]
fn free_lists() {
    cases("free lists", 500, |rng| {
        let page_size = 4096 << rng.below(5);
        let count = rng.below(records_per_page(page_size) + 1);
        let records: Vec<FreeExtent> = (0..count)
            .map(|_| FreeExtent {
                freed_gen: rng.number(),
                start: rng.next() as u32,
                pages: rng.next() as u32,
            })
            .collect();
        let page = samples::free_page(page_size, 9, &records);
        assert_eq!(page.len(), page_size);
        check_page(&page, 9).unwrap();
        assert_eq!(read_free_page(&page), Ok(((1234, 0xa1a2_a3a4), records)));
    });
}

#[test]
fn large_values() {
    cases("large values", 300, |rng| {
        let page_size = 4096 << rng.below(5);
        let len = rng.below(3 * page_size);
        let value = rng.bytes(len);
        let (extent, reference) = samples::overflow(page_size, 77, &value);
        assert_eq!(
            extent.len() / page_size,
            reference.pages(page_size) as usize
        );
        assert_eq!(check_extent(&extent, &reference), Ok(&value[..]));
    });
}

/// Whoever looks at a damaged page wants to know where.
#[test]
fn a_damaged_leaf_names_the_place() {
    cases("places in leaves", 300, |rng| {
        let entries = samples::random_entries(rng, 4096);
        let (page, count) = samples::leaf(4096, 7, &entries);
        let heads = 4096 - 3 * count;
        let i = rng.below(count);
        let refused = |page: &[u8]| Leaf::new(page).unwrap().check().unwrap_err();
        let mut head = page.clone();
        head[heads + i] ^= 1;
        let told = refused(&head);
        assert_eq!(told.offset, Some((heads + i) as u64), "{told:?}");
        let mut slot = page.clone();
        // The first: a later one is the end of the cell before it, too.
        slot[4094] ^= 1;
        let told = refused(&slot);
        assert_eq!(told.offset, Some(4094), "{told:?}");
        let end = Leaf::new(&page).unwrap().used() + PAGE_HEADER_SIZE;
        let free = heads.saturating_sub(end - 3 * count);
        if free > 0 {
            let mut tail = page.clone();
            tail[heads - 1] ^= 1;
            let told = refused(&tail);
            assert_eq!(told.offset, Some((heads - free) as u64), "{told:?}");
        }
    });
}
