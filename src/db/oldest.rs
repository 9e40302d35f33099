//! How far back the log reaches.

use std::sync::Arc;

use super::Db;
use super::archive;
use super::handle::lock;
use crate::error::Result;
use crate::format::header::Header;
use crate::wal::tail;

impl Db {
    /// The oldest entry behind which the log is still here, archived parts included. A bulk step
    /// may lie between.
    pub fn oldest_index(&self) -> Result<u64> {
        self.position()?; // what others archived counts
        let inner = &self.inner;
        let (header, turns) = {
            let log = lock(&inner.log);
            let known = (log.current.header.generation, log.tail.region.region_seq);
            (log.current.header.clone(), known)
        };
        let known = *lock(&inner.oldest);
        if let Some((_, oldest)) = known.filter(|(of, _)| *of == turns) {
            return Ok(oldest);
        }
        let oldest = self.look_for_oldest(&header)?;
        *lock(&inner.oldest) = Some((turns, oldest));
        Ok(oldest)
    }

    fn look_for_oldest(&self, header: &Header) -> Result<u64> {
        let inner = &self.inner;
        let tree = Arc::clone(&inner.view.load().tree);
        if let Some(first) = archive::records(&tree)?.first() {
            return Ok(first.first_index - 1);
        }
        let regions = tail::read_regions(inner.file.as_ref(), header)?;
        let active = regions.iter().flatten().max_by_key(|r| r.region_seq);
        let older = active.and_then(|active| {
            let mut all = regions.iter().flatten();
            all.find(|older| archive::has_entries(older, active))
        });
        let first = older.or(active).map_or(1, |region| region.first_index);
        Ok(first - 1)
    }
}
