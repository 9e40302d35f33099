//! The ladder: each step only where the one before loses something.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bulk;
use super::flow::{Count, Flow, Sink, Tally};
use super::headless;
use super::log::{self, Log};
use super::losses::describe;
use super::lost::Lost;
use super::mend;
use super::moment::Moment;
use super::order::Ordered;
use super::report::{SalvageOptions, SalvageReport, SalvagedKeyspace, Step};
use super::scrape::Scan;
use super::sweep::Sweep;
use super::walk::{Tree, walk};
use crate::delta::Delta;
use crate::error::Result;
use crate::format::header::Header;
use crate::progress::Progress;
use crate::tree::CheckSummary;

/// Where the entries of the result come from.
pub(super) struct Plan {
    pub tree: Option<Tree>,
    /// The tree before it, where it and the log can mend the newest one.
    pub older: Option<Tree>,
    pub delta: Arc<Delta>,
    /// Ranges that no tree has.
    pub scrape: Option<Lost>,
}

/// A damaged file, and what can be saved of it.
pub struct Salvage<'a> {
    pub(super) moment: Moment<'a>,
    pub(super) options: SalvageOptions,
    pub(super) path: PathBuf,
    /// The header that the result continues, where it is complete.
    pub(super) header: Option<Header>,
    pub(super) log: Log,
    pub(super) plan: Plan,
    pub(super) tally: Tally,
    pub(super) scratch_near: PathBuf,
    report: SalvageReport,
}

