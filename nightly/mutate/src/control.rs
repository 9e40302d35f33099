//! Every test that noticed a mutant, without one: what fails then noticed nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use super::files::load;
use super::judge::tests_of;
use super::judged::Judged;
use super::run::{self, Limits, Outcome};
use super::{Place, number};

pub fn control(place: &Place) {
    let reach = load(place, "reach.json");
    let judged = Judged::read(place);
    let mut noticed: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, by) in judged.noticed() {
        *noticed.entry(by).or_default() += 1;
    }
    let times = number("MUTATE_TIMES", 3.0) as usize;
    let tests = tests_of(&reach);
    let tests = tests
        .iter()
        .filter(|t| noticed.contains_key(&*t.full_name()));
    let mut queue: Vec<_> = tests.collect();
    println!("{} tests, {times} times each", queue.len());
    queue.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let queue = Mutex::new(queue);
    let bad = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for worker in 0..number("MUTATE_WORKERS", 2.0) as usize {
            let (queue, bad) = (&queue, &bad);
            scope.spawn(move || {
                loop {
                    let Some(test) = queue.lock().expect("a queue").pop() else {
                        return;
                    };
                    let time = Duration::from_secs_f64(test.seconds * 6.0 + 3.0);
                    for _ in 0..times {
                        let limits = Limits { time, worker };
                        let names = [test.name.as_str()];
                        let none = [("CREEL_MUTANT", String::new())];
                        let outcome = run::run(place, &test.path, &names, &none, &limits);
                        if !matches!(outcome, Outcome::Passed) {
                            bad.lock().expect("names").insert(test.full_name());
                        }
                    }
                }
            });
        }
    });
    for name in bad.into_inner().expect("names") {
        println!(
            "fails without a mutant: {name}, noticed {}",
            noticed[&*name]
        );
    }
}
