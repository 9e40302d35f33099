//! Where full blocks go: sorted, kept in memory as long as there is room, else merged into a run
//! on the scratch file.

use std::path::PathBuf;
use std::sync::Arc;

use super::Duplicates;
use super::merge::Merge;
use super::order;
use super::record;
use super::run::{Place, Run};
use crate::error::{Error, Result};
use crate::sys::{File, Vfs};

#[cfg(test)]
mod tests;

/// Bytes gathered before they are written.
const WRITE: usize = 1 << 20;

/// How a sorter works.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Bytes that runs in memory may take.
    pub room: usize,
    /// Bytes to read at a time from a run on disk, and how many of those may be read at once.
    pub chunk: usize,
    pub fan_in: usize,
    pub duplicates: Duplicates,
    pub vfs: Arc<dyn Vfs>,
    pub near: PathBuf,
}

/// Records in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub bytes: Vec<u8>,
    pub count: usize,
    /// Keys rise, each one once.
    pub in_order: bool,
    /// Full key of the last record.
    pub last: Vec<u8>,
}

/// The sorted runs so far.
#[derive(Debug)]
pub(super) struct Store {
    plan: Plan,
    /// The oldest first; those on disk are older than those in memory.
    disk: Vec<Run>,
    memory: Vec<Run>,
    used: usize,
    scratch: Option<Scratch>,
    pub dropped: u64,
}

#[derive(Debug)]
struct Scratch {
    file: Arc<dyn File>,
    end: u64,
}

impl Store {
    pub fn new(plan: Plan) -> Store {
        Store {
            plan,
            disk: Vec::new(),
            memory: Vec::new(),
            used: 0,
            scratch: None,
            dropped: 0,
        }
    }

    /// Takes a block in. Gives its buffer back where it is free again.
    pub fn add(&mut self, block: Block) -> Result<Option<Vec<u8>>> {
        let ordinals = self.plan.duplicates == Duplicates::Refuse;
        let (bytes, last, free) = if block.in_order {
            (block.bytes, block.last, None)
        } else {
            let (bytes, dropped) = order::sorted(&block.bytes, block.count, self.plan.duplicates);
            self.dropped += dropped;
            let last = last_key(&bytes, ordinals);
            (bytes, last, Some(block.bytes))
        };
        let first = record::at(&bytes, 0, ordinals).and_then(|r| bytes.get(r.key));
        let Some(first) = first.map(<[u8]>::to_vec) else {
            return Ok(free);
        };
        self.used += bytes.capacity();
        match self.memory.last_mut() {
            Some(Run {
                last: before,
                place: Place::Memory(blocks),
                ..
            }) if *before < first => {
                blocks.push(bytes);
                *before = last;
            }
            _ => self.memory.push(Run {
                first,
                last,
                place: Place::Memory(vec![bytes]),
            }),
        }
        if self.used > self.plan.room {
            self.spill()?;
        }
        Ok(free)
    }

    /// All runs as one.
    pub fn merge(mut self) -> Result<(Merge, u64)> {
        if self.disk.len() + self.memory.len() > self.plan.fan_in {
            self.spill()?;
        }
        while self.disk.len() > self.plan.fan_in {
            self.pass()?;
        }
        let runs: Vec<Run> = self.disk.into_iter().chain(self.memory).collect();
        let merge = Merge::new(runs, self.plan.chunk, self.plan.duplicates)?;
        Ok((merge, self.dropped))
    }

    /// Moves the runs in memory to one run on disk.
    fn spill(&mut self) -> Result<()> {
        let runs = std::mem::take(&mut self.memory);
        self.used = 0;
        let (Some(first), Some(last)) = (
            runs.iter().map(|r| &r.first).min().cloned(),
            runs.iter().map(|r| &r.last).max().cloned(),
        ) else {
            return Ok(());
        };
        let run = self.write(runs, first, last)?;
        match (self.disk.last_mut(), run) {
            // One goes on where the other ends.
            (
                Some(Run {
                    last: before,
                    place: Place::Disk(_, bytes),
                    ..
                }),
                Run {
                    first,
                    last,
                    place: Place::Disk(_, more),
                },
            ) if *before < first && bytes.end == more.start => {
                bytes.end = more.end;
                *before = last;
            }
            (_, run) => self.disk.push(run),
        }
        Ok(())
    }

    /// Merges neighbouring runs on disk, as many at a time as may be read at once. The file that
    /// they lay in goes away with the last of them.
    fn pass(&mut self) -> Result<()> {
        self.scratch = None;
        let mut old = std::mem::take(&mut self.disk).into_iter().peekable();
        while old.peek().is_some() {
            let group: Vec<Run> = old.by_ref().take(self.plan.fan_in).collect();
            let first = group.iter().map(|r| &r.first).min().cloned();
            let last = group.iter().map(|r| &r.last).max().cloned();
            let run = self.write(group, first.unwrap_or_default(), last.unwrap_or_default())?;
            self.disk.push(run);
        }
        Ok(())
    }

    /// Writes runs as one.
    fn write(&mut self, runs: Vec<Run>, first: Vec<u8>, last: Vec<u8>) -> Result<Run> {
        let plan = &self.plan;
        let failed = |e| Error::io_at("write a scratch file beside", &plan.near, e);
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            None => {
                let file = plan.vfs.open_scratch(&plan.near).map_err(failed)?;
                self.scratch.insert(Scratch { file, end: 0 })
            }
        };
        let start = scratch.end;
        let mut out = Vec::with_capacity(WRITE);
        let mut flush = |out: &mut Vec<u8>| {
            let done = scratch.file.write_at(out, scratch.end).map_err(failed);
            scratch.end += out.len() as u64;
            out.clear();
            done
        };
        let mut merge = Merge::new(runs, plan.chunk, plan.duplicates)?;
        let refuse = plan.duplicates == Duplicates::Refuse;
        // Where duplicates are refused, all of them go on to the last merge, which tells of the
        // smallest key that has any.
        while if refuse {
            merge.next_of_all()?
        } else {
            merge.next()?
        } {
            let Some(reader) = merge.present() else { break };
            let ordinal = refuse.then(|| reader.ordinal());
            if let Some((keyspace, key)) = crate::format::key::split_key(reader.key()) {
                record::push(&mut out, ordinal, keyspace, key, reader.value());
            }
            if out.len() >= WRITE {
                flush(&mut out)?;
            }
        }
        flush(&mut out)?;
        self.dropped += merge.dropped();
        Ok(Run {
            first,
            last,
            place: Place::Disk(Arc::clone(&scratch.file), start..scratch.end),
        })
    }
}

fn last_key(bytes: &[u8], ordinals: bool) -> Vec<u8> {
    let (mut at, mut key) = (0, 0..0);
    while let Some(found) = record::at(bytes, at, ordinals) {
        (at, key) = (found.value.end, found.key);
    }
    bytes.get(key).unwrap_or(&[]).to_vec()
}
