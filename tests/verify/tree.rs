//! T1 to T13, broken one by one.

use creel::Invariant;
use creel::format::branch::Branch;
use creel::format::leaf::{Leaf, LeafBuilder, StoredValue};
use creel::format::overflow::OverflowRef;

use crate::breaker::Breaker;
use crate::expect_damage;
use crate::files::{TestFile, rich};

/// Entries of a leaf with their full keys.
fn entries(page: &[u8]) -> Vec<(Vec<u8>, StoredValue<'_>)> {
    let leaf = Leaf::new(page).unwrap();
    let cell = |i| leaf.cell(i).unwrap();
    (0..leaf.count())
        .map(|i| ([leaf.prefix(), cell(i).suffix].concat(), cell(i).value))
        .collect()
}

type Entry = (Vec<u8>, StoredValue<'static>);

/// Builds a leaf anew from changed entries, with the same place and generation.
fn rebuild(b: &mut Breaker, leaf: u32, edit: impl FnOnce(&mut Vec<Entry>)) {
    let old: &'static [u8] = Box::leak(b.page(leaf).to_vec().into_boxed_slice());
    let mut list: Vec<Entry> = entries(old);
    edit(&mut list);
    let generation = u64::from_le_bytes(old[8..16].try_into().unwrap());
    let mut builder = LeafBuilder::new(old.len());
    for (key, value) in &list {
        assert!(builder.push(key, value));
    }
    let mut page = Vec::new();
    builder.write(&mut page, leaf, generation);
    b.edit_page(leaf, |p| p.copy_from_slice(&page));
}

/// The leaf that holds an entry with a large value, the entry's position, and the reference.
fn large(b: &Breaker) -> (u32, usize, OverflowRef) {
    for (id, level) in b.tree_pages() {
        if level != 0 {
            continue;
        }
        for (i, (_, value)) in entries(b.page(id)).iter().enumerate() {
            if let StoredValue::Overflow(reference) = value
                && reference.stored_len > 20_000
            {
                return (id, i, *reference);
            }
        }
    }
    panic!("no large value");
}

fn broken(edit: impl FnOnce(&mut Breaker)) -> TestFile {
    let file = rich();
    let mut b = Breaker::new(&file);
    edit(&mut b);
    b.save();
    file
}

#[test]
fn t1_keys_that_do_not_rise() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        let cell = |b: &Breaker, i: usize| {
            let page = b.page(leaf);
            let at = page.len() - 2 * (i + 1);
            usize::from(u16::from_le_bytes([page[at], page[at + 1]]))
        };
        let (two, three) = (cell(b, 2), cell(b, 3));
        let len = three - two; // all cells here are equally long
        b.edit_page(leaf, |p| {
            let (x, y) = (p[two..two + len].to_vec(), p[three..three + len].to_vec());
            p[two..two + len].copy_from_slice(&y);
            p[three..three + len].copy_from_slice(&x);
        });
    });
    expect_damage(&file.path, Invariant::T1);
}

#[test]
fn t1_separators_that_do_not_rise() {
    let file = broken(|b| {
        let branch = b.some_branch(1);
        let (first, second) = {
            let page = b.page(branch);
            let at = |i: usize| {
                let at = page.len() - 2 * (i + 1);
                usize::from(u16::from_le_bytes([page[at], page[at + 1]]))
            };
            (at(5), at(6))
        };
        b.edit_page(branch, |p| {
            // The last byte of a separator is the last of its cell.
            p[first + (second - first) - 1] = 0xff;
        });
    });
    let report = crate::check(&file.path, creel::Depth::Full);
    let found = crate::ids(&report);
    assert!(
        found.contains(&Invariant::T1) || found.contains(&Invariant::T2),
        "{report:#?}"
    );
}

#[test]
fn t2_a_key_outside_its_page() {
    for last in [false, true] {
        let file = broken(|b| {
            let leaf = b.some_leaf();
            rebuild(b, leaf, |list| {
                let at = if last { list.len() - 1 } else { 0 };
                let byte = if last { b'~' } else { b'!' };
                list[at].0[8] = byte; // the first digit of "key/000000"
                // The keys share less now: make room.
                list.iter_mut()
                    .for_each(|(_, value)| *value = StoredValue::Inline(b""));
            });
        });
        expect_damage(&file.path, Invariant::T2);
    }
}

#[test]
fn t3_a_prefix_that_is_no_prefix() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        b.edit_page(leaf, |p| p[20..22].copy_from_slice(&3900u16.to_le_bytes()));
    });
    expect_damage(&file.path, Invariant::T3);
}

#[test]
fn t4_leaves_at_different_depths() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        // A branch stands where the leaves are.
        b.edit_page(leaf, |p| (p[16], p[17]) = (2, 1));
    });
    expect_damage(&file.path, Invariant::T4);
    let file = broken(|b| {
        let branch = b.some_branch(1);
        b.edit_page(branch, |p| (p[16], p[17]) = (1, 0));
    });
    expect_damage(&file.path, Invariant::T4);
}

#[test]
fn t5_a_leaf_without_entries() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        b.edit_page(leaf, |p| {
            let generation = p[8..16].to_vec();
            p[18..].fill(0);
            p[22] = 32;
            p[8..16].copy_from_slice(&generation);
        });
    });
    expect_damage(&file.path, Invariant::T5);
}

