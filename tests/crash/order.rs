//! The order of writes that everything rests on: pages before the header that names them.

use creel::format::header::{Header, SlotState};
use creel::format::{SLOT_OFFSETS, SLOT_SIZE};
use creel::wal::extents;

use super::support::sim::{IoKind, SimDiskSnapshot};

/// Looks at a call before it is made. Writing the slot of the next generation while any page is
/// not on the medium is a violation; log regions in use and the header zone are no pages.
pub fn check(snapshot: &SimDiskSnapshot) -> Result<(), String> {
    let Some(call) = snapshot.call() else {
        return Ok(());
    };
    let writes = matches!(call.kind, IoKind::Write | IoKind::DurableWrite);
    let Some(slot) = SLOT_OFFSETS
        .iter()
        .position(|o| *o == call.offset)
        .filter(|_| writes)
    else {
        return Ok(());
    };
    let Some(header) = newest(snapshot, call.inode) else {
        return Ok(());
    };
    if header.generation as usize & 1 == slot {
        return Ok(()); // the present header once more
    }
    let logs = extents(&header);
    let zone = *SLOT_OFFSETS.iter().max().unwrap() + SLOT_SIZE as u64;
    let page = snapshot.pending_writes().find(|&(inode, offset, _)| {
        let in_log = logs
            .iter()
            .any(|e| (e.start..e.start + e.len).contains(&offset));
        inode == call.inode && !in_log && offset >= zone
    });
    match page {
        None => Ok(()),
        Some((_, offset, len)) => Err(format!(
            "call {}: the header after generation {} is written while {len} bytes at {offset} are \
             not on the medium",
            snapshot.op(),
            header.generation
        )),
    }
}

fn newest(snapshot: &SimDiskSnapshot, inode: u64) -> Option<Header> {
    let decode = |slot: usize| {
        let bytes = snapshot.read(inode, SLOT_OFFSETS[slot], SLOT_SIZE);
        match Header::decode(bytes.as_slice().try_into().ok()?, slot) {
            SlotState::Valid(header, _) => Some(*header),
            _ => None,
        }
    };
    (0..2)
        .filter_map(decode)
        .max_by_key(|header| header.generation)
}
