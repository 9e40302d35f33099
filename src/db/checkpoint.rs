//! Checkpoint: folding the log into the tree while writes go on.
//!
//! K1 cut: freeze the table, send new commits to the other region. K2 make the log up to the cut
//! durable. K3 read the free list, apply the reuse rule. K4 fold, writing only new pages. K5
//! write the free list. K6 sync, and ask whether commits were told of losses (`lost`). K7 write the other header slot, durably. K8 publish.
//!
//! A crash before K7 leaves the old header and the log; after it, the new header and the rest of
//! the log. Failure for want of space keeps everything as it was and can be tried again.

use std::borrow::Borrow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::facts::note_facts;
use super::handle::{Inner, Log, lock};
use super::job::{CheckpointOptions, CheckpointReport, Job, JobDone};
use super::mark::{nothing_new, wants_marker};
use super::mode::{choose_mode, intervals};
use super::options::SyncMode;
use super::region::{RegionWish, wanted_room};
use super::successor::next_header;
use super::trees::KeptTrees;
use super::turn::is_idle_free;
use super::view::{Tree, View};
use crate::defect::{Defect, planted};
use crate::delta::Delta;
use crate::error::{Error, Result};
use crate::format::header::{Header, RegionSlot};
use crate::format::pair::pick_mut;
use crate::format::region::{REGION_HEADER_SIZE, RegionHeader};
use crate::progress::Progress;
use crate::store::pages::Pages;
use crate::store::slots::{self, Current};
use crate::store::space::Space;
use crate::store::writer::PageWriter;
use crate::threads::Mutex;
use crate::tree::{self, Change, FoldDelta, FoldMode, IterChanges, PageRead};
use crate::wal::append::{self, Durability};

/// A log of so many bytes is left for an empty one even where that takes one more header.
pub(super) const LONG_BYTES: u64 = 64 << 10;

/// The cut: everything up to `index` goes into the tree.
pub(super) struct Cut {
    pub frozen: Arc<Delta>,
    pub tree: Arc<Tree>,
    pub index: u64,
    pub history: [u8; 16],
    pub epoch: u32,
    /// Regions as the new header will describe them.
    pub regions: [RegionSlot; 2],
    /// The region that takes no commits until the new header is durable.
    pub idle: usize,
    /// The incarnation that does, as a pattern for another one.
    pub region: RegionHeader,
    pub active_seq: u64,
    pub log_bytes: u64,
    /// A marker for the copies comes next in the log.
    pub mark: bool,
    /// There was no room: no older tree is kept.
    pub no_room: bool,
    /// No entry of the log is younger.
    pub newest_us: u64,
    /// Groups that had failed by then.
    pub failed_groups: u64,
    /// The last entry of the oldest tree that is kept to go back to.
    pub oldest_tree: Mutex<Option<u64>>,
    /// The oldest archived entry, once it is known.
    pub oldest_kept: Mutex<Option<u64>>,
}

impl Inner {
    /// Folds the log into the tree.
    pub fn checkpoint(
        self: &Arc<Self>,
        options: &CheckpointOptions,
        progress: &dyn Progress,
    ) -> Result<CheckpointReport> {
        if options.dry_run {
            return self.dry_checkpoint();
        }
        self.check_writable()?;
        if let Some(above) = options.if_above {
            let report = self.dry_checkpoint()?;
            if report.wal_bytes_before <= above {
                let reason = "the log is below the threshold";
                return Ok(CheckpointReport { reason, ..report });
            }
        }
        // A session may have left large regions, which every one-shot command has to look through.
        let region = if self.options.background {
            RegionWish::Keep
        } else {
            RegionWish::Base
        };
        let mut report = self.run_job(&Job::fold(region), progress)?.report;
        if self.is_long_for_nothing() {
            let turn = Job {
                force: true,
                switch: true,
                marks: false,
                ..Job::fold(region)
            };
            report = report.and(self.run_job(&turn, progress)?.report);
        }
        Ok(report)
    }

    /// True where the log is long and all of it is in the tree: the other region was needed still when
    /// the checkpoint began. Whoever opens the file would read through it.
    pub(super) fn is_long_for_nothing(&self) -> bool {
        let log = lock(&self.log);
        nothing_new(&log) && log.tail.end > LONG_BYTES
    }

