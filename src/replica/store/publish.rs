//! Publishing what a database has committed.

use super::rejoin::first_fence_above;
use super::{StoreFailure, StoreResult, position};
use crate::chain::object::{Facts, Segment, Writer};
use crate::chain::{Chain, ChainError, Opened, Pace, PublishRun, random_id};
use crate::db::{Db, LogReader};
use crate::error::Error;
use crate::format::entry::{Entries, Entry, Point};
use crate::format::frame::EntryKind;

/// Entries and bytes of a segment, unless one entry alone is larger.
const SEGMENT_ENTRIES: usize = 100_000;
pub(super) const SEGMENT_BYTES: usize = 8 << 20;

/// What the file need not know to be published: more would be looked for by each that publishes next, and
/// kept in its log.
const REMEMBER_SEGMENTS: u64 = 16;
const REMEMBER_BYTES: u64 = 1 << 20;

/// A database whose commits go into a chain.
#[derive(Debug)]
pub struct Publishing {
    db: Db,
    /// What the file calls its store.
    place: String,
    chain: Chain,
    run: PublishRun,
    reader: LogReader,
    bytes: u64,
    bulk: bool,
    segment_bytes: usize,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is in the chain.
    Published,
    /// It will never be: another node is primary, and did not take it over.
    Refused(Box<Facts>),
}

impl Publishing {
    /// Reads where the chain ends. A fence there is refused before anything is written.
    pub fn open(db: &Db, chain: Chain, pace: &mut dyn Pace) -> StoreResult<Publishing> {
        let info = db.info()?;
        let writer = Writer {
            lineage: info.lineage_id,
            node: info.file_id,
            incarnation: random_id()?,
        };
        let own = super::super::slot::durable_point(db)?;
        let facts = db.facts()?;
        let hint = facts.published.map_or(0, |(_, number)| number);
        let opened = match PublishRun::open(&chain, writer, own, hint, pace) {
            Err(ChainError::Fenced(newest)) => Err(began_with(&chain, newest, pace)),
            opened => opened,
        };
        let run = match opened.map_err(|error| super::fence_by(db, error.into()))? {
            Opened::Ready(run) => *run,
            Opened::Ahead(facts) => {
                let (chain, here) = (facts.after.index, own.index);
                return Err(ChainError::Ahead { chain, here }.into());
            }
        };
        let reader = reader(db, &run.point())?;
        if facts.beginning {
            // From now on it is there, and where it is not it is not to be begun once more.
            db.change_facts(|facts| facts.beginning = false)?;
        }
        Ok(Publishing {
            db: db.clone(),
            place: facts.publish,
            chain,
            run,
            reader,
            bytes: 0,
            bulk: false,
            segment_bytes: SEGMENT_BYTES,
        })
    }

