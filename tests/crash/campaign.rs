//! Every cut of every workload, and crashes in the recovery from them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::marks::Promise;
use super::model::History;
use super::oracle::{Seen, judge};
use super::replay::Place;
use super::rng::mix;
use super::support::sim::{CrashChoice, CrashPlan};
use super::workloads::{WORKLOADS, Workload};
use super::world::{Cut, World};

/// States in all, and those among them that are crashes of a recovery.
const STATES: usize = 145_000;
const FLOOR: usize = 120_000;
const RECOVERY_STATES: usize = 15_000;
const RECOVERY_FLOOR: usize = 10_000;

/// States that one crashed recovery gives, about.
const RECOVERIES_PER_STATE: usize = 70;

const THREADS: usize = 2;

/// A workload that was run: all moments at which the power may fail.
struct Recording {
    workload: &'static Workload,
    seed: u64,
    cuts: Vec<Cut>,
    eras: Vec<History>,
}

#[derive(Default)]
struct Tally {
    states: AtomicUsize,
    recoveries: AtomicUsize,
    violations: Mutex<Vec<(Place, String)>>,
}

impl Recording {
    fn of(workload: &'static Workload, seed: u64) -> Result<Recording, String> {
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
        })
    }

    /// How many choices each cut gets: as many as there are where there are few, and an equal
    /// share of the budget for the others. Before the file has its name there is little to see.
    fn shares(&self, budget: usize) -> Vec<usize> {
        let room = |cut: &Cut| match cut.snapshot.pending_fragments() {
            _ if !cut.promise.created && self.workload.name != "create" => 2,
            _ if cut.promise.lossy => 6,
            n @ 0..=12 => 1 << n,
            _ => 4096,
        };
        let rooms: Vec<usize> = self.cuts.iter().map(room).collect();
        let total = |share: usize| -> usize { rooms.iter().map(|r| *r.min(&share)).sum() };
        let mut share = 1;
        while total(share + 1) <= budget && share < 4096 {
            share += 1;
        }
        rooms.iter().map(|room| *room.min(&share)).collect()
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

    /// Looks at about `budget` states; of every `every` of them the recovery is crashed too.
    fn run(&self, budget: usize, every: u64, tally: &Tally) {
        let shares = self.shares(budget);
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let cut = next.fetch_add(1, Ordering::Relaxed);
                let Some(share) = shares.get(cut) else { break };
                for (i, choice) in self.choices(cut, *share).enumerate() {
                    let deep = mix(self.seed ^ mix(cut as u64) ^ i as u64).is_multiple_of(every);
                    self.one(cut, &choice, deep, tally);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
    }

    fn one(&self, cut: usize, choice: &CrashChoice, deep: bool, tally: &Tally) {
        let place = self.place(cut, choice);
        let Cut { snapshot, promise } = &self.cuts[cut];
        let image = || snapshot.fork_at_crash(choice);
        tally.states.fetch_add(1, Ordering::Relaxed);
        let seen = guarded(|| judge(image(), promise, &self.eras[promise.era], deep));
        match seen {
            Ok(seen) if deep => recover(&seen, &place, 2, tally),
            Ok(_) => {}
            Err(text) => tally.violation(place, text),
        }
    }
}

/// Crashes a recovery at each of its calls, and some of those recoveries again.
fn recover(seen: &Seen, place: &Place, depth: usize, tally: &Tally) {
    let budget = if depth == 2 { 6 } else { 2 };
    for (i, cut) in seen.cuts.iter().enumerate() {
        let word = mix(place.seed ^ mix(i as u64) ^ depth as u64);
        let pending = cut.snapshot.pending_fragments();
        for choice in CrashPlan::choices(pending, word, budget) {
            let deeper = depth < 3 && mix(word ^ 7).is_multiple_of(24);
            let mut place = place.clone();
            place.crashes.push((i, choice.clone()));
            let image = cut.snapshot.fork_at_crash(&choice);
            tally.recoveries.fetch_add(1, Ordering::Relaxed);
            let history = &seen.eras[cut.promise.era];
            match guarded(|| judge(image, &cut.promise, history, deeper)) {
                Ok(seen) if deeper => recover(&seen, &place, depth + 1, tally),
                Ok(_) => {}
                Err(text) => tally.violation(place, text),
            }
        }
    }
}

/// A panic is a violation too.
pub fn guarded<T>(f: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("?")))
    })
}