    fn dry_checkpoint(&self) -> Result<CheckpointReport> {
        let mut log = lock(&self.log);
        self.refresh(&mut log, false)?;
        let bytes = log_bytes(&log);
        let reason = if nothing_new(&log) {
            "nothing was committed since the last checkpoint"
        } else {
            "dry run"
        };
        Ok(CheckpointReport {
            reason,
            wal_bytes_before: bytes,
            wal_bytes_after: bytes,
            generation: log.current.header.generation,
            ..CheckpointReport::default()
        })
    }

    /// Called by a committer that found no room: checkpoints, and asks for larger regions.
    pub fn checkpoint_for_room(self: &Arc<Self>, need: u64) -> Result<()> {
        self.make_room(need, true)
    }

    /// The same; no marker comes between where `marks` is false.
    pub(super) fn make_room(self: &Arc<Self>, need: u64, marks: bool) -> Result<()> {
        let room = self.log_room.load(Ordering::Relaxed);
        let doubled = (room * 2).min(self.options.wal_max);
        let bytes = doubled.max((need + REGION_HEADER_SIZE as u64).next_multiple_of(4096));
        let job = Job {
            force: true,
            marks,
            ..Job::fold(RegionWish::AtLeast(bytes))
        };
        self.run_job(&job, &crate::progress::NoProgress).map(|_| ())
    }

    /// Runs K1 to K9. One at a time, across processes.
    pub fn run_job(self: &Arc<Self>, job: &Job, progress: &dyn Progress) -> Result<JobDone> {
        self.run_job_made(|_| Ok(job), progress, || ())
    }

    /// The same with a job that is made once nobody else can change the file, and a call as soon as
    /// commits go on behind it.
    pub fn run_job_made<J: Borrow<Job>>(
        self: &Arc<Self>,
        make: impl FnOnce(&Self) -> Result<J>,
        progress: &dyn Progress,
        is_cut: impl FnOnce(),
    ) -> Result<JobDone> {
        let _local = lock(&self.checkpointing);
        let vfs = self.vfs();
        let (_held, writer) = self.lock_job()?;
        self.check_poison()?;
        let started = vfs.elapsed();
        let job = make(self)?;
        let job = job.borrow();
        let cut = self.cut_locked(job)?;
        drop(writer);
        is_cut();
        // From here on committers go on. They turn to the idle region only under the checkpoint
        // lock, so it can be replaced under them.
        let Some(mut cut) = cut else {
            return Ok(self.nothing_to_do());
        };
        let blocked = vfs.elapsed().saturating_sub(started);
        let mut built = self.build(job, &cut, progress);
        if built.as_ref().is_err_and(is_no_room) {
            // Its pin would keep what is let go.
            drop(cut);
            match self.cut_without_trees(job) {
                Ok(Some(again)) => cut = again,
                Ok(None) => return built,
                Err(e) if is_no_room(&e) && self.check_poison().is_ok() => return built,
                Err(e) => return Err(e),
            }
            built = self.build(job, &cut, progress);
        }
        let mut done = built.inspect_err(|e| self.poison_unless_harmless(e))?;
        done.report.blocked = blocked;
        // Only a help for those who open next.
        let _ = self.mark_empty_log(&cut);
        Ok(done)
    }

    /// Want of space and an interruption leave everything as it was; anything else may not.
    pub(super) fn poison_unless_harmless(&self, error: &Error) {
        if !may_try_again(error) {
            self.poison();
        }
    }

    fn nothing_to_do(&self) -> JobDone {
        let log = lock(&self.log);
        JobDone {
            report: CheckpointReport {
                reason: "nothing was committed since the last checkpoint",
                generation: log.current.header.generation,
                ..CheckpointReport::default()
            },
            delta: FoldDelta::default(),
        }
    }

