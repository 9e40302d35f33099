//! Every cut of every workload, and crashes in the recovery from them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::marks::Promise;
use super::model::History;
use super::oracle::{Care, Seen, judge};
use super::recording::Recording;
use super::replay::Place;
use super::rng::mix;
use super::support::sim::{CrashChoice, SimDisk};
use super::workloads::{WORKLOADS, Workload, named};
use super::world::Cut;

/// States in all, and those among them that are crashes of a recovery or of what comes after it.
const STATES: usize = 153_000;
const RECOVERY_STATES: usize = 23_000;

/// At least so many of a hundred must have been looked at.
const FLOOR_PERCENT: usize = 85;

/// States that the crashes of one recovery and all that comes after it, a checkpoint included, give, about.
const AFTERMATH_STATES: usize = 120;

/// A workload with so many violations is not looked at any further.
const ENOUGH: usize = 20;

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub states: usize,
    /// Of so many states one has all that comes after it crashed.
    pub aftermath_of: u64,
    /// Of so many different images whose recovery writes one has it crashed at each of its calls.
    pub recovery_of: Option<u64>,
}

impl Budget {
    /// So many states, and about so many more in recovery or after it; a part of these in what comes after.
    pub fn new(states: usize, recoveries: usize) -> Budget {
        let aftermath = (recoveries * 2 / 5).max(1);
        Budget {
            states,
            aftermath_of: (states * AFTERMATH_STATES / aftermath).max(1) as u64,
            recovery_of: (recoveries > 0).then(recovery_of),
        }
    }
}

/// `CREEL_CRASH_RECOVERIES=1`: every one.
fn recovery_of() -> u64 {
    match std::env::var("CREEL_CRASH_RECOVERIES") {
        Ok(text) => text.parse().expect("CREEL_CRASH_RECOVERIES is a number"),
        Err(_) => 10,
    }
}

#[derive(Default)]
pub struct Tally {
    pub states: AtomicUsize,
    /// Images among them: many crashes leave the same one.
    pub images: AtomicUsize,
    /// Moments at which the power was cut, and those of them that had all subsets looked at.
    pub cuts: AtomicUsize,
    pub exhausted: AtomicUsize,
    /// Different images whose recovery wrote, and those of them that had it crashed at each of its calls.
    pub writing: AtomicUsize,
    pub crashed: AtomicUsize,
    /// States of these, and different images among them.
    pub recoveries: AtomicUsize,
    pub recovery_images: AtomicUsize,
    /// States in what came after some recoveries, a checkpoint included.
    pub aftermath: AtomicUsize,
    pub violations: Mutex<Vec<(Place, String)>>,
}

impl Tally {
    pub fn violation(&self, place: Place, text: String) {
        self.violations.lock().unwrap().push((place, text));
    }