impl Tally {
    fn violation(&self, place: Place, text: String) {
        self.violations.lock().unwrap().push((place, text));
    }
}

/// Seed of a workload: fixed, so that a red run is red again.
fn seed_of(workload: &Workload) -> u64 {
    workload
        .name
        .bytes()
        .fold(0xc4ee1, |seed, byte| mix(seed ^ u64::from(byte)))
}

fn scale() -> f64 {
    let Ok(text) = std::env::var("CREEL_CRASH_STATES") else {
        return 1.0;
    };
    text.parse::<f64>()
        .expect("CREEL_CRASH_STATES is a number of states")
        / STATES as f64
}

/// Runs a workload with one seed after the other until the budget is spent.
fn spend(workload: &'static Workload, budget: usize, recoveries: usize) -> Tally {
    let tally = Tally::default();
    let mut seed = seed_of(workload);
    let every = (budget * RECOVERIES_PER_STATE / recoveries.max(1)).max(1) as u64;
    loop {
        let spent = tally.states.load(Ordering::Relaxed);
        if spent >= budget || !tally.violations.lock().unwrap().is_empty() {
            return tally;
        }
        match guarded(|| Recording::of(workload, seed)) {
            Ok(recording) => recording.run((budget - spent).min(budget / 3 + 1), every, &tally),
            Err(text) => {
                let place = Place {
                    workload: workload.name.to_owned(),
                    seed,
                    crashes: Vec::new(),
                };
                tally.violation(place, format!("the workload does not run: {text}"));
            }
        }
        seed = mix(seed);
    }
}

#[test]
fn power_loss_at_every_call() {
    if let Some(place) = Place::from_environment() {
        return replay(&place);
    }
    let scale = scale();
    let started = Instant::now();
    let weights: usize = WORKLOADS.iter().map(|w| w.weight).sum();
    let (mut states, mut recoveries, mut violations) = (0, 0, 0);
    for workload in WORKLOADS {
        let share = |of: usize| (of as f64 * scale) as usize * workload.weight / weights;
        let begun = Instant::now();
        let tally = spend(
            workload,
            share(STATES - RECOVERY_STATES),
            share(RECOVERY_STATES),
        );
        let found = tally.violations.into_inner().unwrap();
        for (place, text) in found.iter().take(3) {
            println!("{}\n    {text}", place.line());
        }
        let (n, deep) = (tally.states.into_inner(), tally.recoveries.into_inner());
        print_line(workload.name, n, deep, found.len(), begun);
        states += n;
        recoveries += deep;
        violations += found.len();
    }
    print_line("total", states, recoveries, violations, started);
    assert!(
        violations == 0,
        "{violations} violations, see the lines above"
    );
    let floor = |n: usize| (n as f64 * scale.min(1.0)) as usize;
    assert!(states >= floor(FLOOR), "{states} states are too few");
    assert!(
        recoveries >= floor(RECOVERY_FLOOR),
        "{recoveries} in recovery are too few"
    );
}

fn print_line(name: &str, states: usize, recoveries: usize, violations: usize, since: Instant) {
    println!(
        "{name:<16} {states:>7} states {recoveries:>6} in recovery {violations:>3} violations \
         {:>6.2} s",
        since.elapsed().as_secs_f64()
    );
}

/// Looks at one state again, loudly.
fn replay(place: &Place) {
    let workload = WORKLOADS.iter().find(|w| w.name == place.workload);
    let workload = workload.expect("no such workload");
    let recording = Recording::of(workload, place.seed).expect("the workload runs");
    let mut seen = Seen {
        cuts: recording.cuts,
        eras: recording.eras,
    };
    for (i, (cut, choice)) in place.crashes.iter().enumerate() {
        let Cut { snapshot, promise } = &seen.cuts[*cut];
        println!("crash {i} {snapshot:?} with {choice:?}: {promise:?}");
        seen = look(
            snapshot.fork_at_crash(choice),
            promise,
            &seen.eras[promise.era],
        );
    }
    println!("nothing is wrong with this state");
}

fn look(
    image: std::sync::Arc<super::support::sim::SimDisk>,
    promise: &Promise,
    history: &History,
) -> Seen {
    judge(image, promise, history, true).expect("a violation")
}
