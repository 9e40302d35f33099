//! What may go: the floor, and snapshots below it. The only place that looks at a clock, and all that
//! a wrong clock can do is to keep more or less of what is old.

use super::collect::{Collected, collect};
use super::snapshot::ABANDONED_US;
use crate::chain::chain::{Chain, Located, random_id};
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::{Name, SnapshotId, prefix};
use crate::chain::object::{
    BeginDoc, Catalogue, FloorRow, HoldDoc, MAX_SMALL, ProgressDoc, RetentionRow, SnapshotRow,
};
use crate::chain::pace::{Pace, repeat};
use crate::chain::protocol::{self, Held, Wanted};
use crate::chain::store::MAX_LIST;
use crate::progress::Progress;

/// Holds that a store may have. Nodes that say how far they are do not count.
pub const MAX_HOLDS: usize = 2048;
/// Lines of the catalogue about who keeps what.
const MAX_HELD_LINES: usize = 1024;

/// What a collection did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcReport {
    /// The first segment that stays.
    pub floor: u64,
    /// The floor before.
    pub floor_before: u64,
    /// Segments.
    pub collected: Collected,
    /// Snapshots that were removed.
    pub snapshots_removed: Vec<String>,
    /// What was held.
    pub held: Vec<Held>,
    /// Why the floor is no higher.
    pub reason: String,
}

