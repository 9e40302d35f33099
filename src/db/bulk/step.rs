//! The job of a bulk step: what the log holds and what the source gives go into one new tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::feed::Feed;
use super::keyspaces::{CatalogueChange, Keyspaces};
use super::{BulkReport, BulkSource, PositionChange};
use crate::db::batch::check_position;
use crate::db::checkpoint::{Cut, is_no_room};
use crate::db::handle::{Inner, lock};
use crate::db::job::Job;
use crate::db::mode::{choose_mode, intervals};
use crate::db::region::RegionWish;
use crate::db::snapshot::Snapshot;
use crate::db::successor::next_header;
use crate::db::token::Token;
use crate::db::trees::KeptTrees;
use crate::error::{Error, Result};
use crate::format::frame::{EntryKind, frame_len};
use crate::format::header::Header;
use crate::format::key::position_key;
use crate::format::max_key_len;
use crate::progress::Progress;
use crate::store::pages::Pages;
use crate::store::slots;
use crate::store::space::Space;
use crate::store::writer::PageWriter;
use crate::tree::{self, Change, ChangeSource, FoldDelta, FoldMode, IterChanges, Ranged, Root};
use crate::wal::append::{self, Durability};
use crate::wal::tail::NewEntry;

/// Payload of a bulk entry: content sum and number of entries.
const PAYLOAD: usize = 16;

impl Inner {
    pub(super) fn bulk_step<S: BulkSource>(
        self: &Arc<Self>,
        make: impl FnOnce(&Snapshot, Keyspaces) -> Result<S>,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        self.check_writable()?;
        let _local = lock(&self.checkpointing);
        let _held = self.lock_job()?;
        self.check_poison()?;
        let done = self.bulk_step_locked(make, progress);
        if done.as_ref().is_err_and(is_no_room) {
            // What the source gave is used up; whoever tries again finds more room.
            let _ = self.let_trees_go();
        }
        done
    }

    fn bulk_step_locked<S: BulkSource>(
        self: &Arc<Self>,
        make: impl FnOnce(&Snapshot, Keyspaces) -> Result<S>,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        let cut = self.bulk_cut(progress)?;
        let snapshot = Snapshot::of_present(self);
        let keyspaces = Keyspaces::new(&snapshot)?;
        let longest = max_key_len(cut.tree.header().page_size());
        let source = make(&snapshot, keyspaces.clone())?;
        let mut feed = Feed::new(source, keyspaces.clone(), longest)?;
        let size = self.file.size();
        let size = size.map_err(|e| Error::io_at("look at", &self.path, e))?;
        let mut step = Step {
            inner: self,
            cut: &cut,
            keyspaces,
            snapshot,
            size,
            log: None,
            changes: FoldDelta::default(),
        };
        step.run(&mut feed, progress)
    }

    /// Everything up to now, cut off for the tree, with room in the log for one more entry.
    fn bulk_cut(&self, progress: &dyn Progress) -> Result<Cut> {
        self.prepare_log(&mut lock(&self.log))?;
        let job = Job {
            force: true,
            marks: false,
            ..Job::fold(RegionWish::Keep)
        };
        let cut = || self.cut_locked(&job)?.ok_or(Error::Poisoned);
        let first = cut()?;
        let fits = append::fits(&lock(&self.log).tail, frame_len(PAYLOAD as u32));
        if fits {
            return Ok(first);
        }
        // Once its entries are in the tree, the other region can be used.
        self.build(&job, &first, progress)
            .inspect_err(|e| self.poison_unless_harmless(e))?;
        cut()
    }

    /// Writes the bulk entry behind the log, not yet durable.
    fn append_bulk_entry(&self, header: &Header) -> Result<append::Encoded> {
        let mut payload = Vec::with_capacity(PAYLOAD);
        payload.extend_from_slice(&header.content_sum.to_le_bytes());
        payload.extend_from_slice(&header.entry_count.to_le_bytes());
        let entries = [NewEntry {
            kind: EntryKind::Bulk,
            op_count: 0,
            payload: &payload,
        }];
        let mut log = lock(&self.log);
        let need = append::group_len(&entries);
        if !append::fits(&log.tail, need) && !self.switch_if_possible(&mut log, need)? {
            let full = std::io::ErrorKind::StorageFull.into();
            return Err(Error::io("make room in the log", full));
        }
        let history = self.history(&mut log)?;
        let stamp = self.stamp(&log.tail, Durability::Later);
        let mut encoded = append::encode(&log.tail, &history, &entries, &stamp);
        let file = self.file.as_ref();
        let written = append::write(file, &log.tail, &mut encoded, Durability::Later);
        log.tail.clear &= written.is_ok();
        written.map_err(|e| Error::io("write the log", e))?;
        Ok(encoded)
    }
}