    /// K1, for a caller that holds the writer lock. `None`: nothing new.
    pub(super) fn cut_locked(&self, job: &Job) -> Result<Option<Cut>> {
        let mut log = lock(&self.log);
        self.check_same_file()?;
        self.refresh(&mut log, true)?;
        self.hold_all(&mut log, true)?;
        let header = log.current.header.clone();
        if nothing_new(&log) && !job.force {
            return Ok(None);
        }
        // What a failed attempt froze is folded again, together with what came since.
        if self.view.load().frozen.is_some() {
            self.reload(&mut log, true)?;
        }
        let bytes = log_bytes(&log);
        let stays = job.only_records || job.only_region && is_idle_free(&log);
        let marks = !stays && job.marks && wants_marker(&log);
        // A header may be ahead of the log: an epoch begins with it.
        let (epoch, index, history) = match stays {
            true => (header.epoch, header.checkpoint_index, header.history),
            false => {
                let epoch = log.tail.link.epoch.max(header.epoch);
                (epoch, log.tail.last_index(), self.history(&mut log)?)
            }
        };
        let tree = Arc::clone(&self.view.load().tree);
        let old_active = log.tail.active;
        let wanted = !stays && (index > header.checkpoint_index || job.switch);
        let switched = wanted && self.switch_if_possible(&mut log, 0)?;
        if !switched && self.options.sync != SyncMode::Off {
            // K2: the header must not claim what the log could still lose. And the header before
            // it must be there, because pages that only older ones need are used again now.
            self.prove_header(&mut log, Durability::Now)?;
            append::prove(self.file.as_ref(), &mut log.tail).inspect_err(|_| self.poison())?;
        }
        let mut regions = header.regions;
        if !job.only_records {
            let active = pick_mut(&mut regions, log.tail.active);
            active.region_seq = log.tail.region.region_seq;
            active.first_index = log.tail.region.first_index;
        }
        let frozen = match stays {
            true => Arc::new(Delta::new()),
            false => self.freeze(),
        };
        let mark = job.mark == Some(index) || (marks && self.leave_marker(&mut log)?);
        let idle = if switched {
            old_active
        } else {
            log.tail.active ^ 1
        };
        let region = log.tail.region;
        let active_seq = region.region_seq;
        Ok(Some(Cut {
            frozen,
            tree,
            index,
            history,
            epoch,
            regions,
            idle,
            region,
            active_seq,
            log_bytes: bytes,
            mark,
            no_room: false,
            newest_us: log.tail.last_time_us,
            failed_groups: log.groups.failed,
            oldest_tree: Mutex::new(None),
            oldest_kept: Mutex::new(None),
        }))
    }

    /// K3 to K8.
    pub(super) fn build(&self, job: &Job, cut: &Cut, progress: &dyn Progress) -> Result<JobDone> {
        let before = &cut.tree.current;
        let generation = before.header.generation + 1;
        let newest = Arc::clone(&self.view.load().tree);
        let kept = KeptTrees::of(&newest)?;
        let oldest = self.oldest_needed(&newest, &kept)?;
        self.cut_tail(before, oldest)?;
        let mut space = Space::load(&self.file, &before.header, oldest)?;
        self.keep_trees(job, cut, kept, &space, false)?;
        self.go_back_to(job, cut, &mut space, generation)?;
        let pages = &cut.tree.pages;
        let ranges = intervals(&cut.frozen);
        let mode = match &job.mode {
            Some(mode) => mode.clone(),
            None => choose_mode(pages, cut.tree.root(), &cut.frozen, &ranges)?,
        };
        let dense = mode == FoldMode::Dense;
        let mut regions = cut.regions;
        let region_bytes = self.retire_idle(job, cut, &mut space, &mut regions, generation)?;
        note_facts(job, cut);
        self.note_mark(cut)?;
        let mut writer = PageWriter::new(&self.file, &mut space, pages.page_size(), generation);
        writer.watch(progress);
        if self.options.sync == SyncMode::Off {
            writer.leave_to_system();
        }
        let (root, delta) = cut.frozen.with_newest(|entries| {
            let changes = IterChanges::new(entries.map(|(key, value)| {
                let change = value.map_or(Change::Delete, Change::Put);
                Ok((key, change))
            }))?;
            tree::fold(pages, cut.tree.root(), changes, &ranges, &mut writer, mode)
        })?;
        writer.flush()?;
        let mut bytes_written = writer.written() + region_bytes;
        let list_pages = space.allocated();
        space.trim_tail();
        let saved = space.save(&self.file, generation)?;
        bytes_written += (space.allocated() - list_pages) * pages.page_size() as u64 + 512;
        let header = next_header(
            before,
            cut,
            root,
            &delta,
            &saved,
            regions,
            self.vfs().now_us(),
        );
        let mut header = Header {
            page_count: space.page_count(),
            ..header
        };
        if header.archive_first_index == 0 && job.keeps_log() {
            let oldest = *lock(&cut.oldest_kept);
            header.archive_first_index = oldest.unwrap_or(cut.region.first_index);
        }
        self.make_durable(before, &header)?;
        self.nothing_was_lost(cut)?;
        self.coming.store(generation, Ordering::Release);
        let written = slots::write(self.file.as_ref(), before, &header);
        let published = written.and_then(|current| self.publish_tree(cut, current, None));
        self.coming.store(0, Ordering::Release);
        published?;
        let report = CheckpointReport {
            done: true,
            reason: "",
            wal_bytes_before: cut.log_bytes,
            wal_bytes_after: log_bytes(&lock(&self.log)),
            generation,
            pages_written: delta.pages_written,
            bytes_written,
            blocked: Duration::ZERO,
            dense,
        };
        Ok(JobDone { report, delta })
    }