/// How to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcWish {
    /// Who does it.
    pub node: [u8; 16],
    /// Now.
    pub time_us: u64,
    /// What to keep from now on; the catalogue's where it is not given.
    pub retention: Option<RetentionRow>,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl Chain {
    /// Sets the floor and removes what is below it: catalogue first, then segments in rising order,
    /// then snapshots.
    pub fn gc(
        &self,
        wish: &GcWish,
        pace: &mut dyn Pace,
        progress: &dyn Progress,
    ) -> ChainResult<GcReport> {
        self.check_authority()?;
        let catalogue = match self.catalogue(pace)? {
            Some((catalogue, _)) => catalogue,
            None => Catalogue::first(self.lineage(), wish.node, self.start().into()),
        };
        let retention = wish.retention.unwrap_or(catalogue.retention);
        let mut plan = self.plan(&catalogue, &retention, wish.time_us, pace)?;
        let mut report = GcReport {
            floor: plan.floor.number,
            floor_before: catalogue.floor.number,
            collected: Collected::default(),
            snapshots_removed: plan.useless.iter().map(|row| row.folder.clone()).collect(),
            held: std::mem::take(&mut plan.held),
            reason: plan.reason.clone(),
        };
        if wish.dry_run {
            return Ok(report);
        }
        let holds = held_lines(&report.held);
        let mut change = |next: &mut Catalogue| {
            // Somebody may have set a higher one meanwhile.
            if plan.floor.number < next.floor.number {
                plan.floor = next.floor;
            }
            let before = next.clone();
            next.floor = plan.floor;
            next.retention = retention;
            next.tail = next.tail.max(plan.tail);
            next.holds.clone_from(&holds);
            next.snapshots.retain(|row| !plan.useless.contains(row));
            before.floor != next.floor
                || before.retention != next.retention
                || before.snapshots != next.snapshots
        };
        self.update_catalogue(wish.node, wish.time_us, &mut change, pace)?;
        report.floor = plan.floor.number;
        // A floor behind the end, as older versions wrote, is no reason to keep what is below the end.
        let floor = plan.floor.number.min(plan.tail);
        report.collected = collect(self, floor, pace, progress)?;
        for row in &plan.useless {
            if let Some(id) = row.id() {
                self.remove_snapshot(&id, pace)?;
            }
        }
        self.remove_abandoned(wish, &mut report, pace)?;
        Ok(report)
    }

    fn plan(
        &self,
        catalogue: &Catalogue,
        retention: &RetentionRow,
        now_us: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<Plan> {
        let tail = self
            .tail(catalogue.tail.max(1), pace)?
            .map(|segment| segment.facts);
        let Some(tail) = tail else {
            return Ok(Plan::none(catalogue, 0, "the chain is empty"));
        };
        let newest = catalogue.snapshots.last();
        let Some(newest) = newest else {
            return Ok(Plan::none(
                catalogue,
                tail.number,
                "there is no snapshot to start from",
            ));
        };
        // The newest snapshot that is old enough: from it on, every moment can be restored.
        let old_enough = |row: &&SnapshotRow| {
            row.time_us <= now_us.saturating_sub(retention.time_us)
                && row.at.index.saturating_add(retention.min_entries) <= tail.after.index
        };
        let mut chosen = catalogue.snapshots.iter().rev().find(old_enough);
        let mut reason = "as far as the retention allows".to_owned();
        if retention.max_bytes < u64::MAX {
            let from = chosen.map_or(catalogue.floor.number, |row| row.number);
            if self.log_bytes(from, tail.number, retention.max_bytes, pace)? > retention.max_bytes {
                chosen = Some(newest);
                reason = "the log is larger than allowed".to_owned();
            }
        }
        let Some(chosen) = chosen else {
            return Ok(Plan::none(
                catalogue,
                tail.number,
                "no snapshot is old enough",
            ));
        };
        self.check_snapshot(chosen, pace)?;
        let mut floor = FloorRow {
            number: chosen.number,
            before: chosen.at,
        };
        let limits = RetentionRow {
            hold_max_bytes: Some(retention.node_max_bytes(Some(newest))),
            ..*retention
        };
        let held = self.holds(&limits, now_us, tail.number, pace)?;
        let snapshot = (floor.number, floor.before.index);
        let (number, lowest) = protocol::floor(snapshot, &held, |index| {
            let located = self.locate(index, catalogue.floor.number, pace)?;
            Ok::<_, ChainError>(match located {
                Located::At(number) => Some(number),
                Located::BelowFloor(_) | Located::Beyond(_) => None,
            })
        })?;
        // The newest segment stays, so it is the highest floor there is.
        floor.number = number.min(tail.number);
        if let Some(lowest) = lowest {
            reason = format!("held by {}", lowest.by);
        }
        // What the floor is called must be what stands there.
        floor.number = floor.number.max(catalogue.floor.number);
        if let Some(facts) = self.facts(floor.number, pace)? {
            floor.before = facts.before.into();
        }
        let mut plan = Plan {
            useless: useless(catalogue, chosen),
            floor,
            tail: tail.number,
            held,
            reason,
        };
        plan.held.sort_by(|a, b| a.by.cmp(&b.by));
        Ok(plan)
    }

    /// Bytes of the segments `from..=to`, as far as it takes to pass `enough`.
    pub(super) fn log_bytes(
        &self,
        from: u64,
        to: u64,
        enough: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<u64> {
        let mut sum = 0;
        // From the newest: what is too much is found without looking at all.
        for number in (from..=to).rev() {
            let name = Name::Segment(number).to_string();
            sum += repeat(pace, "looking at a segment", || self.store().head(&name))?.unwrap_or(0);
            if sum > enough {
                break;
            }
        }
        Ok(sum)
    }

    /// What wants to be kept, with whether it counts.
    pub fn holds(
        &self,
        retention: &RetentionRow,
        now_us: u64,
        tail: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<Vec<Held>> {
        let mut held = Vec::new();
        for wanted in self.wanted(retention, now_us, pace)? {
            held.push(wanted.judged(|index, limit| {
                let from = match self.locate(index, 1, pace)? {
                    Located::At(number) | Located::BelowFloor(number) => number,
                    Located::Beyond(_) => tail + 1,
                };
                self.log_bytes(from, tail, limit, pace)
            })?);
        }
        Ok(held)
    }

    fn wanted(
        &self,
        retention: &RetentionRow,
        now_us: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<Vec<Wanted>> {
        let nodes = self.progress(pace)?;
        let nodes = nodes.iter();
        let nodes = nodes.filter_map(|said| Wanted::by_node(said, retention, now_us));
        let mut wanted: Vec<Wanted> = nodes.collect();
        let holds = self.hold_documents(pace)?;
        wanted.extend(holds.iter().map(|hold| Wanted::by_hold(hold, now_us)));
        Ok(wanted)
    }

    /// What all nodes say about themselves. What cannot be read is left out.
    pub fn progress(&self, pace: &mut dyn Pace) -> ChainResult<Vec<ProgressDoc>> {
        let documents = self.documents(prefix::PROGRESS, pace)?;
        let decoded = documents
            .iter()
            .filter_map(|bytes| ProgressDoc::decode(bytes).ok());
        Ok(decoded.filter(|d| d.lineage == self.lineage()).collect())
    }

    /// All holds that operators made.
    pub fn hold_documents(&self, pace: &mut dyn Pace) -> ChainResult<Vec<HoldDoc>> {
        let documents = self.documents(prefix::HOLD, pace)?;
        let decoded = documents
            .iter()
            .filter_map(|bytes| HoldDoc::decode(bytes).ok());
        Ok(decoded.filter(|d| d.lineage == self.lineage()).collect())
    }

    /// All documents, however many pages of a listing they fill.
    fn documents(&self, prefix: &str, pace: &mut dyn Pace) -> ChainResult<Vec<Vec<u8>>> {
        let mut documents = Vec::new();
        for name in self.names(prefix, pace)? {
            documents.extend(repeat(pace, "reading", || {
                self.store().get(&name, MAX_SMALL)
            })?);
        }
        Ok(documents)
    }

    fn names(&self, prefix: &str, pace: &mut dyn Pace) -> ChainResult<Vec<String>> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let names = repeat(pace, "listing", || {
                self.store().list_after(prefix, &after, MAX_LIST)
            })?;
            let more = names.len() == MAX_LIST;
            after = names.last().cloned().unwrap_or_default();
            let proper = |name: &String| name.parse::<Name>().is_ok();
            all.extend(names.into_iter().filter(proper));
            if !more {
                return Ok(all);
            }
        }
    }

    /// All of a snapshot is there.
    pub fn check_snapshot(&self, row: &SnapshotRow, pace: &mut dyn Pace) -> ChainResult<()> {
        let missing = |what: &str| ChainError::Missing(what.to_owned());
        let id = row.id().ok_or_else(|| missing(&row.folder))?;
        let doc = self
            .read_snapshot(&id, pace)?
            .ok_or_else(|| missing(&row.folder))?;
        for part in &doc.parts {
            let name = doc.part_name(part).map(|name| name.to_string());
            let name = name.ok_or_else(|| missing("the base of a snapshot"))?;
            let found = repeat(pace, "looking at a part", || self.store().head(&name))?;
            if found != Some(part.bytes) {
                return Err(missing(&name));
            }
        }
        Ok(())
    }

    /// Removes a snapshot: first what says that it is whole.
    fn remove_snapshot(&self, id: &SnapshotId, pace: &mut dyn Pace) -> ChainResult<()> {
        let remove = |name: &str, pace: &mut dyn Pace| {
            repeat(pace, "removing a snapshot", || self.store().delete(name))
        };
        remove(&Name::Snapshot(*id).to_string(), pace)?;
        let folder = format!("{}{id}/", prefix::SNAPSHOT);
        let begin = Name::SnapshotBegin(*id).to_string();
        loop {
            let names = repeat(pace, "listing a snapshot", || {
                self.store().list_after(&folder, "", MAX_LIST)
            })?;
            // begin.json when nothing else is left: with it, what is left is found again.
            let alone = names.len() == 1;
            for name in names.iter().filter(|name| alone || **name != begin) {
                remove(name, pace)?;
            }
            if names.is_empty() {
                return Ok(());
            }
        }
    }

    fn remove_abandoned(
        &self,
        wish: &GcWish,
        report: &mut GcReport,
        pace: &mut dyn Pace,
    ) -> ChainResult<()> {
        for (id, finished) in self.snapshot_ids(pace)? {
            if finished {
                continue;
            }
            let name = Name::SnapshotBegin(id).to_string();
            let begin = repeat(pace, "reading", || self.store().get(&name, MAX_SMALL))?;
            let Some(begin) = begin else {
                // Somebody may be at it whose word for it was removed: from now on it counts as begun.
                let begin = BeginDoc::new(wish.node, random_id()?, wish.time_us).encode();
                repeat(pace, "beginning a snapshot", || {
                    self.store().create(&name, &begin)
                })?;
                continue;
            };
            // One that cannot be read is of a newer creel, which knows what to do with it.
            let old = BeginDoc::decode(&begin)
                .is_ok_and(|b| b.time_us.saturating_add(ABANDONED_US) < wish.time_us);
            if old && self.remove_begun(&id, &begin, pace)? {
                report.snapshots_removed.push(id.to_string());
            }
        }
        Ok(())
    }

    /// Removes what a killed process left of a snapshot. False where somebody went on with it: right
    /// before each object is removed it is looked again.
    fn remove_begun(
        &self,
        id: &SnapshotId,
        begin: &[u8],
        pace: &mut dyn Pace,
    ) -> ChainResult<bool> {
        let (said, done) = (
            Name::SnapshotBegin(*id).to_string(),
            Name::Snapshot(*id).to_string(),
        );
        let folder = format!("{}{id}/", prefix::SNAPSHOT);
        loop {
            let names = repeat(pace, "listing a snapshot", || {
                self.store().list_after(&folder, "", MAX_LIST)
            })?;
            if names.is_empty() {
                return Ok(true);
            }
            // What says that it was begun goes last.
            let mut parts: Vec<_> = names.into_iter().filter(|name| *name != said).collect();
            if parts.is_empty() {
                parts.push(said.clone());
            }
            for name in &parts {
                let now = repeat(pace, "reading", || self.store().get(&said, MAX_SMALL))?;
                let finished = repeat(pace, "looking", || self.store().head(&done))?.is_some();
                if finished || now.as_deref() != Some(begin) {
                    return Ok(false);
                }
                repeat(pace, "removing a snapshot", || self.store().delete(name))?;
            }
        }
    }

    /// Puts a hold into the store, in the place of one with its name. Several at once may come to a few
    /// more than there should be.
    pub fn set_hold(&self, hold: &HoldDoc, pace: &mut dyn Pace) -> ChainResult<()> {
        // What is removed is decided where the mirror is from.
        self.check_authority()?;
        let name = format!("{}{}.json", prefix::HOLD, hold.name);
        let there = self.names(prefix::HOLD, pace)?;
        if there.len() >= MAX_HOLDS && !there.contains(&name) {
            return Err(ChainError::TooManyHolds { limit: MAX_HOLDS });
        }
        let bytes = hold.encode();
        repeat(pace, "writing a hold", || self.store().put(&name, &bytes))
    }

    /// Removes a hold or a node's progress. False where it was not there.
    pub fn forget(&self, name: &Name, pace: &mut dyn Pace) -> ChainResult<bool> {
        if !matches!(name, Name::Hold(_) | Name::Progress(_)) {
            return Err(ChainError::Refused(
                "only holds and nodes are forgotten".to_owned(),
            ));
        }
        let name = name.to_string();
        let there = repeat(pace, "looking", || self.store().head(&name))?.is_some();
        repeat(pace, "removing", || self.store().delete(&name))?;
        Ok(there)
    }

    /// Says what a node has; over and over, so a failure is no tragedy.
    pub fn say_progress(&self, document: &ProgressDoc, pace: &mut dyn Pace) -> ChainResult<()> {
        let name = Name::Progress(document.node).to_string();
        let mut document = document.clone();
        // How fast it is, for others; where that cannot be told it is left out.
        let last = self.store().get(&name, MAX_SMALL).ok().flatten();
        if let Some(last) = last.and_then(|bytes| ProgressDoc::decode(&bytes).ok()) {
            document.follow(&last);
        }
        let bytes = document.encode();
        repeat(pace, "writing progress", || self.store().put(&name, &bytes))
    }
}

struct Plan {
    floor: FloorRow,
    tail: u64,
    useless: Vec<SnapshotRow>,
    held: Vec<Held>,
    reason: String,
}

impl Plan {
    fn none(catalogue: &Catalogue, tail: u64, reason: &str) -> Plan {
        Plan {
            floor: catalogue.floor,
            tail,
            useless: Vec::new(),
            held: Vec::new(),
            reason: reason.to_owned(),
        }
    }
}

/// Snapshots older than the chosen one, except those whose parts a newer one uses.
fn useless(catalogue: &Catalogue, chosen: &SnapshotRow) -> Vec<SnapshotRow> {
    let kept = |row: &&SnapshotRow| row.at.index >= chosen.at.index;
    let bases: Vec<&String> = catalogue
        .snapshots
        .iter()
        .filter(kept)
        .filter_map(|r| r.base.as_ref())
        .collect();
    let old = catalogue.snapshots.iter().filter(|row| !kept(row));
    old.filter(|row| !bases.contains(&&row.folder))
        .cloned()
        .collect()
}

/// What the catalogue tells of them: those that count first, and of many not all.
fn held_lines(held: &[Held]) -> Vec<String> {
    let mut order: Vec<&Held> = held.iter().collect();
    order.sort_by_key(|held| held.dropped.is_some());
    let lines = order.into_iter().take(MAX_HELD_LINES).map(held_line);
    lines.collect()
}

fn held_line(held: &Held) -> String {
    match &held.dropped {
        None => format!("{} at {}", held.by, held.index),
        Some(why) => format!("{} at {}, not counted: {why}", held.by, held.index),
    }
}
