//! Sorting changes of any number in bounded memory.
//!
//! Records are gathered in blocks. A full block is sorted by a second thread while the next one
//! fills up, and kept; blocks that came in order are kept as they are. When the memory is used
//! up, all that is kept is merged into one run on a nameless scratch file beside the database.
//! At the end what is left is merged while it is read, again by a second thread.

mod ahead;
mod merge;
mod order;
mod record;
mod run;
mod store;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::JoinHandle;

use super::Db;
use super::batch::check_key;
use super::bulk::{BulkChange, BulkSource};
use crate::error::{Error, Result};
use crate::format::key::split_key;
use crate::sys::{OsVfs, Vfs};
use ahead::Ahead;
use merge::Merge;
use store::{Block, Plan, Store};

/// What becomes of records with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// The last one pushed stays.
    #[default]
    Last,
    /// The first one pushed stays.
    First,
    /// Reading fails with [`Error::Duplicate`], for the smallest such key.
    Refuse,
    /// All of them stay, in the order in which they were pushed: [`Sorted`] gives them one after
    /// the other, and its reader chooses.
    All,
}

impl Duplicates {
    /// True where only one record of a key stays.
    fn drops(self) -> bool {
        matches!(self, Duplicates::Last | Duplicates::First)
    }
}

/// Least memory that a sorter works with.
const LEAST: usize = 1 << 20;
/// Largest block: one that fits the caches of the processor is sorted fastest.
const BLOCK: usize = 16 << 20;
/// From so many bytes on the last merge is worth a thread.
const MANY: u64 = 4 << 20;
/// Longest key that any page size allows.
const LONGEST_KEY: usize = crate::format::max_key_len(65536);

/// Takes changes in any order and gives them back sorted by keyspace id and key.
#[derive(Debug)]
pub struct Sorter {
    plan: Plan,
    block_size: usize,
    block: Block,
    pushed: u64,
    bytes: u64,
    worker: Option<Worker>,
}

/// The thread that sorts.
#[derive(Debug)]
struct Worker {
    blocks: SyncSender<Block>,
    /// Buffers that it is done with.
    free: Receiver<Vec<u8>>,
    thread: JoinHandle<Result<Store>>,
}

impl Db {
    /// A sorter whose scratch file, where it needs one, lies beside the database.
    pub fn sorter(&self, memory: usize, duplicates: Duplicates) -> Sorter {
        let vfs = Arc::clone(&self.inner.options.vfs);
        Sorter::on(vfs, memory, duplicates, &self.inner.path)
    }
}

impl Sorter {
    /// A sorter that uses about `memory` bytes (at least 1 MiB), and a scratch file without a
    /// name in the directory of `near` where that is not enough. A record that is larger than a
    /// sixteenth of it comes on top.
    pub fn new(memory: usize, duplicates: Duplicates, near: &Path) -> Sorter {
        Sorter::on(Arc::new(OsVfs), memory, duplicates, near)
    }

    /// The same on a file system of the caller's.
    pub(crate) fn on(
        vfs: Arc<dyn Vfs>,
        memory: usize,
        duplicates: Duplicates,
        near: &Path,
    ) -> Sorter {
        let memory = memory.max(LEAST);
        // One block fills up, one waits, one is being sorted into another one.
        let block_size = (memory / 16).min(BLOCK);
        let chunk = (memory / 64).min(256 << 10);
        let plan = Plan {
            room: memory - 4 * block_size,
            chunk,
            fan_in: (4 * block_size / chunk).max(2),
            duplicates,
            vfs,
            near: near.to_owned(),
        };
        Sorter {
            plan,
            block_size,
            block: Block::default(),
            pushed: 0,
            bytes: 0,
            worker: None,
        }
    }

    /// Takes a change in; `None` deletes the key. Gives its number, from 1.
    pub fn push(&mut self, keyspace: u32, key: &[u8], value: Option<&[u8]>) -> Result<u64> {
        check_key(key.len(), LONGEST_KEY)?;
        self.push_any(keyspace, key, value)
    }

