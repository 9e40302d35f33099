//! A bulk load is in the tree only. Where the header that named that tree is lost, the tree may
//! still be there: the log entry of the load has the content sum to tell it by.

use std::sync::Arc;

use super::census;
use super::log::{Position, RawEntry, one_by_one};
use super::root::whole_tree;
use super::survey::Salvage;
use crate::check::source::Source;
use crate::error::Result;
use crate::format::bytes::u64_at;
use crate::format::frame::FRAME_HEADER_SIZE;

/// Looks for the tree of a bulk load whose header is lost, and goes on from it.
pub(super) fn find_its_tree(salvage: &mut Salvage<'_>) -> Result<bool> {
    let (Some(bulk), Some(header)) = (salvage.log.missing_bulk, &salvage.header) else {
        return Ok(false);
    };
    let source = &salvage.moment.source;
    let Some((content_sum, entries)) = promised(source, &bulk)? else {
        return Ok(false);
    };
    let census = census::take(source)?;
    if census.page_size != Some(source.page_size) {
        return Ok(false);
    }
    for mut tree in census
        .trees
        .into_iter()
        .filter(|t| t.generation > header.generation)
    {
        let whole = whole_tree(source, &tree)?;
        let found = whole.map(|(sums, _)| (sums.content_sum, sums.entries));
        if found != Some((content_sum, entries)) {
            continue;
        }
        tree.entries = Some(entries);
        let start = Position {
            index: bulk.index(),
            history: bulk.history_after,
            epoch: bulk.header.epoch,
        };
        let log = one_by_one(&salvage.moment, header, start, &salvage.options)?;
        salvage.note(format!(
            "the header that named the bulk load at index {} is lost; its tree was found at page {}",
            bulk.index(),
            tree.root.page
        ));
        salvage.plan.tree = Some(tree);
        salvage.plan.delta = Arc::clone(&log.delta);
        salvage.log = log;
        return Ok(true);
    }
    Ok(false)
}

/// Content sum and number of entries after the load.
fn promised(source: &Source<'_>, bulk: &RawEntry) -> Result<Option<(u64, u64)>> {
    let mut frame = Vec::new();
    source.read_what_is_there(bulk.at, bulk.frame_len() as usize, &mut frame)?;
    let at = FRAME_HEADER_SIZE;
    let known = bulk.header.payload_len >= 16;
    Ok(u64_at(&frame, at)
        .zip(u64_at(&frame, at + 8))
        .filter(|_| known))
}
