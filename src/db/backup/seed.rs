//! A replica as a stream of bytes whose length and position are known before the first of them.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use super::super::Db;
use super::super::handle::Inner;
use super::super::token::Position;
use super::copier::Copier;
use super::early;
use super::layout::Layout;
use super::moment::Moment;
use super::{BackupOptions, BackupReport};
use crate::error::Result;
use crate::progress::Progress;

/// One moment of a database, ready to be sent. It keeps the moment's pages from being used again.
pub struct Seed {
    inner: Arc<Inner>,
    moment: Moment,
    layout: Layout,
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed")
            .field("bytes", &self.layout.bytes)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Takes the present moment as a replica, see [`Db::seed`]. All of it is durable here: what
    /// a replica has, its primary does not lose.
    pub fn prepare_seed(&self) -> Result<Seed> {
        let mut moment = Moment::take(&self.inner, false)?;
        moment.make_replica();
        let layout = moment.lay_out(&self.inner.file)?;
        self.durable_position()?;
        Ok(Seed {
            inner: Arc::clone(&self.inner),
            moment,
            layout,
        })
    }
}

impl Seed {
    /// Bytes of the replica.
    pub fn bytes(&self) -> u64 {
        self.layout.bytes
    }

    /// The newest commit in it.
    pub fn position(&self) -> Position {
        let (token, history) = self.moment.end();
        Position {
            epoch: token.epoch,
            index: token.index,
            hash: Some(history),
        }
    }

    /// Gives what a check reads before all else, with its place, until `give` says no.
    pub fn early(&self, give: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<()> {
        if early::made(&self.layout.parts, give) {
            early::branches(self.moment.tree(), give)?;
        }
        Ok(())
    }

    /// Writes it.
    pub fn write_to(&self, out: &mut dyn Write, progress: &dyn Progress) -> Result<BackupReport> {
        let options = BackupOptions::default();
        let mut copier = Copier::new(&self.inner, None, &options, progress, self.layout.bytes);
        copier.stream(&self.layout.parts, out)?;
        Ok(self.moment.report(&self.layout, &copier))
    }
}
