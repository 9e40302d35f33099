//! A bit of the closed file flips: whatever is read then is right, or refused.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use super::commit::first_batch;
use super::hold::digest_of;
use super::run::{Run, engine};
use crate::check::{Verdict, VerifyOptions};
use crate::db::{Batch, CheckpointOptions};
use crate::error::Error;
use crate::format::Depth;
use crate::progress::NoProgress;
use crate::soak::check::{Check, Halt, Step};
use crate::soak::config::{PROGRESS, Sync, keyspace_name};
use crate::soak::faults::FaultKind;
use crate::soak::oracle::{Bytes, Model, Oracle, PROGRESS_KEY};
use crate::soak::random::Draw;

/// Bytes of a batch while the database is filled anew.
const FILL: usize = 1 << 20;

impl Run<'_> {
    pub(super) fn flip_a_bit(&mut self, draw: &mut Draw) -> Step {
        let begun = Instant::now();
        // The other process reads on its own time: not while the file is damaged.
        self.hear_reader()?;
        // What was never synced is allowed to look unfinished.
        if self.config.sync != Sync::Full || draw.chance(1, 2) {
            self.checkpoint()?;
        }
        self.close()?;
        let path = self.place.path.clone();
        let failed = |e| Halt::Setup(Error::io_at("flip a bit of", &path, e));
        let size = path.metadata().map_err(failed)?.len();
        let (offset, bit) = (draw.below(size), draw.below(8) as u32);
        flip(&path, offset, bit).map_err(failed)?;
        let reported = self.is_refused();
        flip(&path, offset, bit).map_err(failed)?;
        let reported = reported?;
        self.open()?;
        self.compare("a flipped bit was put right")?;
        self.ledger.pass(Check::Faults);
        self.counts.faults += 1;
        let how = if reported { "reported" } else { "harmless" };
        let ms = begun.elapsed().as_millis();
        self.event("fault", format!("bitflip at byte {offset}, {how}, {ms} ms"));
        let tallies = self.injector.tallies.iter_mut();
        for (_, tally) in tallies.filter(|(kind, _)| *kind == FaultKind::Bitflip) {
            tally.struck += 1;
            tally.reported += u64::from(reported);
            tally.harmless += u64::from(!reported);
        }
        Ok(())
    }

    /// True where reading or checking refuses something, false where all is right.
    fn is_refused(&mut self) -> Step<bool> {
        let options = VerifyOptions {
            level: Depth::Deep,
            ..VerifyOptions::default()
        };
        let seen = match crate::check::verify(&self.place.path, &options, &NoProgress) {
            Ok(report) => matches!(report.verdict, Verdict::Damaged | Verdict::Unreadable),
            Err(_) => true,
        };
        let opened = crate::db::OpenOptions::new()
            .read_only(true)
            .open(&self.place.path)
            .and_then(|db| db.snapshot());
        let Ok(snapshot) = opened else {
            return Ok(true);
        };
        let bytes = Bytes {
            keys: &self.keys,
            values: &self.values,
        };
        match self.oracle.compare(&snapshot, bytes) {
            Err(_) => Ok(true),
            Ok(Ok(_)) => Ok(seen),
            Ok(Err(difference)) => {
                let detail = format!("a flipped bit went through: {difference}");
                Err(self.broken(Check::Faults, detail))
            }
        }
    }

    /// Reads everything, whatever it is.
    pub(super) fn read_everything(&mut self) -> Step {
        let read = self.snapshot()?;
        digest_of(&read).map_err(engine("read everything"))?;
        Ok(())
    }

    /// A new database with what the oracle holds, in place of one that refuses to open.
    pub(super) fn rebuild(&mut self) -> Step {
        let Oracle::Model(model) = &self.oracle else {
            return Ok(());
        };
        self.reading = None;
        self.db = None;
        let _ = std::fs::remove_file(&self.place.path);
        let created = self.place.create(self.config);
        let db = created.map_err(engine("make the database anew"))?;
        let model = model.clone();
        self.fill(&db, &model)?;
        let durable = db.checkpoint(&CheckpointOptions::default(), &NoProgress);
        durable.map_err(engine("fill the database anew"))?;
        db.close().map_err(engine("close the database"))?;
        self.settled_anew();
        self.open()
    }

    fn fill(&mut self, db: &crate::db::Db, model: &Model) -> Step {
        let write = |batch| db.write(batch).map_err(engine("fill the database anew"));
        write(first_batch(self.config.keyspaces, &self.keys))?;
        for number in 0..model.keyspaces() {
            let name = keyspace_name(number);
            let mut batch = Batch::new();
            for (key, reference) in model.from(number, 0) {
                self.keys.write(key, &mut self.key);
                self.values.write(reference, &mut self.value);
                batch.keyspace(&name).put(&self.key, &self.value);
                if batch.byte_len() > FILL {
                    write(std::mem::take(&mut batch))?;
                }
            }
            write(batch)?;
        }
        let mut batch = Batch::new();
        batch
            .keyspace(PROGRESS)
            .put(PROGRESS_KEY, &model.progress().to_be_bytes());
        write(batch)?;
        Ok(())
    }
}

fn flip(path: &Path, offset: u64, bit: u32) -> io::Result<()> {
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset)?;
    byte = byte.map(|b| b ^ (1 << bit));
    file.write_all_at(&byte, offset)
}
