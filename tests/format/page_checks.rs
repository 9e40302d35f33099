//! What the check of a page says where one thing about it is wrong and its checksum fits.

use creel::Invariant;
use creel::format::PAGE_HEADER_SIZE;
use creel::format::branch::Branch;
use creel::format::bytes::push_varint;
use creel::format::freelist::{FreeExtent, read_free_page, records_per_page};
use creel::format::leaf::Leaf;
use creel::format::page::{PageHeader, PageKind};

use crate::samples;

const SIZE: usize = 4096;

/// A prefix, and what follows it in each separator.
type Separators<'a> = (&'a [u8], &'a [&'a [u8]]);

/// An invariant and the place in the page.
type Told = Option<(Invariant, Option<u64>)>;

/// A page with these cells behind the prefix, and where each of them begins.
fn page(kind: PageKind, prefix: &[u8], heads: &[u8], cells: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let mut page = vec![0; PAGE_HEADER_SIZE];
    page.extend_from_slice(prefix);
    let mut starts = Vec::new();
    for cell in cells {
        starts.push(page.len());
        page.extend_from_slice(cell);
    }
    let header = PageHeader {
        crc: 0,
        page_id: 7,
        generation: 1,
        kind,
        level: u8::from(kind == PageKind::Branch),
        cell_count: cells.len() as u16,
        prefix_len: prefix.len() as u16,
        cells_end: page.len() as u16,
    };
    page.resize(SIZE, 0);
    page[..PAGE_HEADER_SIZE].copy_from_slice(&header.encode());
    let slots = SIZE - 2 * cells.len();
    page[slots - heads.len()..slots].copy_from_slice(heads);
    for (i, start) in starts.iter().enumerate() {
        let at = SIZE - 2 * (i + 1);
        page[at..at + 2].copy_from_slice(&(*start as u16).to_le_bytes());
    }
    (page, starts)
}

/// Moves the end of the cells that the header names.
fn move_end(page: &mut [u8], by: i16) -> usize {
    let end = u16::from_le_bytes([page[22], page[23]]);
    let moved = end.wrapping_add_signed(by);
    page[22..24].copy_from_slice(&moved.to_le_bytes());
    usize::from(end)
}

fn branch_cell(separator: &[u8]) -> Vec<u8> {
    let mut cell = vec![9, 0, 0, 0, 1, 2, 3, 4];
    push_varint(&mut cell, 300);
    push_varint(&mut cell, separator.len() as u64);
    cell.extend_from_slice(separator);
    cell
}

fn branch(prefix: &[u8], separators: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
    let cells: Vec<Vec<u8>> = separators.iter().map(|s| branch_cell(s)).collect();
    page(PageKind::Branch, prefix, &[], &cells)
}

fn branch_told(page: &[u8]) -> Told {
    let told = Branch::new(page).unwrap().check();
    told.err().map(|damage| (damage.id, damage.offset))
}