impl std::fmt::Debug for Salvage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salvage")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<'a> Salvage<'a> {
    /// Looks at the file and says what can be saved. Never writes to it, and nowhere else but to
    /// a nameless scratch file beside `scratch_near`.
    pub fn survey(
        path: &Path,
        scratch_near: &Path,
        options: &SalvageOptions,
        progress: &'a dyn Progress,
    ) -> Result<Salvage<'a>> {
        let mut moment = Moment::take(path, options, progress)?;
        // Once to look and once to write, where nothing is missing.
        moment.source.total = moment.source.len.saturating_mul(2);
        let headers = moment.headers.clone();
        let header = headers.as_ref().map(|h| h.current.header.clone());
        let mut notes = Vec::new();
        let (tree, log) = match &header {
            Some(header) => (Some(Tree::of(header)), log::read(&moment, header, options)?),
            None => {
                let found = headless::find(&mut moment, path, options)?;
                notes = found.notes;
                (found.tree, found.log)
            }
        };
        let plan = Plan {
            tree,
            older: None,
            delta: Arc::clone(&log.delta),
            scrape: None,
        };
        let mut salvage = Salvage {
            report: blank(&moment, header.as_ref()),
            moment,
            options: options.clone(),
            path: path.to_owned(),
            header,
            log,
            plan,
            tally: Tally::default(),
            scratch_near: scratch_near.to_owned(),
        };
        salvage.report.notes = notes;
        if salvage.moment.mixed {
            let text = "H3: the two headers belong to different files";
            salvage.report.doubts.push(text.into());
        }
        salvage.climb()?;
        salvage.fill_report();
        Ok(salvage)
    }

    /// What can be saved and what is lost.
    pub fn report(&self) -> &SalvageReport {
        &self.report
    }

    /// Adds a remark.
    pub(super) fn note(&mut self, text: String) {
        self.report.notes.push(text);
    }

    fn climb(&mut self) -> Result<()> {
        self.report.step = if self.header.is_none() {
            Step::Root
        } else if self.log.whole {
            Step::Copy
        } else {
            Step::Log
        };
        if bulk::find_its_tree(self)? {
            self.report.step = Step::Root;
        }
        let mut summary = self.count()?;
        if !self.tally.lost.is_empty() && mend::with_older_tree(self)? {
            self.report.step = self.report.step.max(Step::Previous);
            summary = self.count()?;
        }
        if !self.tally.lost.is_empty() {
            self.report.step = self.report.step.max(Step::Reachable);
            if self.options.scrape {
                self.plan.scrape = Some(self.tally.lost.clone());
                summary = self.count()?;
                if self.tally.all.stale > 0 || self.plan.tree.is_none() {
                    self.report.step = Step::Scrape;
                }
            }
        }
        self.judge_sums(&summary);
        Ok(())
    }

    fn count(&mut self) -> Result<CheckSummary> {
        let (tally, summary) = self.run(&mut Count)?;
        self.tally = tally;
        Ok(summary)
    }

    /// Sends all entries of the result to `sink`.
    pub(super) fn run(&self, sink: &mut dyn Sink) -> Result<(Tally, CheckSummary)> {
        let source = &self.moment.source;
        let records;
        let sweep = match &self.plan.scrape {
            Some(lost) => {
                let scan = Scan::new(source, lost, self.newest_generation());
                records = Ordered::sort(scan, &self.options, &self.scratch_near)?;
                Some(Sweep::new(source, records))
            }
            None => None,
        };
        let mut flow = Flow::new(&self.plan.delta, source.page_size, sink);
        let (tree, older) = (self.plan.tree.as_ref(), self.plan.older.as_ref());
        let summary = walk(source, tree, older, sweep, &mut flow)?;
        Ok((flow.finish()?, summary))
    }

    /// The newest generation that can be part of the database. Where a slot is damaged it may
    /// have named a newer one.
    fn newest_generation(&self) -> u64 {
        match &self.header {
            Some(header) if !self.moment.has_lost_slot() => header.generation,
            _ => u64::MAX,
        }
    }

    /// T6 and T11: pages that are whole but not all of them, or not those that were written.
    fn judge_sums(&mut self, summary: &CheckSummary) {
        let generation = self.plan.tree.map(|tree| tree.generation);
        let own = self
            .header
            .as_ref()
            .filter(|h| Some(h.generation) == generation);
        let Some(header) = own.filter(|_| summary.findings == 0) else {
            return;
        };
        let found = (summary.entries, summary.logical_bytes, summary.content_sum);
        let said = (header.entry_count, header.logical_bytes, header.content_sum);
        if found != said {
            self.report.doubts.push(format!(
                "T11: every page is whole, but the tree has {} entries with content sum {:016x}, and its header says {} with {:016x}",
                found.0, found.2, said.0, said.2
            ));
        }
    }

    fn fill_report(&mut self) {
        let named: Vec<u32> = self.tally.names.ids().collect();
        let found: Vec<u32> = self.tally.keyspaces.keys().copied().collect();
        let lost = describe(&self.tally);
        self.tally.names.complete(found.iter().copied());
        let (tally, report) = (&self.tally, &mut self.report);
        report.entries = tally.all.entries;
        report.bytes = tally.all.bytes;
        report.possibly_stale = tally.all.stale;
        report.keyspaces = tally
            .names
            .ids()
            .map(|id| {
                let sums = tally.keyspaces.get(&id).copied().unwrap_or_default();
                SalvagedKeyspace {
                    id,
                    name: tally.names.get(id).unwrap_or_default().to_owned(),
                    named: named.contains(&id),
                    entries: sums.entries,
                    bytes: sums.bytes,
                    possibly_stale: sums.stale,
                }
            })
            .collect();
        report.lost = lost;
        let ranges = tally.lost.ranges();
        report.lost_entries = ranges
            .iter()
            .filter_map(|r| r.entries)
            .fold(0, u64::saturating_add);
        report.lost_uncounted = ranges.iter().any(|r| r.entries.is_none());
        report.lost_commits = std::mem::take(&mut self.log.lost);
        report.commits_applied = self.log.applied;
        report.commits_out_of_order = self.log.out_of_order.len() as u64;
        report.last_index = self.log.end.map(|end| end.index);
        report.notes.append(&mut self.log.notes);
        report.doubts.append(&mut self.log.doubts);
        if self.header.is_none() {
            let text = "without a header nothing proves that this is the newest state";
            report.doubts.push(text.into());
        }
        let nameless = report.keyspaces.iter().filter(|k| !k.named).count();
        if nameless > 0 {
            let text = format!("T12: the names of {nameless} keyspaces are not known");
            report.doubts.push(text);
        }
        report
            .doubts
            .extend(tally.defects.iter().map(ToString::to_string));
        if tally.impossible > 0 {
            let text = format!(
                "{} entries are out of order or cannot be stored",
                tally.impossible
            );
            report.doubts.push(text);
        }
        report.complete =
            report.lost.is_empty() && report.lost_commits.is_empty() && report.doubts.is_empty();
    }
}

fn blank(moment: &Moment<'_>, header: Option<&Header>) -> SalvageReport {
    SalvageReport {
        step: Step::Copy,
        complete: false,
        entries: 0,
        bytes: 0,
        possibly_stale: 0,
        keyspaces: Vec::new(),
        lost: Vec::new(),
        lost_entries: 0,
        lost_uncounted: false,
        lost_commits: Vec::new(),
        commits_applied: 0,
        commits_out_of_order: 0,
        last_index: None,
        doubts: Vec::new(),
        notes: Vec::new(),
        generation: header.map_or(0, |h| h.generation),
        page_size: moment.source.page_size as u32,
        pinned: moment.pinned,
        writer_active: moment.writer_active,
    }
}
