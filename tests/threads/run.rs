//! Schedules by seeds: many in a lot, and a lot once more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use shuttle::scheduler::{
    PctScheduler, RandomScheduler, Scheduler, UncontrolledNondeterminismCheckScheduler,
    UrwRandomScheduler,
};
use shuttle::{Config, FailurePersistence, Runner};

use super::Outcome;
use super::rng::Rng;
use super::scenes::{SCENES, Scene};
use super::stage::fill;

/// Schedules of one seed.
pub const LOT: usize = 50;

/// How a schedule is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Anybody may go on at any turn.
    Turn,
    /// All orders of events are as likely.
    Order,
    /// One goes on until it has to wait, but for so many places.
    Places(usize),
}

/// All of them, each in its turn.
pub const WAYS: &[(&str, By)] = &[
    ("turn", By::Turn),
    ("places2", By::Places(2)),
    ("order", By::Order),
    ("places4", By::Places(4)),
];

/// A lot of schedules.
#[derive(Debug, Clone, Copy)]
pub struct Lot {
    pub scene: &'static Scene,
    pub way: &'static (&'static str, By),
    pub seed: u64,
}

fn run_by(scheduler: impl Scheduler + 'static, f: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 512 << 10;
    // A failure prints its lot; the schedule itself is long.
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(f);
}

/// The database that all begin with.
pub fn prepare() {
    run_by(RandomScheduler::new_from_seed(1, 1), || fill().unwrap());
}

impl Lot {
    /// As a failure prints it.
    pub fn line(&self) -> String {
        format!(
            "CREEL_THREAD='scene={},by={},seed={}' cargo test --features scheduled-threads,planted-defects --example threads any_schedule",
            self.scene.name, self.way.0, self.seed
        )
    }

    /// Runs it; what is wrong first.
    pub fn run(self, schedules: usize) -> Outcome {
        let wrong: Arc<Mutex<Outcome>> = Arc::new(Mutex::new(Ok(())));
        let tell = Arc::clone(&wrong);
        let f = move || {
            if tell.lock().unwrap().is_err() {
                return;
            }
            let outcome = (self.scene.run)(self.seed);
            *tell.lock().unwrap() = outcome;
        };
        let run = || match self.way.1 {
            By::Turn => run_by(RandomScheduler::new_from_seed(self.seed, schedules), f),
            By::Order => run_by(UrwRandomScheduler::new_from_seed(self.seed, schedules), f),
            By::Places(n) => run_by(PctScheduler::new_from_seed(self.seed, n, schedules), f),
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            return Err(format!("panic: {}", text.unwrap_or("?")));
        }
        wrong.lock().unwrap().clone()
    }
}

/// The lots of a scene, in their order.
pub fn lots(scene: &'static Scene) -> impl Iterator<Item = Lot> {
    let mut rng = Rng::new(0x7412_ead5);
    WAYS.iter().cycle().map(move |way| Lot {
        scene,
        way,
        seed: rng.next() >> 24,
    })
}

fn schedules() -> usize {
    let text = std::env::var("CREEL_THREADS");
    text.map_or(1000, |text| {
        text.parse().expect("CREEL_THREADS is a number")
    })
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let found = line
        .split(',')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("CREEL_THREAD has no {name}"))
}

#[test]
fn threads_in_any_schedule_keep_every_promise() {
    prepare();
    if let Ok(line) = std::env::var("CREEL_THREAD") {
        let scene = SCENES
            .iter()
            .find(|scene| scene.name == field(&line, "scene"));
        let way = WAYS.iter().find(|way| way.0 == field(&line, "by"));
        let lot = Lot {
            scene: scene.expect("a scene of that name"),
            way: way.expect("a way of that name"),
            seed: field(&line, "seed").parse().expect("a seed"),
        };
        lot.run(LOT).unwrap();
        println!("{LOT} schedules, nothing is wrong");
        return;
    }
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let scenes = || {
        while let Some(scene) = SCENES.get(next.fetch_add(1, Ordering::Relaxed)) {
            play(scene, &wrong);
        }
    };
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(scenes);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each schedule is run twice, and must turn at the same places: nothing but the seed decides. So a printed line
/// is the same failure again.
#[test]
fn a_seed_is_the_same_schedules_again() {
    prepare();
    for scene in SCENES {
        let seed = lots(scene).map(|lot| lot.seed).find(|seed| seed % 4 == 2);
        let seed = seed.unwrap();
        let random = RandomScheduler::new_from_seed(seed, 20);
        run_by(
            UncontrolledNondeterminismCheckScheduler::new(random),
            move || {
                (scene.run)(seed).unwrap();
            },
        );
    }
}

/// All schedules of one scene.
fn play(scene: &'static Scene, wrong: &Mutex<Vec<String>>) {
    let started = Instant::now();
    let count = schedules().div_ceil(LOT);
    for lot in lots(scene).take(count) {
        if let Err(text) = lot.run(LOT) {
            wrong
                .lock()
                .unwrap()
                .push(format!("{}\n    {text}", lot.line()));
            break;
        }
    }
    println!(
        "threads {:<12} {:>8} schedules {:.2} s",
        scene.name,
        count * LOT,
        started.elapsed().as_secs_f64()
    );
}
