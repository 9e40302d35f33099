//! No room on the device: what is kept to go back to makes way, so that keeping it makes no write fail.

use super::checkpoint::{Cut, is_no_room};
use super::handle::{Inner, lock};
use super::job::Job;
use super::trees::usable;
use crate::error::Result;
use crate::format::header::Header;
use crate::progress::NoProgress;
use crate::wal::append::Durability;

impl Inner {
    /// There is no room: older trees and the log behind them are let go, and what a job takes in is cut off
    /// once more. `None`: there are none, or somebody else is committing. The caller holds the checkpoint
    /// lock.
    pub(super) fn cut_without_trees(&self, job: &Job) -> Result<Option<Cut>> {
        let Some(_writer) = self.writer_in_job()? else {
            return Ok(None);
        };
        if !self.let_trees_go()? {
            return Ok(None);
        }
        let cut = self.cut_locked(job)?;
        Ok(cut.map(|cut| Cut {
            no_room: true,
            ..cut
        }))
    }

    /// Gives all older trees up at once, by both headers: that takes no page, and what waits for them can be used
    /// from then on. False where there are none. The caller holds checkpoint lock and writer lock.
    pub(super) fn let_trees_go(&self) -> Result<bool> {
        {
            let mut log = lock(&self.log);
            self.refresh(&mut log, true)?;
            if usable(&self.view.load().tree)?.is_empty() {
                return Ok(false);
            }
            let header = &log.current.header;
            let wanted = Header {
                trees_from: header.generation + 1,
                ..header.clone()
            };
            self.prove_header(&mut log, Durability::Now)?;
            self.write_both(&mut log, wanted)
                .inspect_err(|e| self.poison_unless_harmless(e))?;
        }
        // The log behind them is let go by a tree, and can be used two generations later.
        let Some(cut) = self.cut_locked(&Job::drop_records())? else {
            return Ok(true);
        };
        match self.build(&Job::drop_records(), &cut, &NoProgress) {
            Err(e) if is_no_room(&e) => return Ok(true),
            done => done.inspect_err(|e| self.poison_unless_harmless(e))?,
        };
        drop(cut);
        let mut log = lock(&self.log);
        let header = log.current.header.clone();
        self.write_both(&mut log, header)
            .inspect_err(|e| self.poison_unless_harmless(e))?;
        Ok(true)
    }
}
