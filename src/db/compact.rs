//! Compaction in place, online: pack leaves a stretch at a time, move pages from the end of the
//! file into the space that frees up in front, cut the end off.
//!
//! Each round is a checkpoint, so a crash at any point leaves a whole database, and snapshots and
//! commits go on. Freed pages come back two generations later, so at no time does the file need
//! much more than it had.

use std::sync::Arc;

use super::Db;
use super::handle::{Inner, lock};
use super::job::{Job, JobDone};
use super::pace::Paced;
use super::region::RegionWish;
use crate::error::{Error, Result};
use crate::format::Invariant;
use crate::format::header::{Header, first_page};
use crate::progress::Progress;
use crate::tree::{self, FoldMode};

/// How to compact.
#[derive(Debug, Clone, PartialEq)]
pub struct CompactOptions {
    /// Only estimate.
    pub dry_run: bool,
    /// Do nothing where less than this share of the file would be gained.
    pub min_gain_percent: f64,
    /// Bytes to write in a second at most, as long as no commit has to wait for that.
    pub rate: Option<u64>,
}

impl Default for CompactOptions {
    fn default() -> Self {
        CompactOptions {
            dry_run: false,
            min_gain_percent: 0.0,
            rate: None,
        }
    }
}

/// What compaction did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactReport {
    /// False where nothing was done; `reason` says why.
    pub done: bool,
    /// Why nothing was done.
    pub reason: &'static str,
    /// File size before.
    pub bytes_before: u64,
    /// File size afterwards (estimated in a dry run).
    pub bytes_after: u64,
    /// Entries.
    pub entries: u64,
    /// Content sum before and after: equal, or it is an error. Both are as of the newest commit that
    /// was taken in: others may commit meanwhile.
    pub content_sum_before: u64,
    /// See `content_sum_before`.
    pub content_sum_after: u64,
    /// Checkpoints that it took.
    pub rounds: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

impl Db {
    /// Makes the file small without closing it: other processes go on reading and writing.
    pub fn compact(
        &self,
        options: &CompactOptions,
        progress: &dyn Progress,
    ) -> Result<CompactReport> {
        self.inner.compact(options, progress)
    }
}

/// Attempts to move pages down, without a shorter file, after which it is as short as it gets: log regions
/// at its end go one by one.
const PATIENCE: u32 = 3;
/// Pages of the free list's own that are always under way.
const LIST_PAGES: u32 = 2;
/// Free pages that are worth no attempt.
const SLACK_PAGES: u32 = 4;

/// Leaves that are fuller than this are left as they are: entries seldom fill a page to its end.
const PACKED: f64 = 0.97;

/// Trees that are kept to go back to make the file long.
fn fold(wish: RegionWish) -> Job {
    Job {
        keeps_trees: false,
        ..Job::fold(wish)
    }
}

/// State of one compaction.
struct Compaction<'a> {
    inner: &'a Arc<Inner>,
    progress: &'a dyn Progress,
    report: CompactReport,
}

impl Inner {
    fn compact(
        self: &Arc<Self>,
        options: &CompactOptions,
        progress: &dyn Progress,
    ) -> Result<CompactReport> {
        if !options.dry_run {
            self.check_writable()?;
        }
        let paced = Paced::new(self, progress, options.rate, true);
        let mut work = Compaction {
            inner: self,
            progress: &paced,
            report: CompactReport::default(),
        };
        work.report.bytes_before = self.file_size()?;
        if !options.dry_run {
            // What is in the log counts too.
            self.run_job(&fold(RegionWish::Base), progress)?;
        }
        let estimate = self.dense_bytes()?;
        let header = self.header();
        work.report.entries = header.entry_count;
        work.report.content_sum_before = header.content_sum;
        work.report.content_sum_after = header.content_sum;
        work.report.bytes_after = estimate.min(work.report.bytes_before);
        let now = self.file_size()?;
        let gain = now.saturating_sub(estimate);
        let percent = 100.0 * gain as f64 / now.max(1) as f64;
        // The estimate may be off by a page or two.
        let nothing = gain <= 4 * header.page_size() as u64;
        if options.dry_run || nothing || percent < options.min_gain_percent {
            work.report.reason = match (options.dry_run, nothing) {
                (true, _) => "dry run",
                (false, true) => "nothing to gain",
                (false, false) => "too little to gain",
            };
            if !options.dry_run {
                work.report.bytes_after = now;
            }
            return Ok(work.report);
        }
        work.run()?;
        let header = self.header();
        work.report.done = true;
        work.report.content_sum_after = header.content_sum;
        work.report.entries = header.entry_count;
        work.report.bytes_after = self.file_size()?;
        Ok(work.report)
    }

    fn file_size(&self) -> Result<u64> {
        let size = self.file.size();
        size.map_err(|e| Error::io_at("look at", &self.path, e))
    }

    fn header(&self) -> Header {
        lock(&self.log).current.header.clone()
    }

    /// Bytes that a dense copy would have, estimated from the fill of a few leaves.
    fn dense_bytes(&self) -> Result<u64> {
        let header = self.header();
        let view = self.view.load();
        let page_size = header.page_size() as u64;
        let sample = tree::sample_fill(&view.tree.pages, view.tree.root(), 256)?;
        let tree_pages = sample.leaves + sample.branches;
        let packed = if sample.fill > PACKED {
            1.0
        } else {
            sample.fill
        };
        let dense = (tree_pages as f64 * packed).ceil() as u64 + sample.overflow_pages;
        let logs: u64 = header.regions.iter().map(|r| u64::from(r.base_pages)).sum();
        let fixed = u64::from(first_page(header.page_size()));
        let archive = super::archive::records(&view.tree)?;
        let archive: u64 = archive.iter().map(|r| u64::from(r.pages)).sum();
        Ok((fixed + logs + archive + dense + 1) * page_size)
    }
}

