//! Dump of a header slot.

use super::super::bytes::all_zero;
use super::super::checksum::crc;
use super::super::header::{Header, MAGIC, SlotState};
use super::super::{SLOT_OFFSETS, SLOT_SIZE};
use super::Dump;

/// Annotates the 512 bytes of header slot `slot` (0 = A, 1 = B).
pub fn header_slot(bytes: &[u8], slot: usize) -> String {
    let base = SLOT_OFFSETS.get(slot).copied().unwrap_or(0);
    let mut d = Dump::new(bytes.get(..SLOT_SIZE).unwrap_or(bytes), base);
    if bytes.len() < SLOT_SIZE {
        let what = format!("a slot has {SLOT_SIZE} bytes, here are {}", bytes.len());
        d.malformed(0, bytes.len(), what);
    } else if all_zero(d.bytes) {
        d.line(0, SLOT_SIZE, "blank slot: never written");
        return d.out;
    }
    identity(&mut d, slot);
    tree(&mut d);
    for (i, at) in [168, 200].into_iter().enumerate() {
        log_region(&mut d, i, at);
    }
    replication(&mut d);
    d.zero(296, 212);
    d.checksum(508, "header_crc", crc(d.range(0, SLOT_SIZE - 4)));
    verdict(&mut d, slot);
    d.out
}

fn identity(d: &mut Dump<'_>, slot: usize) {
    let magic = if d.range(0, 8) == MAGIC {
        ""
    } else {
        "malformed: not creel's"
    };
    let text = super::quoted(d.range(0, 8));
    d.field(0, 8, "magic", text, magic);
    d.number(8, 2, "format_major", "");
    d.number(10, 2, "format_minor", "information");
    let size = match d.int(12, 1) {
        shift @ 12..=16 => format!("pages of {} bytes", 1u32 << shift),
        _ => "malformed: 12 to 16".to_owned(),
    };
    d.number(12, 1, "page_shift", &size);
    let fits = d.int(13, 1) == slot as u64 && d.int(13, 1) == d.int(64, 8) & 1;
    let remark = if fits {
        ""
    } else {
        "malformed: not this slot or not the generation's"
    };
    d.number(13, 1, "slot", remark);
    let len = if d.int(14, 2) == SLOT_SIZE as u64 {
        ""
    } else {
        "malformed: 512 expected"
    };
    d.number(14, 2, "header_len", len);
    d.word(16, 4, "compat", "unknown bits are harmless");
    d.word(20, 4, "ro_compat", "unknown bits: read only");
    d.word(24, 4, "incompat", "unknown bits: refuse");
    d.number(28, 2, "page_reserved", "");
    d.zero(30, 2);
    d.id(32, 16, "lineage_id");
    d.id(48, 16, "file_id");
}

fn tree(d: &mut Dump<'_>) {
    d.number(64, 8, "generation", "");
    d.number(72, 8, "checkpoint_index", "last log entry in the tree");
    d.id(80, 16, "history");
    d.number(96, 8, "checkpoint_time_ms", "");
    d.number(104, 8, "entry_count", "");
    d.number(112, 8, "logical_bytes", "");
    d.word(120, 8, "content_sum", "");
    d.number(128, 4, "root_page", "0 = empty tree");
    d.word(132, 4, "root_crc", "");
    d.number(136, 1, "root_height", "levels");
    d.zero(137, 3);
    d.number(140, 4, "page_count", "");
    d.number(144, 4, "free_head", "0 = none");
    d.word(148, 4, "free_head_crc", "");
    d.number(152, 4, "free_available", "pages");
    d.number(156, 4, "free_pending", "pages");
    d.word(160, 4, "prev_header_crc", "");
    d.zero(164, 4);
}

fn log_region(d: &mut Dump<'_>, i: usize, at: usize) {
    d.number(at, 4, &format!("regions[{i}].start_page"), "");
    d.number(at + 4, 4, &format!("regions[{i}].pages"), "");
    d.number(
        at + 8,
        8,
        &format!("regions[{i}].region_seq"),
        "0 = never used",
    );
    d.number(at + 16, 8, &format!("regions[{i}].first_index"), "");
    d.number(at + 24, 1, &format!("regions[{i}].zero_filled"), "");
    d.zero(at + 25, 3);
    d.number(at + 28, 4, &format!("regions[{i}].base_pages"), "");
}

fn replication(d: &mut Dump<'_>) {
    d.number(232, 4, "epoch", "");
    let role = match d.int(236, 1) {
        0 => "standalone",
        1 => "primary",
        2 => "replica",
        _ => "malformed: 0 to 2",
    };
    d.number(236, 1, "role", role);
    let fenced = match d.int(237, 1) {
        0 => "",
        1 => "writes are refused",
        _ => "malformed: 0 or 1",
    };
    d.number(237, 1, "fenced", fenced);
    d.zero(238, 2);
    d.number(240, 8, "epoch_start_index", "");
    d.number(248, 4, "fence_epoch", "");
    d.zero(252, 4);
    d.id(256, 16, "upstream_file_id");
    d.number(272, 8, "archive_first_index", "0 = none");
    d.number(280, 8, "created_time_ms", "");
    d.number(288, 8, "trees_from", "older ones are not kept");
}

fn verdict(d: &mut Dump<'_>, slot: usize) {
    let Some(bytes) = d.bytes.first_chunk::<SLOT_SIZE>() else {
        return d.verdict(Some(&"malformed: too short"));
    };
    match Header::decode(bytes, slot) {
        SlotState::Valid(..) | SlotState::Blank => d.verdict(None),
        SlotState::Unsupported(reason) => d.verdict(Some(&format!("unsupported: {reason}"))),
        SlotState::Damaged(problem) => d.verdict(Some(&format!("malformed: {problem}"))),
    }
}
