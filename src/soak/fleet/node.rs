//! One copy, and what it should hold.

use std::path::PathBuf;
use std::sync::Arc;

use crate::db::{Db, OpenOptions, Position};
use crate::soak::oracle::Model;
use crate::soak::seam::Seam;

/// One copy. At any time one of them is the primary.
#[derive(Debug)]
pub(super) struct Node {
    /// Number in reports.
    pub number: u32,
    pub path: PathBuf,
    pub db: Db,
    /// What it should hold, as far as its position.
    pub model: Model,
    /// It cannot go on from its log.
    pub needs_reseed: bool,
    pub behind: Behind,
    /// It was compared whole since it last changed.
    pub seen: bool,
}

/// How a replica stands to its primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// It has everything.
    Nothing,
    /// It lacks so many entries.
    Entries(u64),
}

impl Node {
    pub fn position(&self) -> crate::error::Result<Position> {
        self.db.position()
    }
}

/// How copies are opened. No thread folds the log by itself: the cycles say when.
pub(super) fn options(seam: &Seam, sync: crate::soak::config::Sync) -> OpenOptions {
    OpenOptions::new()
        .sync(sync.into())
        .background_checkpoint(false)
        .checkpoint_at(None)
        .vfs(Arc::new(seam.clone()))
}

/// The commits of a history: what the log index of each says about the operations.
#[derive(Debug, Clone, Default)]
pub(super) struct Commits {
    /// (log index, first operation, first operation after it), by rising index.
    list: Vec<(u64, u64, u64)>,
}

impl Commits {
    pub fn push(&mut self, index: u64, from: u64, to: u64) {
        self.list.push((index, from, to));
    }

    /// Operations of the commits after one log index, up to another.
    pub fn between(&self, after: u64, upto: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let inside = move |c: &&(u64, u64, u64)| c.0 > after && c.0 <= upto;
        self.list.iter().filter(inside).map(|c| (c.1, c.2))
    }

    /// How many commits are behind a log index.
    pub fn count_after(&self, index: u64) -> u64 {
        self.list.iter().rev().take_while(|c| c.0 > index).count() as u64
    }

    /// Those behind an index never happened.
    pub fn cut(&mut self, index: u64) {
        self.list.retain(|c| c.0 <= index);
    }

    /// Nobody asks for those before any more.
    pub fn forget_before(&mut self, index: u64) {
        if self.list.len() > 4096 {
            self.list.retain(|c| c.0 > index);
        }
    }
}
