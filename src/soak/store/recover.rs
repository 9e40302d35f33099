//! Faults: when they come, and what has to hold after them.

use std::collections::VecDeque;

use super::commit::advance;
use super::run::{Run, engine};
use crate::check::{Verdict, VerifyOptions};
use crate::error::Error;
use crate::format::Depth;
use crate::progress::NoProgress;
use crate::soak::check::{Check, Halt, Step};
use crate::soak::config::{Config, Sync};
use crate::soak::faults::{FaultKind, FaultTally};
use crate::soak::oracle::{Model, Oracle};
use crate::soak::random::{Draw, Purpose};
use crate::soak::seam::{Strike, Target};
use crate::soak::text;

/// Models of past moments that are kept, to go back to after a power cut.
const BASES: usize = 8;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Decides about faults.
#[derive(Default)]
pub(super) struct Injector {
    next: u64,
    number: u64,
    active: Option<Active>,
    /// Moments that a power cut cannot take.
    bases: VecDeque<Model>,
    pub tallies: Vec<(FaultKind, FaultTally)>,
}

/// A fault that is prepared or has struck.
#[derive(Debug, Clone, Copy)]
struct Active {
    kind: FaultKind,
    /// It is taken away before this operation.
    deadline: u64,
    seed: u64,
    lied_before: u64,
}

impl Injector {
    /// With the first fault some operations away.
    pub fn new(config: &Config) -> Injector {
        let kinds = storage_faults(config);
        let mut injector = Injector {
            tallies: kinds.iter().map(|k| (*k, FaultTally::default())).collect(),
            ..Injector::default()
        };
        injector.schedule(config, 0);
        injector
    }

    fn schedule(&mut self, config: &Config, from: u64) {
        let every = config.fault_every;
        self.next = match self.tallies.is_empty() || every == 0 {
            true => u64::MAX,
            false => {
                let mut draw = Draw::at(config.seed, Purpose::Fault, self.number);
                from + draw.between(every / 2, every + every / 2).max(1)
            }
        };
    }

    fn tally(&mut self, kind: FaultKind) -> Option<&mut FaultTally> {
        let found = self.tallies.iter_mut().find(|(k, _)| *k == kind);
        found.map(|(_, tally)| tally)
    }
}

fn storage_faults(config: &Config) -> Vec<FaultKind> {
    let all = config.faults.iter().copied();
    all.filter(|kind| !kind.is_transport()).collect()
}

/// Whether the power may fail in this run.
pub(super) fn cuts_power(config: &Config) -> bool {
    let cuts = [FaultKind::TornWrite, FaultKind::LostSync];
    config.faults.iter().any(|kind| cuts.contains(kind))
}

