//! The tests that reach a mutant, the likeliest and quickest first, until one fails.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::files::{append_to, load, text_of};
use super::judged::{JUDGED, Judged, Word};
use super::order::Learned;
use super::run::{self, Limits, Outcome};
use super::{Place, mix, number};

/// Tests of one program are run together while they take no longer, and then twice as long ..
const FIRST_BATCH_S: f64 = 0.05;

/// A run may take so many times what it takes without a mutant, and `MUTATE_GRACE` more.
const TIMES: f64 = 6.0;

const TRIED: &str = "tried.txt";

pub struct Test {
    pub program: String,
    pub path: PathBuf,
    pub name: String,
    pub seconds: f64,
}

impl Test {
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.program, self.name)
    }
}

struct Judge<'a> {
    place: &'a Place,
    list: &'a [Value],
    tests: Vec<Test>,
    /// The tests that reach each mutant.
    reaching: Vec<Vec<usize>>,
    learned: Mutex<Learned>,
    log: Mutex<File>,
    /// Tests that passed with each mutant, now or earlier.
    tried: HashMap<usize, HashSet<usize>>,
    tried_log: Mutex<File>,
    /// Of one mutant, and of one test.
    budget_s: f64,
    longest_s: f64,
    grace_s: f64,
}

pub fn tests_of(reach: &Value) -> Vec<Test> {
    let tests = reach.as_array().into_iter().flatten();
    tests
        .map(|test| Test {
            program: text_of(&test["program"]),
            path: PathBuf::from(text_of(&test["path"])),
            name: text_of(&test["test"]),
            seconds: test["seconds"].as_f64().unwrap_or(1.0),
        })
        .collect()
}

pub fn judge(place: &Place) {
    let list = load(place, "list.json");
    let list = list.as_array().expect("a list");
    let woven = load(place, "woven.json");
    let reach = load(place, "reach.json");
    let known = Judged::read(place);
    let tests = tests_of(&reach);
    let mut reaching = vec![Vec::new(); list.len()];
    for (test, value) in reach.as_array().into_iter().flatten().enumerate() {
        for id in value["reached"].as_array().into_iter().flatten() {
            reaching[id.as_u64().expect("an id") as usize].push(test);
        }
    }
    let woven = woven.as_array().expect("ids").iter();
    let mut queue: Vec<usize> = woven
        .filter_map(|id| id.as_u64().map(|id| id as usize))
        .filter(|id| known.is_open(*id))
        .collect();
    // In no order, so that a run that is ended early is a sample too.
    queue.sort_by_key(|id| mix(mix(*id as u64)));
    let learned = Mutex::new(learn(list, &tests, &known));
    let judge = Judge {
        place,
        list,
        tests,
        reaching,
        learned,
        log: Mutex::new(append_to(place, JUDGED)),
        tried: tried(place),
        tried_log: Mutex::new(append_to(place, TRIED)),
        budget_s: number("MUTATE_BUDGET", 3.0),
        longest_s: number("MUTATE_LONGEST", 2.0),
        grace_s: number("MUTATE_GRACE", 3.0),
    };
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        for worker in 0..number("MUTATE_WORKERS", 2.0) as usize {
            let (judge, queue) = (&judge, &queue);
            scope.spawn(move || {
                loop {
                    let Some(id) = queue.lock().expect("a queue").pop() else {
                        return;
                    };
                    judge.one(worker, id);
                }
            });
        }
    });
}

/// The tests that passed with each mutant, by their numbers in `reach.json`.
fn tried(place: &Place) -> HashMap<usize, HashSet<usize>> {
    let text = std::fs::read_to_string(place.work.join(TRIED)).unwrap_or_default();
    let mut tried: HashMap<usize, HashSet<usize>> = HashMap::new();
    for line in text.lines() {
        let mut numbers = line.split(' ').filter_map(|number| number.parse().ok());
        if let Some(id) = numbers.next() {
            tried.entry(id).or_default().extend(numbers);
        }
    }
    tried
}

