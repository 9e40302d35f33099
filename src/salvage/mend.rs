//! Parts of the newest tree from the one before: nothing is lost where the log has everything
//! that happened between the two.

use std::sync::Arc;

use super::log::{Position, all_entries, apply_raw, chain};
use super::survey::Salvage;
use super::walk::Tree;
use crate::delta::Delta;
use crate::error::Result;
use crate::format::frame::EntryKind;

/// Puts the older tree into the plan, with the log from its checkpoint on, where the log proves
/// that it leads from there to the newest tree. A bulk load between them is not in the log.
pub(super) fn with_older_tree(salvage: &mut Salvage<'_>) -> Result<bool> {
    let moment = &salvage.moment;
    let Some(headers) = &moment.headers else {
        return Ok(false);
    };
    let (Some(older), newest) = (&headers.older, &headers.current.header) else {
        return Ok(false);
    };
    let (older, source) = (&older.header, &moment.source);
    let Some(end) = salvage
        .log
        .end
        .filter(|_| salvage.log.missing_bulk.is_none())
    else {
        return Ok(false);
    };
    let same = (older.root_page, older.root_crc) == (newest.root_page, newest.root_crc);
    if same && older.root_page != 0 || older.checkpoint_index > newest.checkpoint_index {
        return Ok(false);
    }
    let raw = all_entries(source, newest)?;
    let start = Position::of_tree(older);
    let links = chain(&raw.entries, start.index, start.history);
    let entries: Vec<_> = links.iter().filter_map(|&i| raw.entries.get(i)).collect();
    let reaches = |index: u64, history| {
        start.index == index && start.history == history
            || entries
                .iter()
                .any(|e| e.index() == index && e.history_after == history)
    };
    let between = entries
        .iter()
        .take_while(|e| e.index() <= newest.checkpoint_index);
    let mut kinds = between.map(|e| e.header.kind);
    if !reaches(newest.checkpoint_index, newest.history)
        || !reaches(end.index, end.history)
        || kinds.any(|kind| kind == EntryKind::Bulk)
    {
        return Ok(false);
    }
    let delta = Delta::new();
    let in_order = entries.into_iter().filter(|e| e.index() <= end.index);
    for entry in in_order.chain(&salvage.log.out_of_order) {
        apply_raw(source, &delta, entry)?;
    }
    salvage.plan.older = Some(Tree::of(older));
    salvage.plan.delta = Arc::new(delta);
    Ok(true)
}