    /// The same for keys that are none of a database's, up to 64 KiB: they are only sorted.
    pub fn push_any(&mut self, keyspace: u32, key: &[u8], value: Option<&[u8]>) -> Result<u64> {
        let need = key.len() + value.map_or(0, <[u8]>::len) + 16;
        if self.block.bytes.len() + need > self.block_size && self.block.count > 0 {
            self.hand_over()?;
        }
        self.pushed += 1;
        self.bytes += need as u64;
        let block = &mut self.block;
        let rises = || match split_key(&block.last) {
            Some((before, last)) => (before, last) < (keyspace, key),
            None => true,
        };
        block.in_order = (block.in_order || block.count == 0) && rises();
        if block.in_order {
            block.last.clear();
            block.last.extend_from_slice(&keyspace.to_be_bytes());
            block.last.extend_from_slice(key);
        }
        let ordinal = (self.plan.duplicates == Duplicates::Refuse).then_some(self.pushed);
        record::push(&mut block.bytes, ordinal, keyspace, key, value);
        block.count += 1;
        Ok(self.pushed)
    }

    /// Number of changes pushed.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Everything that was pushed, in order.
    pub fn finish(mut self) -> Result<Sorted> {
        let block = std::mem::take(&mut self.block);
        let store = match self.worker.take() {
            Some(worker) => {
                let sent = worker.blocks.send(block);
                drop(worker.blocks);
                let store = join(worker.thread)?;
                sent.map_err(|_| Error::Poisoned)?;
                store
            }
            None => {
                let mut store = Store::new(self.plan);
                store.add(block)?;
                store
            }
        };
        let (merge, dropped) = store.merge()?;
        let feed = if self.bytes >= MANY && merge.runs() > 1 {
            Feed::Ahead(Ahead::start(merge)?)
        } else {
            Feed::Here(merge)
        };
        Ok(Sorted {
            feed,
            dropped,
            pushed: self.pushed,
        })
    }

    fn hand_over(&mut self) -> Result<()> {
        let worker = match &self.worker {
            Some(worker) => worker,
            None => self.worker.insert(start(self.plan.clone())?),
        };
        let next = match worker.free.try_recv() {
            Ok(mut bytes) => {
                bytes.clear();
                bytes
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                Vec::with_capacity(self.block_size)
            }
        };
        let next = Block {
            bytes: next,
            ..Block::default()
        };
        let full = std::mem::replace(&mut self.block, next);
        if worker.blocks.send(full).is_err() {
            // It ended early, so it has an error to tell.
            let ended = self.worker.take().map(|worker| join(worker.thread));
            return match ended {
                Some(Err(e)) => Err(e),
                _ => Err(Error::Poisoned),
            };
        }
        Ok(())
    }
}

fn start(plan: Plan) -> Result<Worker> {
    let (blocks, full) = sync_channel::<Block>(1);
    let (done, free) = channel();
    let run = move || {
        let mut store = Store::new(plan);
        for block in full {
            if let Some(bytes) = store.add(block)? {
                let _ = done.send(bytes); // nobody waits for it
            }
        }
        Ok(store)
    };
    let thread = std::thread::Builder::new().name("sort".into()).spawn(run);
    Ok(Worker {
        blocks,
        free,
        thread: thread.map_err(|e| Error::io("start a thread", e))?,
    })
}

fn join(thread: JoinHandle<Result<Store>>) -> Result<Store> {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Changes sorted by keyspace id and key, each key once.
#[derive(Debug)]
pub struct Sorted {
    feed: Feed,
    dropped: u64,
    pushed: u64,
}

/// Where the last merge happens.
#[derive(Debug)]
enum Feed {
    Here(Merge),
    Ahead(Ahead),
}

impl Sorted {
    /// The next change, valid until the next call.
    #[inline]
    pub fn next_change(&mut self) -> Result<Option<BulkChange<'_>>> {
        let more = match &mut self.feed {
            Feed::Here(merge) => merge.next()?,
            Feed::Ahead(ahead) => ahead.next()?,
        };
        if !more {
            return Ok(None);
        }
        let (full, value) = match &self.feed {
            Feed::Here(merge) => (merge.key(), merge.value()),
            Feed::Ahead(ahead) => (ahead.key(), ahead.value()),
        };
        Ok(split_key(full).map(|(keyspace, key)| BulkChange {
            keyspace,
            key,
            value,
        }))
    }

    /// Changes that were pushed.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Changes that lost against another one with the same key; all of them are known once the
    /// end was reached.
    pub fn dropped(&self) -> u64 {
        let here = match &self.feed {
            Feed::Here(merge) => merge.dropped(),
            Feed::Ahead(ahead) => ahead.dropped(),
        };
        self.dropped + here
    }
}

impl BulkSource for Sorted {
    fn next(&mut self) -> Result<Option<BulkChange<'_>>> {
        self.next_change()
    }
}
