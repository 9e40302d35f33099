//! Bulk load: entries go straight into the tree, two syncs in all, however many they are.
//!
//! The log gets a small entry of its own (so that its indexes stay contiguous) which becomes
//! durable together with the pages. Only the header that follows makes the load real: on open, a
//! bulk entry above the checkpoint with nothing after it is dropped.

use std::sync::Arc;

use super::checkpoint::{Job, RegionWish, next_header};
use super::commit::Token;
use super::handle::{Inner, lock};
use super::sorted::Sorted;
use super::view::NEWEST;
use super::{Batch, Db};
use crate::error::{Error, Result};
use crate::format::frame::EntryKind;
use crate::format::key::MAIN_NAME;
use crate::format::max_key_len;
use crate::progress::Progress;
use crate::store::slots;
use crate::store::space::Space;
use crate::store::writer::PageWriter;
use crate::tree::{self, Change, ChangeSource, FoldMode, PageRead};
use crate::wal::append::{self, Durability, Stamp};
use crate::wal::tail::NewEntry;

/// What a bulk load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkReport {
    /// Position of the load in the log.
    pub token: Token,
    /// Entries read.
    pub entries: u64,
    /// Entries of the database afterwards, less those before.
    pub added: i64,
    /// Bytes written to the file.
    pub bytes_written: u64,
}

impl Db {
    /// Loads entries that come in rising key order (equal keys: the last one wins) into a
    /// keyspace, in one atomic step. Existing keys are replaced. Writers wait until it is done.
    pub fn bulk_load<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        keyspace: &str,
        entries: impl Iterator<Item = Result<(K, V)>>,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        let id = self.inner.keyspace_for_bulk(keyspace)?;
        let page_size = self.inner.view.load().tree.pages.page_size();
        let source = EntrySource::new(entries, id, max_key_len(page_size))?;
        self.inner.bulk(source, (keyspace, id), progress)
    }

    /// Loads entries in any order. They are sorted in memory, in runs of about `sort_memory`
    /// bytes, and merged from a scratch file beside the database where one run is not enough.
    pub fn bulk_load_unsorted<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        keyspace: &str,
        entries: impl Iterator<Item = Result<(K, V)>>,
        sort_memory: usize,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        let vfs = Arc::clone(&self.inner.options.vfs);
        let sorted = Sorted::read(entries, sort_memory, vfs.as_ref(), &self.inner.path)?;
        self.bulk_load(keyspace, sorted, progress)
    }
}