/// One bulk step.
struct Step<'a> {
    inner: &'a Arc<Inner>,
    cut: &'a Cut,
    keyspaces: Keyspaces,
    /// The state before the step.
    snapshot: Snapshot,
    /// Of the file, before the step.
    size: u64,
    /// What the log held, once it is folded.
    log: Option<FoldDelta>,
    /// What the step's own changes did.
    changes: FoldDelta,
}

impl Step<'_> {
    fn run<S: BulkSource>(
        &mut self,
        feed: &mut Feed<S>,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        let inner = self.inner;
        let before = &self.cut.tree.current.header;
        let kept = KeptTrees::of(&self.cut.tree)?;
        let oldest = inner.oldest_needed(&self.cut.tree, &kept)?;
        let mut space = Space::load(&inner.file, before, oldest)
            .inspect_err(|e| inner.poison_unless_harmless(e))?;
        inner.keep_trees(&Job::fold(RegionWish::Keep), self.cut, kept, &space, true)?;
        let mut writer = PageWriter::new(
            &inner.file,
            &mut space,
            before.page_size(),
            before.generation + 1,
        );
        writer.watch(progress);
        let mut work = Work {
            cut: self.cut,
            root: self.cut.tree.root(),
            fresh: None,
            writer,
        };
        let folded = self.fold(&mut work, feed);
        let (root, written) = (work.root, work.writer.written());
        drop(work);
        let token = Token {
            epoch: self.cut.epoch,
            index: self.cut.index,
        };
        let before = (token, self.cut.history);
        let mut report = BulkReport::of(before, feed.count(), &self.changes);
        let changed = match (feed.take_failure(), folded) {
            (Some(e), _) => Err(e),
            (None, folded) => folded.inspect_err(|e| inner.poison_unless_harmless(e)),
        };
        if !*changed.as_ref().unwrap_or(&false) {
            self.give_back();
            return changed.map(|_| report);
        }
        let ready = self.prepare(root, &mut space).inspect_err(|e| {
            inner.poison_unless_harmless(e);
            self.give_back();
        })?;
        report.bytes_written = written + ready.bytes + 512;
        report.history = ready.header.history;
        let published = self.publish(ready);
        report.token = published.inspect_err(|e| inner.poison_unless_harmless(e))?;
        report.changed = true;
        Ok(report)
    }

    /// Nothing was published, and nobody else makes the file longer while the locks are held.
    fn give_back(&self) {
        let file = &self.inner.file;
        if file.size().is_ok_and(|now| now > self.size) {
            let _ = file.set_size(self.size);
        }
    }

    /// Writes the new tree. False: it says the same as the old one.
    fn fold<S: BulkSource>(&mut self, work: &mut Work<'_>, feed: &mut Feed<S>) -> Result<bool> {
        if feed.has_section() {
            self.fold_log(work)?;
            loop {
                let delta = work.fold(&mut *feed, FoldMode::Incremental)?;
                self.changes.add(&delta);
                feed.next_section();
                if !feed.has_section() {
                    break;
                }
            }
        }
        let end = feed.finish()?;
        let mut changes = self.keyspaces.changes(feed.used());
        changes.extend(self.positions(end.positions)?);
        let c = &self.changes;
        let changed = c.inserted + c.replaced + c.deleted + c.deleted_in_ranges > 0;
        if !changed && changes.is_empty() {
            return Ok(false);
        }
        self.fold_log(work)?;
        let changes: BTreeMap<_, _> = changes.into_iter().collect();
        let changes = changes.iter().map(|(key, value)| {
            let change = value.as_deref().map_or(Change::Delete, Change::Put);
            Ok((key.as_slice(), change))
        });
        let delta = work.fold(IterChanges::new(changes)?, FoldMode::Incremental)?;
        self.changes.add(&delta);
        work.writer.flush()?;
        Ok(true)
    }

    /// What the log holds goes first.
    fn fold_log(&mut self, work: &mut Work<'_>) -> Result<()> {
        let frozen = &self.cut.frozen;
        if self.log.is_some() {
            return Ok(());
        }
        self.log = Some(FoldDelta::default());
        if frozen.is_empty() {
            return Ok(());
        }
        let ranges = intervals(frozen);
        let (pages, root) = (&self.cut.tree.pages, self.cut.tree.root());
        let mode = choose_mode(pages, root, frozen, &ranges)?;
        let delta = frozen.with_newest(|entries| {
            let changes = IterChanges::new(entries.map(|(key, value)| {
                let change = value.map_or(Change::Delete, Change::Put);
                Ok((key, change))
            }))?;
            let ranges = &ranges;
            work.fold(Ranged { changes, ranges }, mode)
        })?;
        self.log = Some(delta);
        Ok(())
    }

    /// Changes of keyspace 0 for the import positions that are not as they should be.
    fn positions(&self, positions: Vec<PositionChange>) -> Result<Vec<CatalogueChange>> {
        let mut changes = Vec::new();
        for (id, record) in positions {
            check_position(&id, record.as_deref())?;
            if self.snapshot.import_position(&id)? != record {
                changes.push((position_key(&id), record));
            }
        }
        Ok(changes)
    }

    /// Makes the tree durable, with the entry that stands for it in the log.
    fn prepare(&self, root: Root, space: &mut Space) -> Result<Ready> {
        let (inner, cut) = (self.inner, self.cut);
        let before = &cut.tree.current;
        let listed = space.allocated();
        let saved = space.save(&inner.file, before.header.generation + 1)?;
        let list_bytes = (space.allocated() - listed) * before.header.page_size() as u64;
        let mut delta = self.log.clone().unwrap_or_default();
        delta.add(&self.changes);
        let now = inner.vfs().now_us();
        let mut header = next_header(before, cut, root, &delta, &saved, cut.regions, now);
        header.page_count = space.page_count();
        let encoded = inner.append_bulk_entry(&header)?;
        header.checkpoint_index = encoded.tail.last_index();
        header.history = encoded.history;
        inner.make_durable(before, &header)?;
        inner.nothing_was_lost(cut)?;
        Ok(Ready {
            bytes: list_bytes + encoded.bytes.len() as u64,
            header,
            encoded,
        })
    }

    /// Makes it real. From here on nothing can be taken back.
    fn publish(&self, ready: Ready) -> Result<Token> {
        let (inner, cut) = (self.inner, self.cut);
        let before = &cut.tree.current;
        let current = slots::write(inner.file.as_ref(), before, &ready.header)?;
        inner.publish_tree(cut, current, Some(ready.encoded))?;
        Ok(Token {
            epoch: ready.header.epoch,
            index: ready.header.checkpoint_index,
        })
    }
}

