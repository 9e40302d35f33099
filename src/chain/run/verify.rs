//! Checks a whole store: names, headers, links, epochs, the catalogue against the chain, parts.

use std::collections::BTreeMap;

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::{Name, SnapshotId};
use crate::chain::object::{Catalogue, Facts, Segment};
use crate::chain::pace::{Pace, repeat};
use crate::chain::store::MAX_LIST;
use crate::format::checksum::History;
use crate::format::entry::{Entries, Point};
use crate::progress::Progress;

/// How thoroughly to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreVerifyOptions {
    /// Read all parts of all snapshots, too.
    pub read_parts: bool,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFinding {
    /// The object.
    pub object: String,
    /// What is wrong.
    pub detail: String,
    /// Not an error: worth knowing.
    pub harmless: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreReport {
    /// Segments read.
    pub segments: u64,
    /// Of these, fences.
    pub fences: u64,
    /// Entries in them.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The first and the last segment of the chain.
    pub numbers: Option<(u64, u64)>,
    /// Where the chain ends.
    pub end: Option<Point>,
    /// Snapshots.
    pub snapshots: u64,
    /// Their parts.
    pub parts: u64,
    /// The newest catalogue.
    pub catalogue: Option<u64>,
    /// What is wrong, and what is worth knowing.
    pub findings: Vec<StoreFinding>,
}

impl StoreReport {
    /// Nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.harmless)
    }
}

/// Findings beyond this many are not listed.
const MOST_FINDINGS: usize = 1000;

struct Check<'a> {
    chain: &'a Chain,
    report: StoreReport,
    /// Points whose history something else states: index, and who states what.
    stated: BTreeMap<u64, Vec<(String, History)>>,
    /// Fences by epoch.
    fences: BTreeMap<u32, Facts>,
}

/// Checks a store.
pub fn verify_store(
    chain: &Chain,
    options: &StoreVerifyOptions,
    pace: &mut dyn Pace,
    progress: &dyn Progress,
) -> ChainResult<StoreReport> {
    let mut check = Check {
        chain,
        report: StoreReport::default(),
        stated: BTreeMap::new(),
        fences: BTreeMap::new(),
    };
    check.names(pace)?;
    let catalogue = check.catalogues(pace)?;
    check.floors(pace)?;
    check.snapshots(options, catalogue.as_ref(), pace, progress)?;
    let floor = catalogue
        .as_ref()
        .map_or(1, |catalogue| catalogue.floor.number);
    // Where a floor is right behind the newest segment, that one stays and the log goes on from it.
    let newest = chain.newest(floor, pace)?.unwrap_or(0);
    let floor = floor - u64::from(floor == newest + 1 && newest > 0);
    check.log(floor, pace, progress)?;
    if let Some(catalogue) = &catalogue {
        check.catalogue_against_chain(catalogue, pace)?;
    }
    Ok(check.report)
}