#[test]
fn t5_a_branch_with_one_child() {
    let file = broken(|b| {
        let branch = b.some_branch(1);
        b.edit_page(branch, |p| p[18..20].copy_from_slice(&1u16.to_le_bytes()));
    });
    expect_damage(&file.path, Invariant::T5);
}

#[test]
fn t6_a_branch_that_miscounts() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        let (parent, cell) = b.parent(leaf).unwrap();
        b.edit_page(parent, |p| p[cell + 8] ^= 1);
    });
    expect_damage(&file.path, Invariant::T6);
}

#[test]
fn t6_a_header_that_miscounts() {
    let file = broken(|b| b.edit_header(|h| h.entry_count += 1));
    expect_damage(&file.path, Invariant::T6);
}

#[test]
fn t7_a_key_that_is_empty_or_too_long() {
    let file = broken(|b| {
        let leaf = b.tree_pages().into_iter().rfind(|p| p.1 == 0).unwrap().0;
        rebuild(b, leaf, |list| {
            let last = list.len() - 1;
            list[last].0.resize(1200, b'x');
            list[last].1 = StoredValue::Inline(b"");
            list.drain(..last);
        });
        let (parent, cell) = b.parent(leaf).unwrap();
        b.edit_page(parent, |p| p[cell + 8] = 1);
    });
    expect_damage(&file.path, Invariant::T7);
}

#[test]
fn t8_an_unknown_cell_flag() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        let at = usize::from(u16::from_le_bytes([b.page(leaf)[4094], b.page(leaf)[4095]]));
        b.edit_page(leaf, |p| p[at] = 2);
    });
    expect_damage(&file.path, Invariant::T8);
}

#[test]
fn t9_a_large_value_of_the_wrong_kind() {
    let file = broken(|b| {
        let (_, _, reference) = large(b);
        let page = b.page_mut(reference.page);
        page[16] = 4;
        creel::format::page::seal(page, creel::format::page::PageKind::FreeList);
    });
    expect_damage(&file.path, Invariant::T9);
}

#[test]
fn t9_two_entries_with_one_large_value() {
    let file = broken(|b| {
        let (leaf, at, reference) = large(b);
        rebuild(b, leaf, |list| {
            let other = list.iter().position(
                |(_, v)| matches!(v, StoredValue::Overflow(r) if r.page != reference.page),
            );
            assert_ne!(other, Some(at));
            list[other.unwrap()].1 = StoredValue::Overflow(reference);
        });
    });
    expect_damage(&file.path, Invariant::T9);
}

#[test]
fn t9_bytes_after_a_large_value() {
    let file = broken(|b| {
        let (_, _, reference) = large(b);
        let end = reference.page as usize * 4096 + 32 + reference.stored_len as usize;
        b.bytes[end] = 1;
    });
    expect_damage(&file.path, Invariant::T9);
}

#[test]
fn t10_a_flipped_bit_in_a_large_value() {
    let file = broken(|b| {
        let (_, _, reference) = large(b);
        b.bytes[reference.page as usize * 4096 + 9000] ^= 1;
    });
    let report = expect_damage(&file.path, Invariant::T10);
    let finding = report
        .findings
        .iter()
        .find(|f| f.id == Invariant::T10)
        .unwrap();
    assert!(finding.key_from.as_ref().unwrap().starts_with(b"large/"));
    assert_eq!(finding.records_unreachable, Some(1));
    // A full check sees it too: it reads every byte that can be an answer.
    assert_eq!(
        crate::check(&file.path, creel::Depth::Full).verdict,
        creel::Verdict::Damaged
    );
}

#[test]
fn t11_a_content_sum_or_size_that_is_wrong() {
    let file = broken(|b| b.edit_header(|h| h.content_sum ^= 1));
    expect_damage(&file.path, Invariant::T11);
    let file = broken(|b| b.edit_header(|h| h.logical_bytes += 1));
    expect_damage(&file.path, Invariant::T11);
}

#[test]
fn t12_entries_of_a_keyspace_that_does_not_exist() {
    let file = broken(|b| {
        let leaf = b.tree_pages().into_iter().rfind(|p| p.1 == 0).unwrap().0;
        rebuild(b, leaf, |list| {
            let last = list.len() - 1;
            list[last].0[3] = 77;
        });
    });
    expect_damage(&file.path, Invariant::T12);
}

#[test]
fn t12_a_malformed_import_position() {
    let file = broken(|b| {
        let leaf = b.tree_pages().into_iter().find(|p| p.1 == 0).unwrap().0;
        rebuild(b, leaf, |list| {
            // In the place of the last id given, which nobody has to have.
            let last_id = list
                .iter()
                .position(|e| e.0[..6] == *b"\0\0\0\0\x10n")
                .unwrap();
            list.remove(last_id);
            list.insert(
                0,
                (b"\0\0\0\0\x10i".to_vec(), StoredValue::Inline(b"no id")),
            );
        });
    });
    expect_damage(&file.path, Invariant::T12);
}

#[test]
fn t13_an_expiry_where_nothing_expires() {
    let file = broken(|b| {
        let leaf = b.some_leaf();
        b.edit_page(leaf, |p| p[24] = 1);
    });
    expect_damage(&file.path, Invariant::T13);
}

#[test]
fn a_branch_of_the_file_decodes() {
    let file = rich();
    let b = Breaker::new(&file);
    assert!(
        b.header().root_height >= 3,
        "the tests above need three levels"
    );
    assert!(Branch::new(b.page(b.some_branch(1))).is_some());
}