impl Inner {
    /// Id of the keyspace, which an ordinary commit creates where it does not exist.
    fn keyspace_for_bulk(self: &Arc<Self>, name: &str) -> Result<u32> {
        self.check_writable()?;
        if name != MAIN_NAME {
            let mut batch = Batch::new();
            // A put creates the keyspace; the delete takes the entry back in the same commit.
            batch
                .keyspace(name)
                .require_absent(b"\0")
                .put(b"\0", b"")
                .delete(b"\0");
            self.need(None)?;
            self.catch_up()?;
            if self.view.load().layers(NEWEST).keyspace_id(name)?.is_none() {
                match self.write(batch) {
                    // Somebody else created it just now, and uses that key.
                    Ok(_) | Err(Error::Precondition { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let id = self.view.load().layers(NEWEST).keyspace_id(name)?;
        id.ok_or_else(|| Error::NoKeyspace {
            name: name.to_owned(),
        })
    }

    fn bulk<C: ChangeSource + Counted>(
        self: &Arc<Self>,
        mut source: C,
        keyspace: (&str, u32),
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        let _local = lock(&self.checkpointing);
        let _held = self.lock_job()?;
        self.check_poison()?;
        let job = Job {
            switch: true,
            ..Job::fold(RegionWish::Keep)
        };
        // What the log holds goes into the tree first, so that the load is all that is new.
        if let Some(cut) = self.cut_locked(&job)? {
            self.build(&job, &cut, progress)
                .inspect_err(|e| self.poison_unless_harmless(e))?;
        }
        // Before the locks were taken, somebody may have dropped it.
        if self.view.load().layers(NEWEST).keyspace_id(keyspace.0)? != Some(keyspace.1) {
            return Err(Error::NoKeyspace {
                name: keyspace.0.to_owned(),
            });
        }
        let result = self.bulk_fold(&mut source, progress);
        if let Err(e) = &result {
            self.poison_unless_harmless(e);
        }
        result
    }

    /// Folds the source into the tree and publishes it as the next generation.
    fn bulk_fold<C: ChangeSource + Counted>(
        &self,
        source: &mut C,
        progress: &dyn Progress,
    ) -> Result<BulkReport> {
        let Some(cut) = self.cut_locked(&Job {
            force: true,
            ..Job::fold(RegionWish::Keep)
        })?
        else {
            return Err(Error::Poisoned);
        };
        let before = cut.tree.current.clone();
        let generation = before.header.generation + 1;
        let oldest = self
            .pins
            .oldest()?
            .filter(|&pin| pin < before.header.generation);
        let mut space = Space::load(&self.file, &before.header, oldest)?;
        let pages = &cut.tree.pages;
        let mut writer = PageWriter::new(&self.file, &mut space, pages.page_size(), generation);
        writer.watch(progress);
        let (root, delta) = tree::fold(
            pages,
            cut.tree.root(),
            &mut *source,
            &[],
            &mut writer,
            FoldMode::Incremental,
        )?;
        writer.flush()?;
        let mut bytes_written = writer.written();
        let saved = space.save(&self.file, generation)?;
        bytes_written += u64::from(saved.head != 0) * pages.page_size() as u64;
        let mut header = next_header(
            &before,
            &cut,
            root,
            &delta,
            &saved,
            cut.regions,
            self.vfs().now_us(),
        );
        header.page_count = space.page_count();
        let (encoded, payload_len) = self.append_bulk_entry(&header)?;
        header.checkpoint_index = encoded.tail.last_index();
        header.history = encoded.history;
        bytes_written += payload_len + 512;
        self.make_durable(&before, &header)?;
        let current = slots::write(self.file.as_ref(), &before, &header)?;
        self.publish_tree(&cut, current, Some(encoded))?;
        let token = Token {
            epoch: header.epoch,
            index: header.checkpoint_index,
        };
        Ok(BulkReport {
            token,
            entries: source.count(),
            added: delta.entries,
            bytes_written,
        })
    }

    /// Writes the bulk entry behind the log, not yet durable.
    fn append_bulk_entry(
        &self,
        header: &crate::format::header::Header,
    ) -> Result<(append::Encoded, u64)> {
        let mut payload = Vec::with_capacity(16);
        payload.extend_from_slice(&header.content_sum.to_le_bytes());
        payload.extend_from_slice(&header.entry_count.to_le_bytes());
        let entry = NewEntry {
            kind: EntryKind::Bulk,
            op_count: 0,
            payload: &payload,
        };
        let entries = [entry];
        let mut log = lock(&self.log);
        let need = append::group_len(&entries);
        if !append::fits(&log.tail, need) && !self.switch_if_possible(&mut log, need)? {
            return Err(Error::io(
                "make room in the log",
                std::io::ErrorKind::StorageFull.into(),
            ));
        }
        let history = self.history(&mut log)?;
        let stamp = Stamp {
            now_us: self.vfs().now_us(),
            durable_gen: log.tail.durable_gen,
            durability: Durability::Later,
        };
        let mut encoded = append::encode(&log.tail, &history, &entries, &stamp);
        append::write(
            self.file.as_ref(),
            &log.tail,
            &mut encoded,
            Durability::Later,
        )
        .map_err(|e| Error::io("write the log", e))?;
        Ok((encoded, need))
    }
}

/// Tells how many entries were read.
pub(super) trait Counted {
    fn count(&self) -> u64;
}

/// Turns an iterator of user entries into changes with full keys, and checks their order.
struct EntrySource<I> {
    rest: I,
    keyspace: u32,
    longest: usize,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Read ahead, to see whether the same key comes again.
    next: Option<(Vec<u8>, Vec<u8>)>,
    present: bool,
    count: u64,
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>, I: Iterator<Item = Result<(K, V)>>> EntrySource<I> {
    fn new(rest: I, keyspace: u32, longest: usize) -> Result<Self> {
        let mut source = EntrySource {
            rest,
            keyspace,
            longest,
            key: Vec::new(),
            value: Vec::new(),
            next: Some((Vec::new(), Vec::new())),
            present: false,
            count: 0,
        };
        source.read()?;
        source.step()?;
        Ok(source)
    }

    /// Reads the next entry ahead, into the buffers that are there already.
    fn read(&mut self) -> Result<()> {
        let Some(entry) = self.rest.next().transpose()? else {
            self.next = None;
            return Ok(());
        };
        let (key, value) = (entry.0.as_ref(), entry.1.as_ref());
        super::batch::check_key(key.len(), self.longest)?;
        let (next_key, next_value) = self.next.get_or_insert_default();
        next_key.clear();
        next_key.extend_from_slice(&self.keyspace.to_be_bytes());
        next_key.extend_from_slice(key);
        next_value.clear();
        next_value.extend_from_slice(value);
        self.count += 1;
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        let Some((key, value)) = &mut self.next else {
            self.present = false;
            return Ok(());
        };
        if self.present && *key <= self.key {
            return Err(Error::Unsorted { entry: self.count });
        }
        std::mem::swap(&mut self.key, key);
        std::mem::swap(&mut self.value, value);
        self.present = true;
        self.read()?;
        while self.next.as_ref().is_some_and(|(key, _)| *key == self.key) {
            if let Some((_, value)) = &mut self.next {
                std::mem::swap(&mut self.value, value);
            }
            self.read()?;
        }
        Ok(())
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>, I: Iterator<Item = Result<(K, V)>>> ChangeSource
    for EntrySource<I>
{
    fn peek(&self) -> Option<(&[u8], Change<'_>)> {
        self.present
            .then(|| (self.key.as_slice(), Change::Put(&self.value)))
    }

    fn advance(&mut self) -> Result<()> {
        self.step()
    }
}

impl<I> Counted for EntrySource<I> {
    fn count(&self) -> u64 {
        self.count
    }
}
