//! Parts of a snapshot on their way from the store; from one that is far away several at once, for one request
//! after another is slower than the line.

use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom, Write};
use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use super::damage;
use super::snapshot::{local, read_part};
use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::object::{PartRow, SnapshotDoc, hash_of};
use crate::chain::pace::{Pace, repeat};
use crate::progress::Progress;

/// Most requests at once.
const AT_ONCE: u64 = 4;
/// Bytes that they may bring together, unless one part alone is larger.
const MOST_BYTES: u64 = 64 << 20;

/// What a database file is written to.
pub trait Target: Read + Write + Seek {}

impl<T: Read + Write + Seek> Target for T {}

/// A part, and where it begins in the file.
type Place<'a> = (u64, &'a PartRow);

/// A request under way; [`None`] where there is no thread for it. It brings the part if that is whole.
type Request<'scope> = Option<ScopedJoinHandle<'scope, Option<Vec<u8>>>>;

impl Chain {
    /// Writes the database file of a snapshot. Parts that `target` has already, from an earlier try,
    /// are not fetched again.
    pub fn fetch(
        &self,
        doc: &SnapshotDoc,
        target: &mut dyn Target,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> ChainResult<()> {
        let mut fetching = Fetching {
            chain: self,
            doc,
            target,
            pace,
            progress,
            done: 0,
        };
        let missing = fetching.missing()?;
        // A disk is not faster for being asked twice at once, and each thread keeps memory of its own.
        if !self.store().is_far() {
            let mut missing = missing.into_iter();
            return missing.try_for_each(|place| fetching.land(place, None));
        }
        let most = (MOST_BYTES / doc.part_bytes.max(1)).clamp(1, AT_ONCE) as usize;
        thread::scope(|scope| {
            let mut under_way: VecDeque<(Place<'_>, Request<'_>)> = VecDeque::new();
            for place in missing {
                if under_way.len() >= most
                    && let Some((place, request)) = under_way.pop_front()
                {
                    fetching.land(place, request)?;
                }
                let ask = move || self.ask(doc, place.1);
                let request = thread::Builder::new().spawn_scoped(scope, ask).ok();
                under_way.push_back((place, request));
            }
            for (place, request) in under_way {
                fetching.land(place, request)?;
            }
            Ok(())
        })
    }

    /// Asks for a part once.
    fn ask(&self, doc: &SnapshotDoc, part: &PartRow) -> Option<Vec<u8>> {
        let name = doc.part_name(part)?.to_string();
        let bytes = self.store().get(&name, part.bytes).ok()??;
        (hash_of(&bytes) == part.hash).then_some(bytes)
    }

    /// One part, checked.
    pub fn read_part(
        &self,
        doc: &SnapshotDoc,
        part: &PartRow,
        pace: &mut dyn Pace,
    ) -> ChainResult<Vec<u8>> {
        let name = doc.part_name(part).map(|name| name.to_string());
        let name = name.ok_or_else(|| ChainError::Missing("the base of a snapshot".to_owned()))?;
        let bytes = repeat(pace, "reading a part", || {
            self.store().get(&name, part.bytes)
        })?;
        let bytes = bytes.ok_or_else(|| ChainError::Missing(name.clone()))?;
        match hash_of(&bytes) == part.hash {
            true => Ok(bytes),
            false => Err(ChainError::damaged(name, damage("the hash does not match"))),
        }
    }
}

/// A file that comes into being.
struct Fetching<'a> {
    chain: &'a Chain,
    doc: &'a SnapshotDoc,
    target: &'a mut dyn Target,
    pace: &'a mut dyn Pace,
    progress: &'a dyn Progress,
    done: u64,
}

impl<'a> Fetching<'a> {
    /// What the target does not have yet.
    fn missing(&mut self) -> ChainResult<Vec<Place<'a>>> {
        let mut missing = Vec::new();
        let mut offset = 0;
        for part in &self.doc.parts {
            self.go_on()?;
            let there = read_part(self.target, offset, part.bytes);
            match there.is_ok_and(|bytes| hash_of(&bytes) == part.hash) {
                true => self.count(part.bytes),
                false => missing.push((offset, part)),
            }
            offset += part.bytes;
        }
        Ok(missing)
    }

    /// Writes what a request brought. Where it brought nothing whole, the part is asked for once more, with
    /// patience.
    fn land(&mut self, (offset, part): Place<'_>, request: Request<'_>) -> ChainResult<()> {
        self.go_on()?;
        let brought = request.and_then(|thread| thread.join().unwrap_or_else(|e| resume_unwind(e)));
        let bytes = match brought {
            Some(bytes) => bytes,
            None => self.chain.read_part(self.doc, part, self.pace)?,
        };
        let written = self.target.seek(SeekFrom::Start(offset));
        let written = written.and_then(|_| self.target.write_all(&bytes));
        written.map_err(|e| local("write the image", e))?;
        self.count(part.bytes);
        Ok(())
    }

    fn go_on(&self) -> ChainResult<()> {
        match self.progress.stopped() || self.pace.stopped() {
            true => Err(ChainError::Interrupted),
            false => Ok(()),
        }
    }

    fn count(&mut self, bytes: u64) {
        self.done += bytes;
        self.progress.report(self.done, Some(self.doc.image_bytes));
    }
}