    /// K6, with the file at least as long as the header will say.
    pub(super) fn make_durable(&self, before: &Current, header: &Header) -> Result<()> {
        let failed = |e| Error::io("sync the database", e);
        let need = u64::from(header.page_count) * header.page_size() as u64;
        if header.page_count > before.header.page_count && self.file.size().map_err(failed)? < need
        {
            self.file
                .set_size(need)
                .map_err(|e| Error::io("extend the database", e))?;
        }
        let grown = header.regions.map(|r| r.pages) != before.header.regions.map(|r| r.pages);
        match self.options.sync {
            _ if planted(Defect::HeaderBeforeSync) => Ok(()),
            _ if planted(Defect::GrowthUnsynced) && grown => Ok(()),
            SyncMode::Off => Ok(()),
            _ => self.file.sync().map_err(failed),
        }
    }

    /// Gives the end of the file back once both header slots do without it and nobody who reads
    /// an older generation is left.
    fn cut_tail(&self, before: &Current, oldest_pin: Option<u64>) -> Result<()> {
        let failed = |e| Error::io("shorten the database", e);
        let slots = slots::read(self.file.as_ref())?;
        let counts = slots.states.iter().filter_map(|s| match s {
            crate::format::header::SlotState::Valid(h, _) => Some(h.page_count),
            _ => None,
        });
        let keep = counts
            .max()
            .unwrap_or(u32::MAX)
            .max(before.header.page_count);
        let keep = u64::from(keep) * before.header.page_size() as u64;
        if oldest_pin.is_none() && self.file.size().map_err(failed)? > keep {
            self.file.set_size(keep).map_err(failed)?;
        }
        Ok(())
    }

    /// K8: readers see the new tree; what was frozen is in it. `appended`: so is this log entry.
    pub(super) fn publish_tree(
        &self,
        cut: &Cut,
        current: Current,
        appended: Option<append::Encoded>,
    ) -> Result<()> {
        let pages = Pages::new(Arc::clone(&self.file), &current.header, self.options.mmap);
        pages.adopt_map(cut.tree.pages.map()?.cloned());
        let pin = self.pins.pin(current.header.generation)?;
        let tree = Arc::new(Tree {
            pages,
            current: current.clone(),
            _pin: pin,
        });
        let mut log = lock(&self.log);
        let mut snapshots = lock(&self.snapshots);
        let mut active = Arc::clone(&self.view.load().active);
        if let Some(encoded) = appended {
            log.tail = encoded.tail;
            if self.options.sync != SyncMode::Off {
                log.tail.proven = log.tail.end;
                append::leave_mark(self.file.as_ref(), &log.tail);
            }
            log.history = Some(encoded.history);
            snapshots.visible = log.tail.last_index();
            // The writer lock was held: there is nothing behind that entry.
            active = Arc::new(Delta::new());
        }
        if planted(Defect::CheckpointClearsActive) {
            active = Arc::new(Delta::new());
        }
        self.view.store(Arc::new(View {
            tree,
            active,
            frozen: None,
        }));
        log.tail.durable_gen = match self.options.sync {
            SyncMode::Off => log.tail.durable_gen,
            _ => current.header.generation as u32,
        };
        log.header_proven = self.options.sync != SyncMode::Off;
        log.current = current;
        self.wanted.store(
            wanted_room(log.tail.end, log.tail.extent.len),
            Ordering::Relaxed,
        );
        self.note_log(&log);
        Ok(())
    }
}

/// Want of space and an interruption leave everything as it was.
fn may_try_again(error: &Error) -> bool {
    match error {
        Error::Interrupted
        | Error::Busy { .. }
        | Error::Limit { .. }
        | Error::Invalid { .. }
        | Error::Unsorted { .. }
        | Error::Corrupt(_) => true,
        _ => is_no_room(error),
    }
}

/// The file could not become larger.
pub(super) fn is_no_room(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if wants_space(source))
}

pub(super) fn wants_space(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Log bytes after the checkpoint, as far as the active region tells.
fn log_bytes(log: &Log) -> u64 {
    if nothing_new(log) {
        return 0;
    }
    log.tail.end - REGION_HEADER_SIZE as u64
}