/// A durable tree that no header names yet.
struct Ready {
    header: Header,
    encoded: append::Encoded,
    /// Written besides the tree.
    bytes: u64,
}

/// A tree that grows by one fold after the other, all in one generation.
struct Work<'a> {
    cut: &'a Cut,
    root: Root,
    /// The pages of the present root; `None` while they are those of the old one.
    fresh: Option<Pages>,
    writer: PageWriter<'a>,
}

impl Work<'_> {
    fn is_untouched(&self) -> bool {
        self.root == self.cut.tree.root()
    }

    fn fold(&mut self, changes: impl ChangeSource, mode: FoldMode) -> Result<FoldDelta> {
        if !self.is_untouched() {
            self.turn_page()?;
        }
        let old = &self.cut.tree.pages;
        let pages = self.fresh.as_ref().unwrap_or(old);
        let (root, delta) = tree::fold_source(pages, self.root, changes, &mut self.writer, mode)?;
        self.root = root;
        Ok(delta)
    }

    /// Makes what was written so far readable for the next fold.
    fn turn_page(&mut self) -> Result<()> {
        self.writer.flush()?;
        self.writer.space.next_fold();
        let old = &self.cut.tree;
        let header = Header {
            generation: old.header().generation + 1,
            page_count: self.writer.space.page_count(),
            ..old.header().clone()
        };
        let before = self.fresh.as_ref().unwrap_or(&old.pages);
        self.fresh = Some(before.grown(&header)?);
        Ok(())
    }
}