    pub fn is_over(&self) -> bool {
        self.violations.lock().unwrap().len() >= ENOUGH
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

/// Seed of a workload: fixed, so that a red run is red again.
pub fn seed_of(workload: &Workload) -> u64 {
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

/// All workloads; with `CREEL_CRASH_FROM=NAME` that one and those after it, so that a long campaign
/// that was ended can be taken up again.
fn from_the_chosen_one(alone: Option<&str>) -> &'static [Workload] {
    if let Some(name) = alone {
        return std::slice::from_ref(named(name));
    }
    let Ok(name) = std::env::var("CREEL_CRASH_FROM") else {
        return WORKLOADS;
    };
    let first = WORKLOADS.iter().position(|w| w.name == name);
    &WORKLOADS[first.unwrap_or_else(|| panic!("no workload {name:?}"))..]
}

/// Runs a workload with one seed after the other until the budget is spent.
pub fn spend(workload: &'static Workload, budget: Budget) -> Tally {
    let tally = Tally::default();
    let mut seed = seed_of(workload);
    loop {
        let spent = tally.states.load(Ordering::Relaxed);
        if spent >= budget.states || !tally.violations.lock().unwrap().is_empty() {
            return tally;
        }
        let states = (budget.states - spent).min(budget.states / 3 + 1);
        match guarded(|| Recording::of(workload, seed)) {
            Ok(recording) => recording.run(&Budget { states, ..budget }, &tally),
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

/// Sums over workloads.
#[derive(Default)]
struct Total {
    states: usize,
    images: usize,
    cuts: usize,
    exhausted: usize,
    writing: usize,
    crashed: usize,
    recoveries: usize,
    recovery_images: usize,
    aftermath: usize,
    violations: usize,
}

impl Total {
    fn add(&mut self, tally: &Tally) {
        let n = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        self.states += n(&tally.states);
        self.images += n(&tally.images);
        self.cuts += n(&tally.cuts);
        self.exhausted += n(&tally.exhausted);
        self.writing += n(&tally.writing);
        self.crashed += n(&tally.crashed);
        self.recoveries += n(&tally.recoveries);
        self.recovery_images += n(&tally.recovery_images);
        self.aftermath += n(&tally.aftermath);
        self.violations += tally.violations.lock().unwrap().len();
    }

    fn in_recovery(&self) -> usize {
        self.recoveries + self.aftermath
    }

    fn print(&self, name: &str, since: Instant) {
        println!(
            "{name:<16} {:>8} states {:>8} images {:>7} in recovery {:>3} violations {:>7.2} s; \
             {} of {} recoveries that write crashed",
            self.states,
            self.images,
            self.in_recovery(),
            self.violations,
            since.elapsed().as_secs_f64(),
            self.crashed,
            self.writing,
        );
    }

    fn print_more(&self) {
        println!(
            "cuts {}, all subsets of what was pending at {}; of {} images the recovery of {} writes, {} of these crashed \
             at each call: {} states, {} images; {} states in what came after",
            self.cuts,
            self.exhausted,
            self.images,
            self.writing,
            self.crashed,
            self.recoveries,
            self.recovery_images,
            self.aftermath
        );
    }
}

#[test]
fn power_loss_at_every_call() {
    let alone = match Place::from_environment() {
        Some(Ok(place)) => return replay(&place),
        Some(Err(name)) => Some(name),
        None => None,
    };
    let scale = scale();
    let started = Instant::now();
    let weights: usize = WORKLOADS.iter().map(|w| w.weight).sum();
    let mut total = Total::default();
    let chosen = from_the_chosen_one(alone.as_deref());
    for workload in chosen {
        let share = |of: usize| (of as f64 * scale) as usize * workload.weight / weights;
        let begun = Instant::now();
        let budget = Budget::new(share(STATES - RECOVERY_STATES), share(RECOVERY_STATES));
        let tally = spend(workload, budget);
        for (place, text) in tally.violations.lock().unwrap().iter().take(3) {
            println!("{}\n    {text}", place.line());
        }
        let mut of_this = Total::default();
        of_this.add(&tally);
        of_this.print(workload.name, begun);
        total.add(&tally);
    }
    total.print("total", started);
    total.print_more();
    let (found, states) = (total.violations, total.states);
    assert!(found == 0, "{found} violations, see the lines above");
    let looked_at: usize = chosen.iter().map(|w| w.weight).sum();
    let floor = |n: usize| (n as f64 * scale) as usize * FLOOR_PERCENT / 100 * looked_at / weights;
    let least = floor(STATES - RECOVERY_STATES);
    assert!(states >= least, "{states} states are too few");
    // How many calls a recovery makes is chance where few are looked at, and another number in each workload.
    let recoveries = total.in_recovery();
    let all = chosen.len() == WORKLOADS.len() && scale >= 1.0;
    assert!(
        !all || recoveries >= floor(RECOVERY_STATES),
        "{recoveries} in recovery are too few"
    );
    assert!(total.exhausted > 0 && total.exhausted <= total.cuts);
}

/// Looks at one state again, loudly.
fn replay(place: &Place) {
    let recording = Recording::of(named(&place.workload), place.seed)
        .unwrap_or_else(|text| panic!("the workload does not run: {text}"));
    let found = replay_from(&recording.cuts, &recording.eras, &place.crashes);
    assert!(found, "there is no such cut");
    println!("nothing is wrong with this state");
}

/// False where a cut is not there: a recovery alone has others than one with all that comes after it.
fn replay_from(cuts: &[Cut], eras: &[History], crashes: &[(usize, CrashChoice)]) -> bool {
    let Some(((cut, choice), rest)) = crashes.split_first() else {
        return true;
    };
    let Some(Cut { snapshot, promise }) = cuts.get(*cut) else {
        return false;
    };
    println!("crash {snapshot:?} with {choice:?}: {promise:?}");
    let history = &eras[promise.era];
    let mut found = false;
    // Whatever was done with it when it failed.
    for care in Care::ALL {
        let seen = look(snapshot.fork_at_crash(choice), promise, history, care);
        found |= rest.is_empty() || replay_from(&seen.cuts, &seen.eras, rest);
    }
    found
}

fn look(image: Arc<SimDisk>, promise: &Promise, history: &History, care: Care) -> Seen {
    judge(image, promise, history, care).expect("a violation")
}
