//! Replicas that cannot go on, and the proof that nobody is cut off too early.

use std::thread;

use super::node::open;
use super::pull::Pulled;
use super::run::{FleetRun, engine};
use crate::db::SeedOptions;
use crate::progress::NoProgress;
use crate::soak::check::{Check, Step};
use crate::soak::store::advance;

/// Commits while a replica is seeded.
const MEANWHILE: u64 = 20;

impl FleetRun<'_> {
    /// Looks at every replica that has fallen behind: it goes on, or says that it cannot.
    pub(super) fn check_idle(&mut self) -> Step {
        let active = self.active();
        for at in (0..self.replicas.len()).filter(|at| !active.contains(at)) {
            match self.pull_once(at)? {
                Pulled::Refused => {
                    self.event("reseed", format!("replica {at} is needed anew"));
                    self.reseed(at)?;
                }
                Pulled::Nothing | Pulled::Entries(_) => self.catch_up(at)?,
            }
            self.compare_replica(at)?;
        }
        Ok(())
    }

    /// A new file in place of the old one, made while the primary goes on writing.
    pub(super) fn reseed(&mut self, at: usize) -> Step {
        let Some(number) = self.replicas.get(at).map(|r| r.number) else {
            return Ok(());
        };
        self.counts.reseed_count += 1;
        let path = self.dir.join(format!("copy-{}.creel", self.files));
        self.files += 1;
        let before = self
            .primary
            .position()
            .map_err(engine("read the position"))?;
        // What is seeded is this or something newer.
        let mut older = (self.primary.model.clone(), before.index);
        let (source, target) = (self.primary.db.clone(), path.clone());
        let seeding =
            thread::spawn(move || source.seed(&target, &SeedOptions::default(), &NoProgress));
        for _ in 0..MEANWHILE {
            self.commit()?;
        }
        let seeded = seeding.join();
        let Ok(seeded) = seeded else {
            return Err(self.broken(Check::Reseed, "seeding a replica panicked"));
        };
        let seeded = seeded.map_err(engine("seed a replica"))?;
        let db = open(&path, self.fleet.sync).map_err(engine("open a replica"))?;
        for (first, end) in self.commits.between(older.1, seeded.token.index) {
            for counter in first..end {
                advance(&mut older.0, &self.stream.at(counter), &self.values);
            }
            older.0.set_progress(end);
        }
        let Some(replica) = self.replicas.get_mut(at) else {
            return Ok(());
        };
        let old = std::mem::replace(&mut replica.path, path);
        replica.db = db;
        replica.model = older.0;
        replica.needs_reseed = false;
        let _ = std::fs::remove_file(&old);
        self.compare_replica(at)?;
        match self.pull_once(at)? {
            Pulled::Refused => {
                let detail = format!("replica {number} cannot follow right after it was seeded");
                return Err(self.broken(Check::Reseed, detail));
            }
            Pulled::Nothing | Pulled::Entries(_) => self.catch_up(at)?,
        }
        self.compare_replica(at)?;
        self.counts.reseed_recovery_successes += 1;
        self.ledger.pass(Check::Reseed);
        Ok(())
    }

    /// A replica within what is kept can always go on, however often the log was folded since.
    pub(super) fn probe_retention(&mut self) -> Step {
        let Some(at) = self.active().last().copied() else {
            return Ok(());
        };
        self.catch_up(at)?;
        // As many entries as are kept, less what begins the next look.
        let behind = self.fleet.retention_min.min(40) / 2;
        for _ in 0..2 {
            for _ in 0..behind / 2 {
                self.commit()?;
            }
            self.checkpoint()?;
        }
        if behind < 2 {
            return Ok(());
        }
        match self.pull_once(at)? {
            Pulled::Refused => {
                let kept = self.fleet.retention_min;
                let detail = format!(
                    "a replica {behind} entries behind cannot go on, although {kept} are kept"
                );
                Err(self.broken(Check::Retention, detail))
            }
            Pulled::Nothing | Pulled::Entries(_) => {
                self.ledger.pass(Check::Retention);
                self.catch_up(at)
            }
        }
    }
}
