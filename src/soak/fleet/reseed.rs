//! Replicas that cannot go on, and the proof that nobody is cut off too early.

use std::path::{Path, PathBuf};
use std::thread;

use super::config::Transport;
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
                    self.reseed(at, false)?;
                }
                Pulled::Nothing | Pulled::Entries(_) => self.catch_up(at)?,
            }
            self.compare_replica(at)?;
        }
        Ok(())
    }

    /// What the primary does while somebody else is busy.
    pub(super) fn commit_meanwhile(&mut self) -> Step {
        for _ in 0..MEANWHILE {
            self.commit()?;
        }
        Ok(())
    }

    /// A name that no copy has had.
    pub(super) fn new_path(&mut self) -> PathBuf {
        let path = self.dir.join(format!("copy-{}.creel", self.files));
        self.files += 1;
        path
    }

    /// A new copy in place of the old one, made while the primary goes on writing. `parted`: the
    /// old one has commits that were given up.
    pub(super) fn reseed(&mut self, at: usize, parted: bool) -> Step {
        let known = self.replicas.get(at).map(|r| (r.number, r.path.clone()));
        let Some((number, old)) = known else {
            return Ok(());
        };
        self.counts.reseed_count += 1;
        let before = self.primary.position();
        let before = before.map_err(engine("read the position"))?.index;
        // What is seeded is this or something newer.
        let mut model = self.primary.model.clone();
        let path = match self.fleet.transport {
            Transport::Tcp => {
                self.reseed_by_command(at, parted)?;
                old.clone()
            }
            Transport::Path | Transport::Dir => self.new_path(),
        };
        match self.fleet.transport {
            Transport::Path => self.seed_meanwhile(&path)?,
            Transport::Dir => self.copy_meanwhile(&path)?,
            Transport::Tcp => {}
        }
        let db = self.open(&path, "open a replica")?;
        let now = db.position().map_err(engine("read the position"))?.index;
        if now < before {
            let detail = format!("a new copy is at entry {now}, the primary was at {before}");
            return Err(self.broken(Check::Reseed, detail));
        }
        for (first, end) in self.commits.between(before, now) {
            for counter in first..end {
                advance(&mut model, &self.stream.at(counter), &self.values);
            }
            model.set_progress(end);
        }
        let Some(replica) = self.replicas.get_mut(at) else {
            return Ok(());
        };
        (replica.db, replica.model, replica.needs_reseed) = (db, model, false);
        if path != old {
            replica.path = path;
            let _ = std::fs::remove_file(&old);
        }
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

    fn seed_meanwhile(&mut self, path: &Path) -> Step {
        let (source, target) = (self.primary.db.clone(), path.to_owned());
        let seeding =
            thread::spawn(move || source.seed(&target, &SeedOptions::default(), &NoProgress));
        self.commit_meanwhile()?;
        let Ok(seeded) = seeding.join() else {
            return Err(self.broken(Check::Reseed, "seeding a replica panicked"));
        };
        seeded.map_err(engine("seed a replica"))?;
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