/// What an earlier run found.
fn learn(list: &[Value], tests: &[Test], known: &Judged) -> Learned {
    let mut learned = Learned::default();
    let names: BTreeMap<String, usize> = tests
        .iter()
        .enumerate()
        .map(|(at, test)| (test.full_name(), at))
        .collect();
    for (id, by) in known.noticed() {
        if let Some(test) = names.get(by) {
            let (file, function) = whose(&list[id]);
            learned.add(*test, &file, &function, true);
        }
    }
    learned
}

fn whose(mutant: &Value) -> (String, String) {
    let function = text_of(&mutant["function"]["function_name"]);
    (text_of(&mutant["file"]), function)
}

impl Judge<'_> {
    fn one(&self, worker: usize, id: usize) {
        let began = Instant::now();
        let (word, by) = self.verdict(worker, id);
        let seconds = began.elapsed().as_secs_f64();
        let line = Judged::line(word, id, &self.list[id], seconds, &by);
        writeln!(self.log.lock().expect("a log"), "{line}").expect("a log");
        if !word.is_caught() {
            println!("{line}");
        }
    }

    fn verdict(&self, worker: usize, id: usize) -> (Word, String) {
        let (file, function) = whose(&self.list[id]);
        let all = &self.reaching[id];
        let mut tests: Vec<(usize, f64)> = all
            .iter()
            .filter(|test| {
                !self
                    .tried
                    .get(&id)
                    .is_some_and(|tried| tried.contains(test))
            })
            .map(|test| (*test, self.tests[*test].seconds))
            .collect();
        let left = tests.len();
        tests.retain(|(_, seconds)| *seconds <= self.longest_s);
        self.learned
            .lock()
            .expect("no panic")
            .order(&mut tests, &file, &function);
        let (mut at, mut most_s, mut spent_s) = (0, FIRST_BATCH_S, 0.0);
        while at < tests.len() {
            let mut seconds = 0.0;
            let mut batch: BTreeMap<&PathBuf, Vec<usize>> = BTreeMap::new();
            while let Some((test, more)) = tests
                .get(at)
                .filter(|(_, more)| seconds == 0.0 || seconds + more < most_s)
            {
                seconds += more;
                let path = &self.tests[*test].path;
                batch.entry(path).or_default().push(*test);
                at += 1;
            }
            if spent_s > 0.0 && spent_s + seconds > self.budget_s {
                return (Word::Open, String::new());
            }
            spent_s += seconds;
            most_s *= 2.0;
            for (path, tests) in batch {
                if let Some(found) = self.batch(worker, id, path, &tests) {
                    return found;
                }
            }
        }
        let word = match (left - tests.len(), all.is_empty()) {
            (_, true) => Word::Unreached,
            (0, _) => Word::Missed,
            _ => Word::Open,
        };
        (word, String::new())
    }

    fn batch(
        &self,
        worker: usize,
        id: usize,
        path: &Path,
        tests: &[usize],
    ) -> Option<(Word, String)> {
        let names: Vec<&str> = tests.iter().map(|t| self.tests[*t].name.as_str()).collect();
        let expected: f64 = tests.iter().map(|t| self.tests[*t].seconds).sum();
        let limits = Limits {
            time: Duration::from_secs_f64(expected * TIMES + self.grace_s),
            worker,
        };
        let says = [("CREEL_MUTANT", id.to_string())];
        let outcome = run::run(self.place, path, &names, &says, &limits);
        let (file, function) = whose(&self.list[id]);
        let mut learned = self.learned.lock().expect("no panic");
        let (found, by) = match outcome {
            Outcome::Passed => (None, None),
            Outcome::Timeout => (Some(Word::Timeout), tests.first().copied()),
            Outcome::Failed(name) => {
                let by = tests.iter().find(|t| self.tests[**t].name == name);
                (Some(Word::Caught), by.or(tests.first()).copied())
            }
        };
        for test in tests {
            if found.is_none() || by == Some(*test) {
                learned.add(*test, &file, &function, by == Some(*test));
            }
        }
        if found.is_none() {
            let tests: Vec<String> = tests.iter().map(usize::to_string).collect();
            let mut log = self.tried_log.lock().expect("a log");
            writeln!(log, "{id} {}", tests.join(" ")).expect("a log");
        }
        let by = by.map_or(String::new(), |test| self.tests[test].full_name());
        found.map(|word| (word, by))
    }
}
