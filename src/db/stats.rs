//! Statistics of what the last checkpoint left in the tree.

use super::Db;
use crate::check::{Stats, StatsOptions};
use crate::error::{Error, Result};
use crate::progress::Progress;

impl Db {
    /// Where the space goes: every leaf read, or a sample of them. Commits since the last
    /// checkpoint are not counted.
    pub fn stats(&self, options: &StatsOptions, progress: &dyn Progress) -> Result<Stats> {
        let snapshot = self.snapshot()?;
        let tree = &snapshot.view().tree;
        let size = self.inner.file.size();
        let size = size.map_err(|e| Error::io_at("look at", &self.inner.path, e))?;
        crate::check::stats(&tree.pages, tree.header(), size, options, progress)
    }
}