impl Compaction<'_> {
    fn run(&mut self) -> Result<()> {
        self.shrink_logs()?;
        self.release()?;
        self.pack()?;
        self.release()?;
        self.move_down()
    }

    /// Gives back what the log has taken of the space that pages are moved into: each is then moved once.
    fn shrink_logs(&mut self) -> Result<()> {
        for _ in 0..2 {
            let regions = self.inner.header().regions;
            if regions.iter().all(|r| r.pages <= r.base_pages) {
                break;
            }
            self.round(Job {
                force: true,
                switch: true,
                marks: false,
                ..fold(RegionWish::Base)
            })?;
        }
        Ok(())
    }

    /// Packs leaves, a stretch of them per round, unless they are packed already.
    fn pack(&mut self) -> Result<()> {
        let view = self.inner.view.load_full();
        let sample = tree::sample_fill(&view.tree.pages, view.tree.root(), 256)?;
        drop(view);
        if sample.fill > PACKED || sample.leaves < 2 {
            return Ok(());
        }
        let eighth = u32::try_from(sample.leaves / 8).unwrap_or(u32::MAX);
        let mut from = Vec::new();
        loop {
            // What is free already takes as many full leaves without a longer file.
            let max_leaves = eighth.max(1024).max(self.inner.header().free_available);
            let mode = FoldMode::DenseRange { from, max_leaves };
            let done = self.round(Job {
                mode: Some(mode),
                force: true,
                ..fold(RegionWish::Keep)
            })?;
            match done.delta.resume_key {
                Some(key) => from = key,
                None => return Ok(()),
            }
        }
    }

    /// Moves pages above the size that the file should have into free space below it.
    fn move_down(&mut self) -> Result<()> {
        let header = self.inner.header();
        // Each page is moved twice at most, however many old trees keep places from being free.
        let mut budget = 2 * u64::from(header.page_count - self.live_end(&header));
        let (mut still, mut shortest) = (0, header.page_count);
        while still < PATIENCE && !self.is_short()? {
            let header = self.inner.header();
            let cut = self.live_end(&header);
            let mode = FoldMode::MoveAbove {
                first_page: cut,
                max_pages: header.free_available.max(64),
            };
            let done = self.round(Job {
                mode: Some(mode),
                force: true,
                switch: true,
                // Moving pages is no reason for an entry in the log.
                marks: false,
                ..fold(RegionWish::BaseBelow(cut))
            })?;
            // Two generations for what was moved, two more until both headers agree on the end.
            self.settle(4, Self::is_short)?;
            // The pages at the end are not always the first to be moved.
            budget = budget.saturating_sub(done.delta.pages_written.max(1));
            let goes_on = done.delta.more && header.free_available >= 64 && budget > 0;
            // Where the last pages are those of one large value, the file grows and shrinks by turns.
            let now = self.inner.header().page_count;
            still = if now < shortest || goes_on {
                0
            } else {
                still + 1
            };
            shortest = shortest.min(now);
        }
        Ok(())
    }

    /// Freed pages can be used again two generations later: the lower pages go to, the fewer are moved twice.
    fn release(&mut self) -> Result<()> {
        self.settle(2, |work| Ok(work.inner.header().free_pending <= LIST_PAGES))
    }

    /// Checkpoints that fold little or nothing, so many at most, until something is so.
    fn settle(&mut self, rounds: u32, is_so: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        for _ in 0..rounds {
            if is_so(self)? {
                break;
            }
            self.round(Job {
                force: true,
                ..fold(RegionWish::Keep)
            })?;
        }
        Ok(())
    }

    /// True where nothing is left to be gained.
    fn is_short(&self) -> Result<bool> {
        let header = self.inner.header();
        let free = header.free_available.saturating_add(header.free_pending);
        Ok(free <= SLACK_PAGES && self.is_cut()?)
    }

    /// True where the file ends with its last page.
    fn is_cut(&self) -> Result<bool> {
        let header = self.inner.header();
        let size = self.inner.file_size()?;
        Ok(size <= u64::from(header.page_count) * header.page_size() as u64)
    }

    /// Where the file could end if no page below were free.
    fn live_end(&self, header: &Header) -> u32 {
        header
            .page_count
            .saturating_sub(header.free_available + header.free_pending)
    }

    fn round(&mut self, job: Job) -> Result<JobDone> {
        let before = self.inner.header();
        let done = self.inner.run_job(&job, self.progress)?;
        let now = self.inner.header();
        let same_entries = now.checkpoint_index == before.checkpoint_index;
        if same_entries && now.content_sum != before.content_sum {
            let text = "compaction changed the content sum";
            return Err(Error::corrupt(Invariant::T11, text));
        }
        if !same_entries {
            // Commits that others made meanwhile are in it now.
            self.report.content_sum_before = now.content_sum;
        }
        self.report.rounds += 1;
        self.report.bytes_written += done.report.bytes_written;
        if self.progress.stopped() {
            return Err(Error::Interrupted);
        }
        Ok(done)
    }
}
