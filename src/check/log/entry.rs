//! One whole entry: W3 to W9, R3.

use super::Walk;
use crate::check::findings::finding;
use crate::format::attest::Attest;
use crate::format::checksum::History;
use crate::format::frame::{EntryKind, FRAME_HEADER_SIZE};
use crate::format::{Depth, Invariant};
use crate::wal::Extent;
use crate::wal::scan::Placed;

impl Walk<'_> {
    /// One whole frame.
    pub(super) fn frame(&mut self, extent: Extent, placed: &Placed, payload: &[u8]) {
        use Invariant::*;
        for id in [W3, W6, W7, W8, R3] {
            self.findings.count(id, 1);
        }
        let (entry, envelope) = (&placed.header.entry, &placed.header.envelope);
        let start = extent.start + placed.offset;
        let len = placed.header.frame_len();
        let mut bad = |id, text: String| self.findings.damage(finding(id, text).at(start, len));
        if entry.epoch > self.header.epoch {
            bad(
                R3,
                format!(
                    "log entry {} has epoch {}, the header {}",
                    entry.index, entry.epoch, self.header.epoch
                ),
            );
        }
        let after = entry.index > self.header.checkpoint_index;
        if let Some(bulk) = self.open_bulk.filter(|_| after) {
            bad(
                W5,
                format!(
                    "the bulk load at entry {bulk} never finished and is followed by entry {}",
                    entry.index
                ),
            );
        }
        if is_newer(envelope.durable_gen, self.newest_promise) {
            self.newest_promise = envelope.durable_gen;
        }
        match entry.kind {
            EntryKind::Bulk => {
                self.bulk_since_older |= entry.index > self.older_checkpoint;
                if after {
                    self.open_bulk = Some(entry.index);
                }
            }
            EntryKind::Fence => self.fences.push((entry.epoch, entry.index)),
            EntryKind::Commit | EntryKind::Attest | EntryKind::Note => {}
        }
        self.frames += u64::from(after && entry.kind != EntryKind::Bulk);
        if self.level == Depth::Quick {
            return;
        }
        self.findings.count(W4, 1);
        let result = match entry.kind {
            EntryKind::Commit | EntryKind::Fence => self.replay.entry(entry, payload, after),
            EntryKind::Attest if Attest::decode(payload, entry.index).is_none() => {
                let text = format!("log entry {} is a malformed marker", entry.index);
                Err((W4, text))
            }
            _ => Ok(()),
        };
        if let Err((id, text)) = result {
            self.findings.damage(finding(id, text).at(start, len));
        }
        if let Some(history) = self.history {
            self.compare_history(history, entry.history_before, entry.index, start);
        }
        let next = entry.history_after(payload);
        if entry.index == self.header.checkpoint_index {
            self.compare_history(self.header.history, next, entry.index + 1, start);
        }
        self.history = Some(next);
    }

    /// W9: two values for the history before entry `index`.
    pub(super) fn compare_history(&mut self, known: History, said: History, index: u64, at: u64) {
        if self.level == Depth::Quick {
            return;
        }
        self.findings.count(Invariant::W9, 1);
        if known != said {
            let text = format!("the history before log entry {index} is not what led to it");
            self.findings
                .damage(finding(Invariant::W9, text).at(at, FRAME_HEADER_SIZE as u64));
        }
        if index == self.header.checkpoint_index + 1 && said != self.header.history && known == said
        {
            let text = format!("the header names another history before log entry {index}");
            self.findings
                .damage(finding(Invariant::W9, text).at(at, FRAME_HEADER_SIZE as u64));
        }
    }
}

/// `a` is a later generation than `b`, both cut to 32 bits.
fn is_newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < u32::MAX / 2
}
