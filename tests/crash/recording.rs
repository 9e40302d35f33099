//! A workload that was run, with all moments at which the power may fail, and the states that
//! those lead to.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::campaign::{Budget, Tally, guarded};
use super::marks::Promise;
use super::model::History;
use super::oracle::{Care, Seen, judge};
use super::replay::Place;
use super::rng::mix;
use super::support::sim::{CrashChoice, CrashPlan};
use super::workloads::Workload;
use super::world::{Cut, World};

const THREADS: usize = 2;

/// All subsets of so many fragments are looked at where the budget allows.
const EXHAUSTIVE: usize = 12;

/// Most choices at one cut.
const MOST: usize = 4096;

/// A cut of a recovery with so few pending operations has all their subsets looked at, one with more so many of them.
const EXHAUSTIVE_IN_RECOVERY: usize = 6;
const SAMPLED_IN_RECOVERY: usize = 32;

/// The same of all that comes after a crash, checkpoints included.
const EXHAUSTIVE_AFTER: usize = 4;
const SAMPLED_AFTER: usize = 8;

/// Where an image comes from: the same bytes hold the same commits only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Origin {
    /// A crash of an era of the workload.
    Era(usize),
    /// A crash while the first commit was made upon so many of an era's.
    After(usize, u64),
}

pub struct Recording {
    workload: &'static Workload,
    seed: u64,
    pub cuts: Vec<Cut>,
    pub eras: Vec<History>,
    /// Commits that an image was found to hold. Many crashes leave the same image:
    /// those that keep nothing of what came since the last sync, for a start.
    known: Mutex<HashMap<(u64, Origin), u64>>,
}

impl Recording {
    pub fn of(workload: &'static Workload, seed: u64) -> Result<Recording, String> {
        let world = World::observed(seed);
        (workload.run)(&world)?;
        let cuts = world.finish();
        let mut books = world.books();
        if let Some(text) = books.violations.first() {
            return Err(text.clone());
        }
        let eras = std::mem::take(&mut books.eras);
        drop(books);
        Ok(Recording {
            workload,
            seed,
            cuts,
            eras,
            known: Mutex::default(),
        })
    }

    /// How many choices each cut gets: as many as there are where there are few, and an equal
    /// share of the budget for the others. Before the file has its name there is little to see.
    fn shares(&self, budget: usize) -> Vec<usize> {
        let room = |cut: &Cut| match cut.snapshot.pending_fragments() {
            _ if !cut.promise.created && !self.workload.makes_the_file => 2,
            _ if cut.promise.lossy => 6,
            n @ 0..=EXHAUSTIVE => 1 << n,
            _ => MOST,
        };
        let rooms: Vec<usize> = self.cuts.iter().map(room).collect();
        let total = |share: usize| -> usize { rooms.iter().map(|r| *r.min(&share)).sum() };
        let (mut low, mut high) = (1, MOST);
        while low < high {
            let share = (low + high).div_ceil(2);
            match total(share) <= budget {
                true => low = share,
                false => high = share - 1,
            }
        }
        rooms.iter().map(|room| *room.min(&low)).collect()
    }

    fn choices(&self, cut: usize, budget: usize) -> impl Iterator<Item = CrashChoice> + use<> {
        let pending = self.cuts[cut].snapshot.pending_fragments();
        CrashPlan::choices(pending, mix(self.seed ^ cut as u64), budget)
    }

    fn place(&self, cut: usize, choice: &CrashChoice) -> Place {
        let crashes = vec![(cut, choice.clone())];
        Place {
            workload: self.workload.name.to_owned(),
            seed: self.seed,
            crashes,
        }
    }