impl Check<'_> {
    fn find(&mut self, object: impl ToString, detail: impl Into<String>, harmless: bool) {
        let finding = StoreFinding {
            object: object.to_string(),
            detail: detail.into(),
            harmless,
        };
        let all = &mut self.report.findings;
        if all.len() < MOST_FINDINGS {
            all.push(finding);
        } else if let Some(note) = all.iter_mut().find(|note| !harmless && note.harmless) {
            *note = finding; // no number of notes hides damage
        }
    }

    /// Damage becomes a finding; anything else ends the check.
    fn or_find<T>(&mut self, answer: ChainResult<T>) -> ChainResult<Option<T>> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(ChainError::Damaged { name, damage }) => {
                self.find(name, damage.detail, false);
                Ok(None)
            }
            Err(ChainError::Missing(name)) => {
                self.find(name, "is missing", false);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Every name must be one that creel makes.
    fn names(&mut self, pace: &mut dyn Pace) -> ChainResult<()> {
        let store = self.chain.store();
        let mut after = String::new();
        loop {
            let names = repeat(pace, "listing", || store.list_after("", &after, MAX_LIST))?;
            for name in &names {
                match name.parse::<Name>() {
                    Ok(Name::Probe(..)) => self.find(name, "left by a probe", true),
                    Ok(_) => {}
                    Err(_) => self.find(name, "not a name that creel makes; it is ignored", true),
                }
            }
            match names.last() {
                Some(last) if names.len() == MAX_LIST => after = last.clone(),
                _ => return Ok(()),
            }
        }
    }

    /// All catalogues, each against the one before.
    fn catalogues(&mut self, pace: &mut dyn Pace) -> ChainResult<Option<Catalogue>> {
        let mut last: Option<(Catalogue, [u8; 32])> = None;
        for number in self.chain.catalogue_numbers(pace)? {
            let read = self.chain.read_catalogue(number, pace);
            let Some(Some((catalogue, hash))) = self.or_find(read)? else {
                continue;
            };
            if let Some((before, hash)) = &last
                && before.n + 1 == number
                && catalogue.previous != *hash
            {
                let text = "it was not made from the one before it";
                self.find(Name::Catalogue(number), text, true);
            }
            let sinks = |before: &Catalogue| catalogue.floor.number < before.floor.number;
            if last.as_ref().is_some_and(|(before, _)| sinks(before)) {
                self.find(
                    Name::Catalogue(number),
                    "its floor is lower than before",
                    false,
                );
            }
            last = Some((catalogue, hash));
        }
        self.report.catalogue = last.as_ref().map(|(catalogue, _)| catalogue.n);
        Ok(last.map(|(catalogue, _)| catalogue))
    }

    /// All floors: each is there, and none is lower than the one before.
    fn floors(&mut self, pace: &mut dyn Pace) -> ChainResult<()> {
        let mut before = 1;
        for n in 1..=self.chain.count_floors(pace)? {
            let name = Name::Floor(n);
            let read = self.chain.floor(n, pace);
            match self.or_find(read)? {
                Some(Some(number)) if number < before => {
                    self.find(name, "it is lower than the one before", false);
                }
                Some(Some(number)) => before = number,
                Some(None) => self.find(name, "is missing", false),
                None => {}
            }
        }
        Ok(())
    }

    fn snapshots(
        &mut self,
        options: &StoreVerifyOptions,
        catalogue: Option<&Catalogue>,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> ChainResult<()> {
        let mut found: Vec<SnapshotId> = Vec::new();
        for (id, finished) in self.chain.snapshot_ids(pace)? {
            if !finished {
                self.find(Name::SnapshotBegin(id), "begun and not finished", true);
                continue;
            }
            let read = self.chain.read_snapshot(&id, pace);
            let Some(Some(doc)) = self.or_find(read)? else {
                continue;
            };
            found.push(id);
            self.report.snapshots += 1;
            let says = (Name::Snapshot(id).to_string(), doc.at.history);
            self.stated.entry(doc.at.index).or_default().push(says);
            for part in &doc.parts {
                if progress.stopped() || pace.stopped() {
                    return Err(ChainError::Interrupted);
                }
                self.report.parts += 1;
                let Some(name) = doc.part_name(part).map(|name| name.to_string()) else {
                    continue;
                };
                if options.read_parts {
                    let read = self.chain.read_part(&doc, part, pace);
                    self.or_find(read)?;
                    self.report.bytes += part.bytes;
                    continue;
                }
                let store = self.chain.store();
                match repeat(pace, "looking at a part", || store.head(&name))? {
                    Some(bytes) if bytes == part.bytes => {}
                    Some(bytes) => {
                        let text = format!("{bytes} bytes, not {}", part.bytes);
                        self.find(name, text, false);
                    }
                    None => self.find(name, "is missing", false),
                }
            }
        }
        for row in catalogue.iter().flat_map(|catalogue| &catalogue.snapshots) {
            if row.id().is_none_or(|id| !found.contains(&id)) {
                let text = "the catalogue names it, but it is not whole";
                self.find(format!("snap/{}", row.folder), text, false);
            }
        }
        Ok(())
    }

    /// The chain from the floor on, and fences below it.
    fn log(&mut self, floor: u64, pace: &mut dyn Pace, progress: &dyn Progress) -> ChainResult<()> {
        let mut last: Option<Facts> = None;
        let mut at = 0;
        let mut entries_after_floor = false;
        loop {
            let numbers = self.chain.numbers_after(at, pace)?;
            for number in &numbers {
                if progress.stopped() || pace.stopped() {
                    return Err(ChainError::Interrupted);
                }
                at = *number;
                progress.report(at, None);
                let read = self.chain.segment(at, pace);
                let Some(read) = self.or_find(read)? else {
                    last = None;
                    continue;
                };
                let Some(segment) = read else {
                    self.find(Name::Segment(at), "went away while it was read", at < floor);
                    continue;
                };
                if at < floor {
                    self.below_floor(&segment);
                    continue;
                }
                self.linked(&segment, last.as_ref(), floor, entries_after_floor);
                entries_after_floor = true;
                last = Some(segment.facts);
            }
            if numbers.is_empty() {
                break;
            }
        }
        if !entries_after_floor && floor > 1 {
            self.find(
                Name::Segment(floor),
                "the chain ends below its floor",
                false,
            );
        }
        for (index, says) in std::mem::take(&mut self.stated) {
            // Below the first entry there is nothing to compare with.
            let behind = self.report.end.is_none_or(|end| index > end.index);
            for (object, _) in says {
                if behind && index > self.chain.start().index {
                    self.find(object, format!("entry {index} is not in the chain"), false);
                }
            }
        }
        Ok(())
    }

    fn below_floor(&mut self, segment: &Segment) {
        let facts = segment.facts;
        self.report.bytes += segment.bytes().len() as u64;
        match facts.fence {
            true => {
                self.report.fences += 1;
                self.fences.insert(facts.epoch, facts);
            }
            false => self.find(
                Name::Segment(facts.number),
                "below the floor; gc removes it",
                true,
            ),
        }
    }

    /// One segment of the chain and what is before it.
    fn linked(&mut self, segment: &Segment, last: Option<&Facts>, floor: u64, goes_on: bool) {
        let facts = segment.facts;
        let name = Name::Segment(facts.number);
        self.report.segments += 1;
        self.report.fences += u64::from(facts.fence);
        self.report.entries += u64::from(segment.entries());
        self.report.bytes += segment.bytes().len() as u64;
        let first = self.report.numbers.map_or(facts.number, |(first, _)| first);
        self.report.numbers = Some((first, facts.number));
        self.report.end = Some(facts.after);
        let mut time_us = 0;
        let mut back: Vec<u64> = Vec::new();
        let mut faults = Vec::new();
        self.point(&facts.before, &mut faults);
        let mut entries = Entries::new(segment.body(), facts.before);
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.header.time_us < time_us => {
                    back.push(entry.header.index);
                }
                Ok(entry) => time_us = entry.header.time_us,
                Err(error) => faults.push(error.to_string()),
            }
            self.point(&entries.point(), &mut faults);
        }
        if let Some(first) = back.first() {
            // The hashes prove that it was written so, and no copy can be had in which it is otherwise.
            let text = format!(
                "the times of {} entries go back, first that of entry {first}: the clock of who wrote them \
                 did; --at TIME is no better than they are",
                back.len()
            );
            self.find(&name, text, true);
        }
        if entries.point() != facts.after {
            faults.push("its entries have another history than its trailer says".to_owned());
        }
        match last {
            Some(last) if last.number + 1 != facts.number => {
                faults.push(format!("segment {} is missing", last.number + 1));
            }
            Some(last) if last.after != facts.before => {
                faults.push("it does not link to the segment before it".to_owned());
            }
            None if !goes_on && facts.number != floor => {
                faults.push(format!("segment {floor}, the floor, is missing"));
            }
            None if facts.number == 1 && facts.before != self.chain.start() => {
                faults.push("it does not begin where creel.json says".to_owned());
            }
            _ => {}
        }
        if facts.fence {
            self.fences.insert(facts.epoch, facts);
        }
        for fault in faults {
            self.find(&name, fault, false);
        }
    }

    /// Compares what others state about a point.
    fn point(&mut self, point: &Point, faults: &mut Vec<String>) {
        for (object, history) in self.stated.remove(&point.index).unwrap_or_default() {
            if history != point.history {
                faults.push(format!(
                    "{object} has another history at entry {}",
                    point.index
                ));
            }
        }
    }

    fn catalogue_against_chain(
        &mut self,
        catalogue: &Catalogue,
        pace: &mut dyn Pace,
    ) -> ChainResult<()> {
        let name = Name::Catalogue(catalogue.n);
        for row in &catalogue.epochs {
            match self.fences.get(&row.epoch) {
                None => self.find(
                    &name,
                    format!("the fence of epoch {} is missing", row.epoch),
                    false,
                ),
                Some(fence)
                    if fence.number != row.number || Point::from(row.after) != fence.after =>
                {
                    let text = format!("epoch {} began elsewhere than it says", row.epoch);
                    self.find(&name, text, false);
                }
                Some(_) => {}
            }
        }
        let tail = self.report.numbers.map_or(0, |(_, last)| last);
        let read = self.chain.facts(catalogue.floor.number, pace);
        let stands = match self.or_find(read)?.flatten() {
            Some(facts) => Some(facts.before),
            None => (self.report.end).filter(|_| catalogue.floor.number == tail + 1),
        };
        if stands.is_some_and(|point| point != Point::from(catalogue.floor.before)) {
            self.find(&name, "its floor has another history than the chain", false);
        }
        if catalogue.tail > tail {
            let text = format!(
                "it knows segment {}, the chain ends at {tail}",
                catalogue.tail
            );
            self.find(&name, text, false);
        }
        Ok(())
    }
}
