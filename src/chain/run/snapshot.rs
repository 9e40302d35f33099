//! Snapshots: a database file in parts, written so that it is there as a whole or not at all.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use super::damage;
use crate::chain::chain::{Chain, Located, random_id};
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::{Name, SnapshotId, prefix};
use crate::chain::object::{
    BeginDoc, MAX_PARTS, MAX_SMALL, MAX_SNAPSHOT, PartRow, SnapshotDoc, SnapshotRow, hash_of,
};
use crate::chain::pace::{Pace, repeat};
use crate::chain::store::{Created, MAX_LIST};
use crate::error::Error;
use crate::format::entry::{Entries, Point};
use crate::progress::Progress;

/// How often an upload says that it goes on: long before it counts as abandoned.
const SAY_EVERY: Duration = Duration::from_secs(1800);

/// What was begun so long ago and never finished is removed.
pub(super) const ABANDONED_US: u64 = 24 * 3_600_000_000;
/// An upload that has not said anything for so long does not go on, and nobody goes on with it: whoever
/// removes it may have looked already.
const LOST: Duration = Duration::from_secs(12 * 3600);

/// What a snapshot is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotWish {
    /// The last entry in the image.
    pub at: Point,
    /// Its time.
    pub entry_time_us: u64,
    /// Who makes it.
    pub node: [u8; 16],
    /// When.
    pub time_us: u64,
    /// Bytes of the image.
    pub image_bytes: u64,
    /// Bytes of a part.
    pub part_bytes: u64,
    /// Parts of the newest full snapshot of this epoch may be used.
    pub delta: bool,
}

/// What can be read at any place.
pub trait Image: Read + Seek {}

impl<T: Read + Seek> Image for T {}

impl Chain {
    /// Where an index stands, refused unless the history here is the chain's.
    pub fn place_of(&self, at: &Point, pace: &mut dyn Pace) -> ChainResult<u64> {
        let floor = self.catalogue(pace)?.map_or(1, |(c, _)| c.floor.number);
        let number = match self.locate(at.index, floor, pace)? {
            Located::At(number) => number,
            Located::BelowFloor(found) => return Err(ChainError::Gap { wanted: 0, found }),
            Located::Beyond(_) => {
                return Err(ChainError::Refused(format!(
                    "entry {} is not published yet",
                    at.index
                )));
            }
        };
        let history = match self.segment(number, pace)? {
            Some(segment) => {
                let mut entries = Entries::new(segment.body(), segment.facts.before);
                while entries.point().index < at.index && entries.next().is_some_and(|e| e.is_ok())
                {
                }
                entries.point().history
            }
            None => match number.checked_sub(1) {
                None | Some(0) => self.start().history,
                Some(before) => match self.segment(before, pace)? {
                    Some(segment) => segment.facts.after.history,
                    None => self.start().history,
                },
            },
        };
        match history == at.history {
            true => Ok(number),
            false => Err(ChainError::OffChain {
                number,
                index: at.index,
            }),
        }
    }