#[test]
fn separators_rise_behind_the_first_which_is_empty() {
    let whole: [Separators<'_>; 4] = [
        (b"", &[b"", b"a"]),
        (b"", &[b"", b"a", b"ab", b"b"]),
        // The first one that counts may be the prefix itself.
        (b"x", &[b"", b"", b"a"]),
        (b"x", &[b"", b"\0", b"a"]),
    ];
    for (prefix, separators) in whole {
        let told = branch_told(&branch(prefix, separators).0);
        assert_eq!(told, None, "{separators:?}");
    }
    // What is wrong, and with which cell.
    let wrong: [(usize, Separators<'_>); 6] = [
        (2, (b"", &[b"", b"b", b"b"])),
        (2, (b"", &[b"", b"b", b"a"])),
        (3, (b"", &[b"", b"a", b"c", b"b", b"d"])),
        (2, (b"x", &[b"", b"", b""])),
        (2, (b"x", &[b"", b"b", b""])),
        // Nothing comes before the second child.
        (1, (b"", &[b"", b"", b"a"])),
    ];
    for (cell, (prefix, separators)) in wrong {
        let (page, starts) = branch(prefix, separators);
        let expected = (Invariant::T1, Some(starts[cell] as u64));
        assert_eq!(branch_told(&page), Some(expected), "{separators:?}");
    }
    let (page, starts) = branch(b"", &[b"a", b"b"]);
    let expected = (Invariant::P7, Some(starts[0] as u64));
    assert_eq!(branch_told(&page), Some(expected));
    let (page, _) = branch(b"", &[b""]);
    assert_eq!(branch_told(&page), Some((Invariant::T5, Some(18))));
}

#[test]
fn the_cells_of_a_branch_follow_each_other_up_to_their_end() {
    let (whole, starts) = branch(b"k", &[b"", b"a", b"b"]);
    let slots = SIZE - 2 * 3;
    // A slot that points elsewhere.
    for i in 0..3 {
        let mut page = whole.clone();
        page[SIZE - 2 * (i + 1)] ^= 1;
        let expected = (Invariant::P7, Some(slots as u64));
        assert_eq!(branch_told(&page), Some(expected), "slot {i}");
    }
    let mut page = whole.clone();
    let end = move_end(&mut page, 1);
    assert_eq!(branch_told(&page), Some((Invariant::P7, Some(end as u64))));
    let mut page = whole.clone();
    move_end(&mut page, -1);
    let last = (Invariant::P7, Some(starts[2] as u64));
    assert_eq!(branch_told(&page), Some(last));
    for at in [end, slots - 1] {
        let mut page = whole.clone();
        page[at] = 1;
        assert_eq!(branch_told(&page), Some((Invariant::P7, Some(end as u64))));
    }
}

/// The longest last separator leaves no room between the cells and the slots, a longer one stands
/// where the slots are.
#[test]
fn the_cells_of_a_branch_may_reach_the_slots_and_no_further() {
    let (page, starts) = branch(b"", &[b"", b"a"]);
    let cell = branch_cell(&[b'b'; 200]).len() - 200;
    let room = SIZE - 2 * 3 - (starts[1] + branch_cell(b"a").len());
    assert_eq!(page.len(), SIZE);
    let reaching = |len: usize| {
        let separator = vec![b'b'; len];
        branch_told(&branch(b"", &[b"", b"a", &separator]).0)
    };
    assert_eq!(reaching(room - cell), None);
    assert_eq!(reaching(room - cell - 1), None);
    for more in [1, 2] {
        let end = (SIZE - 2 * 3 + more) as u64;
        let expected = (Invariant::P7, Some(end));
        assert_eq!(reaching(room - cell + more), Some(expected));
    }
}

fn leaf_cell(flags: u64, suffix: &[u8], value: &[u8]) -> Vec<u8> {
    let mut cell = Vec::new();
    push_varint(&mut cell, (suffix.len() as u64) << 2 | flags);
    cell.extend_from_slice(suffix);
    cell.extend_from_slice(value);
    cell
}

fn leaf(cells: &[Vec<u8>], heads: &[u8]) -> (Vec<u8>, Vec<usize>) {
    page(PageKind::Leaf, b"\0\0\0\x01", heads, cells)
}

fn leaf_told(page: &[u8]) -> Told {
    let told = Leaf::new(page).unwrap().check();
    told.err().map(|damage| (damage.id, damage.offset))
}

/// Only what says so of itself is a cell of a later version.
#[test]
fn a_cell_that_does_not_decode_is_damage_or_newer() {
    let (a, c) = (leaf_cell(0, b"a", b"v"), leaf_cell(0, b"c", b"v"));
    let told = |cell: Vec<u8>| {
        let (page, starts) = leaf(&[a.clone(), cell, c.clone()], b"abc");
        assert_eq!(starts.len(), 3);
        leaf_told(&page).map(|(id, at)| (id, at == Some(starts[1] as u64)))
    };
    assert_eq!(told(leaf_cell(0, b"b", b"")), None);
    // A reference to a large value has 16 bytes, the last four of which are zero.
    assert_eq!(told(leaf_cell(1, b"b", &[0; 16])), None);
    for len in [0, 15, 17] {
        let damage = told(leaf_cell(1, b"b", &vec![0; len]));
        assert_eq!(damage, Some((Invariant::P7, true)), "{len}");
    }
    let damage = told(leaf_cell(1, b"b", &[1; 16]));
    assert_eq!(damage, Some((Invariant::P7, true)));
    for flags in [2, 3] {
        let newer = told(leaf_cell(flags, b"b", &[0; 16]));
        assert_eq!(newer, Some((Invariant::T8, true)), "{flags}");
    }
    // A key that is longer than its cell.
    for flags in [0, 1] {
        let mut cell = leaf_cell(flags, b"bbbbbb", b"");
        cell.truncate(4);
        assert_eq!(told(cell), Some((Invariant::P7, true)), "{flags}");
    }
}

#[test]
fn keys_of_a_leaf_rise_and_its_slots_and_heads_are_theirs() {
    let cells = |keys: [&[u8]; 3]| keys.map(|key| leaf_cell(0, key, b"value"));
    assert_eq!(
        leaf_told(&leaf(&cells([b"", b"b", b"bb"]), b"\0bb").0),
        None
    );
    for keys in [[b"a", b"c", b"b"], [b"a", b"b", b"b"]] {
        let heads = keys.map(|key| key[0]);
        let (page, starts) = leaf(&cells([keys[0], keys[1], keys[2]]), &heads);
        let expected = (Invariant::T1, Some(starts[2] as u64));
        assert_eq!(leaf_told(&page), Some(expected));
    }
    let (page, _) = leaf(&cells([b"a", b"b", b"c"]), b"abd");
    let head = (SIZE - 2 * 3 - 1) as u64;
    assert_eq!(leaf_told(&page), Some((Invariant::P7, Some(head))));
    let (mut page, _) = leaf(&cells([b"a", b"b", b"c"]), b"abc");
    page[SIZE - 2] += 1;
    let slot = (SIZE - 2) as u64;
    assert_eq!(leaf_told(&page), Some((Invariant::P7, Some(slot))));
    let (page, _) = leaf(&[], &[]);
    assert_eq!(leaf_told(&page), Some((Invariant::T5, Some(18))));
}

#[test]
fn the_cells_of_a_leaf_may_reach_the_heads_and_no_further() {
    let heads = SIZE - 3 * 2;
    let reaching = |end: usize| {
        let first = leaf_cell(0, b"a", b"v");
        let used = PAGE_HEADER_SIZE + 4 + first.len() + 2;
        let last = leaf_cell(0, b"b", &vec![b'v'; end - used]);
        leaf_told(&leaf(&[first, last], b"ab").0)
    };
    assert_eq!(reaching(heads), None);
    assert_eq!(reaching(heads - 1), None);
    for more in [1, 2, 3] {
        let end = (heads + more) as u64;
        assert_eq!(reaching(heads + more), Some((Invariant::P7, Some(end))));
    }
    let (mut page, _) = leaf(&[leaf_cell(0, b"a", b"v")], b"a");
    let end = move_end(&mut page, 0);
    page[end] = 1;
    assert_eq!(leaf_told(&page), Some((Invariant::P7, Some(end as u64))));
}

/// Damage ends the search; it does not lead it elsewhere.
#[test]
fn a_cell_that_does_not_decode_is_not_shown() {
    let (page, _) = leaf(
        &[leaf_cell(1, b"a", &[0; 17]), leaf_cell(0, b"b", b"")],
        b"ab",
    );
    let leaf = Leaf::new(&page).unwrap();
    assert_eq!(leaf.cell(0), None);
    assert_eq!(leaf.cell_and_len(0), None);
    assert!(leaf.cell(1).unwrap().value.is_empty());
    assert_eq!(leaf.cell(2), None);
}

#[test]
fn a_page_of_the_free_list_is_nothing_else_and_holds_what_it_says() {
    let extent = |i: usize| FreeExtent {
        freed_gen: 3,
        start: 10 + 2 * i as u32,
        pages: 1,
    };
    let most = records_per_page(SIZE);
    for count in [0, 1, most] {
        let records: Vec<FreeExtent> = (0..count).map(extent).collect();
        let page = samples::free_page(SIZE, 9, &records);
        let (next, read) = read_free_page(&page).unwrap();
        assert_eq!(next, (1234, 0xa1a2_a3a4));
        assert_eq!(read, records);
    }
    let whole = samples::free_page(SIZE, 9, &[extent(0), extent(1)]);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut page = whole.clone();
        change(&mut page);
        let damage = read_free_page(&page).unwrap_err();
        assert_eq!(damage.id, Invariant::S5);
        damage.offset
    };
    // Kind, level, count, length of a prefix, end of the cells: each by itself.
    assert_eq!(refused(&|page| page[16] = 1), None);
    assert_eq!(refused(&|page| page[17] = 1), None);
    assert_eq!(refused(&|page| page[18] = 1), None);
    assert_eq!(refused(&|page| page[18] = 3), None);
    assert_eq!(refused(&|page| page[20] = 1), None);
    assert_eq!(refused(&|page| page[22] ^= 1), None);
    assert_eq!(refused(&|page| page[SIZE - 1] = 1), Some(40 + 2 * 16));
    // More than a page can hold, and an end that fits that.
    let too_many = |page: &mut Vec<u8>| {
        let count = most + 1;
        page[18..20].copy_from_slice(&(count as u16).to_le_bytes());
        page[22..24].copy_from_slice(&((40 + 16 * count) as u16).to_le_bytes());
    };
    assert_eq!(refused(&too_many), None);
}
