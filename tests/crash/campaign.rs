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
use super::support::sim::SimDisk;
use super::workloads::{WORKLOADS, Workload, named};
use super::world::Cut;

/// States in all, and those among them that are crashes of a recovery.
const STATES: usize = 153_000;
const RECOVERY_STATES: usize = 23_000;

/// At least so many of a hundred must have been looked at.
const FLOOR_PERCENT: usize = 85;

/// States that one crashed recovery gives, about.
const RECOVERIES_PER_STATE: usize = 120;

/// A workload with so many violations is not looked at any further.
const ENOUGH: usize = 20;

#[derive(Default)]
pub struct Tally {
    pub states: AtomicUsize,
    /// Images among them: many crashes leave the same one.
    pub images: AtomicUsize,
    pub recoveries: AtomicUsize,
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
pub fn spend(workload: &'static Workload, budget: usize, recoveries: usize) -> Tally {
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

/// Sums over all workloads.
#[derive(Default)]
struct Total {
    states: usize,
    images: usize,
    recoveries: usize,
    violations: usize,
}

impl Total {
    fn add(&mut self, other: &Total) {
        self.states += other.states;
        self.images += other.images;
        self.recoveries += other.recoveries;
        self.violations += other.violations;
    }

    fn print(&self, name: &str, since: Instant) {
        println!(
            "{name:<16} {:>8} states {:>8} images {:>7} in recovery {:>3} violations {:>7.2} s",
            self.states,
            self.images,
            self.recoveries,
            self.violations,
            since.elapsed().as_secs_f64()
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
        let tally = spend(
            workload,
            share(STATES - RECOVERY_STATES),
            share(RECOVERY_STATES),
        );
        let found = tally.violations.into_inner().unwrap();
        for (place, text) in found.iter().take(3) {
            println!("{}\n    {text}", place.line());
        }
        let of_this = Total {
            states: tally.states.into_inner(),
            images: tally.images.into_inner(),
            recoveries: tally.recoveries.into_inner(),
            violations: found.len(),
        };
        of_this.print(workload.name, begun);
        total.add(&of_this);
    }
    total.print("total", started);
    let Total {
        states, recoveries, ..
    } = total;
    assert!(
        total.violations == 0,
        "{} violations, see the lines above",
        total.violations
    );
    let looked_at: usize = chosen.iter().map(|w| w.weight).sum();
    let floor = |n: usize| (n as f64 * scale) as usize * FLOOR_PERCENT / 100 * looked_at / weights;
    assert!(
        states >= floor(STATES - RECOVERY_STATES),
        "{states} states are too few"
    );
    // How many calls a recovery makes is chance where few are looked at.
    assert!(
        scale < 1.0 || recoveries >= floor(RECOVERY_STATES) / 2,
        "{recoveries} in recovery are too few"
    );
}

/// Looks at one state again, loudly.
fn replay(place: &Place) {
    let recording = Recording::of(named(&place.workload), place.seed)
        .unwrap_or_else(|text| panic!("the workload does not run: {text}"));
    let mut seen = Seen {
        commits: None,
        cuts: recording.cuts,
        eras: recording.eras,
    };
    for (i, (cut, choice)) in place.crashes.iter().enumerate() {
        let Cut { snapshot, promise } = &seen.cuts[*cut];
        println!("crash {i} {snapshot:?} with {choice:?}: {promise:?}");
        let history = &seen.eras[promise.era];
        // Whatever was done with it when it failed.
        for care in [Care::Commit, Care::Checkpoint] {
            look(snapshot.fork_at_crash(choice), promise, history, care);
        }
        let image = snapshot.fork_at_crash(choice);
        seen = look(image, promise, history, Care::Observed);
    }
    println!("nothing is wrong with this state");
}

fn look(image: Arc<SimDisk>, promise: &Promise, history: &History, care: Care) -> Seen {
    judge(image, promise, history, care).expect("a violation")
}