    /// Writes a snapshot, and names it in the catalogue. One that is there already is left as it is.
    pub fn write_snapshot(
        &self,
        wish: &SnapshotWish,
        image: &mut dyn Image,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> ChainResult<SnapshotDoc> {
        let number = self.place_of(&wish.at, pace)?;
        let id = SnapshotId::of(wish.at.index, wish.at.epoch, &wish.at.history);
        if let Some(done) = self.read_snapshot(&id, pace)? {
            if self.missing_part(&done, pace)?.is_none() {
                self.name_snapshot(&done, wish.node, wish.time_us, pace)?;
                return Ok(done);
            }
            // Whoever finds it would restore nothing from it.
            let name = Name::Snapshot(id).to_string();
            repeat(pace, "removing half a snapshot", || {
                self.store().delete(&name)
            })?;
        }
        let mut doc = SnapshotDoc::new(self.lineage(), wish.node, wish.at.into());
        doc.number = number;
        doc.entry_time_us = wish.entry_time_us;
        doc.time_us = wish.time_us;
        doc.image_bytes = wish.image_bytes;
        doc.part_bytes = wish.part_bytes;
        let base = match wish.delta {
            true => self.base_for(wish, pace)?,
            false => None,
        };
        plan_parts(&mut doc, image, base.as_ref())?;
        let nonce = random_id()?;
        let began = pace.elapsed();
        let begin = |now: Duration| {
            let time_us = u64::try_from(now.saturating_sub(began).as_micros());
            let time_us = time_us.unwrap_or(u64::MAX);
            BeginDoc::new(wish.node, nonce, wish.time_us.saturating_add(time_us)).encode()
        };
        let name = Name::SnapshotBegin(id).to_string();
        let first = begin(began);
        self.begin(&name, &first, (&mut doc, &nonce), pace)?;
        // An upload that takes days is not an abandoned one.
        let mut said = began;
        let mut say = |pace: &mut dyn Pace| {
            let now = pace.elapsed();
            let silent = now.saturating_sub(said);
            if silent > LOST {
                let text = "the upload slept for so long that it counts as given up";
                return Err(ChainError::Refused(text.to_owned()));
            }
            if silent < SAY_EVERY {
                return Ok(());
            }
            said = now;
            let bytes = begin(now);
            repeat(pace, "saying that a snapshot goes on", || {
                self.store().put(&name, &bytes)
            })
        };
        self.write_parts(&doc, image, &mut say, pace, progress)?;
        if let Some(part) = self.missing_part(&doc, pace)? {
            return Err(ChainError::Missing(part));
        }
        say(pace)?;
        let name = Name::Snapshot(id).to_string();
        let bytes = doc.encode();
        let made = repeat(pace, "finishing a snapshot", || {
            self.store().create(&name, &bytes)
        })?;
        if made == Created::Exists {
            // Another node's of the same point, or an earlier try of this one: either will do.
            let missing = || ChainError::Missing(name.clone());
            doc = self.read_snapshot(&id, pace)?.ok_or_else(missing)?;
        }
        // Whoever took this try for abandoned may have been at it.
        if let Some(part) = self.missing_part(&doc, pace)? {
            return Err(ChainError::Missing(part));
        }
        self.name_snapshot(&doc, wish.node, wish.time_us, pace)?;
        Ok(doc)
    }

    /// Says that an upload begins. Where one was given up here, its parts are not used: who removes
    /// them may be slow, and a part with another number is another object.
    fn begin(
        &self,
        name: &str,
        first: &[u8],
        (doc, nonce): (&mut SnapshotDoc, &[u8; 16]),
        pace: &mut dyn Pace,
    ) -> ChainResult<()> {
        let begun = repeat(pace, "beginning a snapshot", || {
            self.store().create(name, first)
        })?;
        if begun == Created::Created {
            return Ok(());
        }
        let before = repeat(pace, "reading", || self.store().get(name, MAX_SMALL))?;
        let before = before.as_deref().map(BeginDoc::decode);
        let lost_us = u64::try_from(LOST.as_micros()).unwrap_or(u64::MAX);
        let alive = |begin: &BeginDoc| begin.time_us.saturating_add(lost_us) >= doc.time_us;
        if !matches!(&before, Some(Ok(begin)) if alive(begin)) {
            let (head, _) = nonce.split_first_chunk().unwrap_or((&[0; 4], &[]));
            let most = MAX_PARTS as u32;
            let other = 1 + u32::from_le_bytes(*head) % (u32::MAX / most - 1);
            for part in doc.parts.iter_mut().filter(|part| !part.in_base) {
                part.number += other * most;
            }
        }
        repeat(pace, "beginning a snapshot anew", || {
            self.store().put(name, first)
        })
    }

    /// The newest full snapshot of the same epoch.
    fn base_for(
        &self,
        wish: &SnapshotWish,
        pace: &mut dyn Pace,
    ) -> ChainResult<Option<SnapshotDoc>> {
        let Some((catalogue, _)) = self.catalogue(pace)? else {
            return Ok(None);
        };
        let full = catalogue.snapshots.iter().rev().find(|row| {
            row.base.is_none() && row.at.epoch == wish.at.epoch && row.at.index < wish.at.index
        });
        let Some(id) = full.and_then(SnapshotRow::id) else {
            return Ok(None);
        };
        let base = self.read_snapshot(&id, pace)?;
        Ok(base.filter(|base| base.part_bytes == wish.part_bytes))
    }

    fn write_parts(
        &self,
        doc: &SnapshotDoc,
        image: &mut dyn Image,
        say: &mut dyn FnMut(&mut dyn Pace) -> ChainResult<()>,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> ChainResult<()> {
        let total = doc.stored_bytes();
        let mut done = 0;
        let mut offset = 0;
        for part in &doc.parts {
            if progress.stopped() || pace.stopped() {
                return Err(ChainError::Interrupted);
            }
            if !part.in_base {
                let bytes = read_part(image, offset, part.bytes)?;
                if hash_of(&bytes) != part.hash {
                    return Err(ChainError::Refused(
                        "the image changed while it was read".to_owned(),
                    ));
                }
                let name = Name::Part(doc.id(), part.id()).to_string();
                // Its name says what is in it, so one that is there is the same.
                repeat(pace, "writing a part", || {
                    self.store().create(&name, &bytes)
                })?;
                say(pace)?;
                done += part.bytes;
                progress.report(done, Some(total));
            }
            offset += part.bytes;
        }
        Ok(())
    }

    /// A part that is not there, if any.
    fn missing_part(&self, doc: &SnapshotDoc, pace: &mut dyn Pace) -> ChainResult<Option<String>> {
        for part in &doc.parts {
            let name = doc.part_name(part).map(|name| name.to_string());
            let name =
                name.ok_or_else(|| ChainError::Missing("the base of a snapshot".to_owned()))?;
            let found = repeat(pace, "looking at a part", || self.store().head(&name))?;
            if found != Some(part.bytes) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Puts a snapshot into the catalogue.
    fn name_snapshot(
        &self,
        doc: &SnapshotDoc,
        node: [u8; 16],
        time_us: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<()> {
        let row = row_of(doc);
        let mut change = |catalogue: &mut crate::chain::object::Catalogue| {
            if catalogue
                .snapshots
                .iter()
                .any(|known| known.folder == row.folder)
            {
                return false;
            }
            catalogue.snapshots.push(row.clone());
            catalogue.snapshots.sort_by_key(|row| row.at.index);
            catalogue.tail = catalogue.tail.max(doc.number.saturating_sub(1));
            true
        };
        self.update_catalogue(node, time_us, &mut change, pace)
            .map(drop)
    }

    /// The document of a snapshot; [`None`] where it is not there, or not finished.
    pub fn read_snapshot(
        &self,
        id: &SnapshotId,
        pace: &mut dyn Pace,
    ) -> ChainResult<Option<SnapshotDoc>> {
        let name = Name::Snapshot(*id).to_string();
        let bytes = repeat(pace, "reading a snapshot", || {
            self.store().get(&name, MAX_SNAPSHOT)
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let doc = SnapshotDoc::decode(&bytes).map_err(|e| ChainError::damaged(&name, e))?;
        if doc.lineage != self.lineage() || doc.id() != *id {
            let wrong = damage("it belongs to another database or place");
            return Err(ChainError::damaged(&name, wrong));
        }
        Ok(Some(doc))
    }

    /// All snapshots that were finished or begun, with whether they were finished; by listing.
    pub fn snapshot_ids(&self, pace: &mut dyn Pace) -> ChainResult<Vec<(SnapshotId, bool)>> {
        let mut found: BTreeMap<SnapshotId, bool> = BTreeMap::new();
        let mut after = String::new();
        loop {
            let names = repeat(pace, "listing snapshots", || {
                self.store().list_after(prefix::SNAPSHOT, &after, MAX_LIST)
            })?;
            for name in &names {
                match name.parse() {
                    Ok(Name::Snapshot(id)) => {
                        found.insert(id, true);
                    }
                    Ok(Name::SnapshotBegin(id) | Name::Part(id, _)) => {
                        found.entry(id).or_insert(false);
                    }
                    _ => {}
                }
            }
            match names.last() {
                Some(last) if names.len() == MAX_LIST => after = last.clone(),
                _ => return Ok(found.into_iter().collect()),
            }
        }
    }

    /// Snapshots that can be used, rising by index: the catalogue's, or those that a listing shows
    /// where there is no catalogue.
    pub fn snapshots(&self, pace: &mut dyn Pace) -> ChainResult<Vec<SnapshotRow>> {
        if let Some((catalogue, _)) = self.catalogue(pace)? {
            return Ok(catalogue.snapshots);
        }
        let mut rows = Vec::new();
        for (id, finished) in self.snapshot_ids(pace)? {
            if finished && let Some(doc) = self.read_snapshot(&id, pace)? {
                rows.push(row_of(&doc));
            }
        }
        rows.sort_by_key(|row| row.at.index);
        Ok(rows)
    }
}

/// Cuts the image into parts, and takes those that the base has from there.
fn plan_parts(
    doc: &mut SnapshotDoc,
    image: &mut dyn Image,
    base: Option<&SnapshotDoc>,
) -> ChainResult<()> {
    let known: BTreeMap<[u8; 32], u32> = base
        .iter()
        .flat_map(|base| &base.parts)
        .filter(|part| !part.in_base)
        .map(|part| (part.hash, part.number))
        .collect();
    let mut offset = 0;
    while offset < doc.image_bytes {
        let bytes = doc.part_bytes.min(doc.image_bytes - offset);
        let hash = hash_of(&read_part(image, offset, bytes)?);
        let shared = known.get(&hash);
        doc.parts.push(PartRow {
            hash,
            bytes,
            in_base: shared.is_some(),
            number: shared.copied().unwrap_or(doc.parts.len() as u32),
        });
        offset += bytes;
    }
    if doc.parts.is_empty() || doc.parts.len() > MAX_PARTS {
        return Err(ChainError::Refused(format!(
            "an image of {} bytes cannot be cut into parts of {}",
            doc.image_bytes, doc.part_bytes
        )));
    }
    doc.base = base.map(|base| base.id().to_string());
    // More than half anew: a snapshot of its own is simpler to keep and to remove.
    if doc.base.is_some() && doc.stored_bytes() > doc.image_bytes / 2 {
        doc.base = None;
        for (number, part) in (0..).zip(&mut doc.parts) {
            part.in_base = false;
            part.number = number;
        }
    }
    Ok(())
}

fn row_of(doc: &SnapshotDoc) -> SnapshotRow {
    SnapshotRow {
        folder: doc.id().to_string(),
        at: doc.at,
        number: doc.number,
        entry_time_us: doc.entry_time_us,
        time_us: doc.time_us,
        image_bytes: doc.image_bytes,
        stored_bytes: doc.stored_bytes(),
        base: doc.base.clone(),
    }
}

pub(super) fn read_part(
    image: &mut (impl Read + Seek + ?Sized),
    offset: u64,
    len: u64,
) -> ChainResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = image
        .seek(SeekFrom::Start(offset))
        .and_then(|_| image.take(len).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 == len => Ok(bytes),
        Ok(_) => Err(ChainError::Refused(
            "the image is shorter than it should be".to_owned(),
        )),
        Err(e) => Err(local("read the image", e)),
    }
}

pub(super) fn local(doing: &'static str, source: io::Error) -> ChainError {
    ChainError::Here(Box::new(Error::io(doing, source)))
}
