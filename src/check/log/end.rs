//! Where the log ends, what its entries promise, and what opening the file says to it.

use super::Walk;
use crate::check::findings::{Weight, finding};
use crate::check::slots::Headers;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::frame::{FRAME_HEADER_SIZE, FrameHeader};
use crate::format::region::RegionHeader;
use crate::wal::scan::ScanEnd;
use crate::wal::{Extent, tail};

impl Walk<'_> {
    /// The end of the log: W5, and what may stand behind it.
    pub(super) fn judge_end(
        &mut self,
        extent: Extent,
        region: &RegionHeader,
        end: &ScanEnd,
    ) -> Result<()> {
        self.findings.count(Invariant::W5, 1);
        let at = extent.start + end.end;
        let last = end.link.next_index - 1;
        if last < self.header.checkpoint_index {
            let text = format!(
                "the log ends at entry {last}, before the checkpoint at {}",
                self.header.checkpoint_index
            );
            self.findings
                .damage(finding(Invariant::W5, text).at(at, FRAME_HEADER_SIZE as u64));
        }
        if let Some(bulk) = self.open_bulk {
            let text =
                format!("the bulk load at entry {bulk} never finished: it is dropped as a whole");
            self.findings
                .add(Weight::Recoverable, finding(Invariant::W5, text).at(at, 0));
        }
        if end.torn_bytes > 0 {
            let text = format!(
                "log entry {} is unfinished ({} bytes): dropped, it was never confirmed unless its last bytes decayed; --expect-index tells",
                end.link.next_index, end.torn_bytes
            );
            let what = finding(Invariant::W4, text).at(at, end.torn_bytes);
            self.findings.add(Weight::Recoverable, what);
            return Ok(());
        }
        // An entry whose very first word is wrong looks like the end of the log.
        let Some(mut bytes) = self
            .source
            .read_bytes(at, FRAME_HEADER_SIZE, "read the log")?
        else {
            return Ok(());
        };
        if end.end + FRAME_HEADER_SIZE as u64 > extent.len {
            return Ok(());
        }
        crate::format::bytes::patch(&mut bytes, 0, &region.sync_word().to_le_bytes());
        let hidden = FrameHeader::decode(&bytes, region.salt)
            .filter(|h| u64::from(h.envelope.own_units) * 8 == end.end);
        if let Some(hidden) = hidden {
            let text = format!(
                "log entry {} has lost its first bytes: dropped",
                hidden.entry.index
            );
            self.findings.add(
                Weight::Recoverable,
                finding(Invariant::W4, text).at(at, hidden.frame_len()),
            );
        }
        Ok(())
    }

    /// W8: what frames promise of headers. A promise of a newer header than there is means that
    /// the newest one was lost; the log makes up for it where it is whole.
    pub(super) fn judge_promises(&mut self, headers: &Headers) {
        let ahead = self
            .newest_promise
            .wrapping_sub(self.header.generation as u32);
        if ahead == 0 {
            return;
        }
        let text = format!(
            "log entries prove a header of generation {} or later, the newest one here is {}",
            self.header.generation + u64::from(ahead),
            self.header.generation
        );
        let weight = if ahead == 1 && self.open_bulk.is_none() {
            Weight::Recoverable
        } else {
            Weight::Damage
        };
        let slot = headers.current.header.slot_offset();
        self.findings
            .add(weight, finding(Invariant::W8, text).at(slot, 512));
    }

    /// Opening the file must agree with this check: what it refuses is damage.
    pub(super) fn compare_with_open(&mut self) -> Result<()> {
        match tail::load(self.source.file.as_ref(), self.header, &mut |_, _| Ok(())) {
            Ok(_) => Ok(()),
            Err(Error::Corrupt(c)) => {
                if !self.findings.has_damage(c.id) {
                    self.findings.damage(c.into());
                }
                Ok(())
            }
            Err(Error::Io { .. }) if !self.findings.is_empty() => Ok(()),
            Err(e) => Err(e),
        }
    }
}
