//! What happens between operations: checkpoints, compactions, reopenings, snapshots that are held.

use std::time::Instant;

use super::run::{Run, engine};
use crate::db::{CheckpointOptions, CompactOptions};
use crate::progress::NoProgress;
use crate::soak::check::{Check, Step};
use crate::soak::measure::usage;
use crate::soak::oracle::{Answer, Bytes, Compared};
use crate::soak::plants::Plant;
use crate::soak::seam::{Flaw, Strike, Target};

/// Operations before a reopening from which the plant of a lost write strikes.
const LOST_BEFORE: u64 = 300;

pub(super) fn is_due(every: u64, counter: u64) -> bool {
    every > 0 && counter > 0 && counter.is_multiple_of(every)
}

impl Run<'_> {
    /// What is due before the present operation.
    pub(super) fn maintain(&mut self) -> Step {
        let (counter, config) = (self.counter, self.config);
        if is_due(config.hold, counter) {
            self.flush()?;
            self.hold()?;
        }
        let compacts = is_due(config.compact_every, counter);
        let reopens = is_due(config.reopen_every, counter);
        let folds = is_due(config.checkpoint_every, counter);
        if !(compacts || reopens || folds) {
            return Ok(());
        }
        self.flush()?;
        if compacts {
            match (counter / config.compact_every).is_multiple_of(2) {
                true => self.copy_dense()?,
                false => self.compact()?,
            }
        }
        if reopens {
            self.reopen()?;
        }
        // Either of the two has folded the log already, or read it.
        if folds && !compacts && !reopens {
            self.checkpoint()?;
        }
        self.check_holds()
    }

    pub(super) fn checkpoint(&mut self) -> Step {
        let options = CheckpointOptions::default();
        let done = self.db()?.checkpoint(&options, &NoProgress);
        let report = done.map_err(engine("checkpoint"))?;
        self.counts.checkpoints += 1;
        let detail = format!("generation {}", report.generation);
        self.event("checkpoint", detail);
        self.settled();
        self.settled_kb = usage(None).ok().map(|used| used.anon_kb);
        self.compare("a checkpoint")
    }

    fn compact(&mut self) -> Step {
        let options = CompactOptions::default();
        let done = self.db()?.compact(&options, &NoProgress);
        let report = done.map_err(engine("compact"))?;
        self.counts.compactions += 1;
        let detail = format!(
            "in place, {} to {} bytes",
            report.bytes_before, report.bytes_after
        );
        self.event("compaction", detail);
        self.settled();
        self.compare("a compaction in place")
    }

    /// A dense copy takes the place of the file.
    fn copy_dense(&mut self) -> Step {
        let copy = self.place.beside(".dense");
        let _ = std::fs::remove_file(&copy);
        let done = self.db()?.copy_dense(&copy, &NoProgress);
        let report = done.map_err(engine("make a dense copy"))?;
        if report.content_sum_before != report.content_sum_after {
            let detail = "the content sum of the copy is another";
            return Err(self.broken(Check::Compaction, detail));
        }
        self.close()?;
        std::fs::rename(&copy, &self.place.path).map_err(|e| {
            engine("rename the copy")(crate::error::Error::io("rename the copy", e))
        })?;
        self.open()?;
        self.counts.compactions += 1;
        let detail = format!(
            "dense, {} to {} bytes",
            report.bytes_before, report.bytes_after
        );
        self.event("compaction", detail);
        self.compare("a dense copy")?;
        self.ledger.pass(Check::Compaction);
        self.settled();
        Ok(())
    }

    pub(super) fn reopen(&mut self) -> Step {
        self.close()?;
        self.place.seam.shared().disarm();
        self.open()?;
        self.counts.reopens += 1;
        self.event("reopen", String::new());
        self.check_acknowledged(self.progress(), self.progress())?;
        self.compare("reopening")
    }

    /// Closes the database; snapshots of this process go with it.
    pub(super) fn close(&mut self) -> Step {
        self.drop_own_hold()?;
        self.reading = None;
        match self.db.take() {
            Some(db) => db.close().map_err(engine("close the database")),
            None => Ok(()),
        }
    }

    pub(super) fn open(&mut self) -> Step {
        self.session += 1;
        let begun = Instant::now();
        let opened = self.place.open(self.config, self.session);
        self.openings = (self.openings.0 + 1, self.openings.1.max(begun.elapsed()));
        self.db = Some(opened.map_err(engine("open the database"))?);
        Ok(())
    }

    /// After reopening: everything confirmed is there, and nothing beyond `most`.
    pub(super) fn check_acknowledged(&mut self, least: u64, most: u64) -> Step<u64> {
        let found = self.stored_progress()?.unwrap_or(0);
        if found < least {
            let detail =
                format!("operations up to {least} were confirmed, those from {found} on are gone");
            return Err(self.broken(Check::Acknowledged, detail));
        }
        self.ledger.pass(Check::Acknowledged);
        if found > most {
            let detail = format!("there are operations up to {found}, but only {most} were begun");
            return Err(self.broken(Check::InFlight, detail));
        }
        self.ledger.pass(Check::InFlight);
        Ok(found)
    }

    /// Everything beside the oracle.
    pub(super) fn compare(&mut self, after: &str) -> Step {
        let snapshot = self.snapshot()?;
        let (keys, values) = (&self.keys, &self.values);
        let found = self.oracle.compare(&snapshot, Bytes { keys, values });
        self.judge_comparison(found, Check::Contents, after)
    }

    pub(super) fn judge_comparison(
        &mut self,
        found: Answer<Compared>,
        check: Check,
        after: &str,
    ) -> Step {
        match found.map_err(engine("read everything"))? {
            Ok(compared) => {
                self.ledger.pass(check);
                self.counts.entries_compared += compared.entries;
                Ok(())
            }
            Err(difference) => Err(self.broken(check, format!("after {after}: {difference}"))),
        }
    }

    /// The defects that strike at a commit.
    pub(super) fn plant_at_commit(&mut self, to: u64) {
        let every = self.config.reopen_every;
        let near = every > 0 && to % every > every.saturating_sub(LOST_BEFORE);
        let shared = self.place.seam.shared();
        let strikes = self.planted != Some(self.session);
        if near && strikes && self.has_plant(Plant::LostWrite) {
            self.planted = Some(self.session);
            shared.arm(Target::Write, 0, Strike::Swallow);
        }
        match self.config.plant {
            Some(Plant::Leak) => shared.plant(Flaw::Leak),
            Some(Plant::WrongValue) => shared.plant(Flaw::WrongValue(every)),
            Some(Plant::DroppingCheckpoint) => shared.plant(Flaw::DropsConcurrent),
            _ => {}
        }
    }
}
