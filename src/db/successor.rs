//! The header that a checkpoint writes.

use super::archive::keeps_log;
use super::checkpoint::Cut;
use super::handle::lock;
use crate::format::header::{Header, RegionSlot};
use crate::store::slots::Current;
use crate::tree::{FoldDelta, Root};

/// The oldest entry that can be read; 0 where old log is not kept.
fn oldest_kept(cut: &Cut, old: &Header) -> u64 {
    if !keeps_log(old) {
        return 0;
    }
    let known = *lock(&cut.oldest_kept);
    known.unwrap_or(old.archive_first_index)
}

pub(super) fn next_header(
    before: &Current,
    cut: &Cut,
    root: Root,
    delta: &FoldDelta,
    saved: &crate::store::space::SavedList,
    regions: [RegionSlot; 2],
    now_us: u64,
) -> Header {
    let old = &before.header;
    Header {
        generation: old.generation + 1,
        checkpoint_index: cut.index,
        history: cut.history,
        // The times of entries go on behind it, whatever the clock says by then.
        checkpoint_time_ms: now_us.max(cut.newest_us) / 1000,
        entry_count: old.entry_count.saturating_add_signed(delta.entries),
        logical_bytes: old.logical_bytes.saturating_add_signed(delta.logical_bytes),
        content_sum: old.content_sum.wrapping_add(delta.content_sum),
        root_page: root.page,
        root_crc: root.crc,
        root_height: root.height,
        free_head: saved.head,
        free_head_crc: saved.head_crc,
        free_available: saved.available,
        free_pending: saved.pending,
        prev_header_crc: before.crc,
        archive_first_index: oldest_kept(cut, old),
        epoch: cut.epoch,
        regions,
        ..old.clone()
    }
}