impl Run<'_> {
    /// A new file, all of it durable: there is no way back behind it.
    pub(super) fn settled_anew(&mut self) {
        self.injector.bases.clear();
        self.settled();
    }

    /// Everything up to here is durable.
    pub(super) fn settled(&mut self) {
        let lies = self
            .injector
            .active
            .is_some_and(|a| a.kind == FaultKind::LostSync);
        if !cuts_power(self.config) || self.config.sync == Sync::Off || lies {
            return;
        }
        if let Oracle::Model(model) = &self.oracle {
            if self.injector.bases.len() >= BASES {
                self.injector.bases.pop_front();
            }
            self.injector.bases.push_back(model.clone());
        }
    }

    /// Prepares a fault where one is due, takes one away that has had its time.
    pub(super) fn inject(&mut self) -> Step {
        if let Some(active) = self.injector.active {
            if self.counter < active.deadline {
                return Ok(());
            }
            self.flush()?;
            self.injector.active = None;
            return self.after_fault(active, None);
        }
        if self.counter < self.injector.next {
            return Ok(());
        }
        let number = self.injector.number;
        self.injector.number += 1;
        let mut draw = Draw::at(self.config.seed, Purpose::Fault, number << 1 | 1 << 63);
        let at = draw.below(self.injector.tallies.len() as u64) as usize;
        let kind = self.injector.tallies.get(at).map(|(kind, _)| *kind);
        let Some(kind) = kind else { return Ok(()) };
        if let Some(tally) = self.injector.tally(kind) {
            tally.armed += 1;
        }
        if kind == FaultKind::Bitflip {
            self.flush()?;
            self.flip_a_bit(&mut draw)?;
            self.injector.schedule(self.config, self.counter);
            return Ok(());
        }
        let shared = self.place.seam.shared();
        let seed = draw.number();
        let write_or_sync = match draw.chance(1, 3) {
            true => Target::Sync,
            false => Target::Write,
        };
        match kind {
            FaultKind::TornWrite => {
                shared.arm(Target::Write, draw.below(60), Strike::PowerCut(seed));
            }
            FaultKind::LostSync => {
                shared.lie();
                shared.arm(Target::Write, draw.between(10, 120), Strike::PowerCut(seed));
            }
            FaultKind::ShortWrite => {
                let errno = if draw.chance(1, 2) { EIO } else { ENOSPC };
                shared.arm(Target::Write, draw.below(40), Strike::Half(errno));
            }
            FaultKind::Enospc => {
                let on = if draw.chance(1, 3) {
                    Target::Size
                } else {
                    Target::Write
                };
                shared.arm(on, draw.below(40), Strike::FailOn(ENOSPC));
            }
            _ => shared.arm(write_or_sync, draw.below(40), Strike::Fail(EIO)),
        }
        self.injector.active = Some(Active {
            kind,
            deadline: self.counter + self.config.fault_every / 4 + 500,
            seed,
            lied_before: shared.lied(),
        });
        Ok(())
    }

    /// Takes a fault away before the last look.
    pub(super) fn end_fault(&mut self) -> Step {
        self.injector.next = u64::MAX;
        match self.injector.active.take() {
            Some(active) => {
                self.after_fault(active, None)?;
                self.injector.next = u64::MAX;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A call failed. After a fault that is as it should be; otherwise it is not.
    pub(super) fn recover(&mut self, doing: &'static str, error: Error) -> Step {
        match self.injector.active.take() {
            Some(active) => self.after_fault(active, Some((doing, error))),
            None => Err(self.unexpected(doing, &error)),
        }
    }

    /// A fault is prepared, or has struck and its consequences have not been looked at.
    pub(super) fn has_fault(&self) -> bool {
        self.injector.active.is_some()
    }

    /// The power has failed, and the call that it struck was not one of this thread.
    pub(super) fn power_is_out(&self) -> bool {
        let cuts = [FaultKind::TornWrite, FaultKind::LostSync];
        let active = self.injector.active.map(|active| active.kind);
        active.is_some_and(|kind| cuts.contains(&kind)) && self.place.seam.shared().struck() > 0
    }

    pub(super) fn recover_from_the_dark(&mut self) -> Step {
        let off = std::io::Error::from_raw_os_error(EIO);
        self.recover("work", Error::io("work without power", off))
    }

    /// A failed call that nothing explains.
    pub(super) fn unexpected(&self, doing: &'static str, error: &Error) -> Halt {
        if let Error::Io { source, .. } = error
            && source.raw_os_error() == Some(ENOSPC)
        {
            // No fault of ours: the run cannot go on.
            return Halt::Setup(Error::io(doing, std::io::Error::from_raw_os_error(ENOSPC)));
        }
        if let Error::Interrupted = error {
            return Halt::Interrupted;
        }
        self.broken(
            Check::Calls,
            format!("cannot {doing}: {}", text::chain(error)),
        )
    }

    fn after_fault(&mut self, active: Active, error: Option<(&'static str, Error)>) -> Step {
        let shared = std::sync::Arc::clone(self.place.seam.shared());
        let name = active.kind.name();
        if active.kind == FaultKind::LostSync && shared.struck() == 0 {
            let cut = shared.cut_power(active.seed);
            cut.map_err(|e| Halt::Setup(Error::io("take back what was not synced", e)))?;
        }
        let struck = shared.disarm();
        let mut reported = error.is_some();
        self.forget_own_hold();
        self.reading = None;
        if let Some(db) = self.db.take() {
            reported |= db.close().is_err();
        }
        let in_flight = self.in_flight.take();
        let lied = shared.lied() > active.lied_before;
        // A device that lies may leave damage anywhere, which shows when it is read.
        let opened = self.open().and_then(|()| match lied {
            true => self.read_everything(),
            false => Ok(()),
        });
        if let Err(Halt::Engine(_, error)) = opened {
            if active.kind != FaultKind::LostSync || !lied {
                let detail = format!(
                    "after {name} the file does not open: {}",
                    text::chain(&error)
                );
                return Err(self.broken(Check::Faults, detail));
            }
            // A device that lies is outside of what is promised, but it must not go unnoticed.
            reported = true;
            let cause = text::chain(&error);
            self.event("rebuild", format!("after {name}: {cause}"));
            self.rebuild()?;
        } else {
            opened?;
        }
        self.check_survivors(active, in_flight, &mut reported)?;
        self.index = None;
        let when = format!("after {name}");
        match self.verify(Depth::Full, &when) {
            // What a lying device lost of the old log is read by nobody but this.
            Err(Halt::Broken(_)) if lied => {
                reported = true;
                self.event("rebuild", format!("{when}: verify finds what was lost"));
                self.rebuild()?;
            }
            verified => verified?,
        }
        self.ledger.pass(Check::Faults);
        self.counts.faults += struck.min(1);
        if let Some(tally) = self.injector.tally(active.kind) {
            tally.struck += struck.min(1);
            tally.reported += u64::from(struck > 0 && reported);
            tally.harmless += u64::from(struck > 0 && !reported);
        }
        let how = match (struck, reported) {
            (0, _) => "did not strike",
            (_, true) => "reported",
            (_, false) => "harmless",
        };
        let cause = error.map(|(doing, e)| format!(": cannot {doing}: {}", text::chain(&e)));
        self.event(
            "fault",
            format!("{name}, {how}{}", cause.unwrap_or_default()),
        );
        self.injector.schedule(self.config, self.counter);
        Ok(())
    }

    /// What is there after a fault: all that was confirmed, as far as it had to be durable.
    fn check_survivors(
        &mut self,
        active: Active,
        in_flight: Option<u64>,
        reported: &mut bool,
    ) -> Step {
        let confirmed = self.progress();
        let most = in_flight.unwrap_or(confirmed).max(confirmed);
        let settled = self.injector.bases.back().map_or(0, Model::progress);
        let durable = match (active.kind, self.config.sync) {
            (FaultKind::TornWrite | FaultKind::LostSync, Sync::Normal) => settled,
            (FaultKind::TornWrite | FaultKind::LostSync, Sync::Off) => 0,
            _ => confirmed,
        };
        let lies = active.kind == FaultKind::LostSync;
        let last_index = self.index;
        let found = self.check_acknowledged(if lies { 0 } else { durable }, most)?;
        if found < durable {
            self.must_be_reported(last_index)?;
            *reported = true;
        }
        if found < confirmed {
            self.go_back(found);
        } else if in_flight == Some(found) {
            self.confirm(found);
        } else if found > confirmed {
            let detail = "a part of a commit is there";
            return Err(self.broken(Check::InFlight, detail));
        }
        self.compare("a fault")
    }

    /// Confirmed commits are gone, and the file looks whole: asking for the last one has to show it.
    fn must_be_reported(&mut self, last_index: Option<u64>) -> Step {
        let Some(index) = last_index else {
            return Ok(());
        };
        let options = VerifyOptions {
            level: Depth::Quick,
            expect_index: Some(index),
            ..VerifyOptions::default()
        };
        let report = crate::check::verify(&self.place.path, &options, &NoProgress);
        match report.map_err(engine("verify"))?.verdict {
            Verdict::Damaged | Verdict::Unreadable => Ok(()),
            _ => Err(self.broken(
                Check::Faults,
                "confirmed commits are gone, and verify --expect-index does not say so",
            )),
        }
    }

    /// The power cut took commits that were not durable: the run goes on from there.
    fn go_back(&mut self, progress: u64) {
        self.injector
            .bases
            .retain(|base| base.progress() <= progress);
        let base = self.injector.bases.back().cloned();
        let Oracle::Model(present) = &self.oracle else {
            return;
        };
        let mut model = base.unwrap_or_else(|| Model::new(present.keyspaces(), self.keys.count()));
        for counter in model.progress()..progress {
            if !self.config.skips(counter) {
                advance(&mut model, &self.stream.at(counter), &self.values);
            }
        }
        model.set_progress(progress);
        self.oracle = Oracle::Model(model);
        self.pending.clear();
        self.counter = progress;
        self.maintained = None;
    }

    /// Checks the file as it lies there.
    pub(super) fn verify(&mut self, level: Depth, when: &str) -> Step {
        let options = VerifyOptions {
            level,
            max_findings: 5,
            ..VerifyOptions::default()
        };
        let report = crate::check::verify(&self.place.path, &options, &NoProgress);
        let report = report.map_err(engine("verify"))?;
        if matches!(report.verdict, Verdict::Damaged | Verdict::Unreadable) {
            let found: Vec<String> = report
                .findings
                .iter()
                .map(|f| format!("{} {}", f.id, f.detail))
                .collect();
            let detail = format!("{when}: {}", found.join("; "));
            return Err(self.broken(Check::Verify, detail));
        }
        self.ledger.pass(Check::Verify);
        Ok(())
    }
}
