//! A copy of a store in another one. It needs no key and no database, and is never an authority:
//! nobody may publish or be promoted there.
//!
//! Nothing is ever removed from it, and it has only segments that the chain had: so readers of it need no floors
//! (G5), and none are copied.

use std::sync::Arc;

use super::damage;
use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::Name;
use crate::chain::object::{MAX_CATALOGUE, MAX_SMALL, MAX_SNAPSHOT, Segment, hash_of};
use crate::chain::pace::{Pace, repeat};
use crate::chain::store::{Address, Created, Store};
use crate::progress::Progress;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MirrorReport {
    /// Segments.
    pub segments: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Parts of snapshots.
    pub parts: u64,
    /// Catalogues.
    pub catalogues: u64,
    /// All bytes of these.
    pub bytes: u64,
    /// The newest segment in the copy now.
    pub tail: u64,
}

struct Copying<'a> {
    from: &'a Chain,
    to: &'a Chain,
    report: MirrorReport,
}

/// Brings a copy up to date: snapshots, then segments in rising order, then the catalogue. Every
/// object is checked before it is written.
pub fn mirror(
    from: &Chain,
    to: Arc<dyn Store>,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> ChainResult<MirrorReport> {
    let of = Address::lasting(&from.store().address());
    let mut creel = from.creel().clone();
    creel.mirror_of = Some(of.clone());
    let copy = Chain::create(to, &creel, pace)?;
    if copy.creel().mirror_of.is_none() {
        return Err(ChainError::Refused(
            "the destination is the store of a primary, not a mirror".to_owned(),
        ));
    }
    let mut copying = Copying {
        from,
        to: &copy,
        report: MirrorReport::default(),
    };
    copying.snapshots(pace, progress)?;
    copying.segments(pace, progress)?;
    copying.catalogue(pace)?;
    Ok(copying.report)
}

impl Copying<'_> {
    fn write(&mut self, name: &str, bytes: &[u8], pace: &mut dyn Pace) -> ChainResult<bool> {
        let store = self.to.store();
        let made = repeat(pace, "writing to the mirror", || store.create(name, bytes))?;
        let new = made == Created::Created;
        if new {
            self.report.bytes += bytes.len() as u64;
        }
        Ok(new)
    }

    fn snapshots(&mut self, pace: &mut dyn Pace, progress: &dyn Progress) -> ChainResult<()> {
        for (id, finished) in self.from.snapshot_ids(pace)? {
            if !finished || self.to.read_snapshot(&id, pace)?.is_some() {
                continue;
            }
            let Some(doc) = self.from.read_snapshot(&id, pace)? else {
                continue; // removed meanwhile
            };
            for name in [Name::SnapshotBegin(id), Name::Snapshot(id)] {
                if matches!(name, Name::Snapshot(_)) {
                    for part in doc.parts.iter().filter(|part| !part.in_base) {
                        let bytes = self.from.read_part(&doc, part, pace)?;
                        let name = Name::Part(id, part.id()).to_string();
                        self.report.parts += u64::from(self.write(&name, &bytes, pace)?);
                        progress.report(self.report.bytes, None);
                        if progress.stopped() {
                            return Err(ChainError::Interrupted);
                        }
                    }
                }
                let name = name.to_string();
                let limit = MAX_SNAPSHOT.max(MAX_SMALL);
                let store = self.from.store();
                if let Some(bytes) = repeat(pace, "reading", || store.get(&name, limit))? {
                    self.write(&name, &bytes, pace)?;
                }
            }
            self.report.snapshots += 1;
        }
        Ok(())
    }

    fn segments(&mut self, pace: &mut dyn Pace, progress: &dyn Progress) -> ChainResult<()> {
        // What the copy has it has in full up to its newest, since they go in rising order.
        let newest = self.to.newest(1, pace)?.unwrap_or(0);
        self.report.tail = newest;
        let mut at = newest;
        // Copied when what is behind it was read.
        let mut last: Option<Segment> = None;
        loop {
            let numbers = self.from.numbers_after(at, pace)?;
            for number in &numbers {
                if progress.stopped() || pace.stopped() {
                    return Err(ChainError::Interrupted);
                }
                at = *number;
                let read = self.from.segment(at, pace).and_then(|segment| {
                    let checked = segment.as_ref().map(Segment::check_history);
                    let checked = checked.transpose();
                    checked.map_err(|e| ChainError::damaged(Name::Segment(at), e))?;
                    Ok(segment)
                });
                let segment = match read {
                    Ok(Some(segment)) => segment,
                    Ok(None) => continue, // removed meanwhile, and so are those before it
                    Err(error) => {
                        // Whatever is wrong with this one, the one before it is whole.
                        self.copy(last.take(), None, pace)?;
                        return Err(error);
                    }
                };
                self.copy(last.take(), Some(&segment), pace)?;
                last = Some(segment);
                progress.report(self.report.bytes, None);
            }
            if numbers.is_empty() {
                if let Some(last) = last {
                    self.write_segment(&last, pace)?; // nothing is behind it
                }
                return Ok(());
            }
        }
    }

    /// Copies a segment, unless its number was removed before it was read, and made again by what a killed
    /// process had sent: then it may be none of the chain, and a reader of the copy could not tell.
    fn copy(
        &mut self,
        segment: Option<Segment>,
        next: Option<&Segment>,
        pace: &mut dyn Pace,
    ) -> ChainResult<()> {
        let Some(segment) = segment else {
            return Ok(());
        };
        let facts = segment.facts;
        let links = next.is_some_and(|next| {
            next.facts.number == facts.number + 1 && next.facts.before == facts.after
        });
        if !links && !facts.fence && facts.number < self.floor(pace)? {
            return Ok(());
        }
        self.write_segment(&segment, pace)
    }

    /// Below which number segments may have been removed until now. One that is damaged says nothing, and then
    /// the catalogue does, which may lag behind.
    fn floor(&self, pace: &mut dyn Pace) -> ChainResult<u64> {
        match self.from.newest_floor(pace) {
            Ok((_, number)) => Ok(number),
            Err(ChainError::Damaged { damage, .. }) if !damage.newer => {
                let catalogue = self.from.catalogue(pace)?;
                Ok(catalogue.map_or(1, |(catalogue, _)| catalogue.floor.number))
            }
            Err(error) => Err(error),
        }
    }

    fn write_segment(&mut self, segment: &Segment, pace: &mut dyn Pace) -> ChainResult<()> {
        let number = segment.facts.number;
        let name = Name::Segment(number).to_string();
        self.report.segments += u64::from(self.write(&name, segment.bytes(), pace)?);
        self.report.tail = number;
        Ok(())
    }

    fn catalogue(&mut self, pace: &mut dyn Pace) -> ChainResult<()> {
        let Some((catalogue, hash)) = self.from.catalogue(pace)? else {
            return Ok(());
        };
        let name = Name::Catalogue(catalogue.n).to_string();
        let store = self.from.store();
        let bytes = repeat(pace, "reading", || store.get(&name, MAX_CATALOGUE))?;
        let Some(bytes) = bytes else { return Ok(()) };
        if hash_of(&bytes) != hash {
            return Err(ChainError::damaged(
                name,
                damage("it changed while it was read"),
            ));
        }
        self.report.catalogues += u64::from(self.write(&name, &bytes, pace)?);
        Ok(())
    }
}