    /// Looks at about so many states, and crashes recoveries.
    pub fn run(&self, budget: &Budget, tally: &Tally) {
        let shares = self.shares(budget.states);
        self.count_exhausted(&shares, tally);
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let cut = next.fetch_add(1, Ordering::Relaxed);
                let Some(share) = shares.get(cut) else { break };
                for (i, choice) in self.choices(cut, *share).enumerate() {
                    let word = mix(self.seed ^ mix(cut as u64) ^ i as u64);
                    let care = match word.is_multiple_of(budget.aftermath_of) {
                        true => Care::Observed,
                        false if word >> 32 & 3 == 0 => Care::Checkpoint,
                        false => Care::Commit,
                    };
                    self.one(cut, &choice, care, budget, tally);
                    if tally.is_over() {
                        return;
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
    }

    fn count_exhausted(&self, shares: &[usize], tally: &Tally) {
        let whole = |(cut, share): &(&Cut, &usize)| {
            let pending = cut.snapshot.pending_fragments();
            pending <= EXHAUSTIVE && 1 << pending <= **share
        };
        let exhausted = self.cuts.iter().zip(shares).filter(whole).count();
        tally.cuts.fetch_add(self.cuts.len(), Ordering::Relaxed);
        tally.exhausted.fetch_add(exhausted, Ordering::Relaxed);
    }

    fn one(&self, cut: usize, choice: &CrashChoice, care: Care, budget: &Budget, tally: &Tally) {
        let Cut { snapshot, promise } = &self.cuts[cut];
        let image = snapshot.fork_at_crash(choice);
        tally.states.fetch_add(1, Ordering::Relaxed);
        let print = image.fingerprint();
        let name = (print, Origin::Era(promise.era));
        let known = self.known(name);
        if let Some(commits) = known.filter(|_| care != Care::Observed && !promise.lossy) {
            if let Err(text) = fits(promise, commits) {
                tally.violation(self.place(cut, choice), text);
            }
            return;
        }
        tally.images.fetch_add(1, Ordering::Relaxed);
        match guarded(|| judge(image, promise, &self.eras[promise.era], care)) {
            Ok(seen) => {
                let mut first = false;
                if let Some(commits) = seen.commits {
                    first = self.known.lock().unwrap().insert(name, commits).is_none();
                }
                if care == Care::Observed {
                    aftermath(&seen, &self.place(cut, choice), 2, tally);
                }
                if first && seen.writes {
                    tally.writing.fetch_add(1, Ordering::Relaxed);
                    // By the image: whichever crash led to it first.
                    if budget
                        .recovery_of
                        .is_some_and(|n| mix(print).is_multiple_of(n))
                    {
                        self.crash_recovery(cut, choice, tally);
                    }
                }
            }
            Err(text) => tally.violation(self.place(cut, choice), text),
        }
    }

    fn known(&self, name: (u64, Origin)) -> Option<u64> {
        self.known.lock().unwrap().get(&name).copied()
    }

    /// Crashes a recovery, up to the first commit upon it, at each of its calls.
    fn crash_recovery(&self, cut: usize, choice: &CrashChoice, tally: &Tally) {
        let Cut { snapshot, promise } = &self.cuts[cut];
        let place = self.place(cut, choice);
        let image = snapshot.fork_at_crash(choice);
        let history = &self.eras[promise.era];
        let seen = match guarded(|| judge(image, promise, history, Care::FirstCommit)) {
            Ok(seen) => seen,
            Err(text) => return tally.violation(place, text),
        };
        tally.crashed.fetch_add(1, Ordering::Relaxed);
        let before = (promise.era, seen.commits.unwrap_or(0));
        for (i, cut) in seen.cuts.iter().enumerate() {
            let pending = cut.snapshot.pending_fragments();
            let most = match pending <= EXHAUSTIVE_IN_RECOVERY {
                true => 1 << pending,
                false => SAMPLED_IN_RECOVERY,
            };
            for choice in CrashPlan::choices(pending, mix(self.seed ^ i as u64), most) {
                if let Err(text) = self.crashed_recovery(cut, &choice, &seen, before, tally) {
                    let mut place = place.clone();
                    place.crashes.push((i, choice));
                    tally.violation(place, text);
                }
            }
        }
    }

    /// One state of it. Where nothing had changed yet, or the recovery of another image has led to the same, it
    /// was judged.
    fn crashed_recovery(
        &self,
        cut: &Cut,
        choice: &CrashChoice,
        seen: &Seen,
        (era, commits): (usize, u64),
        tally: &Tally,
    ) -> Result<(), String> {
        let image = cut.snapshot.fork_at_crash(choice);
        tally.recoveries.fetch_add(1, Ordering::Relaxed);
        let print = image.fingerprint();
        let unchanged = self.known((print, Origin::Era(era)));
        let name = (print, Origin::After(era, commits));
        let known = unchanged.filter(|n| *n == commits);
        if let Some(commits) = known.or_else(|| self.known(name)) {
            return fits(&cut.promise, commits);
        }
        tally.recovery_images.fetch_add(1, Ordering::Relaxed);
        let history = &seen.eras[cut.promise.era];
        let found = guarded(|| judge(image, &cut.promise, history, Care::Commit))?;
        if let Some(commits) = found.commits {
            self.known.lock().unwrap().insert(name, commits);
        }
        Ok(())
    }
}

/// The promise that holds at another moment at which the power may leave the same image.
fn fits(promise: &Promise, commits: u64) -> Result<(), String> {
    let (acked, begun) = (promise.acked, promise.begun());
    match (acked..=begun).contains(&commits) {
        true => Ok(()),
        false => Err(format!(
            "{commits} commits recovered; {acked} acknowledged, {begun} begun"
        )),
    }
}

/// Crashes a recovery and all that was done after it, a checkpoint included, at each call, and some of those
/// recoveries again.
fn aftermath(seen: &Seen, place: &Place, depth: usize, tally: &Tally) {
    for (i, cut) in seen.cuts.iter().enumerate() {
        let word = mix(place.seed ^ mix(i as u64) ^ depth as u64);
        let pending = cut.snapshot.pending_fragments();
        let budget = match depth {
            2 if pending <= EXHAUSTIVE_AFTER => 1 << pending,
            2 => SAMPLED_AFTER,
            _ => 2,
        };
        for choice in CrashPlan::choices(pending, word, budget) {
            let deeper = depth < 3 && mix(word ^ 7).is_multiple_of(24);
            let care = match deeper {
                true => Care::Observed,
                false if mix(word ^ 3).is_multiple_of(4) => Care::Checkpoint,
                false => Care::Commit,
            };
            let mut place = place.clone();
            place.crashes.push((i, choice.clone()));
            let image = cut.snapshot.fork_at_crash(&choice);
            tally.aftermath.fetch_add(1, Ordering::Relaxed);
            let history = &seen.eras[cut.promise.era];
            match guarded(|| judge(image, &cut.promise, history, care)) {
                Ok(seen) if deeper => aftermath(&seen, &place, depth + 1, tally),
                Ok(_) => {}
                Err(text) => tally.violation(place, text),
            }
        }
    }
}