    /// A segment shall have no more bytes of entries than this, unless one entry has.
    pub fn set_segment_bytes(&mut self, bytes: u64) {
        self.segment_bytes = usize::try_from(bytes).unwrap_or(SEGMENT_BYTES);
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where the published log ends.
    pub fn point(&self) -> Point {
        self.run.point()
    }

    /// Number of the newest segment.
    pub fn number(&self) -> u64 {
        self.run.number()
    }

    /// Bytes of entries since this was asked last.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// Whether a bulk load was among them: readers need a snapshot behind it.
    pub fn take_bulk(&mut self) -> bool {
        std::mem::take(&mut self.bulk)
    }

    /// Looks whether anybody else has become primary; asks for one object.
    pub fn look(&mut self, pace: &mut dyn Pace) -> StoreResult<()> {
        let looked = self.run.look(pace).map_err(StoreFailure::from);
        looked.map_err(|failure| super::fence_by(&self.db, failure))
    }

    /// Publishes one segment; [`None`] where nothing is left that is durable here.
    pub fn step(&mut self, pace: &mut dyn Pace) -> StoreResult<Option<Point>> {
        let body = match self.run.is_in_flight() {
            true => Vec::new(), // what was sent before is settled first
            false => self.reader.read(SEGMENT_ENTRIES, self.segment_bytes)?,
        };
        let body = of_epoch(&body, self.run.point().epoch);
        if body.is_empty() && !self.run.is_in_flight() {
            return match self.reader.point() == self.run.point() {
                true => Ok(None),
                // An epoch has begun in this file, so the chain has its fence.
                false => self.begun_here(pace),
            };
        }
        self.bulk |= has_bulk(body);
        self.bytes += body.len() as u64;
        let db = self.db.clone();
        let mut same = |found: &Segment| has_entries(&db, found);
        let published = self.run.publish(body, &mut same, pace);
        let point = match published {
            Ok(point) => point,
            Err(error) => {
                // What was read and not sent is read again.
                self.reader = reader(&self.db, &self.run.point())?;
                return Err(super::fence_by(&self.db, error.into()));
            }
        };
        if self.reader.point() != point {
            self.reader = reader(&self.db, &point)?;
        }
        Ok(Some(point))
    }

    /// Whoever was promoted in place has put the fence into the chain before it was here.
    fn begun_here(&mut self, pace: &mut dyn Pace) -> StoreResult<Option<Point>> {
        self.reader = reader(&self.db, &self.run.point())?;
        self.look(pace)?;
        let text = "an epoch began here that the chain does not have";
        Err(ChainError::Refused(text.to_owned()).into())
    }

    /// Tells the file how far it is published: what comes behind is kept. Costs a checkpoint.
    pub fn remember(&self) -> StoreResult<()> {
        let published = Some((self.point(), self.number()));
        let facts = self.db.facts()?;
        if facts.publish != self.place {
            return Err(StoreFailure::Elsewhere {
                publishes: facts.publish,
                failure: None,
            });
        }
        if facts
            .published
            .is_some_and(|(_, number)| number > self.number())
        {
            return Ok(()); // somebody else got further
        }
        // Without a publisher that looks after it nothing else would let writes go on.
        let all = super::super::slot::durable_point(&self.db)?.index <= self.point().index;
        let held_back = facts.held_back && !all;
        if facts.published != published || facts.held_back != held_back {
            self.db.change_facts(|facts| {
                facts.published = published;
                facts.held_back = held_back;
            })?;
        }
        Ok(())
    }

    /// The same where it is worth that: for who publishes now and then, and has no time to lose.
    pub fn remember_some(&self) -> StoreResult<()> {
        let known = self.db.facts()?.published.map_or(0, |(_, number)| number);
        if self.number() < known + REMEMBER_SEGMENTS && self.bytes < REMEMBER_BYTES {
            return Ok(());
        }
        self.remember()
    }

    /// Publishes up to an entry, which is durable here.
    pub fn upto(&mut self, index: u64, pace: &mut dyn Pace) -> StoreResult<Point> {
        let mut attempt = 0;
        while self.point().index < index {
            if self.step(pace)?.is_some() {
                attempt = 0;
                continue;
            }
            // It is not seen to be as long as somebody has the file to himself, as a promotion does.
            attempt += 1;
            if !pace.wait(attempt) {
                let text = format!("entry {index} is not durable here");
                return Err(ChainError::Refused(text).into());
            }
        }
        Ok(self.point())
    }

    /// Publishes up to a commit and says for certain what became of it. Any error means that it is
    /// not known.
    pub fn settle(&mut self, commit: &Point, pace: &mut dyn Pace) -> StoreResult<Settled> {
        match self.upto(commit.index, pace) {
            Ok(_) => Ok(Settled::Published),
            Err(StoreFailure::Chain(ChainError::Fenced(by))) => {
                match self.was_adopted(commit, &by, pace)? {
                    true => Ok(Settled::Published),
                    false => Ok(Settled::Refused(by)),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether the primary that wrote this fence has the commit in its history.
    fn was_adopted(&self, commit: &Point, by: &Facts, pace: &mut dyn Pace) -> StoreResult<bool> {
        // The fence stands right behind what is published; from there on it tells what was adopted.
        if commit.index <= by.before.index {
            // Or behind what an earlier process of this node had sent, which the log here has too.
            if by.before != self.point() {
                reader(&self.db, &by.before)?;
            }
            return Ok(true);
        }
        let Some(fence) = self.chain.segment(by.number, pace)? else {
            return Err(ChainError::Missing(format!("the fence {}", by.number)).into());
        };
        let mut entries = Entries::new(fence.body(), fence.facts.before);
        while entries.point().index < commit.index {
            match entries.next() {
                Some(Ok(_)) => {}
                _ => return Ok(false),
            }
        }
        Ok(entries.point() == *commit)
    }
}

/// The newest segment told of a later epoch: the one with which it began, where that can be read.
fn began_with(chain: &Chain, newest: Box<Facts>, pace: &mut dyn Pace) -> ChainError {
    let before = newest.epoch.saturating_sub(1);
    match newest.fence {
        true => ChainError::Fenced(newest),
        false => match first_fence_above(chain, before, pace) {
            Ok(Some(fence)) if fence.epoch == newest.epoch => ChainError::Fenced(Box::new(fence)),
            _ => ChainError::Fenced(newest),
        },
    }
}

/// A reader of the log that gives bulk steps too: their entries are published, what they loaded is
/// in the next snapshot.
fn reader(db: &Db, after: &Point) -> StoreResult<LogReader> {
    Ok(db.log_reader(&position(after))?.with_bulk())
}

/// What is in front of the first entry of another epoch.
fn of_epoch(body: &[u8], epoch: u32) -> &[u8] {
    let mut rest = body;
    while let Ok(Some((entry, behind))) = Entry::split(rest) {
        if entry.header.epoch != epoch {
            break;
        }
        rest = behind;
    }
    body.get(..body.len() - rest.len()).unwrap_or_default()
}

fn has_bulk(mut body: &[u8]) -> bool {
    while let Ok(Some((entry, rest))) = Entry::split(body) {
        if entry.header.kind == EntryKind::Bulk {
            return true;
        }
        body = rest;
    }
    false
}

/// Whether the log here has exactly the entries of this segment.
fn has_entries(db: &Db, found: &Segment) -> Result<bool, ChainError> {
    let unreadable = |e: Error| ChainError::Here(Box::new(e));
    let mut reader = match db.log_reader(&position(&found.facts.before)) {
        Ok(reader) => reader.with_bulk(),
        Err(Error::Diverged { .. }) => return Ok(false),
        Err(error) => return Err(unreadable(error)),
    };
    let mut rest = found.body();
    while !rest.is_empty() {
        let own = reader
            .read(SEGMENT_ENTRIES, rest.len())
            .map_err(unreadable)?;
        let common = own.len().min(rest.len());
        if own.is_empty() || own.get(..common) != rest.get(..common) {
            return Ok(false);
        }
        rest = rest.get(common..).unwrap_or_default();
    }
    Ok(true)
}
