//! One region after the other, going on behind damage.

use super::{MAX_RESUMES, RegionEnd, Walk};
use crate::check::findings::{Weight, finding};
use crate::check::report::Finding;
use crate::error::{Corruption, Error, Result};
use crate::format::Invariant;
use crate::format::frame::{FRAME_HEADER_SIZE, FrameHeader};
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::wal::Extent;
use crate::wal::scan::{Link, ScanEnd, find_next, scan};

impl Walk<'_> {
    /// The region before the active one. Its entries are needed where the checkpoint does not
    /// reach to the active region.
    pub(super) fn older_region(
        &mut self,
        place: Extent,
        older: &RegionHeader,
        newer: &RegionHeader,
        needed: bool,
    ) -> Result<(Link, bool)> {
        self.linked_from = older.first_index;
        self.history = Some(older.history);
        let link = Link {
            next_index: older.first_index,
            prev_crc: older.prev_crc,
            epoch: older.epoch,
        };
        let kept = (!needed).then(|| self.findings.clone());
        let end = self.region(place, older, link, needed)?;
        self.findings.count(Invariant::W3, 1);
        let first_ever = newer.prev_end_units == 0;
        let meets = end.end.link.next_index == newer.first_index
            && end.end.link.prev_crc == newer.prev_crc
            && (first_ever || end.end.end == u64::from(newer.prev_end_units) * 8);
        if needed && end.sound {
            self.findings.count(Invariant::W5, 1);
            let missing = end.end.link.next_index < newer.first_index;
            let id = if missing {
                Invariant::W5
            } else {
                Invariant::W3
            };
            if older.first_index > self.header.checkpoint_index + 1 {
                let text = format!("no log from entry {}", self.header.checkpoint_index + 1);
                self.findings.damage(
                    finding(Invariant::W5, text).at(place.start, REGION_HEADER_SIZE as u64),
                );
            } else if !meets {
                let text = format!(
                    "log entry {} is damaged: the other region continues after entry {}",
                    end.end.link.next_index,
                    newer.first_index.saturating_sub(1)
                );
                self.findings.damage(
                    finding(id, text).at(place.start + end.end.end, FRAME_HEADER_SIZE as u64),
                );
            }
        }
        let sound = end.sound && meets;
        if let Some(kept) = kept {
            // Nothing here is needed to open the file; at most the way back is closed.
            self.findings = kept;
            let for_copies = self.header.keeps_log() && older.first_index < newer.first_index;
            if !sound && for_copies {
                let text =
                    "log entries that are in the tree already, and kept for copies, are damaged";
                let what = finding(Invariant::R2, text);
                self.findings.damage(what.at(place.start, place.len));
                self.linked_from = newer.first_index;
            } else if !sound && older.first_index <= self.header.checkpoint_index {
                let text = "log entries that are in the tree already are damaged or overwritten: the previous header could not replace the newest one";
                self.findings.add(
                    Weight::Note,
                    finding(Invariant::W11, text).at(place.start, place.len),
                );
                self.linked_from = newer.first_index;
            }
        }
        if !sound {
            self.linked_from = newer.first_index;
        }
        Ok((end.end.link, sound))
    }

    /// Walks one region, going on behind damage.
    pub(super) fn region(
        &mut self,
        extent: Extent,
        region: &RegionHeader,
        link: Link,
        live: bool,
    ) -> Result<RegionEnd> {
        let source = self.source;
        let mut from = REGION_HEADER_SIZE as u64;
        let (mut link, mut sound) = (link, true);
        let mut at = ScanEnd {
            end: from,
            link,
            last: None,
            frames: 0,
            torn_bytes: 0,
            marked: false,
        };
        for _ in 0..MAX_RESUMES {
            let result = scan(
                source.file.as_ref(),
                extent,
                region,
                from,
                link,
                &mut |placed, payload| {
                    source.advance(placed.header.frame_len())?;
                    self.frame(extent, placed, payload);
                    at.end = placed.offset + placed.header.frame_len();
                    at.link = link_after(&placed.header);
                    Ok(())
                },
            );
            let c = match result {
                Ok(end) => {
                    // A scan that began behind damage may have found nothing new.
                    return Ok(RegionEnd { end, sound });
                }
                Err(Error::Corrupt(c)) => c,
                Err(Error::Io { source: e, .. }) => {
                    let text = format!("the log cannot be read: {e}");
                    Corruption::new(Invariant::W4, text).at(extent.start + at.end)
                }
                Err(e) => return Err(e),
            };
            sound = false;
            let bad_at = c
                .offset
                .map_or(at.end, |o| o.saturating_sub(extent.start))
                .max(from);
            let next = find_next(source.file.as_ref(), extent, region, bad_at + 8)
                .ok()
                .flatten();
            let span = next
                .as_ref()
                .map_or(FRAME_HEADER_SIZE as u64, |n| n.offset - bad_at);
            let mut what = Finding::from(c).at(extent.start + bad_at, span);
            what.records_unreachable = next
                .as_ref()
                .map(|n| n.header.entry.index.saturating_sub(at.link.next_index));
            if live {
                self.findings.damage(what);
            }
            let Some(next) = next else { break };
            self.history = Some(next.header.entry.history_before);
            from = next.offset;
            link = link_at(&next.header);
            at = ScanEnd {
                end: from,
                link,
                last: None,
                frames: 0,
                torn_bytes: 0,
                marked: false,
            };
        }
        Ok(RegionEnd {
            end: at,
            sound: false,
        })
    }
}

fn link_after(header: &FrameHeader) -> Link {
    Link {
        next_index: header.entry.index + 1,
        prev_crc: header.header_crc,
        epoch: header.entry.epoch,
    }
}

/// The link that makes this frame the next one.
fn link_at(header: &FrameHeader) -> Link {
    Link {
        next_index: header.entry.index,
        prev_crc: header.envelope.prev_crc,
        epoch: header.entry.epoch,
    }
}
